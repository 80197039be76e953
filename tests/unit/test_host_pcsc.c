/* pcsc: against a PC/SC whose every answer the test makes up: what is sent, what is said of it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "host/lib/pcsc_card.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

enum { STEPS = 600 };

/* The reader's answers in order, and what came to it. */
static struct {
    struct {
        unsigned error;
        uint8_t data[300];
        size_t size;
    } step[STEPS];
    unsigned steps, sent, begun, ended;
    uint8_t command[STEPS][300]; /* the first bytes */
    size_t size[STEPS];
    uint8_t all[70000]; /* the whole of the last one */
    unsigned begin_error;
} far;

static struct pcsc_card *card;

static long fake_transmit(long handle, const struct pcsc_pci *send, const unsigned char *command,
                          unsigned long size, struct pcsc_pci *receive, unsigned char *response,
                          unsigned long *response_size)
{
    (void)handle, (void)send, (void)receive;
    ck_assert_uint_lt(far.sent, far.steps);
    memcpy(far.command[far.sent], command, size < 300 ? size : 300);
    memcpy(far.all, command, size);
    far.size[far.sent] = size;
    const size_t n = far.step[far.sent].size;
    if (n > *response_size)
        return (long)0x80100008; /* insufficient buffer */
    memcpy(response, far.step[far.sent].data, n);
    *response_size = n;
    return (long)far.step[far.sent++].error;
}

static long fake_begin(long handle)
{
    (void)handle;
    far.begun += !far.begin_error;
    return (long)far.begin_error;
}

static long fake_end(long handle, unsigned long disposition)
{
    (void)handle;
    ck_assert_uint_eq(disposition, PCSC_LEAVE);
    far.ended++;
    return 0;
}

static const struct pcsc_api fake = {
    .transmit = fake_transmit, .begin_transaction = fake_begin, .end_transaction = fake_end};

static void set_up(void)
{
    memset(&far, 0, sizeof far);
    card = calloc(1, sizeof *card);
    ck_assert_ptr_nonnull(card);
    card->api = &fake;
    card->protocol = PCSC_T1;
    card->part = APDU_LC_MAX;
    card->le = APDU_LE_MAX;
}

static void tear_down(void)
{
    free(card);
}

static void make_short(void)
{
    card->part = 255;
    card->le = 256;
}

/* The next answer: n bytes of filling and a status word. */
static void answers(size_t n, unsigned sw)
{
    uint8_t *d = far.step[far.steps].data;
    memset(d, (int)(far.steps + 1), n);
    d[n] = (uint8_t)(sw >> 8);
    d[n + 1] = (uint8_t)sw;
    far.step[far.steps++].size = n + 2;
}

static void fails(enum pcsc_error e)
{
    far.step[far.steps++].error = e;
}

static enum hufu_status command(size_t n)
{
    static uint8_t data[APDU_LC_MAX];
    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)i;
    return pcsc_card_command(card, INS_DIGEST, 0x1234, data, n);
}

/* ------------------------------------------------------------------ what is sent */

START_TEST(extended_in_one)
{
    static const size_t sizes[] = {0, 1, 255, 256, 65535};
    static const size_t around[] = {7, 9, 9, 9, 9};
    answers(3, SW_OK);
    ck_assert_int_eq(command(sizes[_i]), HUFU_OK);
    ck_assert_uint_eq(far.sent, 1);
    ck_assert_uint_eq(far.begun, 0); /* one APDU needs no transaction */
    ck_assert_uint_eq(far.size[0], around[_i] + sizes[_i]);
    ck_assert_mem_eq(far.command[0], "\xC0\x86\x12\x34\0", 5);
    ck_assert(!far.all[far.size[0] - 1] && !far.all[far.size[0] - 2]); /* Le: 65536 */
    ck_assert_uint_eq(card->answer_size, 5);
    ck_assert_mem_eq(card->answer, "\1\1\1\x90\0", 5);
}
END_TEST

