#include "firmware/app/channel.h"

#include "firmware/app/core.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"

#include <string.h>

void channels_lay_out(struct arena *a, struct channels *s, const struct device_config *config)
{
    s->max = config->sessions_max < CONFIG_CHANNELS ? config->sessions_max : CONFIG_CHANNELS;
    s->table = arena_take(a, s->max * sizeof *s->table);
    if (s->table)
        memset(s->table, 0, s->max * sizeof *s->table);
}

/* ---------------------------------------------------------------- the table */

struct channel *channel_find(const struct channels *s, uint32_t link, uint16_t number)
{
    struct channel *one = &s->table[number % s->max];
    return one->stage && one->number == number && one->link == link ? one : NULL;
}

static void free_place(struct channel *one)
{
    wipe(one, sizeof *one);
}

void channel_end(struct device *d, struct channel *one)
{
    for (uint32_t i = 0; i < d->sessions.max; i++) {
        struct session *s = &d->sessions.table[i];
        if (s->channel && s->secure == one->number)
            session_end(d, s);
    }
    if (one->pending)
        one->stage = STAGE_ENDING;
    else
        free_place(one);
}

void channels_end(struct device *d, uint32_t link)
{
    struct channels *s = &d->channels;
    for (unsigned i = 0; i < s->max; i++)
        if (s->table[i].stage && (!link || s->table[i].link == link))
            channel_end(d, &s->table[i]);
    if (link)
        return;
    wipe(s->d, sizeof s->d);
    s->made = false;
}

void channels_wipe(struct device *d)
{
    channels_end(d, 0);
    wipe(d->channels.table, d->channels.max * sizeof *d->channels.table);
}

/* Numbers count up and skip those whose place is taken. */
static struct channel *next_free(struct channels *s)
{
    for (unsigned i = 0; i < s->max; i++) {
        if (++s->last == 0)
            s->last = 1;
        if (!s->table[s->last % s->max].stage)
            return &s->table[s->last % s->max];
    }
    return NULL;
}

struct channel *channel_new(struct channels *s, uint32_t link)
{
    struct channel *one = next_free(s);
    for (unsigned i = 0; !one && i < s->max; i++)
        if (s->table[i].stage == STAGE_AGREED) {
            free_place(&s->table[i]);
            one = next_free(s);
        }
    if (one) {
        one->link = link;
        one->number = s->last;
        one->stage = STAGE_AGREED;
    }
    return one;
}

int channels_key(struct device *d)
{
    struct channels *s = &d->channels;
    if (!s->made)
        s->made = sm2_keygen(d->engine->sm2, &d->rng, s->d, s->pub) == 0;
    return s->made ? 0 : -1;
}

/* ---------------------------------------------------------------- records */

/* Whose rights were used for something: the log knows about such a channel's violent end. */
static bool had_rights(const struct device *d, const struct channel *one)
{
    for (uint32_t i = 0; i < d->sessions.max; i++) {
        const struct session *s = &d->sessions.table[i];
        if (s->channel && s->secure == one->number && s->account)
            return true;
    }
    return false;
}

static bool broken(struct device *d, struct exchange *x, struct channel *one)
{
    x->sw = SW_CHANNEL_BROKEN;
    x->response_size = 0;
    if (!one)
        return false;
    const bool tell = had_rights(d, one);
    channel_end(d, one);
    struct call c = {.d = d, .x = x, .object = x->channel};
    if (tell)
        call_record(&c, x->ins, x->sw);
    return false;
}

/* Opens in place; false: it is not the next command of this channel. */
static bool open_record(const struct sym_ops *sym, struct channel *one,
                        const struct channel_sealed_req *q, uint8_t *text, size_t n)
{
    uint8_t nonce[CHANNEL_NONCE], aad[CHANNEL_AAD], tag[CHANNEL_TAG], ok = 0;
    const struct channel_aad m = {
        .channel = one->number, .flags = q->flags, .counter = q->counter, .size = (uint32_t)n};
    if (one->stage != STAGE_OPEN || q->counter != one->next || q->counter == CHANNEL_USED_UP ||
        q->flags & ~SEALED_LONG)
        return false;
    channel_around(&one->keys, CHANNEL_COMMAND, &m, nonce, aad);
    memcpy(tag, q->sealed.data + n, sizeof tag);
    sym->sm4_gcm_open(
        &one->ready[0],
        &(struct sm4_gcm_item){nonce, sizeof nonce, aad, sizeof aad, q->sealed.data, n, text, tag},
        1, &ok);
    if (!ok)
        return false;
    PUBLIC(text, n); /* whoever takes a secret from a command marks that */
    one->next++;
    one->pending++;
    return true;
}

