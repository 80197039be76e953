/* Frames over USB against a libusb that the test makes up: transfers that fail, cut, late and never
 * given back. */
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/run.h"
#include "tests/lib/usb_link.h"

enum { PACKET = 512, SLOTS = 4, LONG = 60000, BYTES = 4096 };

static struct {
    pthread_mutex_t lock;
    struct libusb_transfer *posted[SLOTS]; /* oldest first */
    unsigned n;
    bool cancelled[SLOTS];
    unsigned allocations, allocation_fails; /* 0: none */
    int setting_error;
    unsigned submits, submit_fails; /* 0: none */
    enum libusb_transfer_status out_status, in_status;
    int out_missing; /* bytes that the device leaves */
    bool mute, hold; /* answers nothing; and takes nothing */
    size_t piece;    /* bytes of answers in one transfer */
    uint8_t bytes[BYTES];
    size_t size, at;
    uint32_t tag; /* of the last command */
    unsigned outs, pause_us;
} far;

static struct libusb_transfer *fake_alloc(int packets)
{
    (void)packets;
    return ++far.allocations == far.allocation_fails ? NULL
                                                     : calloc(1, sizeof(struct libusb_transfer));
}

static void fake_free(struct libusb_transfer *t)
{
    free(t);
}

static int fake_setting(libusb_device_handle *h, int interface, int setting)
{
    (void)h, (void)interface, (void)setting;
    return far.setting_error;
}

static int fake_submit(struct libusb_transfer *t)
{
    pthread_mutex_lock(&far.lock);
    const bool fails = ++far.submits == far.submit_fails;
    if (!fails) {
        ck_assert_uint_lt(far.n, SLOTS);
        far.cancelled[far.n] = false;
        far.posted[far.n++] = t;
    }
    pthread_mutex_unlock(&far.lock);
    return fails ? LIBUSB_ERROR_IO : 0;
}

/* As libusb's own it cannot be asked about what is none. */
static int fake_cancel(struct libusb_transfer *t)
{
    ck_assert_ptr_nonnull(t);
    pthread_mutex_lock(&far.lock);
    for (unsigned i = 0; i < far.n; i++)
        far.cancelled[i] |= far.posted[i] == t;
    pthread_mutex_unlock(&far.lock);
    return 0;
}

static void answer_bytes(uint16_t flags, uint32_t tag, uint32_t length)
{
    const struct frame f = {length, tag, 7, flags};
    frame_put(far.bytes + far.size, &f);
    far.size += FRAME_HEADER;
    for (uint32_t i = 0; i < length && far.size < BYTES; i++)
        far.bytes[far.size++] = i + 2 == length ? SW_OK >> 8 : 0;
}

static void take_out(struct libusb_transfer *t)
{
    struct frame f;
    ck_assert(frame_get(t->buffer, &f));
    ck_assert_uint_eq(f.length + FRAME_HEADER, (uint32_t)t->length);
    far.outs++;
    far.tag = f.tag;
    t->status = far.out_status;
    t->actual_length = t->length - far.out_missing;
    if (!far.mute)
        answer_bytes(FRAME_ANSWER, f.tag, 2);
}

static void give_in(struct libusb_transfer *t)
{
    size_t n = far.size - far.at;
    if (far.piece && n > far.piece)
        n = far.piece;
    memcpy(t->buffer, far.bytes + far.at, n);
    far.at += n;
    if (far.at == far.size)
        far.at = far.size = 0;
    t->status = far.in_status;
    t->actual_length = (int)n;
}

/* The first transfer that something can be said about, taken out of the list. */
static struct libusb_transfer *next_done(void)
{
    for (unsigned i = 0; i < far.n && !far.hold; i++) {
        struct libusb_transfer *t = far.posted[i];
        const bool in = t->endpoint == USB_TEST_IN;
        if (in && !far.cancelled[i] && far.at == far.size && !far.in_status)
            continue;
        if (far.cancelled[i]) {
            t->status = LIBUSB_TRANSFER_CANCELLED;
            t->actual_length = 0;
        } else if (in) {
            give_in(t);
        } else {
            take_out(t);
        }
        far.n--;
        memmove(far.posted + i, far.posted + i + 1, (far.n - i) * sizeof far.posted[0]);
        memmove(far.cancelled + i, far.cancelled + i + 1, (far.n - i) * sizeof far.cancelled[0]);
        return t;
    }
    return NULL;
}

static int fake_events(libusb_context *c, struct timeval *tv, int *completed)
{
    (void)c, (void)tv, (void)completed;
    if (far.pause_us)
        usleep(far.pause_us);
    pthread_mutex_lock(&far.lock);
    struct libusb_transfer *t = next_done();
    pthread_mutex_unlock(&far.lock);
    if (t)
        t->callback(t);
    else
        usleep(500);
    return 0;
}

static enum hufu_status attach(void)
{
    struct usb_port port = usb_fake_port(PACKET);
    return usb_frames_attach(&usb_link, &port);
}

