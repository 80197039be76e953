/*
 * Every command x state x role: the device admits just what the command table says. The commands
 * carry three bytes that no handler acts upon, so that an admitted one fails in its handler and
 * everything stays as it is.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/dev.h"
#include "tests/lib/run.h"

static struct dev dv;

enum actor { NOBODY, STRANGER, SESSION, ADMIN, OPERATOR, USER, AUDITOR, ACTORS };
static const char *const actor_name[] = {"nobody",   "stranger", "session", "admin",
                                         "operator", "user",     "auditor"};
static const uint8_t actor_role[] = {0, 0, 0, ROLE_ADMIN, ROLE_OPERATOR, ROLE_USER, ROLE_AUDITOR};

/* What the table asks for, worked out here once more and in another way than in the device. */
static uint16_t wanted(const struct command_info *c, uint8_t state, enum actor who)
{
    static const uint8_t bit[] = {0,
                                  COMMAND_IN_BLANK,
                                  COMMAND_IN_LOCKED,
                                  COMMAND_IN_READY,
                                  COMMAND_IN_FAILED,
                                  COMMAND_IN_TERMINATED,
                                  COMMAND_IN_TESTING};
    if (!(c->states & bit[state]))
        return state == STATE_FAILED ? SW_DEVICE_FAILED : SW_WRONG_STATE;
    if (c->ins == INS_CHANNEL_SEALED) /* P1 P2 are those of a secure channel */
        return SW_CHANNEL_BROKEN;
    if (who == STRANGER)
        return SW_NO_SESSION;
    if (c->roles == COMMAND_ANYONE)
        return SW_OK;
    if (who == NOBODY)
        return SW_NO_SESSION;
    if (c->roles == COMMAND_SESSION)
        return SW_OK;
    return actor_role[who] && (c->roles & actor_role[who]) ? SW_OK : SW_NOT_AUTHORISED;
}

static void walk(uint8_t state, bool sessions)
{
    static const uint8_t data[3] = {0xFF, 0xFF, 0xFF};
    uint16_t channel[ACTORS] = {0, 0x7777};
    struct info_rsp info;
    if (sessions) {
        channel[SESSION] = dev_session(&dv);
        channel[ADMIN] = dev_login(&dv, DEV_ADMIN);
        channel[OPERATOR] = dev_login(&dv, DEV_OPERATOR);
        channel[USER] = dev_login(&dv, DEV_USER);
        channel[AUDITOR] = dev_login(&dv, DEV_AUDITOR);
    }
    for (size_t i = 0; i < proto_command_count; i++) {
        const struct command_info *c = &proto_commands[i];
        for (enum actor who = NOBODY; who < (sessions ? ACTORS : SESSION); who++) {
            const uint16_t sw = dev_call(&dv, channel[who], c->ins, data, sizeof data);
            const uint16_t due = wanted(c, state, who);
            const uint16_t admitted = c->ins == INS_HASH_UPDATE      ? SW_STEP
                                      : c->ins == INS_RESTORE_OBJECT ? SW_WRONG_WRAP
                                                                     : SW_WRONG_LENGTH;
            ck_assert_msg(sw == (due == SW_OK ? admitted : due),
                          "%s in state %d by %s: %04X, not %04X", c->name, state, actor_name[who],
                          sw, due);
            ck_assert_uint_eq(dv.response_size, 0);
        }
    }
    info = dev_info(&dv);
    ck_assert_uint_eq(info.state, state);
    ck_assert_uint_eq(info.sessions, sessions ? 5 : 0);
}

START_TEST(in_blank)
{
    dev_open(&dv);
    walk(STATE_BLANK, false);
    dev_close(&dv);
}
END_TEST

START_TEST(in_testing)
{
    dev_prepare(&dv);
    dv.config.start_up_test = true;
    dev_start(&dv);
    walk(STATE_TESTING, false);
    dev_close(&dv);
}
END_TEST

START_TEST(in_locked)
{
    dev_open(&dv);
    dev_init(&dv, INIT_ATTENDED);
    dev_reboot(&dv);
    walk(STATE_LOCKED, true);
    dev_close(&dv);
}
END_TEST

START_TEST(in_ready)
{
    dev_open(&dv);
    dev_init(&dv, 0);
    walk(STATE_READY, true);
    dev_close(&dv);
}
END_TEST

START_TEST(in_failed)
{
    dev_open(&dv);
    dev_init(&dv, 0);
    dv.rng_stuck = true;
    dev_reboot(&dv);
    walk(STATE_FAILED, false);
    dev_close(&dv);
}
END_TEST

START_TEST(in_terminated)
{
    dev_open(&dv);
    dev_init(&dv, 0);
    MUST(do_terminate(&dv, dev_login(&dv, DEV_ADMIN), &(struct terminate_req){0}, NULL));
    walk(STATE_TERMINATED, false);
    dev_reboot(&dv);
    walk(STATE_TERMINATED, false);
    dev_close(&dv);
}
END_TEST

/* The table itself: what must never be open to everybody is not. */
START_TEST(table)
{
    for (size_t i = 0; i < proto_command_count; i++) {
        const struct command_info *c = &proto_commands[i];
        ck_assert_msg(c->roles == COMMAND_ANYONE || c->roles == COMMAND_SESSION ||
                          (c->roles && !(c->roles & (COMMAND_ANYONE | COMMAND_SESSION))),
                      "%s mixes roles", c->name);
        if (c->states & COMMAND_IN_FAILED)
            ck_assert_msg(c->ins == INS_INFO || c->ins == INS_CAPABILITIES ||
                              c->ins == INS_SELFTEST,
                          "%s", c->name);
        if (c->states & COMMAND_IN_TERMINATED)
            ck_assert_msg(c->ins == INS_INFO || c->ins == INS_CAPABILITIES, "%s", c->name);
        for (size_t j = 0; j < i; j++)
            ck_assert_uint_ne(proto_commands[j].ins, c->ins);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_matrix");
    TCase *t = suite_case(s, "matrix", 60, NULL, NULL);
    tcase_add_test(t, table);
    tcase_add_test(t, in_blank);
    tcase_add_test(t, in_testing);
    tcase_add_test(t, in_locked);
    tcase_add_test(t, in_ready);
    tcase_add_test(t, in_failed);
    tcase_add_test(t, in_terminated);
    return suite_run(s);
}
