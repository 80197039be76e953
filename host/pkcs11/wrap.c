/*
 * C_WrapKey, C_UnwrapKey: for keys whose value is in this process; a private key as PKCS #8. Keys
 * of the device leave it under its wrap domain only (hufu export).
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
    if (!template_holds(with, CKA_WRAP_TEMPLATE, key))
        return CKR_KEY_HANDLE_INVALID;
    return CKR_OK;
}

static CK_RV value_of(struct bytes *b, const struct object *key)
{
    uint8_t *der;
    size_t size;
    const struct attribute *value = secret_of(key);
    if (key->class == CKO_SECRET_KEY && !value)
        return CKR_KEY_NOT_WRAPPABLE;
    if (key->class == CKO_SECRET_KEY)
        return bytes_add(b, value->value, value->size) ? CKR_OK : CKR_HOST_MEMORY;
    const CK_RV rv = private_to_pkcs8(key, &der, &size);
    if (rv != CKR_OK)
        return rv;
    const bool added = bytes_add(b, der, size);
    OPENSSL_clear_free(der, size);
    return added ? CKR_OK : CKR_HOST_MEMORY;
}

/* CBC, ECB and the key wrap without padding take whole blocks: a key is filled up with zeros. */
static CK_RV padded(struct bytes *b, struct slot *slot, const struct operation *op,
                    const struct object *key)
{
    static const uint8_t zeros[16];
    const bool pkcs8 = key->class == CKO_PRIVATE_KEY;
    const size_t block = op->m->scheme == ECB || op->m->scheme == CBC ? op->block
                         : op->m->scheme == KEY_WRAP && pkcs8         ? 8
                                                                      : 1;
    struct object *copy = NULL;
    CK_RV rv = CKR_OK;
    if (key_in_device(key))
        rv = device_extract(slot, key, &copy);
    if (rv == CKR_OK)
        rv = value_of(b, copy ? copy : key);
    object_free(copy);
    if (rv != CKR_OK)
        return rv == CKR_KEY_FUNCTION_NOT_PERMITTED ? CKR_KEY_NOT_WRAPPABLE : rv;
    return b->size % block == 0 || bytes_add(b, zeros, block - b->size % block) ? CKR_OK
                                                                                : CKR_HOST_MEMORY;
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
        rv = padded(&plain, s->slot, op, key);
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

static CK_RV secret_kind(struct object *o, const CK_ATTRIBUTE *t, CK_ULONG n, CK_ULONG *wanted)
{
    CK_ULONG class = CKO_SECRET_KEY;
    o->family = FAMILY_SECRET;
    if (!template_ulong(t, n, CKA_CLASS, &class) || !template_secret(t, n, &o->key_type, wanted))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (class != CKO_SECRET_KEY || family_of(o->key_type) != FAMILY_SECRET)
        return CKR_TEMPLATE_INCONSISTENT;
    return CKR_OK;
}

static CK_RV secret_set(struct object *o, const uint8_t *value, size_t size)
{
    CK_RV rv = attribute_set(o, CKA_VALUE, value, size);
    const struct attribute *a = attribute_of(o, CKA_VALUE);
    if (rv == CKR_OK && cipher_block_size(o->key_type) == 8)
        des_parity(a->value, a->size);
    return rv == CKR_OK ? attribute_set_ulong(o, CKA_VALUE_LEN, size) : rv;
}

/* A key whose bytes were found: by unwrapping or deriving. */
CK_RV secret_from(struct session *s, const struct operation *op, const CK_ATTRIBUTE *t, CK_ULONG n,
                  const uint8_t *value, size_t size, bool may_cut, CK_OBJECT_HANDLE *handle)
{
    CK_ULONG wanted = 0;
    struct object *o = object_new(CKO_SECRET_KEY);
    if (!o)
        return CKR_HOST_MEMORY;
    CK_RV rv = secret_kind(o, t, n, &wanted);
    if (rv == CKR_OK && wanted && wanted != size && (!may_cut || wanted > size))
        rv = may_cut ? CKR_KEY_SIZE_RANGE : CKR_WRAPPED_KEY_LEN_RANGE;
    if (wanted)
        size = wanted;
    if (rv == CKR_OK && !secret_length_fits(o->key_type, size))
        rv = may_cut ? CKR_TEMPLATE_INCOMPLETE : CKR_WRAPPED_KEY_LEN_RANGE;
    if (rv == CKR_OK)
        rv = template_take(o, HOW_UNWRAP, t, n, false);
    if (rv == CKR_OK)
        rv = template_apply(
            op->key, op->m->flags & CKF_DERIVE ? CKA_DERIVE_TEMPLATE : CKA_UNWRAP_TEMPLATE, o);
    if (rv == CKR_OK)
        rv = object_born(o, false, 0);
    if (rv == CKR_OK)
        rv = secret_set(o, value, size);
    if (rv == CKR_OK)
        rv = object_store(s, o);
    return object_give(s, o, rv, handle);
}

/* A private key out of PKCS #8; zeros behind it do not matter. */
static CK_RV private_take(struct object *o, const struct operation *op, const CK_ATTRIBUTE *t,
                          CK_ULONG n, const uint8_t *der, size_t size)
{
    CK_RV rv = template_key_type(o, t, n);
    if (rv == CKR_OK && (o->family == FAMILY_NONE || o->family == FAMILY_SECRET))
        rv = CKR_TEMPLATE_INCONSISTENT;
    if (rv == CKR_OK)
        rv = private_from_pkcs8(o, der, size);
    if (rv == CKR_OK)
        rv = template_take(o, HOW_UNWRAP, t, n, false);
    if (rv == CKR_OK)
        rv = template_apply(op->key, CKA_UNWRAP_TEMPLATE, o);
    return rv == CKR_OK ? object_born(o, false, 0) : rv;
}

static CK_RV private_from(struct session *s, const struct operation *op, const CK_ATTRIBUTE *t,
                          CK_ULONG n, const uint8_t *der, size_t size, CK_OBJECT_HANDLE *handle)
{
    struct object *o = object_new(CKO_PRIVATE_KEY);
    if (!o)
        return CKR_HOST_MEMORY;
    CK_RV rv = private_take(o, op, t, n, der, size);
    if (rv == CKR_OK)
        rv = object_store(s, o);
    return object_give(s, o, rv, handle);
}

/* After the bare operation of RSA a key is at the end, behind zeros, as long as the template says. */
static CK_RV behind_zeros(struct bytes *plain, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    CK_KEY_TYPE type;
    CK_ULONG wanted;
    if (!template_secret(t, n, &type, &wanted))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (!wanted || wanted > plain->size)
        return wanted ? CKR_KEY_SIZE_RANGE : CKR_TEMPLATE_INCOMPLETE;
    const size_t zeros = plain->size - wanted;
    for (size_t i = 0; i < zeros; i++)
        if (plain->data[i])
            return CKR_WRAPPED_KEY_INVALID;
    memmove(plain->data, plain->data + zeros, wanted);
    plain->size = wanted;
    return CKR_OK;
}

static CK_RV unwrap(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE with,
                    const CK_BYTE *wrapped, CK_ULONG size, const CK_ATTRIBUTE *t, CK_ULONG n,
                    CK_OBJECT_HANDLE *handle)
{
    struct operation *op;
    struct bytes plain = {NULL, 0, 0};
    CK_ULONG class = CKO_SECRET_KEY;
    if (!template_ulong(t, n, CKA_CLASS, &class))
        return CKR_ATTRIBUTE_VALUE_INVALID;
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
    if (rv == CKR_OK && op->m->scheme == RSA_RAW && class != CKO_PRIVATE_KEY)
        rv = behind_zeros(&plain, t, n);
    const bool blocks = op->m->scheme == ECB || op->m->scheme == CBC;
    if (rv == CKR_OK)
        rv = class == CKO_PRIVATE_KEY
                 ? private_from(s, op, t, n, plain.data, plain.size, handle)
                 : secret_from(s, op, t, n, plain.data, plain.size, blocks, handle);
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
