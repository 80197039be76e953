/* Making keys in batches, tickets, export and import, and what happens to wrapped keys that were
 * touched. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "firmware/crypto/sm2.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

static struct dev dv;
static uint16_t user, operator;

static void log_in(void)
{
    operator= dev_login(&dv, DEV_OPERATOR);
    user = dev_login(&dv, DEV_USER);
}

static void set_up(void)
{
    dev_open(&dv);
    dev_init(&dv, 0);
    log_in();
}

static void off(void)
{
    dev_close(&dv);
}

static uint16_t batch(uint16_t ch, uint8_t type, uint32_t usage, uint32_t count, uint64_t ack,
                      struct key_batch_rsp *r)
{
    return do_key_batch(&dv, ch, &(struct key_batch_req){type, usage, count, ack}, r);
}

static uint16_t fetch(uint16_t ch, uint64_t ticket, struct key_fetch_rsp *r)
{
    return do_key_fetch(&dv, ch, &(struct key_fetch_req){ticket}, r);
}

static uint16_t ack(uint16_t ch, uint64_t ticket)
{
    return do_key_ack(&dv, ch, &(struct key_ack_req){ticket}, NULL);
}

static uint16_t import(uint16_t ch, const uint8_t *header, uint32_t index, const uint8_t *record,
                       size_t n, uint32_t *handle)
{
    struct key_import_rsp r = {0};
    const uint16_t sw = do_key_import(
        &dv, ch,
        &(struct key_import_req){header, index, {record, n}, dev_text("in"), dev_text("7")}, &r);
    if (handle)
        *handle = r.handle;
    return sw;
}

/* Signs with the key, verifies with the public key given: they belong together. */
static void pair_works(uint16_t ch, uint32_t handle, uint8_t type, const uint8_t *pub, size_t n)
{
    uint8_t e[32], sig[512];
    struct sign_rsp s;
    const bool sm2 = type == KEY_SM2, ec = type == KEY_P256 || type == KEY_P384;
    test_random(e, sizeof e);
    MUST(do_sign(&dv, ch,
                 &(struct sign_req){.handle = handle,
                                    .scheme = sm2  ? SIGN_SM2
                                              : ec ? SIGN_ECDSA
                                                   : SIGN_RSA_PKCS1,
                                    .hash = sm2 ? DIGEST_NONE : DIGEST_SHA256,
                                    .data = {e, 32}},
                 &s));
    memcpy(sig, s.signature.data, s.signature.size);
    MUST(do_verify(&dv, 0,
                   &(struct verify_req){.type = type,
                                        .public = {pub, n},
                                        .scheme = sm2  ? SIGN_SM2
                                                  : ec ? SIGN_ECDSA
                                                       : SIGN_RSA_PKCS1,
                                        .hash = sm2 ? DIGEST_NONE : DIGEST_SHA256,
                                        .signature = {sig, s.signature.size},
                                        .data = {e, 32}},
                   NULL));
}

/* ---------------------------------------------------------------- batches */

START_TEST(sm2_batches)
{
    static const uint32_t counts[] = {1, 2, 7, 8, 9, 31, 33, 100, 500};
    uint64_t last = 0;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        const uint32_t n = counts[i];
        struct key_batch_rsp r;
        MUST(batch(user, KEY_SM2, USAGE_SIGN, n, last, &r));
        ck_assert_uint_ne(r.ticket, 0);
        ck_assert_uint_ne(r.ticket, last);
        last = r.ticket;
        ck_assert_uint_eq(r.records.size, n * 112);
        ck_assert_uint_eq(r.status.size, (n + 7) / 8);
        for (uint32_t k = 0; k < 8 * r.status.size; k++)
            ck_assert_uint_eq(r.status.data[k / 8] >> k % 8 & 1, k < n);
        uint8_t *records = malloc(r.records.size), header[38];
        memcpy(records, r.records.data, r.records.size);
        memcpy(header, r.header, 38);
        for (uint32_t k = 0; k < n; k++) {
            ck_assert_int_eq(sm2_public_check(records + 112 * k), 0);
            for (uint32_t j = 0; j < k; j++)
                ck_assert_mem_ne(records + 112 * k, records + 112 * j, 64);
        }
        for (uint32_t k = 0; k < n; k += 1 + n / 5) {
            uint32_t h;
            MUST(import(user, header, k, records + 112 * k, 112, &h));
            pair_works(user, h, KEY_SM2, records + 112 * k, 64);
        }
        free(records);
    }
}
END_TEST

