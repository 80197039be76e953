/* The store, function by function, over simulated flash. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "firmware/ports/posix/posix.h"
#include "firmware/store/store.h"
#include "tests/lib/nvm_world.h"
#include "tests/lib/run.h"

static struct world w;

static void open_world(uint32_t segments, uint32_t size, uint32_t unit, uint32_t max_records)
{
    world_open(&w, segments, size, unit, max_records);
    ck_assert_int_eq(world_format(&w), STORE_OK);
}

static void setup(void)
{
    open_world(8, 16384, 16, 400);
}

static void teardown(void)
{
    world_close(&w);
}

#define ck_ok(e)    ck_assert_int_eq((e), STORE_OK)
#define ck_is(e, r) ck_assert_int_eq((e), (r))
#define ck_sound()  ck_assert_msg(world_sound(&w), "%s", w.failure)

static void remount(void)
{
    nvm_sim_power_on(&w.sim);
    ck_ok(world_mount(&w));
    ck_sound();
}

/* ---------------------------------------------------------------- states */

START_TEST(blank_until_formatted)
{
    uint8_t byte;
    size_t n = 1;
    world_open(&w, 4, 4096, 1, 10);
    ck_is(store_begin(w.store), STORE_ARGUMENT);
    ck_is(store_mount(w.store), STORE_BLANK);
    ck_is(store_begin(w.store), STORE_ARGUMENT);
    ck_is(store_get(w.store, 1, NULL, &byte, &n), STORE_ARGUMENT);
    ck_is(store_check(w.store, 1), STORE_ARGUMENT);
    ck_assert(!store_has(w.store, 1, NULL));
    ck_assert_uint_eq(store_next(w.store, 0, 0), 0);
    ck_assert_uint_eq(store_count(w.store, 0), 0);
    ck_assert_uint_eq(w.sim.programs + w.sim.erases, 0);
    ck_ok(store_format(w.store));
    ck_ok(store_begin(w.store)); /* formatted is mounted */
    world_close(&w);
}
END_TEST

START_TEST(mounted_and_not)
{
    ck_ok(world_put_one(&w, 5, 3, 10));
    store_unmount(w.store);
    ck_is(store_begin(w.store), STORE_ARGUMENT);
    ck_assert(!store_has(w.store, 5, NULL));
    ck_assert_uint_eq(store_count(w.store, 0), 0);
    ck_ok(store_mount(w.store));
    ck_assert(store_has(w.store, 5, NULL));
    ck_is(store_check(w.store, 5), STORE_LOCKED); /* unmounting forgot the keys */
    ck_ok(world_mount(&w));
    ck_sound();
}
END_TEST

START_TEST(formatting_again_empties)
{
    for (uint32_t id = 1; id < 50; id++)
        ck_ok(world_put_one(&w, id, 3, 200));
    ck_ok(world_begin(&w));
    ck_ok(world_put(&w, 60, 3, 200));
    ck_ok(world_format(&w)); /* ends the transaction */
    ck_is(store_commit(w.store), STORE_ARGUMENT);
    ck_sound();
    ck_ok(world_put_one(&w, 7, 3, 200));
    remount();
}
END_TEST

/* ---------------------------------------------------------------- records */

START_TEST(record_sizes)
{
    static const size_t n[] = {0, 1, 15, 16, 17, 31, 32, 33, 300, 4079, 4080, 4095, 4096};
    for (uint32_t i = 0; i < sizeof n / sizeof n[0]; i++)
        ck_ok(world_put_one(&w, i + 1, (uint8_t)(i + 1), n[i]));
    ck_sound();
    remount();
    for (uint32_t i = 0; i < sizeof n / sizeof n[0]; i++)
        ck_ok(store_check(w.store, i + 1));
}
END_TEST

START_TEST(room_of_the_caller)
{
    uint8_t data[100], type = 0;
    size_t n = 99;
    ck_ok(world_put_one(&w, 9, 3, 100));
    memset(data, 0x55, sizeof data);
    ck_is(store_get(w.store, 9, &type, data, &n), STORE_ARGUMENT);
    ck_assert_uint_eq(n, 100);
    ck_assert_uint_eq(type, 3);
    for (size_t i = 0; i < sizeof data; i++)
        ck_assert_uint_eq(data[i], 0x55);
    ck_ok(store_get(w.store, 9, NULL, data, &n));
    n = 0;
    ck_ok(world_put_one(&w, 10, 3, 0));
    ck_ok(store_get(w.store, 10, NULL, NULL, &n));
    ck_is(store_get(w.store, 11, NULL, data, &n), STORE_ABSENT);
    ck_is(store_check(w.store, 11), STORE_ABSENT);
}
END_TEST

