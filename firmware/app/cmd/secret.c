/* Secret keys: MAC, KEY WRAP, KEY UNWRAP, KEY PUT, KEY VALUE. */
#include "firmware/app/core.h"
#include "firmware/app/fresh.h"
#include "firmware/app/policy.h"
#include "firmware/app/secret_cipher.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "handlers_gen.h"

#include <string.h>

#if !HUFU_SMALL

/* ---------------------------------------------------------------- MAC */

static uint16_t cmac(const struct key *key, struct view data, uint8_t out[HASH_MAX_SIZE])
{
    struct block b;
    if (secret_block(key, &b))
        return SW_KEY_TYPE;
    block_cmac(&b, data.data, data.size, out);
    wipe(&b, sizeof b);
    return SW_OK;
}

uint16_t cmd_mac(struct call *c, const struct mac_req *q, struct wr *out)
{
    uint8_t mac[HASH_MAX_SIZE];
    const struct key *key;
    const size_t size = q->scheme == MAC_CMAC ? (size_t)BLOCK : hash_size((enum hash_alg)q->hash);
    if ((q->scheme != MAC_HMAC && q->scheme != MAC_CMAC) || !size)
        return SW_NOT_SUPPORTED;
    if (q->scheme == MAC_CMAC && q->hash)
        return SW_WRONG_DATA;
    uint16_t sw = key_for(c, q->handle, USAGE_SIGN, 0, &key);
    if (sw != SW_OK)
        return sw;
    if (q->scheme == MAC_CMAC)
        sw = cmac(key, q->data, mac);
    else if (key->type == KEY_HMAC)
        hmac((enum hash_alg)q->hash, key->secret, key->secret_size, q->data.data, q->data.size,
             mac);
    else
        sw = SW_KEY_TYPE;
    if (sw == SW_OK)
        mac_rsp_put(out, &(struct mac_rsp){{mac, size}});
    wipe(mac, sizeof mac);
    return sw;
}

/* ---------------------------------------------------------------- wrapping */

/* What of an object is wrapped: the first part of an RSA secret is p || q. */
static struct view core_of(const struct object *o)
{
    const unsigned bits = key_rsa_bits(o->type);
    return (struct view){o->secret.data, bits ? bits / 8 : o->secret.size};
}

/* The key to be wrapped, copied: the session's or a stored one. */
static uint16_t to_be_wrapped(struct call *c, uint32_t handle, struct fresh *f, uint8_t *type)
{
    struct object o;
    uint16_t sw;
    if (handle & SESSION_HANDLE) {
        const struct session_key *k = session_key_find(c->session, handle);
        if (!k)
            return SW_NO_OBJECT;
        if (!(k->usage & USAGE_EXTRACT))
            return SW_NOT_PERMITTED;
        *type = k->type;
        memcpy(f->secret, k->secret, f->secret_size = k->size);
        return SW_OK;
    }
    sw = object_for(c, handle, ACCESS_USE, &o);
    if (sw != SW_OK)
        return sw;
    if (!(o.usage & USAGE_EXTRACT))
        return SW_NOT_PERMITTED;
    const struct view core = core_of(&o);
    *type = o.type;
    memcpy(f->secret, core.data, f->secret_size = core.size);
    return SW_OK;
}

static uint16_t wrap_block(const struct key *key, uint8_t scheme, const struct fresh *f,
                           uint8_t *out, size_t *size)
{
    struct block b;
    uint16_t sw = SW_OK;
    if (secret_block(key, &b))
        return SW_KEY_TYPE;
    if (scheme == WRAP_KWP)
        *size = block_kwp_wrap(&b, f->secret, f->secret_size, out);
    else if (f->secret_size % 8 || f->secret_size < 16)
        sw = SW_WRONG_DATA;
    else
        block_kw_wrap(&b, f->secret, f->secret_size, out), *size = f->secret_size + 8;
    wipe(&b, sizeof b);
    return sw;
}

static uint16_t wrap_rsa(struct call *c, const struct key *key, const struct key_wrap_req *q,
                         const struct fresh *f, uint8_t *out, size_t *size)
{
    uint8_t em[RSA_MAX_BYTES];
    if (!key->rsa)
        return SW_KEY_TYPE;
    const struct rsa_public *pub = &key->rsa->pub;
    const struct rng *rng = &c->d->rng;
    int bad = q->scheme == WRAP_RSA_PKCS1
                  ? rsa_pkcs1_encrypt_pad(rng, pub->bits, f->secret, f->secret_size, em)
                  : rsa_oaep_pad(rng, pub->bits, (enum hash_alg)q->hash, NULL, 0, f->secret,
                                 f->secret_size, em);
    if (!bad)
        bad = rsa_public_op(c->d->engine->rsa, pub, em, out, c->d->batch.lanes[0].scratch);
    *size = pub->bits / 8;
    wipe(em, sizeof em);
    return bad ? SW_WRONG_DATA : SW_OK;
}

