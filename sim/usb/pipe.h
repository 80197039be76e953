/*
 * A connection to the simulator's socket that carries native frames, for the USB device in front of
 * it. Never blocks; what the socket does not take at once waits here.
 */
#ifndef HUFU_SIM_USB_PIPE_H
#define HUFU_SIM_USB_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/frame.h"

/* Where in a stream of frames we are. */
struct pipe_place {
    uint8_t header[FRAME_HEADER];
    size_t header_size, left; /* of the header so far; of the payload still to come */
};

struct pipe {
    int fd;      /* -1: closed */
    bool at_end; /* the simulator sends nothing more */
    uint8_t *out, *in;
    size_t out_size, out_room;
    size_t in_at, in_size;
    struct pipe_place sent, taken;
    unsigned waiting; /* commands without an answer */
    bool watched;     /* by an epoll instance, for these events */
    uint32_t events;
};

enum { PIPE_IN_ROOM = 65536 };

/* false: nobody listens there, or no memory. */
bool pipe_open(struct pipe *p, const char *path);
void pipe_close(struct pipe *p);

/* true: bytes may be written now. */
bool pipe_writable(const struct pipe *p);
/* All n bytes, now or when the socket takes them. false: the connection is dead. */
bool pipe_write(struct pipe *p, const uint8_t *bytes, size_t n);
/* Move what can be moved. */
void pipe_work(struct pipe *p);
/*
 * Up to n bytes of what has come, but not past the end of a frame unless the next one has begun to
 * come, too. *ended: the last byte ends a frame and nothing more is there.
 */
size_t pipe_read(struct pipe *p, uint8_t *bytes, size_t n, bool *ended);
/* Wake the epoll instance: for bytes while there is room, for room while something waits. Always the
 * same one until the pipe is closed. */
void pipe_watch(struct pipe *p, int epoll);

#endif
