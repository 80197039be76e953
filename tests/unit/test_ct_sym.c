/*
 * Constant time of the symmetric half: keys and data are marked secret, outputs are shown before
 * they are looked at. Built with HUFU_CT_CHECK and run under valgrind (CK_FORK=no), a branch or an
 * address that depends on a secret is an error; in other builds this only runs everything once.
 */
#include <check.h>
#include <string.h>

#include "firmware/base/secret.h"
#include "firmware/crypto/drbg.h"
#include "firmware/crypto/engine.h"
#include "firmware/crypto/portable/portable.h"
#include "firmware/crypto/hash.h"
#include "firmware/crypto/shamir.h"
#include "firmware/crypto/sm4.h"
#include "tests/lib/rng.h"
#include "tests/lib/run.h"

enum { ROOM = 1200 };

/* An output is public once it has left: to compare it is no leak. */
static void shown_equal(void *a, void *b, size_t n)
{
    PUBLIC(a, n);
    PUBLIC(b, n);
    ck_assert_mem_eq(a, b, n);
}

START_TEST(hashes)
{
    static const size_t size[] = {0, 1, 55, 56, 63, 64, 65, 111, 112, 128, 129, 1000};
    const enum hash_alg alg = (enum hash_alg)_i;
    uint8_t key[150], data[ROOM], once[64], twice[64];
    test_secret(key, sizeof key);
    test_secret(data, sizeof data);
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        struct hash ctx;
        struct hmac mac;
        ck_assert_int_eq(hash_digest(alg, data, size[i], once), 0);
        ck_assert_int_eq(hash_init(&ctx, alg), 0);
        hash_update(&ctx, data, size[i] / 3);
        hash_update(&ctx, data + size[i] / 3, size[i] - size[i] / 3);
        hash_final(&ctx, twice);
        shown_equal(once, twice, hash_size(alg));
        for (size_t key_size = 0; key_size <= sizeof key; key_size += 50) {
            ck_assert_int_eq(hmac(alg, key, key_size, data, size[i], once), 0);
            ck_assert_int_eq(hmac_init(&mac, alg, key, key_size), 0);
            hmac_update(&mac, data, size[i]);
            hmac_final(&mac, twice);
            shown_equal(once, twice, hash_size(alg));
        }
    }
    ck_assert_int_eq(pbkdf2(alg, key, 20, data, 16, 3, once, 40), 0);
    ck_assert_int_eq(pbkdf2(alg, key, 20, data, 16, 3, twice, 40), 0);
    shown_equal(once, twice, 40);
}
END_TEST

START_TEST(kdf)
{
    uint8_t z[64], once[100], twice[100];
    test_secret(z, sizeof z);
    sm3_kdf(z, sizeof z, once, sizeof once);
    sm3_kdf(z, sizeof z, twice, sizeof twice);
    shown_equal(once, twice, sizeof once);
}
END_TEST

/* Not in place. Portable: valgrind knows no AVX-512. */
static void cbc_decrypt(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                        size_t n)
{
    uint8_t copy[ROOM];
    memcpy(copy, in, n);
    sm4_cbc_decrypt(&sym_portable, key, iv, copy, out, n);
}

