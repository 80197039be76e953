/* The chain of the audit log, its checkpoints, its end, and a device that stops when it is full. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "firmware/crypto/sm2.h"
#include "firmware/crypto/sm3.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"

static struct dev dv;

static void small(uint8_t flags)
{
    dev_small(&dv);
    dev_init(&dv, flags);
}

static void ring(void)
{
    small(0);
}

static void stops(void)
{
    small(INIT_AUDIT_STOPS);
}

static void off(void)
{
    dev_close(&dv);
}

/* All records: each follows from the one before. hash: of the last. */
static struct log_read_rsp whole_chain(uint16_t ch, uint8_t hash[32])
{
    static uint8_t copy[65536];
    struct log_read_rsp r;
    struct log_entry e;
    struct rd in;
    uint64_t sequence = 0;
    MUST(do_log_read(&dv, ch, &(struct log_read_req){0}, &r));
    memcpy(copy, r.entries.data, r.entries.size);
    for (rd_init(&in, copy, r.entries.size); rd_left(&in);) {
        const uint8_t *record = copy + r.entries.size - rd_left(&in);
        ck_assert(log_entry_get(&in, &e));
        if (sequence)
            ck_assert_mem_eq(e.previous, hash, 32);
        else if (e.sequence == 1)
            for (int i = 0; i < 32; i++)
                ck_assert_uint_eq(e.previous[i], 0);
        ck_assert(!sequence || e.sequence == sequence + 1);
        sequence = e.sequence;
        sm3_digest(record, (size_t)(copy + r.entries.size - rd_left(&in) - record), hash);
    }
    ck_assert_uint_eq(sequence, r.last);
    return r;
}

/* A checkpoint: signed by the device's own key, about this record and hash. */
static uint64_t checkpoint(uint16_t ch, const uint8_t hash[32])
{
    struct log_checkpoint_rsp r;
    struct log_statement s;
    struct identity_rsp i;
    struct rd in;
    uint8_t statement[69], signature[64], pub[64], e[32];
    MUST(do_log_checkpoint(&dv, ch, &(struct log_checkpoint_req){0}, &r));
    memcpy(statement, r.statement, sizeof statement);
    memcpy(signature, r.signature, sizeof signature);
    MUST(do_identity(&dv, 0, &(struct identity_req){0}, &i));
    memcpy(pub, i.public, sizeof pub);
    rd_init(&in, statement, sizeof statement);
    ck_assert(log_statement_get(&in, &s) && rd_done(&in));
    ck_assert_mem_eq(s.magic, "HFLC", 4);
    ck_assert_mem_eq(s.serial, dv.d->identity.serial, 16);
    if (hash)
        ck_assert_mem_eq(s.hash, hash, 32);
    ck_assert_int_eq(sm2_digest(sm2_default_id, 16, pub, statement, sizeof statement, e), 0);
    ck_assert_int_eq(sm2_verify(dv.d->engine->sm2, pub, e, signature), 0);
    statement[40] ^= 1;
    ck_assert_int_eq(sm2_digest(sm2_default_id, 16, pub, statement, sizeof statement, e), 0);
    ck_assert_int_ne(sm2_verify(dv.d->engine->sm2, pub, e, signature), 0);
    return s.sequence;
}

static uint16_t truncate(uint16_t ch, uint64_t through)
{
    return do_log_truncate(&dv, ch, &(struct log_truncate_req){through}, NULL);
}

/* ---------------------------------------------------------------- ring */

START_TEST(chain_over_starts_and_rounds)
{
    uint8_t hash[32];
    uint16_t ch = dev_login(&dv, DEV_AUDITOR);
    for (int turn = 0; turn < 150; turn++) {
        MUST(dev_pin(&dv, ch, DEV_AUDITOR, DEV_AUDITOR_PIN));
        if (turn % 40 == 39) {
            dev_reboot(&dv);
            ch = dev_login(&dv, DEV_AUDITOR);
        }
        if (turn % 10 == 0) {
            const struct log_read_rsp r = whole_chain(ch, hash);
            ck_assert_uint_eq(checkpoint(ch, hash), r.last);
        }
    }
}
END_TEST

