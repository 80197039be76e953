/*
 * Single SM2 signatures that arrive together are made together: SIGN leaves its work here, and
 * device_serve has it done before it goes on to anything else. Nothing ever waits for more to come.
 */
#ifndef HUFU_APP_GATHER_H
#define HUFU_APP_GATHER_H

#include "firmware/app/core.h"

/* Queue one signature of e; it will be written to `signature`, a place in the response of the call.
 */
void gather_sm2(struct call *c, const struct sm2_sign_key *key, const uint8_t e[32],
                uint8_t *signature);
/* Make all that are queued. A failure changes the status word of its exchange. */
void gather_flush(struct device *d);

#endif
