/* AES and SM4 in GCM: nothing of a plaintext leaves before its tag was checked, so all is done at
 * the end. */
#include "host/pkcs11/operation.h"

#include <string.h>

enum { TAG_MAX = 16 };

CK_RV gcm_set(struct operation *op, const uint8_t *iv, size_t iv_size, const uint8_t *aad,
              size_t aad_size, CK_ULONG tag_bits)
{
    if (!iv || !iv_size || iv_size > IV_MAX || tag_bits > 8 * TAG_MAX || tag_bits % 8 ||
        !tag_bits || (aad_size && !aad))
        return CKR_MECHANISM_PARAM_INVALID;
    memcpy(op->iv, iv, iv_size);
    op->iv_size = iv_size;
    op->tag_size = tag_bits / 8;
    op->extra.size = 0;
    return !aad_size || bytes_add(&op->extra, aad, aad_size) ? CKR_OK : CKR_HOST_MEMORY;
}

/* Does libcrypto have the cipher? 3.0 knows no SM4 in GCM; the device does. */
static bool can(const struct operation *op)
{
    const struct attribute *key = secret_of(op->key);
    const char *name = key ? cipher_name(op->key->key_type, key->size, "GCM") : NULL;
    EVP_CIPHER *cipher =
        name && crypto_context() ? EVP_CIPHER_fetch(crypto_context(), name, NULL) : NULL;
    const bool found = key_in_device(op->key) || cipher;
    EVP_CIPHER_free(cipher);
    return found;
}

/* The parameter has ulIvBits, or, as of old, has not. */
static CK_RV begin(struct operation *op, struct slot *slot, const CK_MECHANISM *m)
{
    struct {
        CK_BYTE *iv;
        CK_ULONG iv_size;
        CK_BYTE *aad;
        CK_ULONG aad_size, tag_bits;
    } old;
    CK_GCM_PARAMS p;
    (void)slot;
    if (!can(op))
        return CKR_MECHANISM_INVALID;
    if (m->ulParameterLen == sizeof p) {
        memcpy(&p, m->pParameter, sizeof p);
        return gcm_set(op, p.pIv, p.ulIvLen, p.pAAD, p.ulAADLen, p.ulTagBits);
    }
    if (m->ulParameterLen != sizeof old)
        return CKR_MECHANISM_PARAM_INVALID;
    memcpy(&old, m->pParameter, sizeof old);
    return gcm_set(op, old.iv, old.iv_size, old.aad, old.aad_size, old.tag_bits);
}

static size_t most(const struct operation *op, size_t n, bool last)
{
    const size_t all = op->in.size + n;
    if (!last)
        return 0;
    if (op->encrypt)
        return all + op->tag_size;
    return all > op->tag_size ? all - op->tag_size : 0;
}

/* ------------------------------------------------------------------ in the device */

static CK_RV device_gcm(struct operation *op, struct slot *slot, uint8_t *out, size_t *out_size)
{
    const struct hufu_ciphering how = {.scheme = device_cipher(op->key, GCM),
                                       .hash = (uint8_t)op->tag_size,
                                       .iv = op->iv,
                                       .iv_size = op->iv_size,
                                       .aad = op->extra.data,
                                       .aad_size = op->extra.size};
    if (op->iv_size > HUFU_IV_MAX || op->tag_size < 4)
        return CKR_MECHANISM_PARAM_INVALID;
    return device_secret(op, slot, &how, op->in.data, op->in.size, out, out_size);
}

/* ------------------------------------------------------------------ here */

static bool host_begin(struct operation *op)
{
    const struct attribute *key = secret_of(op->key);
    const char *name = key ? cipher_name(op->key->key_type, key->size, "GCM") : NULL;
    EVP_CIPHER *cipher =
        name && crypto_context() ? EVP_CIPHER_fetch(crypto_context(), name, NULL) : NULL;
    EVP_CIPHER_CTX_free(op->cipher);
    op->cipher = EVP_CIPHER_CTX_new();
    const bool good =
        cipher && op->cipher &&
        EVP_CipherInit_ex2(op->cipher, cipher, NULL, NULL, op->encrypt, NULL) > 0 &&
        EVP_CIPHER_CTX_ctrl(op->cipher, EVP_CTRL_AEAD_SET_IVLEN, (int)op->iv_size, NULL) > 0 &&
        EVP_CipherInit_ex2(op->cipher, NULL, key->value, op->iv, op->encrypt, NULL) > 0;
    EVP_CIPHER_free(cipher);
    return good;
}

static CK_RV host_gcm(struct operation *op, uint8_t *out, size_t *out_size)
{
    const size_t tag = op->tag_size, n = op->encrypt ? op->in.size : op->in.size - tag;
    int size = 0, rest = 0;
    uint8_t spare[16];
    if (!host_begin(op))
        return CKR_GENERAL_ERROR;
    if (op->extra.size &&
        EVP_CipherUpdate(op->cipher, NULL, &size, op->extra.data, (int)op->extra.size) <= 0)
        return CKR_GENERAL_ERROR;
    if (!op->encrypt &&
        EVP_CIPHER_CTX_ctrl(op->cipher, EVP_CTRL_AEAD_SET_TAG, (int)tag, op->in.data + n) <= 0)
        return CKR_GENERAL_ERROR;
    if (n && EVP_CipherUpdate(op->cipher, out, &size, op->in.data, (int)n) <= 0)
        return CKR_GENERAL_ERROR;
    if (EVP_CipherFinal_ex(op->cipher, spare, &rest) <= 0) {
        hufu_wipe(out, n);
        return CKR_ENCRYPTED_DATA_INVALID;
    }
    *out_size = n;
    if (!op->encrypt)
        return CKR_OK;
    *out_size += tag;
    return EVP_CIPHER_CTX_ctrl(op->cipher, EVP_CTRL_AEAD_GET_TAG, (int)tag, out + n) > 0
               ? CKR_OK
               : CKR_GENERAL_ERROR;
}

static CK_RV run(struct operation *op, struct slot *slot, const uint8_t *in, size_t n, bool last,
                 uint8_t *out, size_t *out_size)
{
    if (n && !bytes_add(&op->in, in, n))
        return CKR_HOST_MEMORY;
    if (!last) {
        *out_size = 0;
        return CKR_OK;
    }
    if (op->in.size > INT32_MAX || (!op->encrypt && op->in.size < op->tag_size))
        return op->encrypt ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
    return key_in_device(op->key) ? device_gcm(op, slot, out, out_size)
                                  : host_gcm(op, out, out_size);
}

const struct cipher_ops cipher_gcm = {begin, run, most, NULL};
