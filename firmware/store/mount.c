/* Recovery: read the log once, decide, then write what the last cut left to do (docs/store.md). */
#include <string.h>

#include "firmware/store/crc.h"
#include "firmware/store/internal.h"

/* The pass over the log. The records of the transaction that is being read wait in s->t.change. */
struct scan {
    struct store *s;
    uint32_t segment, seed, at; /* where it is */
    uint32_t newest;
    bool orphan; /* the segment before is gone: what has no BEGIN was committed */
    bool open;   /* in a transaction */
    bool
        complete; /* its COMMIT was read, but a record of it is damaged: cut, unless more follows */
    uint32_t commit_at; /* complete: where COMMIT is */
    uint32_t salted;    /* records that have not been scrubbed */
    bool ended;
};

static bool is_newest(const struct scan *c)
{
    return c->segment == c->newest;
}

/* ---------------------------------------------------------------- the transaction being read */

static enum store_result insert(struct store *s, const struct entry *e)
{
    struct entry old;
    if (s->map.count == s->max_records && !map_find(&s->map, e->id, &old))
        return STORE_FULL;
    learn(s, e);
    return STORE_OK;
}

static enum store_result apply(struct scan *c, bool deletions)
{
    struct store *s = c->s;
    for (uint32_t i = 0; i < s->t.changes; i++) {
        const struct change *k = &s->t.change[i];
        const struct entry e = {.id = k->id, .place = k->place, .n = k->n, .type = k->type};
        if (k->put) {
            enum store_result r = insert(s, &e);
            if (r != STORE_OK)
                return r;
        } else if (deletions) {
            forget(s, k->id);
        }
    }
    s->t.changes = 0;
    c->open = c->complete = false;
    return STORE_OK;
}

/* Something follows that was written after the last transaction had been synced. */
static enum store_result proceed(struct scan *c)
{
    return c->complete ? apply(c, true) : STORE_OK;
}

/* 1: the body is what its CRC says, 0, -1. Only the newest segment can hold torn ones. */
static int body_valid(struct scan *c, const struct record *r, const uint8_t *area)
{
    struct store *s = c->s;
    const uint32_t skip = HEAD_SIZE + AREA_SIZE, n = record_size(r->n) - skip;
    if (!is_newest(c))
        return 1;
    if (!area_valid(area))
        return 0;
    for (int i = 0; i < READ_TRIES; i++) {
        if (medium_read(s, c->segment, c->at + skip, s->scratch, n))
            return -1;
        if (store_crc(0, s->scratch, n) == area_body_crc(area))
            return 1;
    }
    return 0;
}

static enum store_result take_put(struct scan *c, const struct record *r, const uint8_t *area)
{
    struct store *s = c->s;
    c->salted += !all_bytes(area, AREA_SIZE, 0);
    if (area_dead(area)) /* whatever the log says */
        return STORE_OK;
    int valid = body_valid(c, r, area);
    if (valid < 0)
        return STORE_FAULT;
    s->t.change[s->t.changes++] = (struct change){.id = r->id,
                                                  .place = place_of(s, c->segment, c->at),
                                                  .n = r->n,
                                                  .type = r->type,
                                                  .put = true,
                                                  .damaged = !valid};
    return STORE_OK;
}

/* A change of the transaction is damaged. One that a later change of it replaced does not count: it
 * may be half scrubbed, by the transaction itself or by a recovery that had found it complete. */
static bool damaged(const struct store *s)
{
    for (uint32_t i = 0; i < s->t.changes; i++) {
        bool last = true;
        for (uint32_t j = i + 1; j < s->t.changes; j++)
            last &= s->t.change[j].id != s->t.change[i].id;
        if (last && s->t.change[i].damaged)
            return true;
    }
    return false;
}