/* The command that was sealed takes the place of the one that carried it. */
static uint16_t unwrap(struct exchange *x, uint8_t flags, const uint8_t *text, size_t n)
{
    struct channel_inner in;
    struct rd r;
    rd_init(&r, text, n);
    if (!channel_inner_get(&r, &in) || in.size > rd_left(&r))
        return SW_WRONG_LENGTH;
    x->cla = in.cla;
    x->ins = in.ins;
    x->channel = in.session;
    x->data = text + CHANNEL_INNER;
    x->size = in.size;
    if (device_is_long(x->ins, x->data, x->size) && !(flags & SEALED_LONG))
        return SW_WRONG_DATA;
    return SW_OK;
}

bool channel_unseal(struct device *d, struct exchange *x, uint16_t *refused)
{
    struct channel_sealed_req q;
    struct rd r;
    struct channel *one = channel_find(&d->channels, x->link, x->channel);
    rd_init(&r, x->data, x->size);
    x->secure = 0;
    if (!one || !channel_sealed_req_get(&r, &q) || q.sealed.size < CHANNEL_TAG)
        return broken(d, x, one);
    const size_t n = q.sealed.size - CHANNEL_TAG;
    if (!x->opened || x->room < CHANNEL_BEHIND) {
        x->sw = x->opened ? SW_RESPONSE_TOO_BIG : SW_NOT_SUPPORTED;
        return false;
    }
    uint8_t *text = x->opened + (q.sealed.data - x->data);
    if (!open_record(d->engine->sym, one, &q, text, n))
        return broken(d, x, one);
    x->secure = one->number;
    x->counter = q.counter;
    x->room -= CHANNEL_BEHIND;
    *refused = unwrap(x, q.flags, text, n);
    return true;
}

/* The channel has gone with its device's secrets: there is nothing to say it with. */
static void answer_clear(const struct device *d, struct exchange *x)
{
    if (x->response_size)
        wipe(x->response, x->response_size);
    x->response_size = 0;
    x->sw = d->state == STATE_FAILED ? SW_DEVICE_FAILED : SW_CHANNEL_BROKEN;
}

void channel_seal(struct device *d, struct exchange *x)
{
    struct channel *one = channel_find(&d->channels, x->link, x->secure);
    uint8_t nonce[CHANNEL_NONCE], aad[CHANNEL_AAD];
    if (!one) {
        answer_clear(d, x);
        return;
    }
    x->response[x->response_size] = (uint8_t)(x->sw >> 8);
    x->response[x->response_size + 1] = (uint8_t)x->sw;
    const size_t n = x->response_size + 2;
    channel_around(
        &one->keys, CHANNEL_ANSWER,
        &(struct channel_aad){.channel = one->number, .counter = x->counter, .size = (uint32_t)n},
        nonce, aad);
    d->engine->sym->sm4_gcm_seal(&one->ready[1],
                                 &(struct sm4_gcm_item){nonce, sizeof nonce, aad, sizeof aad,
                                                        x->response, n, x->response,
                                                        x->response + n},
                                 1);
    x->response_size = n + CHANNEL_TAG;
    x->sw = SW_OK;
    if (--one->pending == 0 && one->stage == STAGE_ENDING)
        free_place(one);
}

/* ---------------------------------------------------------------- policy */

static bool opens_or_tells(uint8_t ins)
{
    return ins == INS_INFO || ins == INS_CAPABILITIES || ins == INS_IDENTITY ||
           ins == INS_IDENTITY_CERTIFICATE || ins == INS_CHANNEL_KEY || ins == INS_CHANNEL_OPEN ||
           ins == INS_CHANNEL_CONFIRM;
}

bool channel_wanted(const struct call *c)
{
    if (c->x->secure)
        return false;
    if (c->d->initialised && c->d->identity.flags & INIT_CHANNEL && !opens_or_tells(c->info->ins))
        return true;
    return c->info->in_clear && c->x->link & LINK_FAR;
}
