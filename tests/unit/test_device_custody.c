/* An attended device that three of five custodians open, and what does not open it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "firmware/crypto/sm2.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"

enum { CUSTODIANS = 5, THRESHOLD = 3 };

static struct dev dv;
static uint8_t d[CUSTODIANS][32], pub[CUSTODIANS][64]; /* of the custodians */
static uint8_t shares[CUSTODIANS][DOMAIN_SHARE];
static uint16_t operator;
static uint8_t key[64]; /* of CUSTODY BEGIN */

/* What the custodians have in their hands after a split. */
static uint16_t split(uint8_t (*out)[DOMAIN_SHARE])
{
    struct custody_split_rsp r;
    const uint16_t sw =
        do_custody_split(&dv, dev_login(&dv, DEV_ADMIN),
                         &(struct custody_split_req){THRESHOLD, {pub[0], sizeof pub}}, &r);
    for (int i = 0; sw == SW_OK && i < CUSTODIANS; i++)
        ck_assert_int_eq(sm2_decrypt(d[i], r.boxes.data + i * DOMAIN_BOX, DOMAIN_BOX, out[i]), 0);
    return sw;
}

static void lock(void)
{
    dev_reboot(&dv);
    operator= dev_login(&dv, DEV_OPERATOR);
    ck_assert_uint_eq(device_state(dv.d), STATE_LOCKED);
}

static void begin(void)
{
    struct custody_begin_rsp r;
    struct join_statement s;
    struct rd in;
    MUST(do_custody_begin(&dv, operator, &(struct custody_begin_req){0}, &r));
    rd_init(&in, r.statement, 85);
    ck_assert(join_statement_get(&in, &s) && rd_done(&in));
    memcpy(key, s.public, 64);
}

static uint16_t give(const uint8_t share[DOMAIN_SHARE])
{
    uint8_t box[DOMAIN_BOX];
    ck_assert_int_eq(sm2_encrypt(&dv.d->rng, key, share, DOMAIN_SHARE, box), 0);
    return do_custody_give(&dv, operator, &(struct custody_give_req){box}, NULL);
}

static uint16_t unlock(void)
{
    return do_custody_unlock(&dv, operator, &(struct custody_unlock_req){0}, NULL);
}

static void open_with(uint8_t (*with)[DOMAIN_SHARE])
{
    begin();
    for (int i = 0; i < THRESHOLD; i++)
        MUST(give(with[CUSTODIANS - 1 - i]));
    MUST(unlock());
}

static uint16_t unlock_with_secret(void)
{
    return do_unlock(&dv, 0, &(struct unlock_req){dev_text(DEV_UNLOCK)}, NULL);
}

/* No share, nothing that shares make, no master key anywhere in memory while LOCKED. */
static void no_trace(const uint8_t master[32])
{
    ck_assert_uint_eq(device_state(dv.d), STATE_LOCKED);
    ck_assert(!dev_remembers(&dv, master, 16));
    for (size_t i = 0; i < sizeof dv.d->joining; i++)
        ck_assert_uint_eq(((const uint8_t *)&dv.d->joining)[i], 0);
}

static void on(void)
{
    dev_small(&dv);
    dev_init(&dv, INIT_ATTENDED);
    for (int i = 0; i < CUSTODIANS; i++)
        ck_assert_int_eq(sm2_keygen(dv.d->engine->sm2, &dv.d->rng, d[i], pub[i]), 0);
    dev_key(&dv, dev_login(&dv, DEV_USER), KEY_SM2, USAGE_SIGN);
    MUST(split(shares));
}

static void off(void)
{
    dev_close(&dv);
}

