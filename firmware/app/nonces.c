#include "firmware/app/nonces.h"

#include "firmware/app/core.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/sm2.h"

#include <string.h>

void nonces_lay_out(struct arena *a, struct nonces *p, const struct device_config *config)
{
    p->max = config->nonce_pool;
    p->k = arena_take(a, p->max * sizeof *p->k);
    p->x = arena_take(a, p->max * sizeof *p->x);
}

bool nonces_wanted(const struct nonces *p)
{
    return p->max - p->ready >= NONCES_STEP;
}

/* One that the engine refuses (chance 2^-32) is left out. */
static void keep(struct nonces *p, const struct lane *lane)
{
    for (size_t i = 0; i < NONCES_STEP; i++) {
        if (!lane->ok[i])
            continue;
        memcpy(p->k[p->ready], lane->k[i], sizeof p->k[0]);
        memcpy(p->x[p->ready], lane->point[i], sizeof p->x[0]);
        p->ready++;
        p->made++;
    }
}

/* An engine makes key pairs of numbers in [1, n-2]; that a nonce is never n-1 gives nothing away.
 */
int nonces_refill(struct device *d)
{
    struct lane *lane = &d->batch.lanes[0];
    if (!nonces_wanted(&d->nonces) || d->batch.chunk < NONCES_STEP)
        return 0;
    if (random_fill(&d->random, lane->k, NONCES_STEP * sizeof lane->k[0]))
        return -1;
    SECRET(lane->k, NONCES_STEP * sizeof lane->k[0]);
    d->engine->sm2->keygen(NONCES_STEP, (const uint8_t(*)[32])lane->k, lane->point, lane->ok,
                           lane->scratch);
    PUBLIC(lane->ok, NONCES_STEP);
    keep(&d->nonces, lane);
    wipe(lane->k, NONCES_STEP * sizeof lane->k[0]);
    wipe(lane->point, NONCES_STEP * sizeof lane->point[0]);
    return 0;
}

int nonces_sign(struct nonces *p, const struct sm2_sign_key *key, const uint8_t e[32],
                uint8_t sig[64])
{
    uint8_t k[32], x[32], made[64];
    if (!p->ready)
        return -1;
    p->ready--;
    p->used++;
    memcpy(k, p->k[p->ready], sizeof k);
    memcpy(x, p->x[p->ready], sizeof x);
    wipe(p->k[p->ready], sizeof k);
    wipe(p->x[p->ready], sizeof x);
    const int bad = sm2_sign_ready(key, e, k, x, made);
    if (!bad)
        memcpy(sig, made, sizeof made);
    wipe(k, sizeof k);
    wipe(x, sizeof x);
    return bad;
}

void nonces_drop(struct nonces *p)
{
    wipe(p->k, p->ready * sizeof *p->k);
    wipe(p->x, p->ready * sizeof *p->x);
    p->discarded += p->ready;
    p->ready = 0;
}
