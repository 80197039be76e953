/* The card layer alone: a scripted device stands behind it, so that every answer size can be had.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/device.h"
#include "proto/apdu.h"
#include "proto/proto.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

/* ------------------------------------------------------------------ a scripted device */

enum { DATA_MAX = 65535 };

struct device {
    uint32_t last_link, open_links;
    unsigned served;
    struct exchange seen; /* the last command */
    uint8_t data[DATA_MAX];
    size_t answer; /* bytes of the next answer, i * 7 + i / 256 each */
    uint16_t sw;
    bool no_links;
};

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 7 + i / 256);
}

static uint32_t fake_link_open(struct device *d)
{
    if (d->no_links)
        return 0;
    d->open_links++;
    return ++d->last_link;
}

static void fake_link_close(struct device *d, uint32_t link)
{
    ck_assert_uint_eq(link, d->last_link);
    d->open_links--;
}

static void fake_info(struct exchange *x)
{
    static const uint8_t serial[16];
    const struct info_rsp info = {.protocol = 1,
                                  .version = {(const uint8_t *)"9.8.7", 5},
                                  .serial = serial,
                                  .label = {(const uint8_t *)"till", 4},
                                  .state = STATE_READY};
    struct wr w;
    wr_init(&w, x->response, x->room);
    info_rsp_put(&w, &info);
    ck_assert(!w.bad);
    x->response_size = wr_size(&w);
    x->sw = SW_OK;
}

static void fake_serve(struct device *d, struct exchange *x, size_t n)
{
    ck_assert_uint_eq(n, 1);
    ck_assert_uint_eq(x->link, d->last_link);
    ck_assert_uint_eq(x->cla, CLA_HUFU);
    if (x->ins == INS_INFO) {
        fake_info(x);
        return;
    }
    d->served++;
    d->seen = *x;
    if (x->size)
        memcpy(d->data, x->data, x->size);
    x->sw = d->sw;
    x->response_size = d->answer;
    ck_assert_uint_le(d->answer, x->room);
    for (size_t i = 0; i < d->answer; i++)
        x->response[i] = pattern(i);
}

#define device_serve      fake_serve
#define device_link_open  fake_link_open
#define device_link_close fake_link_close
#include "firmware/app/card.c"
#undef device_serve
#undef device_link_open
#undef device_link_close

/* ------------------------------------------------------------------ a host */

static struct device device;
static struct card *card;
static void *memory;
static uint8_t response[DATA_MAX + 2 + 16];
static size_t size;

static void set_up_with(size_t data_max)
{
    memset(&device, 0, sizeof device);
    device.sw = SW_OK;
    memory = calloc(1, card_memory(data_max));
    card = card_create(memory, data_max, &device);
    ck_assert_ptr_nonnull(card);
    ck_assert_uint_eq(device.open_links, 1);
}

static void set_up(void)
{
    set_up_with(DATA_MAX);
}

static void tear_down(void)
{
    card_remove(card);
    ck_assert_uint_eq(device.open_links, 0);
    free(memory);
}

static unsigned send_bytes(const void *bytes, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);
    if (n)
        memcpy(exact, bytes, n);
    memset(response, 0xEE, sizeof response);
    size = card_exchange(card, exact, n, response, DATA_MAX + 2);
    free(exact);
    ck_assert_uint_ge(size, 2);
    size -= 2;
    ck_assert_uint_eq(response[size + 2], 0xEE);
    return load_be16(response + size);
}

#define SEND(text) send_bytes(text, sizeof(text) - 1)

static unsigned send_apdu(uint8_t cla, uint8_t ins, const void *data, size_t n, uint32_t le,
                          bool extended)
{
    static uint8_t out[APDU_COMMAND_MAX];
    const struct apdu a = {.cla = cla,
                           .ins = ins,
                           .p1 = 0x12,
                           .p2 = 0x34,
                           .data = {data, n},
                           .le = le,
                           .extended = extended};
    const size_t bytes = apdu_build(out, sizeof out, &a);
    ck_assert_uint_ne(bytes, 0);
    return send_bytes(out, bytes);
}

