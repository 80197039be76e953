/* The numbers of a key of libcrypto as attributes of an object; PKCS #8 both ways. */
#include "host/pkcs11/operation.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

enum { NUMBER_MAX = 1024 };

enum { OF_PUBLIC = 1, OF_PRIVATE = 2, OF_BOTH = 3 };

static const struct number {
    enum family family;
    const char *name;
    CK_ATTRIBUTE_TYPE type;
    unsigned of;
} numbers[] = {
    {FAMILY_RSA, OSSL_PKEY_PARAM_RSA_N, CKA_MODULUS, OF_BOTH},
    {FAMILY_RSA, OSSL_PKEY_PARAM_RSA_E, CKA_PUBLIC_EXPONENT, OF_BOTH},
    {FAMILY_RSA, OSSL_PKEY_PARAM_RSA_D, CKA_PRIVATE_EXPONENT, OF_PRIVATE},
    {FAMILY_RSA, OSSL_PKEY_PARAM_RSA_FACTOR1, CKA_PRIME_1, OF_PRIVATE},
    {FAMILY_RSA, OSSL_PKEY_PARAM_RSA_FACTOR2, CKA_PRIME_2, OF_PRIVATE},
    {FAMILY_RSA, OSSL_PKEY_PARAM_RSA_EXPONENT1, CKA_EXPONENT_1, OF_PRIVATE},
    {FAMILY_RSA, OSSL_PKEY_PARAM_RSA_EXPONENT2, CKA_EXPONENT_2, OF_PRIVATE},
    {FAMILY_RSA, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, CKA_COEFFICIENT, OF_PRIVATE},
    {FAMILY_EC, OSSL_PKEY_PARAM_PRIV_KEY, CKA_VALUE, OF_PRIVATE},
    {FAMILY_SM2, OSSL_PKEY_PARAM_PRIV_KEY, CKA_VALUE, OF_PRIVATE},
    {FAMILY_DSA, OSSL_PKEY_PARAM_FFC_P, CKA_PRIME, OF_BOTH},
    {FAMILY_DSA, OSSL_PKEY_PARAM_FFC_Q, CKA_SUBPRIME, OF_BOTH},
    {FAMILY_DSA, OSSL_PKEY_PARAM_FFC_G, CKA_BASE, OF_BOTH},
    {FAMILY_DSA, OSSL_PKEY_PARAM_PUB_KEY, CKA_VALUE, OF_PUBLIC},
    {FAMILY_DSA, OSSL_PKEY_PARAM_PRIV_KEY, CKA_VALUE, OF_PRIVATE},
    {FAMILY_DH, OSSL_PKEY_PARAM_FFC_P, CKA_PRIME, OF_BOTH},
    {FAMILY_DH, OSSL_PKEY_PARAM_FFC_G, CKA_BASE, OF_BOTH},
    {FAMILY_DH, OSSL_PKEY_PARAM_PUB_KEY, CKA_VALUE, OF_PUBLIC},
    {FAMILY_DH, OSSL_PKEY_PARAM_PRIV_KEY, CKA_VALUE, OF_PRIVATE},
};

/* size 0: as short as it can be */
static CK_RV take_number(struct object *o, EVP_PKEY *key, const struct number *row, size_t size)
{
    uint8_t bytes[NUMBER_MAX];
    BIGNUM *n = NULL;
    CK_RV rv = CKR_FUNCTION_FAILED;
    if (EVP_PKEY_get_bn_param(key, row->name, &n) <= 0)
        return CKR_OK; /* a key without it: RSA without primes */
    const int want = size ? (int)size : BN_num_bytes(n);
    if (want <= NUMBER_MAX && BN_bn2binpad(n, bytes, want) == want)
        rv = attribute_set(o, row->type, bytes, (CK_ULONG)want);
    BN_clear_free(n);
    hufu_wipe(bytes, sizeof bytes);
    return rv;
}

/* The curve by its OID; a key that libcrypto made has one. */
static CK_RV take_curve(struct object *o, EVP_PKEY *key)
{
    char name[64];
    uint8_t *der = NULL;
    size_t n = 0;
    if (o->family == FAMILY_SM2)
        return attribute_set(o, CKA_EC_PARAMS, oid_sm2, sizeof oid_sm2);
    if (EVP_PKEY_get_group_name(key, name, sizeof name, &n) <= 0)
        return CKR_FUNCTION_FAILED;
    const int size = i2d_ASN1_OBJECT(OBJ_nid2obj(OBJ_txt2nid(name)), &der);
    const CK_RV rv =
        size > 0 ? attribute_set(o, CKA_EC_PARAMS, der, (CK_ULONG)size) : CKR_FUNCTION_FAILED;
    OPENSSL_free(der);
    return rv;
}

