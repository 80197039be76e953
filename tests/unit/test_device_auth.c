/* PINs, tries, accounts, the unlock secret. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/dev.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

static struct dev dv;

static void ready(void)
{
    dev_open(&dv);
    dev_init(&dv, 0);
}

static void attended(void)
{
    dev_open(&dv);
    dev_init(&dv, INIT_ATTENDED);
}

static void off(void)
{
    dev_close(&dv);
}

static uint8_t state(void)
{
    const struct info_rsp r = dev_info(&dv);
    return r.state;
}

/* The account's entry of ACCOUNT LIST; role 0: there is none. */
static struct account_entry account(uint8_t number)
{
    struct account_list_rsp r;
    struct account_entry e;
    struct rd in;
    MUST(do_account_list(&dv, dev_session(&dv), &(struct account_list_req){0}, &r));
    rd_init(&in, r.entries.data, r.entries.size);
    while (rd_left(&in)) {
        ck_assert(account_entry_get(&in, &e));
        if (e.account == number)
            return e;
    }
    memset(&e, 0, sizeof e);
    return e;
}

static uint8_t tries(uint8_t number)
{
    return account(number).tries;
}

static uint16_t change(uint16_t ch, uint8_t number, const char *old, const char *new)
{
    return do_pin_change(&dv, ch, &(struct pin_change_req){number, dev_text(old), dev_text(new)},
                         NULL);
}

static uint16_t unblock(uint16_t ch, uint8_t number, const char *new)
{
    return do_pin_unblock(&dv, ch, &(struct pin_unblock_req){number, dev_text(new)}, NULL);
}

/* ---------------------------------------------------------------- log-in */

START_TEST(tries_count_down)
{
    const uint16_t ch = dev_session(&dv);
    for (unsigned left = DEV_RETRIES; left-- > 0;) {
        MUST_BE(SW_PIN_WRONG | left, dev_pin(&dv, ch, DEV_USER, "wrong-pin"));
        ck_assert_uint_eq(tries(DEV_USER), left);
    }
    MUST_BE(SW_PIN_LOCKED, dev_pin(&dv, ch, DEV_USER, DEV_USER_PIN));
    MUST_BE(SW_PIN_LOCKED, dev_pin(&dv, ch, DEV_USER, "wrong-pin"));
    dev_reboot(&dv);
    MUST_BE(SW_PIN_LOCKED, dev_pin(&dv, dev_session(&dv), DEV_USER, DEV_USER_PIN));
    ck_assert_uint_eq(tries(DEV_OPERATOR), DEV_RETRIES);
}
END_TEST

START_TEST(right_pin_gives_tries_back)
{
    const uint16_t ch = dev_session(&dv);
    for (int i = 0; i < 3 * DEV_RETRIES; i++) {
        MUST_BE(SW_PIN_WRONG | (DEV_RETRIES - 1), dev_pin(&dv, ch, DEV_USER, "wrong-pin"));
        MUST(dev_pin(&dv, ch, DEV_USER, DEV_USER_PIN));
        ck_assert_uint_eq(tries(DEV_USER), DEV_RETRIES);
    }
}
END_TEST

START_TEST(pin_compares_whole)
{
    const uint16_t ch = dev_session(&dv);
    MUST_BE(SW_PIN_WRONG | 4, dev_pin(&dv, ch, DEV_USER, "user-pi"));
    MUST_BE(SW_PIN_WRONG | 3, dev_pin(&dv, ch, DEV_USER, "user-pin2"));
    MUST_BE(SW_PIN_WRONG | 2, dev_pin(&dv, ch, DEV_USER, "User-pin"));
    MUST_BE(SW_PIN_WRONG | 1, dev_pin(&dv, ch, DEV_USER, DEV_OPERATOR_PIN));
    MUST(dev_pin(&dv, ch, DEV_USER, DEV_USER_PIN));
}
END_TEST

