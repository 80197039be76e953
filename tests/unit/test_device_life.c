/* From fresh to terminated: INIT, ZEROISE, TERMINATE and power cuts in them; failures; the log. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

static struct dev dv;

/* Cuts are tried at each write of an operation: a small medium makes it quick. */
static void blank(void)
{
    dev_small(&dv);
}

static void ready(void)
{
    blank();
    dev_init(&dv, 0);
}

static void off(void)
{
    dev_close(&dv);
}

static bool failed_with(const char *why)
{
    const struct info_rsp r = dev_info(&dv);
    return r.state == STATE_FAILED && r.failure.size == strlen(why) &&
           !memcmp(r.failure.data, why, r.failure.size);
}

static const struct init_req good_init = {.retries = 3,
                                          .label = {(const uint8_t *)"label", 5},
                                          .admin_pin = {(const uint8_t *)DEV_ADMIN_PIN, 9},
                                          .operator_pin = {(const uint8_t *)DEV_OPERATOR_PIN, 12},
                                          .user_pin = {(const uint8_t *)DEV_USER_PIN, 8}};

/* ---------------------------------------------------------------- INIT */

START_TEST(init_refusals)
{
    char longest[LIMIT_PIN_MAX + 1] = "";
    memset(longest, '1', LIMIT_PIN_MAX);
    const struct view text = dev_text(longest), none = {NULL, 0};
    struct init_req q = good_init;
    q.retries = 0;
    MUST_BE(SW_WRONG_DATA, do_init(&dv, 0, &q, NULL));
    q.retries = LIMIT_RETRIES_MAX + 1;
    MUST_BE(SW_WRONG_DATA, do_init(&dv, 0, &q, NULL));
    q = good_init;
    q.flags = 8;
    MUST_BE(SW_WRONG_DATA, do_init(&dv, 0, &q, NULL));
    q = good_init;
    q.admin_pin = none;
    MUST_BE(SW_PIN_RANGE, do_init(&dv, 0, &q, NULL));
    q.admin_pin = (struct view){text.data, 5};
    MUST_BE(SW_PIN_RANGE, do_init(&dv, 0, &q, NULL));
    q = good_init;
    q.user_pin = (struct view){text.data, 5};
    MUST_BE(SW_PIN_RANGE, do_init(&dv, 0, &q, NULL));
    q = good_init;
    q.unlock = dev_text(DEV_UNLOCK); /* unattended: nothing to unlock */
    MUST_BE(SW_PIN_RANGE, do_init(&dv, 0, &q, NULL));
    q = good_init;
    q.flags = INIT_ATTENDED;
    MUST_BE(SW_PIN_RANGE, do_init(&dv, 0, &q, NULL));
    ck_assert_uint_eq(dev_info(&dv).state, STATE_BLANK);
    q = good_init;
    q.admin_pin = (struct view){text.data, 6};
    q.operator_pin = text;
    q.user_pin = none;
    MUST(do_init(&dv, 0, &q, NULL));
    ck_assert_uint_eq(dev_info(&dv).state, STATE_READY);
    MUST(dev_pin(&dv, dev_session(&dv), DEV_ADMIN, "111111"));
    MUST(dev_pin(&dv, dev_session(&dv), DEV_OPERATOR, longest));
    MUST_BE(SW_WRONG_DATA, dev_pin(&dv, dev_session(&dv), DEV_USER, DEV_USER_PIN));
    MUST_BE(SW_WRONG_STATE, do_init(&dv, 0, &q, NULL));
}
END_TEST

/* Whenever the power fails, the device comes up BLANK, and can be initialised, or as it should be.
 */
