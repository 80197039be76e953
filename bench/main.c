/* hufu-bench: options, and the loop over the cases. */
#include "bench/bench.h"
#include "bench/compare.h"
#include "bench/dudect.h"

#include <fnmatch.h>
#include <getopt.h>
#include <stddef.h>
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
    "  --compare N      instead of the cases: N SM2 key pairs and signatures of this engine and "
    "of\n"
    "                   the portable one: do they differ?\n"
    "  --all            the cases, all sweeps, --dudect and --compare 1000000\n"
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

/* What is done with the text of an option; those without text come from FLAG on. */
enum kind { TEXT, COUNT, SECONDS, SWEEP, FLAG, LIST, PRINTED };

static const struct choice {
    const char *name;
    enum kind kind;
    size_t at;        /* TEXT, COUNT, FLAG: where the const char *, unsigned, bool is */
    unsigned most;    /* COUNT */
    const char *text; /* PRINTED */
} choices[] = {
#define AT(field) .at = offsetof(struct options, field)
    {"case", TEXT, AT(pattern)},
    {"engine", TEXT, AT(engine)},
    {"threads", COUNT, AT(threads), .most = 64},
    {"sessions", COUNT, AT(sessions), .most = 256},
    {.name = "sweep", .kind = SWEEP},
    {"all", FLAG, AT(all)},
    {"dudect", FLAG, AT(dudect)},
    {"compare", COUNT, AT(compare), .most = 1000000000},
    {"batch", COUNT, AT(batch), .most = 1 << 20},
    {.name = "seconds", .kind = SECONDS},
    {"calls", COUNT, AT(calls), .most = 1000000000},
    {"json", FLAG, AT(json)},
    {"out", TEXT, AT(out)},
    {"link", TEXT, AT(link)},
    {"sim", TEXT, AT(sim)},
    {.name = "list", .kind = LIST},
    {"help", PRINTED, .text = help},
    {"version", PRINTED, .text = "hufu-bench " HUFU_VERSION "\n"},
#undef AT
};

static void usage_of(const struct choice *r, const char *wanted)
{
    char name[16];
    snprintf(name, sizeof name, "--%s", r->name);
    usage(name, wanted);
}

static unsigned count(const struct choice *r, const char *text)
{
    char *end, wanted[48];
    const unsigned long v = strtoul(text, &end, 10);
    snprintf(wanted, sizeof wanted, "a whole number from 1 to %u", r->most);
    if (*end || *text < '0' || *text > '9' || v < 1 || v > r->most)
        usage_of(r, wanted);
    return (unsigned)v;
}

enum { CHOICES = sizeof choices / sizeof *choices };

static void parse_one(struct options *o, const struct choice *r, const char *text)
{
    void *field = (char *)o + r->at;
    char *end;
    switch (r->kind) {
    case TEXT:
        *(const char **)field = text;
        break;
    case COUNT:
        *(unsigned *)field = count(r, text);
        break;
    case SECONDS:
        o->seconds = strtod(text, &end);
        if (*end || !(o->seconds > 0 && o->seconds < 3600))
            usage_of(r, "more than 0 and less than 3600");
        break;
    case SWEEP:
        o->sweep = sweep_names(text);
        break;
    case FLAG:
        *(bool *)field = true;
        break;
    case LIST:
        exit(list());
    case PRINTED:
        fputs(r->text, stdout);
        exit(0);
    }
}

static void parse(struct options *o, int argc, char **argv)
{
    struct option table[CHOICES + 1] = {{0}};
    for (int i = 0; i < CHOICES; i++)
        table[i] = (struct option){choices[i].name, choices[i].kind < FLAG, NULL, i};
    opterr = 0; /* getopt's own words name no help */
    for (int i; (i = getopt_long(argc, argv, ":", table, NULL)) != -1;) {
        if (i == '?' || i == ':')
            usage(argv[optind - 1], i == ':' ? "needs a value" : "not an option");
        if (optarg && !*optarg)
            usage_of(&choices[i], "needs a value");
        parse_one(o, &choices[i], optarg);
    }
    if (optind < argc)
        usage(argv[optind], "not an option");
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

/* What was printed must have arrived. */
static void flush_output(void)
{
    if (fflush(stdout) || ferror(stdout)) {
        fputs("hufu-bench: standard output: cannot be written\n", stderr);
        _exit(1);
    }
}

int main(int argc, char **argv)
{
    struct options o = {.threads = 1, .seconds = 2, .sessions = 64};
    char sim[1024];
    atexit(flush_output);
    parse(&o, argc, argv);
    find_sim(&o, argv[0], sim, sizeof sim);
    engine_name(&o);
    bool agree = true;
    if (o.all && !o.compare)
        o.compare = 1000000;
    if (o.link) {
        link_measure(&o, o.link);
        return 0;
    }
    if (!o.calls)
        report_begin(&o);
    if (wants_cases(&o))
        measure_cases(&o);
    if (o.sweep || o.all)
        sweeps(&o);
    if (o.dudect || o.all)
        dudect(&o);
    if (o.compare)
        agree = compare(&o);
    link_stop();
    if (!o.calls)
        report_end(&o);
    return agree ? 0 : 1;
}