START_TEST(arguments)
{
    uint8_t data[8] = {0};
    ck_is(store_put(w.store, STORE_OBJECT, 1, 1, data, 8), STORE_ARGUMENT); /* none is open */
    ck_is(store_delete(w.store, 1), STORE_ARGUMENT);
    ck_is(store_commit(w.store), STORE_ARGUMENT);
    store_abort(w.store);
    ck_ok(world_begin(&w));
    ck_is(store_begin(w.store), STORE_ARGUMENT);
    ck_is(store_put(w.store, STORE_OBJECT, 1, 0, data, 8), STORE_ARGUMENT);
    ck_is(store_put(w.store, STORE_CLASSES, 1, 1, data, 8), STORE_ARGUMENT);
    ck_is(store_put(w.store, STORE_OBJECT, 1, 1, NULL, 8), STORE_ARGUMENT);
    ck_is(store_put(w.store, STORE_OBJECT, 1, 1, data, STORE_MAX_DATA + 1), STORE_ARGUMENT);
    ck_is(store_delete(w.store, 0), STORE_ARGUMENT);
    ck_is(store_delete(w.store, 1), STORE_ABSENT);
    ck_ok(world_put(&w, 1, 1, 8));
    ck_ok(world_commit(&w));
    ck_sound();
}
END_TEST

START_TEST(extreme_ids)
{
    const uint32_t ids[] = {0xFFFFFFFF, 1, 0x80000000, 0xFFFFFFFE, 2};
    const uint32_t order[] = {1, 2, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF, 0};
    ck_ok(store_begin(w.store));
    for (int i = 0; i < 5; i++)
        ck_ok(store_put(w.store, STORE_OBJECT, (uint8_t)(7 + i % 2), ids[i], "x", 1));
    ck_ok(store_commit(w.store));
    uint32_t id = 0;
    for (int i = 0; i < 6; i++)
        ck_assert_uint_eq((id = store_next(w.store, id, 0)), order[i]);
    ck_assert_uint_eq(store_next(w.store, 0, 8), 1);
    ck_assert_uint_eq(store_next(w.store, 1, 8), 0xFFFFFFFE);
    ck_assert_uint_eq(store_next(w.store, 0xFFFFFFFE, 8), 0);
    ck_assert_uint_eq(store_next(w.store, 0xFFFFFFFF, 0), 0);
    ck_assert_uint_eq(store_next(w.store, 0, 99), 0);
    ck_assert_uint_eq(store_count(w.store, 7), 3);
    ck_assert_uint_eq(store_count(w.store, 0), 5);
}
END_TEST

/* ---------------------------------------------------------------- transactions */

START_TEST(reads_see_the_state_before)
{
    ck_ok(world_put_one(&w, 1, 3, 50));
    ck_ok(world_put_one(&w, 2, 3, 60));
    ck_ok(world_begin(&w));
    ck_ok(world_put(&w, 1, 2, 70));
    ck_ok(world_delete(&w, 2));
    ck_ok(world_put(&w, 3, 3, 80));
    ck_assert_msg(world_matches(&w, &w.committed), "%s", w.failure);
    ck_ok(world_commit(&w));
    ck_sound();
}
END_TEST

START_TEST(abort_changes_nothing)
{
    ck_ok(world_put_one(&w, 1, 3, 50));
    ck_ok(world_begin(&w));
    ck_ok(world_put(&w, 1, 2, 70));
    ck_ok(world_put(&w, 4, 2, 70));
    ck_ok(world_delete(&w, 1));
    world_abort(&w);
    ck_sound();
    world_abort(&w); /* none is open */
    ck_ok(world_put_one(&w, 4, 2, 20));
    remount();
}
END_TEST

