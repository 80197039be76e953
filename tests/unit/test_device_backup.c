/* Objects as a whole, sealed and back: what comes back, what is refused; and the file around them.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "firmware/app/kind.h"
#include "host/lib/hufu.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"

static struct dev dv, other;
static uint16_t operator, user;
static uint8_t sealed[16384];
static size_t size;

static void log_in(void)
{
    operator= dev_login(&dv, DEV_OPERATOR);
    user = dev_login(&dv, DEV_USER);
}

static void on(void)
{
    dev_small(&dv);
    dev_init(&dv, 0);
    log_in();
}

static void off(void)
{
    dev_close(&dv);
}

static uint16_t seal(uint32_t handle)
{
    struct backup_object_rsp r;
    const uint16_t sw = do_backup_object(&dv, operator, &(struct backup_object_req){handle}, &r);
    if (sw == SW_OK) {
        size = r.sealed.size;
        memcpy(sealed, r.sealed.data, size);
    }
    return sw;
}

static uint16_t restore(struct dev *to, uint16_t ch, uint8_t owner, struct restore_object_rsp *r)
{
    return do_restore_object(to, ch, &(struct restore_object_req){owner, {sealed, size}}, r);
}

static uint32_t back(uint8_t there)
{
    struct restore_object_rsp r;
    MUST(restore(&dv, operator, 0, &r));
    ck_assert_uint_eq(r.there, there);
    return r.handle;
}

static void destroy(uint32_t handle)
{
    MUST(do_object_destroy(&dv, operator, &(struct object_destroy_req){handle}, NULL));
}

static const uint8_t types[] = {KEY_SM2, KEY_RSA2048, KEY_SM4, KEY_P256, KEY_P384, KEY_AES256};

/* Every kind of key, destroyed and restored: everything of it but its handle. */
START_TEST(keys)
{
    const uint8_t type = types[_i];
    struct object_info_rsp was, is;
    uint8_t pub[LIMIT_PUBLIC_MAX];
    struct key_generate_rsp g;
    MUST(do_key_generate(
        &dv, user,
        &(struct key_generate_req){.type = type,
                                   .usage = USAGE_BACKUP |
                                            (key_is_secret(type) ? USAGE_ENCRYPT : USAGE_SIGN),
                                   .label = dev_text("label"),
                                   .id = dev_text("id")},
        &g));
    const uint32_t handle = g.handle;
    MUST(do_object_write(&dv, user,
                         &(struct object_write_req){.handle = handle,
                                                    .parts = PART_ATTRIBUTES,
                                                    .attributes = dev_text("attributes")},
                         NULL));
    const size_t n = dev_public(&dv, user, handle, pub);
    MUST(do_object_info(&dv, user, &(struct object_info_req){handle}, &was));
    MUST(seal(handle));
    ck_assert_uint_eq(back(1), handle);
    destroy(handle);
    dv.now += 100000;
    const uint32_t now = back(0);
    ck_assert_uint_ne(now, handle);
    ck_assert_uint_eq(back(1), now);
    MUST(do_object_info(&dv, user, &(struct object_info_req){now}, &is));
    ck_assert_uint_eq(is.type, type);
    ck_assert_uint_eq(is.usage, was.usage);
    ck_assert_uint_eq(is.owner, DEV_USER);
    ck_assert_uint_eq(is.origin, ORIGIN_GENERATED); /* here */
    ck_assert_uint_eq(is.created, was.created);
    ck_assert_uint_eq(is.label.size, 5);
    ck_assert_uint_eq(is.id.size, 2);
    ck_assert_uint_eq(is.public.size, n);
    ck_assert(!n || !memcmp(is.public.data, pub, n));
    struct object_read_rsp r;
    MUST(do_object_read(&dv, user, &(struct object_read_req){now}, &r));
    ck_assert_uint_eq(r.attributes.size, 10);
    if (type == KEY_SM2)
        MUST(do_sign(&dv, user,
                     &(struct sign_req){.handle = now, .scheme = SIGN_SM2, .data = {pub, 32}},
                     NULL));
}
END_TEST

