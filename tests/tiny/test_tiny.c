/*
 * The SM2 code over a tiny curve, tried with everything there is: all numbers, all pairs of points,
 * all scalars; and on the smallest curve all keys with all nonces and all digests, and all
 * signatures there can be. Only the multiplication in the field is not the device's own
 * (tests/tiny/field.c).
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/portable/portable.h"
#include "firmware/crypto/portable/sm2_base.h"
#include "firmware/crypto/portable/sm2_verify.h"
#include "firmware/crypto/sm2.h"
#include "tests/tiny/model.h"

/* On a larger curve three nested loops step wider: steps are coprime to the numbers of the curves.
 */
enum { ALL = P < 200, STEP = ALL ? 1 : 331, FEW = ALL ? 1 : 17 };

/* An assertion of check costs a system call, and there are millions here: only one that fails. */
#define expect(got, wanted)                                                                        \
    do {                                                                                           \
        const long long g_ = (long long)(got), w_ = (long long)(wanted);                           \
        if (g_ != w_)                                                                              \
            ck_abort_msg("line %d: %lld, not %lld", __LINE__, g_, w_);                             \
    } while (0)

static struct sm2_scalar scalar(uint32_t x)
{
    return (struct sm2_scalar){{x}};
}

static void is_scalar(const struct sm2_scalar *a, uint32_t x)
{
    const struct sm2_scalar b = scalar(x);
    expect(sm2_scalar_eq(a, &b) != 0, 1);
}

START_TEST(test_scalars)
{
    struct sm2_scalar r;

    for (uint32_t a = 0; a < N; a++) {
        const struct sm2_scalar x = scalar(a);
        sm2_scalar_invert(&r, &x);
        is_scalar(&r, a == 0 ? 0 : model_inverse(a, N));
        sm2_scalar_halve(&r, &x);
        is_scalar(&r, a % 2 ? (a + N) / 2 : a / 2);
        sm2_scalar_recode(&r, &x); /* a = 2r - (2^SM2_BITS - 1) */
        expect(r.v[0] < N && 2 * r.v[0] % N == (a + (1u << SM2_BITS) - 1) % N, 1);
        for (uint32_t b = 0; b < N; b += FEW) {
            const struct sm2_scalar y = scalar(b);
            sm2_scalar_add(&r, &x, &y);
            is_scalar(&r, (a + b) % N);
            sm2_scalar_sub(&r, &x, &y);
            is_scalar(&r, (a + N - b) % N);
            sm2_scalar_mul(&r, &x, &y);
            is_scalar(&r, a * b % N);
        }
    }
}
END_TEST

START_TEST(test_loaded_scalars)
{
    struct sm2_scalar r;
    uint8_t in[32];

    for (uint32_t a = 0; a < 2 * N; a++) {
        model_bytes(in, a);
        expect(sm2_scalar_load(&r, in) != 0, a < N);
        is_scalar(&r, a % N);
        expect(sm2_scalar_load_nonzero(&r, in) != 0, a != 0 && a < N);
        expect(sm2_scalar_load_private(&r, in) != 0, a != 0 && a + 1 < N);
        is_scalar(&r, a != 0 && a + 1 < N ? a : 1);
    }
}
END_TEST

START_TEST(test_points_of_the_plane)
{
    unsigned found = 0;

    for (uint32_t x = 0; x < P + 3; x++) {
        for (uint32_t y = 0; y < P + 3; y += FEW) {
            uint8_t in[64], out[64];
            struct sm2_affine a;
            model_bytes(in, x);
            model_bytes(in + 32, y);
            const int known = model_log(x, y) > 0;
            expect(sm2_public_check(in) == 0, known);
            expect(sm2_point_load(&a, in) != 0, known);
            if (known) {
                sm2_point_store(out, &a);
                expect(memcmp(in, out, 64), 0);
                found++;
            }
        }
    }
    ck_assert(FEW > 1 ? found > 0 : found == N - 1);
}
END_TEST

/* All sums that the header allows, of point i under any Z and point j */
static void add_all(const struct sm2_jacobian *a, int i, int j, uint32_t z)
{
    const struct sm2_affine b = model_affine((unsigned)j);
    const struct sm2_jacobian c = model_jacobian((unsigned)j, z);
    struct sm2_jacobian r;

    sm2_point_add_public(&r, a, &b);
    expect(model_log_jacobian(&r), (i + j) % N);
    if (i == 0)
        return;
    sm2_point_add_any(&r, a, &c);
    expect(model_log_jacobian(&r), (i + j) % N);
    sm2_point_add_affine_any(&r, a, &b);
    expect(model_log_jacobian(&r), (i + j) % N);
    if (i == j)
        return;
    sm2_point_add_affine(&r, a, &b);
    expect(model_log_jacobian(&r), (i + j) % N);
    r = *a; /* in place */
    sm2_point_add(&r, &r, &c);
    expect(model_log_jacobian(&r), (i + j) % N);
}

