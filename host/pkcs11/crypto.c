#include "host/pkcs11/crypto.h"

#include "host/pkcs11/object.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ the context */

/*
 * Made once by the first C_Initialize, and never freed: a process that ends may work on and call
 * C_Finalize after libcrypto has cleaned up.
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
    [HASH_MD5] = {"MD5",
                  16,
                  HUFU_DIGEST_NONE,
                  CKM_MD5,
                  0,
                  {18, 0x30, 0x20, 0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02,
                   0x05, 0x05, 0x00, 0x04, 0x10}},
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
    /* nothing can be made any more in a process that ends and has cleaned up libcrypto */
    OSSL_LIB_CTX *c = OPENSSL_init_crypto(0, NULL) ? OSSL_LIB_CTX_new() : NULL;
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

/* The point: in an OCTET STRING as the standard wants it, or bare as some write it. */
static const uint8_t *point_of(const struct object *o, size_t *size)
{
    const struct attribute *a = attribute_of(o, CKA_EC_POINT);
    return a ? curve_point(o, a->value, a->size, size) : NULL;
}

bool sm2_public_of(const struct object *o, uint8_t out[64])
{
    size_t size;
    const uint8_t *point = o->family == FAMILY_SM2 ? point_of(o, &size) : NULL;
    const bool whole = point && size == 65;
    if (whole)
        memcpy(out, point + 1, 64);
    return whole;
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

static EVP_PKEY *build(struct parts *p, const char *algorithm, int selection)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = p->bad ? NULL : OSSL_PARAM_BLD_to_param(p->build);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(crypto_context(), algorithm, NULL);
    if (params && c && EVP_PKEY_fromdata_init(c) > 0)
        EVP_PKEY_fromdata(c, &key, selection, params);
    EVP_PKEY_CTX_free(c);
    OSSL_PARAM_free(params);
    return key;
}

static int selected(bool with_private)
{
    return with_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
}

/* A private key that came without its public exponent: one of the usual ones. */
static void usual_exponent(struct parts *p, const struct object *o)
{
    static const BN_ULONG usual[] = {65537, 3, 17, 5, 257};
    const struct attribute *modulus = attribute_of(o, CKA_MODULUS),
                           *exponent = attribute_of(o, CKA_PRIVATE_EXPONENT);
    BIGNUM *n = modulus ? BN_bin2bn(modulus->value, (int)modulus->size, NULL) : NULL;
    BIGNUM *d = exponent ? BN_secure_new() : NULL;
    BIGNUM *e = BN_new(), *two = BN_new(), *r = BN_new();
    BN_CTX *c = BN_CTX_new();
    bool found = n && d && e && two && r && c && BN_set_word(two, 2) &&
                 BN_bin2bn(exponent->value, (int)exponent->size, d) != NULL;
    if (found) {
        BN_set_flags(d, BN_FLG_CONSTTIME);
        found = BN_mod_exp(two, two, d, n, c) > 0;
    }
    const bool ready = found;
    found = false;
    for (size_t i = 0; ready && !found && i < sizeof usual / sizeof *usual; i++)
        found = BN_set_word(e, usual[i]) && BN_mod_exp(r, two, e, n, c) && BN_is_word(r, 2);
    p->bad |= !found || !OSSL_PARAM_BLD_push_BN(p->build, OSSL_PKEY_PARAM_RSA_E, e);
    p->number[p->numbers++] = e;
    BN_CTX_free(c);
    BN_free(r);
    BN_free(two);
    BN_clear_free(d);
    BN_free(n);
}

static EVP_PKEY *rsa_key(struct parts *p, const struct object *o, bool with_private)
{
    part(p, o, CKA_MODULUS, OSSL_PKEY_PARAM_RSA_N, true);
    const struct attribute *e = attribute_of(o, CKA_PUBLIC_EXPONENT);
    if (with_private && (!e || !e->size))
        usual_exponent(p, o);
    else
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
    return build(p, "RSA", selected(with_private));
}

