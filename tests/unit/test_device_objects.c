/* Stored keys: who sees and may do what, finding them, many of them, a full store, destroying. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/dev.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

static struct dev dv;
static uint16_t admin, operator, user, auditor,
    other; /* sessions; other: a second user, account 5 */

static void log_in(void)
{
    admin = dev_login(&dv, DEV_ADMIN);
    operator= dev_login(&dv, DEV_OPERATOR);
    user = dev_login(&dv, DEV_USER);
    auditor = dev_login(&dv, DEV_AUDITOR);
}

static void set_up(void)
{
    dev_open(&dv);
    dev_init(&dv, 0);
    log_in();
    MUST(do_account_create(
        &dv, admin,
        &(struct account_create_req){ROLE_USER, 3, dev_text("other"), dev_text("other-pin")},
        NULL));
    other = dev_session(&dv);
    MUST(dev_pin(&dv, other, 5, "other-pin"));
}

static void off(void)
{
    dev_close(&dv);
}

static uint32_t make(uint16_t ch, uint8_t type, uint32_t usage, const char *label, const char *id)
{
    struct key_generate_rsp r;
    MUST(do_key_generate(
        &dv, ch,
        &(struct key_generate_req){
            .type = type, .usage = usage, .label = dev_text(label), .id = dev_text(id)},
        &r));
    return r.handle;
}

static uint16_t info(uint16_t ch, uint32_t handle, struct object_info_rsp *r)
{
    return do_object_info(&dv, ch, &(struct object_info_req){handle}, r);
}

static uint16_t destroy(uint16_t ch, uint32_t handle)
{
    return do_object_destroy(&dv, ch, &(struct object_destroy_req){handle}, NULL);
}

static uint16_t sign(uint16_t ch, uint32_t handle)
{
    static const uint8_t e[32] = {1};
    return do_sign(&dv, ch,
                   &(struct sign_req){.handle = handle, .scheme = SIGN_SM2, .data = {e, 32}}, NULL);
}

static uint16_t label(uint16_t ch, uint32_t handle, const char *text, const char *id)
{
    return do_object_label(&dv, ch,
                           &(struct object_label_req){handle, dev_text(text), dev_text(id)}, NULL);
}

/* Handles of the whole list in pages of `limit`, up to max of them; how many. */
static size_t list(uint16_t ch, uint8_t type, uint16_t limit, uint32_t *out, size_t max)
{
    struct object_list_rsp r;
    struct object_entry e;
    struct rd in;
    size_t n = 0;
    uint32_t after = 0;
    do {
        MUST(do_object_list(&dv, ch, &(struct object_list_req){after, limit, type}, &r));
        rd_init(&in, r.entries.data, r.entries.size);
        size_t page = 0;
        for (; rd_left(&in); page++) {
            ck_assert(object_entry_get(&in, &e));
            ck_assert_uint_gt(e.handle, after);
            after = e.handle;
            if (n < max)
                out[n++] = e.handle;
        }
        ck_assert(!limit || page <= limit);
        ck_assert(!r.next || r.next == after);
        after = r.next;
    } while (r.next);
    return n;
}

static uint32_t find(uint16_t ch, uint32_t after, const char *text, const char *id)
{
    struct object_find_rsp r;
    MUST(do_object_find(&dv, ch, &(struct object_find_req){after, dev_text(text), dev_text(id)},
                        &r));
    return r.handle;
}

/* ---------------------------------------------------------------- making and seeing */

START_TEST(what_is_kept)
{
    const uint32_t h = make(user, KEY_SM2, USAGE_SIGN | USAGE_AGREE, "label \xE8\x99\x8E", "id-1");
    struct object_info_rsp r;
    for (int turn = 0; turn < 2; turn++) {
        MUST(info(user, h, &r));
        ck_assert_uint_eq(r.type, KEY_SM2);
        ck_assert_uint_eq(r.usage, USAGE_SIGN | USAGE_AGREE);
        ck_assert_uint_eq(r.owner, DEV_USER);
        ck_assert_uint_eq(r.origin, ORIGIN_GENERATED);
        ck_assert_uint_ge(r.created, 1700000000000);
        ck_assert_uint_eq(r.label.size, 9);
        ck_assert_mem_eq(r.label.data, "label \xE8\x99\x8E", 9);
        ck_assert_mem_eq(r.id.data, "id-1", 4);
        ck_assert_uint_eq(r.public.size, 64);
        dev_reboot(&dv);
        log_in();
    }
}
END_TEST

