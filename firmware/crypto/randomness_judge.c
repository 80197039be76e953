#include "firmware/crypto/randomness_judge.h"

static const char *const names[] = {"monobit",
                                    "block frequency",
                                    "poker 4",
                                    "poker 8",
                                    "overlapping 3, first",
                                    "overlapping 3, second",
                                    "overlapping 5, first",
                                    "overlapping 5, second",
                                    "runs",
                                    "runs distribution",
                                    "longest run of ones",
                                    "longest run of zeros",
                                    "binary derivative 3",
                                    "binary derivative 7",
                                    "autocorrelation 1",
                                    "autocorrelation 2",
                                    "autocorrelation 8",
                                    "autocorrelation 16",
                                    "matrix rank",
                                    "cumulative sums forward",
                                    "cumulative sums backward",
                                    "approximate entropy 2",
                                    "approximate entropy 5",
                                    "linear complexity",
                                    "universal",
                                    "DFT"};

const char *randomness_full_item(unsigned i)
{
    return i < sizeof names / sizeof *names ? names[i] : "none";
}

/* The same without autocorrelation 1. */
const char *randomness_item(unsigned i)
{
    enum { LEFT_OUT = 14 };
    return i < RANDOMNESS_ITEMS ? names[i + (i >= LEFT_OUT)] : "none";
}

void randomness_judge(struct randomness_verdict *v, bool passed)
{
    v->failed |= (uint32_t)!passed << v->item++;
}

/* Ones among n steps */
static void judge_sum(struct randomness_verdict *v, const struct randomness_limits *l, size_t ones,
                      size_t n)
{
    const int64_t sum = 2 * (int64_t)ones - (int64_t)n;

    randomness_judge(v, sum <= l->sum && sum >= -l->sum);
}

/* V = 2^m / words sum - words */
static void poker(struct randomness_verdict *v, const uint8_t *bits, size_t n, unsigned m,
                  uint64_t limit)
{
    uint32_t count[256];
    const uint64_t words = n / m;

    randomness_words(bits, n, m, count);
    randomness_judge(v, (randomness_squares(count, (size_t)1 << m) * 1000 << m) <=
                            words * (1000 * words + limit));
}

/* 1000 n psi^2_m + 1000 n^2: the same constant in all of them falls out of the differences. */
static uint64_t psi(const uint32_t *count, unsigned m)
{
    return randomness_squares(count, (size_t)1 << m) * 1000 << m;
}

static void overlapping(struct randomness_verdict *v, const uint8_t *bits, size_t n, unsigned m,
                        uint64_t first, uint64_t second)
{
    uint32_t count[32];
    uint64_t p[3];

    randomness_patterns(bits, n, m, count);
    for (unsigned i = 0; i < 3; i++) {
        p[i] = psi(count, m - i);
        if (i < 2)
            randomness_shorten(count, m - i);
    }
    randomness_judge(v, p[0] - p[1] <= first * n);
    const int64_t twice = (int64_t)(p[0] + p[2]) - (int64_t)(2 * p[1]);
    randomness_judge(v, twice <= (int64_t)(second * n));
}

/* |r - 2 n pi (1 - pi)| <= 2.5758 * 2 sqrt(n) pi (1 - pi), times n */
static void runs(struct randomness_verdict *v, const uint8_t *bits,
                 const struct randomness_limits *l)
{
    const uint64_t ones = randomness_ones(bits, 0, l->n), product = ones * (l->n - ones);
    const int64_t d =
        (int64_t)(randomness_runs(bits, l->n) * (uint64_t)l->n) - (int64_t)(2 * product);

    randomness_judge(v, (uint64_t)(d < 0 ? -d : d) <= (l->runs_factor * product) >> 32);
}

/* V = sum of 2^(i+1) (b^2 + g^2) / T - T, the last class with 2^k */
static void run_lengths(struct randomness_verdict *v, const uint8_t *bits,
                        const struct randomness_limits *l)
{
    uint32_t ones[RANDOMNESS_RUN_CLASSES], zeros[RANDOMNESS_RUN_CLASSES];
    uint64_t sum = 0, total = 0;

    randomness_run_lengths(bits, l->n, l->run_classes, ones, zeros);
    for (unsigned i = 0; i < l->run_classes; i++) {
        const uint64_t squares = (uint64_t)ones[i] * ones[i] + (uint64_t)zeros[i] * zeros[i];
        sum += squares << (i + 1 < l->run_classes ? i + 2 : l->run_classes);
        total += ones[i] + zeros[i];
    }
    randomness_judge(v, sum * 1000 <= total * (total * 1000 + l->run_chi));
}

