#include "tests/lib/nvm_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char marker[] = "in clear: ";

static bool wrong(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool wrong(struct world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (w->failure[0] == 0)
        vsnprintf(w->failure, sizeof w->failure, format, args);
    va_end(args);
    return false;
}

static void *memory(void *old, size_t n)
{
    void *p = realloc(old, n);
    if (p == NULL) {
        fputs("nvm_world: no memory\n", stderr);
        exit(1);
    }
    return p;
}

/* ---------------------------------------------------------------- random bytes, remembered */

static int draw(void *ctx, void *out, size_t n)
{
    struct world *w = ctx;
    uint8_t *p = out;
    for (size_t i = 0; i < n; i++) {
        w->random = w->random * 6364136223846793005u + 1442695040888963407u;
        p[i] = (uint8_t)(w->random >> 56);
    }
    if (n == WORLD_SALT) {
        if (w->salts == w->salt_room) {
            w->salt_room = 2 * w->salt_room + 64;
            w->salt = memory(w->salt, w->salt_room * sizeof *w->salt);
        }
        memcpy(w->salt[w->salts++], out, n);
    }
    return 0;
}

/* ---------------------------------------------------------------- life */

static void create(struct world *w)
{
    static const uint8_t system[STORE_KEY] = {1}, object[STORE_KEY] = {2};
    free(w->store);
    void *p = aligned_alloc(16, store_memory(w->max_records));
    if (p == NULL)
        exit(1);
    w->store = store_create(p, w->max_records, &w->sim.nvm, &w->rng);
    store_set_key(w->store, STORE_SYSTEM, system);
    store_set_key(w->store, STORE_OBJECT, object);
}

void world_open(struct world *w, uint32_t segments, uint32_t segment_size, uint32_t unit,
                uint32_t max_records)
{
    memset(w, 0, sizeof *w);
    nvm_sim_open(&w->sim, segments, segment_size, unit);
    w->rng = (struct rng){draw, w};
    w->max_records = max_records;
    w->random = 1;
    w->committed.blank = w->pending.blank = true;
    create(w);
}

void world_close(struct world *w)
{
    nvm_sim_close(&w->sim);
    free(w->store);
    free(w->salt);
    memset(w, 0, sizeof *w);
}

enum store_result world_mount(struct world *w)
{
    create(w);
    return store_mount(w->store);
}

enum store_result world_format(struct world *w)
{
    if (!w->sim.dead)
        memset(&w->pending, 0, sizeof w->pending);
    enum store_result r = store_format(w->store);
    if (r == STORE_OK)
        w->committed = w->pending;
    return r;
}

/* ---------------------------------------------------------------- transactions */

static void contents(uint32_t id, uint32_t version, uint8_t *out, size_t n)
{
    uint32_t x = id * 2654435761u + version;
    for (size_t i = 0; i < n; i++) {
        if (n > sizeof marker + 4 && i < sizeof marker - 1) {
            out[i] = (uint8_t)marker[i];
            continue;
        }
        x = x * 1664525u + 1013904223u;
        out[i] = (uint8_t)(x >> 24);
    }
}

/* Odd types are sealed with the system key, even ones with the object key. */
static enum store_class class_of(uint8_t type)
{
    return type % 2 ? STORE_SYSTEM : STORE_OBJECT;
}

enum store_result world_begin(struct world *w)
{
    if (!w->sim.dead)
        w->begun = w->salts;
    w->staged = w->committed;
    return store_begin(w->store);
}

enum store_result world_put(struct world *w, uint32_t id, uint8_t type, size_t n)
{
    uint8_t data[STORE_MAX_DATA + 1];
    const uint32_t version = ++w->versions;
    contents(id, version, data, n);
    enum store_result r = store_put(w->store, class_of(type), type, id, data, n);
    memset(data, 0xA5, sizeof data); /* it must have been copied */
    if (r != STORE_OK)
        return r;
    struct world_record *k = &w->staged.record[id];
    *k = (struct world_record){.present = true, .type = type, .n = (uint16_t)n, .version = version};
    memcpy(k->salt, w->salt[w->salts - 1], WORLD_SALT);
    return r;
}

enum store_result world_delete(struct world *w, uint32_t id)
{
    enum store_result r = store_delete(w->store, id);
    if (r == STORE_OK)
        w->staged.record[id].present = false;
    return r;
}

enum store_result world_commit(struct world *w)
{
    if (!w->sim.dead)
        w->pending = w->staged;
    enum store_result r = store_commit(w->store);
    if (r == STORE_OK) {
        w->committed = w->pending;
        w->begun = w->salts;
    }
    return r;
}

enum store_result world_commit_start(struct world *w)
{
    if (!w->sim.dead)
        w->pending = w->staged;
    return store_commit_start(w->store);
}

void world_abort(struct world *w)
{
    store_abort(w->store);
    if (!w->sim.dead)
        w->begun = w->salts;
    w->staged = w->committed;
}

enum store_result world_put_one(struct world *w, uint32_t id, uint8_t type, size_t n)
{
    enum store_result r = world_begin(w);
    if (r == STORE_OK)
        r = world_put(w, id, type, n);
    if (r == STORE_OK)
        return world_commit(w);
    world_abort(w);
    return r;
}

enum store_result world_delete_one(struct world *w, uint32_t id)
{
    enum store_result r = world_begin(w);
    if (r == STORE_OK)
        r = world_delete(w, id);
    if (r == STORE_OK)
        return world_commit(w);
    world_abort(w);
    return r;
}

/* ---------------------------------------------------------------- comparison */

static bool record_matches(struct world *w, uint32_t id, const struct world_record *k)
{
    uint8_t expected[STORE_MAX_DATA], got[STORE_MAX_DATA], type = 0;
    size_t n = sizeof got;
    enum store_result r = store_get(w->store, id, &type, got, &n);
    if (store_has(w->store, id, NULL) != k->present)
        return wrong(w, "id %u is%s there", id, k->present ? " not" : "");
    if (!k->present)
        return r == STORE_ABSENT || wrong(w, "id %u: get of an absent record gives %d", id, r);
    contents(id, k->version, expected, k->n);
    if (r != STORE_OK || type != k->type || n != k->n || memcmp(got, expected, n))
        return wrong(w, "id %u: get gives %d, type %u, %zu bytes", id, r, type, n);
    return true;
}

static bool order_matches(struct world *w, const struct world_state *state)
{
    uint32_t id = 0, count = 0, odd = 0;
    for (uint32_t i = 1; i < WORLD_IDS; i++) {
        if (!state->record[i].present)
            continue;
        count++;
        odd += state->record[i].type == 3;
        id = store_next(w->store, id, 0);
        if (id != i)
            return wrong(w, "store_next gives %u where %u should be", id, i);
    }
    if (store_next(w->store, id, 0) != 0)
        return wrong(w, "store_next finds more than there is");
    return (store_count(w->store, 0) == count && store_count(w->store, 3) == odd) ||
           wrong(w, "store_count gives %u for %u", store_count(w->store, 0), count);
}

bool world_matches(struct world *w, const struct world_state *state)
{
    for (uint32_t i = 1; i < WORLD_IDS; i++)
        if (!record_matches(w, i, &state->record[i]))
            return false;
    return order_matches(w, state);
}

static uint64_t word(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

enum { TABLE = 1 << 14 };

static void add_word(uint64_t *table, uint64_t x)
{
    size_t i = (size_t)(x % TABLE);
    while (table[i] && table[i] != x)
        i = (i + 1) % TABLE;
    table[i] = x;
}

static bool has_word(const uint64_t *table, uint64_t x)
{
    size_t i = (size_t)(x % TABLE);
    while (table[i] && table[i] != x)
        i = (i + 1) % TABLE;
    return table[i] == x && x;
}

/* Both lines that a salt touches are looked for, on every line of the medium. */
static bool salts_gone(struct world *w, const struct world_state *state, size_t end)
{
    static uint64_t table[TABLE], live[TABLE];
    memset(table, 0, sizeof table);
    memset(live, 0, sizeof live);
    const size_t first = end > TABLE / 8 ? end - TABLE / 8 : 0;
    for (uint32_t i = 0; i < WORLD_IDS; i++)
        if (!state->blank && state->record[i].present)
            add_word(live, word(state->record[i].salt));
    for (size_t i = first; i < end; i++) {
        if (has_word(live, word(w->salt[i])))
            continue;
        add_word(table, word(w->salt[i]));
        add_word(table, word(w->salt[i] + 16));
    }
    for (size_t i = 0; i + 16 <= w->sim.size; i += 16)
        if (has_word(table, word(w->sim.view + i)))
            return wrong(w, "the salt of a dead record is at %zu", i);
    return true;
}

bool world_secret(struct world *w, const struct world_state *state)
{
    if (w->sim.violation)
        return wrong(w, "%s", w->sim.violation);
    if (nvm_sim_contains(&w->sim, marker, sizeof marker - 1))
        return wrong(w, "plaintext is on the medium");
    return salts_gone(w, state, w->salts);
}

bool world_secret_raw(struct world *w)
{
    return salts_gone(w, &w->committed, w->begun);
}

bool world_sound(struct world *w)
{
    return world_matches(w, &w->committed) && world_secret(w, &w->committed);
}

/* Short records may look the same before and after; their salts do not. */
const struct world_state *world_recovered(struct world *w)
{
    char first[sizeof w->failure];
    if (world_sound(w))
        return &w->committed;
    memcpy(first, w->failure, sizeof first);
    w->failure[0] = 0;
    if (world_matches(w, &w->pending) && world_secret(w, &w->pending))
        return &w->pending;
    char second[sizeof w->failure];
    memcpy(second, w->failure, sizeof second);
    w->failure[0] = 0;
    wrong(w, "not before (%.60s) nor after (%.60s)", first, second);
    return NULL;
}

/* ---------------------------------------------------------------- snapshots */

void world_save(const struct world *w, struct world_snapshot *s)
{
    s->image = memory(NULL, w->sim.size);
    nvm_sim_save(&w->sim, s->image);
    s->random = w->random;
    s->versions = w->versions;
    s->salts = w->salts;
    s->committed = w->committed;
}

void world_load(struct world *w, const struct world_snapshot *s)
{
    nvm_sim_load(&w->sim, s->image);
    w->random = s->random;
    w->versions = s->versions;
    w->salts = s->salts;
    w->committed = w->pending = w->staged = s->committed;
    w->begun = s->salts;
    w->failure[0] = 0;
    w->sim.violation = NULL;
}

void world_forget(struct world_snapshot *s)
{
    free(s->image);
    s->image = NULL;
}
