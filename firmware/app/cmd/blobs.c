/* Group objects: what programs keep beside keys - data, certificates, attributes - and the reading
 * of all objects at once. */
#include "firmware/app/core.h"
#include "firmware/app/fresh.h"
#include "firmware/app/policy.h"
#include "handlers_gen.h"

#include <string.h>

uint16_t cmd_object_create(struct call *c, const struct object_create_req *q, struct wr *out)
{
    uint32_t handle = 0;
    if (!key_is_blob(q->type))
        return SW_NOT_SUPPORTED;
    if (usage_work(q->usage))
        return SW_WRONG_DATA;
    /* administrators have no secrets here, only what they vouch for */
    if (c->session->role == ROLE_ADMIN && !(q->usage & USAGE_PUBLIC))
        return SW_NOT_PERMITTED;
    const struct object o = {.type = q->type,
                             .owner = c->session->account,
                             .origin = ORIGIN_CLEAR,
                             .usage = q->usage,
                             .created = device_time(c->d),
                             .label = q->label,
                             .id = q->id,
                             .attributes = q->attributes,
                             .secret = q->value};
    const uint16_t sw = object_add(c, &o, &handle);
    object_create_rsp_put(out, &(struct object_create_rsp){handle});
    return sw;
}

uint16_t cmd_object_read(struct call *c, const struct object_read_req *q, struct wr *out)
{
    struct object o;
    const uint16_t sw = object_for(c, q->handle, ACCESS_SEE, &o);
    struct object_read_rsp r = {.attributes = o.attributes};
    if (sw != SW_OK)
        return sw;
    if (key_is_blob(o.type))
        r.value = o.secret;
    object_read_rsp_put(out, &r);
    return SW_OK;
}

uint16_t cmd_object_write(struct call *c, const struct object_write_req *q, struct wr *out)
{
    struct object o;
    (void)out;
    if (!q->parts || q->parts & ~(PART_ATTRIBUTES | PART_VALUE) ||
        (!(q->parts & PART_ATTRIBUTES) && q->attributes.size) ||
        (!(q->parts & PART_VALUE) && q->value.size))
        return SW_WRONG_DATA;
    const uint16_t sw = object_for(c, q->handle, ACCESS_LABEL, &o);
    if (sw != SW_OK)
        return sw;
    if (q->parts & PART_ATTRIBUTES)
        o.attributes = q->attributes;
    if (q->parts & PART_VALUE && !key_is_blob(o.type))
        return SW_KEY_TYPE;
    if (q->parts & PART_VALUE)
        o.secret = q->value;
    return object_replace(c, q->handle, &o);
}

/* The copy can do no more than the original, and is made where that came from. */
uint16_t cmd_object_copy(struct call *c, const struct object_copy_req *q, struct wr *out)
{
    uint32_t handle = 0;
    struct object o;
    uint16_t sw = object_for(c, q->handle, ACCESS_LABEL, &o);
    if (sw != SW_OK)
        return sw;
    /* two of them would have twice the uses */
    if (o.policy.uses || policy_narrows(o.usage, q->usage) != SW_OK)
        return SW_NOT_PERMITTED;
    if (key_is_blob(o.type) ? q->usage & ~key_usages(o.type)
                            : fresh_check(o.type, q->usage) != SW_OK)
        return SW_WRONG_DATA;
    sw = policy_fits(o.type, q->usage, &o.policy);
    if (sw != SW_OK)
        return sw;
    o.usage = q->usage;
    o.label = q->label;
    o.id = q->id;
    o.attributes = q->attributes;
    o.created = device_time(c->d);
    sw = object_add(c, &o, &handle);
    object_copy_rsp_put(out, &(struct object_copy_rsp){handle});
    return sw;
}

/* ---------------------------------------------------------------- all of them */

/* Starts from another number after every boot: what happened before it is not told apart. */
static uint64_t changes(const struct device *d)
{
    return (uint64_t)d->identity.boots << 32 | d->objects.changes;
}

/* An entry goes in whole or not at all. */
static bool put_detail(struct wr *out, uint32_t handle, const struct object *o)
{
    enum { FIXED = 4 + 1 + 4 + 1 + 1 + 8 + 2 + 2 + 2 + 2 + 2 + 2 };
    uint8_t room[POLICY_SIZE];
    const struct view policy = policy_bytes(&o->policy, room);
    if (wr_room(out) <
        FIXED + policy.size + o->label.size + o->id.size + o->pub.size + o->attributes.size)
        return false;
    const bool sized = key_is_blob(o->type) || key_is_secret(o->type);
    object_detail_put(out, &(struct object_detail){.handle = handle,
                                                   .type = o->type,
                                                   .usage = o->usage,
                                                   .owner = o->owner,
                                                   .origin = o->origin,
                                                   .created = o->created,
                                                   .label = o->label,
                                                   .id = o->id,
                                                   .public = o->pub,
                                                   .attributes = o->attributes,
                                                   .size = sized ? (uint16_t)o->secret.size : 0,
                                                   .policy = policy});
    return true;
}

uint16_t cmd_object_scan(struct call *c, const struct object_scan_req *q, struct wr *out)
{
    wr_u64(out, changes(c->d));
    return objects_walk(c, q->after, q->limit, q->type, put_detail, out);
}

uint16_t cmd_object_changes(struct call *c, const struct object_changes_req *q, struct wr *out)
{
    (void)q;
    object_changes_rsp_put(out, &(struct object_changes_rsp){changes(c->d), c->d->objects.count});
    return SW_OK;
}

/* Numbers of one start of the device differ by the changes between them. */
uint16_t cmd_object_changed(struct call *c, const struct object_changed_req *q, struct wr *out)
{
    const struct objects *o = &c->d->objects;
    const uint64_t now = changes(c->d);
    if (q->since > now || now - q->since > o->log_max)
        return SW_TOO_MANY;
    for (uint32_t i = (uint32_t)q->since; i != o->changes && wr_room(out) >= 4; i++)
        wr_u32(out, o->log[i % o->log_max]);
    return SW_OK;
}
