/* Batches of wrapped key pairs: commands overlap with what becomes of the answers. */
#include "host/lib/lib.h"

#include <stdio.h>
#include <string.h>

enum {
    ANSWER_FIXED = 8 + HUFU_WRAP_HEADER_SIZE + 2,
    BARREN_MAX = 3, /* a pair may fail; three chunks of them are a fault */
    FLIGHTS = 2,    /* commands on their way: the device goes on while an answer travels */
    FLIGHTS_TICKETS = 2 * FLIGHTS + 1,
    ACKS = FLIGHTS + 2
};

/* A command on its way. */
struct flight {
    struct call call;
    uint32_t count; /* 0: none */
    uint64_t ack;   /* the ticket that it acknowledges */
};

struct run {
    struct hufu_session *session;
    const struct hufu_batch *batch;
    hufu_chunk_fn *each;
    void *context;
    uint64_t made;
    uint64_t ack[ACKS]; /* tickets that are done with, oldest first */
    unsigned acks;
    struct flight flight[FLIGHTS];
    unsigned oldest, flying; /* flights in order; how many are on their way */
    unsigned most;           /* of them at the same time */
    unsigned barren;         /* chunks in a row without a good pair */
    bool one_by_one;         /* the device keeps too few tickets for overlapping at all */
};

static uint32_t count_good(struct view status, uint32_t count)
{
    uint32_t good = 0;
    for (uint32_t i = 0; i < count; i++)
        good += status.data[i / 8] >> (i % 8) & 1;
    return good;
}

/* Does the answer add up? */
static bool chunk_take(struct hufu_key_chunk *k, uint64_t ticket, const uint8_t *header,
                       struct view status, struct view records)
{
    memset(k, 0, sizeof *k);
    if (!ticket || hufu_wrap_header_read(header, &k->fields) || !k->fields.count)
        return false;
    k->ticket = ticket;
    k->header = header;
    k->count = k->fields.count;
    k->status = status.data;
    k->status_size = status.size;
    k->records = records.data;
    k->record_size = records.size / k->count;
    const bool sound = status.size == (k->count + (size_t)7) / 8 &&
                       records.size == k->count * k->record_size &&
                       wrapped_size_fits(k->fields.type, k->record_size);
    if (sound)
        k->good = count_good(status, k->count);
    return sound;
}

/* Hand a chunk over; true: it may be acknowledged. */
static bool deliver(struct run *run, const struct hufu_key_chunk *k, enum hufu_status *s)
{
    const int verdict = run->each(run->context, k);
    if (verdict && verdict != HUFU_CHUNK_KNOWN) {
        *s = fail_with(HUFU_E_STOPPED,
                       "the batch was stopped by the caller; the device keeps what was not "
                       "acknowledged");
        return false;
    }
    if (!verdict && k->fields.type == run->batch->type && k->fields.usage == run->batch->usage)
        run->made += k->good;
    return true;
}

/* ------------------------------------------------------------------ tickets */

enum hufu_status hufu_key_ack(struct hufu_session *session, uint64_t ticket)
{
    struct call c;
    const struct key_ack_req req = {ticket};
    struct key_ack_rsp m;
    CALL(&c, session, key_ack, KEY_ACK, 0, &req, &m);
    return call_end(&c);
}

/* Sets the ticket to 0. */
static enum hufu_status ack_if(struct hufu_session *session, uint64_t *ticket)
{
    const enum hufu_status s = *ticket ? hufu_key_ack(session, *ticket) : HUFU_OK;
    *ticket = 0;
    return s == HUFU_E_NO_TICKET ? HUFU_OK : s; /* done already */
}

static enum hufu_status ack_all(struct run *run)
{
    enum hufu_status s = HUFU_OK;
    for (unsigned i = 0; i < FLIGHTS && !s; i++)
        s = ack_if(run->session, &run->flight[i].ack);
    for (unsigned i = 0; i < run->acks && !s; i++)
        s = ack_if(run->session, &run->ack[i]);
    if (!s)
        run->acks = 0;
    return s;
}

static uint64_t take_ack(struct run *run)
{
    const uint64_t first = run->acks ? run->ack[0] : 0;
    if (run->acks)
        memmove(run->ack, run->ack + 1, --run->acks * sizeof *run->ack);
    return first;
}

