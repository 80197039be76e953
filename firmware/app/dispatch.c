/*
 * The way of every command: class, command, state, session, role; then its handler; then the audit
 * record in the handler's own transaction, the commit, and only then what changes in RAM, and the
 * answer. A handler that fails leaves no trace but the audit record.
 */
#include "firmware/app/core.h"
#include "firmware/app/life.h"
#include "firmware/app/quorum.h"
#include "firmware/base/wipe.h"
#include "handlers_gen.h"

#include "dispatch_gen.inc"

static uint16_t admit_state(const struct call *c)
{
    const struct device *d = c->d;
    if (c->info->states & (1u << d->state))
        return SW_OK;
    return d->state == STATE_FAILED ? SW_DEVICE_FAILED : SW_WRONG_STATE;
}

static uint16_t admit_session(struct call *c)
{
    const struct exchange *x = c->x;
    if (x->channel) {
        c->session = session_find(&c->d->sessions, x->link, x->secure, x->channel);
        if (!c->session)
            return SW_NO_SESSION;
        c->account = c->session->account;
    }
    if (c->info->roles & COMMAND_ANYONE)
        return SW_OK;
    if (!c->session)
        return SW_NO_SESSION;
    if (c->info->roles & COMMAND_SESSION)
        return SW_OK;
    if (!(c->info->roles & c->session->role))
        return SW_NOT_AUTHORISED;
    return quorum_admit(c);
}

static uint16_t admit(struct call *c)
{
    const struct exchange *x = c->x;
    if (x->cla != CLA_HUFU)
        return SW_NO_CLASS;
    c->info = proto_command(x->ins);
    if (!c->info)
        return SW_NO_COMMAND;
    if (x->size > c->d->config.frame_max)
        return SW_WRONG_LENGTH;
    uint16_t sw = admit_state(c);
    if (sw == SW_OK && CONFIG_CHANNEL && channel_wanted(c))
        sw = SW_CHANNEL_NEEDED;
    if (sw == SW_OK)
        sw = admit_session(c);
    return sw == SW_OK && audit_refuses(c) ? SW_LOG_FULL : sw;
}

uint16_t call_again(struct call *c)
{
    const uint8_t account = c->account;
    c->session = NULL;
    uint16_t sw = admit_state(c);
    if (sw == SW_OK)
        sw = admit_session(c);
    return sw == SW_OK && c->account != account ? SW_NOT_AUTHORISED : sw;
}

/*
 * What is malformed, or comes out of place, is refused without a record: it changes nothing at all.
 * So do failures outside a session of commands that are only recorded when they fail.
 */
static bool wants_record(const struct call *c, uint16_t sw)
{
    if (!c->info || c->d->unsound || sw == SW_LOG_FULL || !audit_room(c->d) ||
        (!c->d->initialised && !c->open))
        return false;
    if (c->info->audit == AUDIT_ALWAYS)
        return sw != SW_WRONG_LENGTH && sw != SW_WRONG_STATE && sw != SW_NO_SESSION;
    return c->info->audit == AUDIT_FAILED && sw != SW_OK && c->session && sw != SW_WRONG_LENGTH &&
           sw != SW_WRONG_STATE;
}

void call_record(struct call *c, uint8_t ins, uint16_t sw)
{
    struct device *d = c->d;
    const bool recorded = d->initialised && audit_put(c, ins, sw) == SW_OK && tx_commit(c) == SW_OK;
    audit_settle(d, recorded);
    tx_abort(c);
}

uint16_t call_record_early(struct call *c)
{
    if (!wants_record(c, SW_OK))
        return SW_OK;
    uint16_t sw = audit_put(c, c->info->ins, SW_OK);
    if (sw == SW_OK)
        sw = tx_commit_start(c);
    c->early = sw == SW_OK;
    return sw;
}

/* What changes in RAM changes now, or not at all. */
static uint16_t over(struct call *c, uint16_t sw)
{
    if (c->tries_back && sw == SW_OK) {
        struct account *a = &c->d->accounts[c->tries_back - 1];
        a->tries = a->tries_max;
    }
    if (c->settle)
        c->settle(c, sw == SW_OK);
    return sw;
}

/* Their answers are made together, when all that came with them have been looked at. */
static bool is_gathered(uint8_t ins)
{
    return ins == INS_SIGN || ins == INS_VERIFY || ins == INS_DECRYPT;
}

/* Failures that tell something about the key: they are uses of it. */
static bool tells(uint16_t sw)
{
    return sw == SW_DECRYPT_FAILED || sw == SW_WRONG_WRAP || sw == SW_AGREEMENT_FAILED;
}

/* The audit record joins the transaction of a command that went well; otherwise it is alone in one.
 */
static uint16_t finish(struct call *c, uint16_t sw)
{
    bool recorded = false;
    if (c->early) {
        const uint16_t end = tx_commit(c);
        audit_settle(c->d, end == SW_OK);
        if (sw == SW_OK || end != SW_OK)
            return over(c, end);
    }
    if (sw != SW_OK) {
        tx_abort(c);
        audit_settle(c->d, false);
        if (CONFIG_POLICY && !tells(sw))
            uses_drop(c);
    }
    uint16_t end = !CONFIG_POLICY || is_gathered(c->x->ins) ? (uint16_t)SW_OK : uses_stage(c);
    if (end == SW_OK && wants_record(c, sw)) {
        end = audit_put(c, c->info->ins, sw);
        recorded = end == SW_OK;
    }
    if (end == SW_OK)
        end = tx_commit(c);
    tx_abort(c);
    audit_settle(c->d, recorded && end == SW_OK);
    return over(c, sw == SW_OK ? end : sw);
}

