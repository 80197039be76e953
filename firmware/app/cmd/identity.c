/* Group identity: IDENTITY, its certificate, ATTEST. */
#include "firmware/app/core.h"
#include "firmware/app/policy.h"
#include "firmware/app/x509.h"
#include "firmware/base/wipe.h"
#include "handlers_gen.h"

#include <string.h>

enum { STATEMENT_MAX = 896 };

uint16_t cmd_identity(struct call *c, const struct identity_req *q, struct wr *out)
{
    uint8_t pub[SM2_POINT];
    (void)q;
    const uint16_t sw = identity_public(c->d, pub);
    if (sw == SW_OK)
        identity_rsp_put(out, &(struct identity_rsp){pub});
    return sw;
}

uint16_t cmd_identity_certificate(struct call *c, const struct identity_certificate_req *q,
                                  struct wr *out)
{
    size_t n;
    (void)q;
    const uint16_t sw = record_get(c->d, ID_CERTIFICATE, &n);
    if (sw == SW_OK)
        wr_bytes(out, c->d->record, n);
    return sw;
}

/* The certificate is built in the answer's room. */
static void begin(struct x509 *x, const struct call *c)
{
    x509_begin(x, c->x->response, c->x->room < X509_MAX ? c->x->room : (size_t)X509_MAX);
}

static uint16_t give(const struct x509 *x, uint16_t sw, struct wr *out)
{
    if (sw == SW_OK && !wr_reserve(out, x->der.size))
        return SW_RESPONSE_TOO_BIG;
    return sw;
}

uint16_t cmd_identity_request(struct call *c, const struct identity_request_req *q, struct wr *out)
{
    struct identity_key key;
    struct x509 x;
    (void)q;
    uint16_t sw = identity_load(c->d, &key);
    begin(&x, c);
    if (sw == SW_OK)
        sw = x509_request(c->d, &x, &key);
    wipe(&key, sizeof key);
    return give(&x, sw, out);
}

uint16_t cmd_identity_install(struct call *c, const struct identity_install_req *q, struct wr *out)
{
    uint8_t pub[SM2_POINT];
    struct view subject;
    (void)out;
    const uint16_t sw = identity_public(c->d, pub);
    if (sw != SW_OK)
        return sw;
    if (!x509_subject(q->certificate, pub, &subject))
        return SW_WRONG_DATA;
    return tx_put(c, STORE_SYSTEM, RECORD_CERTIFICATE, ID_CERTIFICATE, q->certificate.data,
                  q->certificate.size);
}

static struct view statement_of(const struct device *d, const struct object *o, uint32_t handle,
                                struct view nonce, uint8_t room[STATEMENT_MAX])
{
    struct wr w;
    wr_init(&w, room, STATEMENT_MAX);
    key_statement_put(&w, &(struct key_statement){.magic = (const uint8_t *)"HFKS",
                                                  .version = 2,
                                                  .serial = d->identity.serial,
                                                  .time = device_time(d),
                                                  .firmware = text_view(HUFU_VERSION),
                                                  .port = text_view(d->port),
                                                  .device = d->identity.flags,
                                                  .handle = handle,
                                                  .type = o->type,
                                                  .usage = o->usage,
                                                  .owner = o->owner,
                                                  .origin = o->origin,
                                                  .created = o->created,
                                                  .label = o->label,
                                                  .id = o->id,
                                                  .public = o->pub,
                                                  .nonce = nonce});
    key_policy_put(&w, &o->policy);
    return (struct view){room, w.bad ? 0 : wr_size(&w)};
}

uint16_t cmd_attest(struct call *c, const struct attest_req *q, struct wr *out)
{
    uint8_t room[STATEMENT_MAX], signature[SM2_SIGNATURE];
    struct object o;
    uint16_t sw = object_for(c, q->handle, ACCESS_SEE, &o);
    if (sw != SW_OK)
        return sw;
    const struct view statement = statement_of(c->d, &o, q->handle, q->nonce, room);
    sw = statement.size ? identity_state(c->d, statement.data, statement.size, signature)
                        : SW_INTERNAL;
    if (sw == SW_OK)
        attest_rsp_put(out, &(struct attest_rsp){statement, signature});
    return sw;
}

uint16_t cmd_attest_certificate(struct call *c, const struct attest_certificate_req *q,
                                struct wr *out)
{
    uint8_t room[STATEMENT_MAX];
    struct identity_key key;
    struct x509 x;
    struct object o;
    begin(&x, c);
    uint16_t sw = identity_load(c->d, &key); /* both before the object is in d->record */
    if (sw == SW_OK)
        sw = x509_issuer(c->d, &x, &key);
    if (sw == SW_OK)
        sw = object_for(c, q->handle, ACCESS_SEE, &o);
    if (sw == SW_OK)
        sw = x509_attestation(c->d, &x, &key, &o, q->handle,
                              statement_of(c->d, &o, q->handle, q->nonce, room));
    wipe(&key, sizeof key);
    return give(&x, sw, out);
}
