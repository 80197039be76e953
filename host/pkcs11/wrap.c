/*
 * C_WrapKey, C_UnwrapKey: for secret keys whose value is in this process. Keys of the device leave
 * it under its wrap domain only (hufu export).
 */
#include "host/pkcs11/operation.h"

#include <string.h>

/* ------------------------------------------------------------------ wrapping */

static CK_RV may_wrap(const struct object *key, const struct object *with)
{
    if (key->class != CKO_SECRET_KEY && key->class != CKO_PRIVATE_KEY)
        return CKR_KEY_HANDLE_INVALID;
    if (!attribute_bool(key, CKA_EXTRACTABLE))
        return CKR_KEY_UNEXTRACTABLE;
    if (attribute_bool(key, CKA_WRAP_WITH_TRUSTED) && !attribute_bool(with, CKA_TRUSTED))
        return CKR_KEY_NOT_WRAPPABLE;
    return key_in_device(key) || !secret_of(key) || key->class != CKO_SECRET_KEY
               ? CKR_KEY_NOT_WRAPPABLE
               : CKR_OK;
}

/* CBC and ECB take whole blocks: a key is filled up with zeros. */
static CK_RV padded(struct bytes *b, const struct operation *op, const struct object *key)
{
    static const uint8_t zeros[16];
    const struct attribute *value = secret_of(key);
    if (!bytes_add(b, value->value, value->size))
        return CKR_HOST_MEMORY;
    const bool blocks = op->m->scheme == ECB || op->m->scheme == CBC;
    if (blocks && b->size % 16 && !bytes_add(b, zeros, 16 - b->size % 16))
        return CKR_HOST_MEMORY;
    return CKR_OK;
}

static CK_RV wrap_with(struct session *s, struct operation *op, const CK_MECHANISM *m,
                       const struct object *key, CK_BYTE *out, CK_ULONG *out_size)
{
    struct bytes plain = {NULL, 0, 0}, wrapped = {NULL, 0, 0};
    bool asked;
    CK_RV rv = may_wrap(key, op->key);
    if (rv == CKR_OK)
        rv = cipher_begin(s->slot, op, m, true);
    if (rv == CKR_OK)
        rv = padded(&plain, op, key);
    if (rv == CKR_OK)
        rv = cipher_single(op, s->slot, plain.data, plain.size, &wrapped);
    if (rv == CKR_DATA_LEN_RANGE)
        rv = CKR_KEY_SIZE_RANGE;
    if (rv == CKR_OK)
        rv = room_for(out, out_size, wrapped.size, &asked);
    if (rv == CKR_OK && !asked) {
        memcpy(out, wrapped.data, wrapped.size);
        *out_size = wrapped.size;
    }
    bytes_free(&plain);
    bytes_free(&wrapped);
    return rv;
}

static CK_RV wrap(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE with,
                  CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *out_size)
{
    struct operation *op;
    struct object *o = object_hold(s, key);
    if (!o)
        return CKR_KEY_HANDLE_INVALID;
    CK_RV rv = token_complete(s->slot, o);
    if (rv == CKR_OK)
        rv = operation_new(s, m, with, CKF_WRAP, CKA_WRAP, &op);
    if (rv == CKR_OK) {
        rv = wrap_with(s, op, m, o, out, out_size);
        operation_free(s, op);
    } else if (rv == CKR_KEY_HANDLE_INVALID) {
        rv = CKR_WRAPPING_KEY_HANDLE_INVALID;
    } else if (rv == CKR_KEY_TYPE_INCONSISTENT) {
        rv = CKR_WRAPPING_KEY_TYPE_INCONSISTENT;
    }
    object_release(s->slot, o);
    return rv;
}

CK_RV C_WrapKey(CK_SESSION_HANDLE handle, CK_MECHANISM *m, CK_OBJECT_HANDLE with,
                CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *out_size)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!m || !out_size)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    return leave_session(s, wrap(s, m, with, key, out, out_size));
}

/* ------------------------------------------------------------------ unwrapping */

