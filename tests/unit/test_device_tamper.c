/* The tamper input: at the start, at work and at rest the keys are destroyed, wherever the power
 * fails. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

static const char why[] = "tamper: the keys are destroyed";
static struct dev dv;
static uint8_t root[32];

static void is(uint8_t state)
{
    const struct info_rsp r = dev_info(&dv);
    ck_assert_uint_eq(r.state, state);
    ck_assert_uint_eq(r.failure.size, sizeof why - 1);
    ck_assert_mem_eq(r.failure.data, why, sizeof why - 1);
    ck_assert_uint_eq(r.objects, 0);
}

/* Nothing is left of the root, and of the records nothing at all. */
static void gone(void)
{
    struct store_stat s;
    ck_assert_mem_ne(dv.sim.root, root, 32);
    ck_assert(!nvm_sim_contains(&dv.sim, root, 16));
    store_stat(dv.d->store, &s);
    ck_assert_uint_eq(s.records, 0);
}

static void ready(uint8_t flags)
{
    dev_small(&dv);
    dev_init(&dv, flags);
    dev_key(&dv, dev_login(&dv, DEV_USER), KEY_SM2, USAGE_SIGN);
    memcpy(root, dv.sim.root, 32);
}

/* The input is released, and the device made anew: the new log begins with what was. */
static void after(void)
{
    struct log_read_rsp r;
    struct log_entry e;
    struct rd in;
    dv.tamper = false;
    is(STATE_FAILED);
    dev_reboot(&dv);
    is(STATE_BLANK);
    dev_reboot(&dv);
    is(STATE_BLANK);
    dev_init(&dv, 0);
    ck_assert_uint_eq(dev_info(&dv).failure.size, 0);
    MUST(do_log_read(&dv, dev_login(&dv, DEV_AUDITOR), &(struct log_read_req){0, 1}, &r));
    rd_init(&in, r.entries.data, r.entries.size);
    ck_assert(log_entry_get(&in, &e));
    ck_assert_uint_eq(e.command, INS_INIT);
    ck_assert_uint_eq(e.detail.size, 12);
    ck_assert_mem_eq(e.detail.data, "after tamper", 12);
    dev_reboot(&dv);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_READY);
    dev_close(&dv);
}

START_TEST(at_work)
{
    uint8_t master[16], pin_key[16];
    ready(0);
    memcpy(master, dv.d->master, 16);
    memcpy(pin_key, dv.d->pin_key, 16);
    const uint16_t user = dev_login(&dv, DEV_USER);
    dv.tamper = true;
    MUST_BE(SW_DEVICE_FAILED, do_object_info(&dv, user, &(struct object_info_req){1}, NULL));
    is(STATE_FAILED);
    gone();
    ck_assert(!dev_remembers(&dv, master, 16));
    ck_assert(!dev_remembers(&dv, pin_key, 16));
    dev_reboot(&dv); /* as long as it is asserted */
    is(STATE_FAILED);
    MUST_BE(SW_DEVICE_FAILED, do_init(&dv, 0, &(struct init_req){.retries = 3}, NULL));
    after();
}
END_TEST

START_TEST(at_rest)
{
    ready(0);
    dv.tamper = true;
    device_idle(dv.d);
    ck_assert_uint_eq(device_state(dv.d), STATE_FAILED);
    gone();
    after();
}
END_TEST

START_TEST(at_start)
{
    ready(INIT_ATTENDED);
    dv.tamper = true;
    dev_reboot(&dv);
    is(STATE_FAILED);
    gone();
    after();
}
END_TEST

START_TEST(while_locked)
{
    ready(INIT_ATTENDED);
    dev_reboot(&dv);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_LOCKED);
    dv.tamper = true;
    is(STATE_FAILED);
    gone();
    after();
}
END_TEST

/* A device that has failed, and one whose tests would fail, still have keys in their memory. */
START_TEST(while_failed)
{
    ready(0);
    dv.rng_stuck = true;
    dev_reboot(&dv);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_FAILED);
    dv.tamper = true;
    is(STATE_FAILED);
    gone();
    dv.rng_stuck = false;
    after();
    ready(0);
    dv.rng_stuck = dv.tamper = true;
    dev_reboot(&dv);
    is(STATE_FAILED);
    gone();
    dv.rng_stuck = false;
    after();
}
END_TEST

START_TEST(without_keys)
{
    dev_small(&dv);
    dv.tamper = true;
    is(STATE_FAILED);
    after();
    ready(0);
    MUST(do_terminate(&dv, dev_login(&dv, DEV_ADMIN), &(struct terminate_req){0}, NULL));
    dv.tamper = true;
    ck_assert_uint_eq(dev_info(&dv).state, STATE_TERMINATED);
    dev_reboot(&dv);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_TERMINATED);
    dev_close(&dv);
}
END_TEST

/* What happens to the input when the power comes back: it is as it was, or it was closed meanwhile.
 */
static void cut(bool starting, bool closed)
{
    const uint64_t seed = test_seed();
    ready(0);
    uint8_t *image = malloc(dv.sim.size);
    unsigned untouched = 0, ended = 0;
    nvm_sim_save(&dv.sim, image);
    for (enum nvm_cut kind = NVM_CUT_NONE; kind < NVM_CUT_KINDS; kind++) {
        bool cut_off = true;
        for (uint64_t at = 0; cut_off; at += NVM_CUT_STEP) {
            nvm_sim_load(&dv.sim, image);
            memcpy(dv.sim.root, root, 32);
            dv.tamper = false;
            dev_reboot(&dv);
            dv.tamper = true;
            nvm_sim_cut(&dv.sim, dv.sim.count + at, kind, seed + at);
            if (starting)
                dv.d = device_create(dv.memory, &dv.config, &dv.hal);
            else
                device_idle(dv.d);
            cut_off = dv.sim.dead;
            dv.tamper = !closed;
            dev_reboot(&dv);
            const uint8_t state = dev_info(&dv).state;
            const bool same = !memcmp(dv.sim.root, root, 32);
            ck_assert_msg(state == (closed && !same ? STATE_BLANK
                                    : closed        ? state
                                                    : STATE_FAILED),
                          "cut %d at %u: state %d", kind, (unsigned)at, state);
            ck_assert(!same || (closed && cut_off && state == STATE_READY));
            untouched += same;
            ended += !same;
            if (!same)
                is(closed ? STATE_BLANK : STATE_FAILED);
        }
    }
    ck_assert_uint_gt(ended, 10);
    ck_assert(closed || !untouched);
    free(image);
    dev_close(&dv);
}

START_TEST(cuts)
{
    cut(_i & 1, _i & 2);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_tamper");
    TCase *t = suite_case(s, "tamper", 300, NULL, NULL);
    tcase_add_test(t, at_work);
    tcase_add_test(t, at_rest);
    tcase_add_test(t, at_start);
    tcase_add_test(t, while_locked);
    tcase_add_test(t, while_failed);
    tcase_add_test(t, without_keys);
    tcase_add_loop_test(t, cuts, 0, 4);
    return suite_run(s);
}