static void got_pattern(size_t from, size_t n)
{
    ck_assert_uint_eq(size, n);
    for (size_t i = 0; i < n; i++)
        ck_assert_uint_eq(response[i], pattern(from + i));
}

/* ------------------------------------------------------------------ tests */

START_TEST(atr)
{
    uint8_t bytes[CARD_ATR_MAX], check = 0;
    const size_t n = card_reset(card, bytes);
    ck_assert_uint_eq(n, 17);
    ck_assert_mem_eq(bytes, "\x3B\x8A\x81\x31\xFE\x95\x80\x73\xC8\x01\xC0\x54Hufu", 16);
    ck_assert_uint_eq(bytes[1] & 15, n - 1 - 1 - 4 - 1); /* TS, T0, four interface bytes, TCK */
    for (size_t i = 1; i < n; i++)
        check ^= bytes[i];
    ck_assert_uint_eq(check, 0);
}
END_TEST

START_TEST(reset_begins_a_new_link)
{
    uint8_t bytes[CARD_ATR_MAX];
    device.answer = 300;
    ck_assert_uint_eq(SEND("\xC0\x08\0\0\0"), 0x612C);
    ck_assert_uint_eq(device.seen.link, 1);
    ck_assert_uint_eq(SEND("\xD0\x08\0\0\x01\x01"), 0x9000);
    card_reset(card, bytes);
    ck_assert_uint_eq(device.open_links, 1);
    ck_assert_uint_eq(SEND("\0\xC0\0\0\0"), 0x6985);
    ck_assert_uint_eq(SEND("\xC0\x08\0\0\0"), 0x612C);
    ck_assert_uint_eq(device.seen.link, 2);
    ck_assert_uint_eq(device.seen.size, 0);
}
END_TEST

START_TEST(no_links_left)
{
    uint8_t bytes[CARD_ATR_MAX];
    device.no_links = true;
    ck_assert_uint_eq(card_reset(card, bytes), 17);
    ck_assert_uint_eq(SEND("\xC0\x08\0\0"), SW_TOO_MANY);
    ck_assert_uint_eq(SEND("\0\xA4\x04\0\0"), SW_OK);
    ck_assert_uint_eq(device.served, 0);
    device.no_links = false;
    ck_assert_uint_eq(SEND("\xC0\x08\0\0"), SW_OK);
    ck_assert_uint_eq(device.served, 1);
}
END_TEST

START_TEST(select_ours)
{
    static const char fci[] = "\x6F\x21\x84\x09\xF0HufuKEY\x01\xA5\x14\x50\x04till\xC1\x05"
                              "9.8.7\xC2\x02\0\x01\xC3\x01\x03";
    ck_assert_uint_eq(SEND("\0\xA4\x04\0\x09\xF0HufuKEY\x01\0"), 0x9000);
    ck_assert_uint_eq(size, sizeof fci - 1);
    ck_assert_mem_eq(response, fci, sizeof fci - 1);
    /* cut on the right, nothing at all, FCP, and without an answer */
    ck_assert_uint_eq(SEND("\0\xA4\x04\0\x05\xF0Hufu\0"), 0x9000);
    ck_assert_mem_eq(response, fci, sizeof fci - 1);
    ck_assert_uint_eq(SEND("\0\xA4\x04\0\0"), 0x9000);
    ck_assert_mem_eq(response, fci, sizeof fci - 1);
    ck_assert_uint_eq(SEND("\0\xA4\x04\x04\0"), 0x9000);
    ck_assert_uint_eq(size, sizeof fci - 1);
    ck_assert_uint_eq(SEND("\0\xA4\x04\x0C\x05\xF0Hufu"), 0x9000);
    ck_assert_uint_eq(size, 0);
    ck_assert_uint_eq(SEND("\0\xA4\x04\0\x05\xF0Hufu"), 0x9000);
    ck_assert_uint_eq(size, 0);
    /* a small Le: the rest waits */
    ck_assert_uint_eq(SEND("\0\xA4\x04\0\x05\xF0Hufu\x02"), 0x6121);
    ck_assert_uint_eq(SEND("\0\xC0\0\0\x21"), 0x9000);
    ck_assert_mem_eq(response, fci + 2, 0x21);
}
END_TEST

