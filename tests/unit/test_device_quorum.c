/* Several administrators for what cannot be undone: approvals, what they cover, and how they end.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "firmware/crypto/sm3.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"

enum { ADMINS = 4, NEEDED = 3, MINUTE = 60000 };

static struct dev dv;
static uint8_t account[ADMINS]; /* of the administrators */
static uint16_t admin[ADMINS];  /* and a session of each */

static const char *const pins[ADMINS] = {DEV_ADMIN_PIN, "second-pin", "third-pin", "fourth-pin"};

static void log_in(void)
{
    for (int i = 0; i < ADMINS; i++) {
        admin[i] = dev_session(&dv);
        MUST(dev_pin(&dv, admin[i], account[i], pins[i]));
    }
}

static uint16_t create(uint16_t ch, uint8_t role, const char *name, const char *pin,
                       uint8_t *number)
{
    struct account_create_rsp r;
    const uint16_t sw = do_account_create(
        &dv, ch, &(struct account_create_req){role, DEV_RETRIES, dev_text(name), dev_text(pin)},
        &r);
    if (number)
        *number = r.account;
    return sw;
}

/* Four administrators, one is enough yet. */
static void prepare(uint8_t flags)
{
    static const char *const names[ADMINS] = {"", "second", "third", "fourth"};
    dev_small(&dv);
    dev_init(&dv, flags);
    account[0] = DEV_ADMIN;
    admin[0] = dev_login(&dv, DEV_ADMIN);
    for (int i = 1; i < ADMINS; i++)
        MUST(create(admin[0], ROLE_ADMIN, names[i], pins[i], &account[i]));
    log_in();
}

static uint16_t need(uint16_t ch, uint8_t needed)
{
    return do_quorum_set(&dv, ch, &(struct quorum_set_req){needed}, NULL);
}

static void on(void)
{
    prepare(INIT_ATTENDED);
    MUST(need(admin[0], NEEDED));
}

static void off(void)
{
    dev_close(&dv);
}

static void hash_of(uint8_t ins, const void *data, size_t n, uint8_t hash[32])
{
    struct sm3 h;
    sm3_init(&h);
    sm3_update(&h, &ins, 1);
    sm3_update(&h, data, n);
    sm3_final(&h, hash);
}

static uint16_t approve(uint16_t ch, uint8_t ins, const void *data, size_t n)
{
    uint8_t hash[32];
    hash_of(ins, data, n, hash);
    return do_approve(&dv, ch, &(struct approve_req){ins, hash}, NULL);
}

static uint16_t zeroise(uint16_t ch)
{
    return do_zeroise(&dv, ch, &(struct zeroise_req){0}, NULL);
}

static unsigned approvals(void)
{
    struct approvals_rsp r;
    struct approval_entry e;
    struct rd in;
    unsigned n = 0;
    MUST(do_approvals(&dv, admin[0], &(struct approvals_req){0}, &r));
    ck_assert_uint_eq(r.administrators, ADMINS);
    for (rd_init(&in, r.entries.data, r.entries.size); rd_left(&in); n++)
        ck_assert(approval_entry_get(&in, &e));
    return n;
}

START_TEST(three_agree)
{
    MUST_BE(SW_APPROVALS_MISSING, zeroise(admin[0]));
    MUST(approve(admin[1], INS_ZEROISE, "", 0));
    MUST(approve(admin[1], INS_ZEROISE, "", 0)); /* twice is once */
    ck_assert_uint_eq(approvals(), 1);
    MUST_BE(SW_APPROVALS_MISSING, zeroise(admin[0]));
    MUST_BE(SW_APPROVALS_MISSING, zeroise(admin[1])); /* who sends it counts once */
    MUST(approve(admin[2], INS_ZEROISE, "", 0));
    ck_assert_uint_eq(approvals(), 2);
    MUST(zeroise(admin[0]));
    ck_assert_uint_eq(device_state(dv.d), STATE_BLANK);
    dev_init(&dv, 0);
    MUST(zeroise(dev_login(&dv, DEV_ADMIN))); /* one is enough again */
}
END_TEST

START_TEST(two_sessions_of_one)
{
    const uint16_t other = dev_session(&dv);
    MUST(dev_pin(&dv, other, account[1], pins[1]));
    MUST(approve(admin[1], INS_ZEROISE, "", 0));
    MUST(approve(other, INS_ZEROISE, "", 0));
    ck_assert_uint_eq(approvals(), 1);
    MUST_BE(SW_APPROVALS_MISSING, zeroise(admin[0]));
    MUST(approve(other, INS_TERMINATE, "", 0)); /* the last word of an account counts */
    MUST(approve(admin[2], INS_ZEROISE, "", 0));
    MUST_BE(SW_APPROVALS_MISSING, zeroise(admin[0]));
}
END_TEST

