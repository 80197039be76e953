#include "host/lib/channel.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "firmware/base/ct.h"
#include "firmware/crypto/sm2.h"
#include "host/lib/lib.h"

enum { HEAD = FRAME_HEADER + 2 };

static int fill(void *ctx, void *out, size_t n)
{
    (void)ctx;
    return getrandom(out, n, 0) == (ssize_t)n ? 0 : -1;
}
static const struct rng rng = {fill, NULL};

/* Asking the processor what it can takes longer than sealing a short command. */
static const struct engine *best;

static void find_best(void)
{
    best = engine_at(0);
}

static const struct engine *engine(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_best);
    return best;
}

static const struct sm2_ops *sm2(void)
{
    return engine()->sm2;
}

/* ------------------------------------------------------------------ which commands, when */

/* What tells of the device or opens a channel is never secret. */
static bool in_clear(uint8_t ins)
{
    return ins == INS_INFO || ins == INS_CAPABILITIES || ins == INS_SELFTEST ||
           ins == INS_IDENTITY || ins == INS_IDENTITY_CERTIFICATE || ins == INS_CHANNEL_KEY ||
           ins == INS_CHANNEL_OPEN || ins == INS_CHANNEL_CONFIRM;
}

/* Nobody vouches for the other end: it gets only what makes a device of it. */
static bool for_blank(uint8_t ins)
{
    return ins == INS_INIT || ins == INS_CHANNEL_CLOSE || in_clear(ins);
}

static bool is_long(const struct hufu_request *r)
{
    const bool makes = r->ins == INS_KEY_GENERATE || r->ins == INS_KEY_BATCH;
    return makes && r->command.size > HEAD && hufu_signature_size(r->command.data[HEAD]) >= 256;
}

/* ------------------------------------------------------------------ records */

/* The command in r becomes a sealed one; lock held. */
static bool seal(struct host_channel *c, struct hufu_request *r)
{
    const uint8_t flags = is_long(r) ? SEALED_LONG : 0;
    const size_t n = r->command.size - HEAD;
    const size_t size = (CHANNEL_INNER + n + CHANNEL_ROUND - 1) / CHANNEL_ROUND * CHANNEL_ROUND;
    uint8_t nonce[CHANNEL_NONCE], aad[CHANNEL_AAD];
    struct wr w;
    if (!buffer_grow(&r->command, HEAD + CHANNEL_HEAD + size + CHANNEL_TAG))
        return false;
    uint8_t *out = r->command.data + HEAD, *text = out + CHANNEL_HEAD;
    memmove(text + CHANNEL_INNER, out, n);
    memset(text + CHANNEL_INNER + n, 0, size - CHANNEL_INNER - n);
    wr_init(&w, out, CHANNEL_HEAD + CHANNEL_INNER);
    wr_u8(&w, flags);
    wr_u32(&w, c->counter);
    channel_inner_put(&w, &(struct channel_inner){CLA_HUFU, r->ins, r->channel, (uint32_t)n});
    channel_around(
        &c->keys, CHANNEL_COMMAND,
        &(struct channel_aad){
            .channel = c->number, .flags = flags, .counter = c->counter, .size = (uint32_t)size},
        nonce, aad);
    engine()->sym->sm4_gcm_seal(
        &c->ready[0],
        &(struct sm4_gcm_item){nonce, sizeof nonce, aad, sizeof aad, text, size, text, text + size},
        1);
    r->command.size = HEAD + CHANNEL_HEAD + size + CHANNEL_TAG;
    r->command.data[FRAME_HEADER + 1] = r->ins = INS_CHANNEL_SEALED;
    r->channel = c->number;
    r->counter = c->counter;
    r->sealed = true;
    return true;
}

static void die(struct host_channel *c, const char *why)
{
    pthread_mutex_lock(&c->lock);
    if (!c->dead)
        snprintf(c->why, sizeof c->why, "%s", why);
    c->dead = true;
    pthread_mutex_unlock(&c->lock);
}

bool channel_died(struct host_channel *c, char why[CHANNEL_WHY])
{
    pthread_mutex_lock(&c->lock);
    const bool dead = c->dead;
    memcpy(why, c->why, CHANNEL_WHY);
    pthread_mutex_unlock(&c->lock);
    return dead;
}

