/*
 * The start-up test of the generator that GM/T 0062 asks of devices of class E: 20 groups of 10^6
 * bits, all 15 tests, a little at a time, before the device opens anything. Not in small builds.
 */
#ifndef HUFU_APP_STARTUP_H
#define HUFU_APP_STARTUP_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/app/random.h"

struct arena;
struct device_config;
struct randomness_full;

struct startup {
    struct randomness_full *test; /* NULL: not required */
    struct random_run run;
    uint32_t filled;             /* bytes of this group */
    uint16_t groups, groups_all; /* tested so far; how many it takes, as things are */
};

void startup_lay_out(struct arena *a, struct startup *s, const struct device_config *config);
/* true: it is required, and has begun. */
bool startup_begin(struct startup *s);
/* One step. A generator that fails is replaced, as in use, and the test begins anew; r has failed
 * when none passes. false: it is over. */
bool startup_step(struct startup *s, struct random *r);

#endif
