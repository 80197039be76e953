/* Public-key operations by libcrypto: with public keys, and with private keys that came in clear.
 */
#include "host/pkcs11/operation.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <string.h>

static bool key_ready(struct operation *op)
{
    if (!op->pkey)
        op->pkey = key_of_object(op->key, op->key->class == CKO_PRIVATE_KEY);
    return op->pkey != NULL;
}

static bool set_rsa(struct operation *op, EVP_PKEY_CTX *c, bool hashed)
{
    switch (op->m->scheme) {
    case RSA_PKCS1:
        return EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) > 0 &&
               (!hashed || EVP_PKEY_CTX_set_signature_md(c, hash_md(op->hash)) > 0);
    case RSA_RAW:
        return EVP_PKEY_CTX_set_rsa_padding(c, RSA_NO_PADDING) > 0;
    case RSA_PSS:
        return EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PSS_PADDING) > 0 &&
               EVP_PKEY_CTX_set_signature_md(c, hash_md(op->hash)) > 0 &&
               EVP_PKEY_CTX_set_rsa_mgf1_md(c, hash_md(op->mgf)) > 0 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(c, (int)op->salt) > 0;
    default:
        return false;
    }
}

static EVP_PKEY_CTX *context_of(struct operation *op)
{
    return key_ready(op) ? EVP_PKEY_CTX_new_from_pkey(crypto_context(), op->pkey, NULL) : NULL;
}

/* ------------------------------------------------------------------ ECDSA: r || s and DER */

static size_t to_der(const uint8_t *signature, size_t size, uint8_t *der, size_t room)
{
    ECDSA_SIG *s = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, (int)(size / 2), NULL);
    BIGNUM *t = BN_bin2bn(signature + size / 2, (int)(size / 2), NULL);
    int n = 0;
    uint8_t *p = der;
    if (s && r && t && ECDSA_SIG_set0(s, r, t)) {
        r = t = NULL;
        n = i2d_ECDSA_SIG(s, NULL);
        n = n > 0 && (size_t)n <= room ? i2d_ECDSA_SIG(s, &p) : 0;
    }
    BN_free(r);
    BN_free(t);
    ECDSA_SIG_free(s);
    return n > 0 ? (size_t)n : 0;
}

static bool from_der(const uint8_t *der, size_t n, uint8_t *signature, size_t size)
{
    const uint8_t *p = der;
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)n);
    const int half = (int)(size / 2);
    const bool good = s && BN_bn2binpad(ECDSA_SIG_get0_r(s), signature, half) == half &&
                      BN_bn2binpad(ECDSA_SIG_get0_s(s), signature + half, half) == half;
    ECDSA_SIG_free(s);
    return good;
}

/* ------------------------------------------------------------------ signatures */

/* EdDSA takes the message as it is. out: a signature to be made, else one to be checked */
static bool edwards(struct operation *op, const uint8_t *data, size_t n, const uint8_t *signature,
                    uint8_t *out, size_t *size)
{
    EVP_MD_CTX *c = key_ready(op) ? EVP_MD_CTX_new() : NULL;
    bool good = c != NULL;
    if (good && out)
        good = EVP_DigestSignInit_ex(c, NULL, NULL, crypto_context(), NULL, op->pkey, NULL) > 0 &&
               EVP_DigestSign(c, out, size, data, n) > 0;
    else if (good)
        good = EVP_DigestVerifyInit_ex(c, NULL, NULL, crypto_context(), NULL, op->pkey, NULL) > 0 &&
               EVP_DigestVerify(c, signature, *size, data, n) > 0;
    EVP_MD_CTX_free(c);
    return good;
}

/* A digest that is longer than the curve is cut by libcrypto. */
CK_RV soft_check(struct operation *op, const uint8_t *data, size_t n, const uint8_t *signature,
                 size_t size)
{
    if (op->m->scheme == EDDSA)
        return edwards(op, data, n, signature, NULL, &size) ? CKR_OK : CKR_SIGNATURE_INVALID;
    uint8_t der[200];
    const bool rsa = op->key->family == FAMILY_RSA;
    EVP_PKEY_CTX *c = context_of(op);
    if (!rsa) {
        size = to_der(signature, size, der, sizeof der);
        signature = der;
    }
    const bool ready =
        c && size && EVP_PKEY_verify_init(c) > 0 && (!rsa || set_rsa(op, c, op->md != NULL));
    const bool good = ready && EVP_PKEY_verify(c, signature, size, data, n) > 0;
    EVP_PKEY_CTX_free(c);
    if (!ready && size)
        return CKR_GENERAL_ERROR;
    return good ? CKR_OK : CKR_SIGNATURE_INVALID;
}