static bool open_answer(const struct host_channel *c, struct hufu_request *r, size_t n)
{
    uint8_t nonce[CHANNEL_NONCE], aad[CHANNEL_AAD], *text = r->answer.data, ok = 0;
    channel_around(
        &c->keys, CHANNEL_ANSWER,
        &(struct channel_aad){.channel = c->number, .counter = r->counter, .size = (uint32_t)n},
        nonce, aad);
    engine()->sym->sm4_gcm_open(
        &c->ready[1],
        &(struct sm4_gcm_item){nonce, sizeof nonce, aad, sizeof aad, text, n, text, text + n}, 1,
        &ok);
    return ok;
}

void channel_take(struct hufu_device *d, struct hufu_request *r)
{
    struct host_channel *c = &d->secure;
    const uint8_t *end = r->answer.data + r->answer.size;
    char why[80];
    if (!r->sealed || r->failure)
        return;
    r->sealed = false;
    if (r->answer.size < 2 + CHANNEL_BEHIND || end[-2] != SW_OK >> 8 || end[-1] != 0) {
        const unsigned sw = r->answer.size < 2 ? 0 : (unsigned)end[-2] << 8 | end[-1];
        snprintf(why, sizeof why, "the secure channel is over (%04X in clear)", sw);
        r->failure = HUFU_E_UNKNOWN_OUTCOME;
    } else if (!open_answer(c, r, r->answer.size - 2 - CHANNEL_TAG)) {
        snprintf(why, sizeof why, "a forged or damaged answer came in the secure channel");
        r->failure = HUFU_E_UNKNOWN_OUTCOME;
    } else {
        r->answer.size -= 2 + CHANNEL_TAG;
        return;
    }
    die(c, why);
}

static uint32_t most_commands(const struct hufu_device *d)
{
    return d->options.rekey ? d->options.rekey : CHANNEL_USED_UP;
}

int hufu_channel_worn(struct hufu_device *d)
{
    struct host_channel *c = &d->secure;
    const uint32_t most = most_commands(d);
    pthread_mutex_lock(&c->lock);
    const bool worn = c->open && c->counter >= most - most / 8;
    pthread_mutex_unlock(&c->lock);
    return worn;
}

/* A command that was never sent gives its counter back; after one that may have been sent in part
 * nothing can follow. */
static enum hufu_status send_sealed(struct hufu_device *d, struct hufu_request *r)
{
    struct host_channel *c = &d->secure;
    enum hufu_status s = HUFU_OK;
    pthread_mutex_lock(&c->lock);
    if (!c->dead && c->counter >= most_commands(d)) {
        snprintf(c->why, sizeof c->why, "the secure channel is used up");
        c->dead = true;
    }
    if (c->dead)
        s = fail_with(HUFU_E_LINK, "%s: the secure channel is lost (%s): reconnect", d->url,
                      c->why);
    else if (!seal(c, r))
        s = fail_with(HUFU_E_MEMORY, "%s: no memory for a sealed command", d->url);
    else
        s = d->transport->ops->submit(d->transport, r);
    if (!s)
        c->counter++;
    pthread_mutex_unlock(&c->lock);
    if (s == HUFU_E_LINK)
        die(c, "the link is lost");
    return s;
}

enum hufu_status channel_send(struct hufu_device *d, struct hufu_request *r)
{
    const struct host_channel *c = &d->secure;
    r->sealed = false;
    if (!c->wanted || (!c->open && in_clear(r->ins)))
        return d->transport->ops->submit(d->transport, r);
    if (c->open && (!(c->flags & CHANNEL_BLANK) || for_blank(r->ins)))
        return send_sealed(d, r);
    return fail_with(HUFU_E_CHANNEL, "%s at %s: not sent: %s", hufu_command_name(r->ins), d->url,
                     c->open ? "the device says that it is blank, and nobody vouches for it"
                             : "there is no secure channel to this device in its state");
}

/* ------------------------------------------------------------------ agreement */

/* All of one attempt to agree. */
struct attempt {
    uint8_t nonce[32], statement[CHANNEL_STATEMENT];
    const uint8_t *host_d, *host;
    uint8_t once_d[32], once[64], r_d[32], r[64], flags;
    uint8_t agreed[CHANNEL_AGREED], mine[32], theirs[32];
};

