#include "firmware/app/random_run.h"

#include <string.h>

enum random_verdict random_run_add(struct random_run *run, uint32_t failed)
{
    uint32_t items = 0;
    for (unsigned i = 0; i < RANDOM_RUN_ITEMS; i++) {
        run->failures[i] = (uint8_t)(run->failures[i] + (failed >> i & 1));
        items |= (uint32_t)(run->failures[i] >= RANDOM_GROUPS_FAILING) << i;
    }
    if (++run->group < RANDOM_GROUPS)
        return RANDOM_MORE;
    run->group = 0;
    memset(run->failures, 0, sizeof run->failures);
    run->suspect = run->again ? run->suspect & items : items;
    run->again = !run->again && items;
    if (run->again)
        return RANDOM_MORE;
    return run->suspect ? RANDOM_FAILED : RANDOM_PASSED;
}
