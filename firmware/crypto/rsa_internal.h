/* What the files of RSA share with each other only. */
#ifndef HUFU_CRYPTO_RSA_INTERNAL_H
#define HUFU_CRYPTO_RSA_INTERNAL_H

#include "firmware/crypto/bignum.h"
#include "firmware/crypto/hash.h"
#include "firmware/crypto/rsa.h"

/* bytes that rsa_keygen needs with this engine besides its scratch, a multiple of 64 */
size_t rsa_keygen_room(const struct rsa_ops *ops, unsigned bits);

/* mask: |p - q| > 2^(bits of p - 100) (FIPS 186-5 A.1.3, step 5.4); t: h limbs. CT: yes */
limb_t rsa_primes_apart(const limb_t *p, const limb_t *q, limb_t *t, size_t h);

/*
 * Everything else of the key from its two primes: p > q is put in order; n, d, dp, dq, qinv are
 * written. room: RSA_DERIVE_ROOM * (limbs of p) limbs, left unwiped. -1: d <= 2^(nlen/2) (step 3 of
 * A.1.1), which a random key does not meet. CT: yes
 */
enum { RSA_DERIVE_ROOM = 8 + 5 + BN_INVERT_ROOM };
int rsa_derive(struct rsa_private *key, limb_t *room);

/*
 * Trial division of `count` independent candidates of n limbs each by all odd primes below 2^14,
 * and of candidate - 1 by e = 65537. alive[i] becomes 0 when candidate i fell through; those that
 * were 0 are not looked at. CT: which candidates fell through, and when; nothing of those that
 * remain.
 */
enum { SIEVE_LIMIT = CONFIG_SIEVE, SIEVE_BYTES = SIEVE_LIMIT / 2 };
/* composite[i] = 1: 2i + 1 is no prime */
void rsa_sieve_init(uint8_t composite[SIEVE_BYTES]);
void rsa_sieve(const limb_t *candidates, size_t n, size_t count, uint8_t *alive,
               const uint8_t composite[SIEVE_BYTES]);

/* out ^= MGF1(seed), n bytes (RFC 8017 B.2.1). CT: sizes */
void rsa_mgf1_xor(enum hash_alg alg, const uint8_t *seed, size_t seed_size, uint8_t *out, size_t n);

#endif