START_TEST(select_of_others)
{
    ck_assert_uint_eq(SEND("\0\xA4\x04\0\x04\xF0Huf"), 0x6A82);
    ck_assert_uint_eq(SEND("\0\xA4\x04\0\x05\xF0Hufv"), 0x6A82);
    ck_assert_uint_eq(SEND("\0\xA4\x04\0\x0A\xF0HufuKEY\x01\x01"), 0x6A82);
    ck_assert_uint_eq(SEND("\0\xA4\x04\x02\x05\xF0Hufu"), 0x6A82);
    ck_assert_uint_eq(SEND("\0\xA4\0\0\x02\x3F\0"), 0x6A82);
    ck_assert_uint_eq(SEND("\0\xA4\x08\x0C\x02\x3F\0"), 0x6A82);
    ck_assert_uint_eq(SEND("\0\xA4\x05\0"), 0x6A86);
    ck_assert_uint_eq(SEND("\0\xA4\x04\x10"), 0x6A86);
    ck_assert_uint_eq(device.served, 0);
    ck_assert_uint_eq(SEND("\xC0\x08\0\0"), 0x9000);
    ck_assert_uint_eq(device.seen.link, 1); /* still the same link: nobody was thrown out */
}
END_TEST

/* Every class and instruction: what is not ours is told so and does not reach the device. */
START_TEST(classes_and_instructions)
{
    for (unsigned cla = 0; cla < 256; cla++) {
        for (unsigned ins = 0; ins < 256; ins++) {
            const uint8_t apdu[4] = {(uint8_t)cla, (uint8_t)ins, 0, 0};
            const unsigned before = device.served;
            const unsigned sw = send_bytes(apdu, 4);
            const bool ours = proto_command((uint8_t)ins) != NULL;
            if (cla == 0xC0 && ours && ins != INS_INFO)
                ck_assert(sw == 0x9000 && device.served == before + 1);
            else if (cla == 0xC0 && ins == INS_INFO)
                ck_assert_uint_eq(sw >> 8, 0x61);
            else if (cla == 0xC0 && ins == 0xC0)
                ck_assert_uint_eq(sw, 0x6985);
            else if (cla == 0xC0 || cla == 0xD0)
                ck_assert_uint_eq(sw, ours ? 0x9000u : 0x6D00u);
            else if (cla == 0)
                ck_assert_uint_eq(sw, ins == 0xA4 ? 0x6A82u : ins == 0xC0 ? 0x6985u : 0x6D00u);
            else
                ck_assert_uint_eq(sw, 0x6E00);
            if (cla == 0xD0 && ours) {
                ck_assert_uint_eq(device.served, before);
                ck_assert_uint_eq(SEND("\xC0\x7F\0\0"), 0x6883);
            }
        }
    }
}
END_TEST

START_TEST(malformed)
{
    ck_assert_uint_eq(send_bytes("", 0), 0x6700);
    ck_assert_uint_eq(SEND("\xC0"), 0x6700);
    ck_assert_uint_eq(SEND("\xC0\x08\0"), 0x6700);
    ck_assert_uint_eq(SEND("\xC0\x08\0\0\x02\x01"), 0x6700);
    ck_assert_uint_eq(SEND("\xC0\x08\0\0\0\x01"), 0x6700);
    ck_assert_uint_eq(SEND("\xC0\x08\0\0\0\0\0\x01"), 0x6700);
    ck_assert_uint_eq(SEND("\xC0\x08\0\0\x01\x01\x01\x01"), 0x6700);
    ck_assert_uint_eq(device.served, 0);
}
END_TEST

