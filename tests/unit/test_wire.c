/* The cursor, APDUs and frames: every boundary, every short input, and what is written reads back.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/apdu.h"
#include "proto/frame.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

/* A copy without a byte to spare, so that a sanitizer sees any step past its end. */
static uint8_t *exact(const void *bytes, size_t n)
{
    uint8_t *p = malloc(n ? n : 1);
    ck_assert_ptr_nonnull(p);
    if (n)
        memcpy(p, bytes, n);
    return p;
}

/* ------------------------------------------------------------------ cursor */

START_TEST(reader_reads)
{
    static const uint8_t bytes[] = {1,  2,  3,  4,  5,  6, 7, 8,  9,  10,
                                    11, 12, 13, 14, 15, 0, 2, 16, 17, 18};
    struct rd r;
    rd_init(&r, bytes, sizeof bytes);
    ck_assert_uint_eq(rd_left(&r), sizeof bytes);
    ck_assert_uint_eq(rd_u8(&r), 1);
    ck_assert_uint_eq(rd_u16(&r), 0x0203);
    ck_assert_uint_eq(rd_u32(&r), 0x04050607);
    ck_assert(rd_u64(&r) == 0x08090A0B0C0D0E0Fu);
    struct view v = rd_var(&r, 2);
    ck_assert_uint_eq(v.size, 2);
    ck_assert_ptr_eq(v.data, bytes + 17);
    ck_assert(!rd_done(&r));
    v = rd_rest(&r);
    ck_assert_uint_eq(v.size, 1);
    ck_assert_uint_eq(v.data[0], 18);
    ck_assert(rd_done(&r));
    ck_assert_uint_eq(rd_rest(&r).size, 0);
    ck_assert(rd_done(&r));
}
END_TEST

/* Each kind of read, at each distance from the end: bad exactly when it does not fit, and then for
 * good. */
START_TEST(reader_stops_at_the_end)
{
    static const size_t width[] = {1, 2, 4, 8};
    const uint8_t zeros[8] = {0};
    for (size_t n = 0; n < 8; n++) {
        uint8_t *p = exact(zeros, n);
        for (size_t k = 0; k < 4; k++) {
            struct rd r;
            rd_init(&r, p, n);
            if (k == 0)
                rd_u8(&r);
            else if (k == 1)
                rd_u16(&r);
            else if (k == 2)
                rd_u32(&r);
            else
                rd_u64(&r);
            ck_assert_int_eq(r.bad, n < width[k]);
            ck_assert_uint_eq(rd_left(&r), n < width[k] ? n : n - width[k]);
            if (!r.bad)
                continue;
            ck_assert_uint_eq(rd_u8(&r), 0);
            ck_assert_ptr_null(rd_bytes(&r, 0));
            ck_assert_uint_eq(rd_rest(&r).size, 0);
            ck_assert(!rd_done(&r));
        }
        free(p);
    }
}
END_TEST

