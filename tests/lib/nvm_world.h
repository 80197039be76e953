/*
 * A store over simulated flash with a model beside it that takes every step too. After a power cut
 * the store must be what the model was before the interrupted step, or what it is after it.
 */
#ifndef HUFU_TESTS_NVM_WORLD_H
#define HUFU_TESTS_NVM_WORLD_H

#include "firmware/store/store.h"
#include "tests/lib/nvm_sim.h"

enum { WORLD_IDS = 512, WORLD_SALT = 24 };

struct world_record {
    bool present;
    uint8_t type;
    uint16_t n;
    uint32_t version; /* tells the bytes, with the id */
    uint8_t salt[WORLD_SALT];
};

struct world_state {
    bool blank; /* not formatted */
    struct world_record record[WORLD_IDS];
};

struct world {
    struct nvm_sim sim;
    struct rng rng;
    struct store *store;
    uint32_t max_records;
    uint64_t random; /* state of the generator behind rng */
    uint32_t versions;
    struct world_state committed; /* acknowledged */
    struct world_state pending;   /* if the commit or format in flight is done */
    struct world_state staged;    /* with the changes of the open transaction */
    uint8_t (*salt)[WORLD_SALT];  /* all that were ever drawn */
    size_t salts, salt_room;
    size_t begun;      /* how many there were when the open transaction began */
    char failure[160]; /* what is wrong, empty: nothing */
};

/* Open a world on an erased medium, the store created and not mounted. */
void world_open(struct world *w, uint32_t segments, uint32_t segment_size, uint32_t unit,
                uint32_t max_records);
void world_close(struct world *w);

/* Steps: each is done to the store and the model. They give what the store gives. */
enum store_result world_format(struct world *w);
enum store_result world_mount(struct world *w); /* fresh memory, keys set, mount */
enum store_result world_begin(struct world *w);
enum store_result world_put(struct world *w, uint32_t id, uint8_t type, size_t n);
enum store_result world_delete(struct world *w, uint32_t id);
enum store_result world_commit(struct world *w);
enum store_result world_commit_start(struct world *w); /* world_commit must follow */
void world_abort(struct world *w);
/* begin, put, commit */
enum store_result world_put_one(struct world *w, uint32_t id, uint8_t type, size_t n);
enum store_result world_delete_one(struct world *w, uint32_t id);

/* The store is what `state` says, in every way it can be asked. */
bool world_matches(struct world *w, const struct world_state *state);
/* Nothing in clear is on the medium, no salt of a dead record, and no rule of the flash was broken.
 */
bool world_secret(struct world *w, const struct world_state *state);
/* The same before recovery: nothing that was dead before the step in flight may be readable. */
bool world_secret_raw(struct world *w);
/* After recovery: which of committed and pending the store holds, soundly. NULL: neither; failure
 * tells. */
const struct world_state *world_recovered(struct world *w);
/* Both of the committed state; failure tells what is wrong. */
bool world_sound(struct world *w);

/* Everything that a step can change, to start from again. */
struct world_snapshot {
    uint8_t *image;
    uint64_t random;
    uint32_t versions;
    size_t salts;
    struct world_state committed;
};
void world_save(const struct world *w, struct world_snapshot *s);
void world_load(struct world *w, const struct world_snapshot *s);
void world_forget(struct world_snapshot *s);

#endif
