/* Where the schemes under test take their random bytes from. */
#ifndef HUFU_TESTS_RNG_H
#define HUFU_TESTS_RNG_H

#include <string.h>

#include "firmware/base/secret.h"
#include "firmware/crypto/rng.h"
#include "tests/lib/vec.h"

/* Random bytes that the test of constant time counts as a secret */
static inline void test_secret(void *out, size_t n)
{
    test_random(out, n);
    SECRET(out, n);
}

static inline int test_fill(void *ctx, void *out, size_t n)
{
    (void)ctx;
    test_random(out, n);
    return 0;
}

static inline int secret_fill(void *ctx, void *out, size_t n)
{
    (void)ctx;
    test_secret(out, n);
    return 0;
}

static inline int no_fill(void *ctx, void *out, size_t n)
{
    (void)ctx;
    memset(out, 0x55, n); /* what is there after a failure is of no use */
    return -1;
}

static const struct rng test_rng = {test_fill, NULL};
static const struct rng secret_rng = {secret_fill, NULL};
static const struct rng no_rng = {no_fill, NULL}; /* fails */

#endif
