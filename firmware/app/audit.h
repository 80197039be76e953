/*
 * The audit log: records in the store, numbered for ever, each with the hash of the one before. A
 * full log drops its oldest records, or (INIT_AUDIT_STOPS) stops the device.
 */
#ifndef HUFU_APP_AUDIT_H
#define HUFU_APP_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/proto.h"

struct call;
struct device;

enum {
    AUDIT_START = 0,    /* command of a start */
    AUDIT_TRIM = 16,    /* records dropped together */
    AUDIT_RESERVE = 16, /* records beyond a full log, for those who can help */
};

enum {
    AUDIT_RECORD = 176,  /* bytes that one takes on the medium, at most */
    AUDIT_STATEMENT = 69 /* bytes of a log_statement */
};

struct audit {
    uint64_t first, next; /* sequence numbers: kept are first to next - 1 */
    uint32_t max;         /* so many are kept */
    uint32_t dropping;    /* records from first on that the open transaction deletes */
    uint64_t stated;      /* the newest record that a checkpoint of this boot covers */
    uint64_t latest;      /* the latest time that the store can tell */
    bool keeping;         /* the open transaction brings it up to date */
    uint8_t head[32];     /* SM3 of record next - 1, and of the one that is being written */
    uint8_t staged[32];
};

/* An empty log for a fresh store. It never takes more than a quarter of the medium. */
void audit_start(struct device *d);
/* Find both ends of the ring at boot. */
uint16_t audit_load(struct device *d);
/* Stage one record about the call, and the room for it. */
uint16_t audit_put(struct call *c, uint8_t command, uint16_t sw);
/* The transaction is over; done: it is committed with its record. */
void audit_settle(struct device *d, bool done);
/* Stage the end of the records up to this one. More than one transaction may have passed, each
 * whole. */
uint16_t audit_truncate(struct call *c, uint64_t through);
/* The log is full and the device must not go on: only what needs no record, and who can help. */
bool audit_refuses(const struct call *c);
/* A record can be written; else the device goes without, so that an auditor always gets in. */
bool audit_room(const struct device *d);
/* So it is for one who would log in with this role. */
bool audit_refuses_role(const struct device *d, uint8_t role);
/* The record with this number; views point into d->record. */
uint16_t audit_get(struct device *d, uint64_t sequence, struct log_entry *e);

#endif
