/* Data, certificates, attributes, copies, scans, and what sessions without log-in see. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

static struct dev dv;
static uint16_t user, operator, nobody;
static uint8_t bytes[LIMIT_VALUE_MAX + 1], more[LIMIT_ATTRIBUTES_MAX + 1];

static void set_up(void)
{
    dev_open(&dv);
    dev_init(&dv, 0);
    user = dev_login(&dv, DEV_USER);
    operator= dev_login(&dv, DEV_OPERATOR);
    nobody = dev_session(&dv);
    test_random(bytes, sizeof bytes);
    test_random(more, sizeof more);
}

static void off(void)
{
    dev_close(&dv);
}

static uint16_t create(uint16_t ch, uint8_t type, uint32_t usage, size_t value, size_t attributes,
                       uint32_t *handle)
{
    struct object_create_rsp r = {0};
    const uint16_t sw =
        do_object_create(&dv, ch,
                         &(struct object_create_req){.type = type,
                                                     .usage = usage,
                                                     .label = dev_text("blob"),
                                                     .id = dev_text("7"),
                                                     .attributes = {more, attributes},
                                                     .value = {bytes, value}},
                         &r);
    *handle = r.handle;
    return sw;
}

static uint16_t read_object(uint16_t ch, uint32_t handle, struct object_read_rsp *r)
{
    return do_object_read(&dv, ch, &(struct object_read_req){handle}, r);
}

static void is(uint16_t ch, uint32_t handle, size_t value, size_t attributes)
{
    struct object_read_rsp r;
    MUST(read_object(ch, handle, &r));
    ck_assert_uint_eq(r.value.size, value);
    ck_assert_uint_eq(r.attributes.size, attributes);
    ck_assert(!memcmp(r.value.data, bytes, value));
    ck_assert(!memcmp(r.attributes.data, more, attributes));
}

START_TEST(all_sizes)
{
    static const size_t sizes[][2] = {{0, 0},    {1, 0},       {0, 1},      {100, 100},
                                      {4096, 0}, {8192, 4096}, {8192, 4095}};
    uint32_t h[7];
    for (size_t i = 0; i < 7; i++) {
        MUST(create(user, i % 2 ? KEY_DATA : KEY_CERTIFICATE, 0, sizes[i][0], sizes[i][1], &h[i]));
        is(user, h[i], sizes[i][0], sizes[i][1]);
    }
    dev_reboot(&dv);
    user = dev_login(&dv, DEV_USER);
    for (size_t i = 0; i < 7; i++) {
        is(user, h[i], sizes[i][0], sizes[i][1]);
        struct object_info_rsp info;
        MUST(do_object_info(&dv, user, &(struct object_info_req){h[i]}, &info));
        ck_assert_uint_eq(info.type, i % 2 ? KEY_DATA : KEY_CERTIFICATE);
        ck_assert_uint_eq(info.origin, ORIGIN_CLEAR);
        ck_assert_uint_eq(info.public.size, 0);
        MUST(do_object_destroy(&dv, user, &(struct object_destroy_req){h[i]}, NULL));
        MUST_BE(SW_NO_OBJECT, read_object(user, h[i], NULL));
    }
}
END_TEST

START_TEST(refusals)
{
    uint32_t h;
    MUST_BE(SW_NOT_SUPPORTED, create(user, KEY_SM4, 0, 16, 0, &h));
    MUST_BE(SW_WRONG_DATA, create(user, KEY_DATA, USAGE_SIGN, 16, 0, &h));
    MUST_BE(SW_NOT_AUTHORISED, create(nobody, KEY_DATA, USAGE_PUBLIC, 16, 0, &h));
    /* no key: nothing can be done with it */
    MUST(create(user, KEY_DATA, 0, 32, 0, &h));
    MUST_BE(SW_KEY_TYPE,
            do_sign(&dv, user,
                    &(struct sign_req){.handle = h, .scheme = SIGN_SM2, .data = {bytes, 32}},
                    NULL));
    MUST_BE(SW_KEY_TYPE, do_encrypt(&dv, user,
                                    &(struct encrypt_req){
                                        .handle = h, .scheme = CIPHER_SM4_ECB, .data = {bytes, 16}},
                                    NULL));
    MUST_BE(SW_NOT_PERMITTED, do_key_export(&dv, user, &(struct key_export_req){h}, NULL));
    MUST_BE(SW_NOT_SUPPORTED,
            do_key_generate(&dv, user,
                            &(struct key_generate_req){.type = KEY_DATA, .usage = USAGE_PUBLIC},
                            NULL));
}
END_TEST

