/*
 * The arithmetic under SM2 - numbers, field, scalars, inversion, points, the table - against big
 * numbers and points of OpenSSL, with limbs chosen to need every carry.
 */
#include <check.h>

#include "firmware/crypto/portable/sm2_base.h"
#include "firmware/crypto/portable/sm2_invert.h"
#include "firmware/crypto/portable/sm2_verify.h"
#include "tests/lib/run.h"
#include "tests/unit/test_sm2_tools.h"

enum { ROUNDS = 4000 };

static BIGNUM *p, *n, *r_inverse; /* r_inverse: 1 / 2^256 mod p */
static BN_CTX *ctx;

static void setup(void)
{
    ctx = BN_CTX_new();
    p = bn_hex(SM2_P);
    n = bn_hex(SM2_N);
    r_inverse = BN_new();
    ck_assert(BN_set_bit(r_inverse, 256));
    ck_assert_ptr_nonnull(BN_mod_inverse(r_inverse, r_inverse, p, ctx));
}

static void teardown(void)
{
    BN_free(p);
    BN_free(n);
    BN_free(r_inverse);
    BN_CTX_free(ctx);
}

/* An awkward number below m, as limbs and as a big number */
static void awkward_below(limb_t *limbs, BIGNUM *b, const BIGNUM *m)
{
    uint8_t raw[32];
    awkward(raw);
    ck_assert_ptr_nonnull(BN_bin2bn(raw, 32, b));
    if (m != NULL) {
        ck_assert(BN_nnmod(b, b, m, ctx));
        bn_to(raw, b);
    }
    sm2_number_load(limbs, raw);
}

static void check_limbs(const limb_t *got, const BIGNUM *want)
{
    uint8_t a[32], b[32];
    sm2_number_store(a, got);
    bn_to(b, want);
    ck_assert_mem_eq(a, b, 32);
}

START_TEST(number_product)
{
    BIGNUM *a = BN_new(), *b = BN_new(), *t = BN_new();
    for (int i = 0; i < ROUNDS; i++) {
        limb_t x[SM2_LIMBS], y[SM2_LIMBS], z[2 * SM2_LIMBS];
        uint8_t got[64], want[64];
        awkward_below(x, a, NULL);
        awkward_below(y, b, NULL);
        memset(z, 0xA5, sizeof z);
        if (i & 1)
            sm2_number_mul(z, x, y);
        else
            sm2_number_sqr(z, x);
        ck_assert(BN_mul(t, a, i & 1 ? b : a, ctx));
        ck_assert_int_eq(BN_bn2binpad(t, want, 64), 64);
        sm2_number_store(got, z + SM2_LIMBS);
        sm2_number_store(got + 32, z);
        ck_assert_mem_eq(got, want, 64);
        ck_assert_int_eq(sm2_number_lt(x, y) != 0, BN_cmp(a, b) < 0);
        ck_assert_int_eq(sm2_number_eq(x, y) != 0, BN_cmp(a, b) == 0);
        ck_assert_int_eq(sm2_number_is_zero(x) != 0, BN_is_zero(a));
    }
    BN_free(a);
    BN_free(b);
    BN_free(t);
}
END_TEST

