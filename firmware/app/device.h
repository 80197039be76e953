/*
 * The device: what ports, the simulator and in-process hosts call. One thread at a time (the owner)
 * may be inside; heavy batches spread over hal.par on their own.
 */
#ifndef HUFU_DEVICE_H
#define HUFU_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/hal/hal.h"

struct device_config {
    uint32_t objects_max;  /* stored keys; at least 16 */
    uint32_t log_max;      /* audit records that are kept; the oldest goes first; at least 64 */
    uint16_t sessions_max; /* at the same time; 1 to 4096 */
    uint16_t tickets_max;  /* unacknowledged key batches at the same time */
    uint32_t frame_max;    /* bytes of data in a command or answer; 4096 to LIMIT_FRAME_MAX */
    uint16_t nonce_pool;   /* nonces of SM2 signatures that are made ahead; 0: none */
    uint8_t pair_pool;     /* RSA pairs that are made ahead; 0: none; not in small builds */
    bool start_up_test;    /* 15 tests of 20 x 10^6 bits at every start; not in small builds */
    const char *port;      /* what the device says it runs on, up to 16 characters */
    const char *engine;    /* NULL: the best of this processor; it must pass its self-test */
};

struct device;

/* Bytes of memory (alignment 64) that device_create wants for this configuration. */
size_t device_memory(const struct device_config *config, const struct hal *hal);
/*
 * Lay a device into memory and boot it: self-tests, store, state. Always gives a device (it may be
 * FAILED); NULL only for a configuration out of range. config and hal are copied, their contexts
 * must outlive it.
 */
struct device *device_create(void *memory, const struct device_config *config,
                             const struct hal *hal);
/* Stop: sessions end, RAM secrets are wiped. The memory is the caller's again. */
void device_stop(struct device *d);
uint8_t device_state(const struct device *d); /* STATE_* */

/* Links: a session belongs to the link that opened it and ends with it. 0: too many links. */
uint32_t device_link_open(struct device *d);
/* One that leaves the machine: PINs and keys in clear are taken from it in a secure channel
 * only. */
uint32_t device_link_open_far(struct device *d);
void device_link_close(struct device *d, uint32_t link);

/* One command and its answer. data and response may not overlap. */
struct exchange {
    uint32_t link;
    uint8_t cla, ins;
    uint16_t channel; /* session; of a sealed command, the secure channel */
    const uint8_t *data;
    size_t size;
    uint8_t *response; /* room bytes; frame_max is always enough */
    size_t room;
    size_t response_size; /* out */
    uint16_t sw;          /* out */
    uint8_t *opened; /* size bytes to open a sealed command in; may be data. NULL: none is taken */
    /* the device's own */
    uint16_t secure; /* the secure channel that the command came in by; 0: none */
    uint32_t counter;
};

/* Execute n commands, taken together where that helps; each gets its status word. Any bytes are
 * safe. */
void device_serve(struct device *d, struct exchange *x, size_t n);
/* How many single signatures are best served at once: with more, multiples of it leave no lane of
 * the engine empty. At least 1. */
unsigned device_together(const struct device *d);
/*
 * RSA keys take their time. While one is made, interlude is called every few milliseconds on the
 * thread that is inside; it may call device_serve, for commands of other sessions that are not long
 * themselves. Without it everybody waits.
 */
void device_interlude(struct device *d, void (*interlude)(void *ctx), void *ctx);
bool device_is_long(uint8_t ins, const uint8_t *data, size_t size);
/*
 * Long commands that make one RSA pair each: with threads, so many of them that come in one
 * device_serve are worked on at the same time (1: none).
 */
bool device_makes_pair(uint8_t ins, const uint8_t *data, size_t size);
unsigned device_pairs_together(const struct device *d);
/*
 * To be called when no command waits: a little work ahead of the next ones (a few dozen nonces), a
 * group of the periodic test of the generator when that is due; a few milliseconds of the start-up
 * test. true: there is more of it.
 */
bool device_idle(struct device *d);
/*
 * With a pool of RSA pairs: are there too few of the size that was asked for last? To make more
 * takes as long as a long command, with interludes; from one of them device_leave_pairs ends it.
 */
bool device_wants_pairs(const struct device *d);
void device_make_pairs(struct device *d);
void device_leave_pairs(struct device *d);

#endif
