/* The end of every making of an object: its check value, its place on the token, its handle. */
#include "host/pkcs11/crypto.h"
#include "host/pkcs11/object.h"

#include <string.h>

/* An empty one in the template: the application wants none. */
static CK_RV take_check_value(struct object *o)
{
    uint8_t value[CHECK_VALUE_SIZE];
    const struct attribute *given = attribute_of(o, CKA_CHECK_VALUE);
    if ((given && !given->size) || !check_value_of(o, value))
        return CKR_OK;
    if (given)
        return given->size == sizeof value && memcmp(given->value, value, sizeof value) == 0
                   ? CKR_OK
                   : CKR_ATTRIBUTE_VALUE_INVALID;
    return attribute_set(o, CKA_CHECK_VALUE, value, sizeof value);
}

CK_RV object_store(struct session *s, struct object *o)
{
    CK_RV rv = object_writable(s, object_is_token(o), object_is_private(o));
    if (rv == CKR_OK)
        rv = take_check_value(o);
    return rv == CKR_OK && object_is_token(o) ? token_create(s->slot, o) : rv;
}

CK_RV object_give(struct session *s, struct object *o, CK_RV rv, CK_OBJECT_HANDLE *handle)
{
    if (rv != CKR_OK) {
        object_free(o);
        return rv;
    }
    *handle = object_add(s, o);
    return CKR_OK;
}