START_TEST(rsa_batch)
{
    struct key_batch_rsp r;
    uint8_t records[2 * 532], header[38];
    uint32_t h;
    MUST(batch(user, KEY_RSA2048, USAGE_SIGN | USAGE_DECRYPT, 2, 0, &r));
    ck_assert_uint_eq(r.records.size, sizeof records);
    memcpy(records, r.records.data, sizeof records);
    memcpy(header, r.header, 38);
    for (uint32_t k = 0; k < 2; k++) {
        MUST(import(user, header, k, records + 532 * k, 532, &h));
        pair_works(user, h, KEY_RSA2048, records + 532 * k, 260);
    }
}
END_TEST

/* ---------------------------------------------------------------- its record is written early */

static unsigned syncs_started;
static bool ruin;

static void sync_start(void *ctx)
{
    (void)ctx;
    syncs_started++;
    if (ruin) /* there will be no keys */
        dv.d->random.failed = true;
}

/* Records of KEY BATCH with this status word. */
static unsigned batches_in_log(uint16_t sw)
{
    struct log_read_rsp r;
    struct log_entry e;
    struct rd in;
    unsigned n = 0;
    const uint16_t ch = dev_login(&dv, DEV_AUDITOR);
    MUST(do_log_read(&dv, ch, &(struct log_read_req){0}, &r));
    for (rd_init(&in, r.entries.data, r.entries.size); rd_left(&in);) {
        ck_assert(log_entry_get(&in, &e));
        n += e.command == INS_KEY_BATCH && e.sw == sw;
    }
    MUST(do_session_close(&dv, ch, &(struct session_close_req){0}, NULL));
    return n;
}

START_TEST(record_while_keys_are_made)
{
    struct key_batch_rsp r;
    dv.d->hal.nvm.sync_start = sync_start;
    syncs_started = 0;
    MUST(batch(user, KEY_SM2, USAGE_SIGN, 10, 0, &r));
    ck_assert_uint_eq(syncs_started, 1);
    ck_assert_uint_eq(batches_in_log(SW_OK), 1);
    MUST(batch(user, KEY_RSA2048, USAGE_SIGN, 1, r.ticket, &r)); /* others may have a turn */
    ck_assert_uint_eq(syncs_started, 1);
    ck_assert_uint_eq(batches_in_log(SW_OK), 2);
    MUST_BE(SW_WRONG_DATA, batch(user, KEY_SM2, USAGE_SIGN, 0, 0, &r)); /* refused in time */
    ck_assert_uint_eq(syncs_started, 1);
    ck_assert_uint_eq(batches_in_log(SW_OK), 2);
    ck_assert_uint_eq(batches_in_log(SW_WRONG_DATA), 1);
}
END_TEST

START_TEST(record_of_keys_that_failed)
{
    dv.d->hal.nvm.sync_start = sync_start;
    ruin = true;
    const uint16_t sw = batch(user, KEY_SM2, USAGE_SIGN, 10, 0, NULL);
    ruin = false;
    ck_assert_uint_ne(sw, SW_OK);
    ck_assert_uint_eq(device_state(dv.d), STATE_FAILED);
    dev_reboot(&dv);
    log_in();
    ck_assert_uint_eq(batches_in_log(SW_OK), 1);
    MUST_BE(SW_NO_TICKET, fetch(user, 0, NULL));
}
END_TEST

