/*
 * Key pairs that the device does not make: RSA of other sizes and P-521, as session objects only.
 * Their private parts are in the process, as those of keys that came with their value.
 */
#include "host/pkcs11/operation.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

enum { RSA_LEAST = 1024, RSA_MOST = 4096 };

static CK_RV take_number(struct object *o, EVP_PKEY *key, const char *name, CK_ATTRIBUTE_TYPE type,
                         int pad)
{
    uint8_t bytes[RSA_MOST / 8];
    BIGNUM *n = NULL;
    if (EVP_PKEY_get_bn_param(key, name, &n) <= 0)
        return CKR_FUNCTION_FAILED;
    const int size = pad ? pad : BN_num_bytes(n);
    CK_RV rv = CKR_FUNCTION_FAILED;
    if ((size_t)size <= sizeof bytes && BN_bn2binpad(n, bytes, size) == size)
        rv = attribute_set(o, type, bytes, (CK_ULONG)size);
    BN_clear_free(n);
    hufu_wipe(bytes, sizeof bytes);
    return rv;
}

static CK_RV rsa_numbers(struct object *public, struct object *private, EVP_PKEY *key)
{
    static const struct {
        const char *name;
        CK_ATTRIBUTE_TYPE type;
    } all[] = {{OSSL_PKEY_PARAM_RSA_N, CKA_MODULUS},
               {OSSL_PKEY_PARAM_RSA_E, CKA_PUBLIC_EXPONENT},
               {OSSL_PKEY_PARAM_RSA_D, CKA_PRIVATE_EXPONENT},
               {OSSL_PKEY_PARAM_RSA_FACTOR1, CKA_PRIME_1},
               {OSSL_PKEY_PARAM_RSA_FACTOR2, CKA_PRIME_2},
               {OSSL_PKEY_PARAM_RSA_EXPONENT1, CKA_EXPONENT_1},
               {OSSL_PKEY_PARAM_RSA_EXPONENT2, CKA_EXPONENT_2},
               {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, CKA_COEFFICIENT}};
    CK_RV rv = CKR_OK;
    for (size_t i = 0; i < sizeof all / sizeof *all && rv == CKR_OK; i++) {
        rv = take_number(private, key, all[i].name, all[i].type, 0);
        if (rv == CKR_OK && i < 2)
            rv = take_number(public, key, all[i].name, all[i].type, 0);
    }
    return rv;
}

static CK_RV ec_numbers(struct object *public, struct object *private, EVP_PKEY *key)
{
    uint8_t string[3 + 133] = {4, 0x81, 133};
    size_t size = 0;
    const struct attribute *params = attribute_of(public, CKA_EC_PARAMS);
    if (!params ||
        EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, string + 3, 133, &size) <=
            0 ||
        size != 133)
        return CKR_FUNCTION_FAILED;
    CK_RV rv = attribute_set(public, CKA_EC_POINT, string, sizeof string);
    if (rv == CKR_OK)
        rv = attribute_set(private, CKA_EC_POINT, string, sizeof string);
    if (rv == CKR_OK)
        rv = attribute_set(private, CKA_EC_PARAMS, params->value, params->size);
    return rv == CKR_OK ? take_number(private, key, OSSL_PKEY_PARAM_PRIV_KEY, CKA_VALUE, 66) : rv;
}

static CK_RV key_info(struct object *public, struct object *private, EVP_PKEY *key)
{
    uint8_t *der = NULL;
    const int n = i2d_PUBKEY(key, &der);
    if (n <= 0)
        return CKR_FUNCTION_FAILED;
    CK_RV rv = attribute_set(public, CKA_PUBLIC_KEY_INFO, der, (CK_ULONG)n);
    if (rv == CKR_OK)
        rv = attribute_set(private, CKA_PUBLIC_KEY_INFO, der, (CK_ULONG)n);
    OPENSSL_free(der);
    return rv;
}

static EVP_PKEY *make_rsa(CK_ULONG bits, const CK_ATTRIBUTE *e)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(crypto_context(), "RSA", NULL);
    EVP_PKEY *key = NULL;
    BIGNUM *number = e && e->ulValueLen && e->ulValueLen < 9
                         ? BN_bin2bn(e->pValue, (int)e->ulValueLen, NULL)
                         : NULL;
    if (c && EVP_PKEY_keygen_init(c) > 0 && EVP_PKEY_CTX_set_rsa_keygen_bits(c, (int)bits) > 0 &&
        (!number || EVP_PKEY_CTX_set1_rsa_keygen_pubexp(c, number) > 0))
        EVP_PKEY_generate(c, &key);
    BN_free(number);
    EVP_PKEY_CTX_free(c);
    return key;
}

bool soft_makes(const struct mechanism *m, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    const CK_ATTRIBUTE *params = template_find(t, n, CKA_EC_PARAMS);
    CK_ULONG bits = 0;
    if (m->scheme == EC_GENERATE)
        return params && params->pValue && params->ulValueLen == sizeof oid_p521 &&
               memcmp(params->pValue, oid_p521, sizeof oid_p521) == 0;
    return m->scheme == RSA_GENERATE && template_ulong(t, n, CKA_MODULUS_BITS, &bits) &&
           bits >= RSA_LEAST && bits <= RSA_MOST && bits % 8 == 0;
}

CK_RV soft_generate(struct object *public, struct object *private)
{
    const struct attribute *e = attribute_of(public, CKA_PUBLIC_EXPONENT);
    const CK_ATTRIBUTE exponent = {CKA_PUBLIC_EXPONENT, e ? e->value : NULL, e ? e->size : 0};
    const bool rsa = public->family == FAMILY_RSA;
    if (!crypto_context())
        return CKR_GENERAL_ERROR;
    EVP_PKEY *key = rsa ? make_rsa(attribute_ulong(public, CKA_MODULUS_BITS), &exponent)
                        : EVP_PKEY_Q_keygen(crypto_context(), NULL, "EC", "P-521");
    if (!key)
        return rsa && e ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_FUNCTION_FAILED;
    CK_RV rv = rsa ? rsa_numbers(public, private, key) : ec_numbers(public, private, key);
    if (rv == CKR_OK)
        rv = key_info(public, private, key);
    EVP_PKEY_free(key);
    public->complete = private->complete = true;
    return rv;
}
