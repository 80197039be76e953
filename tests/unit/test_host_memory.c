/*
 * libhufu where memory or file descriptors run out: each allocation of a piece of work fails once,
 * and each number of descriptors is too few once. The work then ends with a status and a line that
 * says so, and has given all back (which AddressSanitizer looks at); where nothing fails, it
 * succeeds. The Makefile wraps what is defined here.
 */
#include <check.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/lib/lib.h"
#include "host/lib/reader.h"
#include "tests/lib/run.h"
#include "tests/lib/temp.h"

/* Not check's own in a piece of work: it allocates, too. */
static void must(bool good_so_far)
{
    if (!good_so_far)
        abort();
}

/* Allocations that still succeed before one does not; negative: all do. */
static atomic_long good = -1;

static bool refused(void)
{
    return atomic_load(&good) >= 0 && atomic_fetch_sub(&good, 1) == 0;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t alignment, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t alignment, size_t n);
char *__wrap_strdup(const char *s);

void *__wrap_malloc(size_t n)
{
    return refused() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return refused() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return refused() ? NULL : __real_realloc(p, n);
}

void *__wrap_aligned_alloc(size_t alignment, size_t n)
{
    return refused() ? NULL : __real_aligned_alloc(alignment, n);
}

char *__wrap_strdup(const char *s)
{
    return refused() ? NULL : __real_strdup(s);
}

/* ------------------------------------------------------------------ pieces of work */

static char path[TEMP_NAME + 8];

static void set_up(void)
{
    temp_name(path, "memory");
    ck_assert_ptr_nonnull(mkdtemp(path));
    strcat(path, "/a");
}

static void tear_down(void)
{
    unlink(path);
    *strrchr(path, '/') = 0;
    rmdir(path);
}

static enum hufu_status use_device(struct hufu_device *device)
{
    const struct hufu_init init = {.retries = 3,
                                   .label = "test",
                                   .admin_pin = "admin-pin",
                                   .operator_pin = "operator-pin",
                                   .user_pin = "user-pin"};
    uint8_t serial[HUFU_SERIAL_SIZE], bytes[2000];
    struct hufu_session *session;
    enum hufu_status s = hufu_device_init(device, &init, serial);
    if (!s)
        s = hufu_session_open(device, &session);
    if (s)
        return s;
    s = hufu_login(session, HUFU_ACCOUNT_USER, "user-pin", 8, NULL);
    if (!s)
        s = hufu_random(device, bytes, sizeof bytes);
    hufu_session_close(session);
    return s;
}

static enum hufu_status device_in_process(void)
{
    const struct hufu_options options = {
        .objects_max = 64, .log_max = 100, .sessions_max = 4, .threads = 2};
    struct hufu_device *device;
    enum hufu_status s = hufu_open_with(&device, "inproc:", &options);
    if (!s) {
        s = use_device(device);
        hufu_close(device);
    }
    return s;
}

static void make_chunk(struct hufu_key_chunk *c, uint8_t *header, uint8_t *rest)
{
    const struct wrap_header h = {(const uint8_t *)"HFWK", 1, KEY_SM2, USAGE_SIGN, rest, rest, 1};
    struct wr w;
    wr_init(&w, header, HUFU_WRAP_HEADER_SIZE);
    wrap_header_put(&w, &h);
    *rest = 1;
    *c = (struct hufu_key_chunk){.header = header,
                                 .count = 1,
                                 .good = 1,
                                 .status = rest,
                                 .status_size = 1,
                                 .records = rest,
                                 .record_size = 112};
    must(hufu_wrap_header_read(header, &c->fields) == HUFU_OK);
}

static enum hufu_status archive_written(void)
{
    uint8_t header[HUFU_WRAP_HEADER_SIZE], rest[128] = {0};
    struct hufu_key_chunk c;
    struct hufu_archive *a;
    make_chunk(&c, header, rest);
    enum hufu_status s = hufu_archive_append(&a, path);
    if (s)
        return s;
    s = hufu_archive_add(a, &c);
    hufu_archive_close(a);
    return s;
}