START_TEST(data_channel_and_le)
{
    device.answer = 16;
    ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, "abc", 3, 256, false), 0x9000);
    ck_assert_uint_eq(device.seen.channel, 0x1234);
    ck_assert_uint_eq(device.seen.ins, INS_SIGN);
    ck_assert_uint_eq(device.seen.size, 3);
    ck_assert_mem_eq(device.data, "abc", 3);
    got_pattern(0, 16);
    ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, "abc", 3, 16, false), 0x9000);
    got_pattern(0, 16);
    ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, "abc", 3, 15, false), 0x6101);
    got_pattern(0, 15);
    ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, "abc", 3, 0, false), 0x6110);
    ck_assert_uint_eq(size, 0);
    ck_assert_uint_eq(SEND("\xC0\xC0\0\0\x10"), 0x9000);
    got_pattern(0, 16);
    device.answer = 0;
    ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, "abc", 3, 256, false), 0x9000);
    ck_assert_uint_eq(size, 0);
}
END_TEST

START_TEST(status_words_pass)
{
    device.sw = 0x63C2;
    ck_assert_uint_eq(send_apdu(0xC0, INS_LOGIN, "x", 1, 0, false), 0x63C2);
    device.sw = 0x6982;
    ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, "x", 1, 256, false), 0x6982);
    ck_assert_uint_eq(SEND("\0\xC0\0\0\0"), 0x6985);
}
END_TEST

/* All of an answer comes, in whatever pieces it is asked for. */
START_TEST(get_response_in_pieces)
{
    static const uint32_t le[] = {1, 2, 100, 255, 256, 257, 1000, 65535, 65536};
    static const size_t total[] = {1, 2, 255, 256, 257, 511, 512, 513, 1000, 65535};
    for (size_t i = 0; i < sizeof total / sizeof *total; i++) {
        for (size_t j = 0; j < sizeof le / sizeof *le; j++) {
            size_t at = 0;
            device.answer = total[i];
            unsigned sw = send_apdu(0xC0, INS_RANDOM, "x", 1, le[j], false);
            for (int turn = 0; turn < 70000; turn++) {
                got_pattern(at, total[i] - at < le[j] ? total[i] - at : le[j]);
                at += size;
                const size_t left = total[i] - at;
                if (!left)
                    break;
                ck_assert_uint_eq(sw, 0x6100u + (left < 256 ? (unsigned)left : 0));
                const struct apdu a = {.ins = 0xC0,
                                       .le = left < le[j] && le[j] < 256 ? (uint32_t)left : le[j]};
                uint8_t out[16];
                sw = send_bytes(out, apdu_build(out, sizeof out, &a));
                if (le[j] < 3 && at > 4000) /* enough seen of one byte at a time */
                    break;
            }
            if (at == total[i])
                ck_assert_uint_eq(sw, 0x9000);
        }
    }
}
END_TEST

START_TEST(get_response_rules)
{
    device.answer = 20;
    ck_assert_uint_eq(SEND("\0\xC0\0\0\0"), 0x6985);
    ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, "x", 1, 4, false), 0x6110);
    ck_assert_uint_eq(SEND("\0\xC0\0\0\x11"), 0x6C10); /* asks too much: told how much there is */
    ck_assert_uint_eq(SEND("\0\xC0\0\0"), 0x6C10);
    ck_assert_uint_eq(SEND("\0\xC0\0\x01\x01"), 0x6A86);
    ck_assert_uint_eq(SEND("\0\xC0\0\0\x01\x01\x01"), 0x6700);
    ck_assert_uint_eq(SEND("\0\xC0\0\0\x06"), 0x610A);
    got_pattern(4, 6);
    ck_assert_uint_eq(SEND("\0\xC0\0\0\0"), 0x9000); /* 256 means all there is */
    got_pattern(10, 10);
    ck_assert_uint_eq(SEND("\0\xC0\0\0\0"), 0x6985);
    /* any other command throws the rest away */
    ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, "x", 1, 4, false), 0x6110);
    ck_assert_uint_eq(SEND("\0\xB0\0\0\0"), 0x6D00);
    ck_assert_uint_eq(SEND("\0\xC0\0\0\0"), 0x6985);
    device.answer = 300;
    ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, "x", 1, 0, false), 0x6100);
    ck_assert_uint_eq(SEND("\0\xC0\0\0"), 0x6C00);
}
END_TEST

