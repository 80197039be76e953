/* The device as a whole: information, randomness, sessions, links, malformed commands. */
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

static void blank(void)
{
    dev_open(&dv);
}

static void off(void)
{
    dev_close(&dv);
}

START_TEST(info_of_a_blank_device)
{
    const struct info_rsp r = dev_info(&dv);
    ck_assert_uint_eq(r.protocol, LIMIT_PROTOCOL);
    ck_assert_uint_eq(r.state, STATE_BLANK);
    ck_assert_uint_eq(r.boots, 0);
    ck_assert_uint_eq(r.objects, 0);
    ck_assert_uint_eq(r.objects_max, dv.config.objects_max);
    ck_assert_uint_eq(r.frame_max, dv.config.frame_max);
    ck_assert_uint_eq(r.failure.size, 0);
    ck_assert_uint_gt(r.engine.size, 0);
    ck_assert_mem_eq(r.port.data, "test", 4);
}
END_TEST

START_TEST(info_of_a_device_in_use)
{
    struct info_rsp r = dev_info(&dv);
    uint8_t serial[16];
    static const uint8_t none[16];
    memcpy(serial, r.serial, 16);
    ck_assert_uint_eq(r.state, STATE_READY);
    ck_assert_uint_eq(r.boots, 1);
    ck_assert_uint_eq(r.label.size, 11);
    ck_assert_mem_eq(r.label.data, "test device", 11);
    ck_assert_mem_ne(serial, none, 16);
    const uint64_t time = r.time;
    ck_assert_uint_ge(time, 1700000000000);
    const uint16_t ch = dev_login(&dv, DEV_USER);
    dev_key(&dv, ch, KEY_SM2, USAGE_SIGN);
    r = dev_info(&dv);
    ck_assert_uint_eq(r.sessions, 1);
    ck_assert_uint_eq(r.objects, 1);
    dev_reboot(&dv);
    r = dev_info(&dv);
    ck_assert_uint_eq(r.boots, 2);
    ck_assert_uint_eq(r.sessions, 0);
    ck_assert_uint_eq(r.objects, 1);
    ck_assert_mem_eq(r.serial, serial, 16);
}
END_TEST

START_TEST(capabilities)
{
    struct capabilities_rsp r;
    MUST(do_capabilities(&dv, 0, &(struct capabilities_req){0}, &r));
    ck_assert_uint_eq(r.keys, 0x3FFE);
    ck_assert_uint_eq(r.signs, 0x7E);
    ck_assert_uint_eq(r.ciphers, 0x3FFFE);
    ck_assert_uint_eq(r.hashes, 0x7E);
    ck_assert_uint_eq(r.tickets, dv.config.tickets_max);
    ck_assert_uint_gt(r.batch_max, 500);
    ck_assert_uint_eq(r.accounts_max, LIMIT_ACCOUNTS_MAX);
}
END_TEST

START_TEST(selftest_passes)
{
    struct selftest_rsp r;
    MUST(do_selftest(&dv, 0, &(struct selftest_req){0}, &r));
    ck_assert_uint_ge(r.tests, 15);
    ck_assert_uint_eq(r.failed, 0);
    ck_assert_uint_eq(r.first.size, 0);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_READY);
}
END_TEST

/* ---------------------------------------------------------------- randomness */

START_TEST(random_bytes)
{
    struct random_rsp r;
    static uint8_t first[60000];
    unsigned count[256] = {0};
    MUST(do_random(&dv, 0, &(struct random_req){sizeof first}, &r));
    ck_assert_uint_eq(r.bytes.size, sizeof first);
    memcpy(first, r.bytes.data, sizeof first);
    for (size_t i = 0; i < sizeof first; i++)
        count[first[i]]++;
    for (size_t i = 0; i < 256; i++)
        ck_assert_uint_gt(count[i], 100); /* 234 expected */
    MUST(do_random(&dv, 0, &(struct random_req){sizeof first}, &r));
    ck_assert_mem_ne(first, r.bytes.data, sizeof first);
}
END_TEST

