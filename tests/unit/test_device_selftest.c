/*
 * Every self-test is broken on purpose and must notice: engines with one operation that lies are
 * given to the tests; and for what is the same in all engines, this program brings its own copy of
 * a function, which the linker takes instead of the firmware's, with a switch to damage its result.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "firmware/app/selftest.h"
#include "firmware/crypto/hash.h"
#include "tests/lib/dev.h"
#include "tests/lib/same_digests.h"

static const struct engine *real;
static struct engine liar;
static struct sm2_ops sm2;
static struct rsa_ops rsa;
static struct sym_ops sym;
static enum lie {
    NO_LIE,
    KEYGEN_WRONG,
    KEYGEN_ONE_WRONG,
    KEYGEN_TAKES_ZERO,
    SIGN_WRONG,
    SIGN_ONE_WRONG,
    VERIFY_TAKES_ALL,
    VERIFY_TAKES_NONE,
    RSA_WRONG,
    RSA_ONE_WRONG,
    RSA_TAKES_ALL,
    SM3_WRONG,
    COUNT_WRONG,
    SM4_WRONG,
    CTR_WRONG,
    GCM_WRONG,
    GCM_TAG_WRONG,
    LIES
} lie;

static void keygen(size_t n, const uint8_t (*k)[32], uint8_t (*pub)[64], uint8_t *ok, void *scratch)
{
    real->sm2->keygen(n, k, pub, ok, scratch);
    if (lie == KEYGEN_WRONG)
        for (size_t i = 0; i < n; i++)
            pub[i][63] ^= 1;
    if (lie == KEYGEN_ONE_WRONG)
        pub[n - 1][0] ^= 0x80;
    if (lie == KEYGEN_TAKES_ZERO)
        memset(ok, 1, n);
}

static void sign(size_t n, const struct sm2_sign_key *const *key, const uint8_t (*e)[32],
                 const uint8_t (*k)[32], uint8_t (*sig)[64], uint8_t *ok, void *scratch)
{
    real->sm2->sign(n, key, e, k, sig, ok, scratch);
    if (lie == SIGN_WRONG || lie == SIGN_ONE_WRONG)
        sig[lie == SIGN_WRONG ? 0 : n - 1][40] ^= 4;
}

static void verify(size_t n, const uint8_t *const *pub, const uint8_t (*e)[32],
                   const uint8_t (*sig)[64], uint8_t *ok, void *scratch)
{
    real->sm2->verify(n, pub, e, sig, ok, scratch);
    if (lie == VERIFY_TAKES_ALL || lie == VERIFY_TAKES_NONE)
        memset(ok, lie == VERIFY_TAKES_ALL, n);
}

static void private_op(size_t n, const struct rsa_private *const *key, const uint8_t *const *in,
                       uint8_t *const *out, uint8_t *ok, const struct rng *rng, void *scratch)
{
    real->rsa->private_op(n, key, in, out, ok, rng, scratch);
    if (lie == RSA_WRONG || lie == RSA_ONE_WRONG)
        out[lie == RSA_WRONG ? 0 : n - 1][100] ^= 1;
    if (lie == RSA_TAKES_ALL)
        memset(ok, 1, n);
}

static void sm3_many(size_t n, const uint8_t *const *message, size_t size, uint8_t (*digest)[32])
{
    real->sym->sm3_many(n, message, size, digest);
    if (lie == SM3_WRONG)
        digest[n - 1][31] ^= 1;
}

/* Its own: not every engine has one. */
static void sm3_count(const uint8_t number[55], size_t n, uint8_t (*digest)[32])
{
    uint8_t v[55];
    memcpy(v, number, sizeof v);
    for (size_t i = 0; i < n; i++) {
        hash_digest(HASH_SM3, v, sizeof v, digest[i]);
        for (size_t j = sizeof v; j-- > 0 && ++v[j] == 0;)
            ;
    }
    if (lie == COUNT_WRONG)
        digest[n - 1][31] ^= 1;
}

static void sm4_blocks(const struct sm4_key *key, const uint8_t *in, uint8_t *out, size_t blocks)
{
    real->sym->sm4_encrypt(key, in, out, blocks);
    if (lie == SM4_WRONG)
        out[16 * blocks - 1] ^= 1;
}

static void ctr(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                size_t n)
{
    real->sym->sm4_ctr(key, iv, in, out, n);
    if (lie == CTR_WRONG)
        out[n - 1] ^= 1;
}

