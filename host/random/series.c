/* Which tests a sample gets, and what many samples say together. */
#include <math.h>
#include <string.h>

#include "host/random/internal.h"

struct row {
    const char *test;
    random_test_fn *run;
    unsigned parameter[5]; /* ended by 0; {0}: once, without one */
    size_t from, below;    /* bits that a sample has */
};

enum { PERIODIC = 20000, MILLION = 1000000, LARGE = 100000000 };
#define ANY SIZE_MAX

/* The parameters by sample length: GM/T 0005-2021; the rank in short samples as GM/T 0030 has it.
 */
static const struct row rows[] = {
    {"monobit", random_monobit, {0}, 0, ANY},
    {"block frequency", random_block_frequency, {1000}, 2000, MILLION},
    {"block frequency", random_block_frequency, {10000}, MILLION, LARGE},
    {"block frequency", random_block_frequency, {100000}, LARGE, ANY},
    {"poker", random_poker, {4, 8}, 1280, ANY},
    {"overlapping", random_overlapping, {3, 5}, 0, LARGE},
    {"overlapping", random_overlapping, {3, 5, 7}, LARGE, ANY},
    {"runs", random_runs, {0}, 0, ANY},
    {"runs distribution", random_runs_distribution, {0}, 0, ANY},
    {"longest run", random_longest_run, {0}, 0, ANY},
    {"binary derivative", random_derivative, {3, 7}, 0, LARGE},
    {"binary derivative", random_derivative, {3, 7, 15}, LARGE, ANY},
    {"autocorrelation", random_autocorrelation, {2, 8, 16}, 0, MILLION},
    {"autocorrelation", random_autocorrelation, {1, 2, 8, 16}, MILLION, ANY},
    {"matrix rank", random_rank, {0}, PERIODIC, ANY},
    {"cumulative sums", random_cumulative, {0}, 0, ANY},
    {"approximate entropy", random_approximate_entropy, {2, 5}, 0, ANY},
    {"linear complexity", random_linear_complexity, {500}, MILLION, ANY},
    {"universal", random_universal, {0}, MILLION, ANY},
    {"DFT", random_dft, {0}, 0, ANY},
};

static size_t run_row(const struct row *r, const uint8_t *bits, size_t n, unsigned parameter,
                      struct random_item *item)
{
    for (int i = 0; i < 2; i++)
        item[i] = (struct random_item){.test = r->test, .part = "", .parameter = parameter};
    return r->run(bits, n, parameter, item);
}

size_t random_test_sample(const uint8_t *bits, size_t n, struct random_item item[RANDOM_TEST_ITEMS])
{
    struct random_item two[2];
    size_t items = 0;
    if (n < 128)
        return 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        for (size_t j = 0; n >= r->from && n < r->below && (j == 0 || r->parameter[j]); j++) {
            const size_t got = run_row(r, bits, n, r->parameter[j], two);
            memcpy(item + items, two, got * sizeof *item);
            items += got;
        }
    }
    return items;
}

size_t random_test_one(const uint8_t *bits, size_t n, const char *test, unsigned parameter,
                       struct random_item item[2])
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].test, test))
            return run_row(&rows[i], bits, n, parameter, item);
    return 0;
}

bool random_series_add(struct random_series *s, const uint8_t *bits, size_t n)
{
    struct random_item item[RANDOM_TEST_ITEMS];
    const size_t items = random_test_sample(bits, n, item);
    if (!items || (s->samples && items != s->items))
        return false;
    s->items = items;
    s->bits = n;
    for (size_t i = 0; i < items; i++) {
        struct random_verdict *v = &s->verdict[i];
        const int bin = (int)(item[i].q * RANDOM_TEST_BINS);
        if (!s->samples)
            *v = (struct random_verdict){.item = item[i], .lowest = item[i].p};
        v->passed += item[i].p >= RANDOM_TEST_ALPHA;
        v->lowest = item[i].p < v->lowest ? item[i].p : v->lowest;
        v->bin[bin < 0 ? 0 : bin >= RANDOM_TEST_BINS ? RANDOM_TEST_BINS - 1 : bin]++;
    }
    s->samples++;
    return true;
}

/* Of s samples: s (1 - alpha - 3 sqrt(alpha (1 - alpha) / s)), rounded up; of one: that one. */
static size_t least_passing(size_t samples)
{
    const double s = (double)samples, alpha = RANDOM_TEST_ALPHA;
    const double least = ceil(s * (1 - alpha - 3 * sqrt(alpha * (1 - alpha) / s)));
    return samples == 1 ? 1 : least > 0 ? (size_t)least : 0;
}

/* Chi square of the bins of Q. */
static double uniformity(const struct random_verdict *v, size_t samples)
{
    const double each = (double)samples / RANDOM_TEST_BINS;
    double chi = 0;
    for (int i = 0; i < RANDOM_TEST_BINS; i++)
        chi += ((double)v->bin[i] - each) * ((double)v->bin[i] - each) / each;
    return random_igamc((RANDOM_TEST_BINS - 1) / 2.0, chi / 2);
}

/* Nineteen matrices give so few values that Q is far from uniform for the best of sources. */
static bool has_few_values(const struct random_series *s, const struct random_verdict *v)
{
    return s->bits < MILLION && !strcmp(v->item.test, "matrix rank");
}

bool random_series_judge(struct random_series *s)
{
    bool all = s->samples > 0;
    for (size_t i = 0; i < s->items; i++) {
        struct random_verdict *v = &s->verdict[i];
        v->samples = s->samples;
        v->least = least_passing(s->samples);
        v->uniform = s->samples > 1 && !has_few_values(s, v) ? uniformity(v, s->samples) : 1;
        v->good = v->passed >= v->least && v->uniform >= RANDOM_TEST_ALPHA_T;
        all = all && v->good;
    }
    return all;
}
