/* CCID readers against a libusb that the test makes up: what the reader gets, and what is said of
 * what it answers. */
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/run.h"
#include "tests/lib/usb_link.h"

enum { STEPS = 16, PACKET = 64, LONG = 60000 };

/* What comes of one XfrBlock. */
struct step {
    int out_error, in_error; /* libusb's */
    bool nothing;            /* no answer yet */
    uint8_t before;          /* a message in front: its command status; 1: an older answer */
    uint8_t status, error, chain;
    int seq; /* to be added to the right one */
    uint8_t data[80];
    size_t size;
};

static struct {
    struct step plan[STEPS];
    unsigned planned, at, status_mute, aborts, controls, offs, halts;
    uint16_t level[STEPS];
    size_t part[STEPS];
    uint8_t icc;
    size_t atr;
    unsigned old; /* messages that a host before us left */
    uint8_t queue[8][CCID_HEADER + 80];
    size_t queued[8];
    int queued_error[8];
    unsigned first, last;
    sem_t inside, go;
    bool gate; /* the next read waits there */
} far;

static void put(const struct ccid_message *m, const uint8_t *data, int error)
{
    uint8_t *to = far.queue[far.last % 8];
    ccid_put(to, m);
    if (data)
        memcpy(to + CCID_HEADER, data, m->length);
    far.queued[far.last % 8] = CCID_HEADER + m->length;
    far.queued_error[far.last++ % 8] = error;
}

static void answer_block(const struct ccid_message *asked, const struct step *s)
{
    struct ccid_message m = {.type = CCID_DATA_BLOCK, .seq = asked->seq};
    if (s->before) {
        m.field[0] = s->before == 1 ? CCID_DONE : s->before;
        m.seq = (uint8_t)(asked->seq - (s->before == 1));
        put(&m, NULL, 0);
    }
    m.length = (uint32_t)s->size;
    m.seq = (uint8_t)(asked->seq + s->seq);
    m.field[0] = s->status;
    m.field[1] = s->error;
    m.field[2] = s->chain;
    if (!s->nothing)
        put(&m, s->data, s->in_error);
}

static int take_block(const struct ccid_message *asked)
{
    ck_assert_uint_lt(far.at, far.planned);
    const struct step *s = &far.plan[far.at];
    far.level[far.at] = ccid_level(asked);
    far.part[far.at++] = asked->length;
    if (!s->out_error)
        answer_block(asked, s);
    return s->out_error;
}

static int take_message(const struct ccid_message *asked)
{
    const struct ccid_message status = {
        .type = CCID_SLOT_STATUS, .seq = asked->seq, .field = {far.icc, 0, 0}};
    const struct ccid_message atr = {
        .type = CCID_DATA_BLOCK, .length = (uint32_t)far.atr, .seq = asked->seq};
    static const uint8_t bytes[80] = {0x3B};
    switch (asked->type) {
    case CCID_XFR_BLOCK:
        return take_block(asked);
    case CCID_POWER_ON:
        put(&atr, bytes, 0);
        return 0;
    case CCID_GET_SLOT_STATUS:
        if (far.status_mute && far.status_mute--)
            return 0;
        break;
    case CCID_ABORT:
        far.aborts++;
        break;
    default:
        far.offs++;
    }
    put(&status, NULL, 0);
    return 0;
}

static int give_message(uint8_t *data, int *n)
{
    if (far.gate) {
        far.gate = false;
        sem_post(&far.inside);
        sem_wait(&far.go);
    }
    if (far.old) {
        far.old--;
        memset(data, 0x80, (size_t)(*n = 20));
        return 0;
    }
    if (far.first == far.last)
        return LIBUSB_ERROR_TIMEOUT;
    *n = (int)far.queued[far.first % 8];
    memcpy(data, far.queue[far.first % 8], (size_t)*n);
    return far.queued_error[far.first++ % 8];
}

static int fake_bulk(libusb_device_handle *h, unsigned char endpoint, unsigned char *data, int size,
                     int *n, unsigned timeout_ms)
{
    struct ccid_message m;
    (void)h, (void)timeout_ms;
    *n = 0;
    if (endpoint == USB_TEST_IN)
        return give_message(data, n);
    ck_assert(ccid_get(data, (size_t)size, &m));
    ck_assert_uint_eq((size_t)size, CCID_HEADER + m.length);
    *n = size;
    return take_message(&m);
}

