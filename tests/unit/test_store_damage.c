/* The store over media that are damaged, foreign or garbage: told, not believed, and never changed.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/store/crc.h"
#include "firmware/store/format.h"
#include "tests/lib/nvm_world.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

static struct world w;
static struct world_snapshot base;

/* Three segments and more: closed ones, scrubbed records, a transaction of three at the end (ids 90
 * to 92). */
static void setup(void)
{
    world_open(&w, 6, 4096, 16, 400);
    ck_assert_int_eq(world_format(&w), STORE_OK);
    for (uint32_t id = 1; id <= 40; id++)
        ck_assert_int_eq(world_put_one(&w, id, (uint8_t)(2 + id % 2), 5 * id), STORE_OK);
    for (uint32_t id = 3; id <= 40; id += 3)
        ck_assert_int_eq(world_delete_one(&w, id), STORE_OK);
    for (uint32_t id = 2; id <= 40; id += 9)
        ck_assert_int_eq(world_put_one(&w, id, 2, 33), STORE_OK);
    ck_assert_int_eq(world_begin(&w), STORE_OK);
    for (uint32_t id = 90; id <= 92; id++)
        ck_assert_int_eq(world_put(&w, id, 2, 40), STORE_OK);
    ck_assert_int_eq(world_commit(&w), STORE_OK);
    world_save(&w, &base);
}

static void teardown(void)
{
    world_forget(&base);
    world_close(&w);
}

static void flip(size_t byte, unsigned bit)
{
    w.sim.view[byte] ^= (uint8_t)(1u << bit);
    w.sim.durable[byte] ^= (uint8_t)(1u << bit);
}

/* Used bytes of the image: every other is FF. */
static size_t in_use(void)
{
    size_t n = 0;
    for (size_t i = 0; i < w.sim.size; i++)
        n += base.image[i] != 0xFF;
    return n;
}

enum fate { INTACT, BROKEN, REFUSED, CUT };

static bool last_transaction(uint32_t id)
{
    return id >= 90 && id <= 92;
}

/*
 * What one flipped bit may do: nothing; break one record, which the store says when it is asked
 * for; make the mount fail; or, in the very last transaction, look like a power cut.
 */
static enum fate fate(void)
{
    uint32_t broken = 0, missing = 0, raised = 0, wrong = 0;
    enum store_result r = world_mount(&w);
    if (r != STORE_OK) {
        ck_assert_msg(r == STORE_CORRUPT || r == STORE_VERSION, "mount gives %d", r);
        ck_assert_uint_eq(w.sim.programs + w.sim.erases, 0);
        return REFUSED;
    }
    for (uint32_t id = 1; id < WORLD_IDS; id++) {
        const bool present = w.committed.record[id].present;
        r = store_check(w.store, id);
        raised += !present && (r != STORE_ABSENT || store_has(w.store, id, NULL));
        broken += present && r == STORE_CORRUPT;
        missing += present && r == STORE_ABSENT && last_transaction(id);
        wrong += present && r != STORE_OK && r != STORE_CORRUPT &&
                 !(r == STORE_ABSENT && last_transaction(id));
    }
    ck_assert_uint_eq(raised, 0);
    ck_assert_uint_eq(wrong, 0);
    ck_assert(missing == 0 || missing == 3);
    ck_assert_uint_le(broken, 1);
    if (!broken && !missing)
        ck_assert_msg(world_matches(&w, &w.committed), "%s", w.failure);
    return missing ? CUT : broken ? BROKEN : INTACT;
}

static void flip_all(unsigned count[4])
{
    for (size_t i = 0; i < w.sim.size; i++) {
        if (base.image[i] == 0xFF)
            continue;
        world_load(&w, &base);
        w.sim.programs = w.sim.erases = 0;
        flip(i, (unsigned)(i * 7 % 8));
        count[fate()]++;
    }
    printf(
        "of %zu flipped bits %u did nothing, %u broke a record, %u refused the mount, %u cut the "
        "last transaction\n",
        in_use(), count[INTACT], count[BROKEN], count[REFUSED], count[CUT]);
}