/* *ticket: which, 0 the oldest; then the one that was taken, 0 when there was none. */
static enum hufu_status fetch(struct run *run, uint64_t *ticket)
{
    struct call c;
    const struct key_fetch_req req = {*ticket};
    struct key_fetch_rsp m;
    struct hufu_key_chunk k;
    const uint64_t wanted = *ticket;
    *ticket = 0;
    if (!CALL(&c, run->session, key_fetch, KEY_FETCH, 0, &req, &m) &&
        !call_check(&c, chunk_take(&k, m.ticket, m.header, m.status, m.records) &&
                            (!wanted || wanted == m.ticket))) {
        k.fetched = 1;
        if (deliver(run, &k, &c.status))
            *ticket = m.ticket;
    }
    return call_end(&c);
}

enum hufu_status hufu_key_fetch(struct hufu_session *session, uint64_t ticket, hufu_chunk_fn *each,
                                void *context)
{
    const struct hufu_batch none = {0};
    struct run run = {.session = session, .batch = &none, .each = each, .context = context};
    return fetch(&run, &ticket);
}

/* What ended sessions left. A device that never comes to an end is lying. */
static enum hufu_status fetch_all(struct run *run)
{
    const unsigned most = run->session->device->capabilities.tickets;
    for (unsigned i = 0; i <= most; i++) {
        uint64_t ticket = 0;
        enum hufu_status s = fetch(run, &ticket);
        if (s == HUFU_E_NO_TICKET)
            return HUFU_OK;
        if (!s)
            s = ack_if(run->session, &ticket);
        if (s)
            return s;
    }
    return fail_with(HUFU_E_BAD_ANSWER, "%s: the device has more tickets than it says it can have",
                     run->session->device->url);
}

/* ------------------------------------------------------------------ making */

static uint32_t chunk_size(const struct hufu_device *d, const struct hufu_batch *b)
{
    const size_t record = wrapped_size_of(b->type);
    if (!record)
        return 0;
    /* RSA takes its time: a command should be done within seconds */
    const uint32_t suits = b->type == KEY_SM2       ? UINT32_MAX
                           : b->type == KEY_P256    ? 8192
                           : b->type == KEY_P384    ? 512
                           : b->type == KEY_RSA2048 ? 32
                           : b->type == KEY_RSA3072 ? 16
                                                    : 8;
    size_t fits = (d->limit - ANSWER_FIXED) * (size_t)8 / (record * 8 + 1);
    if (fits > d->capabilities.batch_max)
        fits = d->capabilities.batch_max;
    const uint32_t wanted = b->chunk ? b->chunk : suits;
    return fits < wanted ? (uint32_t)fits : wanted;
}

static enum hufu_status send_order(struct run *run, struct flight *f)
{
    const struct key_batch_req req = {run->batch->type, run->batch->usage, f->count, f->ack};
    if (!call_begin(&f->call, run->session, INS_KEY_BATCH, 0))
        return f->call.status;
    key_batch_req_put(&f->call.out, &req);
    call_submit(&f->call);
    return f->call.status;
}

static uint32_t next_count(const struct run *run, uint32_t chunk)
{
    uint64_t have = run->made;
    for (unsigned i = 0; i < run->flying; i++)
        have += run->flight[(run->oldest + i) % FLIGHTS].count;
    if (have >= run->batch->total)
        return 0;
    const uint64_t rest = run->batch->total - have;
    return rest < chunk ? (uint32_t)rest : chunk;
}

/* Order as many chunks as may be on their way and are still wanted; coming: good pairs at hand. */
static enum hufu_status order(struct run *run, uint32_t chunk, uint32_t coming)
{
    enum hufu_status s = HUFU_OK;
    run->made += coming;
    for (uint32_t n; !s && run->flying < run->most && (n = next_count(run, chunk)) != 0;) {
        struct flight *f = &run->flight[(run->oldest + run->flying++) % FLIGHTS];
        f->count = n;
        f->ack = take_ack(run);
        s = send_order(run, f);
    }
    run->made -= coming;
    return s;
}

