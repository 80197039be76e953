/*
 * Flash in RAM that obeys the rules of hal.h to the letter and fails as flash does: power cuts with
 * torn and reordered writes, unreadable and flipped bits. Deterministic: what happens follows from
 * the cut.
 */
#ifndef HUFU_TESTS_NVM_SIM_H
#define HUFU_TESTS_NVM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/hal/hal.h"

/* What becomes of the operation in flight, and of what was not synced before it. */
enum nvm_cut {
    NVM_CUT_NONE,   /* not begun; all before is kept */
    NVM_CUT_HALF,   /* its first half is done; all before is kept */
    NVM_CUT_BITS,   /* each of its units not done, done or random; all before is kept */
    NVM_CUT_ALL,    /* done, only not acknowledged; all before is kept */
    NVM_CUT_LOST,   /* not begun; nothing since the last sync is kept */
    NVM_CUT_SUBSET, /* each unit since the last sync kept or lost at random, its own units torn */
    NVM_CUT_KILL,   /* the power stays, the firmware dies before it: what was not synced may be lost
                       yet */
    NVM_CUT_KINDS
};

/* From one step that is cut to the next one to be tried. The sanitizers' build is ten times as slow:
 * make check tries all in the others. */
#ifdef __SANITIZE_ADDRESS__
enum { NVM_CUT_STEP = 3 };
#else
enum { NVM_CUT_STEP = 1 };
#endif

struct nvm_op {
    uint32_t segment, offset, n; /* n 0: erase */
    size_t data;                 /* where its bytes are in the journal */
};

struct nvm_sim {
    struct hal_nvm nvm;
    size_t size;
    uint8_t *view;     /* what a read gives */
    uint8_t *durable;  /* what a power cut leaves for sure */
    struct nvm_op *op; /* since the last sync */
    size_t ops, op_room;
    uint8_t *journal;
    size_t journaled, journal_room;

    uint64_t count; /* programs, erases and syncs so far */
    uint64_t programs, erases, syncs;
    uint64_t cut_at; /* the operation with this number is cut; ~0: none */
    enum nvm_cut cut;
    uint64_t seed;
    bool dead; /* no power */

    uint64_t flip_read; /* one bit of every so many reads is flipped, in the answer only; 0: none */
    uint64_t fail_read; /* the read with this number fails; 0: none */
    uint64_t reads;
    const char *violation; /* the rule of hal.h that was broken, or NULL */
    uint8_t root[32];
};

/* All FF. Exits when there is no memory. */
void nvm_sim_open(struct nvm_sim *m, uint32_t segments, uint32_t segment_size, uint32_t unit);
void nvm_sim_close(struct nvm_sim *m);
/* The operation with number `at` (m->count counts) meets a power cut. */
void nvm_sim_cut(struct nvm_sim *m, uint64_t at, enum nvm_cut cut, uint64_t seed);
/* Power off and on again now: keeps what was synced, and of the rest what m->cut says. */
void nvm_sim_power_on(struct nvm_sim *m);
/* Contents, as one image of m->size bytes. */
void nvm_sim_save(const struct nvm_sim *m, uint8_t *image);
void nvm_sim_load(struct nvm_sim *m, const uint8_t *image);
/* The bytes are somewhere on the medium. */
bool nvm_sim_contains(const struct nvm_sim *m, const void *bytes, size_t n);

#endif
