#include <string.h>

#include "firmware/base/endian.h"
#include "firmware/store/internal.h"

/* Segments of the NVM are taken in groups until there are few enough and they are large enough. */
void medium_geometry(struct store *s)
{
    const struct hal_nvm *n = s->nvm;
    s->count = 0;
    if (n->segments < 4 || n->segment_size < 4096 || n->segment_size % LINE ||
        n->segment_size > 1u << 24 || n->unit == 0 || n->unit > LINE || n->unit & (n->unit - 1) ||
        (uint64_t)n->segments * n->segment_size > (uint64_t)UINT32_MAX * LINE)
        return;
    s->group = 1;
    while (n->segments / s->group > MAX_SEGMENTS || (s->group * n->segment_size < GOOD_SEGMENT &&
                                                     n->segments / (2 * s->group) >= GOOD_COUNT))
        s->group *= 2;
    s->count = n->segments / s->group;
    s->size = n->segment_size * s->group;

    /* A record may take a third of a segment: what is lost at the end of each stays bounded. */
    const uint32_t room = s->size - LOG_AT - RESERVED_TAIL;
    const uint32_t largest = room / 3 / LINE * LINE - (HEAD_SIZE + AREA_SIZE + TAG_SIZE);
    s->max_data = largest < STORE_MAX_DATA ? largest : STORE_MAX_DATA;

    /* One segment is kept for compaction, one may be pinned by the open transaction
     * (docs/store.md). */
    const uint32_t record = record_size(s->max_data);
    const uint64_t hard = (uint64_t)(s->count - 2) * (room - record - 4 * HEAD_SIZE);
    s->limit = hard - STORE_MAX_CHANGES * HEAD_SIZE;
    const uint64_t replace = (uint64_t)STORE_MAX_CHANGES * record;
    s->capacity = s->limit - (replace < s->limit / 4 ? replace : s->limit / 4);
}

/* Call the NVM for the part of [at, at + n) in each of its segments. */
int medium_read(struct store *s, uint32_t segment, uint32_t at, void *out, uint32_t n)
{
    const uint32_t size = s->nvm->segment_size;
    uint8_t *p = out;
    while (n) {
        uint32_t offset = at % size, part = n < size - offset ? n : size - offset;
        if (s->nvm->read(s->nvm->ctx, segment * s->group + at / size, offset, p, part))
            return -1;
        p += part;
        at += part;
        n -= part;
    }
    return 0;
}

int medium_program(struct store *s, uint32_t segment, uint32_t at, const void *data, uint32_t n)
{
    const uint32_t size = s->nvm->segment_size;
    const uint8_t *p = data;
    while (n) {
        uint32_t offset = at % size, part = n < size - offset ? n : size - offset;
        if (s->nvm->program(s->nvm->ctx, segment * s->group + at / size, offset, p, part))
            return -1;
        p += part;
        at += part;
        n -= part;
    }
    return 0;
}

int medium_zero(struct store *s, uint32_t segment, uint32_t at, uint32_t n)
{
    static const uint8_t zeros[256];
    while (n) {
        uint32_t part = n < sizeof zeros ? n : sizeof zeros;
        if (medium_program(s, segment, at, zeros, part))
            return -1;
        at += part;
        n -= part;
    }
    return 0;
}

int medium_sync(struct store *s)
{
    return s->nvm->sync(s->nvm->ctx);
}

int medium_erase(struct store *s, uint32_t segment)
{
    for (uint32_t i = 0; i < s->group; i++)
        if (s->nvm->erase(s->nvm->ctx, segment * s->group + i))
            return -1;
    s->erases++;
    return 0;
}

int medium_header(struct store *s, uint32_t segment, uint16_t kind)
{
    struct segment_header h = {.format = STORE_FORMAT,
                               .kind = kind,
                               .seq = s->seq + 1,
                               .data = s->data + 1,
                               .txn = s->txn,
                               .size = s->size};
    uint8_t bytes[HEADER_SIZE];
    header_encode(&h, bytes);
    return medium_program(s, segment, HEADER_AT, bytes, sizeof bytes);
}

int medium_mark(struct store *s, uint32_t segment)
{
    uint8_t bytes[MARK_SIZE];
    mark_encode(s->size, bytes);
    return medium_program(s, segment, 0, bytes, sizeof bytes);
}

int medium_unmark(struct store *s, uint32_t segment)
{
    return medium_zero(s, segment, 0, MARK_SIZE);
}

int medium_clean(struct store *s, uint32_t segment)
{
    if (medium_unmark(s, segment) || medium_sync(s) || medium_erase(s, segment) || medium_sync(s) ||
        medium_mark(s, segment))
        return -1;
    s->segment[segment] = (struct segment){.state = SEGMENT_CLEAN};
    return 0;
}

int medium_blank(struct store *s, uint32_t segment, uint32_t at)
{
    uint8_t part[256];
    while (at < s->size) {
        const uint32_t n = s->size - at < sizeof part ? s->size - at : (uint32_t)sizeof part;
        bool same = false;
        for (int i = 0; i < READ_TRIES && !same; i++) {
            if (medium_read(s, segment, at, part, n))
                return -1;
            same = all_bytes(part, n, 0xFF);
        }
        if (!same)
            return 0;
        at += n;
    }
    return 1;
}

/* A head that does not verify is read again, an area too. */
int medium_record(struct store *s, uint32_t segment, uint32_t seed, uint32_t at, struct record *r,
                  uint8_t area[AREA_SIZE])
{
    uint8_t bytes[HEAD_SIZE + AREA_SIZE];
    const uint32_t n = s->size - at < sizeof bytes ? s->size - at : (uint32_t)sizeof bytes;
    int valid = 0;
    if (n < HEAD_SIZE)
        return 0;
    for (int i = 0; i < READ_TRIES; i++) {
        if (medium_read(s, segment, at, bytes, n))
            return -1;
        if (all_bytes(bytes, HEAD_SIZE, 0xFF) || all_bytes(bytes, HEAD_SIZE, 0))
            break;
        struct record now;
        if (!record_decode(&now, seed, at, bytes) || record_bytes(&now) > s->size - at ||
            (now.kind == RECORD_PUT && now.n > s->max_data))
            continue;
        valid = 1;
        *r = now;
        if (now.kind != RECORD_PUT)
            break;
        memcpy(area, bytes + HEAD_SIZE, AREA_SIZE);
        if (area_valid(area) || area_dead(area))
            break;
    }
    return valid;
}

int medium_seed(struct store *s, uint32_t segment, struct segment_header *h, uint32_t *seed)
{
    uint8_t bytes[HEADER_SIZE];
    for (int i = 0; i < READ_TRIES; i++) {
        if (medium_read(s, segment, HEADER_AT, bytes, sizeof bytes))
            return -1;
        if (header_decode(h, bytes)) {
            *seed = load_be32(bytes + HEADER_SIZE - 4);
            return 0;
        }
    }
    return -1;
}
