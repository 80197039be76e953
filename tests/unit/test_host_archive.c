/* Archives of wrapped keys: torn at every byte, damaged at every byte, gone on with. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/lib/lib.h"
#include "tests/lib/run.h"
#include "tests/lib/temp.h"
#include "tests/lib/vec.h"

enum { RECORD = 112, COUNT_MAX = 64, FILE_MAX = 1 << 20 };

static char path[TEMP_NAME];

static void set_up(void)
{
    temp_name(path, "archive");
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    unlink(path);
}

static void tear_down(void)
{
    unlink(path);
}

/* A chunk that the test makes up: record i of batch b is filled with b + i. */
struct made {
    struct hufu_key_chunk chunk;
    uint8_t header[HUFU_WRAP_HEADER_SIZE], status[COUNT_MAX / 8], records[COUNT_MAX * RECORD];
};

static void make(struct made *m, uint8_t batch, uint32_t count, uint32_t bad_every)
{
    struct wr w;
    uint8_t id[16] = {batch};
    const struct wrap_header h = {(const uint8_t *)"HFWK", 1, KEY_SM2, USAGE_SIGN, id, id, count};
    memset(m, 0, sizeof *m);
    wr_init(&w, m->header, sizeof m->header);
    wrap_header_put(&w, &h);
    uint32_t good = 0;
    for (uint32_t i = 0; i < count; i++) {
        memset(m->records + i * RECORD, (int)(batch + i), RECORD);
        if (!bad_every || (i + 1) % bad_every) {
            m->status[i / 8] |= (uint8_t)(1u << i % 8);
            good++;
        }
    }
    m->chunk = (struct hufu_key_chunk){.header = m->header,
                                       .count = count,
                                       .good = good,
                                       .status = m->status,
                                       .status_size = (count + 7) / 8,
                                       .records = m->records,
                                       .record_size = RECORD};
    ck_assert_int_eq(hufu_wrap_header_read(m->header, &m->chunk.fields), HUFU_OK);
}

static void add(uint8_t batch, uint32_t count, uint32_t bad_every)
{
    struct hufu_archive *a;
    struct made m;
    make(&m, batch, count, bad_every);
    ck_assert_int_eq(hufu_archive_append(&a, path), HUFU_OK);
    ck_assert_int_eq(hufu_archive_add(a, &m.chunk), HUFU_OK);
    hufu_archive_close(a);
}

static uint64_t count(void)
{
    struct hufu_archive *a;
    ck_assert_int_eq(hufu_archive_read(&a, path), HUFU_OK);
    const uint64_t n = hufu_archive_count(a);
    hufu_archive_close(a);
    return n;
}

static size_t load(uint8_t *bytes)
{
    const int fd = open(path, O_RDONLY);
    const ssize_t n = read(fd, bytes, FILE_MAX);
    close(fd);
    ck_assert_int_ge(n, 0);
    return (size_t)n;
}

static void store(const uint8_t *bytes, size_t n)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
    close(fd);
}

START_TEST(there_and_back)
{
    struct hufu_archive *a;
    struct hufu_wrapped w;
    struct stat st;
    add(10, 5, 0);
    add(50, 64, 3); /* every third is bad */
    add(90, 1, 0);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_uint_eq(count(), 5 + 43 + 1);
    ck_assert_int_eq(hufu_archive_read(&a, path), HUFU_OK);
    for (uint64_t i = 0; i < 49; i++) {
        ck_assert_int_eq(hufu_archive_get(a, i, &w), HUFU_OK);
        const uint64_t in = i - 5, index = i < 5 ? i : i == 48 ? 0 : in / 2 * 3 + in % 2;
        const uint8_t batch = i < 5 ? 10 : i == 48 ? 90 : 50;
        ck_assert_uint_eq(w.index, index);
        ck_assert_uint_eq(w.record_size, RECORD);
        ck_assert_uint_eq(w.record[0], (uint8_t)(batch + index));
        ck_assert_uint_eq(w.record[RECORD - 1], (uint8_t)(batch + index));
    }
    ck_assert_int_eq(hufu_archive_get(a, 49, &w), HUFU_E_NOT_FOUND);
    ck_assert_int_eq(hufu_archive_get(a, UINT64_MAX, &w), HUFU_E_NOT_FOUND);
    hufu_archive_close(a);
}
END_TEST

