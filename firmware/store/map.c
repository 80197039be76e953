#include "firmware/store/map.h"

#include <string.h>

static uint32_t chunks_for(uint32_t n)
{
    return (uint32_t)(2 * (uint64_t)n / (CHUNK + 1)) +
           3; /* one for the odd one out, one while splitting */
}

static size_t directory_bytes(uint32_t chunks)
{
    return ((size_t)chunks * sizeof(uint32_t) + 15) & ~(size_t)15;
}

size_t map_memory(uint32_t n)
{
    uint32_t chunks = chunks_for(n);
    return (directory_bytes(chunks) + (size_t)chunks * sizeof(struct chunk) + 15) & ~(size_t)15;
}

void map_init(struct map *x, void *memory, uint32_t n)
{
    x->chunks = chunks_for(n);
    x->directory = memory;
    x->chunk = (struct chunk *)(void *)((uint8_t *)memory + directory_bytes(x->chunks));
    map_clear(x);
}

void map_clear(struct map *x)
{
    for (uint32_t i = 0; i < x->chunks; i++)
        x->chunk[i].next_free = i + 1;
    x->free = 0;
    x->used = 0;
    x->count = 0;
    memset(x->of_type, 0, sizeof x->of_type);
}

static struct chunk *chunk_at(const struct map *x, uint32_t slot)
{
    return &x->chunk[x->directory[slot]];
}

/* The slot whose chunk holds id if any does: the last whose first entry is <= id, or 0. */
static uint32_t find_slot(const struct map *x, uint32_t id)
{
    uint32_t low = 0, high = x->used;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (chunk_at(x, middle)->id[0] <= id)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* First entry of the chunk with an id >= id. */
static uint32_t lower_bound(const struct chunk *c, uint32_t id)
{
    uint32_t low = 0, high = c->used;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (c->id[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool map_seek(const struct map *x, uint32_t id, struct cursor *c)
{
    if (x->used == 0)
        return false;
    c->slot = find_slot(x, id);
    c->at = lower_bound(chunk_at(x, c->slot), id);
    if (c->at < chunk_at(x, c->slot)->used)
        return true;
    c->slot++;
    c->at = 0;
    return c->slot < x->used;
}

bool map_step(const struct map *x, struct cursor *c)
{
    if (++c->at < chunk_at(x, c->slot)->used)
        return true;
    c->slot++;
    c->at = 0;
    return c->slot < x->used;
}

void map_at(const struct map *x, const struct cursor *c, struct entry *out)
{
    const struct chunk *k = chunk_at(x, c->slot);
    out->id = k->id[c->at];
    out->place = k->place[c->at];
    out->n = k->n[c->at];
    out->type = k->type[c->at];
}

void map_move(struct map *x, const struct cursor *c, uint32_t place)
{
    chunk_at(x, c->slot)->place[c->at] = place;
}

bool map_find(const struct map *x, uint32_t id, struct entry *out)
{
    struct cursor c;
    if (!map_seek(x, id, &c))
        return false;
    map_at(x, &c, out);
    return out->id == id;
}

/* Copy n entries; the ranges may overlap. */
static void copy_entries(struct chunk *to, uint32_t at, const struct chunk *from, uint32_t first,
                         uint32_t n)
{
    memmove(&to->id[at], &from->id[first], n * sizeof to->id[0]);
    memmove(&to->place[at], &from->place[first], n * sizeof to->place[0]);
    memmove(&to->n[at], &from->n[first], n * sizeof to->n[0]);
    memmove(&to->type[at], &from->type[first], n * sizeof to->type[0]);
}

static struct chunk *add_chunk(struct map *x, uint32_t slot)
{
    uint32_t taken = x->free;
    struct chunk *c = &x->chunk[taken];
    x->free = c->next_free;
    memmove(&x->directory[slot + 1], &x->directory[slot],
            (x->used - slot) * sizeof x->directory[0]);
    x->directory[slot] = taken;
    x->used++;
    c->used = 0;
    return c;
}

static void drop_chunk(struct map *x, uint32_t slot)
{
    uint32_t dropped = x->directory[slot];
    x->used--;
    memmove(&x->directory[slot], &x->directory[slot + 1],
            (x->used - slot) * sizeof x->directory[0]);
    x->chunk[dropped].next_free = x->free;
    x->free = dropped;
}

/* Join the chunks at slot and slot + 1 when they fit into one. */
static bool join(struct map *x, uint32_t slot)
{
    if (slot + 1 >= x->used)
        return false;
    struct chunk *a = chunk_at(x, slot), *b = chunk_at(x, slot + 1);
    if (a->used + b->used > CHUNK)
        return false;
    copy_entries(a, a->used, b, 0, b->used);
    a->used += b->used;
    drop_chunk(x, slot + 1);
    return true;
}

static void set_entry(struct chunk *c, uint32_t at, const struct entry *e)
{
    c->id[at] = e->id;
    c->place[at] = e->place;
    c->n[at] = e->n;
    c->type[at] = e->type;
}

static void insert(struct map *x, uint32_t slot, uint32_t at, const struct entry *e)
{
    struct chunk *c = chunk_at(x, slot);
    bool split = c->used == CHUNK;
    if (split && slot + 1 == x->used && at == CHUNK) { /* ids in rising order fill their chunks */
        c = add_chunk(x, slot + 1);
        at = 0;
        split = false;
    } else if (split) {
        struct chunk *right = add_chunk(x, slot + 1);
        copy_entries(right, 0, c, CHUNK / 2, CHUNK / 2);
        c->used = right->used = CHUNK / 2;
        if (at > CHUNK / 2) {
            c = right;
            at -= CHUNK / 2;
        }
    }
    copy_entries(c, at + 1, c, at, c->used - at);
    c->used++;
    set_entry(c, at, e);
    if (split) {
        join(x, slot + 1);
        if (slot > 0)
            join(x, slot - 1);
    }
}

void map_put(struct map *x, const struct entry *e)
{
    if (x->used == 0)
        add_chunk(x, 0);
    uint32_t slot = find_slot(x, e->id);
    struct chunk *c = chunk_at(x, slot);
    uint32_t at = lower_bound(c, e->id);
    x->of_type[e->type]++;
    if (at < c->used && c->id[at] == e->id) {
        x->of_type[c->type[at]]--;
        set_entry(c, at, e);
        return;
    }
    x->count++;
    insert(x, slot, at, e);
}

void map_remove(struct map *x, uint32_t id)
{
    struct cursor at;
    if (!map_seek(x, id, &at) || chunk_at(x, at.slot)->id[at.at] != id)
        return;
    struct chunk *c = chunk_at(x, at.slot);
    x->count--;
    x->of_type[c->type[at.at]]--;
    c->used--;
    copy_entries(c, at.at, c, at.at + 1, c->used - at.at);
    if (c->used == 0)
        drop_chunk(x, at.slot);
    else
        join(x, at.slot);
    if (at.slot > 0)
        join(x, at.slot - 1);
}
