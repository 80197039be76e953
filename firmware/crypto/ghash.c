#include "firmware/crypto/ghash.h"

#include <string.h>

#include "firmware/base/endian.h"
#include "firmware/base/wipe.h"

/*
 * Products of polynomials over GF(2) come from integer products with holes: where only every
 * fourth bit of both factors is there, the sums of up to 15 ones that a product makes stay
 * inside their four bits and the lowest bit of each is the parity, the wanted coefficient.
 *
 * GHASH numbers bits from the left: bit 127-i of a loaded block is the coefficient of x^i. So the
 * integer-like product of two blocks, 255 bits wide, is the product of the polynomials times x
 * when it is read as a 256-bit block: H is divided by x beforehand.
 */
struct wide {
    uint64_t high, low;
};

#if GHASH_WIDE

__extension__ typedef unsigned __int128 u128;

#define EVERY_FOURTH UINT64_C(0x1111111111111111)

/* With 16 ones a sum could reach 16: the four top bits of the key are kept apart, as masks. */
static void prepare(struct ghash_factor *f, uint64_t y)
{
    for (unsigned i = 0; i < 4; i++) {
        f->part[i] = y & (EVERY_FOURTH << i) & (UINT64_MAX >> 4);
        f->top[i] = (uint64_t)0 - (y >> (60 + i) & 1);
    }
}

static inline u128 every_fourth(unsigned i)
{
    return ((u128)EVERY_FOURTH << 64 | EVERY_FOURTH) << i;
}

static inline struct wide multiply(uint64_t x, const struct ghash_factor *y)
{
    const uint64_t *b = y->part;
    const uint64_t a0 = x & EVERY_FOURTH, a1 = x & (EVERY_FOURTH << 1);
    const uint64_t a2 = x & (EVERY_FOURTH << 2), a3 = x & (EVERY_FOURTH << 3);
    const u128 z0 = (u128)a0 * b[0] ^ (u128)a1 * b[3] ^ (u128)a2 * b[2] ^ (u128)a3 * b[1];
    const u128 z1 = (u128)a0 * b[1] ^ (u128)a1 * b[0] ^ (u128)a2 * b[3] ^ (u128)a3 * b[2];
    const u128 z2 = (u128)a0 * b[2] ^ (u128)a1 * b[1] ^ (u128)a2 * b[0] ^ (u128)a3 * b[3];
    const u128 z3 = (u128)a0 * b[3] ^ (u128)a1 * b[2] ^ (u128)a2 * b[1] ^ (u128)a3 * b[0];
    u128 z = (z0 & every_fourth(0)) ^ (z1 & every_fourth(1)) ^ (z2 & every_fourth(2)) ^
             (z3 & every_fourth(3));
    for (unsigned i = 0; i < 4; i++)
        z ^= (u128)(x & y->top[i]) << (60 + i);
    return (struct wide){(uint64_t)(z >> 64), (uint64_t)z};
}

#else

/* Small machines: pieces of 16 bits, so that a 32-bit product is enough (the one instruction that
 * is constant time everywhere), and every third bit: sums reach 6. Karatsuba twice: 64 bits make
 * 9 pieces. */
static void prepare(struct ghash_factor *f, uint64_t y)
{
    const uint32_t half[3] = {(uint32_t)y, (uint32_t)(y >> 32), (uint32_t)(y ^ (y >> 32))};
    for (unsigned i = 0; i < 9; i++) {
        const uint32_t v = half[i / 3];
        const uint32_t piece = i % 3 == 0 ? v : i % 3 == 1 ? v >> 16 : v ^ (v >> 16);
        for (unsigned j = 0; j < 3; j++)
            f->part[i][j] = (uint16_t)(piece & (0x9249u << j | 0x9249u >> (3 - j)));
    }
}

