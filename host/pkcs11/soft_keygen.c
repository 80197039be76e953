/*
 * Key pairs that libcrypto makes: what the device does not, and what is not to be in it (keygen.c
 * says). Their private parts are in the process, as those of keys that came with their value; on
 * the token they are sealed in the device.
 */
#include "host/pkcs11/operation.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

enum { RSA_LEAST = 512, RSA_MOST = 4096, Q_BITS = 160, LONG_Q_BITS = 256 };

static EVP_PKEY *make_rsa(CK_ULONG bits, const struct attribute *e)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(crypto_context(), "RSA", NULL);
    EVP_PKEY *key = NULL;
    BIGNUM *number = e && e->size && e->size < 9 ? BN_bin2bn(e->value, (int)e->size, NULL) : NULL;
    if (c && EVP_PKEY_keygen_init(c) > 0 && EVP_PKEY_CTX_set_rsa_keygen_bits(c, (int)bits) > 0 &&
        (!number || EVP_PKEY_CTX_set1_rsa_keygen_pubexp(c, number) > 0))
        EVP_PKEY_generate(c, &key);
    BN_free(number);
    EVP_PKEY_CTX_free(c);
    return key;
}

/* With the parameters of the public template */
static EVP_PKEY *make_ffc(const struct object *public)
{
    EVP_PKEY *parameters = ffc_parameters(public), *key = NULL;
    EVP_PKEY_CTX *c =
        parameters ? EVP_PKEY_CTX_new_from_pkey(crypto_context(), parameters, NULL) : NULL;
    if (c && EVP_PKEY_keygen_init(c) > 0)
        EVP_PKEY_generate(c, &key);
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(parameters);
    return key;
}

bool soft_makes(const struct mechanism *m, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    CK_ULONG bits = 0;
    switch (m->scheme) {
    case RSA_GENERATE:
        return template_ulong(t, n, CKA_MODULUS_BITS, &bits) && bits >= RSA_LEAST &&
               bits <= RSA_MOST && bits % 8 == 0;
    case EC_GENERATE:
    case SM2_GENERATE:
        return m->scheme == SM2_GENERATE || curve_is_known(template_find(t, n, CKA_EC_PARAMS));
    case EDWARDS_GENERATE:
        return edwards_is_known(template_find(t, n, CKA_EC_PARAMS));
    case DSA_GENERATE:
    case DH_GENERATE:
        return true;
    default:
        return false;
    }
}

static EVP_PKEY *make(const struct object *public)
{
    switch (public->family) {
    case FAMILY_RSA:
        return make_rsa(attribute_ulong(public, CKA_MODULUS_BITS),
                        attribute_of(public, CKA_PUBLIC_EXPONENT));
    case FAMILY_SM2:
        return EVP_PKEY_Q_keygen(crypto_context(), NULL, "SM2");
    case FAMILY_EC:
        return EVP_PKEY_Q_keygen(crypto_context(), NULL, "EC", curve_of(public));
    case FAMILY_EDWARDS:
        return EVP_PKEY_Q_keygen(crypto_context(), NULL, edwards_name(public));
    default:
        return make_ffc(public);
    }
}

CK_RV soft_generate(struct object *public, struct object *private)
{
    if (!crypto_context())
        return CKR_GENERAL_ERROR;
    EVP_PKEY *key = make(public);
    if (!key)
        return public->family == FAMILY_RSA || public->family == FAMILY_DSA ||
                       public->family == FAMILY_DH
                   ? CKR_ATTRIBUTE_VALUE_INVALID
                   : CKR_FUNCTION_FAILED;
    CK_RV rv = numbers_take(public, key);
    if (rv == CKR_OK)
        rv = numbers_take(private, key);
    EVP_PKEY_free(key);
    return rv;
}

/* ------------------------------------------------------------------ domain parameters */

CK_RV soft_parameters(struct object *o, CK_ULONG bits, CK_ULONG sub_bits)
{
    const bool dsa = o->family == FAMILY_DSA;
    EVP_PKEY_CTX *c = crypto_context()
                          ? EVP_PKEY_CTX_new_from_name(crypto_context(), dsa ? "DSA" : "DH", NULL)
                          : NULL;
    size_t p = bits, q = sub_bits ? sub_bits : bits < 2048 ? Q_BITS : LONG_Q_BITS;
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_FFC_PBITS, &p),
                                 dsa ? OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_FFC_QBITS, &q)
                                     : OSSL_PARAM_construct_end(),
                                 OSSL_PARAM_construct_end()};
    EVP_PKEY *key = NULL;
    CK_RV rv = CKR_FUNCTION_FAILED;
    if (c && EVP_PKEY_paramgen_init(c) > 0 && EVP_PKEY_CTX_set_params(c, params) > 0 &&
        EVP_PKEY_generate(c, &key) > 0)
        rv = numbers_take(o, key);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(c);
    return rv;
}