/* What administrators keep all may see, and only they change or destroy. */
START_TEST(of_administrators)
{
    const uint16_t admin = dev_login(&dv, DEV_ADMIN);
    uint32_t h;
    MUST_BE(SW_NOT_PERMITTED, create(admin, KEY_DATA, 0, 16, 0, &h));
    MUST(create(user, KEY_DATA, USAGE_PUBLIC, 16, 0, &h));
    struct object_write_req q = {.handle = h, .parts = PART_VALUE, .value = {bytes, 32}};
    MUST_BE(SW_NOT_PERMITTED, do_object_write(&dv, admin, &q, NULL));
    MUST_BE(SW_NOT_PERMITTED, do_object_destroy(&dv, admin, &(struct object_destroy_req){h}, NULL));
    MUST(create(admin, KEY_CERTIFICATE, USAGE_PUBLIC, 16, 16, &h));
    is(nobody, h, 16, 16);
    q.handle = h;
    MUST_BE(SW_NOT_PERMITTED, do_object_write(&dv, user, &q, NULL));
    MUST_BE(SW_NOT_PERMITTED, do_object_destroy(&dv, user, &(struct object_destroy_req){h}, NULL));
    MUST(do_object_write(&dv, admin, &q, NULL));
    MUST(do_object_label(&dv, admin, &(struct object_label_req){h, dev_text("root"), dev_text("r")},
                         NULL));
    is(user, h, 32, 16);
    MUST(do_object_destroy(&dv, admin, &(struct object_destroy_req){h}, NULL));
    MUST_BE(SW_NO_OBJECT, read_object(admin, h, NULL));
}
END_TEST

START_TEST(writing)
{
    uint32_t h;
    MUST(create(user, KEY_DATA, 0, 10, 10, &h));
    struct object_write_req q = {.handle = h, .parts = PART_VALUE, .value = {bytes, 500}};
    MUST(do_object_write(&dv, user, &q, NULL));
    is(user, h, 500, 10);
    q = (struct object_write_req){.handle = h, .parts = PART_ATTRIBUTES, .attributes = {more, 99}};
    MUST(do_object_write(&dv, user, &q, NULL));
    is(user, h, 500, 99);
    q.parts = PART_VALUE;
    MUST_BE(SW_WRONG_DATA, do_object_write(&dv, user, &q, NULL));
    q.parts = 0;
    MUST_BE(SW_WRONG_DATA, do_object_write(&dv, user, &q, NULL));
    q.parts = 4 | PART_ATTRIBUTES;
    MUST_BE(SW_WRONG_DATA, do_object_write(&dv, user, &q, NULL));
    q.parts = PART_ATTRIBUTES | PART_VALUE;
    MUST_BE(SW_NOT_PERMITTED, do_object_write(&dv, operator, & q, NULL));
    MUST_BE(SW_NOT_AUTHORISED, do_object_write(&dv, nobody, &q, NULL));
    MUST(do_object_write(&dv, user, &q, NULL));
    is(user, h, 0, 99);
}
END_TEST