/* The point in an OCTET STRING. */
static CK_RV take_point(struct object *o, EVP_PKEY *key)
{
    uint8_t string[3 + 133];
    size_t n = 0;
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, string + 3, 133, &n) <= 0)
        return o->class == CKO_PRIVATE_KEY ? CKR_OK : CKR_FUNCTION_FAILED;
    uint8_t *p = n < 128 ? string + 1 : string;
    p[0] = 4;
    p[1] = n < 128 ? (uint8_t)n : 0x81;
    if (n >= 128)
        p[2] = (uint8_t)n;
    return attribute_set(o, CKA_EC_POINT, p, n + (size_t)(string + 3 - p));
}

static CK_RV take_info(struct object *o, EVP_PKEY *key)
{
    uint8_t *der = NULL;
    const int n = i2d_PUBKEY(key, &der);
    const CK_RV rv = n > 0 ? attribute_set(o, CKA_PUBLIC_KEY_INFO, der, (CK_ULONG)n) : CKR_OK;
    OPENSSL_free(der);
    return rv;
}

static CK_RV take_edwards(struct object *o, EVP_PKEY *key)
{
    uint8_t bytes[2 + 57] = {4};
    size_t n = sizeof bytes - 2;
    if (!attribute_of(o, CKA_EC_PARAMS)) {
        const bool large = EVP_PKEY_is_a(key, "ED448");
        const uint8_t oid[5] = {0x06, 0x03, 0x2b, 0x65, large ? 0x71 : 0x70};
        const CK_RV rv = attribute_set(o, CKA_EC_PARAMS, oid, sizeof oid);
        if (rv != CKR_OK)
            return rv;
    }
    if (EVP_PKEY_get_raw_public_key(key, bytes + 2, &n) <= 0)
        return CKR_FUNCTION_FAILED;
    bytes[1] = (uint8_t)n;
    CK_RV rv = attribute_set(o, CKA_EC_POINT, bytes, n + 2);
    if (rv != CKR_OK || o->class == CKO_PUBLIC_KEY)
        return rv;
    n = sizeof bytes;
    if (EVP_PKEY_get_raw_private_key(key, bytes, &n) <= 0)
        rv = CKR_FUNCTION_FAILED;
    if (rv == CKR_OK)
        rv = attribute_set(o, CKA_VALUE, bytes, n);
    hufu_wipe(bytes, sizeof bytes);
    return rv;
}

CK_RV numbers_take(struct object *o, EVP_PKEY *key)
{
    const bool curve = o->family == FAMILY_EC || o->family == FAMILY_SM2;
    const unsigned of = o->class == CKO_PRIVATE_KEY ? OF_PRIVATE : OF_PUBLIC;
    CK_RV rv = curve                         ? take_curve(o, key)
               : o->family == FAMILY_EDWARDS ? take_edwards(o, key)
                                             : CKR_OK;
    if (rv == CKR_OK && curve)
        rv = take_point(o, key);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && rv == CKR_OK; i++)
        if (numbers[i].family == o->family && numbers[i].of & of)
            rv = take_number(o, key, &numbers[i], curve ? key_size_of(o) : 0);
    if (rv == CKR_OK && o->class != CKO_DOMAIN_PARAMETERS)
        rv = take_info(o, key);
    o->complete = rv == CKR_OK;
    return rv;
}

/* ------------------------------------------------------------------ PKCS #8 */

CK_RV private_to_pkcs8(const struct object *o, uint8_t **der, size_t *size)
{
    EVP_PKEY *key = key_of_object(o, true);
    PKCS8_PRIV_KEY_INFO *info = key ? EVP_PKEY2PKCS8(key) : NULL;
    *der = NULL;
    const int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, der) : 0;
    PKCS8_PRIV_KEY_INFO_free(info);
    EVP_PKEY_free(key);
    *size = n > 0 ? (size_t)n : 0;
    return n > 0 ? CKR_OK : CKR_KEY_NOT_WRAPPABLE;
}

static bool is_of(EVP_PKEY *key, enum family family)
{
    switch (family) {
    case FAMILY_RSA:
        return EVP_PKEY_is_a(key, "RSA");
    case FAMILY_DSA:
        return EVP_PKEY_is_a(key, "DSA");
    case FAMILY_DH:
        return EVP_PKEY_is_a(key, "DH") || EVP_PKEY_is_a(key, "DHX");
    case FAMILY_EC:
        return EVP_PKEY_is_a(key, "EC");
    case FAMILY_SM2:
        return EVP_PKEY_is_a(key, "SM2");
    case FAMILY_EDWARDS:
        return EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448");
    default:
        return false;
    }
}

CK_RV private_from_pkcs8(struct object *o, const uint8_t *der, size_t size)
{
    const uint8_t *p = der;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)size);
    EVP_PKEY *key =
        info && crypto_context() ? EVP_PKCS82PKEY_ex(info, crypto_context(), NULL) : NULL;
    PKCS8_PRIV_KEY_INFO_free(info);
    if (key && o->key_type == CKK_EC && EVP_PKEY_is_a(key, "SM2"))
        o->family = FAMILY_SM2;
    const CK_RV rv = !key                    ? CKR_WRAPPED_KEY_INVALID
                     : is_of(key, o->family) ? numbers_take(o, key)
                                             : CKR_TEMPLATE_INCONSISTENT;
    EVP_PKEY_free(key);
    return rv;
}