/* The statement is about this device, this nonce, and signed by whom we trust. */
static enum hufu_status check_statement(struct hufu_device *d, const struct attempt *a,
                                        const struct channel_statement *m, struct view signature)
{
    uint8_t pub[64], e[32];
    if (memcmp(m->magic, "HFCS", 4) != 0 || m->version != 1 ||
        memcmp(m->nonce, a->nonce, 32) != 0 ||
        memcmp(m->serial, d->serial, sizeof d->serial) != 0 || sm2_public_check(m->public))
        return fail_with(HUFU_E_TRUST, "%s: the device's statement for a secure channel is wrong",
                         d->url);
    d->secure.flags = m->flags;
    if (m->flags & CHANNEL_BLANK) {
        d->secure.how = HUFU_TRUST_NOBODY;
        return HUFU_OK;
    }
    enum hufu_status s = hufu_identity(d, pub);
    if (s)
        return s;
    if (signature.size != 64 || sm2_public_check(pub) ||
        sm2_digest(sm2_default_id, 16, pub, a->statement, sizeof a->statement, e) ||
        sm2_verify(sm2(), pub, e, signature.data))
        return fail_with(HUFU_E_TRUST,
                         "%s: the device cannot prove its identity: somebody may be in between",
                         d->url);
    return trust_check(d, pub);
}

static enum hufu_status ask_key(struct hufu_device *d, struct attempt *a)
{
    struct call c;
    struct channel_key_rsp m;
    struct channel_statement st;
    uint8_t signature[64];
    struct rd r;
    if (fill(NULL, a->nonce, sizeof a->nonce))
        return fail_with(HUFU_E_CRYPTO, "%s: no random numbers", d->url);
    if (!CALL(&c, &d->nobody, channel_key, CHANNEL_KEY, 0, &(struct channel_key_req){a->nonce},
              &m) &&
        !call_check(&c, m.statement.size == CHANNEL_STATEMENT && m.signature.size <= 64)) {
        memcpy(a->statement, m.statement.data, CHANNEL_STATEMENT);
        memcpy(signature, m.signature.data, m.signature.size);
    }
    call_end(&c);
    if (c.status)
        return c.status;
    rd_init(&r, a->statement, sizeof a->statement);
    channel_statement_get(&r, &st);
    return check_statement(d, a, &st, (struct view){signature, m.signature.size});
}

static int prepare(const struct trust *t, struct attempt *a)
{
    if (t->has_host && !(a->statement[21] & CHANNEL_BLANK)) { /* a blank device knows no hosts */
        a->flags = CHANNEL_OPEN_REGISTERED;
        a->host_d = t->host_d;
        a->host = t->host;
    } else {
        a->host_d = a->once_d;
        a->host = a->once;
        if (sm2_keygen(sm2(), &rng, a->once_d, a->once))
            return -1;
    }
    return sm2_keygen(sm2(), &rng, a->r_d, a->r);
}

static int agree(struct attempt *a, const uint8_t r_peer[64])
{
    const uint8_t *device = a->statement + CHANNEL_STATEMENT - SM2_POINT;
    uint8_t hello[CHANNEL_HELLO], z_a[32], z_b[32];
    channel_hello_bytes(a->flags, hello);
    if (sm2_z(hello, sizeof hello, a->host, z_a) ||
        sm2_z(a->statement, sizeof a->statement, device, z_b))
        return -1;
    const struct sm2_exchange x = {.initiator = 1,
                                   .d = a->host_d,
                                   .r = a->r_d,
                                   .r_pub = a->r,
                                   .peer_pub = device,
                                   .peer_r_pub = r_peer,
                                   .z_a = z_a,
                                   .z_b = z_b};
    return sm2_exchange(&x, a->agreed, sizeof a->agreed, a->mine, a->theirs);
}

static enum hufu_status open_channel(struct hufu_device *d, struct attempt *a, uint16_t *number)
{
    struct call c;
    const struct channel_open_req q = {a->flags, a->nonce, a->host, a->r};
    struct channel_open_rsp m;
    if (!CALL(&c, &d->nobody, channel_open, CHANNEL_OPEN, 0, &q, &m)) {
        *number = m.channel;
        if (agree(a, m.temporary) || !ct_mem_eq(a->theirs, m.confirm, sizeof a->theirs))
            c.status = fail_with(
                HUFU_E_TRUST, "%s: the key agreement failed: somebody may be in between", d->url);
    }
    call_end(&c);
    if (c.status == HUFU_E_NO_KEY)
        return fail_with(HUFU_E_TRUST,
                         "%s: the device does not know this host's key: an administrator "
                         "registers it with hufu channel host-add",
                         d->url);
    return c.status;
}

static enum hufu_status confirm(struct hufu_device *d, const struct attempt *a, uint16_t number)
{
    struct call c;
    const struct channel_confirm_req q = {number, a->mine};
    struct channel_confirm_rsp m;
    CALL(&c, &d->nobody, channel_confirm, CHANNEL_CONFIRM, 0, &q, &m);
    return call_end(&c);
}

