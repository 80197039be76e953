/* Group keys: making keys and moving them. */
#include "firmware/app/core.h"
#include "firmware/app/fresh.h"
#include "firmware/app/policy.h"
#include "firmware/app/wrap.h"
#include "firmware/base/endian.h"
#include "firmware/base/wipe.h"
#include "handlers_gen.h"

#include <string.h>

/* ---------------------------------------------------------------- KEY GENERATE */

static uint16_t generate_sm2(struct device *d, struct fresh *f)
{
    if (sm2_keygen(d->engine->sm2, &d->rng, f->secret, f->pub))
        return SW_KEY_GENERATION_FAILED;
    if (sm2_try_pair(d->engine->sm2, &d->rng, f->secret, f->pub) == 0)
        return SW_OK;
    device_fail(d, "pairwise test", "sm2");
    return SW_KEY_GENERATION_FAILED;
}

static uint16_t generate_ec(struct device *d, struct fresh *f, const struct ec_curve *curve)
{
    if (ec_keygen(curve, &d->rng, f->secret, f->pub))
        return SW_KEY_GENERATION_FAILED;
    if (ec_try_pair(curve, &d->rng, f->secret, f->pub) == 0)
        return SW_OK;
    device_fail(d, "pairwise test", curve->name);
    return SW_KEY_GENERATION_FAILED;
}

/* rsa_keygen makes the pairwise test itself. */
static uint16_t generate_rsa(struct device *d, struct fresh *f, unsigned bits)
{
    struct lane *lane = &d->batch.lanes[0];
    int bad = 0;
    if (HUFU_SMALL || !keys_ahead_take(d, bits, lane->rsa))
        bad =
            rsa_keygen(d->engine->rsa, &d->rng, bits, lane->rsa, lane->scratch, batch_interlude, d);
    if (bad == RSA_NO_PAIR)
        device_fail(d, "pairwise test", "rsa");
    if (bad)
        return SW_KEY_GENERATION_FAILED;
    rsa_to_object(lane->rsa, f->pub, f->secret);
    wipe(lane->rsa, sizeof *lane->rsa);
    return SW_OK;
}

static uint16_t generate(struct device *d, struct fresh *f, uint8_t type)
{
    if (type == KEY_SM2)
        return generate_sm2(d, f);
    if (key_curve(type))
        return generate_ec(d, f, key_curve(type));
    if (key_is_secret(type))
        return random_fill(&d->random, f->secret, f->secret_size) ? SW_RANDOM_FAILED : SW_OK;
    return generate_rsa(d, f, key_rsa_bits(type));
}

/* Only a generic secret has a size to choose. */
static uint16_t check_size(const struct key_generate_req *q, size_t *size)
{
    *size = q->type == KEY_HMAC ? q->size : key_secret_most(q->type);
    return (q->type != KEY_HMAC && q->size) || !key_secret_fits(q->type, *size) ? SW_WRONG_DATA
                                                                                : SW_OK;
}

uint16_t cmd_key_generate(struct call *c, const struct key_generate_req *q, struct wr *out)
{
    struct fresh f;
    struct fresh_spec spec = {q->type, q->flags, q->usage, ORIGIN_GENERATED, q->label, q->id, {0}};
    uint32_t handle = 0;
    if (!policy_read(q->policy, &spec.policy) || spec.policy.used || spec.policy.flags)
        return SW_WRONG_DATA;
    spec.policy.flags = spec.policy.uses ? POLICY_FROM_BIRTH : 0;
    uint16_t sw = fresh_allowed(c, &spec);
    if (sw == SW_OK)
        sw = check_size(q, &f.secret_size);
    if (sw == SW_OK && wr_room(out) < 6)
        sw = SW_RESPONSE_TOO_BIG;
    if (sw != SW_OK)
        return sw;
    sw = generate(c->d, &f, q->type);
    const uint16_t again = call_again(c);
    if (again != SW_OK)
        sw = again;
    if (sw == SW_OK)
        sw = fresh_keep(c, &f, &spec, &handle);
    key_generate_rsp_put(out,
                         &(struct key_generate_rsp){handle, {f.pub, key_public_size(q->type)}});
    wipe(&f, sizeof f);
    return sw;
}

/* ---------------------------------------------------------------- KEY IMPORT, KEY EXPORT */

/* What came in is authentic; that its parts make a key of ours is checked all the same. */
static uint16_t adopt(struct device *d, struct fresh *f, uint8_t type, const uint8_t *pub)
{
    if (fresh_complete(d, f, type) != SW_OK || memcmp(f->pub, pub, key_public_size(type)))
        return SW_WRONG_WRAP;
    return SW_OK;
}

