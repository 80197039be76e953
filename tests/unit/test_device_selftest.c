/*
 * What the device makes of engines that refuse single items, of sources that fail, and of a
 * generator that goes bad in use. The self-tests themselves: test_device_broken.c.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"
#include "tests/lib/same_digests.h"

static const struct engine *real;
static struct engine liar;
static struct sm2_ops sm2;

/* ---------------------------------------------------------------- tests */

static struct dev dv;

/* The new generator of a device must pass a run of the periodic test, which a good one fails once
 * in a hundred and forty times: the same bytes in every run, by which it does not. */
static void set_up(void)
{
    dev_prepare(&dv);
    dv.rng_fixed = 0x123456789abcdef;
    dev_start(&dv);
    real = dv.d->engine;
    sm2 = *real->sm2;
    liar = *real;
    liar.sm2 = &sm2;
}

static void off(void)
{
    dev_close(&dv);
}

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
    ck_assert_uint_eq(dev_info(&dv).state, STATE_READY);
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
        dev_info(&dv);
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
    ck_assert_uint_eq(dev_info(&dv).state, STATE_READY);
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
    dev_info(&dv);
    dv.d->random.count = same_digests;
    drbg_use(&dv.d->random.drbg, same_digests);
    half_a_day();
    ck_assert_uint_eq(dev_info(&dv).state, STATE_FAILED);
    ck_assert_mem_eq(dev_info(&dv).failure.data, "entropy: ", 9);
    ck_assert_uint_gt(dev_info(&dv).failure.size, 9);
    ck_assert(memcmp(dev_info(&dv).failure.data + 9, "health", 6));
    MUST_BE(SW_DEVICE_FAILED, do_random(&dv, 0, &(struct random_req){16}, NULL));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_selftest");
    TCase *t = suite_case(s, "selftest", 60, set_up, off);
    tcase_add_test(t, one_fails_alone);
    tcase_add_test(t, drawn_again);
    tcase_add_test(t, health_tests);
    tcase_add_test(t, bad_generator_is_replaced);
    tcase_add_test(t, no_good_generator);
    return suite_run(s);
}
