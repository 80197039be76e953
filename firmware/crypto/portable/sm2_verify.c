#include "firmware/crypto/portable/sm2_verify.h"

enum { WNAF = 5, ODD_MULTIPLES = 1 << (WNAF - 2), DIGITS = 257 };

/*
 * k = the sum of digit[i] 2^i; digits are 0 or odd and below 2^(WNAF-1), at most one in WNAF is
 * not 0
 */
static void wnaf(int8_t digit[DIGITS], const struct sm2_scalar *k)
{
    unsigned carry = 0, i = 0;

    while (i < DIGITS) {
        const unsigned left = i < 256 ? 256 - i : 0;
        const unsigned take = left < WNAF ? left : WNAF;
        const unsigned v = (take ? sm2_scalar_bits(k, i, take) : 0) + carry;
        digit[i] = 0;
        if ((v & 1) == 0) { /* the bit and the carry agree: go on with the same carry */
            i++;
            continue;
        }
        carry = v >> (WNAF - 1) & 1;
        digit[i++] = (int8_t)((int)v - (int)(carry << WNAF));
        for (unsigned j = 1; j < WNAF && i < DIGITS; j++)
            digit[i++] = 0;
    }
}

/* odd[i] = (2i + 1) P */
static void odd_multiples(struct sm2_affine odd[ODD_MULTIPLES], const struct sm2_affine *p)
{
    struct sm2_jacobian t[ODD_MULTIPLES], twice;

    sm2_point_from_affine(&t[0], p);
    sm2_point_double(&twice, &t[0]);
    for (int i = 1; i < ODD_MULTIPLES; i++)
        sm2_point_add(&t[i], &t[i - 1], &twice);
    sm2_points_to_affine(odd, t, ODD_MULTIPLES);
}

void sm2_point_mul_public(struct sm2_jacobian *r, const struct sm2_scalar *k,
                          const struct sm2_affine *p)
{
    struct sm2_affine odd[ODD_MULTIPLES], minus;
    int8_t digit[DIGITS];

    odd_multiples(odd, p);
    wnaf(digit, k);
    *r = (struct sm2_jacobian){sm2_fe_one, sm2_fe_one, {{0}}};
    for (int i = DIGITS; i-- > 0;) {
        sm2_point_double(r, r);
        if (digit[i] > 0) {
            sm2_point_add_public(r, r, &odd[digit[i] >> 1]);
        } else if (digit[i] < 0) {
            minus = odd[-digit[i] >> 1];
            sm2_fe_neg(&minus.y, &minus.y);
            sm2_point_add_public(r, r, &minus);
        }
    }
}

/* x(a) = v mod n, a not infinity: X = vZ^2, or X = (v + n) Z^2 where v + n is below p too */
static int x_is(const struct sm2_jacobian *a, const struct sm2_scalar *v)
{
    struct sm2_number x;
    struct sm2_fe zz, t;

    sm2_fe_sqr(&zz, &a->z);
    for (int i = 0; i < SM2_LIMBS; i++)
        x.v[i] = v->v[i];
    sm2_fe_from_number(&t, &x);
    sm2_fe_mul(&t, &t, &zz);
    if (sm2_fe_eq(&t, &a->x))
        return 1;
    if (sm2_number_add(x.v, x.v, sm2_n.v) != 0 || !sm2_number_lt(x.v, sm2_p.v))
        return 0;
    sm2_fe_from_number(&t, &x);
    sm2_fe_mul(&t, &t, &zz);
    return sm2_fe_eq(&t, &a->x) != 0;
}

int sm2_verify_begin(struct sm2_scalar *s, const uint8_t *sig)
{
    struct sm2_scalar r, t;

    const sm2_limb s_ok = sm2_scalar_load_nonzero(s, sig + 32);

    if (!s_ok || !sm2_scalar_load_nonzero(&r, sig))
        return 0;
    sm2_scalar_add(&t, &r, s);
    return !sm2_scalar_is_zero(&t);
}

int sm2_verify_end(const struct sm2_affine *base, const uint8_t *pub, const uint8_t *e,
                   const uint8_t *sig)
{
    struct sm2_scalar r, t;
    struct sm2_affine p;
    struct sm2_jacobian sum;

    if (!sm2_point_load(&p, pub))
        return 0;
    (void)sm2_scalar_load(&r, sig);
    (void)sm2_scalar_load(&t, sig + 32);
    sm2_scalar_add(&t, &r, &t);
    sm2_point_mul_public(&sum, &t, &p);
    sm2_point_add_public(&sum, &sum, base);
    if (sm2_fe_is_zero(&sum.z))
        return 0;
    (void)sm2_scalar_load(&t, e); /* x1 must be r - e mod n */
    sm2_scalar_sub(&t, &r, &t);
    return x_is(&sum, &t);
}
