/*
 * SM4 on 64 blocks at a time: the S-box is inversion in GF(2^8) between two affine maps, and
 * GF2P8AFFINEINVQB inverts in the field of AES, so the maps also carry the isomorphism between the
 * two fields: S(x) = POST inv(PRE x + 65) + D3. Word i of 16 blocks is one register.
 */
#include "firmware/crypto/ifma8/sym_lanes.h"

#if HUFU_IFMA8

#include <immintrin.h>
#include <string.h>

#include "firmware/base/endian.h"
#include "firmware/base/inline.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/sm4.h"

enum { GROUPS = 4, WIDE = 16 * GROUPS }; /* registers of 16 blocks in flight; blocks in flight */

typedef __m512i words;

INLINE words substitute(words x)
{
    const words pre = _mm512_set1_epi64(0x34AC259E022DBC52),
                post = _mm512_set1_epi64((long long)0xD72D8E511E6C8B19);
    return _mm512_gf2p8affineinv_epi64_epi8(_mm512_gf2p8affine_epi64_epi8(x, pre, 0x65), post,
                                            0xD3);
}

/* a ^ b ^ c */
INLINE words xor3(words a, words b, words c)
{
    return _mm512_ternarylogic_epi32(a, b, c, 0x96);
}

INLINE words linear(words b)
{
    return xor3(xor3(b, _mm512_rol_epi32(b, 2), _mm512_rol_epi32(b, 10)), _mm512_rol_epi32(b, 18),
                _mm512_rol_epi32(b, 24));
}

/* One round for all groups: a ^= L(S(b ^ c ^ d ^ rk)) */
INLINE void step(words a[GROUPS], const words b[GROUPS], const words c[GROUPS],
                 const words d[GROUPS], uint32_t rk)
{
    const words k = _mm512_set1_epi32((int)rk);
#pragma GCC unroll 4
    for (int g = 0; g < GROUPS; g++)
        a[g] =
            _mm512_xor_si512(a[g], linear(substitute(_mm512_xor_si512(xor3(b[g], c[g], d[g]), k))));
}

INLINE void rounds(words x[4][GROUPS], const uint32_t rk[32])
{
    for (int i = 0; i < 32; i += 4) {
        step(x[0], x[1], x[2], x[3], rk[i]);
        step(x[1], x[2], x[3], x[0], rk[i + 1]);
        step(x[2], x[3], x[0], x[1], rk[i + 2]);
        step(x[3], x[0], x[1], x[2], rk[i + 3]);
    }
}

/* 4x4 words in each 128-bit lane: registers of four blocks each <-> registers of one word of 16
 * blocks */
INLINE void transpose(words *a, words *b, words *c, words *d)
{
    const words t0 = _mm512_unpacklo_epi32(*a, *b), t1 = _mm512_unpackhi_epi32(*a, *b);
    const words t2 = _mm512_unpacklo_epi32(*c, *d), t3 = _mm512_unpackhi_epi32(*c, *d);
    *a = _mm512_unpacklo_epi64(t0, t2);
    *b = _mm512_unpackhi_epi64(t0, t2);
    *c = _mm512_unpacklo_epi64(t1, t3);
    *d = _mm512_unpackhi_epi64(t1, t3);
}