START_TEST(pin_sizes)
{
    const uint16_t ch = dev_session(&dv);
    MUST_BE(SW_PIN_RANGE, dev_pin(&dv, ch, DEV_USER, ""));
    MUST_BE(SW_PIN_RANGE, dev_pin(&dv, ch, DEV_USER, "12345"));
    ck_assert_uint_eq(tries(DEV_USER), DEV_RETRIES); /* no try: it cannot be a PIN */
    MUST_BE(SW_WRONG_DATA, dev_pin(&dv, ch, 0, DEV_USER_PIN));
    MUST_BE(SW_WRONG_DATA, dev_pin(&dv, ch, 5, DEV_USER_PIN));
    MUST_BE(SW_WRONG_DATA, dev_pin(&dv, ch, 33, DEV_USER_PIN));
    MUST_BE(SW_WRONG_DATA, dev_pin(&dv, ch, 255, DEV_USER_PIN));
}
END_TEST

START_TEST(log_in_again_replaces)
{
    const uint16_t ch = dev_login(&dv, DEV_OPERATOR);
    struct key_generate_rsp k;
    MUST(do_key_generate(&dv, ch,
                         &(struct key_generate_req){
                             .type = KEY_SM4, .flags = KEY_FLAG_SESSION, .usage = USAGE_ENCRYPT},
                         &k));
    MUST_BE(SW_PIN_WRONG | 4, dev_pin(&dv, ch, DEV_USER, "wrong-pin")); /* and the operator stays */
    MUST(do_object_info(&dv, ch, &(struct object_info_req){k.handle}, NULL));
    MUST(dev_pin(&dv, ch, DEV_USER, DEV_USER_PIN));
    MUST_BE(SW_NO_OBJECT, do_object_info(&dv, ch, &(struct object_info_req){k.handle}, NULL));
    MUST_BE(SW_NOT_AUTHORISED, do_log_read(&dv, ch, &(struct log_read_req){0}, NULL));
    MUST(do_logout(&dv, ch, &(struct logout_req){0}, NULL));
    MUST_BE(SW_NOT_AUTHORISED, do_key_fetch(&dv, ch, &(struct key_fetch_req){0}, NULL));
    MUST(do_logout(&dv, ch, &(struct logout_req){0}, NULL));
}
END_TEST

START_TEST(roles_of_accounts)
{
    static const uint8_t role[] = {0, ROLE_ADMIN, ROLE_OPERATOR, ROLE_USER, ROLE_AUDITOR};
    static const char *const pin[] = {"", DEV_ADMIN_PIN, DEV_OPERATOR_PIN, DEV_USER_PIN,
                                      DEV_AUDITOR_PIN};
    struct login_rsp r;
    for (uint8_t i = 1; i <= 4; i++) {
        MUST(do_login(&dv, dev_session(&dv), &(struct login_req){i, dev_text(pin[i])}, &r));
        ck_assert_uint_eq(r.role, role[i]);
        ck_assert_uint_eq(account(i).role, role[i]);
        ck_assert_uint_eq(account(i).tries_max, DEV_RETRIES);
    }
    ck_assert_uint_eq(account(0).account, 0); /* unattended: there is no unlock secret */
    ck_assert_uint_eq(account(0).tries_max, 0);
}
END_TEST

/* ---------------------------------------------------------------- change and unblock */

START_TEST(change_pin)
{
    const uint16_t ch = dev_session(&dv);
    MUST_BE(SW_PIN_WRONG | 4, change(ch, DEV_USER, "wrong-pin", "new-user-pin"));
    MUST_BE(SW_PIN_RANGE, change(ch, DEV_USER, DEV_USER_PIN, "short"));
    ck_assert_uint_eq(tries(DEV_USER), 4); /* refused before a try was spent */
    MUST(change(ch, DEV_USER, DEV_USER_PIN, "new-user-pin"));
    ck_assert_uint_eq(tries(DEV_USER), DEV_RETRIES);
    MUST_BE(SW_PIN_WRONG | 4, dev_pin(&dv, ch, DEV_USER, DEV_USER_PIN));
    MUST(dev_pin(&dv, ch, DEV_USER, "new-user-pin"));
    dev_reboot(&dv);
    MUST(dev_pin(&dv, dev_session(&dv), DEV_USER, "new-user-pin"));
    MUST_BE(SW_WRONG_DATA, change(dev_session(&dv), 0, DEV_UNLOCK, "new-unlock"));
}
END_TEST

