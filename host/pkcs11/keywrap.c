/* AES key wrap: RFC 3394, and RFC 5649 with padding. All at once; with a key of the device, which
 * stays there, block by block. */
#include "host/pkcs11/operation.h"

#include <openssl/modes.h>
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
        return CKR_OK;
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

struct far_key {
    struct operation *op;
    struct slot *slot;
    CK_RV *rv;
};

static void far_block(const uint8_t in[16], uint8_t out[16], const void *key)
{
    const struct far_key *k = key;
    const struct hufu_ciphering how = {.scheme = HUFU_CIPHER_AES_ECB};
    size_t size = 16;
    if (*k->rv == CKR_OK)
        *k->rv = device_secret(k->op, k->slot, &how, in, size, out, &size);
}

/* 0: not what was wrapped, or *rv */
static size_t far_run(struct operation *op, struct slot *slot, uint8_t *out, CK_RV *rv)
{
    struct far_key key = {op, slot, rv};
    const uint8_t *iv = op->iv_size ? op->iv : NULL, *in = op->in.data;
    if (op->m->scheme == KEY_WRAP_PAD)
        return (op->encrypt ? CRYPTO_128_wrap_pad : CRYPTO_128_unwrap_pad)(&key, iv, out, in,
                                                                           op->in.size, far_block);
    return (op->encrypt ? CRYPTO_128_wrap : CRYPTO_128_unwrap)(&key, iv, out, in, op->in.size,
                                                               far_block);
}

static size_t host_run(struct operation *op, uint8_t *out)
{
    int size = 0;
    return EVP_CipherUpdate(op->cipher, out, &size, op->in.data, (int)op->in.size) > 0
               ? (size_t)size
               : 0;
}

static CK_RV run(struct operation *op, struct slot *slot, const uint8_t *data, size_t n, bool last,
                 uint8_t *out, size_t *out_size)
{
    if (n && !bytes_add(&op->in, data, n))
        return CKR_HOST_MEMORY;
    *out_size = 0;
    if (!last)
        return CKR_OK;
    CK_RV rv = check_length(op);
    if (rv != CKR_OK)
        return rv;
    *out_size = op->cipher ? host_run(op, out) : far_run(op, slot, out, &rv);
    if (rv != CKR_OK || *out_size)
        return rv;
    return op->encrypt ? CKR_DATA_INVALID : CKR_ENCRYPTED_DATA_INVALID;
}

const struct cipher_ops cipher_keywrap = {begin, run, most, NULL};
