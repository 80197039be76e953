/*
 * Faults of the hardware on demand, between the device and its port: power cuts, a bad medium, a
 * bad source of entropy, another time, no memory. Only in hufu-sim-lab.
 */
#ifndef HUFU_SIM_LAB_FAULTS_H
#define HUFU_SIM_LAB_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/hal/hal.h"

/* What is left of the program or erase at which the power goes. */
enum cut_mode {
    CUT_BEFORE, /* it is not begun */
    CUT_TORN,   /* half of it is done */
    CUT_AFTER,  /* it is done, and nobody is told */
    CUT_LOST,   /* not begun, and nothing since the last sync is on the medium */
    CUT_MIXED   /* not begun, and of what was written since the last sync a random part is there */
};

enum source_fault { SOURCE_GOOD, SOURCE_FAILING, SOURCE_STUCK, SOURCE_BIASED };
enum { SEGMENT_NONE = -1, SEGMENT_ALL = -2, SOURCES = 2 };

struct fault_counts {
    uint64_t programs, erases, syncs, roots, reads, samples, allocations;
};

/* Put the faults between hal's users and its port, whose medium is the file nvm in directory. */
void faults_wrap(struct hal *hal, const char *directory);
/* Cut the power at the n-th step (program, erase, sync, root) from now on; 0: not at all. */
void faults_cut(uint64_t n, enum cut_mode mode);
void faults_source(unsigned which, enum source_fault fault);
void faults_medium(bool writes, int segment);
/* The tamper input. */
void faults_tamper(bool asserted);
/* The device's time is this many ms off, in either direction. */
void faults_clock(int64_t ms);
/* The n-th allocation from now on fails, and count - 1 after it. */
void faults_allocation(uint64_t n, uint64_t count);
void faults_count(struct fault_counts *out);

#endif