INLINE words swap_bytes(words x)
{
    const words order =
        _mm512_broadcast_i32x4(_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
    return _mm512_shuffle_epi8(x, order);
}

/* The last rounds' words in reverse order, back to bytes: out[g] holds blocks 16 g ... in four
 * registers. */
INLINE void finish(words x[4][GROUPS])
{
#pragma GCC unroll 4
    for (int g = 0; g < GROUPS; g++) {
        words a = x[3][g], b = x[2][g], c = x[1][g], d = x[0][g];
        transpose(&a, &b, &c, &d);
        x[0][g] = swap_bytes(a);
        x[1][g] = swap_bytes(b);
        x[2][g] = swap_bytes(c);
        x[3][g] = swap_bytes(d);
    }
}

static void encrypt_wide(const uint32_t rk[32], const uint8_t *in, uint8_t *out)
{
    words x[4][GROUPS];
#pragma GCC unroll 4
    for (int g = 0; g < GROUPS; g++) {
        for (int i = 0; i < 4; i++)
            x[i][g] = swap_bytes(_mm512_loadu_si512(in + 256 * g + 64 * i));
        transpose(&x[0][g], &x[1][g], &x[2][g], &x[3][g]);
    }
    rounds(x, rk);
    finish(x);
#pragma GCC unroll 4
    for (int g = 0; g < GROUPS; g++)
        for (int i = 0; i < 4; i++)
            _mm512_storeu_si512(out + 256 * g + 64 * i, x[i][g]);
}

void ifma8_sm4_encrypt(const struct sm4_key *key, const uint8_t *in, uint8_t *out, size_t blocks)
{
    for (; blocks >= WIDE; blocks -= WIDE, in += 16 * WIDE, out += 16 * WIDE)
        encrypt_wide(key->rk, in, out);
    if (blocks) {
        uint8_t tail[16 * WIDE] = {0};
        memcpy(tail, in, 16 * blocks);
        encrypt_wide(key->rk, tail, tail);
        memcpy(out, tail, 16 * blocks);
        wipe(tail, sizeof tail);
    }
}

/*
 * Key stream of 64 counters from hi || lo on, xored over in. Within 64 counters at most one carry
 * leaves the low word: lanes after it get word 2 plus one - and the carry further up, which is the
 * same for all of them.
 */
static void ctr_wide(const uint32_t rk[32], uint64_t hi, uint64_t lo, const uint8_t *in,
                     uint8_t *out)
{
    /* after the transposition in finish(), register i of group g holds blocks 4 l + i of lane l */
    const words order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    words x[4][GROUPS];
#pragma GCC unroll 4
    for (int g = 0; g < GROUPS; g++) {
        const words steps = _mm512_add_epi32(order, _mm512_set1_epi32(16 * g));
        const words low = _mm512_add_epi32(_mm512_set1_epi32((int)(uint32_t)lo), steps);
        const __mmask16 wrapped = _mm512_cmplt_epu32_mask(low, steps);
        const uint64_t next = ((lo >> 32) + 1) & 0xFFFFFFFF, up = hi + (next == 0);
        x[3][g] = low;
        x[2][g] = _mm512_mask_set1_epi32(_mm512_set1_epi32((int)(uint32_t)(lo >> 32)), wrapped,
                                         (int)(uint32_t)next);
        x[1][g] = _mm512_mask_set1_epi32(_mm512_set1_epi32((int)(uint32_t)hi), wrapped,
                                         (int)(uint32_t)up);
        x[0][g] = _mm512_mask_set1_epi32(_mm512_set1_epi32((int)(uint32_t)(hi >> 32)), wrapped,
                                         (int)(uint32_t)(up >> 32));
    }
    rounds(x, rk);
    finish(x);
#pragma GCC unroll 4
    for (int g = 0; g < GROUPS; g++)
        for (int i = 0; i < 4; i++) {
            const size_t at = 256 * (size_t)g + 64 * (size_t)i;
            _mm512_storeu_si512(out + at, _mm512_xor_si512(x[i][g], _mm512_loadu_si512(in + at)));
        }
}

void ifma8_sm4_ctr(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                   size_t n)
{
    uint64_t hi = load_be64(iv), lo = load_be64(iv + 8);
    while (n) {
        const size_t now = n < 16 * WIDE ? n : 16 * WIDE, blocks = (now + 15) / 16;
        if (now == 16 * WIDE) {
            ctr_wide(key->rk, hi, lo, in, out);
        } else {
            uint8_t tail[16 * WIDE] = {0};
            memcpy(tail, in, now);
            ctr_wide(key->rk, hi, lo, tail, tail);
            memcpy(out, tail, now);
            wipe(tail, sizeof tail);
        }
        hi += lo + blocks < lo;
        lo += blocks;
        in += now;
        out += now;
        n -= now;
    }
    store_be64(iv, hi);
    store_be64(iv + 8, lo);
}

#endif
