/*
 * Inversion by divsteps (D. J. Bernstein, B.-Y. Yang, "Fast constant-time gcd computation and
 * modular inversion", 2019), in the form that starts with delta = 1/2: 590 steps are enough for
 * every 256-bit modulus. A step takes (delta, f, g), f odd, to
 *     (1 - delta, g, (g - f) / 2)             when delta > 0 and g is odd,
 *     (1 + delta, f, (g + (g mod 2) f) / 2)   otherwise.
 *
 * A limb's worth of steps depends on the low bits of f and g only. It is done on one limb, as a
 * matrix of steps / 2^DIGIT_BITS, which is then applied to the whole f and g and, modulo m, to d
 * and e, where always f = d a and g = e a. At the end g = 0 and f = 1 or -1, so the inverse is d
 * or -d.
 *
 * Whole numbers are in two's complement: digits of DIGIT_BITS, the top one with the sign.
 */
#include "firmware/crypto/portable/sm2_invert.h"

#include "firmware/base/wipe.h"

enum {
    DIGIT_BITS = LIMB_BITS - 2,
    DIGITS = 256 / DIGIT_BITS + 1,
    ROUNDS = (590 + DIGIT_BITS - 1) / DIGIT_BITS,
};

#if HUFU_LIMB_BITS == 64
typedef int64_t digit;
#else
typedef int32_t digit;
#endif

static const limb_t DIGIT_MASK = ((limb_t)1 << DIGIT_BITS) - 1;

struct signed_number {
    digit v[DIGITS];
};

/* One round of steps: f, g become (u f + v g, q f + r g) / 2^DIGIT_BITS. */
struct matrix {
    digit u, v, q, r;
};

static void from_limbs(struct signed_number *r, const limb_t *a)
{
    for (unsigned i = 0; i < DIGITS; i++) {
        const unsigned first = i * DIGIT_BITS, limb = first / LIMB_BITS;
        dlimb_t t = a[limb];
        if (limb + 1 < SM2_LIMBS)
            t |= (dlimb_t)a[limb + 1] << LIMB_BITS;
        r->v[i] = (digit)((limb_t)(t >> (first % LIMB_BITS)) & DIGIT_MASK);
    }
}

/* a between 0 and 2^256 - 1 */
static void to_limbs(limb_t *r, const struct signed_number *a)
{
    dlimb_t t = 0;
    unsigned have = 0, limb = 0;

    for (unsigned i = 0; i < DIGITS; i++) {
        t |= (dlimb_t)a->v[i] << have;
        have += DIGIT_BITS;
        if (have >= LIMB_BITS && limb < SM2_LIMBS) {
            r[limb++] = (limb_t)t;
            t >>= LIMB_BITS;
            have -= LIMB_BITS;
        }
    }
    if (limb < SM2_LIMBS)
        r[limb] = (limb_t)t;
}

/*
 * DIGIT_BITS steps on the low limbs f and g; minus_delta is -(delta + 1/2), before and after. The
 * entries of the matrix stay within 2^DIGIT_BITS; unsigned arithmetic holds them in two's
 * complement.
 */
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
        minus_delta = (minus_delta ^ swap) - 1;
        g >>= 1;
        u <<= 1;
        v <<= 1;
    }
    t->u = (digit)u;
    t->v = (digit)v;
    t->q = (digit)q;
    t->r = (digit)r;
    return minus_delta;
}

/* (f, g) = t (f, g) / 2^DIGIT_BITS; the division leaves nothing */
static void apply(struct signed_number *f, struct signed_number *g, const struct matrix *t)
{
    sdlimb_t a = 0, b = 0;

    for (int i = 0; i < DIGITS; i++) {
        const digit x = f->v[i], y = g->v[i];
        a += (sdlimb_t)t->u * x + (sdlimb_t)t->v * y;
        b += (sdlimb_t)t->q * x + (sdlimb_t)t->r * y;
        if (i > 0) {
            f->v[i - 1] = (digit)((limb_t)a & DIGIT_MASK);
            g->v[i - 1] = (digit)((limb_t)b & DIGIT_MASK);
        }
        a >>= DIGIT_BITS;
        b >>= DIGIT_BITS;
    }
    f->v[DIGITS - 1] = (digit)a;
    g->v[DIGITS - 1] = (digit)b;
}

