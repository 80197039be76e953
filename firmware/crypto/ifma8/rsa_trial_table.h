/* The divisors of rsa_trial.c, made at build time by gen_trial.c. */
#ifndef HUFU_CRYPTO_IFMA8_RSA_TRIAL_TABLE_H
#define HUFU_CRYPTO_IFMA8_RSA_TRIAL_TABLE_H

#include <stdint.h>

enum {
    TRIAL_TOGETHER = 3, /* primes below 2^16 that make a divisor m */
    TRIAL_LANES = 8,    /* divisors of a set */
    TRIAL_SETS = 272,   /* 6528 of the 6541 odd primes below 2^16 */
    TRIAL_LIMBS = 20    /* limbs of 52 bits that are summed at a time */
};

/* Eight divisors. Set k has the primes from the (24 k)-th odd one on. */
struct trial_set {
    uint64_t power[TRIAL_LIMBS][TRIAL_LANES];            /* 2^(-52 j) mod m */
    uint64_t m[TRIAL_LANES], minus_inverse[TRIAL_LANES]; /* -1/m mod 2^52 */
    uint64_t p[TRIAL_TOGETHER][TRIAL_LANES];
    uint64_t p_inverse[TRIAL_TOGETHER][TRIAL_LANES]; /* 1/p mod 2^52 */
};

extern const struct trial_set trial_set[TRIAL_SETS];

#endif
