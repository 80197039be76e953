/* The audit log: a ring of records in the store, numbered for ever. */
#ifndef HUFU_APP_AUDIT_H
#define HUFU_APP_AUDIT_H

#include <stdint.h>

#include "proto/proto.h"

struct call;
struct device;

enum { AUDIT_START = 0, AUDIT_TRIM = 16 }; /* command of a start; records dropped together */

enum { AUDIT_RECORD = 128 /* bytes that one takes on the medium, at most */ };

struct audit {
    uint64_t first, next; /* sequence numbers: kept are first to next - 1 */
    uint32_t max;         /* so many are kept */
};

/* An empty log for a fresh store. It never takes more than a quarter of the medium. */
void audit_start(struct device *d);
/* Find both ends of the ring at boot. */
uint16_t audit_load(struct device *d);
/* Stage one record about the call, and the room for it. */
uint16_t audit_put(struct call *c, uint8_t command, uint16_t sw);
/* It is committed. */
void audit_done(struct device *d);
/* The record with this number; views point into d->record. */
uint16_t audit_get(struct device *d, uint64_t sequence, struct log_entry *e);

#endif
