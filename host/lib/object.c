/* Stored keys: a list that comes in parts. */
#include "host/lib/lib.h"

#include <string.h>

enum { LIST_PART = 256 };

static bool object_sound(const struct hufu_object *o)
{
    return o->handle != 0 && o->type >= KEY_SM2 && o->type <= KEY_CERTIFICATE;
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
    return call_end(&c);
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
        call_check(&c, object_sound(object) && policy_take(&object->policy, m.policy) &&
                           m.public.size == hufu_public_size(m.type));
    }
    return call_end(&c);
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
    return call_end(&c);
}

enum hufu_status hufu_object_label(struct hufu_session *session, uint32_t handle, const char *label,
                                   const void *id, size_t id_size)
{
    struct call c;
    const struct object_label_req req = {handle, as_text(label), as_view(id, id_size)};
    struct object_label_rsp m;
    CALL(&c, session, object_label, OBJECT_LABEL, req.label.size + id_size, &req, &m);
    return call_end(&c);
}

enum hufu_status hufu_object_destroy(struct hufu_session *session, uint32_t handle)
{
    struct call c;
    const struct object_destroy_req req = {handle};
    struct object_destroy_rsp m;
    CALL(&c, session, object_destroy, OBJECT_DESTROY, 0, &req, &m);
    return call_end(&c);
}

/* ------------------------------------------------------------------ data and attributes */

enum hufu_status hufu_object_create(struct hufu_session *session,
                                    const struct hufu_object_spec *spec, uint32_t *handle)
{
    struct call c;
    const struct object_create_req req = {
        .type = spec->type,
        .usage = spec->usage,
        .label = as_text(spec->label),
        .id = as_view(spec->id, spec->id_size),
        .attributes = as_view(spec->attributes, spec->attributes_size),
        .value = as_view(spec->value, spec->value_size),
    };
    struct object_create_rsp m;
    const size_t hint = req.label.size + spec->id_size + spec->attributes_size + spec->value_size;
    if (!CALL(&c, session, object_create, OBJECT_CREATE, hint, &req, &m) &&
        !call_check(&c, m.handle != 0))
        *handle = m.handle;
    return call_end(&c);
}

enum hufu_status hufu_object_read(struct hufu_session *session, uint32_t handle, void *attributes,
                                  size_t *attributes_size, void *value, size_t *value_size)
{
    struct call c;
    const struct object_read_req req = {handle};
    struct object_read_rsp m;
    if (!CALL(&c, session, object_read, OBJECT_READ, 0, &req, &m)) {
        if (attributes_size)
            c.status = give("attributes", attributes, attributes_size, m.attributes);
        const enum hufu_status s = value_size ? give("value", value, value_size, m.value) : HUFU_OK;
        if (!c.status)
            c.status = s;
    }
    return call_end(&c);
}

enum hufu_status hufu_object_write(struct hufu_session *session, uint32_t handle, uint8_t parts,
                                   const void *attributes, size_t attributes_size,
                                   const void *value, size_t value_size)
{
    struct call c;
    const struct object_write_req req = {handle, parts, as_view(attributes, attributes_size),
                                         as_view(value, value_size)};
    struct object_write_rsp m;
    CALL(&c, session, object_write, OBJECT_WRITE, attributes_size + value_size, &req, &m);
    return call_end(&c);
}

enum hufu_status hufu_object_copy(struct hufu_session *session, uint32_t handle,
                                  const struct hufu_object_spec *spec, uint32_t *copy)
{
    struct call c;
    const struct object_copy_req req = {
        .handle = handle,
        .usage = spec->usage,
        .label = as_text(spec->label),
        .id = as_view(spec->id, spec->id_size),
        .attributes = as_view(spec->attributes, spec->attributes_size),
    };
    struct object_copy_rsp m;
    const size_t hint = req.label.size + spec->id_size + spec->attributes_size;
    if (!CALL(&c, session, object_copy, OBJECT_COPY, hint, &req, &m) &&
        !call_check(&c, m.handle != 0))
        *copy = m.handle;
    return call_end(&c);
}

/* ------------------------------------------------------------------ scan */

static bool detail_take(struct hufu_detail *d, const struct object_detail *e)
{
    const struct object_entry head = {e->handle, e->type,    e->usage, e->owner,
                                      e->origin, e->created, e->label, e->id};
    memset(d, 0, sizeof *d);
    entry_take(&d->object, &head);
    d->object.public_size = e->public.size;
    memcpy(d->object.public_key, e->public.data, e->public.size);
    d->attributes = e->attributes.data;
    d->attributes_size = e->attributes.size;
    d->value_size = e->size;
    return object_sound(&d->object) && policy_take(&d->object.policy, e->policy) &&
           e->public.size == hufu_public_size(e->type);
}

struct scan {
    uint8_t type;
    hufu_scan_fn *each;
    void *context;
    uint32_t after, next;
};

static enum hufu_status scan_part(struct hufu_session *session, struct scan *s, uint64_t *changes)
{
    struct call c;
    const struct object_scan_req req = {s->after, 0, s->type};
    struct object_scan_rsp m;
    struct rd r = {0};
    if (!CALL(&c, session, object_scan, OBJECT_SCAN, 0, &req, &m)) {
        rd_init(&r, m.entries.data, m.entries.size);
        *changes = m.changes;
    }
    while (!c.status && rd_left(&r)) {
        struct object_detail e;
        struct hufu_detail d;
        if (call_check(&c, object_detail_get(&r, &e) && detail_take(&d, &e) &&
                               e.handle > s->after && (!s->type || e.type == s->type)))
            break;
        s->after = e.handle;
        if (s->each(s->context, &d))
            c.status = fail_with(HUFU_E_STOPPED, "the scan of objects was stopped by the caller");
    }
    if (!c.status) {
        s->next = m.next;
        call_check(&c, !m.next || (m.entries.size && m.next >= s->after));
    }
    return call_end(&c);
}

enum hufu_status hufu_object_scan(struct hufu_session *session, uint8_t type, hufu_scan_fn *each,
                                  void *context, uint64_t *changes)
{
    struct scan s = {.type = type, .each = each, .context = context};
    uint64_t first = 0, now = 0;
    enum hufu_status status = scan_part(session, &s, &first);
    while (!status && s.next)
        status = scan_part(session, &s, &now);
    if (!status && changes)
        *changes = first;
    return status;
}

enum hufu_status hufu_object_changes(struct hufu_session *session, uint64_t *changes,
                                     uint32_t *count)
{
    struct call c;
    const struct object_changes_req req = {0};
    struct object_changes_rsp m;
    if (!CALL(&c, session, object_changes, OBJECT_CHANGES, 0, &req, &m)) {
        *changes = m.changes;
        if (count)
            *count = m.objects;
    }
    return call_end(&c);
}

enum hufu_status hufu_object_changed(struct hufu_session *session, uint64_t since,
                                     uint32_t *handles, size_t *n)
{
    struct call c;
    const struct object_changed_req req = {since};
    struct object_changed_rsp m;
    struct rd r;
    const size_t room = *n;
    *n = 0;
    if (!CALL(&c, session, object_changed, OBJECT_CHANGED, 0, &req, &m) &&
        !call_check(&c, m.handles.size % 4 == 0)) {
        rd_init(&r, m.handles.data, m.handles.size);
        while (*n < room && rd_left(&r))
            handles[(*n)++] = rd_u32(&r);
    }
    return call_end(&c);
}
