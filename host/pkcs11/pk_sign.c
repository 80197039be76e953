/*
 * Signatures with RSA, ECDSA and SM2. Messages are hashed here (for SM2 with Z in front); the
 * device signs the digest. Verifying needs nothing secret: libcrypto does it, and the device for
 * SM2.
 */
#include "host/pkcs11/operation.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <string.h>

enum { MESSAGE_MAX = 1 << 24 };

/* ------------------------------------------------------------------ parameters */

static CK_RV pss_begin(struct operation *op, const CK_MECHANISM *m)
{
    CK_RSA_PKCS_PSS_PARAMS p;
    if (m->ulParameterLen != sizeof p)
        return CKR_MECHANISM_PARAM_INVALID;
    memcpy(&p, m->pParameter, sizeof p);
    const enum hash hash = hash_of_mechanism(p.hashAlg);
    op->mgf = hash_of_mgf(p.mgf);
    op->salt = p.sLen;
    if (!hash_device(hash) || op->mgf == HASH_NONE || (op->m->hash && op->m->hash != hash) ||
        p.sLen > HUFU_SIGNATURE_MAX || p.sLen + hash_size(hash) + 2 > key_size_of(op->key))
        return CKR_MECHANISM_PARAM_INVALID;
    op->hash = hash;
    return CKR_OK;
}

/* Z = SM3(ENTL || ID || a || b || xG || yG || xA || yA), GB/T 32918.2 5.5 */
CK_RV sm2_begin_z(EVP_MD_CTX *md, const struct object *key, const struct bytes *id)
{
    static const uint8_t curve[128] = {
        0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xfc, 0x28, 0xe9, 0xfa, 0x9e, 0x9d, 0x9f, 0x5e, 0x34, 0x4d, 0x5a, 0x9e, 0x4b, 0xcf,
        0x65, 0x09, 0xa7, 0xf3, 0x97, 0x89, 0xf5, 0x15, 0xab, 0x8f, 0x92, 0xdd, 0xbc, 0xbd, 0x41,
        0x4d, 0x94, 0x0e, 0x93, 0x32, 0xc4, 0xae, 0x2c, 0x1f, 0x19, 0x81, 0x19, 0x5f, 0x99, 0x04,
        0x46, 0x6a, 0x39, 0xc9, 0x94, 0x8f, 0xe3, 0x0b, 0xbf, 0xf2, 0x66, 0x0b, 0xe1, 0x71, 0x5a,
        0x45, 0x89, 0x33, 0x4c, 0x74, 0xc7, 0xbc, 0x37, 0x36, 0xa2, 0xf4, 0xf6, 0x77, 0x9c, 0x59,
        0xbd, 0xce, 0xe3, 0x6b, 0x69, 0x21, 0x53, 0xd0, 0xa9, 0x87, 0x7c, 0xc6, 0x2a, 0x47, 0x40,
        0x02, 0xdf, 0x32, 0xe5, 0x21, 0x39, 0xf0, 0xa0};
    uint8_t point[64], z[32], entl[2];
    unsigned size = sizeof z;
    const EVP_MD *sm3 = hash_md(HASH_SM3);
    if (!sm2_public_of(key, point))
        return CKR_KEY_TYPE_INCONSISTENT;
    entl[0] = (uint8_t)(id->size * 8 >> 8);
    entl[1] = (uint8_t)(id->size * 8);
    if (!sm3 || EVP_DigestInit_ex2(md, sm3, NULL) <= 0 || EVP_DigestUpdate(md, entl, 2) <= 0 ||
        EVP_DigestUpdate(md, id->data, id->size) <= 0 ||
        EVP_DigestUpdate(md, curve, sizeof curve) <= 0 || EVP_DigestUpdate(md, point, 64) <= 0 ||
        EVP_DigestFinal_ex(md, z, &size) <= 0 || EVP_DigestInit_ex2(md, sm3, NULL) <= 0 ||
        EVP_DigestUpdate(md, z, sizeof z) <= 0)
        return CKR_GENERAL_ERROR;
    return CKR_OK;
}

/* The parameter is the signer's ID. */
static CK_RV sm2_z_begin(struct operation *op, const CK_MECHANISM *m)
{
    static const char usual[] = "1234567812345678";
    const bool given = m->ulParameterLen != 0;
    if (m->ulParameterLen > ID_SIZE_MAX)
        return CKR_MECHANISM_PARAM_INVALID;
    if (!bytes_add(&op->extra, given ? m->pParameter : usual,
                   given ? m->ulParameterLen : sizeof usual - 1))
        return CKR_HOST_MEMORY;
    op->hash = HASH_SM3;
    op->md = EVP_MD_CTX_new();
    return op->md ? sm2_begin_z(op->md, op->key, &op->extra) : CKR_HOST_MEMORY;
}