/* Every way in which an approval ends: the third one is missing again. */
START_TEST(ends)
{
    MUST(approve(admin[2], INS_ZEROISE, "", 0));
    MUST(approve(admin[1], INS_ZEROISE, "", 0));
    MUST(do_logout(&dv, admin[1], &(struct logout_req){0}, NULL));
    MUST_BE(SW_APPROVALS_MISSING, zeroise(admin[0]));
    MUST(dev_pin(&dv, admin[1], account[1], pins[1]));
    MUST_BE(SW_APPROVALS_MISSING, zeroise(admin[0]));

    MUST(approve(admin[1], INS_ZEROISE, "", 0));
    MUST(do_session_close(&dv, admin[1], &(struct session_close_req){0}, NULL));
    MUST_BE(SW_APPROVALS_MISSING, zeroise(admin[0]));
    admin[1] = dev_session(&dv);
    MUST(dev_pin(&dv, admin[1], account[1], pins[1]));

    MUST(approve(admin[1], INS_ZEROISE, "", 0));
    MUST(do_approve(&dv, admin[1], &(struct approve_req){0, (const uint8_t[32]){0}}, NULL));
    MUST_BE(SW_APPROVALS_MISSING, zeroise(admin[0]));

    MUST(approve(admin[1], INS_ZEROISE, "", 0));
    MUST(dev_pin(&dv, admin[1], DEV_OPERATOR, DEV_OPERATOR_PIN));
    MUST_BE(SW_APPROVALS_MISSING, zeroise(admin[0]));
    MUST(dev_pin(&dv, admin[1], account[1], pins[1]));

    MUST(approve(admin[1], INS_ZEROISE, "", 0));
    dv.now += 10 * MINUTE;
    MUST(approve(admin[2], INS_ZEROISE, "", 0));
    MUST_BE(SW_APPROVALS_MISSING, zeroise(admin[0]));
    ck_assert_uint_eq(approvals(), 1);

    MUST(approve(admin[1], INS_ZEROISE, "", 0));
    dv.now -= 30 * MINUTE; /* a clock that is set back makes nothing last longer */
    MUST_BE(SW_APPROVALS_MISSING, zeroise(admin[0]));
    dv.now += 31 * MINUTE;
    MUST(approve(admin[2], INS_ZEROISE, "", 0));
    MUST(approve(admin[1], INS_ZEROISE, "", 0));
    MUST(do_lock(&dv, admin[3], &(struct lock_req){0}, NULL));
    log_in();
    MUST_BE(SW_APPROVALS_MISSING, zeroise(admin[0]));
    MUST(approve(admin[1], INS_ZEROISE, "", 0));
    MUST(approve(admin[2], INS_ZEROISE, "", 0));
    dev_reboot(&dv);
    log_in();
    MUST_BE(SW_APPROVALS_MISSING, zeroise(admin[0]));
    ck_assert_uint_eq(device_state(dv.d), STATE_LOCKED);
    MUST(approve(admin[1], INS_ZEROISE, "", 0));
    MUST(approve(admin[2], INS_ZEROISE, "", 0));
    MUST(zeroise(admin[0])); /* while LOCKED, too */
}
END_TEST

/* It is for these bytes and no others, and for one time. */
START_TEST(just_these_bytes)
{
    const uint8_t two = 2, three = 3;
    MUST(approve(admin[1], INS_QUORUM_SET, &two, 1));
    MUST(approve(admin[2], INS_QUORUM_SET, &three, 1));
    MUST_BE(SW_APPROVALS_MISSING, need(admin[0], 2));
    MUST(approve(admin[2], INS_QUORUM_SET, &two, 1));
    MUST_BE(SW_APPROVALS_MISSING, need(admin[0], 1));
    MUST_BE(SW_APPROVALS_MISSING, need(admin[0], 4));
    MUST(need(admin[0], 2));
    ck_assert_uint_eq(approvals(), 0);
    MUST_BE(SW_APPROVALS_MISSING, need(admin[0], 2));
    MUST(approve(admin[3], INS_QUORUM_SET, &three, 1)); /* two are enough now */
    MUST(need(admin[0], 3));
    dev_reboot(&dv);
    MUST(do_unlock(&dv, 0, &(struct unlock_req){dev_text(DEV_UNLOCK)}, NULL));
    log_in();
    MUST_BE(SW_APPROVALS_MISSING, need(admin[0], 2));
}
END_TEST

