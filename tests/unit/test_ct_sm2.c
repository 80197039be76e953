/*
 * Constant time of SM2: private keys, nonces, texts and shared secrets are marked secret, what
 * leaves (points, signatures, ciphertexts, ok) is shown before it is looked at. Built with
 * HUFU_CT_CHECK and run under valgrind, a branch or an address that depends on a secret is an
 * error; in other builds this only runs everything once.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/base/secret.h"
#include "firmware/crypto/portable/portable.h"
#include "firmware/crypto/portable/sm2_base.h"
#include "firmware/crypto/sm2.h"
#include "tests/lib/rng.h"
#include "tests/lib/run.h"

enum { MOST = 40 };

static const struct sm2_ops *const ops = &sm2_portable;
static uint8_t k[MOST][32], e[MOST][32], pub[MOST][64], sig[MOST][64], ok[MOST];

static void *scratch_for(size_t n)
{
    void *p = NULL;
    ck_assert_int_eq(posix_memalign(&p, 64, ops->scratch(n) + 64), 0);
    return p;
}

/* Key pair number i of this file, its private half secret. */
static void key_pair(uint8_t d[32], uint8_t point[64])
{
    ck_assert_int_eq(sm2_keygen(ops, &secret_rng, d, point), 0);
    PUBLIC(point, 64);
    ck_assert_int_eq(sm2_public_check(point), 0);
}

START_TEST(keygen_batches)
{
    static const size_t size[] = {1, 2, 3, 4, 5, 17, MOST};
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        void *scratch = scratch_for(size[i]);
        test_secret(k, sizeof k);
        ops->keygen(size[i], (const uint8_t(*)[32])k, pub, ok, scratch);
        PUBLIC(pub, sizeof pub);
        PUBLIC(ok, sizeof ok);
        for (size_t j = 0; j < size[i]; j++)
            ck_assert_int_eq(ok[j], 1);
        free(scratch);
    }
}
END_TEST

/* The values that take the masked ways: out of range, and the last addition a doubling. */
START_TEST(keygen_edges)
{
    static const uint8_t n[32] = {0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                  0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x72, 0x03, 0xDF, 0x6B, 0x21, 0xC6,
                                  0x05, 0x2B, 0x53, 0xBB, 0xF4, 0x09, 0x39, 0xD5, 0x41, 0x23};
    static const int8_t below[] = {0, 1, 2, 3};
    void *scratch = scratch_for(MOST);
    memset(k, 0, sizeof k);
    for (size_t i = 0; i < sizeof below; i++) {
        memcpy(k[i], n, 32);
        k[i][31] = (uint8_t)(n[31] - below[i]);
    }
    memset(k[5], 0xFF, 32);
    k[6][31] = 1;
    SECRET(k, sizeof k);
    ops->keygen(MOST, (const uint8_t(*)[32])k, pub, ok, scratch);
    PUBLIC(ok, sizeof ok);
    ck_assert_int_eq(ok[0] + ok[1] + ok[4] + ok[5], 0);
    ck_assert_int_eq(ok[2] + ok[3] + ok[6], 3);
    free(scratch);
}
END_TEST

START_TEST(sign_batches)
{
    static const size_t size[] = {1, 2, 4, MOST};
    static struct sm2_sign_key key;
    const struct sm2_sign_key *keys[MOST];
    uint8_t d[32], point[64];
    const uint8_t *points[MOST];
    key_pair(d, point);
    ck_assert_int_eq(sm2_sign_key(&key, d), 0);
    for (size_t i = 0; i < MOST; i++) {
        keys[i] = &key;
        points[i] = point;
    }
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        void *scratch = scratch_for(size[i]);
        test_secret(k, sizeof k);
        test_secret(
            e, sizeof e); /* a digest tells of a secret text as long as the signature is unknown */
        ops->sign(size[i], keys, (const uint8_t(*)[32])e, (const uint8_t(*)[32])k, sig, ok,
                  scratch);
        PUBLIC(ok, sizeof ok);
        PUBLIC(sig, sizeof sig);
        PUBLIC(e, sizeof e);
        for (size_t j = 0; j < size[i]; j++)
            ck_assert_int_eq(ok[j], 1);
        ops->verify(size[i], points, (const uint8_t(*)[32])e, (const uint8_t(*)[64])sig, ok,
                    scratch);
        for (size_t j = 0; j < size[i]; j++)
            ck_assert_int_eq(ok[j], 1);
        free(scratch);
    }
}
END_TEST

