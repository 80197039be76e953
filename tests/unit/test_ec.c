/*
 * P-256 and P-384: known answers, OpenSSL and Botan both ways, points and numbers at the edges,
 * signatures that must fail.
 */
#include <botan/ffi.h>
#include <check.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/ec.h"
#include "tests/lib/openssl_key.h"
#include "tests/lib/rng.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

enum { ROUNDS = 24 };

struct both {
    const struct ec_curve *curve;
    const char *openssl, *botan;
    int nid;
};
static const struct both curves[] = {{&ec_p256, "P-256", "secp256r1", NID_X9_62_prime256v1},
                                     {&ec_p384, "P-384", "secp384r1", NID_secp384r1}};
enum { CURVES = sizeof curves / sizeof *curves };

static const struct ec_curve *curve_of(struct vec *v)
{
    size_t n;
    const uint8_t *name = vec_bytes(v, "curve", &n);
    return n == 5 && !memcmp(name, "P-256", 5) ? &ec_p256 : &ec_p384;
}

/* ---------------------------------------------------------------- known answers */

START_TEST(ecdsa_vectors)
{
    struct vec *v = vec_open("ecdsa");
    int cases = 0;
    while (vec_next(v)) {
        const struct ec_curve *c = curve_of(v);
        uint8_t pub[EC_POINT_MAX], sig[EC_SIGNATURE_MAX];
        size_t n;
        const uint8_t *d = vec_exact(v, "d", c->size), *k = vec_exact(v, "k", c->size);
        const uint8_t *digest = vec_bytes(v, "digest", &n);
        ck_assert_int_eq(c->public_from_private(d, pub), 0);
        ck_assert_mem_eq(pub, vec_exact(v, "pub", 2 * c->size), 2 * c->size);
        ck_assert_int_eq(c->public_check(pub), 0);
        ck_assert_int_eq(c->sign(d, k, digest, n, sig), 0);
        ck_assert_mem_eq(sig, vec_exact(v, "sig", 2 * c->size), 2 * c->size);
        ck_assert_int_eq(c->verify(pub, digest, n, sig), 0);
        cases++;
    }
    vec_close(v);
    ck_assert_int_eq(cases, 20);
}
END_TEST

START_TEST(ecdh_vectors)
{
    struct vec *v = vec_open("ecdh");
    int cases = 0;
    while (vec_next(v)) {
        const struct ec_curve *c = curve_of(v);
        uint8_t x[EC_MAX];
        ck_assert_int_eq(c->agree(vec_exact(v, "d", c->size), vec_exact(v, "peer", 2 * c->size), x),
                         0);
        ck_assert_mem_eq(x, vec_exact(v, "x", c->size), c->size);
        cases++;
    }
    vec_close(v);
    ck_assert_int_eq(cases, 2);
}
END_TEST

/* ---------------------------------------------------------------- OpenSSL */

static void openssl_verifies(EVP_PKEY *key, size_t size, const uint8_t *digest, size_t n,
                             const uint8_t *sig)
{
    ECDSA_SIG *both = ECDSA_SIG_new();
    uint8_t der[160], *p = der;
    ck_assert(ECDSA_SIG_set0(both, BN_bin2bn(sig, (int)size, NULL),
                             BN_bin2bn(sig + size, (int)size, NULL)));
    const int der_size = i2d_ECDSA_SIG(both, &p);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    ck_assert_int_eq(EVP_PKEY_verify_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_verify(ctx, der, (size_t)der_size, digest, n), 1);
    EVP_PKEY_CTX_free(ctx);
    ECDSA_SIG_free(both);
}

static void openssl_signs(EVP_PKEY *key, size_t size, const uint8_t *digest, size_t n, uint8_t *sig)
{
    uint8_t der[160];
    size_t der_size = sizeof der;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    ck_assert_int_eq(EVP_PKEY_sign_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_sign(ctx, der, &der_size, digest, n), 1);
    const uint8_t *p = der;
    ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &p, (long)der_size);
    ck_assert_ptr_nonnull(both);
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_r(both), sig, (int)size), (int)size);
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_s(both), sig + size, (int)size), (int)size);
    EVP_PKEY_CTX_free(ctx);
    ECDSA_SIG_free(both);
}

