#include "firmware/app/batch.h"

#include "firmware/app/core.h"
#include "firmware/app/selftest.h"
#include "firmware/app/wrap.h"
#include "firmware/base/endian.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"

#include <string.h>

enum {
    CHUNK_MAX =
        CONFIG_SM2_BATCH_MAX, /* engines with lanes want as many; each lane has room for them */
    CHUNK_MIN = SELFTEST_BATCH,
    EC_PART = 8,      /* EC items that a lane does at once */
    LANE_WORTH = 32,  /* SM2 items that make another lane worth its start */
    VERIFY_WORTH = 8, /* the same of verifications: as many as an engine makes together */
    MAX_DRAWS = 8     /* an SM2 item fails once in 2^32 draws */
};

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Scratch for whatever a lane may be asked to do, with any engine of this build. */
static size_t scratch_size(size_t chunk)
{
    size_t size = rsa_scratch(RSA_MAX_BITS);
    const struct engine *e;
    for (size_t i = 0; (e = engine_at(i)); i++) {
        size = most(size, e->sm2->scratch(chunk));
        size = most(size, e->rsa->scratch(RSA_MAX_BITS, BATCH_RSA_LANES));
    }
    return size;
}

static void lay_out_lane(struct arena *a, struct lane *lane, size_t chunk)
{
    lane->k = arena_take(a, chunk * sizeof *lane->k);
    lane->point = arena_take(a, chunk * sizeof *lane->point);
    lane->key = arena_take(a, chunk * sizeof *lane->key);
    lane->pub = (void *)lane->key;
    lane->ok = arena_take(a, chunk);
    lane->em = arena_take(a, (size_t)BATCH_RSA_LANES * RSA_MAX_BYTES);
    lane->rsa = arena_take(a, sizeof *lane->rsa);
    lane->wrap = arena_take(a, sizeof *lane->wrap);
    lane->scratch = arena_take(a, scratch_size(chunk));
}

void batch_lay_out(struct arena *a, struct batch *b, const struct device_config *config,
                   const struct hal *hal)
{
    struct lane none;
    b->width = hal->par.run ? (unsigned)least(most(hal->par.width, 1), BATCH_LANES_MAX) : 1;
    b->chunk = least(most(config->frame_max / 128, CHUNK_MIN), CHUNK_MAX);
    b->good_max = config->frame_max / 32;
    b->good = arena_take(a, b->good_max);
    b->lanes = arena_take(a, (b->width + CONFIG_SPARE) * sizeof *b->lanes);
    for (unsigned i = 0; i < b->width + CONFIG_SPARE; i++)
        lay_out_lane(a, b->lanes ? &b->lanes[i] : &none, b->chunk);
    b->spare = CONFIG_SPARE && b->lanes ? &b->lanes[b->width] : NULL;
    b->spare_good = CONFIG_SPARE ? arena_take(a, b->good_max) : NULL;
}

/* What the long command works with is put aside, and commands get the spare lane. */
int batch_interlude(void *device)
{
    struct device *d = device;
    const struct batch mine = d->batch;
    if (d->interlude && mine.spare) {
        d->batch.lanes = mine.spare;
        d->batch.good = mine.spare_good;
        d->batch.width = 1;
        d->batch.spare = NULL;
        d->interlude(d->interlude_ctx);
        d->batch = mine;
    }
    return d->state == STATE_READY && !(d->keys_ahead.filling && d->keys_ahead.dropped) ? 0 : -1;
}

void batch_status(uint8_t *bits, const uint8_t *good, size_t count)
{
    memset(bits, 0, (count + 7) / 8);
    for (size_t i = 0; i < count; i++)
        bits[i / 8] = (uint8_t)(bits[i / 8] | (good[i] & 1) << (i % 8));
}

/* ---------------------------------------------------------------- spreading */

/* What all jobs of a batch know; a job is one lane taking one part of the items after the other.
 */
struct work {
    struct device *d;
    const struct engine *engine;
    size_t count, part, lanes;
    struct lane *lane;    /* the first of them */
    _Atomic size_t *next; /* part that nobody has taken */
    void (*look)(void *); /* long work: what the caller does between its steps */
    int (*items)(const struct work *w, struct lane *lane, size_t from, size_t n);
    uint8_t *good;
    /* key pairs */
    const struct wrap *wrap;
    uint8_t *records, *copy;
    const uint16_t *bits;
    struct rsa_private *pair;
    /* signatures */
    const struct sm2_sign_key *const *keys;
    size_t step;
    const uint8_t (*e)[32];
    uint8_t (*sig)[64];
    /* verifications */
    const uint8_t (*pub)[64], (*given)[64];
    const struct rsa_private *rsa;
    const struct rsa_encoding *how;
    uint8_t *signatures;
    const struct rsa_private *const *rsa_keys;
    const uint8_t *const *in;
    uint8_t *const *out;
    const struct key *ec;
    const uint8_t *digests;
    size_t digest_size;
};

