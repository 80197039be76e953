/*
 * One connection: frames in, answers out, everything bounded. A client that floods is not read any
 * more, one that does not read is not served any more; neither holds up the others.
 */
#ifndef HUFU_SIM_CLIENT_H
#define HUFU_SIM_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "firmware/app/card.h"
#include "proto/frame.h"

enum {
    CLIENT_QUEUE_MAX = 64,           /* commands that wait */
    CLIENT_BYTES_MAX = 4 * 1048576,  /* their payload */
    CLIENT_UNSENT_MAX = 4 * 1048576, /* answers that wait for the client to read */
    CLIENT_SCRATCH = 65536
};

struct client;

/* A complete command. The client outlives it. */
struct command {
    struct command *next;
    struct client *client;
    struct frame frame;
    uint32_t cost;   /* nanoseconds that it will take, a guess */
    uint8_t bytes[]; /* frame.length */
};

struct chunk;

struct client {
    struct client *next, *previous; /* among all clients */
    int fd;
    bool far; /* what comes by it has left the machine: it is our own USB front end */
    uint32_t number; /* in the capture */
    uint32_t events; /* what epoll watches */
    bool gone;       /* closed; freed when nothing of it runs and its link is closed */
    bool at_end;     /* it sends nothing more */
    bool refused;    /* it sent what cannot be skipped: answer and close */
    struct frame_order order;

    uint8_t header[FRAME_HEADER];
    size_t header_size, skip, payload_size;
    struct command *incoming;

    struct command *first, **last;
    unsigned queued, running;
    size_t queued_bytes;

    struct chunk *unsent_first, **unsent_last;
    size_t unsent;

    /* The device's side: only for whoever is inside the device. */
    uint32_t link;
    struct card *card;
    bool link_closed;
};

struct client *client_create(int fd); /* NULL: no memory; the caller keeps fd */
/* Close the connection and drop what waits. Returns the cost of the commands that were queued. */
uint64_t client_close(struct client *c);
void client_free(struct client *c);

/* Take in what has arrived. add is called for each complete command, which it owns then.
 * false: the connection is dead. scratch has CLIENT_SCRATCH bytes. */
bool client_receive(struct client *c, uint8_t *scratch, void (*add)(void *arg, struct command *),
                    void *arg);
/* Send whole answers, now or later. */
void client_send(struct client *c, struct iovec *parts, size_t n);
/* Send more of what waits. */
void client_flush(struct client *c);

/* What epoll should watch for. */
uint32_t client_interest(const struct client *c);
/* Nothing more will come and everything is answered and sent. */
bool client_done(const struct client *c);

struct command *client_take(struct client *c); /* the oldest that waits, NULL: none */
void command_free(struct command *m);

#endif
