/*
 * Sweeps: one parameter changes, everything else stays. All its values are open at the same time
 * and are measured in turn, round by round, so that they can be compared with each other.
 */
#include "bench/side.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VALUES = 64, KEPT_CALLS = 1 << 15 };

static const char *const names[] = {"batch", "threads", "sessions", "records", "objects"};

/* Around every multiple of what an engine works on together. */
static const size_t sm2_sizes[] = {
    1,   2,   3,   4,   5,    6,    7,    8,    9,    10,   11,   12,   13,  14,  15,
    16,  17,  18,  20,  24,   25,   28,   32,   33,   36,   40,   41,   48,  49,  56,
    57,  63,  64,  65,  72,   80,   96,   97,   112,  128,  129,  160,  192, 256, 257,
    384, 512, 513, 768, 1024, 1025, 1536, 2048, 2049, 3072, 4096, 4097, 0};
static const size_t verify_sizes[] = {
    1,  2,  3,  4,  5,  6,  7,  8,   9,   10,  12,  16,  17,  20,   24,   25,   32,   33, 40,
    41, 47, 48, 49, 64, 65, 96, 128, 129, 256, 257, 512, 513, 1024, 1025, 2048, 2049, 0};
static const size_t rsa_sizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 24, 25, 32, 0};

static const struct {
    const char *name;
    const size_t *sizes;
} batch_cases[] = {{"core.sm2.keygen", sm2_sizes},
                   {"core.sm2.sign", sm2_sizes},
                   {"core.sm2.verify", verify_sizes},
                   {"core.sm2.verify-keys", verify_sizes},
                   {"core.rsa2048.sign", rsa_sizes}};

static const struct {
    const char *name;
    size_t batch;
} thread_cases[] = {
    {"core.sm2.keygen", 2048},   {"core.sm2.sign", 2048},   {"core.rsa2048.sign", 8},
    {"device.sm2.keygen", 8000}, {"device.sm2.sign", 8000}, {"device.rsa2048.keygen", 32},
    {"device.rsa2048.sign", 64}, {"link.sm2.keygen", 8000}, {"link.sm2.sign", 8000}};

static const char *const session_cases[] = {"device.sm2.sign-sessions", "link.sm2.sign-sessions",
                                            "link.rsa2048.sign-sessions"};