START_TEST(modes)
{
    static const size_t size[] = {0, 16, 32, 112, 128, 144, 496, 512, 528, 1040};
    uint8_t k[16], iv[16], chain[16], data[ROOM], plain[ROOM], out[ROOM];
    struct sm4_key key;
    test_secret(k, sizeof k);
    test_secret(data, sizeof data);
    test_random(iv, sizeof iv);
    sm4_set_key(&key, k);
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        const size_t n = size[i];
        memcpy(plain, data, n);
        sm4_encrypt_blocks(&key, data, out, n / 16);
        sm4_decrypt_blocks(&key, out, out, n / 16);
        shown_equal(out, plain, n);
#define THERE_AND_BACK(there, back, bytes)                                                         \
    do {                                                                                           \
        memcpy(chain, iv, 16);                                                                     \
        there(&key, chain, data, out, bytes);                                                      \
        memcpy(chain, iv, 16);                                                                     \
        back(&key, chain, out, out, bytes);                                                        \
        shown_equal(out, plain, bytes);                                                            \
    } while (0)
        THERE_AND_BACK(sm4_cbc_encrypt, cbc_decrypt, n);
        THERE_AND_BACK(sm4_ctr, sm4_ctr, n - n / 16);
        THERE_AND_BACK(sm4_cfb_encrypt, sm4_cfb_decrypt, n - n / 16);
        THERE_AND_BACK(sm4_ofb, sm4_ofb, n - n / 16);
        memcpy(chain, iv, 16);
        sm4_cbc_mac(&key, chain, data, n);
    }
}
END_TEST

START_TEST(aead)
{
    static const size_t size[] = {0, 1, 16, 31, 32, 100, 511, 1040};
    uint8_t k[16], nonce[20], aad[40], data[ROOM], plain[ROOM], out[ROOM], tag[16];
    struct sm4_key key;
    test_secret(k, sizeof k);
    test_secret(data, sizeof data);
    test_secret(nonce, sizeof nonce);
    test_secret(aad, sizeof aad);
    sm4_set_key(&key, k);
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        const size_t n = size[i];
        memcpy(plain, data, n);
        for (size_t nonce_size = 12; nonce_size <= 20; nonce_size += 8) {
            sm4_gcm_seal(&key, nonce, nonce_size, aad, sizeof aad, data, n, out, tag);
            ck_assert_int_eq(
                sm4_gcm_open(&key, nonce, nonce_size, aad, sizeof aad, out, n, out, tag), 0);
            shown_equal(out, plain, n);
            tag[3] ^= 4;
            ck_assert_int_eq(
                sm4_gcm_open(&key, nonce, nonce_size, aad, sizeof aad, out, n, out, tag), -1);
        }
    }
}
END_TEST

START_TEST(drbg)
{
    uint8_t entropy[48], nonce[16], extra[30], out[300], again[300];
    struct drbg d, copy;
    test_secret(entropy, sizeof entropy);
    test_secret(nonce, sizeof nonce);
    test_secret(extra, sizeof extra);
    ck_assert_int_eq(
        drbg_init(&d, entropy, sizeof entropy, nonce, sizeof nonce, extra, sizeof extra), 0);
    ck_assert_int_eq(drbg_generate(&d, out, sizeof out, extra, sizeof extra), 0);
    ck_assert_int_eq(drbg_reseed(&d, entropy, sizeof entropy, extra, sizeof extra), 0);
    copy = d;
    ck_assert_int_eq(drbg_generate(&d, out, sizeof out, NULL, 0), 0);
    ck_assert_int_eq(drbg_generate(&copy, again, sizeof again, NULL, 0), 0);
    shown_equal(out, again, sizeof out);
    drbg_wipe(&d);
}
END_TEST

START_TEST(shares)
{
    static const uint8_t points[] = {5, 1, 3};
    uint8_t key[32], again[32], all[5 * 32], some[3 * 32];
    test_secret(key, sizeof key);
    ck_assert_int_eq(shamir_split(&secret_rng, key, sizeof key, 3, 5, all), 0);
    for (size_t i = 0; i < sizeof points; i++)
        memcpy(some + 32 * i, all + 32 * (points[i] - 1), 32);
    ck_assert_int_eq(shamir_join(points, some, sizeof key, 3, again), 0);
    shown_equal(key, again, sizeof key);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ct_sym");
    TCase *t = tcase_create("ct_sym");
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, hashes, HASH_SM3, HASH_SHA512 + 1);
    tcase_add_test(t, kdf);
    tcase_add_test(t, modes);
    tcase_add_test(t, aead);
    tcase_add_test(t, drbg);
    tcase_add_test(t, shares);
    suite_add_tcase(s, t);
    test_seed();
    return suite_run(s);
}
