/*
 * Products and Montgomery products by columns: the inner loops of RSA.
 *
 * A column of the product of a and b is the sum of a[j] b[i-j]. The columns are taken w at a time,
 * w a constant that divides n: the terms of a column are some times w, which needs a loop, and a
 * rest that the compiler knows. With w = n no loop is left.
 */
#include "firmware/crypto/bignum.h"

#include "firmware/base/assume.h"
#include "firmware/base/inline.h"

#include <string.h>

/*
 * STEP is the w that suits any n; the columns of a step are written out, as compilers do not unroll
 * such loops reliably. WIDE = n = w: the primes of RSA-2048 on a 64-bit machine have code of their
 * own. Its moduli would gain nothing by as much (measured: 80 KB more, and 3 % slower).
 */
#if defined(__OPTIMIZE_SIZE__)
enum { STEP = 2, WIDE = 0 };
#define STEP_COLUMNS(X, d) X(d) X((d) + 1)
#else
enum { STEP = 4, WIDE = LIMB_BITS == 64 ? 16 : 0 };
#define STEP_COLUMNS(X, d) X(d) X((d) + 1) X((d) + 2) X((d) + 3)
#endif

/* A column sum of three limbs, room for any number of products that occurs here. */
struct column {
    limb_t c0, c1, c2;
};

/* s += x, x of three limbs */
INLINE void add_column(struct column *s, limb_t x0, limb_t x1, limb_t x2)
{
#if HUFU_LIMB_BITS == 64 && defined(__x86_64__)
    /* what compilers make of the other branch is up to a fifth slower */
    __asm__("add %3, %0\n\tadc %4, %1\n\tadc %5, %2"
            : "+&r"(s->c0), "+&r"(s->c1), "+r"(s->c2)
            : "r"(x0), "r"(x1), "re"(x2)
            : "cc");
#else
    dlimb_t low = (dlimb_t)s->c1 << LIMB_BITS | s->c0;
    s->c2 += x2 + __builtin_add_overflow(low, (dlimb_t)x1 << LIMB_BITS | x0, &low);
    s->c0 = (limb_t)low;
    s->c1 = (limb_t)(low >> LIMB_BITS);
#endif
}

INLINE void add_product(struct column *s, limb_t a, limb_t b)
{
    const dlimb_t p = (dlimb_t)a * b;
    add_column(s, (limb_t)p, (limb_t)(p >> LIMB_BITS), 0);
}

INLINE void add_twice(struct column *s, const struct column *x)
{
    add_column(s, (limb_t)(x->c0 << 1), (limb_t)(x->c1 << 1) | x->c0 >> (LIMB_BITS - 1),
               (limb_t)(x->c2 << 1) | x->c1 >> (LIMB_BITS - 1));
}

INLINE limb_t next_column(struct column *s)
{
    const limb_t low = s->c0;
    s->c0 = s->c1;
    s->c1 = s->c2;
    s->c2 = 0;
    __asm__("" ::: "memory"); /* operands are read again where needed: registers are for the sums */
    return low;
}

/* s += count products a[0] b[0] + a[1] b[-1] + ... */
INLINE void add_products(struct column *s, const limb_t *a, const limb_t *b, size_t count)
{
    for (size_t k = 0; k < count; k++)
        add_product(s, a[k], *(b - k));
}

/* Column c + d of a b without its last term a[c+d] b[0]; c is a multiple of w, d < w */
INLINE void low_column(struct column *s, const limb_t *a, const limb_t *b, size_t w, size_t c,
                       size_t d)
{
    const limb_t *const end = a + c;
    for (b += c + d; a < end; a += w, b -= w)
        add_products(s, a, b, w);
    add_products(s, a, b, d);
}

/* Column n + c + d of a b */
INLINE void high_column(struct column *s, const limb_t *a, const limb_t *b, size_t n, size_t w,
                        size_t c, size_t d)
{
    const limb_t *const end = a + n;
    add_products(s, a + c + d + 1, b + n - 1, w - d - 1);
    for (a += c + w, b += n - w + d; a < end; a += w, b -= w)
        add_products(s, a, b, w);
}

/* Column c + d of a^2: twice the products of two different limbs, and the square in the middle */
INLINE void low_square(struct column *s, const limb_t *a, size_t w, size_t c, size_t d)
{
    struct column x = {0, 0, 0};
    const limb_t *const end = a + c / 2, *const middle = a + (c + d) / 2, *b = a + c + d;
    for (; a < end; a += w / 2, b -= w / 2)
        add_products(&x, a, b, w / 2);
    add_products(&x, a, b, (d + 1) / 2);
    add_twice(s, &x);
    if (d % 2 == 0)
        add_product(s, *middle, *middle);
}

/* Column n + c + d of a^2 */
INLINE void high_square(struct column *s, const limb_t *a, size_t n, size_t w, size_t c, size_t d)
{
    struct column x = {0, 0, 0};
    const limb_t *const middle = a + (n + c + d) / 2, *const end = a + (n + c + d + 1) / 2;
    const limb_t *b = a + n - 1;
    const size_t few = (w + d + 1) / 2 - d - 1;
    a += c + d + 1;
    add_products(&x, a, b, few);
    for (a += few, b -= few; a < end; a += w / 2, b -= w / 2)
        add_products(&x, a, b, w / 2);
    add_twice(s, &x);
    if (d % 2 == 0)
        add_product(s, *middle, *middle);
}