/* refused: a status word that is known already, or SW_OK */
static void serve(struct device *d, struct exchange *x, uint16_t refused)
{
    struct call c = {.d = d, .x = x};
    struct rd in;
    struct wr out;
    rd_init(&in, x->data, x->size);
    wr_init(&out, x->response, x->room);
    uint16_t sw = refused == SW_OK ? admit(&c) : refused;
    if (sw == SW_OK)
        sw = run[c.info - proto_commands](&c, &in, &out);
    if (sw == SW_OK && out.bad)
        sw = SW_RESPONSE_TOO_BIG;
    x->sw = sw == SW_NO_CLASS || sw == SW_NO_COMMAND ? sw : finish(&c, sw);
    if (CONFIG_QUORUM && x->sw == SW_OK)
        quorum_spent(&c);
    x->response_size = wr_size(&out);
    if (x->sw != SW_OK) {
        wipe(out.base, x->response_size);
        x->response_size = 0;
    }
    record_wipe(d);
    if (d->objects.session_key.handle)
        wipe(&d->objects.session_key, sizeof d->objects.session_key);
}

static void stop_if_failed(struct device *d)
{
    if (d->state == STATE_FAILED)
        return;
    if (d->random.failed)
        device_fail(d, "entropy", random_reason(&d->random));
    if (d->failure[0])
        life_fail(d);
}

uint64_t device_generation(const struct device *d)
{
    const struct hal_rng *rng = &d->hal.rng;
    return rng->generation ? rng->generation(rng->ctx) : 0;
}

/* A copy of this memory may have the same generator, nonces and keys: none is used again. */
static void notice_copy(struct device *d)
{
    const uint64_t generation = device_generation(d);
    if (generation == d->generation)
        return;
    d->generation = generation;
    life_drop_ahead(d);
    random_reseed(&d->random);
}

/* The periodic test. A generator that failed it is gone, and what was made ahead with it goes, too.
 */
static bool check_random(struct device *d)
{
    const uint32_t before = d->random.replaced;
    const bool more = random_check(&d->random, device_time(d));
    if (d->random.replaced == before || d->random.failed)
        return more;
    life_drop_ahead(d);
    life_note_generator(d);
    return more;
}

/* One step towards BLANK, LOCKED or READY. true: it needs more. */
static bool test_on(struct device *d)
{
    const bool more = startup_step(&d->startup, &d->random);
    stop_if_failed(d);
    if (!more && d->state == STATE_TESTING)
        life_open(d);
    return more;
}

bool device_idle(struct device *d)
{
    life_watch(d);
    notice_copy(d);
    stop_if_failed(d);
    if (d->state == STATE_TESTING)
        return test_on(d);
    if (d->state != STATE_READY)
        return false;
    const bool check = check_random(d), learn = objects_learn(d);
    if (!nonces_wanted(&d->nonces) || nonces_refill(d))
        return check || learn;
    return check || learn || nonces_wanted(&d->nonces);
}

bool device_wants_pairs(const struct device *d)
{
    return !HUFU_SMALL && keys_ahead_wanted(d);
}

void device_make_pairs(struct device *d)
{
    if (HUFU_SMALL)
        return;
    life_watch(d);
    notice_copy(d);
    stop_if_failed(d);
    d->inside = true;
    keys_ahead_fill(d);
    d->inside = false;
    stop_if_failed(d);
}

void device_leave_pairs(struct device *d)
{
    d->keys_ahead.dropped |= d->keys_ahead.filling;
}

/* A sealed command is opened first. false: it was none, and is answered. */
static bool take(struct device *d, struct exchange *x, uint16_t *refused)
{
    x->secure = 0;
    if (!CONFIG_CHANNEL || x->cla != CLA_HUFU || x->ins != INS_CHANNEL_SEALED ||
        x->size > d->config.frame_max ||
        !(proto_command(INS_CHANNEL_SEALED)->states & (1u << d->state)))
        return true;
    return channel_unseal(d, x, refused);
}

void device_serve(struct device *d, struct exchange *x, size_t n)
{
    const bool nested = d->inside;
    d->inside = true;
    life_watch(d);
    notice_copy(d);
    if (!HUFU_SMALL && !nested)
        keys_ahead_make(d, x, n);
    for (size_t i = 0; i < n; i++) {
        uint16_t refused = SW_OK;
        if (!take(d, &x[i], &refused))
            continue;
        if (!is_gathered(x[i].ins))
            gather_flush(d);
        serve(d, &x[i], refused);
        stop_if_failed(d);
    }
    gather_flush(d);
    if (!HUFU_SMALL && !nested)
        keys_ahead_trim(d);
    for (size_t i = 0; CONFIG_CHANNEL && i < n; i++)
        if (x[i].secure)
            channel_seal(d, &x[i]);
    d->inside = nested;
    if (d->state == STATE_TESTING)
        test_on(d);
    if (d->state == STATE_READY && !nested)
        check_random(d);
    stop_if_failed(d);
}