START_TEST(reader_of_variable_fields)
{
    static const struct {
        uint8_t bytes[6];
        size_t n, max;
        bool good;
    } cases[] = {{{0, 0}, 2, 0, true},
                 {{0, 1, 7}, 3, 1, true},
                 {{0, 1, 7}, 3, 0, false},
                 {{0, 2, 7}, 3, 9, false},
                 {{0}, 1, 9, false},
                 {{0}, 0, 9, false},
                 {{0xFF, 0xFF, 7}, 3, 65535, false},
                 {{0, 3, 1, 2, 3, 4}, 6, 3, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *p = exact(cases[i].bytes, cases[i].n);
        struct rd r;
        rd_init(&r, p, cases[i].n);
        const struct view v = rd_var(&r, cases[i].max);
        ck_assert_int_eq(rd_done(&r), cases[i].good);
        if (r.bad && cases[i].n < 3)
            ck_assert_uint_eq(v.size, 0);
        free(p);
    }
}
END_TEST

START_TEST(writer_stops_at_its_room)
{
    for (size_t room = 0; room <= 20; room++) {
        uint8_t *p = exact(
            "\xEE\xEE\xEE\xEE\xEE\xEE\xEE\xEE\xEE\xEE\xEE\xEE\xEE\xEE\xEE\xEE\xEE\xEE\xEE\xEE",
            room);
        struct wr w;
        wr_init(&w, p, room);
        wr_u8(&w, 1);
        wr_u16(&w, 0x0203);
        wr_u32(&w, 0x04050607);
        wr_u64(&w, 0x08090A0B0C0D0E0Fu);
        wr_bytes(&w, NULL, 2);
        wr_bytes(&w, "\x10", 1);
        ck_assert_int_eq(w.bad, room < 18);
        ck_assert_uint_le(wr_size(&w), room);
        ck_assert_uint_eq(wr_room(&w), w.bad ? 0 : room - 18);
        static const uint8_t wanted[] = {1,  2,  3,  4,  5,  6,  7, 8, 9,
                                         10, 11, 12, 13, 14, 15, 0, 0, 16};
        ck_assert_mem_eq(p, wanted, wr_size(&w));
        for (size_t i = wr_size(&w); i < room; i++)
            ck_assert_uint_eq(p[i], 0xEE);
        free(p);
    }
}
END_TEST

START_TEST(writer_of_variable_fields)
{
    uint8_t out[70000];
    static const uint8_t data[70000];
    struct wr w;
    wr_init(&w, out, sizeof out);
    wr_var(&w, (struct view){data, 3}, 3);
    ck_assert(!w.bad);
    ck_assert_uint_eq(wr_size(&w), 5);
    wr_var(&w, (struct view){NULL, 0}, 3);
    ck_assert_uint_eq(wr_size(&w), 7);
    wr_var(&w, (struct view){data, 4}, 3);
    ck_assert(w.bad);
    wr_init(&w, out, sizeof out);
    wr_var(&w, (struct view){data, 65536}, 70000);
    ck_assert(w.bad);
    ck_assert_uint_eq(wr_size(&w), 0);
    wr_init(&w, out, 10);
    ck_assert_ptr_eq(wr_reserve(&w, 10), out);
    ck_assert_ptr_null(wr_reserve(&w, 1));
    wr_u8(&w, 1);
    ck_assert(w.bad);
    ck_assert_uint_eq(wr_size(&w), 10);
}
END_TEST

/* ------------------------------------------------------------------ APDUs */

START_TEST(apdu_cases)
{
    static const struct {
        uint8_t bytes[16];
        size_t n, data, at;
        uint32_t le;
        bool extended;
    } good[] = {{{0xC0, 2, 3, 4}, 4, 0, 0, 0, false},                          /* 1 */
                {{0xC0, 2, 3, 4, 5}, 5, 0, 0, 5, false},                       /* 2S */
                {{0xC0, 2, 3, 4, 0}, 5, 0, 0, 256, false},                     /* 2S, all */
                {{0xC0, 2, 3, 4, 1, 9}, 6, 1, 5, 0, false},                    /* 3S */
                {{0xC0, 2, 3, 4, 1, 9, 7}, 7, 1, 5, 7, false},                 /* 4S */
                {{0xC0, 2, 3, 4, 1, 0, 0}, 7, 1, 5, 256, false},               /* 4S, all */
                {{0xC0, 2, 3, 4, 0, 0, 0}, 7, 0, 0, 65536, true},              /* 2E, all */
                {{0xC0, 2, 3, 4, 0, 1, 2}, 7, 0, 0, 258, true},                /* 2E */
                {{0xC0, 2, 3, 4, 0, 0, 1, 9}, 8, 1, 7, 0, true},               /* 3E */
                {{0xC0, 2, 3, 4, 0, 0, 1, 9, 1, 0}, 10, 1, 7, 256, true},      /* 4E */
                {{0xC0, 2, 3, 4, 0, 0, 1, 9, 0, 0}, 10, 1, 7, 65536, true},    /* 4E, all */
                {{0xC0, 2, 3, 4, 0, 0, 1, 9, 0, 0, 0}, 11, 1, 7, 65536, true}, /* 4E, three bytes */
                {{0xC0, 2, 3, 4, 0, 0, 2, 9, 8, 0, 1, 0}, 12, 2, 7, 256, true}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct apdu a;
        ck_assert(apdu_parse(&a, good[i].bytes, good[i].n));
        ck_assert_uint_eq(a.cla, 0xC0);
        ck_assert_uint_eq(a.ins, 2);
        ck_assert_uint_eq(a.p1, 3);
        ck_assert_uint_eq(a.p2, 4);
        ck_assert_uint_eq(a.data.size, good[i].data);
        if (good[i].data)
            ck_assert_ptr_eq(a.data.data, good[i].bytes + good[i].at);
        ck_assert_uint_eq(a.le, good[i].le);
        ck_assert_int_eq(a.extended, good[i].extended);
    }
}
END_TEST

/* The same rules said another way: in how many of the cases of ISO 7816-4 does this string fit? */
static int fits(const uint8_t *b, size_t n, size_t *data, uint32_t *le)
{
    int cases = n == 4;
    *data = 0;
    *le = 0;
    if (n < 5)
        return cases;
    const size_t short_lc = b[4];
    if (n == 5 && ++cases)
        *le = b[4] ? b[4] : 256;
    if (short_lc) {
        if (n == 5 + short_lc && n > 5 && ++cases)
            *data = short_lc;
        if (n == 6 + short_lc && ++cases) {
            *data = short_lc;
            *le = b[n - 1] ? b[n - 1] : 256;
        }
        return cases;
    }
    if (n < 7)
        return cases;
    const size_t lc = (size_t)b[5] << 8 | b[6];
    const uint32_t last = (uint32_t)b[n - 2] << 8 | b[n - 1];
    if (n == 7 && ++cases)
        *le = last ? last : 65536;
    if (lc && n == 7 + lc && ++cases)
        *data = lc;
    if (lc && (n == 9 + lc || (n == 10 + lc && b[n - 3] == 0)) && ++cases) {
        *data = lc;
        *le = last ? last : 65536;
    }
    return cases;
}

static void compare(const uint8_t *b, size_t n)
{
    struct apdu a;
    size_t data;
    uint32_t le;
    const int cases = fits(b, n, &data, &le);
    const bool got = apdu_parse(&a, b, n);
    if (cases > 1 || got != (cases == 1) || (got && (a.data.size != data || a.le != le)))
        ck_abort_msg("%zu bytes, %02X %02X %02X: %d cases, parsed %d", n, b[4], b[5], b[6], cases,
                     got);
}

/* Every length field that matters, at every size up to 20 bytes. */
START_TEST(apdu_every_short_input)
{
    static const uint8_t high[] = {0, 1, 2, 255};
    uint8_t b[20] = {0xC0, 2, 0, 0};
    for (size_t n = 0; n <= 5; n++) {
        uint8_t *p = exact(b, n);
        struct apdu a;
        ck_assert_int_eq(apdu_parse(&a, p, n), n == 4 || n == 5);
        free(p);
    }
    for (unsigned v = 0; v < 256 * 4 * 256 * 2; v++) {
        b[4] = (uint8_t)(v >> 11);
        b[5] = high[v >> 9 & 3];
        b[6] = (uint8_t)(v >> 1);
        memset(b + 7, v & 1, sizeof b - 7);
        for (size_t n = 5; n <= sizeof b; n++)
            compare(b, n);
    }
}
END_TEST

START_TEST(apdu_random_input)
{
    uint8_t b[400];
    for (int i = 0; i < 200000; i++) {
        const size_t n = 5 + test_random_below(sizeof b - 5);
        test_random(b, n < 16 ? n : 16);
        memset(b + 16, (int)test_random_below(2), sizeof b - 16);
        if (test_random_below(2)) {
            b[4] = 0;
            b[5] = (uint8_t)test_random_below(2);
        }
        uint8_t *p = exact(b, n);
        if (n >= 7)
            compare(p, n);
        free(p);
    }
}
END_TEST

static const size_t sizes[] = {0, 1, 2, 127, 254, 255, 256, 257, 1000, 65534, 65535};
static const uint32_t les[] = {0, 1, 2, 255, 256, 257, 65535, 65536};

START_TEST(apdu_round_trip)
{
    static uint8_t data[65535], out[APDU_COMMAND_MAX];
    test_random(data, sizeof data);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t j = 0; j < 2 * sizeof les / sizeof *les; j++) {
            const struct apdu a = {.cla = 0xC0,
                                   .ins = 0x70,
                                   .p1 = 1,
                                   .p2 = 2,
                                   .data = {data, sizes[i]},
                                   .le = les[j / 2],
                                   .extended = j & 1};
            struct apdu b;
            const size_t n = apdu_build(out, sizeof out, &a);
            ck_assert_uint_ne(n, 0);
            ck_assert(apdu_parse(&b, out, n));
            ck_assert_mem_eq(out, "\xC0\x70\x01\x02", 4);
            ck_assert_uint_eq(b.le, a.le);
            ck_assert_uint_eq(b.data.size, a.data.size);
            ck_assert(!a.data.size || !memcmp(b.data.data, data, a.data.size));
            const bool needs = a.data.size > 255 || a.le > 256;
            ck_assert_int_eq(b.extended, needs || (a.extended && (a.data.size || a.le)));
            ck_assert_uint_eq(apdu_build(out, n - 1, &a), 0);
            ck_assert_uint_eq(apdu_build(out, n, &a), n);
        }
    }
}
END_TEST

