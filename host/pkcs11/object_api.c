/* C_CreateObject, C_CopyObject, C_DestroyObject, C_GetObjectSize, C_GetAttributeValue,
 * C_SetAttributeValue. */
#include "host/pkcs11/crypto.h"
#include "host/pkcs11/operation.h"

#include <string.h>

/* ------------------------------------------------------------------ C_CreateObject */

static CK_RV key_family(struct object *o, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    const CK_ATTRIBUTE *params = template_find(t, n, CKA_EC_PARAMS);
    const CK_RV rv = template_key_type(o, t, n);
    if (rv != CKR_OK)
        return rv;
    if (o->family == FAMILY_EC && params && params->ulValueLen == sizeof oid_sm2 &&
        params->pValue && memcmp(params->pValue, oid_sm2, sizeof oid_sm2) == 0)
        o->family = FAMILY_SM2;
    if (o->class == CKO_DOMAIN_PARAMETERS && o->family != FAMILY_DSA && o->family != FAMILY_DH)
        return CKR_TEMPLATE_INCONSISTENT;
    if (o->family == FAMILY_NONE || (o->family == FAMILY_SECRET) != (o->class == CKO_SECRET_KEY))
        return o->family == FAMILY_NONE ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_TEMPLATE_INCONSISTENT;
    return CKR_OK;
}

/* Does the value make a key of this type? */
static CK_RV check_secret(struct object *o)
{
    const struct attribute *value = attribute_of(o, CKA_VALUE),
                           *len = attribute_of(o, CKA_VALUE_LEN);
    const CK_ULONG size = value ? value->size : 0;
    if (len && attribute_ulong(o, CKA_VALUE_LEN) != size)
        return CKR_TEMPLATE_INCONSISTENT;
    if (!size || !secret_length_fits(o->key_type, size))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    return attribute_set_ulong(o, CKA_VALUE_LEN, size);
}

static CK_RV check_key(struct object *o)
{
    if (o->class == CKO_SECRET_KEY)
        return check_secret(o);
    if (o->family == FAMILY_SM2 && !attribute_of(o, CKA_EC_PARAMS)) {
        const CK_RV rv = attribute_set(o, CKA_EC_PARAMS, oid_sm2, sizeof oid_sm2);
        if (rv != CKR_OK)
            return rv;
    }
    EVP_PKEY *key = o->class == CKO_DOMAIN_PARAMETERS
                        ? ffc_parameters(o)
                        : key_of_object(o, o->class == CKO_PRIVATE_KEY);
    if (!key)
        return o->family == FAMILY_EC && !key_size_of(o) ? CKR_CURVE_NOT_SUPPORTED
                                                         : CKR_ATTRIBUTE_VALUE_INVALID;
    CK_RV rv = CKR_OK;
    if (o->family == FAMILY_RSA && o->class == CKO_PUBLIC_KEY)
        rv = attribute_set_ulong(o, CKA_MODULUS_BITS, (CK_ULONG)EVP_PKEY_get_bits(key));
    EVP_PKEY_free(key);
    if (rv == CKR_OK)
        rv = curve_complete(o);
    o->complete = true;
    return rv;
}

static CK_RV make(const struct session *s, struct object *o, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    const bool key = o->class != CKO_DATA && o->class != CKO_CERTIFICATE;
    CK_RV rv = key ? key_family(o, t, n) : CKR_OK;
    if (rv == CKR_OK)
        rv = template_take(o, HOW_CREATE, t, n, so_is_in(s));
    if (rv == CKR_OK)
        rv = object_check(o, HOW_CREATE);
    if (rv == CKR_OK)
        rv = object_born(o, false, 0);
    if (rv == CKR_OK && key)
        rv = check_key(o);
    return rv;
}

static CK_RV create(struct session *s, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
    CK_ULONG class = CK_UNAVAILABLE_INFORMATION;
    if (!template_ulong(t, n, CKA_CLASS, &class))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (class == CK_UNAVAILABLE_INFORMATION)
        return CKR_TEMPLATE_INCOMPLETE;
    if (class > CKO_SECRET_KEY && class != CKO_DOMAIN_PARAMETERS)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    struct object *o = object_new(class);
    if (!o)
        return CKR_HOST_MEMORY;
    CK_RV rv = make(s, o, t, n);
    if (rv == CKR_OK)
        rv = object_store(s, o);
    return object_give(s, o, rv, handle);
}