START_TEST(known_batches)
{
    struct hufu_archive *a;
    struct made m;
    add(10, 5, 0);
    add(20, 5, 0);
    make(&m, 10, 5, 0);
    m.chunk.fetched = 1;
    ck_assert_int_eq(hufu_archive_append(&a, path), HUFU_OK);
    ck_assert_int_eq(hufu_archive_chunk(a, &m.chunk), HUFU_CHUNK_KNOWN);
    ck_assert_uint_eq(hufu_archive_count(a), 10);
    make(&m, 30, 5, 0);
    m.chunk.fetched = 1;
    ck_assert_int_eq(hufu_archive_chunk(a, &m.chunk), 0);
    ck_assert_uint_eq(hufu_archive_count(a), 15);
    hufu_archive_close(a);
}
END_TEST

/* A crash leaves any part of the last chunk: the whole ones stay, and writing goes on behind them.
 */
START_TEST(torn_at_every_byte)
{
    static uint8_t bytes[FILE_MAX];
    add(10, 5, 0);
    const size_t first = load(bytes);
    add(20, 3, 0);
    const size_t both = load(bytes);
    for (size_t n = 0; n < both; n++) {
        store(bytes, n);
        const uint64_t whole = n >= first ? 5 : 0;
        if (n >= 16)
            ck_assert_uint_eq(count(), whole);
        add(30, 2, 0);
        ck_assert_uint_eq(count(), whole + 2);
    }
}
END_TEST

/* The file grew before its blocks were written: zeros, or old rubbish, where the chunk should be.
 */
START_TEST(torn_inside)
{
    static uint8_t bytes[FILE_MAX], torn[FILE_MAX];
    test_seed();
    add(10, 5, 0);
    const size_t first = load(bytes);
    add(20, 3, 0);
    const size_t both = load(bytes);
    for (size_t from = first; from < both; from += 7) {
        memcpy(torn, bytes, both);
        if (from % 2)
            memset(torn + from, 0, both - from);
        else
            test_random(torn + from, both - from);
        store(torn, both);
        ck_assert_uint_eq(count(), 5);
        add(30, 2, 0);
        ck_assert_uint_eq(count(), 7);
    }
}
END_TEST

/* Damage with chunks behind it is not a torn end: nothing may be cut off. */
START_TEST(damaged_in_the_middle)
{
    static uint8_t bytes[FILE_MAX], bad[FILE_MAX], after[FILE_MAX];
    add(10, 5, 0);
    const size_t first = load(bytes);
    add(20, 3, 0);
    const size_t both = load(bytes);
    for (size_t at = 0; at < first; at++) {
        struct hufu_archive *a;
        struct hufu_wrapped w;
        memcpy(bad, bytes, both);
        bad[at] ^= 0x40;
        store(bad, both);
        enum hufu_status s = hufu_archive_append(&a, path);
        if (!s) { /* then it is seen when the key is wanted; 12 to 15 are not used */
            s = at >= 12 && at < 16 ? HUFU_E_FORMAT : hufu_archive_get(a, 0, &w);
            ck_assert_int_eq(hufu_archive_get(a, 5, &w), HUFU_OK);
        }
        hufu_archive_close(a);
        ck_assert_int_eq(s, HUFU_E_FORMAT);
        ck_assert_uint_eq(load(after), both);
        ck_assert(!memcmp(after, bad, both));
    }
}
END_TEST

/* Both at once: what is torn may be cut off, but not the damaged chunk before it. */
START_TEST(damaged_and_torn)
{
    static uint8_t bytes[FILE_MAX];
    struct hufu_archive *a;
    add(10, 5, 0);
    const size_t first = load(bytes);
    add(20, 3, 0);
    const size_t both = load(bytes);
    bytes[first - 50] ^= 1;
    store(bytes, both - 1);
    ck_assert_int_eq(hufu_archive_append(&a, path), HUFU_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(hufu_last_error(), "damaged at byte 16"));
    ck_assert_uint_eq(load(bytes), both - 1);
}
END_TEST