START_TEST(cut_init)
{
    const uint64_t seed = test_seed();
    uint8_t *image = malloc(dv.sim.size);
    unsigned blanks = 0, steps = 0;
    nvm_sim_save(&dv.sim, image);
    for (enum nvm_cut cut = NVM_CUT_NONE; cut < NVM_CUT_KINDS; cut++) {
        bool cut_off = true;
        for (uint64_t at = 0; cut_off; at += NVM_CUT_STEP, steps += NVM_CUT_STEP) {
            nvm_sim_load(&dv.sim, image);
            memset(dv.sim.root, 0, 32);
            dev_reboot(&dv);
            nvm_sim_cut(&dv.sim, dv.sim.count + at, cut, seed + at);
            const uint16_t sw = do_init(&dv, 0, &good_init, NULL);
            cut_off = dv.sim.dead;
            dev_reboot(&dv);
            const uint8_t state = dev_info(&dv).state;
            ck_assert_msg(state == STATE_READY || (sw != SW_OK && state == STATE_BLANK),
                          "cut %d at %u: state %d (%.*s)", cut, (unsigned)at, state,
                          (int)dev_info(&dv).failure.size,
                          (const char *)dev_info(&dv).failure.data);
            if (state == STATE_BLANK)
                MUST(do_init(&dv, 0, &good_init, NULL));
            blanks += state == STATE_BLANK;
            MUST(dev_pin(&dv, dev_session(&dv), DEV_USER, DEV_USER_PIN));
            dev_key(&dv, dev_login(&dv, DEV_OPERATOR), KEY_SM4, USAGE_ENCRYPT);
        }
    }
    ck_assert_uint_gt(blanks, 10);
    ck_assert_uint_gt(steps, blanks);
    free(image);
}
END_TEST

/* ---------------------------------------------------------------- ZEROISE, TERMINATE */

START_TEST(zeroise)
{
    uint8_t root[32], serial[16];
    const uint16_t ch = dev_login(&dv, DEV_ADMIN);
    dev_key(&dv, dev_login(&dv, DEV_USER), KEY_SM2, USAGE_SIGN);
    memcpy(root, dv.sim.root, 32);
    memcpy(serial, dev_info(&dv).serial, 16);
    MUST_BE(SW_NOT_AUTHORISED,
            do_zeroise(&dv, dev_login(&dv, DEV_OPERATOR), &(struct zeroise_req){0}, NULL));
    MUST(do_zeroise(&dv, ch, &(struct zeroise_req){0}, NULL));
    ck_assert_uint_eq(dev_info(&dv).state, STATE_BLANK);
    ck_assert_uint_eq(dev_info(&dv).objects, 0);
    ck_assert_uint_eq(dev_info(&dv).sessions, 0);
    ck_assert_uint_eq(dev_info(&dv).label.size, 0);
    ck_assert(!nvm_sim_contains(&dv.sim, root, 16));
    static const uint8_t none[32];
    ck_assert_mem_eq(dv.sim.root, none, 32);
    dev_reboot(&dv);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_BLANK);
    dev_init(&dv, 0);
    ck_assert_mem_ne(dv.sim.root, root, 32);
    ck_assert_mem_ne(dev_info(&dv).serial, serial, 16);
    ck_assert_uint_eq(dev_info(&dv).boots, 1);
}
END_TEST

START_TEST(zeroise_while_locked)
{
    dev_init(&dv, INIT_ATTENDED);
    dev_reboot(&dv);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_LOCKED);
    MUST(do_zeroise(&dv, dev_login(&dv, DEV_ADMIN), &(struct zeroise_req){0}, NULL));
    ck_assert_uint_eq(dev_info(&dv).state, STATE_BLANK);
}
END_TEST

/* However the power fails: the device is as it was, or BLANK; once the root has changed, never as
 * it was. */
static void cut_end(uint8_t end, uint16_t (*command)(uint16_t ch))
{
    const uint64_t seed = test_seed();
    uint8_t *image = malloc(dv.sim.size), root[32];
    unsigned ended = 0, steps = 0;
    dev_key(&dv, dev_login(&dv, DEV_USER), KEY_SM2, USAGE_SIGN);
    nvm_sim_save(&dv.sim, image);
    memcpy(root, dv.sim.root, 32);
    for (enum nvm_cut cut = NVM_CUT_NONE; cut < NVM_CUT_KINDS; cut++) {
        bool cut_off = true;
        for (uint64_t at = 0; cut_off; at += NVM_CUT_STEP, steps += NVM_CUT_STEP) {
            nvm_sim_load(&dv.sim, image);
            memcpy(dv.sim.root, root, 32);
            dev_reboot(&dv);
            const uint16_t ch = dev_login(&dv, DEV_ADMIN);
            nvm_sim_cut(&dv.sim, dv.sim.count + at, cut, seed + at);
            const uint16_t sw = command(ch);
            cut_off = dv.sim.dead;
            nvm_sim_power_on(&dv.sim);
            const bool untouched = !memcmp(dv.sim.root, root, 32);
            dev_reboot(&dv);
            const uint8_t state = dev_info(&dv).state;
            ck_assert_msg(state == end || (sw != SW_OK && untouched && state == STATE_READY),
                          "cut %d at %u: state %d (%.*s)", cut, (unsigned)at, state,
                          (int)dev_info(&dv).failure.size,
                          (const char *)dev_info(&dv).failure.data);
            ended += state == end;
            if (state == STATE_BLANK)
                MUST(do_init(&dv, 0, &good_init, NULL));
        }
    }
    ck_assert_uint_gt(ended, 6);
    ck_assert_uint_gt(steps, ended);
    free(image);
}