static uint16_t wrap_sm2(struct call *c, const struct key *key, const struct fresh *f, uint8_t *out,
                         size_t *size)
{
    if (key->type != KEY_SM2)
        return SW_KEY_TYPE;
    *size = f->secret_size + SM2_CIPHER_OVERHEAD;
    return sm2_encrypt(&c->d->rng, key->pub, f->secret, f->secret_size, out) ? SW_ENCRYPT_FAILED
                                                                             : SW_OK;
}

/* Only OAEP has a hash to name. */
static uint16_t scheme_fits(uint8_t scheme, uint8_t hash)
{
    if (scheme < WRAP_KW || scheme > WRAP_SM2)
        return SW_NOT_SUPPORTED;
    if (scheme == WRAP_RSA_OAEP)
        return hash_size((enum hash_alg)hash) ? SW_OK : SW_NOT_SUPPORTED;
    return hash ? SW_WRONG_DATA : SW_OK;
}

uint16_t cmd_key_wrap(struct call *c, const struct key_wrap_req *q, struct wr *out)
{
    struct fresh f;
    uint8_t wrapped[LIMIT_WRAPPED_MAX], type = 0;
    const struct key *key;
    size_t size = 0;
    uint16_t sw = scheme_fits(q->scheme, q->hash);
    if (sw == SW_OK)
        sw = to_be_wrapped(c, q->key, &f, &type);
    if (sw == SW_OK)
        sw = key_for(c, q->handle, USAGE_WRAP, 0, &key);
    if (sw == SW_OK && q->scheme > WRAP_KWP && !key_is_secret(type))
        sw = SW_KEY_TYPE;
    else if (sw == SW_OK && q->scheme <= WRAP_KWP)
        sw = wrap_block(key, q->scheme, &f, wrapped, &size);
    else if (sw == SW_OK && q->scheme == WRAP_SM2)
        sw = wrap_sm2(c, key, &f, wrapped, &size);
    else if (sw == SW_OK)
        sw = wrap_rsa(c, key, q, &f, wrapped, &size);
    if (sw == SW_OK)
        key_wrap_rsp_put(out, &(struct key_wrap_rsp){{wrapped, size}});
    c->object = q->key;
    wipe(&f, sizeof f);
    return sw;
}

/* ---------------------------------------------------------------- unwrapping */

static uint16_t unwrap_block(const struct key *key, const struct key_unwrap_req *q, struct fresh *f)
{
    const size_t n = q->wrapped.size;
    struct block b;
    if (secret_block(key, &b))
        return SW_KEY_TYPE;
    int bad = n % 8 || n < (q->scheme == WRAP_KW ? 24 : 16) || n - 8 > sizeof f->secret ? -1 : 0;
    if (!bad && q->scheme == WRAP_KW)
        bad = block_kw_unwrap(&b, q->wrapped.data, n, f->secret);
    else if (!bad)
        bad = block_kwp_unwrap(&b, q->wrapped.data, n, f->secret, &f->secret_size);
    if (q->scheme == WRAP_KW)
        f->secret_size = n - 8;
    wipe(&b, sizeof b);
    return bad ? SW_WRONG_WRAP : SW_OK;
}

static uint16_t unwrap_rsa(struct call *c, const struct key *key, const struct key_unwrap_req *q,
                           struct fresh *f)
{
    struct device *d = c->d;
    if (!key->rsa)
        return SW_KEY_TYPE;
    const unsigned bits = key->rsa->pub.bits;
    if (q->wrapped.size != bits / 8)
        return SW_WRONG_WRAP;
    const uint8_t *in = q->wrapped.data;
    int bad =
        rsa_private_op(d->engine->rsa, &d->rng, key->rsa, in, f->secret, d->batch.lanes[0].scratch);
    if (!bad)
        bad = q->scheme == WRAP_RSA_PKCS1
                  ? rsa_pkcs1_decrypt_unpad(key->rsa, in, f->secret, f->secret, &f->secret_size)
                  : rsa_oaep_unpad(bits, (enum hash_alg)q->hash, NULL, 0, f->secret, f->secret,
                                   &f->secret_size);
    return bad ? SW_WRONG_WRAP : SW_OK;
}