START_TEST(apdu_out_of_range)
{
    static uint8_t data[65536], out[70000];
    struct apdu a = {.data = {data, 65536}};
    ck_assert_uint_eq(apdu_build(out, sizeof out, &a), 0);
    a = (struct apdu){.data = {data, 65535}, .le = 65537};
    ck_assert_uint_eq(apdu_build(out, sizeof out, &a), 0);
    a.le = 65536;
    ck_assert_uint_eq(apdu_build(out, sizeof out, &a), APDU_COMMAND_MAX - 1);
}
END_TEST

/* ------------------------------------------------------------------ frames */

START_TEST(frame_layout)
{
    static const uint8_t wanted[FRAME_HEADER] = {0,    0x10, 0,    2,    0xA1, 0xA2,
                                                 0xA3, 0xA4, 0xB1, 0xB2, 0x80, 1};
    const struct frame f = {FRAME_PAYLOAD_MAX, 0xA1A2A3A4, 0xB1B2, FRAME_APDU | FRAME_ANSWER};
    uint8_t header[FRAME_HEADER];
    struct frame g;
    frame_put(header, &f);
    ck_assert_mem_eq(header, wanted, sizeof wanted);
    ck_assert(frame_get(header, &g));
    ck_assert_uint_eq(g.length, f.length);
    ck_assert_uint_eq(g.tag, f.tag);
    ck_assert_uint_eq(g.channel, f.channel);
    ck_assert_uint_eq(g.flags, f.flags);
}
END_TEST