static void set_up(void)
{
    memset(&far, 0, sizeof far);
    pthread_mutex_init(&far.lock, NULL);
    usb.alloc_transfer = fake_alloc;
    usb.free_transfer = fake_free;
    usb.set_interface_alt_setting = fake_setting;
    usb.submit_transfer = fake_submit;
    usb.cancel_transfer = fake_cancel;
    usb.handle_events_timeout_completed = fake_events;
}

static void set_up_link(void)
{
    set_up();
    ck_assert_int_eq(attach(), HUFU_OK);
}

static struct hufu_request *sent(size_t n)
{
    struct hufu_request *r = usb_command(n);
    ck_assert_int_eq(usb_submit(r), HUFU_OK);
    return r;
}

/* ------------------------------------------------------------------ answers */

START_TEST(in_pieces)
{
    for (far.piece = 1; far.piece < 16; far.piece++) {
        struct hufu_request *a = sent(5), *b = sent(500); /* a whole packet with its header */
        ck_assert(usb_wait(b, LONG) && usb_wait(a, LONG));
        ck_assert_int_eq(a->failure, HUFU_OK);
        ck_assert_int_eq(b->failure, HUFU_OK);
        ck_assert_uint_eq(b->answer.size, 2);
        request_free(a);
        request_free(b);
    }
}
END_TEST

static const struct {
    uint16_t flags;
    uint32_t tag, length; /* the tag: to be added to the right one */
} headers[] = {{FRAME_ANSWER, 1, 2}, {FRAME_ANSWER, (uint32_t)-1, 2},
               {FRAME_ANSWER, 0, 1}, {FRAME_ANSWER, 0, ~0u},
               {0x4000, 0, 2},       {0, 0, 2}};

START_TEST(wrong_headers)
{
    far.mute = true;
    struct hufu_request *r = sent(5);
    ck_assert(!usb_wait(r, 0));
    ck_assert_uint_eq(far.outs, 1);
    answer_bytes(headers[_i].flags, far.tag + headers[_i].tag, headers[_i].length);
    ck_assert(usb_wait(r, LONG));
    ck_assert_int_eq(r->failure, HUFU_E_BAD_ANSWER);
    request_free(r);
    r = usb_command(1);
    ck_assert_int_eq(usb_submit(r), HUFU_E_LINK); /* that was the end of the link */
    request_free(r);
}
END_TEST

/* ------------------------------------------------------------------ transfers that fail */

static const struct {
    enum libusb_transfer_status status;
    int error;
} failures[] = {{LIBUSB_TRANSFER_NO_DEVICE, LIBUSB_ERROR_NO_DEVICE},
                {LIBUSB_TRANSFER_STALL, LIBUSB_ERROR_PIPE},
                {LIBUSB_TRANSFER_OVERFLOW, LIBUSB_ERROR_OVERFLOW},
                {LIBUSB_TRANSFER_TIMED_OUT, LIBUSB_ERROR_TIMEOUT},
                {LIBUSB_TRANSFER_ERROR, LIBUSB_ERROR_IO}};

START_TEST(reading_fails)
{
    far.mute = true;
    struct hufu_request *r = sent(5);
    ck_assert(!usb_wait(r, 0));
    far.in_status = failures[_i].status;
    ck_assert(usb_wait(r, LONG));
    ck_assert_int_eq(r->failure, failures[_i].status == LIBUSB_TRANSFER_OVERFLOW
                                     ? HUFU_E_BAD_ANSWER
                                     : HUFU_E_UNKNOWN_OUTCOME);
    ck_assert_str_eq(usb_link->why, usb_text(failures[_i].error));
    request_free(r);
}
END_TEST

/* What goes out may be there; what waits behind it is not. */
START_TEST(sending_fails)
{
    far.out_status = failures[_i].status;
    struct hufu_request *r = sent(5), *behind = sent(6);
    ck_assert(usb_wait(behind, LONG) && usb_wait(r, LONG));
    ck_assert_int_eq(r->failure, HUFU_E_UNKNOWN_OUTCOME);
    ck_assert_int_eq(behind->failure, HUFU_E_LINK);
    ck_assert_str_eq(usb_link->why, usb_text(failures[_i].error));
    ck_assert_uint_eq(far.outs, 1);
    request_free(r);
    request_free(behind);
}
END_TEST

/* The link breaks while one command is going out and another waits. */
START_TEST(reading_fails_while_sending)
{
    struct hufu_request *r = sent(5), *behind = sent(6);
    far.in_status = LIBUSB_TRANSFER_STALL;
    ck_assert(usb_wait(behind, LONG) && usb_wait(r, LONG));
    ck_assert_int_eq(r->failure, HUFU_E_UNKNOWN_OUTCOME);
    ck_assert_int_eq(behind->failure, HUFU_E_LINK);
    request_free(r);
    request_free(behind);
}
END_TEST

START_TEST(only_a_part_goes)
{
    far.out_missing = 1;
    ck_assert_int_eq(usb_outcome(5), HUFU_E_UNKNOWN_OUTCOME);
    ck_assert_str_eq(usb_link->why, "the device took only a part of a command");
}
END_TEST