static enum hufu_status receive(struct run *run, struct flight *f, struct hufu_key_chunk *k)
{
    struct call *c = &f->call;
    struct key_batch_rsp m;
    if (call_wait(c) && !call_check(c, key_batch_rsp_get(&c->in, &m)))
        call_check(c, chunk_take(k, m.ticket, m.header, m.status, m.records) &&
                          k->count == f->count && k->fields.type == run->batch->type &&
                          k->fields.usage == run->batch->usage);
    if (!c->status) {
        f->ack = 0;
        run->barren = k->good ? 0 : run->barren + 1;
        if (run->barren == BARREN_MAX)
            c->status =
                fail_with(HUFU_E_KEY_GENERATION_FAILED, "%s: not one of %u keys could be made",
                          run->session->device->url, (unsigned)f->count);
    }
    return c->status;
}

/* The device has no ticket left: give ours back, and from now on acknowledge before ordering. */
static bool make_room(struct run *run)
{
    bool ours = run->acks != 0;
    for (unsigned i = 0; i < FLIGHTS; i++)
        ours = ours || run->flight[i].ack;
    run->one_by_one = true;
    run->most = 1;
    return ours && !ack_all(run);
}

static enum hufu_status receive_or_retry(struct run *run, struct flight *f,
                                         struct hufu_key_chunk *k)
{
    if (receive(run, f, k) != HUFU_E_TOO_MANY || !make_room(run))
        return f->call.status;
    call_end(&f->call);
    return send_order(run, f) ? f->call.status : receive(run, f, k);
}

/* Take the answer that is due, order what comes after it, hand it over. */
static enum hufu_status turn(struct run *run, uint32_t chunk)
{
    struct flight *f = &run->flight[run->oldest];
    struct hufu_key_chunk k;
    enum hufu_status s = receive_or_retry(run, f, &k), delivered = HUFU_OK;
    run->oldest = (run->oldest + 1) % FLIGHTS;
    run->flying--;
    if (!s) {
        struct call taken = f->call; /* its place is free for the next order */
        f->call = (struct call){0};
        s = run->one_by_one ? HUFU_OK : order(run, chunk, k.good);
        if (deliver(run, &k, &delivered))
            run->ack[run->acks++] = k.ticket;
        call_end(&taken);
    }
    if (!s)
        s = delivered;
    return s ? s : order(run, chunk, 0);
}

static enum hufu_status make(struct run *run, uint32_t chunk)
{
    enum hufu_status s = order(run, chunk, 0);
    while (!s && run->flying)
        s = turn(run, chunk);
    for (unsigned i = 0; i < FLIGHTS; i++)
        call_end(&run->flight[i].call);
    return s;
}

/* What was handed over is safe there, whatever failed after it: say so if the link still works. */
static enum hufu_status settle(struct run *run, enum hufu_status s)
{
    char line[600];
    if (!s)
        return ack_all(run);
    if (s == HUFU_E_LINK || s == HUFU_E_UNKNOWN_OUTCOME || s == HUFU_E_TIMEOUT ||
        s == HUFU_E_BAD_ANSWER)
        return s;
    snprintf(line, sizeof line, "%s", hufu_last_error());
    if (ack_all(run))
        fail_with(s, "%s", line); /* the first failure is the one to tell of */
    return s;
}

enum hufu_status hufu_key_batch(struct hufu_session *session, const struct hufu_batch *batch,
                                hufu_chunk_fn *each, void *context, uint64_t *made)
{
    struct run run = {.session = session, .batch = batch, .each = each, .context = context};
    if (made)
        *made = 0;
    if (!session || !each)
        return fail_with(HUFU_E_ARGUMENT,
                         "hufu_key_batch: no session or no function to take the keys");
    const uint32_t chunk = chunk_size(session->device, batch);
    const unsigned tickets = session->device->capabilities.tickets;
    run.one_by_one = tickets < 2;
    run.most = tickets >= FLIGHTS_TICKETS ? FLIGHTS : 1;
    if (!chunk)
        return fail_with(HUFU_E_NOT_SUPPORTED, "%s: the device makes no batches of such keys",
                         session->device->url);
    enum hufu_status s = batch->resume ? fetch_all(&run) : HUFU_OK;
    if (!s)
        s = make(&run, chunk);
    if (made)
        *made = run.made;
    return settle(&run, s);
}