START_TEST(caller_without_room)
{
    uint8_t small[12];
    device.answer = 25;
    ck_assert_uint_eq(card_exchange(card, (const uint8_t *)"\xC0\x08\0\0\0", 5, small, 2), 2);
    ck_assert_uint_eq(load_be16(small), 0x6119);
    ck_assert_uint_eq(card_exchange(card, (const uint8_t *)"\0\xC0\0\0\0", 5, small, 12), 12);
    ck_assert_uint_eq(load_be16(small + 10), 0x610F);
    ck_assert_uint_eq(small[9], pattern(9));
}
END_TEST

/* ------------------------------------------------------------------ chains */

START_TEST(chain)
{
    static uint8_t data[DATA_MAX];
    test_random(data, sizeof data);
    for (size_t part = 1; part <= 255; part += 127) {
        const size_t total = part == 1 ? 300 : DATA_MAX;
        size_t at = 0;
        device.answer = 3;
        for (; total - at > part; at += part) {
            ck_assert_uint_eq(send_apdu(0xD0, INS_SIGN, data + at, part, 0, false), 0x9000);
            ck_assert_uint_eq(size, 0);
        }
        const unsigned before = device.served;
        ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, data + at, total - at, 256, false), 0x9000);
        got_pattern(0, 3);
        ck_assert_uint_eq(device.served, before + 1);
        ck_assert_uint_eq(device.seen.size, total);
        ck_assert_uint_eq(device.seen.channel, 0x1234);
        ck_assert_mem_eq(device.data, data, total);
    }
}
END_TEST

START_TEST(chain_of_extended_and_empty_parts)
{
    static uint8_t data[60000];
    test_random(data, sizeof data);
    ck_assert_uint_eq(send_apdu(0xD0, INS_SIGN, NULL, 0, 0, false), 0x9000);
    ck_assert_uint_eq(send_apdu(0xD0, INS_SIGN, data, 30000, 65536, true), 0x9000);
    ck_assert_uint_eq(send_apdu(0xD0, INS_SIGN, NULL, 0, 256, false), 0x9000);
    ck_assert_uint_eq(send_apdu(0xD0, INS_SIGN, data + 30000, 30000, 0, true), 0x9000);
    ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, NULL, 0, 0, true), 0x9000);
    ck_assert_uint_eq(device.seen.size, sizeof data);
    ck_assert_mem_eq(device.data, data, sizeof data);
    ck_assert_uint_eq(device.served, 1);
}
END_TEST

START_TEST(chain_broken)
{
    static const char *const others[] = {"\xC0\x08\x12\x34", "\xD0\x08\x12\x34", "\xC0\x70\x12\x35",
                                         "\xC0\x70\x13\x34", "\0\x70\x12\x34",   "\0\xC0\0\0"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        ck_assert_uint_eq(send_apdu(0xD0, INS_SIGN, "secret", 6, 0, false), 0x9000);
        ck_assert_uint_eq(send_bytes(others[i], 4), 0x6883);
        ck_assert_uint_eq(device.served, i);
        /* nothing of it is left */
        ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, "x", 1, 0, false), 0x9000);
        ck_assert_uint_eq(device.seen.size, 1);
    }
    ck_assert_uint_eq(send_apdu(0xD0, INS_SIGN, "secret", 6, 0, false), 0x9000);
    ck_assert_uint_eq(SEND("\xC0\x70\x12"), 0x6883);
    ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, "x", 1, 0, false), 0x9000);
    ck_assert_uint_eq(device.seen.size, 1);
}
END_TEST

