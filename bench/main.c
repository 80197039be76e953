/* hufu-bench: options, and the loop over the cases. */
#include "bench/bench.h"
#include "bench/dudect.h"

#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct bench_case *const levels[] = {core_cases, device_cases, link_cases};

static const char help[] =
    "usage: hufu-bench [options]\n"
    "Measures the device at three levels, each slice in turn with a slice of OpenSSL:\n"
    "core.* the engine, device.* commands in process, link.* libhufu over a Unix socket.\n\n"
    "  --case GLOB      only the cases that match (may hold commas: 'core.*,link.sm2.*')\n"
    "  --engine NAME    this engine instead of the best one of the machine\n"
    "  --sessions N     callers of the cases that end in -sessions or -clients (default 64)\n"
    "  --threads N      threads of the engine, of the device, of the simulator (default 1)\n"
    "  --batch N        items in a call instead of the defaults of each case\n"
    "  --seconds S      time for a case (default 2)\n"
    "  --sweep NAMES    instead of the cases: batch, threads, sessions, records, objects, or all;\n"
    "                   --case limits it\n"
    "  --dudect         instead of the cases: does the time of secret operations depend on "
    "secrets?\n"
    "  --all            the cases, all sweeps and --dudect\n"
    "  --calls N        make N calls of each case and nothing else: for callgrind and perf\n"
    "  --json           one JSON object a line instead of the table\n"
    "  --out DIR        write DIR/report.json, .csv, .svg and .md as well\n"
    "  --link URL       only the link to a device that is there: round trips, largest command, "
    "batches\n"
    "  --sim PATH       hufu-sim for link.* (default: beside this program)\n"
    "  --list           the names of the cases\n"
    "  --help, --version\n\n"
    "Exit status: 0 done, 1 failed, 2 usage. See hufu-bench(1).\n";

static int usage(const char *what, const char *value)
{
    fprintf(stderr, "hufu-bench: %s: %s; see hufu-bench --help\n", what, value);
    exit(2);
}

bool option_matches(const char *patterns, const char *name)
{
    char copy[512];
    if (!patterns)
        return true;
    snprintf(copy, sizeof copy, "%s", patterns);
    for (char *save, *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save))
        if (!fnmatch(p, name, 0))
            return true;
    return false;
}

#define EACH_CASE(c)                                                                               \
    for (size_t level_ = 0; level_ < sizeof levels / sizeof *levels; level_++)                     \
        for (const struct bench_case *c = levels[level_]; c->name; c++)

static int list(void)
{
    EACH_CASE(c)
    printf("%s\n", c->name);
    return 0;
}

static unsigned long count(const char *option, const char *text, unsigned long max)
{
    char *end;
    const unsigned long v = strtoul(text, &end, 10);
    if (*end || end == text || v < 1 || v > max)
        usage(option, "a whole number from 1 on");
    return v;
}

static const char *sweep_names(const char *names)
{
    char copy[128];
    if (!strcmp(names, "all"))
        return "*";
    snprintf(copy, sizeof copy, "%s", names);
    for (char *save, *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save))
        if (!sweep_known(p))
            usage("--sweep", "batch, threads, sessions, records, objects or all");
    return names;
}