static uint16_t command_zeroise(uint16_t ch)
{
    return do_zeroise(&dv, ch, &(struct zeroise_req){0}, NULL);
}

static uint16_t command_terminate(uint16_t ch)
{
    return do_terminate(&dv, ch, &(struct terminate_req){0}, NULL);
}

START_TEST(cut_zeroise)
{
    cut_end(STATE_BLANK, command_zeroise);
}
END_TEST

START_TEST(cut_terminate)
{
    cut_end(STATE_TERMINATED, command_terminate);
}
END_TEST

START_TEST(terminate)
{
    MUST(command_terminate(dev_login(&dv, DEV_ADMIN)));
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(dev_info(&dv).state, STATE_TERMINATED);
        MUST_BE(SW_WRONG_STATE, do_init(&dv, 0, &good_init, NULL));
        dev_reboot(&dv);
    }
}
END_TEST

/* The root is lost (a fresh part in an old board): what the store holds is worthless and goes. */
START_TEST(root_gone)
{
    memset(dv.sim.root, 0, 32);
    dev_reboot(&dv);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_BLANK);
    MUST(do_init(&dv, 0, &good_init, NULL));
}
END_TEST

START_TEST(wrong_root)
{
    dv.sim.root[5] ^= 1;
    dev_reboot(&dv);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_FAILED);
    dv.sim.root[5] ^= 1;
    dev_reboot(&dv);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_READY);
}
END_TEST

/* ---------------------------------------------------------------- failures */

START_TEST(stuck_source)
{
    dv.rng_stuck = true;
    dev_reboot(&dv);
    ck_assert(failed_with("entropy: health tests failed"));
    MUST_BE(SW_DEVICE_FAILED, do_random(&dv, 0, &(struct random_req){32}, NULL));
    MUST_BE(SW_DEVICE_FAILED, do_session_open(&dv, 0, &(struct session_open_req){0}, NULL));
    struct selftest_rsp r;
    MUST(do_selftest(&dv, 0, &(struct selftest_req){0}, &r));
    ck_assert_uint_eq(r.failed,
                      0); /* it was not the algorithms; and it does not bring the device back */
    ck_assert_uint_eq(dev_info(&dv).state, STATE_FAILED);
    dv.rng_stuck = false;
    dev_reboot(&dv);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_READY);
}
END_TEST

START_TEST(dead_source)
{
    dv.rng_dead = true;
    dev_reboot(&dv);
    ck_assert(failed_with("entropy: health tests failed"));
}
END_TEST

/* The source dies while the device works: the next reseed stops everything. */
START_TEST(source_dies_later)
{
    uint16_t sw = SW_OK;
    dv.rng_stuck = true;
    for (int i = 0; i < 10000 && sw == SW_OK; i++)
        sw = do_random(&dv, 0, &(struct random_req){32}, NULL);
    ck_assert_uint_eq(sw, SW_RANDOM_FAILED);
    ck_assert(failed_with("entropy: health tests failed"));
    MUST_BE(SW_DEVICE_FAILED, do_random(&dv, 0, &(struct random_req){32}, NULL));
}
END_TEST

START_TEST(engines)
{
    dv.config.engine = "no-such";
    dev_reboot(&dv);
    ck_assert(failed_with("self-test: no such engine"));
    ck_assert_uint_eq(dev_info(&dv).engine.size, 0);
    MUST(do_selftest(&dv, 0, &(struct selftest_req){0}, NULL));
    dv.config.engine = "portable";
    dev_reboot(&dv);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_READY);
    ck_assert_mem_eq(dev_info(&dv).engine.data, "portable", 8);
}
END_TEST

