/*
 * Scalars, multiples and the schemes of one curve: the rest of what ec_point.h begins. The file
 * that includes it has defined n_ones (2^EC_BITS - 1 mod n), n_invert, and for the base point
 * either EC_BASE_WINDOW and ec_base_look_up, or EC_BASE_X and _Y: then it is a point like any
 * other.
 *
 * A scalar k is recoded to b with k = 2b - (2^EC_BITS - 1) mod n: bit i of b stands for +2^i or
 * -2^i, so that any w bits of b together are an odd digit, never 0.
 */
#ifndef HUFU_CRYPTO_PORTABLE_EC_SCHEME_H
#define HUFU_CRYPTO_PORTABLE_EC_SCHEME_H

#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/ec.h"
#include "firmware/crypto/portable/ec_point.h"

#include <string.h>

enum {
    EC_WINDOW = 5,
    EC_WINDOWS = (EC_BITS + EC_WINDOW - 1) / EC_WINDOW,
    EC_TOP_BITS = EC_BITS - (EC_WINDOWS - 1) * EC_WINDOW,
    EC_ODD = 1 << (EC_WINDOW - 1) /* multiples 1, 3, ... of a point */
};

static void ec_recode(struct ec_number *b, const struct ec_number *k)
{
    ec_add_mod(b, k, &n_ones, &ec_n.m);
    ec_halve_mod(b, b, &ec_n.m);
}

/* A digit of `bits` bits: its sign as a mask and the index (|digit| - 1) / 2 */
static inline uint32_t ec_digit(const struct ec_number *b, unsigned first, unsigned bits,
                                limb_t *negative)
{
    const uint32_t digit = ec_bits(b, first, bits);
    *negative = limb_mask((limb_t)((digit >> (bits - 1)) ^ 1));
    return (digit ^ (uint32_t)*negative) & ((1u << (bits - 1)) - 1);
}

/* ---------------------------------------------------------------- multiples */

/* All entries are read. CT: nothing leaks */
static void ec_look_up(struct ec_point *r, const struct ec_point *odd, uint32_t index)
{
    struct ec_point t = odd[0];
    for (uint32_t i = 1; i < EC_ODD; i++) {
        const limb_t mask = limb_is_zero((limb_t)(index ^ i));
        ec_select(&t.x, mask, &odd[i].x, &t.x);
        ec_select(&t.y, mask, &odd[i].y, &t.y);
        ec_select(&t.z, mask, &odd[i].z, &t.z);
    }
    *r = t;
}

/* r = [k]p. CT: nothing leaks */
static void ec_mul_point(struct ec_point *r, const struct ec_number *k, const struct ec_affine *p)
{
    struct ec_point odd[EC_ODD], next, sum;
    struct ec_number b;
    limb_t negative;
    ec_recode(&b, k);
    ec_point_from_affine(&odd[0], p);
    ec_point_double(&next, &odd[0]);
    for (int i = 1; i < EC_ODD; i++)
        ec_point_add(&odd[i], &odd[i - 1], &next);
    for (unsigned w = EC_WINDOWS; w-- > 0;) {
        const unsigned bits = w + 1 == EC_WINDOWS ? (unsigned)EC_TOP_BITS : EC_WINDOW;
        ec_look_up(&next, odd, ec_digit(&b, w * EC_WINDOW, bits, &negative));
        ec_point_negate_if(&next.y, negative);
        if (w + 1 == EC_WINDOWS) {
            sum = next;
            continue;
        }
        for (int i = 0; i < EC_WINDOW; i++)
            ec_point_double(&sum, &sum);
        ec_point_add(&sum, &sum, &next);
    }
    *r = sum;
    wipe(&b, sizeof b);
    wipe(&next, sizeof next);
    wipe(&sum, sizeof sum);
}

#ifdef EC_BASE_WINDOW

enum {
    EC_BASE_WINDOWS = (EC_BITS + EC_BASE_WINDOW - 1) / EC_BASE_WINDOW,
    EC_BASE_TOP = EC_BITS - (EC_BASE_WINDOWS - 1) * EC_BASE_WINDOW
};

