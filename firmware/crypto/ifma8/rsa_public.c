#include "firmware/crypto/ifma8/rsa_public.h"

#if HUFU_IFMA8
#include "firmware/base/wipe.h"
#include "firmware/crypto/ifma8/rsa_spread_mul.h"

#include <string.h>

enum { WIDTH = 8, WORD = 64 };

/* n limbs of any size are as many words of 64 bits as this. */
static size_t words_of(size_t n)
{
    return n * LIMB_BITS / WORD;
}

/* Limbs of 52 bits in the order of the lanes; those above are zero. */
static void spread(lanes *r, const limb_t *a, size_t n, unsigned rows)
{
    const lane_word *const word = (const lane_word *)a;
    n = words_of(n);
    for (unsigned k = 0; k < WIDTH * rows; k++) {
        const size_t i = RSA8_LIMB * k / WORD, bit = RSA8_LIMB * k % WORD;
        uint64_t x = i < n ? word[i] >> bit : 0;
        if (bit && i + 1 < n)
            x |= word[i + 1] << (WORD - bit);
        ((lane_word *)&r[k % rows])[k / rows] = x & (((uint64_t)1 << RSA8_LIMB) - 1);
    }
}

/* Back, from clean limbs; mask: there is more than n limbs hold */
static limb_t gather(limb_t *r, size_t n, const lanes *a, unsigned rows)
{
    lane_word above = 0, *const word = (lane_word *)r;
    memset(r, 0, n * sizeof *r);
    n = words_of(n);
    for (unsigned k = 0; k < WIDTH * rows; k++) {
        const size_t i = RSA8_LIMB * k / WORD, bit = RSA8_LIMB * k % WORD;
        const uint64_t x = ((const lane_word *)&a[k % rows])[k / rows];
        *(i < n ? &word[i] : &above) |= x << bit;
        if (bit > WORD - RSA8_LIMB)
            *(i + 1 < n ? &word[i + 1] : &above) |= x >> (WORD - bit);
    }
    return ~(limb_t)ct_is_zero64(above);
}

static void modulus_init(struct spread_modulus *m, const limb_t *limbs, size_t n, unsigned rows)
{
    spread(m->m, limbs, n, rows);
    for (unsigned i = 0; i < rows; i++)
        m->low[i] = rsa8_spread(&m->m[i], 0);
    m->inverse = rsa8_minus_inverse(m->low[0]);
}

/* One for each size of keys: RSA-2048, 3072 (with limbs to spare), 4096 */
#define MULTIPLY(rows)                                                                             \
    static __attribute__((noinline)) void multiply_##rows(                                         \
        const struct spread_modulus *m, lanes *r, const lanes *a, const lanes *b)                  \
    {                                                                                              \
        spread_multiply(m, r, a, b, rows, WIDTH);                                                  \
    }
MULTIPLY(5)
MULTIPLY(8)
MULTIPLY(10)

static void multiply(const struct spread_modulus *m, lanes *r, const lanes *a, const lanes *b,
                     unsigned rows)
{
    if (rows == 5)
        multiply_5(m, r, a, b);
    else if (rows == 8)
        multiply_8(m, r, a, b);
    else
        multiply_10(m, r, a, b);
}

/* z = x^(e-1) a, x the Montgomery form of a: that of the result is left with the last product. */
static void power(const struct spread_modulus *m, lanes *z, const lanes *x, const lanes *a,
                  uint32_t e, unsigned rows)
{
    unsigned bit = 31;
    while (!(e >> bit))
        bit--;
    memcpy(z, x, rows * sizeof *z);
    while (bit-- > 0) {
        multiply(m, z, z, z, rows);
        if (e >> bit & 1)
            multiply(m, z, z, bit ? x : a, rows);
    }
}

void rsa8_public_power(limb_t *r, const limb_t *a, uint32_t e, const limb_t *m, size_t n,
                       limb_t *room)
{
    const size_t bits = n * LIMB_BITS;
    const unsigned rows = bits <= 2048 ? 5 : bits <= 3072 ? 8 : 10;
    struct spread_modulus modulus;
    lanes x[SPREAD_ROWS], z[SPREAD_ROWS], plain[SPREAD_ROWS];
    memcpy(room, a, n * sizeof *a);
    bn_shift_mod(room, (size_t)WIDTH * RSA8_LIMB * rows, m, n);
    modulus_init(&modulus, m, n, rows);
    spread(x, room, n, rows);
    spread(plain, a, n, rows);
    power(&modulus, z, x, plain, e, rows);
    const limb_t over = gather(r, n, z, rows);
    bn_sub_masked(r, r, m, over | ~bn_lt(r, m, n), n);
    wipe(x, sizeof x);
    wipe(z, sizeof z);
    wipe(plain, sizeof plain);
}

#endif