START_TEST(any_three_of_five)
{
    for (int a = 0; a < CUSTODIANS; a++)
        for (int b = a + 1; b < CUSTODIANS; b++)
            for (int c = b + 1; c < CUSTODIANS; c++) {
                static const uint8_t e[32];
                lock();
                begin();
                MUST(give(shares[b]));
                MUST(give(shares[c]));
                MUST_BE(SW_STEP, unlock());
                MUST(give(shares[a]));
                MUST(unlock());
                MUST(do_sign(&dv, dev_login(&dv, DEV_USER),
                             &(struct sign_req){.handle = 1, .scheme = SIGN_SM2, .data = {e, 32}},
                             NULL));
                MUST_BE(SW_WRONG_STATE, unlock());
            }
    lock();
    MUST(unlock_with_secret()); /* which opens it, too */
}
END_TEST

START_TEST(wrong_shares)
{
    uint8_t other[CUSTODIANS][DOMAIN_SHARE], old[CUSTODIANS][DOMAIN_SHARE], master[32];
    memcpy(old, shares, sizeof old);
    MUST(split(shares));
    memcpy(master, dv.d->master, 32);
    lock();
    memcpy(key, pub[0], sizeof key);
    MUST_BE(SW_STEP, give(shares[0])); /* nobody asked */
    MUST_BE(SW_STEP, unlock());
    begin();
    MUST(give(shares[0]));
    MUST_BE(SW_SHARE_WRONG, give(shares[0]));
    MUST_BE(SW_SHARE_WRONG, give(old[1])); /* two splits do not mix */
    memcpy(other, shares, sizeof other);
    for (int i = 0; i < DOMAIN_SHARE; i++) {
        other[1][i] ^= 1;
        MUST_BE(SW_SHARE_WRONG, give(other[1]));
        other[1][i] ^= 1;
    }
    MUST(give(shares[1]));
    MUST_BE(SW_STEP, unlock());
    MUST(give(shares[2]));
    MUST_BE(SW_STEP, give(shares[3])); /* there are enough */
    dv.d->joining.value[2][7] ^= 1;    /* a custodian who lies well */
    MUST_BE(SW_SHARE_WRONG, unlock());
    no_trace(master);
    MUST_BE(SW_STEP, unlock());
    open_with(old); /* the new shares have not been used yet */
    lock();
    open_with(shares);
    lock();
    begin(); /* whole, and void */
    for (int i = 0; i < THRESHOLD; i++)
        MUST(give(old[i]));
    MUST_BE(SW_SHARE_WRONG, unlock());
    no_trace(master);
    open_with(shares);
}
END_TEST

/* Shares of the wrap domain are none of these, and the other way round. */
START_TEST(of_the_domain)
{
    struct domain_split_rsp r;
    struct domain_begin_rsp b;
    struct join_statement s;
    struct rd in;
    uint8_t domain[CUSTODIANS][DOMAIN_SHARE], box[DOMAIN_BOX];
    const uint16_t admin = dev_login(&dv, DEV_ADMIN);
    MUST(do_domain_split(&dv, admin, &(struct domain_split_req){THRESHOLD, {pub[0], sizeof pub}},
                         &r));
    for (int i = 0; i < CUSTODIANS; i++)
        ck_assert_int_eq(sm2_decrypt(d[i], r.boxes.data + i * DOMAIN_BOX, DOMAIN_BOX, domain[i]),
                         0);
    MUST(do_domain_begin(&dv, admin, &(struct domain_begin_req){0}, &b));
    rd_init(&in, b.statement, 85);
    ck_assert(join_statement_get(&in, &s));
    ck_assert_int_eq(sm2_encrypt(&dv.d->rng, s.public, shares[0], DOMAIN_SHARE, box), 0);
    MUST_BE(SW_SHARE_WRONG, do_domain_give(&dv, admin, &(struct domain_give_req){box}, NULL));
    lock();
    begin();
    MUST_BE(SW_SHARE_WRONG, give(domain[0]));
    MUST(give(shares[0]));
}
END_TEST

static uint16_t only(void)
{
    return do_custody_only(&dv, dev_login(&dv, DEV_ADMIN), &(struct custody_only_req){0}, NULL);
}