START_TEST(all_types)
{
    static const size_t size[] = {0, 64, 260, 388, 516, 0};
    struct object_info_rsp r;
    for (uint8_t type = KEY_SM2; type <= KEY_SM4; type++) {
        if (type == KEY_RSA3072 || type == KEY_RSA4096)
            continue; /* slow to make: test_device_keys has them */
        const uint32_t h = make(user, type, USAGE_DECRYPT, "", "");
        MUST(info(user, h, &r));
        ck_assert_uint_eq(r.type, type);
        ck_assert_uint_eq(r.public.size, size[type]);
        ck_assert_uint_eq(list(user, type, 0, &(uint32_t){0}, 1), 1);
    }
}
END_TEST

START_TEST(kinds_refused)
{
    static const struct {
        uint8_t type;
        uint32_t usage;
        uint16_t sw;
    } cases[] = {
        {0, USAGE_SIGN, SW_NOT_SUPPORTED},
        {31, USAGE_SIGN, SW_NOT_SUPPORTED},
        {255, USAGE_SIGN, SW_NOT_SUPPORTED},
        {KEY_SM2, 0, SW_WRONG_DATA},
        {KEY_SM2, USAGE_ENCRYPT, SW_WRONG_DATA},
        {KEY_SM2, 0x80000001, SW_WRONG_DATA},
        {KEY_SM4, USAGE_AGREE, SW_WRONG_DATA},
        {KEY_RSA2048, USAGE_AGREE, SW_WRONG_DATA},
        {KEY_RSA2048, USAGE_SIGN | USAGE_DERIVE_OUT, SW_WRONG_DATA},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        MUST_BE(cases[i].sw, do_key_generate(&dv, user,
                                             &(struct key_generate_req){.type = cases[i].type,
                                                                        .usage = cases[i].usage},
                                             NULL));
    MUST_BE(SW_WRONG_DATA, do_key_generate(&dv, user,
                                           &(struct key_generate_req){
                                               .type = KEY_SM4, .flags = 2, .usage = USAGE_ENCRYPT},
                                           NULL));
    MUST_BE(SW_WRONG_DATA,
            do_key_generate(&dv, user,
                            &(struct key_generate_req){
                                .type = KEY_SM2, .flags = KEY_FLAG_SESSION, .usage = USAGE_SIGN},
                            NULL));
    ck_assert_uint_eq(list(operator, 0, 0, &(uint32_t){0}, 1), 0);
}
END_TEST

/* ---------------------------------------------------------------- rights */

START_TEST(rights)
{
    const uint32_t mine = make(user, KEY_SM2, USAGE_SIGN | USAGE_EXPORT_WRAPPED, "mine", "");
    const uint32_t theirs =
        make(operator, KEY_SM2, USAGE_SIGN | USAGE_EXPORT_WRAPPED, "theirs", "");
    struct object_info_rsp r;
    uint32_t seen[4];
    /* users see their own only, all others see everything */
    MUST(info(user, mine, &r));
    MUST_BE(SW_NO_OBJECT, info(user, theirs, &r));
    MUST_BE(SW_NO_OBJECT, info(other, mine, &r));
    MUST(info(operator, mine, &r));
    MUST(info(admin, mine, &r));
    MUST(info(auditor, theirs, &r));
    ck_assert_uint_eq(list(user, 0, 0, seen, 4), 1);
    ck_assert_uint_eq(seen[0], mine);
    ck_assert_uint_eq(list(other, 0, 0, seen, 4), 0);
    ck_assert_uint_eq(list(operator, 0, 0, seen, 4), 2);
    ck_assert_uint_eq(list(auditor, 0, 0, seen, 4), 2);
    ck_assert_uint_eq(find(user, 0, "theirs", ""), 0);
    ck_assert_uint_eq(find(operator, 0, "mine", ""), mine);
    /* keys are used and labelled by their owner */
    MUST(sign(user, mine));
    MUST_BE(SW_NO_OBJECT, sign(other, mine));
    MUST_BE(SW_NOT_PERMITTED, sign(operator, mine));
    MUST_BE(SW_NOT_AUTHORISED, sign(admin, mine));
    MUST_BE(SW_NOT_PERMITTED, label(operator, mine, "x", ""));
    MUST(label(user, mine, "x", ""));
    /* and exported and destroyed by their owner or an operator */
    MUST(do_key_export(&dv, user, &(struct key_export_req){mine}, NULL));
    MUST(do_key_export(&dv, operator, &(struct key_export_req){mine}, NULL));
    MUST_BE(SW_NO_OBJECT, do_key_export(&dv, user, &(struct key_export_req){theirs}, NULL));
    MUST_BE(SW_NO_OBJECT, destroy(user, theirs));
    MUST_BE(SW_NO_OBJECT, destroy(other, mine));
    MUST(destroy(operator, mine));
    MUST(destroy(operator, theirs));
    MUST_BE(SW_NO_OBJECT, destroy(operator, theirs));
}
END_TEST

START_TEST(usage_is_obeyed)
{
    static const uint8_t data[200];
    const uint32_t signs = make(user, KEY_SM2, USAGE_SIGN, "", ""),
                   opens = make(user, KEY_SM2, USAGE_DECRYPT, "", "");
    const uint32_t encrypts = make(user, KEY_SM4, USAGE_ENCRYPT, "", ""),
                   decrypts = make(user, KEY_SM4, USAGE_DECRYPT, "", "");
    MUST_BE(SW_NOT_PERMITTED, sign(user, opens));
    MUST_BE(SW_NOT_PERMITTED,
            do_decrypt(
                &dv, user,
                &(struct decrypt_req){.handle = signs, .scheme = CIPHER_SM2, .data = {data, 200}},
                NULL));
    MUST_BE(SW_NOT_PERMITTED, do_agree_begin(&dv, user, &(struct agree_begin_req){signs}, NULL));
    MUST_BE(SW_NOT_PERMITTED, do_key_export(&dv, user, &(struct key_export_req){signs}, NULL));
    MUST_BE(SW_NOT_PERMITTED,
            do_encrypt(&dv, user,
                       &(struct encrypt_req){
                           .handle = decrypts, .scheme = CIPHER_SM4_ECB, .data = {data, 16}},
                       NULL));
    MUST_BE(SW_NOT_PERMITTED,
            do_decrypt(&dv, user,
                       &(struct decrypt_req){
                           .handle = encrypts, .scheme = CIPHER_SM4_ECB, .data = {data, 16}},
                       NULL));
    MUST_BE(SW_KEY_TYPE, sign(user, encrypts));
    MUST_BE(SW_NOT_PERMITTED,
            do_sign_batch(&dv, user,
                          &(struct sign_batch_req){
                              .handle = opens, .scheme = SIGN_SM2, .digests = {data, 32}},
                          NULL));
}
END_TEST

START_TEST(no_such_handles)
{
    static const uint32_t bad[] = {0,          1,          2,          0x7FFFFFFF, 0x80000000,
                                   0x80000001, 0xF0000001, 0xF0000004, 0xFFFFFFFF};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        MUST_BE(SW_NO_OBJECT, info(operator, bad[i], NULL));
        MUST_BE(SW_NO_OBJECT, sign(operator, bad[i]));
        MUST_BE(SW_NO_OBJECT, destroy(operator, bad[i]));
        MUST_BE(SW_NO_OBJECT, label(operator, bad[i], "", ""));
        MUST_BE(SW_NO_OBJECT, do_key_export(&dv, operator, &(struct key_export_req){bad[i]}, NULL));
    }
}
END_TEST

