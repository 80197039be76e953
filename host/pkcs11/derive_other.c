/* C_DeriveKey: Diffie-Hellman, keys that are encrypted data, and keys put together. */
#include "host/pkcs11/operation.h"

#include <string.h>

enum { DH_MAX = 1024, VALUE_MAX = 4096 };

/* A key's value out of more than enough bytes: the front of them, of DH the end. */
static CK_RV key_from(struct session *s, const struct operation *op, const CK_ATTRIBUTE *t,
                      CK_ULONG n, const uint8_t *bytes, size_t size, bool end,
                      CK_OBJECT_HANDLE *handle)
{
    CK_ULONG wanted;
    CK_KEY_TYPE type;
    if (!template_secret(t, n, &type, &wanted))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (!wanted)
        wanted = size;
    if (wanted > size)
        return CKR_KEY_SIZE_RANGE;
    return secret_from(s, op, t, n, bytes + (end ? size - wanted : 0), wanted, true, handle);
}

/* ------------------------------------------------------------------ Diffie-Hellman */

/* The parameter is the other one's public number. */
static EVP_PKEY *dh_peer(const struct object *key, const CK_MECHANISM *m)
{
    struct object *o = object_new(CKO_PUBLIC_KEY);
    const struct attribute *p = attribute_of(key, CKA_PRIME), *g = attribute_of(key, CKA_BASE);
    EVP_PKEY *peer = NULL;
    if (o && p && g) {
        o->family = FAMILY_DH;
        if (attribute_set(o, CKA_PRIME, p->value, p->size) == CKR_OK &&
            attribute_set(o, CKA_BASE, g->value, g->size) == CKR_OK &&
            attribute_set(o, CKA_VALUE, m->pParameter, m->ulParameterLen) == CKR_OK)
            peer = key_of_object(o, false);
    }
    object_free(o);
    return peer;
}

static CK_RV dh(struct session *s, struct operation *op, const CK_MECHANISM *m,
                const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
    uint8_t out[DH_MAX];
    size_t size = sizeof out;
    if (!m->ulParameterLen || m->ulParameterLen > sizeof out)
        return CKR_MECHANISM_PARAM_INVALID;
    const bool good = soft_agree(op->key, dh_peer(op->key, m), out, &size);
    const CK_RV rv =
        good ? key_from(s, op, t, n, out, size, true, handle) : CKR_MECHANISM_PARAM_INVALID;
    hufu_wipe(out, sizeof out);
    return rv;
}

/* ------------------------------------------------------------------ encrypted data */

