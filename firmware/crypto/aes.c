/*
 * Word i of a state holds bit i of 64 bytes: those of four blocks. Byte (row r, column c) of block
 * b is at bit 16 r + 4 c + b, so that ShiftRows turns the quarters of a word by multiples of four
 * and the next row is 16 bits further.
 */
#include "firmware/crypto/aes.h"

#include <string.h>

#include "firmware/base/config.h"
#include "firmware/base/endian.h"
#include "firmware/base/wipe.h"

#if !HUFU_SMALL

enum { BLOCKS = 4 };

/* ---------------------------------------------------------------- in and out of slices */

/* The bits of eight bytes, as a matrix, transposed. */
static uint64_t transpose(uint64_t x)
{
    uint64_t t;
    t = (x ^ (x >> 7)) & 0x00AA00AA00AA00AA;
    x ^= t ^ (t << 7);
    t = (x ^ (x >> 14)) & 0x0000CCCC0000CCCC;
    x ^= t ^ (t << 14);
    t = (x ^ (x >> 28)) & 0x00000000F0F0F0F0;
    return x ^ t ^ (t << 28);
}

/* Where the byte at lane l of the slices is in the text of four blocks. */
static unsigned place(unsigned lane)
{
    const unsigned row = lane / 16, column = lane / 4 % 4, block = lane % 4;
    return 16 * block + 4 * column + row;
}

static void slice(uint64_t s[8], const uint8_t text[64])
{
    memset(s, 0, 8 * sizeof *s);
    for (unsigned group = 0; group < 8; group++) {
        uint64_t x = 0;
        for (unsigned i = 0; i < 8; i++)
            x |= (uint64_t)text[place(8 * group + i)] << (8 * i);
        x = transpose(x);
        for (unsigned bit = 0; bit < 8; bit++)
            s[bit] |= (x >> (8 * bit) & 0xFF) << (8 * group);
    }
}

static void unslice(uint8_t text[64], const uint64_t s[8])
{
    for (unsigned group = 0; group < 8; group++) {
        uint64_t x = 0;
        for (unsigned bit = 0; bit < 8; bit++)
            x |= (s[bit] >> (8 * group) & 0xFF) << (8 * bit);
        x = transpose(x);
        for (unsigned i = 0; i < 8; i++)
            text[place(8 * group + i)] = (uint8_t)(x >> (8 * i));
    }
}

/* ---------------------------------------------------------------- S-box */

/* J. Boyar, R. Peralta, "A depth-16 circuit for the AES S-box", 2011: the linear layer in front,
 * the inversion in GF(2^8), the linear layer behind. */
