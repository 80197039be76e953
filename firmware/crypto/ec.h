/*
 * The curves P-256 and P-384 (FIPS 186-5, SP 800-186): key pairs, ECDSA, ECDH. Numbers and
 * coordinates are big-endian, `size` bytes each; a point is x || y, a signature r || s. The small
 * build (config.h) has none of it.
 */
#ifndef HUFU_CRYPTO_EC_H
#define HUFU_CRYPTO_EC_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/base/config.h"
#include "firmware/crypto/hash.h"
#include "firmware/crypto/rng.h"

enum { EC_MAX = 48, EC_POINT_MAX = 2 * EC_MAX, EC_SIGNATURE_MAX = 2 * EC_MAX };

struct ec_curve {
    const char *name;
    size_t size;
    /* 0, or -1: not two coordinates below p of a point on the curve (SP 800-56A 5.6.2.3.3; the
     * cofactor is 1). CT: public input */
    int (*public_check)(const uint8_t *pub);
    /* pub = [d]G. 0, or -1: d is not in [1, n-1]. CT: only the result */
    int (*public_from_private)(const uint8_t *d, uint8_t *pub);
    /* ECDSA with the nonce k, of n bytes of a digest, of which the leftmost bits count. 0, or -1: k
     * or d is not in [1, n-1], or r or s is 0: take another k. CT: only the result */
    int (*sign)(const uint8_t *d, const uint8_t *k, const uint8_t *digest, size_t n, uint8_t *sig);
    /* 0, or -1. pub must have passed public_check. CT: public inputs */
    int (*verify)(const uint8_t *pub, const uint8_t *digest, size_t n, const uint8_t *sig);
    /* x = the first coordinate of [d]peer (SP 800-56A 5.7.1.2). 0, or -1: d is not in [1, n-1] or
     * peer is not on the curve. CT: only the result */
    int (*agree)(const uint8_t *d, const uint8_t *peer, uint8_t *x);
};

extern const struct ec_curve ec_p256, ec_p384;

/* A new pair (FIPS 186-5 A.2.2, by rejection). 0, or -1: no randomness. CT: how many were rejected
 */
int ec_keygen(const struct ec_curve *c, const struct rng *rng, uint8_t *d, uint8_t *pub);
/* ECDSA with a nonce of the rng (FIPS 186-5 A.3.2, by rejection). 0, or -1: no randomness or d out
 * of range. CT: how many were rejected */
int ecdsa_sign(const struct ec_curve *c, const struct rng *rng, const uint8_t *d,
               const uint8_t *digest, size_t n, uint8_t *sig);

/* The KDF of ANSI X9.63 (SEC 1 3.6.1): n bytes from a shared secret and public info. 0, or -1: no
 * such hash. CT: sizes only */
int kdf_x963(enum hash_alg alg, const uint8_t *secret, size_t secret_size, const uint8_t *info,
             size_t info_size, uint8_t *out, size_t n);

#endif