START_TEST(an_empty_transaction_writes_nothing)
{
    const uint64_t before = w.sim.count;
    ck_ok(world_begin(&w));
    ck_ok(world_commit(&w));
    ck_ok(world_begin(&w));
    world_abort(&w);
    ck_assert_uint_eq(w.sim.count, before);
}
END_TEST

/* A put is one program and one sync; a replacement adds the scrubbing and its sync. */
START_TEST(operations_of_a_commit)
{
    ck_ok(world_put_one(&w, 1, 3, 50));
    uint64_t before = w.sim.count;
    ck_ok(world_put_one(&w, 2, 3, 50));
    ck_assert_uint_eq(w.sim.count - before, 2);
    before = w.sim.count;
    ck_ok(world_put_one(&w, 2, 3, 50));
    ck_assert_uint_eq(w.sim.count - before, 4);
    before = w.sim.count;
    ck_ok(world_delete_one(&w, 2));
    ck_assert_uint_eq(w.sim.count - before, 4);
}
END_TEST

START_TEST(changes_in_one_transaction)
{
    ck_ok(world_begin(&w));
    for (uint32_t i = 0; i < STORE_MAX_CHANGES; i++)
        ck_ok(world_put(&w, 1 + i, 3, 40));
    ck_is(store_put(w.store, STORE_OBJECT, 3, 99, "", 0), STORE_ARGUMENT);
    ck_is(store_delete(w.store, 1), STORE_ARGUMENT);
    ck_ok(world_commit(&w));
    remount();
}
END_TEST

START_TEST(one_id_many_times)
{
    ck_ok(world_put_one(&w, 1, 3, 30));
    ck_ok(world_begin(&w));
    ck_ok(world_put(&w, 1, 3, 31));
    ck_ok(world_put(&w, 2, 3, 32));
    ck_ok(world_delete(&w, 1));
    ck_is(store_delete(w.store, 1), STORE_ABSENT);
    ck_ok(world_put(&w, 2, 2, 33));
    ck_ok(world_put(&w, 2, 3, 34));
    ck_ok(world_put(&w, 1, 2, 35));
    ck_ok(world_put(&w, 3, 2, 36));
    ck_ok(world_delete(&w, 3));
    ck_ok(world_commit(&w));
    ck_sound();
    remount();
}
END_TEST

/* ---------------------------------------------------------------- keys */

START_TEST(locked)
{
    uint8_t data[100];
    size_t n = sizeof data;
    ck_ok(world_put_one(&w, 1, 2, 50));
    ck_ok(world_put_one(&w, 2, 3, 50));
    store_clear_key(w.store, STORE_OBJECT);
    ck_is(store_get(w.store, 1, NULL, data, &n), STORE_LOCKED);
    ck_is(store_check(w.store, 1), STORE_LOCKED);
    ck_ok(store_get(w.store, 2, NULL, data, &n));
    ck_assert(store_has(w.store, 1, NULL));
    ck_ok(world_begin(&w));
    ck_is(world_put(&w, 3, 2, 10), STORE_LOCKED);
    ck_ok(world_put(&w, 4, 3, 10));
    ck_ok(world_delete(&w, 1)); /* needs no key */
    ck_ok(world_commit(&w));
    remount();
}
END_TEST

START_TEST(wrong_key)
{
    static const uint8_t other[STORE_KEY] = {9};
    uint8_t data[50];
    size_t n = sizeof data;
    ck_ok(world_put_one(&w, 1, 2, 50));
    memset(data, 0x77, sizeof data);
    store_set_key(w.store, STORE_OBJECT, other);
    ck_is(store_get(w.store, 1, NULL, data, &n), STORE_CORRUPT);
    ck_assert_uint_eq(n, sizeof data);
    ck_is(store_check(w.store, 1), STORE_CORRUPT);
    for (size_t i = 1; i < sizeof data; i++)
        ck_assert_uint_eq(data[i], data[0]); /* wiped or untouched, no plaintext */
}
END_TEST