static inline uint32_t multiply16(uint32_t x, const uint16_t y[3])
{
    const uint32_t a0 = x & 0x9249u, a1 = x & 0x2492u, a2 = x & 0x4924u;
    const uint32_t b0 = y[0], b1 = y[1], b2 = y[2];
    return ((a0 * b0 ^ a1 * b2 ^ a2 * b1) & 0x49249249u) ^
           ((a0 * b1 ^ a1 * b0 ^ a2 * b2) & 0x92492492u) ^
           ((a0 * b2 ^ a1 * b1 ^ a2 * b0) & 0x24924924u);
}

static uint64_t multiply32(uint32_t x, const uint16_t y[3][3])
{
    const uint32_t low = multiply16(x & 0xFFFF, y[0]), high = multiply16(x >> 16, y[1]);
    const uint32_t middle = multiply16((x ^ (x >> 16)) & 0xFFFF, y[2]) ^ low ^ high;
    return ((uint64_t)high << 32 | low) ^ (uint64_t)middle << 16;
}

static struct wide multiply(uint64_t x, const struct ghash_factor *y)
{
    const uint64_t low = multiply32((uint32_t)x, y->part);
    const uint64_t high = multiply32((uint32_t)(x >> 32), y->part + 3);
    const uint64_t middle = multiply32((uint32_t)(x ^ (x >> 32)), y->part + 6) ^ low ^ high;
    return (struct wide){high ^ (middle >> 32), low ^ (middle << 32)};
}

#endif

void ghash_init(struct ghash *g, const uint8_t h[16])
{
    const uint64_t high = load_be64(h), low = load_be64(h + 8);
    const uint64_t one = (uint64_t)0 - (high >> 63); /* x^0 is there: 1/x = x^127 + x^6 + x + 1 */
    const uint64_t h1 = ((high << 1) | (low >> 63)) ^ (one & UINT64_C(0xC200000000000000));
    const uint64_t h0 = (low << 1) ^ (one & 1);
    prepare(&g->h[0], h0);
    prepare(&g->h[1], h1);
    prepare(&g->h[2], h0 ^ h1);
    g->high = g->low = 0;
}

/* Y = (Y + block) H; v3 down to v0: the product of 256 bits, x^0 to the left. */
static inline void absorb(struct ghash *g, const uint8_t block[16])
{
    const uint64_t y1 = g->high ^ load_be64(block), y0 = g->low ^ load_be64(block + 8);
    const struct wide low = multiply(y0, &g->h[0]), high = multiply(y1, &g->h[1]);
    struct wide middle = multiply(y0 ^ y1, &g->h[2]);
    middle.high ^= low.high ^ high.high;
    middle.low ^= low.low ^ high.low;
    const uint64_t v0 = low.low;
    const uint64_t v1 = low.high ^ middle.low ^ (v0 << 63) ^ (v0 << 62) ^ (v0 << 57);
    /* x^128 = 1 + x + x^2 + x^7 takes v0 to v2 and v1, then v1 to v3 and v2 */
    g->low = high.low ^ middle.high ^ v0 ^ (v0 >> 1) ^ (v0 >> 2) ^ (v0 >> 7) ^ (v1 << 63) ^
             (v1 << 62) ^ (v1 << 57);
    g->high = high.high ^ v1 ^ (v1 >> 1) ^ (v1 >> 2) ^ (v1 >> 7);
}

void ghash_update(struct ghash *g, const uint8_t *in, size_t n)
{
    for (; n >= 16; n -= 16, in += 16)
        absorb(g, in);
    if (n > 0) {
        uint8_t last[16] = {0};
        memcpy(last, in, n);
        absorb(g, last);
        wipe(last, sizeof last);
    }
}

void ghash_final(struct ghash *g, uint64_t aad_size, uint64_t text_size, uint8_t y[16])
{
    uint8_t sizes[16];
    store_be64(sizes, aad_size << 3);
    store_be64(sizes + 8, text_size << 3);
    absorb(g, sizes);
    store_be64(y, g->high);
    store_be64(y + 8, g->low);
    wipe(g, sizeof *g);
}
