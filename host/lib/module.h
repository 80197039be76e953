/*
 * Libraries that only some links need are opened when such a link is, not linked: libhufu and its
 * programs run without them. Their headers are wanted at build time only; the Makefile says with
 * HUFU_WITH_... which are there. A link whose library is missing fails with one line that names
 * the package.
 */
#ifndef HUFU_HOST_MODULE_H
#define HUFU_HOST_MODULE_H

#include <stdbool.h>
#include <stddef.h>

#include "host/lib/hufu.h"

struct module {
    const char *file;         /* "libusb-1.0.so.0" */
    const char *package;      /* Debian's, that holds it */
    const char *const *names; /* count functions, whose addresses go, in this order, */
    void *table;              /* into this struct of nothing but pointers to functions */
    size_t count;
    bool loaded;
};

/* Any thread, any number of times. A module stays until the process ends. HUFU_E_OPEN with a line
 * that begins with the URL of the link. */
enum hufu_status module_need(struct module *m, const char *scheme, const char *address);
/* The same line for a library that was not there at build time. */
enum hufu_status module_absent(const char *scheme, const char *address, const char *dev_package);

#endif
