/* Two devices and five custodians: shares of a wrap-domain key, and what goes wrong with them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "firmware/crypto/sm2.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"

enum { CUSTODIANS = 5, THRESHOLD = 3 };

static struct dev from, to;
static uint8_t d[CUSTODIANS][32], pub[CUSTODIANS][64]; /* of the custodians */
static uint8_t boxes[CUSTODIANS][DOMAIN_BOX];
static uint16_t from_admin, to_admin;

static uint16_t split(uint8_t (*out)[DOMAIN_BOX])
{
    struct domain_split_rsp r;
    const uint16_t sw = do_domain_split(
        &from, from_admin, &(struct domain_split_req){THRESHOLD, {pub[0], sizeof pub}}, &r);
    if (sw == SW_OK) {
        ck_assert_uint_eq(r.boxes.size, CUSTODIANS * DOMAIN_BOX);
        memcpy(out, r.boxes.data, r.boxes.size);
    }
    return sw;
}

static void small(struct dev *dv)
{
    dev_small(dv);
    dev_init(dv, 0);
}

static void on(void)
{
    small(&from);
    small(&to);
    from_admin = dev_login(&from, DEV_ADMIN);
    to_admin = dev_login(&to, DEV_ADMIN);
    for (int i = 0; i < CUSTODIANS; i++)
        ck_assert_int_eq(sm2_keygen(from.d->engine->sm2, &from.d->rng, d[i], pub[i]), 0);
    MUST(split(boxes));
}

static void off(void)
{
    dev_close(&from);
    dev_close(&to);
}

/* The device that joins: its key for shares, signed by the device. */
static void begin(uint8_t key[64])
{
    struct domain_begin_rsp r;
    struct join_statement s;
    struct identity_rsp identity;
    struct rd in;
    uint8_t statement[85], signature[64], e[32];
    MUST(do_domain_begin(&to, to_admin, &(struct domain_begin_req){0}, &r));
    memcpy(statement, r.statement, sizeof statement);
    memcpy(signature, r.signature, sizeof signature);
    rd_init(&in, statement, sizeof statement);
    ck_assert(join_statement_get(&in, &s) && rd_done(&in));
    ck_assert_mem_eq(s.magic, "HFJN", 4);
    ck_assert_mem_eq(s.serial, to.d->identity.serial, DEVICE_SERIAL);
    memcpy(key, s.public, 64);
    MUST(do_identity(&to, 0, &(struct identity_req){0}, &identity));
    ck_assert_int_eq(sm2_digest(sm2_default_id, 16, identity.public, statement, 85, e), 0);
    ck_assert_int_eq(sm2_verify(to.d->engine->sm2, identity.public, e, signature), 0);
}

/* What custodian i does with a box. */
static void open_box(int i, const uint8_t box[DOMAIN_BOX], uint8_t share[DOMAIN_SHARE])
{
    ck_assert_int_eq(sm2_decrypt(d[i], box, DOMAIN_BOX, share), 0);
}

static uint16_t give_share(const uint8_t share[DOMAIN_SHARE], const uint8_t key[64])
{
    uint8_t box[DOMAIN_BOX];
    ck_assert_int_eq(sm2_encrypt(&from.d->rng, key, share, DOMAIN_SHARE, box), 0);
    return do_domain_give(&to, to_admin, &(struct domain_give_req){box}, NULL);
}

static uint16_t give(int i, const uint8_t key[64])
{
    uint8_t share[DOMAIN_SHARE];
    open_box(i, boxes[i], share);
    return give_share(share, key);
}

static uint16_t join(void)
{
    return do_domain_join(&to, to_admin, &(struct domain_join_req){0}, NULL);
}

/* A key of the first device, taken in by the second. */
static uint16_t move_key(void)
{
    const uint16_t user = dev_login(&from, DEV_USER), other = dev_login(&to, DEV_USER);
    const uint32_t handle = dev_key(&from, user, KEY_SM2, USAGE_SIGN | USAGE_EXPORT_WRAPPED);
    struct key_export_rsp r;
    uint8_t header[38], record[LIMIT_WRAPPED_MAX];
    MUST(do_key_export(&from, user, &(struct key_export_req){handle}, &r));
    const size_t n = r.record.size;
    memcpy(header, r.header, sizeof header);
    memcpy(record, r.record.data, n);
    return do_key_import(&to, other,
                         &(struct key_import_req){.header = header, .record = {record, n}}, NULL);
}

START_TEST(any_three_of_five)
{
    for (int a = 0; a < CUSTODIANS; a++)
        for (int b = a + 1; b < CUSTODIANS; b++)
            for (int c = b + 1; c < CUSTODIANS; c++) {
                uint8_t key[64];
                begin(key);
                MUST(give(c, key));
                MUST(give(a, key));
                MUST_BE(SW_STEP, join());
                MUST(give(b, key));
                MUST(join());
                ck_assert_mem_eq(to.d->domain_key, from.d->domain_key, DOMAIN_KEY);
                MUST_BE(SW_STEP, join()); /* nothing is left of it */
                MUST_BE(SW_STEP, give(a, key));
            }
}
END_TEST