static void sub_bytes(uint64_t s[8])
{
    const uint64_t u0 = s[7], u1 = s[6], u2 = s[5], u3 = s[4], u4 = s[3], u5 = s[2], u6 = s[1],
                   u7 = s[0];
    const uint64_t y14 = u3 ^ u5, y13 = u0 ^ u6, y9 = u0 ^ u3, y8 = u0 ^ u5, t0 = u1 ^ u2;
    const uint64_t y1 = t0 ^ u7, y4 = y1 ^ u3, y12 = y13 ^ y14, y2 = y1 ^ u0, y5 = y1 ^ u6;
    const uint64_t y3 = y5 ^ y8, t1 = u4 ^ y12, y15 = t1 ^ u5, y20 = t1 ^ u1, y6 = y15 ^ u7;
    const uint64_t y10 = y15 ^ t0, y11 = y20 ^ y9, y7 = u7 ^ y11, y17 = y10 ^ y11;
    const uint64_t y19 = y10 ^ y8, y16 = t0 ^ y11, y21 = y13 ^ y16, y18 = u0 ^ y16;

    const uint64_t t2 = y12 & y15, t3 = y3 & y6, t4 = t3 ^ t2, t5 = y4 & u7, t6 = t5 ^ t2;
    const uint64_t t7 = y13 & y16, t8 = y5 & y1, t9 = t8 ^ t7, t10 = y2 & y7, t11 = t10 ^ t7;
    const uint64_t t12 = y9 & y11, t13 = y14 & y17, t14 = t13 ^ t12, t15 = y8 & y10;
    const uint64_t t16 = t15 ^ t12, t17 = t4 ^ t14, t18 = t6 ^ t16, t19 = t9 ^ t14;
    const uint64_t t20 = t11 ^ t16, t21 = t17 ^ y20, t22 = t18 ^ y19, t23 = t19 ^ y21;
    const uint64_t t24 = t20 ^ y18, t25 = t21 ^ t22, t26 = t21 & t23, t27 = t24 ^ t26;
    const uint64_t t28 = t25 & t27, t29 = t28 ^ t22, t30 = t23 ^ t24, t31 = t22 ^ t26;
    const uint64_t t32 = t31 & t30, t33 = t32 ^ t24, t34 = t23 ^ t33, t35 = t27 ^ t33;
    const uint64_t t36 = t24 & t35, t37 = t36 ^ t34, t38 = t27 ^ t36, t39 = t29 & t38;
    const uint64_t t40 = t25 ^ t39, t41 = t40 ^ t37, t42 = t29 ^ t33, t43 = t29 ^ t40;
    const uint64_t t44 = t33 ^ t37, t45 = t42 ^ t41;
    const uint64_t z0 = t44 & y15, z1 = t37 & y6, z2 = t33 & u7, z3 = t43 & y16, z4 = t40 & y1;
    const uint64_t z5 = t29 & y7, z6 = t42 & y11, z7 = t45 & y17, z8 = t41 & y10, z9 = t44 & y12;
    const uint64_t z10 = t37 & y3, z11 = t33 & y4, z12 = t43 & y13, z13 = t40 & y5;
    const uint64_t z14 = t29 & y2, z15 = t42 & y9, z16 = t45 & y14, z17 = t41 & y8;

    const uint64_t t46 = z15 ^ z16, t47 = z10 ^ z11, t48 = z5 ^ z13, t49 = z9 ^ z10;
    const uint64_t t50 = z2 ^ z12, t51 = z2 ^ z5, t52 = z7 ^ z8, t53 = z0 ^ z3, t54 = z6 ^ z7;
    const uint64_t t55 = z16 ^ z17, t56 = z12 ^ t48, t57 = t50 ^ t53, t58 = z4 ^ t46;
    const uint64_t t59 = z3 ^ t54, t60 = t46 ^ t57, t61 = z14 ^ t57, t62 = t52 ^ t58;
    const uint64_t t63 = t49 ^ t58, t64 = z4 ^ t59, t65 = t61 ^ t62, t66 = z1 ^ t63;
    const uint64_t t67 = t64 ^ t65, s3 = t53 ^ t66;
    s[7] = t59 ^ t63;
    s[6] = t64 ^ ~s3;
    s[5] = t55 ^ ~t67;
    s[4] = s3;
    s[3] = t51 ^ t66;
    s[2] = t47 ^ t65;
    s[1] = t56 ^ ~t62;
    s[0] = t48 ^ ~t60;
}

/* The inverse of the affine map of the S-box (FIPS 197 5.3.2). */
static void affine_back(uint64_t s[8])
{
    uint64_t t[8];
    memcpy(t, s, sizeof t);
    for (unsigned i = 0; i < 8; i++)
        s[i] = t[(i + 2) % 8] ^ t[(i + 5) % 8] ^ t[(i + 7) % 8];
    s[0] = ~s[0]; /* 05 */
    s[2] = ~s[2];
}

/* S = A inversion, so its inverse is B S B with B = 1/A. */
static void sub_bytes_back(uint64_t s[8])
{
    affine_back(s);
    sub_bytes(s);
    affine_back(s);
}

/* ---------------------------------------------------------------- rows and columns */

static void shift_rows(uint64_t s[8])
{
    for (unsigned i = 0; i < 8; i++) {
        const uint64_t x = s[i];
        s[i] = (x & 0x000000000000FFFF) | (x & 0x00000000FFF00000) >> 4 |
               (x & 0x00000000000F0000) << 12 | (x & 0x0000FF0000000000) >> 8 |
               (x & 0x000000FF00000000) << 8 | (x & 0xF000000000000000) >> 12 |
               (x & 0x0FFF000000000000) << 4;
    }
}

static void shift_rows_back(uint64_t s[8])
{
    for (unsigned i = 0; i < 8; i++) {
        const uint64_t x = s[i];
        s[i] = (x & 0x000000000000FFFF) | (x & 0x000000000FFF0000) << 4 |
               (x & 0x00000000F0000000) >> 12 | (x & 0x0000FF0000000000) >> 8 |
               (x & 0x000000FF00000000) << 8 | (x & 0x000F000000000000) << 12 |
               (x & 0xFFF0000000000000) >> 4;
    }
}

static inline uint64_t rows_on(uint64_t x, unsigned rows)
{
    return x >> (16 * rows) | x << (64 - 16 * rows);
}

/* s = 2 s in GF(2^8) */
static void twice(uint64_t s[8])
{
    const uint64_t top = s[7];
    for (unsigned i = 7; i > 0; i--)
        s[i] = s[i - 1];
    s[0] = top;
    s[1] ^= top;
    s[3] ^= top;
    s[4] ^= top;
}

/* Row r becomes 2 a[r] + 3 a[r+1] + a[r+2] + a[r+3] = 2 t[r] + a[r+1] + t[r+2], t[r] = a[r] +
 * a[r+1]
 */