/* Compaction moves records it cannot open. */
START_TEST(compaction_while_locked)
{
    struct store_stat st;
    for (uint32_t id = 1; id <= 40; id++)
        ck_ok(world_put_one(&w, id, (uint8_t)(2 + id % 2), 300));
    store_clear_key(w.store, STORE_OBJECT);
    const uint64_t before = w.sim.erases;
    for (uint32_t i = 0; w.sim.erases < before + 40; i++)
        ck_ok(world_put_one(&w, 100 + i % 3, 3, 900));
    store_stat(w.store, &st);
    ck_assert_uint_eq(st.records, 43);
    ck_assert_uint_eq(st.segments, 8);
    ck_assert_uint_ge(st.erases, 40);
    remount();
}
END_TEST

/* ---------------------------------------------------------------- full */

static uint64_t live(void)
{
    struct store_stat st;
    store_stat(w.store, &st);
    return st.live_bytes;
}

static uint32_t fill(size_t n)
{
    uint32_t id = 1;
    while (id < WORLD_IDS && world_put_one(&w, id, 2, n) == STORE_OK)
        id++;
    return id - 1;
}

static void full_store(uint32_t segments, uint32_t size, size_t n)
{
    struct store_stat st;
    open_world(segments, size, 4, WORLD_IDS);
    const uint32_t filled = fill(n);
    const uint64_t before = live();
    ck_assert_uint_lt(filled, WORLD_IDS - 1);
    store_stat(w.store, &st);
    ck_assert_uint_gt(before + before / filled, st.capacity_bytes);
    ck_is(world_put_one(&w, 500, 2, n), STORE_FULL);
    ck_assert_uint_eq(live(), before);
    ck_sound();
    for (uint32_t i = 0; i < 200; i++) /* replacing needs no more room */
        ck_ok(world_put_one(&w, 1 + i * 7 % filled, 2, n));
    for (uint32_t i = 0; i < 100; i++) {
        ck_ok(world_delete_one(&w, 1 + i % filled));
        ck_ok(world_put_one(&w, 1 + i % filled, 2, n));
        ck_is(world_put_one(&w, 501, 2, n), STORE_FULL);
    }
    remount();
    ck_ok(world_begin(&w));
    for (uint32_t id = 1; id <= filled && id <= STORE_MAX_CHANGES; id++)
        ck_ok(world_delete(&w, id));
    ck_ok(world_commit(&w));
    remount();
    world_close(&w);
}

START_TEST(full)
{
    full_store(4, 4096, 40);
    full_store(4, 4096, 300);
    full_store(5, 8192, 200);
    full_store(16, 4096, 100);
    full_store(8, 16384, 1000);
    full_store(8, 16384, 4096);
}
END_TEST

/* A put that does not fit leaves its transaction as it was. */
START_TEST(full_in_the_middle)
{
    open_world(4, 8192, 16, WORLD_IDS);
    ck_ok(world_begin(&w));
    uint32_t id = 1;
    while (world_put(&w, id, 2, 500) == STORE_OK)
        id++;
    ck_assert_uint_gt(id, 4);
    ck_ok(world_delete(&w, 1));
    ck_ok(world_put(&w, 400, 2, 10));
    ck_ok(world_commit(&w));
    remount();
    world_close(&w);
}
END_TEST

START_TEST(most_records)
{
    open_world(8, 16384, 16, 20);
    ck_assert_uint_eq(fill(10), 20);
    ck_is(world_put_one(&w, 400, 2, 10), STORE_FULL);
    ck_ok(world_put_one(&w, 20, 2, 11));
    ck_ok(world_begin(&w));
    ck_ok(world_delete(&w, 3));
    ck_ok(world_put(&w, 400, 2, 10)); /* takes the place of the deleted */
    ck_is(world_put(&w, 401, 2, 10), STORE_FULL);
    ck_ok(world_commit(&w));
    remount();
    w.max_records = 19;
    ck_is(world_mount(&w), STORE_FULL);
    w.max_records = 20;
    ck_ok(world_mount(&w));
    ck_sound();
    world_close(&w);
}
END_TEST

/* ---------------------------------------------------------------- geometry */

START_TEST(bad_geometries)
{
    static const uint32_t bad[][3] = {{3, 4096, 16}, {4, 4095, 1}, {4, 2048, 1}, {4, 4104, 8},
                                      {4, 4096, 0},  {4, 4096, 3}, {4, 4096, 32}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        world_open(&w, bad[i][0], bad[i][1], bad[i][2], 10);
        ck_is(store_mount(w.store), STORE_ARGUMENT);
        ck_is(store_format(w.store), STORE_ARGUMENT);
        ck_is(store_begin(w.store), STORE_ARGUMENT);
        ck_assert_uint_eq(w.sim.reads + w.sim.count, 0);
        world_close(&w);
    }
}
END_TEST

