/* Hashes, HMAC, PBKDF2 and the KDF of SM2: known answers, and OpenSSL over random inputs. */
#include <check.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/hash.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

static const struct {
    enum hash_alg alg;
    const char *name;
    size_t size, block;
} algs[] = {
    {HASH_SM3, "sm3", 32, 64},        {HASH_SHA1, "sha1", 20, 64},
    {HASH_SHA224, "sha224", 28, 64},  {HASH_SHA256, "sha256", 32, 64},
    {HASH_SHA384, "sha384", 48, 128}, {HASH_SHA512, "sha512", 64, 128},
};
enum { ALGS = sizeof algs / sizeof algs[0], LONGEST = 2000 };

static enum hash_alg alg_of(struct vec *v)
{
    for (size_t i = 0; i < ALGS; i++)
        if (!strcmp(vec_text(v, "alg"), algs[i].name))
            return algs[i].alg;
    ck_abort_msg("line %d: unknown algorithm", vec_line(v));
    return HASH_SM3;
}

/* n random bytes in a block of just that size, so that a sanitizer sees any step beyond */
static uint8_t *fresh(size_t n)
{
    uint8_t *p = malloc(n ? n : 1);
    ck_assert_ptr_nonnull(p);
    test_random(p, n);
    return p;
}

START_TEST(digests)
{
    struct vec *v = vec_open("hash");
    int cases = 0;
    for (; vec_next(v); cases++) {
        const enum hash_alg alg = alg_of(v);
        uint8_t got[HASH_MAX_SIZE];
        size_t n;
        const uint8_t *message = vec_bytes(v, "message", &n);
        const uint8_t *expected = vec_exact(v, "digest", hash_size(alg));
        ck_assert_int_eq(hash_digest(alg, message, n, got), 0);
        ck_assert_msg(!memcmp(got, expected, hash_size(alg)), "line %d", vec_line(v));
        if (alg == HASH_SM3) {
            sm3_digest(message, n, got);
            ck_assert_mem_eq(got, expected, SM3_SIZE);
        }
    }
    vec_close(v);
    ck_assert_int_ge(cases, 10);
}
END_TEST

START_TEST(hmac_answers)
{
    struct vec *v = vec_open("hmac");
    int cases = 0;
    for (; vec_next(v); cases++) {
        const enum hash_alg alg = alg_of(v);
        uint8_t got[HASH_MAX_SIZE];
        size_t key_size, n;
        const uint8_t *key = vec_bytes(v, "key", &key_size);
        const uint8_t *message = vec_bytes(v, "message", &n);
        ck_assert_int_eq(hmac(alg, key, key_size, message, n, got), 0);
        ck_assert_msg(!memcmp(got, vec_exact(v, "mac", hash_size(alg)), hash_size(alg)), "line %d",
                      vec_line(v));
    }
    vec_close(v);
    ck_assert_int_ge(cases, 4);
}
END_TEST

START_TEST(pbkdf2_answers)
{
    struct vec *v = vec_open("pbkdf2");
    int cases = 0;
    for (; vec_next(v); cases++) {
        uint8_t got[64];
        size_t password_size, salt_size, n;
        const uint8_t *password = vec_bytes(v, "password", &password_size);
        const uint8_t *salt = vec_bytes(v, "salt", &salt_size);
        const uint8_t *expected = vec_bytes(v, "key", &n);
        ck_assert_uint_le(n, sizeof got);
        ck_assert_int_eq(pbkdf2(alg_of(v), password, password_size, salt, salt_size,
                                (uint32_t)vec_number(v, "iterations"), got, n),
                         0);
        ck_assert_msg(!memcmp(got, expected, n), "line %d", vec_line(v));
    }
    vec_close(v);
    ck_assert_int_ge(cases, 5);
}
END_TEST

START_TEST(kdf_answers)
{
    struct vec *v = vec_open("kdf");
    int cases = 0;
    for (; vec_next(v); cases++) {
        uint8_t got[64];
        size_t z_size, n;
        const uint8_t *z = vec_bytes(v, "z", &z_size);
        const uint8_t *expected = vec_bytes(v, "key", &n);
        ck_assert_uint_le(n, sizeof got);
        sm3_kdf(z, z_size, got, n);
        ck_assert_msg(!memcmp(got, expected, n), "line %d", vec_line(v));
    }
    vec_close(v);
    ck_assert_int_ge(cases, 3);
}
END_TEST