START_TEST(change_counts_tries_too)
{
    const uint16_t ch = dev_session(&dv);
    for (unsigned left = DEV_RETRIES; left-- > 0;)
        MUST_BE(SW_PIN_WRONG | left, change(ch, DEV_USER, "wrong-pin", "new-user-pin"));
    MUST_BE(SW_PIN_LOCKED, change(ch, DEV_USER, DEV_USER_PIN, "new-user-pin"));
    MUST_BE(SW_PIN_LOCKED, dev_pin(&dv, ch, DEV_USER, DEV_USER_PIN));
}
END_TEST

START_TEST(unblock_pin)
{
    const uint16_t ch = dev_session(&dv), admin = dev_login(&dv, DEV_ADMIN);
    for (unsigned left = DEV_RETRIES; left-- > 0;)
        MUST_BE(SW_PIN_WRONG | left, dev_pin(&dv, ch, DEV_USER, "wrong-pin"));
    MUST_BE(SW_PIN_RANGE, unblock(admin, DEV_USER, "tiny"));
    MUST_BE(SW_NOT_AUTHORISED, unblock(dev_login(&dv, DEV_OPERATOR), DEV_USER, "new-user-pin"));
    MUST(unblock(admin, DEV_USER, "new-user-pin"));
    ck_assert_uint_eq(tries(DEV_USER), DEV_RETRIES);
    MUST_BE(SW_PIN_WRONG | 4, dev_pin(&dv, ch, DEV_USER, DEV_USER_PIN));
    MUST(dev_pin(&dv, ch, DEV_USER, "new-user-pin"));
    MUST_BE(SW_WRONG_DATA, unblock(admin, 9, "new-user-pin"));
    MUST_BE(SW_WRONG_DATA, unblock(admin, 0, "new-unlock"));
}
END_TEST

START_TEST(administrators_are_not_unblocked)
{
    const uint16_t admin = dev_login(&dv, DEV_ADMIN);
    MUST_BE(SW_NOT_PERMITTED, unblock(admin, DEV_ADMIN, "new-admin-pin"));
    MUST(do_account_create(
        &dv, admin,
        &(struct account_create_req){ROLE_ADMIN, 3, dev_text("second"), dev_text("second-pin")},
        NULL));
    MUST_BE(SW_NOT_PERMITTED, unblock(admin, 5, "new-admin-pin"));
}
END_TEST

/* ---------------------------------------------------------------- accounts */

START_TEST(accounts)
{
    const uint16_t admin = dev_login(&dv, DEV_ADMIN);
    struct account_create_req q = {ROLE_USER, 3, dev_text("somebody"), dev_text("her-own-pin")};
    struct account_create_rsp r;
    MUST(do_account_create(&dv, admin, &q, &r));
    ck_assert_uint_eq(r.account, 5);
    ck_assert_uint_eq(account(5).tries_max, 3);
    MUST_BE(SW_EXISTS, do_account_create(&dv, admin, &q, NULL));
    q.name = dev_text("");
    MUST_BE(SW_WRONG_DATA, do_account_create(&dv, admin, &q, NULL));
    q.name = dev_text("other");
    q.role = ROLE_USER | ROLE_ADMIN;
    MUST_BE(SW_WRONG_DATA, do_account_create(&dv, admin, &q, NULL));
    q.role = 0x80;
    MUST_BE(SW_WRONG_DATA, do_account_create(&dv, admin, &q, NULL));
    q.role = ROLE_USER;
    q.retries = 0;
    MUST_BE(SW_WRONG_DATA, do_account_create(&dv, admin, &q, NULL));
    q.retries = LIMIT_RETRIES_MAX + 1;
    MUST_BE(SW_WRONG_DATA, do_account_create(&dv, admin, &q, NULL));
    q.retries = 1;
    q.pin = dev_text("12345");
    MUST_BE(SW_PIN_RANGE, do_account_create(&dv, admin, &q, NULL));
    dev_reboot(&dv);
    MUST(dev_pin(&dv, dev_session(&dv), 5, "her-own-pin"));
    MUST_BE(SW_PIN_WRONG | 2, dev_pin(&dv, dev_session(&dv), 5, DEV_USER_PIN));
}
END_TEST

