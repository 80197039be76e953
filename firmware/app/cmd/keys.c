/* Group keys: making keys and moving them. */
#include "firmware/app/core.h"
#include "firmware/app/policy.h"
#include "firmware/app/wrap.h"
#include "firmware/base/endian.h"
#include "firmware/base/wipe.h"
#include "handlers_gen.h"

#include <string.h>

static uint16_t check_kind(uint8_t type, uint32_t usage)
{
    if (!key_usages(type) || key_is_blob(type))
        return SW_NOT_SUPPORTED;
    return !usage_work(usage) || usage & ~key_usages(type) ? SW_WRONG_DATA : SW_OK;
}

/* A key on its way into the store: its parts as a record has them. */
struct fresh {
    uint8_t pub[LIMIT_PUBLIC_MAX];
    uint8_t secret[7 * RSA_MAX_BYTES / 2];
    size_t secret_size;
};

static struct object fresh_object(const struct call *c, const struct fresh *f, uint8_t type,
                                  uint32_t usage, uint8_t origin, struct view label, struct view id)
{
    return (struct object){.type = type,
                           .owner = c->session->account,
                           .origin = origin,
                           .usage = usage,
                           .created = device_time(c->d),
                           .label = label,
                           .id = id,
                           .pub = {f->pub, key_public_size(type)},
                           .secret = {f->secret, f->secret_size}};
}

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
    if (rsa_keygen(d->engine->rsa, &d->rng, bits, lane->rsa, lane->scratch, batch_interlude, d))
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

static uint16_t generate_session_key(struct call *c, const struct key_generate_req *q, size_t size,
                                     struct wr *out)
{
    if (!key_is_secret(q->type) || size > KIND_SECRET_MAX || q->usage & USAGE_EXPORT_WRAPPED ||
        q->label.size || q->id.size)
        return SW_WRONG_DATA;
    if (wr_room(out) < 6)
        return SW_RESPONSE_TOO_BIG;
    struct session_key *k = session_key_new(c->session);
    if (!k)
        return SW_TOO_MANY;
    k->type = q->type;
    k->usage = q->usage;
    k->size = (uint16_t)size;
    k->origin = ORIGIN_GENERATED;
    c->object = k->handle;
    key_generate_rsp_put(out, &(struct key_generate_rsp){.handle = k->handle});
    if (random_fill(&c->d->random, k->secret, size) == 0)
        return SW_OK;
    wipe(k, sizeof *k);
    return SW_RANDOM_FAILED;
}

uint16_t cmd_key_generate(struct call *c, const struct key_generate_req *q, struct wr *out)
{
    struct fresh f;
    uint32_t handle = 0;
    uint16_t sw = q->flags & ~KEY_FLAG_SESSION ? SW_WRONG_DATA : check_kind(q->type, q->usage);
    if (sw == SW_OK)
        sw = check_size(q, &f.secret_size);
    if (sw != SW_OK)
        return sw;
    if (q->flags & KEY_FLAG_SESSION)
        return generate_session_key(c, q, f.secret_size, out);
    sw = object_room(c->d, q->type);
    if (sw != SW_OK)
        return sw;
    sw = generate(c->d, &f, q->type);
    const uint16_t again = call_again(c);
    if (again != SW_OK)
        sw = again;
    if (sw == SW_OK) {
        const struct object o =
            fresh_object(c, &f, q->type, q->usage, ORIGIN_GENERATED, q->label, q->id);
        sw = object_add(c, &o, &handle);
        key_generate_rsp_put(out, &(struct key_generate_rsp){handle, o.pub});
    }
    wipe(&f, sizeof f);
    return sw;
}

/* ---------------------------------------------------------------- KEY IMPORT, KEY EXPORT */

static uint16_t adopt_sm2(struct device *d, struct fresh *f)
{
    uint8_t pub[SM2_POINT];
    if (sm2_public_from_private(d->engine->sm2, f->secret, pub) || memcmp(pub, f->pub, sizeof pub))
        return SW_WRONG_WRAP;
    return SW_OK;
}

static uint16_t adopt_ec(const struct ec_curve *curve, const struct fresh *f)
{
    uint8_t pub[EC_POINT_MAX];
    if (curve->public_from_private(f->secret, pub) || memcmp(pub, f->pub, 2 * curve->size))
        return SW_WRONG_WRAP;
    return SW_OK;
}

/* All parts of an RSA key from p || q, in the first lane's room. */
static uint16_t rsa_of_secret(struct device *d, const struct fresh *f, uint8_t type)
{
    struct lane *lane = &d->batch.lanes[0];
    struct rsa_private *key = lane->rsa;
    const size_t half = key_rsa_bits(type) / 16;
    memset(key, 0, sizeof *key);
    key->pub.bits = (uint16_t)key_rsa_bits(type);
    memcpy(key->p, f->secret, half);
    memcpy(key->q, f->secret + half, half);
    return rsa_from_primes(key, lane->scratch) ? SW_WRONG_DATA : SW_OK;
}

