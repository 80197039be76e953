/* Group channel: the key agreement that begins a secure channel, its end, and the keys of hosts. */
#include "firmware/app/channel.h"
#include "firmware/app/core.h"
#include "firmware/app/identity.h"
#include "firmware/base/ct.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "handlers_gen.h"

#include <string.h>

/* ---------------------------------------------------------------- who the device is */

/* What CHANNEL KEY says and CHANNEL OPEN takes as the device's ID. */
static void put_statement(const struct call *c, const uint8_t nonce[32],
                          uint8_t out[CHANNEL_STATEMENT])
{
    const struct device *d = c->d;
    const bool blank = !d->initialised;
    struct wr w;
    wr_init(&w, out, CHANNEL_STATEMENT);
    channel_statement_put(
        &w, &(struct channel_statement){
                .magic = (const uint8_t *)"HFCS",
                .version = 1,
                .serial = d->identity.serial,
                .flags = (uint8_t)((c->x->link & LINK_FAR ? CHANNEL_FAR : 0) |
                                   (d->identity.flags & INIT_CHANNEL ? CHANNEL_REQUIRED : 0) |
                                   (blank ? CHANNEL_BLANK : 0)),
                .nonce = nonce,
                .public = d->channels.pub});
}

uint16_t cmd_channel_key(struct call *c, const struct channel_key_req *q, struct wr *out)
{
    uint8_t statement[CHANNEL_STATEMENT], signature[SM2_SIGNATURE];
    const bool named = c->d->initialised;
    if (channels_key(c->d))
        return SW_KEY_GENERATION_FAILED;
    put_statement(c, q->nonce, statement);
    const uint16_t sw =
        named ? identity_state(c->d, statement, sizeof statement, signature) : SW_OK;
    if (sw == SW_OK)
        channel_key_rsp_put(out,
                            &(struct channel_key_rsp){{statement, sizeof statement},
                                                      {signature, named ? sizeof signature : 0}});
    return sw;
}

/* ---------------------------------------------------------------- agreement */

/* The host is the initiator. peer: S_A, which it owes. */
static uint16_t agree(const struct call *c, const struct channel_open_req *q,
                      const uint8_t r[SM2_SCALAR], const uint8_t r_pub[SM2_POINT],
                      uint8_t agreed[CHANNEL_AGREED], uint8_t mine[32], uint8_t peer[32])
{
    const struct channels *s = &c->d->channels;
    uint8_t statement[CHANNEL_STATEMENT], hello[CHANNEL_HELLO], z_a[32], z_b[32];
    put_statement(c, q->nonce, statement);
    channel_hello_bytes(q->flags, hello);
    if (sm2_z(hello, sizeof hello, q->host, z_a) || sm2_z(statement, sizeof statement, s->pub, z_b))
        return SW_INTERNAL;
    const struct sm2_exchange x = {.initiator = 0,
                                   .d = s->d,
                                   .r = r,
                                   .r_pub = r_pub,
                                   .peer_pub = q->host,
                                   .peer_r_pub = q->temporary,
                                   .z_a = z_a,
                                   .z_b = z_b};
    return sm2_exchange(&x, agreed, CHANNEL_AGREED, mine, peer) ? SW_AGREEMENT_FAILED : SW_OK;
}

static void ready(struct channel *one, const uint8_t agreed[CHANNEL_AGREED])
{
    channel_keys_take(&one->keys, agreed);
    for (unsigned i = 0; i < 2; i++)
        sm4_set_key(&one->ready[i], one->keys.key[i]);
}

uint16_t cmd_channel_open(struct call *c, const struct channel_open_req *q, struct wr *out)
{
    struct device *d = c->d;
    uint8_t r[SM2_SCALAR], r_pub[SM2_POINT], agreed[CHANNEL_AGREED], mine[32], peer[32];
    uint8_t hosts = 0;
    if (!d->channels.made)
        return SW_STEP;
    if (q->flags & ~CHANNEL_OPEN_REGISTERED)
        return SW_WRONG_DATA;
    if (wr_room(out) < 2 + SM2_POINT + 32)
        return SW_RESPONSE_TOO_BIG;
    if (q->flags & CHANNEL_OPEN_REGISTERED && d->initialised)
        hosts = host_keys_find(d, q->host);
    if (q->flags & CHANNEL_OPEN_REGISTERED && !hosts)
        return SW_NO_KEY;
    if (sm2_keygen(d->engine->sm2, &d->rng, r, r_pub))
        return SW_KEY_GENERATION_FAILED;
    uint16_t sw = agree(c, q, r, r_pub, agreed, mine, peer);
    struct channel *one = sw == SW_OK ? channel_new(&d->channels, c->x->link) : NULL;
    if (one) {
        ready(one, agreed);
        one->hosts = hosts;
        memcpy(one->confirm, peer, sizeof one->confirm);
        channel_open_rsp_put(out, &(struct channel_open_rsp){one->number, r_pub, mine});
    } else if (sw == SW_OK) {
        sw = SW_TOO_MANY;
    }
    wipe(r, sizeof r);
    wipe(agreed, sizeof agreed);
    return sw;
}