START_TEST(all_accounts)
{
    const uint16_t admin = dev_login(&dv, DEV_ADMIN);
    char name[] = "user 00";
    for (unsigned i = 5; i <= LIMIT_ACCOUNTS_MAX; i++) {
        struct account_create_rsp r;
        name[5] = (char)('0' + i / 10);
        name[6] = (char)('0' + i % 10);
        MUST(do_account_create(
            &dv, admin,
            &(struct account_create_req){ROLE_USER, 3, dev_text(name), dev_text("a-pin-of-it")},
            &r));
        ck_assert_uint_eq(r.account, i);
    }
    struct account_create_req q = {ROLE_USER, 3, dev_text("one more"), dev_text("her-own-pin")};
    MUST_BE(SW_TOO_MANY, do_account_create(&dv, admin, &q, NULL));
    MUST(do_account_delete(&dv, admin, &(struct account_delete_req){17}, NULL));
    dev_reboot(&dv);
    ck_assert_uint_eq(account(17).role, 0);
    MUST(dev_pin(&dv, dev_session(&dv), 32, "a-pin-of-it"));
    MUST(do_account_create(&dv, dev_login(&dv, DEV_ADMIN), &q, NULL));
    ck_assert_uint_eq(account(17).role, ROLE_USER);
}
END_TEST

START_TEST(delete_account)
{
    const uint16_t admin = dev_login(&dv, DEV_ADMIN), user = dev_login(&dv, DEV_USER);
    MUST_BE(SW_NOT_PERMITTED,
            do_account_delete(&dv, admin, &(struct account_delete_req){DEV_ADMIN}, NULL));
    const uint32_t h = dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
    MUST_BE(SW_NOT_PERMITTED,
            do_account_delete(&dv, admin, &(struct account_delete_req){DEV_USER}, NULL));
    MUST(do_object_destroy(&dv, user, &(struct object_destroy_req){h}, NULL));
    MUST(do_account_delete(&dv, admin, &(struct account_delete_req){DEV_USER}, NULL));
    MUST_BE(SW_NOT_AUTHORISED, do_key_fetch(&dv, user, &(struct key_fetch_req){0}, NULL));
    MUST_BE(SW_WRONG_DATA, dev_pin(&dv, user, DEV_USER, DEV_USER_PIN));
    MUST_BE(SW_WRONG_DATA,
            do_account_delete(&dv, admin, &(struct account_delete_req){DEV_USER}, NULL));
    MUST_BE(SW_WRONG_DATA, do_account_delete(&dv, admin, &(struct account_delete_req){0}, NULL));
    MUST(do_account_create(
        &dv, admin,
        &(struct account_create_req){ROLE_ADMIN, 3, dev_text("second"), dev_text("second-pin")},
        NULL));
    MUST(do_account_delete(&dv, admin, &(struct account_delete_req){DEV_ADMIN}, NULL));
    MUST_BE(SW_NOT_AUTHORISED, do_label(&dv, admin, &(struct label_req){dev_text("x")}, NULL));
}
END_TEST

/* ---------------------------------------------------------------- attended start */

static uint16_t unlock(const char *secret)
{
    return do_unlock(&dv, 0, &(struct unlock_req){dev_text(secret)}, NULL);
}

START_TEST(attended_start)
{
    ck_assert_uint_eq(state(), STATE_READY);
    const uint32_t h = dev_key(&dv, dev_login(&dv, DEV_USER), KEY_SM2, USAGE_SIGN);
    dev_reboot(&dv);
    ck_assert_uint_eq(state(), STATE_LOCKED);
    ck_assert_uint_eq(account(0).tries, DEV_RETRIES);
    const uint16_t ch = dev_login(&dv, DEV_USER);
    MUST_BE(SW_WRONG_STATE, do_object_info(&dv, ch, &(struct object_info_req){h}, NULL));
    MUST_BE(SW_PIN_WRONG | 4, unlock("not the secret"));
    MUST_BE(SW_PIN_RANGE, unlock("short"));
    ck_assert_uint_eq(state(), STATE_LOCKED);
    MUST(unlock(DEV_UNLOCK));
    ck_assert_uint_eq(state(), STATE_READY);
    ck_assert_uint_eq(account(0).tries, DEV_RETRIES);
    MUST(do_object_info(&dv, ch, &(struct object_info_req){h}, NULL));
    MUST_BE(SW_WRONG_STATE, unlock(DEV_UNLOCK));
}
END_TEST