START_TEST(attributes_of_keys)
{
    static const uint8_t types[] = {KEY_SM2, KEY_P384, KEY_RSA2048, KEY_SM4};
    for (size_t i = 0; i < 4; i++) {
        const uint32_t usage = types[i] == KEY_SM4 ? USAGE_ENCRYPT : USAGE_SIGN;
        const uint32_t h = dev_key(&dv, user, types[i], usage);
        uint8_t pub[LIMIT_PUBLIC_MAX], again[LIMIT_PUBLIC_MAX];
        const size_t n = dev_public(&dv, user, h, pub);
        is(user, h, 0, 0);
        struct object_write_req q = {
            .handle = h, .parts = PART_ATTRIBUTES, .attributes = {more, LIMIT_ATTRIBUTES_MAX}};
        MUST(do_object_write(&dv, user, &q, NULL));
        MUST(do_object_label(&dv, user,
                             &(struct object_label_req){h, dev_text("new"), dev_text("n")}, NULL));
        is(user, h, 0, LIMIT_ATTRIBUTES_MAX);
        ck_assert_uint_eq(dev_public(&dv, user, h, again), n);
        ck_assert(!memcmp(pub, again, n));
        q.parts = PART_VALUE;
        q.attributes.size = 0;
        MUST_BE(SW_KEY_TYPE, do_object_write(&dv, user, &q, NULL));
    }
}
END_TEST

/* ---------------------------------------------------------------- who sees what */

static unsigned listed(uint16_t ch)
{
    struct object_list_rsp r;
    struct object_entry e;
    struct rd in;
    unsigned n = 0;
    MUST(do_object_list(&dv, ch, &(struct object_list_req){0}, &r));
    rd_init(&in, r.entries.data, r.entries.size);
    while (rd_left(&in) && object_entry_get(&in, &e))
        n++;
    return n;
}

START_TEST(public_objects)
{
    uint32_t open, closed, theirs;
    MUST(create(user, KEY_CERTIFICATE, USAGE_PUBLIC, 100, 5, &open));
    MUST(create(user, KEY_CERTIFICATE, 0, 100, 5, &closed));
    MUST(create(operator, KEY_DATA, USAGE_PUBLIC, 100, 5, &theirs));
    const uint32_t key = dev_key(&dv, user, KEY_SM2, USAGE_SIGN | USAGE_PUBLIC);
    const uint32_t hidden = dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
    struct verify_req v = {
        .handle = key, .scheme = SIGN_SM2, .signature = {bytes, 64}, .data = {bytes, 32}};
    is(nobody, open, 100, 5);
    is(nobody, theirs, 100, 5);
    is(user, theirs, 100, 5);
    MUST_BE(SW_NO_OBJECT, read_object(nobody, closed, NULL));
    MUST_BE(SW_NO_SESSION, read_object(0, open, NULL));
    ck_assert_uint_eq(listed(nobody), 3);
    ck_assert_uint_eq(listed(user), 5);
    ck_assert_uint_eq(listed(operator), 5);
    MUST(do_object_info(&dv, nobody, &(struct object_info_req){key}, NULL));
    MUST_BE(SW_NO_OBJECT, do_object_info(&dv, nobody, &(struct object_info_req){hidden}, NULL));
    /* the public key may be used, the private one not, and nothing may be changed */
    MUST_BE(SW_SIGNATURE_INVALID, do_verify(&dv, nobody, &v, NULL));
    v.handle = hidden;
    MUST_BE(SW_NO_OBJECT, do_verify(&dv, nobody, &v, NULL));
    struct sign_req s = {.handle = key, .scheme = SIGN_SM2, .data = {bytes, 32}};
    MUST_BE(SW_NOT_AUTHORISED, do_sign(&dv, nobody, &s, NULL));
    MUST_BE(SW_NOT_PERMITTED, do_sign(&dv, operator, & s, NULL));
    MUST_BE(SW_NOT_PERMITTED,
            do_object_destroy(&dv, user, &(struct object_destroy_req){theirs}, NULL));
    MUST_BE(SW_NOT_PERMITTED,
            do_object_label(&dv, user, &(struct object_label_req){.handle = theirs}, NULL));
}
END_TEST

