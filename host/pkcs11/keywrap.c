/* AES key wrap: RFC 3394, and RFC 5649 with padding. All at once, with keys in this process. */
#include "host/pkcs11/operation.h"

#include <string.h>

static CK_RV begin(struct operation *op, struct slot *slot, const CK_MECHANISM *m)
{
    const bool pad = op->m->scheme == KEY_WRAP_PAD;
    (void)slot;
    op->iv_size = m->ulParameterLen; /* none: the usual one */
    if (op->iv_size && op->iv_size != (pad ? 4 : 8))
        return CKR_MECHANISM_PARAM_INVALID;
    if (op->iv_size)
        memcpy(op->iv, m->pParameter, op->iv_size);
    if (key_in_device(op->key))
        return CKR_KEY_TYPE_INCONSISTENT;
    const struct attribute *key = secret_of(op->key);
    const char *name =
        key ? cipher_name(op->key->key_type, key->size, pad ? "WRAP-PAD" : "WRAP") : NULL;
    EVP_CIPHER *cipher =
        name && crypto_context() ? EVP_CIPHER_fetch(crypto_context(), name, NULL) : NULL;
    op->cipher = EVP_CIPHER_CTX_new();
    if (op->cipher)
        EVP_CIPHER_CTX_set_flags(op->cipher, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    const bool good = cipher && op->cipher &&
                      EVP_CipherInit_ex2(op->cipher, cipher, key->value,
                                         op->iv_size ? op->iv : NULL, op->encrypt, NULL) > 0;
    EVP_CIPHER_free(cipher);
    return good ? CKR_OK : CKR_GENERAL_ERROR;
}

static size_t most(const struct operation *op, size_t n, bool last)
{
    const size_t all = op->in.size + n;
    if (!last)
        return 0;
    return op->encrypt ? (all + 7) / 8 * 8 + 8 : all;
}

static CK_RV check_length(const struct operation *op)
{
    const bool pad = op->m->scheme == KEY_WRAP_PAD;
    const size_t n = op->in.size;
    if (op->encrypt)
        return (pad ? n == 0 : n < 16 || n % 8) || n > 65536 ? CKR_DATA_LEN_RANGE : CKR_OK;
    return n < (pad ? 16 : 24) || n % 8 || n > 65536 ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_OK;
}

static CK_RV run(struct operation *op, struct slot *slot, const uint8_t *data, size_t n, bool last,
                 uint8_t *out, size_t *out_size)
{
    int size = 0;
    (void)slot;
    if (n && !bytes_add(&op->in, data, n))
        return CKR_HOST_MEMORY;
    *out_size = 0;
    if (!last)
        return CKR_OK;
    const CK_RV rv = check_length(op);
    if (rv != CKR_OK)
        return rv;
    if (EVP_CipherUpdate(op->cipher, out, &size, op->in.data, (int)op->in.size) <= 0)
        return op->encrypt ? CKR_DATA_INVALID : CKR_ENCRYPTED_DATA_INVALID;
    *out_size = (size_t)size;
    return CKR_OK;
}

const struct cipher_ops cipher_keywrap = {begin, run, most, NULL};