static uint16_t unwrap(struct call *c, const struct key_import_req *q, struct wrap *w,
                       struct fresh *f)
{
    if (wrap_resume(c->d, w, q->header) ||
        !wrap_secret_size(w->h.type, q->record.size, &f->secret_size))
        return SW_WRONG_WRAP;
    const uint16_t sw = object_room(c->d, w->h.type);
    if (sw != SW_OK)
        return sw;
    if (wrap_open(w, q->index, q->record.data, f->secret, f->secret_size) ||
        fresh_check(w->h.type, w->h.usage) != SW_OK)
        return SW_WRONG_WRAP;
    return adopt(c->d, f, w->h.type, q->record.data);
}

uint16_t cmd_key_import(struct call *c, const struct key_import_req *q, struct wr *out)
{
    struct wrap w;
    struct fresh f;
    uint32_t handle = 0;
    uint16_t sw = unwrap(c, q, &w, &f);
    if (sw == SW_OK) {
        const struct fresh_spec spec = {w.h.type, 0,     w.h.usage, ORIGIN_IMPORTED,
                                        q->label, q->id, {0}};
        sw = fresh_keep(c, &f, &spec, &handle);
        key_import_rsp_put(out, &(struct key_import_rsp){handle});
    }
    wipe(&f, sizeof f);
    wrap_end(&w);
    return sw;
}

/* ---------------------------------------------------------------- KEY RECEIVE */

static uint16_t open_sealed(struct call *c, const struct key_receive_req *q,
                            struct fresh_spec *spec, struct fresh *f)
{
    const struct key *transport;
    const size_t n =
        q->sealed.size > SM2_CIPHER_OVERHEAD ? q->sealed.size - SM2_CIPHER_OVERHEAD : 0;
    uint16_t sw = fresh_allowed(c, spec);
    if (sw == SW_OK)
        sw = key_for(c, q->transport, USAGE_DECRYPT, KEY_SM2, &transport);
    if (sw == SW_OK)
        sw = policy_descends(transport, spec->usage, &spec->policy);
    if (sw != SW_OK)
        return sw;
    if (!wrap_secret_size(q->type, key_public_size(q->type) + n + WRAP_TAG, &f->secret_size))
        return SW_WRONG_DATA;
    return sm2_decrypt(transport->sm2.d, q->sealed.data, q->sealed.size, f->secret)
               ? SW_DECRYPT_FAILED
               : SW_OK;
}

uint16_t cmd_key_receive(struct call *c, const struct key_receive_req *q, struct wr *out)
{
    struct fresh_spec spec = {q->type, 0, q->usage, ORIGIN_IMPORTED, q->label, q->id, {0}};
    struct fresh f;
    uint32_t handle = 0;
    uint16_t sw = open_sealed(c, q, &spec, &f);
    if (sw == SW_OK)
        sw = fresh_receive(c->d, &f, q->type);
    if (sw == SW_OK)
        sw = fresh_keep(c, &f, &spec, &handle);
    if (sw == SW_OK)
        key_receive_rsp_put(out,
                            &(struct key_receive_rsp){handle, {f.pub, key_public_size(q->type)}});
    wipe(&f, sizeof f);
    return sw;
}

uint16_t cmd_key_export(struct call *c, const struct key_export_req *q, struct wr *out)
{
    struct wrap w;
    struct object o;
    uint8_t record[LIMIT_WRAPPED_MAX];
    uint16_t sw = object_for(c, q->handle, ACCESS_EXPORT, &o);
    if (sw != SW_OK)
        return sw;
    if (!(o.usage & USAGE_EXPORT_WRAPPED))
        return SW_NOT_PERMITTED;
    if (wrap_begin(c->d, &w, o.type, o.usage, 1))
        return SW_RANDOM_FAILED;
    if (o.pub.size)
        memcpy(record, o.pub.data, o.pub.size);
    /* the first part of an RSA secret is p || q */
    const size_t n = key_rsa_bits(o.type) ? key_rsa_bits(o.type) / 8 : o.secret.size;
    wrap_seal(&w, 0, record, o.secret.data, n);
    key_export_rsp_put(out,
                       &(struct key_export_rsp){w.header, {record, o.pub.size + n + WRAP_TAG}});
    wrap_end(&w);
    return SW_OK;
}

/* ---------------------------------------------------------------- KEY BATCH */

enum { BATCH_FIXED = 8 + WRAP_HEADER + 2, STATUS_MAX = 8192 };

uint32_t batch_keys_max(uint8_t type, size_t room)
{
    const size_t size = wrap_record_size(type);
    if (room < BATCH_FIXED + 1 + size)
        return 0;
    const size_t left = room - BATCH_FIXED;
    size_t n = 8 * left / (8 * size + 1); /* a status bit each, in whole bytes */
    if ((n + 7) / 8 + n * size > left)
        n--;
    return (uint32_t)(n < 8 * STATUS_MAX ? n : 8 * STATUS_MAX);
}

/* Made, but not the host's before the commit. */
static void batch_kept(struct call *c, bool done)
{
    struct ticket *t = &c->d->tickets.table[c->pending[0]];
    if (!done)
        ticket_forget(t);
}

