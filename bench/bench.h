/*
 * The bench: cases that are measured in slices, each slice in turn with a slice of its peer, so
 * that a change of the machine's speed meets both. A figure is the median of the slices.
 */
#ifndef HUFU_BENCH_H
#define HUFU_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SLICES = 9 };

struct options {
    const char *pattern; /* glob of case names */
    const char *engine;  /* NULL: the best of the machine */
    unsigned threads;
    unsigned sessions; /* callers of the cases that end in -sessions or -clients */
    unsigned batch;    /* 0: the defaults of the case */
    double seconds;
    unsigned calls; /* not 0: this many and nothing else, for tools that count instructions */
    bool json;
    const char *out;   /* folder for report.json and report.csv, or NULL */
    const char *link;  /* a device that is there: only its link is measured; NULL: none */
    const char *sim;   /* path of hufu-sim for the link cases */
    const char *sweep; /* names of sweeps, with commas, instead of the cases */
    bool dudect;       /* the statistical test of times instead of the cases */
    unsigned compare;  /* not 0: compare so many results of two engines instead of the cases */
    bool all;          /* the cases, every sweep, the test of times and a comparison */
};

/*
 * Something that can be measured. open makes the state of one thread (index 0 ... threads-1),
 * exiting with a message on failure; call does one call and returns how many units it did; close
 * frees the state.
 */
struct subject {
    void *(*open)(const struct options *o, size_t batch, unsigned thread);
    double (*call)(void *state);
    void (*close)(void *state);
    unsigned (*call_threads)(const struct options *o); /* threads that call; NULL: o->threads */
};

struct bench_case {
    const char *name;  /* level.algorithm.operation */
    const char *unit;  /* what is counted: pair, signature, verification, MB */
    size_t batches[4]; /* default batch sizes, ended by 0 */
    struct subject self;
    const struct work *work; /* what the peers do meanwhile */
    unsigned peers;          /* how many of them, OpenSSL first */
    double required;         /* a second; 0: nothing is required */
    double patience;         /* multiplies the time: for rare and uneven operations */
};

/* Cases of one level, ended by a NULL name. */
extern const struct bench_case core_cases[], device_cases[], link_cases[];

/* Who does the same work beside us: one operation a call, one thread. OpenSSL always, the others
 * when the bench was built where their headers are. */
enum peer_index { PEER_OPENSSL, PEER_BOTAN, PEER_GCRYPT, PEER_SOFTHSM, PEERS };
extern const char *const peer_names[PEERS];
/* NULL, or why this peer cannot be measured here. */
const char *peer_absent(unsigned peer);

struct work {
    const struct subject *by[PEERS]; /* NULL: this peer cannot, or is not here */
};
extern const struct work work_sm2_keygen, work_sm2_sign, work_sm2_verify, work_sm2_check,
    work_rsa2048_keygen, work_rsa2048_sign, work_rsa2048_verify, work_sm3, work_sm4;

/* Sizes that both sides use. */
enum { BULK = 16384 }; /* bytes hashed or encrypted in a call */
#define BULK_MB ((double)BULK / 1e6)

enum { KEYGEN_REQUIRED = 450, SIGN_REQUIRED_AN_HOUR = 50000 };

struct figure {
    double ops, min, max; /* units a second: median, least and most of the slices */
    double least_us, p50_us, p99_us, p999_us; /* of one call */
    unsigned slices;
};

struct result {
    const struct bench_case *c;
    const char *engine;
    unsigned threads;
    size_t batch;
    struct figure self, peer[PEERS]; /* a peer that was not measured: ops 0 */
};

double now_seconds(void);
/* Exits with one line: what the bench cannot do without. */
void bench_die(const char *what, const char *why) __attribute__((noreturn));
void *bench_alloc(size_t n); /* zeroed, 64-byte aligned; exits when there is no memory */

/* Measure c with this batch, in turn with its peer. */
void measure(const struct bench_case *c, const struct options *o, size_t batch, struct result *r);

/* o->calls calls of c on one thread, without a clock and without peers; prints how many units they
 * did. */
void call_only(const struct bench_case *c, const struct options *o, size_t batch);

/* The engine that the options name, exits when this machine or build has no such engine. */
const char *engine_name(const struct options *o);
struct engine;
const struct engine *bench_engine(const struct options *o);

/* Percentiles of call_us, which is sorted for it. */
void figure_of_calls(struct figure *f, double *call_us, size_t calls);

/* A point of a sweep: what was measured while one parameter changed. */
struct point {
    const char *sweep; /* batch, threads, sessions, records, objects */
    const char *name;  /* the case */
    const char *unit;
    size_t x; /* the parameter's value */
    struct figure f;
    double ratio; /* batch: time of an item beside the best of all smaller batches; threads: rate
                     beside one thread; sessions: beside one session; records, objects: 0 */
};

/* The sweeps that the options name, or all of them. */
void sweeps(const struct options *o);
bool sweep_known(const char *name);
void sweep_objects(const struct options *o);
bool option_matches(const char *patterns, const char *name); /* globs with commas; NULL: all */
/* Case by name. */
const struct bench_case *find_case(const char *name);

/* n SM2 signatures of random digests, each with a key of its own; made by the engine. */
void bench_sm2_signatures(const struct options *o, size_t n, uint8_t (*pub)[64], uint8_t (*e)[32],
                          uint8_t (*sig)[64]);

/* Output, one line a result. */
void report_begin(const struct options *o);
void report_result(const struct options *o, const struct result *r);
void report_point(const struct options *o, const struct point *p);
struct dudect_result;
void report_dudect(const struct options *o, const struct dudect_result *r);
struct comparison;
void report_comparison(const struct options *o, const struct comparison *r);
/* The cases themselves are asked for, alone or among all. */
static inline bool wants_cases(const struct options *o)
{
    return o->all || (!o->sweep && !o->dudect && !o->compare);
}
/* What this machine cannot measure, and why: it is in every report. */
void report_absent(const struct options *o, const char *what, const char *why);
void report_end(const struct options *o);

/* The simulator behind the link cases is started with the first of them and stopped here. */
void link_stop(void);

/* Measure the device behind a link, named "URL" or "NAME=URL". */
void link_measure(const struct options *o, const char *link);

#endif
