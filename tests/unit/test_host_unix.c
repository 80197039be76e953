/* The Unix socket link: answers out of order, in pieces, wrong, late, or not at all; many threads
 * on one link. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/liar.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

/* ------------------------------------------------------------------ the other end */

static int far; /* the device's end of the socket */
static struct hufu_device *device;

static bool far_read(void *data, size_t n)
{
    uint8_t *p = data;
    while (n) {
        const ssize_t got = recv(far, p, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        p += got;
        n -= (size_t)got;
    }
    return true;
}

static void far_write(const void *data, size_t n)
{
    const uint8_t *p = data;
    while (n) {
        const ssize_t put = send(far, p, n, MSG_NOSIGNAL);
        if (put <= 0)
            return;
        p += put;
        n -= (size_t)put;
    }
}

struct command {
    struct frame f;
    uint8_t bytes[FRAME_PAYLOAD_MAX];
};

static bool far_take(struct command *c)
{
    uint8_t header[FRAME_HEADER];
    return far_read(header, sizeof header) && frame_get(header, &c->f) &&
           far_read(c->bytes, c->f.length);
}

/* data and 9000 */
static void far_answer(uint32_t tag, const void *data, size_t n)
{
    uint8_t header[FRAME_HEADER];
    const struct frame f = {(uint32_t)n + 2, tag, 0, FRAME_ANSWER};
    frame_put(header, &f);
    far_write(header, sizeof header);
    far_write(data, n);
    far_write("\x90\x00", 2);
}

static void far_greet(void)
{
    static struct command c;
    static uint8_t bytes[512];
    struct liar l = {.protocol = 1, .frame_max = LIMIT_FRAME_MAX, .batch_max = 100, .tickets = 4};
    for (int i = 0; i < 2; i++) {
        struct wr w;
        ck_assert(far_take(&c));
        wr_init(&w, bytes, sizeof bytes);
        if (c.bytes[1] == INS_INFO)
            liar_info(&l, &w);
        else
            liar_capabilities(&l, &w);
        far_answer(c.f.tag, bytes, wr_size(&w) - 2);
    }
}

static void *greeter(void *arg)
{
    far_greet();
    return arg;
}

static void set_up(void)
{
    const struct hufu_options options = {.timeout_ms = 0};
    struct transport *t;
    pthread_t thread;
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    far = pair[1];
    pthread_create(&thread, NULL, greeter, NULL);
    ck_assert_int_eq(transport_unix_attach(&t, pair[0]), HUFU_OK);
    ck_assert_int_eq(device_attach(&device, "test:", t, &options), HUFU_OK);
    pthread_join(thread, NULL);
}

static void tear_down(void)
{
    hufu_close(device);
    close(far);
}

/* ------------------------------------------------------------------ order */

static struct hufu_request *send_number(uint32_t number)
{
    struct hufu_request *r;
    ck_assert_int_eq(hufu_submit(device, 7, INS_DIGEST, &number, sizeof number, &r), HUFU_OK);
    return r;
}

static void wait_number(struct hufu_request *r, uint32_t number)
{
    const uint8_t *answer;
    size_t n;
    ck_assert_int_eq(hufu_wait(r, &answer, &n), HUFU_OK);
    ck_assert_uint_eq(n, sizeof number);
    ck_assert(!memcmp(answer, &number, n));
    hufu_release(r);
}

START_TEST(any_order)
{
    enum { N = 6 };
    static struct command c[N];
    struct hufu_request *r[N];
    for (uint32_t i = 0; i < N; i++)
        r[i] = send_number(i);
    for (uint32_t i = 0; i < N; i++) {
        ck_assert(far_take(&c[i]));
        ck_assert_uint_eq(c[i].f.channel, 7);
        ck_assert_uint_eq(c[i].f.flags, FRAME_COUNTED);
        ck_assert_uint_eq(c[i].f.tag, c[0].f.tag + i);
        ck_assert_uint_eq(c[i].f.length, 6);
        ck_assert_uint_eq(c[i].bytes[0], CLA_HUFU);
        ck_assert_uint_eq(c[i].bytes[1], INS_DIGEST);
    }
    ck_assert_int_eq(hufu_poll(r[3]), HUFU_E_PENDING);
    for (int i = N - 1; i >= 0; i--)
        far_answer(c[i].f.tag, c[i].bytes + 2, 4);
    ck_assert_int_eq(hufu_poll(r[3]), HUFU_OK);
    static const unsigned order[N] = {3, 0, 5, 1, 4, 2};
    for (int i = 0; i < N; i++)
        wait_number(r[order[i]], order[i]);
}
END_TEST

START_TEST(tags_are_not_repeated)
{
    static struct command c;
    uint32_t last[64];
    for (uint32_t i = 0; i < 64; i++) {
        struct hufu_request *r = send_number(i);
        ck_assert(far_take(&c));
        for (uint32_t k = 0; k < i; k++)
            ck_assert_uint_ne(last[k], c.f.tag);
        last[i] = c.f.tag;
        far_answer(c.f.tag, &i, 4);
        wait_number(r, i);
    }
}
END_TEST

START_TEST(in_pieces)
{
    static struct command c;
    uint8_t bytes[FRAME_HEADER + 6];
    for (size_t piece = 1; piece <= sizeof bytes; piece++) {
        struct hufu_request *r = send_number(99);
        ck_assert(far_take(&c));
        const struct frame f = {6, c.f.tag, 0, FRAME_ANSWER};
        frame_put(bytes, &f);
        memcpy(bytes + FRAME_HEADER, c.bytes + 2, 4);
        memcpy(bytes + FRAME_HEADER + 4, "\x90", 2);
        for (size_t at = 0; at < sizeof bytes; at += piece) {
            ck_assert_int_eq(hufu_poll(r), HUFU_E_PENDING);
            far_write(bytes + at, at + piece < sizeof bytes ? piece : sizeof bytes - at);
        }
        wait_number(r, 99);
    }
}
END_TEST

/* Commands and answers as long as they may be, while both sides want to send. */
static void *big_echo(void *arg)
{
    static struct command c;
    for (int i = 0; i < 4 && far_take(&c); i++)
        far_answer(c.f.tag, c.bytes + 2, c.f.length - 2);
    return arg;
}

START_TEST(big_both_ways)
{
    uint8_t *data = malloc(LIMIT_FRAME_MAX);
    struct hufu_request *r[4];
    pthread_t thread;
    ck_assert_ptr_nonnull(data);
    test_seed();
    test_random(data, LIMIT_FRAME_MAX);
    pthread_create(&thread, NULL, big_echo, NULL);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(hufu_submit(device, 0, INS_DIGEST, data, LIMIT_FRAME_MAX, &r[i]), HUFU_OK);
    for (int i = 3; i >= 0; i--) {
        const uint8_t *answer;
        size_t n;
        ck_assert_int_eq(hufu_wait(r[i], &answer, &n), HUFU_OK);
        ck_assert_uint_eq(n, LIMIT_FRAME_MAX);
        ck_assert(!memcmp(answer, data, n));
        hufu_release(r[i]);
    }
    pthread_join(thread, NULL);
    free(data);
}
END_TEST

/* ------------------------------------------------------------------ wrong answers */

static void expect_broken(struct hufu_request *a, struct hufu_request *b, enum hufu_status status)
{
    const uint8_t *answer;
    size_t n;
    struct hufu_request *r;
    ck_assert_int_eq(hufu_wait(a, &answer, &n), status);
    ck_assert_int_eq(hufu_wait(b, &answer, &n), status);
    hufu_release(a);
    hufu_release(b);
    ck_assert_int_eq(hufu_submit(device, 0, INS_DIGEST, "", 0, &r), HUFU_E_LINK);
    ck_assert_ptr_nonnull(strstr(hufu_last_error(), "reconnect"));
}

START_TEST(wrong_frames)
{
    static struct command c;
    static const struct {
        uint32_t length;
        bool other_tag;
        uint16_t flags;
    } rows[] = {
        {6, true, FRAME_ANSWER},                      /* nobody's */
        {1, false, FRAME_ANSWER},                     /* no status word */
        {0, false, FRAME_ANSWER},                     /* nothing */
        {FRAME_PAYLOAD_MAX + 1, false, FRAME_ANSWER}, /* too long */
        {0xFFFFFFFF, false, FRAME_ANSWER},
        {6, false, 0},                         /* no answer */
        {6, false, FRAME_ANSWER | FRAME_APDU}, /* an APDU, which was not asked for */
        {6, false, FRAME_ANSWER | 2},          /* a flag that is not there */
    };
    tear_down();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t header[FRAME_HEADER];
        set_up();
        struct hufu_request *a = send_number(1), *b = send_number(2);
        ck_assert(far_take(&c));
        const struct frame f = {rows[i].length, rows[i].other_tag ? c.f.tag ^ 0x80000 : c.f.tag, 0,
                                rows[i].flags};
        frame_put(header, &f);
        far_write(header, sizeof header);
        far_write("abcd\x90", 6);
        expect_broken(a, b, HUFU_E_BAD_ANSWER);
        tear_down();
    }
    set_up();
}
END_TEST

