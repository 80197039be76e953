/* SM3 and SM4 in lanes against the portable functions, at every size and count around the lanes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/ifma8/sym_lanes.h"
#include "firmware/crypto/sm3.h"
#include "firmware/crypto/sm4.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

#if HUFU_IFMA8

enum { MESSAGES = 130, MESSAGE_MAX = 320 };

static uint8_t text[MESSAGES][MESSAGE_MAX], out[MESSAGES][MESSAGE_MAX], tag[MESSAGES][16];
static uint8_t nonce[MESSAGES][12], aad[MESSAGES][MESSAGE_MAX];

START_TEST(sm3_of_many)
{
    const uint8_t *message[MESSAGES];
    uint8_t digest[MESSAGES][32], one[32];
    for (size_t i = 0; i < MESSAGES; i++)
        message[i] = text[i];
    for (size_t size = 0; size <= MESSAGE_MAX; size++) {
        const size_t n = 1 + test_random_below(40);
        test_random(text, sizeof text);
        ifma8_sm3_many(n, message, size, digest);
        for (size_t i = 0; i < n; i++) {
            sm3_digest(message[i], size, one);
            ck_assert_mem_eq(digest[i], one, 32);
        }
    }
}
END_TEST

/* Numbers that carry out of any number of bytes, anywhere among those that are hashed. */
START_TEST(sm3_of_numbers)
{
    uint8_t number[55], digest[100][32], one[32];
    for (size_t ones = 0; ones < 55; ones++) {
        const size_t n = test_random_below(101);
        test_random(number, sizeof number);
        memset(number + 54 - ones, 0xFF, ones);
        number[54] = (uint8_t)(0xFF - test_random_below(100));
        memset(digest, 0xA5, sizeof digest);
        ifma8_sm3_count(number, n, digest);
        for (size_t i = 0; i < 100; i++) {
            sm3_digest(number, sizeof number, one);
            if (i >= n)
                memset(one, 0xA5, sizeof one);
            ck_assert_mem_eq(digest[i], one, 32);
            for (size_t j = sizeof number; j-- > 0 && ++number[j] == 0;)
                ;
        }
    }
}
END_TEST

START_TEST(sm4_blocks)
{
    static uint8_t in[16 * 300], a[16 * 300], b[16 * 300];
    uint8_t k[16];
    struct sm4_key key;
    for (size_t blocks = 0; blocks <= 300; blocks++) {
        test_random(k, sizeof k);
        test_random(in, sizeof in);
        memset(a, 0xA5, sizeof a);
        memset(b, 0xA5, sizeof b);
        sm4_set_key(&key, k);
        ifma8_sm4_encrypt(&key, in, a, blocks);
        sm4_encrypt_blocks(&key, in, b, blocks);
        ck_assert_mem_eq(a, b, sizeof a);
    }
}
END_TEST

/* Counters that carry at every word, anywhere within the 64 blocks. */
START_TEST(sm4_ctr_carries)
{
    static uint8_t in[4000], a[4000], b[4000];
    struct sm4_key key;
    uint8_t k[16], iv[16], iv_a[16], iv_b[16];
    for (int round = 0; round < 600; round++) {
        const size_t n = test_random_below(sizeof in), ones = test_random_below(16);
        test_random(k, sizeof k);
        test_random(in, sizeof in);
        test_random(iv, sizeof iv);
        memset(iv + 15 - ones, 0xFF, ones);
        iv[15] = (uint8_t)(0xFF - test_random_below(70));
        memcpy(iv_a, iv, 16);
        memcpy(iv_b, iv, 16);
        sm4_set_key(&key, k);
        ifma8_sm4_ctr(&key, iv_a, in, a, n);
        sm4_ctr(&key, iv_b, in, b, n);
        ck_assert_mem_eq(a, b, n);
        ck_assert_mem_eq(iv_a, iv_b, 16);
    }
}
END_TEST

START_TEST(gcm_of_many)
{
    struct sm4_gcm_item item[MESSAGES];
    struct sm4_key key;
    uint8_t k[16], expected[MESSAGE_MAX], expected_tag[16];
    for (int round = 0; round < 400; round++) {
        const size_t n = test_random_below(MESSAGES + 1), size = test_random_below(90),
                     aad_size = test_random_below(250);
        test_random(k, sizeof k);
        test_random(text, sizeof text);
        test_random(nonce, sizeof nonce);
        test_random(aad, sizeof aad);
        sm4_set_key(&key, k);
        for (size_t i = 0; i < n; i++)
            item[i] = (struct sm4_gcm_item){nonce[i], 12,   aad[i], aad_size,
                                            text[i],  size, out[i], tag[i]};
        ifma8_gcm_seal(&key, item, n);
        for (size_t i = 0; i < n; i++) {
            sm4_gcm_seal(&key, nonce[i], 12, aad[i], aad_size, text[i], size, expected,
                         expected_tag);
            ck_assert_mem_eq(out[i], expected, size);
            ck_assert_mem_eq(tag[i], expected_tag, 16);
        }
    }
}
END_TEST

/* Around the sizes where the ways part, and where sixteen blocks end. */
START_TEST(gcm_of_one)
{
    enum { MOST = 70000, AAD = 40 };
    static uint8_t in[MOST], a[MOST], b[MOST];
    uint8_t k[16], iv[12], more[AAD], tag_a[16], tag_b[16], ok;
    struct sm4_key key;
    for (int round = 0; round < 300; round++) {
        const size_t aad_size = test_random_below(AAD + 1);
        const size_t n = round % 3 ? 16384 - 20 + test_random_below(600) : test_random_below(MOST);
        test_random(k, sizeof k);
        test_random(in, n);
        test_random(iv, sizeof iv);
        test_random(more, sizeof more);
        sm4_set_key(&key, k);
        sm4_gcm_seal(&key, iv, 12, more, aad_size, in, n, b, tag_b);
        memcpy(a, in, n);
        const struct sm4_gcm_item item = {iv, 12, more, aad_size, a, n, a, tag_a};
        ifma8_gcm_seal(&key, &item, 1);
        ck_assert_mem_eq(a, b, n);
        ck_assert_mem_eq(tag_a, tag_b, 16);
        ifma8_gcm_open(&key, &item, 1, &ok);
        ck_assert(ok);
        ck_assert_mem_eq(a, in, n);
        memcpy(a, b, n);
        tag_a[test_random_below(16)] ^= (uint8_t)(1 << test_random_below(8));
        ifma8_gcm_open(&key, &item, 1, &ok);
        ck_assert(!ok);
        for (size_t i = 0; i < n; i++)
            ck_assert_uint_eq(a[i], 0);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("ifma8_sym");
    TCase *t = tcase_create("lanes");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, sm3_of_many);
    tcase_add_test(t, sm3_of_numbers);
    tcase_add_test(t, sm4_blocks);
    tcase_add_test(t, sm4_ctr_carries);
    tcase_add_test(t, gcm_of_many);
    tcase_add_test(t, gcm_of_one);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    if (!ifma8_usable()) {
        printf("SKIP: this processor has no AVX-512 IFMA\n0 passed, 0 failed, 1 skipped\n");
        return 0;
    }
    test_seed();
    return suite_run(suite());
}

#else

int main(void)
{
    printf("SKIP: not an x86-64\n0 passed, 0 failed, 1 skipped\n");
    return 0;
}

#endif