static void job(void *arg, size_t index)
{
    const struct work *w = arg;
    struct lane *lane = &w->lane[index];
    while (!lane->failed) {
        const size_t from = (*w->next)++ * w->part;
        if (from >= w->count)
            break;
        lane->failed = w->items(w, lane, from, least(w->part, w->count - from));
    }
}

static int start_lanes(struct work *w)
{
    struct lane *lanes = w->lane;
    int bad = 0;
    for (size_t i = 0; i < w->lanes; i++) {
        lanes[i].failed = 0;
        lanes[i].tried = false;
        lanes[i].rng = w->d->rng;
        if (w->lanes == 1)
            continue;
        lanes[i].rng = (struct rng){random_drbg_fill, &lanes[i].drbg};
        bad |= random_child(&w->d->random, &lanes[i].drbg);
    }
    return bad;
}

/* The start of a batch; the rest of what its items are made of comes after. */
static struct work work_of(struct device *d,
                           int (*items)(const struct work *w, struct lane *lane, size_t from,
                                        size_t n),
                           size_t count, uint8_t *good)
{
    return (struct work){.d = d, .count = count, .items = items, .good = good};
}

/* Runs w->items over all items, in parts of at most part_max, on at most so many lanes. */
static int spread(struct work *w, size_t part_max, size_t lanes)
{
    const struct hal_par *par = &w->d->hal.par;
    struct batch *b = &w->d->batch;
    _Atomic size_t next = 0;
    int bad;
    w->engine = w->d->engine;
    w->next = &next;
    w->lane = b->lanes;
    w->lanes = most(least(b->width, lanes), 1);
    w->part = least(part_max, (w->count + w->lanes - 1) / w->lanes);
    bad = start_lanes(w);
    if (!bad && w->lanes == 1)
        job(w, 0);
    else if (!bad && w->look && par->run_long)
        par->run_long(par->ctx, job, w, w->lanes, w->look);
    else if (!bad)
        par->run(par->ctx, job, w, w->lanes);
    for (size_t i = 0; i < w->lanes; i++) {
        bad |= w->lane[i].failed;
        drbg_wipe(&w->lane[i].drbg);
    }
    return bad ? -1 : 0;
}

/* ---------------------------------------------------------------- SM2 key pairs */

/* Draw again what was out of range. */
static int redraw_key(const struct work *w, struct lane *lane, size_t i)
{
    const struct sm2_ops *ops = w->engine->sm2;
    for (int turn = 0; turn < MAX_DRAWS && !lane->ok[i]; turn++) {
        if (lane->rng.fill(lane->rng.ctx, lane->k[i], 32))
            return -1;
        ops->keygen(1, (const uint8_t(*)[32]) & lane->k[i], &lane->point[i], &lane->ok[i],
                    lane->scratch);
    }
    return 0;
}

int sm2_try_pair(const struct sm2_ops *ops, const struct rng *rng, const uint8_t d[32],
                 const uint8_t pub[64])
{
    static const uint8_t e[32] = "pairwise consistency of SM2 key";
    struct sm2_sign_key key;
    uint8_t sig[64];
    const int bad =
        sm2_sign_key(&key, d) || sm2_sign(ops, rng, &key, e, sig) || sm2_verify(ops, pub, e, sig);
    wipe(&key, sizeof key);
    return bad;
}

/* One pair, picked at random, of the first items of each lane. */
static int try_one(const struct work *w, struct lane *lane, size_t n)
{
    uint32_t pick;
    if (lane->tried)
        return 0;
    lane->tried = true;
    if (lane->rng.fill(lane->rng.ctx, &pick, sizeof pick))
        return -1;
    const size_t i = pick % n;
    return lane->ok[i] ? sm2_try_pair(w->engine->sm2, &lane->rng, lane->k[i], lane->point[i]) : 0;
}

static int sm2_keys(const struct work *w, struct lane *lane, size_t from, size_t n)
{
    const struct engine *engine = w->engine;
    const size_t size = wrap_record_size(KEY_SM2);
    uint8_t *records = w->records + from * size;
    int bad = lane->rng.fill(lane->rng.ctx, lane->k, n * 32);
    SECRET(lane->k, n * 32);
    if (!bad)
        engine->sm2->keygen(n, (const uint8_t(*)[32])lane->k, lane->point, lane->ok, lane->scratch);
    PUBLIC(lane->ok, n);
    PUBLIC(lane->point, n * SM2_POINT);
    for (size_t i = 0; i < n && !bad; i++) {
        bad = redraw_key(w, lane, i);
        w->good[from + i] = lane->ok[i];
        memcpy(records + i * size, lane->point[i], SM2_POINT);
    }
    bad = bad || try_one(w, lane, n);
    if (!bad)
        wrap_seal_sm2(w->wrap, engine->sym, (uint32_t)from, n, records,
                      (const uint8_t(*)[32])lane->k, lane->wrap);
    for (size_t i = 0; i < n && !bad; i++)
        if (!w->good[from + i])
            memset(records + i * size, 0, size);
    if (w->copy && !bad)
        memcpy(w->copy + from * size, records, n * size);
    wipe(lane->k, n * 32);
    return bad;
}

