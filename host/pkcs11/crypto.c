#include "host/pkcs11/crypto.h"

#include "host/pkcs11/object.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

const uint8_t oid_sm2[10] = {0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d};
const uint8_t oid_p256[10] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
const uint8_t oid_p384[7] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
const uint8_t oid_p521[7] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23};

/* ------------------------------------------------------------------ the context */

/*
 * Made once, and never freed: a process that ends may call C_Finalize after libcrypto has cleaned
 * up.
 */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static OSSL_LIB_CTX *context;
static EVP_MD *mds[HASHES];

static const struct {
    const char *name;
    uint8_t size, device;
    CK_MECHANISM_TYPE mechanism;
    CK_ULONG mgf;
    uint8_t info[20];
} hashes[HASHES] = {
    [HASH_SHA1] = {"SHA1",
                   20,
                   HUFU_DIGEST_SHA1,
                   CKM_SHA_1,
                   CKG_MGF1_SHA1,
                   {15, 0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05,
                    0x00, 0x04, 0x14}},
    [HASH_SHA224] = {"SHA2-224",
                     28,
                     HUFU_DIGEST_SHA224,
                     CKM_SHA224,
                     CKG_MGF1_SHA224,
                     {19,   0x30, 0x2d, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
                      0x01, 0x65, 0x03, 0x04, 0x02, 0x04, 0x05, 0x00, 0x04, 0x1c}},
    [HASH_SHA256] = {"SHA2-256",
                     32,
                     HUFU_DIGEST_SHA256,
                     CKM_SHA256,
                     CKG_MGF1_SHA256,
                     {19,   0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
                      0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}},
    [HASH_SHA384] = {"SHA2-384",
                     48,
                     HUFU_DIGEST_SHA384,
                     CKM_SHA384,
                     CKG_MGF1_SHA384,
                     {19,   0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
                      0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30}},
    [HASH_SHA512] = {"SHA2-512",
                     64,
                     HUFU_DIGEST_SHA512,
                     CKM_SHA512,
                     CKG_MGF1_SHA512,
                     {19,   0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,
                      0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40}},
    [HASH_SM3] = {"SM3",
                  32,
                  HUFU_DIGEST_SM3,
                  CKM_SM3,
                  0,
                  {18, 0x30, 0x30, 0x30, 0x0c, 0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83,
                   0x11, 0x05, 0x00, 0x04, 0x20}},
};

static void make_context(void)
{
    OSSL_LIB_CTX *c = OSSL_LIB_CTX_new();
    if (!c)
        return;
    if (!OSSL_PROVIDER_load(c, "default")) {
        OSSL_LIB_CTX_free(c);
        return;
    }
    for (int h = HASH_NONE + 1; h < HASHES; h++)
        mds[h] = EVP_MD_fetch(c, hashes[h].name, NULL);
    context = c;
}

OSSL_LIB_CTX *crypto_context(void)
{
    pthread_once(&once, make_context);
    return context;
}

const EVP_MD *hash_md(enum hash h)
{
    return crypto_context() ? mds[h] : NULL;
}

const char *hash_name(enum hash h)
{
    return hashes[h].name;
}

size_t hash_size(enum hash h)
{
    return hashes[h].size;
}

uint8_t hash_device(enum hash h)
{
    return hashes[h].device;
}

enum hash hash_of_mechanism(CK_MECHANISM_TYPE type)
{
    if (type == CKM_SM3_OLD || type == CKM_LUNA_SM3)
        return HASH_SM3;
    for (int h = HASH_NONE + 1; h < HASHES; h++)
        if (hashes[h].mechanism == type)
            return (enum hash)h;
    return HASH_NONE;
}

enum hash hash_of_mgf(CK_ULONG mgf)
{
    for (int h = HASH_NONE + 1; h < HASHES; h++)
        if (mgf && hashes[h].mgf == mgf)
            return (enum hash)h;
    return HASH_NONE;
}

const uint8_t *digest_info(enum hash h, size_t *size)
{
    *size = hashes[h].info[0];
    return hashes[h].info + 1;
}

/* ------------------------------------------------------------------ keys */