static void gcm(const struct sm4_key *key, const struct sm4_gcm_item *item, size_t items)
{
    real->sym->sm4_gcm_seal(key, item, items);
    if (lie == GCM_WRONG)
        item[items - 1].out[0] ^= 1;
    if (lie == GCM_TAG_WRONG)
        item[items - 1].tag[0] ^= 1;
}

/* ---------------------------------------------------------------- functions that can be damaged */

static bool break_pbkdf2;

int pbkdf2(enum hash_alg alg, const void *password, size_t password_size, const void *salt,
           size_t salt_size, uint32_t iterations, uint8_t *out, size_t n)
{
    /* one block is enough for what the device asks: U1 xor U2 xor ... */
    uint8_t u[32], sum[32] = {0}, one[4] = {0, 0, 0, 1};
    struct hmac h;
    if (n > 32 || !iterations)
        return -1;
    for (uint32_t i = 0; i < iterations; i++) {
        hmac_init(&h, alg, password, password_size);
        hmac_update(&h, i ? (const void *)u : salt, i ? sizeof u : salt_size);
        hmac_update(&h, one, i ? 0 : 4);
        hmac_final(&h, u);
        for (size_t k = 0; k < 32; k++)
            sum[k] ^= u[k];
    }
    memcpy(out, sum, n);
    if (break_pbkdf2)
        out[0] ^= 1;
    return 0;
}

/* ---------------------------------------------------------------- tests */

static struct dev dv;

static void set_up(void)
{
    dev_open(&dv);
    real = dv.d->engine;
    sm2 = *real->sm2;
    rsa = *real->rsa;
    sym = *real->sym;
    sm2.keygen = keygen;
    sm2.sign = sign;
    sm2.verify = verify;
    rsa.private_op = private_op;
    sym.sm3_many = sm3_many;
    sym.sm3_count = sm3_count;
    sym.sm4_encrypt = sm4_blocks;
    sym.sm4_ctr = ctr;
    sym.sm4_gcm_seal = gcm;
    liar = *real;
    liar.sm2 = &sm2;
    liar.rsa = &rsa;
    liar.sym = &sym;
}

static void off(void)
{
    lie = NO_LIE;
    dev_close(&dv);
}

static struct info_rsp info(void)
{
    struct info_rsp r;
    MUST(do_info(&dv, 0, &(struct info_req){0}, &r));
    return r;
}

/* The device with the lying engine is told to test itself: it must find the lie and stop. */
START_TEST(lies_are_found)
{
    static const char *const found_by[LIES] = {
        "",           "sm2 key pairs", "sm2 key pairs", "sm2 key pairs", "sm2 sign", "sm2 sign",
        "sm2 verify", "sm2 verify",    "rsa",           "rsa",           "rsa",      "sm3 lanes",
        "sm3 numbers", "sm4 lanes",  "sm4 lanes",     "sm4-gcm lanes", "sm4-gcm lanes"};
    struct selftest_rsp r;
    dev_init(&dv, 0);
    dv.d->engine = &liar;
    lie = (enum lie)_i;
    MUST(do_selftest(&dv, 0, &(struct selftest_req){0}, &r));
    ck_assert_uint_eq(r.failed != 0, lie != NO_LIE);
    ck_assert_uint_eq(r.first.size, strlen(found_by[_i]));
    ck_assert_mem_eq(r.first.data, found_by[_i], r.first.size);
    ck_assert_uint_eq(info().state, lie == NO_LIE ? STATE_READY : STATE_FAILED);
    if (lie != NO_LIE)
        MUST_BE(SW_DEVICE_FAILED, do_random(&dv, 0, &(struct random_req){16}, NULL));
}
END_TEST

START_TEST(broken_function_stops_the_boot)
{
    const char why[] = "self-test: pbkdf2-sm3";
    break_pbkdf2 = true;
    dev_reboot(&dv);
    ck_assert_uint_eq(info().state, STATE_FAILED);
    ck_assert_uint_eq(info().failure.size, sizeof why - 1);
    ck_assert_mem_eq(info().failure.data, why, sizeof why - 1);
    break_pbkdf2 = false;
    dev_reboot(&dv);
    ck_assert_uint_eq(info().state, STATE_BLANK);
}
END_TEST

