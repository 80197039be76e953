/*
 * The start-up test of GM/T 0062 for devices of class E: all 15 tests of GM/T 0005 over 10^6 bits
 * at a significance of 0.01, in steps of a few milliseconds, with some 200 KB of memory.
 * CT: no secrets: samples that are tested are thrown away.
 */
#ifndef HUFU_CRYPTO_RANDOMNESS_FULL_H
#define HUFU_CRYPTO_RANDOMNESS_FULL_H

#include "firmware/crypto/randomness_judge.h"

enum { RANDOMNESS_FULL_BITS = 1000000, RANDOMNESS_FULL_ITEMS = 26 };

struct randomness_full {
    uint8_t bits[RANDOMNESS_FULL_BITS / 8]; /* the caller fills them; the tests turn them */
    struct randomness_verdict verdict;      /* when no step is left */
    uint32_t wanted, count[7];
    unsigned test, at; /* how far it is */
    struct randomness_spectrum spectrum;
};

/* With new bits; wanted: a mask of items, tests without any of them are passed over. */
void randomness_full_begin(struct randomness_full *t, uint32_t wanted);
/* false: there was nothing left to do. */
bool randomness_full_step(struct randomness_full *t);

#endif
