/*
 * The device's random bytes: raw samples of the port's two sources, health tests of each (SP
 * 800-90B 4.4), conditioning of both together by SM3, Hash_DRBG on SM3 with regular reseeding; and
 * the tests of GM/T 0062 for a device in use.
 */
#ifndef HUFU_APP_RANDOM_H
#define HUFU_APP_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/app/random_run.h"
#include "firmware/crypto/drbg.h"
#include "firmware/crypto/randomness.h"
#include "firmware/crypto/rng.h"
#include "firmware/hal/hal.h"

enum {
    /* We take 4 bits of entropy for granted in each byte that the port samples. */
    RANDOM_BITS_PER_SAMPLE = 4,
    RANDOM_STARTUP = 1024,      /* samples that are tested and thrown away at start */
    RANDOM_RESEED_AFTER = 4096, /* requests between two reseeds */
    RANDOM_SEED_TRIES = 8,    /* seeds that fail the check before use (one in a hundred) in a row */
    HEALTH_REPEAT_CUTOFF = 9, /* 1 + 30/4: equal samples in a row (false alarm 2^-30) */
    HEALTH_WINDOW = 512,
    HEALTH_WINDOW_CUTOFF = 71, /* times a window may hold its first sample (false alarm 2^-30) */
    /* The same for the second source, of which we take 1 bit in each byte for granted. */
    HEALTH_SECOND_REPEAT_CUTOFF = 31,
    HEALTH_SECOND_WINDOW_CUTOFF = 325
};

/* The two continuous tests over a stream of samples. */
struct health {
    uint16_t repeat_cutoff, window_cutoff;
    uint8_t last, first;
    uint16_t repeats, seen, hits;
};
void health_start(struct health *h, uint16_t repeat_cutoff, uint16_t window_cutoff);
/* 0, or -1: this sample fails a test */
int health_sample(struct health *h, uint8_t sample);

/*
 * GM/T 0062, in use: every 12 hours a run of 20 groups of 20,000 bits, 12 tests. A generator that
 * fails it, the repetition included, is thrown away. Another one takes its place if it passes such
 * a run of its own before it gives out anything; when none of so many in a row does, there is none
 * any more (docs/random.md has the chances).
 */
enum { RANDOM_PERIOD_MS = 12 * 3600 * 1000, RANDOM_GENERATORS = 3 };
struct random_check {
    uint64_t last; /* when the last one began; 0: never */
    struct random_run run;
    bool running;
};

struct random {
    const struct hal_rng *source;
    const void *personal;
    size_t personal_size;
    struct health health[2];
    struct random_check check;
    struct drbg drbg;
    uint32_t requests;   /* since the last reseed */
    uint32_t replaced;   /* generators that were thrown away since the start */
    uint8_t in_a_row;    /* of them, since one passed */
    const char *failing; /* an item that the last of them failed */
    drbg_count *count;   /* of the engine, for the generator and its children */
    bool failed;         /* for good */
    bool refused;        /* by the tests of groups, not by the health tests */
};

/* Start-up test and first seed; source and personal must outlive it. 0, or -1: failed. */
int random_start(struct random *r, const struct hal_rng *source, drbg_count *count,
                 const void *personal, size_t n);
/* n bytes; the fill of a struct rng whose ctx is the struct random. -1: failed, out is zero. */
int random_fill(void *r, void *out, size_t n);
/* Fresh entropy now: somebody else may have the same state. 0 or -1 */
int random_reseed(struct random *r);
/* One group of the periodic test, when it is due by this clock (ms; 0: there is no clock, and no
 * periodic test). When the generator fails it is replaced at once, which takes two or four dozen
 * groups, or r has failed. true: more groups wait. */
bool random_check(struct random *r, uint64_t now);
/* The generator failed this item for good: it is thrown away, and another one takes its place, from
 * sources that are tested anew; the caller tests it before it is used. -1: there is none any more,
 * r has failed. */
int random_renew(struct random *r, const char *item);
/* The generator passed the tests of groups. */
void random_proven(struct random *r);
/* Why r has failed. */
const char *random_reason(const struct random *r);
void random_stop(struct random *r);

/* A generator of its own for one lane of a batch, seeded from r. 0 or -1. */
int random_child(struct random *r, struct drbg *child);
/* As random_fill, over a struct drbg. */
int random_drbg_fill(void *drbg, void *out, size_t n);

#endif