static uint16_t unwrap_sm2(const struct key *key, const struct key_unwrap_req *q, struct fresh *f)
{
    const size_t n = q->wrapped.size;
    if (key->type != KEY_SM2)
        return SW_KEY_TYPE;
    if (n <= SM2_CIPHER_OVERHEAD || n - SM2_CIPHER_OVERHEAD > LIMIT_SECRET_MAX ||
        sm2_decrypt(key->sm2.d, q->wrapped.data, n, f->secret))
        return SW_WRONG_WRAP;
    f->secret_size = n - SM2_CIPHER_OVERHEAD;
    return SW_OK;
}

static uint16_t unwrap(struct call *c, const struct key *key, const struct key_unwrap_req *q,
                       struct fresh *f)
{
    if (q->scheme > WRAP_KWP && !key_is_secret(q->type))
        return SW_KEY_TYPE;
    if (q->scheme <= WRAP_KWP)
        return unwrap_block(key, q, f);
    return q->scheme == WRAP_SM2 ? unwrap_sm2(key, q, f) : unwrap_rsa(c, key, q, f);
}

/* All that is there but the secret: make it whole and keep it. */
static uint16_t take(struct call *c, struct fresh *f, const struct fresh_spec *spec,
                     uint32_t *handle)
{
    const uint16_t sw = fresh_receive(c->d, f, spec->type);
    return sw == SW_OK ? fresh_keep(c, f, spec, handle) : sw;
}

uint16_t cmd_key_unwrap(struct call *c, const struct key_unwrap_req *q, struct wr *out)
{
    struct fresh_spec spec = {q->type, q->flags, q->usage, ORIGIN_IMPORTED, q->label, q->id, {0}};
    struct fresh f;
    const struct key *key;
    uint32_t handle = 0;
    uint16_t sw = scheme_fits(q->scheme, q->hash);
    if (sw == SW_OK)
        sw = fresh_allowed(c, &spec);
    if (sw == SW_OK)
        sw = key_for(c, q->handle, USAGE_UNWRAP, 0, &key);
    if (sw == SW_OK)
        sw = policy_descends(key, spec.usage, &spec.policy);
    if (sw == SW_OK && wr_room(out) < 6 + key_public_size(q->type))
        sw = SW_RESPONSE_TOO_BIG;
    if (sw == SW_OK)
        sw = unwrap(c, key, q, &f);
    if (sw == SW_OK)
        sw = take(c, &f, &spec, &handle) == SW_OK ? SW_OK : SW_WRONG_WRAP;
    if (sw == SW_OK)
        key_unwrap_rsp_put(out,
                           &(struct key_unwrap_rsp){handle, {f.pub, key_public_size(q->type)}});
    wipe(&f, sizeof f);
    return sw;
}

/* ---------------------------------------------------------------- in clear */

uint16_t cmd_key_put(struct call *c, const struct key_put_req *q, struct wr *out)
{
    const struct fresh_spec spec = {q->type,  q->flags, q->usage, ORIGIN_CLEAR,
                                    q->label, q->id,    {0}};
    struct fresh f;
    uint32_t handle = 0;
    if (!(q->flags & KEY_FLAG_SESSION) && !(c->d->identity.flags & INIT_CLEAR_KEYS))
        return SW_NOT_PERMITTED;
    uint16_t sw = fresh_allowed(c, &spec);
    if (sw == SW_OK && wr_room(out) < 6 + key_public_size(q->type))
        sw = SW_RESPONSE_TOO_BIG;
    if (sw != SW_OK)
        return sw;
    f.secret_size = q->secret.size;
    memcpy(f.secret, q->secret.data, q->secret.size);
    SECRET(f.secret, f.secret_size);
    sw = take(c, &f, &spec, &handle);
    if (sw == SW_OK)
        key_put_rsp_put(out, &(struct key_put_rsp){handle, {f.pub, key_public_size(q->type)}});
    wipe(&f, sizeof f);
    return sw;
}

uint16_t cmd_key_value(struct call *c, const struct key_value_req *q, struct wr *out)
{
    const struct key *key;
    const uint16_t sw = key_for(c, q->handle, USAGE_READ, 0, &key);
    if (sw != SW_OK)
        return sw;
    if (!key_is_secret(key->type))
        return SW_KEY_TYPE;
    key_value_rsp_put(out, &(struct key_value_rsp){{key->secret, key->secret_size}});
    return SW_OK;
}

#else

#define REFUSE(name)                                                                               \
    uint16_t cmd_##name(struct call *c, const struct name##_req *q, struct wr *out)                \
    {                                                                                              \
        (void)c, (void)q, (void)out;                                                               \
        return SW_NOT_SUPPORTED;                                                                   \
    }
REFUSE(mac)
REFUSE(key_wrap)
REFUSE(key_unwrap)
REFUSE(key_put)
REFUSE(key_value)

#endif