uint16_t cmd_channel_confirm(struct call *c, const struct channel_confirm_req *q, struct wr *out)
{
    struct channel *one = channel_find(&c->d->channels, c->x->link, q->channel);
    (void)out;
    if (!one || one->stage != STAGE_AGREED)
        return SW_CHANNEL_BROKEN;
    uint32_t right = ct_mem_eq(one->confirm, q->confirm, sizeof one->confirm);
    PUBLIC(&right, sizeof right);
    if (!right) {
        channel_end(c->d, one);
        return SW_AGREEMENT_FAILED;
    }
    wipe(one->confirm, sizeof one->confirm);
    one->stage = STAGE_OPEN;
    return SW_OK;
}

uint16_t cmd_channel_close(struct call *c, const struct channel_close_req *q, struct wr *out)
{
    struct channel *one = channel_find(&c->d->channels, c->x->link, c->x->secure);
    (void)q, (void)out;
    if (!one)
        return SW_CHANNEL_NEEDED;
    channel_end(c->d, one);
    c->session = NULL;
    return SW_OK;
}

/* The dispatcher opens sealed commands; here comes one that was inside of another. */
uint16_t cmd_channel_sealed(struct call *c, const struct channel_sealed_req *q, struct wr *out)
{
    (void)c, (void)q, (void)out;
    return SW_WRONG_DATA;
}

/* ---------------------------------------------------------------- keys of hosts */

uint16_t cmd_host_key_add(struct call *c, const struct host_key_add_req *q, struct wr *out)
{
    struct host_key k = {.account = q->account, .label_size = (uint8_t)q->label.size}, other;
    unsigned slot = 0;
    if (!auth_account(c->d, q->account))
        return SW_WRONG_DATA;
    if (sm2_public_check(q->public))
        return SW_BAD_PUBLIC_KEY;
    while (slot < LIMIT_HOST_KEYS_MAX && host_key_get(c->d, slot, &other) != SW_NO_KEY)
        slot++;
    if (slot == LIMIT_HOST_KEYS_MAX)
        return SW_TOO_MANY;
    memcpy(k.pub, q->public, sizeof k.pub);
    if (q->label.size)
        memcpy(k.label, q->label.data, q->label.size);
    c->object = q->account;
    host_key_add_rsp_put(out, &(struct host_key_add_rsp){(uint8_t)slot});
    return host_key_put(c, slot, &k);
}

static void deleted(struct call *c, bool done)
{
    if (done)
        host_key_gone(c->d, c->pending[0]);
}

uint16_t cmd_host_key_delete(struct call *c, const struct host_key_delete_req *q, struct wr *out)
{
    struct host_key k;
    (void)out;
    c->object = q->slot;
    if (host_key_get(c->d, q->slot, &k) == SW_NO_KEY)
        return SW_NO_KEY;
    c->pending[0] = q->slot;
    c->settle = deleted;
    return tx_delete(c, ID_HOST_KEY + q->slot);
}

uint16_t cmd_host_key_list(struct call *c, const struct host_key_list_req *q, struct wr *out)
{
    (void)q;
    for (unsigned i = 0; i < LIMIT_HOST_KEYS_MAX; i++) {
        struct host_key k;
        const uint16_t sw = host_key_get(c->d, i, &k);
        if (sw == SW_NO_KEY)
            continue;
        if (sw != SW_OK)
            return sw;
        host_key_entry_put(
            out, &(struct host_key_entry){(uint8_t)i, k.account, k.pub, {k.label, k.label_size}});
    }
    return SW_OK;
}
