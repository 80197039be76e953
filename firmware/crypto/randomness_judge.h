/*
 * Inside firmware/crypto: the tests of GM/T 0005 without a fraction. Each P-value is monotone in
 * its statistic, so that P >= 0.01 is a threshold; the thresholds are those of one size of samples.
 * CT: no secrets: samples that are tested are thrown away.
 */
#ifndef HUFU_CRYPTO_RANDOMNESS_JUDGE_H
#define HUFU_CRYPTO_RANDOMNESS_JUDGE_H

#include "firmware/crypto/randomness.h"

/* Quantiles of chi square at 0.99, times 1000, by degrees of freedom. */
enum {
    CHI_2 = 9210,
    CHI_4 = 13277,
    CHI_5 = 15086,
    CHI_6 = 16812,
    CHI_8 = 20090,
    CHI_15 = 30578,
    CHI_16 = 32000,
    CHI_20 = 37566,
    CHI_28 = 48278,
    CHI_32 = 53486,
    CHI_100 = 135807,
    CHI_255 = 310457
};

enum { RANDOMNESS_SHIFTS = 4, RANDOMNESS_RUN_CLASSES = 15, RANDOMNESS_LONGEST_CLASSES = 7 };

struct randomness_limits {
    size_t n;
    size_t block; /* bits of a block of the block frequency test */
    uint64_t block_chi;
    int64_t sum;          /* 2.5758 sqrt(n): sums of n steps of +1 and -1, and of up to 16 fewer */
    size_t walk;          /* the farthest that such a sum may go on its way */
    uint64_t runs_factor; /* 2 * 2.575829 / sqrt(n), times 2^32 */
    unsigned run_classes; /* k of the runs distribution */
    uint64_t run_chi;
    size_t longest_block; /* of the longest run: bits of a block, the first class, chances in
                             millionths */
    unsigned longest_first, longest_classes;
    uint32_t longest_pi[RANDOMNESS_LONGEST_CLASSES];
    uint64_t longest_chi;
    uint8_t shifts[RANDOMNESS_SHIFTS + 1]; /* of the autocorrelation, ended by 0 */
};

struct randomness_verdict {
    uint32_t failed; /* bit i: item i */
    unsigned item;   /* the next one */
};

const char *randomness_full_item(unsigned i); /* of those of the start-up test */
void randomness_judge(struct randomness_verdict *v, bool passed);
/* Tests 1 to 12 of the standard, all items of one at a time. */
enum { RANDOMNESS_COMMON = 12 };
void randomness_common(struct randomness_verdict *v, const uint8_t *bits,
                       const struct randomness_limits *l, unsigned test);
/* The chi square of these counts of blocks is not above limit; chances in millionths. */
bool randomness_chi_small(const uint32_t *v, const uint32_t *pi, unsigned classes, uint64_t blocks,
                          uint64_t limit);
/* log2(x) times 2^32; x >= 1 */
uint64_t randomness_log2(uint32_t x);

/* Of 10^6 bits, as +1 and -1: how many of the first half of the moduli of their discrete Fourier
 * transform are below sqrt(2.995732274 n). Column by column of the bits as a square of 1000 by
 * 1000, so that 80 KB are enough. */
enum {
    SPECTRUM_SIDE = 1000,
    SPECTRUM_PARTS = SPECTRUM_SIDE / 4,
    SPECTRUM_COLUMNS = SPECTRUM_SIDE / 2 + 1
};
struct randomness_number { /* complex */
    int64_t re, im;
};
struct randomness_spectrum {
    struct randomness_number column[SPECTRUM_SIDE], other[SPECTRUM_SIDE];
    int32_t turn[SPECTRUM_SIDE][2], fine[SPECTRUM_SIDE][2], part[SPECTRUM_PARTS][16][2];
    uint32_t below;
};
/* Turns the square of bits, in place. */
void randomness_spectrum_begin(struct randomness_spectrum *s, uint8_t *bits);
/* Columns 0 to SPECTRUM_COLUMNS - 1 add to s->below. */
void randomness_spectrum_column(struct randomness_spectrum *s, const uint8_t *bits, unsigned k);

#endif