static void use(struct hufu_device *d, const struct attempt *a, uint16_t number)
{
    struct host_channel *c = &d->secure;
    const uint32_t most = (d->limit - CHANNEL_HEAD - CHANNEL_TAG) / CHANNEL_ROUND * CHANNEL_ROUND;
    channel_keys_take(&c->keys, a->agreed);
    for (unsigned i = 0; i < 2; i++)
        sm4_set_key(&c->ready[i], c->keys.key[i]);
    c->number = number;
    c->counter = 0;
    c->open = true;
    d->limit = most - CHANNEL_INNER;
}

static enum hufu_status begin(struct hufu_device *d)
{
    struct attempt a = {.flags = 0};
    uint16_t number = 0;
    enum hufu_status s = ask_key(d, &a);
    if (!s && prepare(&d->secure.trust, &a))
        s = fail_with(HUFU_E_CRYPTO, "%s: no random numbers", d->url);
    if (!s)
        s = open_channel(d, &a, &number);
    if (!s)
        s = confirm(d, &a, number);
    if (!s)
        use(d, &a, number);
    wipe(&a, sizeof a);
    return s;
}

/* ------------------------------------------------------------------ when */

void channel_drop(struct host_channel *c)
{
    c->open = c->dead = false;
    c->flags = 0;
    wipe(&c->keys, sizeof c->keys);
    wipe(c->ready, sizeof c->ready);
}

/* The device says whether it wants one here; one that has no channels wants none. */
static enum hufu_status ask_device(struct hufu_device *d, bool *wanted)
{
    struct call c;
    const uint8_t nonce[32] = {0};
    struct channel_key_rsp m;
    struct channel_statement st;
    struct rd r;
    if (!CALL(&c, &d->nobody, channel_key, CHANNEL_KEY, 0, &(struct channel_key_req){nonce}, &m)) {
        rd_init(&r, m.statement.data, m.statement.size);
        if (!call_check(&c, channel_statement_get(&r, &st)))
            *wanted = st.flags & (CHANNEL_FAR | CHANNEL_REQUIRED);
    }
    call_end(&c);
    return c.status == HUFU_E_NO_COMMAND ? HUFU_OK : c.status;
}

static bool ready_for_one(uint8_t state)
{
    return state == STATE_BLANK || state == STATE_LOCKED || state == STATE_READY;
}

/* A kind of link may have several ways to work, all of its scheme. */
static bool over(const struct hufu_device *d, const struct transport_ops *kind)
{
    return !strcmp(d->transport->ops->scheme, kind->scheme);
}

enum hufu_status channel_begin(struct hufu_device *d, const struct hufu_info *info)
{
    struct host_channel *c = &d->secure;
    enum hufu_status s = HUFU_OK;
    c->wanted =
        c->trust.mode != TRUST_OFF && (c->trust.mode != TRUST_AUTO || c->trust.has_host ||
                                       over(d, &transport_usb) || info->flags & INIT_CHANNEL);
    if (!ready_for_one(info->state))
        return HUFU_OK;
    if (c->trust.mode == TRUST_AUTO && !c->wanted && over(d, &transport_pcsc))
        s = ask_device(d, &c->wanted);
    return s || !c->wanted ? s : begin(d);
}

enum hufu_status channel_again(struct hufu_device *d)
{
    struct host_channel *c = &d->secure;
    struct hufu_info info;
    channel_drop(c);
    d->limit = d->plain_limit;
    const enum hufu_status s = hufu_info(d, &info);
    if (s)
        return s;
    memcpy(d->serial, info.serial, sizeof d->serial);
    return channel_begin(d, &info);
}

enum hufu_status channel_born(struct hufu_device *d)
{
    const struct host_channel *c = &d->secure;
    uint8_t fingerprint[32];
    enum hufu_status s = HUFU_OK;
    if (c->open && c->trust.mode != TRUST_PIN && c->trust.mode != TRUST_CA) {
        s = hufu_fingerprint(d, fingerprint);
        if (!s)
            s = trust_record(d, fingerprint);
    }
    return s ? s : channel_again(d);
}

/* A reader that hangs must not hold up its program's end. */
void channel_close(struct hufu_device *d)
{
    enum { PATIENCE_MS = 2000 };
    const struct host_channel *c = &d->secure;
    if (d->options.timeout_ms > PATIENCE_MS)
        hufu_set_timeout(d, PATIENCE_MS);
    if (c->open && !c->dead && d->transport->ops == &transport_pcsc)
        hufu_command(d, 0, INS_CHANNEL_CLOSE, NULL, 0, NULL, NULL);
}