/* ---------------------------------------------------------------- labels and finding */

START_TEST(finding)
{
    uint32_t h[6];
    for (size_t i = 0; i < 6; i++)
        h[i] = make(i % 2 ? operator : user, KEY_SM4, USAGE_ENCRYPT, i < 3 ? "first" : "second", i % 3 ? "a" : "b");
    ck_assert_uint_eq(find(operator, 0, "first", ""), h[0]);
    ck_assert_uint_eq(find(operator, h[0], "first", ""), h[1]);
    ck_assert_uint_eq(find(operator, h[2], "first", ""), 0);
    ck_assert_uint_eq(find(operator, 0, "", "b"), h[0]);
    ck_assert_uint_eq(find(operator, h[0], "", "b"), h[3]);
    ck_assert_uint_eq(find(operator, 0, "second", "a"), h[4]);
    ck_assert_uint_eq(find(operator, 0, "", ""), h[0]);
    ck_assert_uint_eq(find(operator, h[5], "", ""), 0);
    ck_assert_uint_eq(find(operator, 0xFFFFFFFF, "", ""), 0);
    ck_assert_uint_eq(find(operator, 0, "firs", ""), 0);
    ck_assert_uint_eq(find(user, 0, "second", ""), h[4]);
    MUST(label(user, h[0], "renamed", "c"));
    ck_assert_uint_eq(find(operator, 0, "first", ""), h[1]);
    ck_assert_uint_eq(find(operator, 0, "renamed", "c"), h[0]);
    dev_reboot(&dv);
    log_in();
    ck_assert_uint_eq(find(operator, 0, "renamed", "c"), h[0]);
    ck_assert_uint_eq(find(operator, h[4], "second", ""), h[5]);
}
END_TEST

