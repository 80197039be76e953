/* One side of a comparison: a subject with its threads, measured slice by slice. */
#ifndef HUFU_BENCH_SIDE_H
#define HUFU_BENCH_SIDE_H

#include "bench/bench.h"

enum { MAX_THREADS = 256 };

struct side {
    const struct subject *subject;
    unsigned threads;
    void *state[MAX_THREADS];
    double rate[SLICES];
    double *call_us; /* of all threads; each slice and thread has a part of the room */
    size_t calls, room;
};

/* Opens a state for each thread. room: times of single calls that are kept. */
void side_open(struct side *s, const struct subject *subject, const struct options *o, size_t batch,
               size_t room);
/* A slice on all threads, kept as slice `index`; SLICES: not kept, to warm up. Units a second. */
double side_slice(struct side *s, double seconds, unsigned index);
void side_close(struct side *s, struct figure *f);

#endif
