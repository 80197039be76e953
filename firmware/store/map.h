/*
 * Where each record is: a sorted map from id to place, kept in fixed memory.
 *
 * A B+ tree of height two: sorted chunks of up to CHUNK entries, and a directory of the chunks in
 * order. Two neighbours always hold more than CHUNK entries together, so that 2n / (CHUNK + 1) + 1
 * chunks are enough for n entries.
 */
#ifndef HUFU_STORE_MAP_H
#define HUFU_STORE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHUNK = 64 };

struct chunk {
    uint32_t id[CHUNK];
    uint32_t place[CHUNK]; /* position on the medium / 16; 0: none */
    uint16_t n[CHUNK];     /* bytes of plaintext */
    uint8_t type[CHUNK];
    uint32_t used;
    uint32_t next_free;
};

struct map {
    struct chunk *chunk;
    uint32_t *directory; /* numbers of the chunks in use, in order */
    uint32_t chunks;     /* in the pool */
    uint32_t used;       /* in the directory */
    uint32_t free;       /* first free chunk */
    uint32_t count;      /* entries */
    uint32_t of_type[256];
};

struct entry {
    uint32_t id, place;
    uint16_t n;
    uint8_t type;
};

/* A position in the map, good until the next change. */
struct cursor {
    uint32_t slot, at; /* slot in the directory, entry in its chunk */
};

/* Bytes of memory (alignment 16) for n entries. */
size_t map_memory(uint32_t n);
void map_init(struct map *x, void *memory, uint32_t n);
void map_clear(struct map *x);

bool map_find(const struct map *x, uint32_t id, struct entry *out);
/* Insert or replace. The caller keeps the number of entries within n. */
void map_put(struct map *x, const struct entry *e);
void map_remove(struct map *x, uint32_t id);

/* First entry with an id >= id; false: none. */
bool map_seek(const struct map *x, uint32_t id, struct cursor *c);
bool map_step(const struct map *x, struct cursor *c);
void map_at(const struct map *x, const struct cursor *c, struct entry *out);
void map_move(struct map *x, const struct cursor *c, uint32_t place);

#endif