START_TEST(something_else)
{
    struct hufu_archive *a;
    static const char *const contents[] = {"x", "HUFUKEYx", "HUFUKEYS\0\0\0\2\0\0\0\0",
                                           "-----BEGIN CERTIFICATE-----"};
    static const size_t sizes[] = {1, 8, 16, 27};
    static uint8_t after[FILE_MAX];
    for (size_t i = 0; i < 4; i++) {
        store((const uint8_t *)contents[i], sizes[i]);
        ck_assert_int_eq(hufu_archive_append(&a, path), HUFU_E_FORMAT);
        ck_assert_ptr_null(a);
        ck_assert_int_eq(hufu_archive_read(&a, path), HUFU_E_FORMAT);
        ck_assert_uint_eq(load(after), sizes[i]);
        ck_assert(!memcmp(after, contents[i], sizes[i]));
    }
    ck_assert_int_eq(hufu_archive_read(&a, "/nowhere/at/all"), HUFU_E_FILE);
    ck_assert_int_eq(hufu_archive_append(&a, "/nowhere/at/all"), HUFU_E_FILE);
    ck_assert_ptr_nonnull(strstr(hufu_last_error(), "/nowhere/at/all"));
}
END_TEST

START_TEST(locked)
{
    struct hufu_archive *a, *b;
    struct made m;
    add(10, 5, 0);
    ck_assert_int_eq(hufu_archive_append(&a, path), HUFU_OK);
    ck_assert_int_eq(hufu_archive_append(&b, path), HUFU_E_FILE);
    ck_assert_int_eq(hufu_archive_read(&b, path), HUFU_OK); /* a reader may look on */
    make(&m, 20, 5, 0);
    ck_assert_int_eq(hufu_archive_add(b, &m.chunk), HUFU_E_ARGUMENT);
    ck_assert_int_eq(hufu_archive_chunk(b, &m.chunk), 1);
    hufu_archive_close(a);
    hufu_archive_close(b);
}
END_TEST

START_TEST(disk_full)
{
    struct hufu_archive *a;
    struct made m;
    make(&m, 1, 5, 0);
    if (access("/dev/full", W_OK))
        return;
    ck_assert_int_eq(hufu_archive_append(&a, "/dev/full"), HUFU_E_FILE);
}
END_TEST

START_TEST(headers)
{
    struct made m;
    struct hufu_wrap_header h;
    static const struct {
        size_t at;
        uint8_t value;
    } bad[] = {{0, 'X'}, {3, 0}, {4, 0}, {4, 2}, {5, 0}, {5, 31}};
    make(&m, 1, 5, 0);
    ck_assert_int_eq(hufu_wrap_header_read(m.header, &h), HUFU_OK);
    ck_assert_uint_eq(h.count, 5);
    ck_assert_uint_eq(h.type, HUFU_KEY_SM2);
    ck_assert_uint_eq(h.usage, HUFU_USAGE_SIGN);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        make(&m, 1, 5, 0);
        m.header[bad[i].at] = bad[i].value;
        ck_assert_int_eq(hufu_wrap_header_read(m.header, &h), HUFU_E_FORMAT);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("host archive");
    TCase *t = tcase_create("archive");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, there_and_back);
    tcase_add_test(t, known_batches);
    tcase_add_test(t, torn_at_every_byte);
    tcase_add_test(t, torn_inside);
    tcase_add_test(t, damaged_in_the_middle);
    tcase_add_test(t, damaged_and_torn);
    tcase_add_test(t, something_else);
    tcase_add_test(t, locked);
    tcase_add_test(t, disk_full);
    tcase_add_test(t, headers);
    tcase_set_timeout(t, 120);
    suite_add_tcase(s, t);
    return suite_run(s);
}
