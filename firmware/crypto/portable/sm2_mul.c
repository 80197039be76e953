/* A secret scalar times any point: decryption, the second point of encryption, key agreement. */
#include "firmware/base/wipe.h"
#include "firmware/crypto/portable/sm2_point.h"

enum { WINDOW = 4, ENTRIES = 1 << (WINDOW - 1), WINDOWS = SM2_BITS / WINDOW };

/* table[i] = (2i + 1) P */
static void odd_multiples(struct sm2_jacobian table[ENTRIES], const struct sm2_affine *p)
{
    struct sm2_jacobian twice;

    sm2_point_from_affine(&table[0], p);
    sm2_point_double(&twice, &table[0]);
    for (int i = 1; i < ENTRIES; i++)
        sm2_point_add(&table[i], &table[i - 1], &twice);
}

/* r = (2 digit - 15) P, all entries read */
static void look_up(struct sm2_jacobian *r, const struct sm2_jacobian table[ENTRIES],
                    uint32_t digit)
{
    const limb_t negative = limb_mask((digit >> (WINDOW - 1)) ^ 1);
    const uint32_t index = (digit ^ (uint32_t)negative) & (ENTRIES - 1);

    *r = table[0];
    for (uint32_t i = 1; i < ENTRIES; i++) {
        const limb_t hit = limb_is_zero(index ^ i);
        sm2_fe_select(&r->x, hit, &table[i].x, &r->x);
        sm2_fe_select(&r->y, hit, &table[i].y, &r->y);
        sm2_fe_select(&r->z, hit, &table[i].z, &r->z);
    }
    sm2_fe_negate_if(&r->y, negative);
}

/*
 * From the top digit down. Before each addition but the last the sum is a multiple of 16 P by a
 * number that is odd * 16 and, with the digit, below n: it is neither the digit's point nor its
 * opposite. At the last one the number may pass n, so there the points may be the same; they are
 * not opposite, because k is not 0.
 */
void sm2_point_mul(struct sm2_affine *r, const struct sm2_scalar *k, const struct sm2_affine *p)
{
    struct sm2_jacobian table[ENTRIES], sum, next;
    struct sm2_scalar b;

    odd_multiples(table, p);
    sm2_scalar_recode(&b, k);
    look_up(&sum, table, sm2_scalar_bits(&b, SM2_BITS - WINDOW, WINDOW));
    for (unsigned i = WINDOWS - 1; i-- > 0;) {
        for (int j = 0; j < WINDOW; j++)
            sm2_point_double(&sum, &sum);
        look_up(&next, table, sm2_scalar_bits(&b, i * WINDOW, WINDOW));
        if (i != 0)
            sm2_point_add(&sum, &sum, &next);
        else
            sm2_point_add_any(&sum, &sum, &next);
    }
    sm2_point_to_affine(r, &sum);
    wipe(table, sizeof table);
    wipe(&sum, sizeof sum);
    wipe(&next, sizeof next);
    wipe(&b, sizeof b);
}
