/* The message functions of 3.0: many messages with one key and one initialisation. */
#include "host/pkcs11/operation.h"

#include <string.h>

/* ------------------------------------------------------------------ signatures */

/* A message is an operation of its own with the key and the parameter of the begun one. */
static CK_RV again(struct slot *slot, struct operation *op)
{
    const CK_MECHANISM m = {op->m->type, op->parameter.size ? op->parameter.data : NULL,
                            op->parameter.size};
    op->multi = false;
    op->in.size = op->extra.size = 0;
    EVP_MD_CTX_free(op->md);
    EVP_MAC_CTX_free(op->mac);
    EVP_PKEY_free(op->pkey);
    op->md = NULL;
    op->mac = NULL;
    op->pkey = NULL;
    return op->m->sign->begin(op, slot, &m);
}

CK_RV C_MessageSignInit(CK_SESSION_HANDLE session, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    return sign_init(session, OP_MESSAGE_SIGN, m, key, CKF_MESSAGE_SIGN, CKA_SIGN);
}

CK_RV C_MessageVerifyInit(CK_SESSION_HANDLE session, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    return sign_init(session, OP_MESSAGE_VERIFY, m, key, CKF_MESSAGE_VERIFY, CKA_VERIFY);
}

static CK_RV sign_message(struct session *s, const CK_BYTE *data, CK_ULONG n, bool single,
                          CK_BYTE *out, CK_ULONG *out_size)
{
    struct operation *op;
    bool asked;
    CK_RV rv = operation_get(s, OP_MESSAGE_SIGN, &op);
    if (rv != CKR_OK)
        return rv;
    if ((!data && n) || (single && !out_size))
        return CKR_ARGUMENTS_BAD;
    if (single && op->multi)
        return CKR_OPERATION_ACTIVE;
    if (!out_size) { /* a part of the message */
        op->multi = true;
        return n ? op->m->sign->update(op, data, n) : CKR_OK;
    }
    rv = room_for(out, out_size, op->m->sign->size(op), &asked);
    if (rv != CKR_OK || asked)
        return rv;
    if (n)
        rv = op->m->sign->update(op, data, n);
    size_t size = *out_size;
    if (rv == CKR_OK)
        rv = op->m->sign->finish(op, s->slot, out, &size);
    *out_size = size;
    const CK_RV next = again(s->slot, op);
    return rv == CKR_OK ? next : rv;
}

static CK_RV check_message(struct session *s, const CK_BYTE *data, CK_ULONG n, bool single,
                           const CK_BYTE *signature, CK_ULONG size)
{
    struct operation *op;
    CK_RV rv = operation_get(s, OP_MESSAGE_VERIFY, &op);
    if (rv != CKR_OK)
        return rv;
    if ((!data && n) || (single && !signature))
        return CKR_ARGUMENTS_BAD;
    if (single && op->multi)
        return CKR_OPERATION_ACTIVE;
    if (n)
        rv = op->m->sign->update(op, data, n);
    op->multi = true;
    if (rv != CKR_OK || !signature)
        return rv;
    rv = op->m->sign->check(op, s->slot, signature, size);
    const CK_RV next = again(s->slot, op);
    return rv == CKR_OK ? next : rv;
}

/* None of our mechanisms has a parameter for each message. */
static CK_RV enter_message(CK_SESSION_HANDLE handle, CK_ULONG p_size, struct session **s)
{
    const CK_RV rv = enter_session(handle, s);
    return rv == CKR_OK && p_size ? leave_session(*s, CKR_MECHANISM_PARAM_INVALID) : rv;
}

CK_RV C_SignMessage(CK_SESSION_HANDLE handle, void *p, CK_ULONG p_size, CK_BYTE *data, CK_ULONG n,
                    CK_BYTE *out, CK_ULONG *out_size)
{
    struct session *s;
    (void)p;
    const CK_RV rv = enter_message(handle, p_size, &s);
    return rv == CKR_OK ? leave_session(s, sign_message(s, data, n, true, out, out_size)) : rv;
}

CK_RV C_SignMessageBegin(CK_SESSION_HANDLE handle, void *p, CK_ULONG p_size)
{
    return C_SignMessageNext(handle, p, p_size, NULL, 0, NULL, NULL);
}

CK_RV C_SignMessageNext(CK_SESSION_HANDLE handle, void *p, CK_ULONG p_size, CK_BYTE *data,
                        CK_ULONG n, CK_BYTE *out, CK_ULONG *out_size)
{
    struct session *s;
    (void)p;
    const CK_RV rv = enter_message(handle, p_size, &s);
    return rv == CKR_OK ? leave_session(s, sign_message(s, data, n, false, out, out_size)) : rv;
}

