/*
 * Shamir's secret sharing, byte by byte over GF(2^8) with the polynomial of AES (x^8 + x^4 + x^3 +
 * x + 1). Share i (1 to count) is the value at i of polynomials of degree threshold - 1 whose
 * constant terms are the secret: threshold shares give it, fewer say nothing about it.
 */
#ifndef HUFU_CRYPTO_SHAMIR_H
#define HUFU_CRYPTO_SHAMIR_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/crypto/rng.h"

enum { SHAMIR_SECRET_MAX = 64, SHAMIR_SHARES_MAX = 16 };

/*
 * shares: count values of n bytes each, of the points 1 to count. 1 <= n <= SHAMIR_SECRET_MAX, 2 <=
 * threshold <= count <= SHAMIR_SHARES_MAX. 0; -1: out of range or no randomness, and shares wiped.
 * CT: n, threshold, count only
 */
int shamir_split(const struct rng *rng, const uint8_t *secret, size_t n, unsigned threshold,
                 unsigned count, uint8_t *shares);
/*
 * The secret of `threshold` shares: share i is the n bytes at shares + i * n, of the point x[i].
 * Points are not 0, and no two are the same: -1 otherwise. Wrong shares give a wrong secret. CT: n,
 * threshold and the points only
 */
int shamir_join(const uint8_t *x, const uint8_t *shares, size_t n, unsigned threshold,
                uint8_t *secret);

#endif