START_TEST(field_operations)
{
    BIGNUM *a = BN_new(), *b = BN_new(), *t = BN_new();
    for (int i = 0; i < ROUNDS; i++) {
        struct sm2_fe x, y, z;
        awkward_below(x.v, a, p);
        awkward_below(y.v, b, p);
        sm2_fe_mul(&z, &x, &y);
        ck_assert(BN_mod_mul(t, a, b, p, ctx) && BN_mod_mul(t, t, r_inverse, p, ctx));
        check_limbs(z.v, t);
        sm2_fe_sqr(&z, &x);
        ck_assert(BN_mod_sqr(t, a, p, ctx) && BN_mod_mul(t, t, r_inverse, p, ctx));
        check_limbs(z.v, t);
        sm2_fe_add(&z, &x, &y);
        ck_assert(BN_mod_add(t, a, b, p, ctx));
        check_limbs(z.v, t);
        sm2_fe_sub(&z, &x, &y);
        ck_assert(BN_mod_sub(t, a, b, p, ctx));
        check_limbs(z.v, t);
        sm2_fe_neg(&z, &x);
        ck_assert(BN_mod_sub(t, p, a, p, ctx));
        check_limbs(z.v, t);
        if (!BN_is_zero(a)) {
            z = x;
            sm2_fe_negate_if(&z, ~(limb_t)0);
            check_limbs(z.v, t);
            sm2_fe_negate_if(&z, 0);
            check_limbs(z.v, t);
        }
        sm2_fe_halve(&z, &x);
        sm2_fe_add(&z, &z, &z);
        check_limbs(z.v, a);
        ck_assert_int_eq(sm2_fe_is_zero(&x) != 0, BN_is_zero(a));
        ck_assert_int_eq(sm2_fe_eq(&x, &y) != 0, BN_cmp(a, b) == 0);
        sm2_fe_mul(&x, &x, &x); /* outputs may be inputs */
        ck_assert(BN_mod_sqr(t, a, p, ctx) && BN_mod_mul(t, t, r_inverse, p, ctx));
        check_limbs(x.v, t);
    }
    BN_free(a);
    BN_free(b);
    BN_free(t);
}
END_TEST

/* Bytes in and out, and numbers that are not below p. */
START_TEST(field_bytes)
{
    BIGNUM *a = BN_new();
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t raw[32], out[32], want[32];
        struct sm2_fe x;
        awkward(raw);
        ck_assert_ptr_nonnull(BN_bin2bn(raw, 32, a));
        const int below = BN_cmp(a, p) < 0;
        ck_assert_int_eq(sm2_fe_load(&x, raw) != 0, below);
        sm2_fe_store(out, &x);
        ck_assert(BN_nnmod(a, a, p, ctx));
        bn_to(want, a);
        ck_assert_mem_eq(out, want, 32);
    }
    BN_free(a);
}
END_TEST

/* The laws of a field, without an oracle. */
START_TEST(field_laws)
{
    BIGNUM *unused = BN_new();
    for (int i = 0; i < ROUNDS; i++) {
        struct sm2_fe a, b, c, left, right, t;
        awkward_below(a.v, unused, p);
        awkward_below(b.v, unused, p);
        awkward_below(c.v, unused, p);
        sm2_fe_add(&t, &b, &c); /* a (b + c) = ab + ac */
        sm2_fe_mul(&left, &a, &t);
        sm2_fe_mul(&right, &a, &b);
        sm2_fe_mul(&t, &a, &c);
        sm2_fe_add(&right, &right, &t);
        ck_assert(sm2_fe_eq(&left, &right));
        sm2_fe_mul(&left, &a, &b); /* (ab) c = a (bc) */
        sm2_fe_mul(&left, &left, &c);
        sm2_fe_mul(&right, &b, &c);
        sm2_fe_mul(&right, &a, &right);
        ck_assert(sm2_fe_eq(&left, &right));
        sm2_fe_mul(&left, &a, &sm2_fe_one);
        ck_assert(sm2_fe_eq(&left, &a));
        sm2_fe_sub(&left, &a, &b); /* (a - b) + b = a */
        sm2_fe_add(&left, &left, &b);
        ck_assert(sm2_fe_eq(&left, &a));
    }
    BN_free(unused);
}
END_TEST

START_TEST(inverses)
{
    BIGNUM *a = BN_new(), *t = BN_new();
    for (int i = 0; i < ROUNDS / 2; i++) {
        struct sm2_fe x, y;
        struct sm2_scalar s, q;
        awkward_below(x.v, a, p);
        sm2_fe_invert(&y, &x);
        if (BN_is_zero(a)) {
            ck_assert(sm2_fe_is_zero(&y));
        } else {
            sm2_fe_mul(&y, &y, &x);
            ck_assert(sm2_fe_eq(&y, &sm2_fe_one));
        }
        awkward_below(s.v, a, n);
        sm2_scalar_invert(&q, &s);
        if (BN_is_zero(a)) {
            ck_assert(sm2_scalar_is_zero(&q));
            continue;
        }
        ck_assert_ptr_nonnull(BN_mod_inverse(t, a, n, ctx));
        check_limbs(q.v, t);
    }
    BN_free(a);
    BN_free(t);
}
END_TEST

