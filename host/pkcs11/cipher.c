/* C_Encrypt*, C_Decrypt*: the rules of the interface. The work is done by pk_cipher.c and block.c.
 */
#include "host/pkcs11/operation.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ beginning */

static CK_RV begin(struct session *s, enum operation_kind kind, const CK_MECHANISM *m,
                   CK_OBJECT_HANDLE key, bool encrypt)
{
    struct operation *op;
    CK_RV rv = operation_begin(s, kind, m, key, encrypt ? CKF_ENCRYPT : CKF_DECRYPT,
                               encrypt ? CKA_ENCRYPT : CKA_DECRYPT, &op);
    if (rv != CKR_OK || !op)
        return rv;
    rv = cipher_begin(s->slot, op, m, encrypt);
    if (rv != CKR_OK)
        operation_end(s, kind);
    return rv;
}

CK_RV cipher_begin(struct slot *slot, struct operation *op, const CK_MECHANISM *m, bool encrypt)
{
    op->encrypt = encrypt;
    if (op->key->class != CKO_SECRET_KEY && encrypt != (op->key->class == CKO_PUBLIC_KEY))
        return CKR_KEY_TYPE_INCONSISTENT;
    const CK_RV rv = token_complete(slot, op->key);
    return rv == CKR_OK ? op->m->cipher->begin(op, slot, m) : rv;
}

CK_RV C_EncryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, begin(s, OP_ENCRYPT, m, key, true)) : rv;
}

CK_RV C_DecryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, begin(s, OP_DECRYPT, m, key, false)) : rv;
}

/* ------------------------------------------------------------------ work */

/* The result is kept in the operation, so that a caller with too small a buffer can come again. */
static CK_RV work(struct operation *op, struct slot *slot, const uint8_t *in, size_t n, bool last)
{
    const size_t room = op->m->cipher->most(op, n, last);
    size_t size = room;
    uint8_t *out = malloc(room ? room : 1);
    if (!out)
        return CKR_HOST_MEMORY;
    CK_RV rv = op->m->cipher->run(op, slot, in, n, last, out, &size);
    if (rv == CKR_OK && !bytes_add(&op->result, out, size))
        rv = CKR_HOST_MEMORY;
    hufu_wipe(out, room);
    free(out);
    return rv;
}

CK_RV cipher_single(struct operation *op, struct slot *slot, const uint8_t *in, size_t n,
                    struct bytes *out)
{
    const CK_RV rv = work(op, slot, in, n, true);
    *out = op->result;
    op->result = (struct bytes){NULL, 0, 0};
    return rv;
}

/* Hand out a finished result; true: done with the operation. */
static bool deliver(struct operation *op, CK_BYTE *out, CK_ULONG *out_size, CK_RV *rv)
{
    bool asked;
    *rv = room_for(out, out_size, op->result.size, &asked);
    if (*rv != CKR_OK || asked)
        return false;
    if (op->result.size)
        memcpy(out, op->result.data, op->result.size);
    *out_size = op->result.size;
    return true;
}

/* The whole, or with single false the end of what came in parts. */
static CK_RV finish(struct session *s, enum operation_kind kind, const CK_BYTE *in, CK_ULONG n,
                    bool single, CK_BYTE *out, CK_ULONG *out_size)
{
    struct operation *op;
    CK_RV rv = operation_get(s, kind, &op);
    if (rv != CKR_OK)
        return rv;
    if (!out_size || (!in && n) || (single && op->multi)) {
        rv = out_size && (in || !n) ? CKR_OPERATION_ACTIVE : CKR_ARGUMENTS_BAD;
        operation_end(s, kind);
        return rv;
    }
    if (!op->finished && op->m->cipher->length)
        rv = op->m->cipher->length(op, n, true);
    if (rv == CKR_OK && !op->finished) {
        const size_t most = op->m->cipher->most(op, n, true);
        if (!out) { /* may be more than it will be, and costs nothing */
            *out_size = most;
            return CKR_OK;
        }
        if (*out_size < most && op->encrypt) { /* exact when encrypting */
            *out_size = most;
            return CKR_BUFFER_TOO_SMALL;
        }
        rv = work(op, s->slot, in, n, true);
        op->finished = true;
    }
    if (rv != CKR_OK || deliver(op, out, out_size, &rv))
        operation_end(s, kind);
    return rv;
}

