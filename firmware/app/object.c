/* Objects as records of the store. */
#include "firmware/app/core.h"
#include "firmware/base/endian.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"

#include <string.h>

/* Version 1 had no attributes, version 2 no policy. */
enum { OBJECT_VERSION = 3, HANDLES_AHEAD = 64, RECORD_OVERHEAD = 112, ROOM_KEPT = 2048 };

void rsa_to_object(const struct rsa_private *key, uint8_t *pub, uint8_t *secret)
{
    const size_t half = key->pub.bits / 16;
    struct wr w;
    store_be32(pub, key->pub.e);
    memcpy(pub + 4, key->pub.n, 2 * half);
    wr_init(&w, secret, 7 * half);
    wr_bytes(&w, key->p, half);
    wr_bytes(&w, key->q, half);
    wr_bytes(&w, key->dp, half);
    wr_bytes(&w, key->dq, half);
    wr_bytes(&w, key->qinv, half);
    wr_bytes(&w, key->d, 2 * half);
}

int rsa_from_object(const struct object *o, struct rsa_private *key)
{
    const uint8_t *s = o->secret.data;
    if (rsa_public_from(o->type, o->pub, &key->pub))
        return -1;
    const size_t half = key->pub.bits / 16;
    memcpy(key->p, s, half);
    memcpy(key->q, s + half, half);
    memcpy(key->dp, s + 2 * half, half);
    memcpy(key->dq, s + 3 * half, half);
    memcpy(key->qinv, s + 4 * half, half);
    memcpy(key->d, s + 5 * half, 2 * half);
    return 0;
}

int rsa_public_from(uint8_t type, struct view pub, struct rsa_public *key)
{
    memset(key, 0, sizeof *key);
    if (!key_rsa_bits(type) || pub.size != key_public_size(type))
        return -1;
    key->bits = (uint16_t)key_rsa_bits(type);
    key->e = load_be32(pub.data);
    memcpy(key->n, pub.data + 4, pub.size - 4);
    return rsa_public_check(key);
}

bool policy_read(struct view bytes, struct key_policy *p)
{
    struct rd r;
    memset(p, 0, sizeof *p);
    rd_init(&r, bytes.data, bytes.size);
    return !bytes.size || (key_policy_get(&r, p) && rd_done(&r));
}

bool policy_is_none(const struct key_policy *p)
{
    return !p->uses && !p->not_before && !p->not_after && !p->withheld;
}

struct view policy_bytes(const struct key_policy *p, uint8_t room[POLICY_SIZE])
{
    struct wr w;
    wr_init(&w, room, POLICY_SIZE);
    if (!policy_is_none(p))
        key_policy_put(&w, p);
    return (struct view){room, wr_size(&w)};
}

static bool parse(const uint8_t *record, size_t n, struct object *o)
{
    struct view policy = {NULL, 0};
    struct rd r;
    rd_init(&r, record, n);
    const uint8_t version = rd_u8(&r);
    o->usage = rd_u32(&r);
    o->owner = rd_u8(&r);
    o->origin = rd_u8(&r);
    o->created = rd_u64(&r);
    o->label = rd_var(&r, LIMIT_LABEL_MAX);
    o->id = rd_var(&r, LIMIT_ID_MAX);
    o->pub = rd_var(&r, LIMIT_PUBLIC_MAX);
    if (version >= 2)
        o->attributes = rd_var(&r, LIMIT_ATTRIBUTES_MAX);
    if (version >= 3)
        policy = rd_var(&r, POLICY_SIZE);
    o->secret = rd_rest(&r);
    SECRET(o->secret.data, o->secret.size);
    return rd_done(&r) && version && version <= OBJECT_VERSION && policy_read(policy, &o->policy) &&
           o->pub.size == key_public_size(o->type) && key_secret_fits(o->type, o->secret.size);
}

uint16_t object_parse(const uint8_t *record, size_t n, struct object *o)
{
    if (n && record[0] > OBJECT_VERSION)
        return SW_NEWER_FORMAT;
    return parse(record, n, o) ? SW_OK : SW_STORE_DAMAGED;
}

uint16_t object_get(struct device *d, uint32_t handle, struct object *o)
{
    size_t n;
    memset(o, 0, sizeof *o);
    if (!handle || handle & SESSION_HANDLE || !store_has(d->store, handle, &o->type))
        return SW_NO_OBJECT;
    const uint16_t sw = record_get(d, handle, &n);
    if (sw != SW_OK)
        return sw;
    if (!parse(d->record, n, o))
        return SW_STORE_DAMAGED;
    return CONFIG_POLICY && o->policy.uses ? uses_so_far(d, handle, &o->policy.used)
                                           : (uint16_t)SW_OK;
}

/* The views may point into d->record, which is what the record is made from; so it is made apart.
 */