START_TEST(scalar_operations)
{
    BIGNUM *a = BN_new(), *b = BN_new(), *t = BN_new();
    for (int i = 0; i < ROUNDS; i++) {
        struct sm2_scalar x, y, z;
        uint8_t raw[32];
        awkward_below(x.v, a, n);
        awkward_below(y.v, b, n);
        sm2_scalar_mul(&z, &x, &y);
        ck_assert(BN_mod_mul(t, a, b, n, ctx));
        check_limbs(z.v, t);
        sm2_scalar_add(&z, &x, &y);
        ck_assert(BN_mod_add(t, a, b, n, ctx));
        check_limbs(z.v, t);
        sm2_scalar_sub(&z, &x, &y);
        ck_assert(BN_mod_sub(t, a, b, n, ctx));
        check_limbs(z.v, t);
        sm2_scalar_halve(&z, &x);
        sm2_scalar_add(&z, &z, &z);
        check_limbs(z.v, a);
        awkward(raw);
        ck_assert_ptr_nonnull(BN_bin2bn(raw, 32, a));
        ck_assert_int_eq(sm2_scalar_load(&z, raw) != 0, BN_cmp(a, n) < 0);
        ck_assert(BN_nnmod(t, a, n, ctx));
        check_limbs(z.v, t);
        ck_assert_int_eq(sm2_scalar_load_nonzero(&z, raw) != 0, BN_cmp(a, n) < 0 && !BN_is_zero(a));
        ck_assert(BN_copy(t, n) && BN_sub_word(t, 1));
        ck_assert_int_eq(sm2_scalar_load_private(&z, raw) != 0, BN_cmp(a, t) < 0 && !BN_is_zero(a));
    }
    BN_free(a);
    BN_free(b);
    BN_free(t);
}
END_TEST

/* k = the sum of the signed digits that the recoded number stands for, all of them odd. */
START_TEST(recoding)
{
    BIGNUM *k = BN_new(), *sum = BN_new(), *t = BN_new();
    for (int i = 0; i < ROUNDS / 4; i++) {
        struct sm2_scalar s, b;
        awkward_below(s.v, k, n);
        sm2_scalar_recode(&b, &s);
        BN_zero(sum);
        for (unsigned w = 0; w < SM2_WINDOWS; w++) {
            const unsigned bits = w + 1 < SM2_WINDOWS ? HUFU_SM2_WINDOW : (unsigned)SM2_TOP_BITS;
            const int v = (int)sm2_scalar_bits(&b, w * HUFU_SM2_WINDOW, bits);
            const int digit = 2 * v - ((1 << bits) - 1);
            ck_assert(BN_set_word(t, (BN_ULONG)abs(digit)));
            ck_assert(BN_lshift(t, t, (int)w * HUFU_SM2_WINDOW));
            BN_set_negative(t, digit < 0);
            ck_assert(BN_add(sum, sum, t));
        }
        ck_assert(BN_nnmod(sum, sum, n, ctx));
        ck_assert_int_eq(BN_cmp(sum, k), 0);
    }
    BN_free(k);
    BN_free(sum);
    BN_free(t);
}
END_TEST

/* ---- points ---- */

static void check_point(const struct sm2_jacobian *got, const EC_POINT *want)
{
    uint8_t a[64], b[64];
    struct sm2_affine affine;
    if (!ec_bytes(b, want)) {
        ck_assert(sm2_fe_is_zero(&got->z));
        return;
    }
    sm2_point_to_affine(&affine, got);
    sm2_point_store(a, &affine);
    ck_assert_mem_eq(a, b, 64);
}

/* [k]G with a random Z, for both sides */
static EC_POINT *random_point(struct sm2_jacobian *r, struct sm2_affine *affine)
{
    uint8_t k[32], raw[64];
    struct sm2_fe zz, z;
    random_private(k);
    ck_assert(ec_mul(raw, k, NULL));
    ck_assert(sm2_point_load(affine, raw));
    test_random(k, 32);
    (void)sm2_fe_load(&z, k);
    r->z = z;
    sm2_fe_sqr(&zz, &z);
    sm2_fe_mul(&r->x, &affine->x, &zz);
    sm2_fe_mul(&zz, &zz, &z);
    sm2_fe_mul(&r->y, &affine->y, &zz);
    return ec_from(raw);
}

