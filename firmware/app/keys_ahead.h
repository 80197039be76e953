/*
 * RSA pairs made before the command that takes them. Several KEY GENERATE that come in one
 * device_serve have theirs made at the same time, one in each lane; one alone makes its pair
 * itself. With a pool, some more of the size that was asked for last are made while the device has
 * nothing else to do. Each is given to one command, and its place wiped. They live in RAM, from
 * READY to the next lock, end or start, and never in two processes.
 */
#ifndef HUFU_APP_KEYS_AHEAD_H
#define HUFU_APP_KEYS_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/app/arena.h"

struct batch;
struct device;
struct device_config;
struct exchange;
struct rsa_private;

struct keys_ahead {
    struct rsa_private *key;
    uint16_t *bits;
    uint8_t *good;
    size_t max, ready; /* places; the first `ready` hold a pair */
    size_t together;   /* that are made at the same time for commands; 0: no lanes for that */
    size_t pool;       /* that are kept for later commands */
    unsigned asked;    /* bits of the pair that was asked for last; 0: none was */
    bool filling;      /* pairs for the pool are being made */
    bool dropped;      /* meanwhile nobody may have them any more */
};

void keys_ahead_lay_out(struct arena *a, struct keys_ahead *k, const struct batch *b,
                        const struct device_config *config);
/* Those for x[0] .. x[n - 1], from sessions whose users may ask for keys. */
void keys_ahead_make(struct device *d, const struct exchange *x, size_t n);
/* A pair of this size, which is then the caller's. false: there is none */
bool keys_ahead_take(struct device *d, unsigned bits, struct rsa_private *key);
/* The commands have come to their end: nobody wants what is beyond the pool. */
void keys_ahead_trim(struct device *d);

bool keys_ahead_wanted(const struct device *d);
/* Makes a pair in each lane for the pool, if it has room. */
void keys_ahead_fill(struct device *d);
void keys_ahead_drop(struct device *d);

#endif
