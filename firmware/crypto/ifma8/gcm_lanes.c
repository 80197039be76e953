/*
 * SM4-GCM for many small messages under one key: all their counter blocks go through SM4 together,
 * and GHASH works on eight messages at a time, four to a register (VPCLMULQDQ).
 */
#include "firmware/crypto/ifma8/sym_lanes.h"

#if HUFU_IFMA8

#include <string.h>

#include "firmware/base/endian.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/ifma8/gcm_product.h"
#include "firmware/crypto/sm4.h"

enum {
    GROUP = 64,      /* messages that go together */
    TEXT_MAX = 64,   /* bytes of a message that take this way, and */
    BLOCKS_MAX = 16, /* blocks of AAD, text and sizes together */
    LANES = 4,       /* blocks in a register */
    CHAINS = 2,      /* registers in flight */
    TOGETHER = LANES * CHAINS
};

/* power[i] = H^(i+1) x */
static void hash_powers(lanes power[BLOCKS_MAX], const uint8_t h[16], size_t n)
{
    power[0] = hash_key(h);
    for (size_t i = 1; i < n; i++) {
        struct product p = {0};
        add_product(&p, power[i - 1], power[0]);
        power[i] = reduce(&p);
    }
}

/* The block at p of four messages that are `stride` bytes apart. */
INLINE lanes load_blocks(const uint8_t *p, size_t stride)
{
    const __m256i a =
        _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)p)),
                                _mm_loadu_si128((const void *)(p + stride)), 1);
    p += 2 * stride;
    const __m256i b =
        _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)p)),
                                _mm_loadu_si128((const void *)(p + stride)), 1);
    return _mm512_shuffle_epi8(_mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1),
                               _mm512_broadcast_i32x4(reverse_order()));
}

/* y[i] = GHASH of `blocks` blocks at data + i stride, eight of them: each block times its own power
 * of H, and one reduction for all. */
static void ghash_eight(const lanes power[BLOCKS_MAX], const uint8_t *data, size_t stride,
                        size_t blocks, uint8_t (*y)[16])
{
    const lanes order = _mm512_broadcast_i32x4(reverse_order());
    struct product sum[CHAINS] = {0};
    for (size_t b = 0; b < blocks; b++)
#pragma GCC unroll 2
        for (int c = 0; c < CHAINS; c++)
            add_product(&sum[c], load_blocks(data + LANES * (size_t)c * stride + 16 * b, stride),
                        power[blocks - 1 - b]);
#pragma GCC unroll 2
    for (int c = 0; c < CHAINS; c++)
        _mm512_storeu_si512(y[LANES * c], _mm512_shuffle_epi8(reduce(&sum[c]), order));
}

/* What one group needs: secrets, and what leaves the device anyway. */
struct group {
    struct {
        uint8_t stream[GROUP * (1 + TEXT_MAX / 16)][16];
        uint8_t tag[GROUP][16];
    } s;
    uint8_t hashed[GROUP][16 * BLOCKS_MAX];
};

/* Counter blocks: the tag's first, then the text's, message by message. */
static void make_stream(const struct sm4_key *key, struct group *g, const struct sm4_gcm_item *item,
                        size_t n, size_t each)
{
    uint8_t(*s)[16] = g->s.stream;
    for (size_t i = 0; i < n; i++) {
        const __m128i nonce = _mm_maskz_loadu_epi8(0xFFF, item[i].nonce);
        for (uint32_t b = 1; b <= each; b++, s++)
            _mm_storeu_si128((void *)*s, _mm_insert_epi32(nonce, (int)(b << 24), 3));
    }
    ifma8_sm4_encrypt(key, g->s.stream[0], g->s.stream[0], n * each);
}

/* The first n bytes of 64 */
INLINE __mmask64 first(size_t n)
{
    return n < 64 ? ((__mmask64)1 << n) - 1 : ~(__mmask64)0;
}

/* n bytes, then zeros up to a multiple of 64 */
INLINE void copy_padded(uint8_t *out, const uint8_t *in, size_t n)
{
    for (size_t at = 0; at < n; at += 64)
        _mm512_storeu_si512(out + at, _mm512_maskz_loadu_epi8(first(n - at), in + at));
}