static void openssl_agrees(EVP_PKEY *mine, EVP_PKEY *peer, size_t size, uint8_t *x)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(mine, NULL);
    size_t n = size;
    ck_assert_int_eq(EVP_PKEY_derive_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_derive_set_peer(ctx, peer), 1);
    ck_assert_int_eq(EVP_PKEY_derive(ctx, x, &n), 1);
    ck_assert_uint_eq(n, size);
    EVP_PKEY_CTX_free(ctx);
}

START_TEST(openssl)
{
    static const size_t digest_sizes[] = {20, 28, 32, 48, 64};
    const struct both *b = &curves[_i];
    const struct ec_curve *c = b->curve;
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t d[EC_MAX], pub[EC_POINT_MAX], e[64], sig[EC_SIGNATURE_MAX], x[EC_MAX], y[EC_MAX];
        uint8_t other[EC_MAX], peer[EC_POINT_MAX];
        const size_t n = digest_sizes[round % 5];
        ck_assert_int_eq(ec_keygen(c, &test_rng, d, pub), 0);
        ck_assert_int_eq(ec_keygen(c, &test_rng, other, peer), 0);
        test_random(e, n);
        EVP_PKEY *key = openssl_ec_key(b->openssl, pub, d, b->curve->size);
        EVP_PKEY *his = openssl_ec_key(b->openssl, peer, NULL, b->curve->size);
        ck_assert_int_eq(ecdsa_sign(c, &test_rng, d, e, n, sig), 0);
        openssl_verifies(key, c->size, e, n, sig);
        openssl_signs(key, c->size, e, n, sig);
        ck_assert_int_eq(c->verify(pub, e, n, sig), 0);
        ck_assert_int_eq(c->verify(peer, e, n, sig), -1);
        sig[test_random_below((uint32_t)(2 * c->size))] ^= (uint8_t)(1 << test_random_below(8));
        ck_assert_int_eq(c->verify(pub, e, n, sig), -1);
        openssl_agrees(key, his, c->size, x);
        ck_assert_int_eq(c->agree(d, peer, y), 0);
        ck_assert_mem_eq(x, y, c->size);
        ck_assert_int_eq(c->agree(other, pub, y), 0);
        ck_assert_mem_eq(x, y, c->size);
        EVP_PKEY_free(key);
        EVP_PKEY_free(his);
    }
}
END_TEST

/* ---------------------------------------------------------------- Botan */

static botan_mp_t number(const uint8_t *in, size_t n)
{
    botan_mp_t mp;
    ck_assert_int_eq(botan_mp_init(&mp), 0);
    ck_assert_int_eq(botan_mp_from_bin(mp, in, n), 0);
    return mp;
}

START_TEST(botan)
{
    const struct both *b = &curves[_i];
    const struct ec_curve *c = b->curve;
    botan_rng_t rng;
    ck_assert_int_eq(botan_rng_init(&rng, "system"), 0);
    for (int round = 0; round < ROUNDS / 4; round++) {
        uint8_t d[EC_MAX], pub[EC_POINT_MAX], e[32], sig[EC_SIGNATURE_MAX];
        size_t n = sizeof sig;
        botan_privkey_t key;
        botan_pubkey_t public_key;
        botan_pk_op_sign_t sign;
        botan_pk_op_verify_t verify;
        ck_assert_int_eq(ec_keygen(c, &test_rng, d, pub), 0);
        test_random(e, sizeof e);
        botan_mp_t md = number(d, c->size), mx = number(pub, c->size),
                   my = number(pub + c->size, c->size);
        ck_assert_int_eq(botan_privkey_load_ecdsa(&key, md, b->botan), 0);
        ck_assert_int_eq(botan_pubkey_load_ecdsa(&public_key, mx, my, b->botan), 0);
        ck_assert_int_eq(ecdsa_sign(c, &test_rng, d, e, sizeof e, sig), 0);
        ck_assert_int_eq(botan_pk_op_verify_create(&verify, public_key, "Raw", 0), 0);
        ck_assert_int_eq(botan_pk_op_verify_update(verify, e, sizeof e), 0);
        ck_assert_int_eq(botan_pk_op_verify_finish(verify, sig, 2 * c->size), 0);
        ck_assert_int_eq(botan_pk_op_sign_create(&sign, key, "Raw", 0), 0);
        ck_assert_int_eq(botan_pk_op_sign_update(sign, e, sizeof e), 0);
        ck_assert_int_eq(botan_pk_op_sign_finish(sign, rng, sig, &n), 0);
        ck_assert_uint_eq(n, 2 * c->size);
        ck_assert_int_eq(c->verify(pub, e, sizeof e, sig), 0);
        botan_pk_op_verify_destroy(verify);
        botan_pk_op_sign_destroy(sign);
        botan_privkey_destroy(key);
        botan_pubkey_destroy(public_key);
        botan_mp_destroy(md);
        botan_mp_destroy(mx);
        botan_mp_destroy(my);
    }
    botan_rng_destroy(rng);
}
END_TEST

