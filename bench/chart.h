/* Pictures and tables of a whole run. */
#ifndef HUFU_BENCH_CHART_H
#define HUFU_BENCH_CHART_H

#include <stdio.h>

#include "bench/bench.h"

struct chart {
    struct result *result;
    size_t count;
};

void chart_add(struct chart *c, const struct result *r);
void chart_svg(const struct chart *c, FILE *f, const char *machine, const char *engine);
void chart_markdown(const struct chart *c, FILE *f, const char *machine, const char *engine);

#endif
