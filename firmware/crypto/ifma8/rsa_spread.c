#include "firmware/crypto/ifma8/rsa_spread.h"

#if HUFU_IFMA8
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum { ROWS = 5, EXPONENT = 1024 };

/* Two moduli, spread; their lowest five limbs in all lanes */
struct moduli {
    lanes m[ROWS], low[ROWS], inverse;
};

INLINE lanes mul_low(lanes sum, lanes a, lanes b)
{
    return _mm512_madd52lo_epu64(sum, a, b);
}

INLINE lanes mul_high(lanes sum, lanes a, lanes b)
{
    return _mm512_madd52hi_epu64(sum, a, b);
}

INLINE lanes carry(lanes a)
{
    return _mm512_srli_epi64(a, RSA8_LIMB);
}

INLINE lanes sum(lanes a, lanes b)
{
    return _mm512_add_epi64(a, b);
}

/* To the next lane up, or down */
INLINE lanes lane_up(lanes a)
{
    return _mm512_maskz_permutex_epi64(0xee, a, 0x90);
}

INLINE lanes lane_down(lanes a)
{
    return _mm512_maskz_permutex_epi64(0x77, a, 0x39);
}

/* Five limbs of b, those of one lane, as factors: s += a b */
#define PRODUCT(name, lane)                                                                        \
    INLINE void name(lanes s[2 * ROWS], const lanes *a, const lanes *b)                            \
    {                                                                                              \
        for (unsigned j = 0; j < ROWS; j++) {                                                      \
            const lanes x = _mm512_permutex_epi64(b[j], (lane)*0x55);                              \
            for (unsigned i = 0; i < ROWS; i++) {                                                  \
                s[i + j] = mul_low(s[i + j], a[i], x);                                             \
                s[i + j + 1] = mul_high(s[i + j + 1], a[i], x);                                    \
            }                                                                                      \
        }                                                                                          \
    }
PRODUCT(product_0, 0)
PRODUCT(product_1, 1)
PRODUCT(product_2, 2)
PRODUCT(product_3, 3)

/*
 * Montgomery's reduction by the five limbs of lane 0. A row of copies of these limbs goes ahead, so
 * that a multiple need not come out of one lane before it is known in all of them. A limb that is
 * cleared hands on what it had, rounded up.
 */
INLINE void reduce(const struct moduli *m, lanes s[2 * ROWS])
{
    lanes low[ROWS + 1];
    for (unsigned t = 0; t < ROWS; t++)
        low[t] = _mm512_permutex_epi64(s[t], 0);
    low[ROWS] = _mm512_setzero_si512();
    for (unsigned t = 0; t < ROWS; t++) {
        const lanes q = mul_low(_mm512_setzero_si512(), low[t], m->inverse);
        const lanes on = carry(sum(low[t], rsa8_all(0xfffffffffffff)));
        if (t + 1 < ROWS) {
            low[t + 1] = mul_high(low[t + 1], q, m->low[0]);
            low[t + 1] = sum(low[t + 1], mul_low(on, q, m->low[1]));
        } else {
            low[ROWS] = on;
        }
        for (unsigned u = 1; t + u + 1 < ROWS; u++) {
            low[t + u + 1] = mul_high(low[t + u + 1], q, m->low[u]);
            low[t + u + 1] = mul_low(low[t + u + 1], q, m->low[u + 1]);
        }
        for (unsigned i = 0; i < ROWS; i++) {
            s[i + t] = mul_low(s[i + t], m->m[i], q);
            s[i + t + 1] = mul_high(s[i + t + 1], m->m[i], q);
        }
    }
    s[ROWS] = _mm512_mask_add_epi64(s[ROWS], 0x11, s[ROWS], low[ROWS]);
}

/* s / 2^(52 * 5), with what the next product adds, or NULL */
INLINE void next_block(lanes s[2 * ROWS], const lanes *more)
{
    for (unsigned i = 0; i < ROWS; i++) {
        s[i] = sum(s[ROWS + i], lane_down(s[i]));
        if (more)
            s[i] = sum(s[i], more[i]);
        s[ROWS + i] = more ? more[ROWS + i] : _mm512_setzero_si512();
    }
}

/* One carry in all limbs at once; nearly always they are clean then. */
INLINE void carry_once(lanes r[ROWS], const lanes s[ROWS])
{
    lanes on = lane_up(carry(s[ROWS - 1]));
    for (unsigned i = 0; i < ROWS; i++) {
        const lanes next = carry(s[i]);
        r[i] = sum(rsa8_low(s[i]), on);
        on = next;
    }
}

/* Limbs that are not clean */
INLINE __mmask8 dirty(const lanes r[ROWS])
{
    const lanes any = _mm512_or_si512(_mm512_ternarylogic_epi64(r[0], r[1], r[2], 0xfe),
                                      _mm512_or_si512(r[3], r[4]));
    return _mm512_test_epi64_mask(any, rsa8_all(~(uint64_t)0xfffffffffffff));
}

INLINE void carry_all(lanes r[ROWS], const lanes s[ROWS])
{
    carry_once(r, s);
    __mmask8 again = dirty(r);
    PUBLIC(&again, sizeof again);
    while (__builtin_expect(again != 0, 0)) {
        carry_once(r, r);
        again = dirty(r);
        PUBLIC(&again, sizeof again);
    }
}

void rsa8_spread_carry(lanes a[5])
{
    carry_all(a, a);
}

INLINE void clear(lanes s[2 * ROWS])
{
    for (unsigned i = 0; i < 2 * ROWS; i++)
        s[i] = _mm512_setzero_si512();
}

/* r = a b / R; r may be an operand. What the next limbs of b add is made beside the reduction. */
static __attribute__((noinline)) void multiply_one(const struct moduli *m, lanes *r, const lanes *a,
                                                   const lanes *b)
{
    lanes s[2 * ROWS], more[2 * ROWS];
    clear(s);
    product_0(s, a, b);
#define BLOCK(next)                                                                                \
    reduce(m, s);                                                                                  \
    clear(more);                                                                                   \
    next;                                                                                          \
    next_block(s, more);
    BLOCK(product_1(more, a, b))
    BLOCK(product_2(more, a, b))
    BLOCK(product_3(more, a, b))
    BLOCK((void)0)
#undef BLOCK
    carry_all(r, s);
}

/* Two at a time: what one waits for, the other one uses. */
static __attribute__((noinline)) void multiply_two(const struct moduli *m, lanes *r, const lanes *a,
                                                   const lanes *b)
{
    lanes s[2 * ROWS], t[2 * ROWS];
    clear(s);
    clear(t);
#define BLOCK(product)                                                                             \
    product(s, a, b);                                                                              \
    product(t, a + ROWS, b + ROWS);                                                                \
    reduce(m, s);                                                                                  \
    reduce(m + 1, t);                                                                              \
    next_block(s, NULL);                                                                           \
    next_block(t, NULL);
    BLOCK(product_0)
    BLOCK(product_1)
    BLOCK(product_2)
    BLOCK(product_3)
#undef BLOCK
    carry_all(r, s);
    carry_all(r + ROWS, t);
}

INLINE void multiply(const struct moduli *m, lanes *r, const lanes *a, const lanes *b,
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

static void moduli_init(struct moduli *m, const struct rsa8_mont *mont, unsigned i)
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
    struct moduli m[SPREAD_ITEMS];
    lanes z[SPREAD_ITEMS * ROWS], factor[SPREAD_ITEMS * ROWS];
    for (unsigned i = 0; i < count; i++) {
        moduli_init(&m[i], mont, i);
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
