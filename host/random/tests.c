/* The tests of GM/T 0005-2021, clause 5 and annex A, one function each. */
#include "host/random/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/randomness.h"

/* V of so many ones among n steps */
static double walk_end(size_t ones, size_t n)
{
    return (2 * (double)ones - (double)n) / sqrt((double)n);
}

size_t random_monobit(const uint8_t *bits, size_t n, unsigned parameter, struct random_item *item)
{
    (void)parameter;
    random_two_sided(item, walk_end(randomness_ones(bits, 0, n), n));
    return 1;
}

size_t random_block_frequency(const uint8_t *bits, size_t n, unsigned m, struct random_item *item)
{
    if (n / m < 1)
        return 0;
    random_chi_square(item, (double)(n / m), (double)randomness_blocks(bits, n, m) / m);
    return 1;
}

size_t random_poker(const uint8_t *bits, size_t n, unsigned m, struct random_item *item)
{
    uint32_t count[256];
    const double words = (double)(n / m), size = (double)(1u << m);
    if (m > 8 || n / m < 1)
        return 0;
    randomness_words(bits, n, m, count);
    random_chi_square(item, size - 1,
                      size / words * (double)randomness_squares(count, (size_t)1 << m) - words);
    return 1;
}

/* Psi^2 of m, m - 1 and m - 2 bits; that of 0 bits is 0 */
static bool psi_squares(const uint8_t *bits, size_t n, unsigned m, double psi[3])
{
    uint32_t *count = malloc(sizeof *count << m);
    if (!count)
        return false;
    randomness_patterns(bits, n, m, count);
    for (unsigned i = 0; i < 3; i++) {
        const unsigned size = m - i;
        psi[i] = size ? ldexp(1, (int)size) / (double)n *
                                (double)randomness_squares(count, (size_t)1 << size) -
                            (double)n
                      : 0;
        if (size)
            randomness_shorten(count, size);
    }
    free(count);
    return true;
}

size_t random_overlapping(const uint8_t *bits, size_t n, unsigned m, struct random_item *item)
{
    double psi[3];
    if (m < 2 || m > 16 || !psi_squares(bits, n, m, psi))
        return 0;
    item[0].part = "first";
    item[1].part = "second";
    random_chi_square(&item[0], ldexp(1, (int)m - 1), psi[0] - psi[1]);
    random_chi_square(&item[1], ldexp(1, (int)m - 2), psi[0] - 2 * psi[1] + psi[2]);
    return 2;
}

size_t random_runs(const uint8_t *bits, size_t n, unsigned parameter, struct random_item *item)
{
    const double pi = (double)randomness_ones(bits, 0, n) / (double)n, spread = pi * (1 - pi);
    (void)parameter;
    if (spread <= 0) {
        item->p = item->q = 0; /* all bits are equal */
        return 1;
    }
    random_two_sided(item, ((double)randomness_runs(bits, n) - 2 * (double)n * spread) /
                               (2 * sqrt((double)n) * spread));
    return 1;
}

size_t random_runs_distribution(const uint8_t *bits, size_t n, unsigned parameter,
                                struct random_item *item)
{
    uint32_t ones[64], zeros[64];
    unsigned k = 0;
    double total = 0, v = 0;
    (void)parameter;
    for (unsigned i = 1; i < 60 && ((double)n - i + 3) / ldexp(1, (int)i + 2) >= 5; i++)
        k = i;
    if (k < 2)
        return 0;
    randomness_run_lengths(bits, n, k, ones, zeros);
    for (unsigned i = 0; i < k; i++)
        total += (double)ones[i] + (double)zeros[i];
    for (unsigned i = 0; i < k; i++) {
        const double e = total / ldexp(1, (int)(i + 1 < k ? i + 2 : k));
        v += ((ones[i] - e) * (ones[i] - e) + (zeros[i] - e) * (zeros[i] - e)) / e;
    }
    random_chi_square(item, 2 * (double)(k - 1), v);
    return 1;
}

struct longest_table {
    size_t below; /* for samples shorter than this */
    unsigned m, first, classes;
    double pi[7];
};

size_t random_longest_run(const uint8_t *bits, size_t n, unsigned parameter,
                          struct random_item *item)
{
    static const struct longest_table tables[] = {
        {6272, 8, 1, 4, {0.2148, 0.3672, 0.2305, 0.1875}},
        {750000, 128, 4, 6, {0.1174, 0.2430, 0.2494, 0.1752, 0.1027, 0.1124}},
        {SIZE_MAX,
         10000,
         10,
         7,
         {0.086632, 0.208201, 0.248419, 0.193913, 0.121458, 0.068011, 0.073366}}};
    const struct longest_table *t = tables;
    (void)parameter;
    while (n >= t->below)
        t++;
    const double blocks = (double)(n / t->m);
    for (unsigned i = 0; i < 2; i++) {
        uint32_t count[7];
        double v = 0;
        randomness_longest(bits, n, t->m, i == 0, t->first, t->classes, count);
        for (unsigned c = 0; c < t->classes; c++)
            v += (count[c] - blocks * t->pi[c]) * (count[c] - blocks * t->pi[c]) /
                 (blocks * t->pi[c]);
        item[i].part = i ? "of zeros" : "of ones";
        item[i].parameter = t->m;
        random_chi_square(&item[i], t->classes - 1, v);
    }
    return 2;
}

size_t random_derivative(const uint8_t *bits, size_t n, unsigned k, struct random_item *item)
{
    random_two_sided(item, walk_end(randomness_derivative(bits, n, k), n - k));
    return 1;
}