/* ---------------------------------------------------------------- edges */

/* The order of a curve, or its field, plus `more`. */
static void near_number(const struct both *b, int order, int more, uint8_t *out)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(b->nid);
    BIGNUM *n = BN_new();
    ck_assert(order ? EC_GROUP_get_order(group, n, NULL)
                    : EC_GROUP_get_curve(group, n, NULL, NULL, NULL));
    ck_assert(more < 0 ? BN_sub_word(n, (BN_ULONG)-more) : BN_add_word(n, (BN_ULONG)more));
    ck_assert_int_eq(BN_bn2binpad(n, out, (int)b->curve->size), (int)b->curve->size);
    BN_free(n);
    EC_GROUP_free(group);
}

/* Small scalars, those beside the order and with long runs of bits: multiples of G as OpenSSL has
 * them. Every way through the recoding and the table is met, with every carry. */
START_TEST(edge_scalars)
{
    const struct both *b = &curves[_i];
    const struct ec_curve *c = b->curve;
    EC_GROUP *group = EC_GROUP_new_by_curve_name(b->nid);
    EC_POINT *q = EC_POINT_new(group);
    for (int i = 0; i < 120; i++) {
        uint8_t d[EC_MAX] = {0}, pub[EC_POINT_MAX], x[EC_MAX], expected[1 + EC_POINT_MAX];
        if (i < 40)
            d[c->size - 1] = (uint8_t)(i + 1);
        else if (i < 80)
            near_number(b, 1, -(i - 39), d);
        else
            for (size_t j = 0; j < c->size; j++)
                d[j] = test_random_below(2) ? 0xFF : 0;
        d[c->size - 1] |= i >= 80;
        if (i >= 80)
            d[0] &= 0x7F;
        BIGNUM *k = BN_bin2bn(d, (int)c->size, NULL);
        ck_assert(EC_POINT_mul(group, q, k, NULL, NULL, NULL));
        ck_assert_uint_eq(EC_POINT_point2oct(group, q, POINT_CONVERSION_UNCOMPRESSED, expected,
                                             sizeof expected, NULL),
                          1 + 2 * c->size);
        ck_assert_int_eq(c->public_from_private(d, pub), 0);
        ck_assert_mem_eq(pub, expected + 1, 2 * c->size);
        /* and the other way of multiplying: 1 * that point, d * G */
        uint8_t one[EC_MAX] = {0}, g[EC_POINT_MAX];
        one[c->size - 1] = 1;
        ck_assert_int_eq(c->public_from_private(one, g), 0);
        ck_assert_int_eq(c->agree(d, g, x), 0);
        ck_assert_mem_eq(x, pub, c->size);
        ck_assert_int_eq(c->agree(one, pub, x), 0);
        ck_assert_mem_eq(x, pub, c->size);
        BN_free(k);
    }
    EC_POINT_free(q);
    EC_GROUP_free(group);
}
END_TEST

