/* Group use: DERIVE, a key from an ECDH secret. */
#include "firmware/app/core.h"
#include "firmware/app/policy.h"
#include "firmware/base/wipe.h"
#include "handlers_gen.h"

#include <string.h>

/* The wanted bytes of the shared x: its last ones, or those that a KDF makes of it. */
static uint16_t derive(const struct key *key, const struct derive_req *q, uint8_t *out)
{
    const struct ec_curve *curve = key_curve(key->type);
    uint8_t x[EC_MAX];
    uint16_t sw = SW_OK;
    if (q->peer.size != 2 * curve->size || curve->public_check(q->peer.data))
        return SW_BAD_PUBLIC_KEY;
    if (curve->agree(key->secret, q->peer.data, x))
        sw = SW_AGREEMENT_FAILED;
    else if (q->hash != DIGEST_NONE)
        sw = kdf_x963((enum hash_alg)q->hash, x, curve->size, q->info.data, q->info.size, out,
                      q->size)
                 ? SW_NOT_SUPPORTED
                 : SW_OK;
    else if (q->info.size || q->size > curve->size)
        sw = SW_WRONG_DATA;
    else
        memcpy(out, x + curve->size - q->size, q->size);
    wipe(x, sizeof x);
    return sw;
}

static uint16_t keep(struct call *c, const struct derive_req *q, const uint8_t *secret,
                     uint32_t withheld, struct wr *out)
{
    if (wr_room(out) < 6)
        return SW_RESPONSE_TOO_BIG;
    struct session_key *k = session_key_new(c->session);
    if (!k)
        return SW_TOO_MANY;
    k->type = q->type;
    k->usage = q->usage;
    k->withheld = withheld;
    k->size = q->size;
    k->origin = ORIGIN_AGREED;
    memcpy(k->secret, secret, q->size);
    c->object = k->handle;
    derive_rsp_put(out, &(struct derive_rsp){.handle = k->handle});
    return SW_OK;
}

/* What becomes of the secret must be a key that could be, or nothing but bytes. */
static uint16_t fits(const struct derive_req *q)
{
    if (q->flags & ~DERIVE_KEY_OUT || !q->size || q->size > KIND_SECRET_MAX)
        return SW_WRONG_DATA;
    if (q->flags & DERIVE_KEY_OUT)
        return q->type || q->usage ? SW_WRONG_DATA : SW_OK;
    if (!key_is_secret(q->type))
        return SW_NOT_SUPPORTED;
    const bool usable = q->usage && !(q->usage & ~key_usages(q->type)) &&
                        !(q->usage & USAGE_EXPORT_WRAPPED) && key_secret_fits(q->type, q->size);
    return usable ? SW_OK : SW_WRONG_DATA;
}

uint16_t cmd_derive(struct call *c, const struct derive_req *q, struct wr *out)
{
    const bool clear = q->flags & DERIVE_KEY_OUT;
    const uint32_t usage = clear ? USAGE_AGREE | USAGE_DERIVE_OUT : USAGE_AGREE;
    uint8_t secret[KIND_SECRET_MAX];
    struct key_policy policy = {0};
    const struct key *key;
    if (HUFU_SMALL)
        return SW_NOT_SUPPORTED;
    uint16_t sw = fits(q);
    if (sw == SW_OK)
        sw = key_for(c, q->handle, usage, 0, &key);
    if (sw == SW_OK)
        sw = policy_descends(key, clear ? USAGE_READ : q->usage, &policy);
    if (sw != SW_OK)
        return sw;
    if (!key_curve(key->type))
        return SW_KEY_TYPE;
    sw = derive(key, q, secret);
    if (sw == SW_OK && clear)
        derive_rsp_put(out, &(struct derive_rsp){.key = {secret, q->size}});
    else if (sw == SW_OK)
        sw = keep(c, q, secret, policy.withheld, out);
    wipe(secret, sizeof secret);
    return sw;
}
