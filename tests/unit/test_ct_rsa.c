/*
 * Constant time of RSA: private keys, candidates, random bytes and texts are marked secret, what
 * leaves is shown before it is looked at. Built with HUFU_CT_CHECK and run under valgrind, a branch
 * or an address that depends on a secret is an error; in other builds this only runs everything
 * once.
 *
 * What the firmware itself shows (PUBLIC there): which candidates for a prime or a base of
 * Miller-Rabin are rejected - they are forgotten; which bytes of a v1.5 padding were zero and drawn
 * again; verdicts; the lengths of decrypted texts; the modulus.
 */
#include "firmware/base/secret.h"
#include "tests/unit/test_rsa_tools.h"

enum { BYTES = RSA_MAX_BYTES };

static void mark_private(struct rsa_private *key)
{
    SECRET(key->p, sizeof key->p);
    SECRET(key->q, sizeof key->q);
    SECRET(key->dp, sizeof key->dp);
    SECRET(key->dq, sizeof key->dq);
    SECRET(key->qinv, sizeof key->qinv);
    SECRET(key->d, sizeof key->d);
}

START_TEST(private_op)
{
    static struct rsa_private key, copy;
    static uint8_t in[BYTES], out[BYTES], back[BYTES];
    const unsigned bits = rsa_sizes[_i];
    void *scratch = tools_scratch(bits);
    kept_key(bits, &key);
    mark_private(&key);
    random_below(&key.pub, in);
    ck_assert_int_eq(rsa_private_op(ops, &secret_rng, &key, in, out, scratch), 0);
    PUBLIC(out, sizeof out);
    ck_assert_int_eq(rsa_public_op(ops, &key.pub, out, back, scratch), 0);
    ck_assert_mem_eq(back, in, bits / 8);
    copy = key; /* a fault shows no more than that it is one */
    copy.dq[3] ^= 1;
    ck_assert_int_eq(rsa_private_op(ops, &secret_rng, &copy, in, out, scratch), -1);
    free(scratch);
}
END_TEST

START_TEST(private_check)
{
    static struct rsa_private key;
    kept_key(2048, &key);
    mark_private(&key);
    ck_assert_int_eq(rsa_private_check(&key), 0);
    key.d[9] ^= 1;
    ck_assert_int_eq(rsa_private_check(&key), -1);
}
END_TEST

START_TEST(keygen)
{
    static struct rsa_private key;
    void *scratch = tools_scratch(2048);
    ck_assert_int_eq(rsa_keygen(ops, &secret_rng, 2048, &key, scratch, NULL, NULL), 0);
    ck_assert_int_eq(rsa_public_check(&key.pub), 0);
    PUBLIC(&key, sizeof key);
    ck_assert_int_eq(rsa_private_check(&key), 0);
    free(scratch);
}
END_TEST

START_TEST(prime_test)
{
    static struct rsa_private key;
    static uint8_t composite[128];
    const uint8_t *const list[] = {key.p, composite, key.q};
    uint8_t ok[3];
    void *scratch = tools_scratch(2048);
    kept_key(2048, &key);
    memcpy(composite, key.p, 128);
    composite[127] ^= 2;
    SECRET(composite, sizeof composite);
    mark_private(&key);
    ops->prime_test(3, list, 128, 5, ok, &secret_rng, scratch);
    ck_assert_int_eq(ok[0], 1);
    ck_assert_int_eq(ok[1], 0);
    ck_assert_int_eq(ok[2], 1);
    free(scratch);
}
END_TEST

/* A secret text through padding, public operation, private operation, and back */
static void through(struct rsa_private *key, uint8_t *em, uint8_t *cipher, void *scratch)
{
    ck_assert_int_eq(rsa_public_op(ops, &key->pub, em, cipher, scratch), 0);
    PUBLIC(cipher, BYTES);
    ck_assert_int_eq(rsa_private_op(ops, &secret_rng, key, cipher, em, scratch), 0);
}

START_TEST(pkcs1)
{
    static struct rsa_private key;
    static uint8_t m[BYTES], em[BYTES], cipher[BYTES], out[BYTES];
    void *scratch = tools_scratch(2048);
    size_t n;
    kept_key(2048, &key);
    mark_private(&key);
    secret_fill(NULL, m, 48);
    ck_assert_int_eq(rsa_pkcs1_encrypt_pad(&secret_rng, 2048, m, 48, em), 0);
    through(&key, em, cipher, scratch);
    ck_assert_int_eq(rsa_pkcs1_decrypt_unpad(&key, cipher, em, out, &n), 0);
    ck_assert_uint_eq(n, 48);
    PUBLIC(m, sizeof m);
    PUBLIC(out, sizeof out);
    ck_assert_mem_eq(out, m, 48);
    em[1] ^= 1; /* bad padding takes the same way */
    ck_assert_int_eq(rsa_pkcs1_decrypt_unpad(&key, cipher, em, out, &n), 0);
    free(scratch);
}
END_TEST

START_TEST(oaep)
{
    static struct rsa_private key;
    static uint8_t m[BYTES], em[BYTES], cipher[BYTES], out[BYTES];
    const enum hash_alg alg = _i ? HASH_SHA512 : HASH_SM3;
    void *scratch = tools_scratch(2048);
    size_t n;
    kept_key(2048, &key);
    mark_private(&key);
    secret_fill(NULL, m, 48);
    ck_assert_int_eq(rsa_oaep_pad(&secret_rng, 2048, alg, NULL, 0, m, 48, em), 0);
    through(&key, em, cipher, scratch);
    ck_assert_int_eq(rsa_oaep_unpad(2048, alg, NULL, 0, em, out, &n), 0);
    ck_assert_uint_eq(n, 48);
    PUBLIC(m, sizeof m);
    PUBLIC(out, sizeof out);
    ck_assert_mem_eq(out, m, 48);
    em[1] ^= 1;
    ck_assert_int_eq(rsa_oaep_unpad(2048, alg, NULL, 0, em, out, &n), -1);
    free(scratch);
}
END_TEST

START_TEST(signatures)
{
    static struct rsa_private key;
    static uint8_t digest[32], salt[32], em[BYTES], out[BYTES];
    void *scratch = tools_scratch(2048);
    kept_key(2048, &key);
    mark_private(&key);
    secret_fill(NULL, digest, sizeof digest);
    secret_fill(NULL, salt, sizeof salt);
    ck_assert_int_eq(rsa_pkcs1_sign_pad(2048, HASH_SM3, digest, 32, em), 0);
    ck_assert_int_eq(rsa_private_op(ops, &secret_rng, &key, em, out, scratch), 0);
    ck_assert_int_eq(rsa_pss_pad(2048, HASH_SM3, digest, 32, salt, 32, em), 0);
    ck_assert_int_eq(rsa_private_op(ops, &secret_rng, &key, em, out, scratch), 0);
    free(scratch);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("constant time of RSA");
    TCase *t = tcase_create("rsa");
    test_seed();
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, private_op, 0, RSA_SIZES);
    tcase_add_test(t, private_check);
    tcase_add_test(t, keygen);
    tcase_add_test(t, prime_test);
    tcase_add_test(t, pkcs1);
    tcase_add_loop_test(t, oaep, 0, 2);
    tcase_add_test(t, signatures);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_fork_status(r, CK_NOFORK); /* one process, so that its status is valgrind's */
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
