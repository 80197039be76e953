/* The sweeps in report.svg: a panel for each, both axes logarithmic, a line for each case. */
#include "bench/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { W = 470, H = 250, MARGIN = 56, KEY = 14 };

static const char *const panels[][2] = {{"batch", "items a call: units a second, best call"},
                                        {"threads", "threads: units a second, best slice"},
                                        {"sessions", "sessions, one signature at a time: p99, us"},
                                        {"records", "wrapped pairs in a file: p50, us"},
                                        {"objects", "keys stored in the device: p50, us"}};
static const char *const colours[] = {"#20639b", "#ed553b", "#3caea3", "#f6a21e", "#7a4fa3",
                                      "#555555", "#9bbf3b", "#c2407f", "#0d2c54"};
enum { COLOURS = sizeof colours / sizeof *colours };

struct panel {
    const char *sweep;
    double left, top, x0, x1, y0, y1; /* place; logarithms of the limits */
};

static double value(const struct point *p)
{
    if (!strcmp(p->sweep, "batch") || !strcmp(p->sweep, "threads"))
        return p->f.max;
    return !strcmp(p->sweep, "sessions") ? p->f.p99_us : p->f.p50_us;
}

static bool limits(const struct chart *c, struct panel *g)
{
    bool any = false;
    for (size_t i = 0; i < c->points; i++) {
        if (strcmp(c->point[i].sweep, g->sweep))
            continue;
        const double x = log10((double)c->point[i].x), y = log10(value(&c->point[i]));
        g->x0 = any && g->x0 < x ? g->x0 : x;
        g->x1 = any && g->x1 > x ? g->x1 : x;
        g->y0 = any && g->y0 < y ? g->y0 : y;
        g->y1 = any && g->y1 > y ? g->y1 : y;
        any = true;
    }
    g->y0 = floor(g->y0);
    g->y1 = ceil(g->y1 + 1e-9);
    if (g->x1 <= g->x0)
        g->x1 = g->x0 + 1;
    return any;
}

static double at_x(const struct panel *g, double x)
{
    return g->left + MARGIN + (log10(x) - g->x0) / (g->x1 - g->x0) * (W - 2 * MARGIN);
}

static double at_y(const struct panel *g, double y)
{
    return g->top + H - 30 - (log10(y) - g->y0) / (g->y1 - g->y0) * (H - 60);
}

static void frame(FILE *f, const struct panel *g, const char *title)
{
    fprintf(f, "<text x=\"%.0f\" y=\"%.0f\" font-size=\"13\">%s</text>\n", g->left + MARGIN,
            g->top + 16, title);
    for (double d = g->y0; d <= g->y1; d++)
        fprintf(f,
                "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/><text "
                "x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
                g->left + MARGIN, at_y(g, pow(10, d)), g->left + W - MARGIN, at_y(g, pow(10, d)),
                g->left + MARGIN - 4, at_y(g, pow(10, d)) + 4, pow(10, d));
    const double step = g->x1 - g->x0 < 2.5 ? log10(2) : 1;
    for (double d = ceil(g->x0 / step - 1e-9) * step; d <= g->x1 + 1e-9; d += step)
        fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.0f</text>\n",
                at_x(g, pow(10, d)), g->top + H - 14, pow(10, d));
}

/* The line of the case of the first point, which is point i. */
static void line(const struct chart *c, FILE *f, const struct panel *g, size_t i, size_t number)
{
    const char *name = c->point[i].name, *colour = colours[number % COLOURS];
    const double y = g->top + 34 + KEY * (double)number;
    fprintf(f, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"", colour);
    for (size_t j = i; j < c->points; j++)
        if (!strcmp(c->point[j].sweep, g->sweep) && !strcmp(c->point[j].name, name))
            fprintf(f, "%.1f,%.1f ", at_x(g, (double)c->point[j].x), at_y(g, value(&c->point[j])));
    fprintf(f, "\"/>\n<text x=\"%.0f\" y=\"%.0f\" fill=\"%s\">%s</text>\n",
            g->left + W - MARGIN + 6, y, colour, name);
}

static bool is_first(const struct chart *c, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (!strcmp(c->point[j].sweep, c->point[i].sweep) &&
            !strcmp(c->point[j].name, c->point[i].name))
            return false;
    return true;
}

static void panel(const struct chart *c, FILE *f, struct panel *g, const char *title)
{
    size_t number = 0;
    frame(f, g, title);
    for (size_t i = 0; i < c->points; i++)
        if (!strcmp(c->point[i].sweep, g->sweep) && is_first(c, i))
            line(c, f, g, i, number++);
}

double chart_lines(const struct chart *c, FILE *f, double top)
{
    for (size_t i = 0; i < sizeof panels / sizeof *panels; i++) {
        struct panel g = {.sweep = panels[i][0], .left = 40, .top = top};
        if (!limits(c, &g))
            continue;
        panel(c, f, &g, panels[i][1]);
        top += H;
    }
    return top;
}

double chart_lines_height(const struct chart *c)
{
    double height = 0;
    for (size_t i = 0; i < sizeof panels / sizeof *panels; i++) {
        struct panel g = {.sweep = panels[i][0]};
        height += limits(c, &g) ? H : 0;
    }
    return height;
}