START_TEST(answered_twice)
{
    static struct command c;
    const uint32_t number = 5;
    struct hufu_request *r = send_number(number), *second;
    ck_assert(far_take(&c));
    far_answer(c.f.tag, &number, 4);
    far_answer(c.f.tag, &number, 4);
    const uint8_t *answer;
    size_t n;
    const enum hufu_status s = hufu_wait(r, &answer, &n);
    ck_assert(s == HUFU_OK || s == HUFU_E_BAD_ANSWER);
    hufu_release(r);
    if (hufu_submit(device, 0, INS_DIGEST, "", 0, &second) == HUFU_OK) {
        ck_assert_int_eq(hufu_wait(second, &answer, &n), HUFU_E_BAD_ANSWER);
        hufu_release(second);
    }
}
END_TEST

START_TEST(closed_at_every_byte)
{
    static struct command c;
    static uint8_t bytes[FRAME_HEADER + 6];
    tear_down();
    for (size_t n = 0; n < sizeof bytes; n++) {
        set_up();
        struct hufu_request *a = send_number(1), *b = send_number(2);
        ck_assert(far_take(&c));
        const struct frame f = {6, c.f.tag, 0, FRAME_ANSWER};
        frame_put(bytes, &f);
        far_write(bytes, n);
        shutdown(far, SHUT_RDWR);
        expect_broken(a, b, HUFU_E_UNKNOWN_OUTCOME);
        tear_down();
    }
    set_up();
}
END_TEST