static int fake_control(libusb_device_handle *h, uint8_t type, uint8_t request, uint16_t value,
                        uint16_t index, unsigned char *data, uint16_t n, unsigned timeout_ms)
{
    (void)h, (void)type, (void)value, (void)index, (void)data, (void)n, (void)timeout_ms;
    far.controls += request == CCID_REQ_ABORT;
    return 0;
}

static int fake_halt(libusb_device_handle *h, unsigned char endpoint)
{
    (void)h, (void)endpoint;
    far.halts++;
    return 0;
}

static enum hufu_status attach(uint32_t level, uint32_t message_max)
{
    struct usb_port port = usb_fake_port(PACKET);
    port.class.features = level;
    port.class.message_max = message_max;
    return usb_ccid_attach(&usb_link, &port);
}

static void set_up(void)
{
    memset(&far, 0, sizeof far);
    usb_closed = 0;
    far.atr = 9;
    sem_init(&far.inside, 0, 0);
    sem_init(&far.go, 0, 0);
    usb.bulk_transfer = fake_bulk;
    usb.control_transfer = fake_control;
    usb.clear_halt = fake_halt;
}

static void set_up_link(void)
{
    set_up();
    ck_assert_int_eq(attach(CCID_LEVEL_EXTENDED, CCID_HEADER + PACKET), HUFU_OK);
}

static void plan(struct step s)
{
    far.plan[far.planned++] = s;
}

/* The end of an answer, or all of it: n bytes and 9000. */
static void says(uint8_t chain, size_t n)
{
    struct step s = {.chain = chain, .size = n};
    if (chain == CCID_WHOLE || chain == CCID_LAST) {
        s.size += 2;
        s.data[n] = SW_OK >> 8;
    }
    plan(s);
}

static void again(uint32_t level)
{
    usb_link_end();
    set_up();
    ck_assert_int_eq(attach(level, CCID_HEADER + PACKET), HUFU_OK);
}

/* ------------------------------------------------------------------ parts */

START_TEST(in_parts)
{
    static const uint16_t levels[] = {CCID_FIRST, CCID_MIDDLE,   CCID_MIDDLE,
                                      CCID_LAST,  CCID_CONTINUE, CCID_CONTINUE};
    struct hufu_request *r = usb_command(200);
    for (int i = 0; i < 3; i++)
        says(CCID_CONTINUE, 0);
    says(CCID_FIRST, 60);
    says(CCID_MIDDLE, 60);
    says(CCID_LAST, 10);
    ck_assert_int_eq(usb_submit(r), HUFU_OK);
    ck_assert(usb_wait(r, LONG));
    ck_assert_int_eq(r->failure, HUFU_OK);
    ck_assert_uint_eq(r->answer.size, 60 + 60 + 12);
    ck_assert_uint_eq(far.at, 6);
    for (unsigned i = 0; i < 6; i++)
        ck_assert_uint_eq(far.level[i], levels[i]);
    ck_assert_uint_eq(far.part[0] + far.part[1] + far.part[2] + far.part[3], 4 + 3 + 200 + 2);
    ck_assert_uint_eq(far.part[4] + far.part[5], 0);
    request_free(r);
}
END_TEST

/* More time, and what an older command left: both are waited out. */
START_TEST(in_between)
{
    static const uint8_t before[] = {CCID_TIME_EXTENSION, 1};
    for (unsigned i = 0; i < 2; i++) {
        says(CCID_WHOLE, 3);
        far.plan[i].before = before[i];
        ck_assert_int_eq(usb_outcome(10), HUFU_OK);
    }
}
END_TEST

static const struct {
    size_t command;
    struct step first, second;
} senseless[] = {
    {200, {.chain = CCID_WHOLE, .size = 2}, {0}},    /* an answer to half a command */
    {200, {.chain = CCID_CONTINUE, .size = 1}, {0}}, /* a wish for more, with data */
    {10, {.chain = CCID_CONTINUE}, {0}},             /* a wish for more of what is whole */
    {10, {.chain = CCID_MIDDLE, .size = 5}, {0}},    /* no beginning */
    {10, {.chain = CCID_LAST, .size = 5}, {0}},
    {10, {.chain = 0x07, .size = 5}, {0}}, /* no such part */
    {10, {.chain = CCID_FIRST}, {0}},      /* parts without end */
    {10, {.chain = CCID_FIRST, .size = 5}, {.chain = CCID_FIRST, .size = 5}},
    {10, {.chain = CCID_FIRST, .size = 5}, {.chain = CCID_MIDDLE}},
    {10, {.size = 1}, {0}},           /* no room for a status word */
    {10, {.seq = 1, .size = 2}, {0}}, /* an answer to what was not asked yet */
    {10, {.status = CCID_COMMAND_MASK, .size = 2}, {0}},
    {10, {.in_error = LIBUSB_ERROR_OVERFLOW}, {0}},
};

