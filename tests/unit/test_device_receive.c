/* KEY RECEIVE: keys that were made elsewhere, encrypted to an SM2 key of the device. */
#include <check.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/object.h"
#include "firmware/crypto/sm2.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"

static struct dev dv;
static uint16_t user;
static uint32_t transport;

static void set_up(void)
{
    dev_open(&dv);
    dev_init(&dv, 0);
    user = dev_login(&dv, DEV_USER);
    transport = dev_key(&dv, user, KEY_SM2, USAGE_DECRYPT);
}

static void tear_down(void)
{
    dev_close(&dv);
}

/* The device's own public operation seals for us. */
static size_t seal(uint32_t to, const uint8_t *secret, size_t n, uint8_t *out)
{
    struct encrypt_rsp r;
    MUST(do_encrypt(&dv, user,
                    &(struct encrypt_req){.handle = to, .scheme = CIPHER_SM2, .data = {secret, n}},
                    &r));
    memcpy(out, r.data.data, r.data.size);
    return r.data.size;
}

static uint16_t receive(uint8_t type, uint32_t usage, const uint8_t *secret, size_t n,
                        struct key_receive_rsp *r)
{
    uint8_t sealed[1024];
    const size_t size = seal(transport, secret, n, sealed);
    return do_key_receive(&dv, user,
                          &(struct key_receive_req){.transport = transport,
                                                    .type = type,
                                                    .usage = usage,
                                                    .label = dev_text("from outside"),
                                                    .sealed = {sealed, size}},
                          r);
}

static size_t secret_of(const EVP_PKEY *key, uint8_t *out)
{
    static const char *const rsa[] = {OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2};
    const size_t half = (size_t)EVP_PKEY_get_bits(key) / (EVP_PKEY_is_a(key, "RSA") ? 16 : 8);
    size_t n = 0;
    for (size_t i = 0; i < (EVP_PKEY_is_a(key, "RSA") ? 2u : 1u); i++, n += half) {
        BIGNUM *b = NULL;
        ck_assert(EVP_PKEY_get_bn_param(
            key, EVP_PKEY_is_a(key, "RSA") ? rsa[i] : OSSL_PKEY_PARAM_PRIV_KEY, &b));
        ck_assert_int_eq(BN_bn2binpad(b, out + n, (int)half), (int)half);
        BN_clear_free(b);
    }
    return n;
}

static EVP_PKEY *soft(uint8_t type)
{
    switch (type) {
    case KEY_SM2:
        return EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
    case KEY_P256:
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    case KEY_P384:
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
    default:
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA",
                                 (size_t)(2048 + 1024 * (unsigned)(type - KEY_RSA2048)));
    }
}

/* The public part as libcrypto has it. */
static void same_public(const EVP_PKEY *key, struct view pub)
{
    uint8_t expected[LIMIT_PUBLIC_MAX + 1] = {0, 1, 0, 1};
    size_t n = 0;
    BIGNUM *b = NULL;
    if (!EVP_PKEY_is_a(key, "RSA")) {
        ck_assert(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, expected,
                                                  sizeof expected, &n));
        ck_assert_uint_eq(pub.size, n - 1);
        ck_assert_mem_eq(pub.data, expected + 1, n - 1);
        return;
    }
    n = (size_t)EVP_PKEY_get_size(key);
    ck_assert(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &b));
    ck_assert_int_eq(BN_bn2binpad(b, expected + 4, (int)n), (int)n);
    BN_free(b);
    ck_assert_uint_eq(pub.size, n + 4);
    ck_assert_mem_eq(pub.data, expected, n + 4);
}

static const uint8_t types[] = {KEY_SM2, KEY_P256, KEY_P384, KEY_RSA2048, KEY_RSA3072};
enum { TYPES = sizeof types };