bool sweep_known(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

static bool wanted(const struct options *o, const char *sweep, const char *name)
{
    return option_matches(o->sweep, sweep) && option_matches(o->pattern, name);
}

static void rounds(struct side **side, size_t n, double seconds)
{
    for (size_t i = 0; i < n; i++)
        side_slice(side[i], seconds / 4, SLICES);
    for (unsigned round = 0; round < SLICES; round++)
        for (size_t i = 0; i < n; i++)
            side_slice(side[i], seconds, round);
}

static struct side *new_side(void)
{
    return bench_alloc(sizeof(struct side));
}

/* ------------------------------------------------------------------ batch */

/*
 * The quickest call of each size is compared: others on the machine cannot make a call quicker.
 * ratio: time of an item beside the best of all smaller batches; above 1, a larger batch is slower.
 */
static void sweep_batch(const struct options *o, const char *name, const size_t *sizes)
{
    const struct bench_case *c = find_case(name);
    struct side *side[VALUES];
    struct point p = {.sweep = "batch", .name = name, .unit = c->unit};
    double best = 0;
    size_t n = 0;
    for (; sizes[n]; n++)
        side_open(side[n] = new_side(), &c->self, o, sizes[n], 4096);
    rounds(side, n, o->seconds / SLICES / 20);
    for (size_t i = 0; i < n; i++) {
        side_close(side[i], &p.f);
        p.x = sizes[i];
        p.f.max = (double)sizes[i] * 1e6 / p.f.least_us;
        p.ratio = best > 0 ? best / p.f.max : 1;
        best = p.f.max > best ? p.f.max : best;
        report_point(o, &p);
        free(side[i]);
    }
}

static void all_batches(const struct options *o)
{
    const struct options one = {.engine = o->engine,
                                .threads = 1,
                                .seconds = o->seconds,
                                .json = o->json,
                                .out = o->out,
                                .sessions = 1};
    for (size_t i = 0; i < sizeof batch_cases / sizeof *batch_cases; i++)
        if (wanted(o, "batch", batch_cases[i].name))
            sweep_batch(&one, batch_cases[i].name, batch_cases[i].sizes);
}

/* ------------------------------------------------------------------ threads */

static size_t processors(void)
{
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (size_t)n : 1;
}

/* 1, 2, 4 ... and all processors. */
static size_t thread_counts(size_t *count)
{
    const size_t most = processors();
    size_t n = 0;
    for (size_t t = 1; t < most && n < 8; t *= 2)
        count[n++] = t;
    count[n++] = most;
    return n;
}

/* The simulator of the link cases has its threads from its start, so these are measured one after
 * the other. */
static void sweep_threads(const struct options *o, const char *name, size_t batch)
{
    const struct bench_case *c = find_case(name);
    const bool link = !strncmp(name, "link.", 5);
    const double slice = o->seconds * c->patience / SLICES / 4;
    struct side *side[16];
    struct figure f[16];
    struct options with[16];
    size_t count[16];
    const size_t n = thread_counts(count);
    for (size_t i = 0; i < n; i++) {
        with[i] = *o;
        with[i].threads = (unsigned)count[i];
        if (link)
            link_stop();
        side_open(side[i] = new_side(), &c->self, &with[i], batch, 4096);
        if (link) {
            rounds(side + i, 1, slice);
            side_close(side[i], &f[i]);
        }
    }
    if (!link)
        rounds(side, n, slice);
    for (size_t i = 0; i < n; i++) {
        if (!link)
            side_close(side[i], &f[i]);
        free(side[i]);
        const struct point p = {"threads", name, c->unit, count[i], f[i], f[i].max / f[0].max};
        report_point(o, &p);
    }
    if (link)
        link_stop();
}

static void all_threads(const struct options *o)
{
    if (processors() < 2 && option_matches(o->sweep, "threads")) {
        report_absent(o, "sweep threads", "this machine has one processor");
        return;
    }
    for (size_t i = 0; i < sizeof thread_cases / sizeof *thread_cases; i++)
        if (wanted(o, "threads", thread_cases[i].name))
            sweep_threads(o, thread_cases[i].name, thread_cases[i].batch);
}

/* ------------------------------------------------------------------ sessions */

static void sweep_sessions(const struct options *o, const char *name)
{
    static const unsigned counts[] = {1, 2, 4, 8, 16, 32, 64, 128};
    enum { N = sizeof counts / sizeof *counts };
    const struct bench_case *c = find_case(name);
    struct side *side[N];
    struct options with[N];
    struct point p = {.sweep = "sessions", .name = name, .unit = c->unit};
    double one = 0;
    size_t n = 0;
    for (; n < N && counts[n] <= o->sessions; n++) {
        with[n] = *o;
        with[n].sessions = counts[n];
        side_open(side[n] = new_side(), &c->self, &with[n], 1, KEPT_CALLS);
    }
    rounds(side, n, o->seconds / SLICES / 2);
    for (size_t i = 0; i < n; i++) {
        side_close(side[i], &p.f);
        free(side[i]);
        one = i ? one : p.f.max;
        p.x = counts[i];
        p.ratio = p.f.max / one;
        report_point(o, &p);
    }
}

void sweeps(const struct options *o)
{
    all_batches(o);
    all_threads(o);
    for (size_t i = 0; i < sizeof session_cases / sizeof *session_cases; i++)
        if (wanted(o, "sessions", session_cases[i]))
            sweep_sessions(o, session_cases[i]);
    sweep_objects(o);
}
