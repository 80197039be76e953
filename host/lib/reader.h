/*
 * A device as a smart-card reader sees it: it is there or not, it is reset, it takes one APDU at a
 * time. For adapters that are themselves a reader (host/ifd); docs/protocol-links.md has the rules.
 *
 * Threads may share a reader: presence, reset and exchange take turns; wait sleeps beside them.
 */
#ifndef HUFU_HOST_READER_H
#define HUFU_HOST_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/apdu.h"

struct reader;

enum reader_result {
    READER_OK,
    READER_ABSENT, /* no device: nothing was carried out */
    READER_LOST,   /* the link broke on the way; the device counts as removed */
    READER_LATE,   /* no answer in time; as READER_LOST */
    READER_ROOM    /* the answer is longer than the room; as READER_LOST */
};

struct reader_ops {
    const char *scheme; /* of the address, in front of the colon */
    struct reader *(*open)(const char *address);
    void (*close)(struct reader *r);
    /* Looks, and tries to reach the device. The thread that waits is told of a removal before the
     * return, however many others have asked meanwhile. */
    bool (*present)(struct reader *r);
    /* The link and its sessions end, a new one begins. */
    enum reader_result (*reset)(struct reader *r);
    /* *size: room for the response, 2 at least; then its bytes. */
    enum reader_result (*exchange)(struct reader *r, const uint8_t *apdu, size_t n,
                                   uint8_t *response, size_t *size);
    /* Sleep until presence may have changed, wake was called, or the time is over. */
    void (*wait)(struct reader *r, int timeout_ms);
    void (*wake)(struct reader *r);
};

struct reader {
    const struct reader_ops *ops;
};

extern const struct reader_ops reader_unix, reader_inproc;

/*
 * address: "unix:PATH" (hufu-sim, or a proxy of a device; need not be there yet) or "inproc:DIR"
 * (the firmware in this process). NULL: neither, or it cannot be opened; hufu_last_error() tells.
 */
struct reader *reader_open(const char *address);

#endif