START_TEST(test_all_pairs_of_points)
{
    for (int i = 0; i < N; i++) {
        for (uint32_t z = ALL ? 1 : (uint32_t)i % (P - 1) + 1; z < P; z += ALL ? 1 : P) {
            const struct sm2_jacobian a = model_jacobian((unsigned)i, z);
            struct sm2_jacobian twice;
            sm2_point_double(&twice, &a);
            expect(model_log_jacobian(&twice), 2 * i % N);
            for (int j = 1; j < N; j += FEW)
                add_all(&a, i, j, z * 5 % P);
        }
    }
}
END_TEST

START_TEST(test_many_to_affine)
{
    static struct sm2_jacobian in[N - 1];
    static struct sm2_affine out[N - 1];

    for (unsigned i = 1; i < N; i++)
        in[i - 1] = model_jacobian(i, i % (P - 1) + 1);
    for (unsigned n = 1; n < N; n += STEP) {
        sm2_points_to_affine(out, in + N - 1 - n, n);
        for (unsigned i = 0; i < n; i++)
            expect(model_log_affine(&out[i]), (int)(N - n + i));
    }
}
END_TEST

static void multiply(unsigned k, unsigned point)
{
    const struct sm2_scalar s = scalar(k);
    const struct sm2_affine p = model_affine(point);
    struct sm2_affine r;

    sm2_point_mul(&r, &s, &p);
    expect(model_log_affine(&r), (int)(k * point % N));
}

START_TEST(test_all_scalars_times_points)
{
    for (unsigned a = 1; a < N; a++) {
        for (unsigned b = 1; b < N; b += STEP) {
            multiply(a, b);
            multiply(b, a);
        }
    }
}
END_TEST

/* [k]G for n scalars from `first` on */
static void base_multiply(unsigned first, unsigned n)
{
    static struct sm2_scalar k[N];
    static struct sm2_affine r[N];
    void *const scratch = aligned_alloc(64, sm2_base_scratch(n) / 64 * 64 + 64);

    ck_assert_ptr_nonnull(scratch);
    for (unsigned i = 0; i < n; i++)
        k[i] = scalar(first + i);
    sm2_base_mul(r, k, n, scratch);
    for (unsigned i = 0; i < n; i++)
        expect(model_log_affine(&r[i]), (int)(first + i));
    free(scratch);
}

/* A batch makes HUFU_SM2_BATCH / n partial sums of each scalar: every number of them from 2 to the
 * windows */
START_TEST(test_all_scalars_times_the_base)
{
    for (unsigned k = 1; k < N; k++)
        base_multiply(k, 1);
    for (unsigned k = 1; k + 1 < N; k++)
        base_multiply(k, 2);
    for (unsigned sums = 2; sums <= SM2_WINDOWS; sums++) {
        const unsigned most = HUFU_SM2_BATCH / sums, n = most < N - 1 ? most : N - 1;
        for (unsigned first = 1; n > 2 && first + n <= N; first += (N - n) / 7 + 1)
            base_multiply(first, n);
        if (n > 2)
            base_multiply(N - n, n);
    }
}
END_TEST

START_TEST(test_public_multiples)
{
    for (unsigned point = 1; point < N; point += STEP) {
        const struct sm2_affine p = model_affine(point);
        struct sm2_multiples odd;
        sm2_multiples(&odd, &p);
        for (unsigned s = 0; s < N; s++) {
            for (unsigned t = 0; t < N; t += STEP) {
                const struct sm2_scalar a = scalar(s), b = scalar(t);
                struct sm2_jacobian r;
                sm2_mul_public(&r, &a, &b, &odd);
                expect(model_log_jacobian(&r), (int)((s + t * point) % N));
            }
        }
    }
}
END_TEST

static _Alignas(64) uint8_t scratch_one[SM2_SCRATCH_ONE];

START_TEST(test_all_keys)
{
    uint8_t d[1][32], pub[1][64], ok;
    struct sm2_sign_key key;

    for (uint32_t x = 0; x < 2 * N; x++) {
        const int good = x > 0 && x < N - 1;
        model_bytes(d[0], x);
        sm2_portable.keygen(1, (const uint8_t(*)[32])d, pub, &ok, scratch_one);
        expect(ok, good);
        expect(sm2_sign_key(&key, d[0]) == 0, good);
        expect(model_number(key.inv), good ? model_inverse(x + 1, N) : 0);
        expect(model_number(pub[0]), good ? model_point[x].x : 0);
        expect(model_number(pub[0] + 32), good ? model_point[x].y : 0);
    }
}
END_TEST

