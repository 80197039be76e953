#include "firmware/crypto/portable/sm2_verify.h"

#include "firmware/crypto/portable/sm2_table.h"

/* Widths of the digits for P, whose multiples are computed, and for G: window 0 of the table. */
enum {
    WIDTH_P = SM2_PUBLIC_WIDTH,
    WIDTH_G = HUFU_SM2_WINDOW + 1,
    DIGITS = SM2_BITS + 1,
    ODD_MULTIPLES = 1 << (WIDTH_P - 2)
};

/*
 * k = the sum of digit[i] 2^i (width-w NAF): digits are 0 or odd and below 2^(w-1), and of any w
 * in a row at most one is not 0.
 */
static void wnaf(int16_t digit[DIGITS], const struct sm2_scalar *k, unsigned width)
{
    unsigned carry = 0, i = 0;

    while (i < DIGITS) {
        const unsigned left = i < SM2_BITS ? SM2_BITS - i : 0;
        const unsigned take = left < width ? left : width;
        const unsigned v = (take ? sm2_scalar_bits(k, i, take) : 0) + carry;
        digit[i] = 0;
        if ((v & 1) == 0) { /* the bit and the carry agree: go on with the same carry */
            i++;
            continue;
        }
        carry = v >> (width - 1) & 1;
        digit[i++] = (int16_t)((int)v - (int)(carry << width));
        for (unsigned j = 1; j < width && i < DIGITS; j++)
            digit[i++] = 0;
    }
}

void sm2_multiples(struct sm2_multiples *r, const struct sm2_affine *p)
{
    struct sm2_jacobian t[ODD_MULTIPLES], twice;

    sm2_point_from_affine(&t[0], p);
    sm2_point_double(&twice, &t[0]);
    for (int i = 1; i < ODD_MULTIPLES; i++)
        sm2_point_add(&t[i], &t[i - 1], &twice);
    sm2_points_to_affine(r->odd, t, ODD_MULTIPLES);
}

/* r += [digit] of the point whose odd multiples are given */
static void add_digit(struct sm2_jacobian *r, const struct sm2_affine *odd, int digit)
{
    struct sm2_affine minus;

    if (digit > 0) {
        sm2_point_add_public(r, r, &odd[digit >> 1]);
    } else if (digit < 0) {
        minus = odd[-digit >> 1];
        sm2_fe_neg(&minus.y, &minus.y);
        sm2_point_add_public(r, r, &minus);
    }
}

void sm2_mul_public(struct sm2_jacobian *r, const struct sm2_scalar *s, const struct sm2_scalar *t,
                    const struct sm2_multiples *p)
{
    int16_t s_digit[DIGITS], t_digit[DIGITS];

    wnaf(s_digit, s, WIDTH_G);
    wnaf(t_digit, t, WIDTH_P);
    *r = (struct sm2_jacobian){sm2_fe_one, sm2_fe_one, {{0}}};
    for (int i = DIGITS; i-- > 0;) {
        sm2_point_double(r, r);
        add_digit(r, sm2_table, s_digit[i]);
        add_digit(r, p->odd, t_digit[i]);
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

int sm2_verify_one(const struct sm2_multiples *p, const uint8_t *e, const uint8_t *sig)
{
    struct sm2_scalar r, s, t;
    struct sm2_jacobian sum;

    if (!sm2_scalar_load_nonzero(&r, sig) || !sm2_scalar_load_nonzero(&s, sig + 32))
        return 0;
    sm2_scalar_add(&t, &r, &s);
    if (sm2_scalar_is_zero(&t))
        return 0;
    sm2_mul_public(&sum, &s, &t, p);
    if (sm2_fe_is_zero(&sum.z))
        return 0;
    (void)sm2_scalar_load(&t, e); /* x1 must be r - e mod n */
    sm2_scalar_sub(&t, &r, &t);
    return x_is(&sum, &t);
}
