/*
 * Inverses and greatest common divisors by divsteps (D. J. Bernstein, B.-Y. Yang, "Fast
 * constant-time gcd computation and modular inversion", 2019). A step takes (delta, f, g), f odd,
 * to
 *     (1 - delta, g, (g - f) / 2)             when delta > 0 and g is odd,
 *     (1 + delta, f, (g + (g mod 2) f) / 2)   otherwise;
 * g is 0 after (49 b + 57) / 17 steps from delta = 1 on, for f and g of b >= 46 bits (theorem
 * 11.2), and f is the divisor or minus it.
 *
 * A limb's worth of steps depends on the low bits of f and g only. It is done on one limb, as a
 * matrix of steps / 2^DIGIT_BITS, which is then applied to the whole f and g and, modulo m, to d
 * and e, where always f = d a and g = e a.
 *
 * Whole numbers are in two's complement: digits of DIGIT_BITS, the top one with the sign.
 */
#include "firmware/crypto/bignum.h"

#include "firmware/base/assume.h"

#include <string.h>

enum { DIGIT_BITS = LIMB_BITS - 2 };

#if HUFU_LIMB_BITS == 64
typedef int64_t digit;
#else
typedef int32_t digit;
#endif

static const limb_t DIGIT_MASK = ((limb_t)1 << DIGIT_BITS) - 1;

/* A round of steps: f, g become (u f + v g, q f + r g) / 2^DIGIT_BITS. */
struct matrix {
    digit u, v, q, r;
};

/* Digits of a number of n limbs; BN_INVERT_ROOM has room for five of them. */
static size_t digits_of(size_t n)
{
    return n * LIMB_BITS / DIGIT_BITS + 1;
}

_Static_assert(sizeof(digit) == sizeof(limb_t), "room is counted in limbs");

static size_t rounds_for(size_t n)
{
    return ((49 * n * LIMB_BITS + 57) / 17 + DIGIT_BITS - 1) / DIGIT_BITS;
}

static void from_limbs(digit *r, const limb_t *a, size_t n)
{
    for (size_t i = 0; i < digits_of(n); i++) {
        const size_t first = i * DIGIT_BITS, limb = first / LIMB_BITS;
        dlimb_t t = limb < n ? a[limb] : 0;
        if (limb + 1 < n)
            t |= (dlimb_t)a[limb + 1] << LIMB_BITS;
        r[i] = (digit)((limb_t)(t >> (first % LIMB_BITS)) & DIGIT_MASK);
    }
}

/* a >= 0 */
static void to_limbs(limb_t *r, const digit *a, size_t n)
{
    const size_t digits = digits_of(n);
    dlimb_t t = 0;
    unsigned have = 0;
    for (size_t i = 0, limb = 0; limb < n; limb++) {
        for (; have < LIMB_BITS && i < digits; i++, have += DIGIT_BITS)
            t |= (dlimb_t)(limb_t)a[i] << have;
        r[limb] = (limb_t)t;
        t >>= LIMB_BITS;
        have -= LIMB_BITS;
    }
}

/* DIGIT_BITS steps on the low limbs f and g; minus_delta is -delta, before and after. The entries
 * of the matrix stay within 2^DIGIT_BITS; unsigned arithmetic holds them in two's complement. */
static limb_t steps(limb_t minus_delta, limb_t f, limb_t g, struct matrix *t)
{
    limb_t u = 1, v = 0, q = 0, r = 1;
    for (int i = 0; i < DIGIT_BITS; i++) {
        const limb_t positive = limb_mask(minus_delta >> (LIMB_BITS - 1));
        const limb_t odd = limb_mask(g & 1), swap = positive & odd;
        g += ((f ^ positive) - positive) & odd; /* g - f or g + f, when g is odd */
        q += ((u ^ positive) - positive) & odd;
        r += ((v ^ positive) - positive) & odd;
        f += g & swap; /* f + (g - f) */
        u += q & swap;
        v += r & swap;
        minus_delta = (minus_delta ^ swap) + ~swap; /* delta - 1 or -delta - 1 */
        g >>= 1;
        u <<= 1;
        v <<= 1;
    }
    *t = (struct matrix){(digit)u, (digit)v, (digit)q, (digit)r};
    return minus_delta;
}

/* (f, g) = t (f, g) / 2^DIGIT_BITS; the division leaves nothing */
static void apply(digit *f, digit *g, const struct matrix *t, size_t digits)
{
    sdlimb_t a = 0, b = 0;
    for (size_t i = 0; i < digits; i++) {
        const digit x = f[i], y = g[i];
        a += (sdlimb_t)t->u * x + (sdlimb_t)t->v * y;
        b += (sdlimb_t)t->q * x + (sdlimb_t)t->r * y;
        if (i > 0) {
            f[i - 1] = (digit)((limb_t)a & DIGIT_MASK);
            g[i - 1] = (digit)((limb_t)b & DIGIT_MASK);
        }
        a >>= DIGIT_BITS;
        b >>= DIGIT_BITS;
    }
    f[digits - 1] = (digit)a;
    g[digits - 1] = (digit)b;
}

