/*
 * The bytes on the medium (docs/store.md). All numbers are big-endian, everything is aligned to 16
 * bytes.
 *
 *   segment   mark (16) | header (32) | records ...
 *   record    of kind put: head (16) | area (32) | ciphertext | tag (16) | zeros up to 16 n
 *             all other kinds: head (16)
 *
 * The area holds what a dead record must lose: it is programmed to zeros then, head and body stay.
 */
#ifndef HUFU_STORE_FORMAT_H
#define HUFU_STORE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/store/store.h"

enum {
    LINE = 16, /* every position and size is a multiple of it; a unit of the NVM divides it */
    MARK_SIZE = 16,
    HEADER_AT = 16,
    HEADER_SIZE = 32,
    LOG_AT = 48, /* the first record of a segment */
    HEAD_SIZE = 16,
    AREA_SIZE = 32,
    SALT_SIZE = 24,
    TAG_SIZE = 16,
    MAX_SEGMENTS = CONFIG_SEGMENTS, /* of the log; smaller segments of the NVM are taken in groups */
    GOOD_SEGMENT = 16384, /* groups are made until a segment is as large as this ... */
    GOOD_COUNT = 8,       /* ... as long as so many segments remain */
    RESERVED_TAIL = 2 * HEAD_SIZE /* room for a VOID and an END record in every segment */
};

enum record_kind {
    RECORD_PUT = 1,    /* a sealed record */
    RECORD_DELETE = 2, /* the record with this id is no more */
    RECORD_VOID =
        3, /* the segment at place id with sequence number txn was copied and may be erased */
    RECORD_END = 4 /* the log goes on in the next segment */
};

enum { FLAG_BEGIN = 8, FLAG_COMMIT = 16, FLAG_COPY = 32 };

struct record {
    uint8_t kind, flags, cls, type;
    uint16_t n; /* bytes of plaintext */
    uint32_t id, txn;
};

/* Bytes of a sealed record of n plaintext bytes. */
static inline uint32_t record_size(uint32_t n)
{
    return (HEAD_SIZE + AREA_SIZE + n + TAG_SIZE + LINE - 1) / LINE * LINE;
}

static inline uint32_t record_bytes(const struct record *r)
{
    return r->kind == RECORD_PUT ? record_size(r->n) : HEAD_SIZE;
}

/* seed and at tie a head to its place: what an earlier life of the segment left does not verify. */
void record_encode(const struct record *r, uint32_t seed, uint32_t at, uint8_t head[HEAD_SIZE]);
bool record_decode(struct record *r, uint32_t seed, uint32_t at, const uint8_t head[HEAD_SIZE]);

/* Area: salt | CRC of the body | CRC of both. */
void area_encode(uint8_t area[AREA_SIZE], const uint8_t salt[SALT_SIZE], uint32_t body_crc);
bool area_valid(const uint8_t area[AREA_SIZE]);
/* Programmed to zeros, but for a few bits that have flipped back since. */
bool area_dead(const uint8_t area[AREA_SIZE]);
uint32_t area_body_crc(const uint8_t area[AREA_SIZE]);

enum segment_kind { SEGMENT_LOG = 1, SEGMENT_FORMATTING = 2 };

struct segment_header {
    uint16_t format, kind;
    uint32_t seq;  /* counts segments since the format */
    uint32_t data; /* segments with data when this one was begun, itself included */
    uint32_t txn;  /* number of the last transaction before */
    uint32_t size; /* bytes of a segment */
};

void header_encode(const struct segment_header *h, uint8_t out[HEADER_SIZE]);
bool header_decode(struct segment_header *h, const uint8_t in[HEADER_SIZE]);
/* The mark says: erased to the end. */
void mark_encode(uint32_t size, uint8_t out[MARK_SIZE]);
bool mark_decode(uint16_t *format, uint32_t *size, const uint8_t in[MARK_SIZE]);

bool all_bytes(const uint8_t *p, size_t n, uint8_t value);

#endif
