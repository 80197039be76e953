/*
 * What GM/T 0005-2021 counts in a sample of bits, in whole numbers: the same code serves the
 * device, which compares with thresholds, and the host, which turns the counts into P-values. A
 * sample is n bits, the first one the most significant bit of the first byte. CT: samples that are
 * tested are thrown away; only randomness_poker2 may see bits that are used.
 */
#ifndef HUFU_CRYPTO_RANDOMNESS_H
#define HUFU_CRYPTO_RANDOMNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline unsigned randomness_bit(const uint8_t *bits, size_t i)
{
    return (unsigned)bits[i / 8] >> (7 - i % 8) & 1u;
}

/* Ones among n bits from bit `first` on. */
size_t randomness_ones(const uint8_t *bits, size_t first, size_t n);
/* Sum of (2 ones - m)^2 over the n / m blocks of m bits. */
uint64_t randomness_blocks(const uint8_t *bits, size_t n, size_t m);
/* How often each of the 2^m words comes among n / m words that follow each other; m up to 8. */
void randomness_words(const uint8_t *bits, size_t n, unsigned m, uint32_t *count);
/* The same at all n places, the sample being a ring; m up to 16. */
void randomness_patterns(const uint8_t *bits, size_t n, unsigned m, uint32_t *count);
/* The counts of the patterns one bit shorter, in place. */
void randomness_shorten(uint32_t *count, unsigned m);
uint64_t randomness_squares(const uint32_t *count, size_t n);
size_t randomness_runs(const uint8_t *bits, size_t n);
/* of_ones[i - 1], of_zeros[i - 1]: runs of i equal bits, i = 1 .. k, longer ones with those of k.
 */
void randomness_run_lengths(const uint8_t *bits, size_t n, unsigned k, uint32_t *of_ones,
                            uint32_t *of_zeros);
/* v[c]: blocks of m bits whose longest run of `value` is first + c, shorter ones in v[0], longer
 * ones in v[classes - 1]. */
void randomness_longest(const uint8_t *bits, size_t n, size_t m, unsigned value, unsigned first,
                        unsigned classes, uint32_t *v);
/* Ones of the k-th derivative, n - k bits; k up to 31. */
size_t randomness_derivative(const uint8_t *bits, size_t n, unsigned k);
/* Places i with bit i and bit i + d different. */
size_t randomness_shifted(const uint8_t *bits, size_t n, size_t d);
/* Matrices of 32 x 32 bits of rank 32, 31, and less. */
void randomness_ranks(const uint8_t *bits, size_t n, uint32_t count[3]);
/* Largest distance from 0 of the walk of +1 (one) and -1, from the front and from the back. */
void randomness_walk(const uint8_t *bits, size_t n, size_t *forward, size_t *backward);
/* Linear complexity of bits first .. first + m - 1; m up to RANDOMNESS_BLOCK_MAX. */
enum { RANDOMNESS_BLOCK_MAX = 5000 };
unsigned randomness_complexity(const uint8_t *bits, size_t first, unsigned m);

/*
 * The periodic test of GM/T 0030 and GM/T 0062: 12 tests over 2 x 10^4 bits at a significance of
 * 0.01. Returns a mask of the items that fail; names for them come from randomness_item.
 */
enum { RANDOMNESS_PERIODIC_BITS = 20000, RANDOMNESS_ITEMS = 22 };
uint32_t randomness_periodic(const uint8_t bits[RANDOMNESS_PERIODIC_BITS / 8]);
const char *randomness_item(unsigned i);

/* The poker test with m = 2 for bits that are going to be used: at least 16 bytes. True: they pass.
 * CT: n, and the verdict */
bool randomness_poker2(const uint8_t *bytes, size_t n);

#endif