CK_RV soft_sign(struct operation *op, const uint8_t *data, size_t n, uint8_t *out, size_t *out_size)
{
    if (op->m->scheme == EDDSA)
        return edwards(op, data, n, NULL, out, out_size) ? CKR_OK : CKR_FUNCTION_FAILED;
    uint8_t der[200];
    const bool rsa = op->key->family == FAMILY_RSA;
    size_t size = rsa ? *out_size : sizeof der;
    EVP_PKEY_CTX *c = context_of(op);
    bool good = c && EVP_PKEY_sign_init(c) > 0 && (!rsa || set_rsa(op, c, op->md != NULL)) &&
                EVP_PKEY_sign(c, rsa ? out : der, &size, data, n) > 0;
    EVP_PKEY_CTX_free(c);
    if (good && !rsa && !op->m->der) {
        const size_t plain = 2 * key_size_of(op->key);
        good = plain <= *out_size && from_der(der, size, out, plain);
        size = plain;
    } else if (good && !rsa) {
        good = size <= *out_size;
        if (good)
            memcpy(out, der, size);
    }
    *out_size = size;
    return good ? CKR_OK : CKR_FUNCTION_FAILED;
}

CK_RV recover_data(struct operation *op, const uint8_t *signature, size_t size, uint8_t *out,
                   size_t *out_size)
{
    if (size != key_size_of(op->key))
        return CKR_SIGNATURE_LEN_RANGE;
    EVP_PKEY_CTX *c = context_of(op);
    const bool good = c && EVP_PKEY_verify_recover_init(c) > 0 && set_rsa(op, c, false) &&
                      EVP_PKEY_verify_recover(c, out, out_size, signature, size) > 0;
    EVP_PKEY_CTX_free(c);
    return good ? CKR_OK : CKR_SIGNATURE_INVALID;
}

/* ------------------------------------------------------------------ encryption */

static bool set_cipher(struct operation *op, EVP_PKEY_CTX *c)
{
    if (op->key->family != FAMILY_RSA)
        return true;
    if (op->m->scheme != RSA_OAEP)
        return EVP_PKEY_CTX_set_rsa_padding(c, op->m->scheme == RSA_RAW ? RSA_NO_PADDING
                                                                        : RSA_PKCS1_PADDING) > 0;
    if (EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) <= 0 ||
        EVP_PKEY_CTX_set_rsa_oaep_md(c, hash_md(op->hash)) <= 0 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md(c, hash_md(op->mgf)) <= 0)
        return false;
    if (!op->extra.size)
        return true;
    void *label = OPENSSL_memdup(op->extra.data, op->extra.size);
    if (label && EVP_PKEY_CTX_set0_rsa_oaep_label(c, label, (int)op->extra.size) > 0)
        return true;
    OPENSSL_free(label);
    return false;
}

CK_RV soft_crypt(struct operation *op, const uint8_t *data, size_t n, uint8_t *out,
                 size_t *out_size)
{
    EVP_PKEY_CTX *c = context_of(op);
    bool ready = c && (op->encrypt ? EVP_PKEY_encrypt_init(c) : EVP_PKEY_decrypt_init(c)) > 0 &&
                 set_cipher(op, c);
    bool good = ready && (op->encrypt ? EVP_PKEY_encrypt(c, out, out_size, data, n)
                                      : EVP_PKEY_decrypt(c, out, out_size, data, n)) > 0;
    EVP_PKEY_CTX_free(c);
    if (!ready)
        return CKR_GENERAL_ERROR;
    return good ? CKR_OK : op->encrypt ? CKR_DATA_INVALID : CKR_ENCRYPTED_DATA_INVALID;
}