/* A key whose bytes were found: by unwrapping or deriving. */
CK_RV secret_from(struct session *s, const CK_ATTRIBUTE *t, CK_ULONG n, const uint8_t *value,
                  size_t size, bool may_cut, CK_OBJECT_HANDLE *handle)
{
    CK_ULONG class = CKO_SECRET_KEY, wanted = 0;
    struct object *o = object_new(CKO_SECRET_KEY);
    if (!o)
        return CKR_HOST_MEMORY;
    CK_RV rv = CKR_OK;
    o->family = FAMILY_SECRET;
    o->key_type = CKK_GENERIC_SECRET;
    if (!template_ulong(t, n, CKA_CLASS, &class) ||
        !template_ulong(t, n, CKA_KEY_TYPE, &o->key_type) ||
        !template_ulong(t, n, CKA_VALUE_LEN, &wanted))
        rv = CKR_ATTRIBUTE_VALUE_INVALID;
    else if (class != CKO_SECRET_KEY || family_of(o->key_type) != FAMILY_SECRET)
        rv = CKR_TEMPLATE_INCONSISTENT;
    if (rv == CKR_OK && !wanted && o->key_type == CKK_SM4)
        wanted = 16;
    if (rv == CKR_OK && wanted && wanted != size && (!may_cut || wanted > size))
        rv = may_cut ? CKR_KEY_SIZE_RANGE : CKR_WRAPPED_KEY_LEN_RANGE;
    if (wanted)
        size = wanted;
    if (rv == CKR_OK && o->key_type != CKK_GENERIC_SECRET && o->key_type == CKK_AES &&
        !cipher_name(CKK_AES, size, "ECB"))
        rv = may_cut ? CKR_TEMPLATE_INCOMPLETE : CKR_WRAPPED_KEY_LEN_RANGE;
    if (rv == CKR_OK)
        rv = template_take(o, HOW_UNWRAP, t, n, false);
    if (rv == CKR_OK)
        rv = object_writable(s, object_is_token(o), object_is_private(o));
    if (rv == CKR_OK)
        rv = object_born(o, false, 0);
    if (rv == CKR_OK)
        rv = attribute_set(o, CKA_VALUE, value, size);
    if (rv == CKR_OK)
        rv = attribute_set_ulong(o, CKA_VALUE_LEN, size);
    if (rv == CKR_OK && object_is_token(o))
        rv = token_create(s->slot, o);
    if (rv != CKR_OK) {
        object_free(o);
        return rv;
    }
    object_add(s, o);
    *handle = o->handle;
    return CKR_OK;
}

static CK_RV unwrap(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE with,
                    const CK_BYTE *wrapped, CK_ULONG size, const CK_ATTRIBUTE *t, CK_ULONG n,
                    CK_OBJECT_HANDLE *handle)
{
    struct operation *op;
    struct bytes plain = {NULL, 0, 0};
    CK_RV rv = operation_new(s, m, with, CKF_UNWRAP, CKA_UNWRAP, &op);
    if (rv == CKR_KEY_HANDLE_INVALID)
        return CKR_UNWRAPPING_KEY_HANDLE_INVALID;
    if (rv == CKR_KEY_TYPE_INCONSISTENT)
        return CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT;
    if (rv != CKR_OK)
        return rv;
    rv = cipher_begin(s->slot, op, m, false);
    if (rv == CKR_OK)
        rv = cipher_single(op, s->slot, wrapped, size, &plain);
    if (rv == CKR_ENCRYPTED_DATA_INVALID)
        rv = CKR_WRAPPED_KEY_INVALID;
    if (rv == CKR_ENCRYPTED_DATA_LEN_RANGE)
        rv = CKR_WRAPPED_KEY_LEN_RANGE;
    const bool blocks = op->m->scheme == ECB || op->m->scheme == CBC;
    if (rv == CKR_OK)
        rv = secret_from(s, t, n, plain.data, plain.size, blocks, handle);
    bytes_free(&plain);
    operation_free(s, op);
    return rv;
}

CK_RV C_UnwrapKey(CK_SESSION_HANDLE handle, CK_MECHANISM *m, CK_OBJECT_HANDLE with,
                  CK_BYTE *wrapped, CK_ULONG size, CK_ATTRIBUTE *t, CK_ULONG n,
                  CK_OBJECT_HANDLE *key)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!m || !wrapped || (!t && n) || !key)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    return leave_session(s, unwrap(s, m, with, wrapped, size, t, n, key));
}