/* (d, e) = t (d, e) / 2^DIGIT_BITS mod m. Both are kept between -2m and m: a negative one is taken
 * as itself plus m, and then the multiple of m is added that clears the low digit. */
static void apply_mod(digit *d, digit *e, const struct matrix *t, const digit *m, limb_t m_inverse,
                      size_t digits)
{
    const digit d_sign = d[digits - 1] >> (LIMB_BITS - 1);
    const digit e_sign = e[digits - 1] >> (LIMB_BITS - 1);
    digit md = (t->u & d_sign) + (t->v & e_sign), me = (t->q & d_sign) + (t->r & e_sign);
    sdlimb_t a = (sdlimb_t)t->u * d[0] + (sdlimb_t)t->v * e[0],
             b = (sdlimb_t)t->q * d[0] + (sdlimb_t)t->r * e[0];
    md -= (digit)((m_inverse * (limb_t)a + (limb_t)md) & DIGIT_MASK);
    me -= (digit)((m_inverse * (limb_t)b + (limb_t)me) & DIGIT_MASK);
    a += (sdlimb_t)m[0] * md;
    b += (sdlimb_t)m[0] * me;
    for (size_t i = 1; i < digits; i++) {
        const digit x = d[i], y = e[i];
        a = (a >> DIGIT_BITS) + (sdlimb_t)t->u * x + (sdlimb_t)t->v * y + (sdlimb_t)m[i] * md;
        b = (b >> DIGIT_BITS) + (sdlimb_t)t->q * x + (sdlimb_t)t->r * y + (sdlimb_t)m[i] * me;
        d[i - 1] = (digit)((limb_t)a & DIGIT_MASK);
        e[i - 1] = (digit)((limb_t)b & DIGIT_MASK);
    }
    d[digits - 1] = (digit)(a >> DIGIT_BITS);
    e[digits - 1] = (digit)(b >> DIGIT_BITS);
}

/* x = (negative ? -x : x) + (m where that is below 0), once or twice, as x < -m may be; masks as
 * digits */
static void normalise(digit *x, digit negative, const digit *m, size_t digits)
{
    digit below = x[digits - 1] >> (LIMB_BITS - 1);
    for (int pass = 0; pass < 2; pass++) {
        digit carry = 0;
        for (size_t i = 0; i < digits; i++) {
            digit t = x[i] + (m[i] & below);
            t = (pass == 0 ? (t ^ negative) - negative : t) + carry;
            carry = t >> DIGIT_BITS;
            x[i] = i + 1 < digits ? (digit)((limb_t)t & DIGIT_MASK) : t;
        }
        below = x[digits - 1] >> (LIMB_BITS - 1);
    }
}

/* The digits of the lowest two, as the steps want them */
static limb_t low(const digit *x)
{
    return (limb_t)x[0] | (limb_t)x[1] << DIGIT_BITS;
}

/* 1/m mod 2^LIMB_BITS, m odd: each step doubles the number of right bits, m itself has three */
limb_t bn_limb_inverse(limb_t m)
{
    limb_t x = m;
    for (unsigned bits = 3; bits < LIMB_BITS; bits *= 2)
        x *= 2 - m * x;
    return x;
}

void bn_invert(limb_t *r, const limb_t *a, const limb_t *m, size_t n, limb_t *room)
{
    const size_t digits = digits_of(n), rounds = rounds_for(n);
    digit *modulus = (digit *)room, *f = modulus + digits, *g = f + digits, *d = g + digits,
          *e = d + digits;
    const limb_t m_inverse = bn_limb_inverse(m[0]);
    limb_t minus_delta = (limb_t)0 - 1;
    from_limbs(modulus, m, n);
    memcpy(f, modulus, digits * sizeof *f);
    from_limbs(g, a, n);
    memset(d, 0, 2 * digits * sizeof *d);
    e[0] = 1;
    for (size_t i = 0; i < rounds; i++) {
        struct matrix t;
        minus_delta = steps(minus_delta, low(f), low(g), &t);
        apply_mod(d, e, &t, modulus, m_inverse, digits);
        apply(f, g, &t, digits);
    }
    normalise(d, f[digits - 1] >> (LIMB_BITS - 1), modulus, digits);
    to_limbs(r, d, n);
}

void bn_gcd(limb_t *r, const limb_t *a, const limb_t *b, size_t n, limb_t *room)
{
    const size_t digits = digits_of(n), rounds = rounds_for(n);
    digit *f = (digit *)room, *g = f + digits, *zero = g + digits;
    limb_t minus_delta = (limb_t)0 - 1;
    from_limbs(f, a, n);
    from_limbs(g, b, n);
    for (size_t i = 0; i < rounds; i++) {
        struct matrix t;
        minus_delta = steps(minus_delta, low(f), low(g), &t);
        apply(f, g, &t, digits);
    }
    memset(zero, 0, digits * sizeof *zero);
    normalise(f, f[digits - 1] >> (LIMB_BITS - 1), zero, digits);
    to_limbs(r, f, n);
}