/* Two transfers wait for answers since the link began: the third is a command, and so on. */
START_TEST(nothing_can_be_posted)
{
    far.submit_fails = 3;
    struct hufu_request *r = usb_command(5);
    ck_assert_int_eq(usb_submit(r), HUFU_E_LINK);
    ck_assert_ptr_nonnull(strstr(hufu_last_error(), "was not carried out"));
    request_free(r);
    usb_link_end();
    far.submits = 0;
    far.submit_fails = 4; /* the next of two commands */
    ck_assert_int_eq(attach(), HUFU_OK);
    struct hufu_request *first = sent(5), *second = sent(6);
    ck_assert(usb_wait(first, LONG) && usb_wait(second, LONG));
    ck_assert_int_eq(first->failure, HUFU_E_UNKNOWN_OUTCOME);
    ck_assert_int_eq(second->failure, HUFU_E_LINK);
    request_free(first);
    request_free(second);
    usb_link_end();
    far.submits = 0;
    far.submit_fails = 4; /* the reading after an answer, which is here: */
    far.at = far.size = 0;
    ck_assert_int_eq(attach(), HUFU_OK);
    ck_assert_int_eq(usb_outcome(5), HUFU_OK);
    r = usb_command(5);
    ck_assert_int_eq(usb_submit(r), HUFU_E_LINK);
    request_free(r);
}
END_TEST

START_TEST(too_many)
{
    struct hufu_request *r[300];
    unsigned n = 0;
    enum hufu_status s;
    far.mute = true;
    do {
        r[n] = usb_command(1);
        s = usb_submit(r[n++]);
    } while (!s && n < 300);
    ck_assert_int_eq(s, HUFU_E_ARGUMENT);
    ck_assert_uint_eq(n, 257);
    usb_link_end();
    while (n--)
        request_free(r[n]);
}
END_TEST

/* ------------------------------------------------------------------ time */

START_TEST(left_alone)
{
    far.mute = true;
    struct hufu_request *r = sent(5);
    ck_assert(!usb_wait(r, 5));
    ck_assert(!usb_link->ops->abandon(usb_link, r));
    answer_bytes(FRAME_ANSWER, far.tag, 2);
    far.mute = false;
    ck_assert_int_eq(usb_outcome(6), HUFU_OK);
    ck_assert_uint_eq(usb_owner.pooled, 1); /* the link gave it back by itself */
}
END_TEST

static void *wait_long(void *r)
{
    ck_assert(usb_wait(r, LONG));
    return NULL;
}

START_TEST(threads_share_a_link)
{
    pthread_t thread[3];
    struct hufu_request *r[3];
    far.pause_us = 5000;
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < 3; i++)
            r[i] = sent(i);
        for (size_t i = 0; i < 3; i++)
            ck_assert_int_eq(pthread_create(&thread[i], NULL, wait_long, r[i]), 0);
        for (size_t i = 0; i < 3; i++) {
            pthread_join(thread[i], NULL);
            ck_assert_int_eq(r[i]->failure, HUFU_OK);
            request_free(r[i]);
        }
    }
}
END_TEST

/* ------------------------------------------------------------------ open, close */

START_TEST(cannot_be_opened)
{
    far.setting_error = _i ? LIBUSB_ERROR_NO_DEVICE : LIBUSB_ERROR_IO;
    ck_assert_int_eq(attach(), HUFU_E_OPEN);
    far.setting_error = 0;
    for (unsigned i = 1; i <= 2; i++) {
        far.submits = 0;
        far.submit_fails = i;
        ck_assert_int_eq(attach(), HUFU_E_OPEN);
        ck_assert_ptr_nonnull(strstr(hufu_last_error(), "cannot be read"));
    }
    far.submit_fails = 0;
    for (unsigned i = 1; i <= 3; i++) {
        far.allocations = 0;
        far.allocation_fails = i;
        ck_assert_int_eq(attach(), HUFU_E_MEMORY);
    }
    far.allocation_fails = 0;
    ck_assert_int_eq(attach(), HUFU_OK);
    ck_assert_int_eq(usb_outcome(5), HUFU_OK);
}
END_TEST

/* A bus that gives no transfer back: closing ends in time all the same. */
START_TEST(nothing_comes_back)
{
    far.hold = true;
    struct hufu_request *r = sent(5);
    usb_link_end();
    ck_assert_uint_eq(far.n, 3);
    ck_assert(!r->done); /* its bytes are the bus's still */
    request_free(r);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("host usb frames");
    TCase *c = suite_case(s, "link", 60, set_up_link, usb_link_end),
          *o = suite_case(s, "open", 60, set_up, usb_link_end);
    tcase_add_test(c, in_pieces);
    case_rows(c, wrong_headers, headers);
    case_rows(c, reading_fails, failures);
    case_rows(c, sending_fails, failures);
    tcase_add_test(c, reading_fails_while_sending);
    tcase_add_test(c, only_a_part_goes);
    tcase_add_test(c, nothing_can_be_posted);
    tcase_add_test(c, too_many);
    tcase_add_test(c, left_alone);
    tcase_add_test(c, threads_share_a_link);
    tcase_add_test(c, nothing_comes_back);
    tcase_add_loop_test(o, cannot_be_opened, 0, 2);
    return suite_run(s);
}
