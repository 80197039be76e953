/* Commands as talks of APDUs: chains, GET RESPONSE, and what a card may not answer. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "host/lib/lib.h"
#include "host/lib/talk.h"
#include "proto/apdu.h"
#include "tests/lib/run.h"

enum { INS = 0x72, CHANNEL = 0x1234, MAX = 70000 };

static struct hufu_request request;
static struct talk talk;
static uint8_t *apdu;
static uint8_t response[MAX];

static void begin(size_t size, bool extended)
{
    memset(&request, 0, sizeof request);
    request.ins = INS;
    request.channel = CHANNEL;
    ck_assert(buffer_grow(&request.command, FRAME_HEADER + 2 + size));
    request.command.size = FRAME_HEADER + 2 + size;
    for (size_t i = 0; i < size; i++)
        request.command.data[FRAME_HEADER + 2 + i] = (uint8_t)(i * 3);
    talk_begin(&talk, &request, extended);
    apdu = malloc(talk_room(&talk)); /* without a byte to spare */
}

static void end(void)
{
    free(apdu);
    free(request.command.data);
    free(request.answer.data);
}

static struct apdu next(void)
{
    struct apdu a;
    const size_t n = talk_next(&talk, apdu);
    ck_assert_uint_gt(n, 0);
    ck_assert(apdu_parse(&a, apdu, n));
    return a;
}

static bool answer(size_t size, uint16_t sw)
{
    response[size] = (uint8_t)(sw >> 8);
    response[size + 1] = (uint8_t)sw;
    return talk_take(&talk, response, size + 2);
}

static void expect_end(size_t size, uint16_t sw)
{
    ck_assert_uint_eq(talk_next(&talk, apdu), 0);
    ck_assert_uint_eq(request.answer.size, size + 2);
    ck_assert_uint_eq(request.answer.data[size] << 8 | request.answer.data[size + 1], sw);
}

START_TEST(one_apdu)
{
    begin(100, true);
    const struct apdu a = next();
    ck_assert_uint_eq(a.cla, CLA_HUFU);
    ck_assert_uint_eq(a.ins, INS);
    ck_assert_uint_eq(a.p1 << 8 | a.p2, CHANNEL);
    ck_assert_uint_eq(a.data.size, 100);
    ck_assert_uint_eq(a.le, APDU_LE_MAX);
    ck_assert(talk.executing);
    ck_assert(answer(65535, 0x9000));
    expect_end(65535, 0x9000);
    end();
}
END_TEST

/* Every size around the edges of short APDUs. */
START_TEST(chains)
{
    static const size_t sizes[] = {0, 1, 254, 255, 256, 509, 510, 511, 65535};
    begin(sizes[_i], false);
    for (size_t at = 0;;) {
        const struct apdu a = next();
        const bool last = sizes[_i] - at <= 255;
        ck_assert_uint_eq(a.cla, last ? CLA_HUFU : CLA_HUFU | CLA_CHAIN);
        ck_assert_uint_eq(a.data.size, last ? sizes[_i] - at : 255);
        if (a.data.size)
            ck_assert_mem_eq(a.data.data, request.command.data + FRAME_HEADER + 2 + at,
                             a.data.size);
        ck_assert_uint_eq(a.le, last ? 256 : 0);
        ck_assert(talk.executing == last);
        ck_assert(!a.extended);
        at += a.data.size;
        ck_assert(answer(0, 0x9000));
        if (last)
            break;
    }
    expect_end(0, 0x9000);
    end();
}
END_TEST

/* A refused part is the answer to the whole, which was not carried out. */
START_TEST(refused_part)
{
    begin(600, false);
    next();
    ck_assert(answer(0, 0x9000));
    next();
    ck_assert(answer(0, 0x6884));
    ck_assert(!talk.executing);
    expect_end(0, 0x6884);
    end();
    begin(600, false);
    next();
    ck_assert(!answer(3, 0x9000)); /* data for a part */
    end();
}
END_TEST

START_TEST(gets_the_rest)
{
    begin(5, false);
    next();
    ck_assert(answer(256, 0x6100));
    struct apdu a = next();
    ck_assert_uint_eq(a.ins, 0xC0);
    ck_assert_uint_eq(a.le, 256);
    ck_assert(answer(256, 0x6105));
    a = next();
    ck_assert_uint_eq(a.le, 5);
    ck_assert(answer(5, 0x9000));
    expect_end(517, 0x9000);
    end();
}
END_TEST

START_TEST(corrected_once)
{
    begin(5, false);
    next();
    ck_assert(answer(0, 0x6110));
    next();
    ck_assert(answer(0, 0x6C0A));
    const struct apdu a = next();
    ck_assert_uint_eq(a.le, 10);
    ck_assert(answer(0, 0x6C0B)); /* again: that is its last word */
    expect_end(0, 0x6C0B);
    end();
}
END_TEST

START_TEST(lies)
{
    begin(5, false);
    next();
    ck_assert(!talk_take(&talk, response, 0));
    ck_assert(!talk_take(&talk, response, 1));
    ck_assert(!answer(257, 0x9000)); /* more than was asked for */
    ck_assert(answer(0, 0x6110));
    next();
    ck_assert(!answer(17, 0x9000));
    ck_assert(!answer(0, 0x6110)); /* more and more of nothing */
    end();
    begin(5, false);
    next();
    ck_assert(answer(256, 0x6100));
    for (int i = 0; i < 300; i++) { /* no end to it */
        next();
        if (!answer(256, 0x6100)) {
            ck_assert_uint_le(request.answer.size, TALK_LIMIT);
            end();
            return;
        }
    }
    ck_abort_msg("it takes any length");
}
END_TEST

/* C0 is GET RESPONSE here: never a command. */
START_TEST(no_command)
{
    memset(&request, 0, sizeof request);
    request.ins = 0xC0;
    talk_begin(&talk, &request, true);
    ck_assert_uint_eq(talk_next(&talk, response), 0);
    ck_assert_uint_eq(request.answer.size, 2);
    ck_assert_uint_eq(request.answer.data[0], 0x6D);
    free(request.answer.data);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("talk");
    TCase *c = tcase_create("talk");
    tcase_add_test(c, one_apdu);
    tcase_add_loop_test(c, chains, 0, 9);
    tcase_add_test(c, refused_part);
    tcase_add_test(c, gets_the_rest);
    tcase_add_test(c, corrected_once);
    tcase_add_test(c, lies);
    tcase_add_test(c, no_command);
    suite_add_tcase(s, c);
    return suite_run(s);
}