bool params_are(const struct object *o, const uint8_t *oid, size_t size)
{
    const struct attribute *a = attribute_of(o, CKA_EC_PARAMS);
    return a && a->size == size && memcmp(a->value, oid, size) == 0;
}

static const char *curve_of(const struct object *o, size_t *size)
{
    *size = 32;
    if (o->family == FAMILY_SM2)
        return "SM2";
    if (params_are(o, oid_p256, sizeof oid_p256))
        return "P-256";
    *size = 48;
    if (params_are(o, oid_p384, sizeof oid_p384))
        return "P-384";
    *size = 66;
    return params_are(o, oid_p521, sizeof oid_p521) ? "P-521" : NULL;
}

size_t key_size_of(const struct object *o)
{
    const struct attribute *n = attribute_of(o, CKA_MODULUS);
    if (o->family == FAMILY_RSA && n) {
        size_t zeros = 0;
        while (zeros < n->size && !n->value[zeros])
            zeros++;
        return n->size - zeros;
    }
    size_t size;
    return o->family != FAMILY_RSA && curve_of(o, &size) ? size : 0;
}

/* The point: in an OCTET STRING as the standard wants it, or bare as some write it. */
static const uint8_t *point_of(const struct object *o, size_t *size)
{
    const struct attribute *a = attribute_of(o, CKA_EC_POINT);
    const size_t want = 1 + 2 * key_size_of(o);
    *size = want;
    if (!a || want == 1)
        return NULL;
    if (a->size == want && a->value[0] == 4)
        return a->value;
    const size_t head = want < 128 ? 2 : 3; /* of the OCTET STRING */
    if (a->size != want + head || a->value[0] != 4 || a->value[head - 1] != want ||
        a->value[head] != 4)
        return NULL;
    return a->value + head;
}

bool sm2_public_of(const struct object *o, uint8_t out[64])
{
    size_t size;
    const uint8_t *point = o->family == FAMILY_SM2 ? point_of(o, &size) : NULL;
    if (point)
        memcpy(out, point + 1, 64);
    return point != NULL;
}

struct parts {
    OSSL_PARAM_BLD *build;
    BIGNUM *number[8];
    int numbers;
    bool bad;
};

static void part(struct parts *p, const struct object *o, CK_ATTRIBUTE_TYPE type, const char *name,
                 bool needed)
{
    const struct attribute *a = attribute_of(o, type);
    if (!a || !a->size) {
        p->bad |= needed;
        return;
    }
    BIGNUM *n = BN_bin2bn(a->value, (int)a->size, NULL);
    if (!n) {
        p->bad = true;
        return;
    }
    p->number[p->numbers++] = n;
    p->bad |= !OSSL_PARAM_BLD_push_BN(p->build, name, n);
}

static EVP_PKEY *build(struct parts *p, const char *algorithm, bool with_private)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = p->bad ? NULL : OSSL_PARAM_BLD_to_param(p->build);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(crypto_context(), algorithm, NULL);
    if (params && c && EVP_PKEY_fromdata_init(c) > 0)
        EVP_PKEY_fromdata(c, &key, with_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(c);
    OSSL_PARAM_free(params);
    return key;
}

static EVP_PKEY *rsa_key(struct parts *p, const struct object *o, bool with_private)
{
    part(p, o, CKA_MODULUS, OSSL_PKEY_PARAM_RSA_N, true);
    part(p, o, CKA_PUBLIC_EXPONENT, OSSL_PKEY_PARAM_RSA_E, true);
    if (with_private) {
        part(p, o, CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D, true);
        const struct attribute *c = attribute_of(o, CKA_COEFFICIENT);
        if (c && c->size) {
            part(p, o, CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1, true);
            part(p, o, CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2, true);
            part(p, o, CKA_EXPONENT_1, OSSL_PKEY_PARAM_RSA_EXPONENT1, true);
            part(p, o, CKA_EXPONENT_2, OSSL_PKEY_PARAM_RSA_EXPONENT2, true);
            part(p, o, CKA_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, true);
        }
    }
    return build(p, "RSA", with_private);
}

