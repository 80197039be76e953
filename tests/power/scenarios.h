/* The operations of the store that are cut, each on a medium that was prepared for it. */
#ifndef HUFU_POWER_SCENARIOS_H
#define HUFU_POWER_SCENARIOS_H

#include "tests/lib/nvm_world.h"

struct scenario {
    const char *name;
    uint32_t segments, segment_size;
    void (*prepare)(struct world *w); /* not cut; the medium is formatted and mounted before */
    void (*act)(struct world *w);     /* cut at every operation; may go on after one has failed */
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

#endif
