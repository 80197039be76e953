/* SM4, a batch of blocks at a time: bit-sliced. */
#include <string.h>

#include "firmware/base/endian.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/sm4_core.h"

#define SM4_SBOX sbox
#define SM4_WORD sm4_plane
#include "firmware/crypto/sm4_sbox.h"

/* The words X of all blocks, column by column, as planes. */
struct state {
    sm4_plane x[4][8];
};

#if SM4_WIDE

typedef uint8_t bytes __attribute__((vector_size(16)));
typedef uint16_t pairs __attribute__((vector_size(16)));

/* byte j + 1 of each column comes to byte j: what <<< 8 does to a word */
static inline sm4_plane turn8(sm4_plane x)
{
    return __builtin_shufflevector(x, x, 1, 2, 3, 0);
}

/* A round key for all blocks: the same bit in a whole lane. */
static inline void slice_word(sm4_plane plane[8], uint32_t rk)
{
    const sm4_plane lanes = {rk >> 24, rk >> 16, rk >> 8, rk};
    for (unsigned k = 0; k < 8; k++)
        plane[k] = 0 - ((lanes >> k) & 1);
}

static inline bytes load(const uint8_t *p)
{
    bytes b;
    memcpy(&b, p, sizeof b);
    return b;
}

/* The perfect shuffle of 32 bytes, its first and its second half. */
static inline bytes mix_low(bytes a, bytes b)
{
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

static inline bytes mix_high(bytes a, bytes b)
{
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                   31);
}

/* The same of 64 bytes in v: byte i moves to 2 i mod 63. */
static inline void shuffle(bytes v[4])
{
    const bytes a = v[0], b = v[1], c = v[2], d = v[3];
    v[0] = mix_low(a, c);
    v[1] = mix_high(a, c);
    v[2] = mix_low(b, d);
    v[3] = mix_high(b, d);
}

/*
 * Row r of a column holds, in lane j, byte j of the blocks r, r+8, r+16, r+24. A byte's place in
 * four blocks has six bits: two for the block, two for the column, two for j. Turning them by two
 * places (two shuffles) makes rows of blocks, turning by four makes blocks of rows.
 */
static inline void gather(struct state *s, const uint8_t *in)
{
    for (size_t r = 0; r < 8; r++) {
        bytes v[4];
        for (size_t q = 0; q < 4; q++)
            v[q] = load(in + 16 * (8 * q + r));
        shuffle(v);
        shuffle(v);
        for (size_t c = 0; c < 4; c++)
            s->x[c][r] = (sm4_plane)v[c];
    }
}

static inline void scatter(const struct state *s, uint8_t *out)
{
    for (size_t r = 0; r < 8; r++) {
        bytes v[4];
        for (size_t c = 0; c < 4; c++)
            v[c] = (bytes)s->x[3 - c][r];
        for (size_t turn = 0; turn < 4; turn++)
            shuffle(v);
        for (size_t q = 0; q < 4; q++)
            memcpy(out + 16 * (8 * q + r), &v[q], sizeof v[q]);
    }
}

#else

static inline sm4_plane turn8(sm4_plane x)
{
    return (x << 8) | (x >> 24);
}

static inline void slice_word(sm4_plane plane[8], uint32_t rk)
{
    for (unsigned k = 0; k < 8; k++)
        plane[k] = (rk >> k & 0x01010101u) * 0xFF;
}

static inline void gather(struct state *s, const uint8_t *in)
{
    for (size_t r = 0; r < 8; r++)
        for (size_t c = 0; c < 4; c++)
            s->x[c][r] = load_be32(in + 16 * r + 4 * c);
}

static inline void scatter(const struct state *s, uint8_t *out)
{
    for (size_t r = 0; r < 8; r++)
        for (size_t c = 0; c < 4; c++)
            store_be32(out + 16 * r + 4 * c, s->x[3 - c][r]);
}

#endif

/* Swap the bits of *a under mask << n with those of *b under mask. */
static inline void swap_bits(sm4_plane *a, sm4_plane *b, uint32_t mask, unsigned n)
{
    const sm4_plane t = ((*a >> n) ^ *b) & mask;
    *b ^= t;
    *a ^= t << n;
}

/* Eight rows of bytes <-> eight planes: 8 x 8 bits, at every byte. */
static inline void transpose(sm4_plane v[8])
{
    for (size_t i = 0; i < 4; i++)
        swap_bits(&v[i], &v[i + 4], 0x0F0F0F0Fu, 4);
    for (size_t i = 0; i < 4; i++)
        swap_bits(&v[i + (i & 2)], &v[i + (i & 2) + 2], 0x33333333u, 2);
    for (size_t i = 0; i < 8; i += 2)
        swap_bits(&v[i], &v[i + 1], 0x55555555u, 1);
}

/* a ^= L(S(b ^ c ^ d ^ rk)) */
static inline void one_round(sm4_plane a[8], const sm4_plane b[8], const sm4_plane c[8],
                             const sm4_plane d[8], const sm4_plane rk[8])
{
    sm4_plane s[8], t[8];
    for (size_t k = 0; k < 8; k++)
        s[k] = b[k] ^ c[k] ^ d[k] ^ rk[k];
    sbox(s);
    for (size_t k = 0; k < 8; k++) /* t = s <<< 2 */
        t[k] = k < 2 ? turn8(s[k + 6]) : s[k - 2];
    for (size_t k = 0; k < 8; k++) /* s ^ t ^ (t <<< 8) ^ (t <<< 16) ^ (s <<< 24) */
        a[k] ^= s[k] ^ t[k] ^ turn8(t[k] ^ turn8(t[k] ^ turn8(s[k])));
}

static void crypt_batch(const struct sm4_sliced *sliced, const uint8_t *in, uint8_t *out,
                        struct state *s)
{
    gather(s, in);
    for (size_t c = 0; c < 4; c++)
        transpose(s->x[c]);
    for (size_t i = 0; i < SM4_ROUNDS; i += 4) {
        one_round(s->x[0], s->x[1], s->x[2], s->x[3], sliced->rk[i]);
        one_round(s->x[1], s->x[2], s->x[3], s->x[0], sliced->rk[i + 1]);
        one_round(s->x[2], s->x[3], s->x[0], s->x[1], sliced->rk[i + 2]);
        one_round(s->x[3], s->x[0], s->x[1], s->x[2], sliced->rk[i + 3]);
    }
    for (size_t c = 0; c < 4; c++)
        transpose(s->x[c]);
    scatter(s, out);
}

void sm4_slice_key(struct sm4_sliced *sliced, const struct sm4_key *key,
                   enum sm4_direction direction)
{
    for (unsigned i = 0; i < SM4_ROUNDS; i++)
        slice_word(sliced->rk[i], sm4_round_key(key, direction, i));
}

void sm4_sliced_crypt(const struct sm4_sliced *sliced, const uint8_t *in, uint8_t *out,
                      size_t blocks)
{
    struct state s;
    for (; blocks >= SM4_BATCH; blocks -= SM4_BATCH) {
        crypt_batch(sliced, in, out, &s);
        in += SM4_BATCH_BYTES;
        out += SM4_BATCH_BYTES;
    }
    if (blocks) {
        uint8_t rest[SM4_BATCH_BYTES] = {0};
        memcpy(rest, in, blocks * SM4_BLOCK);
        crypt_batch(sliced, rest, rest, &s);
        memcpy(out, rest, blocks * SM4_BLOCK);
        wipe(rest, sizeof rest);
    }
    wipe(&s, sizeof s);
}
