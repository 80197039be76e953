/* Stored keys: a list that comes in parts. */
#include "host/lib/lib.h"

#include <string.h>

enum { LIST_PART = 256 };

static bool object_sound(const struct hufu_object *o)
{
    return o->handle != 0 && o->type >= KEY_SM2 && o->type <= KEY_HMAC;
}

static void entry_take(struct hufu_object *o, const struct object_entry *e)
{
    memset(o, 0, sizeof *o);
    o->handle = e->handle;
    o->type = e->type;
    o->usage = e->usage;
    o->owner = e->owner;
    o->origin = e->origin;
    o->created = e->created;
    text_get(o->label, sizeof o->label, e->label);
    memcpy(o->id, e->id.data, e->id.size);
    o->id_size = e->id.size;
}

/* One part of a list. *after becomes the last handle, *next what the device says. */
static enum hufu_status list_part(struct hufu_session *session, uint8_t type, uint32_t *after,
                                  uint32_t *next, hufu_object_fn *each, void *context)
{
    struct call c;
    const struct object_list_req req = {*after, LIST_PART, type};
    struct object_list_rsp m;
    struct rd r = {0};
    if (!CALL(&c, session, object_list, OBJECT_LIST, 0, &req, &m))
        rd_init(&r, m.entries.data, m.entries.size);
    while (!c.status && rd_left(&r)) {
        struct object_entry e;
        struct hufu_object o;
        if (call_check(&c, object_entry_get(&r, &e)))
            break;
        entry_take(&o, &e);
        if (call_check(&c, object_sound(&o) && o.handle > *after && (!type || o.type == type)))
            break;
        *after = o.handle;
        if (each(context, &o))
            c.status = fail_with(HUFU_E_STOPPED, "the list of objects was stopped by the caller");
    }
    if (!c.status) {
        *next = m.next;
        /* more is promised: then something must have come, or the list would never end */
        call_check(&c, !m.next || (m.entries.size && m.next >= *after));
    }
    call_end(&c);
    return c.status;
}

enum hufu_status hufu_object_list(struct hufu_session *session, uint8_t type, hufu_object_fn *each,
                                  void *context)
{
    uint32_t after = 0, next = 0;
    enum hufu_status s;
    do
        s = list_part(session, type, &after, &next, each, context);
    while (!s && next);
    return s;
}

enum hufu_status hufu_object_info(struct hufu_session *session, uint32_t handle,
                                  struct hufu_object *object)
{
    struct call c;
    const struct object_info_req req = {handle};
    struct object_info_rsp m;
    memset(object, 0, sizeof *object);
    if (!CALL(&c, session, object_info, OBJECT_INFO, 0, &req, &m)) {
        const struct object_entry e = {handle,   m.type,    m.usage, m.owner,
                                       m.origin, m.created, m.label, m.id};
        entry_take(object, &e);
        object->public_size = m.public.size;
        memcpy(object->public_key, m.public.data, m.public.size);
        call_check(&c, object_sound(object) && m.public.size == hufu_public_size(m.type));
    }
    call_end(&c);
    return c.status;
}

enum hufu_status hufu_object_find(struct hufu_session *session, uint32_t after, const char *label,
                                  const void *id, size_t id_size, uint32_t *handle)
{
    struct call c;
    const struct object_find_req req = {after, as_text(label), as_view(id, id_size)};
    struct object_find_rsp m;
    *handle = 0;
    if (!CALL(&c, session, object_find, OBJECT_FIND, req.label.size + id_size, &req, &m) &&
        !call_check(&c, !m.handle || m.handle > after)) {
        *handle = m.handle;
        if (!m.handle)
            c.status =
                fail_with(HUFU_E_NO_OBJECT, "%s: no%s object %s%s", session->device->url,
                          after ? " further" : "",
                          label && *label ? "with the label " : "of this id", label ? label : "");
    }
    call_end(&c);
    return c.status;
}

enum hufu_status hufu_object_label(struct hufu_session *session, uint32_t handle, const char *label,
                                   const void *id, size_t id_size)
{
    struct call c;
    const struct object_label_req req = {handle, as_text(label), as_view(id, id_size)};
    struct object_label_rsp m;
    CALL(&c, session, object_label, OBJECT_LABEL, req.label.size + id_size, &req, &m);
    call_end(&c);
    return c.status;
}

enum hufu_status hufu_object_destroy(struct hufu_session *session, uint32_t handle)
{
    struct call c;
    const struct object_destroy_req req = {handle};
    struct object_destroy_rsp m;
    CALL(&c, session, object_destroy, OBJECT_DESTROY, 0, &req, &m);
    call_end(&c);
    return c.status;
}
