/* The states of the device (docs/states.md): boot, initialisation, lock, zeroise, end. */
#ifndef HUFU_APP_LIFE_H
#define HUFU_APP_LIFE_H

#include "firmware/app/core.h"

/* Self-tests and randomness, then the start-up test of the generator (TESTING) or life_open: sets
 * d->state. */
void life_boot(struct device *d);
/* Root, store, keys. */
void life_open(struct device *d);
/* Enter FAILED: keys, sessions and results go. */
void life_fail(struct device *d);
/* Stage the latest time ever seen, which the newest record of the log will not tell. */
uint16_t life_keep_time(struct call *c);
/* Stage a whole new device in a fresh store; settle makes it READY. */
uint16_t life_init(struct call *c, const struct init_req *q, uint8_t serial[DEVICE_SERIAL]);
/* Stage the identity with what may change of it. */
uint16_t life_put_identity(struct call *c, const struct identity *i);
/* The log tells that a generator was replaced, and for which item of the periodic test. */
void life_note_generator(struct device *d);
/* Nonces and pairs that were made before they were asked for: nobody may have them. */
void life_drop_ahead(struct device *d);
/* settle of a command that opened d->master: READY, or as LOCKED as before. */
void life_unlocked(struct call *c, bool done);
void life_lock(struct device *d);
/* Look at the tamper input: when it is asserted every key is destroyed, the master key first. */
void life_watch(struct device *d);
/* Destroy everything, root first; to be called with no transaction open. */
uint16_t life_zeroise(struct call *c);
uint16_t life_terminate(struct call *c);

#endif
