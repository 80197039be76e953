/* The index of objects in RAM: finding by handle, owner, label and id without opening every record.
 */
#include "firmware/app/core.h"
#include "firmware/app/policy.h"

#include <string.h>

enum { LEARN_STEP = 16 };

/* The place of handle, or of the next one above it. */
static uint32_t place(const struct objects *o, uint32_t handle)
{
    uint32_t low = 0, high = o->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (o->index[middle].handle < handle)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct indexed *index_at(struct objects *o, uint32_t handle)
{
    const uint32_t at = place(o, handle);
    return at < o->count && o->index[at].handle == handle ? &o->index[at] : NULL;
}

void index_add(struct objects *o, uint32_t handle, uint8_t type)
{
    /* handles only ever grow: the new one is the last */
    struct indexed *i = &o->index[o->count++];
    memset(i, 0, sizeof *i);
    i->handle = handle;
    i->type = type;
}

void index_remove(struct objects *o, uint32_t handle)
{
    const uint32_t at = place(o, handle);
    if (at >= o->count || o->index[at].handle != handle)
        return;
    o->count--;
    memmove(&o->index[at], &o->index[at + 1], (o->count - at) * sizeof *o->index);
}

/* FNV-1a; labels and ids are no secrets */
static uint32_t hash_of(struct view v)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < v.size; i++)
        h = (h ^ v.data[i]) * 16777619u;
    return h;
}

/* Open the record once to know what the index wants to know. */
static void learn(struct device *d, struct indexed *i)
{
    struct object o;
    if (i->state != INDEX_NEW)
        return;
    const uint16_t sw = object_get(d, i->handle, &o);
    i->state = sw == SW_OK ? INDEX_KNOWN : INDEX_DAMAGED;
    i->owner = o.owner;
    i->open = (o.usage & USAGE_PUBLIC) != 0;
    i->label = hash_of(o.label);
    i->id = hash_of(o.id);
    record_wipe(d);
}

bool objects_learn(struct device *d)
{
    struct objects *o = &d->objects;
    for (unsigned n = 0; n < LEARN_STEP && o->learned < o->count; n++)
        learn(d, &o->index[o->learned++]);
    return o->learned < o->count;
}

uint32_t objects_count_owner(struct device *d, uint8_t owner)
{
    uint32_t n = 0;
    for (uint32_t at = 0; at < d->objects.count; at++) {
        struct indexed *i = &d->objects.index[at];
        learn(d, i);
        n += i->state == INDEX_KNOWN && i->owner == owner;
    }
    return n;
}

/* The first object above `after` that the call's session may see and that has the type (0: any);
 * NULL: none */
static struct indexed *next_seen(struct call *c, uint32_t after, uint8_t type)
{
    struct objects *o = &c->d->objects;
    if (after >= SESSION_HANDLE)
        return NULL;
    for (uint32_t at = place(o, after + 1); at < o->count; at++) {
        struct indexed *i = &o->index[at];
        if (type && i->type != type)
            continue;
        learn(c->d, i);
        if (i->state == INDEX_KNOWN && policy_sees(c, i->owner, i->open))
            return i;
    }
    return NULL;
}

struct indexed *object_match(struct call *c, uint32_t after, struct view label, struct view id)
{
    struct objects *o = &c->d->objects;
    const uint32_t label_hash = hash_of(label), id_hash = hash_of(id);
    if (after >= SESSION_HANDLE)
        return NULL;
    for (uint32_t at = place(o, after + 1); at < o->count; at++) {
        struct indexed *i = &o->index[at];
        learn(c->d, i);
        if (i->state == INDEX_KNOWN && (!label.size || i->label == label_hash) &&
            (!id.size || i->id == id_hash) && policy_sees(c, i->owner, i->open))
            return i;
    }
    return NULL;
}

uint16_t objects_walk(struct call *c, uint32_t after, uint16_t limit, uint8_t type, object_put *put,
                      struct wr *out)
{
    uint32_t left = limit ? limit : 0xFFFFFFFF, last = 0;
    struct indexed *i = next_seen(c, after, type);
    uint8_t *next = wr_reserve(out, 4);
    struct object o;
    struct wr w;
    if (!next)
        return SW_RESPONSE_TOO_BIG;
    for (; i && left; i = next_seen(c, i->handle, type)) {
        if (object_get(c->d, i->handle, &o) != SW_OK)
            continue;
        if (!put(out, i->handle, &o))
            break;
        last = i->handle;
        left--;
    }
    wr_init(&w, next, 4);
    wr_u32(&w, i ? last : 0);
    return i && !last ? SW_RESPONSE_TOO_BIG : SW_OK;
}
