/* C_FindObjectsInit, C_FindObjects, C_FindObjectsFinal. */
#include "host/pkcs11/operation.h"

#include <stdlib.h>

static bool list_add(struct operation *op, CK_OBJECT_HANDLE handle)
{
    if ((op->found_count & (op->found_count - 1)) == 0) { /* a power of two: full */
        const CK_ULONG room = op->found_count ? 2 * op->found_count : 1;
        CK_OBJECT_HANDLE *more = realloc(op->found, room * sizeof *more);
        if (!more)
            return false;
        op->found = more;
    }
    op->found[op->found_count++] = handle;
    return true;
}

static bool of_public_part(const CK_ATTRIBUTE *t, CK_ULONG n)
{
    return template_find(t, n, CKA_MODULUS) || template_find(t, n, CKA_EC_POINT) ||
           template_find(t, n, CKA_PUBLIC_EXPONENT) || template_find(t, n, CKA_EC_PARAMS) ||
           template_find(t, n, CKA_PUBLIC_KEY_INFO) || template_find(t, n, CKA_VALUE);
}

/* A search for numbers of keys needs them all. */
static CK_RV complete_all(struct session *s)
{
    struct slot *slot = s->slot;
    for (;;) {
        lock_take(&slot->lock);
        struct object *o = slot->first;
        while (o && (!o->device || o->complete || !object_visible(slot, o)))
            o = o->next;
        if (o)
            o->refs++;
        lock_give(&slot->lock);
        if (!o)
            return CKR_OK;
        const CK_RV rv = token_complete(slot, o);
        if (rv == CKR_OBJECT_HANDLE_INVALID) {
            lock_take(&slot->lock);
            index_remove(slot, o);
            lock_give(&slot->lock);
        }
        object_release(slot, o);
        if (rv != CKR_OK && rv != CKR_OBJECT_HANDLE_INVALID)
            return rv;
    }
}

/* Those with the label or id, else all: in order of their making. */
static CK_RV collect(struct session *s, struct operation *op, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    struct slot *slot = s->slot;
    CK_RV rv = CKR_OK;
    lock_take(&slot->lock);
    for (struct object *o = index_first(slot, t, n); o && rv == CKR_OK; o = index_next(o, t, n))
        if (object_matches(slot, o, t, n) && !list_add(op, o->handle))
            rv = CKR_HOST_MEMORY;
    lock_give(&slot->lock);
    return rv;
}

static CK_RV find_init(struct session *s, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    if (s->op[OP_FIND])
        return CKR_OPERATION_ACTIVE;
    for (CK_ULONG i = 0; i < n; i++)
        if (!t[i].pValue && t[i].ulValueLen)
            return CKR_ATTRIBUTE_VALUE_INVALID;
    struct operation *op = calloc(1, sizeof *op);
    if (!op)
        return CKR_HOST_MEMORY;
    bool token = true;
    template_bool(t, n, CKA_TOKEN, &token);
    CK_RV rv = token ? token_refresh(s->slot, t, n) : CKR_OK;
    if (rv == CKR_OK && of_public_part(t, n))
        rv = complete_all(s);
    if (rv == CKR_OK)
        rv = collect(s, op, t, n);
    if (rv == CKR_OK)
        s->op[OP_FIND] = op;
    else
        operation_free(s, op);
    return rv;
}

CK_RV C_FindObjectsInit(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *t, CK_ULONG n)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!t && n)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    return leave_session(s, find_init(s, t, n));
}

CK_RV C_FindObjects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *objects, CK_ULONG max,
                    CK_ULONG *count)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if ((!objects && max) || !count)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    struct operation *op = s->op[OP_FIND];
    if (!op)
        return leave_session(s, CKR_OPERATION_NOT_INITIALIZED);
    *count = 0;
    while (*count < max && op->found_next < op->found_count)
        objects[(*count)++] = op->found[op->found_next++];
    return leave_session(s, CKR_OK);
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE handle)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!s->op[OP_FIND])
        return leave_session(s, CKR_OPERATION_NOT_INITIALIZED);
    operation_end(s, OP_FIND);
    return leave_session(s, CKR_OK);
}