START_TEST(data)
{
    struct object_create_rsp made;
    struct object_read_rsp r;
    MUST(do_object_create(&dv, user,
                          &(struct object_create_req){.type = KEY_DATA,
                                                      .label = dev_text("data"),
                                                      .value = dev_text("secret bytes")},
                          &made));
    MUST(seal(made.handle));
    ck_assert(!memmem(sealed, size, "secret bytes", 12));
    destroy(made.handle);
    const uint32_t handle = back(0);
    MUST(do_object_read(&dv, user, &(struct object_read_req){handle}, &r));
    ck_assert_uint_eq(r.value.size, 12);
    ck_assert_mem_eq(r.value.data, "secret bytes", 12);
}
END_TEST

/* Any changed byte, any missing one; nothing is kept of it. */
START_TEST(damage)
{
    struct info_rsp before, after;
    const uint32_t handle = dev_key(&dv, user, KEY_SM2, USAGE_SIGN | USAGE_BACKUP);
    MUST(seal(handle));
    destroy(handle);
    before = dev_info(&dv);
    for (size_t i = 0; i < size; i++) {
        sealed[i] ^= 0x01;
        const uint16_t sw = restore(&dv, operator, 0, NULL);
        ck_assert_msg(sw == SW_WRONG_WRAP, "byte %u: %04X", (unsigned)i, sw);
        sealed[i] ^= 0x01;
    }
    const size_t all = size;
    for (size = 0; size < all; size++)
        MUST_BE(SW_WRONG_WRAP, restore(&dv, operator, 0, NULL));
    sealed[4] = 2; /* the version is told before anything else */
    size = all;
    MUST_BE(SW_NEWER_FORMAT, restore(&dv, operator, 0, NULL));
    sealed[4] = 1;
    after = dev_info(&dv);
    ck_assert_uint_eq(before.objects, after.objects);
    back(0);
}
END_TEST

START_TEST(rights)
{
    const uint32_t stays = dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
    const uint32_t goes = dev_key(&dv, user, KEY_SM2, USAGE_SIGN | USAGE_EXPORT_WRAPPED);
    MUST_BE(SW_NOT_PERMITTED, seal(stays));
    MUST_BE(SW_NO_OBJECT, seal(999));
    MUST_BE(SW_NOT_AUTHORISED,
            do_backup_object(&dv, user, &(struct backup_object_req){goes}, NULL));
    MUST_BE(SW_NOT_AUTHORISED, do_backup_object(&dv, dev_login(&dv, DEV_ADMIN),
                                                &(struct backup_object_req){goes}, NULL));
    MUST(seal(goes));
    destroy(goes);
    MUST_BE(SW_NOT_AUTHORISED, restore(&dv, user, 0, NULL));
    MUST_BE(SW_WRONG_DATA, restore(&dv, operator, 17, NULL));
    MUST_BE(SW_WRONG_DATA, restore(&dv, operator, DEV_ADMIN, NULL));
    struct restore_object_rsp r;
    struct object_info_rsp i;
    MUST(restore(&dv, operator, DEV_OPERATOR, &r));
    MUST(do_object_info(&dv, operator, &(struct object_info_req){r.handle}, &i));
    ck_assert_uint_eq(i.owner, DEV_OPERATOR);
}
END_TEST

static uint16_t sign(uint16_t ch, uint32_t handle)
{
    static const uint8_t e[32];
    return do_sign(&dv, ch,
                   &(struct sign_req){.handle = handle, .scheme = SIGN_SM2, .data = {e, 32}}, NULL);
}