static enum store_result take_change(struct scan *c, const struct record *r, const uint8_t *area)
{
    struct store *s = c->s;
    enum store_result result = proceed(c);
    if (result != STORE_OK)
        return result;
    if (r->flags & FLAG_BEGIN)
        s->t.changes = 0; /* one that was open has been aborted */
    else if (!c->open && !c->orphan)
        return STORE_CORRUPT;
    c->open = true;
    c->orphan = false;
    if ((int32_t)(r->txn - s->txn) >
        0) /* the newest header knows later ones than the log may hold */
        s->txn = r->txn;
    if (s->t.changes == STORE_MAX_CHANGES)
        return STORE_CORRUPT;
    if (r->kind == RECORD_DELETE)
        s->t.change[s->t.changes++] = (struct change){.id = r->id};
    else
        result = take_put(c, r, area);
    if (result == STORE_OK && r->flags & FLAG_COMMIT) {
        c->complete = true;
        c->commit_at = c->at;
        if (!damaged(s))
            result = apply(c, true);
    }
    return result;
}

/* A copy of a record that is still known is what an unfinished compaction left: the original rules.
 */
static enum store_result take_copy(struct scan *c, const struct record *r, const uint8_t *area)
{
    struct store *s = c->s;
    struct entry e;
    enum store_result result = proceed(c);
    c->salted += !all_bytes(area, AREA_SIZE, 0);
    if (result != STORE_OK || area_dead(area))
        return result;
    if (map_find(&s->map, r->id, &e))
        return STORE_OK;
    e = (struct entry){
        .id = r->id, .place = place_of(s, c->segment, c->at), .n = r->n, .type = r->type};
    return insert(s, &e);
}

/* ---------------------------------------------------------------- segments */

static enum store_result scan_records(struct scan *c)
{
    struct store *s = c->s;
    struct record r;
    uint8_t area[AREA_SIZE];
    int valid;
    while ((valid = medium_record(s, c->segment, c->seed, c->at, &r, area)) == 1) {
        enum store_result result = STORE_OK;
        if (r.kind == RECORD_END) {
            c->ended = true;
            return STORE_OK;
        }
        if (r.kind == RECORD_VOID)
            result = proceed(c);
        else if (r.flags & FLAG_COPY)
            result = take_copy(c, &r, area);
        else
            result = take_change(c, &r, area);
        if (result != STORE_OK)
            return result;
        c->at += record_bytes(&r);
    }
    return valid < 0 ? STORE_FAULT : STORE_OK;
}

/* A closed segment ends with END; with zeros where a cut was cleaned up; or where there is no room.
 */
static enum store_result closed(struct scan *c)
{
    uint8_t head[HEAD_SIZE];
    if (c->ended || c->at + HEAD_SIZE > c->s->size)
        return STORE_OK;
    for (int i = 0; i < READ_TRIES; i++) {
        if (medium_read(c->s, c->segment, c->at, head, sizeof head))
            return STORE_FAULT;
        if (all_bytes(head, sizeof head, 0))
            return STORE_OK;
    }
    return STORE_CORRUPT;
}

static enum store_result scan_log(struct scan *c)
{
    struct store *s = c->s;
    struct segment_header h;
    uint32_t seq = 0;
    for (uint32_t i = survey_after(s, 0); i != NONE; i = survey_after(s, seq)) {
        const bool follows = s->segment[i].seq == seq + 1 && seq != 0;
        seq = s->segment[i].seq;
        c->segment = i;
        c->at = LOG_AT;
        c->ended = false;
        if (medium_seed(s, i, &h, &c->seed))
            return STORE_FAULT;
        if (!follows) { /* the rest of it was in a segment that is gone: it was decided long ago */
            enum store_result r = apply(c, false);
            if (r != STORE_OK)
                return r;
            c->orphan = true;
        } else {
            c->orphan = false;
        }
        enum store_result r = scan_records(c);
        if (r == STORE_OK && !is_newest(c))
            r = closed(c);
        if (r != STORE_OK)
            return r;
    }
    return STORE_OK;
}

/* ---------------------------------------------------------------- compaction that was cut */

