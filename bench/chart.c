/* report.svg: bars of the ratio to OpenSSL on a logarithmic scale, and below them the sweeps. */
#include "bench/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BAR = 18, LEFT = 230, WIDTH = 620, RIGHT = 130, TOP = 64, DECADES = 5 };

static const double least = 0.1; /* the left edge of the scale; DECADES to the right of it */

static void *grow(void *list, size_t count, size_t size)
{
    void *more = realloc(list, (count + 1) * size);
    if (!more)
        bench_die("memory", "there is none left");
    return more;
}

void chart_add(struct chart *c, const struct result *r)
{
    c->result = grow(c->result, c->count, sizeof *r);
    c->result[c->count++] = *r;
}

void chart_add_point(struct chart *c, const struct point *p)
{
    c->point = grow(c->point, c->points, sizeof *p);
    c->point[c->points++] = *p;
}

void chart_add_absent(struct chart *c, const char *what, const char *why)
{
    c->absent = grow(c->absent, c->absents, sizeof *c->absent);
    struct absent *a = &c->absent[c->absents++];
    snprintf(a->what, sizeof a->what, "%s", what);
    snprintf(a->why, sizeof a->why, "%s", why);
}

void chart_add_dudect(struct chart *c, const struct dudect_result *r)
{
    c->timing = grow(c->timing, c->timings, sizeof *r);
    c->timing[c->timings++] = *r;
}

void chart_free(struct chart *c)
{
    free(c->timing);
    free(c->result);
    free(c->point);
    free(c->absent);
}

static double ratio(const struct result *r)
{
    return r->self.ops / r->peer[PEER_OPENSSL].ops;
}

static double place(double value)
{
    const double x = log10(value / least) / DECADES;
    return LEFT + WIDTH * (x < 0 ? 0 : x > 1 ? 1 : x);
}

static void label(char *out, size_t room, const struct result *r)
{
    snprintf(out, room, r->batch > 1 ? "%s x%zu" : "%s", r->c->name, r->batch);
}

/* Three digits and thousands or millions. */
static void short_number(char *out, size_t room, double x)
{
    const char *const unit = x >= 999.5e3 ? "M" : x >= 999.5 ? "k" : "";
    const double n = *unit == 'M' ? x / 1e6 : *unit ? x / 1e3 : x;
    snprintf(out, room, "%.*f%s", n < 9.995 ? 2 : n < 99.95 ? 1 : 0, n, unit);
}

static void bar(FILE *f, const struct result *r, size_t row)
{
    const double y = TOP + BAR * (double)row, one = place(1), end = place(ratio(r));
    const char *colour = !strncmp(r->c->name, "core", 4)     ? "#20639b"
                         : !strncmp(r->c->name, "device", 6) ? "#3caea3"
                                                             : "#f6a21e";
    char name[64], times[16], rate[16];
    short_number(times, sizeof times, ratio(r));
    short_number(rate, sizeof rate, r->self.ops);
    label(name, sizeof name, r);
    fprintf(f, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">%s</text>\n", LEFT - 8, y + 12, name);
    fprintf(f, "<rect x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n",
            end < one ? end : one, y, fabs(end - one), BAR - 4, colour);
    fprintf(f, "<text x=\"%.1f\" y=\"%.0f\">%sx, %s/s</text>\n", (end < one ? one : end) + 5,
            y + 12, times, rate);
}

void chart_svg(const struct chart *c, FILE *f, const char *machine, const char *engine)
{
    const double bottom = TOP + BAR * (double)c->count;
    fprintf(f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" "
            "font-family=\"sans-serif\" font-size=\"11\">\n",
            LEFT + WIDTH + RIGHT, bottom + 40 + chart_lines_height(c));
    fprintf(f,
            "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n<text x=\"12\" y=\"20\" "
            "font-size=\"15\">Hufu beside OpenSSL, "
            "one operation a call, in the same run</text>\n<text x=\"12\" y=\"38\">%s, engine %s; "
            "times OpenSSL's rate, logarithmic; "
            "units a second at the bars</text>\n",
            machine, engine);
    for (int d = 0; d <= DECADES; d++) {
        const double value = least * pow(10, d), x = place(value);
        fprintf(f,
                "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%.0f\" stroke=\"%s\"/>\n<text "
                "x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%gx</text>\n",
                x, TOP - 6, x, bottom, d == 1 ? "#555" : "#ddd", x, bottom + 14, value);
    }
    for (size_t i = 0; i < c->count; i++)
        bar(f, &c->result[i], i);
    chart_lines(c, f, bottom + 30);
    fprintf(f, "</svg>\n");
}