/*
 * (d, e) = t (d, e) / 2^DIGIT_BITS mod m. Both are kept between -2m and m: a negative one is
 * taken as itself plus m, and then the multiple of m is added that clears the low digit.
 */
static void apply_mod(struct signed_number *d, struct signed_number *e, const struct matrix *t,
                      const struct signed_number *m, limb_t m_inverse)
{
    const digit d_sign = d->v[DIGITS - 1] >> (LIMB_BITS - 1);
    const digit e_sign = e->v[DIGITS - 1] >> (LIMB_BITS - 1);
    digit md = (t->u & d_sign) + (t->v & e_sign), me = (t->q & d_sign) + (t->r & e_sign);
    sdlimb_t a = (sdlimb_t)t->u * d->v[0] + (sdlimb_t)t->v * e->v[0];
    sdlimb_t b = (sdlimb_t)t->q * d->v[0] + (sdlimb_t)t->r * e->v[0];

    md -= (digit)((m_inverse * (limb_t)a + (limb_t)md) & DIGIT_MASK);
    me -= (digit)((m_inverse * (limb_t)b + (limb_t)me) & DIGIT_MASK);
    a += (sdlimb_t)m->v[0] * md;
    b += (sdlimb_t)m->v[0] * me;
    for (int i = 1; i < DIGITS; i++) {
        const digit x = d->v[i], y = e->v[i];
        a = (a >> DIGIT_BITS) + (sdlimb_t)t->u * x + (sdlimb_t)t->v * y;
        b = (b >> DIGIT_BITS) + (sdlimb_t)t->q * x + (sdlimb_t)t->r * y;
        a += (sdlimb_t)m->v[i] * md;
        b += (sdlimb_t)m->v[i] * me;
        d->v[i - 1] = (digit)((limb_t)a & DIGIT_MASK);
        e->v[i - 1] = (digit)((limb_t)b & DIGIT_MASK);
    }
    d->v[DIGITS - 1] = (digit)(a >> DIGIT_BITS);
    e->v[DIGITS - 1] = (digit)(b >> DIGIT_BITS);
}

/* r = (negative ? -r : r) + (m where the result would be below 0); masks as digits */
static void finish(struct signed_number *r, digit negative, const struct signed_number *m)
{
    digit carry = 0, below = r->v[DIGITS - 1] >> (LIMB_BITS - 1);

    for (int pass = 0; pass < 2; pass++) {
        carry = 0;
        for (int i = 0; i < DIGITS; i++) {
            digit t = r->v[i] + (m->v[i] & below);
            t = pass == 0 ? (t ^ negative) - negative : t;
            t += carry;
            carry = t >> DIGIT_BITS;
            r->v[i] = i + 1 < DIGITS ? (digit)((limb_t)t & DIGIT_MASK) : t;
        }
        below = r->v[DIGITS - 1] >> (LIMB_BITS - 1);
    }
}

void sm2_number_invert(limb_t *r, const limb_t *a, const limb_t *m, limb_t m_inverse)
{
    struct signed_number modulus, f, g, d = {{0}}, e = {{1}};
    struct matrix t;
    limb_t minus_delta = (limb_t)0 - 1;

    from_limbs(&modulus, m);
    f = modulus;
    from_limbs(&g, a);
    for (int i = 0; i < ROUNDS; i++) {
        minus_delta = steps(minus_delta, (limb_t)f.v[0] | (limb_t)f.v[1] << DIGIT_BITS,
                            (limb_t)g.v[0] | (limb_t)g.v[1] << DIGIT_BITS, &t);
        apply_mod(&d, &e, &t, &modulus, m_inverse);
        apply(&f, &g, &t);
    }
    finish(&d, f.v[DIGITS - 1] >> (LIMB_BITS - 1), &modulus);
    to_limbs(r, &d);
    wipe(&f, sizeof f);
    wipe(&g, sizeof g);
    wipe(&d, sizeof d);
    wipe(&e, sizeof e);
    wipe(&t, sizeof t);
}