START_TEST(lock_again)
{
    const uint16_t user = dev_login(&dv, DEV_USER), operator= dev_login(&dv, DEV_OPERATOR);
    MUST_BE(SW_NOT_AUTHORISED, do_lock(&dv, user, &(struct lock_req){0}, NULL));
    MUST(do_lock(&dv, operator, &(struct lock_req){0}, NULL));
    ck_assert_uint_eq(state(), STATE_LOCKED);
    MUST_BE(SW_NO_SESSION, do_logout(&dv, user, &(struct logout_req){0}, NULL));
    MUST_BE(SW_NO_SESSION, do_logout(&dv, operator, &(struct logout_req){0}, NULL));
    MUST(unlock(DEV_UNLOCK));
    dev_key(&dv, dev_login(&dv, DEV_USER), KEY_SM2, USAGE_SIGN);
}
END_TEST

START_TEST(unlock_tries)
{
    dev_reboot(&dv);
    for (unsigned left = DEV_RETRIES; left-- > 0;)
        MUST_BE(SW_PIN_WRONG | left, unlock("not the secret"));
    MUST_BE(SW_PIN_LOCKED, unlock(DEV_UNLOCK));
    dev_reboot(&dv);
    MUST_BE(SW_PIN_LOCKED, unlock(DEV_UNLOCK));
    const uint16_t admin = dev_login(&dv, DEV_ADMIN);
    MUST_BE(SW_WRONG_STATE, unblock(admin, 0, "another secret")); /* nothing to seal it with */
    MUST(unblock(admin, 0, ""));
    MUST(unlock(DEV_UNLOCK));
}
END_TEST

START_TEST(change_unlock_secret)
{
    const uint16_t ch = dev_session(&dv);
    MUST_BE(SW_PIN_WRONG | 4, change(ch, 0, "not the secret", "new-unlock"));
    MUST(change(ch, 0, DEV_UNLOCK, "new-unlock"));
    dev_key(&dv, dev_login(&dv, DEV_USER), KEY_SM2, USAGE_SIGN); /* READY all the time */
    dev_reboot(&dv);
    MUST_BE(SW_PIN_WRONG | 4, unlock(DEV_UNLOCK));
    MUST(change(dev_session(&dv), 0, "new-unlock", "newer-unlock")); /* works while LOCKED too */
    ck_assert_uint_eq(state(), STATE_LOCKED);
    MUST_BE(SW_PIN_WRONG | 4, unlock("new-unlock"));
    MUST(unlock("newer-unlock"));
    MUST(unblock(dev_login(&dv, DEV_ADMIN), 0, "newest-unlock"));
    dev_reboot(&dv);
    MUST_BE(SW_PIN_WRONG | 4, unlock("newer-unlock"));
    MUST(unlock("newest-unlock"));
    uint32_t n = 0;
    struct object_list_rsp r;
    MUST(do_object_list(&dv, dev_login(&dv, DEV_USER), &(struct object_list_req){0}, &r));
    n += r.entries.size > 0;
    ck_assert_uint_eq(n, 1);
}
END_TEST

START_TEST(unattended_has_no_lock)
{
    MUST_BE(SW_WRONG_STATE, do_lock(&dv, dev_login(&dv, DEV_ADMIN), &(struct lock_req){0}, NULL));
    MUST_BE(SW_WRONG_STATE, unlock(DEV_UNLOCK));
}
END_TEST

/* ---------------------------------------------------------------- power cuts */

/*
 * A wrong PIN with the power cut at each step: whenever the answer may have come out, the try is
 * gone; before that it may be there or not, but there are never more than before.
 */