static CK_RV begin(struct operation *op, struct slot *slot, const CK_MECHANISM *m)
{
    (void)slot;
    if (op->m->scheme == SM2_SIGN_Z)
        return sm2_z_begin(op, m);
    if (op->m->scheme == RSA_PSS) {
        const CK_RV rv = pss_begin(op, m);
        if (rv != CKR_OK)
            return rv;
    } else if (m->ulParameterLen && op->m->scheme != SM2_SIGN) {
        return CKR_MECHANISM_PARAM_INVALID;
    }
    if (!op->m->hash)
        return CKR_OK;
    op->md = EVP_MD_CTX_new();
    if (!op->md || !hash_md(op->m->hash) ||
        EVP_DigestInit_ex2(op->md, hash_md(op->m->hash), NULL) <= 0)
        return CKR_GENERAL_ERROR;
    return CKR_OK;
}

/* ------------------------------------------------------------------ what is signed */

static size_t size_of(const struct operation *op)
{
    if (op->m->der)
        return 72;
    return op->key->family == FAMILY_RSA ? key_size_of(op->key) : 2 * key_size_of(op->key);
}

/* The most that can be signed without a hash */
static size_t most(const struct operation *op)
{
    const size_t k = key_size_of(op->key);
    switch (op->m->scheme) {
    case RSA_PKCS1:
        return k - 11;
    case RSA_PSS:
        return hash_size(op->hash);
    case SM2_SIGN:
        return 32;
    case EDDSA:
        return MESSAGE_MAX; /* the whole message is in the signature twice */
    case DSA_SIGN:
    case ECDSA:
        return 64; /* of a longer digest the front counts */
    default:
        return k;
    }
}

static CK_RV update(struct operation *op, const uint8_t *data, size_t n)
{
    if (op->md)
        return EVP_DigestUpdate(op->md, data, n) > 0 ? CKR_OK : CKR_GENERAL_ERROR;
    if (n > most(op) - op->in.size)
        return CKR_DATA_LEN_RANGE;
    return bytes_add(&op->in, data, n) ? CKR_OK : CKR_HOST_MEMORY;
}

/* The digest, or what was given as one. */
static CK_RV input(struct operation *op, uint8_t digest[HASH_MAX], const uint8_t **data, size_t *n)
{
    unsigned size = HASH_MAX;
    *data = op->in.data;
    *n = op->in.size;
    if (op->md) {
        if (EVP_DigestFinal_ex(op->md, digest, &size) <= 0)
            return CKR_GENERAL_ERROR;
        *data = digest;
        *n = size;
    }
    if ((op->m->scheme == RSA_PSS && *n != hash_size(op->hash)) ||
        (op->m->scheme == SM2_SIGN && *n != 32))
        return CKR_DATA_LEN_RANGE;
    if (op->m->scheme == RSA_RAW) {
        if (!front_zeros(op))
            return CKR_HOST_MEMORY;
        *data = op->in.data;
        *n = op->in.size;
    }
    return CKR_OK;
}

/* ------------------------------------------------------------------ signing in the device */

static CK_RV device_sign(struct operation *op, struct slot *slot, const struct hufu_signing *how,
                         const void *data, size_t n, uint8_t *out, size_t *out_size)
{
    struct use u = {0};
    uint8_t signature[HUFU_SIGNATURE_MAX];
    size_t size = sizeof signature;
    CK_RV rv;
    do {
        rv = use_begin(&u, slot);
        if (rv == CKR_OK)
            rv = use_end(&u, hufu_sign(u.session, op->key->device, how, data, n, signature, &size));
    } while (use_again(&u, rv));
    if (rv == CKR_OK && size > *out_size)
        rv = CKR_GENERAL_ERROR;
    if (rv == CKR_OK) {
        memcpy(out, signature, size);
        *out_size = size;
    }
    return rv;
}

/* DigestInfo in front of a digest */
static size_t with_info(enum hash hash, const uint8_t *digest, size_t n, uint8_t out[128])
{
    size_t info;
    const uint8_t *front = digest_info(hash, &info);
    memcpy(out, front, info);
    memcpy(out + info, digest, n);
    return info + n;
}

