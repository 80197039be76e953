/* The table of mechanisms: numbers, keys, sizes, uses, and who does the work. */
#include "host/pkcs11/operation.h"

#include <string.h>

#define ANY_KEY       CKK_VENDOR_DEFINED
#define SIGNS         (CKF_SIGN | CKF_VERIFY)
#define RECOVERS      (CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER)
#define CRYPTS        (CKF_ENCRYPT | CKF_DECRYPT)
#define WRAPS         (CKF_WRAP | CKF_UNWRAP)
#define MESSAGES      (CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT)
#define MESSAGE_SIGNS (CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY)
#define CURVES        (CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS)

#define RSA_SIGN(type, scheme, hash)                                                               \
    {                                                                                              \
        type, scheme, hash, CKK_RSA, FAMILY_RSA, 512, 4096, SIGNS | MESSAGE_SIGNS,                 \
            .sign = &sign_pk                                                                       \
    }
#define EC_SIGN(type, hash)                                                                        \
    {                                                                                              \
        type, ECDSA, hash, CKK_EC, FAMILY_EC, 112, 521, SIGNS | MESSAGE_SIGNS | CURVES,            \
            .sign = &sign_pk                                                                       \
    }
#define DSA_SIGNS(type, hash)                                                                      \
    {                                                                                              \
        type, DSA_SIGN, hash, CKK_DSA, FAMILY_DSA, 512, 3072, SIGNS, .sign = &sign_pk              \
    }
#define SM2_ROW(type, scheme, flags) type, scheme, HASH_NONE, ANY_KEY, FAMILY_SM2, 256, 256, flags
#define HMACS(type, key, hash)                                                                     \
    {type, HMAC, hash, key, FAMILY_SECRET, 0, 4096, SIGNS | MESSAGE_SIGNS, .sign = &sign_hmac},    \
    {                                                                                              \
        (type) + 1, HMAC, hash, key, FAMILY_SECRET, 0, 4096, SIGNS, .sign = &sign_hmac,            \
                                                                    .general = true                \
    }
#define DIGESTS(type, hash)                                                                        \
    {                                                                                              \
        type, DIGEST, hash, 0, FAMILY_NONE, 0, 0, CKF_DIGEST, .luna = false                        \
    }
#define BLOCK(type, scheme, key, min, max, flags)                                                  \
    {                                                                                              \
        type, scheme, HASH_NONE, key, FAMILY_SECRET, min, max, flags, .cipher = &cipher_block      \
    }
/* The cipher encrypts data, which becomes the key. */
#define DATA_DERIVE(type, scheme, key, min, max)                                                   \
    {                                                                                              \
        type, scheme, HASH_NONE, key, FAMILY_SECRET, min, max, CKF_DERIVE, .cipher = &cipher_block \
    }
#define VALUE_DERIVE(type)                                                                         \
    {                                                                                              \
        type, CONCATENATE, HASH_NONE, ANY_KEY, FAMILY_SECRET, 1, 4096, CKF_DERIVE, .luna = false   \
    }

