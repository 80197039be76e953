/*
 * Montgomery products in eight lanes, by columns of blocks of ten limbs. The sum of a column of
 * blocks is twenty columns of limbs wide and stays in registers: ten come out of it, ten go on to
 * the next one.
 */
#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/base/inline.h"
#include "firmware/crypto/ifma8/rsa_number.h"

enum { BLOCK = RSA8_BLOCK };

/* Registers are for the sums: operands are read again in each row. */

INLINE lanes twice(lanes a)
{
    return _mm512_add_epi64(a, a);
}

/* s[i + j] += x y, the product of two limbs */
#define TERM(i, j, x, y)                                                                           \
    {                                                                                              \
        const lanes limb = (y);                                                                    \
        s[(i) + (j)] = rsa8_mul_low(s[(i) + (j)], x, limb);                                        \
        s[(i) + (j) + 1] = rsa8_mul_high(s[(i) + (j) + 1], x, limb);                               \
    }
#define ROW_FROM_0(i, x, b) TERM(i, 0, x, (b)[0]) ROW_FROM_1(i, x, b)
#define ROW_FROM_1(i, x, b) TERM(i, 1, x, (b)[1]) ROW_FROM_2(i, x, b)
#define ROW_FROM_2(i, x, b) TERM(i, 2, x, (b)[2]) ROW_FROM_3(i, x, b)
#define ROW_FROM_3(i, x, b) TERM(i, 3, x, (b)[3]) ROW_FROM_4(i, x, b)
#define ROW_FROM_4(i, x, b) TERM(i, 4, x, (b)[4]) ROW_FROM_5(i, x, b)
#define ROW_FROM_5(i, x, b) TERM(i, 5, x, (b)[5]) ROW_FROM_6(i, x, b)
#define ROW_FROM_6(i, x, b) TERM(i, 6, x, (b)[6]) ROW_FROM_7(i, x, b)
#define ROW_FROM_7(i, x, b) TERM(i, 7, x, (b)[7]) ROW_FROM_8(i, x, b)
#define ROW_FROM_8(i, x, b) TERM(i, 8, x, (b)[8]) ROW_FROM_9(i, x, b)
#define ROW_FROM_9(i, x, b) TERM(i, 9, x, (b)[9])

#define TEN_TIMES(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)

/* s += a b, blocks */
#define PRODUCT_ROW(i)                                                                             \
    {                                                                                              \
        const lanes x = a[i];                                                                      \
        ROW_FROM_0(i, x, b)                                                                        \
    }
INLINE void add_block(lanes *s, const lanes *a, const lanes *b){TEN_TIMES(PRODUCT_ROW)}

/* s = 2 (s + the products of different limbs of a) + the squares of its limbs */
#define SQUARE_ROW(i, j)                                                                           \
    {                                                                                              \
        const lanes x = a[i];                                                                      \
        ROW_FROM_##j(i, x, a)                                                                      \
    }
#define SQUARE(i)                                                                                  \
    s[2 * (i)] = rsa8_mul_low(twice(s[2 * (i)]), a[i], a[i]);                                      \
    s[2 * (i) + 1] = rsa8_mul_high(twice(s[2 * (i) + 1]), a[i], a[i]);
INLINE void add_square(lanes *s, const lanes *a){
    SQUARE_ROW(0, 1) SQUARE_ROW(1, 2) SQUARE_ROW(2, 3) SQUARE_ROW(3, 4) SQUARE_ROW(4, 5)
        SQUARE_ROW(5, 6) SQUARE_ROW(6, 7) SQUARE_ROW(7, 8) SQUARE_ROW(8, 9) TEN_TIMES(SQUARE)}

/*
 * The multiples q of the modulus (lowest block m) that clear the lower half of s; it is handed on.
 * A limb that is cleared hands on what it had, rounded up. The next q waits for just two products,
 * side by side.
 */
#define CLEAR_ROW(i)                                                                               \
    {                                                                                              \
        const lanes x = rsa8_mul_low(_mm512_setzero_si512(), s[i], inverse);                       \
        const lanes on = rsa8_carry(_mm512_add_epi64(s[i], rsa8_all(0xfffffffffffff)));            \
        q[i] = x;                                                                                  \
        s[(i) + 1] = rsa8_mul_high(s[(i) + 1], x, m[0]);                                           \
        s[(i) + 1] = _mm512_add_epi64(s[(i) + 1], rsa8_mul_low(on, x, m[1]));                      \
        s[(i) + 2] = rsa8_mul_high(s[(i) + 2], x, m[1]);                                           \
        ROW_FROM_2(i, x, m)                                                                        \
    }
