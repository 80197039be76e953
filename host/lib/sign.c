/* Signing, one and many; verifying. */
#include "host/lib/lib.h"

#include <string.h>

enum { OVERLAP = 2 }; /* commands of a batch on their way: the device never waits for the host */

static bool signature_sound(uint8_t scheme, size_t n)
{
    if (scheme == SIGN_SM2 || scheme == SIGN_SM2_MESSAGE)
        return n == 64;
    return scheme == SIGN_ECDSA ? n == 64 || n == 96 : n == 256 || n == 384 || n == 512;
}

enum hufu_status hufu_sign(struct hufu_session *session, uint32_t handle,
                           const struct hufu_signing *signing, const void *data, size_t size,
                           uint8_t *signature, size_t *signature_size)
{
    struct call c;
    const struct sign_req req = {
        .handle = handle,
        .scheme = signing->scheme,
        .hash = signing->hash,
        .salt = signing->salt,
        .id = as_view(signing->signer_id, signing->signer_id ? signing->signer_id_size : 0),
        .data = as_view(data, size),
    };
    struct sign_rsp m;
    if (!CALL(&c, session, sign, SIGN, req.id.size + size, &req, &m)) {
        const size_t n = m.signature.size;
        if (!call_check(&c, signature_sound(signing->scheme, n))) {
            memcpy(signature, m.signature.data, n);
            *signature_size = n;
        }
    }
    call_end(&c);
    return c.status;
}

/* ------------------------------------------------------------------ batches */

struct batch {
    struct hufu_session *session;
    struct sign_batch_req req;
    const uint8_t *digests;
    size_t digest_size, n;
    uint8_t *signatures;
    size_t signature_size;
    uint8_t *good;
    size_t part;      /* digests in a command */
    size_t sent, got; /* digests */
    bool failed;      /* a signature is missing */
};

static size_t part_size(const struct batch *b)
{
    const struct hufu_device *d = b->session->device;
    enum { REQUEST_FIXED = 8, ANSWER_FIXED = 6, STATUS_MAX = 8192 };
    size_t n = (d->limit - REQUEST_FIXED) / b->digest_size;
    const size_t fits = (d->limit - ANSWER_FIXED) * (size_t)8 / (b->signature_size * 8 + 1);
    if (n > fits)
        n = fits;
    if (n > d->capabilities.batch_max)
        n = d->capabilities.batch_max;
    return n < STATUS_MAX * (size_t)8 ? n : STATUS_MAX * (size_t)8;
}

static bool order(struct batch *b, struct call *c)
{
    const size_t left = b->n - b->sent, n = left < b->part ? left : b->part;
    b->req.digests = as_view(b->digests + b->sent * b->digest_size, n * b->digest_size);
    if (!call_begin(c, b->session, INS_SIGN_BATCH, b->req.digests.size))
        return false;
    sign_batch_req_put(&c->out, &b->req);
    if (!call_submit(c))
        return false;
    b->sent += n;
    return true;
}

static enum hufu_status receive(struct batch *b, struct call *c)
{
    struct sign_batch_rsp m;
    const size_t left = b->n - b->got, n = left < b->part ? left : b->part;
    if (!call_wait(c) || call_check(c, sign_batch_rsp_get(&c->in, &m) && m.count == n &&
                                           m.status.size == (n + 7) / 8 &&
                                           m.signatures.size == n * b->signature_size))
        return c->status;
    memcpy(b->signatures + b->got * b->signature_size, m.signatures.data, m.signatures.size);
    for (size_t i = 0; i < n; i++) {
        const uint8_t ok = m.status.data[i / 8] >> (i % 8) & 1;
        if (b->good)
            b->good[b->got + i] = ok;
        b->failed |= !ok;
    }
    b->got += n;
    return HUFU_OK;
}

static enum hufu_status run(struct batch *b)
{
    struct call call[OVERLAP] = {{0}};
    unsigned in = 0, out = 0; /* commands sent, answers taken */
    enum hufu_status s = HUFU_OK;
    while (!s && b->got < b->n) {
        if (b->sent < b->n && in - out < OVERLAP) {
            struct call *c = &call[in % OVERLAP];
            if (order(b, c))
                in++;
            else
                s = c->status;
        } else {
            struct call *c = &call[out++ % OVERLAP];
            s = receive(b, c);
            call_end(c);
        }
    }
    for (unsigned i = 0; i < OVERLAP; i++)
        call_end(&call[i]);
    return s;
}

enum hufu_status hufu_sign_batch(struct hufu_session *session, uint32_t handle,
                                 const struct hufu_signing *signing, const void *digests,
                                 size_t digest_size, size_t n, uint8_t *signatures,
                                 size_t signature_size, uint8_t *good)
{
    struct batch b = {
        .session = session,
        .req = {handle, signing->scheme, signing->hash, signing->salt, {NULL, 0}},
        .digests = digests,
        .digest_size = digest_size,
        .n = n,
        .signatures = signatures,
        .signature_size = signature_size,
        .good = good,
    };
    if (!session || (n && (!digests || !signatures)) || !digest_size || digest_size > 4096 ||
        !signature_size || signature_size > LIMIT_SIGNATURE_MAX)
        return fail_with(HUFU_E_ARGUMENT, "hufu_sign_batch: no data, or sizes out of range");
    b.part = part_size(&b);
    if (!b.part)
        return fail_with(HUFU_E_NOT_SUPPORTED, "%s: the device signs no batches",
                         session->device->url);
    const enum hufu_status s = run(&b);
    if (!s && b.failed && !good)
        return fail_with(HUFU_E_SIGN_FAILED, "%s: a signature of the batch failed: sign again",
                         session->device->url);
    return s;
}

/* ------------------------------------------------------------------ verifying */

enum hufu_status hufu_verify(struct hufu_session *session, const struct hufu_key *key,
                             const struct hufu_signing *signing, const void *data, size_t size,
                             const uint8_t *signature, size_t signature_size)
{
    struct call c;
    const struct verify_req req = {
        .handle = key->handle,
        .type = key->type,
        .public = as_view(key->public_key, key->public_size),
        .scheme = signing->scheme,
        .hash = signing->hash,
        .salt = signing->salt,
        .id = as_view(signing->signer_id, signing->signer_id ? signing->signer_id_size : 0),
        .signature = as_view(signature, signature_size),
        .data = as_view(data, size),
    };
    struct verify_rsp m;
    const size_t hint = key->public_size + req.id.size + signature_size + size;
    CALL(&c, session, verify, VERIFY, hint, &req, &m);
    call_end(&c);
    return c.status;
}
