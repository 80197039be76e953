/* Slices, threads, medians. */
#include "bench/bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_CALLS = 1 << 16, MAX_THREADS = 64 };

struct side { /* one side of a comparison: us or the peer */
    const struct subject *subject;
    unsigned threads;
    void *state[MAX_THREADS];
    double rate[SLICES];
    double *call_us;
    size_t calls;
};

struct job {
    struct side *side;
    unsigned thread;
    double seconds, ops, spent;
    double *call_us;
    size_t calls, room;
};

double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void bench_die(const char *what, const char *why)
{
    fprintf(stderr, "hufu-bench: %s: %s\n", what, why);
    link_stop();
    exit(1);
}

void *bench_alloc(size_t n)
{
    const size_t whole = (n + 63) / 64 * 64;
    void *p = aligned_alloc(64, whole ? whole : 64);
    if (!p)
        bench_die("memory", "there is none left");
    memset(p, 0, whole);
    return p;
}

static void *run_job(void *arg)
{
    struct job *j = arg;
    const double start = now_seconds();
    double last = start;
    do {
        j->ops += j->side->subject->call(j->side->state[j->thread]);
        const double t = now_seconds();
        if (j->calls < j->room)
            j->call_us[j->calls++] = (t - last) * 1e6;
        last = t;
    } while (last - start < j->seconds);
    j->spent = last - start;
    return NULL;
}

/* One slice on all threads of a side; units a second. */
static double run_slice(struct side *s, double seconds)
{
    struct job job[MAX_THREADS];
    pthread_t thread[MAX_THREADS];
    double rate = 0;
    memset(job, 0, sizeof job);
    for (unsigned i = 0; i < s->threads; i++)
        job[i] = (struct job){.side = s, .thread = i, .seconds = seconds};
    job[0].call_us = s->call_us + s->calls;
    job[0].room = MAX_CALLS - s->calls;
    for (unsigned i = 1; i < s->threads; i++)
        if (pthread_create(&thread[i], NULL, run_job, &job[i]))
            bench_die("threads", "cannot start another one");
    run_job(&job[0]);
    for (unsigned i = 1; i < s->threads; i++)
        pthread_join(thread[i], NULL);
    s->calls += job[0].calls;
    for (unsigned i = 0; i < s->threads; i++)
        rate += job[i].ops / job[i].spent;
    return rate;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void open_side(struct side *s, const struct options *o, size_t batch)
{
    s->threads = s->subject->call_threads ? s->subject->call_threads(o) : o->threads;
    if (s->threads < 1 || s->threads > MAX_THREADS)
        bench_die("--threads", "1 to 64");
    for (unsigned i = 0; i < s->threads; i++)
        s->state[i] = s->subject->open(o, batch, i);
    s->call_us = bench_alloc(MAX_CALLS * sizeof *s->call_us);
}

static void close_side(struct side *s, struct figure *f)
{
    for (unsigned i = 0; i < s->threads; i++)
        s->subject->close(s->state[i]);
    qsort(s->rate, SLICES, sizeof *s->rate, by_size);
    qsort(s->call_us, s->calls, sizeof *s->call_us, by_size);
    f->ops = s->rate[SLICES / 2];
    f->min = s->rate[0];
    f->max = s->rate[SLICES - 1];
    f->p50_us = s->calls ? s->call_us[s->calls / 2] : 0;
    f->p99_us = s->calls ? s->call_us[s->calls - 1 - s->calls / 100] : 0;
    f->slices = SLICES;
    free(s->call_us);
}

void measure(const struct bench_case *c, const struct options *o, size_t batch, struct result *r)
{
    struct side self = {.subject = &c->self}, peer[PEERS] = {0};
    const struct options single = {.threads = 1, .seconds = o->seconds};
    const double slice = o->seconds * (c->patience > 0 ? c->patience : 1) / SLICES / 2;
    memset(r, 0, sizeof *r);
    *r = (struct result){.c = c, .engine = engine_name(o), .threads = o->threads, .batch = batch};
    open_side(&self, o, batch);
    run_slice(&self, slice / 2); /* warm up, not counted */
    self.calls = 0;
    for (unsigned p = 0; p < c->peers; p++) {
        peer[p].subject = c->work->by[p];
        if (!peer[p].subject)
            continue;
        open_side(&peer[p], &single, 1);
        run_slice(&peer[p], slice / 2);
        peer[p].calls = 0;
    }
    for (int i = 0; i < SLICES; i++) {
        self.rate[i] = run_slice(&self, slice);
        for (unsigned p = 0; p < c->peers; p++)
            if (peer[p].subject)
                peer[p].rate[i] = run_slice(&peer[p], slice / (p ? 2 : 1));
    }
    close_side(&self, &r->self);
    for (unsigned p = 0; p < c->peers; p++)
        if (peer[p].subject)
            close_side(&peer[p], &r->peer[p]);
}

void call_only(const struct bench_case *c, const struct options *o, size_t batch)
{
    void *state = c->self.open(o, batch, 0);
    double units = 0;
    for (unsigned long i = 0; i < o->calls; i++)
        units += c->self.call(state);
    printf("%s %zu %.6f\n", c->name, batch, units);
    c->self.close(state);
}