/* ---------------------------------------------------------------- destroying */

START_TEST(destroyed_is_gone)
{
    const uint32_t a = make(user, KEY_SM2, USAGE_SIGN, "a", ""),
                   b = make(user, KEY_SM2, USAGE_SIGN, "b", "");
    MUST(sign(user, a)); /* it is in the cache now */
    MUST(destroy(user, a));
    MUST_BE(SW_NO_OBJECT, sign(user, a));
    MUST_BE(SW_NO_OBJECT, info(user, a, NULL));
    ck_assert_uint_eq(find(user, 0, "a", ""), 0);
    MUST(sign(user, b));
    dev_reboot(&dv);
    log_in();
    MUST_BE(SW_NO_OBJECT, sign(user, a));
    MUST(sign(user, b));
    MUST(destroy(user, b));
    ck_assert_uint_gt(make(user, KEY_SM2, USAGE_SIGN, "c", ""), b); /* handles never come back */
    dev_reboot(&dv);
    log_in();
    ck_assert_uint_gt(make(user, KEY_SM2, USAGE_SIGN, "d", ""), b + 1);
}
END_TEST

/* A cut leaves the object there and of use, or gone. */
START_TEST(cut_destroy_and_generate)
{
    const uint32_t h = make(user, KEY_SM2, USAGE_SIGN, "a", "");
    uint8_t *image = malloc(dv.sim.size);
    nvm_sim_save(&dv.sim, image);
    const uint64_t seed = test_seed();
    for (enum nvm_cut cut = NVM_CUT_NONE; cut < NVM_CUT_KINDS; cut++) {
        bool cut_off = true;
        for (uint64_t at = 0; cut_off; at += NVM_CUT_STEP) {
            nvm_sim_load(&dv.sim, image);
            dev_reboot(&dv);
            log_in();
            nvm_sim_cut(&dv.sim, dv.sim.count + at, cut, seed + at);
            struct key_generate_rsp made = {0};
            const uint16_t sw = do_key_generate(
                &dv, user, &(struct key_generate_req){.type = KEY_SM2, .usage = USAGE_SIGN}, &made);
            const uint16_t gone = destroy(user, h);
            cut_off = dv.sim.dead;
            dev_reboot(&dv);
            log_in();
            uint32_t seen[3];
            const size_t n = list(user, 0, 0, seen, 3);
            if (sw == SW_OK)
                MUST(sign(user, made.handle));
            if (gone == SW_OK)
                MUST_BE(SW_NO_OBJECT, sign(user, h));
            for (size_t i = 0; i < n; i++)
                MUST(sign(user, seen[i]));
            ck_assert_uint_ge(n, (size_t)(sw == SW_OK ? 1 : 0));
            ck_assert_uint_le(n, 2);
        }
    }
    free(image);
}
END_TEST

/* ---------------------------------------------------------------- many */

START_TEST(four_thousand)
{
    enum { MANY = 4200 };
    static uint32_t seen[MANY + 1];
    char text[20];
    dev_close(&dv);
    dev_prepare(&dv);
    dv.config.objects_max = MANY;
    dv.segments = 128;
    dev_start(&dv);
    dev_init(&dv, 0);
    log_in();
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "key %u", i);
        seen[i] = make(i % 10 ? operator : user, i == 7 ? KEY_RSA2048 : KEY_SM2, USAGE_SIGN, text, "");
    }
    MUST_BE(SW_NO_SPACE,
            do_key_generate(
                &dv, user, &(struct key_generate_req){.type = KEY_SM2, .usage = USAGE_SIGN}, NULL));
    for (int turn = 0; turn < 2; turn++) {
        static uint32_t now[MANY + 1];
        ck_assert_uint_eq(list(operator, 0, 100, now, MANY + 1), MANY);
        ck_assert_mem_eq(now, seen, sizeof(uint32_t) * MANY);
        ck_assert_uint_eq(list(operator, 0, 0, now, MANY + 1), MANY);
        ck_assert_uint_eq(list(user, 0, 0, now, MANY + 1), MANY / 10);
        ck_assert_uint_eq(list(operator, KEY_RSA2048, 0, now, MANY + 1), 1);
        ck_assert_uint_eq(find(operator, 0, "key 4199", ""), seen[4199]);
        ck_assert_uint_eq(find(user, 0, "key 4190", ""), seen[4190]);
        for (unsigned i = 0; i < MANY; i += 10)
            MUST(sign(user, seen[i]));
        dev_reboot(&dv);
        log_in();
    }
    MUST(destroy(operator, seen[2000]));
    ck_assert_uint_gt(make(user, KEY_SM2, USAGE_SIGN, "", ""), seen[MANY - 1]);
}
END_TEST

