/*
 * The verdict of GM/T 0062 over groups of bits that were tested one by one: 20 groups; an item
 * fails when two of them fail it; what failed is tested once more, on new groups.
 */
#ifndef HUFU_APP_RANDOM_RUN_H
#define HUFU_APP_RANDOM_RUN_H

#include <stdbool.h>
#include <stdint.h>

enum { RANDOM_GROUPS = 20, RANDOM_GROUPS_FAILING = 2, RANDOM_RUN_ITEMS = 32 };

enum random_verdict { RANDOM_MORE, RANDOM_PASSED, RANDOM_FAILED };

/* Begins as zeros, and is zeros again after a verdict but for what failed. */
struct random_run {
    uint32_t
        suspect; /* items that failed the first time; after RANDOM_FAILED those that failed twice */
    uint8_t group, failures[RANDOM_RUN_ITEMS];
    bool again; /* the groups are those of the repetition */
};

/* One more group, with a mask of the items that it failed. */
enum random_verdict random_run_add(struct random_run *run, uint32_t failed);

#endif