static EVP_PKEY *ec_key(struct parts *p, const struct object *o, bool with_private)
{
    size_t size;
    const char *curve = curve_of(o, &size);
    const uint8_t *point = point_of(o, &size);
    if (!curve || (!point && !with_private))
        return NULL;
    p->bad |= !OSSL_PARAM_BLD_push_utf8_string(p->build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0);
    if (point)
        p->bad |= !OSSL_PARAM_BLD_push_octet_string(p->build, OSSL_PKEY_PARAM_PUB_KEY, point, size);
    if (with_private)
        part(p, o, CKA_VALUE, OSSL_PKEY_PARAM_PRIV_KEY, true);
    return build(p, o->family == FAMILY_SM2 ? "SM2" : "EC", with_private);
}

EVP_PKEY *key_of_object(const struct object *o, bool with_private)
{
    if (!crypto_context())
        return NULL;
    struct parts p = {.build = OSSL_PARAM_BLD_new()};
    EVP_PKEY *key = NULL;
    if (p.build)
        key = o->family == FAMILY_RSA ? rsa_key(&p, o, with_private) : ec_key(&p, o, with_private);
    for (int i = 0; i < p.numbers; i++)
        BN_clear_free(p.number[i]);
    OSSL_PARAM_BLD_free(p.build);
    return key;
}

/* ------------------------------------------------------------------ attributes of a device's key
 */

static CK_RV rsa_attributes(struct object *o, const uint8_t *e_n, size_t size)
{
    size_t zeros = 0;
    while (zeros < 3 && !e_n[zeros])
        zeros++;
    CK_RV rv = attribute_set(o, CKA_PUBLIC_EXPONENT, e_n + zeros, 4 - zeros);
    if (rv == CKR_OK)
        rv = attribute_set(o, CKA_MODULUS, e_n + 4, size - 4);
    if (rv == CKR_OK && o->class == CKO_PUBLIC_KEY)
        rv = attribute_set_ulong(o, CKA_MODULUS_BITS, 8 * (size - 4));
    return rv;
}

/* The point as an uncompressed one in an OCTET STRING */
static CK_RV point_attribute(struct object *o, const uint8_t *point, size_t size)
{
    uint8_t string[3 + 96] = {4, (uint8_t)(size + 1), 4};
    if (size > 96)
        return CKR_GENERAL_ERROR;
    memcpy(string + 3, point, size);
    return attribute_set(o, CKA_EC_POINT, string, size + 3);
}

static CK_RV curve_attributes(struct object *o, uint8_t type, const uint8_t *point, size_t size)
{
    const CK_RV rv =
        type == HUFU_KEY_P384   ? attribute_set(o, CKA_EC_PARAMS, oid_p384, sizeof oid_p384)
        : type == HUFU_KEY_P256 ? attribute_set(o, CKA_EC_PARAMS, oid_p256, sizeof oid_p256)
                                : attribute_set(o, CKA_EC_PARAMS, oid_sm2, sizeof oid_sm2);
    return rv == CKR_OK ? point_attribute(o, point, size) : rv;
}

CK_RV public_attributes(struct object *o, uint8_t type, const uint8_t *public_key, size_t size)
{
    uint8_t der[600];
    size_t der_size = sizeof der;
    CK_RV rv = CKR_GENERAL_ERROR;
    if (o->family == FAMILY_RSA && size > 4)
        rv = rsa_attributes(o, public_key, size);
    else if (o->family != FAMILY_RSA && size == hufu_public_size(type))
        rv = curve_attributes(o, type, public_key, size);
    if (rv == CKR_OK && hufu_public_to_spki(type, public_key, size, der, &der_size) == HUFU_OK)
        rv = attribute_set(o, CKA_PUBLIC_KEY_INFO, der, der_size);
    o->complete = rv == CKR_OK;
    return rv;
}

const char *cipher_name(CK_KEY_TYPE type, size_t key_size, const char *mode)
{
    static _Thread_local char name[24];
    if (type == CKK_AES && (key_size == 16 || key_size == 24 || key_size == 32))
        snprintf(name, sizeof name, "AES-%zu-%s", 8 * key_size, mode);
    else if ((type == CKK_SM4 || type == CKK_SM4_OTHER) && key_size == 16)
        snprintf(name, sizeof name, "SM4-%s", mode);
    else
        return NULL;
    return name;
}
