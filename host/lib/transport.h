/*
 * Links to a device. Each kind is one struct of functions in its own file, and is listed in
 * transport.c. Above them nobody knows which one it is.
 */
#ifndef HUFU_HOST_TRANSPORT_H
#define HUFU_HOST_TRANSPORT_H

#include <pthread.h>
#include <stdbool.h>

#include "host/lib/hufu.h"
#include "proto/frame.h"

struct transport;

struct buffer {
    uint8_t *data;
    size_t size, room;
};

/* A command and its answer. From submit until done it is the transport's, but for what abandon
 * says. */
struct hufu_request {
    struct hufu_device *device;
    struct hufu_request *next, *prev; /* in a list of whoever has it */
    uint16_t channel;                 /* as they travel: of a sealed command the secure channel's */
    uint8_t ins;
    uint8_t name; /* the instruction itself, for messages */
    bool sealed;  /* and its answer is to be opened, as that of command number counter */
    uint32_t counter;
    struct buffer command; /* room for a frame header, then CLA INS data */
    struct buffer answer;  /* data SW1 SW2 */
    /* the transport's */
    uint32_t tag;
    uint16_t slot;
    bool done, waiting, orphan;
    int completed;            /* done, as libusb wants to see it */
    enum hufu_status failure; /* when done: of the link; HUFU_OK: there is an answer */
    pthread_cond_t ready;     /* on the monotonic clock */
};

struct transport_ops {
    const char *scheme; /* of the URL, in front of the colon */
    const char *usage;  /* "unix:PATH" */
    /* Reports with fail_with(), as all of these. */
    enum hufu_status (*open)(struct transport **t, const char *address,
                             const struct hufu_options *options);
    /* Take the command; a failure leaves it with the caller: it was not carried out. */
    enum hufu_status (*submit)(struct transport *t, struct hufu_request *r);
    /* Until r is done (true) or the deadline (ms of now_ms(); 0: do not wait) has passed. */
    bool (*wait)(struct transport *t, struct hufu_request *r, uint64_t deadline);
    /* true: r is the caller's at once; false: the transport gives it to request_recycle later. */
    bool (*abandon)(struct transport *t, struct hufu_request *r);
    void (*close)(struct transport *t);
};

struct transport {
    const struct transport_ops *ops;
    uint32_t limit; /* bytes of data in a command or an answer */
    char why[160];  /* why it broke; does not change any more when a request has failed */
    int inherited;  /* by a child of fork: a descriptor + 1, which only has to be closed; 0: none */
};

extern const struct transport_ops transport_inproc, transport_unix, transport_pcsc, transport_usb;

/* The end of a request of a link, with the lock held that its requests are under: wakes up who
 * waits for it, or recycles it when nobody will. */
void request_complete(struct hufu_request *r, enum hufu_status failure);
/* What abandon does in a link whose requests are under one lock: true when r is done, else it is
 * marked for request_recycle. */
bool request_orphan(struct hufu_request *r, pthread_mutex_t *lock);

/* No link: between a lost one and the next. */
extern struct transport transport_none;

/* The kind of link that the URL names, *address what follows the colon; NULL: none. */
const struct transport_ops *transport_find(const char *url, const char **address);
/* "unix:PATH or ..." for messages */
void transport_list(char *out, size_t room);
/* A link over a connected stream socket, which it closes. */
enum hufu_status transport_unix_attach(struct transport **t, int fd);

#endif