START_TEST(flipped_bits)
{
    unsigned count[4] = {0};
    flip_all(count);
    ck_assert_uint_gt(count[BROKEN], 0);
    ck_assert_uint_gt(count[REFUSED], 0);
    ck_assert_uint_lt(count[CUT], 3 * 112);
}
END_TEST

/* The same when the last transaction made the store compact: copies and a VOID before it, deletions
 * gone. */
static void compact_in_the_last(void)
{
    for (uint32_t i = 0, before = 0; before == 0; i++) {
        ck_assert_int_eq(world_put_one(&w, 100 + i % 2, 2, 40), STORE_OK);
        const uint64_t erases = w.sim.erases;
        ck_assert_int_eq(world_begin(&w), STORE_OK);
        for (uint32_t id = 90; id <= 92; id++)
            ck_assert_int_eq(world_put(&w, id, 2, 40), STORE_OK);
        ck_assert_int_eq(world_commit(&w), STORE_OK);
        before = i > 60 && w.sim.erases != erases;
    }
    world_forget(&base);
    world_save(&w, &base);
}

START_TEST(flipped_bits_after_compaction)
{
    unsigned count[4] = {0};
    compact_in_the_last();
    flip_all(count);
    ck_assert_uint_gt(count[BROKEN], 0);
    ck_assert_uint_gt(count[REFUSED], 0);
    ck_assert_uint_lt(count[CUT], 3 * 112);
}
END_TEST

/* Calls f for every record of the image. */
static void walk(void (*f)(const struct record *r, size_t at))
{
    for (size_t segment = 0; segment < w.sim.size; segment += 4096) {
        struct segment_header h;
        struct record r;
        const uint8_t *at = base.image + segment;
        if (!header_decode(&h, at + HEADER_AT))
            continue;
        for (uint32_t i = LOG_AT; i + HEAD_SIZE <= 4096; i += record_bytes(&r)) {
            if (!record_decode(&r, store_crc(0, at + HEADER_AT, 28), i, at + i))
                break;
            f(&r, segment + i);
        }
    }
}

static unsigned dead;

static void flip_in_the_dead(const struct record *r, size_t at)
{
    if (r->kind != RECORD_PUT || !area_dead(base.image + at + HEAD_SIZE))
        return;
    world_load(&w, &base);
    for (unsigned i = 0; i < 16; i++)
        flip(at + HEAD_SIZE + 2 * i, i % 8);
    ck_assert_int_eq(world_mount(&w), STORE_OK);
    ck_assert_msg(world_sound(&w), "%s", w.failure);
    dead++;
}

/* The deletions lie between garbage and are compacted away: the zeros alone say what is dead. */
START_TEST(flipped_bits_do_not_raise_the_dead)
{
    for (uint32_t i = 0; i < 200; i++) {
        ck_assert_int_eq(world_put_one(&w, 100 + i % 2, 2, 100), STORE_OK);
        if (i == 30)
            ck_assert_int_eq(world_delete_one(&w, 1), STORE_OK);
        if (i == 31)
            ck_assert_int_eq(world_delete_one(&w, 2), STORE_OK);
    }
    world_forget(&base);
    world_save(&w, &base);
    walk(flip_in_the_dead);
    ck_assert_uint_gt(dead, 10);
}
END_TEST

/* The head of the second record of a transaction that was followed by one more: damage, no cut. */
static size_t second_record;

static void find_second(const struct record *r, size_t at)
{
    if (r->id == 91)
        second_record = at;
}

START_TEST(damage_before_the_last_transaction)
{
    ck_assert_int_eq(world_put_one(&w, 5, 2, 10), STORE_OK);
    world_forget(&base);
    world_save(&w, &base);
    walk(find_second);
    flip(second_record + 4, 0);
    ck_assert_int_eq(world_mount(&w), STORE_CORRUPT);
}
END_TEST

