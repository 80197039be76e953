/*
 * How often keys with a limit have been used. Each has a counter, a record of its own beside the
 * key's: a use rewrites four bytes, never the key. A use is noted when policy.c admits it and is on
 * the medium before the result leaves the device: in the transaction of the command, or in one for
 * all that were gathered. Keys without a limit have no counter and cost nothing.
 */
#ifndef HUFU_APP_USES_H
#define HUFU_APP_USES_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/base/config.h"
#include "proto/wire.h"

struct call;
struct device;
struct key;

/* Not on the medium yet. */
struct use {
    struct exchange *x;
    uint32_t handle, used; /* used: with this one */
    uint8_t account;
};

struct uses {
    struct use waiting[CONFIG_GATHER];
    size_t n;
};

/* Stage a counter at zero beside a new limit; stage its end. */
uint16_t uses_begin(struct call *c, uint32_t handle);
/* Stage a counter that is not below this. */
uint16_t uses_raise(struct call *c, uint32_t handle, uint32_t used);
uint16_t uses_end(struct call *c, uint32_t handle);
/* Uses so far, those that wait included; SW_STORE_DAMAGED: there is no counter. */
uint16_t uses_so_far(const struct device *d, uint32_t handle, uint32_t *used);
/* Note n uses of a key with a limit. SW_KEY_USED_UP: fewer are left, none was taken. */
uint16_t uses_take(struct call *c, const struct key *key, uint32_t n);
/* The call has failed without a word about the key: its uses were none. */
void uses_drop(struct call *c);
/* Stage all that wait in the transaction of the call; they wait no more. */
uint16_t uses_stage(struct call *c);
/* The same in one transaction of their own. Should that fail, so do the exchanges. */
void uses_commit(struct device *d);

#endif