/* Whatever is left of it, the device and its log are well, and there are no keys. */
START_TEST(record_that_is_cut)
{
    unsigned before = 0, cuts = 0;
    for (uint16_t sw = 0; sw != SW_OK; cuts++) {
        dv.d->hal.nvm.sync_start = sync_start;
        nvm_sim_cut(&dv.sim, dv.sim.count + cuts, (enum nvm_cut)_i, cuts);
        sw = batch(user, KEY_SM2, USAGE_SIGN, 10, 0, NULL);
        dv.sim.cut_at = UINT64_MAX;
        if (sw == SW_OK)
            break;
        dev_reboot(&dv);
        ck_assert_uint_eq(device_state(dv.d), STATE_READY);
        log_in();
        MUST_BE(SW_NO_TICKET, fetch(user, 0, NULL));
        const unsigned now = batches_in_log(SW_OK);
        ck_assert(now == before || now == before + 1);
        before = now;
    }
    ck_assert_uint_ge(cuts, 2); /* a program and a sync at least */
    ck_assert_uint_eq(batches_in_log(SW_OK), before + 1);
}
END_TEST

START_TEST(batch_limits)
{
    struct capabilities_rsp c;
    struct key_batch_rsp r;
    MUST(do_capabilities(&dv, 0, &(struct capabilities_req){0}, &c));
    MUST_BE(SW_WRONG_DATA, batch(user, KEY_SM2, USAGE_SIGN, 0, 0, &r));
    MUST_BE(SW_RESPONSE_TOO_BIG, batch(user, KEY_SM2, USAGE_SIGN, c.batch_max + 1, 0, &r));
    MUST_BE(SW_RESPONSE_TOO_BIG, batch(user, KEY_SM2, USAGE_SIGN, 0xFFFFFFFF, 0, &r));
    MUST_BE(SW_RESPONSE_TOO_BIG, batch(user, KEY_RSA4096, USAGE_SIGN, 100, 0, &r));
    MUST_BE(SW_NOT_SUPPORTED, batch(user, KEY_SM4, USAGE_ENCRYPT, 1, 0, &r));
    MUST_BE(SW_NOT_SUPPORTED, batch(user, 77, USAGE_ENCRYPT, 1, 0, &r));
    MUST_BE(SW_WRONG_DATA, batch(user, KEY_SM2, USAGE_ENCRYPT, 1, 0, &r));
    MUST_BE(SW_WRONG_DATA, batch(user, KEY_SM2, 0, 1, 0, &r));
    MUST(batch(user, KEY_SM2, USAGE_SIGN, c.batch_max, 0, &r));
    ck_assert_uint_le(dv.response_size, dv.config.frame_max);
    ck_assert_uint_gt(dv.response_size + 113, dv.config.frame_max);
}
END_TEST

/* The room of the link counts, not only the device's own. */
START_TEST(batch_in_a_small_room)
{
    uint8_t request[17], response[48 + 13 + 100 * 112];
    struct wr w;
    wr_init(&w, request, sizeof request);
    key_batch_req_put(&w, &(struct key_batch_req){KEY_SM2, USAGE_SIGN, 100, 0});
    for (size_t less = 2; less-- > 0;) {
        struct exchange x = dev_exchange(&dv, user, INS_KEY_BATCH, request, sizeof request,
                                         response, sizeof response - less);
        device_serve(dv.d, &x, 1);
        ck_assert_uint_eq(x.sw, less ? SW_RESPONSE_TOO_BIG : SW_OK);
    }
}
END_TEST

static unsigned jobs_run;
static void backwards(void *ctx, void (*job)(void *arg, size_t index), void *arg, size_t n)
{
    (void)ctx;
    jobs_run = (unsigned)n;
    while (n-- > 0)
        job(arg, n);
}

/* With several lanes, run in any order, the same things come out right. */
START_TEST(batch_in_lanes)
{
    struct key_batch_rsp r;
    uint8_t *records, header[38];
    uint32_t h;
    dev_close(&dv);
    dev_prepare(&dv);
    dv.hal.par.width = 5;
    dv.hal.par.run = backwards;
    dev_start(&dv);
    dev_init(&dv, 0);
    log_in();
    MUST(batch(user, KEY_SM2, USAGE_SIGN, 333, 0, &r));
    ck_assert_uint_eq(jobs_run, 5);
    records = malloc(r.records.size);
    memcpy(records, r.records.data, r.records.size);
    memcpy(header, r.header, 38);
    for (uint32_t k = 0; k < 333; k++) {
        for (uint32_t j = 0; j < k; j++)
            ck_assert_mem_ne(records + 112 * k, records + 112 * j, 64);
        if (k % 7)
            continue;
        MUST(import(user, header, k, records + 112 * k, 112, &h));
        pair_works(user, h, KEY_SM2, records + 112 * k, 64);
    }
    free(records);
}
END_TEST