START_TEST(single)
{
    struct sm2_sign_key key;
    uint8_t d[32], point[64], again[64], digest[32], one[64];
    key_pair(d, point);
    ck_assert_int_eq(sm2_public_from_private(ops, d, again), 0);
    PUBLIC(again, 64);
    ck_assert_mem_eq(point, again, 64);
    ck_assert_int_eq(sm2_sign_key(&key, d), 0);
    test_secret(digest, 32);
    ck_assert_int_eq(sm2_sign(ops, &secret_rng, &key, digest, one), 0);
    PUBLIC(one, 64);
    PUBLIC(digest, 32);
    ck_assert_int_eq(sm2_verify(ops, point, digest, one), 0);
}
END_TEST

/* With a nonce made ahead: k and the first coordinate of [k]G are as secret as the key. */
START_TEST(ready_signature)
{
    uint8_t d[32], point[64], nonce[32], kg[64], digest[32], out[64];
    struct sm2_sign_key key;
    key_pair(d, point);
    key_pair(nonce, kg);
    SECRET(kg, 64);
    ck_assert_int_eq(sm2_sign_key(&key, d), 0);
    test_secret(digest, 32);
    ck_assert_int_eq(sm2_sign_ready(&key, digest, nonce, kg, out), 0);
    PUBLIC(out, 64);
    PUBLIC(digest, 32);
    ck_assert_int_eq(sm2_verify(ops, point, digest, out), 0);
}
END_TEST

START_TEST(encryption)
{
    static const size_t size[] = {1, 16, 33, 200};
    uint8_t d[32], point[64], m[200], out[200], c[200 + SM2_CIPHER_OVERHEAD];
    key_pair(d, point);
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        const size_t n = size[i];
        test_secret(m, n);
        ck_assert_int_eq(sm2_encrypt(&secret_rng, point, m, n, c), 0);
        PUBLIC(c, n + SM2_CIPHER_OVERHEAD);
        ck_assert_int_eq(sm2_decrypt(d, c, n + SM2_CIPHER_OVERHEAD, out), 0);
        PUBLIC(m, n);
        PUBLIC(out, n);
        ck_assert_mem_eq(m, out, n);
        c[70] ^= 1; /* in C3 */
        ck_assert_int_eq(sm2_decrypt(d, c, n + SM2_CIPHER_OVERHEAD, out), -1);
    }
}
END_TEST

START_TEST(exchange)
{
    uint8_t d[2][32], p[2][64], r[2][32], rp[2][64], z[2][32], key[2][40], s[2][2][32];
    for (int i = 0; i < 2; i++) {
        key_pair(d[i], p[i]);
        key_pair(r[i], rp[i]);
        test_random(z[i], 32);
    }
    for (int i = 0; i < 2; i++) {
        const struct sm2_exchange x = {i == 0, d[i], r[i], rp[i], p[1 - i], rp[1 - i], z[0], z[1]};
        ck_assert_int_eq(sm2_exchange(&x, key[i], sizeof key[i], s[i][0], s[i][1]), 0);
    }
    PUBLIC(key, sizeof key);
    PUBLIC(s, sizeof s);
    ck_assert_mem_eq(key[0], key[1], sizeof key[0]);
    ck_assert_mem_eq(s[0][0], s[1][1], 32);
    ck_assert_mem_eq(s[0][1], s[1][0], 32);
}
END_TEST

/* The arithmetic below the schemes. */
START_TEST(scalars_and_points)
{
    struct sm2_scalar a, b;
    struct sm2_affine p;
    uint8_t raw[32];
    test_secret(raw, 32);
    (void)sm2_scalar_load(&a, raw);
    sm2_scalar_invert(&b, &a);
    sm2_scalar_mul(&a, &a, &b);
    PUBLIC(&a, sizeof a);
    ck_assert_uint_eq(a.v[0], 1);
    sm2_point_mul(&p, &b, &sm2_g);
    PUBLIC(&p, sizeof p);
    ck_assert(sm2_point_on_curve(&p));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ct_sm2");
    TCase *t = tcase_create("ct_sm2");
    tcase_set_timeout(t, 600);
    tcase_add_test(t, keygen_batches);
    tcase_add_test(t, keygen_edges);
    tcase_add_test(t, sign_batches);
    tcase_add_test(t, single);
    tcase_add_test(t, ready_signature);
    tcase_add_test(t, encryption);
    tcase_add_test(t, exchange);
    tcase_add_test(t, scalars_and_points);
    suite_add_tcase(s, t);
    test_seed();
    return suite_run(s);
}