static EVP_PKEY *ec_key(struct parts *p, const struct object *o, bool with_private)
{
    size_t size;
    const char *curve = curve_of(o);
    const uint8_t *point = point_of(o, &size);
    if (!curve || (!point && !with_private))
        return NULL;
    p->bad |= !OSSL_PARAM_BLD_push_utf8_string(p->build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0);
    if (point)
        p->bad |= !OSSL_PARAM_BLD_push_octet_string(p->build, OSSL_PKEY_PARAM_PUB_KEY, point, size);
    if (with_private)
        part(p, o, CKA_VALUE, OSSL_PKEY_PARAM_PRIV_KEY, true);
    return build(p, o->family == FAMILY_SM2 ? "SM2" : "EC", selected(with_private));
}

static const char *ffc_name(const struct object *o)
{
    return o->family == FAMILY_DSA ? "DSA" : "DH";
}

static void ffc_parts(struct parts *p, const struct object *o)
{
    part(p, o, CKA_PRIME, OSSL_PKEY_PARAM_FFC_P, true);
    if (o->family == FAMILY_DSA)
        part(p, o, CKA_SUBPRIME, OSSL_PKEY_PARAM_FFC_Q, true);
    part(p, o, CKA_BASE, OSSL_PKEY_PARAM_FFC_G, true);
}

/* libcrypto wants the public number, too: g^x mod p. */
static void ffc_public(struct parts *p, const BIGNUM *x)
{
    const BIGNUM *prime = p->number[0], *base = p->number[p->numbers - 2];
    BN_CTX *c = BN_CTX_secure_new();
    BIGNUM *y = BN_new(), *secret = BN_dup(x);
    if (secret)
        BN_set_flags(secret, BN_FLG_CONSTTIME);
    p->bad |= !c || !y || !secret || !BN_mod_exp(y, base, secret, prime, c) ||
              !OSSL_PARAM_BLD_push_BN(p->build, OSSL_PKEY_PARAM_PUB_KEY, y);
    p->number[p->numbers++] = y;
    BN_clear_free(secret);
    BN_CTX_free(c);
}

static EVP_PKEY *ffc_key(struct parts *p, const struct object *o, bool with_private)
{
    ffc_parts(p, o);
    part(p, o, CKA_VALUE, with_private ? OSSL_PKEY_PARAM_PRIV_KEY : OSSL_PKEY_PARAM_PUB_KEY, true);
    if (!p->bad && with_private)
        ffc_public(p, p->number[p->numbers - 1]);
    return build(p, ffc_name(o), selected(with_private));
}

static EVP_PKEY *ffc_parameters_key(struct parts *p, const struct object *o, bool with_private)
{
    (void)with_private;
    ffc_parts(p, o);
    return build(p, ffc_name(o), EVP_PKEY_KEY_PARAMETERS);
}

static EVP_PKEY *key_of_parts(const struct object *o, bool with_private,
                              EVP_PKEY *(*make)(struct parts *, const struct object *, bool))
{
    if (!crypto_context())
        return NULL;
    struct parts p = {.build = OSSL_PARAM_BLD_new()};
    EVP_PKEY *key = p.build ? make(&p, o, with_private) : NULL;
    for (int i = 0; i < p.numbers; i++)
        BN_clear_free(p.number[i]);
    OSSL_PARAM_BLD_free(p.build);
    return key;
}

/* The point in an OCTET STRING, or bare */
static EVP_PKEY *edwards_key(const struct object *o, bool with_private)
{
    const char *name = edwards_name(o);
    const size_t size = key_size_of(o);
    const struct attribute *a = attribute_of(o, with_private ? CKA_VALUE : CKA_EC_POINT);
    if (!name || !a || !crypto_context())
        return NULL;
    if (with_private)
        return EVP_PKEY_new_raw_private_key_ex(crypto_context(), name, NULL, a->value, a->size);
    const bool string = a->size == size + 2 && a->value[0] == 4 && a->value[1] == size;
    return EVP_PKEY_new_raw_public_key_ex(crypto_context(), name, NULL, a->value + (string ? 2 : 0),
                                          a->size - (string ? 2 : 0));
}

EVP_PKEY *key_of_object(const struct object *o, bool with_private)
{
    if (o->family == FAMILY_EDWARDS)
        return edwards_key(o, with_private);
    const bool ffc = o->family == FAMILY_DSA || o->family == FAMILY_DH;
    return key_of_parts(o, with_private,
                        ffc                       ? ffc_key
                        : o->family == FAMILY_RSA ? rsa_key
                                                  : ec_key);
}

EVP_PKEY *ffc_parameters(const struct object *o)
{
    return key_of_parts(o, false, ffc_parameters_key);
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
