/* Key pairs by the batch. */
#include "firmware/app/batch_work.h"

#include "firmware/base/endian.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"

#include <string.h>

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
    return batch_spread(&w, 1, count);
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
        return batch_spread(&w, d->batch.chunk, count / LANE_WORTH);
    }
    if (key_curve(wrap->h.type)) {
        w.items = ec_keys;
        return batch_spread(&w, EC_PART, count / EC_PART);
    }
    w.items = rsa_keys;
    w.look = look;
    return batch_spread(&w, 1, count);
}

void batch_fail(struct device *d, const char *what)
{
    if (!d->random.failed) /* else the dispatcher tells of that */
        device_fail(d, "pairwise test", what);
}