/* A store that is full of bytes refuses more, but goes on living: log-in, log and destroying still
 * work. */
START_TEST(full_store)
{
    unsigned n = 0;
    uint16_t sw = SW_OK;
    dev_close(&dv);
    dev_prepare(&dv);
    dv.config.objects_max = 1000;
    dv.config.log_max = 64;
    dv.segments = 6;
    dv.segment_size = 16384;
    dev_start(&dv);
    dev_init(&dv, 0);
    log_in();
    struct key_generate_rsp made = {0}, last = {0};
    for (; sw == SW_OK && n < 1000; n++) {
        last = made;
        sw = do_key_generate(
            &dv, user, &(struct key_generate_req){.type = KEY_SM2, .usage = USAGE_SIGN}, &made);
    }
    ck_assert_uint_eq(sw, SW_NO_SPACE);
    ck_assert_uint_gt(n, 50);
    for (int i = 0; i < 100; i++)
        MUST(dev_pin(&dv, user, DEV_USER, DEV_USER_PIN));
    MUST(sign(user, last.handle));
    MUST_BE(SW_NO_SPACE,
            do_key_generate(&dv, user,
                            &(struct key_generate_req){.type = KEY_RSA2048, .usage = USAGE_SIGN},
                            NULL));
    dev_reboot(&dv);
    log_in();
    ck_assert_uint_eq(list(user, 0, 0, &(uint32_t){0}, 1), 1);
    for (uint32_t h = 1; h <= 20; h++)
        MUST(destroy(user, h));
    for (int i = 0; i < 10; i++)
        make(user, KEY_SM2, USAGE_SIGN, "", "");
}
END_TEST

/* A log that is configured larger than the medium still leaves three quarters of it for keys. */
START_TEST(large_log_on_a_small_medium)
{
    dev_close(&dv);
    dev_prepare(&dv);
    dv.config.log_max = 100000;
    dv.segments = 8;
    dv.segment_size = 16384;
    dev_start(&dv);
    dev_init(&dv, 0);
    log_in();
    for (int i = 0; i < 50; i++)
        make(user, KEY_SM2, USAGE_SIGN, "", "");
    for (int i = 0; i < 1000; i++)
        MUST(dev_pin(&dv, user, DEV_USER, DEV_USER_PIN));
    make(user, KEY_SM2, USAGE_SIGN, "", "");
    dev_reboot(&dv);
    log_in();
    ck_assert_uint_eq(list(user, 0, 0, &(uint32_t){0}, 1), 1);
}
END_TEST

/* A device with more objects than the configuration allows does not start - and loses none of them.
 */
static int (*read_medium)(void *ctx, uint32_t segment, uint32_t offset, void *buffer, uint32_t n);
static unsigned reads;

static int counted_read(void *ctx, uint32_t segment, uint32_t offset, void *buffer, uint32_t n)
{
    reads++;
    return read_medium(ctx, segment, offset, buffer, n);
}

/* What the first search after a start needs of each record is read while nothing else is to be
 * done. */