START_TEST(random_sizes)
{
    struct random_rsp r;
    MUST_BE(SW_WRONG_DATA, do_random(&dv, 0, &(struct random_req){0}, NULL));
    MUST(do_random(&dv, 0, &(struct random_req){1}, &r));
    ck_assert_uint_eq(r.bytes.size, 1);
    MUST(do_random(&dv, 0, &(struct random_req){dv.config.frame_max}, &r));
    ck_assert_uint_eq(r.bytes.size, dv.config.frame_max);
    MUST_BE(SW_RESPONSE_TOO_BIG,
            do_random(&dv, 0, &(struct random_req){dv.config.frame_max + 1}, NULL));
    MUST_BE(SW_RESPONSE_TOO_BIG, do_random(&dv, 0, &(struct random_req){0xFFFFFFFF}, NULL));
}
END_TEST

/* Two starts of one device share nothing, even when the medium is the same. */
START_TEST(random_after_a_start)
{
    struct random_rsp r;
    uint8_t first[32];
    MUST(do_random(&dv, 0, &(struct random_req){32}, &r));
    memcpy(first, r.bytes.data, 32);
    dev_reboot(&dv);
    MUST(do_random(&dv, 0, &(struct random_req){32}, &r));
    ck_assert_mem_ne(first, r.bytes.data, 32);
}
END_TEST

/* ---------------------------------------------------------------- sessions and links */

START_TEST(many_sessions)
{
    uint16_t channel[100];
    for (size_t i = 0; i < 100; i++) {
        channel[i] = dev_session(&dv);
        ck_assert_uint_ne(channel[i], 0);
        for (size_t j = 0; j < i; j++)
            ck_assert_uint_ne(channel[i], channel[j]);
    }
    MUST_BE(SW_TOO_MANY, do_session_open(&dv, 0, &(struct session_open_req){0}, NULL));
    for (size_t i = 0; i < 100; i += 10)
        MUST(dev_pin(&dv, channel[i], DEV_USER, DEV_USER_PIN));
    MUST(do_session_close(&dv, channel[50], &(struct session_close_req){0}, NULL));
    const uint16_t again = dev_session(&dv);
    ck_assert_uint_ne(again, channel[50]); /* numbers do not come back soon */
    MUST_BE(SW_NO_SESSION, do_logout(&dv, channel[50], &(struct logout_req){0}, NULL));
    /* every other one still has its rights */
    MUST_BE(SW_NO_TICKET, do_key_fetch(&dv, channel[40], &(struct key_fetch_req){0}, NULL));
    MUST_BE(SW_NOT_AUTHORISED, do_key_fetch(&dv, again, &(struct key_fetch_req){0}, NULL));
}
END_TEST

START_TEST(channel_numbers_go_round)
{
    uint16_t last = 0;
    for (size_t i = 0; i < 70000; i++) {
        const uint16_t ch = dev_session(&dv);
        ck_assert_uint_ne(ch, 0);
        ck_assert_uint_ne(ch, last);
        last = ch;
        MUST(do_session_close(&dv, ch, &(struct session_close_req){0}, NULL));
    }
    ck_assert_uint_eq(dev_info(&dv).sessions, 0);
}
END_TEST

START_TEST(links_are_apart)
{
    const uint16_t ch = dev_login(&dv, DEV_USER);
    const uint32_t first = dv.link;
    dv.link = device_link_open(dv.d);
    ck_assert_uint_ne(dv.link, first);
    MUST_BE(SW_NO_SESSION, do_object_list(&dv, ch, &(struct object_list_req){0}, NULL));
    MUST_BE(SW_NO_SESSION, do_session_close(&dv, ch, &(struct session_close_req){0}, NULL));
    const uint16_t other = dev_session(&dv);
    device_link_close(dv.d, dv.link);
    MUST_BE(SW_NO_SESSION, do_logout(&dv, other, &(struct logout_req){0}, NULL));
    dv.link = first;
    MUST(do_object_list(&dv, ch, &(struct object_list_req){0}, NULL));
    MUST_BE(SW_NO_SESSION, do_logout(&dv, other, &(struct logout_req){0}, NULL));
    ck_assert_uint_eq(dev_info(&dv).sessions, 1);
    device_link_close(dv.d, first);
    ck_assert_uint_eq(dev_info(&dv).sessions, 0);
}
END_TEST

