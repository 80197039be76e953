/* Attended start by custodians: a key that opens the master key, in shares (firmware/app/domain.h).
 */
#ifndef HUFU_APP_CUSTODY_H
#define HUFU_APP_CUSTODY_H

#include <stdint.h>

#include "proto/proto.h"

struct call;

/*
 * Draw a key, stage the master key sealed under it, put the shares out. What an earlier split made
 * stays beside it until the new shares have opened the device once: whoever loses the answer has
 * lost nothing.
 */
uint16_t custody_split(struct call *c, unsigned threshold, struct view custodians, struct wr *out);
/* Open the master key with the shares that were given; they go, whatever comes of it. */
uint16_t custody_unlock(struct call *c);
/* Stage the end of the unlock secret. SW_STEP: it was not shares that opened the device. */
uint16_t custody_only(struct call *c);

#endif
