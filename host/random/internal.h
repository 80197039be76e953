/* Inside host/random. */
#ifndef HUFU_RANDOM_INTERNAL_H
#define HUFU_RANDOM_INTERNAL_H

#include "host/random/random_test.h"

/* P and Q of a statistic that is normal with mean 0 and variance 1. */
void random_two_sided(struct random_item *item, double v);
/* P, which is Q as well, of one that is chi square with so many degrees of freedom. */
void random_chi_square(struct random_item *item, double freedom, double v);

/* How many of the moduli k = 0 .. n/2 - 1 of the discrete Fourier transform of the sample, taken as
 * +1 and -1, are below limit; -1: no memory. */
long random_spectrum(const uint8_t *bits, size_t n, double limit);

/* The tests: each writes its items and returns how many; 0: it cannot be done for such an n. */
typedef size_t random_test_fn(const uint8_t *bits, size_t n, unsigned parameter,
                              struct random_item *item);
random_test_fn random_monobit, random_block_frequency, random_poker, random_overlapping,
    random_runs, random_runs_distribution, random_longest_run, random_derivative,
    random_autocorrelation, random_rank, random_cumulative, random_approximate_entropy,
    random_linear_complexity, random_universal, random_dft;

#endif