static const struct mechanism table[] = {
    {CKM_RSA_PKCS_KEY_PAIR_GEN, RSA_GENERATE, HASH_NONE, CKK_RSA, FAMILY_RSA, 512, 4096,
     CKF_GENERATE_KEY_PAIR, .luna = false},
    {CKM_RSA_PKCS, RSA_PKCS1, HASH_NONE, CKK_RSA, FAMILY_RSA, 512, 4096,
     SIGNS | RECOVERS | CRYPTS | WRAPS | MESSAGE_SIGNS, .sign = &sign_pk, .cipher = &cipher_pk},
    {CKM_RSA_X_509, RSA_RAW, HASH_NONE, CKK_RSA, FAMILY_RSA, 512, 4096,
     SIGNS | RECOVERS | CRYPTS | WRAPS, .sign = &sign_pk, .cipher = &cipher_pk},
    {CKM_RSA_PKCS_OAEP, RSA_OAEP, HASH_NONE, CKK_RSA, FAMILY_RSA, 512, 4096, CRYPTS | WRAPS,
     .cipher = &cipher_pk},
    RSA_SIGN(CKM_RSA_PKCS_PSS, RSA_PSS, HASH_NONE),
    RSA_SIGN(CKM_MD5_RSA_PKCS, RSA_PKCS1, HASH_MD5),
    RSA_SIGN(CKM_SHA1_RSA_PKCS, RSA_PKCS1, HASH_SHA1),
    RSA_SIGN(CKM_SHA224_RSA_PKCS, RSA_PKCS1, HASH_SHA224),
    RSA_SIGN(CKM_SHA256_RSA_PKCS, RSA_PKCS1, HASH_SHA256),
    RSA_SIGN(CKM_SHA384_RSA_PKCS, RSA_PKCS1, HASH_SHA384),
    RSA_SIGN(CKM_SHA512_RSA_PKCS, RSA_PKCS1, HASH_SHA512),
    RSA_SIGN(CKM_SHA1_RSA_PKCS_PSS, RSA_PSS, HASH_SHA1),
    RSA_SIGN(CKM_SHA224_RSA_PKCS_PSS, RSA_PSS, HASH_SHA224),
    RSA_SIGN(CKM_SHA256_RSA_PKCS_PSS, RSA_PSS, HASH_SHA256),
    RSA_SIGN(CKM_SHA384_RSA_PKCS_PSS, RSA_PSS, HASH_SHA384),
    RSA_SIGN(CKM_SHA512_RSA_PKCS_PSS, RSA_PSS, HASH_SHA512),
    /* curves */
    {CKM_EC_KEY_PAIR_GEN, EC_GENERATE, HASH_NONE, CKK_EC, FAMILY_EC, 112, 521,
     CKF_GENERATE_KEY_PAIR | CURVES, .luna = false},
    EC_SIGN(CKM_ECDSA, HASH_NONE),
    EC_SIGN(CKM_ECDSA_SHA1, HASH_SHA1),
    EC_SIGN(CKM_ECDSA_SHA224, HASH_SHA224),
    EC_SIGN(CKM_ECDSA_SHA256, HASH_SHA256),
    EC_SIGN(CKM_ECDSA_SHA384, HASH_SHA384),
    EC_SIGN(CKM_ECDSA_SHA512, HASH_SHA512),
    {CKM_ECDH1_DERIVE, ECDH, HASH_NONE, CKK_EC, FAMILY_EC, 112, 521, CKF_DERIVE | CURVES,
     .luna = false},
    {CKM_ECDH1_COFACTOR_DERIVE, ECDH, HASH_NONE, CKK_EC, FAMILY_EC, 112, 521, CKF_DERIVE | CURVES,
     .luna = false},
    /* in this process */
    {CKM_EC_EDWARDS_KEY_PAIR_GEN, EDWARDS_GENERATE, HASH_NONE, CKK_EC_EDWARDS, FAMILY_EDWARDS, 255,
     448, CKF_GENERATE_KEY_PAIR | CURVES, .luna = false},
    {CKM_EDDSA, EDDSA, HASH_NONE, CKK_EC_EDWARDS, FAMILY_EDWARDS, 255, 448, SIGNS | CURVES,
     .sign = &sign_pk},
    {CKM_DSA_PARAMETER_GEN, PARAMETERS_GENERATE, HASH_NONE, CKK_DSA, FAMILY_DSA, 512, 3072,
     CKF_GENERATE, .luna = false},
    {CKM_DSA_KEY_PAIR_GEN, DSA_GENERATE, HASH_NONE, CKK_DSA, FAMILY_DSA, 512, 3072,
     CKF_GENERATE_KEY_PAIR, .luna = false},
    DSA_SIGNS(CKM_DSA, HASH_NONE),
    DSA_SIGNS(CKM_DSA_SHA1, HASH_SHA1),
    DSA_SIGNS(CKM_DSA_SHA224, HASH_SHA224),
    DSA_SIGNS(CKM_DSA_SHA256, HASH_SHA256),
    DSA_SIGNS(CKM_DSA_SHA384, HASH_SHA384),
    DSA_SIGNS(CKM_DSA_SHA512, HASH_SHA512),
    {CKM_DH_PKCS_PARAMETER_GEN, PARAMETERS_GENERATE, HASH_NONE, CKK_DH, FAMILY_DH, 512, 8192,
     CKF_GENERATE, .luna = false},
    {CKM_DH_PKCS_KEY_PAIR_GEN, DH_GENERATE, HASH_NONE, CKK_DH, FAMILY_DH, 512, 8192,
     CKF_GENERATE_KEY_PAIR, .luna = false},
    {CKM_DH_PKCS_DERIVE, DH_DERIVE, HASH_NONE, CKK_DH, FAMILY_DH, 512, 8192, CKF_DERIVE,
     .luna = false},
    /* SM2 */
    {SM2_ROW(CKM_SM2_KEY_PAIR_GEN, SM2_GENERATE, CKF_GENERATE_KEY_PAIR), .luna = false},
    {SM2_ROW(CKM_SM2_RAW, SM2_SIGN, SIGNS | MESSAGE_SIGNS), .sign = &sign_pk},
    {SM2_ROW(CKM_SM2_RAW_OLD, SM2_SIGN, SIGNS | MESSAGE_SIGNS), .sign = &sign_pk},
    {SM2_ROW(CKM_SM3_SM2, SM2_SIGN_Z, SIGNS | MESSAGE_SIGNS), .sign = &sign_pk},
    {SM2_ROW(CKM_SM3_SM2_Z, SM2_SIGN_Z, SIGNS | MESSAGE_SIGNS), .sign = &sign_pk},
    {SM2_ROW(CKM_SM3_SM2_DER, SM2_SIGN_Z, SIGNS), .sign = &sign_pk, .der = true},
    {SM2_ROW(CKM_SM3_SM2_Z_DER, SM2_SIGN_Z, SIGNS), .sign = &sign_pk, .der = true},
    {SM2_ROW(CKM_SM2_DERIVE, SM2_EXCHANGE, CKF_DERIVE), .luna = false},
    {SM2_ROW(CKM_SM2_ENCRYPT, SM2_ENCRYPT, CRYPTS | WRAPS), .cipher = &cipher_pk},
    {SM2_ROW(CKM_SM2_ENCRYPT_DER, SM2_ENCRYPT, CRYPTS | WRAPS), .cipher = &cipher_pk, .der = true},
    {SM2_ROW(CKM_LUNA_SM2_GEN, SM2_GENERATE, CKF_GENERATE_KEY_PAIR), .luna = true},
    {SM2_ROW(CKM_LUNA_SM2, SM2_SIGN, SIGNS), .sign = &sign_pk, .luna = true},
    {SM2_ROW(CKM_LUNA_SM3_SM2, SM2_SIGN_Z, SIGNS), .sign = &sign_pk, .luna = true},
    /* digests */
    DIGESTS(CKM_MD5, HASH_MD5),
    DIGESTS(CKM_SHA_1, HASH_SHA1),
    DIGESTS(CKM_SHA224, HASH_SHA224),
    DIGESTS(CKM_SHA256, HASH_SHA256),
    DIGESTS(CKM_SHA384, HASH_SHA384),
    DIGESTS(CKM_SHA512, HASH_SHA512),
    DIGESTS(CKM_SM3, HASH_SM3),
    DIGESTS(CKM_SM3_OLD, HASH_SM3),
    {CKM_LUNA_SM3, DIGEST, HASH_SM3, 0, FAMILY_NONE, 0, 0, CKF_DIGEST, .luna = true},
    /* MACs; of each the next number is the one whose parameter says how long it is */
    HMACS(CKM_MD5_HMAC, CKK_MD5_HMAC, HASH_MD5),
    HMACS(CKM_SHA_1_HMAC, CKK_SHA_1_HMAC, HASH_SHA1),
    HMACS(CKM_SHA224_HMAC, CKK_SHA224_HMAC, HASH_SHA224),
    HMACS(CKM_SHA256_HMAC, CKK_SHA256_HMAC, HASH_SHA256),
    HMACS(CKM_SHA384_HMAC, CKK_SHA384_HMAC, HASH_SHA384),
    HMACS(CKM_SHA512_HMAC, CKK_SHA512_HMAC, HASH_SHA512),
    HMACS(CKM_SM3_HMAC, CKK_GENERIC_SECRET, HASH_SM3),
    {CKM_AES_CMAC, CMAC, HASH_NONE, CKK_AES, FAMILY_SECRET, 16, 32, SIGNS, .sign = &sign_cmac},
    {CKM_AES_CMAC_GENERAL, CMAC, HASH_NONE, CKK_AES, FAMILY_SECRET, 16, 32, SIGNS,
     .sign = &sign_cmac, .general = true},
    {CKM_DES3_CMAC, CMAC, HASH_NONE, CKK_DES3, FAMILY_SECRET, 16, 24, SIGNS, .sign = &sign_cmac},
    {CKM_DES3_CMAC_GENERAL, CMAC, HASH_NONE, CKK_DES3, FAMILY_SECRET, 16, 24, SIGNS,
     .sign = &sign_cmac, .general = true},
    {CKM_SM4_CMAC, CMAC, HASH_NONE, CKK_SM4, FAMILY_SECRET, 16, 16, SIGNS, .sign = &sign_cmac},
    /* secret keys */
    {CKM_GENERIC_SECRET_KEY_GEN, SECRET_GENERATE, HASH_NONE, CKK_GENERIC_SECRET, FAMILY_SECRET, 1,
     4096, CKF_GENERATE, .luna = false},
    {CKM_AES_KEY_GEN, SECRET_GENERATE, HASH_NONE, CKK_AES, FAMILY_SECRET, 16, 32, CKF_GENERATE,
     .luna = false},
    {CKM_SM4_KEY_GEN, SECRET_GENERATE, HASH_NONE, CKK_SM4, FAMILY_SECRET, 16, 16, CKF_GENERATE,
     .luna = false},
    BLOCK(CKM_AES_ECB, ECB, CKK_AES, 16, 32, CRYPTS | WRAPS),
    BLOCK(CKM_AES_CBC, CBC, CKK_AES, 16, 32, CRYPTS | WRAPS),
    BLOCK(CKM_AES_CBC_PAD, CBC_PAD, CKK_AES, 16, 32, CRYPTS | WRAPS),
    BLOCK(CKM_AES_CTR, CTR, CKK_AES, 16, 32, CRYPTS),
    {CKM_AES_GCM, GCM, HASH_NONE, CKK_AES, FAMILY_SECRET, 16, 32, CRYPTS | WRAPS | MESSAGES,
     .cipher = &cipher_gcm},
    {CKM_AES_KEY_WRAP, KEY_WRAP, HASH_NONE, CKK_AES, FAMILY_SECRET, 16, 32, CRYPTS | WRAPS,
     .cipher = &cipher_keywrap},
    {CKM_AES_KEY_WRAP_PAD, KEY_WRAP_PAD, HASH_NONE, CKK_AES, FAMILY_SECRET, 16, 32, CRYPTS | WRAPS,
     .cipher = &cipher_keywrap},
    {CKM_AES_KEY_WRAP_KWP, KEY_WRAP_PAD, HASH_NONE, CKK_AES, FAMILY_SECRET, 16, 32, CRYPTS | WRAPS,
     .cipher = &cipher_keywrap},
    /* for old applications: in this process */
    {CKM_DES_KEY_GEN, SECRET_GENERATE, HASH_NONE, CKK_DES, FAMILY_SECRET, 8, 8, CKF_GENERATE,
     .luna = false},
    {CKM_DES2_KEY_GEN, SECRET_GENERATE, HASH_NONE, CKK_DES2, FAMILY_SECRET, 16, 16, CKF_GENERATE,
     .luna = false},
    {CKM_DES3_KEY_GEN, SECRET_GENERATE, HASH_NONE, CKK_DES3, FAMILY_SECRET, 24, 24, CKF_GENERATE,
     .luna = false},
    BLOCK(CKM_DES_ECB, ECB, CKK_DES, 8, 8, CRYPTS | WRAPS),
    BLOCK(CKM_DES_CBC, CBC, CKK_DES, 8, 8, CRYPTS | WRAPS),
    BLOCK(CKM_DES_CBC_PAD, CBC_PAD, CKK_DES, 8, 8, CRYPTS | WRAPS),
    BLOCK(CKM_DES3_ECB, ECB, CKK_DES3, 16, 24, CRYPTS | WRAPS),
    BLOCK(CKM_DES3_CBC, CBC, CKK_DES3, 16, 24, CRYPTS | WRAPS),
    BLOCK(CKM_DES3_CBC_PAD, CBC_PAD, CKK_DES3, 16, 24, CRYPTS | WRAPS),
    /* keys out of keys */
    DATA_DERIVE(CKM_DES_ECB_ENCRYPT_DATA, ECB, CKK_DES, 8, 8),
    DATA_DERIVE(CKM_DES_CBC_ENCRYPT_DATA, CBC, CKK_DES, 8, 8),
    DATA_DERIVE(CKM_DES3_ECB_ENCRYPT_DATA, ECB, CKK_DES3, 16, 24),
    DATA_DERIVE(CKM_DES3_CBC_ENCRYPT_DATA, CBC, CKK_DES3, 16, 24),
    DATA_DERIVE(CKM_AES_ECB_ENCRYPT_DATA, ECB, CKK_AES, 16, 32),
    DATA_DERIVE(CKM_AES_CBC_ENCRYPT_DATA, CBC, CKK_AES, 16, 32),
    VALUE_DERIVE(CKM_CONCATENATE_BASE_AND_KEY),
    VALUE_DERIVE(CKM_CONCATENATE_BASE_AND_DATA),
    VALUE_DERIVE(CKM_CONCATENATE_DATA_AND_BASE),
    VALUE_DERIVE(CKM_XOR_BASE_AND_DATA),
    BLOCK(CKM_SM4_ECB, ECB, CKK_SM4, 16, 16, CRYPTS | WRAPS),
    BLOCK(CKM_SM4_CBC, CBC, CKK_SM4, 16, 16, CRYPTS | WRAPS),
    BLOCK(CKM_SM4_CBC_PAD, CBC_PAD, CKK_SM4, 16, 16, CRYPTS | WRAPS),
    BLOCK(CKM_SM4_CTR, CTR, CKK_SM4, 16, 16, CRYPTS),
    {CKM_SM4_GCM, GCM, HASH_NONE, CKK_SM4, FAMILY_SECRET, 16, 16, CRYPTS | WRAPS | MESSAGES,
     .cipher = &cipher_gcm},
};
enum { ROWS = sizeof table / sizeof *table };