START_TEST(frame_refusals)
{
    static const uint32_t lengths[] = {0,
                                       1,
                                       2,
                                       FRAME_PAYLOAD_MAX,
                                       FRAME_PAYLOAD_MAX + 1,
                                       FRAME_PAYLOAD_MAX + FRAME_CHECK,
                                       FRAME_PAYLOAD_MAX + FRAME_CHECK + 1,
                                       0x7FFFFFFF,
                                       0xFFFFFFFF};
    uint8_t header[FRAME_HEADER];
    struct frame g;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (unsigned flags = 0; flags < 65536; flags++) {
            const struct frame f = {lengths[i], 7, 8, (uint16_t)flags};
            const uint32_t most =
                flags & FRAME_CHECKED ? FRAME_PAYLOAD_MAX + FRAME_CHECK : FRAME_PAYLOAD_MAX;
            const bool good = lengths[i] <= most && !(flags & 0x7FF8);
            frame_put(header, &f);
            ck_assert_int_eq(frame_get(header, &g), good);
            ck_assert(g.length == f.length && g.tag == 7 && g.channel == 8 && g.flags == flags);
        }
    }
}
END_TEST

/* The check value of CRC-32: "123456789" gives CBF43926; here with the header in front. */
START_TEST(frame_check_sums)
{
    uint8_t payload[40] = "123456789", header[FRAME_HEADER];
    struct frame f = {9 + FRAME_CHECK, 0x01020304, 5, FRAME_CHECKED};
    frame_put(header, &f);
    uint8_t all[FRAME_HEADER + 9];
    memcpy(all, header, sizeof header);
    memcpy(all + FRAME_HEADER, payload, 9);
    uint32_t c = 0xFFFFFFFF; /* bit by bit */
    for (size_t i = 0; i < sizeof all * 8; i++) {
        c ^= (uint32_t)(all[i / 8] >> (i % 8) & 1);
        c = c & 1 ? c >> 1 ^ 0xEDB88320 : c >> 1;
    }
    frame_check_put(&f, payload, payload + 9);
    ck_assert_uint_eq((uint32_t)payload[9] << 24 | (uint32_t)payload[10] << 16 |
                          (uint32_t)payload[11] << 8 | payload[12],
                      ~c);
    struct frame g = f;
    ck_assert(frame_check_take(&g, payload));
    ck_assert_uint_eq(g.length, 9);
    for (size_t i = 0; i < (9 + FRAME_CHECK) * 8; i++) {
        payload[i / 8] ^= (uint8_t)(1 << i % 8);
        g = f;
        ck_assert(!frame_check_take(&g, payload));
        payload[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    g = f;
    g.channel = 6;
    ck_assert(!frame_check_take(&g, payload));
    g = (struct frame){FRAME_CHECK - 1, 1, 0, FRAME_CHECKED};
    ck_assert(!frame_check_take(&g, payload));
    g = (struct frame){9, 1, 0, 0}; /* not checked: as it is */
    ck_assert(frame_check_take(&g, payload) && g.length == 9);
}
END_TEST

static bool counted(struct frame_order *o, uint32_t tag)
{
    const struct frame f = {0, tag, 0, FRAME_COUNTED};
    return frame_in_order(o, &f);
}

START_TEST(frame_order)
{
    struct frame_order o = {0};
    const struct frame any = {0, 77, 0, 0};
    ck_assert(counted(&o, 0xFFFFFFFE)); /* the first may have any tag */
    ck_assert(counted(&o, 0xFFFFFFFF));
    ck_assert(frame_in_order(&o, &any)); /* one that is not counted does not count */
    ck_assert(counted(&o, 0));
    ck_assert(!counted(&o, 0));          /* twice */
    ck_assert(!counted(&o, 2));          /* one is missing */
    ck_assert(!counted(&o, 0xFFFFFFFF)); /* late */
    ck_assert(counted(&o, 1));
}
END_TEST

int main(void)
{
    test_seed();
    Suite *s = suite_create("wire");
    TCase *cursor = tcase_create("cursor"), *apdu = tcase_create("apdu"),
          *frame = tcase_create("frame");
    tcase_add_test(cursor, reader_reads);
    tcase_add_test(cursor, reader_stops_at_the_end);
    tcase_add_test(cursor, reader_of_variable_fields);
    tcase_add_test(cursor, writer_stops_at_its_room);
    tcase_add_test(cursor, writer_of_variable_fields);
    tcase_add_test(apdu, apdu_cases);
    tcase_add_test(apdu, apdu_every_short_input);
    tcase_add_test(apdu, apdu_random_input);
    tcase_add_test(apdu, apdu_round_trip);
    tcase_add_test(apdu, apdu_out_of_range);
    tcase_add_test(frame, frame_layout);
    tcase_add_test(frame, frame_refusals);
    tcase_add_test(frame, frame_check_sums);
    tcase_add_test(frame, frame_order);
    tcase_set_timeout(apdu, 120);
    suite_add_tcase(s, cursor);
    suite_add_tcase(s, apdu);
    suite_add_tcase(s, frame);
    return suite_run(s);
}
