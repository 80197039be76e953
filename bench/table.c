/* The tables for people: report.md with every row, figures.md with the quickest row of each case.
 */
#include "bench/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double ratio(const struct result *r, unsigned peer)
{
    return r->peer[peer].ops > 0 ? r->self.ops / r->peer[peer].ops : NAN;
}

static void cell(FILE *f, double x)
{
    if (isnan(x))
        fprintf(f, " |");
    else
        fprintf(f, " %.*f |", x < 10 ? 2 : x < 100 ? 1 : 0, x);
}

static void heading(FILE *f, const char *machine, const char *engine)
{
    fprintf(f,
            "%s, engine %s, compiler %s, `%s`, Hufu %s. Medians of %d slices; the least and the "
            "most are in report.csv.\n\n",
            machine, engine, __VERSION__, HUFU_FLAGS, HUFU_VERSION, SLICES);
    fprintf(f,
            "| case | batch | threads | units a second | p50 us | p99 us | times OpenSSL | Botan | "
            "libgcrypt | SoftHSM2 | times required |\n"
            "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
}

static void row(FILE *f, const struct result *r)
{
    fprintf(f, "| %s | %zu | %u | %.0f %s | %.1f | %.1f |", r->c->name, r->batch, r->threads,
            r->self.ops, r->c->unit, r->self.p50_us, r->self.p99_us);
    for (unsigned p = 0; p < PEERS; p++)
        cell(f, ratio(r, p));
    cell(f, r->c->required > 0 ? r->self.ops / r->c->required : NAN);
    fprintf(f, "\n");
}

static void absents(const struct chart *c, FILE *f)
{
    if (c->absents)
        fprintf(f, "\nNot measured on this machine:\n\n");
    for (size_t i = 0; i < c->absents; i++)
        fprintf(f, "- %s: %s\n", c->absent[i].what, c->absent[i].why);
}

static void points(const struct chart *c, FILE *f)
{
    const char *last = "";
    for (size_t i = 0; i < c->points; i++) {
        const struct point *p = &c->point[i];
        if (strcmp(last, p->sweep))
            fprintf(
                f,
                "\n| case | %s | best a second | median | p50 us | p99 us | p99.9 us | ratio |\n"
                "|---|---:|---:|---:|---:|---:|---:|---:|\n",
                p->sweep);
        last = p->sweep;
        fprintf(f, "| %s | %zu | %.0f | %.0f | %.1f | %.1f | %.1f |", p->name, p->x, p->f.max,
                p->f.ops, p->f.p50_us, p->f.p99_us, p->f.p999_us);
        cell(f, p->ratio > 0 ? p->ratio : NAN);
        fprintf(f, "\n");
    }
}

static void timings(const struct chart *c, FILE *f)
{
    if (c->timings)
        fprintf(f,
                "\nTimes of calls with a fixed secret beside calls with random ones (Welch's t; "
                "above %.1f in size they differ):\n\n| operation | secret | batch | calls | t | "
                "largest t of "
                "all crops | |\n|---|---|---:|---:|---:|---:|---|\n",
                DUDECT_LIMIT);
    for (size_t i = 0; i < c->timings; i++) {
        const struct dudect_result *r = &c->timing[i];
        fprintf(f, "| %s | %s | %zu | %zu | %.2f | %.2f | %s |\n", r->target->name,
                r->target->secret, r->target->batch, r->calls, r->t, r->t_cropped,
                dudect_verdict(r));
    }
}

static void compared(const struct chart *c, FILE *f)
{
    const struct comparison *r = &c->compared;
    if (r->pairs)
        fprintf(
            f,
            "\n%zu SM2 key pairs and as many signatures of this engine and of the portable one, "
            "%zu pairs of OpenSSL: %zu differ.\n",
            r->pairs, r->openssl, r->differ);
}

void chart_markdown(const struct chart *c, FILE *f, const char *machine, const char *engine)
{
    heading(f, machine, engine);
    for (size_t i = 0; i < c->count; i++)
        row(f, &c->result[i]);
    points(c, f);
    timings(c, f);
    compared(c, f);
    absents(c, f);
}

static bool is_quickest(const struct chart *c, size_t i)
{
    for (size_t j = 0; j < c->count; j++)
        if (c->result[j].c == c->result[i].c && c->result[j].self.ops > c->result[i].self.ops)
            return false;
    return true;
}

void chart_brief(const struct chart *c, FILE *f, const char *machine, const char *engine)
{
    heading(f, machine, engine);
    for (size_t i = 0; i < c->count; i++)
        if (is_quickest(c, i))
            row(f, &c->result[i]);
    absents(c, f);
}
