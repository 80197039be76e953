/*
 * The tests that the device makes of itself, without a fraction: each P-value of GM/T 0005 is
 * monotone in its statistic, so that P >= 0.01 is a threshold. The thresholds are those of n =
 * 20000; a test compares every verdict with the host's P-values.
 */
#include "firmware/crypto/randomness.h"

#include <string.h>

#include "firmware/base/wipe.h"

enum { N = RANDOMNESS_PERIODIC_BITS };

/* Quantiles of chi square at 0.99, times 1000, by degrees of freedom. */
enum {
    CHI_2 = 9210,
    CHI_4 = 13277,
    CHI_5 = 15086,
    CHI_8 = 20090,
    CHI_15 = 30578,
    CHI_16 = 32000,
    CHI_20 = 37566,
    CHI_32 = 53486,
    CHI_255 = 310457
};

enum {
    SUM_MAX = 364,  /* 2.5758 sqrt(n): sums of n steps of +1 and -1, and of up to 16 fewer */
    WALK_MAX = 396, /* the farthest that such a sum may go on its way */
    RUN_CLASSES = 9 /* k of the runs distribution */
};

static const char *const names[RANDOMNESS_ITEMS] = {"monobit",
                                                    "block frequency 1000",
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
                                                    "autocorrelation 2",
                                                    "autocorrelation 8",
                                                    "autocorrelation 16",
                                                    "matrix rank",
                                                    "cumulative sums forward",
                                                    "cumulative sums backward",
                                                    "approximate entropy 2",
                                                    "approximate entropy 5"};

const char *randomness_item(unsigned i)
{
    return i < RANDOMNESS_ITEMS ? names[i] : "none";
}

struct verdict {
    uint32_t failed;
    unsigned item;
};

static void judge(struct verdict *v, bool passed)
{
    v->failed |= (uint32_t)!passed << v->item++;
}

/* Ones among n steps */
static bool sum_small(size_t ones, size_t n)
{
    const int64_t sum = 2 * (int64_t)ones - (int64_t)n;
    return sum <= SUM_MAX && sum >= -SUM_MAX;
}

static void frequencies(struct verdict *v, const uint8_t *bits)
{
    judge(v, sum_small(randomness_ones(bits, 0, N), N));
    judge(v, randomness_blocks(bits, N, 1000) <= CHI_20); /* V is it over m = 1000 */
}

/* V = 2^m / words sum - words */
static bool poker(const uint8_t *bits, unsigned m, uint64_t limit)
{
    uint32_t count[256];
    const uint64_t words = N / m;

    randomness_words(bits, N, m, count);
    return (randomness_squares(count, (size_t)1 << m) * 1000 << m) <=
           words * (1000 * words + limit);
}

/* 1000 n psi^2_m + 1000 n^2: the same constant in all of them falls out of the differences. */
static uint64_t psi(const uint32_t *count, unsigned m)
{
    return randomness_squares(count, (size_t)1 << m) * 1000 << m;
}

static void overlapping(struct verdict *v, const uint8_t *bits, unsigned m, uint64_t first,
                        uint64_t second)
{
    uint32_t count[32];
    uint64_t p[3];

    randomness_patterns(bits, N, m, count);
    for (unsigned i = 0; i < 3; i++) {
        p[i] = psi(count, m - i);
        if (i < 2)
            randomness_shorten(count, m - i);
    }
    judge(v, p[0] - p[1] <= first * N);
    const int64_t twice = (int64_t)(p[0] + p[2]) - (int64_t)(2 * p[1]);
    judge(v, twice <= (int64_t)(second * N));
}

/* |r - 2 n pi (1 - pi)| <= 2.5758 * 2 sqrt(n) pi (1 - pi), times n */
static void runs(struct verdict *v, const uint8_t *bits)
{
    static const uint64_t factor = 156455898; /* 2 * 2.575829 / sqrt(n), times 2^32 */
    const uint64_t ones = randomness_ones(bits, 0, N), product = ones * (N - ones);
    const int64_t d = (int64_t)(randomness_runs(bits, N) * (uint64_t)N) - (int64_t)(2 * product);

    judge(v, ((uint64_t)(d < 0 ? -d : d) << 32) <= factor * product);
}

/* V = sum of 2^(i+1) (b^2 + g^2) / T - T, the last class with 2^k */
static void run_lengths(struct verdict *v, const uint8_t *bits)
{
    uint32_t ones[RUN_CLASSES], zeros[RUN_CLASSES];
    uint64_t sum = 0, total = 0;

    randomness_run_lengths(bits, N, RUN_CLASSES, ones, zeros);
    for (unsigned i = 0; i < RUN_CLASSES; i++) {
        const uint64_t squares = (uint64_t)ones[i] * ones[i] + (uint64_t)zeros[i] * zeros[i];
        sum += squares << (i + 1 < RUN_CLASSES ? i + 2 : RUN_CLASSES);
        total += ones[i] + zeros[i];
    }
    judge(v, sum * 1000 <= total * (total * 1000 + CHI_16));
}