START_TEST(chain_too_long)
{
    static uint8_t data[DATA_MAX];
    ck_assert_uint_eq(send_apdu(0xD0, INS_SIGN, data, DATA_MAX, 0, true), 0x9000);
    ck_assert_uint_eq(send_apdu(0xD0, INS_SIGN, NULL, 0, 0, true), 0x9000);
    ck_assert_uint_eq(send_apdu(0xD0, INS_SIGN, data, 1, 0, false), 0x6884);
    ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, data, 1, 0, false), 0x9000);
    ck_assert_uint_eq(device.seen.size, 1);
    ck_assert_uint_eq(send_apdu(0xD0, INS_SIGN, data, DATA_MAX, 0, true), 0x9000);
    ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, NULL, 0, 0, true), 0x9000);
    ck_assert_uint_eq(device.seen.size, DATA_MAX);
}
END_TEST

/* A card with little memory: data_max is kept for commands, chains and answers. */
START_TEST(small_card)
{
    static uint8_t data[300];
    set_up_with(256);
    device.answer = 256;
    ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, data, 256, 65536, true), 0x9000);
    got_pattern(0, 256);
    ck_assert_uint_eq(device.seen.room, 256);
    ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, data, 257, 65536, true), 0x6700);
    ck_assert_uint_eq(send_apdu(0xD0, INS_SIGN, data, 200, 0, false), 0x9000);
    ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, data, 57, 0, false), 0x6884);
    ck_assert_uint_eq(SEND("\0\xA4\x04\0\0"), 0x9000);
    ck_assert_uint_eq(response[0], 0x6F);
    tear_down();
}
END_TEST

/* What waited, of commands and answers, is wiped once it is done with. */
START_TEST(nothing_is_left_behind)
{
    const uint8_t *bytes = memory;
    device.answer = 500;
    ck_assert_uint_eq(send_apdu(0xD0, INS_SIGN, "\x5A\x5A\x5A\x5A", 4, 0, false), 0x9000);
    ck_assert_uint_eq(send_apdu(0xC0, INS_SIGN, "\x5A\x5A\x5A\x5A", 4, 10, false), 0x6100);
    ck_assert_uint_eq(SEND("\0\xA4\0\0"), 0x6A82);
    for (size_t i = card_memory(0); i < card_memory(DATA_MAX); i++)
        ck_assert_uint_eq(bytes[i], 0);
}
END_TEST

int main(void)
{
    test_seed();
    Suite *s = suite_create("card");
    TCase *t = tcase_create("card"), *small = tcase_create("small");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, atr);
    tcase_add_test(t, reset_begins_a_new_link);
    tcase_add_test(t, no_links_left);
    tcase_add_test(t, select_ours);
    tcase_add_test(t, select_of_others);
    tcase_add_test(t, classes_and_instructions);
    tcase_add_test(t, malformed);
    tcase_add_test(t, data_channel_and_le);
    tcase_add_test(t, status_words_pass);
    tcase_add_test(t, get_response_in_pieces);
    tcase_add_test(t, get_response_rules);
    tcase_add_test(t, caller_without_room);
    tcase_add_test(t, chain);
    tcase_add_test(t, chain_of_extended_and_empty_parts);
    tcase_add_test(t, chain_broken);
    tcase_add_test(t, chain_too_long);
    tcase_add_test(t, nothing_is_left_behind);
    tcase_add_test(small, small_card);
    tcase_set_timeout(t, 120);
    suite_add_tcase(s, t);
    suite_add_tcase(s, small);
    return suite_run(s);
}
