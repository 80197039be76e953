/* Montgomery contexts and powers. */
#include "firmware/crypto/bignum.h"

#include "firmware/base/assume.h"

#include <string.h>

void bn_mont_init(struct bn_mont *mont, const limb_t *m, size_t n, limb_t *room)
{
    mont->n = n;
    mont->m = m;
    mont->one = room;
    mont->rr = room + n;
    mont->t = room + 2 * n;
    mont->m0 = (limb_t)0 - bn_limb_inverse(m[0]);
    memset(mont->one, 0, n * sizeof *m);
    bn_sub(mont->one, mont->one, m, n);
    memcpy(mont->rr, mont->one, n * sizeof *m);
    bn_shift_mod(mont->rr, n * LIMB_BITS, m, n);
}

void bn_mont_enter(const struct bn_mont *mont, limb_t *r, const limb_t *a)
{
    bn_mont_mul(mont, r, a, mont->rr);
}

void bn_mont_leave(const struct bn_mont *mont, limb_t *r, const limb_t *a)
{
    limb_t *const unit = mont->t + mont->n;
    memset(unit, 0, mont->n * sizeof *a);
    unit[0] = 1;
    bn_mont_mul(mont, r, a, unit);
    bn_mont_canonical(mont, r);
}

/* The sum is below 2R and m at least R/2: two subtractions bring it below R. */
void bn_mont_add_masked(const struct bn_mont *mont, limb_t *r, const limb_t *a, const limb_t *b,
                        limb_t mask)
{
    limb_t over = bn_add_masked(r, a, b, mask, mont->n);
    over &= ~bn_sub_masked(r, r, mont->m, limb_mask(over), mont->n);
    bn_sub_masked(r, r, mont->m, limb_mask(over), mont->n);
}

void bn_mont_canonical(const struct bn_mont *mont, limb_t *r)
{
    bn_sub_masked(r, r, mont->m, ~bn_lt(r, mont->m, mont->n), mont->n);
}

/* r = table[index]; all entries are read, STRIP limbs of each at a time, so that these stay in
 * registers */
enum { STRIP = 8 };

static void look_up(limb_t *r, const limb_t *table, size_t n, limb_t index)
{
    for (size_t i = 0; i < n; i += STRIP) {
        limb_t strip[STRIP] = {0};
        for (size_t k = 0; k < 1u << BN_WINDOW; k++) {
            const limb_t hit = limb_is_zero(index ^ (limb_t)k);
            for (size_t j = 0; j < STRIP; j++)
                strip[j] |= table[k * n + i + j] & hit;
        }
        memcpy(r + i, strip, sizeof strip);
    }
}

/* `count` bits of e from bit `at` on (those from `high` on do not exist); the place is public */
static limb_t digit(const limb_t *e, size_t high, size_t at, size_t count)
{
    const size_t i = at / LIMB_BITS, shift = at % LIMB_BITS;
    limb_t x = e[i] >> shift;
    if (shift + count > LIMB_BITS && (i + 1) * LIMB_BITS < high)
        x |= (limb_t)(e[i + 1] << (LIMB_BITS - shift));
    return x & (((limb_t)1 << count) - 1);
}

/* Fixed windows from the top; the first one is as wide as is left over. */
void bn_mont_power(const struct bn_mont *mont, limb_t *r, const limb_t *a, const limb_t *e,
                   size_t low, size_t high, limb_t *table)
{
    const size_t n = mont->n;
    limb_t *factor = table + (n << BN_WINDOW);
    memcpy(table, mont->one, n * sizeof *a);
    memcpy(table + n, a, n * sizeof *a);
    for (size_t k = 2; k < 1u << BN_WINDOW; k++)
        bn_mont_mul(mont, table + k * n, table + (k - 1) * n, table + n);
    size_t at = low + (high - low - 1) / BN_WINDOW * BN_WINDOW;
    look_up(r, table, n, digit(e, high, at, high - at));
    while (at > low) {
        at -= BN_WINDOW;
        for (size_t i = 0; i < BN_WINDOW; i++)
            bn_mont_sqr(mont, r, r);
        look_up(factor, table, n, digit(e, high, at, BN_WINDOW));
        bn_mont_mul(mont, r, r, factor);
    }
}

void bn_mont_power_public(const struct bn_mont *mont, limb_t *r, const limb_t *a, uint32_t e)
{
    unsigned bit = 31;
    while (!(e >> bit))
        bit--;
    memcpy(r, a, mont->n * sizeof *a);
    while (bit-- > 0) {
        bn_mont_sqr(mont, r, r);
        if (e >> bit & 1)
            bn_mont_mul(mont, r, r, a);
    }
}

/* The last product is with a itself, not its Montgomery form, and so leaves that form. */
void bn_power_public(limb_t *r, const limb_t *a, uint32_t e, const limb_t *m, size_t n,
                     limb_t *room)
{
    limb_t *const x = room + 2 * n;
    const struct bn_mont mont = {
        .n = n, .m = m, .t = room, .m0 = (limb_t)0 - bn_limb_inverse(m[0])};
    memcpy(x, a, n * sizeof *a);
    bn_shift_mod(x, n * LIMB_BITS, m, n);
    bn_mont_power_public(&mont, r, x, e - 1);
    bn_mont_mul(&mont, r, r, a);
    bn_mont_canonical(&mont, r);
}
