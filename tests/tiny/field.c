/* The part of sm2_field.h that knows the shape of its prime, for a tiny one and in plain form. */
#include "firmware/crypto/portable/sm2_field.h"

const struct sm2_fe sm2_fe_one = SM2_FE_ONE;
const struct sm2_fe sm2_fe_b = SM2_FE_B;

static void set(struct sm2_fe *r, uint32_t x)
{
    *r = (struct sm2_fe){{x}};
}

void sm2_fe_mul(struct sm2_fe *r, const struct sm2_fe *a, const struct sm2_fe *b)
{
    set(r, (uint32_t)a->v[0] * (uint32_t)b->v[0] % TINY_P);
}

void sm2_fe_sqr(struct sm2_fe *r, const struct sm2_fe *a)
{
    sm2_fe_mul(r, a, a);
}

/* a^(p - 2) */
void sm2_fe_invert(struct sm2_fe *r, const struct sm2_fe *a)
{
    struct sm2_fe power = *a, result = sm2_fe_one;
    for (unsigned e = TINY_P - 2; e != 0; e >>= 1) {
        if (e & 1)
            sm2_fe_mul(&result, &result, &power);
        sm2_fe_sqr(&power, &power);
    }
    *r = result;
}

void sm2_fe_from_number(struct sm2_fe *r, const struct sm2_number *a)
{
    sm2_number_reduce_once(r->v, 0, a->v, sm2_p.v);
}

void sm2_fe_to_number(struct sm2_number *r, const struct sm2_fe *a)
{
    for (int i = 0; i < SM2_LIMBS; i++)
        r->v[i] = a->v[i];
}