size_t random_autocorrelation(const uint8_t *bits, size_t n, unsigned d, struct random_item *item)
{
    random_two_sided(item, walk_end(randomness_shifted(bits, n, d), n - d));
    return 1;
}

size_t random_rank(const uint8_t *bits, size_t n, unsigned parameter, struct random_item *item)
{
    static const double pi[3] = {0.2888, 0.5776, 0.1336};
    const double matrices = (double)(n / 1024);
    uint32_t count[3];
    double v = 0;
    (void)parameter;
    if (n < 1024)
        return 0;
    randomness_ranks(bits, n, count);
    for (int i = 0; i < 3; i++)
        v += (count[i] - matrices * pi[i]) * (count[i] - matrices * pi[i]) / (matrices * pi[i]);
    random_chi_square(item, 2, v);
    return 1;
}

static double phi(double x)
{
    return erfc(-x / sqrt(2)) / 2;
}

/* The integer divisions go towards zero, as the standard's. */
static double walk_p(size_t farthest, size_t n)
{
    const double z = (double)farthest, root = sqrt((double)n);
    const long q = (long)(n / farthest);
    double p = 1;
    for (long i = (-q + 1) / 4; i <= (q - 1) / 4; i++)
        p -= phi((double)(4 * i + 1) * z / root) - phi((double)(4 * i - 1) * z / root);
    for (long i = (-q - 3) / 4; i <= (q - 1) / 4; i++)
        p += phi((double)(4 * i + 3) * z / root) - phi((double)(4 * i + 1) * z / root);
    return p;
}

size_t random_cumulative(const uint8_t *bits, size_t n, unsigned parameter,
                         struct random_item *item)
{
    size_t z[2];
    (void)parameter;
    randomness_walk(bits, n, &z[0], &z[1]);
    for (int i = 0; i < 2; i++) {
        item[i].part = i ? "backward" : "forward";
        item[i].p = item[i].q = walk_p(z[i], n);
    }
    return 2;
}

/* Sum of v/n ln(v/n) */
static double phi_m(const uint32_t *count, unsigned m, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < (size_t)1 << m; i++)
        if (count[i])
            sum += count[i] / (double)n * log(count[i] / (double)n);
    return sum;
}

size_t random_approximate_entropy(const uint8_t *bits, size_t n, unsigned m,
                                  struct random_item *item)
{
    uint32_t count[1 << 9];
    if (m > 8)
        return 0;
    randomness_patterns(bits, n, m + 1, count);
    const double longer = phi_m(count, m + 1, n);
    randomness_shorten(count, m + 1);
    const double entropy = phi_m(count, m, n) - longer;
    random_chi_square(item, ldexp(1, (int)m), 2 * (double)n * (log(2) - entropy));
    return 1;
}

size_t random_linear_complexity(const uint8_t *bits, size_t n, unsigned m, struct random_item *item)
{
    static const double pi[7] = {0.010417, 0.03125, 0.125, 0.5, 0.25, 0.0625, 0.020833};
    const double sign = m % 2 ? -1 : 1, blocks = (double)(n / m);
    const double mean = m / 2.0 + (9 - sign) / 36 - (m / 3.0 + 2.0 / 9) / ldexp(1, (int)m);
    double count[7] = {0}, v = 0;
    if (n / m < 1 || m > RANDOMNESS_BLOCK_MAX)
        return 0;
    for (size_t at = 0; at + m <= n; at += m) {
        const double t = sign * (randomness_complexity(bits, at, m) - mean) + 2.0 / 9;
        const int class = (int)ceil(t + 2.5); /* t <= -2.5 is class 0, t > 2.5 class 6 */
        count[class < 0 ? 0 : class > 6 ? 6 : class]++;
    }
    for (int i = 0; i < 7; i++)
        v += (count[i] - blocks * pi[i]) * (count[i] - blocks * pi[i]) / (blocks * pi[i]);
    random_chi_square(item, 6, v);
    return 1;
}

static unsigned word7(const uint8_t *bits, size_t at)
{
    unsigned w = 0;
    for (unsigned i = 0; i < 7; i++)
        w = w << 1 | randomness_bit(bits, at + i);
    return w;
}

/* L = 7, Q = 1280 */
size_t random_universal(const uint8_t *bits, size_t n, unsigned parameter, struct random_item *item)
{
    enum { L = 7, Q = 1280 };
    static const double expected = 6.1962507, variance = 3.125;
    size_t last[1 << L] = {0};
    double sum = 0;
    (void)parameter;
    if (n / L <= Q)
        return 0;
    const size_t words = n / L;
    const double k = (double)(words - Q);
    for (size_t i = 1; i <= words; i++) {
        const unsigned w = word7(bits, (i - 1) * L);
        if (i > Q)
            sum += log2((double)(i - last[w]));
        last[w] = i;
    }
    const double c = 0.7 - 0.8 / L + (4 + 32.0 / L) * pow(k, -3.0 / L) / 15;
    item->parameter = L;
    random_two_sided(item, (sum / k - expected) / (c * sqrt(variance / k)));
    return 1;
}

size_t random_dft(const uint8_t *bits, size_t n, unsigned parameter, struct random_item *item)
{
    const long below = random_spectrum(bits, n, sqrt(2.995732274 * (double)n));
    (void)parameter;
    if (below < 0)
        return 0;
    random_two_sided(item,
                     ((double)below - 0.95 * (double)n / 2) / sqrt(0.95 * 0.05 * (double)n / 3.8));
    return 1;
}