START_TEST(point_additions)
{
    EC_POINT *sum = EC_POINT_new(curve());
    for (int i = 0; i < 40; i++) {
        struct sm2_jacobian a, b, c;
        struct sm2_affine a1, b1;
        EC_POINT *x = random_point(&a, &a1), *y = random_point(&b, &b1);
        ck_assert(EC_POINT_add(curve(), sum, x, y, ctx));
        sm2_point_add(&c, &a, &b);
        check_point(&c, sum);
        sm2_point_add_affine(&c, &a, &b1);
        check_point(&c, sum);
        sm2_point_add_any(&c, &a, &b);
        check_point(&c, sum);
        sm2_point_add_affine_any(&c, &a, &b1);
        check_point(&c, sum);
        sm2_point_add_public(&c, &a, &b1);
        check_point(&c, sum);
        c = a;
        sm2_point_add(&c, &c, &b); /* outputs may be inputs */
        check_point(&c, sum);
        ck_assert(EC_POINT_dbl(curve(), sum, x, ctx));
        sm2_point_double(&c, &a);
        check_point(&c, sum);
        sm2_point_from_affine(&b, &a1); /* the same point with another Z */
        sm2_point_add_any(&c, &a, &b);
        check_point(&c, sum);
        sm2_point_add_affine_any(&c, &a, &a1);
        check_point(&c, sum);
        sm2_point_add_public(&c, &a, &a1);
        check_point(&c, sum);
        sm2_fe_neg(&b.y, &b.y); /* opposite */
        sm2_fe_neg(&b1.y, &a1.y);
        b1.x = a1.x;
        sm2_point_add(&c, &a, &b);
        ck_assert(sm2_fe_is_zero(&c.z));
        sm2_point_add_any(&c, &a, &b);
        ck_assert(sm2_fe_is_zero(&c.z));
        sm2_point_add_public(&c, &a, &b1);
        ck_assert(sm2_fe_is_zero(&c.z));
        sm2_point_add_public(&b, &c, &a1); /* infinity and a point */
        check_point(&b, x);
        sm2_point_double(&b, &c);
        ck_assert(sm2_fe_is_zero(&b.z));
        EC_POINT_free(x);
        EC_POINT_free(y);
    }
    EC_POINT_free(sum);
}
END_TEST

START_TEST(points_to_affine_together)
{
    struct sm2_jacobian a[7];
    struct sm2_affine want[7], got[7];
    for (int i = 0; i < 7; i++)
        EC_POINT_free(random_point(&a[i], &want[i]));
    for (unsigned count = 1; count <= 7; count++) {
        sm2_points_to_affine(got, a, count);
        ck_assert_mem_eq(got, want, count * sizeof got[0]);
    }
}
END_TEST

START_TEST(curve_membership)
{
    uint8_t raw[64], bad[64], k[32];
    struct sm2_affine a;
    for (int i = 0; i < 50; i++) {
        random_private(k);
        ck_assert(ec_mul(raw, k, NULL));
        ck_assert(sm2_point_load(&a, raw));
        memcpy(bad, raw, 64);
        bad[test_random_below(64)] ^= (uint8_t)(1u << test_random_below(8));
        ck_assert(!sm2_point_load(&a, bad));
    }
}
END_TEST