START_TEST(answers_without_sense)
{
    plan(senseless[_i].first);
    plan(senseless[_i].second);
    ck_assert_int_eq(usb_outcome(senseless[_i].command), HUFU_E_BAD_ANSWER);
    struct hufu_request *r = usb_command(1);
    ck_assert_int_eq(usb_submit(r), HUFU_E_LINK); /* that was the end of the link */
    request_free(r);
}
END_TEST

/* ------------------------------------------------------------------ refused, broken */

static const struct {
    uint8_t icc, error;
    enum hufu_status status;
    const char *why;
} refusals[] = {
    {CCID_ICC_ABSENT, CCID_ICC_MUTE, HUFU_E_UNKNOWN_OUTCOME, "the card is gone (CCID error FE)"},
    {0, CCID_ICC_MUTE, HUFU_E_UNKNOWN_OUTCOME, "the card is mute (CCID error FE)"},
    {0, CCID_ABORTED, HUFU_E_UNKNOWN_OUTCOME, "the command was aborted (CCID error FF)"},
    {0, CCID_HW_ERROR, HUFU_E_UNKNOWN_OUTCOME, "the reader refused the command (CCID error FB)"},
    {0, CCID_SLOT_BUSY, HUFU_E_LINK, "the reader refused the command (CCID error E0)"},
    {0, CCID_BAD_LEVEL, HUFU_E_LINK, "the reader refused the command (CCID error 08)"},
};

START_TEST(refused)
{
    plan((struct step){.status = (uint8_t)(CCID_FAILED | refusals[_i].icc),
                       .error = refusals[_i].error});
    ck_assert_int_eq(usb_outcome(10), refusals[_i].status);
    ck_assert_str_eq(usb_link->why, refusals[_i].why);
}
END_TEST

static const int errors[] = {LIBUSB_ERROR_NO_DEVICE, LIBUSB_ERROR_PIPE, LIBUSB_ERROR_IO,
                             LIBUSB_ERROR_NO_MEM};

START_TEST(transfers_fail)
{
    plan((struct step){.out_error = errors[_i]});
    ck_assert_int_eq(usb_outcome(10), HUFU_E_UNKNOWN_OUTCOME);
    ck_assert_str_eq(usb_link->why, usb_text(errors[_i]));
    again(CCID_LEVEL_EXTENDED);
    plan((struct step){.in_error = errors[_i]});
    ck_assert_int_eq(usb_outcome(10), HUFU_E_UNKNOWN_OUTCOME);
    ck_assert_str_eq(usb_link->why, usb_text(errors[_i]));
}
END_TEST

/* Before the last APDU of a chain is out, nothing is carried out; what waits behind never is. */
START_TEST(chain_fails)
{
    for (unsigned good = 0; good < 12; good++) { /* 300 bytes: two APDUs, of five and one part(s) */
        again(CCID_LEVEL_SHORT);
        struct hufu_request *r = usb_command(300), *behind = usb_command(1);
        for (unsigned i = 0; i < good; i++)
            says(CCID_WHOLE, 0);
        plan((struct step){.out_error = LIBUSB_ERROR_IO});
        ck_assert_int_eq(usb_submit(r), HUFU_OK);
        ck_assert_int_eq(usb_submit(behind), HUFU_OK);
        ck_assert(usb_wait(behind, LONG) && usb_wait(r, 0));
        ck_assert_int_eq(behind->failure, good < 3 ? HUFU_E_LINK : behind->failure);
        if (good == 0)
            ck_assert_int_eq(r->failure, HUFU_E_LINK);
        request_free(r);
        request_free(behind);
    }
}
END_TEST

/* ------------------------------------------------------------------ time */