/* r += p, which is not the neutral element */
static void ec_point_add_affine(struct ec_point *r, const struct ec_affine *p)
{
    struct ec_products t;
    fe_mul(&t.xx, &r->x, &p->x);
    fe_mul(&t.yy, &r->y, &p->y);
    t.zz = r->z;
    ec_cross(&t.xy, &r->x, &r->y, &p->x, &p->y, &t.xx, &t.yy);
    fe_mul(&t.yz, &p->y, &r->z);
    fe_add(&t.yz, &t.yz, &r->y);
    fe_mul(&t.xz, &p->x, &r->z);
    fe_add(&t.xz, &t.xz, &r->x);
    ec_finish_add(r, &t);
}

/* r = [k]G: every window has a row of its own in the table. CT: nothing leaks */
static void ec_mul_base(struct ec_point *r, const struct ec_number *k)
{
    struct ec_affine next;
    struct ec_number b;
    limb_t negative;
    ec_recode(&b, k);
    for (unsigned w = 0; w < EC_BASE_WINDOWS; w++) {
        const unsigned bits = w + 1 == EC_BASE_WINDOWS ? (unsigned)EC_BASE_TOP : EC_BASE_WINDOW;
        const uint32_t index = ec_digit(&b, w * EC_BASE_WINDOW, bits, &negative);
        ec_base_look_up(&next, w, 1u << (bits - 1), index);
        ec_point_negate_if(&next.y, negative);
        if (w)
            ec_point_add_affine(r, &next);
        else
            ec_point_from_affine(r, &next);
    }
    wipe(&b, sizeof b);
    wipe(&next, sizeof next);
}

#else

static void ec_mul_base(struct ec_point *r, const struct ec_number *k)
{
    const struct ec_affine g = {EC_BASE_X, EC_BASE_Y};
    ec_mul_point(r, k, &g);
}

#endif

/* ---------------------------------------------------------------- bytes */

/* 1: in [1, n-1]. CT: only the result */
static int ec_load_scalar(struct ec_number *r, const uint8_t *in)
{
    ec_load(r, in);
    limb_t ok = ec_below(r, &ec_n.m) & ~ec_is_zero(r);
    PUBLIC(&ok, sizeof ok);
    return ok != 0;
}

static void fe_to_number(struct ec_number *r, const struct ec_number *a)
{
    limb_t t[2 * EC_LIMBS] = {0};
    memcpy(t, a->v, sizeof a->v);
    ec_montgomery(r, t, &ec_p);
}

/* mask: it was below p */
static limb_t fe_load(struct ec_number *r, const uint8_t *in)
{
    struct ec_number t;
    ec_load(&t, in);
    fe_mul(r, &t, &ec_p.rr);
    return ec_below(&t, &ec_p.m);
}

static void fe_store(uint8_t *out, const struct ec_number *a)
{
    struct ec_number t;
    fe_to_number(&t, a);
    ec_store(out, &t);
}

/* 1: on the curve */
static int ec_load_point(struct ec_affine *r, const uint8_t *in)
{
    struct ec_number left, right, three;
    limb_t ok = fe_load(&r->x, in) & fe_load(&r->y, in + EC_BYTES);
    fe_sqr(&left, &r->y);
    fe_sqr(&right, &r->x); /* (x^2 - 3) x + b */
    fe_thrice(&three, &ec_p.one);
    fe_sub(&right, &right, &three);
    fe_mul(&right, &right, &r->x);
    fe_add(&right, &right, &ec_b);
    ok &= ec_equal(&left, &right);
    return ok != 0;
}

/* The leftmost EC_BITS bits, modulo the order: the top bit of the order is set. */
static void ec_load_digest(struct ec_number *r, const uint8_t *digest, size_t n)
{
    uint8_t bytes[EC_BYTES] = {0};
    const size_t used = n < EC_BYTES ? n : (size_t)EC_BYTES;
    memcpy(bytes + EC_BYTES - used, digest, used);
    ec_load(r, bytes);
    ec_reduce_once(r, 0, r, &ec_n.m);
}

/* r = the x of the affine point, modulo n (p is below 2n) */
static void ec_x_mod_n(struct ec_number *r, const struct ec_affine *a)
{
    fe_to_number(r, &a->x);
    ec_reduce_once(r, 0, r, &ec_n.m);
}

