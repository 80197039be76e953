/* A table for people, JSON lines and CSV for programs. */
#include "bench/bench.h"
#include "bench/chart.h"
#include "bench/compare.h"
#include "bench/dudect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

static FILE *json_file, *csv_file;
static struct chart chart;
static char cpu[128];

/* The first line of /proc/cpuinfo that names the processor. */
static void cpu_model(char *out, size_t room)
{
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "r");
    snprintf(out, room, "unknown");
    while (f && fgets(line, sizeof line, f)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) || !colon)
            continue;
        snprintf(out, room, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    if (f)
        fclose(f);
}

static FILE *open_report(const char *folder, const char *name)
{
    char path[1024];
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    if (!f)
        bench_die(path, "cannot write the report there");
    return f;
}

static void describe(FILE *f, const struct options *o)
{
    struct utsname os;
    uname(&os);
    fprintf(f,
            "{\"machine\":\"%s\",\"processors\":%ld,\"kernel\":\"%s %s\",\"engine\":\"%s\","
            "\"compiler\":\"%s\",\"flags\":\"%s\",\"version\":\"%s\",\"limb_bits\":%d,"
            "\"threads\":%u,\"sessions\":%u,\"slices\":%d,\"seconds\":%g}\n",
            cpu, sysconf(_SC_NPROCESSORS_ONLN), os.sysname, os.release, engine_name(o), __VERSION__,
            HUFU_FLAGS, HUFU_VERSION, HUFU_LIMB_BITS, o->threads, o->sessions, SLICES, o->seconds);
}

/* What is known before anything is measured. */
static void say_absent(const struct options *o)
{
    const struct options best = {0};
    for (unsigned p = PEER_OPENSSL + 1; p < PEERS; p++)
        if (peer_absent(p))
            report_absent(o, peer_names[p], peer_absent(p));
    if (!strcmp(engine_name(&best), "portable"))
        report_absent(o, "engine ifma8", "this machine has no AVX-512 IFMA and VBMI");
}

void report_begin(const struct options *o)
{
    cpu_model(cpu, sizeof cpu);
    if (o->json)
        json_file = stdout;
    if (o->out) {
        json_file = open_report(o->out, "report.json");
        csv_file = open_report(o->out, "report.csv");
        fprintf(csv_file, "case,engine,threads,batch,unit,ops_per_s,min,max,p50_us,p99_us,slices,"
                          "peer,peer_ops_per_s,ratio,required,times_required,botan_ops_per_s,"
                          "libgcrypt_ops_per_s,softhsm2_ops_per_s,p999_us\n");
    }
    if (json_file)
        describe(json_file, o);
    if (!o->json)
        printf("%s, compiler %s, engine %s, %u thread%s\n", cpu, __VERSION__, engine_name(o),
               o->threads, o->threads > 1 ? "s" : "");
    say_absent(o);
    if (!o->json && wants_cases(o))
        printf("%-28s %6s %14s %10s %10s %12s %8s %10s\n", "case", "batch", "units/s", "p50 us",
               "p99 us", "OpenSSL/s", "ratio", "required");
}

static void print_json(FILE *f, const struct result *r)
{
    const double required = r->c->required;
    fprintf(f,
            "{\"case\":\"%s\",\"engine\":\"%s\",\"threads\":%u,\"batch\":%zu,\"ops_per_s\":%.1f,"
            "\"min\":%.1f,\"max\":%.1f,"
            "\"p50_us\":%.2f,\"p99_us\":%.2f,\"p999_us\":%.2f,\"unit\":\"%s\",\"slices\":%u,"
            "\"peer\":\"openssl\","
            "\"peer_ops_per_s\":%.1f,\"ratio\":%.3f",
            r->c->name, r->engine, r->threads, r->batch, r->self.ops, r->self.min, r->self.max,
            r->self.p50_us, r->self.p99_us, r->self.p999_us, r->c->unit, r->self.slices,
            r->peer[PEER_OPENSSL].ops, r->self.ops / r->peer[PEER_OPENSSL].ops);
    for (int p = PEER_OPENSSL + 1; p < PEERS; p++)
        if (r->peer[p].ops > 0)
            fprintf(f, ",\"%s_ops_per_s\":%.1f", peer_names[p], r->peer[p].ops);
    if (required > 0)
        fprintf(f, ",\"required\":%.2f,\"times_required\":%.1f", required, r->self.ops / required);
    else
        fprintf(f, ",\"required\":null,\"times_required\":null");
    fprintf(f, "}\n");
    fflush(f);
}

static void print_csv(const struct result *r)
{
    fprintf(csv_file, "%s,%s,%u,%zu,%s,%.1f,%.1f,%.1f,%.2f,%.2f,%u,openssl,%.1f,%.3f,", r->c->name,
            r->engine, r->threads, r->batch, r->c->unit, r->self.ops, r->self.min, r->self.max,
            r->self.p50_us, r->self.p99_us, r->self.slices, r->peer[PEER_OPENSSL].ops,
            r->self.ops / r->peer[PEER_OPENSSL].ops);
    if (r->c->required > 0)
        fprintf(csv_file, "%.2f,%.1f", r->c->required, r->self.ops / r->c->required);
    else
        fprintf(csv_file, ",");
    fprintf(csv_file, ",%.1f,%.1f,%.1f,%.2f\n", r->peer[PEER_BOTAN].ops, r->peer[PEER_GCRYPT].ops,
            r->peer[PEER_SOFTHSM].ops, r->self.p999_us);
}