START_TEST(segment_twice)
{
    for (uint32_t from = 0; from < 6; from++) {
        world_load(&w, &base);
        memcpy(w.sim.view + 5 * 4096, w.sim.view + from * 4096, 4096);
        struct segment_header h;
        const bool data = header_decode(&h, base.image + from * 4096 + HEADER_AT);
        ck_assert_int_eq(world_mount(&w), data && from != 5 ? STORE_CORRUPT : STORE_OK);
    }
}
END_TEST

/* Damage survives compaction as damage: the record is moved, and told when it is asked for. */
START_TEST(damage_is_moved_not_hidden)
{
    struct world_record *k = &w.committed.record[4];
    for (size_t i = 0; i + 24 < w.sim.size; i += 16)
        if (memcmp(base.image + i, k->salt, 24) == 0)
            flip(i + 40, 3); /* in the ciphertext */
    ck_assert_int_eq(world_mount(&w), STORE_OK);
    ck_assert_int_eq(store_check(w.store, 4), STORE_CORRUPT);
    const uint64_t before = w.sim.erases;
    for (uint32_t i = 0; w.sim.erases < before + 80; i++)
        ck_assert_int_eq(world_put_one(&w, 100 + i % 2, 2, 200), STORE_OK);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(store_check(w.store, 4), STORE_CORRUPT);
        ck_assert_int_eq(store_check(w.store, 5), STORE_OK);
        ck_assert_int_eq(world_mount(&w), STORE_OK);
    }
    ck_assert_int_eq(world_delete_one(&w, 4), STORE_OK);
    ck_assert_msg(world_matches(&w, &w.committed), "%s", w.failure);
}
END_TEST

static uint32_t seq_of(uint32_t segment)
{
    struct segment_header h;
    return header_decode(&h, base.image + segment * 4096 + HEADER_AT) ? h.seq : 0;
}

/* A segment that vanished is missed; but the newest, which nothing knows of. */
START_TEST(lost_segment)
{
    uint32_t newest = 0, missed = 0;
    for (uint32_t i = 0; i < 6; i++)
        newest = seq_of(i) > newest ? seq_of(i) : newest;
    for (uint32_t i = 0; i < 6; i++) {
        if (seq_of(i) == newest)
            continue;
        world_load(&w, &base);
        memset(w.sim.view + i * 4096, 0xFF, 4096);
        memset(w.sim.durable + i * 4096, 0xFF, 4096);
        ck_assert_int_eq(world_mount(&w), seq_of(i) ? STORE_CORRUPT : STORE_OK);
        missed += seq_of(i) != 0;
    }
    ck_assert_uint_ge(missed, 2);
}
END_TEST

/* ---------------------------------------------------------------- other formats */

START_TEST(newer_format)
{
    for (uint32_t i = 0; i < 2; i++) {
        world_load(&w, &base);
        w.sim.programs = w.sim.erases = 0;
        uint8_t *at = w.sim.view;
        if (i == 0) { /* the mark of any segment */
            at += 5 * 4096;
            at[5] = STORE_FORMAT + 1;
            const uint32_t crc = store_crc(0, at, 12);
            for (int k = 0; k < 4; k++)
                at[12 + k] = (uint8_t)(crc >> (24 - 8 * k));
        } else { /* the header of any segment */
            at += HEADER_AT;
            at[4] = 1;
            const uint32_t crc = store_crc(0, at, 28);
            for (int k = 0; k < 4; k++)
                at[28 + k] = (uint8_t)(crc >> (24 - 8 * k));
        }
        ck_assert_int_eq(world_mount(&w), STORE_VERSION);
        ck_assert_int_eq(store_begin(w.store), STORE_ARGUMENT);
        ck_assert_uint_eq(w.sim.programs + w.sim.erases, 0);
    }
}
END_TEST