static void cut_login(const char *pin, bool right)
{
    uint8_t *image = malloc(dv.sim.size);
    const uint64_t seed = test_seed();
    uint64_t steps = 0;
    MUST_BE(SW_PIN_WRONG | 4, dev_pin(&dv, dev_session(&dv), DEV_USER, "wrong-pin"));
    dev_reboot(&dv); /* everything is on the medium */
    nvm_sim_save(&dv.sim, image);
    for (enum nvm_cut cut = NVM_CUT_NONE; cut < NVM_CUT_KINDS; cut++) {
        bool cut_off = true;
        for (uint64_t at = 0; cut_off; at += NVM_CUT_STEP, steps += NVM_CUT_STEP) {
            nvm_sim_load(&dv.sim, image);
            dev_reboot(&dv);
            const uint16_t ch = dev_session(&dv);
            nvm_sim_cut(&dv.sim, dv.sim.count + at, cut, seed + at);
            const uint16_t sw = dev_pin(&dv, ch, DEV_USER, pin);
            cut_off = dv.sim.dead;
            dev_reboot(&dv);
            ck_assert_uint_eq(state(), STATE_READY);
            const uint8_t left = tries(DEV_USER);
            if (sw == SW_OK)
                ck_assert(right && left == DEV_RETRIES);
            else if ((sw & 0xFFF0) == SW_PIN_WRONG)
                ck_assert(!right && left == 3);
            else
                ck_assert_msg(cut_off && (left == 3 || left == 4 || (right && left == DEV_RETRIES)),
                              "cut %d at %u: %04X, %u left", cut, (unsigned)at, sw, left);
            MUST(dev_pin(&dv, dev_session(&dv), DEV_USER, DEV_USER_PIN));
        }
    }
    ck_assert_uint_gt(steps, 20);
    free(image);
}

START_TEST(cut_wrong_pin)
{
    cut_login("wrong-pin", false);
}
END_TEST

START_TEST(cut_right_pin)
{
    cut_login(DEV_USER_PIN, true);
}
END_TEST

/* A PIN is the old one or the new one after a cut, and never locked by it. */
START_TEST(cut_change)
{
    uint8_t *image = malloc(dv.sim.size);
    const uint64_t seed = test_seed();
    nvm_sim_save(&dv.sim, image);
    for (enum nvm_cut cut = NVM_CUT_NONE; cut < NVM_CUT_KINDS; cut++) {
        bool cut_off = true;
        for (uint64_t at = 0; cut_off; at += NVM_CUT_STEP) {
            nvm_sim_load(&dv.sim, image);
            dev_reboot(&dv);
            const uint16_t ch = dev_session(&dv);
            nvm_sim_cut(&dv.sim, dv.sim.count + at, cut, seed + at);
            const uint16_t sw = change(ch, DEV_USER, DEV_USER_PIN, "new-user-pin");
            cut_off = dv.sim.dead;
            dev_reboot(&dv);
            const bool is_new = dev_pin(&dv, dev_session(&dv), DEV_USER, "new-user-pin") == SW_OK;
            const bool is_old = dev_pin(&dv, dev_session(&dv), DEV_USER, DEV_USER_PIN) == SW_OK;
            ck_assert(is_new != is_old);
            if (sw == SW_OK)
                ck_assert(is_new);
        }
    }
    free(image);
}
END_TEST

/* The counter that was written is read back: a medium that loses it lets nobody in. */
START_TEST(counter_is_read_back)
{
    const uint16_t ch = dev_session(&dv);
    MUST(dev_pin(&dv, ch, DEV_USER, DEV_USER_PIN));
    dv.sim.fail_read = dv.sim.reads + 1;
    const uint16_t sw = dev_pin(&dv, ch, DEV_USER, DEV_USER_PIN);
    ck_assert_uint_ne(sw, SW_OK);
    dv.sim.fail_read = 0;
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_auth");
    TCase *t = suite_case(s, "ready", 60, ready, off);
    tcase_add_test(t, tries_count_down);
    tcase_add_test(t, right_pin_gives_tries_back);
    tcase_add_test(t, pin_compares_whole);
    tcase_add_test(t, pin_sizes);
    tcase_add_test(t, log_in_again_replaces);
    tcase_add_test(t, roles_of_accounts);
    tcase_add_test(t, change_pin);
    tcase_add_test(t, change_counts_tries_too);
    tcase_add_test(t, unblock_pin);
    tcase_add_test(t, administrators_are_not_unblocked);
    tcase_add_test(t, accounts);
    tcase_add_test(t, all_accounts);
    tcase_add_test(t, delete_account);
    tcase_add_test(t, unattended_has_no_lock);
    tcase_add_test(t, cut_wrong_pin);
    tcase_add_test(t, cut_right_pin);
    tcase_add_test(t, cut_change);
    tcase_add_test(t, counter_is_read_back);
    t = suite_case(s, "attended", 60, attended, off);
    tcase_add_test(t, attended_start);
    tcase_add_test(t, lock_again);
    tcase_add_test(t, unlock_tries);
    tcase_add_test(t, change_unlock_secret);
    return suite_run(s);
}