START_TEST(good_geometries)
{
    static const uint32_t segments[] = {4, 5, 9, 17, 40}, sizes[] = {4096, 12288, 65536, 1 << 20};
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 4; j++) {
            if (segments[i] * (uint64_t)sizes[j] > 8 << 20)
                continue;
            open_world(segments[i], sizes[j], 1u << (i + j) % 5, 100);
            for (uint32_t k = 0; k < 150; k++)
                ck_ok(world_put_one(&w, 1 + k % 6, 3, k));
            remount();
            world_close(&w);
        }
}
END_TEST

/* An image of one shape is refused by another. */
START_TEST(other_geometry)
{
    ck_ok(world_put_one(&w, 1, 3, 10));
    w.sim.nvm.segments = 4;
    w.sim.nvm.segment_size = 32768;
    ck_is(world_mount(&w), STORE_CORRUPT);
    w.sim.nvm.segments = 8;
    w.sim.nvm.segment_size = 16384;
    remount();
}
END_TEST

START_TEST(very_many_segments)
{
    const struct posix_options o = {.segments = 65535, .segment_size = 4096};
    struct hal hal;
    char error[200] = "";
    struct posix_port *port = posix_open(&o, &hal, error, sizeof error);
    ck_assert_msg(port != NULL, "%s", error);
    world_open(&w, 4, 4096, 1, 100);
    w.sim.nvm = hal.nvm;
    ck_is(world_mount(&w), STORE_BLANK);
    ck_ok(store_format(w.store));
    for (uint32_t i = 0; i < 400; i++)
        ck_ok(store_begin(w.store) | store_put(w.store, STORE_OBJECT, 1, 1 + i % 90, &w, 4096) |
              store_commit(w.store));
    ck_ok(world_mount(&w));
    ck_assert_uint_eq(store_count(w.store, 1), 90);
    posix_close(port);
    world_close(&w);
}
END_TEST

/* ---------------------------------------------------------------- many records */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ids in no order; a third is deleted and put again. */
static void many_records(uint32_t n)
{
    static uint8_t data[300];
    const struct posix_options o = {.segments = 0};
    struct hal hal;
    char error[200] = "";
    struct posix_port *port = posix_open(&o, &hal, error, sizeof error);
    ck_assert_msg(port != NULL, "%s", error);
    world_open(&w, 4, 4096, 1, n);
    w.sim.nvm = hal.nvm;
    ck_is(world_mount(&w), STORE_BLANK);
    ck_ok(store_format(w.store));
    for (uint32_t i = 0; i < n;) {
        ck_ok(store_begin(w.store));
        for (uint32_t k = 0; k < 32 && i < n; k++, i++)
            ck_ok(store_put(w.store, STORE_OBJECT, (uint8_t)(i % 3), (i + 1) * 2654435761u, data,
                            sizeof data));
        ck_ok(store_commit(w.store));
    }
    for (uint32_t i = 0; i < n; i += 3) {
        ck_ok(store_begin(w.store));
        ck_ok(store_delete(w.store, (i + 1) * 2654435761u));
        ck_ok(store_commit(w.store));
    }
    ck_assert_uint_eq(store_count(w.store, 0), n - (n + 2) / 3);
    for (uint32_t i = 0; i < n; i += 3) {
        ck_ok(store_begin(w.store));
        ck_ok(store_put(w.store, STORE_OBJECT, 0, (i + 1) * 2654435761u, data, sizeof data));
        ck_ok(store_commit(w.store));
    }
    const double begin = seconds();
    ck_ok(world_mount(&w));
    printf("mount of %u records of 300 bytes: %.2f ms\n", n, (seconds() - begin) * 1e3);
    uint32_t id = 0, before = 0, seen = 0;
    bool rising = true;
    while ((id = store_next(w.store, id, 0)) != 0) {
        rising &= id > before;
        before = id;
        seen++;
    }
    ck_assert(rising);
    ck_assert_uint_eq(seen, n);
    ck_assert_uint_eq(store_count(w.store, 1), (n + 1) / 3);
    for (uint32_t i = 0; i < n; i += 97)
        ck_ok(store_check(w.store, (i + 1) * 2654435761u));
    posix_close(port);
    world_close(&w);
}