START_TEST(copies)
{
    const uint32_t key = dev_key(&dv, user, KEY_SM2, USAGE_SIGN | USAGE_DECRYPT);
    uint8_t pub[LIMIT_PUBLIC_MAX], again[LIMIT_PUBLIC_MAX];
    struct object_copy_rsp r;
    struct object_copy_req q = {.handle = key,
                                .usage = USAGE_SIGN | USAGE_PUBLIC,
                                .label = dev_text("copy"),
                                .id = dev_text("c"),
                                .attributes = {more, 30}};
    MUST(do_object_copy(&dv, user, &q, &r));
    const uint32_t copy = r.handle;
    ck_assert_uint_eq(dev_public(&dv, user, key, pub), dev_public(&dv, nobody, copy, again));
    ck_assert_mem_eq(pub, again, 64);
    is(user, copy, 0, 30);
    struct object_info_rsp info;
    MUST(do_object_info(&dv, user, &(struct object_info_req){copy}, &info));
    ck_assert_uint_eq(info.usage, USAGE_SIGN | USAGE_PUBLIC);
    ck_assert_uint_eq(info.origin, ORIGIN_GENERATED);
    MUST(do_object_destroy(&dv, user, &(struct object_destroy_req){key}, NULL));
    struct sign_req s = {.handle = copy, .scheme = SIGN_SM2, .data = {bytes, 32}};
    MUST(do_sign(&dv, user, &s, NULL));
    q.handle = copy;
    q.usage = USAGE_SIGN | USAGE_DECRYPT;
    MUST_BE(SW_NOT_PERMITTED, do_object_copy(&dv, user, &q, NULL));
    q.usage = USAGE_PUBLIC;
    MUST_BE(SW_WRONG_DATA, do_object_copy(&dv, user, &q, NULL));
    q.usage = USAGE_SIGN;
    MUST_BE(SW_NOT_PERMITTED, do_object_copy(&dv, operator, & q, NULL));
    uint32_t blob;
    MUST(create(user, KEY_DATA, 0, 300, 3, &blob));
    q = (struct object_copy_req){.handle = blob, .attributes = {more, 8}};
    MUST(do_object_copy(&dv, user, &q, &r));
    is(user, r.handle, 300, 8);
}
END_TEST

/* ---------------------------------------------------------------- scans and changes */

static uint64_t changes(void)
{
    struct object_changes_rsp r;
    MUST(do_object_changes(&dv, user, &(struct object_changes_req){0}, &r));
    return r.changes;
}

/* The handles of the changes since a number; how many. */
static size_t changed(uint64_t since, uint32_t *handles, size_t room)
{
    struct object_changed_rsp r;
    struct rd in;
    size_t n = 0;
    MUST(do_object_changed(&dv, user, &(struct object_changed_req){since}, &r));
    rd_init(&in, r.handles.data, r.handles.size);
    while (n < room && rd_left(&in))
        handles[n++] = rd_u32(&in);
    return n;
}

START_TEST(whose_the_changes_were)
{
    uint32_t h[3], seen[8];
    const uint64_t start = changes();
    ck_assert_uint_eq(changed(start, seen, 8), 0);
    for (int i = 0; i < 3; i++)
        MUST(create(user, KEY_DATA, 0, 1, 0, &h[i]));
    MUST(do_object_label(&dv, user, &(struct object_label_req){.handle = h[1]}, NULL));
    MUST(do_object_destroy(&dv, user, &(struct object_destroy_req){h[0]}, NULL));
    const uint32_t due[] = {h[0], h[1], h[2], h[1], h[0]};
    ck_assert_uint_eq(changed(start, seen, 8), 5);
    ck_assert_mem_eq(seen, due, sizeof due);
    ck_assert_uint_eq(changed(start + 3, seen, 8), 2);
    ck_assert_mem_eq(seen, due + 3, 8);
    ck_assert_uint_eq(changes(), start + 5);
    MUST_BE(SW_TOO_MANY,
            do_object_changed(&dv, user, &(struct object_changed_req){start + 6}, NULL));
    MUST_BE(SW_TOO_MANY, do_object_changed(&dv, user, &(struct object_changed_req){0}, NULL));
    const uint64_t last = changes();
    const uint32_t kept = dv.d->objects.log_max;
    for (uint32_t i = 0; i <= kept; i++)
        MUST(do_object_label(&dv, user, &(struct object_label_req){.handle = h[2]}, NULL));
    MUST_BE(SW_TOO_MANY, do_object_changed(&dv, user, &(struct object_changed_req){last}, NULL));
    ck_assert_uint_gt(changed(last + 1, seen, 8), 0);
    ck_assert_uint_eq(seen[0], h[2]);
}
END_TEST

