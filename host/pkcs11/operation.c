/* Operations of sessions: beginning, finding, ending. */
#include "host/pkcs11/operation.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ bytes */

bool bytes_add(struct bytes *b, const void *data, size_t n)
{
    if (n > b->room - b->size) {
        const size_t room = b->size + n + b->room / 2 + 64;
        uint8_t *more = room > n ? malloc(room) : NULL;
        if (!more)
            return false;
        if (b->size)
            memcpy(more, b->data, b->size);
        if (b->room)
            hufu_wipe(b->data, b->room);
        free(b->data);
        b->data = more;
        b->room = room;
    }
    if (n)
        memcpy(b->data + b->size, data, n);
    b->size += n;
    return true;
}

void bytes_free(struct bytes *b)
{
    if (b->room)
        hufu_wipe(b->data, b->room);
    free(b->data);
    *b = (struct bytes){NULL, 0, 0};
}

/* ------------------------------------------------------------------ ending */

void operation_free(struct session *s, struct operation *op)
{
    if (!op)
        return;
    object_release(s->slot, op->key);
    EVP_MD_CTX_free(op->md);
    EVP_MAC_CTX_free(op->mac);
    EVP_CIPHER_CTX_free(op->cipher);
    EVP_PKEY_free(op->pkey);
    bytes_free(&op->in);
    bytes_free(&op->result);
    bytes_free(&op->extra);
    bytes_free(&op->parameter);
    free(op->found);
    free(op);
}

void operation_end(struct session *s, enum operation_kind kind)
{
    operation_free(s, s->op[kind]);
    s->op[kind] = NULL;
}

/* ------------------------------------------------------------------ beginning */

static CK_RV may_use(const struct object *key, const CK_MECHANISM *m, CK_ATTRIBUTE_TYPE use)
{
    if (use && !attribute_bool(key, use))
        return CKR_KEY_FUNCTION_NOT_PERMITTED;
    return object_allows(key, m->mechanism) ? CKR_OK : CKR_MECHANISM_INVALID;
}

static bool private_op(CK_ATTRIBUTE_TYPE use)
{
    return use == CKA_SIGN || use == CKA_DECRYPT || use == CKA_SIGN_RECOVER;
}

CK_RV operation_new(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE handle,
                    CK_FLAGS flag, CK_ATTRIBUTE_TYPE use, struct operation **out)
{
    const struct mechanism *row = mechanism_find(s->slot, m->mechanism);
    if (!row || !(row->flags & flag))
        return CKR_MECHANISM_INVALID;
    if (!m->pParameter && m->ulParameterLen)
        return CKR_MECHANISM_PARAM_INVALID;
    struct object *key = object_hold(s, handle);
    if (!key)
        return CKR_KEY_HANDLE_INVALID;
    lock_take(&s->slot->lock); /* another thread may be about to complete the key */
    CK_RV rv = mechanism_fits(row, key);
    if (rv == CKR_OK)
        rv = may_use(key, m, use);
    const bool wants_pin = private_op(use) && attribute_bool(key, CKA_ALWAYS_AUTHENTICATE);
    lock_give(&s->slot->lock);
    struct operation *op = rv == CKR_OK ? calloc(1, sizeof *op) : NULL;
    if (!op) {
        object_release(s->slot, key);
        return rv == CKR_OK ? CKR_HOST_MEMORY : rv;
    }
    op->m = row;
    op->key = key;
    op->hash = row->hash;
    op->wants_pin = wants_pin;
    *out = op;
    return CKR_OK;
}

CK_RV operation_cancel(struct session *s, enum operation_kind kind)
{
    if (!s->op[kind])
        return CKR_ARGUMENTS_BAD;
    operation_end(s, kind);
    return CKR_OK;
}

CK_RV operation_begin(struct session *s, enum operation_kind kind, const CK_MECHANISM *m,
                      CK_OBJECT_HANDLE key, CK_FLAGS flag, CK_ATTRIBUTE_TYPE use,
                      struct operation **op)
{
    *op = NULL;
    if (!m)
        return operation_cancel(s, kind);
    if (s->op[kind])
        return CKR_OPERATION_ACTIVE;
    const CK_RV rv = operation_new(s, m, key, flag, use, op);
    if (rv == CKR_OK)
        s->op[kind] = *op;
    return rv;
}

CK_RV operation_get(struct session *s, enum operation_kind kind, struct operation **op)
{
    *op = s->op[kind];
    if (!*op)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (!(*op)->wants_pin)
        return CKR_OK;
    operation_end(s, kind);
    *op = NULL;
    return CKR_USER_NOT_LOGGED_IN;
}

bool operation_wants_pin(const struct session *s)
{
    for (int i = 0; i < OP_KINDS; i++)
        if (s->op[i] && s->op[i]->wants_pin)
            return true;
    return false;
}

void operation_has_pin(struct session *s)
{
    for (int i = 0; i < OP_KINDS; i++)
        if (s->op[i])
            s->op[i]->wants_pin = false;
}

CK_RV room_for(const uint8_t *out, CK_ULONG *out_size, size_t needed, bool *asked)
{
    const CK_ULONG room = *out_size;
    *asked = !out;
    if (out && room >= needed)
        return CKR_OK;
    *out_size = needed;
    return out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

/* ------------------------------------------------------------------ keys */

bool key_in_device(const struct object *key)
{
    return key->device != 0 && !key->kept && key->class != CKO_PUBLIC_KEY;
}

const struct attribute *secret_of(const struct object *key)
{
    return attribute_of(key, CKA_VALUE);
}
