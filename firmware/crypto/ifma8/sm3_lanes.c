/* SM3 on sixteen messages at a time: one word of every message in a register. */
#include "firmware/crypto/ifma8/sym_lanes.h"

#if HUFU_IFMA8

#include <immintrin.h>
#include <string.h>

#include "firmware/base/endian.h"
#include "firmware/base/inline.h"
#include "firmware/base/wipe.h"

typedef __m512i words;

#define ROL(x, n)         _mm512_rol_epi32((x), (n))
#define ADD(a, b)         _mm512_add_epi32((a), (b))
#define XOR(a, b)         _mm512_xor_si512((a), (b))
#define XOR3(a, b, c)     _mm512_ternarylogic_epi32((a), (b), (c), 0x96)
#define MAJORITY(a, b, c) _mm512_ternarylogic_epi32((a), (b), (c), 0xE8)
#define CHOOSE(a, b, c)   _mm512_ternarylogic_epi32((a), (b), (c), 0xCA)

/* 16x16 words: row i (message i) <-> register i (word i of all) */
INLINE void transpose(words r[16])
{
    words t[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        const words a = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88),
                    b = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xDD);
        const words c = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88),
                    d = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xDD);
        t[i] = _mm512_shuffle_i32x4(a, c, 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(b, d, 0x88);
        t[i + 8] = _mm512_shuffle_i32x4(a, c, 0xDD);
        t[i + 12] = _mm512_shuffle_i32x4(b, d, 0xDD);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        r[i] = t[i];
}

INLINE words swap_bytes(words x)
{
    return _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11,
                                                                      4, 5, 6, 7, 0, 1, 2, 3)));
}

/* W[j], in the place of W[j - 16] */
INLINE words expand(const words w[16], int j)
{
    const words x = XOR3(w[j & 15], w[(j + 7) & 15], ROL(w[(j + 13) & 15], 15));
    const words p1 = XOR3(x, ROL(x, 15), ROL(x, 23));
    return XOR3(p1, ROL(w[(j + 3) & 15], 7), w[(j + 10) & 15]);
}

/* T(j) rotated left by j mod 32 */
INLINE uint32_t constant(int j)
{
    const uint32_t t = j < 16 ? 0x79CC4519u : 0x7A879D8Au;
    return j % 32 ? t << (j % 32) | t >> (32 - j % 32) : t;
}

/* One round; w is W[j], w4 is W[j+4]. */
#define ROUND(A, B, C, D, E, F, G, H, j, w, w4)                                                    \
    do {                                                                                           \
        const words a12 = ROL(A, 12);                                                              \
        const words ss1 = ROL(ADD(ADD(a12, E), _mm512_set1_epi32((int)constant(j))), 7);           \
        const words ff = (j) < 16 ? XOR3(A, B, C) : MAJORITY(A, B, C);                             \
        const words gg = (j) < 16 ? XOR3(E, F, G) : CHOOSE(E, F, G);                               \
        const words tt1 = ADD(ADD(ff, D), ADD(XOR(ss1, a12), XOR(w, w4)));                         \
        const words tt2 = ADD(ADD(gg, H), ADD(ss1, w));                                            \
        B = ROL(B, 9);                                                                             \
        D = tt1;                                                                                   \
        F = ROL(F, 19);                                                                            \
        H = XOR3(tt2, ROL(tt2, 9), ROL(tt2, 17));                                                  \
    } while (0)

#define ROUNDS4(j)                                                                                 \
    do {                                                                                           \
        ROUND(a, b, c, d, e, f, g, h, (j), W(j), W((j) + 4));                                      \
        ROUND(d, a, b, c, h, e, f, g, (j) + 1, W((j) + 1), W((j) + 5));                            \
        ROUND(c, d, a, b, g, h, e, f, (j) + 2, W((j) + 2), W((j) + 6));                            \
        ROUND(b, c, d, a, f, g, h, e, (j) + 3, W((j) + 3), W((j) + 7));                            \
    } while (0)
#define W(i) w[(i)&15]
/* the four words that rounds j.. need beyond the window, in the place of those they no longer need
 */
#define EXPAND4(j)                                                                                 \
    do {                                                                                           \
        for (int i_ = (j) + 4; i_ < (j) + 8; i_++)                                                 \
            w[i_ & 15] = expand(w, i_);                                                            \
    } while (0)

/* One block of sixteen messages, as words; w is used up. */
INLINE void compress_words(words state[8], words w[16])
{
    words a = state[0], b = state[1], c = state[2], d = state[3];
    words e = state[4], f = state[5], g = state[6], h = state[7];
    ROUNDS4(0);
    ROUNDS4(4);
    ROUNDS4(8);
#pragma GCC unroll 16
    for (int j = 12; j < 64; j += 4) {
        EXPAND4(j);
        ROUNDS4(j);
    }
    state[0] = XOR(state[0], a);
    state[1] = XOR(state[1], b);
    state[2] = XOR(state[2], c);
    state[3] = XOR(state[3], d);
    state[4] = XOR(state[4], e);
    state[5] = XOR(state[5], f);
    state[6] = XOR(state[6], g);
    state[7] = XOR(state[7], h);
}