static void mix_columns(uint64_t s[8])
{
    uint64_t t[8], twice_t[8];
    for (unsigned i = 0; i < 8; i++)
        t[i] = s[i] ^ rows_on(s[i], 1);
    memcpy(twice_t, t, sizeof t);
    twice(twice_t);
    for (unsigned i = 0; i < 8; i++)
        s[i] = twice_t[i] ^ rows_on(s[i], 1) ^ rows_on(t[i], 2);
}

/* The inverse matrix is that of mix_columns times (5, 0, 4, 0). */
static void mix_columns_back(uint64_t s[8])
{
    uint64_t t[8];
    for (unsigned i = 0; i < 8; i++)
        t[i] = s[i] ^ rows_on(s[i], 2);
    twice(t);
    twice(t);
    for (unsigned i = 0; i < 8; i++)
        s[i] ^= t[i];
    mix_columns(s);
}

static void add_round_key(uint64_t s[8], const uint64_t key[8])
{
    for (unsigned i = 0; i < 8; i++)
        s[i] ^= key[i];
}

/* ---------------------------------------------------------------- keys and blocks */

static uint32_t sub_word(uint32_t x)
{
    uint8_t text[64] = {0};
    uint64_t s[8];
    store_be32(text, x);
    slice(s, text);
    sub_bytes(s);
    unslice(text, s);
    x = load_be32(text);
    wipe(text, sizeof text);
    wipe(s, sizeof s);
    return x;
}

int aes_set_key(struct aes_key *key, const uint8_t *k, size_t size)
{
    uint32_t w[4 * (AES_ROUNDS_MAX + 1)], constant = 0x01000000;
    uint8_t text[64];
    const unsigned nk = (unsigned)size / 4;
    if (size != 16 && size != 24 && size != 32)
        return -1;
    key->rounds = nk + 6;
    for (unsigned i = 0; i < nk; i++)
        w[i] = load_be32(k + 4 * i);
    for (unsigned i = nk; i < 4 * (key->rounds + 1); i++) {
        uint32_t t = w[i - 1];
        if (i % nk == 0) {
            t = sub_word(t << 8 | t >> 24) ^ constant;
            constant = constant << 1 ^ (constant >> 31) * 0x1B000000u;
        } else if (nk > 6 && i % nk == 4) {
            t = sub_word(t);
        }
        w[i] = w[i - nk] ^ t;
    }
    for (unsigned r = 0; r <= key->rounds; r++) {
        for (unsigned i = 0; i < 16; i++)
            store_be32(text + 4 * i, w[4 * r + i % 4]);
        slice(key->slices[r], text);
    }
    wipe(w, sizeof w);
    wipe(text, sizeof text);
    return 0;
}

static void encrypt_slices(const struct aes_key *key, uint64_t s[8])
{
    add_round_key(s, key->slices[0]);
    for (unsigned r = 1; r < key->rounds; r++) {
        sub_bytes(s);
        shift_rows(s);
        mix_columns(s);
        add_round_key(s, key->slices[r]);
    }
    sub_bytes(s);
    shift_rows(s);
    add_round_key(s, key->slices[key->rounds]);
}

static void decrypt_slices(const struct aes_key *key, uint64_t s[8])
{
    add_round_key(s, key->slices[key->rounds]);
    for (unsigned r = key->rounds - 1; r > 0; r--) {
        shift_rows_back(s);
        sub_bytes_back(s);
        add_round_key(s, key->slices[r]);
        mix_columns_back(s);
    }
    shift_rows_back(s);
    sub_bytes_back(s);
    add_round_key(s, key->slices[0]);
}

static void run(const struct aes_key *key, void (*work)(const struct aes_key *, uint64_t s[8]),
                const uint8_t *in, uint8_t *out, size_t blocks)
{
    uint8_t text[64] = {0};
    uint64_t s[8];
    for (size_t part; blocks; blocks -= part, in += 16 * part, out += 16 * part) {
        part = blocks < BLOCKS ? blocks : (size_t)BLOCKS;
        memcpy(text, in, 16 * part);
        slice(s, text);
        work(key, s);
        unslice(text, s);
        memcpy(out, text, 16 * part);
    }
    wipe(text, sizeof text);
    wipe(s, sizeof s);
}

void aes_encrypt_blocks(const struct aes_key *key, const uint8_t *in, uint8_t *out, size_t blocks)
{
    run(key, encrypt_slices, in, out, blocks);
}

void aes_decrypt_blocks(const struct aes_key *key, const uint8_t *in, uint8_t *out, size_t blocks)
{
    run(key, decrypt_slices, in, out, blocks);
}

#endif