START_TEST(refusals)
{
    uint8_t hash[32] = {0};
    const uint8_t five = ADMINS + 1, none = 0;
    struct approve_req q = {INS_KEY_GENERATE, hash};
    MUST_BE(SW_WRONG_DATA, do_approve(&dv, admin[0], &q, NULL));
    q.command = 0xFE;
    MUST_BE(SW_WRONG_DATA, do_approve(&dv, admin[0], &q, NULL));
    q.command = INS_ZEROISE;
    MUST_BE(SW_APPROVALS_MISSING, need(admin[0], 1));
    for (int i = 1; i < NEEDED; i++)
        MUST(approve(admin[i], INS_QUORUM_SET, &five, 1));
    MUST_BE(SW_WRONG_DATA, need(admin[0], ADMINS + 1));
    for (int i = 1; i < NEEDED; i++)
        MUST(approve(admin[i], INS_QUORUM_SET, &none, 1));
    MUST_BE(SW_WRONG_DATA, need(admin[0], 0));
    for (uint8_t who = DEV_OPERATOR; who <= DEV_AUDITOR; who++)
        MUST_BE(SW_NOT_AUTHORISED, do_approve(&dv, dev_login(&dv, who), &q, NULL));
    /* an operator is refused as before, approvals or not */
    MUST(approve(admin[1], INS_ZEROISE, "", 0));
    MUST(approve(admin[2], INS_ZEROISE, "", 0));
    MUST(approve(admin[3], INS_ZEROISE, "", 0));
    MUST_BE(SW_NOT_AUTHORISED, zeroise(dev_login(&dv, DEV_OPERATOR)));
}
END_TEST

/* Nobody takes a user's account, and with it the user's keys, alone. */
START_TEST(users_accounts)
{
    const uint8_t of_user = DEV_USER;
    const struct pin_unblock_req q = {DEV_USER, dev_text("taken-over")};
    const uint16_t ch = dev_session(&dv);
    MUST_BE(SW_APPROVALS_MISSING, do_pin_unblock(&dv, admin[0], &q, NULL));
    ck_assert_uint_ne(dev_pin(&dv, ch, DEV_USER, "taken-over"), SW_OK);
    MUST(approve(admin[1], INS_PIN_UNBLOCK, &of_user,
                 1)); /* what is approved says nothing of the PIN */
    MUST(approve(admin[2], INS_PIN_UNBLOCK, &of_user, 1));
    const struct pin_unblock_req other = {DEV_OPERATOR, dev_text("taken-over")};
    MUST_BE(SW_APPROVALS_MISSING, do_pin_unblock(&dv, admin[0], &other, NULL));
    MUST(do_pin_unblock(&dv, admin[0], &q, NULL));
    MUST(dev_pin(&dv, ch, DEV_USER, "taken-over"));
    MUST_BE(SW_APPROVALS_MISSING, do_pin_unblock(&dv, admin[0], &q, NULL));
}
END_TEST

/* Nobody makes a majority by making accounts, or breaks one by deleting them. */
START_TEST(accounts)
{
    uint8_t request[80], number;
    struct wr w;
    const struct account_create_req blind = {ROLE_ADMIN, DEV_RETRIES, dev_text("fifth"), {NULL, 0}};
    const struct account_delete_req last = {account[3]};
    MUST_BE(SW_APPROVALS_MISSING, create(admin[0], ROLE_ADMIN, "fifth", "fifth-pin", NULL));
    MUST(create(admin[0], ROLE_USER, "somebody", "somebody-pin", &number));
    MUST(do_account_delete(&dv, admin[0], &(struct account_delete_req){number}, NULL));
    MUST_BE(SW_APPROVALS_MISSING, do_account_delete(&dv, admin[0], &last, NULL));

    wr_init(&w, request, sizeof request); /* what is approved says nothing of the PIN */
    account_create_req_put(&w, &blind);
    MUST(approve(admin[1], INS_ACCOUNT_CREATE, request, wr_size(&w) - 2));
    MUST(approve(admin[2], INS_ACCOUNT_CREATE, request, wr_size(&w) - 2));
    MUST_BE(SW_APPROVALS_MISSING, create(admin[0], ROLE_ADMIN, "sixth", "fifth-pin", NULL));
    MUST(create(admin[0], ROLE_ADMIN, "fifth", "fifth-pin", &number));
    MUST_BE(SW_APPROVALS_MISSING, create(admin[0], ROLE_ADMIN, "fifth", "fifth-pin", NULL));

    for (uint8_t i = 3; i > 1; i--) {
        for (int j = 0; j < 2; j++)
            MUST(approve(admin[j], INS_ACCOUNT_DELETE, &account[i], 1));
        MUST(do_account_delete(&dv, admin[i], &(struct account_delete_req){account[i]}, NULL));
    }
    const uint16_t fifth = dev_session(&dv); /* three are left and three are needed */
    MUST(dev_pin(&dv, fifth, number, "fifth-pin"));
    for (int j = 0; j < 2; j++)
        MUST(approve(admin[j], INS_ACCOUNT_DELETE, &number, 1));
    MUST_BE(SW_NOT_PERMITTED,
            do_account_delete(&dv, fifth, &(struct account_delete_req){number}, NULL));
}
END_TEST

