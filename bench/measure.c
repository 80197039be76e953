/* Slices, threads, medians. */
#include "bench/side.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEPT_CALLS = 1 << 16 };

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

/* The times of single calls move down to those that are kept already. */
static void keep_calls(struct side *s, const struct job *job)
{
    for (unsigned i = 0; i < s->threads; i++) {
        memmove(s->call_us + s->calls, job[i].call_us, job[i].calls * sizeof *s->call_us);
        s->calls += job[i].calls;
    }
}

double side_slice(struct side *s, double seconds, unsigned index)
{
    static struct job job[MAX_THREADS];
    pthread_t thread[MAX_THREADS];
    const size_t part = s->room / SLICES / s->threads;
    double rate = 0;
    memset(job, 0, sizeof job);
    for (unsigned i = 0; i < s->threads; i++) {
        job[i] = (struct job){.side = s, .thread = i, .seconds = seconds};
        if (index < SLICES) {
            job[i].call_us = s->call_us + (index * s->threads + i) * part;
            job[i].room = part;
        }
    }
    for (unsigned i = 1; i < s->threads; i++)
        if (pthread_create(&thread[i], NULL, run_job, &job[i]))
            bench_die("threads", "cannot start another one");
    run_job(&job[0]);
    for (unsigned i = 1; i < s->threads; i++)
        pthread_join(thread[i], NULL);
    for (unsigned i = 0; i < s->threads; i++)
        rate += job[i].ops / job[i].spent;
    if (index < SLICES) {
        keep_calls(s, job);
        s->rate[index] = rate;
    }
    return rate;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void side_open(struct side *s, const struct subject *subject, const struct options *o, size_t batch,
               size_t room)
{
    memset(s, 0, sizeof *s);
    s->subject = subject;
    s->threads = subject->call_threads ? subject->call_threads(o) : o->threads;
    if (s->threads < 1 || s->threads > MAX_THREADS)
        bench_die("threads", "1 to 256 callers");
    for (unsigned i = 0; i < s->threads; i++)
        s->state[i] = subject->open(o, batch, i);
    s->room = room;
    s->call_us = bench_alloc(room * sizeof *s->call_us);
}

void figure_of_calls(struct figure *f, double *call_us, size_t calls)
{
    qsort(call_us, calls, sizeof *call_us, by_size);
    if (!calls)
        return;
    f->least_us = call_us[0];
    f->p50_us = call_us[calls / 2];
    f->p99_us = call_us[calls - 1 - calls / 100];
    f->p999_us = call_us[calls - 1 - calls / 1000];
}

void side_close(struct side *s, struct figure *f)
{
    for (unsigned i = 0; i < s->threads; i++)
        s->subject->close(s->state[i]);
    qsort(s->rate, SLICES, sizeof *s->rate, by_size);
    *f = (struct figure){.ops = s->rate[SLICES / 2],
                         .min = s->rate[0],
                         .max = s->rate[SLICES - 1],
                         .slices = SLICES};
    figure_of_calls(f, s->call_us, s->calls);
    free(s->call_us);
}

/* The peers of a case that are here, one thread each, warm. */
static void open_peers(struct side peer[PEERS], const struct bench_case *c, const struct options *o,
                       double slice)
{
    const struct options single = {.threads = 1, .seconds = o->seconds};
    for (unsigned p = 0; p < c->peers; p++) {
        peer[p].subject = NULL;
        if (!c->work->by[p] || peer_absent(p))
            continue;
        side_open(&peer[p], c->work->by[p], &single, 1, KEPT_CALLS);
        side_slice(&peer[p], slice / 2, SLICES);
    }
}

void measure(const struct bench_case *c, const struct options *o, size_t batch, struct result *r)
{
    static struct side self, peer[PEERS];
    const double slice = o->seconds * (c->patience > 0 ? c->patience : 1) / SLICES / 2;
    *r = (struct result){.c = c, .engine = engine_name(o), .threads = o->threads, .batch = batch};
    side_open(&self, &c->self, o, batch, KEPT_CALLS);
    side_slice(&self, slice / 2, SLICES);
    open_peers(peer, c, o, slice);
    for (unsigned i = 0; i < SLICES; i++) {
        side_slice(&self, slice, i);
        for (unsigned p = 0; p < c->peers; p++)
            if (peer[p].subject)
                side_slice(&peer[p], slice / (p ? 2 : 1), i);
    }
    side_close(&self, &r->self);
    for (unsigned p = 0; p < c->peers; p++)
        if (peer[p].subject)
            side_close(&peer[p], &r->peer[p]);
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