START_TEST(every_change_counts)
{
    uint64_t seen[8];
    uint32_t h;
    seen[0] = changes();
    ck_assert_uint_eq(seen[0], changes());
    MUST(create(user, KEY_DATA, 0, 1, 0, &h));
    seen[1] = changes();
    MUST(do_object_write(&dv, user,
                         &(struct object_write_req){.handle = h, .parts = PART_ATTRIBUTES}, NULL));
    seen[2] = changes();
    MUST(do_object_label(&dv, user, &(struct object_label_req){.handle = h}, NULL));
    seen[3] = changes();
    MUST(do_object_destroy(&dv, user, &(struct object_destroy_req){h}, NULL));
    seen[4] = changes();
    dev_key(&dv, user, KEY_SM4, USAGE_ENCRYPT);
    seen[5] = changes();
    dev_reboot(&dv);
    user = dev_login(&dv, DEV_USER);
    seen[6] = changes();
    for (int i = 0; i < 7; i++)
        for (int j = 0; j < i; j++)
            ck_assert_uint_ne(seen[i], seen[j]);
    MUST_BE(SW_NO_OBJECT, do_object_destroy(&dv, user, &(struct object_destroy_req){h}, NULL));
    ck_assert_uint_eq(seen[6], changes());
}
END_TEST

START_TEST(scan)
{
    enum { MANY = 60 };
    uint32_t h[MANY], after = 0;
    unsigned n = 0, parts = 0;
    struct object_scan_rsp r;
    for (size_t i = 0; i < MANY; i++) {
        if (i % 3 == 0)
            h[i] = dev_key(&dv, user, KEY_P256, USAGE_SIGN);
        else
            MUST(create(user, KEY_DATA, 0, 10 * i, 2000, &h[i]));
    }
    do {
        struct object_detail e;
        struct rd in;
        MUST(do_object_scan(&dv, user, &(struct object_scan_req){after, 0, 0}, &r));
        ck_assert_uint_ne(r.changes, 0);
        rd_init(&in, r.entries.data, r.entries.size);
        for (; rd_left(&in); n++) {
            ck_assert(object_detail_get(&in, &e));
            ck_assert_uint_eq(e.handle, h[n]);
            ck_assert_uint_eq(e.type, n % 3 ? KEY_DATA : KEY_P256);
            ck_assert_uint_eq(e.public.size, n % 3 ? 0 : 64);
            ck_assert_uint_eq(e.attributes.size, n % 3 ? 2000 : 0);
            ck_assert(!memcmp(e.attributes.data, more, e.attributes.size));
            ck_assert_uint_eq(e.size, n % 3 ? 10 * n : 0);
        }
        after = r.next;
        parts++;
    } while (after);
    ck_assert_uint_eq(n, MANY);
    ck_assert_uint_gt(parts, 1);
    MUST(do_object_scan(&dv, user, &(struct object_scan_req){h[4], 2, KEY_P256}, &r));
    ck_assert_uint_eq(r.next, h[9]);
    MUST(do_object_scan(&dv, nobody, &(struct object_scan_req){0}, &r));
    ck_assert_uint_eq(r.entries.size, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_blobs");
    TCase *t = suite_case(s, "device_blobs", 120, set_up, off);
    tcase_add_test(t, all_sizes);
    tcase_add_test(t, refusals);
    tcase_add_test(t, of_administrators);
    tcase_add_test(t, writing);
    tcase_add_test(t, attributes_of_keys);
    tcase_add_test(t, public_objects);
    tcase_add_test(t, copies);
    tcase_add_test(t, every_change_counts);
    tcase_add_test(t, whose_the_changes_were);
    tcase_add_test(t, scan);
    test_seed();
    return suite_run(s);
}
