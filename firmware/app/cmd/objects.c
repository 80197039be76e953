/* Group objects: stored keys and what is known about them. */
#include "firmware/app/core.h"
#include "firmware/app/policy.h"
#include "firmware/base/wipe.h"
#include "handlers_gen.h"

#include <string.h>

/* An entry goes in whole or not at all. */
static bool put_entry(struct wr *out, uint32_t handle, const struct object *o)
{
    if (wr_room(out) < 23 + o->label.size + o->id.size)
        return false;
    object_entry_put(out, &(struct object_entry){handle, o->type, o->usage, o->owner, o->origin,
                                                 o->created, o->label, o->id});
    return true;
}

uint16_t cmd_object_list(struct call *c, const struct object_list_req *q, struct wr *out)
{
    return objects_walk(c, q->after, q->limit, q->type, put_entry, out);
}

/* A session key has neither label nor public part. */
static uint16_t session_key_info(struct call *c, uint32_t handle, struct wr *out)
{
    const struct session_key *k = session_key_find(c->session, handle);
    if (!k)
        return SW_NO_OBJECT;
    object_info_rsp_put(out, &(struct object_info_rsp){.type = k->type,
                                                       .usage = k->usage,
                                                       .owner = c->session->account,
                                                       .origin = k->origin});
    return SW_OK;
}

uint16_t cmd_object_info(struct call *c, const struct object_info_req *q, struct wr *out)
{
    uint8_t room[POLICY_SIZE];
    struct object o;
    if (q->handle & SESSION_HANDLE)
        return session_key_info(c, q->handle, out);
    const uint16_t sw = object_for(c, q->handle, ACCESS_SEE, &o);
    if (sw == SW_OK)
        object_info_rsp_put(out, &(struct object_info_rsp){o.type, o.usage, o.owner, o.origin,
                                                           o.created, o.label, o.id, o.pub,
                                                           policy_bytes(&o.policy, room)});
    return sw;
}

static bool same(struct view a, struct view b)
{
    return a.size == b.size && !memcmp(a.data, b.data, a.size);
}

uint16_t cmd_object_find(struct call *c, const struct object_find_req *q, struct wr *out)
{
    uint32_t found = 0;
    struct object o;
    for (struct indexed *i = object_match(c, q->after, q->label, q->id); i && !found;
         i = object_match(c, i->handle, q->label, q->id)) {
        if (object_get(c->d, i->handle, &o) != SW_OK)
            continue;
        if ((!q->label.size || same(q->label, o.label)) && (!q->id.size || same(q->id, o.id)))
            found = i->handle;
    }
    object_find_rsp_put(out, &(struct object_find_rsp){found});
    return SW_OK;
}

uint16_t cmd_object_label(struct call *c, const struct object_label_req *q, struct wr *out)
{
    struct object o;
    (void)out;
    const uint16_t sw = object_for(c, q->handle, ACCESS_LABEL, &o);
    if (sw != SW_OK)
        return sw;
    o.label = q->label;
    o.id = q->id;
    return object_replace(c, q->handle, &o);
}

uint16_t cmd_object_destroy(struct call *c, const struct object_destroy_req *q, struct wr *out)
{
    struct object o;
    (void)out;
    if (q->handle & SESSION_HANDLE) {
        struct session_key *k = session_key_find(c->session, q->handle);
        c->object = q->handle;
        if (!k)
            return SW_NO_OBJECT;
        wipe(k, sizeof *k);
        return SW_OK;
    }
    uint16_t sw = object_for(c, q->handle, ACCESS_DESTROY, &o);
    if (sw == SW_STORE_DAMAGED && c->session->role == ROLE_OPERATOR)
        sw = SW_OK; /* nobody's any more: an operator clears it away */
    return sw == SW_OK ? object_remove(c, q->handle) : sw;
}
