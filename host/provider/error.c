/* Errors, in OpenSSL's queue. */
#include <stdarg.h>

#include "host/provider/provider.h"

int prov_fail(const struct prov *prov, const char *file, int line, const char *function,
              enum reason reason, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    if (prov->new_error && prov->set_error_debug && prov->vset_error) {
        prov->new_error(prov->handle);
        prov->set_error_debug(prov->handle, file, line, function);
        prov->vset_error(prov->handle, reason, format, list);
    }
    va_end(list);
    return 0;
}

const OSSL_ITEM *prov_reasons(void *provctx)
{
    /* OSSL_ITEM's pointer is not const, what it points at is */
    static const union {
        const char *text;
        void *item;
    } t[] = {{"device"},   {"key URI"},          {"PIN"},      {"key"},
             {"argument"}, {"buffer too small"}, {"libcrypto"}};
    static OSSL_ITEM items[sizeof t / sizeof *t + 1];
    (void)provctx;
    for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
        items[i].id = i + 1;
        items[i].ptr = t[i].item;
    }
    return items;
}