START_TEST(chains_where_the_reader_is_short)
{
    make_short();
    answers(0, SW_OK);
    answers(0, SW_OK);
    answers(256, 0x6105);
    answers(5, SW_OK);
    ck_assert_int_eq(command(600), HUFU_OK);
    ck_assert_uint_eq(far.sent, 4);
    ck_assert_uint_eq(far.begun, 1);
    ck_assert_uint_eq(far.ended, 1);
    ck_assert_mem_eq(far.command[0], "\xD0\x86\x12\x34\xFF\x00", 6);
    ck_assert_mem_eq(far.command[1], "\xD0\x86\x12\x34\xFF\xFF", 6);
    ck_assert_mem_eq(far.command[2], "\xC0\x86\x12\x34\x5A\xFE", 6);
    ck_assert_uint_eq(far.size[0], 5 + 255); /* no Le inside a chain */
    ck_assert_uint_eq(far.size[2], 5 + 90 + 1);
    ck_assert_mem_eq(far.command[3], "\0\xC0\0\0\5", 5);
    ck_assert_uint_eq(card->answer_size, 256 + 5 + 2);
}
END_TEST

START_TEST(exclusive_needs_no_transaction)
{
    make_short();
    card->exclusive = true;
    answers(0, SW_OK);
    answers(0, SW_OK);
    ck_assert_int_eq(command(256), HUFU_OK);
    ck_assert_uint_eq(far.begun, 0);
    ck_assert_uint_eq(far.ended, 0);
}
END_TEST

START_TEST(t0_says_no_le)
{
    make_short();
    card->protocol = PCSC_T0;
    answers(0, 0x6103);
    answers(3, SW_OK);
    ck_assert_int_eq(command(10), HUFU_OK);
    ck_assert_uint_eq(far.size[0], 5 + 10);
    ck_assert_uint_eq(card->answer_size, 5);
}
END_TEST

START_TEST(wrong_le_is_asked_again)
{
    make_short();
    answers(256, 0x6100);
    answers(0, 0x6C20);
    answers(32, SW_OK);
    ck_assert_int_eq(command(1), HUFU_OK);
    ck_assert_mem_eq(far.command[2], "\0\xC0\0\0\x20", 5);
    ck_assert_uint_eq(card->answer_size, 256 + 32 + 2);
}
END_TEST

START_TEST(status_words_pass)
{
    answers(0, SW_PIN_WRONG | 3);
    ck_assert_int_eq(command(1), HUFU_OK);
    ck_assert_mem_eq(card->answer, "\x63\xC3", 2);
}
END_TEST

/* ------------------------------------------------------------------ what is said when it fails */

static const struct {
    enum pcsc_error error;
    enum hufu_status status;
} failures[] = {
    {PCSC_W_RESET, HUFU_E_LINK},
    {PCSC_W_REMOVED, HUFU_E_LINK},
    {PCSC_E_INVALID_HANDLE, HUFU_E_LINK},
    {PCSC_W_UNPOWERED, HUFU_E_LINK},
    {PCSC_E_NOT_TRANSACTED, HUFU_E_UNKNOWN_OUTCOME},
    {PCSC_F_COMM_ERROR, HUFU_E_UNKNOWN_OUTCOME},
    {PCSC_E_NO_SERVICE, HUFU_E_UNKNOWN_OUTCOME},
    {PCSC_E_READER_UNAVAILABLE, HUFU_E_UNKNOWN_OUTCOME},
    {PCSC_E_NO_SMARTCARD, HUFU_E_UNKNOWN_OUTCOME},
    {(enum pcsc_error)0x80109999, HUFU_E_UNKNOWN_OUTCOME},
};

START_TEST(single_fails)
{
    fails(failures[_i].error);
    ck_assert_int_eq(command(5), failures[_i].status);
    ck_assert_uint_eq(far.sent, 1); /* never again */
    ck_assert_str_eq(card->why, pcsc_text(failures[_i].error));
}
END_TEST

/* In a chain of three: before its last part is out nothing is carried out, whatever the error. */
START_TEST(chain_fails)
{
    for (unsigned at = 0; at < 4; at++) {
        tear_down();
        set_up();
        make_short();
        for (unsigned i = 0; i < at; i++)
            answers(i == 2 ? 256 : 0, i == 2 ? 0x6110 : SW_OK);
        fails(failures[_i].error);
        ck_assert_int_eq(command(600), at < 2    ? HUFU_E_LINK
                                       : at == 2 ? failures[_i].status
                                                 : HUFU_E_UNKNOWN_OUTCOME);
        ck_assert_uint_eq(far.sent, at + 1);
        ck_assert_uint_eq(far.ended, 1); /* the transaction ends in any case */
    }
}
END_TEST