START_TEST(keys_of_software_come_in)
{
    EVP_PKEY *key = soft(types[_i]);
    uint8_t secret[512];
    struct key_receive_rsp r;
    struct object_info_rsp info;
    ck_assert_ptr_nonnull(key);
    const size_t n = secret_of(key, secret);
    MUST(receive(types[_i], USAGE_SIGN, secret, n, &r));
    same_public(key, r.public);
    const uint32_t handle = r.handle;
    MUST(do_object_info(&dv, user, &(struct object_info_req){handle}, &info));
    ck_assert_uint_eq(info.origin, ORIGIN_IMPORTED);
    ck_assert_uint_eq(info.usage, USAGE_SIGN);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(secret_keys_come_in)
{
    static const uint8_t key[16] = {1, 2, 3};
    struct key_receive_rsp r;
    MUST(receive(KEY_SM4, USAGE_ENCRYPT, key, sizeof key, &r));
    ck_assert_uint_eq(r.public.size, 0);
    MUST_BE(SW_WRONG_DATA, receive(KEY_SM4, USAGE_ENCRYPT, key, 15, NULL));
    MUST_BE(SW_WRONG_DATA, receive(KEY_SM4, USAGE_AGREE, key, 16, NULL));
}
END_TEST

START_TEST(what_makes_no_key_stays_out)
{
    uint8_t secret[512] = {0};
    MUST_BE(SW_WRONG_DATA, receive(KEY_SM2, USAGE_SIGN, secret, 32, NULL)); /* d = 0 */
    MUST_BE(SW_WRONG_DATA, receive(KEY_P256, USAGE_SIGN, secret, 32, NULL));
    memset(secret, 0xFF, sizeof secret); /* d > n */
    MUST_BE(SW_WRONG_DATA, receive(KEY_SM2, USAGE_SIGN, secret, 32, NULL));
    MUST_BE(SW_WRONG_DATA, receive(KEY_P384, USAGE_SIGN, secret, 48, NULL));
    MUST_BE(SW_WRONG_DATA, receive(KEY_RSA2048, USAGE_SIGN, secret, 256, NULL)); /* p = q */
    memset(secret, 1, 32);
    MUST_BE(SW_WRONG_DATA, receive(KEY_SM2, USAGE_SIGN, secret, 31, NULL));
    MUST_BE(SW_WRONG_DATA, receive(KEY_SM2, 0, secret, 32, NULL));
    MUST_BE(SW_NOT_SUPPORTED, receive(0, USAGE_SIGN, secret, 32, NULL));
    ck_assert_uint_ne(receive(KEY_DATA, USAGE_SIGN, secret, 32, NULL), SW_OK);
    ck_assert_uint_ne(receive(KEY_CERTIFICATE, USAGE_PUBLIC, secret, 32, NULL), SW_OK);
    MUST_BE(SW_NOT_SUPPORTED, receive(200, USAGE_SIGN, secret, 32, NULL));
}
END_TEST

/* Two numbers of the right size and form of which one is no prime: they pass all relations but the
 * trial. (The next odd number may be a prime, too.) */
START_TEST(numbers_that_are_no_primes)
{
    EVP_PKEY *key = soft(KEY_RSA2048);
    uint8_t secret[512];
    const size_t n = secret_of(key, secret), half = n / 2;
    BIGNUM *q = BN_bin2bn(secret + half, (int)half, NULL);
    for (int i = 0; i < 2; i++) {
        do
            ck_assert(BN_add_word(q, 2));
        while (BN_check_prime(q, NULL, NULL));
        ck_assert_int_eq(BN_bn2binpad(q, secret + half, (int)half), (int)half);
        MUST_BE(SW_WRONG_DATA, receive(KEY_RSA2048, USAGE_SIGN, secret, n, NULL));
    }
    BN_free(q);
    const struct info_rsp info = dev_info(&dv);
    ck_assert_uint_eq(info.state, STATE_READY);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(transport_keys)
{
    uint8_t d[32] = {7}, sealed[200];
    const uint32_t signs = dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
    struct key_receive_req q = {.transport = transport, .type = KEY_SM2, .usage = USAGE_SIGN};
    size_t n = seal(transport, d, sizeof d, sealed);
    q.sealed = (struct view){sealed, n};
    sealed[n - 1] ^= 1; /* C3 does not fit any more */
    MUST_BE(SW_DECRYPT_FAILED, do_key_receive(&dv, user, &q, NULL));
    sealed[n - 1] ^= 1;
    MUST(do_key_receive(&dv, user, &q, NULL));
    n = seal(signs, d, sizeof d, sealed);
    q.transport = signs;
    MUST_BE(SW_NOT_PERMITTED, do_key_receive(&dv, user, &q, NULL));
    q.transport = 12345;
    ck_assert_uint_ne(do_key_receive(&dv, user, &q, NULL), SW_OK);
    q.transport = transport;
    q.sealed.size = 96;
    MUST_BE(SW_WRONG_DATA, do_key_receive(&dv, user, &q, NULL));
    q.sealed.size = 0;
    MUST_BE(SW_WRONG_DATA, do_key_receive(&dv, user, &q, NULL));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device receive");
    TCase *t = suite_case(s, "receive", 300, set_up, tear_down),
          *large = long_case(s, "large", 300);
    tcase_add_checked_fixture(large, set_up, tear_down);
    case_loop(t, large, keys_of_software_come_in, TYPES - 1, TYPES);
    tcase_add_test(t, secret_keys_come_in);
    tcase_add_test(t, what_makes_no_key_stays_out);
    tcase_add_test(t, numbers_that_are_no_primes);
    tcase_add_test(t, transport_keys);
    return suite_run(s);
}
