/* What the RSA tests share: random bytes, keys, and their way to OpenSSL and back. */
#ifndef HUFU_TESTS_RSA_TOOLS_H
#define HUFU_TESTS_RSA_TOOLS_H

#include <check.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/portable/portable.h"
#include "firmware/crypto/rsa.h"
#include "tests/lib/openssl_key.h"
#include "tests/lib/rng.h"
#include "tests/lib/vec.h"

static const unsigned rsa_sizes[] = {2048, 3072, 4096};
enum { RSA_SIZES = 3 };

static const struct rsa_ops *const ops = &rsa_portable;

/* Scratch for every function and size, just as large as promised */
static inline void *tools_scratch(unsigned bits)
{
    void *p = NULL;
    ck_assert_int_eq(posix_memalign(&p, 64, rsa_scratch(bits)), 0);
    return p;
}

static inline BIGNUM *bn_bytes(const uint8_t *in, size_t n)
{
    BIGNUM *b = BN_bin2bn(in, (int)n, NULL);
    ck_assert_ptr_nonnull(b);
    return b;
}

static inline void bn_put(uint8_t *out, size_t n, const BIGNUM *b)
{
    ck_assert_int_eq(BN_bn2binpad(b, out, (int)n), (int)n);
}

/* A number of just so many bits, the two top ones set, out of the test's own stream */
static inline BIGNUM *bn_random(unsigned bits)
{
    uint8_t bytes[RSA_MAX_BYTES];
    test_random(bytes, (bits + 7) / 8);
    BIGNUM *b = bn_bytes(bytes, (bits + 7) / 8);
    BN_mask_bits(b, (int)bits);
    BN_set_bit(b, (int)bits - 1);
    BN_set_bit(b, (int)bits - 2);
    return b;
}

static inline BIGNUM *bn_random_prime(unsigned bits)
{
    BIGNUM *b = bn_random(bits);
    BN_set_bit(b, 0);
    while (!BN_check_prime(b, NULL, NULL))
        BN_add_word(b, 2);
    return b;
}

/* in below n */
static inline void random_below(const struct rsa_public *pub, uint8_t *in)
{
    do
        test_random(in, pub->bits / 8);
    while (memcmp(in, pub->n, pub->bits / 8) >= 0);
}

/* Our key as one of OpenSSL */
static inline EVP_PKEY *to_openssl(const struct rsa_private *key)
{
    static const char *const name[] = {
        OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
        OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
        OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
        OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
    const size_t k = key->pub.bits / 8, h = k / 2;
    BIGNUM *e = BN_new();
    BN_set_word(e, key->pub.e);
    BIGNUM *part[] = {bn_bytes(key->pub.n, k), e,
                      bn_bytes(key->d, k),     bn_bytes(key->p, h),
                      bn_bytes(key->q, h),     bn_bytes(key->dp, h),
                      bn_bytes(key->dq, h),    bn_bytes(key->qinv, h)};
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++)
        ck_assert(OSSL_PARAM_BLD_push_BN(build, name[i], part[i]));
    EVP_PKEY *pkey = openssl_from_params("RSA", build, EVP_PKEY_KEYPAIR);
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++)
        BN_free(part[i]);
    return pkey;
}

static inline void openssl_part(EVP_PKEY *pkey, const char *name, uint8_t *out, size_t n)
{
    BIGNUM *b = NULL;
    ck_assert_int_eq(EVP_PKEY_get_bn_param(pkey, name, &b), 1);
    bn_put(out, n, b);
    BN_free(b);
}

/* A key of OpenSSL as ours */
static inline void from_openssl(EVP_PKEY *pkey, struct rsa_private *key)
{
    memset(key, 0, sizeof *key);
    key->pub.bits = (uint16_t)EVP_PKEY_get_bits(pkey);
    const size_t k = key->pub.bits / 8, h = k / 2;
    uint8_t e[4];
    openssl_part(pkey, OSSL_PKEY_PARAM_RSA_E, e, 4);
    key->pub.e = (uint32_t)e[0] << 24 | (uint32_t)e[1] << 16 | (uint32_t)e[2] << 8 | e[3];
    openssl_part(pkey, OSSL_PKEY_PARAM_RSA_N, key->pub.n, k);
    openssl_part(pkey, OSSL_PKEY_PARAM_RSA_D, key->d, k);
    openssl_part(pkey, OSSL_PKEY_PARAM_RSA_FACTOR1, key->p, h);
    openssl_part(pkey, OSSL_PKEY_PARAM_RSA_FACTOR2, key->q, h);
    openssl_part(pkey, OSSL_PKEY_PARAM_RSA_EXPONENT1, key->dp, h);
    openssl_part(pkey, OSSL_PKEY_PARAM_RSA_EXPONENT2, key->dq, h);
    openssl_part(pkey, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, key->qinv, h);
}

/* A key of a "type = key" case */
static inline void key_of_case(struct vec *v, struct rsa_private *key)
{
    memset(key, 0, sizeof *key);
    key->pub.bits = (uint16_t)vec_number(v, "bits");
    key->pub.e = (uint32_t)vec_number(v, "e");
    const size_t k = key->pub.bits / 8, h = k / 2;
    memcpy(key->pub.n, vec_exact(v, "n", k), k);
    memcpy(key->d, vec_exact(v, "d", k), k);
    memcpy(key->p, vec_exact(v, "p", h), h);
    memcpy(key->q, vec_exact(v, "q", h), h);
    memcpy(key->dp, vec_exact(v, "dp", h), h);
    memcpy(key->dq, vec_exact(v, "dq", h), h);
    memcpy(key->qinv, vec_exact(v, "qinv", h), h);
}

/* A key of this size, out of the vectors */
static inline void kept_key(unsigned bits, struct rsa_private *key)
{
    struct vec *v = vec_open("rsa");
    while (vec_next(v))
        if (!strcmp(vec_text(v, "type"), "key") && vec_number(v, "bits") == bits) {
            key_of_case(v, key);
            vec_close(v);
            return;
        }
    ck_abort_msg("no key of %u bits in rsa.vec", bits);
}

/* in^d mod n by OpenSSL, without its CRT */
static inline void openssl_power(const struct rsa_private *key, const uint8_t *in, uint8_t *out)
{
    const size_t k = key->pub.bits / 8;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *x = bn_bytes(in, k), *d = bn_bytes(key->d, k), *n = bn_bytes(key->pub.n, k);
    ck_assert(BN_mod_exp(x, x, d, n, ctx));
    bn_put(out, k, x);
    BN_free(x);
    BN_free(d);
    BN_free(n);
    BN_CTX_free(ctx);
}

#endif
