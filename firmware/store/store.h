/*
 * The store: a power-cut-safe log of sealed records over flash-shaped NVM (docs/store.md).
 *
 * A record has a 32-bit id (the key), a type, and up to STORE_MAX_DATA bytes, sealed with SM4-GCM
 * under a key of its own that is derived from the class key and a random salt kept in the record.
 * Deleting or replacing a record programs its salt to zeros: what was sealed is gone for good.
 * All changes belong to a transaction: after a power cut either all of it is there or nothing.
 * store_commit returns only after the medium has synced.
 */
#ifndef HUFU_STORE_H
#define HUFU_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/base/config.h"
#include "firmware/crypto/rng.h"
#include "firmware/hal/hal.h"

enum {
    STORE_MAX_DATA = CONFIG_RECORD, /* bytes in a record */
    STORE_MAX_CHANGES = 64,  /* puts and deletes in one transaction */
    STORE_KEY = 32,          /* bytes of a class key */
    STORE_FORMAT = 1         /* number of the on-medium format */
};

enum store_result {
    STORE_OK = 0,
    STORE_ABSENT,   /* no such record */
    STORE_FULL,     /* no room, even after compaction; nothing was changed */
    STORE_LOCKED,   /* the class key is not set */
    STORE_ARGUMENT, /* size, id, class or state out of range; nothing was changed */
    STORE_BLANK,    /* mount: the medium has never been formatted */
    STORE_VERSION,  /* mount: a newer format than this firmware knows */
    STORE_CORRUPT,  /* a record fails its seal, or the log contradicts itself */
    STORE_FAULT     /* of the medium or rng; everything is refused until the next mount */
};

/* Which key seals a record: SYSTEM records can be read before the master key is unlocked. */
enum store_class { STORE_SYSTEM = 0, STORE_OBJECT = 1, STORE_CLASSES };

struct store; /* in memory given by the caller */

struct store_stat {
    uint32_t records, max_records;
    uint64_t live_bytes, capacity_bytes; /* capacity: what live records may take in all */
    uint32_t segments, erases;           /* erases since mount */
    uint32_t record_max;                 /* bytes in a record, on this medium */
};

/* Bytes of memory (alignment 16) for a store that holds up to max_records. */
size_t store_memory(uint32_t max_records);

/* Lay a store into memory. No access to the medium yet. rng must outlive the store. */
struct store *store_create(void *memory, uint32_t max_records, const struct hal_nvm *nvm,
                           const struct rng *rng);

/* Erase everything, mounted or not, whatever is there; the store is mounted and empty then. After a
 * power cut in it the medium holds what it held before, or is BLANK, or empty. */
enum store_result store_format(struct store *s);
/* Read the log, drop what was not committed, finish interrupted scrubbing and compaction.
 * STORE_FULL: there are more than max_records. STORE_ARGUMENT: the NVM's geometry is unusable. */
enum store_result store_mount(struct store *s);
/* Forget keys and index (the medium stays). */
void store_unmount(struct store *s);

void store_set_key(struct store *s, enum store_class cls, const uint8_t key[STORE_KEY]);
void store_clear_key(struct store *s, enum store_class cls);

/* One transaction at a time. Reads see the state before it until commit. */
enum store_result store_begin(struct store *s);
/* Insert or replace. id != 0; the bytes are copied out before the call returns. A record takes a
 * third of a segment at most: below 12.3 KiB a segment that is less than STORE_MAX_DATA. When a put
 * or delete fails, but for STORE_FAULT, the transaction is as it was before the call. */
enum store_result store_put(struct store *s, enum store_class cls, uint8_t type, uint32_t id,
                            const void *data, size_t n);
enum store_result store_delete(struct store *s, uint32_t id);
/* STORE_OK: durable, replaced and deleted records scrubbed. Anything else: nothing was changed, but
 * for STORE_FAULT, where only the next mount can tell. The transaction is over either way. */
enum store_result store_commit(struct store *s);
void store_abort(struct store *s);
/* Writes the transaction as store_commit does and lets the medium begin to make it durable, but
 * does not wait. Only store_commit may follow, and only it says STORE_OK; after a power cut before
 * that the transaction is there or not. Anything else than STORE_OK: as with store_commit. */
enum store_result store_commit_start(struct store *s);

/* *n: room in, bytes out. type may be NULL. STORE_ARGUMENT when the room is too small (*n tells the
 * size). */
enum store_result store_get(struct store *s, uint32_t id, uint8_t *type, void *data, size_t *n);
/* The same bytes that store_get gives, read again from the medium and compared: STORE_OK or
 * STORE_CORRUPT. */
enum store_result store_check(struct store *s, uint32_t id);
bool store_has(const struct store *s, uint32_t id, uint8_t *type);
/* The smallest id > after of this type (0: any); 0: none left. */
uint32_t store_next(const struct store *s, uint32_t after, uint8_t type);
uint32_t store_count(const struct store *s, uint8_t type);
void store_stat(const struct store *s, struct store_stat *out);

#endif