static uint16_t put(struct call *c, uint32_t handle, const struct object *o)
{
    uint8_t buffer[STORE_MAX_DATA], room[POLICY_SIZE];
    struct key_policy policy = o->policy;
    struct store_stat s;
    struct wr w;
    policy.used = 0; /* is in a record of its own */
    store_stat(c->d->store, &s);
    wr_init(&w, buffer, sizeof buffer);
    wr_u8(&w, OBJECT_VERSION);
    wr_u32(&w, o->usage);
    wr_u8(&w, o->owner);
    wr_u8(&w, o->origin);
    wr_u64(&w, o->created);
    wr_var(&w, o->label, LIMIT_LABEL_MAX);
    wr_var(&w, o->id, LIMIT_ID_MAX);
    wr_var(&w, o->pub, LIMIT_PUBLIC_MAX);
    wr_var(&w, o->attributes, LIMIT_ATTRIBUTES_MAX);
    wr_var(&w, policy_bytes(&policy, room), POLICY_SIZE);
    wr_bytes(&w, o->secret.data, o->secret.size);
    const uint16_t sw = w.bad || wr_size(&w) > s.record_max
                            ? SW_NO_SPACE
                            : tx_put(c, STORE_OBJECT, o->type, handle, buffer, wr_size(&w));
    wipe(buffer, wr_size(&w));
    return sw;
}

static uint16_t room_for(struct device *d, uint64_t bytes)
{
    struct store_stat s;
    store_stat(d->store, &s);
    const uint64_t kept = d->audit.next - d->audit.first;
    const uint64_t log_to_come = kept < d->audit.max ? d->audit.max - kept : 0;
    const uint64_t wanted = bytes + RECORD_OVERHEAD + log_to_come * AUDIT_RECORD + ROOM_KEPT;
    if (d->objects.count + store_count(d->store, RECORD_USES) >= d->config.objects_max ||
        s.live_bytes + wanted > s.capacity_bytes)
        return SW_NO_SPACE;
    return SW_OK;
}

uint16_t object_room(struct device *d, uint8_t type)
{
    return room_for(d,
                    key_public_size(type) + key_secret_most(type) + LIMIT_LABEL_MAX + LIMIT_ID_MAX);
}

/* Handles are never used twice: before they run past the mark in the store, it is moved ahead. */
static uint16_t take_handle(struct call *c, uint32_t *handle)
{
    struct objects *o = &c->d->objects;
    uint8_t mark[4];
    if (o->next_handle >= SESSION_HANDLE - HANDLES_AHEAD)
        return SW_NO_SPACE;
    *handle = o->next_handle;
    if (*handle < o->reserved)
        return SW_OK;
    store_be32(mark, *handle + HANDLES_AHEAD);
    return tx_put(c, STORE_SYSTEM, RECORD_HANDLES, ID_HANDLES, mark, sizeof mark);
}

static void changed(struct objects *o, uint32_t handle)
{
    o->log[o->changes++ % o->log_max] = handle;
}

static void added(struct call *c, bool done)
{
    struct objects *o = &c->d->objects;
    const uint32_t handle = c->pending[0];
    if (!done)
        return;
    if (handle >= o->reserved)
        o->reserved = handle + HANDLES_AHEAD;
    o->next_handle = handle + 1;
    changed(o, handle);
    index_add(o, handle, (uint8_t)c->pending[1]);
}

uint16_t object_count_uses(struct call *c, uint32_t handle)
{
    const uint16_t sw = room_for(c->d, 0);
    return sw == SW_OK ? uses_begin(c, handle) : sw;
}

uint16_t object_add(struct call *c, const struct object *o, uint32_t *handle)
{
    uint16_t sw = room_for(c->d, o->pub.size + o->secret.size + o->attributes.size +
                                     LIMIT_LABEL_MAX + LIMIT_ID_MAX);
    if (sw == SW_OK)
        sw = take_handle(c, handle);
    if (sw == SW_OK)
        sw = put(c, *handle, o);
    if (CONFIG_POLICY && sw == SW_OK && o->policy.uses)
        sw = uses_begin(c, *handle);
    if (sw != SW_OK)
        return sw;
    c->object = c->pending[0] = *handle;
    c->pending[1] = o->type;
    c->settle = added;
    return SW_OK;
}

static void replaced(struct call *c, bool done)
{
    struct indexed *i = index_at(&c->d->objects, c->pending[0]);
    if (!done || !i)
        return;
    i->state = INDEX_NEW;
    changed(&c->d->objects, c->pending[0]);
    cache_drop(&c->d->objects, c->pending[0]);
}

uint16_t object_replace(struct call *c, uint32_t handle, const struct object *o)
{
    c->pending[0] = handle;
    c->settle = replaced;
    return put(c, handle, o);
}

static void removed(struct call *c, bool done)
{
    if (!done)
        return;
    changed(&c->d->objects, c->pending[0]);
    index_remove(&c->d->objects, c->pending[0]);
    cache_drop(&c->d->objects, c->pending[0]);
}

uint16_t object_remove(struct call *c, uint32_t handle)
{
    c->pending[0] = handle;
    c->settle = removed;
    const uint16_t sw = CONFIG_POLICY ? uses_end(c, handle) : (uint16_t)SW_OK;
    return sw == SW_OK ? tx_delete(c, handle) : sw;
}

uint16_t objects_load(struct device *d)
{
    struct objects *o = &d->objects;
    size_t n;
    uint16_t sw = record_get(d, ID_HANDLES, &n);
    if (sw != SW_OK)
        return sw;
    if (n != 4)
        return SW_STORE_DAMAGED;
    o->next_handle = o->reserved = load_be32(d->record);
    o->count = o->learned = 0;
    for (uint32_t h = store_next(d->store, 0, 0); h && h < SESSION_HANDLE;
         h = store_next(d->store, h, 0)) {
        uint8_t type;
        if (o->count >= d->config.objects_max)
            return SW_NO_SPACE;
        store_has(d->store, h, &type);
        index_add(o, h, type);
    }
    return SW_OK;
}
