/*
 * SM4-GCM of one long text: the key stream from 64 blocks of SM4 at a time, GHASH sixteen blocks to
 * a reduction, each times its own power of H.
 */
#include "firmware/crypto/ifma8/sym_lanes.h"

#if HUFU_IFMA8

#include <string.h>

#include "firmware/base/ct.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/ifma8/gcm_product.h"
#include "firmware/crypto/sm4.h"

enum {
    LONG = 16384,       /* bytes from which on this is quicker */
    TOO_LONG = 1 << 30, /* the count of blocks stays in its 32 bits */
    REGISTERS = 4,
    AT_ONCE = 64 * REGISTERS /* bytes of text to a reduction */
};

/* power: H^16 to H^1 (times x), in the order of the blocks that they meet */
struct hashing {
    lanes power[REGISTERS], one; /* one: H in every lane */
    __m128i y;
};

INLINE lanes times(lanes a, lanes b)
{
    struct product p = {0};
    add_product(&p, a, b);
    return reduce(&p);
}

static void begin(struct hashing *g, const uint8_t h[16])
{
    lanes next = g->one = hash_key(h);
    for (int r = REGISTERS - 1; r >= 0; r--) {
        __m128i each[4];
        for (int i = 3; i >= 0; i--) {
            each[i] = _mm512_castsi512_si128(next);
            next = times(next, g->one);
        }
        lanes four = _mm512_castsi128_si512(each[0]);
        four = _mm512_inserti64x2(four, each[1], 1);
        four = _mm512_inserti64x2(four, each[2], 2);
        g->power[r] = _mm512_inserti64x2(four, each[3], 3);
    }
    g->y = _mm_setzero_si128();
}

INLINE __m128i sum_of_lanes(lanes a)
{
    const __m256i two =
        _mm256_xor_si256(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));
    return _mm_xor_si128(_mm256_castsi256_si128(two), _mm256_extracti128_si256(two, 1));
}

/* One block, its last bytes zeros if there are fewer. */
static void add_block(struct hashing *g, const uint8_t *data, size_t n)
{
    const __m128i block = _mm_maskz_loadu_epi8((__mmask16)((1u << n) - 1), data);
    const __m128i x = _mm_xor_si128(g->y, _mm_shuffle_epi8(block, reverse_order()));
    g->y = _mm512_castsi512_si128(times(_mm512_zextsi128_si512(x), g->one));
}

static void add_text(struct hashing *g, const uint8_t *data, size_t n)
{
    const lanes order = _mm512_broadcast_i32x4(reverse_order());
    for (; n >= AT_ONCE; n -= AT_ONCE, data += AT_ONCE) {
        struct product sum = {0};
#pragma GCC unroll 4
        for (int r = 0; r < REGISTERS; r++) {
            lanes x = _mm512_shuffle_epi8(_mm512_loadu_si512(data + 64 * r), order);
            if (r == 0)
                x = _mm512_xor_si512(x, _mm512_zextsi128_si512(g->y));
            add_product(&sum, x, g->power[r]);
        }
        g->y = sum_of_lanes(reduce(&sum));
    }
    for (; n; data += n < 16 ? n : 16, n -= n < 16 ? n : 16)
        add_block(g, data, n < 16 ? n : 16);
}

/* H and what masks the tag come from two blocks of the portable engine: starting lanes costs more.
 */
static void make_tag(const struct sm4_key *key, const struct sm4_gcm_item *item,
                     const uint8_t *cipher, uint8_t tag[16])
{
    uint8_t block[2][16] = {{0}}, sizes[16], y[16];
    struct hashing g;
    memcpy(block[1], item->nonce, 12);
    block[1][15] = 1;
    sm4_encrypt_blocks(key, block[0], block[0], 2);
    begin(&g, block[0]);
    add_text(&g, item->aad, item->aad_size);
    add_text(&g, cipher, item->n);
    store_be64(sizes, 8 * (uint64_t)item->aad_size);
    store_be64(sizes + 8, 8 * (uint64_t)item->n);
    add_block(&g, sizes, sizeof sizes);
    _mm_storeu_si128((void *)y, _mm_shuffle_epi8(g.y, reverse_order()));
    for (int i = 0; i < 16; i++)
        tag[i] = y[i] ^ block[1][i];
    wipe(&g, sizeof g);
    wipe(block, sizeof block);
}

static void crypt(const struct sm4_key *key, const struct sm4_gcm_item *item)
{
    uint8_t counter[16] = {0};
    memcpy(counter, item->nonce, 12);
    counter[15] = 2;
    ifma8_sm4_ctr(key, counter, item->in, item->out, item->n);
}

int ifma8_gcm_is_long(const struct sm4_gcm_item *item)
{
    return item->nonce_size == 12 && item->n >= LONG && item->n < TOO_LONG;
}

void ifma8_gcm_seal_long(const struct sm4_key *key, const struct sm4_gcm_item *item)
{
    crypt(key, item);
    make_tag(key, item, item->out, item->tag);
}

static uint8_t open_long(const struct sm4_key *key, const struct sm4_gcm_item *item)
{
    uint8_t expected[16];
    make_tag(key, item, item->in, expected);
    uint32_t right = ct_mem_eq(expected, item->tag, sizeof expected);
    PUBLIC(&right, sizeof right);
    if (right)
        crypt(key, item);
    else
        wipe(item->out, item->n);
    wipe(expected, sizeof expected);
    return right ? 1 : 0;
}

void ifma8_gcm_open(const struct sm4_key *key, const struct sm4_gcm_item *item, size_t items,
                    uint8_t *ok)
{
    if (items == 1 && ifma8_gcm_is_long(item))
        *ok = open_long(key, item);
    else
        sm4_gcm_open_batch(key, item, items, ok);
}

#endif
