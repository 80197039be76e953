/* A small device for fuzz targets that does the same at each run. */
#ifndef HUFU_TESTS_FUZZ_DEV_H
#define HUFU_TESTS_FUZZ_DEV_H

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

#endif
