/*
 * Group use: SM2 key exchange (GB/T 32918.3), one side: in two steps within a session, or in one
 * with a temporary pair that is an object.
 */
#include "firmware/app/core.h"
#include "firmware/app/policy.h"
#include "firmware/app/subject.h"
#include "firmware/base/ct.h"
#include "firmware/base/wipe.h"
#include "handlers_gen.h"

#include <string.h>

enum { AGREED_MAX = 1024, AGREED_USAGE = USAGE_ENCRYPT | USAGE_DECRYPT };

uint16_t cmd_agree_begin(struct call *c, const struct agree_begin_req *q, struct wr *out)
{
    struct session *s = c->session;
    const struct key *key;
    const uint16_t sw = key_for_uses(c, q->handle, USAGE_AGREE, KEY_SM2, 0, &key);
    if (sw != SW_OK)
        return sw;
    if (wr_room(out) < SM2_POINT)
        return SW_RESPONSE_TOO_BIG;
    s->agreeing = false;
    if (sm2_keygen(c->d->engine->sm2, &c->d->rng, s->agree_secret, s->agree_point))
        return SW_KEY_GENERATION_FAILED;
    s->agreeing = true;
    s->agree_handle = q->handle;
    agree_begin_rsp_put(out, &(struct agree_begin_rsp){s->agree_point});
    return SW_OK;
}

struct own {
    uint32_t handle;               /* of the key */
    const uint8_t *secret, *point; /* the temporary pair */
    struct key_policy policy;      /* what is withheld by it from what is agreed */
};

static uint16_t agree(const struct own *own, const struct agree_finish_req *q,
                      const struct key *key, uint8_t *agreed, uint8_t *mine, uint8_t *theirs)
{
    const int initiator = q->flags & AGREE_INITIATOR;
    const struct view own_id = signer_id(q->own_id), peer_id = signer_id(q->peer_id);
    uint8_t own_z[32], peer_z[32];
    if (sm2_z(own_id.data, own_id.size, key->pub, own_z) ||
        sm2_z(peer_id.data, peer_id.size, q->peer, peer_z))
        return SW_WRONG_DATA;
    const struct sm2_exchange x = {.initiator = initiator,
                                   .d = key->sm2.d,
                                   .r = own->secret,
                                   .r_pub = own->point,
                                   .peer_pub = q->peer,
                                   .peer_r_pub = q->peer_temporary,
                                   .z_a = initiator ? own_z : peer_z,
                                   .z_b = initiator ? peer_z : own_z};
    return sm2_exchange(&x, agreed, q->size, mine, theirs) ? SW_AGREEMENT_FAILED : SW_OK;
}

static uint16_t give(struct call *c, const struct agree_finish_req *q, const uint8_t *agreed,
                     const uint8_t *mine, const uint8_t *theirs, uint32_t withheld, struct wr *out)
{
    struct agree_finish_rsp p = {.confirm_own = mine, .confirm_peer = theirs};
    if (q->flags & AGREE_KEY_OUT) {
        p.key = (struct view){agreed, q->size};
        agree_finish_rsp_put(out, &p);
        return SW_OK;
    }
    if (wr_room(out) < 70)
        return SW_RESPONSE_TOO_BIG;
    struct session_key *k = session_key_new(c->session);
    if (!k)
        return SW_TOO_MANY;
    k->type = KEY_SM4;
    k->usage = AGREED_USAGE;
    k->withheld = withheld;
    k->size = SM4_KEY;
    k->origin = ORIGIN_AGREED;
    memcpy(k->secret, agreed, SM4_KEY);
    p.handle = c->object = k->handle;
    agree_finish_rsp_put(out, &p);
    return SW_OK;
}

static bool sensible(const struct agree_finish_req *q)
{
    return !(q->flags & ~(AGREE_INITIATOR | AGREE_KEY_OUT)) &&
           (q->flags & AGREE_KEY_OUT ? q->size && q->size <= AGREED_MAX : q->size == SM4_KEY);
}

/* What is done with the result, of what its keys may withhold. */
static uint32_t usage_of(uint8_t flags)
{
    return flags & AGREE_KEY_OUT ? USAGE_READ : AGREED_USAGE;
}

static uint16_t finish(struct call *c, const struct agree_finish_req *q, struct own *own,
                       struct wr *out)
{
    const bool clear = q->flags & AGREE_KEY_OUT;
    uint8_t agreed[AGREED_MAX], mine[32], theirs[32];
    const struct key *key;
    uint16_t sw = key_for(c, own->handle, clear ? USAGE_AGREE | USAGE_DERIVE_OUT : USAGE_AGREE,
                          KEY_SM2, &key);
    if (sw == SW_OK)
        sw = policy_descends(key, usage_of(q->flags), &own->policy);
    if (sw == SW_OK)
        sw = agree(own, q, key, agreed, mine, theirs);
    if (sw == SW_OK)
        sw = give(c, q, agreed, mine, theirs, own->policy.withheld, out);
    wipe(agreed, sizeof agreed);
    return sw;
}

/* The temporary pair serves one attempt: whatever comes of it, it is gone afterwards. */
uint16_t cmd_agree_finish(struct call *c, const struct agree_finish_req *q, struct wr *out)
{
    struct session *s = c->session;
    if (!s->agreeing)
        return SW_STEP;
    if (!sensible(q))
        return SW_WRONG_DATA;
    const uint16_t sw =
        finish(c, q, &(struct own){s->agree_handle, s->agree_secret, s->agree_point, {0}}, out);
    s->agreeing = false;
    wipe(s->agree_secret, sizeof s->agree_secret);
    return sw;
}

/* The pair is copied: the cache of keys may have room for only one of the two. */
uint16_t cmd_agree_keys(struct call *c, const struct agree_keys_req *q, struct wr *out)
{
    const struct agree_finish_req f = {.flags = q->flags,
                                       .own_id = q->own_id,
                                       .peer_id = q->peer_id,
                                       .peer = q->peer,
                                       .peer_temporary = q->peer_temporary,
                                       .size = q->size};
    uint8_t secret[SM2_SCALAR], point[SM2_POINT];
    struct own own = {q->handle, secret, point, {0}};
    const struct key *key;
    if (!sensible(&f))
        return SW_WRONG_DATA;
    uint16_t sw = key_for(c, q->temporary, USAGE_AGREE, KEY_SM2, &key);
    if (sw == SW_OK)
        sw = policy_descends(key, usage_of(q->flags), &own.policy);
    if (sw != SW_OK)
        return sw;
    memcpy(secret, key->sm2.d, sizeof secret);
    memcpy(point, key->pub, sizeof point);
    sw = finish(c, &f, &own, out);
    wipe(secret, sizeof secret);
    return sw;
}
