/* The objects of a slot: found by handle, label or id without walking through all of them. */
#include "host/pkcs11/object.h"

#include <stdlib.h>
#include <string.h>

/*
 * A handle tells what it is of: a session object, or a part of an object of the device; with a
 * private one of the token, after how many logouts (where a handle has room for it).
 */
enum { PART_BITS = 2, LOGOUTS_AT = 40 };
#define LASTING (((CK_OBJECT_HANDLE)1 << (LOGOUTS_AT / 2) << (LOGOUTS_AT / 2)) - 1)

CK_OBJECT_HANDLE token_handle(uint32_t device, enum part part)
{
    return (CK_OBJECT_HANDLE)device << PART_BITS | (CK_OBJECT_HANDLE)part;
}

CK_OBJECT_HANDLE lasting_handle(CK_OBJECT_HANDLE handle)
{
    return handle & LASTING;
}

enum part object_part(const struct object *o)
{
    return (enum part)(o->handle & ((1u << PART_BITS) - 1));
}

static void count_logouts(const struct slot *slot, struct object *o)
{
    if (object_is_token(o) && object_is_private(o))
        o->handle |= slot->logouts << (LOGOUTS_AT / 2) << (LOGOUTS_AT / 2);
}

CK_RV objects_begin(struct slot *slot)
{
    slot->by_handle = calloc(INDEX_SIZE, sizeof *slot->by_handle);
    slot->by_label = calloc(INDEX_SIZE, sizeof *slot->by_label);
    slot->by_id = calloc(INDEX_SIZE, sizeof *slot->by_id);
    return slot->by_handle && slot->by_label && slot->by_id ? CKR_OK : CKR_HOST_MEMORY;
}

void objects_end(struct slot *slot)
{
    struct object *next;
    for (struct object *o = slot->first; o; o = next) {
        next = o->next;
        object_free(o);
    }
    slot->first = slot->last = NULL;
    free(slot->by_handle);
    free(slot->by_label);
    free(slot->by_id);
    slot->by_handle = slot->by_label = slot->by_id = NULL;
}

/* ------------------------------------------------------------------ chains (with the slot's lock)
 */

static struct object **handle_chain(const struct slot *slot, CK_OBJECT_HANDLE handle)
{
    handle = lasting_handle(handle);
    return &slot->by_handle[(handle ^ handle >> 14) % INDEX_SIZE];
}

static uint32_t hash_of(const void *data, size_t n)
{
    const uint8_t *p = data;
    uint32_t h = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 16777619u;
    return h % INDEX_SIZE;
}

static struct object **value_chain(struct object **table, const struct object *o,
                                   CK_ATTRIBUTE_TYPE type)
{
    const struct attribute *a = attribute_of(o, type);
    return a && a->size ? &table[hash_of(a->value, a->size)] : NULL;
}

static void chain_remove(struct object **chain, struct object *o, size_t link)
{
    while (chain && *chain && *chain != o)
        chain = (struct object **)(void *)((char *)*chain + link);
    if (chain && *chain)
        *chain = *(struct object **)(void *)((char *)o + link);
}

static void index_list(struct slot *slot, struct object *o)
{
    struct object **label = value_chain(slot->by_label, o, CKA_LABEL);
    struct object **id = value_chain(slot->by_id, o, CKA_ID);
    o->same_label = o->same_id = NULL;
    if (label) {
        o->same_label = *label;
        *label = o;
    }
    if (id) {
        o->same_id = *id;
        *id = o;
    }
}

static void index_unlist(struct slot *slot, struct object *o)
{
    chain_remove(value_chain(slot->by_label, o, CKA_LABEL), o, offsetof(struct object, same_label));
    chain_remove(value_chain(slot->by_id, o, CKA_ID), o, offsetof(struct object, same_id));
}

/* next: NULL: at the end */
static void add_before(struct slot *slot, struct object *o, struct object *next)
{
    count_logouts(slot, o);
    struct object **chain = handle_chain(slot, o->handle);
    o->same_handle = *chain;
    *chain = o;
    o->next = next;
    o->prev = next ? next->prev : slot->last;
    *(o->prev ? &o->prev->next : &slot->first) = o;
    *(next ? &next->prev : &slot->last) = o;
    slot->objects++;
    index_list(slot, o);
}

void index_add(struct slot *slot, struct object *o)
{
    add_before(slot, o, NULL);
}

void index_remove(struct slot *slot, struct object *o)
{
    if (o->gone)
        return;
    o->gone = true;
    index_unlist(slot, o);
    chain_remove(handle_chain(slot, o->handle), o, offsetof(struct object, same_handle));
    *(o->prev ? &o->prev->next : &slot->first) = o->next;
    *(o->next ? &o->next->prev : &slot->last) = o->prev;
    slot->objects--;
    if (--o->refs == 0)
        object_free(o);
}

void index_replace(struct slot *slot, struct object *old, struct object *o)
{
    struct object *next = old->next;
    if (old->once)
        o->once = old->once;
    index_remove(slot, old);
    add_before(slot, o, next);
}

void index_add_new(struct slot *slot, struct object *o)
{
    struct object *seen = o->device ? index_part(slot, o->device, object_part(o)) : NULL;
    o->epoch = slot->epoch;
    if (seen)
        index_replace(slot, seen, o);
    else
        index_add(slot, o);
}