static bool of_slot(const struct mechanism *m, const struct slot *slot)
{
    return !m->luna || slot->luna;
}

const struct mechanism *mechanism_find(const struct slot *slot, CK_MECHANISM_TYPE type)
{
    for (size_t i = 0; i < ROWS; i++)
        if (table[i].type == type && of_slot(&table[i], slot))
            return &table[i];
    return NULL;
}

static bool sm4_name(CK_KEY_TYPE type)
{
    return type == CKK_SM4 || type == CKK_SM4_OTHER;
}

/* A generic secret makes any HMAC, HMAC keys make their own; triple DES may have two keys. */
static bool secret_fits(const struct mechanism *m, CK_KEY_TYPE type)
{
    if (type == m->key_type || m->key_type == ANY_KEY ||
        (m->key_type == CKK_DES3 && type == CKK_DES2) || (sm4_name(type) && sm4_name(m->key_type)))
        return true;
    return m->scheme == HMAC && type == CKK_GENERIC_SECRET;
}

CK_RV mechanism_fits(const struct mechanism *m, const struct object *key)
{
    if (key->class < CKO_PUBLIC_KEY || key->class > CKO_SECRET_KEY)
        return CKR_KEY_HANDLE_INVALID;
    if (m->family != key->family)
        return CKR_KEY_TYPE_INCONSISTENT;
    return m->family != FAMILY_SECRET || secret_fits(m, key->key_type) ? CKR_OK
                                                                       : CKR_KEY_TYPE_INCONSISTENT;
}

CK_RV C_GetMechanismList(CK_SLOT_ID id, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
    struct slot *slot;
    CK_RV rv = enter_slot(id, &slot);
    if (rv != CKR_OK)
        return rv;
    if (!count)
        return leave(CKR_ARGUMENTS_BAD);
    CK_ULONG n = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if (!of_slot(&table[i], slot))
            continue;
        if (list && n < *count)
            list[n] = table[i].type;
        n++;
    }
    if (list && n > *count)
        rv = CKR_BUFFER_TOO_SMALL;
    *count = n;
    return leave(rv);
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID id, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    struct slot *slot;
    const CK_RV rv = enter_slot(id, &slot);
    if (rv != CKR_OK)
        return rv;
    if (!info)
        return leave(CKR_ARGUMENTS_BAD);
    const struct mechanism *m = mechanism_find(slot, type);
    if (!m)
        return leave(CKR_MECHANISM_INVALID);
    info->ulMinKeySize = m->min;
    info->ulMaxKeySize = m->max;
    info->flags = m->flags;
    return leave(CKR_OK);
}
