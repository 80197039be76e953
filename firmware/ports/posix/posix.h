/* The POSIX port: NVM in a directory (or in RAM), the kernel's random bytes, the clock, threads. */
#ifndef HUFU_PORT_POSIX_H
#define HUFU_PORT_POSIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/hal/hal.h"

struct posix_port;

struct posix_options {
    const char *directory;           /* NULL: NVM in RAM, gone at close */
    uint32_t segments, segment_size; /* 0: the default, or what the directory has */
    bool shape_when_new;             /* that is for a new directory; an old one keeps its own */
    const struct hal_seal *seal;     /* in the program's own image; NULL: that is not tested */
    unsigned threads;                /* worker threads behind par; 0 or 1: inline */
};

/*
 * Opens (and makes, mode 0700) the directory, locks it (flock on DIR/lock: a second opener fails)
 * and fills hal. On failure NULL, with one line in error that says what was wrong and what to do.
 * The port is closed with posix_close, which releases the lock and stops the threads.
 */
struct posix_port *posix_open(const struct posix_options *options, struct hal *hal, char *error,
                              size_t error_size);
void posix_close(struct posix_port *port);
/* The tamper input of this port, which has none of its own: raised or at rest. From any thread; the
 * device sees it at its next command or device_idle. */
void posix_tamper(struct posix_port *port, bool asserted);

#endif
