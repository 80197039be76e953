/*
 * CKA_WRAP_TEMPLATE and the like: attributes in an attribute. Kept as bytes: for each its type and
 * size (8 bytes, big-endian) and its value.
 */
#include "host/pkcs11/object.h"

#include <string.h>

enum { HEAD = 16 };

static void put(uint8_t *p, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        p[i] = (uint8_t)value;
}

static uint64_t get(const uint8_t *p)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | p[i];
    return value;
}

CK_RV template_pack(struct object *o, CK_ATTRIBUTE_TYPE type, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    uint8_t bytes[HUFU_ATTRIBUTES_MAX];
    size_t at = 0;
    for (CK_ULONG i = 0; i < n; i++) {
        if ((t[i].ulValueLen && !t[i].pValue) || t[i].ulValueLen > sizeof bytes ||
            at + HEAD + t[i].ulValueLen > sizeof bytes)
            return CKR_ATTRIBUTE_VALUE_INVALID;
        put(bytes + at, t[i].type);
        put(bytes + at + 8, t[i].ulValueLen);
        if (t[i].ulValueLen)
            memcpy(bytes + at + HEAD, t[i].pValue, t[i].ulValueLen);
        at += HEAD + t[i].ulValueLen;
    }
    return attribute_set(o, type, bytes, at);
}

/* The next one at *at; false: no more. Its value is in the packed bytes. */
static bool next(const struct attribute *packed, size_t *at, CK_ATTRIBUTE *a)
{
    if (!packed || packed->size - *at < HEAD)
        return false;
    const uint8_t *p = packed->value + *at;
    const uint64_t size = get(p + 8);
    if (size > packed->size - *at - HEAD)
        return false;
    *a = (CK_ATTRIBUTE){(CK_ATTRIBUTE_TYPE)get(p), packed->value + *at + HEAD, (CK_ULONG)size};
    *at += HEAD + (size_t)size;
    return true;
}

CK_RV template_unpack(const struct object *o, CK_ATTRIBUTE *out)
{
    const struct attribute *packed = attribute_of(o, out->type);
    CK_ATTRIBUTE a, *to = out->pValue;
    CK_ULONG n = 0;
    CK_RV rv = CKR_OK;
    for (size_t at = 0; next(packed, &at, &a);)
        n++;
    if (to && out->ulValueLen < n * sizeof *to) {
        out->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_BUFFER_TOO_SMALL;
    }
    out->ulValueLen = n * sizeof *to;
    for (size_t at = 0; to && next(packed, &at, &a); to++) {
        const bool small = to->pValue && to->ulValueLen < a.ulValueLen;
        if (to->pValue && !small && a.ulValueLen)
            memcpy(to->pValue, a.pValue, a.ulValueLen);
        to->type = a.type;
        to->ulValueLen = small ? CK_UNAVAILABLE_INFORMATION : a.ulValueLen;
        rv = small ? CKR_BUFFER_TOO_SMALL : rv;
    }
    return rv;
}

bool template_holds(const struct object *by, CK_ATTRIBUTE_TYPE type, const struct object *o)
{
    const struct attribute *packed = attribute_of(by, type);
    CK_ATTRIBUTE a;
    for (size_t at = 0; next(packed, &at, &a);)
        if (!attribute_matches(o, &a))
            return false;
    return true;
}

CK_RV template_apply(const struct object *by, CK_ATTRIBUTE_TYPE type, struct object *o)
{
    const struct attribute *packed = attribute_of(by, type);
    CK_ATTRIBUTE a;
    for (size_t at = 0; next(packed, &at, &a);) {
        const bool said = a.type == CKA_CLASS || attribute_of(o, a.type);
        if (said && !attribute_matches(o, &a))
            return CKR_TEMPLATE_INCONSISTENT;
        const CK_RV rv = said ? CKR_OK : template_take(o, HOW_UNWRAP, &a, 1, false);
        if (rv != CKR_OK)
            return rv;
    }
    return CKR_OK;
}