/* ---------------------------------------------------------------- tickets */

START_TEST(fetch_again)
{
    struct key_batch_rsp b;
    struct key_fetch_rsp f;
    uint8_t *answer;
    size_t size;
    MUST(batch(user, KEY_SM2, USAGE_SIGN, 20, 0, &b));
    answer = malloc(size = dv.response_size);
    memcpy(answer, dv.response, size);
    const uint64_t ticket = b.ticket;
    for (int i = 0; i < 3; i++) {
        MUST(fetch(user, i ? ticket : 0, &f));
        ck_assert_uint_eq(dv.response_size, size);
        ck_assert_mem_eq(dv.response, answer, size);
    }
    /* the link is lost, and with it the session; its number is not known to anybody */
    device_link_close(dv.d, dv.link);
    dv.link = device_link_open(dv.d);
    log_in();
    MUST_BE(SW_NO_TICKET, fetch(operator, 0, &f));
    MUST_BE(SW_NO_TICKET, fetch(operator, ticket, &f)); /* of another account */
    MUST(fetch(user, 0, &f));
    ck_assert_mem_eq(dv.response, answer, size);
    const uint16_t second = dev_login(&dv, DEV_USER);
    MUST_BE(SW_NO_TICKET, fetch(second, 0, &f)); /* the first session has taken it */
    MUST(fetch(second, ticket, &f));
    MUST_BE(SW_NO_TICKET, ack(operator, ticket));
    MUST(ack(user, ticket));
    MUST_BE(SW_NO_TICKET, ack(user, ticket));
    MUST_BE(SW_NO_TICKET, ack(user, 0));
    MUST_BE(SW_NO_TICKET, fetch(user, ticket, &f));
    MUST_BE(SW_NO_TICKET, fetch(user, 0, &f));
    free(answer);
}
END_TEST

START_TEST(tickets_run_out)
{
    struct key_batch_rsp b;
    struct key_fetch_rsp f;
    uint64_t ticket[4];
    for (size_t i = 0; i < 4; i++) {
        MUST(batch(user, KEY_SM2, USAGE_SIGN, 3, 0, &b));
        ticket[i] = b.ticket;
    }
    MUST_BE(SW_TOO_MANY, batch(user, KEY_SM2, USAGE_SIGN, 3, 0, &b));
    MUST_BE(SW_TOO_MANY, batch(user, KEY_SM2, USAGE_SIGN, 3, 12345, &b));
    MUST(fetch(user, 0, &f)); /* the oldest first */
    ck_assert_uint_eq(f.ticket, ticket[0]);
    MUST(batch(user, KEY_SM2, USAGE_SIGN, 3, ticket[0], &b));
    MUST(fetch(user, 0, &f));
    ck_assert_uint_eq(f.ticket, ticket[1]);
    MUST_BE(SW_TOO_MANY,
            batch(operator, KEY_SM2, USAGE_SIGN, 3, ticket[1], &b)); /* not the operator's */
    MUST(batch(user, KEY_SM2, USAGE_SIGN, 3, ticket[1], &b));
    dev_reboot(&dv);
    log_in();
    MUST_BE(SW_NO_TICKET, fetch(user, 0, &f));
    MUST_BE(SW_NO_TICKET, fetch(user, ticket[2], &f));
}
END_TEST

/* ---------------------------------------------------------------- export and import */

struct wrapped {
    uint8_t header[38], record[1056];
    size_t size;
};

static uint16_t export(uint16_t ch, uint32_t handle, struct wrapped *w)
{
    struct key_export_rsp r = {0};
    const uint16_t sw = do_key_export(&dv, ch, &(struct key_export_req){handle}, &r);
    if (sw == SW_OK) {
        memcpy(w->header, r.header, 38);
        memcpy(w->record, r.record.data, w->size = r.record.size);
    }
    return sw;
}