/* Make the segments that the newest declares void DIRTY. *voids: declarations. */
static enum store_result find_voids(struct store *s, uint32_t newest, struct segment_header *h,
                                    uint32_t *voids, bool *copies)
{
    struct record r;
    uint8_t area[AREA_SIZE];
    uint32_t seed, at = LOG_AT;
    int valid;
    *voids = 0;
    *copies = true;
    if (medium_seed(s, newest, h, &seed))
        return STORE_FAULT;
    while ((valid = medium_record(s, newest, seed, at, &r, area)) == 1) {
        at += record_bytes(&r);
        *copies = *copies && r.flags & FLAG_COPY;
        if (r.kind != RECORD_VOID)
            continue;
        ++*voids;
        if (r.id >= s->count || r.id == newest)
            return STORE_CORRUPT;
        struct segment *g = &s->segment[r.id];
        if (g->state == SEGMENT_DATA && g->seq == r.txn) {
            *g = (struct segment){.state = SEGMENT_DIRTY};
            s->data--;
        }
    }
    return valid < 0 ? STORE_FAULT : STORE_OK;
}

/*
 * Which segment is the newest, and are all there that it knows of? When no segment is left without
 * data, the newest holds copies that no VOID confirms: it goes, and the one before is the newest.
 */
static enum store_result find_newest(struct store *s, uint32_t *newest)
{
    struct segment_header h;
    uint32_t voids;
    bool copies;
    for (;;) {
        *newest = survey_after(s, s->seq - 1);
        enum store_result r = find_voids(s, *newest, &h, &voids, &copies);
        if (r != STORE_OK)
            return r;
        if (s->data < s->count)
            break;
        if (!copies)
            return STORE_CORRUPT;
        s->segment[*newest] = (struct segment){.state = SEGMENT_DIRTY};
        s->data--;
        s->seq = 0;
        for (uint32_t i = 0; i < s->count; i++)
            if (s->segment[i].state == SEGMENT_DATA && s->segment[i].seq > s->seq)
                s->seq = s->segment[i].seq;
    }
    if (h.data - voids != s->data)
        return STORE_CORRUPT;
    s->txn = h.txn;
    return STORE_OK;
}

/* ---------------------------------------------------------------- the end of the log */

/*
 * What follows the end must be of one transaction, the one that was being written: anything later
 * would mean that the end had been synced, so it is damage and not a cut.
 */
static enum store_result check_torn(struct scan *c, uint32_t end)
{
    struct store *s = c->s;
    struct record r;
    uint8_t area[AREA_SIZE];
    bool same = false, next = false;
    for (uint32_t at = end; at + HEAD_SIZE <= s->size; at += LINE) {
        int valid = medium_record(s, c->segment, c->seed, at, &r, area);
        if (valid < 0)
            return STORE_FAULT;
        if (!valid || r.kind == RECORD_END || r.flags & FLAG_COPY)
            continue;
        same |= r.txn == s->txn;
        next |= r.txn == s->txn + 1;
        if (r.kind == RECORD_VOID || (r.txn != s->txn && r.txn != s->txn + 1) || (same && next) ||
            (same && !c->open))
            return STORE_CORRUPT;
    }
    return STORE_OK;
}

/* Program everything from `at` to the last byte that is not FF to zeros. */
static int clean_tail(struct scan *c, uint32_t at, bool *dirty)
{
    struct store *s = c->s;
    uint8_t part[256];
    uint32_t end = at;
    for (uint32_t i = at; i < s->size; i += LINE) {
        if (medium_read(s, c->segment, i, part, LINE))
            return -1;
        if (!all_bytes(part, LINE, 0xFF))
            end = i + LINE;
    }
    *dirty = end > at;
    while (at < end) {
        uint32_t n = end - at < sizeof part ? end - at : (uint32_t)sizeof part;
        if (medium_read(s, c->segment, at, part, n) ||
            (!all_bytes(part, n, 0) && medium_zero(s, c->segment, at, n)))
            return -1;
        at += n;
    }
    return 0;
}