/* ---------------------------------------------------------------- RSA key pairs */

static void look(void *work)
{
    batch_interlude(((struct work *)work)->d);
}

/* The first lane is the caller's: only there may others have a turn. rsa_keygen makes the pairwise
 * test itself. */
static int rsa_keys(const struct work *w, struct lane *lane, size_t from, size_t n)
{
    const uint8_t type = w->wrap->h.type;
    const size_t half = key_rsa_bits(type) / 16, size = wrap_record_size(type);
    uint8_t primes[WRAP_SECRET_MAX];
    int bad = 0;
    for (size_t i = from; i < from + n; i++) {
        uint8_t *record = w->records + i * size;
        struct rsa_private *key = lane->rsa;
        const int made = rsa_keygen(w->engine->rsa, &lane->rng, key_rsa_bits(type), key,
                                    lane->scratch, lane == w->lane ? batch_interlude : NULL, w->d);
        w->good[i] = !made;
        bad |= made == RSA_NO_PAIR;
        memset(record, 0, size);
        if (!w->good[i])
            continue;
        store_be32(record, key->pub.e);
        memcpy(record + 4, key->pub.n, 2 * half);
        memcpy(primes, key->p, half);
        memcpy(primes + half, key->q, half);
        wrap_seal(w->wrap, (uint32_t)i, record, primes, 2 * half);
        wipe(key, sizeof *key);
    }
    wipe(primes, sizeof primes);
    return bad;
}

static int rsa_pairs(const struct work *w, struct lane *lane, size_t from, size_t n)
{
    int bad = 0;
    for (size_t i = from; i < from + n; i++) {
        const int made = rsa_keygen(w->engine->rsa, &lane->rng, w->bits[i], &w->pair[i],
                                    lane->scratch, lane == w->lane ? batch_interlude : NULL, w->d);
        w->good[i] = !made;
        bad |= made == RSA_NO_PAIR;
    }
    return bad;
}

int batch_rsa_pairs(struct device *d, size_t count, const uint16_t *bits, struct rsa_private *key,
                    uint8_t *good)
{
    struct work w = work_of(d, rsa_pairs, count, good);
    w.look = look;
    w.bits = bits;
    w.pair = key;
    return spread(&w, 1, count);
}

/* ---------------------------------------------------------------- EC key pairs */

int ec_try_pair(const struct ec_curve *curve, const struct rng *rng, const uint8_t *d,
                const uint8_t *pub)
{
    static const uint8_t e[32] = "pairwise consistency of EC keys";
    uint8_t sig[EC_SIGNATURE_MAX];
    return ecdsa_sign(curve, rng, d, e, sizeof e, sig) || curve->verify(pub, e, sizeof e, sig);
}

static int ec_keys(const struct work *w, struct lane *lane, size_t from, size_t n)
{
    const struct ec_curve *curve = key_curve(w->wrap->h.type);
    const size_t size = wrap_record_size(w->wrap->h.type);
    uint8_t d[EC_MAX];
    int bad = 0;
    for (size_t i = from; i < from + n && !bad; i++) {
        uint8_t *record = w->records + i * size;
        bad = ec_keygen(curve, &lane->rng, d, record);
        if (!bad && i < w->lanes * w->part && i == from)
            bad = ec_try_pair(curve, &lane->rng, d, record);
        if (!bad)
            wrap_seal(w->wrap, (uint32_t)i, record, d, curve->size);
        w->good[i] = 1;
    }
    wipe(d, sizeof d);
    return bad;
}

int batch_keys(struct device *d, const struct wrap *wrap, size_t count, uint8_t *records,
               uint8_t *copy, uint8_t *good)
{
    struct work w = {
        .d = d, .count = count, .good = good, .wrap = wrap, .records = records, .copy = copy};
    if (wrap->h.type == KEY_SM2) {
        w.items = sm2_keys;
        return spread(&w, d->batch.chunk, count / LANE_WORTH);
    }
    if (key_curve(wrap->h.type)) {
        w.items = ec_keys;
        return spread(&w, EC_PART, count / EC_PART);
    }
    w.items = rsa_keys;
    w.look = look;
    return spread(&w, 1, count);
}

void batch_fail(struct device *d, const char *what)
{
    if (!d->random.failed) /* else the dispatcher tells of that */
        device_fail(d, "pairwise test", what);
}

/* ---------------------------------------------------------------- signatures */

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
    return spread(&w, d->batch.chunk, count / LANE_WORTH);
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
    return spread(&w, d->batch.chunk, count / VERIFY_WORTH);
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
    return spread(w, least(lanes, BATCH_RSA_LANES), (w->count + half - 1) / half);
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
    return spread(&w, EC_PART, count / EC_PART);
}
