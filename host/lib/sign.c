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
    return call_end(&c);
}

/* ------------------------------------------------------------------ batches */

enum { STATUS_MAX = 8192 }; /* bytes of status bits in an answer */

/* Many items in commands that overlap. */
struct batch {
    struct hufu_session *session;
    size_t n;
    size_t request, request_fixed; /* bytes of an item in a command, of its other fields at most */
    size_t answer, answer_fixed;   /* the same of an answer, but for the status bits */
    uint8_t *good;                 /* of each item, or NULL */
    bool failed;                   /* an item is not good */
    size_t part;                   /* items in a command */
    size_t sent, got;              /* items */
    /* n items from b->sent on */
    bool (*order)(struct batch *b, struct call *c, size_t n);
    /* the answer to n items from b->got on; their status bits, with size 0 when it is not sound */
    struct view (*receive)(struct batch *b, struct call *c, size_t n);
};

static size_t part_size(const struct batch *b)
{
    const struct hufu_device *d = b->session->device;
    if (d->limit < b->request_fixed + b->request || d->limit < b->answer_fixed + b->answer + 1)
        return 0;
    size_t n = (d->limit - b->request_fixed) / b->request;
    const size_t fits = (d->limit - b->answer_fixed) * (size_t)8 / (b->answer * 8 + 1);
    if (n > fits)
        n = fits;
    if (n > d->capabilities.batch_max)
        n = d->capabilities.batch_max;
    return n < STATUS_MAX * (size_t)8 ? n : STATUS_MAX * (size_t)8;
}

static size_t next_part(const struct batch *b, size_t done)
{
    return b->n - done < b->part ? b->n - done : b->part;
}

static bool send_part(struct batch *b, struct call *c)
{
    const size_t n = next_part(b, b->sent);
    if (!b->order(b, c, n) || !call_submit(c))
        return false;
    b->sent += n;
    return true;
}

static enum hufu_status take_part(struct batch *b, struct call *c)
{
    const size_t n = next_part(b, b->got);
    if (!call_wait(c))
        return c->status;
    const struct view status = b->receive(b, c, n);
    if (call_check(c, status.size == (n + 7) / 8))
        return c->status;
    for (size_t i = 0; i < n; i++) {
        const uint8_t ok = status.data[i / 8] >> (i % 8) & 1;
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
    b->part = part_size(b);
    if (!b->part)
        return fail_with(HUFU_E_NOT_SUPPORTED, "%s: the device takes no batches",
                         b->session->device->url);
    while (!s && b->got < b->n) {
        if (b->sent < b->n && in - out < OVERLAP) {
            struct call *c = &call[in % OVERLAP];
            if (send_part(b, c))
                in++;
            else
                s = c->status;
        } else {
            struct call *c = &call[out++ % OVERLAP];
            s = take_part(b, c);
            call_end(c);
        }
    }
    for (unsigned i = 0; i < OVERLAP; i++)
        call_end(&call[i]);
    return s;
}

/* ------------------------------------------------------------------ signing many */

struct signatures {
    struct batch b; /* first */
    struct sign_batch_req req;
    const uint8_t *digests;
    uint8_t *signatures;
};

static bool order_signatures(struct batch *b, struct call *c, size_t n)
{
    struct signatures *s = (struct signatures *)b;
    s->req.digests = as_view(s->digests + b->sent * b->request, n * b->request);
    if (!call_begin(c, b->session, INS_SIGN_BATCH, s->req.digests.size))
        return false;
    sign_batch_req_put(&c->out, &s->req);
    return true;
}

static struct view receive_signatures(struct batch *b, struct call *c, size_t n)
{
    const struct signatures *s = (const struct signatures *)b;
    struct sign_batch_rsp m;
    if (!sign_batch_rsp_get(&c->in, &m) || m.count != n || m.signatures.size != n * b->answer)
        return (struct view){NULL, 0};
    memcpy(s->signatures + b->got * b->answer, m.signatures.data, m.signatures.size);
    return m.status;
}

enum hufu_status hufu_sign_batch(struct hufu_session *session, uint32_t handle,
                                 const struct hufu_signing *signing, const void *digests,
                                 size_t digest_size, size_t n, uint8_t *signatures,
                                 size_t signature_size, uint8_t *good)
{
    struct signatures s = {
        .b = {.session = session,
              .n = n,
              .request = digest_size,
              .request_fixed = 8,
              .answer = signature_size,
              .answer_fixed = 6,
              .good = good,
              .order = order_signatures,
              .receive = receive_signatures},
        .req = {handle, signing->scheme, signing->hash, signing->salt, {NULL, 0}},
        .digests = digests,
        .signatures = signatures,
    };
    if (!session || (n && (!digests || !signatures)) || !digest_size || digest_size > 4096 ||
        !signature_size || signature_size > LIMIT_SIGNATURE_MAX)
        return fail_with(HUFU_E_ARGUMENT, "hufu_sign_batch: no data, or sizes out of range");
    const enum hufu_status status = run(&s.b);
    if (!status && s.b.failed && !good)
        return fail_with(HUFU_E_SIGN_FAILED, "%s: a signature of the batch failed: sign again",
                         session->device->url);
    return status;
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
    return call_end(&c);
}

struct checks {
    struct batch b; /* first */
    struct verify_batch_req req;
    const uint8_t *keys, *digests, *signatures; /* keys NULL: req has the only one */
};

static bool order_checks(struct batch *b, struct call *c, size_t n)
{
    const struct checks *k = (const struct checks *)b;
    if (!call_begin(c, b->session, INS_VERIFY_BATCH, k->req.public.size + n * b->request))
        return false;
    verify_batch_req_put(&c->out, &k->req);
    if (k->keys)
        wr_bytes(&c->out, k->keys + b->sent * 64, n * 64);
    wr_bytes(&c->out, k->digests + b->sent * 32, n * 32);
    wr_bytes(&c->out, k->signatures + b->sent * 64, n * 64);
    return true;
}

static struct view receive_checks(struct batch *b, struct call *c, size_t n)
{
    struct verify_batch_rsp m;
    (void)b;
    return verify_batch_rsp_get(&c->in, &m) && m.count == n ? m.status : (struct view){NULL, 0};
}

enum hufu_status hufu_verify_batch(struct hufu_session *session, const struct hufu_key *key,
                                   const void *public_keys, const void *digests,
                                   const void *signatures, size_t n, uint8_t *good)
{
    struct checks k = {
        .b = {.session = session,
              .n = n,
              .request = public_keys ? 160 : 96,
              .request_fixed = 16 + (key ? key->public_size : 0),
              .answer_fixed = 6,
              .good = good,
              .order = order_checks,
              .receive = receive_checks},
        .req = {.type = KEY_SM2, .scheme = SIGN_SM2},
        .keys = public_keys,
        .digests = digests,
        .signatures = signatures,
    };
    if (!session || !key == !public_keys || (n && (!digests || !signatures)) ||
        (key && key->public_size > LIMIT_PUBLIC_MAX))
        return fail_with(HUFU_E_ARGUMENT,
                         "hufu_verify_batch: no data, or not either one key or one for each");
    if (key) {
        k.req.handle = key->handle;
        k.req.type = key->type;
        k.req.public = as_view(key->public_key, key->public_size);
    }
    const enum hufu_status status = run(&k.b);
    if (!status && k.b.failed && !good)
        return fail_with(HUFU_E_SIGNATURE_INVALID, "%s: a signature of the batch is wrong",
                         session->device->url);
    return status;
}
