/* Inverses and greatest common divisors of numbers of any size */
#include "firmware/crypto/bignum.h"

#include "firmware/base/wipe.h"
#include "firmware/crypto/divsteps.h"

#include <string.h>

_Static_assert(sizeof(digit) == sizeof(limb_t), "room is counted in limbs");

/* Steps that are enough from delta = 1 on, for numbers of 46 bits and more (theorem 11.2) */
static size_t rounds_for(size_t n)
{
    return DIVSTEPS_ROUNDS((49 * n * LIMB_BITS + 57) / 17);
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
    divsteps_invert(DIVSTEPS_ONE, rounds_for(n), r, a, m, bn_limb_inverse(m[0]), n, (digit *)room);
}

void bn_gcd(limb_t *r, const limb_t *a, const limb_t *b, size_t n, limb_t *room)
{
    const size_t digits = DIVSTEPS_DIGITS(n), rounds = rounds_for(n);
    digit *f = (digit *)room, *g = f + digits, *zero = g + digits;
    struct divsteps_matrix t;
    limb_t minus_delta = (limb_t)0 - 1;
    divsteps_from_limbs(f, a, n);
    divsteps_from_limbs(g, b, n);
    for (size_t i = 0; i < rounds; i++) {
        minus_delta = divsteps_round(DIVSTEPS_ONE, minus_delta, f, g, &t);
        divsteps_apply(f, g, &t, digits);
    }
    memset(zero, 0, digits * sizeof *zero);
    divsteps_normalise(f, f, zero, digits);
    divsteps_to_limbs(r, f, n);
    wipe(&t, sizeof t);
}