START_TEST(nobody_listens)
{
    struct hufu_request *r;
    shutdown(far, SHUT_RDWR);
    close(far);
    far = -1;
    /* not sent, so not carried out */
    const enum hufu_status s = hufu_submit(device, 0, INS_DIGEST, "x", 1, &r);
    ck_assert_int_eq(s, HUFU_E_LINK);
    ck_assert_ptr_nonnull(strstr(hufu_last_error(), "not carried out"));
}
END_TEST

/* ------------------------------------------------------------------ time */

START_TEST(late_answer)
{
    static struct command late, c;
    const uint8_t *answer;
    size_t n;
    struct hufu_request *r = send_number(1);
    hufu_set_timeout(device, 50);
    ck_assert(far_take(&late));
    ck_assert_int_eq(hufu_wait(r, &answer, &n), HUFU_E_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(hufu_last_error(), "50 ms"));
    ck_assert_int_eq(hufu_poll(r), HUFU_E_PENDING);
    hufu_release(r); /* its answer is dropped when it comes */
    r = send_number(2);
    ck_assert(far_take(&c));
    far_answer(late.f.tag, late.bytes + 2, 4);
    far_answer(c.f.tag, c.bytes + 2, 4);
    hufu_set_timeout(device, 0);
    wait_number(r, 2);
    /* or it comes while somebody still wants it */
    r = send_number(3);
    ck_assert(far_take(&c));
    hufu_set_timeout(device, 50);
    ck_assert_int_eq(hufu_wait(r, &answer, &n), HUFU_E_TIMEOUT);
    far_answer(c.f.tag, c.bytes + 2, 4);
    hufu_set_timeout(device, 0);
    wait_number(r, 3);
    hufu_release(send_number(4)); /* never answered: freed with the link */
}
END_TEST