static uint64_t ticket_number(struct device *d)
{
    uint8_t bytes[8];
    uint64_t number = 0;
    while (!number && !random_fill(&d->random, bytes, sizeof bytes))
        number = load_be64(bytes);
    return number;
}

/* n: bytes that are not in the ticket yet. */
static void keep_ticket(struct call *c, struct ticket *t, uint64_t number, const struct wr *out,
                        size_t n)
{
    struct tickets *all = &c->d->tickets;
    t->number = number;
    t->age = ++all->made;
    t->account = c->session->account;
    t->channel = c->session->channel;
    t->size = wr_size(out);
    memcpy(t->answer, out->base, n);
    c->pending[0] = (uint32_t)(t - all->table);
    c->settle = batch_kept;
}

/* What others did during a long command may have ended the session, or taken the last ticket. */
static uint16_t finish_batch(struct call *c, uint64_t number, const struct wr *out, size_t n)
{
    const uint16_t sw = call_again(c);
    if (sw != SW_OK)
        return sw;
    struct ticket *t = ticket_free(&c->d->tickets);
    if (!t)
        return SW_TOO_MANY;
    keep_ticket(c, t, number, out, n);
    return SW_OK;
}

static uint16_t make_batch(struct call *c, const struct key_batch_req *q, struct wrap *w,
                           struct wr *out)
{
    struct device *d = c->d;
    const uint64_t number = ticket_number(d);
    const size_t status = (q->count + 7) / 8;
    if (!number || wrap_begin(d, w, q->type, q->usage, q->count))
        return SW_RANDOM_FAILED;
    wr_u64(out, number);
    wr_bytes(out, w->header, sizeof w->header);
    wr_u16(out, (uint16_t)status);
    uint8_t *bits = wr_reserve(out, status);
    uint8_t *records = wr_reserve(out, q->count * wrap_record_size(q->type));
    if (!bits || !records)
        return SW_RESPONSE_TOO_BIG;
    /* the medium works while we do, unless others have a turn meanwhile */
    const uint16_t sw = key_rsa_bits(q->type) ? SW_OK : call_record_early(c);
    if (sw != SW_OK)
        return sw;
    /* a ticket that is free now stays so unless others have a turn; its bytes count only with a
     * number */
    const struct ticket *t = ticket_free(&d->tickets);
    const size_t head = (size_t)(records - out->base);
    uint8_t *copy = q->type == KEY_SM2 && t ? t->answer + head : NULL;
    const int bad = batch_keys(d, w, q->count, records, copy, d->batch.good);
    if (bad && d->state == STATE_READY) {
        batch_fail(d, "key batch");
        return SW_KEY_GENERATION_FAILED;
    }
    batch_status(bits, d->batch.good, q->count);
    return finish_batch(c, number, out, copy ? head : wr_size(out));
}

uint16_t cmd_key_batch(struct call *c, const struct key_batch_req *q, struct wr *out)
{
    struct device *d = c->d;
    struct wrap w;
    struct ticket *done = q->ack ? ticket_find(&d->tickets, c->session->account, 0, q->ack) : NULL;
    if (done)
        ticket_forget(done);
    uint16_t sw = key_is_secret(q->type) ? SW_NOT_SUPPORTED : fresh_check(q->type, q->usage);
    if (sw != SW_OK)
        return sw;
    if (!q->count)
        return SW_WRONG_DATA;
    const size_t room = wr_room(out) < d->config.frame_max ? wr_room(out) : d->config.frame_max;
    if (q->count > batch_keys_max(q->type, room))
        return SW_RESPONSE_TOO_BIG;
    if (!ticket_free(&d->tickets))
        return SW_TOO_MANY;
    call_detail(c, q->type == KEY_SM2 ? "SM2" : key_curve(q->type) ? "ECC" : "RSA", 3);
    c->object = q->count;
    sw = make_batch(c, q, &w, out);
    wrap_end(&w);
    return sw;
}

uint16_t cmd_key_fetch(struct call *c, const struct key_fetch_req *q, struct wr *out)
{
    struct ticket *t =
        ticket_find(&c->d->tickets, c->session->account, c->session->channel, q->ticket);
    if (!t)
        return SW_NO_TICKET;
    if (wr_room(out) < t->size)
        return SW_RESPONSE_TOO_BIG;
    t->channel = c->session->channel;
    wr_bytes(out, t->answer, t->size);
    return SW_OK;
}

uint16_t cmd_key_ack(struct call *c, const struct key_ack_req *q, struct wr *out)
{
    struct ticket *t =
        q->ticket ? ticket_find(&c->d->tickets, c->session->account, 0, q->ticket) : NULL;
    (void)out;
    if (!t)
        return SW_NO_TICKET;
    ticket_forget(t);
    return SW_OK;
}
