/* Keys that are ready for use: a direct-mapped cache, so that a signature needs no record of the
 * store. */
#include "firmware/app/core.h"
#include "firmware/base/wipe.h"

#include <string.h>

enum { KEYS_MIN = 4, KEYS_MAX = 256, RSA_MIN = 1, RSA_MAX = 64, LOG_MIN = 16, LOG_MAX = 4096 };

static uint32_t between(uint32_t low, uint32_t x, uint32_t high)
{
    return x < low ? low : x > high ? high : x;
}

void objects_lay_out(struct arena *a, struct objects *o, uint32_t objects_max)
{
    o->keys_max = between(KEYS_MIN, objects_max / 16, KEYS_MAX);
    o->rsa_max = between(RSA_MIN, objects_max / 64, RSA_MAX);
    o->log_max = between(LOG_MIN, objects_max / 16, LOG_MAX);
    o->index = arena_take(a, objects_max * sizeof *o->index);
    o->keys = arena_take(a, o->keys_max * sizeof *o->keys);
    o->rsa = arena_take(a, o->rsa_max * sizeof *o->rsa);
    o->log = arena_take(a, o->log_max * sizeof *o->log);
}

static void drop(struct key *k)
{
    if (k->rsa)
        wipe(k->rsa, sizeof *k->rsa);
    wipe(k, sizeof *k);
}

void cache_drop(struct objects *o, uint32_t handle)
{
    struct key *k = &o->keys[handle % o->keys_max];
    if (k->handle == handle)
        drop(k);
}

void objects_forget(struct device *d)
{
    struct objects *o = &d->objects;
    for (uint32_t i = 0; i < o->keys_max; i++)
        drop(&o->keys[i]);
    wipe(&o->session_key, sizeof o->session_key);
    o->count = o->learned = 0;
}

/* The place for the RSA part of a key, taken from whatever key has it. */
static struct rsa_private *rsa_place(struct objects *o, uint32_t handle)
{
    struct rsa_private *r = &o->rsa[handle % o->rsa_max];
    for (uint32_t i = 0; i < o->keys_max; i++)
        if (o->keys[i].rsa == r)
            drop(&o->keys[i]);
    return r;
}

static int prepare(struct objects *all, struct key *k, const struct object *o)
{
    switch (k->type) {
    case KEY_SM2:
        memcpy(k->pub, o->pub.data, SM2_POINT);
        return sm2_sign_key(&k->sm2, o->secret.data);
    case KEY_RSA2048:
    case KEY_RSA3072:
    case KEY_RSA4096:
        k->rsa = rsa_place(all, k->handle);
        return rsa_from_object(o, k->rsa);
    default:
        if (o->pub.size > sizeof k->pub || o->secret.size > sizeof k->secret)
            return -1;
        if (o->pub.size)
            memcpy(k->pub, o->pub.data, o->pub.size);
        memcpy(k->secret, o->secret.data, o->secret.size);
        k->secret_size = (uint16_t)o->secret.size;
        return 0;
    }
}

uint16_t object_load(struct device *d, uint32_t handle, const struct key **key)
{
    struct key *k = &d->objects.keys[handle % d->objects.keys_max];
    struct object o;
    *key = k;
    if (handle && k->handle == handle)
        return SW_OK;
    uint16_t sw = object_get(d, handle, &o);
    if (sw == SW_OK && key_is_blob(o.type)) {
        sw = SW_KEY_TYPE;
    } else if (sw == SW_OK) {
        drop(k);
        k->handle = handle;
        k->type = o.type;
        k->usage = o.usage;
        k->owner = o.owner;
        k->origin = o.origin;
        k->policy = o.policy;
        if (prepare(&d->objects, k, &o)) {
            drop(k);
            sw = SW_STORE_DAMAGED;
        }
    }
    record_wipe(d);
    return sw;
}