START_TEST(keys_move_then)
{
    uint8_t key[64];
    MUST_BE(SW_WRONG_WRAP, move_key());
    begin(key);
    for (int i = 0; i < THRESHOLD; i++)
        MUST(give(i, key));
    MUST(join());
    MUST(move_key());
    dev_reboot(&to);
    to_admin = dev_login(&to, DEV_ADMIN);
    MUST(move_key());
}
END_TEST

START_TEST(wrong_shares)
{
    uint8_t key[64], share[DOMAIN_SHARE], other[CUSTODIANS][DOMAIN_BOX];
    MUST_BE(SW_STEP, give(0, pub[0])); /* before DOMAIN BEGIN */
    begin(key);
    MUST_BE(SW_SHARE_WRONG, give(0, pub[1])); /* encrypted to somebody else */
    MUST(give(0, key));
    MUST_BE(SW_SHARE_WRONG, give(0, key)); /* again */
    MUST(split(other));
    open_box(1, other[1], share);
    MUST_BE(SW_SHARE_WRONG, give_share(share, key)); /* of another split */
    open_box(1, boxes[1], share);
    for (int i = 0; i < DOMAIN_SHARE; i++) {
        share[i] ^= 1;
        MUST_BE(SW_SHARE_WRONG, give_share(share, key)); /* changed */
        share[i] ^= 1;
    }
    MUST(give_share(share, key));
    MUST_BE(SW_STEP, join()); /* too few */
    MUST(give(2, key));
    MUST_BE(SW_STEP, give(3, key)); /* enough */
    uint8_t mine[DOMAIN_KEY];
    memcpy(mine, to.d->domain_key, sizeof mine);
    to.d->joining.value[1][0] ^= 1; /* as if a share lied and its check did not */
    MUST_BE(SW_SHARE_WRONG, join());
    ck_assert_mem_eq(to.d->domain_key, mine, sizeof mine);
    for (size_t i = 0; i < sizeof to.d->joining; i++)
        ck_assert_uint_eq(((const uint8_t *)&to.d->joining)[i], 0);
}
END_TEST

START_TEST(wrong_calls)
{
    const uint16_t user = dev_login(&from, DEV_USER), operator= dev_login(&from, DEV_OPERATOR);
    struct domain_split_req q = {1, {pub[0], sizeof pub}};
    MUST_BE(SW_WRONG_DATA, do_domain_split(&from, from_admin, &q, NULL));
    q.threshold = CUSTODIANS + 1;
    MUST_BE(SW_WRONG_DATA, do_domain_split(&from, from_admin, &q, NULL));
    q = (struct domain_split_req){2, {pub[0], sizeof pub - 1}};
    MUST_BE(SW_WRONG_DATA, do_domain_split(&from, from_admin, &q, NULL));
    pub[2][5] ^= 1;
    MUST_BE(SW_BAD_PUBLIC_KEY, split(boxes));
    MUST_BE(SW_NOT_AUTHORISED, do_domain_split(&from, user, &q, NULL));
    MUST_BE(SW_NOT_AUTHORISED,
            do_domain_begin(&from, operator, &(struct domain_begin_req){0}, NULL));
}
END_TEST

/* The power fails anywhere in DOMAIN JOIN: the old domain or the new one, and no shares. */
START_TEST(cut_join)
{
    bool done = false;
    for (uint64_t cut = 0; !done; cut++) {
        uint8_t key[64], mine[DOMAIN_KEY];
        MUST(do_zeroise(&to, to_admin, &(struct zeroise_req){0}, NULL));
        dev_init(&to, 0);
        to_admin = dev_login(&to, DEV_ADMIN);
        memcpy(mine, to.d->domain_key, sizeof mine);
        begin(key);
        for (int i = 0; i < THRESHOLD; i++)
            MUST(give(i, key));
        to.sim.cut = cut % 2 ? NVM_CUT_LOST : NVM_CUT_ALL;
        to.sim.cut_at = to.sim.count + cut;
        done = join() == SW_OK;
        to.sim.cut_at = UINT64_MAX;
        dev_reboot(&to);
        to_admin = dev_login(&to, DEV_ADMIN);
        const bool was = !memcmp(to.d->domain_key, mine, sizeof mine);
        const bool is = !memcmp(to.d->domain_key, from.d->domain_key, sizeof mine);
        ck_assert(was != is);
        ck_assert(!done || is);
        MUST_BE(SW_STEP, join());
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_domain");
    TCase *t = suite_case(s, "domain", 120, on, off);
    tcase_add_test(t, any_three_of_five);
    tcase_add_test(t, keys_move_then);
    tcase_add_test(t, wrong_shares);
    tcase_add_test(t, wrong_calls);
    tcase_add_test(t, cut_join);
    return suite_run(s);
}
