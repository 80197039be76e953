#include "tests/power/scenarios.h"

/* ---------------------------------------------------------------- preparing */

static void nothing(struct world *w)
{
    (void)w;
}

static void few(struct world *w)
{
    for (uint32_t id = 1; id <= 8; id++)
        world_put_one(w, id, (uint8_t)(1 + id % 4), 20 * id);
    world_delete_one(w, 8);
}

/* Live records with garbage between them in every segment. */
static void worn(struct world *w)
{
    for (uint32_t i = 0; i < 72; i++) {
        if (i % 6 == 0)
            world_put_one(w, 1 + i / 6, (uint8_t)(1 + i % 4), 90);
        world_put_one(w, 20 + i % 3, 3, 180);
    }
}

/* As worn, and a record of n bytes makes the store compact: one small step before that happens. */
static void fill_until(struct world *w, size_t n)
{
    struct world_snapshot before;
    worn(w);
    for (;;) {
        const uint64_t erases = w->sim.erases;
        world_save(w, &before);
        world_put_one(w, 30, 2, n);
        const bool compacted = w->sim.erases != erases;
        world_load(w, &before);
        world_mount(w);
        world_forget(&before);
        if (compacted)
            return;
        world_put_one(w, 30, 2, 60);
    }
}

static void brimming(struct world *w)
{
    fill_until(w, 60);
}

/* The head has room for some copies, but not for the record that is to be put. */
static void roomy(struct world *w)
{
    fill_until(w, 1000);
}

static void full(struct world *w)
{
    uint32_t id = 1;
    while (id < 200 && world_put_one(w, id, 2, 200) == STORE_OK)
        id++;
    while (id < 300 && world_put_one(w, id, 2, 0) == STORE_OK)
        id++;
}

/* ---------------------------------------------------------------- acting */

static void format(struct world *w)
{
    world_format(w);
}

static void put(struct world *w)
{
    world_put_one(w, 100, 3, 333);
}

static void put_empty(struct world *w)
{
    world_put_one(w, 100, 3, 0);
}

static void replace(struct world *w)
{
    world_put_one(w, 3, 3, 77);
}

static void delete (struct world *w)
{
    world_delete_one(w, 4);
}

static void many(struct world *w)
{
    world_begin(w);
    for (uint32_t id = 2; id <= 5; id++)
        world_put(w, id, 3, 50);
    world_delete(w, 6);
    world_delete(w, 7);
    for (uint32_t id = 100; id < 110; id++)
        world_put(w, id, 2, 120);
    world_commit(w);
}

/* The same, written before it is waited for. */
static void many_in_two_steps(struct world *w)
{
    world_begin(w);
    for (uint32_t id = 2; id <= 5; id++)
        world_put(w, id, 3, 50);
    world_delete(w, 6);
    world_put(w, 100, 2, 120);
    if (world_commit_start(w) == STORE_OK)
        world_commit(w);
}

/* One id more than once: the versions in between are dead before the commit. */
static void override(struct world *w)
{
    world_begin(w);
    world_put(w, 3, 3, 60);
    world_put(w, 100, 3, 61);
    world_put(w, 3, 3, 62);
    world_delete(w, 100);
    world_delete(w, 4);
    world_put(w, 4, 2, 63);
    world_put(w, 100, 3, 64);
    world_commit(w);
}

/* More than a segment holds. */
static void wide(struct world *w)
{
    world_begin(w);
    for (uint32_t id = 1; id <= 5; id++)
        world_put(w, id, 3, 400);
    for (uint32_t id = 100; id < 105; id++)
        world_put(w, id, 3, 400);
    world_commit(w);
}

static void abandon(struct world *w)
{
    world_begin(w);
    world_put(w, 3, 3, 100);
    world_put(w, 101, 3, 100);
    world_delete(w, 2);
    world_abort(w);
    world_put_one(w, 102, 3, 40);
}

static void put_large(struct world *w)
{
    world_put_one(w, 100, 2, 1000);
}

/* Enough to compact several times, with a pinned segment in the middle of it. */
static void churn(struct world *w)
{
    for (int i = 0; i < 14; i++)
        world_put_one(w, 40 + (uint32_t)i % 2, 3, 250);
    world_begin(w);
    for (uint32_t id = 50; id < 58; id++)
        world_put(w, id, 2, 100);
    world_put(w, 2, 2, 100);
    world_delete(w, 3);
    world_commit(w);
}

/* More than two segments hold: compaction meets segments that only the open transaction uses. */
static void widest(struct world *w)
{
    world_begin(w);
    for (uint32_t id = 100; id < 125; id++)
        world_put(w, id, 3, 400);
    world_commit(w);
}

/* Transactions that lie in two segments, of which one has been compacted away. */
static void spread(struct world *w)
{
    worn(w);
    for (uint32_t part = 0; part < 2; part++) {
        world_begin(w);
        for (uint32_t id = 200; id < 212; id++)
            world_put(w, id + 20 * part, 3, 400);
        world_commit(w);
        world_begin(w);
        for (uint32_t id = 200; id < 212; id++)
            if ((id < 206) == (part == 0))
                world_delete(w, id + 20 * part);
        world_commit(w);
        churn(w);
        world_mount(w);
    }
}

static void delete_all(struct world *w)
{
    world_begin(w);
    for (uint32_t id = 1; id <= 12; id++)
        world_delete(w, id);
    world_commit(w);
}

static void swap_on_full(struct world *w)
{
    world_put_one(w, 1, 2, 200);
    world_delete_one(w, 2);
    world_put_one(w, 2, 2, 190);
}

static void remount(struct world *w)
{
    world_mount(w);
}

/* Restarts with work in between: how recovery meets what an earlier recovery left. */
static void restarts(struct world *w)
{
    for (uint32_t i = 0; i < 4; i++) {
        world_mount(w);
        world_put_one(w, 60 + i % 2, 3, 100);
    }
}

const struct scenario scenarios[] = {
    {"format", 6, 4096, few, format},
    {"format-worn", 4, 4096, worn, format},
    {"put-first", 6, 4096, nothing, put},
    {"put", 6, 4096, few, put},
    {"put-empty", 6, 4096, few, put_empty},
    {"replace", 6, 4096, few, replace},
    {"delete", 6, 4096, few, delete},
    {"many", 6, 4096, few, many},
    {"many-in-two-steps", 6, 4096, few, many_in_two_steps},
    {"override", 6, 4096, few, override},
    {"wide", 8, 4096, few, wide},
    {"abort", 6, 4096, few, abandon},
    {"compact-put", 5, 4096, brimming, put},
    {"compact-replace", 5, 4096, brimming, replace},
    {"compact-many", 5, 4096, brimming, many},
    {"compact-large", 5, 4096, roomy, put_large},
    {"compact-wide", 8, 4096, brimming, wide},
    {"compact-widest", 10, 4096, brimming, widest},
    {"compact-after-wide", 9, 4096, spread, churn},
    {"compact-churn", 5, 4096, brimming, churn},
    {"compact-smallest", 4, 4096, worn, churn},
    {"full-delete", 5, 4096, full, delete},
    {"full-delete-all", 4, 4096, full, delete_all},
    {"full-swap", 5, 4096, full, swap_on_full},
    {"grouped", 16, 4096, brimming, churn},
    {"mount", 6, 4096, few, remount},
    {"restarts", 5, 4096, brimming, restarts},
};

const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];