/* `blocks` blocks of sixteen messages */
static void compress(words state[8], const uint8_t *const data[16], size_t blocks)
{
    for (size_t n = 0; n < blocks; n++) {
        words w[16];
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++)
            w[i] = swap_bytes(_mm512_loadu_si512(data[i] + 64 * n));
        transpose(w);
        compress_words(state, w);
    }
}

INLINE void start(words state[8])
{
    static const uint32_t iv[8] = {0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600,
                                   0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E};
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        state[i] = _mm512_set1_epi32((int)iv[i]);
}

/* The digests of the first n messages. */
INLINE void finish(uint8_t (*digest)[32], unsigned n, const words state[8])
{
    words w[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        w[i] = i < 8 ? swap_bytes(state[i & 7]) : _mm512_setzero_si512();
    transpose(w);
#pragma GCC unroll 16
    for (unsigned j = 0; j < 16; j++)
        if (j < n)
            _mm256_storeu_si256((__m256i *)(void *)digest[j], _mm512_castsi512_si256(w[j]));
}

/* The last `rest` bytes of a message with their padding, one or two blocks. */
INLINE void pad(uint8_t *end, const uint8_t *from, size_t rest, size_t ends, words length)
{
    const __mmask64 there = ((__mmask64)1 << rest) - 1;
    const words text = _mm512_maskz_loadu_epi8(there, from),
                mark = _mm512_maskz_set1_epi8((__mmask64)1 << rest, (char)0x80);
    const words first = _mm512_or_si512(text, mark);
    _mm512_storeu_si512(end, ends == 1 ? _mm512_or_si512(first, length) : first);
    if (ends == 2)
        _mm512_storeu_si512(end + 64, length);
}

/* Up to sixteen messages; lanes without one repeat the first. */
static void hash_sixteen(unsigned n, const uint8_t *const *message, size_t size,
                         uint8_t (*digest)[32])
{
    const size_t whole = size / 64, rest = size % 64, ends = rest < 56 ? 1 : 2;
    uint8_t end[16 * 128], bits[8];
    const uint8_t *data[16], *tail[16];
    words state[8];
    store_be64(bits, 8 * (uint64_t)size);
    const words length = _mm512_inserti32x4(_mm512_setzero_si512(),
                                            _mm_set_epi64x((long long)load_le64(bits), 0), 3);
    for (unsigned j = 0; j < 16; j++) {
        data[j] = message[j < n ? j : 0];
        tail[j] = end + 64 * ends * j;
        pad(end + 64 * ends * j, data[j] + 64 * whole, rest, ends, length);
    }
    start(state);
    compress(state, data, whole);
    compress(state, tail, ends);
    finish(digest, n, state);
    wipe(end, 16 * 64 * ends);
    wipe(state, sizeof state);
}

void ifma8_sm3_many(size_t n, const uint8_t *const *message, size_t size, uint8_t (*digest)[32])
{
    for (size_t i = 0; i < n; i += 16)
        hash_sixteen(n - i < 16 ? (unsigned)(n - i) : 16, message + i, size, digest + i);
}

/*
 * A number of 55 bytes in the words of its only block: thirteen whole words, the first the highest,
 * and 24 bits before the padding.
 */
enum { NUMBER_WORDS = 13 };
struct number {
    uint32_t word[NUMBER_WORDS], low;
};

static void load_number(struct number *v, const uint8_t from[55])
{
    for (int i = 0; i < NUMBER_WORDS; i++)
        v->word[i] = load_be32(from + 4 * i);
    v->low = load_be32(from + 51) & 0xFFFFFF;
}

/* v += 16 */
static void next_sixteen(struct number *v)
{
    uint32_t carry = (v->low + 16) >> 24;
    v->low = (v->low + 16) & 0xFFFFFF;
    for (int i = NUMBER_WORDS; i-- > 0;) {
        v->word[i] += carry;
        carry = v->word[i] < carry;
    }
}

/* The padded blocks of v .. v + 15. */
INLINE void number_blocks(words w[16], const struct number *v)
{
    const words step = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                one = _mm512_set1_epi32(1), low = ADD(_mm512_set1_epi32((int)v->low), step);
    __mmask16 carry = _mm512_cmpge_epu32_mask(low, _mm512_set1_epi32(1 << 24));
#pragma GCC unroll 16
    for (int i = NUMBER_WORDS - 1; i >= 0; i--) {
        const words word = _mm512_set1_epi32((int)v->word[i]);
        w[i] = _mm512_mask_add_epi32(word, carry, word, one);
        carry = _mm512_mask_testn_epi32_mask(carry, w[i], w[i]);
    }
    w[13] = _mm512_or_si512(_mm512_slli_epi32(low, 8), _mm512_set1_epi32(0x80));
    w[14] = _mm512_setzero_si512();
    w[15] = _mm512_set1_epi32(8 * 55);
}

void ifma8_sm3_count(const uint8_t number[55], size_t n, uint8_t (*digest)[32])
{
    struct number v;
    words state[8], w[16];
    load_number(&v, number);
    for (size_t i = 0; i < n; i += 16) {
        number_blocks(w, &v);
        start(state);
        compress_words(state, w);
        finish(digest + i, n - i < 16 ? (unsigned)(n - i) : 16, state);
        next_sixteen(&v);
    }
    wipe(&v, sizeof v);
    wipe(w, sizeof w);
    wipe(state, sizeof state);
}

#endif
