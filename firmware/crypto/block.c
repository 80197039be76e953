#include "firmware/crypto/block.h"

#include <string.h>

#include "firmware/base/config.h"
#include "firmware/base/ct.h"
#include "firmware/base/endian.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/ghash.h"

#if !HUFU_SMALL

enum { AT_ONCE = 16 }; /* blocks of key stream */

int block_set_aes(struct block *b, const uint8_t *k, size_t size)
{
    b->is_aes = 1;
    return aes_set_key(&b->key.aes, k, size);
}

void block_set_sm4(struct block *b, const uint8_t k[SM4_KEY])
{
    b->is_aes = 0;
    sm4_set_key(&b->key.sm4, k);
}

void block_encrypt(const struct block *b, const uint8_t *in, uint8_t *out, size_t blocks)
{
    if (b->is_aes)
        aes_encrypt_blocks(&b->key.aes, in, out, blocks);
    else
        sm4_encrypt_blocks(&b->key.sm4, in, out, blocks);
}

void block_decrypt(const struct block *b, const uint8_t *in, uint8_t *out, size_t blocks)
{
    if (b->is_aes)
        aes_decrypt_blocks(&b->key.aes, in, out, blocks);
    else
        sm4_decrypt_blocks(&b->key.sm4, in, out, blocks);
}

static void xor_into(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = a[i] ^ b[i];
}

/* ---------------------------------------------------------------- SP 800-38A */

void block_cbc_encrypt(const struct block *b, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                       size_t n)
{
    for (; n; n -= BLOCK, in += BLOCK, out += BLOCK) {
        xor_into(iv, iv, in, BLOCK);
        block_encrypt(b, iv, iv, 1);
        memcpy(out, iv, BLOCK);
    }
}

void block_cbc_decrypt(const struct block *b, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                       size_t n)
{
    uint8_t text[AT_ONCE * BLOCK], before[BLOCK];
    for (size_t part; n; n -= part, in += part, out += part) {
        part = n < sizeof text ? n : sizeof text;
        block_decrypt(b, in, text, part / BLOCK);
        for (size_t i = 0; i < part; i += BLOCK) {
            memcpy(before, in + i, BLOCK);
            xor_into(out + i, text + i, iv, BLOCK);
            memcpy(iv, before, BLOCK);
        }
    }
    wipe(text, sizeof text);
}