/* Five uses, of which two were made when it was sealed. */
START_TEST(counters)
{
    const uint32_t handle = dev_key(&dv, user, KEY_SM2, USAGE_SIGN | USAGE_BACKUP);
    uint8_t policy[64];
    struct wr w;
    wr_init(&w, policy, sizeof policy);
    key_policy_put(&w, &(struct key_policy){.uses = 5});
    MUST(do_key_restrict(&dv, user,
                         &(struct key_restrict_req){.handle = handle,
                                                    .usage = USAGE_SIGN | USAGE_BACKUP,
                                                    .policy = {policy, wr_size(&w)}},
                         NULL));
    MUST(sign(user, handle));
    MUST(sign(user, handle));
    MUST(seal(handle));
    MUST(sign(user, handle));
    back(1); /* three uses stay three */
    MUST(sign(user, handle));
    MUST(sign(user, handle));
    MUST_BE(SW_KEY_USED_UP, sign(user, handle));
    back(1);
    MUST_BE(SW_KEY_USED_UP, sign(user, handle));
    dev_reboot(&dv);
    log_in();
    MUST_BE(SW_KEY_USED_UP, sign(user, handle));
    destroy(handle);
    const uint32_t now = back(0);
    for (int i = 0; i < 3; i++)
        MUST(sign(user, now));
    MUST_BE(SW_KEY_USED_UP, sign(user, now));
}
END_TEST

/* Another device: not of the domain; of the domain; and what it says of the key's origin. */
START_TEST(elsewhere)
{
    struct restore_object_rsp r;
    struct object_info_rsp i;
    const uint32_t handle = dev_key(&dv, user, KEY_SM2, USAGE_SIGN | USAGE_BACKUP);
    dev_small(&other);
    dev_init(&other, 0);
    const uint16_t there = dev_login(&other, DEV_OPERATOR);
    MUST(seal(handle));
    MUST_BE(SW_WRONG_WRAP, restore(&other, there, 0, NULL));
    memcpy(other.d->domain_key, dv.d->domain_key, sizeof other.d->domain_key);
    memcpy(other.d->domain_id, dv.d->domain_id, sizeof other.d->domain_id);
    MUST(restore(&other, there, 0, &r));
    MUST(do_object_info(&other, there, &(struct object_info_req){r.handle}, &i));
    ck_assert_uint_eq(i.origin, ORIGIN_IMPORTED);
    dev_close(&other);
}
END_TEST

/* The power fails in a restore: the object is there or not, and can be restored. */
START_TEST(cut)
{
    const uint32_t handle = dev_key(&dv, user, KEY_SM2, USAGE_SIGN | USAGE_BACKUP);
    uint8_t *image = malloc(dv.sim.size);
    bool done = false;
    MUST(seal(handle));
    destroy(handle);
    nvm_sim_save(&dv.sim, image);
    for (uint64_t at = 0; !done; at++) {
        nvm_sim_load(&dv.sim, image);
        dev_reboot(&dv);
        log_in();
        nvm_sim_cut(&dv.sim, dv.sim.count + at, at % 2 ? NVM_CUT_LOST : NVM_CUT_ALL, at);
        const uint16_t sw = restore(&dv, operator, 0, NULL);
        done = sw == SW_OK && !dv.sim.dead;
        dev_reboot(&dv);
        log_in();
        struct restore_object_rsp r;
        MUST(restore(&dv, operator, 0, &r));
        ck_assert(r.there || sw != SW_OK);
        MUST(sign(user, r.handle));
    }
    free(image);
}
END_TEST

/* ---------------------------------------------------------------- the log */

/* The record of it names the checkpoint and its key; one bit of them turned is refused. */
START_TEST(log_goes_on)
{
    struct identity_rsp id;
    struct log_checkpoint_rsp cp;
    uint8_t bytes[64 + AUDIT_STATEMENT + 64], digest[SM3_SIZE];
    char hex[2 * 16 + 1];
    MUST(do_identity(&dv, operator, &(struct identity_req){0}, &id));
    memcpy(bytes, id.public, 64);
    MUST(do_log_checkpoint(&dv, operator, &(struct log_checkpoint_req){0}, &cp));
    memcpy(bytes + 64, cp.statement, AUDIT_STATEMENT);
    memcpy(bytes + 64 + AUDIT_STATEMENT, cp.signature, 64);
    const struct restore_log_req q = {bytes, bytes + 64, bytes + 64 + AUDIT_STATEMENT};
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= 1;
        MUST_BE(i >= 64 && i < 69 ? SW_WRONG_DATA : SW_SIGNATURE_INVALID,
                do_restore_log(&dv, operator, & q, NULL));
        bytes[i] ^= 1;
    }
    MUST_BE(SW_NOT_AUTHORISED, do_restore_log(&dv, user, &q, NULL));
    MUST(do_restore_log(&dv, operator, & q, NULL));
    sm3_digest(bytes, 64 + AUDIT_STATEMENT, digest);
    for (size_t i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    struct log_read_rsp log;
    struct log_entry e;
    struct rd r;
    const struct log_read_req newest = {.after = dv.d->audit.next - 2};
    MUST(do_log_read(&dv, operator, & newest, &log));
    rd_init(&r, log.entries.data, log.entries.size);
    ck_assert(log_entry_get(&r, &e));
    ck_assert(e.command == INS_RESTORE_LOG && e.sw == SW_OK && e.detail.size == 32);
    ck_assert_mem_eq(e.detail.data, hex, 32);
    ck_assert_uint_gt(e.object, 0);
}
END_TEST

