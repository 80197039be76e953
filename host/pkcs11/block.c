/*
 * AES, SM4 and DES. The modes are made of one step: some blocks with an IV, in the device where the
 * key is there, else by libcrypto. Between steps the IV is carried on here; what does not fill a
 * block waits.
 */
#include "host/pkcs11/operation.h"

#include <string.h>

enum { BLOCK_MAX = 16, STEP = 1 << 18 };

/* Bytes until the counter, the last bits of the block, would begin anew. A whole block may. */
static uint64_t ctr_room(const uint8_t block[BLOCK_MAX], unsigned bits)
{
    if (bits == 8 * BLOCK_MAX)
        return UINT64_MAX;
    uint64_t left = 0; /* blocks but one: the counter's bits, turned over */
    for (unsigned i = 0; i < 64 && i < bits; i++)
        left |= (uint64_t)(~block[BLOCK_MAX - 1 - i / 8] >> i % 8 & 1) << i;
    for (unsigned i = 64; i < bits; i++)
        if (~block[BLOCK_MAX - 1 - i / 8] >> i % 8 & 1)
            return UINT64_MAX;
    return left < UINT64_MAX / BLOCK_MAX ? (left + 1) * BLOCK_MAX : UINT64_MAX;
}

static CK_RV take_ctr(struct operation *op, const CK_MECHANISM *m)
{
    CK_AES_CTR_PARAMS p;
    if (m->ulParameterLen != sizeof p)
        return CKR_MECHANISM_PARAM_INVALID;
    memcpy(&p, m->pParameter, sizeof p);
    if (!p.ulCounterBits || p.ulCounterBits > 128)
        return CKR_MECHANISM_PARAM_INVALID;
    memcpy(op->iv, p.cb, sizeof p.cb);
    op->ctr_left = ctr_room(p.cb, (unsigned)p.ulCounterBits);
    return CKR_OK;
}

static const char *mode_name(enum scheme scheme)
{
    return scheme == ECB ? "ECB" : scheme == CTR ? "CTR" : "CBC";
}

static CK_RV host_begin(struct operation *op, const char *mode)
{
    const struct attribute *value = secret_of(op->key);
    uint8_t key[CIPHER_KEY_MAX];
    size_t size;
    if (!cipher_key(op->key, key, &size))
        return CKR_KEY_SIZE_RANGE;
    const char *name = cipher_name(op->key->key_type, value->size, mode);
    EVP_CIPHER *cipher = crypto_context() ? EVP_CIPHER_fetch(crypto_context(), name, NULL) : NULL;
    op->cipher = EVP_CIPHER_CTX_new();
    const bool good = cipher && op->cipher &&
                      EVP_CipherInit_ex2(op->cipher, cipher, key, op->iv, op->encrypt, NULL) > 0 &&
                      EVP_CIPHER_CTX_set_padding(op->cipher, 0) > 0;
    EVP_CIPHER_free(cipher);
    hufu_wipe(key, sizeof key);
    return good ? CKR_OK : CKR_GENERAL_ERROR;
}

static CK_RV begin(struct operation *op, struct slot *slot, const CK_MECHANISM *m)
{
    (void)slot;
    CK_RV rv = CKR_OK;
    op->block = cipher_block_size(op->key->key_type);
    if (op->m->scheme == CTR)
        rv = take_ctr(op, m);
    else if (m->ulParameterLen != (op->m->scheme == ECB ? 0 : op->block))
        rv = CKR_MECHANISM_PARAM_INVALID;
    else if (op->m->scheme != ECB)
        memcpy(op->iv, m->pParameter, op->block);
    if (rv != CKR_OK || key_in_device(op->key))
        return rv;
    return host_begin(op, mode_name(op->m->scheme));
}

/* ------------------------------------------------------------------ a step */

uint8_t device_cipher(const struct object *key, enum scheme scheme)
{
    const bool aes = key->key_type == CKK_AES;
    switch (scheme) {
    case ECB:
        return aes ? HUFU_CIPHER_AES_ECB : HUFU_CIPHER_SM4_ECB;
    case CBC:
    case CBC_PAD:
        return aes ? HUFU_CIPHER_AES_CBC : HUFU_CIPHER_SM4_CBC;
    case CTR:
        return aes ? HUFU_CIPHER_AES_CTR : HUFU_CIPHER_SM4_CTR;
    case GCM:
        return aes ? HUFU_CIPHER_AES_GCM : HUFU_CIPHER_SM4_GCM;
    default:
        return 0;
    }
}

CK_RV device_secret(struct operation *op, struct slot *slot, const struct hufu_ciphering *how,
                    const uint8_t *in, size_t n, uint8_t *out, size_t *out_size)
{
    const struct hufu_key key = {.handle = op->key->device};
    struct use u = {0};
    const size_t room = *out_size;
    CK_RV rv;
    do {
        *out_size = room;
        rv = use_begin(&u, slot);
        if (rv != CKR_OK)
            return rv;
        rv = use_end(&u, op->encrypt
                             ? hufu_encrypt(u.session, &key, how, in, n, out, out_size)
                             : hufu_decrypt(u.session, key.handle, how, in, n, out, out_size));
    } while (use_again(&u, rv));
    return rv;
}