/* A pair that does not fit together is not stored and not given out; the device stops. */
START_TEST(pairwise_test)
{
    dev_init(&dv, 0);
    const uint16_t ch = dev_login(&dv, DEV_USER);
    dv.d->engine = &liar;
    lie = _i ? SIGN_WRONG : KEYGEN_WRONG;
    if (_i)
        MUST_BE(SW_KEY_GENERATION_FAILED,
                do_key_batch(&dv, ch, &(struct key_batch_req){KEY_SM2, USAGE_SIGN, 10, 0}, NULL));
    else
        MUST_BE(SW_KEY_GENERATION_FAILED,
                do_key_generate(&dv, ch,
                                &(struct key_generate_req){.type = KEY_SM2, .usage = USAGE_SIGN},
                                NULL));
    ck_assert_uint_eq(info().state, STATE_FAILED);
    lie = NO_LIE;
    dev_reboot(&dv);
    ck_assert_uint_eq(info().state, STATE_READY);
    ck_assert_uint_eq(info().objects, 0);
}
END_TEST

/* The engine says that one signature of many did not come off: only that one fails. */
static size_t bad_item;
static void sign_but_one(size_t n, const struct sm2_sign_key *const *key, const uint8_t (*e)[32],
                         const uint8_t (*k)[32], uint8_t (*sig)[64], uint8_t *ok, void *scratch)
{
    real->sm2->sign(n, key, e, k, sig, ok, scratch);
    for (size_t i = 0; i < n; i++)
        if (e[i][0] == bad_item) {
            ok[i] = 0;
            memset(sig[i], 0, 64);
        }
}

START_TEST(one_fails_alone)
{
    static uint8_t digests[20][32];
    struct sign_batch_rsp r;
    dev_init(&dv, 0);
    const uint16_t ch = dev_login(&dv, DEV_USER);
    const uint32_t h = dev_key(&dv, ch, KEY_SM2, USAGE_SIGN);
    for (uint8_t i = 0; i < 20; i++)
        digests[i][0] = i;
    sm2.sign = sign_but_one;
    dv.d->engine = &liar;
    bad_item = 11;
    MUST(do_sign_batch(&dv, ch,
                       &(struct sign_batch_req){.handle = h,
                                                .scheme = SIGN_SM2,
                                                .digests = {digests[0], sizeof digests}},
                       &r));
    ck_assert_uint_eq(r.status.data[0] | r.status.data[1] << 8 | r.status.data[2] << 16,
                      0xFFFFF & ~(1 << 11));
    static const uint8_t none[64];
    ck_assert_mem_eq(r.signatures.data + 64 * 11, none, 64);
    MUST(do_sign(&dv, ch,
                 &(struct sign_req){.handle = h, .scheme = SIGN_SM2, .data = {digests[3], 32}},
                 NULL));
    MUST_BE(SW_SIGN_FAILED,
            do_sign(&dv, ch,
                    &(struct sign_req){.handle = h, .scheme = SIGN_SM2, .data = {digests[11], 32}},
                    NULL));
    ck_assert_uint_eq(info().state, STATE_READY);
}
END_TEST

/* Nonces and keys that are out of range once are drawn again. */
static unsigned refuse;
static void keygen_picky(size_t n, const uint8_t (*k)[32], uint8_t (*pub)[64], uint8_t *ok,
                         void *scratch)
{
    real->sm2->keygen(n, k, pub, ok, scratch);
    for (size_t i = 0; i < n && refuse; i++, refuse--)
        ok[i] = 0;
}

START_TEST(drawn_again)
{
    struct key_batch_rsp r;
    dev_init(&dv, 0);
    const uint16_t ch = dev_login(&dv, DEV_USER);
    sm2.keygen = keygen_picky;
    dv.d->engine = &liar;
    refuse = 23;
    MUST(do_key_batch(&dv, ch, &(struct key_batch_req){KEY_SM2, USAGE_SIGN, 20, 0}, &r));
    ck_assert_uint_eq(refuse, 0);
    ck_assert_uint_eq(r.status.data[0] | r.status.data[1] << 8 | r.status.data[2] << 16, 0xFFFFF);
    refuse = 1000; /* one that never comes off is marked, and its record is empty */
    MUST(do_key_batch(&dv, ch, &(struct key_batch_req){KEY_SM2, USAGE_SIGN, 20, 0}, &r));
    ck_assert_uint_eq(r.status.data[0] | r.status.data[1] << 8 | r.status.data[2] << 16, 0);
    for (size_t i = 0; i < r.records.size; i++)
        ck_assert_uint_eq(r.records.data[i], 0);
}
END_TEST

