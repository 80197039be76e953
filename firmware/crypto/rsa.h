/*
 * RSA with 2048, 3072 and 4096 bits, e = 65537 for generated keys (FIPS 186-5 A.1.3: random
 * primes that are probably prime, every candidate drawn afresh), PKCS#1 v1.5, PSS and OAEP (RFC
 * 8017). Numbers are big-endian byte strings as long as the modulus (public) or half of it (CRT
 * parts).
 */
#ifndef HUFU_CRYPTO_RSA_H
#define HUFU_CRYPTO_RSA_H

#include "firmware/base/config.h"
#include "firmware/crypto/engine.h"
#include "firmware/crypto/hash.h"
#include "firmware/crypto/rng.h"

enum { RSA_MAX_BITS = CONFIG_RSA_BITS, RSA_MAX_BYTES = RSA_MAX_BITS / 8, RSA_E = 65537 };

struct rsa_public {
    uint16_t bits;            /* 2048, 3072, 4096, up to RSA_MAX_BITS */
    uint32_t e;               /* odd, >= 65537 */
    uint8_t n[RSA_MAX_BYTES]; /* bits/8 bytes used */
};

struct rsa_private {
    struct rsa_public pub;
    uint8_t p[RSA_MAX_BYTES / 2], q[RSA_MAX_BYTES / 2]; /* bits/16 bytes used; p > q */
    uint8_t dp[RSA_MAX_BYTES / 2], dq[RSA_MAX_BYTES / 2], qinv[RSA_MAX_BYTES / 2];
    uint8_t d[RSA_MAX_BYTES];
};

/* bits is one of the supported sizes */
int rsa_bits_ok(unsigned bits);
/* 0: size, parity and range of n and e are those of a key that the device takes. CT: public inputs
 */
int rsa_public_check(const struct rsa_public *pub);
/* 0: all parts fit together: n = pq, p > q, |p - q| > 2^(bits/2 - 100), 2^(bits/2) < d < n, ed = 1
 * modulo p - 1 and q - 1, CRT parts. Primality is not tested again. CT: only the verdict */
int rsa_private_check(const struct rsa_private *key);

/*
 * A key pair; scratch: rsa_scratch(bits) bytes. progress may be NULL, else it is called now and
 * then and a non-zero answer ends the work with -1. RSA_NO_PAIR: what came out fails the pairwise
 * test. CT: how many candidates were drawn
 */
enum { RSA_NO_PAIR = -2 };
int rsa_keygen(const struct rsa_ops *ops, const struct rng *rng, unsigned bits,
               struct rsa_private *key, void *scratch, int (*progress)(void *), void *progress_ctx);
/* All other parts of a key of pub.bits from its p and q (in any order), e = 65537; scratch as
 * above. -1: they do not make a key that rsa_private_check takes. CT: only the verdict */
int rsa_from_primes(struct rsa_private *key, void *scratch);
/* bytes, for every function of this file that takes scratch, with any engine of this build */
size_t rsa_scratch(unsigned bits);

/* out = in^e mod n, bits/8 bytes each; -1: in >= n, out is zero. CT: pub, and whether in < n */
int rsa_public_op(const struct rsa_ops *ops, const struct rsa_public *pub, const uint8_t *in,
                  uint8_t *out, void *scratch);
/* out = in^d mod n by CRT, blinded, checked with e before it leaves. -1: in >= n or check failed.
 * CT: yes */
int rsa_private_op(const struct rsa_ops *ops, const struct rng *rng, const struct rsa_private *key,
                   const uint8_t *in, uint8_t *out, void *scratch);

/* Encodings (RFC 8017); k = bits/8 bytes are written to em. alg 0 in v1.5: hash is a ready
 * DigestInfo. */
int rsa_pkcs1_sign_pad(unsigned bits, int alg, const uint8_t *hash, size_t hash_size, uint8_t *em);
/* 0: the bytes are a DigestInfo of a hash that may be signed: not of SHA-1. CT: public inputs */
int rsa_digest_info_check(const uint8_t *data, size_t n);
/* 0: em is just what rsa_pkcs1_sign_pad makes. CT: public inputs */
int rsa_pkcs1_verify(unsigned bits, int alg, const uint8_t *hash, size_t hash_size,
                     const uint8_t *em);
int rsa_pss_pad(unsigned bits, enum hash_alg alg, const uint8_t *hash, size_t hash_size,
                const uint8_t *salt, size_t salt_size, uint8_t *em);
int rsa_pss_verify(unsigned bits, enum hash_alg alg, const uint8_t *hash, size_t hash_size,
                   size_t salt_size, const uint8_t *em); /* salt_size (size_t)-1: any */
int rsa_pkcs1_encrypt_pad(const struct rng *rng, unsigned bits, const uint8_t *m, size_t n,
                          uint8_t *em);
/* Implicit rejection: -1 only for wrong sizes; a bad padding gives a pseudo-random message from key
 * and ciphertext instead of an error. out: bits/8 bytes of room, may be em. CT: the length of the
 * result */
int rsa_pkcs1_decrypt_unpad(const struct rsa_private *key, const uint8_t *cipher, const uint8_t *em,
                            uint8_t *out, size_t *n);
int rsa_oaep_pad(const struct rng *rng, unsigned bits, enum hash_alg alg, const uint8_t *label,
                 size_t label_size, const uint8_t *m, size_t n, uint8_t *em);
/* out: bits/8 bytes of room, may be em. CT: whether it succeeded and the length of the result */
int rsa_oaep_unpad(unsigned bits, enum hash_alg alg, const uint8_t *label, size_t label_size,
                   const uint8_t *em, uint8_t *out, size_t *n);

#endif