/* ---------------------------------------------------------------- what is refused at the door */

START_TEST(classes)
{
    for (unsigned cla = 0; cla < 256; cla++) {
        struct exchange x = {.link = dv.link,
                             .cla = (uint8_t)cla,
                             .ins = INS_INFO,
                             .response = dv.response,
                             .room = dv.config.frame_max};
        device_serve(dv.d, &x, 1);
        ck_assert_uint_eq(x.sw, cla == CLA_HUFU ? SW_OK : SW_NO_CLASS);
    }
}
END_TEST

START_TEST(commands)
{
    for (unsigned ins = 0; ins < 256; ins++)
        if (!proto_command((uint8_t)ins))
            ck_assert_uint_eq(dev_call(&dv, 0, (uint8_t)ins, NULL, 0), SW_NO_COMMAND);
}
END_TEST

START_TEST(channels)
{
    for (uint32_t ch = 1; ch < 65536; ch += 7)
        MUST_BE(SW_NO_SESSION, dev_call(&dv, (uint16_t)ch, INS_INFO, NULL, 0));
}
END_TEST

START_TEST(small_room)
{
    uint8_t response[600];
    for (size_t room = 0; room < sizeof response; room++) {
        struct exchange x = {
            .link = dv.link, .cla = CLA_HUFU, .ins = INS_INFO, .response = response, .room = room};
        memset(response, 0xEE, sizeof response);
        device_serve(dv.d, &x, 1);
        if (x.sw == SW_OK)
            return;
        ck_assert_uint_eq(x.sw, SW_RESPONSE_TOO_BIG);
        ck_assert_uint_eq(x.response_size, 0);
        for (size_t i = room; i < sizeof response; i++)
            ck_assert_uint_eq(response[i], 0xEE);
    }
    ck_abort_msg("never enough room");
}
END_TEST

START_TEST(too_long)
{
    uint8_t *data = calloc(1, dv.config.frame_max + 1);
    const uint16_t ch = dev_session(&dv);
    MUST(do_hash_init(&dv, ch, &(struct hash_init_req){.hash = DIGEST_SM3}, NULL));
    MUST(dev_call(&dv, ch, INS_HASH_UPDATE, data, dv.config.frame_max));
    MUST_BE(SW_WRONG_LENGTH, dev_call(&dv, ch, INS_HASH_UPDATE, data, dv.config.frame_max + 1));
    free(data);
}
END_TEST

/* The same bytes of the medium before and after. */
static void nothing_written(const uint8_t *image)
{
    static uint8_t now[64 * 65536];
    nvm_sim_save(&dv.sim, now);
    ck_assert(!memcmp(now, image, dv.sim.size));
}

/* Every command with every kind of rubbish, on a session with all rights, changes nothing and
 * answers. */
START_TEST(rubbish)
{
    static uint8_t image[64 * 65536], data[300];
    const uint16_t ch[] = {0, dev_login(&dv, DEV_ADMIN), dev_login(&dv, DEV_OPERATOR),
                           dev_login(&dv, DEV_USER), dev_login(&dv, DEV_AUDITOR)};
    nvm_sim_save(&dv.sim, image);
    for (size_t i = 0; i < proto_command_count; i++) {
        const uint8_t ins = proto_commands[i].ins;
        if (ins == INS_SESSION_CLOSE || ins == INS_LOGOUT || ins == INS_ZEROISE ||
            ins == INS_TERMINATE || ins == INS_SELFTEST || ins == INS_LOCK || ins == INS_LOGIN)
            continue; /* these take no data, or any data */
        for (size_t n = 0; n < sizeof data; n += 1 + n / 8) {
            memset(data, 0xFF, n); /* no variable field of FFFF bytes fits */
            const uint16_t sw = dev_call(&dv, ch[i % 5], ins, data, n);
            ck_assert_uint_ne(sw, SW_INTERNAL);
            ck_assert_uint_ne(sw, 0);
        }
    }
    ck_assert_uint_eq(dev_info(&dv).state, STATE_READY);
    ck_assert_uint_eq(dev_info(&dv).objects, 0);
}
END_TEST