/* CBC: the IV is in front of the data's address and size. */
static CK_RV data_of(const CK_MECHANISM *m, size_t iv_size, CK_MECHANISM *cipher,
                     const uint8_t **data, size_t *size)
{
    CK_KEY_DERIVATION_STRING_DATA string;
    CK_AES_CBC_ENCRYPT_DATA_PARAMS aes;
    CK_DES_CBC_ENCRYPT_DATA_PARAMS des;
    const size_t whole = !iv_size ? sizeof string : iv_size == 8 ? sizeof des : sizeof aes;
    if (m->ulParameterLen != whole)
        return CKR_MECHANISM_PARAM_INVALID;
    if (!iv_size) {
        memcpy(&string, m->pParameter, sizeof string);
        *data = string.pData;
        *size = string.ulLen;
    } else if (iv_size == 8) {
        memcpy(&des, m->pParameter, sizeof des);
        *data = des.pData;
        *size = des.length;
    } else {
        memcpy(&aes, m->pParameter, sizeof aes);
        *data = aes.pData;
        *size = aes.length;
    }
    *cipher = (CK_MECHANISM){m->mechanism, iv_size ? m->pParameter : NULL, iv_size};
    return *data && *size ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

static CK_RV encrypted(struct session *s, struct operation *op, const CK_MECHANISM *m,
                       const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
    CK_MECHANISM cipher;
    struct bytes out = {NULL, 0, 0};
    const uint8_t *data;
    size_t size;
    CK_RV rv = data_of(m, op->m->scheme == ECB ? 0 : cipher_block_size(op->key->key_type), &cipher,
                       &data, &size);
    if (rv == CKR_OK)
        rv = cipher_begin(s->slot, op, &cipher, true);
    if (rv == CKR_OK)
        rv = cipher_single(op, s->slot, data, size, &out);
    if (rv == CKR_OK)
        rv = key_from(s, op, t, n, out.data, out.size, false, handle);
    bytes_free(&out);
    return rv;
}

/* ------------------------------------------------------------------ put together */

/* What comes of a key is not easier to see than the key. */
static CK_RV as_hidden(const struct object *key, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    bool sensitive = true, extractable = false;
    if (!template_bool(t, n, CKA_SENSITIVE, &sensitive) ||
        !template_bool(t, n, CKA_EXTRACTABLE, &extractable))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    return (attribute_bool(key, CKA_SENSITIVE) && !sensitive) ||
                   (!attribute_bool(key, CKA_EXTRACTABLE) && extractable)
               ? CKR_TEMPLATE_INCONSISTENT
               : CKR_OK;
}

static CK_RV add_key(struct session *s, struct bytes *b, CK_OBJECT_HANDLE handle,
                     const CK_ATTRIBUTE *t, CK_ULONG n)
{
    struct object *o = object_hold(s, handle);
    CK_RV rv =
        o && o->class == CKO_SECRET_KEY ? token_complete(s->slot, o) : CKR_KEY_HANDLE_INVALID;
    const struct attribute *value = rv == CKR_OK ? secret_of(o) : NULL;
    if (rv == CKR_OK)
        rv = as_hidden(o, t, n);
    if (rv == CKR_OK && !value)
        rv = CKR_KEY_TYPE_INCONSISTENT; /* of the device */
    if (rv == CKR_OK && !bytes_add(b, value->value, value->size))
        rv = CKR_HOST_MEMORY;
    object_release(s->slot, o);
    return rv;
}

/* What the parameter is with the value: both have been checked. */
static CK_RV put_together(struct bytes *b, CK_MECHANISM_TYPE how, const struct attribute *value,
                          const CK_KEY_DERIVATION_STRING_DATA *p)
{
    const bool front = how == CKM_CONCATENATE_DATA_AND_BASE;
    if (how == CKM_XOR_BASE_AND_DATA) {
        const size_t size = value->size < p->ulLen ? value->size : p->ulLen;
        if (!bytes_add(b, value->value, size))
            return CKR_HOST_MEMORY;
        for (size_t i = 0; i < size; i++)
            b->data[i] ^= p->pData[i];
        return CKR_OK;
    }
    if ((front && !bytes_add(b, p->pData, p->ulLen)) || !bytes_add(b, value->value, value->size) ||
        (!front && !bytes_add(b, p->pData, p->ulLen)))
        return CKR_HOST_MEMORY;
    return CKR_OK;
}

static CK_RV concatenate(struct session *s, struct operation *op, const CK_MECHANISM *m,
                         const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
    CK_KEY_DERIVATION_STRING_DATA p = {NULL, 0};
    struct bytes b = {NULL, 0, 0};
    CK_OBJECT_HANDLE other;
    const bool keys = m->mechanism == CKM_CONCATENATE_BASE_AND_KEY;
    const struct attribute *value = secret_of(op->key);
    if (m->ulParameterLen != (keys ? sizeof other : sizeof p))
        return CKR_MECHANISM_PARAM_INVALID;
    memcpy(keys ? (void *)&other : (void *)&p, m->pParameter, m->ulParameterLen);
    if (!value || key_in_device(op->key))
        return CKR_KEY_TYPE_INCONSISTENT;
    if ((!keys && !p.pData) || p.ulLen > VALUE_MAX)
        return CKR_MECHANISM_PARAM_INVALID;
    CK_RV rv = as_hidden(op->key, t, n);
    if (rv == CKR_OK && keys && !bytes_add(&b, value->value, value->size))
        rv = CKR_HOST_MEMORY;
    if (rv == CKR_OK)
        rv = keys ? add_key(s, &b, other, t, n) : put_together(&b, m->mechanism, value, &p);
    if (rv == CKR_OK)
        rv = key_from(s, op, t, n, b.data, b.size, false, handle);
    bytes_free(&b);
    return rv;
}

CK_RV derive_other(struct session *s, struct operation *op, const CK_MECHANISM *m,
                   const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
    if (op->m->scheme == DH_DERIVE)
        return dh(s, op, m, t, n, handle);
    return op->m->scheme == CONCATENATE ? concatenate(s, op, m, t, n, handle)
                                        : encrypted(s, op, m, t, n, handle);
}