START_TEST(left_alone)
{
    struct hufu_request *r = usb_command(10);
    plan((struct step){.nothing = true});
    says(CCID_WHOLE, 1);
    ck_assert_int_eq(usb_submit(r), HUFU_OK);
    ck_assert(!usb_wait(r, 0));
    ck_assert(!usb_wait(r, 5));
    ck_assert(!usb_link->ops->abandon(usb_link, r));
    const struct ccid_message late = {.type = CCID_DATA_BLOCK, .length = 2, .seq = 2};
    put(&late, (const uint8_t *)"\x90", 0);
    ck_assert_int_eq(usb_outcome(10), HUFU_OK);
    ck_assert_uint_eq(usb_owner.pooled, 1); /* the link gave it back by itself */
}
END_TEST

static void *wait_long(void *r)
{
    ck_assert(usb_wait(r, LONG));
    return NULL;
}

START_TEST(threads_take_turns)
{
    struct hufu_request *a = usb_command(1), *b = usb_command(2);
    pthread_t first, second;
    says(CCID_WHOLE, 1);
    says(CCID_WHOLE, 2);
    ck_assert_int_eq(usb_submit(a), HUFU_OK);
    ck_assert_int_eq(usb_submit(b), HUFU_OK);
    far.gate = true;
    ck_assert_int_eq(pthread_create(&first, NULL, wait_long, a), 0);
    sem_wait(&far.inside); /* it is at work: */
    ck_assert(!usb_wait(b, 0));
    ck_assert(!usb_wait(b, 10));
    ck_assert_int_eq(pthread_create(&second, NULL, wait_long, b), 0);
    usleep(50000); /* the second is asleep, most likely */
    sem_post(&far.go);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    ck_assert_uint_eq(a->answer.size, 3);
    ck_assert_uint_eq(b->answer.size, 4);
    request_free(a);
    request_free(b);
}
END_TEST

/* ------------------------------------------------------------------ open, close */

static void refuses(uint32_t level, const char *words)
{
    ck_assert_int_eq(attach(level, CCID_HEADER + PACKET), HUFU_E_OPEN);
    ck_assert_msg(strstr(hufu_last_error(), words) != NULL, "%s", hufu_last_error());
    ck_assert_uint_gt(usb_closed, 0);
}

START_TEST(cannot_be_opened)
{
    refuses(CCID_LEVEL_TPDU, "no whole APDUs");
    far.status_mute = 2;
    refuses(CCID_LEVEL_SHORT, "unplug it once");
    ck_assert_uint_eq(far.controls, 1);
    ck_assert_uint_eq(far.aborts, 1);
    set_up();
    far.icc = CCID_ICC_ABSENT;
    refuses(CCID_LEVEL_SHORT, "no card");
    set_up();
    for (far.atr = 0; far.atr < 2; far.atr++)
        refuses(CCID_LEVEL_SHORT, "does not answer to a reset");
    far.atr = 34;
    refuses(CCID_LEVEL_SHORT, "does not answer to a reset");
}
END_TEST

START_TEST(what_others_left)
{
    far.old = 3;
    far.status_mute = 1; /* still busy: aborted, then it answers */
    ck_assert_int_eq(attach(CCID_LEVEL_EXTENDED, CCID_HEADER + PACKET), HUFU_OK);
    ck_assert_uint_eq(far.old, 0);
    ck_assert_uint_eq(far.aborts, 1);
    ck_assert_uint_eq(far.halts, 4);
    says(CCID_WHOLE, 1);
    ck_assert_int_eq(usb_outcome(5), HUFU_OK);
}
END_TEST

/* A command that nobody waits for is still a command. */
START_TEST(closed_before_it_went)
{
    struct hufu_request *r = usb_command(10);
    says(CCID_WHOLE, 1);
    ck_assert_int_eq(usb_submit(r), HUFU_OK);
    ck_assert(!usb_link->ops->abandon(usb_link, r));
    usb_link_end();
    ck_assert_uint_eq(far.at, 1);
    ck_assert_uint_eq(far.offs, 1);
    ck_assert_uint_gt(usb_closed, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("host usb ccid");
    TCase *c = suite_case(s, "link", 60, set_up_link, usb_link_end),
          *o = suite_case(s, "open", 60, set_up, usb_link_end);
    tcase_add_test(c, in_parts);
    tcase_add_test(c, in_between);
    case_rows(c, answers_without_sense, senseless);
    case_rows(c, refused, refusals);
    case_rows(c, transfers_fail, errors);
    tcase_add_test(c, chain_fails);
    tcase_add_test(c, left_alone);
    tcase_add_test(c, threads_take_turns);
    tcase_add_test(c, closed_before_it_went);
    tcase_add_test(o, cannot_be_opened);
    tcase_add_test(o, what_others_left);
    return suite_run(s);
}