static void count_up(uint8_t counter[16], size_t bytes)
{
    unsigned carry = 1;
    for (size_t i = BLOCK; i-- > BLOCK - bytes;) {
        carry += counter[i];
        counter[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

/* The last `bytes` bytes of the counter count. */
static void counter_mode(const struct block *b, uint8_t counter[16], size_t bytes,
                         const uint8_t *in, uint8_t *out, size_t n)
{
    uint8_t stream[AT_ONCE * BLOCK];
    for (size_t part; n; n -= part, in += part, out += part) {
        const size_t blocks = n < sizeof stream ? (n + BLOCK - 1) / BLOCK : (size_t)AT_ONCE;
        part = n < sizeof stream ? n : sizeof stream;
        for (size_t i = 0; i < blocks; i++) {
            memcpy(stream + i * BLOCK, counter, BLOCK);
            count_up(counter, bytes);
        }
        block_encrypt(b, stream, stream, blocks);
        xor_into(out, in, stream, part);
    }
    wipe(stream, sizeof stream);
}

void block_ctr(const struct block *b, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t n)
{
    counter_mode(b, iv, BLOCK, in, out, n);
}

void block_cfb(const struct block *b, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t n,
               int encrypt)
{
    uint8_t stream[BLOCK];
    for (size_t part; n; n -= part, in += part, out += part) {
        part = n < BLOCK ? n : (size_t)BLOCK;
        block_encrypt(b, iv, stream, 1);
        for (size_t i = 0; i < part; i++) {
            const uint8_t x = in[i], y = x ^ stream[i];
            iv[i] = encrypt ? y : x;
            out[i] = y;
        }
    }
    wipe(stream, sizeof stream);
}

void block_ofb(const struct block *b, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t n)
{
    for (size_t part; n; n -= part, in += part, out += part) {
        part = n < BLOCK ? n : (size_t)BLOCK;
        block_encrypt(b, iv, iv, 1);
        xor_into(out, in, iv, part);
    }
}

/* ---------------------------------------------------------------- GCM */

/* The first counter block (SP 800-38D 7.1), and what masks the tag. */
static void gcm_begin(const struct block *b, const struct block_gcm *g, struct ghash *hash,
                      uint8_t counter[16], uint8_t mask[16])
{
    uint8_t h[BLOCK] = {0};
    block_encrypt(b, h, h, 1);
    if (g->nonce_size == 12) {
        memcpy(counter, g->nonce, 12);
        store_be32(counter + 12, 1);
    } else {
        ghash_init(hash, h);
        ghash_update(hash, g->nonce, g->nonce_size);
        ghash_final(hash, 0, g->nonce_size, counter);
    }
    block_encrypt(b, counter, mask, 1);
    count_up(counter, 4);
    ghash_init(hash, h);
    ghash_update(hash, g->aad, g->aad_size);
    wipe(h, sizeof h);
}

void block_gcm_seal(const struct block *b, const struct block_gcm *g, const uint8_t *in,
                    uint8_t *out, size_t n, uint8_t *tag)
{
    struct ghash hash;
    uint8_t counter[BLOCK], mask[BLOCK], y[BLOCK];
    gcm_begin(b, g, &hash, counter, mask);
    counter_mode(b, counter, 4, in, out, n);
    ghash_update(&hash, out, n);
    ghash_final(&hash, g->aad_size, n, y);
    xor_into(y, y, mask, BLOCK);
    memcpy(tag, y, g->tag_size);
    wipe(mask, sizeof mask);
    wipe(y, sizeof y);
}

int block_gcm_open(const struct block *b, const struct block_gcm *g, const uint8_t *in,
                   uint8_t *out, size_t n, const uint8_t *tag)
{
    struct ghash hash;
    uint8_t counter[BLOCK], mask[BLOCK], y[BLOCK];
    gcm_begin(b, g, &hash, counter, mask);
    ghash_update(&hash, in, n);
    ghash_final(&hash, g->aad_size, n, y);
    xor_into(y, y, mask, BLOCK);
    uint32_t right = ct_mem_eq(y, tag, g->tag_size);
    PUBLIC(&right, sizeof right);
    if (right)
        counter_mode(b, counter, 4, in, out, n);
    else
        wipe(out, n);
    wipe(mask, sizeof mask);
    wipe(y, sizeof y);
    return right ? 0 : -1;
}

/* ---------------------------------------------------------------- CMAC */

/* x = 2 x in GF(2^128), the bits as CMAC counts them */
static void double_block(uint8_t x[16])
{
    const uint32_t top = x[0] >> 7;
    for (int i = 0; i < 15; i++)
        x[i] = (uint8_t)(x[i] << 1 | x[i + 1] >> 7);
    x[15] = (uint8_t)((unsigned)x[15] << 1 ^ (ct_mask32(top) & 0x87));
}

void block_cmac(const struct block *b, const uint8_t *in, size_t n, uint8_t mac[16])
{
    uint8_t sub[BLOCK] = {0}, last[BLOCK] = {0};
    block_encrypt(b, sub, sub, 1);
    double_block(sub);
    memset(mac, 0, BLOCK);
    for (; n > BLOCK; n -= BLOCK, in += BLOCK) {
        xor_into(mac, mac, in, BLOCK);
        block_encrypt(b, mac, mac, 1);
    }
    if (n)
        memcpy(last, in, n);
    if (n < BLOCK) {
        last[n] = 0x80;
        double_block(sub);
    }
    xor_into(mac, mac, last, BLOCK);
    xor_into(mac, mac, sub, BLOCK);
    block_encrypt(b, mac, mac, 1);
    wipe(sub, sizeof sub);
    wipe(last, sizeof last);
}

/* ---------------------------------------------------------------- key wrap */

enum { HALF = 8, TURNS = 6 };

/* RFC 3394 2.2.1 on out = A | R[1..n/8], in place, n bytes of R */
static void kw_forth(const struct block *b, uint8_t *out, size_t n)
{
    uint8_t x[BLOCK];
    uint64_t t = 0;
    for (int j = 0; j < TURNS; j++) {
        for (size_t i = HALF; i <= n; i += HALF) {
            memcpy(x, out, HALF);
            memcpy(x + HALF, out + i, HALF);
            block_encrypt(b, x, x, 1);
            store_be64(out, load_be64(x) ^ ++t);
            memcpy(out + i, x + HALF, HALF);
        }
    }
    wipe(x, sizeof x);
}

/* RFC 3394 2.2.2, likewise: a is A, out is R */
static void kw_back(const struct block *b, uint8_t a[8], uint8_t *out, size_t n)
{
    uint8_t x[BLOCK];
    uint64_t t = TURNS * (uint64_t)(n / HALF);
    for (int j = 0; j < TURNS; j++) {
        for (size_t i = n; i > 0; i -= HALF) {
            store_be64(x, load_be64(a) ^ t--);
            memcpy(x + HALF, out + i - HALF, HALF);
            block_decrypt(b, x, x, 1);
            memcpy(a, x, HALF);
            memcpy(out + i - HALF, x + HALF, HALF);
        }
    }
    wipe(x, sizeof x);
}

static const uint8_t kw_iv[HALF] = {0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6};
static const uint8_t kwp_iv[4] = {0xA6, 0x59, 0x59, 0xA6};

void block_kw_wrap(const struct block *b, const uint8_t *in, size_t n, uint8_t *out)
{
    memmove(out + HALF, in, n);
    memcpy(out, kw_iv, HALF);
    kw_forth(b, out, n);
}

int block_kw_unwrap(const struct block *b, const uint8_t *in, size_t n, uint8_t *out)
{
    uint8_t a[HALF];
    memcpy(a, in, HALF);
    memcpy(out, in + HALF, n - HALF);
    kw_back(b, a, out, n - HALF);
    uint32_t right = ct_mem_eq(a, kw_iv, HALF);
    PUBLIC(&right, sizeof right);
    wipe(a, sizeof a);
    if (!right)
        wipe(out, n - HALF);
    return right ? 0 : -1;
}

size_t block_kwp_wrap(const struct block *b, const uint8_t *in, size_t n, uint8_t *out)
{
    const size_t padded = (n + HALF - 1) / HALF * HALF;
    memmove(out + HALF, in, n);
    memset(out + HALF + n, 0, padded - n);
    memcpy(out, kwp_iv, 4);
    store_be32(out + 4, (uint32_t)n);
    if (padded == HALF)
        block_encrypt(b, out, out, 1);
    else
        kw_forth(b, out, padded);
    return HALF + padded;
}

int block_kwp_unwrap(const struct block *b, const uint8_t *in, size_t n, uint8_t *out, size_t *size)
{
    const size_t padded = n - HALF;
    uint8_t x[BLOCK];
    memcpy(x, in, HALF);
    memcpy(out, in + HALF, padded);
    if (padded == HALF) {
        block_decrypt(b, in, x, 1);
        memcpy(out, x + HALF, HALF);
    } else {
        kw_back(b, x, out, padded);
    }
    const uint32_t told = load_be32(x + 4);
    /* the size fits, and what is behind it is zero */
    uint32_t right = ct_mem_eq(x, kwp_iv, 4) & ~ct_lt32(told, (uint32_t)padded - HALF + 1) &
                     ~ct_lt32((uint32_t)padded, told);
    for (size_t i = padded - HALF; i < padded; i++)
        right &= ct_lt32((uint32_t)i, told) | ct_is_zero32(out[i]);
    PUBLIC(&right, sizeof right);
    *size = told;
    PUBLIC(size, sizeof *size);
    wipe(x, sizeof x);
    if (!right)
        wipe(out, padded);
    return right ? 0 : -1;
}

#endif