/* ---------------------------------------------------------------- schemes */

static int ec_public_check(const uint8_t *pub)
{
    struct ec_affine p;
    return ec_load_point(&p, pub) ? 0 : -1;
}

static int ec_public_from_private(const uint8_t *d, uint8_t *pub)
{
    struct ec_number k;
    struct ec_point sum;
    struct ec_affine a;
    int bad = -1;
    if (ec_load_scalar(&k, d)) {
        ec_mul_base(&sum, &k);
        ec_point_to_affine(&a, &sum);
        fe_store(pub, &a.x);
        fe_store(pub + EC_BYTES, &a.y);
        PUBLIC(pub, 2 * EC_BYTES);
        bad = 0;
    }
    wipe(&k, sizeof k);
    wipe(&sum, sizeof sum);
    return bad;
}

/* s = (e + r d) / k; the operands in plain form */
static void ecdsa_s(struct ec_number *s, const struct ec_number *k, const struct ec_number *d,
                    const struct ec_number *e, const struct ec_number *r)
{
    struct ec_number t, inverse;
    ec_mul_mod(&t, d, &ec_n.rr, &ec_n);
    ec_mul_mod(&t, &t, r, &ec_n);
    ec_add_mod(&t, &t, e, &ec_n.m);
    n_invert(&inverse, k); /* in Montgomery form */
    ec_mul_mod(s, &t, &inverse, &ec_n);
    wipe(&t, sizeof t);
    wipe(&inverse, sizeof inverse);
}

static int ecdsa_sign_with(const uint8_t *d_bytes, const uint8_t *k_bytes, const uint8_t *digest,
                           size_t n, uint8_t *sig)
{
    struct ec_number d, k, e, r, s;
    struct ec_point sum;
    struct ec_affine a;
    int bad = -1;
    if (ec_load_scalar(&d, d_bytes) && ec_load_scalar(&k, k_bytes)) {
        ec_load_digest(&e, digest, n);
        ec_mul_base(&sum, &k);
        ec_point_to_affine(&a, &sum);
        ec_x_mod_n(&r, &a);
        ecdsa_s(&s, &k, &d, &e, &r);
        limb_t none = ec_is_zero(&r) | ec_is_zero(&s);
        PUBLIC(&none, sizeof none);
        bad = none ? -1 : 0;
    }
    if (!bad) {
        ec_store(sig, &r);
        ec_store(sig + EC_BYTES, &s);
    }
    wipe(&d, sizeof d);
    wipe(&k, sizeof k);
    wipe(&sum, sizeof sum);
    return bad;
}

static int ecdsa_verify_with(const uint8_t *pub, const uint8_t *digest, size_t n,
                             const uint8_t *sig)
{
    struct ec_number r, s, e, u, v;
    struct ec_point left, right;
    struct ec_affine q;
    if (!ec_load_scalar(&r, sig) || !ec_load_scalar(&s, sig + EC_BYTES) || !ec_load_point(&q, pub))
        return -1;
    ec_load_digest(&e, digest, n);
    n_invert(&s, &s);
    ec_mul_mod(&u, &e, &s, &ec_n);
    ec_mul_mod(&v, &r, &s, &ec_n);
    ec_mul_base(&left, &u);
    ec_mul_point(&right, &v, &q);
    ec_point_add(&left, &left, &right);
    if (ec_is_zero(&left.z))
        return -1;
    ec_point_to_affine(&q, &left);
    ec_x_mod_n(&u, &q);
    return ec_equal(&u, &r) ? 0 : -1;
}

static int ecdh_with(const uint8_t *d_bytes, const uint8_t *peer, uint8_t *x)
{
    struct ec_number d;
    struct ec_affine q;
    struct ec_point shared;
    int bad = -1;
    if (ec_load_point(&q, peer) && ec_load_scalar(&d, d_bytes)) {
        ec_mul_point(&shared, &d, &q);
        ec_point_to_affine(&q, &shared);
        fe_store(x, &q.x);
        bad = 0;
    }
    wipe(&d, sizeof d);
    wipe(&q, sizeof q);
    wipe(&shared, sizeof shared);
    return bad;
}

#endif
