#include "firmware/app/uses.h"

#include "firmware/app/core.h"
#include "firmware/base/endian.h"

enum { COUNTER = 4 };

static uint16_t put(struct call *c, uint32_t handle, uint32_t used)
{
    uint8_t record[COUNTER];
    if (handle >= USES_HANDLES)
        return SW_NO_SPACE;
    store_be32(record, used);
    return tx_put(c, STORE_OBJECT, RECORD_USES, ID_USES + handle, record, sizeof record);
}

uint16_t uses_begin(struct call *c, uint32_t handle)
{
    return put(c, handle, 0);
}

uint16_t uses_raise(struct call *c, uint32_t handle, uint32_t used)
{
    uint32_t now;
    return uses_so_far(c->d, handle, &now) == SW_OK && now >= used ? SW_OK : put(c, handle, used);
}

uint16_t uses_end(struct call *c, uint32_t handle)
{
    if (handle >= USES_HANDLES || !store_has(c->d->store, ID_USES + handle, NULL))
        return SW_OK;
    return tx_delete(c, ID_USES + handle);
}

uint16_t uses_so_far(const struct device *d, uint32_t handle, uint32_t *used)
{
    const struct uses *u = &d->uses;
    uint8_t record[COUNTER], type;
    size_t n = sizeof record;
    *used = UINT32_MAX;
    for (size_t i = u->n; i-- > 0;) {
        if (u->waiting[i].handle == handle) {
            *used = u->waiting[i].used;
            return SW_OK;
        }
    }
    if (handle >= USES_HANDLES ||
        store_get(d->store, ID_USES + handle, &type, record, &n) != STORE_OK || n != COUNTER)
        return SW_STORE_DAMAGED;
    *used = load_be32(record);
    return SW_OK;
}

uint16_t uses_take(struct call *c, const struct key *key, uint32_t n)
{
    struct uses *u = &c->d->uses;
    uint32_t used;
    const uint16_t sw = uses_so_far(c->d, key->handle, &used);
    if (sw != SW_OK)
        return sw;
    if (used >= key->policy.uses || n > key->policy.uses - used)
        return SW_KEY_USED_UP;
    if (u->n == sizeof u->waiting / sizeof *u->waiting)
        gather_flush(c->d);
    u->waiting[u->n++] = (struct use){c->x, key->handle, used + n, c->account};
    return SW_OK;
}

void uses_drop(struct call *c)
{
    struct uses *u = &c->d->uses;
    while (u->n && u->waiting[u->n - 1].x == c->x)
        u->n--;
}

/* Of several uses of one key the last tells. */
static bool is_last(const struct uses *u, size_t at)
{
    for (size_t i = at + 1; i < u->n; i++)
        if (u->waiting[i].handle == u->waiting[at].handle)
            return false;
    return true;
}

static uint16_t stage(struct call *c)
{
    const struct uses *u = &c->d->uses;
    uint16_t sw = SW_OK;
    for (size_t i = 0; sw == SW_OK && i < u->n; i++)
        if (is_last(u, i))
            sw = put(c, u->waiting[i].handle, u->waiting[i].used);
    return sw;
}

uint16_t uses_stage(struct call *c)
{
    const uint16_t sw = stage(c);
    c->d->uses.n = 0;
    return sw;
}

void uses_commit(struct device *d)
{
    struct uses *u = &d->uses;
    struct call c = {.d = d};
    if (!u->n)
        return;
    uint16_t sw = stage(&c);
    if (sw == SW_OK)
        sw = tx_commit(&c);
    tx_abort(&c);
    for (size_t i = 0; sw != SW_OK && i < u->n; i++) {
        const struct use *one = &u->waiting[i];
        if (one->x->sw == SW_OK)
            gather_failed(d, &(struct gathered){one->x, NULL, one->handle, one->account}, sw);
    }
    u->n = 0;
}