static struct log_entry last_entry(void)
{
    struct log_read_rsp r;
    struct log_entry e = {0};
    struct rd in;
    const uint16_t auditor = dev_login(&dv, DEV_AUDITOR);
    MUST(do_log_read(&dv, auditor, &(struct log_read_req){0}, &r));
    MUST(do_log_read(&dv, auditor, &(struct log_read_req){r.last - 2, 1},
                     &r)); /* last is the log-in */
    rd_init(&in, r.entries.data, r.entries.size);
    ck_assert(log_entry_get(&in, &e));
    return e;
}

START_TEST(log_says_who)
{
    static const uint8_t two = 2;
    uint8_t hash[32];
    char text[33], detail[33] = "";
    hash_of(INS_QUORUM_SET, &two, 1, hash);
    MUST(approve(admin[2], INS_QUORUM_SET, &two, 1));
    struct log_entry e = last_entry();
    for (int i = 0; i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
    ck_assert_uint_eq(e.command, INS_APPROVE);
    ck_assert_uint_eq(e.account, account[2]);
    ck_assert_uint_eq(e.object, INS_QUORUM_SET);
    ck_assert_mem_eq(e.detail.data, text, 32);
    MUST_BE(SW_APPROVALS_MISSING, need(admin[0], 2));
    e = last_entry();
    ck_assert_uint_eq(e.command, INS_QUORUM_SET);
    ck_assert_uint_eq(e.sw, SW_APPROVALS_MISSING);
    MUST(approve(admin[1], INS_QUORUM_SET, &two, 1));
    MUST(need(admin[0], 2));
    e = last_entry();
    memcpy(detail, e.detail.data, e.detail.size);
    ck_assert_uint_eq(e.sw, SW_OK);
    snprintf(text, sizeof text, "approved by %d %d %d", account[0], account[1], account[2]);
    ck_assert_str_eq(detail, text);
}
END_TEST

/* What the table marks, and nothing else, waits for approvals; then it goes on to its handler. */
START_TEST(whole_table)
{
    static const uint8_t data[3] = {0xFF, 0xFF, 0xFF};
    unsigned guarded = 0;
    for (size_t i = 0; i < proto_command_count; i++) {
        const struct command_info *c = &proto_commands[i];
        if (!(c->roles & ROLE_ADMIN) || !(c->states & COMMAND_IN_READY))
            continue;
        const bool waits = c->roles & COMMAND_QUORUM;
        const uint16_t due = waits ? SW_APPROVALS_MISSING : SW_WRONG_LENGTH;
        ck_assert_msg(dev_call(&dv, admin[0], c->ins, data, 3) == due, "%s", c->name);
        if (!waits)
            continue;
        MUST(approve(admin[1], c->ins, data, 3));
        ck_assert_uint_eq(dev_call(&dv, admin[0], c->ins, data, 3), SW_APPROVALS_MISSING);
        MUST(approve(admin[2], c->ins, data, 3));
        ck_assert_msg(dev_call(&dv, admin[0], c->ins, data, 3) == SW_WRONG_LENGTH, "%s", c->name);
        guarded++;
    }
    ck_assert_uint_ge(guarded, 5);
}
END_TEST

/* The power fails while the number is changed: the one or the other. */
START_TEST(cut_set)
{
    bool done = false;
    for (uint64_t cut = 0; !done; cut++) {
        off();
        prepare(0);
        dv.sim.cut = cut % 2 ? NVM_CUT_LOST : NVM_CUT_ALL;
        dv.sim.cut_at = dv.sim.count + cut;
        done = need(admin[0], NEEDED) == SW_OK && !dv.sim.dead;
        dv.sim.cut_at = UINT64_MAX;
        dev_reboot(&dv);
        ck_assert(dv.d->quorum == NEEDED || (!done && dv.d->quorum == 1));
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_quorum");
    TCase *t = suite_case(s, "quorum", 120, on, off);
    tcase_add_test(t, three_agree);
    tcase_add_test(t, two_sessions_of_one);
    tcase_add_test(t, ends);
    tcase_add_test(t, just_these_bytes);
    tcase_add_test(t, refusals);
    tcase_add_test(t, accounts);
    tcase_add_test(t, users_accounts);
    tcase_add_test(t, log_says_who);
    tcase_add_test(t, whole_table);
    tcase_add_test(t, cut_set);
    return suite_run(s);
}