CK_RV C_CreateObject(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *t, CK_ULONG n,
                     CK_OBJECT_HANDLE *object)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if ((!t && n) || !object)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    return leave_session(s, create(s, t, n, object));
}

/* ------------------------------------------------------------------ C_CopyObject */

static CK_RV copy(struct session *s, struct object *from, const CK_ATTRIBUTE *t, CK_ULONG n,
                  CK_OBJECT_HANDLE *handle)
{
    CK_RV rv = token_complete(s->slot, from);
    if (rv != CKR_OK)
        return rv;
    if (!attribute_bool(from, CKA_COPYABLE))
        return CKR_ACTION_PROHIBITED;
    struct object *o = object_new(from->class);
    if (!o)
        return CKR_HOST_MEMORY;
    lock_take(&s->slot->lock);
    rv = attributes_copy(from, o);
    lock_give(&s->slot->lock);
    if (rv == CKR_OK)
        rv = template_take(o, HOW_COPY, t, n, so_is_in(s));
    if (rv == CKR_OK && object_is_private(from) && !object_is_private(o))
        rv = CKR_TEMPLATE_INCONSISTENT;
    if (rv == CKR_OK && key_in_device(from)) {
        rv = object_writable(s, object_is_token(o), object_is_private(o));
        if (rv == CKR_OK)
            rv = token_copy(s->slot, from, o);
    } else if (rv == CKR_OK) {
        rv = object_store(s, o);
    }
    return object_give(s, o, rv, handle);
}

CK_RV C_CopyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE from, CK_ATTRIBUTE *t, CK_ULONG n,
                   CK_OBJECT_HANDLE *object)
{
    struct session *s;
    CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if ((!t && n) || !object)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    struct object *o = object_hold(s, from);
    if (!o)
        return leave_session(s, CKR_OBJECT_HANDLE_INVALID);
    rv = copy(s, o, t, n, object);
    object_release(s->slot, o);
    return leave_session(s, rv);
}

/* ------------------------------------------------------------------ C_DestroyObject */

static CK_RV destroy(struct session *s, struct object *o)
{
    struct slot *slot = s->slot;
    lock_take(&slot->lock);
    const bool token = object_is_token(o), private = object_is_private(o),
               may_go = attribute_bool(o, CKA_DESTROYABLE);
    lock_give(&slot->lock);
    CK_RV rv = object_writable(s, token, private);
    if (rv != CKR_OK)
        return rv;
    if (!may_go)
        return CKR_ACTION_PROHIBITED;
    if (o->device)
        rv = token_destroy(slot, o);
    if (rv != CKR_OK && rv != CKR_OBJECT_HANDLE_INVALID)
        return rv;
    lock_take(&slot->lock);
    struct object *last = index_find(slot, o->handle); /* o, or what took its place */
    if (last)
        index_remove(slot, last);
    lock_give(&slot->lock);
    return rv;
}

CK_RV C_DestroyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object)
{
    struct session *s;
    CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    struct object *o = object_hold(s, object);
    if (!o)
        return leave_session(s, CKR_OBJECT_HANDLE_INVALID);
    rv = destroy(s, o);
    object_release(s->slot, o);
    return leave_session(s, rv);
}

/* ------------------------------------------------------------------ reading */

CK_RV C_GetObjectSize(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ULONG *size)
{
    struct session *s;
    CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!size)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    struct object *o = object_hold(s, object);
    if (!o)
        return leave_session(s, CKR_OBJECT_HANDLE_INVALID);
    lock_take(&s->slot->lock);
    *size = 0;
    for (unsigned i = 0; i < o->attributes; i++)
        *size += o->attribute[i].size + sizeof(CK_ATTRIBUTE);
    lock_give(&s->slot->lock);
    object_release(s->slot, o);
    return leave_session(s, CKR_OK);
}

