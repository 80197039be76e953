/* Pictures and tables of a whole run. */
#ifndef HUFU_BENCH_CHART_H
#define HUFU_BENCH_CHART_H

#include <stdio.h>

#include "bench/bench.h"
#include "bench/compare.h"
#include "bench/dudect.h"

struct chart {
    struct result *result;
    size_t count;
    struct point *point;
    size_t points;
    struct absent {
        char what[48], why[96];
    } * absent;
    size_t absents;
    struct dudect_result *timing;
    size_t timings;
    struct comparison compared; /* pairs 0: nothing was */
};

void chart_add(struct chart *c, const struct result *r);
void chart_svg(const struct chart *c, FILE *f, const char *machine, const char *engine);
void chart_add_point(struct chart *c, const struct point *p);
void chart_add_absent(struct chart *c, const char *what, const char *why);
void chart_add_dudect(struct chart *c, const struct dudect_result *r);
void chart_free(struct chart *c);
/* The sweeps as lines from y = top on; the y below them; the height they take. */
double chart_lines(const struct chart *c, FILE *f, double top);
double chart_lines_height(const struct chart *c);
/* All rows; and of each case its quickest row. */
void chart_markdown(const struct chart *c, FILE *f, const char *machine, const char *engine);
void chart_brief(const struct chart *c, FILE *f, const char *machine, const char *engine);

#endif
