#include "firmware/app/secret_cipher.h"

#include "firmware/base/wipe.h"

#include <string.h>

enum { TAG_LEAST = 4 };

bool secret_cipher_for(uint8_t scheme, uint8_t tag)
{
    return !HUFU_SMALL && ((scheme >= CIPHER_AES_ECB && scheme <= CIPHER_AES_GCM) ||
                           (scheme == CIPHER_SM4_GCM && tag));
}

#if !HUFU_SMALL

static bool is_gcm(uint8_t scheme)
{
    return scheme == CIPHER_AES_GCM || scheme == CIPHER_SM4_GCM;
}

int secret_block(const struct key *key, struct block *b)
{
    if (key->type == KEY_SM4) {
        block_set_sm4(b, key->secret);
        return 0;
    }
    if (key->type < KEY_AES128 || key->type > KEY_AES256)
        return -1;
    return block_set_aes(b, key->secret, key->secret_size);
}

static uint16_t fits(const struct secret_text *t, size_t tag, bool encrypt)
{
    if (is_gcm(t->scheme)) {
        const bool good = tag >= TAG_LEAST && tag <= BLOCK && t->iv.size;
        return good && (encrypt || t->data.size >= tag) ? SW_OK : SW_WRONG_DATA;
    }
    if (t->tag || t->aad.size || t->iv.size != (t->scheme == CIPHER_AES_ECB ? 0 : BLOCK))
        return SW_WRONG_DATA;
    const bool blocks = t->scheme == CIPHER_AES_ECB || t->scheme == CIPHER_AES_CBC;
    return blocks && t->data.size % BLOCK ? SW_WRONG_DATA : SW_OK;
}

static uint16_t gcm(const struct block *b, const struct secret_text *t, size_t tag, bool encrypt,
                    uint8_t *result)
{
    const struct block_gcm g = {t->iv.data, t->iv.size, t->aad.data, t->aad.size, tag};
    const size_t n = encrypt ? t->data.size : t->data.size - tag;
    if (encrypt) {
        block_gcm_seal(b, &g, t->data.data, result, n, result + n);
        return SW_OK;
    }
    return block_gcm_open(b, &g, t->data.data, result, n, t->data.data + n) ? SW_DECRYPT_FAILED
                                                                            : SW_OK;
}

static void crypt(const struct block *b, const struct secret_text *t, bool encrypt, uint8_t *out)
{
    const uint8_t *in = t->data.data;
    const size_t n = t->data.size;
    uint8_t iv[BLOCK] = {0};
    if (t->iv.size)
        memcpy(iv, t->iv.data, sizeof iv);
    if (t->scheme == CIPHER_AES_ECB && encrypt)
        block_encrypt(b, in, out, n / BLOCK);
    else if (t->scheme == CIPHER_AES_ECB)
        block_decrypt(b, in, out, n / BLOCK);
    else if (t->scheme == CIPHER_AES_CBC && encrypt)
        block_cbc_encrypt(b, iv, in, out, n);
    else if (t->scheme == CIPHER_AES_CBC)
        block_cbc_decrypt(b, iv, in, out, n);
    else if (t->scheme == CIPHER_AES_CFB)
        block_cfb(b, iv, in, out, n, encrypt);
    else if (t->scheme == CIPHER_AES_OFB)
        block_ofb(b, iv, in, out, n);
    else
        block_ctr(b, iv, in, out, n);
}

uint16_t secret_cipher(const struct key *key, const struct secret_text *t, bool encrypt,
                       struct wr *out)
{
    struct block b;
    const size_t tag = t->tag ? t->tag : (size_t)BLOCK;
    if ((key->type == KEY_SM4) != (t->scheme == CIPHER_SM4_GCM) || secret_block(key, &b))
        return SW_KEY_TYPE;
    uint16_t sw = fits(t, tag, encrypt);
    const size_t size = !is_gcm(t->scheme) ? t->data.size
                        : encrypt          ? t->data.size + tag
                                           : t->data.size - tag;
    uint8_t *result = sw == SW_OK ? wr_reserve(out, size) : NULL;
    if (sw == SW_OK && !result)
        sw = SW_RESPONSE_TOO_BIG;
    else if (sw == SW_OK && is_gcm(t->scheme))
        sw = gcm(&b, t, tag, encrypt, result);
    else if (sw == SW_OK)
        crypt(&b, t, encrypt, result);
    wipe(&b, sizeof b);
    return sw;
}

#else

uint16_t secret_cipher(const struct key *key, const struct secret_text *t, bool encrypt,
                       struct wr *out)
{
    (void)key, (void)t, (void)encrypt, (void)out;
    return SW_NOT_SUPPORTED;
}

#endif
