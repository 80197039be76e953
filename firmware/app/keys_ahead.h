/*
 * RSA pairs for several KEY GENERATE that come in one device_serve: made at the same time, one in
 * each lane, before the first of the commands is carried out; each then takes a pair of its size,
 * if it comes to that. One command alone makes its pair itself.
 */
#ifndef HUFU_APP_KEYS_AHEAD_H
#define HUFU_APP_KEYS_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/app/arena.h"

struct batch;
struct device;
struct exchange;
struct rsa_private;

struct keys_ahead {
    struct rsa_private *key;
    uint16_t *bits; /* of the keys that are asked for */
    uint8_t *good;
    size_t n, max; /* max 0: no lanes that work at the same time */
};

void keys_ahead_lay_out(struct arena *a, struct keys_ahead *k, const struct batch *b);
/* Those for x[0] .. x[n - 1], from sessions whose users may ask for keys. */
void keys_ahead_make(struct device *d, const struct exchange *x, size_t n);
/* A pair of this size, which is then the caller's. false: there is none */
bool keys_ahead_take(struct device *d, unsigned bits, struct rsa_private *key);
/* Nobody wants what is left. */
void keys_ahead_drop(struct device *d);

#endif