/* ---------------------------------------------------------------- the file */

static void make_file(struct hufu_backup *b)
{
    const struct hufu_backup_head head = {.time = 5, .version = "0.1", .label = "label"};
    ck_assert_int_eq(hufu_backup_begin(b, &head), HUFU_OK);
    ck_assert_int_eq(hufu_backup_add(b, HUFU_BACKUP_ACCOUNT, "\3\1user", 6), HUFU_OK);
    ck_assert_int_eq(hufu_backup_add(b, HUFU_BACKUP_LOG, "", 0), HUFU_OK);
    ck_assert_int_eq(hufu_backup_end(b), HUFU_OK);
}

START_TEST(file)
{
    struct hufu_backup b;
    struct hufu_backup_reader r;
    struct hufu_backup_head head;
    const void *piece;
    uint8_t kind;
    size_t n;
    make_file(&b);
    ck_assert_int_eq(hufu_backup_open(&r, b.data, b.size, &head), HUFU_OK);
    ck_assert_str_eq(head.label, "label");
    ck_assert_uint_eq(head.time, 5);
    ck_assert(hufu_backup_next(&r, &kind, &piece, &n));
    ck_assert(kind == HUFU_BACKUP_ACCOUNT && n == 6 && !memcmp(piece, "\3\1user", 6));
    ck_assert(hufu_backup_next(&r, &kind, &piece, &n));
    ck_assert(kind == HUFU_BACKUP_LOG && n == 0);
    ck_assert(!hufu_backup_next(&r, &kind, &piece, &n));
    for (size_t i = 0; i < b.size; i++)
        for (int bit = 0; bit < 8; bit++) {
            b.data[i] ^= (uint8_t)(1 << bit);
            const enum hufu_status s = hufu_backup_open(&r, b.data, b.size, &head);
            ck_assert_msg(s == HUFU_E_FORMAT || (s == HUFU_E_NEWER_FORMAT && i >= 8 && i < 12),
                          "byte %u", (unsigned)i);
            b.data[i] ^= (uint8_t)(1 << bit);
        }
    for (size_t i = 0; i < b.size; i++) {
        uint8_t *part = malloc(i ? i : 1); /* of just this size, for the sanitizers */
        memcpy(part, b.data, i);
        ck_assert_int_eq(hufu_backup_open(&r, part, i, &head), HUFU_E_FORMAT);
        free(part);
    }
    ck_assert_int_eq(hufu_backup_add(&b, HUFU_BACKUP_LOG, "x", 1), HUFU_OK); /* behind the end */
    ck_assert_int_eq(hufu_backup_open(&r, b.data, b.size, &head), HUFU_E_FORMAT);
    hufu_backup_free(&b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_backup");
    TCase *t = suite_case(s, "backup", 120, on, off);
    case_rows(t, keys, types);
    tcase_add_test(t, data);
    tcase_add_test(t, damage);
    tcase_add_test(t, rights);
    tcase_add_test(t, counters);
    tcase_add_test(t, elsewhere);
    tcase_add_test(t, cut);
    tcase_add_test(t, log_goes_on);
    tcase_add_test(t, file);
    return suite_run(s);
}