START_TEST(truncation)
{
    uint8_t hash[32];
    const uint16_t ch = dev_login(&dv, DEV_AUDITOR), operator= dev_login(&dv, DEV_OPERATOR);
    for (int i = 0; i < 40; i++)
        MUST(dev_pin(&dv, ch, DEV_AUDITOR, DEV_AUDITOR_PIN));
    uint64_t last = whole_chain(ch, hash).last;
    MUST_BE(SW_WRONG_DATA, truncate(ch, 1)); /* nothing was stated yet */
    last = checkpoint(operator, NULL);
    MUST_BE(SW_NOT_AUTHORISED, truncate(operator, 1));
    MUST_BE(SW_NOT_AUTHORISED, truncate(dev_login(&dv, DEV_ADMIN), 1));
    MUST_BE(SW_WRONG_DATA, truncate(ch, last + 1));
    MUST_BE(SW_WRONG_DATA, truncate(ch, 0));
    MUST(truncate(ch, 3));
    ck_assert_uint_eq(whole_chain(ch, hash).first, 4);
    MUST_BE(SW_WRONG_DATA, truncate(ch, 3));
    MUST(truncate(ch, last)); /* more than one transaction */
    ck_assert_uint_eq(whole_chain(ch, hash).first, last + 1);
    dev_reboot(&dv);
    const uint16_t again = dev_login(&dv, DEV_AUDITOR);
    ck_assert_uint_eq(whole_chain(again, hash).first, last + 1);
    MUST_BE(SW_WRONG_DATA, truncate(again, last + 1)); /* the checkpoint was of another start */
}
END_TEST

/* Wherever the power fails in a truncation, what is left is a whole chain to its end. */
START_TEST(cut_truncation)
{
    bool done = false;
    for (uint64_t cut = 0; !done; cut++) {
        uint8_t hash[32];
        uint16_t ch = dev_login(&dv, DEV_AUDITOR);
        for (int i = 0; i < 40; i++)
            MUST(dev_pin(&dv, ch, DEV_AUDITOR, DEV_AUDITOR_PIN));
        const uint64_t through = checkpoint(ch, NULL);
        const uint64_t first = whole_chain(ch, hash).first;
        dv.sim.cut = cut % 2 ? NVM_CUT_LOST : NVM_CUT_ALL;
        dv.sim.cut_at = dv.sim.count + cut;
        done = truncate(ch, through) == SW_OK;
        dv.sim.cut_at = UINT64_MAX;
        dev_reboot(&dv);
        ch = dev_login(&dv, DEV_AUDITOR);
        const struct log_read_rsp r = whole_chain(ch, hash);
        ck_assert_uint_ge(r.first, first);
        ck_assert_uint_le(r.first, through + 1);
        ck_assert_uint_ge(r.last, through);
        ck_assert(!done || r.first == through + 1);
        checkpoint(ch, hash);
    }
}
END_TEST

/* ---------------------------------------------------------------- a full log stops the device */

START_TEST(stops_when_full)
{
    uint8_t hash[32];
    const uint16_t ch = dev_login(&dv, DEV_AUDITOR), user = dev_login(&dv, DEV_USER);
    const uint32_t key = dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
    const uint8_t e[32] = {1};
    const struct sign_req sign = {.handle = key, .scheme = SIGN_SM2, .data = {e, sizeof e}};
    uint16_t sw = SW_OK;
    for (int i = 0; i < 100 && sw == SW_OK; i++)
        sw = do_object_label(&dv, user, &(struct object_label_req){.handle = key}, NULL);
    MUST_BE(SW_LOG_FULL, sw);
    MUST_BE(SW_LOG_FULL, do_sign(&dv, user, &sign, NULL));
    MUST_BE(SW_LOG_FULL, do_random(&dv, user, &(struct random_req){16}, NULL));
    const uint16_t other = dev_session(&dv);
    MUST_BE(SW_LOG_FULL, dev_pin(&dv, other, DEV_USER, DEV_USER_PIN));
    MUST_BE(SW_LOG_FULL, dev_pin(&dv, other, DEV_OPERATOR, "wrong-pin"));
    MUST(do_object_info(&dv, user, &(struct object_info_req){key}, NULL)); /* needs no record */
    ck_assert_uint_eq(whole_chain(ch, hash).first, 1);                     /* nothing was lost */
    dev_reboot(&dv);
    MUST_BE(SW_LOG_FULL, dev_pin(&dv, dev_session(&dv), DEV_USER, DEV_USER_PIN));
    const uint16_t again = dev_login(&dv, DEV_AUDITOR);
    const uint64_t last = whole_chain(again, hash).last;
    ck_assert_uint_eq(checkpoint(again, hash), last);
    MUST(truncate(again, last));
    MUST(do_sign(&dv, dev_login(&dv, DEV_USER), &sign, NULL));
    ck_assert_uint_eq(whole_chain(again, hash).first, last + 1);
}
END_TEST