/* ---------------------------------------------------------------- health tests */

START_TEST(health_tests)
{
    struct health h;
    unsigned n = 0;
    health_start(&h, HEALTH_REPEAT_CUTOFF, HEALTH_WINDOW_CUTOFF);
    while (!health_sample(&h, 7))
        n++;
    ck_assert_uint_eq(n, HEALTH_REPEAT_CUTOFF - 1);
    health_start(&h, HEALTH_REPEAT_CUTOFF, HEALTH_WINDOW_CUTOFF);
    for (unsigned i = 0; i < 100000; i++) /* eight in a row are allowed, again and again */
        ck_assert_int_eq(health_sample(&h, (uint8_t)(i / 8)), 0);
    health_start(&h, HEALTH_REPEAT_CUTOFF, HEALTH_WINDOW_CUTOFF);
    n = 0;
    for (unsigned i = 0; i < HEALTH_WINDOW;
         i++) /* every seventh: more often than 4 bits of entropy would */
        n += health_sample(&h, (uint8_t)(i % 7 ? 1 + i : 0)) != 0;
    ck_assert_uint_gt(n, 0);
    health_start(&h, HEALTH_REPEAT_CUTOFF, HEALTH_WINDOW_CUTOFF);
    for (unsigned i = 0; i < 10 * HEALTH_WINDOW; i++) /* every eighth is just allowed */
        ck_assert_int_eq(health_sample(&h, (uint8_t)(i % 8 ? 1 + i % 200 : 0)), 0);
}
END_TEST

/* ---------------------------------------------------------------- the periodic test */

/* Twelve hours later; every command brings a group with it. */
static void half_a_day(void)
{
    dv.now += RANDOM_PERIOD_MS;
    for (unsigned i = 0; i < 2 * RANDOM_GROUPS; i++)
        info();
}

/* A generator that goes bad is replaced: the log says so, and the device goes on with what is made
 * anew. */
START_TEST(bad_generator_is_replaced)
{
    struct log_read_rsp log;
    struct log_entry e;
    struct rd in;
    dv.config.nonce_pool = 64;
    dev_init(&dv, 0);
    const uint16_t ch = dev_login(&dv, DEV_USER);
    drbg_use(&dv.d->random.drbg, same_digests);
    half_a_day();
    ck_assert_uint_eq(info().state, STATE_READY);
    ck_assert_uint_eq(dv.d->random.replaced, 1);
    dev_key(&dv, ch, KEY_SM2, USAGE_SIGN);
    const uint16_t auditor = dev_login(&dv, DEV_AUDITOR);
    MUST(do_log_read(&dv, auditor, &(struct log_read_req){0, 64}, &log));
    bool found = false;
    for (rd_init(&in, log.entries.data, log.entries.size); rd_left(&in);) {
        ck_assert(log_entry_get(&in, &e));
        found |= e.command == INS_RANDOM && e.sw == SW_RANDOM_FAILED && e.detail.size > 3;
    }
    ck_assert(found);
}
END_TEST

/* No better one is to be had: the device stops, and says which item of the test. */
START_TEST(no_good_generator)
{
    dev_init(&dv, 0);
    info();
    dv.d->random.count = same_digests;
    drbg_use(&dv.d->random.drbg, same_digests);
    half_a_day();
    ck_assert_uint_eq(info().state, STATE_FAILED);
    ck_assert_mem_eq(info().failure.data, "entropy: ", 9);
    ck_assert_uint_gt(info().failure.size, 9);
    ck_assert(memcmp(info().failure.data + 9, "health", 6));
    MUST_BE(SW_DEVICE_FAILED, do_random(&dv, 0, &(struct random_req){16}, NULL));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_selftest");
    TCase *t = tcase_create("selftest");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, off);
    tcase_add_loop_test(t, lies_are_found, 0, LIES);
    tcase_add_test(t, broken_function_stops_the_boot);
    tcase_add_loop_test(t, pairwise_test, 0, 2);
    tcase_add_test(t, one_fails_alone);
    tcase_add_test(t, drawn_again);
    tcase_add_test(t, health_tests);
    tcase_add_test(t, bad_generator_is_replaced);
    tcase_add_test(t, no_good_generator);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
