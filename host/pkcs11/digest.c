/* Digests, by libcrypto on the host. */
#include "host/pkcs11/operation.h"

#include <stdlib.h>
#include <string.h>

static CK_RV begin(struct session *s, const CK_MECHANISM *m)
{
    if (!m)
        return operation_cancel(s, OP_DIGEST);
    if (s->op[OP_DIGEST])
        return CKR_OPERATION_ACTIVE;
    const struct mechanism *row = mechanism_find(s->slot, m->mechanism);
    if (!row || !(row->flags & CKF_DIGEST))
        return CKR_MECHANISM_INVALID;
    if (m->ulParameterLen)
        return CKR_MECHANISM_PARAM_INVALID;
    struct operation *op = calloc(1, sizeof *op);
    if (!op)
        return CKR_HOST_MEMORY;
    op->m = row;
    op->hash = row->hash;
    op->md = EVP_MD_CTX_new();
    if (!op->md || !hash_md(op->hash) || EVP_DigestInit_ex2(op->md, hash_md(op->hash), NULL) <= 0) {
        operation_free(s, op);
        return CKR_GENERAL_ERROR;
    }
    s->op[OP_DIGEST] = op;
    return CKR_OK;
}

CK_RV C_DigestInit(CK_SESSION_HANDLE handle, CK_MECHANISM *m)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, begin(s, m)) : rv;
}

static CK_RV update(struct session *s, const CK_BYTE *data, CK_ULONG n)
{
    struct operation *op;
    CK_RV rv = operation_get(s, OP_DIGEST, &op);
    if (rv != CKR_OK)
        return rv;
    if (!data && n)
        rv = CKR_ARGUMENTS_BAD;
    else if (n && EVP_DigestUpdate(op->md, data, n) <= 0)
        rv = CKR_GENERAL_ERROR;
    op->multi = true;
    if (rv != CKR_OK)
        operation_end(s, OP_DIGEST);
    return rv;
}

static CK_RV final(struct session *s, CK_BYTE *out, CK_ULONG *out_size)
{
    struct operation *op;
    bool asked;
    unsigned size = HASH_MAX;
    CK_RV rv = operation_get(s, OP_DIGEST, &op);
    if (rv != CKR_OK)
        return rv;
    if (!out_size) {
        operation_end(s, OP_DIGEST);
        return CKR_ARGUMENTS_BAD;
    }
    rv = room_for(out, out_size, hash_size(op->hash), &asked);
    if (rv != CKR_OK || asked)
        return rv;
    if (EVP_DigestFinal_ex(op->md, out, &size) <= 0)
        rv = CKR_GENERAL_ERROR;
    *out_size = size;
    operation_end(s, OP_DIGEST);
    return rv;
}

CK_RV C_DigestUpdate(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG n)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, update(s, data, n)) : rv;
}

CK_RV C_DigestFinal(CK_SESSION_HANDLE handle, CK_BYTE *out, CK_ULONG *out_size)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, final(s, out, out_size)) : rv;
}

static CK_RV single(struct session *s, const CK_BYTE *data, CK_ULONG n, CK_BYTE *out,
                    CK_ULONG *out_size)
{
    struct operation *op;
    bool asked;
    CK_RV rv = operation_get(s, OP_DIGEST, &op);
    if (rv != CKR_OK)
        return rv;
    if (op->multi || !out_size || (!data && n)) {
        rv = op->multi ? CKR_OPERATION_ACTIVE : CKR_ARGUMENTS_BAD;
        operation_end(s, OP_DIGEST);
        return rv;
    }
    rv = room_for(out, out_size, hash_size(op->hash), &asked);
    if (rv != CKR_OK || asked)
        return rv;
    rv = update(s, data, n);
    return rv == CKR_OK ? final(s, out, out_size) : rv;
}

CK_RV C_Digest(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG n, CK_BYTE *out,
               CK_ULONG *out_size)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, single(s, data, n, out, out_size)) : rv;
}

/*
 * A secret key whose value is in this process: one of the device cannot be digested here. A key
 * that is none does not end the operation: nothing has been digested.
 */
static CK_RV digest_key(struct session *s, CK_OBJECT_HANDLE handle)
{
    struct operation *op;
    CK_RV rv = operation_get(s, OP_DIGEST, &op);
    if (rv != CKR_OK)
        return rv;
    struct object *key = object_hold(s, handle);
    if (!key || key->class != CKO_SECRET_KEY) {
        object_release(s->slot, key);
        return CKR_KEY_HANDLE_INVALID;
    }
    token_complete(s->slot, key);
    const struct attribute *value = secret_of(key);
    rv = value ? update(s, value->value, value->size) : CKR_KEY_INDIGESTIBLE;
    object_release(s->slot, key);
    return rv;
}

CK_RV C_DigestKey(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE key)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, digest_key(s, key)) : rv;
}