START_TEST(many)
{
    many_records(4096);
    many_records(100000);
}
END_TEST

START_TEST(memory)
{
    const size_t fixed = store_memory(0);
    ck_assert_uint_le(fixed, 40 * 1024);
    ck_assert_uint_le(store_memory(4096), fixed + 4096 * 24);
    ck_assert_uint_le(store_memory(100000), fixed + 100000 * 24);
}
END_TEST

/* ---------------------------------------------------------------- faults */

static int no_random(void *ctx, void *out, size_t n)
{
    (void)ctx;
    memset(out, 0, n);
    return -1;
}

START_TEST(no_randomness)
{
    uint8_t data[10] = {0};
    size_t n = sizeof data;
    ck_ok(world_put_one(&w, 1, 3, 10));
    const struct rng good = w.rng;
    w.rng.fill = no_random;
    ck_ok(world_begin(&w));
    ck_is(store_put(w.store, STORE_OBJECT, 3, 2, data, 10), STORE_FAULT);
    ck_is(store_commit(w.store), STORE_FAULT);
    ck_is(store_begin(w.store), STORE_FAULT);
    ck_is(store_get(w.store, 1, NULL, data, &n), STORE_FAULT);
    ck_is(store_check(w.store, 1), STORE_FAULT);
    w.rng = good;
    remount();
}
END_TEST

/* Each read of a session fails in turn: the store says so and refuses the rest, and nothing is
 * lost. */
START_TEST(failing_reads)
{
    struct world_snapshot base;
    for (uint32_t id = 1; id <= 9; id++)
        ck_ok(world_put_one(&w, id, 3, 100 * id));
    world_save(&w, &base);
    for (uint64_t k = 1;; k++) {
        world_load(&w, &base);
        w.sim.reads = 0;
        w.sim.fail_read = k;
        enum store_result r = world_mount(&w);
        if (r == STORE_OK)
            r = world_put_one(&w, 3, 2, 50);
        if (r == STORE_OK)
            r = store_check(w.store, 4);
        w.sim.fail_read = 0;
        if (r == STORE_OK)
            break;
        ck_is(r, STORE_FAULT);
        ck_is(store_begin(w.store), STORE_FAULT);
        ck_ok(world_mount(&w));
        ck_sound();
    }
    world_forget(&base);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store");
    TCase *plain = tcase_create("plain"), *own = tcase_create("own geometry");
    tcase_add_checked_fixture(plain, setup, teardown);
    tcase_set_timeout(plain, 120);
    tcase_set_timeout(own, 600);
    tcase_add_test(plain, mounted_and_not);
    tcase_add_test(plain, formatting_again_empties);
    tcase_add_test(plain, record_sizes);
    tcase_add_test(plain, room_of_the_caller);
    tcase_add_test(plain, arguments);
    tcase_add_test(plain, extreme_ids);
    tcase_add_test(plain, reads_see_the_state_before);
    tcase_add_test(plain, abort_changes_nothing);
    tcase_add_test(plain, an_empty_transaction_writes_nothing);
    tcase_add_test(plain, operations_of_a_commit);
    tcase_add_test(plain, changes_in_one_transaction);
    tcase_add_test(plain, one_id_many_times);
    tcase_add_test(plain, locked);
    tcase_add_test(plain, wrong_key);
    tcase_add_test(plain, compaction_while_locked);
    tcase_add_test(plain, other_geometry);
    tcase_add_test(plain, no_randomness);
    tcase_add_test(plain, failing_reads);
    tcase_add_test(own, blank_until_formatted);
    tcase_add_test(own, full);
    tcase_add_test(own, full_in_the_middle);
    tcase_add_test(own, most_records);
    tcase_add_test(own, bad_geometries);
    tcase_add_test(own, good_geometries);
    tcase_add_test(own, very_many_segments);
    tcase_add_test(own, many);
    tcase_add_test(own, memory);
    suite_add_tcase(s, plain);
    suite_add_tcase(s, own);
    return suite_run(s);
}