/* Commands with fields of fixed size are refused when a byte is missing or left over. */
START_TEST(lengths)
{
    static uint8_t image[64 * 65536], data[64];
    static const struct {
        uint8_t ins;
        size_t size;
    } fixed[] = {
        {INS_INFO, 0},           {INS_CAPABILITIES, 0},   {INS_SELFTEST, 0},
        {INS_RANDOM, 4},         {INS_SESSION_OPEN, 0},   {INS_SESSION_CLOSE, 0},
        {INS_LOGOUT, 0},         {INS_ACCOUNT_DELETE, 1}, {INS_ACCOUNT_LIST, 0},
        {INS_LOCK, 0},           {INS_ZEROISE, 0},        {INS_TERMINATE, 0},
        {INS_OBJECT_LIST, 7},    {INS_OBJECT_INFO, 4},    {INS_KEY_EXPORT, 4},
        {INS_KEY_BATCH, 17},     {INS_KEY_FETCH, 8},      {INS_KEY_ACK, 8},
        {INS_AGREE_BEGIN, 4},    {INS_HASH_FINAL, 0},     {INS_LOG_READ, 10},
        {INS_OBJECT_DESTROY, 4},
    };
    const uint16_t admin = dev_login(&dv, DEV_ADMIN), operator= dev_login(&dv, DEV_OPERATOR);
    nvm_sim_save(&dv.sim, image);
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        const struct command_info *c = proto_command(fixed[i].ins);
        const uint16_t ch = c->roles & ROLE_OPERATOR ? operator: admin;
        for (size_t n = 0; n < sizeof data; n++)
            if (n != fixed[i].size)
                ck_assert_msg(dev_call(&dv, ch, fixed[i].ins, data, n) == SW_WRONG_LENGTH,
                              "%s with %zu", c->name, n);
    }
    nothing_written(image);
    ck_assert_uint_eq(dev_info(&dv).state, STATE_READY);
    ck_assert_uint_eq(dev_info(&dv).sessions, 2);
}
END_TEST

/* Any command, cut short at any byte or made longer, is refused and changes nothing. */
START_TEST(cut_short)
{
    static uint8_t image[64 * 65536], request[200];
    const uint16_t ch = dev_login(&dv, DEV_OPERATOR);
    const uint32_t h = dev_key(&dv, ch, KEY_SM2, USAGE_SIGN | USAGE_AGREE);
    struct wr w;
    nvm_sim_save(&dv.sim, image);
    wr_init(&w, request, sizeof request);
    key_generate_req_put(&w, &(struct key_generate_req){.type = KEY_SM2,
                                                        .usage = USAGE_SIGN,
                                                        .label = dev_text("a label"),
                                                        .id = dev_text("id")});
    for (size_t n = 0; n <= wr_size(&w) + 1; n++)
        if (n != wr_size(&w))
            MUST_BE(SW_WRONG_LENGTH, dev_call(&dv, ch, INS_KEY_GENERATE, request, n));
    wr_init(&w, request, sizeof request);
    object_label_req_put(&w, &(struct object_label_req){h, dev_text("a label"), dev_text("id")});
    for (size_t n = 0; n <= wr_size(&w) + 1; n++)
        if (n != wr_size(&w))
            MUST_BE(SW_WRONG_LENGTH, dev_call(&dv, ch, INS_OBJECT_LABEL, request, n));
    wr_init(&w, request, sizeof request);
    login_req_put(&w, &(struct login_req){DEV_USER, dev_text(DEV_USER_PIN)});
    for (size_t n = 0; n <= wr_size(&w) + 1; n++)
        if (n != wr_size(&w))
            MUST_BE(SW_WRONG_LENGTH, dev_call(&dv, ch, INS_LOGIN, request, n));
    nothing_written(image);
}
END_TEST

