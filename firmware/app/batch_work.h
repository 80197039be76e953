/* Inside batches: the work on many items, and how it is spread over the lanes. */
#ifndef HUFU_APP_BATCH_WORK_H
#define HUFU_APP_BATCH_WORK_H

#include "firmware/app/batch.h"
#include "firmware/app/core.h"
#include "firmware/app/wrap.h"

enum {
    EC_PART = 8,     /* EC items that a lane does at once */
    LANE_WORTH = 32, /* SM2 items that make another lane worth its start */
    MAX_DRAWS = 8    /* an SM2 item fails once in 2^32 draws */
};

static inline size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

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

/* The start of a batch; the rest of what its items are made of comes after. */
static inline struct work work_of(struct device *d,
                                  int (*items)(const struct work *w, struct lane *lane, size_t from,
                                               size_t n),
                                  size_t count, uint8_t *good)
{
    return (struct work){.d = d, .count = count, .items = items, .good = good};
}

/* Runs w->items over all items, in parts of at most part_max, on at most so many lanes. */
int batch_spread(struct work *w, size_t part_max, size_t lanes);

#endif