struct object *index_find(struct slot *slot, CK_OBJECT_HANDLE handle)
{
    struct object *o = *handle_chain(slot, handle);
    while (o && o->handle != handle)
        o = o->same_handle;
    if (!o && (handle & ((1u << PART_BITS) - 1)) == PUBLIC)
        for (o = slot->first; o && o->once != handle;)
            o = o->next;
    return o;
}

struct object *index_part(struct slot *slot, uint32_t device, enum part part)
{
    const CK_OBJECT_HANDLE handle = token_handle(device, part);
    struct object *o = *handle_chain(slot, handle);
    while (o && lasting_handle(o->handle) != handle)
        o = o->same_handle;
    return o;
}

static const CK_ATTRIBUTE *searched(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type)
{
    const CK_ATTRIBUTE *a = template_find(t, n, type);
    return a && a->ulValueLen ? a : NULL;
}

struct object *index_first(const struct slot *slot, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    const CK_ATTRIBUTE *id = searched(t, n, CKA_ID), *label = searched(t, n, CKA_LABEL);
    if (id)
        return slot->by_id[hash_of(id->pValue, id->ulValueLen)];
    return label ? slot->by_label[hash_of(label->pValue, label->ulValueLen)] : slot->first;
}

struct object *index_next(const struct object *o, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    if (searched(t, n, CKA_ID))
        return o->same_id;
    return searched(t, n, CKA_LABEL) ? o->same_label : o->next;
}

/* ------------------------------------------------------------------ holding */

bool object_visible(const struct slot *slot, const struct object *o)
{
    return !object_is_private(o) || sees_private(slot);
}

bool object_matches(const struct slot *slot, const struct object *o, const CK_ATTRIBUTE *t,
                    CK_ULONG n)
{
    if (!object_visible(slot, o))
        return false;
    for (CK_ULONG i = 0; i < n; i++)
        if (!attribute_matches(o, &t[i]))
            return false;
    return true;
}

struct object *object_hold(struct session *s, CK_OBJECT_HANDLE handle)
{
    lock_take(&s->slot->lock);
    struct object *o = index_find(s->slot, handle);
    if (o && !object_visible(s->slot, o))
        o = NULL;
    if (o)
        o->refs++;
    lock_give(&s->slot->lock);
    return o;
}

void object_release(struct slot *slot, struct object *o)
{
    if (!o)
        return;
    lock_take(&slot->lock);
    const bool last = --o->refs == 0;
    lock_give(&slot->lock);
    if (last)
        object_free(o);
}

bool so_is_in(const struct session *s)
{
    return s->slot->login == LOGIN_SO;
}

CK_RV object_writable(const struct session *s, bool token, bool private)
{
    lock_take(&s->slot->lock);
    const enum login login = s->slot->login;
    lock_give(&s->slot->lock);
    if (token && !s->rw)
        return CKR_SESSION_READ_ONLY;
    if (private && login != LOGIN_USER)
        return CKR_USER_NOT_LOGGED_IN;
    return CKR_OK;
}

CK_OBJECT_HANDLE object_add(struct session *s, struct object *o)
{
    struct slot *slot = s->slot;
    lock_take(&slot->lock);
    if (!object_is_token(o))
        o->owner = s->handle;
    if (!o->handle)
        o->handle = ++slot->next_handle << PART_BITS | OF_SESSION;
    index_add_new(slot, o);
    const CK_OBJECT_HANDLE handle = o->handle;
    lock_give(&slot->lock);
    return handle;
}

/* ------------------------------------------------------------------ ends */

struct gone {
    uint32_t *device; /* of temporary keys */
    size_t n, room;
};

static void gone_add(struct gone *g, uint32_t device)
{
    if (g->n == g->room) {
        const size_t room = 2 * g->room + 8;
        uint32_t *more = realloc(g->device, room * sizeof *more);
        if (!more)
            return; /* it stays until the process has ended, then is an orphan */
        g->device = more;
        g->room = room;
    }
    g->device[g->n++] = device;
}

/* The device is told of temporary keys when the lock is free. */
static void end_all(struct slot *slot, bool (*which)(const struct object *, CK_SESSION_HANDLE),
                    CK_SESSION_HANDLE session)
{
    struct gone gone = {NULL, 0, 0};
    struct object *next;
    lock_take(&slot->lock);
    for (struct object *o = slot->first; o; o = next) {
        next = o->next;
        if (!which(o, session))
            continue;
        if (o->temporary && o->device)
            gone_add(&gone, o->device);
        index_remove(slot, o);
    }
    lock_give(&slot->lock);
    for (size_t i = 0; i < gone.n; i++) {
        struct use u = {0};
        if (use_begin(&u, slot) == CKR_OK)
            use_end(&u, hufu_object_destroy(u.session, gone.device[i]));
    }
    free(gone.device);
}

static bool of_session(const struct object *o, CK_SESSION_HANDLE session)
{
    return !object_is_token(o) && o->owner == session;
}

static bool is_private(const struct object *o, CK_SESSION_HANDLE session)
{
    (void)session;
    return object_is_private(o);
}

static bool of_token(const struct object *o, CK_SESSION_HANDLE session)
{
    (void)session;
    return object_is_token(o);
}

void objects_of_session_end(struct slot *slot, CK_SESSION_HANDLE session)
{
    end_all(slot, of_session, session);
}

void objects_private_end(struct slot *slot)
{
    end_all(slot, is_private, 0);
    lock_take(&slot->lock);
    slot->logouts = (slot->logouts + 1) & 0x3fffff;
    lock_give(&slot->lock);
}

void objects_forget_token(struct slot *slot)
{
    end_all(slot, of_token, 0);
}