/* Column c + d of a b, of a^2 when b is NULL */
INLINE void low_product(struct column *s, const limb_t *a, const limb_t *b, size_t w, size_t c,
                        size_t d)
{
    if (!b) {
        low_square(s, a, w, c, d);
        return;
    }
    low_column(s, a, b, w, c, d);
    add_product(s, a[c + d], b[0]);
}

/* Column n + c + d of the same */
INLINE void high_product(struct column *s, const limb_t *a, const limb_t *b, size_t n, size_t w,
                         size_t c, size_t d)
{
    if (b)
        high_column(s, a, b, n, w, c, d);
    else
        high_square(s, a, n, w, c, d);
}

/* r = a b, or a^2 when b is NULL */
INLINE void multiply(limb_t *r, const limb_t *a, const limb_t *b, size_t n)
{
    struct column s = {0, 0, 0};
#define LOW(d)                                                                                     \
    low_product(&s, a, b, STEP, c, d);                                                             \
    r[c + (d)] = next_column(&s);
#define HIGH(d)                                                                                    \
    high_product(&s, a, b, n, STEP, c, d);                                                         \
    r[n + c + (d)] = next_column(&s);
    for (size_t c = 0; c < n; c += STEP) {
        STEP_COLUMNS(LOW, 0u)
    }
    for (size_t c = 0; c < n; c += STEP) {
        STEP_COLUMNS(HIGH, 0u)
    }
#undef LOW
#undef HIGH
}

void bn_mul(limb_t *r, const limb_t *a, const limb_t *b, size_t n)
{
    multiply(r, a, b, n);
}

void bn_sqr(limb_t *r, const limb_t *a, size_t n)
{
    multiply(r, a, NULL, n);
}

/* A Montgomery product under way. Product and reduction keep a column each, so that the machine can
 * work on both at once. */
struct work {
    const limb_t *a, *b, *restrict m;
    limb_t *restrict q;
    limb_t m0;
    struct column product, s;
};

INLINE void low_step(struct work *k, size_t w, size_t c, size_t d)
{
    low_product(&k->product, k->a, k->b, w, c, d);
    low_column(&k->s, k->q, k->m, w, c, d);
    add_column(&k->s, next_column(&k->product), 0, 0);
    k->q[c + d] = k->s.c0 * k->m0; /* so many times m clears the low limb of s */
    add_product(&k->s, k->q[c + d], k->m[0]);
    next_column(&k->s);
}

INLINE void high_step(struct work *k, size_t n, size_t w, size_t c, size_t d)
{
    high_product(&k->product, k->a, k->b, n, w, c, d);
    high_column(&k->s, k->q, k->m, n, w, c, d);
    add_column(&k->s, next_column(&k->product), 0, 0);
    k->q[c + d] = next_column(&k->s);
}

/*
 * q = a b / R modulo m, below R with the carry that is returned. The quotient of the reduction goes
 * through q first: by the time that a limb of the result is known, that limb of the quotient is no
 * longer needed.
 */
INLINE limb_t multiply_reduce(const struct bn_mont *mont, const limb_t *a, const limb_t *b,
                              size_t n, size_t w)
{
    struct work k = {.a = a, .b = b, .m = mont->m, .q = mont->t, .m0 = mont->m0};
#define LOW(d)  low_step(&k, w, c, d);
#define HIGH(d) high_step(&k, n, w, c, d);
    for (size_t c = 0; c < n; c += w) {
        STEP_COLUMNS(LOW, 0u)
        if (w == WIDE) {
            STEP_COLUMNS(LOW, 4u) STEP_COLUMNS(LOW, 8u) STEP_COLUMNS(LOW, 12u)
        }
    }
    for (size_t c = 0; c < n; c += w) {
        STEP_COLUMNS(HIGH, 0u)
        if (w == WIDE) {
            STEP_COLUMNS(HIGH, 4u) STEP_COLUMNS(HIGH, 8u) STEP_COLUMNS(HIGH, 12u)
        }
    }
#undef LOW
#undef HIGH
    return k.s.c0;
}

void bn_mont_mul(const struct bn_mont *mont, limb_t *r, const limb_t *a, const limb_t *b)
{
    const size_t n = mont->n;
    const limb_t over =
        n == WIDE ? multiply_reduce(mont, a, b, WIDE, WIDE) : multiply_reduce(mont, a, b, n, STEP);
    bn_sub_masked(r, mont->t, mont->m, limb_mask(over), n);
}

void bn_mont_sqr(const struct bn_mont *mont, limb_t *r, const limb_t *a)
{
    const size_t n = mont->n;
    const limb_t over = n == WIDE ? multiply_reduce(mont, a, NULL, WIDE, WIDE)
                                  : multiply_reduce(mont, a, NULL, n, STEP);
    bn_sub_masked(r, mont->t, mont->m, limb_mask(over), n);
}
