/*
 * Nonces of SM2 signatures, made ahead by the engine while the device has nothing else to do: k and
 * the first coordinate of [k]G, so that a signature costs one product mod n. Each is taken out of
 * the pool, and its place wiped, before it is used. The pool lives in RAM, from READY to the next
 * lock, end or start, and never in two processes.
 */
#ifndef HUFU_APP_NONCES_H
#define HUFU_APP_NONCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/app/arena.h"

struct device;
struct device_config;
struct sm2_sign_key;

enum { NONCES_STEP = 32 }; /* that are made at once: some ten microseconds in lanes */

struct nonces {
    uint8_t (*k)[32], (*x)[32];
    uint16_t max, ready;            /* the first `ready` places hold one */
    uint64_t made, used, discarded; /* made = used + discarded + ready */
};

void nonces_lay_out(struct arena *a, struct nonces *p, const struct device_config *config);
/* Makes NONCES_STEP more if there is room for them. 0, or -1: no randomness */
int nonces_refill(struct device *d);
bool nonces_wanted(const struct nonces *p);
/* One signature with a nonce of the pool. 0, or -1: there is none, or it did not fit (chance
 * 2^-255): sig is not written. */
int nonces_sign(struct nonces *p, const struct sm2_sign_key *key, const uint8_t e[32],
                uint8_t sig[64]);
void nonces_drop(struct nonces *p);

#endif
