#include "firmware/store/store.h"

#include <string.h>

#include "firmware/base/assume.h"
#include "firmware/base/wipe.h"
#include "firmware/store/internal.h"

static size_t align16(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

size_t store_memory(uint32_t max_records)
{
    return align16(sizeof(struct store)) + map_memory(max_records);
}

struct store *store_create(void *memory, uint32_t max_records, const struct hal_nvm *nvm,
                           const struct rng *rng)
{
    struct store *s = memory;
    memset(s, 0, sizeof *s);
    s->nvm = nvm;
    s->rng = rng;
    s->max_records = max_records;
    s->head = NONE;
    map_init(&s->map, (uint8_t *)memory + align16(sizeof *s), max_records);
    medium_geometry(s);
    return s;
}

void store_unmount(struct store *s)
{
    for (int i = 0; i < STORE_CLASSES; i++)
        store_clear_key(s, (enum store_class)i);
    map_clear(&s->map);
    wipe(&s->t, sizeof s->t);
    wipe(&s->held, sizeof s->held);
    s->life = LIFE_CREATED;
}

void store_set_key(struct store *s, enum store_class cls, const uint8_t key[STORE_KEY])
{
    if ((unsigned)cls >= STORE_CLASSES)
        return;
    s->key_set[cls] = hmac_init(&s->key[cls], HASH_SM3, key, STORE_KEY) == 0;
}

void store_clear_key(struct store *s, enum store_class cls)
{
    if ((unsigned)cls >= STORE_CLASSES)
        return;
    wipe(&s->key[cls], sizeof s->key[cls]);
    s->key_set[cls] = false;
}

enum store_result store_fault(struct store *s)
{
    s->life = LIFE_FAILED;
    s->t.open = false;
    wipe(&s->held, sizeof s->held);
    return STORE_FAULT;
}

/* STORE_OK when the store can be used, and a transaction is open if one is needed. */
static enum store_result ready(const struct store *s, bool transaction)
{
    if (s->life == LIFE_FAILED)
        return STORE_FAULT;
    return s->life == LIFE_MOUNTED && (!transaction || s->t.open) ? STORE_OK : STORE_ARGUMENT;
}

/* ---------------------------------------------------------------- accounts */

void forget(struct store *s, uint32_t id)
{
    struct entry e;
    if (!map_find(&s->map, id, &e))
        return;
    s->segment[place_segment(s, e.place)].live -= record_size(e.n);
    s->live -= record_size(e.n);
    map_remove(&s->map, id);
}

void learn(struct store *s, const struct entry *e)
{
    struct entry old;
    if (map_find(&s->map, e->id, &old)) {
        s->segment[place_segment(s, old.place)].live -= record_size(old.n);
        s->live -= record_size(old.n);
    }
    s->segment[place_segment(s, e->place)].live += record_size(e->n);
    s->live += record_size(e->n);
    map_put(&s->map, e);
}

/* ---------------------------------------------------------------- transaction */

enum store_result store_begin(struct store *s)
{
    enum store_result r = ready(s, false);
    if (r != STORE_OK)
        return r;
    if (s->t.open)
        return STORE_ARGUMENT;
    s->t.open = true;
    s->t.written = false;
    s->t.calls = s->t.changes = 0;
    s->t.records = s->map.count;
    s->t.bytes = 0;
    s->t.live = s->live;
    s->held.used = false;
    return STORE_OK;
}

static struct change *find_change(struct store *s, uint32_t id)
{
    for (uint32_t i = 0; i < s->t.changes; i++)
        if (s->t.change[i].id == id)
            return &s->t.change[i];
    return NULL;
}

/* The change of this id, a new one when there is none yet; it is counted by `count` only. */
static struct change *add_change(struct store *s, uint32_t id)
{
    struct change *c = find_change(s, id);
    if (c == NULL) {
        struct entry e;
        c = &s->t.change[s->t.changes];
        *c = (struct change){.id = id};
        if (map_find(&s->map, id, &e)) {
            c->put = true;
            c->n = e.n;
        }
    }
    return c;
}

/* Write what is held. */
static enum store_result flush(struct store *s, uint8_t flags)
{
    struct held *h = &s->held;
    if (!h->used)
        return STORE_OK;
    const uint32_t n = record_bytes(&h->record);
    enum store_result r = log_room(s, n);
    if (r != STORE_OK)
        return r;
    if (!s->t.written) {
        s->t.written = true;
        s->t.first_seq = s->seq;
        s->txn++;
        flags |= FLAG_BEGIN;
    }
    h->record.flags = flags;
    h->record.txn = s->txn;
    const uint32_t place = log_append(s, &h->record, h->bytes);
    if (place == 0)
        return store_fault(s);
    if (h->record.kind == RECORD_PUT)
        s->t.change[h->change].place = place;
    h->used = false;
    return STORE_OK;
}

/* Bytes of the held record if it would put this id. */
static uint32_t held_put(const struct store *s, uint32_t id)
{
    const struct record *r = &s->held.record;
    return s->held.used && r->kind == RECORD_PUT && r->id == id ? record_size(r->n) : 0;
}

/*
 * FULL is decided here, by arithmetic alone: what will live must fit, and so must all versions
 * together while the transaction is open. log_room never fails within these bounds.
 */
static bool fits(const struct store *s, const struct change *c, uint32_t n)
{
    const uint32_t now = c->put ? record_size(c->n) : 0, size = record_size(n);
    return s->t.records + (c->put ? 0 : 1) <= s->max_records &&
           s->t.live - now + size <= s->capacity &&
           s->live + s->t.bytes - held_put(s, c->id) + size <= s->limit;
}

/* Make way for a change of id: write what is held unless it is replaced, scrub what was written of
 * it. */
static enum store_result supersede(struct store *s, struct change *c)
{
    if (s->held.used && s->held.record.id == c->id) {
        s->t.bytes -= held_put(s, c->id);
        s->held.used = false;
    }
    enum store_result r = flush(s, 0);
    if (r != STORE_OK)
        return r;
    if (c->place && log_scrub(s, c->place))
        return store_fault(s);
    c->place = 0;
    return STORE_OK;
}

/* Enter the change and hold its record. */
static void hold(struct store *s, struct change *c, const struct record *r)
{
    const bool put = r->kind == RECORD_PUT;
    if (c == &s->t.change[s->t.changes])
        s->t.changes++;
    s->t.calls++;
    s->t.records = s->t.records + put - c->put;
    s->t.live = s->t.live - (c->put ? record_size(c->n) : 0) + (put ? record_size(r->n) : 0);
    s->t.bytes += put ? record_size(r->n) : 0;
    c->put = put;
    c->n = r->n;
    c->type = r->type;
    s->held.record = *r;
    s->held.change = (uint32_t)(c - s->t.change);
    s->held.used = true;
}

enum store_result store_put(struct store *s, enum store_class cls, uint8_t type, uint32_t id,
                            const void *data, size_t n)
{
    enum store_result r = ready(s, true);
    if (r != STORE_OK)
        return r;
    if (id == 0 || (unsigned)cls >= STORE_CLASSES || n > s->max_data || (n && data == NULL) ||
        s->t.calls == STORE_MAX_CHANGES)
        return STORE_ARGUMENT;
    if (!s->key_set[cls])
        return STORE_LOCKED;
    struct change *c = add_change(s, id);
    if (!fits(s, c, (uint32_t)n))
        return STORE_FULL;
    r = supersede(s, c);
    if (r != STORE_OK)
        return r;
    const struct record record = {
        .kind = RECORD_PUT, .cls = (uint8_t)cls, .type = type, .n = (uint16_t)n, .id = id};
    if (seal(s, &record, n ? data : "", s->held.bytes))
        return store_fault(s);
    hold(s, c, &record);
    return STORE_OK;
}

enum store_result store_delete(struct store *s, uint32_t id)
{
    enum store_result r = ready(s, true);
    if (r != STORE_OK)
        return r;
    if (id == 0 || s->t.calls == STORE_MAX_CHANGES)
        return STORE_ARGUMENT;
    struct change *c = add_change(s, id);
    if (!c->put)
        return STORE_ABSENT;
    r = supersede(s, c);
    if (r != STORE_OK)
        return r;
    const struct record record = {.kind = RECORD_DELETE, .id = id};
    hold(s, c, &record);
    return STORE_OK;
}

/* Bring the map up to date and make the old versions unreadable. */
static int settle(struct store *s)
{
    uint32_t scrubbed = 0;
    for (int put = 0; put < 2; put++) { /* deletions first: the map may be full */
        for (uint32_t i = 0; i < s->t.changes; i++) {
            const struct change *c = &s->t.change[i];
            struct entry old;
            if (c->put != put)
                continue;
            if (map_find(&s->map, c->id, &old)) {
                if (log_scrub(s, old.place))
                    return -1;
                scrubbed++;
            }
            const struct entry e = {.id = c->id, .place = c->place, .n = c->n, .type = c->type};
            if (put)
                learn(s, &e);
            else
                forget(s, c->id);
        }
    }
    return scrubbed ? medium_sync(s) : 0;
}

enum store_result store_commit(struct store *s)
{
    enum store_result r = ready(s, true);
    if (r != STORE_OK)
        return r;
    if (s->t.calls) {
        r = flush(s, FLAG_COMMIT);
        if (r != STORE_OK) {
            store_abort(s);
            return r;
        }
        if (medium_sync(s) || settle(s))
            return store_fault(s);
    }
    s->t.open = false;
    return STORE_OK;
}

enum store_result store_commit_start(struct store *s)
{
    enum store_result r = ready(s, true);
    if (r != STORE_OK || !s->t.calls)
        return r;
    r = flush(s, FLAG_COMMIT);
    if (r != STORE_OK)
        store_abort(s);
    else if (s->nvm->sync_start)
        s->nvm->sync_start(s->nvm->ctx);
    return r;
}

/* What was written of it stays in the log without COMMIT, and without its salts. */
void store_abort(struct store *s)
{
    if (ready(s, true) != STORE_OK)
        return;
    s->t.open = false;
    wipe(&s->held, sizeof s->held);
    if (!s->t.written)
        return;
    for (uint32_t i = 0; i < s->t.changes; i++)
        if (s->t.change[i].place && log_scrub(s, s->t.change[i].place)) {
            store_fault(s);
            return;
        }
    if (medium_sync(s))
        store_fault(s);
}

/* ---------------------------------------------------------------- reading */

/* Where a record is, whether it may be opened, and its whole bytes in scratch. */
static enum store_result fetch(struct store *s, uint32_t id, struct entry *e, struct record *r)
{
    enum store_result result = ready(s, false);
    if (result != STORE_OK)
        return result;
    if (!map_find(&s->map, id, e))
        return STORE_ABSENT;
    if (medium_read(s, place_segment(s, e->place), place_at(s, e->place), s->scratch,
                    record_size(e->n)))
        return store_fault(s);
    record_decode(r, 0, 0, s->scratch); /* the seal covers what the CRC does, but the class */
    if (r->kind != RECORD_PUT || r->id != id || r->type != e->type || r->n != e->n ||
        r->cls >= STORE_CLASSES)
        return STORE_CORRUPT;
    return s->key_set[r->cls] ? STORE_OK : STORE_LOCKED;
}

/* Read and open a record, again when that fails: the fault may be in the reading. out NULL: in
 * place. */
static enum store_result open_record(struct store *s, uint32_t id, uint8_t *type, uint8_t *out,
                                     size_t *n)
{
    enum store_result result = STORE_CORRUPT;
    for (int i = 0; i < READ_TRIES && result == STORE_CORRUPT; i++) {
        struct entry e;
        struct record r;
        const size_t room = *n;
        result = fetch(s, id, &e, &r);
        if (result != STORE_OK)
            continue;
        *n = e.n;
        if (type)
            *type = e.type;
        if (room < e.n)
            return STORE_ARGUMENT;
        if (unseal(s, &r, s->scratch, out ? out : s->scratch + HEAD_SIZE + AREA_SIZE))
            result = STORE_CORRUPT;
        if (result != STORE_OK)
            *n = room;
    }
    return result;
}

enum store_result store_get(struct store *s, uint32_t id, uint8_t *type, void *data, size_t *n)
{
    return open_record(s, id, type, data, n);
}

enum store_result store_check(struct store *s, uint32_t id)
{
    size_t n = STORE_MAX_DATA;
    enum store_result result = open_record(s, id, NULL, NULL, &n);
    wipe(s->scratch, sizeof s->scratch);
    return result;
}

bool store_has(const struct store *s, uint32_t id, uint8_t *type)
{
    struct entry e;
    if (s->life != LIFE_MOUNTED || !map_find(&s->map, id, &e))
        return false;
    if (type)
        *type = e.type;
    return true;
}

uint32_t store_next(const struct store *s, uint32_t after, uint8_t type)
{
    struct cursor c;
    struct entry e;
    if (s->life != LIFE_MOUNTED || after == UINT32_MAX)
        return 0;
    for (bool more = map_seek(&s->map, after + 1, &c); more; more = map_step(&s->map, &c)) {
        map_at(&s->map, &c, &e);
        if (type == 0 || e.type == type)
            return e.id;
    }
    return 0;
}

uint32_t store_count(const struct store *s, uint8_t type)
{
    if (s->life != LIFE_MOUNTED)
        return 0;
    return type ? s->map.of_type[type] : s->map.count;
}

void store_stat(const struct store *s, struct store_stat *out)
{
    *out = (struct store_stat){.records = store_count(s, 0),
                               .max_records = s->max_records,
                               .live_bytes = s->life == LIFE_MOUNTED ? s->live : 0,
                               .capacity_bytes = s->capacity,
                               .segments = s->count,
                               .erases = s->erases};
    out->record_max = s->max_data;
}