CK_RV C_VerifyMessage(CK_SESSION_HANDLE handle, void *p, CK_ULONG p_size, CK_BYTE *data, CK_ULONG n,
                      CK_BYTE *signature, CK_ULONG size)
{
    struct session *s;
    (void)p;
    const CK_RV rv = enter_message(handle, p_size, &s);
    return rv == CKR_OK ? leave_session(s, check_message(s, data, n, true, signature, size)) : rv;
}

CK_RV C_VerifyMessageBegin(CK_SESSION_HANDLE handle, void *p, CK_ULONG p_size)
{
    return C_VerifyMessageNext(handle, p, p_size, NULL, 0, NULL, 0);
}

CK_RV C_VerifyMessageNext(CK_SESSION_HANDLE handle, void *p, CK_ULONG p_size, CK_BYTE *data,
                          CK_ULONG n, CK_BYTE *signature, CK_ULONG size)
{
    struct session *s;
    (void)p;
    const CK_RV rv = enter_message(handle, p_size, &s);
    return rv == CKR_OK ? leave_session(s, check_message(s, data, n, false, signature, size)) : rv;
}

static CK_RV message_end(CK_SESSION_HANDLE handle, enum operation_kind kind)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!s->op[kind])
        return leave_session(s, CKR_OPERATION_NOT_INITIALIZED);
    operation_end(s, kind);
    return leave_session(s, CKR_OK);
}

CK_RV C_MessageSignFinal(CK_SESSION_HANDLE session)
{
    return message_end(session, OP_MESSAGE_SIGN);
}

CK_RV C_MessageVerifyFinal(CK_SESSION_HANDLE session)
{
    return message_end(session, OP_MESSAGE_VERIFY);
}

CK_RV C_MessageEncryptFinal(CK_SESSION_HANDLE session)
{
    return message_end(session, OP_MESSAGE_ENCRYPT);
}

CK_RV C_MessageDecryptFinal(CK_SESSION_HANDLE session)
{
    return message_end(session, OP_MESSAGE_DECRYPT);
}

/* ------------------------------------------------------------------ encryption: GCM */

static CK_RV crypt_init(CK_SESSION_HANDLE handle, enum operation_kind kind, const CK_MECHANISM *m,
                        CK_OBJECT_HANDLE key)
{
    struct session *s;
    struct operation *op;
    const bool encrypt = kind == OP_MESSAGE_ENCRYPT;
    CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    rv = operation_begin(s, kind, m, key, encrypt ? CKF_MESSAGE_ENCRYPT : CKF_MESSAGE_DECRYPT,
                         encrypt ? CKA_ENCRYPT : CKA_DECRYPT, &op);
    if (rv == CKR_OK && op)
        op->encrypt = encrypt;
    return leave_session(s, rv);
}

CK_RV C_MessageEncryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    return crypt_init(session, OP_MESSAGE_ENCRYPT, m, key);
}

CK_RV C_MessageDecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    return crypt_init(session, OP_MESSAGE_DECRYPT, m, key);
}

/* An IV that the module is to make: the device draws what is not fixed of it. */
static CK_RV make_iv(struct session *s, const CK_GCM_MESSAGE_PARAMS *p)
{
    struct use u = {0};
    const CK_ULONG fixed = (p->ulIvFixedBits + 7) / 8;
    if (p->ivGenerator == CKG_NO_GENERATE)
        return CKR_OK;
    if (p->ivGenerator > CKG_GENERATE_COUNTER_XOR || fixed >= p->ulIvLen || p->ulIvFixedBits % 8 ||
        p->ulIvLen - fixed < 8)
        return CKR_MECHANISM_PARAM_INVALID;
    const CK_RV rv = use_begin(&u, s->slot);
    return rv == CKR_OK ? use_end(&u, hufu_random(u.device, p->pIv + fixed, p->ulIvLen - fixed))
                        : rv;
}

static CK_RV message_set(struct session *s, struct operation *op, void *parameter, CK_ULONG size,
                         const CK_BYTE *aad, CK_ULONG aad_size, CK_GCM_MESSAGE_PARAMS *p)
{
    if (!parameter || size != sizeof *p)
        return CKR_MECHANISM_PARAM_INVALID;
    memcpy(p, parameter, sizeof *p);
    if (!p->pIv || !p->pTag)
        return CKR_MECHANISM_PARAM_INVALID;
    op->in.size = 0;
    const CK_RV rv = op->encrypt ? make_iv(s, p) : CKR_OK;
    return rv == CKR_OK ? gcm_set(op, p->pIv, p->ulIvLen, aad, aad_size, p->ulTagBits) : rv;
}

