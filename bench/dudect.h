/*
 * Does the time of a call depend on a secret? A statistical test after "dude, is my code constant
 * time?" (Reparaz, Balasch, Verbauwhede): calls with one fixed secret and calls with random ones,
 * mixed by chance, are timed; Welch's t says whether the two means differ. Calls beyond a
 * percentile are left out, for many percentiles, so that what disturbs the machine does not hide a
 * difference.
 */
#ifndef HUFU_BENCH_DUDECT_H
#define HUFU_BENCH_DUDECT_H

#include "bench/bench.h"

enum { DUDECT_POOL = 64 }; /* random secrets; secret number 0 is the fixed one */

struct dudect_target {
    const char *name, *secret;
    size_t batch;
    void *(*open)(const struct options *o, size_t batch);
    void (*load)(void *state, size_t number); /* puts a secret where call finds it; not timed */
    void (*call)(void *state);
    void (*close)(void *state);
    bool leaks; /* it is there to show that the test sees what leaks */
};
extern const struct dudect_target dudect_targets[]; /* ended by a NULL name */

struct dudect_result {
    const struct dudect_target *target;
    size_t calls;
    double t, t_cropped; /* of all calls; the largest of the percentiles */
};

/* Above this a difference is as good as certain (chance below 10^-5 for one test). */
#define DUDECT_LIMIT 4.5

bool dudect_differs(const struct dudect_result *r);
const char *dudect_verdict(const struct dudect_result *r);

/* All targets that the pattern matches, each for o->seconds; reported one by one. */
void dudect(const struct options *o);

#endif