START_TEST(a_device_that_takes_nothing)
{
    uint8_t *data = calloc(1, LIMIT_FRAME_MAX);
    struct hufu_request *r;
    enum hufu_status s = HUFU_OK;
    hufu_set_timeout(device, 100);
    for (int i = 0; i < 100 && !s; i++) {
        s = hufu_submit(device, 0, INS_DIGEST, data, LIMIT_FRAME_MAX, &r);
        hufu_release(s ? NULL : r);
    }
    ck_assert_int_eq(s, HUFU_E_LINK);
    free(data);
}
END_TEST

/* ------------------------------------------------------------------ threads */

enum { THREADS = 8, ROUNDS = 400, HELD = 5 };

/* Answers what has come in a random order, some at once, some later. */
static void *shuffler(void *arg)
{
    static struct command held[HELD], c;
    int n = 0;
    while (far_take(&c)) {
        held[n++] = c;
        struct pollfd p = {far, POLLIN, 0};
        if (n < HELD && poll(&p, 1, 1) == 1)
            continue;
        while (n) {
            const int k = (int)test_random_below((uint32_t)n);
            far_answer(held[k].f.tag, held[k].bytes + 2, held[k].f.length - 2);
            held[k] = held[--n];
        }
    }
    return arg;
}

static void *caller(void *arg)
{
    const uint32_t *me = arg;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct hufu_request *a = send_number(*me << 16 | i), *b = send_number(*me << 24 | i);
        wait_number(b, *me << 24 | i);
        wait_number(a, *me << 16 | i);
    }
    return NULL;
}

START_TEST(threads_share_a_link)
{
    pthread_t thread[THREADS], other;
    uint32_t number[THREADS];
    test_seed();
    pthread_create(&other, NULL, shuffler, NULL);
    for (uint32_t i = 0; i < THREADS; i++) {
        number[i] = i + 1;
        pthread_create(&thread[i], NULL, caller, &number[i]);
    }
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    shutdown(far, SHUT_RDWR);
    pthread_join(other, NULL);
}
END_TEST

static void *lost_caller(void *arg)
{
    unsigned *lost = arg;
    for (;;) {
        struct hufu_request *r;
        const uint8_t *answer;
        size_t n;
        enum hufu_status s = hufu_submit(device, 0, INS_DIGEST, "abc", 3, &r);
        if (!s) {
            s = hufu_wait(r, &answer, &n);
            hufu_release(r);
        }
        if (s) {
            *lost = s;
            return NULL;
        }
    }
}

START_TEST(threads_lose_a_link)
{
    static struct command c;
    pthread_t thread[THREADS];
    unsigned lost[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, lost_caller, &lost[i]);
    for (int i = 0; i < 500; i++) {
        ck_assert(far_take(&c));
        far_answer(c.f.tag, c.bytes + 2, 3);
    }
    shutdown(far, SHUT_RDWR);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        ck_assert(lost[i] == HUFU_E_UNKNOWN_OUTCOME || lost[i] == HUFU_E_LINK);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("host unix");
    TCase *t = tcase_create("link");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, any_order);
    tcase_add_test(t, tags_are_not_repeated);
    tcase_add_test(t, in_pieces);
    tcase_add_test(t, big_both_ways);
    tcase_add_test(t, wrong_frames);
    tcase_add_test(t, answered_twice);
    tcase_add_test(t, closed_at_every_byte);
    tcase_add_test(t, nobody_listens);
    tcase_add_test(t, late_answer);
    tcase_add_test(t, a_device_that_takes_nothing);
    tcase_add_test(t, threads_share_a_link);
    tcase_add_test(t, threads_lose_a_link);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    return suite_run(s);
}