/* The medium dies under a command: nothing is confirmed, the device stops, its keys are gone from
 * RAM. */
START_TEST(medium_dies)
{
    const uint16_t user = dev_login(&dv, DEV_USER);
    const uint32_t h = dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
    static const uint8_t e[32];
    const struct sign_req q = {.handle = h, .scheme = SIGN_SM2, .data = {e, 32}};
    MUST(do_sign(&dv, user, &q, NULL));
    nvm_sim_cut(&dv.sim, dv.sim.count, NVM_CUT_NONE, 1);
    MUST_BE(SW_NVM_FAULT, do_object_destroy(&dv, user, &(struct object_destroy_req){h}, NULL));
    ck_assert_uint_eq(dev_info(&dv).state, STATE_FAILED);
    MUST_BE(SW_DEVICE_FAILED, do_sign(&dv, user, &q, NULL));
    dev_reboot(&dv);
    MUST(do_sign(&dv, dev_login(&dv, DEV_USER), &q, NULL));
}
END_TEST

/* ---------------------------------------------------------------- wiping */

/* Secrets that the device holds in RAM, looked up in its inside. */
struct secret {
    const char *name;
    uint8_t bytes[16];
};

static size_t secrets_of(const struct device *d, struct secret *out)
{
    const struct {
        const char *name;
        const uint8_t *bytes;
    } all[] = {
        {"SM2 private key", d->objects.keys[1 % d->objects.keys_max].sm2.d},
        {"inverse of it", d->objects.keys[1 % d->objects.keys_max].sm2.inv},
        {"SM4 key", d->objects.keys[2 % d->objects.keys_max].secret},
        {"RSA prime", d->objects.keys[3 % d->objects.keys_max].rsa->q},
        {"RSA exponent", d->objects.keys[3 % d->objects.keys_max].rsa->dp},
        {"master key", d->master},
        {"wrap-domain key", d->domain_key},
        {"PIN key", d->pin_key},
        {"generator", d->random.drbg.v},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        out[i].name = all[i].name;
        memcpy(out[i].bytes, all[i].bytes, 16);
    }
    return sizeof all / sizeof *all;
}

static bool in_memory(const struct secret *s)
{
    return dev_remembers(&dv, s->bytes, 16);
}

/* Keys 1 to 3 of three types, all in the cache; and some more work that leaves traces if it can. */
static size_t secrets_in_use(uint16_t user, struct secret *out)
{
    static const uint8_t data[32];
    dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
    dev_key(&dv, user, KEY_SM4, USAGE_ENCRYPT | USAGE_EXPORT_WRAPPED);
    dev_key(&dv, user, KEY_RSA2048, USAGE_SIGN | USAGE_EXPORT_WRAPPED);
    MUST(do_sign(&dv, user, &(struct sign_req){.handle = 1, .scheme = SIGN_SM2, .data = {data, 32}},
                 NULL));
    MUST(do_encrypt(
        &dv, user, &(struct encrypt_req){.handle = 2, .scheme = CIPHER_SM4_ECB, .data = {data, 16}},
        NULL));
    MUST(do_sign(
        &dv, user,
        &(struct sign_req){
            .handle = 3, .scheme = SIGN_RSA_PKCS1, .hash = DIGEST_SHA256, .data = {data, 32}},
        NULL));
    MUST(do_key_export(&dv, user, &(struct key_export_req){2}, NULL));
    MUST(do_key_export(&dv, user, &(struct key_export_req){3}, NULL));
    MUST(do_key_batch(&dv, user, &(struct key_batch_req){KEY_SM2, USAGE_SIGN, 20, 0}, NULL));
    const size_t n = secrets_of(dv.d, out);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(in_memory(&out[i]), "%s is not where this test looks", out[i].name);
    return n;
}

static void all_gone(const struct secret *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(!in_memory(&s[i]), "%s is still in memory", s[i].name);
}

