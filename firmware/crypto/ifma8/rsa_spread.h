/*
 * Powers modulo 1024-bit primes with one number spread over four lanes, for few private operations
 * of RSA-2048: p in the lower, q in the upper half of the registers (rsa_spread_mul.h).
 */
#ifndef HUFU_CRYPTO_IFMA8_RSA_SPREAD_H
#define HUFU_CRYPTO_IFMA8_RSA_SPREAD_H

#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/crypto/ifma8/rsa_number.h"

enum { SPREAD_LIMBS = 20, SPREAD_ITEMS = 2 };

/*
 * r = a^x in the lanes i and 4 + i for items i < count, count at most SPREAD_ITEMS; nothing of
 * value in the others. As rsa8_power with 20 limbs; x: 16 words; table: RSA8_POWER_ROOM * 20
 * registers. CT: the number of items, and that a limb overflows after its first carry (a chance of
 * 2^-40 in a product of random numbers)
 */
void rsa8_power_spread(const struct rsa8_mont *mont, lanes *r, const lanes *a, const lanes *x,
                       unsigned count, lanes *table);
/* The number in a, of limbs below 2^63, with clean ones. For the tests. */
void rsa8_spread_carry(lanes a[5]);
#endif

#endif