START_TEST(export_import)
{
    static const uint8_t types[] = {KEY_SM2,  KEY_RSA2048, KEY_RSA3072, KEY_RSA4096,
                                    KEY_P256, KEY_P384,    KEY_SM4};
    static const size_t sizes[] = {112, 532, 788, 1044, 112, 160, 32};
    uint8_t pub[516], zeros[16] = {0}, cipher[16];
    struct encrypt_rsp e;
    for (size_t i = 0; i < 7; i++) {
        const bool secret = types[i] == KEY_SM4;
        const uint32_t usage = USAGE_EXPORT_WRAPPED | (secret ? USAGE_ENCRYPT : USAGE_SIGN);
        const uint32_t h = dev_key(&dv, user, types[i], usage);
        const size_t n = dev_public(&dv, user, h, pub);
        struct object_info_rsp info;
        struct wrapped w;
        uint32_t back;
        MUST(export(user, h, &w));
        ck_assert_uint_eq(w.size, sizes[i]);
        ck_assert_mem_eq(w.record, pub, n);
        MUST(import(operator, w.header, 0, w.record, w.size, &back));
        MUST(do_object_info(&dv, operator, &(struct object_info_req){back}, &info));
        ck_assert_uint_eq(info.origin, ORIGIN_IMPORTED);
        ck_assert_uint_eq(info.owner, DEV_OPERATOR);
        ck_assert_uint_eq(info.usage, usage);
        ck_assert_uint_eq(info.type, types[i]);
        ck_assert_mem_eq(info.label.data, "in", 2);
        if (!secret) {
            pair_works(operator, back, types[i], pub, n);
            continue;
        }
        MUST(do_encrypt(
            &dv, user,
            &(struct encrypt_req){.handle = h, .scheme = CIPHER_SM4_ECB, .data = {zeros, 16}}, &e));
        memcpy(cipher, e.data.data, 16);
        MUST(do_encrypt(&dv, operator, &(struct encrypt_req){.handle = back,
                                                             .scheme = CIPHER_SM4_ECB,
                                                             .data = {zeros, 16}},
                        &e));
        ck_assert_mem_eq(cipher, e.data.data, 16);
    }
}
END_TEST

START_TEST(two_exports_differ)
{
    const uint32_t h = dev_key(&dv, user, KEY_SM2, USAGE_SIGN | USAGE_EXPORT_WRAPPED);
    struct wrapped a, b;
    MUST(export(user, h, &a));
    MUST(export(user, h, &b));
    ck_assert_mem_ne(a.header + 18, b.header + 18, 16); /* the batch id */
    ck_assert_mem_ne(a.record + 64, b.record + 64, 48);
}
END_TEST

/* Every bit of header and record is covered, but the count, which describes the batch only. */
static void touch_all(uint8_t type)
{
    const uint32_t h = dev_key(&dv, user, type, USAGE_EXPORT_WRAPPED | USAGE_DECRYPT);
    struct wrapped w;
    MUST(export(user, h, &w));
    for (size_t i = 0; i < 34; i++) {
        w.header[i] ^= (uint8_t)(1 << i % 8);
        MUST_BE(SW_WRONG_WRAP, import(user, w.header, 0, w.record, w.size, NULL));
        w.header[i] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t i = 0; i < w.size; i++) {
        w.record[i] ^= (uint8_t)(1 << i % 8);
        MUST_BE(SW_WRONG_WRAP, import(user, w.header, 0, w.record, w.size, NULL));
        w.record[i] ^= (uint8_t)(1 << i % 8);
    }
    MUST_BE(SW_WRONG_WRAP, import(user, w.header, 1, w.record, w.size, NULL));
    MUST_BE(SW_WRONG_WRAP, import(user, w.header, 0, w.record, w.size - 1, NULL));
    MUST_BE(SW_WRONG_WRAP, import(user, w.header, 0, w.record, w.size + 1, NULL));
    MUST_BE(SW_WRONG_WRAP, import(user, w.header, 0, w.record, 0, NULL));
    MUST(import(user, w.header, 0, w.record, w.size, NULL));
}