void report_result(const struct options *o, const struct result *r)
{
    if (json_file)
        print_json(json_file, r);
    if (csv_file)
        print_csv(r);
    if (o->out)
        chart_add(&chart, r);
    if (o->json)
        return;
    printf("%-28s %6zu %14.1f %10.2f %10.2f %12.1f %7.2fx", r->c->name, r->batch, r->self.ops,
           r->self.p50_us, r->self.p99_us, r->peer[PEER_OPENSSL].ops,
           r->self.ops / r->peer[PEER_OPENSSL].ops);
    if (r->c->required > 0)
        printf(" %9.0fx", r->self.ops / r->c->required);
    else
        printf(" %10s", "");
    for (int p = PEER_OPENSSL + 1; p < PEERS; p++)
        if (r->peer[p].ops > 0)
            printf("  %s %.1fx", peer_names[p], r->self.ops / r->peer[p].ops);
    printf("\n");
    fflush(stdout);
}

static void say_point(const struct point *p)
{
    static char last[32];
    if (strcmp(last, p->sweep)) {
        printf("%-28s %9s %14s %14s %12s %10s %10s %8s\n", "sweep", p->sweep, "best/s", "median/s",
               "p50 us", "p99 us", "p99.9 us", "ratio");
        snprintf(last, sizeof last, "%s", p->sweep);
    }
    printf("%-28s %9zu %14.1f %14.1f %12.2f %10.2f %10.2f", p->name, p->x, p->f.max, p->f.ops,
           p->f.p50_us, p->f.p99_us, p->f.p999_us);
    if (p->ratio > 0)
        printf(" %8.3f", p->ratio);
    printf("\n");
    fflush(stdout);
}

void report_point(const struct options *o, const struct point *p)
{
    if (o->out)
        chart_add_point(&chart, p);
    if (!o->json)
        say_point(p);
    if (!json_file)
        return;
    fprintf(json_file,
            "{\"sweep\":\"%s\",\"case\":\"%s\",\"%s\":%zu,\"ops_per_s\":%.1f,\"min\":%.1f,"
            "\"max\":%.1f,\"p50_us\":%.2f,\"p99_us\":%.2f,\"p999_us\":%.2f,\"unit\":\"%s\","
            "\"slices\":%u",
            p->sweep, p->name, p->sweep, p->x, p->f.ops, p->f.min, p->f.max, p->f.p50_us,
            p->f.p99_us, p->f.p999_us, p->unit, p->f.slices);
    if (p->ratio > 0)
        fprintf(json_file, ",\"ratio\":%.3f", p->ratio);
    fprintf(json_file, "}\n");
    fflush(json_file);
}

void report_dudect(const struct options *o, const struct dudect_result *r)
{
    const struct dudect_target *t = r->target;
    static bool headed;
    if (o->out)
        chart_add_dudect(&chart, r);
    if (json_file)
        fprintf(json_file,
                "{\"dudect\":\"%s\",\"secret\":\"%s\",\"batch\":%zu,\"calls\":%zu,\"t\":%.3f,"
                "\"t_cropped\":%.3f,\"limit\":%.1f,\"leaks\":%s}\n",
                t->name, t->secret, t->batch, r->calls, r->t, r->t_cropped, DUDECT_LIMIT,
                dudect_differs(r) ? "true" : "false");
    if (o->json)
        return;
    if (!headed)
        printf("%-20s %8s %6s %10s %10s %14s   %s\n", "time and secret", "secret", "batch", "calls",
               "t", "t, cropped", "fixed beside random");
    headed = true;
    printf("%-20s %8s %6zu %10zu %10.2f %14.2f   %s\n", t->name, t->secret, t->batch, r->calls,
           r->t, r->t_cropped, dudect_verdict(r));
    fflush(stdout);
}

void report_comparison(const struct options *o, const struct comparison *r)
{
    chart.compared = *r;
    if (json_file)
        fprintf(json_file,
                "{\"compared\":\"sm2\",\"engine\":\"%s\",\"with\":\"portable\",\"pairs\":%zu,"
                "\"signatures\":%zu,\"pairs_of_openssl\":%zu,\"differ\":%zu,\"seconds\":%.1f}\n",
                engine_name(o), r->pairs, r->pairs, r->openssl, r->differ, r->seconds);
    if (!o->json)
        printf(
            "compared: %zu SM2 key pairs and as many signatures of %s and portable, %zu pairs of "
            "OpenSSL: %zu differ (%.1f s)\n",
            r->pairs, engine_name(o), r->openssl, r->differ, r->seconds);
}

void report_absent(const struct options *o, const char *what, const char *why)
{
    if (o->out)
        chart_add_absent(&chart, what, why);
    if (json_file)
        fprintf(json_file, "{\"not_measured\":\"%s\",\"because\":\"%s\"}\n", what, why);
    if (!o->json)
        printf("not measured: %s: %s\n", what, why);
}

static void draw(const struct options *o)
{
    FILE *svg = open_report(o->out, "report.svg"), *table = open_report(o->out, "report.md"),
         *brief = open_report(o->out, "figures.md");
    chart_svg(&chart, svg, cpu, engine_name(o));
    chart_markdown(&chart, table, cpu, engine_name(o));
    chart_brief(&chart, brief, cpu, engine_name(o));
    if (fclose(svg) || fclose(table) || fclose(brief))
        bench_die(o->out, "cannot write the chart");
    chart_free(&chart);
}

void report_end(const struct options *o)
{
    if (o->out)
        draw(o);
    if (csv_file && fclose(csv_file))
        bench_die(o->out, "cannot write report.csv");
    if (o->out && fclose(json_file))
        bench_die(o->out, "cannot write report.json");
    if (o->json)
        return;
    printf("units: pairs, signatures, verifications, MB. p50, p99: one call of a whole batch. "
           "required: %d key pairs/s, %d signatures/h.\n",
           KEYGEN_REQUIRED, SIGN_REQUIRED_AN_HOUR);
}