/* AAD, padded; text, padded; both sizes */
INLINE void seal_one(const struct sm4_gcm_item *item, uint8_t *hashed, const uint8_t *stream,
                     __m128i sizes)
{
    const size_t padded = (item->n + 15) / 16 * 16, aad = (item->aad_size + 15) / 16 * 16;
    const __mmask64 text = first(item->n);
    const lanes sealed = _mm512_xor_si512(_mm512_maskz_loadu_epi8(text, item->in),
                                          _mm512_maskz_loadu_epi8(text, stream));
    copy_padded(hashed, item->aad, item->aad_size);
    _mm512_mask_storeu_epi8(hashed + aad, first(padded), sealed);
    _mm512_mask_storeu_epi8(item->out, text, sealed);
    _mm_storeu_si128((void *)(hashed + aad + padded), sizes);
}

static void seal_group(const struct sm4_key *key, const lanes power[BLOCKS_MAX], struct group *g,
                       const struct sm4_gcm_item *item, size_t n, size_t aad_size, size_t size)
{
    const size_t each = 1 + (size + 15) / 16, blocks = (aad_size + 15) / 16 + each;
    uint8_t bits[16];
    store_be64(bits, 8 * (uint64_t)aad_size);
    store_be64(bits + 8, 8 * (uint64_t)size);
    const __m128i sizes = _mm_loadu_si128((const void *)bits);
    make_stream(key, g, item, n, each);
    for (size_t i = 0; i < n; i++)
        seal_one(&item[i], g->hashed[i], g->s.stream[i * each + 1], sizes);
    for (size_t i = 0; i < n; i += TOGETHER)
        ghash_eight(power, g->hashed[i], sizeof g->hashed[0], blocks, g->s.tag + i);
    for (size_t i = 0; i < n; i++)
        _mm_storeu_si128((void *)item[i].tag,
                         _mm_xor_si128(_mm_loadu_si128((const void *)g->s.tag[i]),
                                       _mm_loadu_si128((const void *)g->s.stream[i * each])));
}

/* Short texts of one shape, enough of them to be worth it */
static int fits(const struct sm4_gcm_item *item, size_t items)
{
    if (items < 4 || item->n > TEXT_MAX ||
        (item->aad_size + 15) / 16 + (item->n + 15) / 16 + 1 > BLOCKS_MAX)
        return 0;
    for (size_t i = 0; i < items; i++)
        if (item[i].nonce_size != 12 || item[i].aad_size != item->aad_size || item[i].n != item->n)
            return 0;
    return 1;
}

static void seal_groups(const struct sm4_key *key, const struct sm4_gcm_item *item, size_t items)
{
    static const uint8_t zeros[16];
    struct group g;
    lanes power[BLOCKS_MAX];
    if (items < GROUP) /* lanes without a message hash zeros */
        memset(g.hashed[items], 0, (GROUP - items) * sizeof g.hashed[0]);
    ifma8_sm4_encrypt(key, zeros, g.s.tag[0], 1);
    hash_powers(power, g.s.tag[0], (item->aad_size + 15) / 16 + (item->n + 15) / 16 + 1);
    for (size_t now; items; items -= now, item += now) {
        now = items < GROUP ? items : GROUP;
        seal_group(key, power, &g, item, now, item->aad_size, item->n);
    }
    wipe(&g.s, sizeof g.s);
    wipe(power, sizeof power);
}

void ifma8_gcm_seal(const struct sm4_key *key, const struct sm4_gcm_item *item, size_t items)
{
    if (fits(item, items))
        seal_groups(key, item, items);
    else if (items == 1 && ifma8_gcm_is_long(item))
        ifma8_gcm_seal_long(key, item);
    else
        sm4_gcm_seal_batch(key, item, items);
}

const struct sym_ops sym_ifma8 = {
    .name = "ifma8",
    .sm3_many = ifma8_sm3_many,
    .sm3_count = ifma8_sm3_count,
    .sm4_encrypt = ifma8_sm4_encrypt,
    .sm4_ctr = ifma8_sm4_ctr,
    .sm4_gcm_seal = ifma8_gcm_seal,
    .sm4_gcm_open = ifma8_gcm_open,
};

#endif
