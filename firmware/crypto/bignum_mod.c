/*
 * Remainders, some bits of the quotient at a time: never too many of the divisor, so that nothing
 * has to be given back, and so nearly enough that what is left stays below four times the divisor.
 */
#include "firmware/crypto/bignum.h"

#include "firmware/base/assume.h"

#include <string.h>

enum { STEP = LIMB_BITS - 4 };

/* What is left so far: top and n limbs, below 4m, B = 2^LIMB_BITS. */
struct rest {
    const limb_t *m;
    size_t n;
    limb_t *x, top;
    limb_t reciprocal; /* floor(B^2 / 4 / (1 + the top limb of m)) */
};

static void rest_init(struct rest *r, limb_t *x, const limb_t *m, size_t n)
{
    const dlimb_t d = (dlimb_t)m[n - 1] + 1;
    dlimb_t left = (dlimb_t)1 << (LIMB_BITS - 2);
    *r = (struct rest){.m = m, .n = n, .x = x};
    for (unsigned i = 0; i < LIMB_BITS; i++) {
        left <<= 1;
        const limb_t below = (limb_t)((left - d) >> LIMB_BITS) >> (LIMB_BITS - 1);
        const limb_t fits = ~limb_mask(below);
        left -= d & ((dlimb_t)fits << LIMB_BITS | fits);
        r->reciprocal = (limb_t)(r->reciprocal << 1) | (fits & 1);
    }
}

/*
 * x = x 2^w + low - q m, low < 2^w, 1 <= w <= STEP. The product is below 4m 2^w, and q less than
 * four short of what fits: a half for the divisor taken too big and one for its reciprocal too
 * small, a half for the dividend and one for q cut off.
 */
static void shift(struct rest *r, unsigned w, limb_t low)
{
    limb_t *const x = r->x + r->n, carry = 0;
    const limb_t top = (limb_t)(r->top << w) | x[-1] >> (LIMB_BITS - w);
    const limb_t below = (limb_t)(x[-1] << w) | x[-2] >> (LIMB_BITS - w);
    const limb_t t = (limb_t)(top << 2) | below >> (LIMB_BITS - 2);
    const limb_t q = (limb_t)((dlimb_t)t * r->reciprocal >> LIMB_BITS);
    for (size_t i = 0; i < r->n; i++) {
        const dlimb_t p = (dlimb_t)q * r->m[i] + carry;
        const dlimb_t left = (dlimb_t)((limb_t)(r->x[i] << w) | low) - (limb_t)p;
        low = r->x[i] >> (LIMB_BITS - w);
        r->x[i] = (limb_t)left;
        carry = (limb_t)(p >> LIMB_BITS) + ((limb_t)(left >> LIMB_BITS) & 1);
    }
    r->top = top - carry;
}

/* x below m */
static void finish(struct rest *r)
{
    for (int i = 0; i < 3; i++) {
        const limb_t fits = ~limb_is_zero(r->top) | ~bn_lt(r->x, r->m, r->n);
        r->top -= bn_sub_masked(r->x, r->x, r->m, fits, r->n);
    }
}

void bn_mod(limb_t *r, const limb_t *a, size_t an, const limb_t *m, size_t mn)
{
    enum { HALF = LIMB_BITS / 2 };
    struct rest rest;
    memset(r, 0, mn * sizeof *r);
    rest_init(&rest, r, m, mn);
    while (an-- > 0) {
        shift(&rest, HALF, a[an] >> HALF);
        shift(&rest, HALF, a[an] & (((limb_t)1 << HALF) - 1));
    }
    finish(&rest);
}

void bn_shift_mod(limb_t *r, size_t bits, const limb_t *m, size_t n)
{
    struct rest rest;
    rest_init(&rest, r, m, n);
    for (; bits > STEP; bits -= STEP)
        shift(&rest, STEP, 0);
    if (bits)
        shift(&rest, (unsigned)bits, 0);
    finish(&rest);
}