START_TEST(destroyed_is_wiped)
{
    struct secret s[16];
    const uint16_t user = dev_login(&dv, DEV_USER);
    secrets_in_use(user, s);
    for (uint32_t h = 1; h <= 3; h++)
        MUST(do_object_destroy(&dv, user, &(struct object_destroy_req){h}, NULL));
    all_gone(s, 5);
}
END_TEST

START_TEST(locked_is_wiped)
{
    struct secret s[16];
    dev_close(&dv);
    blank();
    dev_init(&dv, INIT_ATTENDED);
    secrets_in_use(dev_login(&dv, DEV_USER), s);
    MUST(do_lock(&dv, dev_login(&dv, DEV_ADMIN), &(struct lock_req){0}, NULL));
    all_gone(s, 7);
}
END_TEST

START_TEST(zeroised_is_wiped)
{
    struct secret s[16];
    secrets_in_use(dev_login(&dv, DEV_USER), s);
    MUST(command_zeroise(dev_login(&dv, DEV_ADMIN)));
    all_gone(s, 8);
}
END_TEST

START_TEST(failed_is_wiped)
{
    struct secret s[16];
    const uint16_t user = dev_login(&dv, DEV_USER);
    const size_t n = secrets_in_use(user, s);
    nvm_sim_cut(&dv.sim, dv.sim.count, NVM_CUT_NONE, 1);
    MUST_BE(SW_NVM_FAULT, do_object_destroy(&dv, user, &(struct object_destroy_req){1}, NULL));
    all_gone(s, n);
}
END_TEST

START_TEST(stopped_is_wiped)
{
    struct secret s[16];
    const size_t n = secrets_in_use(dev_login(&dv, DEV_USER), s);
    device_stop(dv.d);
    all_gone(s, n);
}
END_TEST

/* ---------------------------------------------------------------- the log */

static size_t read_log(uint16_t ch, uint64_t after, uint16_t limit, struct log_entry *out,
                       size_t max, struct log_read_rsp *r)
{
    struct rd in;
    size_t n = 0;
    MUST(do_log_read(&dv, ch, &(struct log_read_req){after, limit}, r));
    rd_init(&in, r->entries.data, r->entries.size);
    while (rd_left(&in) && n < max)
        ck_assert(log_entry_get(&in, &out[n++]));
    return n;
}

START_TEST(log_tells)
{
    struct log_entry e[64];
    struct log_read_rsp r;
    const uint16_t auditor = dev_login(&dv, DEV_AUDITOR);
    const uint16_t user = dev_login(&dv, DEV_USER);
    read_log(auditor, 0, 0, e, 64, &r);
    const uint64_t before = r.last;
    MUST_BE(SW_PIN_WRONG | 4, dev_pin(&dv, user, DEV_OPERATOR, "wrong-pin"));
    const uint32_t h = dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
    MUST_BE(SW_NOT_AUTHORISED, do_zeroise(&dv, user, &(struct zeroise_req){0}, NULL));
    MUST_BE(SW_NO_OBJECT,
            do_sign(&dv, user, &(struct sign_req){.handle = 99, .scheme = SIGN_SM2}, NULL));
    MUST(do_object_info(&dv, user, &(struct object_info_req){h}, NULL)); /* not recorded */
    MUST(do_object_destroy(&dv, user, &(struct object_destroy_req){h}, NULL));
    dev_reboot(&dv);
    static const struct {
        uint8_t command, account;
        uint16_t sw;
        uint32_t object;
    } due[] = {
        {INS_LOGIN, DEV_OPERATOR, SW_PIN_WRONG | 4, 0},
        {INS_KEY_GENERATE, DEV_USER, SW_OK, 1},
        {INS_ZEROISE, DEV_USER, SW_NOT_AUTHORISED, 0},
        {INS_SIGN, DEV_USER, SW_NO_OBJECT, 99},
        {INS_OBJECT_DESTROY, DEV_USER, SW_OK, 1},
        {0, 0, SW_OK, 0},
        {INS_LOGIN, DEV_AUDITOR, SW_OK, 0},
    };
    const size_t n = read_log(dev_login(&dv, DEV_AUDITOR), before, 0, e, 64, &r);
    ck_assert_uint_eq(n, 7);
    uint64_t time = 0;
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_eq(e[i].sequence, before + 1 + i);
        ck_assert_uint_gt(e[i].time, time);
        time = e[i].time;
        ck_assert_uint_eq(e[i].command, due[i].command);
        ck_assert_uint_eq(e[i].account, due[i].account);
        ck_assert_uint_eq(e[i].sw, due[i].sw);
        ck_assert_uint_eq(e[i].object, due[i].object);
    }
    ck_assert_uint_eq(r.first, 1);
    ck_assert_uint_eq(r.last, before + 7);
}
END_TEST

