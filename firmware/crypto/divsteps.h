/*
 * Inverses and greatest common divisors by divsteps (D. J. Bernstein, B.-Y. Yang, "Fast
 * constant-time gcd computation and modular inversion", 2019). A step takes (delta, f, g), f odd,
 * to
 *     (1 - delta, g, (g - f) / 2)             when delta > 0 and g is odd,
 *     (1 + delta, f, (g + (g mod 2) f) / 2)   otherwise.
 * After enough steps g is 0, and f is the divisor or minus it.
 *
 * A limb's worth of steps depends on the low bits of f and g only. It is done on one limb, as a
 * matrix of steps / 2^DIGIT_BITS, which is then applied to the whole f and g and, modulo m, to d
 * and e, where always f = d a and g = e a.
 *
 * Whole numbers are in two's complement: digits of DIGIT_BITS, the top one with the sign.
 * CT: nothing leaks but the numbers of limbs and rounds. Everything is inlined, so that numbers of
 * a fixed size get loops of a fixed size.
 */
#ifndef HUFU_CRYPTO_DIVSTEPS_H
#define HUFU_CRYPTO_DIVSTEPS_H

#include <stddef.h>
#include <string.h>

#include "firmware/base/wipe.h"
#include "firmware/crypto/limb.h"

enum { DIGIT_BITS = LIMB_BITS - 2 };

#if HUFU_LIMB_BITS == 64
typedef int64_t digit;
#else
typedef int32_t digit;
#endif

/* Delta before the first step: with a half fewer steps are enough, with one they are proven for all
 * sizes. */
enum divsteps_start { DIVSTEPS_HALF, DIVSTEPS_ONE };

/* Digits of a number of n limbs; rounds that make so many steps */
#define DIVSTEPS_DIGITS(n)     ((n)*LIMB_BITS / DIGIT_BITS + 1)
#define DIVSTEPS_ROUNDS(steps) (((steps) + DIGIT_BITS - 1) / DIGIT_BITS)

static const limb_t DIGIT_MASK = ((limb_t)1 << DIGIT_BITS) - 1;

/* A round of steps: f, g become (u f + v g, q f + r g) / 2^DIGIT_BITS. */
struct divsteps_matrix {
    digit u, v, q, r;
};

static inline void divsteps_from_limbs(digit *r, const limb_t *a, size_t n)
{
    for (size_t i = 0; i < DIVSTEPS_DIGITS(n); i++) {
        const size_t first = i * DIGIT_BITS, limb = first / LIMB_BITS;
        dlimb_t t = limb < n ? a[limb] : 0;
        if (limb + 1 < n)
            t |= (dlimb_t)a[limb + 1] << LIMB_BITS;
        r[i] = (digit)((limb_t)(t >> (first % LIMB_BITS)) & DIGIT_MASK);
    }
}

/* a >= 0 */
static inline void divsteps_to_limbs(limb_t *r, const digit *a, size_t n)
{
    dlimb_t t = 0;
    unsigned have = 0;
    for (size_t i = 0, limb = 0; limb < n; limb++) {
        for (; have < LIMB_BITS && i < DIVSTEPS_DIGITS(n); i++, have += DIGIT_BITS)
            t |= (dlimb_t)(limb_t)a[i] << have;
        r[limb] = (limb_t)t;
        t >>= LIMB_BITS;
        have -= LIMB_BITS;
    }
}

/* The digits of the lowest two, as the steps want them */
static inline limb_t divsteps_low(const digit *x)
{
    return (limb_t)x[0] | (limb_t)x[1] << DIGIT_BITS;
}

/*
 * DIGIT_BITS steps on the low limbs of f and g; minus_delta is -delta, or -(delta + 1/2), before
 * and after. The entries of the matrix stay within 2^DIGIT_BITS; unsigned arithmetic holds them in
 * two's complement.
 */
static inline limb_t divsteps_round(enum divsteps_start start, limb_t minus_delta,
                                    const digit *whole_f, const digit *whole_g,
                                    struct divsteps_matrix *t)
{
    limb_t f = divsteps_low(whole_f), g = divsteps_low(whole_g), u = 1, v = 0, q = 0, r = 1;
    for (int i = 0; i < DIGIT_BITS; i++) {
        const limb_t positive = limb_mask(minus_delta >> (LIMB_BITS - 1));
        const limb_t odd = limb_mask(g & 1), swap = positive & odd;
        g += ((f ^ positive) - positive) & odd; /* g - f or g + f, when g is odd */
        q += ((u ^ positive) - positive) & odd;
        r += ((v ^ positive) - positive) & odd;
        f += g & swap; /* f + (g - f) */
        u += q & swap;
        v += r & swap;
        /* of delta - 1 or -delta - 1, with the half on both sides */
        minus_delta = (minus_delta ^ swap) + (start == DIVSTEPS_HALF ? (limb_t)0 - 1 : ~swap);
        g >>= 1;
        u <<= 1;
        v <<= 1;
    }
    *t = (struct divsteps_matrix){(digit)u, (digit)v, (digit)q, (digit)r};
    return minus_delta;
}

/* (f, g) = t (f, g) / 2^DIGIT_BITS; the division leaves nothing */
static inline void divsteps_apply(digit *f, digit *g, const struct divsteps_matrix *t,
                                  size_t digits)
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
static inline void divsteps_apply_mod(digit *d, digit *e, const struct divsteps_matrix *t,
                                      const digit *m, limb_t m_inverse, size_t digits)
{
    const digit d_sign = d[digits - 1] >> (LIMB_BITS - 1);
    const digit e_sign = e[digits - 1] >> (LIMB_BITS - 1);
    digit md = (t->u & d_sign) + (t->v & e_sign), me = (t->q & d_sign) + (t->r & e_sign);
    sdlimb_t a = (sdlimb_t)t->u * d[0] + (sdlimb_t)t->v * e[0];
    sdlimb_t b = (sdlimb_t)t->q * d[0] + (sdlimb_t)t->r * e[0];
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

/* x = (f negative ? -x : x) + (m where that is below 0), once or twice, as x < -m may be */
static inline void divsteps_normalise(digit *x, const digit *f, const digit *m, size_t digits)
{
    const digit negative = f[digits - 1] >> (LIMB_BITS - 1);
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

/* r = 1/a mod m, numbers of n limbs; m odd, m_inverse 1/m modulo a limb, a < m. room: five times
 * the digits of m, left unwiped. */
static inline void divsteps_invert(enum divsteps_start start, size_t rounds, limb_t *r,
                                   const limb_t *a, const limb_t *m, limb_t m_inverse, size_t n,
                                   digit *room)
{
    const size_t digits = DIVSTEPS_DIGITS(n);
    digit *modulus = room, *f = room + digits, *g = f + digits, *d = g + digits, *e = d + digits;
    struct divsteps_matrix t;
    limb_t minus_delta = (limb_t)0 - 1;
    divsteps_from_limbs(modulus, m, n);
    divsteps_from_limbs(f, m, n);
    divsteps_from_limbs(g, a, n);
    memset(d, 0, 2 * digits * sizeof *d);
    e[0] = 1;
    for (size_t i = 0; i < rounds; i++) {
        minus_delta = divsteps_round(start, minus_delta, f, g, &t);
        divsteps_apply_mod(d, e, &t, modulus, m_inverse, digits);
        divsteps_apply(f, g, &t, digits);
    }
    divsteps_normalise(d, f, modulus, digits);
    divsteps_to_limbs(r, d, n);
    wipe(&t, sizeof t);
}

#endif