static CK_RV rsa_sign(struct operation *op, struct slot *slot, const uint8_t *data, size_t n,
                      uint8_t *out, size_t *out_size)
{
    uint8_t info[128], em[HUFU_SIGNATURE_MAX];
    struct hufu_signing how = {.scheme = HUFU_SIGN_RSA_PKCS1};
    if (op->m->scheme == RSA_RAW) {
        how.scheme = HUFU_SIGN_RSA_RAW;
    } else if (op->m->scheme == RSA_PSS && (op->mgf != op->hash || op->hash == HASH_SHA1)) {
        /* what the device does not make: here, and the bare operation there */
        const CK_RV rv = pss_encode(slot, op, data, em);
        if (rv != CKR_OK)
            return rv;
        how.scheme = HUFU_SIGN_RSA_RAW;
        data = em;
        n = key_size_of(op->key);
    } else if (op->m->scheme == RSA_PSS) {
        how.scheme = HUFU_SIGN_RSA_PSS;
        how.hash = hash_device(op->hash);
        how.salt = (uint16_t)op->salt;
    } else if (op->md) {
        n = with_info(op->hash, data, n, info);
        data = info;
    }
    return device_sign(op, slot, &how, data, n, out, out_size);
}

static CK_RV sm2_sign(struct operation *op, struct slot *slot, const uint8_t *data, size_t n,
                      uint8_t *out, size_t *out_size)
{
    const struct hufu_signing how = {.scheme = HUFU_SIGN_SM2};
    uint8_t signature[HUFU_SM2_SIGNATURE_SIZE];
    size_t size = sizeof signature;
    if (!op->m->der)
        return device_sign(op, slot, &how, data, n, out, out_size);
    const CK_RV rv = device_sign(op, slot, &how, data, n, signature, &size);
    return rv == CKR_OK ? ckr_of(hufu_sm2_signature_to_der(signature, out, out_size)) : rv;
}

static CK_RV ec_sign(struct operation *op, struct slot *slot, const uint8_t *data, size_t n,
                     uint8_t *out, size_t *out_size)
{
    const struct hufu_signing how = {.scheme = HUFU_SIGN_ECDSA};
    return n ? device_sign(op, slot, &how, data, n, out, out_size) : CKR_DATA_LEN_RANGE;
}

/* Only what is below the modulus can be signed as it is. */
static bool in_range(const struct operation *op, const uint8_t *data, size_t n)
{
    const struct attribute *modulus = attribute_of(op->key, CKA_MODULUS);
    return op->m->scheme != RSA_RAW || !modulus || modulus->size != n ||
           memcmp(data, modulus->value, n) < 0;
}

static CK_RV finish(struct operation *op, struct slot *slot, uint8_t *out, size_t *out_size)
{
    uint8_t digest[HASH_MAX];
    const uint8_t *data;
    size_t n;
    CK_RV rv = input(op, digest, &data, &n);
    if (rv != CKR_OK)
        return rv;
    if (!in_range(op, data, n))
        return CKR_DATA_INVALID;
    if (!key_in_device(op->key))
        return soft_sign(op, data, n, out, out_size);
    if (op->key->family == FAMILY_EC)
        return ec_sign(op, slot, data, n, out, out_size);
    return op->key->family == FAMILY_RSA ? rsa_sign(op, slot, data, n, out, out_size)
                                         : sm2_sign(op, slot, data, n, out, out_size);
}

/* ------------------------------------------------------------------ verifying */

static CK_RV sm2_check(struct operation *op, struct slot *slot, const uint8_t *data, size_t n,
                       const uint8_t *signature, size_t size)
{
    uint8_t point[64], plain[HUFU_SM2_SIGNATURE_SIZE];
    const struct hufu_signing how = {.scheme = HUFU_SIGN_SM2};
    const struct hufu_key key = {0, HUFU_KEY_SM2, point, sizeof point};
    struct use u = {0};
    CK_RV rv;
    if (op->m->der) {
        if (hufu_sm2_signature_from_der(signature, size, plain))
            return CKR_SIGNATURE_INVALID;
        signature = plain;
        size = sizeof plain;
    }
    if (size != HUFU_SM2_SIGNATURE_SIZE)
        return CKR_SIGNATURE_LEN_RANGE;
    if (!sm2_public_of(op->key, point))
        return CKR_KEY_TYPE_INCONSISTENT;
    do {
        rv = use_begin(&u, slot);
        if (rv == CKR_OK)
            rv = use_end(&u,
                         hufu_verify(hufu_nobody(u.device), &key, &how, data, n, signature, size));
    } while (use_again(&u, rv));
    return rv;
}

static CK_RV check(struct operation *op, struct slot *slot, const uint8_t *signature, size_t size)
{
    uint8_t digest[HASH_MAX];
    const uint8_t *data;
    size_t n;
    CK_RV rv = input(op, digest, &data, &n);
    if (rv != CKR_OK)
        return rv;
    if (op->key->family == FAMILY_SM2)
        return sm2_check(op, slot, data, n, signature, size);
    if (size != size_of(op))
        return CKR_SIGNATURE_LEN_RANGE;
    return soft_check(op, data, n, signature, size);
}

const struct sign_ops sign_pk = {begin, update, size_of, finish, check};