/* The IV of the next step: in CBC the last block of the ciphertext, in CTR the counter. */
static void carry(struct operation *op, const uint8_t *cipher, size_t n)
{
    if (op->m->scheme == CBC || op->m->scheme == CBC_PAD) {
        memcpy(op->iv, cipher + n - BLOCK_MAX, BLOCK_MAX);
    } else if (op->m->scheme == CTR) {
        size_t add = (n + BLOCK_MAX - 1) / BLOCK_MAX;
        for (int i = BLOCK_MAX - 1; i >= 0 && add; i--, add >>= 8) {
            add += op->iv[i];
            op->iv[i] = (uint8_t)add;
        }
    }
}

static CK_RV device_step(struct operation *op, struct slot *slot, const uint8_t *in, size_t n,
                         uint8_t *out)
{
    const struct hufu_ciphering how = {.scheme = device_cipher(op->key, op->m->scheme),
                                       .iv = op->iv,
                                       .iv_size = op->m->scheme == ECB ? 0 : BLOCK_MAX};
    while (n) {
        const size_t part = n < STEP ? n : STEP;
        uint8_t last[BLOCK_MAX] = {0}; /* in and out may be the same memory */
        if (!op->encrypt && part >= BLOCK_MAX)
            memcpy(last, in + part - BLOCK_MAX, BLOCK_MAX);
        size_t size = part;
        const CK_RV rv = device_secret(op, slot, &how, in, part, out, &size);
        if (rv != CKR_OK)
            return rv;
        if (op->encrypt && part >= BLOCK_MAX)
            memcpy(last, out + part - BLOCK_MAX, BLOCK_MAX);
        carry(op, op->m->scheme == CTR ? out : last, op->m->scheme == CTR ? part : BLOCK_MAX);
        in += part;
        out += part;
        n -= part;
    }
    return CKR_OK;
}

static CK_RV step(struct operation *op, struct slot *slot, const uint8_t *in, size_t n,
                  uint8_t *out)
{
    int size = 0;
    if (!n)
        return CKR_OK;
    if (!op->cipher)
        return device_step(op, slot, in, n, out);
    while (n) {
        const int part = n < STEP ? (int)n : STEP;
        if (EVP_CipherUpdate(op->cipher, out, &size, in, part) <= 0 || size != part)
            return CKR_GENERAL_ERROR;
        in += part;
        out += part;
        n -= (size_t)part;
    }
    return CKR_OK;
}

/* ------------------------------------------------------------------ blocks */

/* Of all that is there, what can be worked on now. A block of padding is kept until the end. */
static size_t ready(const struct operation *op, size_t all, bool last)
{
    const size_t block = op->block;
    if (last)
        return op->m->scheme == CBC_PAD && op->encrypt ? all / block * block : all;
    const bool keep = op->m->scheme == CBC_PAD && !op->encrypt && all && all % block == 0;
    return all / block * block - (keep ? block : 0);
}

static size_t most(const struct operation *op, size_t n, bool last)
{
    const size_t all = op->in.size + n;
    return ready(op, all, last) + (last && op->m->scheme == CBC_PAD && op->encrypt ? op->block : 0);
}

static CK_RV check_length(const struct operation *op, size_t n, bool last)
{
    const size_t all = op->in.size + n;
    if (op->m->scheme == CTR && all > op->ctr_left)
        return op->encrypt ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
    if (!last || op->m->scheme == CTR || (op->m->scheme == CBC_PAD && op->encrypt))
        return CKR_OK;
    if (all % op->block || (op->m->scheme == CBC_PAD && !all))
        return op->encrypt ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
    return CKR_OK;
}

/* PKCS #7. The answer is the same whatever is wrong with it. */
static CK_RV strip(const uint8_t *out, size_t *size, size_t block)
{
    const unsigned pad = out[*size - 1];
    unsigned bad = (pad == 0) | (pad > block);
    for (unsigned i = 0; i < block; i++)
        bad |= (i < pad) & (out[*size - 1 - i] != pad);
    if (bad)
        return CKR_ENCRYPTED_DATA_INVALID;
    *size -= pad;
    return CKR_OK;
}

static CK_RV end(struct operation *op, struct slot *slot, uint8_t *out, size_t *size)
{
    uint8_t block[BLOCK_MAX];
    if (op->m->scheme != CBC_PAD)
        return CKR_OK;
    if (!op->encrypt)
        return strip(out, size, op->block);
    const size_t left = op->in.size;
    memset(block, (int)(op->block - left), sizeof block);
    if (left)
        memcpy(block, op->in.data, left);
    const CK_RV rv = step(op, slot, block, op->block, out + *size);
    hufu_wipe(block, sizeof block);
    *size += op->block;
    return rv;
}

static CK_RV run(struct operation *op, struct slot *slot, const uint8_t *in, size_t n, bool last,
                 uint8_t *out, size_t *out_size)
{
    const size_t all = op->in.size + n, now = ready(op, all, last);
    CK_RV rv = check_length(op, n, last);
    if (rv == CKR_OK && n && !bytes_add(&op->in, in, n))
        rv = CKR_HOST_MEMORY;
    if (rv == CKR_OK)
        rv = step(op, slot, op->in.data, now, out);
    if (rv != CKR_OK)
        return rv;
    if (now)
        memmove(op->in.data, op->in.data + now, all - now);
    op->in.size = all - now;
    if (op->m->scheme == CTR)
        op->ctr_left -= now;
    *out_size = now;
    return last ? end(op, slot, out, out_size) : CKR_OK;
}

const struct cipher_ops cipher_block = {begin, run, most, check_length};
