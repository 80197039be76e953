/* HMAC and CMAC: in the device, which takes all data at the end, or with keys in this process. */
#include "host/pkcs11/operation.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <string.h>

/* The parameter of a general MAC is how long it is. */
static CK_RV take_size(struct operation *op, const CK_MECHANISM *m, size_t whole)
{
    CK_ULONG size;
    op->mac_size = whole;
    if (!op->m->general)
        return m->ulParameterLen ? CKR_MECHANISM_PARAM_INVALID : CKR_OK;
    if (m->ulParameterLen != sizeof size)
        return CKR_MECHANISM_PARAM_INVALID;
    memcpy(&size, m->pParameter, sizeof size);
    op->mac_size = size;
    return size > whole ? CKR_MECHANISM_PARAM_INVALID : CKR_OK;
}

static CK_RV mac_begin(struct operation *op, const char *name, const char *what, const char *how,
                       const uint8_t *key, size_t key_size)
{
    if (!how || !crypto_context())
        return CKR_KEY_SIZE_RANGE;
    char copy[32] = "";
    strncpy(copy, how, sizeof copy - 1);
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(what, copy, 0),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(crypto_context(), name, NULL);
    op->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);
    /* an empty key is one, too, but not a NULL one */
    static const uint8_t none[1] = {0};
    if (!op->mac || EVP_MAC_init(op->mac, key_size ? key : none, key_size, params) <= 0)
        return CKR_GENERAL_ERROR;
    return CKR_OK;
}

static CK_RV hmac_begin(struct operation *op, struct slot *slot, const CK_MECHANISM *m)
{
    (void)slot;
    const struct attribute *key = secret_of(op->key);
    const CK_RV rv = take_size(op, m, hash_size(op->hash));
    if (rv != CKR_OK)
        return rv;
    if (key_in_device(op->key))
        return hash_device(op->hash) ? CKR_OK : CKR_KEY_TYPE_INCONSISTENT;
    return key ? mac_begin(op, "HMAC", OSSL_MAC_PARAM_DIGEST, hash_name(op->hash), key->value,
                           key->size)
               : CKR_KEY_TYPE_INCONSISTENT;
}

static CK_RV cmac_begin(struct operation *op, struct slot *slot, const CK_MECHANISM *m)
{
    (void)slot;
    uint8_t key[CIPHER_KEY_MAX];
    size_t size;
    CK_RV rv = take_size(op, m, cipher_block_size(op->key->key_type));
    if (rv != CKR_OK || key_in_device(op->key))
        return rv;
    if (!cipher_key(op->key, key, &size))
        return CKR_KEY_TYPE_INCONSISTENT;
    rv = mac_begin(op, "CMAC", OSSL_MAC_PARAM_CIPHER,
                   cipher_name(op->key->key_type, secret_of(op->key)->size, "CBC"), key, size);
    hufu_wipe(key, sizeof key);
    return rv;
}

static CK_RV update(struct operation *op, const uint8_t *data, size_t n)
{
    if (!op->mac)
        return bytes_add(&op->in, data, n) ? CKR_OK : CKR_HOST_MEMORY;
    return EVP_MAC_update(op->mac, data, n) > 0 ? CKR_OK : CKR_GENERAL_ERROR;
}

static size_t size_of(const struct operation *op)
{
    return op->mac_size;
}

static CK_RV device_mac(struct operation *op, struct slot *slot, uint8_t mac[HASH_MAX])
{
    struct use u = {0};
    const bool hmac = op->m->scheme == HMAC;
    size_t size = HASH_MAX;
    CK_RV rv;
    do {
        rv = use_begin(&u, slot);
        if (rv == CKR_OK)
            rv = use_end(&u,
                         hufu_mac(u.session, op->key->device, hmac ? HUFU_MAC_HMAC : HUFU_MAC_CMAC,
                                  hmac ? hash_device(op->hash) : HUFU_DIGEST_NONE, op->in.data,
                                  op->in.size, mac, &size));
    } while (use_again(&u, rv));
    return rv == CKR_OK && size < op->mac_size ? CKR_GENERAL_ERROR : rv;
}

static CK_RV finish(struct operation *op, struct slot *slot, uint8_t *out, size_t *out_size)
{
    uint8_t mac[HASH_MAX];
    size_t size = sizeof mac;
    CK_RV rv = CKR_OK;
    if (!op->mac)
        rv = device_mac(op, slot, mac);
    else if (EVP_MAC_final(op->mac, mac, &size, sizeof mac) <= 0)
        rv = CKR_GENERAL_ERROR;
    if (rv != CKR_OK)
        return rv;
    memcpy(out, mac, op->mac_size);
    *out_size = op->mac_size;
    return CKR_OK;
}

static CK_RV check(struct operation *op, struct slot *slot, const uint8_t *signature, size_t n)
{
    uint8_t mac[HASH_MAX];
    size_t size = sizeof mac;
    if (n != op->mac_size)
        return CKR_SIGNATURE_LEN_RANGE;
    const CK_RV rv = finish(op, slot, mac, &size);
    if (rv != CKR_OK)
        return rv;
    return CRYPTO_memcmp(mac, signature, n) == 0 ? CKR_OK : CKR_SIGNATURE_INVALID;
}

const struct sign_ops sign_hmac = {hmac_begin, update, size_of, finish, check};
const struct sign_ops sign_cmac = {cmac_begin, update, size_of, finish, check};