START_TEST(touched)
{
    touch_all(KEY_SM2);
    touch_all(KEY_SM4);
    touch_all(KEY_RSA2048);
}
END_TEST

START_TEST(other_index)
{
    struct key_batch_rsp r;
    uint8_t records[5 * 112], header[38];
    MUST(batch(user, KEY_SM2, USAGE_SIGN, 5, 0, &r));
    memcpy(records, r.records.data, sizeof records);
    memcpy(header, r.header, 38);
    for (uint32_t i = 0; i < 5; i++)
        for (uint32_t j = 0; j < 6; j++)
            MUST_BE(i == j ? SW_OK : SW_WRONG_WRAP,
                    import(user, header, j, records + 112 * i, 112, NULL));
}
END_TEST

START_TEST(other_domain)
{
    const uint32_t h = dev_key(&dv, user, KEY_SM2, USAGE_SIGN | USAGE_EXPORT_WRAPPED);
    struct wrapped w;
    MUST(export(user, h, &w));
    MUST(do_zeroise(&dv, dev_login(&dv, DEV_ADMIN), &(struct zeroise_req){0}, NULL));
    dev_init(&dv, 0);
    log_in();
    MUST_BE(SW_WRONG_WRAP, import(user, w.header, 0, w.record, w.size, NULL));
    struct wrapped mine;
    MUST(export(user, dev_key(&dv, user, KEY_SM2, USAGE_SIGN | USAGE_EXPORT_WRAPPED), &mine));
    ck_assert_mem_ne(mine.header + 10, w.header + 10, 8);
    memcpy(w.header + 10, mine.header + 10, 8); /* to claim it is ours does not help */
    MUST_BE(SW_WRONG_WRAP, import(user, w.header, 0, w.record, w.size, NULL));
}
END_TEST

/* A wrapped key is good on the same device after a start. */
START_TEST(after_a_start)
{
    const uint32_t h = dev_key(&dv, user, KEY_SM2, USAGE_SIGN | USAGE_EXPORT_WRAPPED);
    struct wrapped w;
    uint32_t back;
    uint8_t pub[64];
    dev_public(&dv, user, h, pub);
    MUST(export(user, h, &w));
    dev_reboot(&dv);
    log_in();
    MUST(import(user, w.header, 0, w.record, w.size, &back));
    pair_works(user, back, KEY_SM2, pub, 64);
}
END_TEST

/* No private key, and nothing of the hierarchy, is on the medium in clear. */
START_TEST(medium_holds_no_clear_key)
{
    uint8_t *before = malloc(dv.sim.size), pub[64];
    const uint32_t h = dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
    dev_public(&dv, user, h, pub);
    ck_assert(!nvm_sim_contains(&dv.sim, pub, 16)); /* not even the public part */
    ck_assert(!nvm_sim_contains(&dv.sim, DEV_USER_PIN, 8));
    ck_assert(!nvm_sim_contains(&dv.sim, "operator", 8)); /* nor the name of an account */
    free(before);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_keys");
    TCase *t = suite_case(s, "keys", 240, set_up, off);
    tcase_add_test(t, sm2_batches);
    tcase_add_test(t, rsa_batch);
    tcase_add_test(t, record_while_keys_are_made);
    tcase_add_test(t, record_of_keys_that_failed);
    tcase_add_loop_test(t, record_that_is_cut, 0, NVM_CUT_KINDS);
    tcase_add_test(t, batch_limits);
    tcase_add_test(t, batch_in_a_small_room);
    tcase_add_test(t, batch_in_lanes);
    tcase_add_test(t, fetch_again);
    tcase_add_test(t, tickets_run_out);
    tcase_add_test(t, export_import);
    tcase_add_test(t, two_exports_differ);
    tcase_add_test(t, touched);
    tcase_add_test(t, other_index);
    tcase_add_test(t, other_domain);
    tcase_add_test(t, after_a_start);
    tcase_add_test(t, medium_holds_no_clear_key);
    return suite_run(s);
}