/* The sum of (v - N pi)^2 / (N pi), in millionths. */
bool randomness_chi_small(const uint32_t *v, const uint32_t *pi, unsigned classes, uint64_t blocks,
                          uint64_t limit)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < classes; i++) {
        const int64_t d = (int64_t)v[i] * 1000000 - (int64_t)(blocks * pi[i]);
        sum += (uint64_t)(d * d) / (blocks * pi[i]);
    }
    return sum <= limit * 1000;
}

static void longest_runs(struct randomness_verdict *v, const uint8_t *bits,
                         const struct randomness_limits *l)
{
    uint32_t count[RANDOMNESS_LONGEST_CLASSES];

    for (unsigned value = 2; value-- > 0;) {
        randomness_longest(bits, l->n, l->longest_block, value, l->longest_first,
                           l->longest_classes, count);
        randomness_judge(v, randomness_chi_small(count, l->longest_pi, l->longest_classes,
                                                 l->n / l->longest_block, l->longest_chi));
    }
}

static void rank(struct randomness_verdict *v, const uint8_t *bits, size_t n)
{
    static const uint32_t pi[3] = {288800, 577600, 133600};
    uint32_t count[3];

    randomness_ranks(bits, n, count);
    randomness_judge(v, randomness_chi_small(count, pi, 3, n / 1024, CHI_2));
}

/* By squaring. */
uint64_t randomness_log2(uint32_t x)
{
    unsigned whole = 31;
    uint64_t y;

    while (!(x >> whole))
        whole--;
    y = (uint64_t)x << (31 - whole); /* 1 <= y / 2^31 < 2 */
    uint64_t r = whole;
    for (int i = 0; i < 32; i++) {
        y = y * y >> 31;
        r = r << 1 | y >> 32;
        y >>= y >> 32;
    }
    return r;
}

/* Sum of v log2 v over the counts, times 2^32. */
static uint64_t entropy(const uint32_t *count, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += count[i] ? count[i] * randomness_log2(count[i]) : 0;
    return sum;
}

/* V = 2 ln 2 (n - sum_m + sum_{m+1}), the sums as entropy */
static void approximate_entropy(struct randomness_verdict *v, const uint8_t *bits, size_t n,
                                unsigned m, uint64_t limit)
{
    static const uint64_t two_ln2 = 1453635; /* times 2^20 */
    uint32_t count[64];

    randomness_patterns(bits, n, m + 1, count);
    const uint64_t longer = entropy(count, (size_t)2 << m);
    randomness_shorten(count, m + 1);
    const uint64_t shorter = entropy(count, (size_t)1 << m);
    const uint64_t w = ((uint64_t)n << 32) + longer - shorter; /* not below 0 but for rounding */
    randomness_judge(v, w >> 63 || (w >> 43 == 0 && (w >> 12) * two_ln2 * 1000 <= limit << 40));
}

static void cumulative(struct randomness_verdict *v, const uint8_t *bits,
                       const struct randomness_limits *l)
{
    size_t forward, backward;

    randomness_walk(bits, l->n, &forward, &backward);
    randomness_judge(v, forward <= l->walk);
    randomness_judge(v, backward <= l->walk);
}

void randomness_common(struct randomness_verdict *v, const uint8_t *bits,
                       const struct randomness_limits *l, unsigned test)
{
    switch (test) {
    case 0:
        judge_sum(v, l, randomness_ones(bits, 0, l->n), l->n);
        break;
    case 1: /* V is the sum over m */
        randomness_judge(v,
                         randomness_blocks(bits, l->n, l->block) * 1000 <= l->block_chi * l->block);
        break;
    case 2:
        poker(v, bits, l->n, 4, CHI_15);
        poker(v, bits, l->n, 8, CHI_255);
        break;
    case 3:
        overlapping(v, bits, l->n, 3, CHI_4, CHI_2);
        overlapping(v, bits, l->n, 5, CHI_16, CHI_8);
        break;
    case 4:
        runs(v, bits, l);
        break;
    case 5:
        run_lengths(v, bits, l);
        break;
    case 6:
        longest_runs(v, bits, l);
        break;
    case 7:
        for (unsigned k = 3; k <= 7; k += 4)
            judge_sum(v, l, randomness_derivative(bits, l->n, k), l->n - k);
        break;
    case 8:
        for (const uint8_t *d = l->shifts; *d; d++)
            judge_sum(v, l, randomness_shifted(bits, l->n, *d), l->n - *d);
        break;
    case 9:
        rank(v, bits, l->n);
        break;
    case 10:
        cumulative(v, bits, l);
        break;
    default:
        approximate_entropy(v, bits, l->n, 2, CHI_4);
        approximate_entropy(v, bits, l->n, 5, CHI_32);
    }
}