/* ---------------------------------------------------------------- configurations */

START_TEST(configurations)
{
    struct dev other;
    dev_prepare(&other);
    const struct device_config good = other.config;
    ck_assert_uint_gt(device_memory(&good, &other.hal), 0);
    struct device_config bad[8];
    for (size_t i = 0; i < 8; i++)
        bad[i] = good;
    bad[0].objects_max = 15;
    bad[1].log_max = 63;
    bad[2].sessions_max = 0;
    bad[3].sessions_max = 4097;
    bad[4].frame_max = 4095;
    bad[5].frame_max = LIMIT_FRAME_MAX + 1;
    bad[6].tickets_max = 0;
    bad[7].objects_max = 0xFFFFFFFF;
    for (size_t i = 0; i < 8; i++) {
        ck_assert_uint_eq(device_memory(&bad[i], &other.hal), 0);
        ck_assert_ptr_null(device_create(dv.memory, &bad[i], &other.hal));
    }
}
END_TEST

/* The smallest device works, and a device never leaves the memory that it asked for. */
START_TEST(smallest)
{
    struct dev small;
    dev_prepare(&small);
    small.config = (struct device_config){
        .objects_max = 16, .log_max = 64, .sessions_max = 1, .tickets_max = 1, .frame_max = 4096};
    small.segments = 8;
    small.segment_size = 16384;
    dev_start(&small);
    const size_t size = device_memory(&small.config, &small.hal);
    uint8_t *memory = aligned_alloc(64, size + 64), fence[64];
    memset(fence, 0xC5, sizeof fence);
    memcpy(memory + size, fence, sizeof fence);
    free(small.memory);
    small.memory = memory;
    dev_reboot(&small);
    dev_init(&small, 0);
    const uint16_t ch = dev_login(&small, DEV_OPERATOR);
    for (size_t i = 0; i < 16; i++)
        dev_key(&small, ch, i % 2 ? KEY_SM2 : KEY_SM4, USAGE_DECRYPT);
    MUST_BE(SW_NO_SPACE,
            do_key_generate(&small, ch,
                            &(struct key_generate_req){.type = KEY_SM2, .usage = USAGE_SIGN},
                            NULL));
    MUST(do_key_batch(&small, ch,
                      &(struct key_batch_req){.type = KEY_SM2, .usage = USAGE_SIGN, .count = 30},
                      NULL));
    for (size_t i = 0; i < 200; i++) /* the log goes round */
        MUST(do_object_label(&small, ch,
                             &(struct object_label_req){1, dev_text("x"), dev_text("y")}, NULL));
    ck_assert_mem_eq(memory + size, fence, sizeof fence);
    dev_close(&small);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device");
    TCase *t = suite_case(s, "blank", 0, blank, off);
    tcase_add_test(t, info_of_a_blank_device);
    tcase_add_test(t, configurations);
    tcase_add_test(t, smallest);
    t = suite_case(s, "ready", 60, ready, off);
    tcase_add_test(t, info_of_a_device_in_use);
    tcase_add_test(t, capabilities);
    tcase_add_test(t, selftest_passes);
    tcase_add_test(t, random_bytes);
    tcase_add_test(t, random_sizes);
    tcase_add_test(t, random_after_a_start);
    tcase_add_test(t, many_sessions);
    tcase_add_test(t, channel_numbers_go_round);
    tcase_add_test(t, links_are_apart);
    tcase_add_test(t, classes);
    tcase_add_test(t, commands);
    tcase_add_test(t, channels);
    tcase_add_test(t, small_room);
    tcase_add_test(t, too_long);
    tcase_add_test(t, rubbish);
    tcase_add_test(t, lengths);
    tcase_add_test(t, cut_short);
    return suite_run(s);
}
