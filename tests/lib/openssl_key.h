/* Keys of ours as keys of OpenSSL, which is an oracle. The caller frees them. */
#ifndef HUFU_TESTS_OPENSSL_KEY_H
#define HUFU_TESTS_OPENSSL_KEY_H

#include <check.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

/* Frees the builder. */
static inline EVP_PKEY *openssl_from_params(const char *type, OSSL_PARAM_BLD *b, int selection)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    ck_assert_int_eq(EVP_PKEY_fromdata_init(c), 1);
    ck_assert_int_eq(EVP_PKEY_fromdata(c, &key, selection, params), 1);
    EVP_PKEY_CTX_free(c);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b);
    return key;
}

/* SM2 or a curve of ECDSA: coordinates of n bytes; d (n bytes) may be NULL. */
static inline EVP_PKEY *openssl_ec_key(const char *group, const uint8_t *pub, const uint8_t *d,
                                       size_t n)
{
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    BIGNUM *number = d ? BN_bin2bn(d, (int)n, NULL) : NULL;
    uint8_t point[1 + 2 * 66] = {4};
    ck_assert_uint_le(n, 66);
    memcpy(point + 1, pub, 2 * n);
    ck_assert(OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, group, 0));
    ck_assert(OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * n));
    if (d)
        ck_assert(OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, number));
    EVP_PKEY *key = openssl_from_params(strcmp(group, "SM2") ? "EC" : "SM2", b,
                                        d ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY);
    BN_free(number);
    return key;
}

/* e (4 bytes) || n, as devices give it out */
static inline EVP_PKEY *openssl_rsa_key(const uint8_t *pub, size_t size)
{
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    BIGNUM *e = BN_bin2bn(pub, 4, NULL), *n = BN_bin2bn(pub + 4, (int)size - 4, NULL);
    ck_assert(OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e));
    ck_assert(OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n));
    EVP_PKEY *key = openssl_from_params("RSA", b, EVP_PKEY_PUBLIC_KEY);
    BN_free(e);
    BN_free(n);
    return key;
}

#endif