/* Sum of (v - N pi)^2 / (N pi) for chances pi in 1 / 10000, times 2^16 */
static uint64_t chi_square(const uint32_t *v, const uint16_t *pi, unsigned classes, uint64_t blocks)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < classes; i++) {
        const int64_t d = (int64_t)v[i] * 10000 - (int64_t)(blocks * pi[i]);
        sum += ((uint64_t)(d * d) << 16) / (blocks * pi[i] * 10000);
    }
    return sum;
}

static bool chi_small(uint64_t chi, uint64_t limit)
{
    return chi * 1000 <= limit << 16;
}

static void longest_runs(struct verdict *v, const uint8_t *bits)
{
    static const uint16_t pi[6] = {1174, 2430, 2494, 1752, 1027, 1124};
    uint32_t count[6];

    for (unsigned value = 2; value-- > 0;) {
        randomness_longest(bits, N, 128, value, 4, 6, count);
        judge(v, chi_small(chi_square(count, pi, 6, N / 128), CHI_5));
    }
}

static void rank(struct verdict *v, const uint8_t *bits)
{
    static const uint16_t pi[3] = {2888, 5776, 1336};
    uint32_t count[3];

    randomness_ranks(bits, N, count);
    judge(v, chi_small(chi_square(count, pi, 3, N / 1024), CHI_2));
}

/* log2(x) times 2^32, by squaring; x >= 1 */
static uint64_t log2_fixed(uint32_t x)
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

uint64_t randomness_entropy(const uint32_t *count, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += count[i] ? count[i] * log2_fixed(count[i]) : 0;
    return sum;
}

/* V = 2 ln 2 (n - sum_m + sum_{m+1}), the sums as randomness_entropy */
static void approximate_entropy(struct verdict *v, const uint8_t *bits, unsigned m, uint64_t limit)
{
    static const uint64_t two_ln2 = 1453635; /* times 2^20 */
    uint32_t count[64];

    randomness_patterns(bits, N, m + 1, count);
    const uint64_t longer = randomness_entropy(count, (size_t)2 << m);
    randomness_shorten(count, m + 1);
    const uint64_t shorter = randomness_entropy(count, (size_t)1 << m);
    const uint64_t w = ((uint64_t)N << 32) + longer - shorter; /* not below 0 but for rounding */
    judge(v, w >> 63 || (w >> 43 == 0 && (w >> 12) * two_ln2 * 1000 <= limit << 40));
}

uint32_t randomness_periodic(const uint8_t bits[RANDOMNESS_PERIODIC_BITS / 8])
{
    struct verdict v = {0};
    size_t forward, backward;

    frequencies(&v, bits);
    judge(&v, poker(bits, 4, CHI_15));
    judge(&v, poker(bits, 8, CHI_255));
    overlapping(&v, bits, 3, CHI_4, CHI_2);
    overlapping(&v, bits, 5, CHI_16, CHI_8);
    runs(&v, bits);
    run_lengths(&v, bits);
    longest_runs(&v, bits);
    for (unsigned k = 3; k <= 7; k += 4)
        judge(&v, sum_small(randomness_derivative(bits, N, k), N - k));
    for (unsigned d = 2; d <= 16; d += d == 2 ? 6 : 8)
        judge(&v, sum_small(randomness_shifted(bits, N, d), N - d));
    rank(&v, bits);
    randomness_walk(bits, N, &forward, &backward);
    judge(&v, forward <= WALK_MAX);
    judge(&v, backward <= WALK_MAX);
    approximate_entropy(&v, bits, 2, CHI_4);
    approximate_entropy(&v, bits, 5, CHI_32);
    return v.failed;
}

/* V = 4 / N sum - N over pairs of bits, chi square with 3 degrees of freedom: 11.345 */
bool randomness_poker2(const uint8_t *bytes, size_t n)
{
    uint64_t count[4] = {0}, squares = 0;
    const uint64_t pairs = 4 * n;

    for (size_t i = 0; i < n; i++) {
        const unsigned high = bytes[i] >> 1 & 0x55u, low = bytes[i] & 0x55u;
        const unsigned word[4] = {~high & ~low & 0x55u, ~high & low, high & ~low, high & low};
        for (int w = 0; w < 4; w++) {
            unsigned t = (word[w] & 0x11) + (word[w] >> 2 & 0x11);
            count[w] += (t + (t >> 4)) & 15;
        }
    }
    for (int w = 0; w < 4; w++)
        squares += count[w] * count[w];
    wipe(count, sizeof count);
    return 4000 * squares <= pairs * (1000 * pairs + 11345);
}