START_TEST(shares_only)
{
    const uint8_t none = 0;
    uint16_t admin;
    MUST_BE(SW_STEP, only()); /* nobody has seen that the shares do it */
    lock();
    MUST(unlock_with_secret());
    MUST_BE(SW_STEP, only());
    lock();
    open_with(shares);
    MUST(only());
    admin = dev_login(&dv, DEV_ADMIN);
    const struct view old = dev_text(DEV_UNLOCK), new = dev_text("another-secret");
    MUST_BE(SW_WRONG_DATA,
            do_pin_change(&dv, admin, &(struct pin_change_req){none, old, new}, NULL));
    MUST_BE(SW_WRONG_DATA, do_pin_unblock(&dv, admin, &(struct pin_unblock_req){none, new}, NULL));
    lock();
    MUST_BE(SW_WRONG_DATA, unlock_with_secret());
    open_with(shares);
    MUST(split(shares)); /* other custodians */
    MUST(only());        /* twice is once */
    lock();
    open_with(shares);
    dv.tamper = true; /* and the tamper input ends what they open */
    device_idle(dv.d);
    dv.tamper = false;
    dev_reboot(&dv);
    ck_assert_uint_eq(device_state(dv.d), STATE_BLANK);
}
END_TEST

START_TEST(refusals)
{
    const uint16_t admin = dev_login(&dv, DEV_ADMIN);
    struct custody_split_req q = {1, {pub[0], sizeof pub}};
    MUST_BE(SW_WRONG_DATA, do_custody_split(&dv, admin, &q, NULL));
    MUST_BE(SW_NOT_AUTHORISED, do_custody_split(&dv, dev_login(&dv, DEV_OPERATOR), &q, NULL));
    MUST_BE(SW_WRONG_STATE, do_custody_begin(&dv, admin, &(struct custody_begin_req){0}, NULL));
    lock();
    MUST_BE(SW_NOT_AUTHORISED,
            do_custody_begin(&dv, dev_login(&dv, DEV_USER), &(struct custody_begin_req){0}, NULL));
    off();
    dev_small(&dv);
    dev_init(&dv, 0);
    MUST_BE(SW_WRONG_STATE, split(shares)); /* nothing to open */
}
END_TEST

/* The power fails in a split on a device without a secret: those of before open it, and those that
 * were acknowledged. */
START_TEST(cut_split)
{
    bool done = false;
    lock();
    open_with(shares);
    MUST(only());
    for (uint64_t cut = 0; !done; cut++) {
        uint8_t next[CUSTODIANS][DOMAIN_SHARE];
        struct custody_split_rsp r;
        const uint16_t admin = dev_login(&dv, DEV_ADMIN);
        nvm_sim_cut(&dv.sim, dv.sim.count + cut, cut % 2 ? NVM_CUT_LOST : NVM_CUT_ALL, cut);
        const uint16_t sw = do_custody_split(
            &dv, admin, &(struct custody_split_req){THRESHOLD, {pub[0], sizeof pub}}, &r);
        for (int i = 0; sw == SW_OK && i < CUSTODIANS; i++)
            ck_assert_int_eq(sm2_decrypt(d[i], r.boxes.data + i * DOMAIN_BOX, DOMAIN_BOX, next[i]),
                             0);
        done = sw == SW_OK && !dv.sim.dead;
        lock();
        open_with(shares);
        if (sw != SW_OK)
            continue;
        lock();
        open_with(next);
        memcpy(shares, next, sizeof shares);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_custody");
    TCase *t = suite_case(s, "custody", 120, on, off);
    tcase_add_test(t, any_three_of_five);
    tcase_add_test(t, wrong_shares);
    tcase_add_test(t, of_the_domain);
    tcase_add_test(t, shares_only);
    tcase_add_test(t, refusals);
    tcase_add_test(t, cut_split);
    return suite_run(s);
}