static CK_RV read_one(const struct object *o, CK_ATTRIBUTE *a)
{
    const void *value;
    CK_ULONG size;
    if (attribute_is_template(o, a->type))
        return template_unpack(o, a);
    const CK_RV rv = attribute_read(o, a->type, &value, &size);
    if (rv != CKR_OK) {
        a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return rv;
    }
    if (a->pValue && a->ulValueLen < size) {
        a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_BUFFER_TOO_SMALL;
    }
    if (a->pValue && size)
        memcpy(a->pValue, value, size);
    a->ulValueLen = size;
    return CKR_OK;
}

/* Is it one of those that a list of the device leaves out? */
static bool of_public_part(CK_ATTRIBUTE_TYPE type)
{
    return type == CKA_MODULUS || type == CKA_PUBLIC_EXPONENT || type == CKA_EC_PARAMS ||
           type == CKA_EC_POINT || type == CKA_PUBLIC_KEY_INFO || type == CKA_VALUE;
}

CK_RV C_GetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *t,
                          CK_ULONG n)
{
    struct session *s;
    CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!t && n)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    struct object *o = object_hold(s, object);
    if (!o)
        return leave_session(s, CKR_OBJECT_HANDLE_INVALID);
    bool more = false;
    for (CK_ULONG i = 0; i < n; i++)
        more |= of_public_part(t[i].type);
    if (more)
        rv = token_complete(s->slot, o);
    lock_take(&s->slot->lock);
    for (CK_ULONG i = 0; rv != CKR_OBJECT_HANDLE_INVALID && i < n; i++) {
        const CK_RV one = read_one(o, &t[i]);
        /* all are read; of several failures any may be told, but one that is no secret first */
        rv = one == CKR_OK || (rv != CKR_OK && rv != CKR_BUFFER_TOO_SMALL) ? rv : one;
    }
    lock_give(&s->slot->lock);
    object_release(s->slot, o);
    return leave_session(s, rv);
}

/* ------------------------------------------------------------------ C_SetAttributeValue */

/* o with its attributes, to be changed; NULL: no memory */
static struct object *trial_of(struct slot *slot, const struct object *o)
{
    struct object *trial = object_new(o->class);
    if (!trial)
        return NULL;
    trial->device = o->device;
    trial->handle = o->handle;
    trial->kept = o->kept;
    trial->owner = o->owner;
    trial->temporary = o->temporary;
    trial->usage = o->usage;
    trial->not_before = o->not_before;
    trial->not_after = o->not_after;
    lock_take(&slot->lock);
    trial->epoch = o->epoch;
    const CK_RV rv = attributes_copy(o, trial);
    lock_give(&slot->lock);
    if (rv == CKR_OK)
        return trial;
    object_free(trial);
    return NULL;
}

static CK_RV try(struct session *s, struct object *trial, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    CK_RV rv = object_writable(s, object_is_token(trial), object_is_private(trial));
    if (rv != CKR_OK)
        return rv;
    if (!attribute_bool(trial, CKA_MODIFIABLE))
        return CKR_ACTION_PROHIBITED;
    rv = template_take(trial, HOW_SET, t, n, so_is_in(s));
    return rv == CKR_OK && object_is_token(trial) ? token_update(s->slot, trial) : rv;
}

/* All of the template or nothing. Whoever works with the object keeps what it was. */
static CK_RV change(struct session *s, struct object *o, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    struct slot *slot = s->slot;
    struct object *trial = trial_of(slot, o);
    const CK_RV rv = trial ? try(s, trial, t, n) : CKR_HOST_MEMORY;
    if (rv != CKR_OK) {
        object_free(trial);
        return rv;
    }
    lock_take(&slot->lock);
    struct object *last = index_find(slot, o->handle);
    if (last)
        index_replace(slot, last, trial);
    lock_give(&slot->lock);
    if (!last)
        object_free(trial);
    return CKR_OK;
}

CK_RV C_SetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *t,
                          CK_ULONG n)
{
    struct session *s;
    CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!t && n)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    struct object *o = object_hold(s, object);
    if (!o)
        return leave_session(s, CKR_OBJECT_HANDLE_INVALID);
    rv = change(s, o, t, n);
    object_release(s->slot, o);
    return leave_session(s, rv);
}