static void parse(struct options *o, int argc, char **argv)
{
    enum {
        CASE = 256,
        ENGINE,
        THREADS,
        SESSIONS,
        SWEEP,
        ALL,
        DUDECT,
        BATCH,
        SECONDS,
        CALLS,
        JSON,
        OUT,
        LINK,
        SIM,
        LIST,
        HELP,
        VERSION
    };
    static const struct option longs[] = {
        {"case", 1, NULL, CASE},       {"engine", 1, NULL, ENGINE},
        {"threads", 1, NULL, THREADS}, {"sessions", 1, NULL, SESSIONS},
        {"sweep", 1, NULL, SWEEP},     {"all", 0, NULL, ALL},
        {"dudect", 0, NULL, DUDECT},   {"batch", 1, NULL, BATCH},
        {"seconds", 1, NULL, SECONDS}, {"calls", 1, NULL, CALLS},
        {"json", 0, NULL, JSON},       {"out", 1, NULL, OUT},
        {"link", 1, NULL, LINK},       {"sim", 1, NULL, SIM},
        {"list", 0, NULL, LIST},       {"help", 0, NULL, HELP},
        {"version", 0, NULL, VERSION}, {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (c) {
        case CASE:
            o->pattern = optarg;
            break;
        case ENGINE:
            o->engine = optarg;
            break;
        case THREADS:
            o->threads = (unsigned)count("--threads", optarg, 64);
            break;
        case SESSIONS:
            o->sessions = (unsigned)count("--sessions", optarg, 256);
            break;
        case SWEEP:
            o->sweep = sweep_names(optarg);
            break;
        case DUDECT:
            o->dudect = true;
            break;
        case ALL:
            o->all = true;
            break;
        case BATCH:
            o->batch = count("--batch", optarg, 1 << 20);
            break;
        case SECONDS:
            o->seconds = atof(optarg);
            break;
        case CALLS:
            o->calls = count("--calls", optarg, 1000000000);
            break;
        case JSON:
            o->json = true;
            break;
        case OUT:
            o->out = optarg;
            break;
        case LINK:
            o->link = optarg;
            break;
        case SIM:
            o->sim = optarg;
            break;
        case LIST:
            exit(list());
        case HELP:
            fputs(help, stdout);
            exit(0);
        case VERSION:
            printf("hufu-bench %s\n", HUFU_VERSION);
            exit(0);
        default:
            exit(2);
        }
    }
    if (optind < argc)
        usage("argument", argv[optind]);
    if (!(o->seconds > 0 && o->seconds < 3600))
        usage("--seconds", "more than 0 and less than 3600");
}

/* hufu-sim beside this program, unless told. */
static void find_sim(struct options *o, const char *self, char *path, size_t room)
{
    const char *slash = strrchr(self, '/');
    if (o->sim)
        return;
    snprintf(path, room, "%.*shufu-sim", slash ? (int)(slash - self + 1) : 0, self);
    o->sim = path;
}

/* Which of how many is measured, for somebody who watches. */
static void progress(const struct options *o, const char *name, size_t batch, size_t of)
{
    static size_t number;
    if (!o->json && isatty(STDERR_FILENO))
        fprintf(stderr, "[%zu of %zu] %s, batch %zu ...\033[K\r", ++number, of, name, batch);
}

static size_t batch_count(const struct bench_case *c, const struct options *o)
{
    size_t n = 0;
    while (c->batches[n])
        n++;
    return o->batch ? 1 : n;
}

static void run_case(const struct bench_case *c, const struct options *o, size_t of)
{
    const size_t one[] = {o->batch, 0}, *batch = o->batch ? one : c->batches;
    struct result r;
    for (; *batch; batch++) {
        if (o->calls) {
            call_only(c, o, *batch);
            continue;
        }
        progress(o, c->name, *batch, of);
        measure(c, o, *batch, &r);
        report_result(o, &r);
    }
}

const struct bench_case *find_case(const char *name)
{
    EACH_CASE(c)
    if (!strcmp(c->name, name))
        return c;
    bench_die(name, "no such case");
}

static void measure_cases(const struct options *o)
{
    size_t rows = 0;
    EACH_CASE(c)
    if (option_matches(o->pattern, c->name))
        rows += batch_count(c, o);
    if (!rows)
        usage("--case", "no case matches; --list names them");
    EACH_CASE(c)
    if (option_matches(o->pattern, c->name))
        run_case(c, o, rows);
}

int main(int argc, char **argv)
{
    struct options o = {.threads = 1, .seconds = 2, .sessions = 64};
    char sim[1024];
    parse(&o, argc, argv);
    find_sim(&o, argv[0], sim, sizeof sim);
    engine_name(&o);
    if (o.link) {
        link_measure(&o, o.link);
        return 0;
    }
    if (!o.calls)
        report_begin(&o);
    if (!o.sweep && !o.dudect)
        measure_cases(&o);
    if (o.sweep || o.all)
        sweeps(&o);
    if (o.dudect || o.all)
        dudect(&o);
    link_stop();
    if (!o.calls)
        report_end(&o);
    return 0;
}
