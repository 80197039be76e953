#include <string.h>

#include "firmware/store/internal.h"

bool log_fits(const struct store *s, uint32_t n, uint32_t keep)
{
    return s->head != NONE && !s->head_ended && s->head_at + n + keep <= s->size;
}

static int blank(struct store *s, uint32_t segment)
{
    int erased = medium_blank(s, segment, HEADER_AT);
    if (erased == 0) { /* should not be; a second failure means the medium is worn out */
        if (medium_clean(s, segment) || medium_blank(s, segment, HEADER_AT) != 1)
            return -1;
    }
    return erased < 0 ? -1 : 0;
}

/* The old segment is on the medium before the header of the new one, the header before its first
 * record: recovery relies on both. */
int log_next(struct store *s)
{
    struct segment_header h;
    uint32_t segment = s->head == NONE ? 0 : (s->head + 1) % s->count;
    for (uint32_t i = 0; s->segment[segment].state != SEGMENT_CLEAN; i++) {
        if (i == s->count)
            return -1;
        segment = (segment + 1) % s->count;
    }
    if (blank(s, segment))
        return -1;
    if (s->head != NONE && !s->head_ended) {
        const struct record end = {.kind = RECORD_END};
        if (!log_append(s, &end, NULL))
            return -1;
    }
    if (medium_sync(s) || medium_header(s, segment, SEGMENT_LOG) || medium_sync(s) ||
        medium_seed(s, segment, &h, &s->head_seed))
        return -1;
    s->seq++;
    s->data++;
    s->clean--;
    s->segment[segment] = (struct segment){.state = SEGMENT_DATA, .seq = s->seq};
    s->head = segment;
    s->head_at = LOG_AT;
    s->head_ended = false;
    return 0;
}

/* One clean segment is never used here: compaction needs it. The bound on the rounds is a
 * safeguard: by the accounts of store.c every round but the rare ones that level wear gives room.
 */
enum store_result log_room(struct store *s, uint32_t n)
{
    for (uint32_t i = 0; i < 2 * s->count; i++) {
        if (log_fits(s, n, RESERVED_TAIL))
            return STORE_OK;
        if (s->clean >= 2) {
            if (log_next(s))
                return store_fault(s);
        } else {
            enum store_result r = compact(s);
            if (r != STORE_OK)
                return r;
        }
    }
    return STORE_FULL;
}

uint32_t log_append(struct store *s, const struct record *r, uint8_t *bytes)
{
    uint8_t head[HEAD_SIZE];
    const uint32_t n = record_bytes(r), place = place_of(s, s->head, s->head_at);
    if (bytes == NULL)
        bytes = head;
    record_encode(r, s->head_seed, s->head_at, bytes);
    if (medium_program(s, s->head, s->head_at, bytes, n))
        return 0;
    s->head_at += n;
    return place;
}

int log_scrub(struct store *s, uint32_t place)
{
    return medium_zero(s, place_segment(s, place), place_at(s, place) + HEAD_SIZE, AREA_SIZE);
}
