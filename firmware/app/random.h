/*
 * The device's random bytes: raw samples of the port, health tests (SP 800-90B 4.4), conditioning
 * by SM3, Hash_DRBG on SM3 with regular reseeding.
 */
#ifndef HUFU_APP_RANDOM_H
#define HUFU_APP_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/crypto/drbg.h"
#include "firmware/crypto/rng.h"
#include "firmware/hal/hal.h"

enum {
    /* We take 4 bits of entropy for granted in each byte that the port samples. */
    RANDOM_BITS_PER_SAMPLE = 4,
    RANDOM_STARTUP = 1024,      /* samples that are tested and thrown away at start */
    RANDOM_RESEED_AFTER = 4096, /* requests between two reseeds */
    HEALTH_REPEAT_CUTOFF = 9,   /* 1 + 30/4: equal samples in a row (false alarm 2^-30) */
    HEALTH_WINDOW = 512,
    HEALTH_WINDOW_CUTOFF = 71 /* times a window may hold its first sample (false alarm 2^-30) */
};

/* The two continuous tests over a stream of samples. */
struct health {
    uint8_t last, first;
    uint16_t repeats, seen, hits;
};
void health_start(struct health *h);
/* 0, or -1: this sample fails a test */
int health_sample(struct health *h, uint8_t sample);

struct random {
    const struct hal_rng *source;
    struct health health;
    struct drbg drbg;
    uint32_t requests;   /* since the last reseed */
    drbg_sm3_many *many; /* of the engine, for the generator and its children */
    bool failed;         /* for good */
};

/* Start-up test and first seed; source must outlive it. 0, or -1: failed. */
int random_start(struct random *r, const struct hal_rng *source, drbg_sm3_many *many,
                 const void *personal, size_t n);
/* n bytes; the fill of a struct rng whose ctx is the struct random. -1: failed, out is zero. */
int random_fill(void *r, void *out, size_t n);
/* Fresh entropy now: somebody else may have the same state. 0 or -1 */
int random_reseed(struct random *r);
void random_stop(struct random *r);

/* A generator of its own for one lane of a batch, seeded from r. 0 or -1. */
int random_child(struct random *r, struct drbg *child);
/* As random_fill, over a struct drbg. */
int random_drbg_fill(void *drbg, void *out, size_t n);

#endif
