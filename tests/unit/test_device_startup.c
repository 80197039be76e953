/*
 * The start-up test of the generator, from inside: groups are made fewer by telling the device that
 * most of them are done. tests/system/test_random.sh waits for all of them.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"
#include "tests/lib/same_digests.h"

static struct dev dv;

static void set_up(void)
{
    dev_prepare(&dv);
    dv.config.start_up_test = true;
    dev_start(&dv);
}

static void off(void)
{
    dev_close(&dv);
}

/* One group is left of this run; failing: it decides, and each item has failed in one before. */
static void near_the_end(bool failing)
{
    struct random_run *run = &dv.d->startup.run;
    run->group = RANDOM_GROUPS - 1;
    memset(run->failures, failing, sizeof run->failures);
}

static void idle_while(uint8_t state)
{
    while (device_state(dv.d) == state)
        device_idle(dv.d);
}

START_TEST(nothing_is_opened_before)
{
    ck_assert_uint_eq(dev_info(&dv).state, STATE_TESTING);
    ck_assert_uint_eq(dev_info(&dv).groups, 0);
    ck_assert_uint_eq(dev_info(&dv).groups_all, RANDOM_GROUPS);
    const uint64_t touched = dv.sim.count;
    MUST_BE(SW_WRONG_STATE, do_random(&dv, 0, &(struct random_req){16}, NULL));
    MUST_BE(SW_WRONG_STATE, do_session_open(&dv, 0, &(struct session_open_req){0}, NULL));
    while (dev_info(&dv).groups == 0)
        device_idle(dv.d);
    ck_assert_uint_eq(dv.sim.count, touched); /* nor has the medium been written */
    near_the_end(false);
    idle_while(STATE_TESTING);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_BLANK);
    dev_init(&dv, 0);
    dev_reboot(&dv);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_TESTING);
    ck_assert_uint_eq(dev_info(&dv).boots, 0);
    near_the_end(false);
    for (unsigned i = 0; i < 10000 && dev_info(&dv).state == STATE_TESTING; i++)
        ; /* a port that is never idle: each command is a step */
    ck_assert_uint_eq(dev_info(&dv).state, STATE_READY);
    ck_assert_uint_eq(dev_info(&dv).groups, 1);
    MUST(do_random(&dv, 0, &(struct random_req){16}, NULL));
}
END_TEST

/* A run, its repetition; another generator. */
START_TEST(generator_is_replaced)
{
    drbg_use(&dv.d->random.drbg, same_digests);
    for (unsigned run = 0; run < 2; run++) {
        near_the_end(true);
        while (dev_info(&dv).groups == run)
            device_idle(dv.d);
    }
    ck_assert_uint_eq(dev_info(&dv).state, STATE_TESTING);
    ck_assert_uint_eq(dv.d->random.replaced, 1);
    ck_assert_uint_eq(dev_info(&dv).groups_all, 3 * RANDOM_GROUPS);
    near_the_end(false);
    idle_while(STATE_TESTING);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_BLANK);
}
END_TEST

START_TEST(no_good_generator)
{
    dv.d->random.count = same_digests;
    drbg_use(&dv.d->random.drbg, same_digests);
    while (dev_info(&dv).state == STATE_TESTING) {
        if (dv.d->startup.run.group != RANDOM_GROUPS - 1)
            near_the_end(true);
        device_idle(dv.d);
    }
    ck_assert_uint_eq(dev_info(&dv).state, STATE_FAILED);
    ck_assert_uint_eq(dev_info(&dv).groups, 2 * RANDOM_GENERATORS);
    ck_assert_mem_eq(dev_info(&dv).failure.data, "entropy: ", 9);
    MUST_BE(SW_DEVICE_FAILED, do_random(&dv, 0, &(struct random_req){16}, NULL));
}
END_TEST

/* A source that breaks meanwhile. */
START_TEST(no_good_source)
{
    drbg_use(&dv.d->random.drbg, same_digests);
    near_the_end(true);
    while (dev_info(&dv).groups == 0)
        device_idle(dv.d);
    near_the_end(true);
    dv.rng_stuck = true;
    idle_while(STATE_TESTING);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_FAILED);
    ck_assert_mem_eq(dev_info(&dv).failure.data, "entropy: health", 15);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_startup");
    TCase *t = suite_case(s, "start-up test", 300, set_up, off);
    tcase_add_test(t, nothing_is_opened_before);
    tcase_add_test(t, generator_is_replaced);
    tcase_add_test(t, no_good_generator);
    tcase_add_test(t, no_good_source);
    return suite_run(s);
}
