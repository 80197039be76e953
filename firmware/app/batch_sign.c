/* Many signatures or verifications at once. */
#include "firmware/app/batch_work.h"

#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"

#include <string.h>

/* Items that make another lane worth its start: as many as an engine makes together. */
enum { VERIFY_WORTH = 8 };

static int redraw_nonce(const struct work *w, struct lane *lane, size_t from, size_t i)
{
    const struct sm2_ops *ops = w->engine->sm2;
    for (int turn = 0; turn < MAX_DRAWS && !w->good[from + i]; turn++) {
        if (lane->rng.fill(lane->rng.ctx, lane->k[i], 32))
            return -1;
        ops->sign(1, &lane->key[i], &w->e[from + i], (const uint8_t(*)[32]) & lane->k[i],
                  &w->sig[from + i], &w->good[from + i], lane->scratch);
    }
    return 0;
}

static int sm2_signatures(const struct work *w, struct lane *lane, size_t from, size_t n)
{
    int bad = lane->rng.fill(lane->rng.ctx, lane->k, n * 32);
    SECRET(lane->k, n * 32);
    for (size_t i = 0; i < n; i++)
        lane->key[i] = w->keys[(from + i) * w->step];
    if (!bad)
        w->engine->sm2->sign(n, lane->key, w->e + from, (const uint8_t(*)[32])lane->k,
                             w->sig + from, w->good + from, lane->scratch);
    PUBLIC(w->good + from, n);
    for (size_t i = 0; i < n && !bad; i++)
        bad = redraw_nonce(w, lane, from, i);
    wipe(lane->k, n * 32);
    return bad;
}

int batch_sign_sm2(struct device *d, const struct sm2_sign_key *const *keys, size_t step,
                   size_t count, const uint8_t (*e)[32], uint8_t (*sig)[64], uint8_t *good)
{
    struct work w = work_of(d, sm2_signatures, count, good);
    w.keys = keys;
    w.step = step;
    w.e = e;
    w.sig = sig;
    return batch_spread(&w, d->batch.chunk, count / LANE_WORTH);
}

/* What is no public key is replaced by one that is: an engine works on all of them. */
static int sm2_verifications(const struct work *w, struct lane *lane, size_t from, size_t n)
{
    const struct sm2_ops *ops = w->engine->sm2;
    const uint8_t *sound = NULL;
    for (size_t i = 0; i < n; i++)
        lane->pub[i] = w->pub[(from + i) * w->step];
    ops->check(n, lane->pub, lane->ok);
    for (size_t i = 0; i < n && !sound; i++)
        sound = lane->ok[i] ? lane->pub[i] : NULL;
    if (!sound) {
        memset(w->good + from, 0, n);
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        lane->pub[i] = lane->ok[i] ? lane->pub[i] : sound;
    ops->verify(n, lane->pub, w->e + from, w->given + from, w->good + from, lane->scratch);
    for (size_t i = 0; i < n; i++)
        w->good[from + i] &= lane->ok[i];
    return 0;
}

int batch_verify_sm2(struct device *d, const uint8_t (*pub)[64], size_t step, size_t count,
                     const uint8_t (*e)[32], const uint8_t (*sig)[64], uint8_t *good)
{
    struct work w = work_of(d, sm2_verifications, count, good);
    w.pub = pub;
    w.step = step;
    w.e = e;
    w.given = sig;
    return batch_spread(&w, d->batch.chunk, count / VERIFY_WORTH);
}

int rsa_encode(const struct rsa_encoding *how, unsigned bits, size_t item, const struct rng *rng,
               uint8_t *em)
{
    const uint8_t *digest = how->digests + item * how->digest_size;
    uint8_t salt[RSA_MAX_BYTES];
    if (how->scheme == SIGN_RSA_RAW) {
        if (how->hash != DIGEST_NONE || how->digest_size != bits / 8)
            return -1;
        memcpy(em, digest, how->digest_size);
        return 0;
    }
    if (how->scheme == SIGN_RSA_PKCS1)
        return rsa_pkcs1_sign_pad(bits, how->hash, digest, how->digest_size, em);
    if (how->salt > sizeof salt || rng->fill(rng->ctx, salt, how->salt))
        return -1;
    return rsa_pss_pad(bits, (enum hash_alg)how->hash, digest, how->digest_size, salt, how->salt,
                       em);
}

static int rsa_signatures(const struct work *w, struct lane *lane, size_t from, size_t n)
{
    const size_t size = w->rsa->pub.bits / 8;
    const struct rsa_private *key[BATCH_RSA_LANES];
    const uint8_t *in[BATCH_RSA_LANES];
    uint8_t *out[BATCH_RSA_LANES];
    int bad = 0;
    for (size_t i = 0; i < n && !bad; i++) {
        uint8_t *em = lane->em + i * RSA_MAX_BYTES;
        key[i] = w->rsa;
        in[i] = em;
        out[i] = w->signatures + (from + i) * size;
        bad = rsa_encode(w->how, w->rsa->pub.bits, from + i, &lane->rng, em);
    }
    if (!bad)
        w->engine->rsa->private_op(n, key, in, out, w->good + from, &lane->rng, lane->scratch);
    return bad;
}

/* Half as many items as the engine has lanes take it about half the time of all: it works on both
 * primes at once. */
static int spread_rsa(struct work *w)
{
    const size_t lanes = most(w->d->engine->rsa->lanes, 1), half = most(lanes / 2, 1);
    return batch_spread(w, least(lanes, BATCH_RSA_LANES), (w->count + half - 1) / half);
}

int batch_sign_rsa(struct device *d, const struct rsa_private *key, const struct rsa_encoding *how,
                   size_t count, uint8_t *signatures, uint8_t *good)
{
    struct work w = work_of(d, rsa_signatures, count, good);
    w.rsa = key;
    w.how = how;
    w.signatures = signatures;
    return spread_rsa(&w);
}

static int rsa_ready(const struct work *w, struct lane *lane, size_t from, size_t n)
{
    w->engine->rsa->private_op(n, w->rsa_keys + from, w->in + from, w->out + from, w->good + from,
                               &lane->rng, lane->scratch);
    return 0;
}

int batch_private_rsa(struct device *d, const struct rsa_private *const *key,
                      const uint8_t *const *in, uint8_t *const *out, size_t count, uint8_t *good)
{
    struct work w = work_of(d, rsa_ready, count, good);
    w.rsa_keys = key;
    w.in = in;
    w.out = out;
    return spread_rsa(&w);
}

static int ec_signatures(const struct work *w, struct lane *lane, size_t from, size_t n)
{
    const struct ec_curve *curve = key_curve(w->ec->type);
    for (size_t i = from; i < from + n; i++)
        w->good[i] = !ecdsa_sign(curve, &lane->rng, w->ec->secret, w->digests + i * w->digest_size,
                                 w->digest_size, w->signatures + i * 2 * curve->size);
    return 0;
}

int batch_sign_ec(struct device *d, const struct key *key, size_t count, const uint8_t *digests,
                  size_t digest_size, uint8_t *signatures, uint8_t *good)
{
    struct work w = work_of(d, ec_signatures, count, good);
    w.ec = key;
    w.digests = digests;
    w.digest_size = digest_size;
    w.signatures = signatures;
    return batch_spread(&w, EC_PART, count / EC_PART);
}