/* The bytes of the format, so that it does not change unnoticed. */
START_TEST(format_is_frozen)
{
    static const uint8_t mark[16] = {'H', 'U', 'F', 'M', 0, 1, 0, 0, 0, 0, 0x10, 0};
    static const uint8_t header[24] = {'H', 'U', 'F', 'L', 0, 1, 0, 1, 0, 0, 0,    1,
                                       0,   0,   0,   1,   0, 0, 0, 0, 0, 0, 0x10, 0};
    static const uint8_t head[12] = {0x19, 3, 0, 5, 0, 0, 0, 1, 0, 0, 0, 1};
    ck_assert_mem_eq(base.image, mark, 12);
    ck_assert_mem_eq(base.image + HEADER_AT, header, 24);
    ck_assert_mem_eq(base.image + LOG_AT, head, 12);
    ck_assert_uint_eq(record_size(0), 64);
    ck_assert_uint_eq(record_size(1), 80);
    ck_assert_uint_eq(store_crc(0, "123456789", 9), 0xCBF43926);
}
END_TEST

/* ---------------------------------------------------------------- garbage */

static void use(void)
{
    enum store_result r = world_mount(&w);
    if (r != STORE_OK)
        return;
    for (uint32_t id = store_next(w.store, 0, 0), i = 0; id && i < 100; i++) {
        store_check(w.store, id);
        id = store_next(w.store, id, 0);
    }
    for (uint32_t i = 0; i < 30; i++)
        if (store_begin(w.store) == STORE_OK) {
            store_put(w.store, STORE_OBJECT, 1, 1 + i % 4, "garbage", 7);
            store_delete(w.store, 1 + i);
            store_commit(w.store);
        }
    store_mount(w.store);
}

START_TEST(garbage)
{
    test_seed();
    for (int i = 0; i < 300; i++) {
        test_random(w.sim.view, w.sim.size);
        if (i % 3 == 0)
            memset(w.sim.view, i, w.sim.size);
        memcpy(w.sim.durable, w.sim.view, w.sim.size);
        ck_assert_int_eq(world_mount(&w), STORE_BLANK);
    }
    ck_assert_int_eq(world_format(&w), STORE_OK);
    ck_assert_int_eq(world_put_one(&w, 1, 1, 100), STORE_OK);
    ck_assert_msg(world_sound(&w), "%s", w.failure);
}
END_TEST

/* A sound image with wild changes: stretches of other bytes, segments that change places. */
START_TEST(wild_changes)
{
    test_seed();
    for (int i = 0; i < 3000; i++) {
        world_load(&w, &base);
        for (uint32_t k = test_random_below(4) + 1; k > 0; k--) {
            const uint32_t at = test_random_below((uint32_t)w.sim.size - 600);
            if (test_random_below(4) == 0)
                memmove(w.sim.view + at / 4096 * 4096, w.sim.view + test_random_below(6) * 4096,
                        4096);
            else if (test_random_below(2))
                test_random(w.sim.view + at, test_random_below(500) + 1);
            else
                memset(w.sim.view + at, test_random_below(2) ? 0xFF : 0,
                       test_random_below(500) + 1);
        }
        memcpy(w.sim.durable, w.sim.view, w.sim.size);
        use();
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store damage");
    TCase *t = tcase_create("damage");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 600);
    tcase_add_test(t, flipped_bits);
    tcase_add_test(t, flipped_bits_after_compaction);
    tcase_add_test(t, flipped_bits_do_not_raise_the_dead);
    tcase_add_test(t, damage_before_the_last_transaction);
    tcase_add_test(t, segment_twice);
    tcase_add_test(t, damage_is_moved_not_hidden);
    tcase_add_test(t, lost_segment);
    tcase_add_test(t, newer_format);
    tcase_add_test(t, format_is_frozen);
    tcase_add_test(t, garbage);
    tcase_add_test(t, wild_changes);
    suite_add_tcase(s, t);
    return suite_run(s);
}
