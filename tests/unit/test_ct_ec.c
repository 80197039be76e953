/*
 * Constant time of P-256 and P-384: private keys, nonces and shared secrets are marked secret; what
 * leaves is shown before it is looked at. See test_ct_sm2.c.
 */
#include <check.h>
#include <string.h>

#include "firmware/base/secret.h"
#include "firmware/crypto/ec.h"
#include "tests/lib/rng.h"
#include "tests/lib/run.h"

static const struct ec_curve *const curves[] = {&ec_p256, &ec_p384};

START_TEST(everything)
{
    const struct ec_curve *c = curves[_i];
    uint8_t d[EC_MAX], pub[EC_POINT_MAX], other[EC_MAX], peer[EC_POINT_MAX];
    uint8_t e[48], sig[EC_SIGNATURE_MAX], x[EC_MAX], y[EC_MAX];
    ck_assert_int_eq(ec_keygen(c, &secret_rng, d, pub), 0);
    ck_assert_int_eq(ec_keygen(c, &secret_rng, other, peer), 0);
    PUBLIC(pub, sizeof pub);
    PUBLIC(peer, sizeof peer);
    secret_fill(NULL, e, sizeof e); /* a digest tells of a secret text until it is signed */
    ck_assert_int_eq(ecdsa_sign(c, &secret_rng, d, e, sizeof e, sig), 0);
    PUBLIC(e, sizeof e);
    PUBLIC(sig, sizeof sig);
    ck_assert_int_eq(c->verify(pub, e, sizeof e, sig), 0);
    ck_assert_int_eq(c->agree(d, peer, x), 0);
    ck_assert_int_eq(c->agree(other, pub, y), 0);
    PUBLIC(x, sizeof x);
    PUBLIC(y, sizeof y);
    ck_assert_mem_eq(x, y, c->size);
}
END_TEST

START_TEST(out_of_range)
{
    const struct ec_curve *c = curves[_i];
    uint8_t d[EC_MAX] = {0}, pub[EC_POINT_MAX];
    SECRET(d, sizeof d);
    ck_assert_int_eq(c->public_from_private(d, pub), -1);
    memset(d, 0xFF, sizeof d);
    SECRET(d, sizeof d);
    ck_assert_int_eq(c->public_from_private(d, pub), -1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ct_ec");
    TCase *t = tcase_create("ct_ec");
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, everything, 0, 2);
    tcase_add_loop_test(t, out_of_range, 0, 2);
    suite_add_tcase(s, t);
    test_seed();
    return suite_run(s);
}