/* An administrator can still help: an auditor's PIN, or the end. */
START_TEST(full_and_administered)
{
    const uint16_t user = dev_login(&dv, DEV_USER);
    const uint32_t key = dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
    while (do_object_label(&dv, user, &(struct object_label_req){.handle = key}, NULL) == SW_OK)
        ;
    const uint16_t admin = dev_login(&dv, DEV_ADMIN);
    MUST(do_pin_unblock(&dv, admin, &(struct pin_unblock_req){DEV_AUDITOR, dev_text("another-pin")},
                        NULL));
    MUST(dev_pin(&dv, dev_session(&dv), DEV_AUDITOR, "another-pin"));
    MUST(do_zeroise(&dv, admin, &(struct zeroise_req){0}, NULL));
}
END_TEST

/* Whatever fills the reserve as well, the auditor still gets in and makes room. */
START_TEST(brimful)
{
    uint8_t hash[32];
    const uint16_t user = dev_login(&dv, DEV_USER);
    const uint32_t key = dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
    while (do_object_label(&dv, user, &(struct object_label_req){.handle = key}, NULL) == SW_OK)
        ;
    for (int i = 0; i < 60; i++) {
        dev_reboot(&dv);
        dev_login(&dv, DEV_AUDITOR);
    }
    const uint16_t ch = dev_login(&dv, DEV_AUDITOR);
    MUST_BE(SW_LOG_FULL, dev_pin(&dv, dev_session(&dv), DEV_ADMIN, DEV_ADMIN_PIN));
    const struct log_read_rsp r = whole_chain(ch, hash);
    ck_assert_uint_eq(r.first, 1);
    ck_assert_uint_eq(r.last, 64 + 16);
    ck_assert_uint_eq(checkpoint(ch, hash), r.last);
    MUST(truncate(ch, 10));
    const struct log_read_rsp after = whole_chain(ch, hash);
    ck_assert_uint_eq(after.first, 11);
    ck_assert_uint_eq(after.last, r.last + 1); /* the truncation itself */
    MUST(truncate(ch, r.last));
    MUST(dev_pin(&dv, dev_session(&dv), DEV_USER, DEV_USER_PIN));
}
END_TEST

START_TEST(identity_is_of_its_life)
{
    struct identity_rsp r;
    uint8_t pub[64];
    MUST(do_identity(&dv, 0, &(struct identity_req){0}, &r));
    memcpy(pub, r.public, sizeof pub);
    dev_reboot(&dv);
    MUST(do_identity(&dv, 0, &(struct identity_req){0}, &r));
    ck_assert_mem_eq(pub, r.public, sizeof pub);
    MUST(do_zeroise(&dv, dev_login(&dv, DEV_ADMIN), &(struct zeroise_req){0}, NULL));
    MUST_BE(SW_WRONG_STATE, do_identity(&dv, 0, &(struct identity_req){0}, NULL));
    dev_init(&dv, 0);
    MUST(do_identity(&dv, 0, &(struct identity_req){0}, &r));
    ck_assert_mem_ne(pub, r.public, sizeof pub);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_audit");
    TCase *t = suite_case(s, "ring", 120, ring, off);
    tcase_add_test(t, chain_over_starts_and_rounds);
    tcase_add_test(t, truncation);
    tcase_add_test(t, cut_truncation);
    tcase_add_test(t, identity_is_of_its_life);
    t = suite_case(s, "stops", 120, stops, off);
    tcase_add_test(t, stops_when_full);
    tcase_add_test(t, full_and_administered);
    tcase_add_test(t, brimful);
    return suite_run(s);
}