static enum hufu_status archive_read(void)
{
    struct hufu_archive *a;
    struct hufu_wrapped w;
    if (access(path, F_OK)) {
        const long later = atomic_exchange(&good, -1); /* what is to be read is not what is tried */
        must(archive_written() == HUFU_OK);
        atomic_store(&good, later);
    }
    enum hufu_status s = hufu_archive_read(&a, path);
    if (s)
        return s;
    s = hufu_archive_get(a, 0, &w);
    hufu_archive_close(a);
    return s;
}

static enum hufu_status reader(const char *address)
{
    struct reader *r = reader_open(address);
    uint8_t response[258];
    size_t n = sizeof response;
    if (!r)
        return HUFU_E_MEMORY;
    if (r->ops->present(r)) {
        must(r->ops->reset(r) == READER_OK);
        must(r->ops->exchange(r, (const uint8_t *)"\0\xA4\4\0", 4, response, &n) == READER_OK);
        must(n >= 2);
    }
    r->ops->wake(r);
    r->ops->wait(r, 10000);
    r->ops->close(r);
    return HUFU_OK;
}

static enum hufu_status reader_of_process(void)
{
    return reader("inproc:");
}

static enum hufu_status reader_of_socket(void)
{
    char address[TEMP_NAME + 16] = "unix:";
    strcat(address, path);
    return reader(address);
}

static enum hufu_status link_of_socket(void)
{
    struct transport *t;
    int fd[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd))
        return fail_with(HUFU_E_OPEN, "no pair of sockets");
    const enum hufu_status s = transport_unix_attach(&t, fd[0]);
    if (!s)
        t->ops->close(t);
    close(fd[1]);
    return s;
}

static enum hufu_status (*const works[])(void) = {
    device_in_process, archive_written,  archive_read,
    reader_of_process, reader_of_socket, link_of_socket,
};

/* ------------------------------------------------------------------ what runs out */

static void failed_well(enum hufu_status s, long n)
{
    ck_assert_msg(s == HUFU_E_MEMORY || s == HUFU_E_OPEN || s == HUFU_E_FILE, "number %ld: %s", n,
                  hufu_strerror(s));
    ck_assert_str_ne(hufu_last_error(), "");
}

START_TEST(memory)
{
    long n = 0;
    for (bool failed = true; failed; n++) {
        atomic_store(&good, n);
        const enum hufu_status s = works[_i]();
        failed = atomic_exchange(&good, -1) < 0;
        if (failed)
            failed_well(s, n);
        else
            ck_assert_msg(s == HUFU_OK, "%s", hufu_last_error());
    }
    ck_assert_int_gt(n, 1); /* something was refused */
}
END_TEST

START_TEST(descriptors)
{
    struct rlimit old, few;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    works[_i](); /* what libraries open for good is open now */
    const int next = dup(0);
    close(next);
    few = old;
    bool failed = true;
    for (few.rlim_cur = (rlim_t)next; failed && few.rlim_cur < (rlim_t)next + 100; few.rlim_cur++) {
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
        const enum hufu_status s = works[_i]();
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
        failed = s != HUFU_OK;
        if (failed)
            failed_well(s, (long)few.rlim_cur);
    }
    ck_assert(!failed);
}
END_TEST

START_TEST(no_such_readers)
{
    char longer[200] = "unix:";
    memset(longer + 5, 'x', sizeof longer - 6);
    longer[sizeof longer - 1] = 0;
    ck_assert_ptr_null(reader_open(longer));
    ck_assert_ptr_null(reader_open("unix:"));
    ck_assert_ptr_null(reader_open("serial:0"));
    ck_assert_ptr_nonnull(strstr(hufu_last_error(), "no such kind"));
}
END_TEST

int main(void)
{
    const int n = sizeof works / sizeof *works;
    Suite *s = suite_create("host memory");
    TCase *c = suite_case(s, "all", 120, set_up, tear_down);
    tcase_add_loop_test(c, memory, 0, n);
    tcase_add_loop_test(c, descriptors, 0, n);
    tcase_add_test(c, no_such_readers);
    return suite_run(s);
}