/* Any point times edge and random scalars, by the secret and by the public way. */
START_TEST(point_multiples)
{
    static const struct sm2_scalar zero = {{0}};
    static const int small[] = {1, 2, 3, 15, 16, 17, 31, 255};
    uint8_t k[32], raw[64], want[64], got[64];
    for (int i = 0; i < 110; i++) {
        struct sm2_affine point, r;
        struct sm2_multiples multiples;
        struct sm2_jacobian j;
        struct sm2_scalar s;
        random_private(k);
        ck_assert(ec_mul(raw, k, NULL));
        if (i < 8)
            near(k, "0", small[i]);
        else if (i < 16)
            near(k, SM2_N, -small[i - 8]);
        else if (i < 48)
            near(k, "0", 2 * (i - 15)); /* 2d: the last addition may be a doubling */
        else if (i < 80)
            near(k, SM2_N, -2 * (i - 47));
        else
            random_private(k);
        ck_assert(ec_mul(want, k, raw));
        ck_assert(sm2_point_load(&point, raw));
        ck_assert(sm2_scalar_load(&s, k));
        sm2_point_mul(&r, &s, &point);
        sm2_point_store(got, &r);
        ck_assert_mem_eq(got, want, 64);
        sm2_multiples(&multiples, &point);
        sm2_mul_public(&j, &zero, &s, &multiples);
        sm2_point_to_affine(&r, &j);
        sm2_point_store(got, &r);
        ck_assert_mem_eq(got, want, 64);
        ck_assert(ec_mul(want, k, NULL));
        sm2_mul_public(&j, &s, &zero, &multiples);
        sm2_point_to_affine(&r, &j);
        sm2_point_store(got, &r);
        ck_assert_mem_eq(got, want, 64);
    }
}
END_TEST

/* Every entry of every window, with both signs. */
START_TEST(table)
{
    EC_POINT *weight = EC_POINT_dup(EC_GROUP_get0_generator(curve()), curve());
    EC_POINT *twice = EC_POINT_new(curve()), *multiple = EC_POINT_new(curve());
    for (unsigned w = 0; w < SM2_WINDOWS; w++) {
        const unsigned bits = w + 1 < SM2_WINDOWS ? HUFU_SM2_WINDOW : (unsigned)SM2_TOP_BITS;
        const unsigned half = 1u << (bits - 1);
        ck_assert(EC_POINT_dbl(curve(), twice, weight, ctx));
        ck_assert(EC_POINT_copy(multiple, weight));
        for (unsigned i = 0; i < half; i++) {
            struct sm2_scalar b = {{0}};
            struct sm2_affine got, minus;
            uint8_t raw[64], want[64], k[32] = {0};
            BIGNUM *v = BN_new();
            ck_assert(BN_set_word(v, half + i) && BN_lshift(v, v, (int)(w * HUFU_SM2_WINDOW)));
            bn_to(k, v);
            sm2_number_load(b.v, k);
            sm2_table_look_up(&got, w, &b);
            sm2_point_store(raw, &got);
            ck_assert(ec_bytes(want, multiple));
            ck_assert_mem_eq(raw, want, 64);
            ck_assert(BN_set_word(v, half - 1 - i) && BN_lshift(v, v, (int)(w * HUFU_SM2_WINDOW)));
            bn_to(k, v);
            sm2_number_load(b.v, k);
            sm2_table_look_up(&minus, w, &b);
            sm2_fe_neg(&minus.y, &minus.y);
            ck_assert_mem_eq(&minus, &got, sizeof got);
            ck_assert(EC_POINT_add(curve(), multiple, multiple, twice, ctx));
            BN_free(v);
        }
        for (unsigned i = 0; (w + 1) % HUFU_SM2_STEP == 0 && i < HUFU_SM2_WINDOW * HUFU_SM2_STEP;
             i++)
            ck_assert(EC_POINT_dbl(curve(), weight, weight, ctx));
    }
    EC_POINT_free(weight);
    EC_POINT_free(twice);
    EC_POINT_free(multiple);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sm2_field");
    TCase *t = tcase_create("sm2_field");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, number_product);
    tcase_add_test(t, field_operations);
    tcase_add_test(t, field_bytes);
    tcase_add_test(t, field_laws);
    tcase_add_test(t, inverses);
    tcase_add_test(t, scalar_operations);
    tcase_add_test(t, recoding);
    tcase_add_test(t, point_additions);
    tcase_add_test(t, points_to_affine_together);
    tcase_add_test(t, curve_membership);
    tcase_add_test(t, point_multiples);
    tcase_add_test(t, table);
    suite_add_tcase(s, t);
    test_seed();
    return suite_run(s);
}
