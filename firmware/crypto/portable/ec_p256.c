/*
 * P-256: the field of ec_p256_field.h, a table of multiples of the base point made by the build
 * (gen_p256_table.c), inversions by divsteps.
 */
#include "firmware/base/config.h"

#if !HUFU_SMALL

#include "firmware/crypto/portable/ec_p256_table.h"

_Alignas(64) static const struct ec_affine table[P256_TABLE_ENTRIES] = {
#include "p256_table.inc"
};

/* r = R/a, the inverse of a plain number in Montgomery form; 0 for 0. CT: nothing leaks */
static void n_invert(struct ec_number *r, const struct ec_number *a)
{
    struct ec_number t;
    sm2_number_invert(t.v, a->v, ec_n.m.v, (limb_t)0 - ec_n.m0);
    ec_mul_mod(r, &t, &ec_n.rr, &ec_n);
}

/* All entries of the row are read. CT: nothing leaks */
static void ec_base_look_up(struct ec_affine *r, unsigned window, uint32_t entries, uint32_t index)
{
    const struct ec_affine *row = table + window * P256_ROW;
    struct ec_affine t = {{{0}}, {{0}}};
    for (uint32_t i = 0; i < entries; i++) {
        const limb_t mask = limb_is_zero((limb_t)(index ^ i));
        for (int j = 0; j < EC_LIMBS; j++) {
            t.x.v[j] |= mask & row[i].x.v[j];
            t.y.v[j] |= mask & row[i].y.v[j];
        }
    }
    *r = t;
}

#define EC_BASE_WINDOW P256_WINDOW
#include "firmware/crypto/portable/ec_scheme.h"

const struct ec_curve ec_p256 = {
    "P-256",         EC_BYTES,          ec_public_check, ec_public_from_private,
    ecdsa_sign_with, ecdsa_verify_with, ecdh_with};

#endif