/* Clause 6.1 of GB/T 32918.2: 1 and the signature, or 0 for a nonce that must be drawn anew */
static int model_sign(uint32_t d, uint32_t k, uint32_t e, uint32_t *r, uint32_t *s)
{
    if (k == 0 || k >= N)
        return 0;
    *r = (e + model_point[k].x) % N;
    *s = model_inverse(1 + d, N) * ((k + N * N - *r * d % N) % N) % N;
    return *r != 0 && *r + k != N && *s != 0;
}

/* Clause 7.1, under point i */
static int model_verify(uint32_t i, uint32_t e, uint32_t r, uint32_t s)
{
    const uint32_t t = (r + s) % N;
    if (r == 0 || r >= N || s == 0 || s >= N || t == 0)
        return 0;
    const uint32_t sum = (s + t * i) % N;
    return sum != 0 && (e + model_point[sum].x) % N == r;
}

/* Key d, nonce k and the digests from 0 on in one batch */
static void sign_all_digests(const struct sm2_sign_key *key, uint32_t d, uint32_t k,
                             const struct sm2_multiples *pub)
{
    enum { COUNT = ALL ? N + 3 : 2 };
    static const struct sm2_sign_key *keys[COUNT];
    static uint8_t e[COUNT][32], nonce[COUNT][32], sig[COUNT][64], ok[COUNT];
    static _Alignas(64) uint8_t scratch[1 << 20];

    for (uint32_t i = 0; i < COUNT; i++) {
        keys[i] = key;
        model_bytes(e[i], i);
        model_bytes(nonce[i], k);
    }
    ck_assert(sm2_portable.scratch(COUNT) <= sizeof scratch);
    sm2_portable.sign(COUNT, keys, (const uint8_t(*)[32])e, (const uint8_t(*)[32])nonce, sig, ok,
                      scratch);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t r = 0, s = 0;
        const int good = model_sign(d, k, i, &r, &s);
        expect(ok[i], good);
        expect(model_number(sig[i]), good ? r : 0);
        expect(model_number(sig[i] + 32), good ? s : 0);
        expect(sm2_verify_one(pub, e[i], sig[i]), good);
    }
}

START_TEST(test_all_keys_nonces_and_digests)
{
    for (uint32_t d = 1; d < N - 1; d += STEP) {
        const struct sm2_affine p = model_affine(d);
        struct sm2_sign_key key;
        struct sm2_multiples pub;
        uint8_t bytes[32];

        model_bytes(bytes, d);
        ck_assert_int_eq(sm2_sign_key(&key, bytes), 0);
        sm2_multiples(&pub, &p);
        for (uint32_t k = 0; k < N + 3; k++)
            sign_all_digests(&key, d, k, &pub);
    }
}
END_TEST

/* Those of no nonce, too, and numbers out of range */
static void verify_all(uint32_t point, uint32_t e)
{
    const struct sm2_affine p = model_affine(point);
    struct sm2_multiples pub;
    uint8_t digest[32], sig[64];

    sm2_multiples(&pub, &p);
    model_bytes(digest, e);
    for (uint32_t r = 0; r < N + 2; r++) {
        for (uint32_t s = 0; s < N + 2; s += ALL ? 1 : 61) {
            model_bytes(sig, r);
            model_bytes(sig + 32, s);
            expect(sm2_verify_one(&pub, digest, sig), model_verify(point, e, r, s));
        }
    }
}

START_TEST(test_all_signatures)
{
    for (uint32_t point = 1; point < N; point += STEP * (ALL ? 1 : 7))
        verify_all(point, point * 3 % N);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("all");
    Suite *s = suite_create("tiny curve");
    SRunner *sr;

    model_make();
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_scalars);
    tcase_add_test(tc, test_loaded_scalars);
    tcase_add_test(tc, test_points_of_the_plane);
    tcase_add_test(tc, test_all_pairs_of_points);
    tcase_add_test(tc, test_many_to_affine);
    tcase_add_test(tc, test_all_scalars_times_points);
    tcase_add_test(tc, test_all_scalars_times_the_base);
    tcase_add_test(tc, test_public_multiples);
    tcase_add_test(tc, test_all_keys);
    tcase_add_test(tc, test_all_keys_nonces_and_digests);
    tcase_add_test(tc, test_all_signatures);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    const int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