START_TEST(log_goes_round)
{
    struct log_entry e[64];
    struct log_read_rsp r;
    uint16_t auditor = dev_login(&dv, DEV_AUDITOR);
    uint64_t last = 0;
    for (int turn = 0; turn < 150; turn++) {
        MUST(dev_pin(&dv, auditor, DEV_AUDITOR, DEV_AUDITOR_PIN));
        if (turn % 40 == 39) {
            dev_reboot(&dv);
            auditor = dev_login(&dv, DEV_AUDITOR);
        }
        const size_t n = read_log(auditor, 0, 0, e, 64, &r);
        ck_assert_uint_le(n, 64);
        ck_assert_uint_eq(e[0].sequence, r.first);
        ck_assert_uint_eq(e[n - 1].sequence, r.last);
        ck_assert_uint_eq(r.last - r.first + 1, n);
        ck_assert_uint_gt(r.last, last);
        last = r.last;
    }
    ck_assert_uint_gt(r.first, 50);
    ck_assert_uint_ge(r.last - r.first + 1, 64 - 16);
    ck_assert_uint_eq(read_log(auditor, r.last - 3, 2, e, 64, &r), 2);
    ck_assert_uint_eq(e[0].sequence, r.last - 2);
    ck_assert_uint_eq(read_log(auditor, r.last, 0, e, 64, &r), 0);
    ck_assert_uint_eq(read_log(auditor, ~(uint64_t)0, 0, e, 64, &r), 0);
    MUST_BE(SW_NOT_AUTHORISED,
            do_log_read(&dv, dev_login(&dv, DEV_USER), &(struct log_read_req){0}, NULL));
}
END_TEST

/* No secret ever gets into a record. */
START_TEST(log_keeps_no_pins)
{
    struct log_entry e[64];
    struct log_read_rsp r;
    const uint16_t ch = dev_session(&dv);
    dev_pin(&dv, ch, DEV_USER, "wrong-pin");
    MUST(dev_pin(&dv, ch, DEV_USER, DEV_USER_PIN));
    MUST(do_pin_change(
        &dv, ch,
        &(struct pin_change_req){DEV_USER, dev_text(DEV_USER_PIN), dev_text("new-user-pin")},
        NULL));
    read_log(dev_login(&dv, DEV_AUDITOR), 0, 0, e, 64, &r);
    ck_assert(!memmem(r.entries.data, r.entries.size, "wrong-pin", 9));
    ck_assert(!memmem(r.entries.data, r.entries.size, DEV_USER_PIN, strlen(DEV_USER_PIN)));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_life");
    TCase *t = suite_case(s, "blank", 120, blank, off);
    tcase_add_test(t, init_refusals);
    tcase_add_test(t, cut_init);
    tcase_add_test(t, zeroise_while_locked);
    t = suite_case(s, "ready", 120, ready, off);
    tcase_add_test(t, zeroise);
    tcase_add_test(t, cut_zeroise);
    tcase_add_test(t, cut_terminate);
    tcase_add_test(t, terminate);
    tcase_add_test(t, root_gone);
    tcase_add_test(t, wrong_root);
    tcase_add_test(t, stuck_source);
    tcase_add_test(t, dead_source);
    tcase_add_test(t, source_dies_later);
    tcase_add_test(t, engines);
    tcase_add_test(t, medium_dies);
    tcase_add_test(t, destroyed_is_wiped);
    tcase_add_test(t, locked_is_wiped);
    tcase_add_test(t, zeroised_is_wiped);
    tcase_add_test(t, failed_is_wiped);
    tcase_add_test(t, stopped_is_wiped);
    tcase_add_test(t, log_tells);
    tcase_add_test(t, log_goes_round);
    tcase_add_test(t, log_keeps_no_pins);
    return suite_run(s);
}