static void openssl_digest(size_t i, const uint8_t *data, size_t n, uint8_t out[64])
{
    const EVP_MD *md = EVP_get_digestbyname(algs[i].name);
    ck_assert_int_eq(EVP_Digest(data, n, out, NULL, md, NULL), 1);
}

/* All lengths up to 300, in one call. */
START_TEST(every_length)
{
    const size_t i = (size_t)_i;
    uint8_t got[64], expected[64];
    for (size_t n = 0; n <= 300; n++) {
        uint8_t *data = fresh(n);
        ck_assert_int_eq(hash_digest(algs[i].alg, data, n, got), 0);
        openssl_digest(i, data, n, expected);
        ck_assert_msg(!memcmp(got, expected, algs[i].size), "%s, %zu bytes", algs[i].name, n);
        free(data);
    }
}
END_TEST

/* Random lengths in random pieces, empty ones among them. */
START_TEST(pieces)
{
    const size_t i = (size_t)_i;
    uint8_t got[64], expected[64];
    for (int turn = 0; turn < 300; turn++) {
        const size_t n = test_random_below(LONGEST + 1);
        uint8_t *data = fresh(n);
        struct hash ctx;
        ck_assert_int_eq(hash_init(&ctx, algs[i].alg), 0);
        for (size_t done = 0; done < n;) {
            size_t take = test_random_below(turn % 2 ? 300 : 20);
            if (take > n - done)
                take = n - done;
            hash_update(&ctx, data + done, take);
            done += take;
        }
        hash_final(&ctx, got);
        openssl_digest(i, data, n, expected);
        ck_assert_msg(!memcmp(got, expected, algs[i].size), "%s, %zu bytes", algs[i].name, n);
        free(data);
    }
}
END_TEST

/* Keys shorter than, as long as and longer than a block. */
START_TEST(hmac_against_openssl)
{
    const size_t i = (size_t)_i;
    const EVP_MD *md = EVP_get_digestbyname(algs[i].name);
    for (size_t key_size = 0; key_size <= 2 * algs[i].block + 1; key_size++) {
        const size_t n = test_random_below(400), split = test_random_below((uint32_t)n + 1);
        uint8_t *key = fresh(key_size), *data = fresh(n), got[64], expected[64];
        unsigned size;
        struct hmac ctx;
        ck_assert_ptr_nonnull(HMAC(md, key, (int)key_size, data, n, expected, &size));
        ck_assert_int_eq(hmac(algs[i].alg, key, key_size, data, n, got), 0);
        ck_assert_msg(!memcmp(got, expected, size), "%s, key of %zu", algs[i].name, key_size);
        memset(got, 0, sizeof got);
        ck_assert_int_eq(hmac_init(&ctx, algs[i].alg, key, key_size), 0);
        hmac_update(&ctx, data, split);
        hmac_update(&ctx, data + split, n - split);
        hmac_final(&ctx, got);
        ck_assert_msg(!memcmp(got, expected, size), "%s, key of %zu", algs[i].name, key_size);
        free(key);
        free(data);
    }
}
END_TEST

START_TEST(pbkdf2_against_openssl)
{
    const size_t i = (size_t)_i;
    const EVP_MD *md = EVP_get_digestbyname(algs[i].name);
    for (int turn = 0; turn < 20; turn++) {
        const size_t password_size = test_random_below(200), salt_size = test_random_below(100);
        const size_t n = 1 + test_random_below(200);
        const uint32_t iterations = 1 + test_random_below(20);
        uint8_t *password = fresh(password_size), *salt = fresh(salt_size), *got = fresh(n);
        uint8_t expected[200];
        ck_assert_int_eq(PKCS5_PBKDF2_HMAC((char *)password, (int)password_size, salt,
                                           (int)salt_size, (int)iterations, md, (int)n, expected),
                         1);
        ck_assert_int_eq(
            pbkdf2(algs[i].alg, password, password_size, salt, salt_size, iterations, got, n), 0);
        ck_assert_mem_eq(got, expected, n);
        free(password);
        free(salt);
        free(got);
    }
}
END_TEST

