/* A small device for fuzz targets that does the same at each run. */
#ifndef HUFU_TESTS_FUZZ_DEV_H
#define HUFU_TESTS_FUZZ_DEV_H

#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/lib/dev.h"

enum { FRAME = 4096 };

static uint64_t random_state;
static uint64_t samples_left; /* until the source fails; 0: it does not */

/* The same at each run: an input does the same whenever it is tried. */
static inline int sample(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    if (samples_left && --samples_left == 0) {
        samples_left = 1; /* from now on */
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(random_state >> 40);
    }
    return 0;
}

/* Switched on, BLANK. */
static inline void small_device(struct dev *dev, uint16_t sessions, uint16_t tickets)
{
    random_state = 1;
    dev_prepare(dev);
    dev->config = (struct device_config){.objects_max = 16,
                                         .log_max = 64,
                                         .sessions_max = sessions,
                                         .tickets_max = tickets,
                                         .frame_max = FRAME,
                                         .port = "fuzz",
                                         .engine = "portable"};
    dev->hal.rng.sample = sample;
    dev->segments = 8;
    dev->segment_size = 16384;
    dev_start(dev);
}

/* All that a device is at a moment, so that each input finds it so. */
struct moment {
    uint8_t *memory, *medium, root[32];
    uint64_t random;
};

static inline void moment_save(struct moment *m, const struct dev *dev)
{
    m->random = random_state;
    m->memory = malloc(dev->memory_size);
    m->medium = malloc(dev->sim.size);
    REQUIRE(m->memory && m->medium);
    memcpy(m->memory, dev->memory, dev->memory_size);
    memcpy(m->root, dev->sim.root, sizeof m->root);
    nvm_sim_save(&dev->sim, m->medium);
}

static inline void moment_restore(const struct moment *m, struct dev *dev)
{
    random_state = m->random;
    memcpy(dev->memory, m->memory, dev->memory_size);
    memcpy(dev->sim.root, m->root, sizeof m->root);
    dev->now = 1700000000000u;
    nvm_sim_load(&dev->sim, m->medium);
}

#endif