static void rsa_keep(struct device *d, struct fresh *f, uint8_t type, uint16_t sw)
{
    struct rsa_private *key = d->batch.lanes[0].rsa;
    if (sw == SW_OK)
        rsa_to_object(key, f->pub, f->secret);
    f->secret_size = key_secret_most(type);
    wipe(key, sizeof *key);
}

static uint16_t adopt_rsa(struct device *d, struct fresh *f, uint8_t type)
{
    const struct rsa_private *key = d->batch.lanes[0].rsa;
    uint16_t sw = SW_WRONG_WRAP;
    if (rsa_of_secret(d, f, type) == SW_OK && load_be32(f->pub) == RSA_E &&
        !memcmp(key->pub.n, f->pub + 4, key_rsa_bits(type) / 8))
        sw = SW_OK;
    rsa_keep(d, f, type, sw);
    return sw;
}

/* What came in is authentic; that its parts make a key of ours is checked all the same. */
static uint16_t adopt(struct device *d, struct fresh *f, uint8_t type)
{
    if (type == KEY_SM2)
        return adopt_sm2(d, f);
    if (key_curve(type))
        return adopt_ec(key_curve(type), f);
    return key_is_secret(type) ? SW_OK : adopt_rsa(d, f, type);
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
        check_kind(w->h.type, w->h.usage) != SW_OK)
        return SW_WRONG_WRAP;
    memcpy(f->pub, q->record.data, key_public_size(w->h.type));
    return adopt(c->d, f, w->h.type);
}

uint16_t cmd_key_import(struct call *c, const struct key_import_req *q, struct wr *out)
{
    struct wrap w;
    struct fresh f;
    uint32_t handle = 0;
    uint16_t sw = unwrap(c, q, &w, &f);
    if (sw == SW_OK) {
        const struct object o =
            fresh_object(c, &f, w.h.type, w.h.usage, ORIGIN_IMPORTED, q->label, q->id);
        sw = object_add(c, &o, &handle);
        key_import_rsp_put(out, &(struct key_import_rsp){handle});
    }
    wipe(&f, sizeof f);
    wrap_end(&w);
    return sw;
}

/* ---------------------------------------------------------------- KEY RECEIVE */

/* Whoever made p and q: a private operation, which checks its own result, tells that they are
 * primes. */
static uint16_t try_rsa(struct device *d, uint8_t type)
{
    struct lane *lane = &d->batch.lanes[0];
    uint8_t in[RSA_MAX_BYTES], out[RSA_MAX_BYTES];
    const size_t n = key_rsa_bits(type) / 8;
    if (random_fill(&d->random, in, n))
        return SW_RANDOM_FAILED;
    in[0] = 0; /* below n */
    const int bad = rsa_private_op(d->engine->rsa, &d->rng, lane->rsa, in, out, lane->scratch);
    wipe(out, sizeof out);
    return bad ? SW_WRONG_DATA : SW_OK;
}

/* The public part of a secret from outside, and a trial of the two. What fails is not ours: the
 * device is well. */
static uint16_t receive(struct device *d, struct fresh *f, uint8_t type)
{
    const struct ec_curve *curve = key_curve(type);
    if (key_is_secret(type))
        return SW_OK;
    if (type == KEY_SM2)
        return sm2_public_from_private(d->engine->sm2, f->secret, f->pub) ||
                       sm2_try_pair(d->engine->sm2, &d->rng, f->secret, f->pub)
                   ? SW_WRONG_DATA
                   : SW_OK;
    if (curve)
        return curve->public_from_private(f->secret, f->pub) ||
                       ec_try_pair(curve, &d->rng, f->secret, f->pub)
                   ? SW_WRONG_DATA
                   : SW_OK;
    uint16_t sw = rsa_of_secret(d, f, type);
    if (sw == SW_OK)
        sw = try_rsa(d, type);
    rsa_keep(d, f, type, sw);
    return sw;
}

static uint16_t open_sealed(struct call *c, const struct key_receive_req *q, struct fresh *f)
{
    const struct key *transport;
    const size_t n =
        q->sealed.size > SM2_CIPHER_OVERHEAD ? q->sealed.size - SM2_CIPHER_OVERHEAD : 0;
    uint16_t sw = check_kind(q->type, q->usage);
    if (sw == SW_OK)
        sw = object_room(c->d, q->type);
    if (sw == SW_OK)
        sw = key_for(c, q->transport, USAGE_DECRYPT, KEY_SM2, &transport);
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
    struct fresh f;
    uint32_t handle = 0;
    uint16_t sw = open_sealed(c, q, &f);
    if (sw == SW_OK)
        sw = receive(c->d, &f, q->type);
    if (sw == SW_OK) {
        const struct object o =
            fresh_object(c, &f, q->type, q->usage, ORIGIN_IMPORTED, q->label, q->id);
        sw = object_add(c, &o, &handle);
        key_receive_rsp_put(out, &(struct key_receive_rsp){handle, o.pub});
    }
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
        device_fail(d, "pairwise test", "key batch");
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
    uint16_t sw = key_is_secret(q->type) ? SW_NOT_SUPPORTED : check_kind(q->type, q->usage);
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
