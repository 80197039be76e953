/* Long random histories of the store beside a model: every answer, every remount, every power cut.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/nvm_world.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

static struct world w;

static size_t random_size(size_t most)
{
    static const size_t edges[] = {0, 1, 15, 16, 17, 64};
    const uint32_t kind = test_random_below(10);
    if (kind < 6)
        return test_random_below(120);
    return kind < 9 ? edges[test_random_below(6)] : test_random_below((uint32_t)most + 1);
}

static uint64_t record_bytes(size_t n)
{
    return (16 + 32 + n + 16 + 15) / 16 * 16;
}

/* What all records of the staged state take. */
static uint64_t staged_bytes(void)
{
    uint64_t sum = 0;
    for (uint32_t id = 0; id < WORLD_IDS; id++)
        if (w.staged.record[id].present)
            sum += record_bytes(w.staged.record[id].n);
    return sum;
}

static uint32_t staged_records(void)
{
    uint32_t count = 0;
    for (uint32_t id = 0; id < WORLD_IDS; id++)
        count += w.staged.record[id].present;
    return count;
}

/* FULL only when the arithmetic of docs/store.md says so: the first put of a transaction exactly.
 */
static void check_full(enum store_result r, uint32_t id, size_t n, bool first)
{
    struct store_stat st;
    const struct world_record *k = &w.staged.record[id];
    store_stat(w.store, &st);
    const uint64_t now = k->present ? record_bytes(k->n) : 0;
    const bool over = staged_bytes() - now + record_bytes(n) > st.capacity_bytes ||
                      staged_records() + !k->present > st.max_records;
    ck_assert_msg(r == STORE_OK || r == STORE_FULL, "put gives %d", r);
    if (over)
        ck_assert_int_eq(r, STORE_FULL);
    else if (first && n <= 120)
        ck_assert_int_eq(r, STORE_OK);
}

static void random_put(uint32_t ids, size_t most, bool first)
{
    const uint32_t id = 1 + test_random_below(ids);
    const size_t n = random_size(most);
    const struct world_state before = w.staged;
    enum store_result r = world_put(&w, id, (uint8_t)test_random_below(6), n);
    const struct world_state after = w.staged;
    w.staged = before;
    check_full(r, id, n, first);
    w.staged = after;
}

static void random_transaction(uint32_t ids, size_t most)
{
    const uint32_t changes = test_random_below(8) ? test_random_below(4) : test_random_below(65);
    ck_assert_int_eq(world_begin(&w), STORE_OK);
    for (uint32_t i = 0; i < changes; i++) {
        const uint32_t id = 1 + test_random_below(ids);
        const bool there = w.staged.record[id].present;
        if (test_random_below(3))
            random_put(ids, most, i == 0);
        else
            ck_assert_int_eq(world_delete(&w, id), there ? STORE_OK : STORE_ABSENT);
    }
    if (test_random_below(8))
        ck_assert_int_eq(world_commit(&w), STORE_OK);
    else
        world_abort(&w);
}

/* A power cut somewhere in the next transactions; after it the model follows what the store says it
 * is. */
static void random_cut(uint32_t ids, size_t most)
{
    nvm_sim_cut(&w.sim, w.sim.count + test_random_below(60),
                (enum nvm_cut)test_random_below(NVM_CUT_KINDS), test_random_below(1u << 30));
    while (!w.sim.dead) {
        if (world_begin(&w) != STORE_OK)
            break;
        for (uint32_t i = test_random_below(5); i > 0 && !w.sim.dead; i--) {
            if (test_random_below(3))
                world_put(&w, 1 + test_random_below(ids), 3, random_size(most));
            else
                world_delete(&w, 1 + test_random_below(ids));
        }
        if (world_commit(&w) != STORE_OK)
            world_abort(&w);
    }
    ck_assert_msg(world_secret_raw(&w), "%s", w.failure);
    nvm_sim_power_on(&w.sim);
    ck_assert_int_eq(world_mount(&w), STORE_OK);
    const struct world_state *state = world_recovered(&w);
    ck_assert_msg(state != NULL, "%s", w.failure);
    w.committed = w.pending = *state;
}

static void history(uint32_t segments, uint32_t size, uint32_t unit, uint32_t ids, uint32_t steps,
                    uint64_t flips)
{
    size_t most = (size - 80) / 3 / 16 * 16 - 64; /* a third of a segment */
    if (segments / 2 >= 8 && size < 16384)
        most *= 2; /* two make one */
    if (most > STORE_MAX_DATA)
        most = STORE_MAX_DATA;
    world_open(&w, segments, size, unit, ids * 3 / 4);
    ck_assert_int_eq(world_format(&w), STORE_OK);
    w.sim.flip_read = flips;
    for (uint32_t i = 0; i < steps; i++) {
        random_transaction(ids, most);
        if (test_random_below(10) == 0)
            random_cut(ids, most);
        if (test_random_below(20) == 0)
            ck_assert_int_eq(world_mount(&w), STORE_OK);
        if (i % 8 == 0)
            ck_assert_msg(world_sound(&w), "step %u: %s", i, w.failure);
    }
    ck_assert_msg(world_sound(&w), "%s", w.failure);
    ck_assert_uint_gt(w.sim.erases, segments);
    world_close(&w);
}

START_TEST(smallest)
{
    test_seed();
    history(4, 4096, 16, 12, 4000, 0);
}
END_TEST

START_TEST(small)
{
    test_seed();
    history(6, 4096, 1, 40, 3000, 0);
    history(5, 8192, 8, 60, 2000, 0);
}
END_TEST

START_TEST(grouped)
{
    test_seed();
    history(16, 4096, 4, 120, 2000, 0);
}
END_TEST

START_TEST(larger)
{
    test_seed();
    history(6, 65536, 2, 500, 2500, 0);
}
END_TEST

/* A bit of every 37th read flips on its way: nobody notices. */
START_TEST(flipping_reads)
{
    test_seed();
    history(6, 4096, 16, 40, 3000, 37);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store model");
    TCase *t = tcase_create("histories");
    tcase_set_timeout(t, 600);
    tcase_add_test(t, smallest);
    tcase_add_test(t, small);
    tcase_add_test(t, grouped);
    tcase_add_test(t, larger);
    tcase_add_test(t, flipping_reads);
    suite_add_tcase(s, t);
    return suite_run(s);
}