START_TEST(records_are_learned_ahead)
{
    uint32_t last = 0;
    dev_close(&dv);
    dev_open(&dv);
    dev_init(&dv, 0);
    read_medium = dv.hal.nvm.read; /* counted from the next start on */
    dv.hal.nvm.read = counted_read;
    user = dev_login(&dv, DEV_USER);
    for (unsigned i = 0; i < 60; i++)
        last = make(user, KEY_SM4, USAGE_ENCRYPT, i < 59 ? "k" : "last", "");
    for (int idle = 0; idle < 2; idle++) {
        dev_reboot(&dv);
        for (unsigned i = 0; idle && device_idle(dv.d); i++)
            ck_assert_uint_lt(i, 10000);
        user = dev_login(&dv, DEV_USER);
        const unsigned before = reads;
        ck_assert_uint_eq(find(user, 0, "last", ""), last);
        if (idle)
            ck_assert_uint_lt(reads - before, 20);
        else
            ck_assert_uint_ge(reads - before, 60);
    }
    MUST(destroy(user, last));
    ck_assert_uint_eq(find(user, 0, "last", ""), 0);
}
END_TEST

START_TEST(configured_too_small)
{
    struct info_rsp r;
    for (int i = 0; i < 20; i++)
        make(user, KEY_SM4, USAGE_ENCRYPT, "", "");
    dv.config.objects_max = 16;
    dev_reboot(&dv);
    r = dev_info(&dv);
    ck_assert_uint_eq(r.state, STATE_FAILED);
    ck_assert_uint_eq(r.failure.size, 28);
    ck_assert_mem_eq(r.failure.data, "store: more objects than fit", 28);
    dv.config.objects_max = 20;
    dev_reboot(&dv);
    log_in();
    uint32_t seen[21];
    ck_assert_uint_eq(list(user, 0, 0, seen, 21), 20);
}
END_TEST

/* ---------------------------------------------------------------- session keys */

START_TEST(session_keys)
{
    struct key_generate_req q = {
        .type = KEY_SM4, .flags = KEY_FLAG_SESSION, .usage = USAGE_ENCRYPT | USAGE_DECRYPT};
    static const uint8_t zeros[16];
    struct key_generate_rsp r;
    struct object_info_rsp i;
    uint32_t h[LIMIT_SESSION_KEYS_MAX];
    for (size_t k = 0; k < LIMIT_SESSION_KEYS_MAX; k++) {
        MUST(do_key_generate(&dv, user, &q, &r));
        ck_assert_uint_ge(r.handle, 0x80000000);
        h[k] = r.handle;
    }
    MUST_BE(SW_TOO_MANY, do_key_generate(&dv, user, &q, &r));
    MUST(info(user, h[0], &i));
    ck_assert_uint_eq(i.type, KEY_SM4);
    struct encrypt_req e = {.handle = h[0], .scheme = CIPHER_SM4_ECB, .data = {zeros, 16}};
    MUST(do_encrypt(&dv, user, &e, NULL));
    const uint16_t same_account = dev_login(&dv, DEV_USER);
    MUST_BE(SW_NO_OBJECT, do_encrypt(&dv, same_account, &e, NULL));
    MUST_BE(SW_NO_OBJECT, do_encrypt(&dv, operator, & e, NULL));
    MUST(destroy(user, h[0]));
    MUST_BE(SW_NO_OBJECT, do_encrypt(&dv, user, &e, NULL));
    MUST(do_key_generate(&dv, user, &q, &r));
    ck_assert_uint_ne(r.handle, h[0]);
    ck_assert_uint_eq(list(user, 0, 0, &(uint32_t){0}, 1), 0);
    e.handle = h[1];
    MUST(do_logout(&dv, user, &(struct logout_req){0}, NULL));
    MUST(dev_pin(&dv, user, DEV_USER, DEV_USER_PIN));
    MUST_BE(SW_NO_OBJECT, do_encrypt(&dv, user, &e, NULL));
    q.usage |= USAGE_EXPORT_WRAPPED;
    MUST_BE(SW_WRONG_DATA, do_key_generate(&dv, user, &q, &r));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_objects");
    TCase *t = suite_case(s, "objects", 240, set_up, off);
    tcase_add_test(t, what_is_kept);
    tcase_add_test(t, all_types);
    tcase_add_test(t, kinds_refused);
    tcase_add_test(t, rights);
    tcase_add_test(t, usage_is_obeyed);
    tcase_add_test(t, no_such_handles);
    tcase_add_test(t, finding);
    tcase_add_test(t, destroyed_is_gone);
    tcase_add_test(t, cut_destroy_and_generate);
    tcase_add_test(t, four_thousand);
    tcase_add_test(t, full_store);
    tcase_add_test(t, large_log_on_a_small_medium);
    tcase_add_test(t, records_are_learned_ahead);
    tcase_add_test(t, configured_too_small);
    tcase_add_test(t, session_keys);
    return suite_run(s);
}
