/* What each segment is, told by its first bytes; and how a medium is made new. */
#include <string.h>

#include "firmware/store/internal.h"

struct first {
    bool marked, headed, begun; /* begun: the header is not all FF */
    struct segment_header header;
};

/* Read until it makes sense. A valid header alone does: the mark is made void before an erasure. */
static int read_bytes(struct store *s, uint32_t segment, struct first *f, uint16_t *format,
                      uint32_t *size)
{
    uint8_t bytes[LOG_AT];
    for (int i = 0; i < READ_TRIES; i++) {
        if (medium_read(s, segment, 0, bytes, sizeof bytes))
            return -1;
        f->marked = mark_decode(format, size, bytes);
        f->headed = header_decode(&f->header, bytes + HEADER_AT);
        f->begun = !all_bytes(bytes + HEADER_AT, HEADER_SIZE, 0xFF);
        if (f->headed || (f->marked && !f->begun))
            break;
    }
    return 0;
}

static enum store_result read_first(struct store *s, uint32_t segment, struct first *f)
{
    uint16_t format;
    uint32_t size;
    if (read_bytes(s, segment, f, &format, &size))
        return STORE_FAULT;
    if ((f->marked && format > STORE_FORMAT) || (f->headed && f->header.format > STORE_FORMAT))
        return STORE_VERSION;
    if ((f->marked && (format != STORE_FORMAT || size != s->size)) ||
        (f->headed && (f->header.format != STORE_FORMAT || f->header.size != s->size)))
        return STORE_CORRUPT;
    return STORE_OK;
}

/* A header that was being written has nothing behind it; a damaged one has. */
static enum store_result judge(struct store *s, uint32_t segment, const struct first *f)
{
    struct segment *g = &s->segment[segment];
    *g = (struct segment){.state = SEGMENT_DIRTY};
    if (f->headed) {
        if (f->header.kind != SEGMENT_LOG || f->header.seq == 0 || f->header.seq == UINT32_MAX)
            return STORE_CORRUPT;
        g->state = SEGMENT_DATA;
        g->seq = f->header.seq;
        s->data++;
        if (g->seq > s->seq)
            s->seq = g->seq;
    } else if (f->marked && !f->begun) {
        g->state = SEGMENT_CLEAN;
        s->clean++;
    } else if (f->marked) {
        int empty = medium_blank(s, segment, LOG_AT);
        return empty < 0 ? STORE_FAULT : empty ? STORE_OK : STORE_CORRUPT;
    }
    return STORE_OK;
}

uint32_t survey_after(const struct store *s, uint32_t seq)
{
    uint32_t best = NONE;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->segment[i].state == SEGMENT_DATA && s->segment[i].seq > seq &&
            (best == NONE || s->segment[i].seq < s->segment[best].seq))
            best = i;
    return best;
}

static enum store_result check_numbers(const struct store *s)
{
    uint32_t seq = 0, seen = 0;
    for (uint32_t i = survey_after(s, 0); i != NONE; i = survey_after(s, seq)) {
        seq = s->segment[i].seq;
        seen++;
    }
    return seen == s->data ? STORE_OK : STORE_CORRUPT; /* two with one number count once */
}

/* The notice of an unfinished format is looked for to the end: it excuses whatever else is there.
 */
enum store_result survey(struct store *s)
{
    enum store_result result = STORE_OK;
    bool known = false;
    s->seq = s->data = s->clean = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        struct first f;
        enum store_result r = read_first(s, i, &f);
        if (r == STORE_OK && f.headed && f.header.kind == SEGMENT_FORMATTING)
            return STORE_BLANK;
        if (r == STORE_OK)
            r = judge(s, i, &f);
        if (r == STORE_FAULT)
            return r;
        if (result == STORE_OK)
            result = r;
        known |= f.headed || f.marked;
    }
    if (result != STORE_OK)
        return result;
    return known ? check_numbers(s) : STORE_BLANK;
}

/* ---------------------------------------------------------------- format */

/*
 * The segment that says "being formatted" until all others are erased: one without data, so that up
 * to its header nothing is lost. If all have data, the newest is an unfinished copy of another.
 */
static uint32_t choose_notice(struct store *s, bool *there)
{
    uint32_t newest = 0, newest_seq = 0, without = NONE;
    *there = false;
    for (uint32_t i = 0; i < s->count; i++) {
        struct first f;
        enum store_result r = read_first(s, i, &f);
        if (r == STORE_FAULT)
            return NONE;
        if (r == STORE_OK && f.headed && f.header.kind == SEGMENT_FORMATTING) {
            *there = true;
            return i;
        }
        if (!f.headed && (f.marked || without == NONE))
            without = i;
        if (f.headed && f.header.seq >= newest_seq) {
            newest_seq = f.header.seq;
            newest = i;
        }
    }
    return without == NONE ? newest : without;
}

static int erase_all_but(struct store *s, uint32_t notice)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (i != notice && medium_erase(s, i))
            return -1;
    if (medium_sync(s))
        return -1;
    for (uint32_t i = 0; i < s->count; i++)
        if (i != notice && medium_mark(s, i))
            return -1;
    return medium_sync(s);
}

static int format(struct store *s)
{
    bool there;
    const uint32_t notice = choose_notice(s, &there);
    if (notice == NONE)
        return -1;
    if (!there &&
        (medium_unmark(s, notice) || medium_sync(s) || medium_erase(s, notice) || medium_sync(s) ||
         medium_header(s, notice, SEGMENT_FORMATTING) || medium_sync(s)))
        return -1;
    return erase_all_but(s, notice) || medium_clean(s, notice) || medium_sync(s) ? -1 : 0;
}

enum store_result store_format(struct store *s)
{
    if (s->count == 0)
        return STORE_ARGUMENT;
    s->t.open = false;
    s->life = LIFE_FAILED;
    map_clear(&s->map);
    if (format(s))
        return store_fault(s);
    for (uint32_t i = 0; i < s->count; i++)
        s->segment[i] = (struct segment){.state = SEGMENT_CLEAN};
    s->head = NONE;
    s->seq = s->data = s->txn = 0;
    s->live = 0;
    s->clean = s->count;
    s->life = LIFE_MOUNTED;
    return STORE_OK;
}