/* Find the end, and the place where writing goes on. A COMMIT that does not count goes first of
 * all. */
static enum store_result settle_tail(struct scan *c)
{
    struct store *s = c->s;
    bool dirty = false;
    const uint32_t end = c->complete ? c->commit_at : c->at;
    int blank = c->complete ? 0 : medium_blank(s, c->segment, end);
    if (blank < 0)
        return STORE_FAULT;
    if (!c->ended && !blank) {
        enum store_result r = check_torn(c, end);
        if (r != STORE_OK)
            return r;
        if (c->complete && (medium_zero(s, c->segment, end, HEAD_SIZE) || medium_sync(s)))
            return STORE_FAULT;
        if (clean_tail(c, end, &dirty))
            return STORE_FAULT;
    }
    s->head = c->newest;
    s->head_at = end;
    s->head_seed = c->seed;
    s->head_ended = c->ended || dirty;
    c->at = end;
    return STORE_OK;
}

/* ---------------------------------------------------------------- scrubbing */

/* Every record that is not in the map and not yet dead: old versions, copies, what was never
 * committed. */
static enum store_result scrub_segment(struct store *s, uint32_t segment, uint32_t end)
{
    struct record r;
    uint8_t area[AREA_SIZE];
    struct segment_header h;
    uint32_t seed, at = LOG_AT;
    int valid = 0;
    if (medium_seed(s, segment, &h, &seed))
        return STORE_FAULT;
    while (at < end && (valid = medium_record(s, segment, seed, at, &r, area)) == 1) {
        const uint32_t place = place_of(s, segment, at);
        struct entry e;
        at += record_bytes(&r);
        if (r.kind != RECORD_PUT || all_bytes(area, AREA_SIZE, 0) ||
            (map_find(&s->map, r.id, &e) && e.place == place))
            continue;
        if (log_scrub(s, place))
            return STORE_FAULT;
    }
    return valid < 0 ? STORE_FAULT : STORE_OK;
}

static enum store_result scrub_log(struct scan *c)
{
    struct store *s = c->s;
    if (c->salted == s->map.count)
        return STORE_OK;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->segment[i].state != SEGMENT_DATA)
            continue;
        enum store_result r = scrub_segment(s, i, i == c->newest ? c->at : s->size);
        if (r != STORE_OK)
            return r;
    }
    return STORE_OK;
}

static int clean_dirty(struct store *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->segment[i].state != SEGMENT_DIRTY)
            continue;
        if (medium_clean(s, i))
            return -1;
        s->clean++;
    }
    return medium_sync(s);
}

/* Synced first: what a process that was killed had written is on its way to the medium yet, and
 * what is decided on it must not be there before it. */
static enum store_result recover(struct store *s)
{
    struct scan c = {.s = s};
    enum store_result r = medium_sync(s) ? STORE_FAULT : survey(s);
    s->head = NONE;
    s->txn = 0;
    if (r == STORE_OK && s->data) {
        r = find_newest(s, &c.newest);
        if (r == STORE_OK)
            r = scan_log(&c);
        if (r == STORE_OK)
            r = settle_tail(&c);
        if (r == STORE_OK)
            r = scrub_log(&c);
    }
    if (r == STORE_OK && clean_dirty(s))
        r = STORE_FAULT;
    return r;
}

enum store_result store_mount(struct store *s)
{
    if (s->count == 0)
        return STORE_ARGUMENT;
    map_clear(&s->map);
    s->live = 0;
    s->life = LIFE_CREATED;
    s->t.open = s->held.used = false;
    s->t.changes = 0;
    enum store_result r = recover(s);
    s->t.changes = 0;
    if (r == STORE_FAULT)
        return store_fault(s);
    if (r == STORE_OK)
        s->life = LIFE_MOUNTED;
    return r;
}
