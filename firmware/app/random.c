#include "firmware/app/random.h"

#include "firmware/base/config.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/sm3.h"

#include <string.h>

void health_start(struct health *h, uint16_t repeat_cutoff, uint16_t window_cutoff)
{
    memset(h, 0, sizeof *h);
    h->repeat_cutoff = repeat_cutoff;
    h->window_cutoff = window_cutoff;
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
    return h->repeats >= h->repeat_cutoff || h->hits >= h->window_cutoff ? -1 : 0;
}

/* n raw samples of a source, 0 or 1, that pass the tests. */
static int sample(struct random *r, int which, uint8_t *out, size_t n)
{
    const struct hal_rng *s = r->source;
    if ((which ? s->second : s->sample)(s->ctx, out, n))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (health_sample(&r->health[which], out[i]))
            return -1;
    return 0;
}

/* So many samples of a source into a digest, a few at a time: the stack of small parts is small. */
static int take(struct random *r, int which, struct sm3 *digest, size_t n)
{
    uint8_t raw[32];
    int bad = 0;
    for (size_t i = 0; i < n && !bad; i += sizeof raw) {
        bad = sample(r, which, raw, sizeof raw);
        sm3_update(digest, raw, sizeof raw);
    }
    wipe(raw, sizeof raw);
    return bad;
}

/*
 * 32 bytes of full entropy out of twice as many assumed bits (SP 800-90B 3.1.5) of the first source
 * alone, and as many samples of the second. They are used only if they pass the check of GM/T 0062
 * (256 bits, poker).
 */
static int condition(struct random *r, uint8_t out[SM3_SIZE])
{
    enum { SAMPLES = 2 * SM3_SIZE * 8 / RANDOM_BITS_PER_SAMPLE };
    struct sm3 digest;
    int bad = -1;
    for (int i = 0; i < RANDOM_SEED_TRIES && bad; i++) {
        sm3_init(&digest);
        if (take(r, 0, &digest, SAMPLES) || (r->source->second && take(r, 1, &digest, SAMPLES)))
            break;
        sm3_final(&digest, out);
        bad = randomness_poker2(out, SM3_SIZE) ? 0 : -1;
    }
    wipe(&digest, sizeof digest);
    return bad;
}

/* Samples of each source that are tested and thrown away. */
static int start_sources(struct random *r)
{
    uint8_t raw[64];
    int bad = 0;
    health_start(&r->health[0], HEALTH_REPEAT_CUTOFF, HEALTH_WINDOW_CUTOFF);
    health_start(&r->health[1], HEALTH_SECOND_REPEAT_CUTOFF, HEALTH_SECOND_WINDOW_CUTOFF);
    for (size_t i = 0; i < RANDOM_STARTUP && !bad; i += sizeof raw)
        bad = sample(r, 0, raw, sizeof raw) || (r->source->second && sample(r, 1, raw, sizeof raw));
    wipe(raw, sizeof raw);
    return bad;
}

/* A new generator from sources that are tested anew. */
static int instantiate(struct random *r)
{
    uint8_t seed[2][SM3_SIZE];
    int bad = start_sources(r) || condition(r, seed[0]) || condition(r, seed[1]);
    bad = bad || drbg_init(&r->drbg, seed[0], SM3_SIZE, seed[1], SM3_SIZE / 2, r->personal,
                           r->personal_size);
    drbg_use(&r->drbg, r->count);
    r->requests = 0;
    r->failed = bad;
    wipe(seed, sizeof seed);
    return bad ? -1 : 0;
}

int random_start(struct random *r, const struct hal_rng *source, drbg_count *count,
                 const void *personal, size_t n)
{
    memset(r, 0, sizeof *r);
    r->source = source;
    r->count = count;
    r->personal = personal;
    r->personal_size = n;
    return instantiate(r);
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

static enum random_verdict check_group(struct random *r, struct random_run *run)
{
    uint8_t bits[RANDOMNESS_PERIODIC_BITS / 8];
    if (random_fill(r, bits, sizeof bits))
        return RANDOM_FAILED;
    return random_run_add(run, randomness_periodic(bits));
}

static const char *first_of(uint32_t items)
{
    unsigned i = 0;
    while (i < RANDOMNESS_ITEMS && !(items >> i & 1))
        i++;
    return randomness_item(i);
}

int random_renew(struct random *r, const char *item)
{
    wipe(&r->drbg, sizeof r->drbg);
    r->failing = item;
    if (r->failed || ++r->in_a_row == RANDOM_GENERATORS) {
        r->refused = !r->failed;
        r->failed = true;
        return -1;
    }
    r->replaced++;
    return instantiate(r);
}

void random_proven(struct random *r)
{
    r->in_a_row = 0;
}

/* Until one passes, or there is none any more. */
static void replace(struct random *r, uint32_t items)
{
    while (!random_renew(r, first_of(items))) {
        struct random_run run = {0};
        enum random_verdict verdict = RANDOM_MORE;
        while (verdict == RANDOM_MORE)
            verdict = check_group(r, &run);
        if (verdict == RANDOM_PASSED) {
            random_proven(r);
            return;
        }
        items = run.suspect;
    }
}

const char *random_reason(const struct random *r)
{
    return r->refused ? r->failing : "health tests failed";
}

bool random_check(struct random *r, uint64_t now)
{
    struct random_check *c = &r->check;
    if (!CONFIG_PERIODIC || r->failed || now == 0)
        return false;
    if (!c->running) {
        if (c->last == 0 || now < c->last) /* the first look; a clock that was set back */
            c->last = now;
        if (now - c->last < RANDOM_PERIOD_MS)
            return false;
        c->last = now;
        c->running = true;
    }
    const enum random_verdict verdict = check_group(r, &c->run);
    c->running = verdict == RANDOM_MORE;
    if (verdict == RANDOM_FAILED)
        replace(r, c->run.suspect);
    if (verdict != RANDOM_MORE)
        memset(&c->run, 0, sizeof c->run);
    return c->running;
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
    drbg_use(child, r->count);
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
