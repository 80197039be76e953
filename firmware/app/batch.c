/* Many items at once: room for the lanes, and the spreading of the items over them. */
#include "firmware/app/batch_work.h"

#include "firmware/app/selftest.h"

#include <string.h>

enum {
    CHUNK_MAX =
        CONFIG_SM2_BATCH_MAX, /* engines with lanes want as many; each lane has room for them */
    CHUNK_MIN = SELFTEST_BATCH
};

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

int batch_spread(struct work *w, size_t part_max, size_t lanes)
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
