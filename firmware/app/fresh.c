#include "firmware/app/fresh.h"

#include "firmware/app/policy.h"
#include "firmware/base/wipe.h"

#include <string.h>

uint16_t fresh_check(uint8_t type, uint32_t usage)
{
    if (!key_usages(type) || key_is_blob(type))
        return SW_NOT_SUPPORTED;
    return !usage_work(usage) || usage & ~key_usages(type) ? SW_WRONG_DATA : SW_OK;
}

uint16_t fresh_allowed(const struct call *c, const struct fresh_spec *spec)
{
    uint16_t sw = fresh_check(spec->type, spec->usage);
    if (sw == SW_OK)
        sw = policy_fits(spec->type, spec->usage, &spec->policy);
    if (sw != SW_OK)
        return sw;
    if (spec->flags & ~KEY_FLAG_SESSION)
        return SW_WRONG_DATA;
    if (spec->flags & KEY_FLAG_SESSION) {
        const bool fits = key_is_secret(spec->type) && !spec->label.size && !spec->id.size &&
                          !(spec->usage & (USAGE_EXPORT_WRAPPED | USAGE_PUBLIC)) &&
                          policy_is_none(&spec->policy);
        return fits ? SW_OK : SW_WRONG_DATA;
    }
    if (spec->usage & USAGE_READ && !(c->d->identity.flags & INIT_CLEAR_KEYS))
        return SW_NOT_PERMITTED;
    return object_room(c->d, spec->type);
}

/* Whoever made p and q: a private operation, which checks its own result, tells that they are
 * primes. */
static int try_rsa(struct device *d, unsigned bits)
{
    struct lane *lane = &d->batch.lanes[0];
    uint8_t in[RSA_MAX_BYTES], out[RSA_MAX_BYTES];
    if (random_fill(&d->random, in, bits / 8))
        return -1;
    in[0] = 0; /* below n */
    const int bad = rsa_private_op(d->engine->rsa, &d->rng, lane->rsa, in, out, lane->scratch);
    wipe(out, sizeof out);
    return bad;
}

static uint16_t complete_rsa(struct device *d, struct fresh *f, unsigned bits, bool trial)
{
    struct lane *lane = &d->batch.lanes[0];
    struct rsa_private *key = lane->rsa;
    const size_t half = bits / 16;
    if (!bits || f->secret_size != 2 * half)
        return SW_WRONG_DATA;
    memset(key, 0, sizeof *key);
    key->pub.bits = (uint16_t)bits;
    memcpy(key->p, f->secret, half);
    memcpy(key->q, f->secret + half, half);
    int bad = rsa_from_primes(key, lane->scratch);
    if (!bad && trial)
        bad = try_rsa(d, bits);
    if (!bad)
        rsa_to_object(key, f->pub, f->secret);
    f->secret_size = 7 * half;
    wipe(key, sizeof *key);
    return bad ? SW_WRONG_DATA : SW_OK;
}

uint16_t fresh_complete(struct device *d, struct fresh *f, uint8_t type)
{
    const struct ec_curve *curve = key_curve(type);
    if (type != KEY_SM2 && !curve && !key_is_secret(type))
        return complete_rsa(d, f, key_rsa_bits(type), false);
    if (!key_secret_fits(type, f->secret_size))
        return SW_WRONG_DATA;
    if (type == KEY_SM2)
        return sm2_public_from_private(d->engine->sm2, f->secret, f->pub) ? SW_WRONG_DATA : SW_OK;
    return curve && curve->public_from_private(f->secret, f->pub) ? SW_WRONG_DATA : SW_OK;
}

uint16_t fresh_receive(struct device *d, struct fresh *f, uint8_t type)
{
    const struct ec_curve *curve = key_curve(type);
    int bad = 0;
    if (key_rsa_bits(type))
        return complete_rsa(d, f, key_rsa_bits(type), true);
    const uint16_t sw = fresh_complete(d, f, type);
    if (sw == SW_OK && type == KEY_SM2)
        bad = sm2_try_pair(d->engine->sm2, &d->rng, f->secret, f->pub);
    else if (sw == SW_OK && curve)
        bad = ec_try_pair(curve, &d->rng, f->secret, f->pub);
    return bad ? SW_WRONG_DATA : sw;
}

static uint16_t keep_in_session(struct call *c, const struct fresh *f,
                                const struct fresh_spec *spec, uint32_t *handle)
{
    struct session_key *k = session_key_new(c->session);
    if (!k)
        return SW_TOO_MANY;
    k->type = spec->type;
    k->usage = spec->usage;
    k->withheld = spec->policy.withheld;
    k->origin = spec->origin;
    k->size = (uint16_t)f->secret_size;
    memcpy(k->secret, f->secret, f->secret_size);
    c->object = *handle = k->handle;
    return SW_OK;
}

uint16_t fresh_keep(struct call *c, const struct fresh *f, const struct fresh_spec *spec,
                    uint32_t *handle)
{
    if (spec->flags & KEY_FLAG_SESSION)
        return keep_in_session(c, f, spec, handle);
    const struct object o = {.type = spec->type,
                             .owner = c->session->account,
                             .origin = spec->origin,
                             .usage = spec->usage,
                             .created = device_time(c->d),
                             .policy = spec->policy,
                             .label = spec->label,
                             .id = spec->id,
                             .pub = {f->pub, key_public_size(spec->type)},
                             .secret = {f->secret, f->secret_size}};
    return object_add(c, &o, handle);
}
