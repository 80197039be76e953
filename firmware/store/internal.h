/* What the files of the store share. docs/store.md tells the whole story. */
#ifndef HUFU_STORE_INTERNAL_H
#define HUFU_STORE_INTERNAL_H

#include "firmware/crypto/hash.h"
#include "firmware/store/format.h"
#include "firmware/store/map.h"
#include "firmware/store/store.h"

enum { NONE = 0xFFFFFFFF };

enum { READ_TRIES = 3 }; /* a bit that flips in a read must not pass for damage of the medium */

enum segment_state {
    SEGMENT_CLEAN = 1, /* erased, mark and nothing else */
    SEGMENT_DATA,      /* header and records */
    SEGMENT_DIRTY      /* to be erased */
};

struct segment {
    uint32_t seq;  /* DATA: its number */
    uint32_t live; /* DATA: bytes of records that the map knows */
    uint8_t state;
};

/* One id touched by the open transaction. */
struct change {
    uint32_t id;
    uint32_t place; /* of the record, 0: held, or a deletion */
    uint16_t n;
    uint8_t type;
    bool put;
    bool damaged; /* while mounting: the record is not what its CRCs say */
};

/* The record that was put or deleted last: it is written with the next one, or with COMMIT. */
struct held {
    bool used;
    uint32_t change; /* its entry in changes */
    struct record record;
    uint8_t bytes[(HEAD_SIZE + AREA_SIZE + STORE_MAX_DATA + TAG_SIZE + LINE - 1) / LINE * LINE];
};

struct transaction {
    bool open;
    bool written;       /* some of it is in the log */
    uint32_t calls;     /* puts and deletes */
    uint32_t changes;   /* ids */
    uint32_t first_seq; /* segment of its first record */
    uint32_t records;   /* in the store after commit */
    uint64_t bytes;     /* that it takes in the log */
    uint64_t live;      /* live bytes after commit */
    struct change change[STORE_MAX_CHANGES];
};

enum life { LIFE_CREATED, LIFE_MOUNTED, LIFE_FAILED };

struct store {
    const struct hal_nvm *nvm;
    const struct rng *rng;
    enum life life;
    uint32_t max_records;

    /* geometry of the log */
    uint32_t group; /* segments of the NVM in one of ours */
    uint32_t count; /* segments, 0: the geometry is not usable */
    uint32_t size;  /* bytes of a segment */
    uint32_t max_data;
    uint64_t capacity, limit; /* live bytes after a transaction; and all bytes while it is open */

    /* the log */
    struct segment segment[MAX_SEGMENTS];
    uint32_t head;        /* segment that is written, or NONE */
    uint32_t head_at;     /* next free byte there */
    uint32_t head_seed;   /* CRC of its header */
    bool head_ended;      /* nothing more goes into it */
    uint32_t seq;         /* of the newest segment */
    uint32_t data, clean; /* segments in these states */
    uint32_t txn;         /* number of the last transaction in the log */
    uint64_t live;        /* bytes of all records in the map */
    uint32_t erases, compactions;

    struct map map;
    struct transaction t;
    struct held held;
    struct hmac key[STORE_CLASSES]; /* HMAC-SM3 keyed with the class keys */
    bool key_set[STORE_CLASSES];
    uint8_t scratch[sizeof((struct held *)0)->bytes];
};

/* Every entry point leaves through this when the medium or the random source failed. */
enum store_result store_fault(struct store *s);

static inline uint32_t place_of(const struct store *s, uint32_t segment, uint32_t at)
{
    return (uint32_t)(((uint64_t)segment * s->size + at) / LINE);
}

static inline uint32_t place_segment(const struct store *s, uint32_t place)
{
    return place / (s->size / LINE);
}

static inline uint32_t place_at(const struct store *s, uint32_t place)
{
    return place % (s->size / LINE) * LINE;
}

/* ---- medium.c: 0, or -1: the NVM failed. at and n are multiples of LINE for writing. */
void medium_geometry(struct store *s);
int medium_read(struct store *s, uint32_t segment, uint32_t at, void *out, uint32_t n);
int medium_program(struct store *s, uint32_t segment, uint32_t at, const void *data, uint32_t n);
int medium_zero(struct store *s, uint32_t segment, uint32_t at, uint32_t n);
int medium_sync(struct store *s);
int medium_erase(struct store *s, uint32_t segment);
int medium_header(struct store *s, uint32_t segment, uint16_t kind);
int medium_mark(struct store *s, uint32_t segment);
/* Make the mark void, so that half an erasure is not taken for a whole one. */
int medium_unmark(struct store *s, uint32_t segment);
/* Unmark, sync, erase, sync, mark. */
int medium_clean(struct store *s, uint32_t segment);
/* 1: erased from at to the end, 0: there is something, -1 */
int medium_blank(struct store *s, uint32_t segment, uint32_t at);
/* The head and the area (when there is one) of the record at `at`. 1: valid, 0: not, -1. */
int medium_record(struct store *s, uint32_t segment, uint32_t seed, uint32_t at, struct record *r,
                  uint8_t area[AREA_SIZE]);
/* The header of a data segment, and its CRC, the seed of the heads. -1: it cannot be read. */
int medium_seed(struct store *s, uint32_t segment, struct segment_header *h, uint32_t *seed);

/* ---- seal.c */
/* Seal data into bytes, a whole record but its head. -1: no randomness. */
int seal(struct store *s, const struct record *r, const void *data, uint8_t *bytes);
/* The plaintext of a whole record, to out or in place. -1: the seal is broken. */
int unseal(struct store *s, const struct record *r, const uint8_t *bytes, uint8_t *out);

/* ---- log.c: the head of the log */
/* The head segment has room for n bytes and keep more. */
bool log_fits(const struct store *s, uint32_t n, uint32_t keep);
/* Make room for a record of n bytes, compacting when it must. STORE_OK, STORE_FULL or STORE_FAULT.
 */
enum store_result log_room(struct store *s, uint32_t n);
/* Write a record that has room; bytes: the whole of it but its head, NULL: there is only a head.
 * Its place, or 0: the NVM failed. */
uint32_t log_append(struct store *s, const struct record *r, uint8_t *bytes);
/* Program the area of a record to zeros. */
int log_scrub(struct store *s, uint32_t place);
/* Close the head and begin the next segment in a clean one. */
int log_next(struct store *s);

/* ---- survey.c */
/* Read the mark and the header of every segment into s->segment, seq, data and clean. BLANK: never
 * formatted, or not to the end. */
enum store_result survey(struct store *s);
/* The data segment with the smallest number > seq, or NONE. */
uint32_t survey_after(const struct store *s, uint32_t seq);

/* ---- compact.c */
/* Move the live records out of the segment that is worth most, and erase it. */
enum store_result compact(struct store *s);

/* ---- store.c: the map and the accounts together */
void learn(struct store *s, const struct entry *e);
void forget(struct store *s, uint32_t id);

#endif
