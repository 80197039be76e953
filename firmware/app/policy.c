#include "firmware/app/policy.h"

#include "firmware/base/wipe.h"

#include <string.h>

bool policy_sees(const struct call *c, uint8_t owner, bool open)
{
    if (!c->session || !c->session->role)
        return c->session && open;
    return open || c->session->role != ROLE_USER || c->session->account == owner;
}

/* SW_OK, SW_NO_OBJECT (also for what the session may not see), SW_NOT_PERMITTED */
static uint16_t may(const struct call *c, uint8_t owner, bool open, enum access access)
{
    if (!policy_sees(c, owner, open))
        return SW_NO_OBJECT;
    const bool own = c->session->role && c->session->account == owner;
    switch (access) {
    case ACCESS_SEE:
        return SW_OK;
    case ACCESS_USE:
    case ACCESS_LABEL:
        return own ? SW_OK : SW_NOT_PERMITTED;
    case ACCESS_EXPORT:
    case ACCESS_DESTROY:
        return own || c->session->role == ROLE_OPERATOR ? SW_OK : SW_NOT_PERMITTED;
    }
    return SW_NOT_PERMITTED;
}

uint16_t object_for(struct call *c, uint32_t handle, enum access access, struct object *o)
{
    c->object = handle;
    if (!c->session || handle & SESSION_HANDLE)
        return SW_NO_OBJECT;
    const uint16_t sw = object_get(c->d, handle, o);
    return sw == SW_OK ? may(c, o->owner, o->usage & USAGE_PUBLIC, access) : sw;
}

/* Session keys look like stored ones for the time of the call. */
static uint16_t session_key_for(struct call *c, uint32_t handle, const struct key **key)
{
    const struct session_key *k = session_key_find(c->session, handle);
    struct key *out = &c->d->objects.session_key;
    if (!k)
        return SW_NO_OBJECT;
    memset(out, 0, sizeof *out);
    out->handle = handle;
    out->usage = k->usage;
    out->type = k->type;
    out->owner = c->session->account;
    out->origin = k->origin;
    out->policy.withheld = k->withheld;
    out->secret_size = k->size;
    memcpy(out->secret, k->secret, k->size);
    *key = out;
    return SW_OK;
}

/* ---------------------------------------------------------------- limits */

enum { LEAVES = USAGE_EXPORT_WRAPPED | USAGE_EXTRACT | USAGE_READ };

uint16_t policy_fits(uint8_t type, uint32_t usage, const struct key_policy *p)
{
    if (usage & USAGE_DIGEST_ONLY && usage & USAGE_RAW)
        return SW_WRONG_DATA;
    if (policy_is_none(p))
        return SW_OK;
    if (!CONFIG_POLICY)
        return SW_NOT_SUPPORTED;
    /* outside nothing would count its uses or look at a clock */
    const bool leaves = usage & LEAVES && (p->uses || p->not_before || p->not_after);
    const bool never = p->not_after && p->not_after <= p->not_before;
    return key_is_blob(type) || leaves || never ? SW_WRONG_DATA : SW_OK;
}

uint16_t policy_narrows(uint32_t then, uint32_t now)
{
    const bool wider = usage_work(now) & ~then || (then & ~now & USAGE_DIGEST_ONLY);
    return wider ? SW_NOT_PERMITTED : SW_OK;
}

uint16_t policy_descends(const struct key *from, uint32_t usage, struct key_policy *p)
{
    p->withheld |= from->policy.withheld;
    return usage & from->policy.withheld ? SW_NOT_PERMITTED : SW_OK;
}

static uint16_t within_limits(struct call *c, const struct key *key, uint32_t uses)
{
    const struct key_policy *p = &key->policy;
    if (!CONFIG_POLICY)
        return policy_is_none(p) ? SW_OK : SW_NOT_SUPPORTED;
    if (p->not_before || p->not_after) {
        const uint64_t now = device_time_kept(c->d, device_time(c->d));
        if (!now || now < p->not_before || (p->not_after && now >= p->not_after))
            return SW_KEY_PERIOD;
    }
    return p->uses && uses ? uses_take(c, key, uses) : (uint16_t)SW_OK;
}

uint16_t key_for_uses(struct call *c, uint32_t handle, uint32_t usage, uint8_t type, uint32_t uses,
                      const struct key **key)
{
    c->object = handle;
    if (!c->session)
        return SW_NO_OBJECT;
    uint16_t sw =
        handle & SESSION_HANDLE ? session_key_for(c, handle, key) : object_load(c->d, handle, key);
    if (sw == SW_OK)
        sw = may(c, (*key)->owner, (*key)->usage & USAGE_PUBLIC, usage ? ACCESS_USE : ACCESS_SEE);
    if (sw != SW_OK)
        return sw;
    if (type && (*key)->type != type)
        return SW_KEY_TYPE;
    /* what DIGEST_ONLY says is what a key may not */
    if ((((*key)->usage ^ USAGE_DIGEST_ONLY) & usage) != usage)
        return SW_NOT_PERMITTED;
    return usage ? within_limits(c, *key, uses) : (uint16_t)SW_OK;
}

uint16_t key_for(struct call *c, uint32_t handle, uint32_t usage, uint8_t type,
                 const struct key **key)
{
    return key_for_uses(c, handle, usage, type, 1, key);
}