START_TEST(chain_is_refused)
{
    make_short();
    answers(0, SW_OK);
    answers(0, SW_CHAIN_BROKEN);
    ck_assert_int_eq(command(600), HUFU_E_LINK);
    ck_assert_uint_eq(far.sent, 2);
}
END_TEST

START_TEST(no_transaction)
{
    make_short();
    far.begin_error = PCSC_W_RESET;
    ck_assert_int_eq(command(600), HUFU_E_LINK);
    ck_assert_uint_eq(far.sent, 0);
    ck_assert_uint_eq(far.ended, 0);
}
END_TEST

/* Another program has the card: nothing was sent, so it is sent when our turn comes, once. */
START_TEST(sharing)
{
    fails(PCSC_E_SHARING_VIOLATION);
    answers(1, SW_OK);
    ck_assert_int_eq(command(5), HUFU_OK);
    ck_assert_uint_eq(far.sent, 2);
    ck_assert_uint_eq(far.begun, 1);
    ck_assert_uint_eq(far.ended, 1);
    fails(PCSC_E_SHARING_VIOLATION);
    fails(PCSC_E_SHARING_VIOLATION);
    ck_assert_int_eq(command(5), HUFU_E_LINK);
    ck_assert_uint_eq(far.sent, 4);
    ck_assert_uint_eq(far.ended, 2);
}
END_TEST

START_TEST(answers_without_sense)
{
    far.step[far.steps++].size = 1; /* no room for a status word */
    ck_assert_int_eq(command(5), HUFU_E_BAD_ANSWER);
    far.step[far.steps++].size = 0;
    ck_assert_int_eq(command(5), HUFU_E_BAD_ANSWER);
    answers(0, 0x6105); /* more, and more, and nothing */
    for (int i = 0; i < 4; i++)
        answers(0, 0x6105);
    ck_assert_int_eq(command(5), HUFU_E_BAD_ANSWER);
    ck_assert_uint_le(far.sent, 6);
}
END_TEST

/* A device that always has more: the room ends it. */
START_TEST(endless_answer)
{
    make_short();
    for (int i = 0; i < 400; i++)
        answers(200, 0x6100);
    ck_assert_int_eq(command(5), HUFU_E_UNKNOWN_OUTCOME);
    ck_assert_uint_lt(far.sent, 400);
}
END_TEST

/* ------------------------------------------------------------------ addresses */

START_TEST(wrong_addresses)
{
    static const char *const wrong[] = {"Reader?fast", "Reader?wait", "Reader?wait=x",
                                        "Reader?exclusive&x", "Reader?wait=5s"};
    char longer[400];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    ck_assert_int_eq(pcsc_card_open(card, longer), HUFU_E_URL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(pcsc_card_open(card, wrong[i]), HUFU_E_URL);
        ck_assert_ptr_nonnull(strstr(hufu_last_error(), "is no option"));
    }
}
END_TEST

int main(void)
{
    const int n = sizeof failures / sizeof *failures;
    Suite *s = suite_create("host pcsc");
    TCase *c = tcase_create("card");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, extended_in_one, 0, 5);
    tcase_add_test(c, chains_where_the_reader_is_short);
    tcase_add_test(c, exclusive_needs_no_transaction);
    tcase_add_test(c, t0_says_no_le);
    tcase_add_test(c, wrong_le_is_asked_again);
    tcase_add_test(c, status_words_pass);
    tcase_add_loop_test(c, single_fails, 0, n);
    tcase_add_loop_test(c, chain_fails, 0, n);
    tcase_add_test(c, chain_is_refused);
    tcase_add_test(c, no_transaction);
    tcase_add_test(c, sharing);
    tcase_add_test(c, answers_without_sense);
    tcase_add_test(c, endless_answer);
    tcase_add_test(c, wrong_addresses);
    suite_add_tcase(s, c);
    return suite_run(s);
}
