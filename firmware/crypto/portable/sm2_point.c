#include "firmware/crypto/portable/sm2_point.h"

#include "firmware/base/wipe.h"

const struct sm2_affine sm2_g = {SM2_FE_GX, SM2_FE_GY};

limb_t sm2_point_on_curve(const struct sm2_affine *a)
{
    struct sm2_fe left, right;

    sm2_fe_sqr(&right, &a->x); /* (x^2 - 3) x + b */
    for (int i = 0; i < 3; i++)
        sm2_fe_sub(&right, &right, &sm2_fe_one);
    sm2_fe_mul(&right, &right, &a->x);
    sm2_fe_add(&right, &right, &sm2_fe_b);
    sm2_fe_sqr(&left, &a->y);
    return sm2_fe_eq(&left, &right);
}

limb_t sm2_point_load(struct sm2_affine *r, const uint8_t *in)
{
    const limb_t x_ok = sm2_fe_load(&r->x, in);
    const limb_t y_ok = sm2_fe_load(&r->y, in + 32);
    return x_ok & y_ok & sm2_point_on_curve(r);
}

void sm2_point_store(uint8_t *out, const struct sm2_affine *a)
{
    sm2_fe_store(out, &a->x);
    sm2_fe_store(out + 32, &a->y);
}

void sm2_point_from_affine(struct sm2_jacobian *r, const struct sm2_affine *a)
{
    r->x = a->x;
    r->y = a->y;
    r->z = sm2_fe_one;
}

/* r = a with 1/Z at hand */
static void scale(struct sm2_affine *r, const struct sm2_jacobian *a, const struct sm2_fe *inverse)
{
    struct sm2_fe t;
    sm2_fe_sqr(&t, inverse);
    sm2_fe_mul(&r->x, &a->x, &t);
    sm2_fe_mul(&t, &t, inverse);
    sm2_fe_mul(&r->y, &a->y, &t);
}

void sm2_point_to_affine(struct sm2_affine *r, const struct sm2_jacobian *a)
{
    struct sm2_fe inverse;
    sm2_fe_invert(&inverse, &a->z);
    scale(r, a, &inverse);
    wipe(&inverse, sizeof inverse);
}

void sm2_points_to_affine(struct sm2_affine *r, const struct sm2_jacobian *a, unsigned n)
{
    struct sm2_fe all, inverse;

    all = a[0].z;
    for (unsigned i = 1; i < n; i++) { /* r[i].x: the product of the Z below i */
        r[i].x = all;
        sm2_fe_mul(&all, &all, &a[i].z);
    }
    sm2_fe_invert(&all, &all);
    for (unsigned i = n - 1; i > 0; i--) {
        sm2_fe_mul(&inverse, &all, &r[i].x);
        sm2_fe_mul(&all, &all, &a[i].z);
        scale(&r[i], &a[i], &inverse);
    }
    scale(&r[0], &a[0], &all);
    wipe(&all, sizeof all);
    wipe(&inverse, sizeof inverse);
}

/*
 * 4M + 4S. a = -3 makes 3X^2 + aZ^4 = 3 (X - Z^2) (X + Z^2); with half of that as slope, Z3 is YZ
 * in place of 2YZ and the small factors of the usual formulas vanish.
 */
void sm2_point_double(struct sm2_jacobian *r, const struct sm2_jacobian *a)
{
    struct sm2_fe slope, s, yy, t;

    sm2_fe_sqr(&t, &a->z);
    sm2_fe_sub(&s, &a->x, &t);
    sm2_fe_add(&t, &a->x, &t);
    sm2_fe_mul(&t, &t, &s);
    sm2_fe_add(&slope, &t, &t);
    sm2_fe_add(&slope, &slope, &t);
    sm2_fe_halve(&slope, &slope);
    sm2_fe_sqr(&yy, &a->y);
    sm2_fe_mul(&s, &a->x, &yy);
    sm2_fe_mul(&r->z, &a->y, &a->z);
    sm2_fe_sqr(&t, &slope); /* X3 = slope^2 - 2 X Y^2 */
    sm2_fe_sub(&t, &t, &s);
    sm2_fe_sub(&r->x, &t, &s);
    sm2_fe_sub(&t, &s, &r->x); /* Y3 = slope (X Y^2 - X3) - Y^4 */
    sm2_fe_mul(&t, &t, &slope);
    sm2_fe_sqr(&yy, &yy);
    sm2_fe_sub(&r->y, &t, &yy);
}

/* What both additions share: a = (X1, Y1) and b = (U2, S2) brought to one Z, and z = that Z. */
struct addition {
    struct sm2_fe x1, y1, h, s, z; /* h = U2 - X1, s = S2 - Y1 */
};

