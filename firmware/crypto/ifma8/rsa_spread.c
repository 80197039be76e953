#include "firmware/crypto/ifma8/rsa_spread.h"

#if HUFU_IFMA8
#include "firmware/base/wipe.h"
#include "firmware/crypto/ifma8/rsa_spread_mul.h"

#include <string.h>

enum { ROWS = 5, WIDTH = 4, EXPONENT = 1024 };

void rsa8_spread_carry(lanes a[5])
{
    spread_carry_all(a, a, ROWS, WIDTH);
}

static __attribute__((noinline)) void multiply_one(const struct spread_modulus *m, lanes *r,
                                                   const lanes *a, const lanes *b)
{
    spread_multiply(m, r, a, b, ROWS, WIDTH);
}

/* Two at a time: what one waits for, the other one uses. */
static __attribute__((noinline)) void multiply_two(const struct spread_modulus *m, lanes *r,
                                                   const lanes *a, const lanes *b)
{
    lanes s[2 * ROWS], t[2 * ROWS];
    spread_clear(s, ROWS);
    spread_clear(t, ROWS);
#pragma GCC unroll 4
    for (unsigned lane = 0; lane < WIDTH; lane++) {
        spread_product(s, a, b, lane, ROWS, WIDTH);
        spread_product(t, a + ROWS, b + ROWS, lane, ROWS, WIDTH);
        spread_reduce(m, s, ROWS, WIDTH);
        spread_reduce(m + 1, t, ROWS, WIDTH);
        spread_next_block(s, NULL, ROWS, WIDTH);
        spread_next_block(t, NULL, ROWS, WIDTH);
    }
    spread_carry_all(r, s, ROWS, WIDTH);
    spread_carry_all(r + ROWS, t, ROWS, WIDTH);
}

INLINE void multiply(const struct spread_modulus *m, lanes *r, const lanes *a, const lanes *b,
                     const unsigned count)
{
    if (count == 1)
        multiply_one(m, r, a, b);
    else
        multiply_two(m, r, a, b);
}

/* Between the two forms, for item i: its lanes are i and 4 + i. */
static void spread(lanes r[ROWS], const lanes *a, unsigned i)
{
    for (unsigned k = 0; k < SPREAD_LIMBS; k++) {
        lane_word *const to = (lane_word *)&r[k % ROWS] + k / ROWS;
        to[0] = ((const lane_word *)&a[k])[i];
        to[4] = ((const lane_word *)&a[k])[4 + i];
    }
}

static void gather(lanes *r, const lanes a[ROWS], unsigned i)
{
    for (unsigned k = 0; k < SPREAD_LIMBS; k++) {
        const lane_word *const from = (const lane_word *)&a[k % ROWS] + k / ROWS;
        ((lane_word *)&r[k])[i] = from[0];
        ((lane_word *)&r[k])[4 + i] = from[4];
    }
}

/* Lane i in the lower and lane 4 + i in the upper half */
static lanes halves(lanes x, unsigned i)
{
    const long long k = (long long)i;
    return _mm512_permutexvar_epi64(_mm512_set_epi64(k + 4, k + 4, k + 4, k + 4, k, k, k, k), x);
}

static void modulus_init(struct spread_modulus *m, const struct rsa8_mont *mont, unsigned i)
{
    spread(m->m, mont->m, i);
    for (unsigned k = 0; k < ROWS; k++)
        m->low[k] = halves(mont->m[k], i);
    m->inverse = halves(mont->inverse, i);
}

/* r = table[digit]; all entries are read in the same order */
static void look_up(lanes r[ROWS], const lanes *table, size_t rows, lanes digit)
{
    memset(r, 0, ROWS * sizeof *r);
    for (unsigned k = 0; k < RSA8_TABLE; k++) {
        const lanes hit = _mm512_movm_epi64(_mm512_cmpeq_epi64_mask(digit, rsa8_all(k)));
        for (unsigned i = 0; i < ROWS; i++)
            r[i] = _mm512_ternarylogic_epi64(r[i], hit, table[k * rows + i], 0xf8);
    }
}

/* The table of item i begins at row i * ROWS; its entries are `rows` apart. */
INLINE void power(const struct rsa8_mont *mont, lanes *r, const lanes *a, const lanes *x,
                  const unsigned count, lanes *table)
{
    const size_t rows = count * ROWS;
    struct spread_modulus m[SPREAD_ITEMS];
    lanes z[SPREAD_ITEMS * ROWS], factor[SPREAD_ITEMS * ROWS];
    for (unsigned i = 0; i < count; i++) {
        modulus_init(&m[i], mont, i);
        spread(table + i * ROWS, mont->one, i);
        spread(table + rows + i * ROWS, a, i);
    }
    for (size_t k = 2; k < RSA8_TABLE; k++)
        multiply(m, table + k * rows, table + (k - 1) * rows, table + rows, count);
    for (size_t at = EXPONENT; at > 0;) {
        at -= RSA8_WINDOW;
        const lanes word = _mm512_srl_epi64(x[at / 64], _mm_cvtsi32_si128((int)(at % 64)));
        const lanes digit = _mm512_and_si512(word, rsa8_all(RSA8_TABLE - 1));
        for (unsigned i = 0; i < count; i++)
            look_up(factor + i * ROWS, table + i * ROWS, rows, halves(digit, i));
        if (at + RSA8_WINDOW == EXPONENT) {
            memcpy(z, factor, rows * sizeof *z);
            continue;
        }
        for (unsigned i = 0; i < RSA8_WINDOW; i++)
            multiply(m, z, z, z, count);
        multiply(m, z, z, factor, count);
    }
    for (unsigned i = 0; i < count; i++)
        gather(r, z + i * ROWS, i);
    wipe(m, sizeof m);
    wipe(z, sizeof z);
    wipe(factor, sizeof factor);
}

void rsa8_power_spread(const struct rsa8_mont *mont, lanes *r, const lanes *a, const lanes *x,
                       unsigned count, lanes *table)
{
    if (count == 1)
        power(mont, r, a, x, 1, table);
    else
        power(mont, r, a, x, SPREAD_ITEMS, table);
}

#endif