static CK_RV update(struct session *s, enum operation_kind kind, const CK_BYTE *in, CK_ULONG n,
                    CK_BYTE *out, CK_ULONG *out_size)
{
    struct operation *op;
    CK_RV rv = operation_get(s, kind, &op);
    if (rv != CKR_OK)
        return rv;
    bool asked = false;
    if (!out_size || (!in && n) || op->finished)
        rv = CKR_ARGUMENTS_BAD;
    else if (op->m->cipher->length)
        rv = op->m->cipher->length(op, n, false);
    if (rv == CKR_OK) {
        rv = room_for(out, out_size, op->m->cipher->most(op, n, false), &asked);
        if (rv != CKR_OK || asked)
            return rv;
        size_t size = *out_size;
        op->multi = true;
        rv = op->m->cipher->run(op, s->slot, in, n, false, out, &size);
        *out_size = size;
    }
    if (rv != CKR_OK)
        operation_end(s, kind);
    return rv;
}

/* ------------------------------------------------------------------ the interface */

CK_RV C_Encrypt(CK_SESSION_HANDLE handle, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_size)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, finish(s, OP_ENCRYPT, in, n, true, out, out_size)) : rv;
}

CK_RV C_EncryptUpdate(CK_SESSION_HANDLE handle, CK_BYTE *in, CK_ULONG n, CK_BYTE *out,
                      CK_ULONG *out_size)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, update(s, OP_ENCRYPT, in, n, out, out_size)) : rv;
}

CK_RV C_EncryptFinal(CK_SESSION_HANDLE handle, CK_BYTE *out, CK_ULONG *out_size)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, finish(s, OP_ENCRYPT, NULL, 0, false, out, out_size))
                        : rv;
}

CK_RV C_Decrypt(CK_SESSION_HANDLE handle, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_size)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, finish(s, OP_DECRYPT, in, n, true, out, out_size)) : rv;
}

CK_RV C_DecryptUpdate(CK_SESSION_HANDLE handle, CK_BYTE *in, CK_ULONG n, CK_BYTE *out,
                      CK_ULONG *out_size)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, update(s, OP_DECRYPT, in, n, out, out_size)) : rv;
}

CK_RV C_DecryptFinal(CK_SESSION_HANDLE handle, CK_BYTE *out, CK_ULONG *out_size)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    return rv == CKR_OK ? leave_session(s, finish(s, OP_DECRYPT, NULL, 0, false, out, out_size))
                        : rv;
}

/* ------------------------------------------------------------------ two at once */

CK_RV C_DigestEncryptUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG n, CK_BYTE *out,
                            CK_ULONG *out_size)
{
    const CK_RV rv = C_EncryptUpdate(session, in, n, out, out_size);
    return rv == CKR_OK && out ? C_DigestUpdate(session, in, n) : rv;
}

CK_RV C_SignEncryptUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG n, CK_BYTE *out,
                          CK_ULONG *out_size)
{
    const CK_RV rv = C_EncryptUpdate(session, in, n, out, out_size);
    return rv == CKR_OK && out ? C_SignUpdate(session, in, n) : rv;
}

CK_RV C_DecryptDigestUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG n, CK_BYTE *out,
                            CK_ULONG *out_size)
{
    const CK_RV rv = C_DecryptUpdate(session, in, n, out, out_size);
    return rv == CKR_OK && out ? C_DigestUpdate(session, out, *out_size) : rv;
}

CK_RV C_DecryptVerifyUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG n, CK_BYTE *out,
                            CK_ULONG *out_size)
{
    const CK_RV rv = C_DecryptUpdate(session, in, n, out, out_size);
    return rv == CKR_OK && out ? C_VerifyUpdate(session, out, *out_size) : rv;
}