INLINE void clear_block(lanes *s, lanes *q, const lanes *m, lanes inverse){TEN_TIMES(CLEAR_ROW)}

/* r = the lower half of s, clean; the carry goes to the upper half. */
#define TAKE(i)                                                                                    \
    r[i] = rsa8_low(s[i]);                                                                         \
    s[(i) + 1] = _mm512_add_epi64(s[(i) + 1], rsa8_carry(s[i]));
INLINE void take_block(lanes *s, lanes *r){TEN_TIMES(TAKE)}

/* s += x, a block */
#define ADD(i) s[i] = _mm512_add_epi64(s[i], x[i]);
INLINE void add_limbs(lanes *s, const lanes *x){TEN_TIMES(ADD)}

#define TWICE(i)                                                                                   \
    s[i] = twice(s[i]);                                                                            \
    s[BLOCK + (i)] = twice(s[BLOCK + (i)]);
INLINE void double_sum(lanes *s){TEN_TIMES(TWICE)}

#define NEXT(i)                                                                                    \
    s[i] = s[BLOCK + (i)];                                                                         \
    s[BLOCK + (i)] = _mm512_setzero_si512();
INLINE void next_column(lanes *s){TEN_TIMES(NEXT)}

#define ZERO(i) s[i] = s[BLOCK + (i)] = _mm512_setzero_si512();
INLINE void clear_sum(lanes *s){TEN_TIMES(ZERO)}

/* The first block of a that meets column c of n limbs. */
INLINE size_t first_of(size_t c, size_t n)
{
    return c < n ? 0 : c - n + BLOCK;
}

INLINE size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

INLINE void multiply(const struct rsa8_mont *mont, lanes *r, const lanes *a, const lanes *b,
                     const size_t n)
{
    const lanes *const m = mont->m;
    lanes *const q = mont->q, s[2 * BLOCK];
    clear_sum(s);
#pragma GCC unroll 4
    for (size_t c = 0; c < 2 * n; c += BLOCK) {
        for (size_t i = first_of(c, n); i <= c && i < n; i += BLOCK)
            add_block(s, a + i, b + c - i);
        for (size_t i = first_of(c, n); i < smaller(c, n); i += BLOCK)
            add_block(s, q + i, m + c - i);
        if (c < n)
            clear_block(s, q + c, m, mont->inverse);
        else
            take_block(s, r + c - n);
        next_column(s);
    }
}

void rsa8_product(size_t n, lanes *r, const lanes *a, const lanes *b, const lanes *c)
{
    lanes s[2 * BLOCK];
    clear_sum(s);
    for (size_t k = 0; k < 2 * n; k += BLOCK) {
        if (c && k < n)
            add_limbs(s, c + k);
        for (size_t i = first_of(k, n); i <= k && i < n; i += BLOCK)
            add_block(s, a + i, b + k - i);
        take_block(s, r + k);
        next_column(s);
    }
}

/* The sum of a column's products of a is apart, as it is doubled: `on` is what the last column
 * handed on. */
#define ON(i) on[i] = s[BLOCK + (i)];
INLINE void square(const struct rsa8_mont *mont, lanes *r, const lanes *a, const size_t n)
{
    const lanes *const m = mont->m;
    lanes *const q = mont->q, s[2 * BLOCK], on[BLOCK];
    clear_sum(s);
    TEN_TIMES(ON)
#pragma GCC unroll 4
    for (size_t c = 0; c < 2 * n; c += BLOCK) {
        clear_sum(s);
        for (size_t i = first_of(c, n); 2 * i < c && i < n; i += BLOCK)
            add_block(s, a + i, a + c - i);
        if (c % (2 * BLOCK) == 0)
            add_square(s, a + c / 2);
        else
            double_sum(s);
        add_limbs(s, on);
        for (size_t i = first_of(c, n); i < smaller(c, n); i += BLOCK)
            add_block(s, q + i, m + c - i);
        if (c < n)
            clear_block(s, q + c, m, mont->inverse);
        else
            take_block(s, r + c - n);
        TEN_TIMES(ON)
    }
}

/* The primes of RSA-2048 have code of their own. */
void rsa8_mul(const struct rsa8_mont *mont, lanes *r, const lanes *a, const lanes *b)
{
    if (mont->n == 2 * BLOCK)
        multiply(mont, r, a, b, 2 * BLOCK);
    else
        multiply(mont, r, a, b, mont->n);
}

void rsa8_sqr(const struct rsa8_mont *mont, lanes *r, const lanes *a)
{
    if (mont->n == 2 * BLOCK)
        square(mont, r, a, 2 * BLOCK);
    else
        square(mont, r, a, mont->n);
}

#endif
