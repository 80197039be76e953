#include <string.h>

#include "firmware/store/crc.h"
#include "firmware/store/internal.h"

enum {
    LEVEL_WEAR = 32 /* every so many compactions the oldest segment is taken, whatever it holds */
};

/* Not the head, and nothing that holds a part of the open transaction. */
static bool movable(const struct store *s, uint32_t i)
{
    const struct segment *g = &s->segment[i];
    return g->state == SEGMENT_DATA && i != s->head &&
           !(s->t.open && s->t.written && g->seq >= s->t.first_seq);
}

static uint32_t choose(const struct store *s)
{
    const bool oldest = s->compactions % LEVEL_WEAR == LEVEL_WEAR - 1;
    uint32_t best = NONE;
    for (uint32_t i = 0; i < s->count; i++) {
        if (!movable(s, i))
            continue;
        if (best == NONE || (oldest ? s->segment[i].seq < s->segment[best].seq
                                    : s->segment[i].live < s->segment[best].live))
            best = i;
    }
    return best;
}

/*
 * Read a whole record into scratch. A transient error must not become a permanent one, so damage is
 * read again; if it stays the CRCs are made to fit, and the seal will tell whoever wants the
 * record.
 */
static int read_record(struct store *s, const struct entry *e, struct record *r)
{
    const uint8_t *area = s->scratch + HEAD_SIZE, *body = area + AREA_SIZE;
    const uint32_t n = record_size(e->n), body_size = n - HEAD_SIZE - AREA_SIZE;
    for (int i = 0; i < READ_TRIES; i++) {
        if (medium_read(s, place_segment(s, e->place), place_at(s, e->place), s->scratch, n))
            return -1;
        record_decode(r, 0, 0, s->scratch);
        if (r->kind == RECORD_PUT && r->id == e->id && r->type == e->type && r->n == e->n &&
            area_valid(area) && area_body_crc(area) == store_crc(0, body, body_size))
            break;
    }
    *r = (struct record){.kind = RECORD_PUT,
                         .flags = FLAG_COPY,
                         .cls = r->cls < STORE_CLASSES ? r->cls : 0,
                         .type = e->type,
                         .n = e->n,
                         .id = e->id,
                         .txn = r->txn};
    return 0;
}

/* Copies may use the last clean segment; the one that is being emptied replaces it. */
static int room(struct store *s, uint32_t n, uint32_t keep)
{
    return log_fits(s, n, keep) ? 0 : log_next(s);
}

static int move_records(struct store *s, uint32_t from)
{
    struct cursor c;
    struct entry e;
    struct record r;
    for (bool more = map_seek(&s->map, 0, &c); more && s->segment[from].live;
         more = map_step(&s->map, &c)) {
        map_at(&s->map, &c, &e);
        if (place_segment(s, e.place) != from)
            continue;
        const uint32_t n = record_size(e.n);
        if (read_record(s, &e, &r) || room(s, n, RESERVED_TAIL))
            return -1;
        const uint32_t place = log_append(s, &r, s->scratch);
        if (place == 0)
            return -1;
        map_move(&s->map, &c, place);
        s->segment[from].live -= n;
        s->segment[s->head].live += n;
    }
    return 0;
}

/*
 * The copies are on the medium before the VOID record, that before the erasure: after a cut either
 * the segment is whole and rules, or VOID rules and the segment is erased again.
 */
enum store_result compact(struct store *s)
{
    const uint32_t from = choose(s);
    const bool level = s->compactions % LEVEL_WEAR == LEVEL_WEAR - 1;
    const uint32_t full = s->size - LOG_AT - RESERVED_TAIL - HEAD_SIZE;
    if (from == NONE || (!level && s->segment[from].live > full))
        return STORE_FULL;
    s->compactions++;
    const struct record gone = {.kind = RECORD_VOID, .id = from, .txn = s->segment[from].seq};
    if (move_records(s, from) || medium_sync(s) || room(s, HEAD_SIZE, HEAD_SIZE) ||
        !log_append(s, &gone, NULL) || medium_clean(s, from))
        return store_fault(s);
    s->data--;
    s->clean++;
    return STORE_OK;
}