static void finish_add(struct sm2_jacobian *r, const struct addition *a)
{
    struct sm2_fe hh, hhh, v, t;

    sm2_fe_sqr(&hh, &a->h);
    sm2_fe_mul(&hhh, &hh, &a->h);
    sm2_fe_mul(&v, &a->x1, &hh);
    sm2_fe_sqr(&t, &a->s); /* X3 = s^2 - h^3 - 2v */
    sm2_fe_sub(&t, &t, &hhh);
    sm2_fe_sub(&t, &t, &v);
    sm2_fe_sub(&r->x, &t, &v);
    sm2_fe_sub(&t, &v, &r->x); /* Y3 = s (v - X3) - Y1 h^3 */
    sm2_fe_mul(&t, &t, &a->s);
    sm2_fe_mul(&hhh, &hhh, &a->y1);
    sm2_fe_sub(&r->y, &t, &hhh);
    sm2_fe_mul(&r->z, &a->z, &a->h);
}

static void begin_add(struct addition *t, const struct sm2_jacobian *a,
                      const struct sm2_jacobian *b)
{
    struct sm2_fe za, zb;

    sm2_fe_sqr(&za, &a->z);
    sm2_fe_sqr(&zb, &b->z);
    sm2_fe_mul(&t->x1, &a->x, &zb);
    sm2_fe_mul(&t->h, &b->x, &za);
    sm2_fe_sub(&t->h, &t->h, &t->x1);
    sm2_fe_mul(&zb, &zb, &b->z);
    sm2_fe_mul(&t->y1, &a->y, &zb);
    sm2_fe_mul(&za, &za, &a->z);
    sm2_fe_mul(&t->s, &b->y, &za);
    sm2_fe_sub(&t->s, &t->s, &t->y1);
    sm2_fe_mul(&t->z, &a->z, &b->z);
}

static void begin_add_affine(struct addition *t, const struct sm2_jacobian *a,
                             const struct sm2_affine *b)
{
    struct sm2_fe za;

    sm2_fe_sqr(&za, &a->z);
    sm2_fe_mul(&t->h, &b->x, &za);
    sm2_fe_sub(&t->h, &t->h, &a->x);
    sm2_fe_mul(&za, &za, &a->z);
    sm2_fe_mul(&t->s, &b->y, &za);
    sm2_fe_sub(&t->s, &t->s, &a->y);
    t->x1 = a->x;
    t->y1 = a->y;
    t->z = a->z;
}

/* r = the sum, or the double of a when the two points turned out to be the same */
static void finish_any(struct sm2_jacobian *r, const struct sm2_jacobian *a,
                       const struct addition *t)
{
    const limb_t same = sm2_fe_is_zero(&t->h) & sm2_fe_is_zero(&t->s);
    struct sm2_jacobian twice;

    sm2_point_double(&twice, a);
    finish_add(r, t);
    sm2_fe_select(&r->x, same, &twice.x, &r->x);
    sm2_fe_select(&r->y, same, &twice.y, &r->y);
    sm2_fe_select(&r->z, same, &twice.z, &r->z);
    wipe(&twice, sizeof twice);
}

void sm2_point_add(struct sm2_jacobian *r, const struct sm2_jacobian *a,
                   const struct sm2_jacobian *b)
{
    struct addition t;
    begin_add(&t, a, b);
    finish_add(r, &t);
}

void sm2_point_add_affine(struct sm2_jacobian *r, const struct sm2_jacobian *a,
                          const struct sm2_affine *b)
{
    struct addition t;
    begin_add_affine(&t, a, b);
    finish_add(r, &t);
}

void sm2_point_add_any(struct sm2_jacobian *r, const struct sm2_jacobian *a,
                       const struct sm2_jacobian *b)
{
    struct addition t;
    begin_add(&t, a, b);
    finish_any(r, a, &t);
    wipe(&t, sizeof t);
}

void sm2_point_add_affine_any(struct sm2_jacobian *r, const struct sm2_jacobian *a,
                              const struct sm2_affine *b)
{
    struct addition t;
    begin_add_affine(&t, a, b);
    finish_any(r, a, &t);
    wipe(&t, sizeof t);
}

void sm2_point_add_public(struct sm2_jacobian *r, const struct sm2_jacobian *a,
                          const struct sm2_affine *b)
{
    struct addition t;

    if (sm2_fe_is_zero(&a->z)) {
        sm2_point_from_affine(r, b);
        return;
    }
    begin_add_affine(&t, a, b);
    if (sm2_fe_is_zero(&t.h) && sm2_fe_is_zero(&t.s))
        sm2_point_double(r, a);
    else
        finish_add(r, &t);
}
