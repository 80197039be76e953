#include "firmware/app/random.h"

#include "firmware/base/wipe.h"
#include "firmware/crypto/sm3.h"

#include <string.h>

void health_start(struct health *h)
{
    memset(h, 0, sizeof *h);
}

int health_sample(struct health *h, uint8_t sample)
{
    h->repeats = h->repeats && sample == h->last ? (uint16_t)(h->repeats + 1) : 1;
    h->last = sample;
    if (h->seen == 0) {
        h->first = sample;
        h->hits = 0;
    }
    h->hits = (uint16_t)(h->hits + (sample == h->first));
    h->seen = (uint16_t)((h->seen + 1) % HEALTH_WINDOW);
    return h->repeats >= HEALTH_REPEAT_CUTOFF || h->hits >= HEALTH_WINDOW_CUTOFF ? -1 : 0;
}

/* n raw samples that pass the tests. */
static int sample(struct random *r, uint8_t *out, size_t n)
{
    if (r->source->sample(r->source->ctx, out, n))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (health_sample(&r->health, out[i]))
            return -1;
    return 0;
}

/* 32 bytes of full entropy out of twice as many assumed bits (SP 800-90B 3.1.5). */
static int condition(struct random *r, uint8_t out[SM3_SIZE])
{
    uint8_t raw[2 * SM3_SIZE * 8 / RANDOM_BITS_PER_SAMPLE];
    const int bad = sample(r, raw, sizeof raw);
    sm3_digest(raw, sizeof raw, out);
    wipe(raw, sizeof raw);
    return bad;
}

int random_start(struct random *r, const struct hal_rng *source, drbg_sm3_many *many,
                 const void *personal, size_t n)
{
    uint8_t seed[2][SM3_SIZE], raw[64];
    r->source = source;
    r->many = many;
    r->requests = 0;
    r->failed = true;
    health_start(&r->health);
    for (size_t i = 0; i < RANDOM_STARTUP; i += sizeof raw)
        if (sample(r, raw, sizeof raw))
            goto end;
    if (condition(r, seed[0]) || condition(r, seed[1]))
        goto end;
    r->failed = drbg_init(&r->drbg, seed[0], SM3_SIZE, seed[1], SM3_SIZE / 2, personal, n) != 0;
    drbg_use(&r->drbg, many);
end:
    wipe(raw, sizeof raw);
    wipe(seed, sizeof seed);
    return r->failed ? -1 : 0;
}

static int reseed(struct random *r)
{
    uint8_t seed[SM3_SIZE];
    const int bad = condition(r, seed) || drbg_reseed(&r->drbg, seed, sizeof seed, NULL, 0);
    wipe(seed, sizeof seed);
    r->requests = 0;
    return bad ? -1 : 0;
}

int random_fill(void *ctx, void *out, size_t n)
{
    struct random *r = ctx;
    if (!r->failed && ++r->requests > RANDOM_RESEED_AFTER && reseed(r))
        r->failed = true;
    if (!r->failed && random_drbg_fill(&r->drbg, out, n) == 0)
        return 0;
    r->failed = true;
    wipe(out, n);
    return -1;
}

int random_reseed(struct random *r)
{
    if (!r->failed && reseed(r))
        r->failed = true;
    return r->failed ? -1 : 0;
}

void random_stop(struct random *r)
{
    wipe(r, sizeof *r);
    r->failed = true;
}

int random_child(struct random *r, struct drbg *child)
{
    uint8_t seed[DRBG_MIN_ENTROPY + 16];
    int bad = random_fill(r, seed, sizeof seed);
    bad = bad || drbg_init(child, seed, DRBG_MIN_ENTROPY, seed + DRBG_MIN_ENTROPY, 16, NULL, 0);
    drbg_use(child, r->many);
    wipe(seed, sizeof seed);
    return bad ? -1 : 0;
}

int random_drbg_fill(void *drbg, void *out, size_t n)
{
    uint8_t *p = out;
    while (n) {
        const size_t part = n < DRBG_MAX_REQUEST ? n : DRBG_MAX_REQUEST;
        if (drbg_generate(drbg, p, part, NULL, 0))
            return -1;
        p += part;
        n -= part;
    }
    return 0;
}
