/*
 * The 15 tests of GM/T 0005-2021 with their P-values, over the counts of
 * firmware/crypto/randomness.h. A sample is n bits, the first one the most significant bit of the
 * first byte.
 */
#ifndef HUFU_RANDOM_TEST_H
#define HUFU_RANDOM_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RANDOM_TEST_ITEMS = 40, RANDOM_TEST_BINS = 10 };

/* A P-value below alpha fails the sample; a P_T of many samples below alpha_t fails the item. */
#define RANDOM_TEST_ALPHA   0.01
#define RANDOM_TEST_ALPHA_T 0.0001

/* One P-value: a test with one parameter. */
struct random_item {
    const char *test;   /* as in the standard: "poker", "longest run" ... */
    const char *part;   /* "first", "of ones", "forward" ... or "" */
    unsigned parameter; /* m, k or d; 0: none */
    double p, q;
};

/*
 * The items for a sample of n bits, with the parameters that the standard names for 2 x 10^4, 10^6
 * and 10^8 bits (the largest of these not above n). Returns how many items there are; 0: fewer than
 * 128 bits, or no memory. Fewer than 2 x 10^4 bits: the tests that such a sample allows.
 */
size_t random_test_sample(const uint8_t *bits, size_t n,
                          struct random_item item[RANDOM_TEST_ITEMS]);

/* One item alone, for a sample of any size; false: no such test. test as in struct random_item; two
 * items for tests with two parts. Returns how many items were written. */
size_t random_test_one(const uint8_t *bits, size_t n, const char *test, unsigned parameter,
                       struct random_item item[2]);

/* What many samples say about an item. */
struct random_verdict {
    struct random_item item;       /* of the first sample */
    size_t samples, passed, least; /* how many had P >= alpha; how many must at least */
    size_t bin[RANDOM_TEST_BINS];  /* of Q */
    double lowest;                 /* P */
    double
        uniform; /* P_T of the bins; 1 where there is none: one sample, or an item of few values */
    bool good;
};
struct random_series {
    struct random_verdict verdict[RANDOM_TEST_ITEMS];
    size_t items, samples, bits;
};
/* Start with zeros; add each sample; judge in the end. False: a sample of another kind, or no
 * memory. */
bool random_series_add(struct random_series *s, const uint8_t *bits, size_t n);
/* True: all items are good. */
bool random_series_judge(struct random_series *s);

/* For tests: the regularised upper incomplete gamma function Q(a, x). */
double random_igamc(double a, double x);

#endif