/* The KDF by its definition, over OpenSSL. */
START_TEST(kdf_against_openssl)
{
    for (size_t n = 0; n <= 300; n++) {
        const size_t z_size = test_random_below(200);
        uint8_t *z = fresh(z_size + 4), *got = fresh(n), expected[320];
        for (uint8_t i = 0; i < 10; i++) {
            const uint8_t counter[4] = {0, 0, 0, (uint8_t)(i + 1)};
            memcpy(z + z_size, counter, 4);
            openssl_digest(0, z, z_size + 4, expected + 32 * i);
        }
        sm3_kdf(z, z_size, got, n);
        ck_assert_mem_eq(got, expected, n);
        free(z);
        free(got);
    }
}
END_TEST

START_TEST(sizes_and_unknown)
{
    uint8_t out[64];
    struct hash ctx;
    struct hmac mac;
    for (size_t i = 0; i < ALGS; i++) {
        ck_assert_uint_eq(hash_size(algs[i].alg), algs[i].size);
        ck_assert_uint_eq(hash_block(algs[i].alg), algs[i].block);
    }
    static const int unknown[] = {0, 7, 255};
    for (size_t i = 0; i < 3; i++) {
        const enum hash_alg alg = (enum hash_alg)unknown[i];
        ck_assert_uint_eq(hash_size(alg), 0);
        ck_assert_uint_eq(hash_block(alg), 0);
        ck_assert_int_eq(hash_init(&ctx, alg), -1);
        ck_assert_int_eq(hash_digest(alg, "", 0, out), -1);
        ck_assert_int_eq(hmac_init(&mac, alg, "", 0), -1);
        ck_assert_int_eq(hmac(alg, "", 0, "", 0, out), -1);
        ck_assert_int_eq(pbkdf2(alg, "", 0, "", 0, 1, out, sizeof out), -1);
    }
    ck_assert_int_eq(pbkdf2(HASH_SM3, "", 0, "", 0, 0, out, sizeof out), -1);
}
END_TEST

/* No data may be a null pointer; a finished context holds nothing any more. */
START_TEST(empty_and_wiped)
{
    uint8_t got[64], expected[64];
    struct hash ctx, zero;
    struct hmac mac, zero_mac;
    memset(&zero, 0, sizeof zero);
    memset(&zero_mac, 0, sizeof zero_mac);
    for (size_t i = 0; i < ALGS; i++) {
        openssl_digest(i, NULL, 0, expected);
        ck_assert_int_eq(hash_digest(algs[i].alg, NULL, 0, got), 0);
        ck_assert_mem_eq(got, expected, algs[i].size);
        ck_assert_int_eq(hash_init(&ctx, algs[i].alg), 0);
        hash_update(&ctx, "some bytes", 10);
        hash_final(&ctx, got);
        ck_assert_mem_eq(&ctx, &zero, sizeof ctx);
        ck_assert_int_eq(hmac_init(&mac, algs[i].alg, NULL, 0), 0);
        hmac_final(&mac, got);
        ck_assert_mem_eq(&mac, &zero_mac, sizeof mac);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("hash");
    TCase *t = tcase_create("hash");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, digests);
    tcase_add_test(t, hmac_answers);
    tcase_add_test(t, pbkdf2_answers);
    tcase_add_test(t, kdf_answers);
    tcase_add_loop_test(t, every_length, 0, ALGS);
    tcase_add_loop_test(t, pieces, 0, ALGS);
    tcase_add_loop_test(t, hmac_against_openssl, 0, ALGS);
    tcase_add_loop_test(t, pbkdf2_against_openssl, 0, ALGS);
    tcase_add_test(t, kdf_against_openssl);
    tcase_add_test(t, sizes_and_unknown);
    tcase_add_test(t, empty_and_wiped);
    suite_add_tcase(s, t);
    test_seed();
    return suite_run(s);
}
