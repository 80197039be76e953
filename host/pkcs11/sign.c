/* C_Sign*, C_Verify*: the rules of the interface. The work is done by pk_sign.c and mac.c. */
#include "host/pkcs11/operation.h"

#include <string.h>

/* ------------------------------------------------------------------ beginning */

static CK_RV begin(struct session *s, enum operation_kind kind, const CK_MECHANISM *m,
                   CK_OBJECT_HANDLE key, CK_FLAGS flag, CK_ATTRIBUTE_TYPE use)
{
    struct operation *op;
    CK_RV rv = operation_begin(s, kind, m, key, flag, use, &op);
    if (rv != CKR_OK || !op)
        return rv;
    op->checks = use == CKA_VERIFY || use == CKA_VERIFY_RECOVER;
    const bool public = op->key->class == CKO_PUBLIC_KEY;
    if (op->key->class != CKO_SECRET_KEY && op->checks != public)
        rv = CKR_KEY_TYPE_INCONSISTENT;
    if (rv == CKR_OK)
        rv = token_complete(s->slot, op->key);
    if (rv == CKR_OK && !bytes_add(&op->parameter, m->pParameter, m->ulParameterLen))
        rv = CKR_HOST_MEMORY;
    if (rv == CKR_OK)
        rv = op->m->sign->begin(op, s->slot, m);
    if (rv != CKR_OK)
        operation_end(s, kind);
    return rv;
}

CK_RV sign_init(CK_SESSION_HANDLE handle, enum operation_kind kind, const CK_MECHANISM *m,
                CK_OBJECT_HANDLE key, CK_FLAGS flag, CK_ATTRIBUTE_TYPE use)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, begin(s, kind, m, key, flag, use)) : rv;
}

CK_RV C_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    return sign_init(session, OP_SIGN, m, key, CKF_SIGN, CKA_SIGN);
}

CK_RV C_VerifyInit(CK_SESSION_HANDLE session, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    return sign_init(session, OP_VERIFY, m, key, CKF_VERIFY, CKA_VERIFY);
}

CK_RV C_SignRecoverInit(CK_SESSION_HANDLE session, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    return sign_init(session, OP_SIGN_RECOVER, m, key, CKF_SIGN_RECOVER, CKA_SIGN_RECOVER);
}

CK_RV C_VerifyRecoverInit(CK_SESSION_HANDLE session, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    return sign_init(session, OP_VERIFY_RECOVER, m, key, CKF_VERIFY_RECOVER, CKA_VERIFY_RECOVER);
}

/* ------------------------------------------------------------------ parts */

static CK_RV update(struct session *s, enum operation_kind kind, const CK_BYTE *data, CK_ULONG n)
{
    struct operation *op;
    CK_RV rv = operation_get(s, kind, &op);
    if (rv != CKR_OK)
        return rv;
    rv = !data && n ? CKR_ARGUMENTS_BAD : CKR_OK;
    if (rv == CKR_OK && n)
        rv = op->m->sign->update(op, data, n);
    op->multi = true;
    if (rv != CKR_OK)
        operation_end(s, kind);
    return rv;
}

CK_RV C_SignUpdate(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG n)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, update(s, OP_SIGN, data, n)) : rv;
}

CK_RV C_VerifyUpdate(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG n)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, update(s, OP_VERIFY, data, n)) : rv;
}

/* ------------------------------------------------------------------ signing */

/* data NULL: what came in parts. Ends the operation, but for questions and small buffers. */
static CK_RV finish(struct session *s, enum operation_kind kind, const CK_BYTE *data, CK_ULONG n,
                    bool single, CK_BYTE *out, CK_ULONG *out_size)
{
    struct operation *op;
    bool asked;
    CK_RV rv = operation_get(s, kind, &op);
    if (rv != CKR_OK)
        return rv;
    if (!out_size || (single && !data && n))
        rv = CKR_ARGUMENTS_BAD;
    else if (single && op->multi)
        rv = CKR_OPERATION_ACTIVE;
    if (rv == CKR_OK) {
        rv = room_for(out, out_size, op->m->sign->size(op), &asked);
        if (rv != CKR_OK || asked)
            return rv;
    }
    if (rv == CKR_OK && single && n)
        rv = op->m->sign->update(op, data, n);
    if (rv == CKR_OK) {
        size_t size = *out_size;
        rv = op->m->sign->finish(op, s->slot, out, &size);
        *out_size = size;
    }
    operation_end(s, kind);
    return rv;
}

CK_RV C_Sign(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_size)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, finish(s, OP_SIGN, data, n, true, out, out_size)) : rv;
}

CK_RV C_SignFinal(CK_SESSION_HANDLE handle, CK_BYTE *out, CK_ULONG *out_size)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, finish(s, OP_SIGN, NULL, 0, false, out, out_size)) : rv;
}

CK_RV C_SignRecover(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG n, CK_BYTE *out,
                    CK_ULONG *out_size)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, finish(s, OP_SIGN_RECOVER, data, n, true, out, out_size))
                        : rv;
}

/* ------------------------------------------------------------------ verifying */

static CK_RV check(struct session *s, enum operation_kind kind, const CK_BYTE *data, CK_ULONG n,
                   bool single, const CK_BYTE *signature, CK_ULONG size)
{
    struct operation *op;
    CK_RV rv = operation_get(s, kind, &op);
    if (rv != CKR_OK)
        return rv;
    if ((!signature && size) || (single && !data && n))
        rv = CKR_ARGUMENTS_BAD;
    else if (single && op->multi)
        rv = CKR_OPERATION_ACTIVE;
    if (rv == CKR_OK && single && n)
        rv = op->m->sign->update(op, data, n);
    if (rv == CKR_OK)
        rv = op->m->sign->check(op, s->slot, signature, size);
    operation_end(s, kind);
    return rv;
}

CK_RV C_Verify(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG n, CK_BYTE *signature,
               CK_ULONG size)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, check(s, OP_VERIFY, data, n, true, signature, size))
                        : rv;
}

CK_RV C_VerifyFinal(CK_SESSION_HANDLE handle, CK_BYTE *signature, CK_ULONG size)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, check(s, OP_VERIFY, NULL, 0, false, signature, size))
                        : rv;
}

/* RSA with PKCS #1 v1.5 padding: the data is in the signature. */
static CK_RV recover(struct session *s, const CK_BYTE *signature, CK_ULONG size, CK_BYTE *out,
                     CK_ULONG *out_size)
{
    struct operation *op;
    uint8_t data[HUFU_SIGNATURE_MAX];
    size_t n = sizeof data;
    bool asked;
    CK_RV rv = operation_get(s, OP_VERIFY_RECOVER, &op);
    if (rv != CKR_OK)
        return rv;
    rv = signature && out_size ? recover_data(op, signature, size, data, &n) : CKR_ARGUMENTS_BAD;
    if (rv == CKR_OK) {
        rv = room_for(out, out_size, n, &asked);
        if (rv != CKR_OK || asked)
            return rv;
        memcpy(out, data, n);
        *out_size = n;
    }
    operation_end(s, OP_VERIFY_RECOVER);
    return rv;
}

CK_RV C_VerifyRecover(CK_SESSION_HANDLE handle, CK_BYTE *signature, CK_ULONG size, CK_BYTE *out,
                      CK_ULONG *out_size)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, recover(s, signature, size, out, out_size)) : rv;
}
