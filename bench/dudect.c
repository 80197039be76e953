#include "bench/dudect.h"

#include <math.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

enum { CALLS_MAX = 1 << 20, CALLS_MIN = 1000, PERCENTILES = 40 };

struct measurement {
    double time;
    bool fixed;
};

/* Mean and variance as they come (Welford). */
struct moments {
    double n, mean, squares;
};

static void add(struct moments *m, double x)
{
    const double delta = x - m->mean;
    m->n++;
    m->mean += delta / m->n;
    m->squares += delta * (x - m->mean);
}

static double welch(const struct moments m[2])
{
    if (m[0].n < 2 || m[1].n < 2)
        return 0;
    const double error =
        sqrt(m[0].squares / (m[0].n - 1) / m[0].n + m[1].squares / (m[1].n - 1) / m[1].n);
    return error > 0 ? (m[0].mean - m[1].mean) / error : 0;
}

/* t of the calls that took no longer than limit. */
static double t_below(const struct measurement *m, size_t n, double limit)
{
    struct moments both[2] = {{0}};
    for (size_t i = 0; i < n; i++)
        if (m[i].time <= limit)
            add(&both[m[i].fixed], m[i].time);
    return welch(both);
}

static int by_time(const void *a, const void *b)
{
    const double x = ((const struct measurement *)a)->time,
                 y = ((const struct measurement *)b)->time;
    return (x > y) - (x < y);
}

/* Ticks of whatever counts finest. */
static double ticks(void)
{
#if defined(__x86_64__)
    unsigned cpu;
    return (double)__rdtscp(&cpu);
#else
    return now_seconds() * 1e9;
#endif
}

static void measure_target(const struct options *o, const struct dudect_target *t,
                           struct dudect_result *r)
{
    struct measurement *m = bench_alloc(CALLS_MAX * sizeof *m);
    void *state = t->open(o, t->batch);
    const double start = now_seconds();
    size_t n = 0;
    while (n < CALLS_MAX && (n < CALLS_MIN || now_seconds() - start < o->seconds)) {
        uint8_t coin[2];
        if (RAND_bytes(coin, 2) != 1)
            bench_die("OpenSSL", "no random bytes");
        m[n].fixed = coin[0] & 1;
        t->load(state, m[n].fixed ? 0 : 1 + coin[1] % (DUDECT_POOL - 1));
        const double before = ticks();
        t->call(state);
        m[n++].time = ticks() - before;
    }
    t->close(state);
    *r = (struct dudect_result){.target = t, .calls = n, .t = t_below(m, n, INFINITY)};
    qsort(m, n, sizeof *m, by_time);
    r->t_cropped = r->t;
    for (int i = 0; i < PERCENTILES; i++) { /* finer towards the longest calls, as in the paper */
        const double part = 1 - pow(0.5, 10.0 * (i + 1) / PERCENTILES);
        const double crop = t_below(m, n, m[(size_t)(part * (double)(n - 1))].time);
        if (fabs(crop) > fabs(r->t_cropped))
            r->t_cropped = crop;
    }
    free(m);
}

bool dudect_differs(const struct dudect_result *r)
{
    return fabs(r->t_cropped) > DUDECT_LIMIT;
}

const char *dudect_verdict(const struct dudect_result *r)
{
    if (r->target->leaks)
        return dudect_differs(r) ? "differs, as it must" : "the test sees nothing here";
    return dudect_differs(r) ? "DIFFERS" : "no difference";
}

void dudect(const struct options *o)
{
    struct dudect_result r;
    for (const struct dudect_target *t = dudect_targets; t->name; t++) {
        if (!option_matches(o->pattern, t->name))
            continue;
        measure_target(o, t, &r);
        report_dudect(o, &r);
    }
}