START_TEST(out_of_range)
{
    const struct both *b = &curves[_i];
    const struct ec_curve *c = b->curve;
    uint8_t bad[EC_MAX], d[EC_MAX], pub[EC_POINT_MAX], out[EC_POINT_MAX], e[32] = {7};
    uint8_t sig[EC_SIGNATURE_MAX], forged[EC_SIGNATURE_MAX];
    ck_assert_int_eq(ec_keygen(c, &test_rng, d, pub), 0);
    ck_assert_int_eq(ecdsa_sign(c, &test_rng, d, e, sizeof e, sig), 0);
    for (int i = 0; i < 4; i++) {
        memset(bad, i == 1 ? 0xFF : 0, sizeof bad);
        if (i >= 2)
            near_number(b, 1, i - 2, bad);
        ck_assert_int_eq(c->public_from_private(bad, out), -1);
        ck_assert_int_eq(c->agree(bad, pub, out), -1);
        ck_assert_int_eq(c->sign(bad, d, e, sizeof e, out), -1);
        ck_assert_int_eq(c->sign(d, bad, e, sizeof e, out), -1);
        for (int half = 0; half < 2; half++) {
            memcpy(forged, sig, sizeof forged);
            memcpy(forged + (half ? c->size : 0), bad, c->size);
            ck_assert_int_eq(c->verify(pub, e, sizeof e, forged), -1);
        }
    }
    ck_assert_int_eq(ec_keygen(c, &no_rng, d, pub), -1);
    ck_assert_int_eq(ecdsa_sign(c, &no_rng, d, e, sizeof e, sig), -1);
}
END_TEST

START_TEST(points_off_the_curve)
{
    const struct both *b = &curves[_i];
    const struct ec_curve *c = b->curve;
    uint8_t d[EC_MAX], pub[EC_POINT_MAX], bad[EC_POINT_MAX], x[EC_MAX];
    ck_assert_int_eq(ec_keygen(c, &test_rng, d, pub), 0);
    memset(bad, 0, sizeof bad);
    ck_assert_int_eq(c->public_check(bad), -1);
    for (size_t i = 0; i < 2 * c->size; i += 5) {
        memcpy(bad, pub, sizeof bad);
        bad[i] ^= 4;
        ck_assert_int_eq(c->public_check(bad), -1);
        ck_assert_int_eq(c->agree(d, bad, x), -1);
    }
    near_number(b, 0, 0, bad); /* p in place of 0 */
    memcpy(bad + c->size, pub + c->size, c->size);
    ck_assert_int_eq(c->public_check(bad), -1);
}
END_TEST

/* u G + v Q where both are the same point, or cancel: s and e are chosen so. */
START_TEST(verify_with_equal_parts)
{
    const struct both *b = &curves[_i];
    const struct ec_curve *c = b->curve;
    uint8_t one[EC_MAX] = {0}, g[EC_POINT_MAX], sig[EC_SIGNATURE_MAX], e[EC_MAX];
    one[c->size - 1] = 1;
    ck_assert_int_eq(c->public_from_private(one, g), 0);
    /* Q = G, r = e: u = v = r/s, the sum is a doubling; it must be computed as 2u G */
    memcpy(sig, g, c->size); /* any r */
    memcpy(sig + c->size, one, c->size);
    memcpy(e, sig, c->size);
    ck_assert_int_eq(c->verify(g, e, c->size, sig), -1);
    /* d = 1, k = 2, e = r: s = (r + r) / 2 = r, u = v = 1, sum = 2G, whose x is r */
    uint8_t two[EC_MAX] = {0}, twice[EC_POINT_MAX];
    two[c->size - 1] = 2;
    ck_assert_int_eq(c->public_from_private(two, twice), 0);
    memcpy(sig, twice, c->size);
    memcpy(sig + c->size, twice, c->size);
    ck_assert_int_eq(c->verify(g, twice, c->size, sig), 0);
    /* Q = -G, e = r: the sum is the neutral element */
    uint8_t minus[EC_MAX], minus_g[EC_POINT_MAX];
    near_number(b, 1, -1, minus);
    ck_assert_int_eq(c->public_from_private(minus, minus_g), 0);
    ck_assert_int_eq(c->verify(minus_g, twice, c->size, sig), -1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ec");
    TCase *t = tcase_create("ec");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, ecdsa_vectors);
    tcase_add_test(t, ecdh_vectors);
    tcase_add_loop_test(t, openssl, 0, CURVES);
    tcase_add_loop_test(t, botan, 0, CURVES);
    tcase_add_loop_test(t, edge_scalars, 0, CURVES);
    tcase_add_loop_test(t, out_of_range, 0, CURVES);
    tcase_add_loop_test(t, points_off_the_curve, 0, CURVES);
    tcase_add_loop_test(t, verify_with_equal_parts, 0, CURVES);
    suite_add_tcase(s, t);
    test_seed();
    return suite_run(s);
}