/* The tag is in the parameter, not behind the ciphertext. */
static CK_RV message_run(struct session *s, struct operation *op, const CK_GCM_MESSAGE_PARAMS *p,
                         const CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_size)
{
    struct bytes result = {NULL, 0, 0};
    bool asked;
    CK_RV rv = room_for(out, out_size, op->in.size + n, &asked);
    if (rv != CKR_OK || asked)
        return rv;
    if (n && !bytes_add(&op->in, in, n))
        return CKR_HOST_MEMORY;
    if (!op->encrypt && !bytes_add(&op->in, p->pTag, op->tag_size))
        return CKR_HOST_MEMORY;
    rv = cipher_single(op, s->slot, NULL, 0, &result);
    if (rv == CKR_OK) {
        const size_t text = result.size - (op->encrypt ? op->tag_size : 0);
        if (text)
            memcpy(out, result.data, text);
        if (op->encrypt)
            memcpy(p->pTag, result.data + text, op->tag_size);
        *out_size = text;
    }
    bytes_free(&result);
    op->in.size = 0;
    op->multi = false;
    return rv;
}

struct message {
    void *parameter;
    CK_ULONG parameter_size;
    const CK_BYTE *aad;
    CK_ULONG aad_size;
    const CK_BYTE *in;
    CK_ULONG n;
    CK_BYTE *out;
    CK_ULONG *out_size;
    bool begin, end;
};

static CK_RV message(CK_SESSION_HANDLE handle, enum operation_kind kind, const struct message *m)
{
    struct session *s;
    struct operation *op;
    CK_GCM_MESSAGE_PARAMS p;
    CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    rv = operation_get(s, kind, &op);
    if (rv == CKR_OK && ((!m->in && m->n) || (m->end && !m->out_size)))
        rv = CKR_ARGUMENTS_BAD;
    if (rv == CKR_OK && m->begin == op->multi)
        rv = op->multi ? CKR_OPERATION_ACTIVE : CKR_OPERATION_NOT_INITIALIZED;
    const bool asks = m->begin && m->end && !m->out; /* makes no IV yet */
    if (rv == CKR_OK && m->begin && !asks)
        rv = message_set(s, op, m->parameter, m->parameter_size, m->aad, m->aad_size, &p);
    else if (rv == CKR_OK && !asks && (m->parameter_size != sizeof p || !m->parameter))
        rv = CKR_MECHANISM_PARAM_INVALID;
    if (rv != CKR_OK)
        return leave_session(s, rv);
    if (!m->end) { /* a part: all comes out at the end */
        op->multi = true;
        if (m->n && !bytes_add(&op->in, m->in, m->n))
            rv = CKR_HOST_MEMORY;
        if (m->out_size)
            *m->out_size = 0;
        return leave_session(s, rv);
    }
    if (!asks)
        memcpy(&p, m->parameter, sizeof p);
    return leave_session(s, message_run(s, op, &p, m->in, m->n, m->out, m->out_size));
}

CK_RV C_EncryptMessage(CK_SESSION_HANDLE session, void *p, CK_ULONG p_size, CK_BYTE *aad,
                       CK_ULONG aad_size, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_size)
{
    const struct message m = {p, p_size, aad, aad_size, in, n, out, out_size, true, true};
    return message(session, OP_MESSAGE_ENCRYPT, &m);
}

CK_RV C_EncryptMessageBegin(CK_SESSION_HANDLE session, void *p, CK_ULONG p_size, CK_BYTE *aad,
                            CK_ULONG aad_size)
{
    const struct message m = {p, p_size, aad, aad_size, NULL, 0, NULL, NULL, true, false};
    return message(session, OP_MESSAGE_ENCRYPT, &m);
}

CK_RV C_EncryptMessageNext(CK_SESSION_HANDLE session, void *p, CK_ULONG p_size, CK_BYTE *in,
                           CK_ULONG n, CK_BYTE *out, CK_ULONG *out_size, CK_FLAGS flags)
{
    const struct message m = {p, p_size, NULL,     0,     in,
                              n, out,    out_size, false, (flags & CKF_END_OF_MESSAGE) != 0};
    return message(session, OP_MESSAGE_ENCRYPT, &m);
}

CK_RV C_DecryptMessage(CK_SESSION_HANDLE session, void *p, CK_ULONG p_size, CK_BYTE *aad,
                       CK_ULONG aad_size, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_size)
{
    const struct message m = {p, p_size, aad, aad_size, in, n, out, out_size, true, true};
    return message(session, OP_MESSAGE_DECRYPT, &m);
}

CK_RV C_DecryptMessageBegin(CK_SESSION_HANDLE session, void *p, CK_ULONG p_size, CK_BYTE *aad,
                            CK_ULONG aad_size)
{
    const struct message m = {p, p_size, aad, aad_size, NULL, 0, NULL, NULL, true, false};
    return message(session, OP_MESSAGE_DECRYPT, &m);
}

CK_RV C_DecryptMessageNext(CK_SESSION_HANDLE session, void *p, CK_ULONG p_size, CK_BYTE *in,
                           CK_ULONG n, CK_BYTE *out, CK_ULONG *out_size, CK_FLAGS flags)
{
    const struct message m = {p, p_size, NULL,     0,     in,
                              n, out,    out_size, false, (flags & CKF_END_OF_MESSAGE) != 0};
    return message(session, OP_MESSAGE_DECRYPT, &m);
}
