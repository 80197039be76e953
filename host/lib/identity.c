/* What the device states of itself: its key, its certificate, attestations of its keys. */
#include "host/lib/lib.h"

#include <string.h>

enum hufu_status hufu_identity(struct hufu_device *device, uint8_t public_key[64])
{
    struct call c;
    const struct identity_req req = {0};
    struct identity_rsp m;
    if (!CALL(&c, &device->nobody, identity, IDENTITY, 0, &req, &m))
        memcpy(public_key, m.public, 64);
    return call_end(&c);
}

/* A certificate or request of the device begins like one, at least. */
static enum hufu_status der_take(struct call *c, struct view der, uint8_t *out, size_t *size)
{
    if (call_check(c, der.size > 64 && der.data[0] == 0x30))
        return c->status;
    return c->status = give("certificate", out, size, der);
}

enum hufu_status hufu_identity_certificate(struct hufu_device *device, uint8_t *der, size_t *size)
{
    struct call c;
    const struct identity_certificate_req req = {0};
    struct identity_certificate_rsp m;
    if (!CALL(&c, &device->nobody, identity_certificate, IDENTITY_CERTIFICATE, 0, &req, &m))
        der_take(&c, m.certificate, der, size);
    return call_end(&c);
}

enum hufu_status hufu_identity_request(struct hufu_session *session, uint8_t *der, size_t *size)
{
    struct call c;
    const struct identity_request_req req = {0};
    struct identity_request_rsp m;
    if (!CALL(&c, session, identity_request, IDENTITY_REQUEST, 0, &req, &m))
        der_take(&c, m.request, der, size);
    return call_end(&c);
}

enum hufu_status hufu_identity_install(struct hufu_session *session, const void *der, size_t size)
{
    struct call c;
    const struct identity_install_req req = {as_view(der, size)};
    struct identity_install_rsp m;
    CALL(&c, session, identity_install, IDENTITY_INSTALL, size, &req, &m);
    return call_end(&c);
}

/* ------------------------------------------------------------------ attestation */

/* A policy follows since version 2. */
static bool statement_parts(struct rd *r, struct key_statement *m, struct hufu_policy *p)
{
    memset(p, 0, sizeof *p);
    if (!key_statement_get(r, m) || memcmp(m->magic, "HFKS", 4) != 0)
        return false;
    if (m->version == 1)
        return rd_done(r);
    return m->version == 2 && rd_left(r) && policy_take(p, rd_rest(r));
}

enum hufu_status hufu_statement_read(const void *statement, size_t size,
                                     struct hufu_key_statement *out)
{
    struct hufu_policy policy;
    struct key_statement m;
    struct rd r;
    rd_init(&r, statement, size);
    if (!statement_parts(&r, &m, &policy))
        return fail_with(HUFU_E_FORMAT, "not an attestation of a key");
    memset(out, 0, sizeof *out);
    out->version = m.version;
    memcpy(out->serial, m.serial, sizeof out->serial);
    out->time = m.time;
    text_get(out->firmware, sizeof out->firmware, m.firmware);
    text_get(out->port, sizeof out->port, m.port);
    out->flags = m.device;
    out->key = (struct hufu_object){.handle = m.handle,
                                    .type = m.type,
                                    .usage = m.usage,
                                    .owner = m.owner,
                                    .origin = m.origin,
                                    .created = m.created,
                                    .id_size = m.id.size,
                                    .public_size = m.public.size,
                                    .policy = policy};
    text_get(out->key.label, sizeof out->key.label, m.label);
    memcpy(out->key.id, m.id.data, m.id.size);
    memcpy(out->key.public_key, m.public.data, m.public.size);
    memcpy(out->nonce, m.nonce.data, m.nonce.size);
    out->nonce_size = m.nonce.size;
    return HUFU_OK;
}

enum hufu_status hufu_attest(struct hufu_session *session, uint32_t handle, const void *nonce,
                             size_t nonce_size, struct hufu_attestation *out)
{
    struct call c;
    const struct attest_req req = {handle, as_view(nonce, nonce_size)};
    struct attest_rsp m;
    if (!CALL(&c, session, attest, ATTEST, nonce_size, &req, &m) &&
        !call_check(&c, m.statement.size <= sizeof out->statement &&
                            !hufu_statement_read(m.statement.data, m.statement.size, &out->says))) {
        memcpy(out->statement, m.statement.data, m.statement.size);
        out->statement_size = m.statement.size;
        memcpy(out->signature, m.signature, sizeof out->signature);
    }
    return call_end(&c);
}

enum hufu_status hufu_attest_certificate(struct hufu_session *session, uint32_t handle,
                                         const void *nonce, size_t nonce_size, uint8_t *der,
                                         size_t *size)
{
    struct call c;
    const struct attest_certificate_req req = {handle, as_view(nonce, nonce_size)};
    struct attest_certificate_rsp m;
    if (!CALL(&c, session, attest_certificate, ATTEST_CERTIFICATE, nonce_size, &req, &m))
        der_take(&c, m.certificate, der, size);
    return call_end(&c);
}
