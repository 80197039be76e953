/* What the tests of RSA in eight lanes share: scratch with a guard, keys, a broken source. */
#ifndef HUFU_TESTS_IFMA8_RSA_TOOLS_H
#define HUFU_TESTS_IFMA8_RSA_TOOLS_H

#include <stdio.h>

#include "tests/lib/run.h"
#include "tests/unit/test_rsa_tools.h"

#include "firmware/crypto/ifma8/ifma8.h"
#include "firmware/crypto/rsa_internal.h"

#if HUFU_IFMA8

enum { KEYS = 3, GUARD = 64 };

static struct rsa_private keys[RSA_SIZES][KEYS];
/* Scratch of just the promised size, with a guard behind it */
static inline uint8_t *lane_scratch(unsigned bits, size_t n)
{
    const size_t size = rsa_ifma8.scratch(bits, n);
    void *p = NULL;
    ck_assert_int_eq(posix_memalign(&p, 64, size + GUARD), 0);
    memset(p, 0x5A, size + GUARD);
    return p;
}

/* The guard is whole, and nothing but zeros is left where something was written. */
static inline void release(uint8_t *scratch, unsigned bits, size_t n)
{
    const size_t size = rsa_ifma8.scratch(bits, n);
    size_t left = 0, broken = 0; /* an assertion for each byte would take its time */
    for (size_t i = 0; i < size; i++)
        left += scratch[i] != 0 && scratch[i] != 0x5A;
    for (size_t i = 0; i < GUARD; i++)
        broken += scratch[size + i] != 0x5A;
    ck_assert_msg(!left, "%zu bytes of scratch remain", left);
    ck_assert_msg(!broken, "%zu bytes behind the scratch are written", broken);
    free(scratch);
}

static inline void *keygen_scratch(unsigned bits)
{
    void *p = NULL;
    const size_t size =
        rsa_keygen_room(&rsa_ifma8, bits) + rsa_ifma8.scratch(bits, rsa_ifma8.lanes);
    ck_assert_int_eq(posix_memalign(&p, 64, size), 0);
    return p;
}

/* A kept key of OpenSSL's, and new ones of this engine's (OpenSSL would take seconds for them);
 * keys_are_right tests such keys */
static inline void make_keys(void)
{
    for (size_t k = 0; k < RSA_SIZES; k++) {
        void *const scratch = keygen_scratch(rsa_sizes[k]);
        kept_key(rsa_sizes[k], &keys[k][0]);
        for (size_t i = 1; i < KEYS; i++)
            ck_assert_int_eq(
                rsa_keygen(&rsa_ifma8, &test_rng, rsa_sizes[k], &keys[k][i], scratch, NULL, NULL),
                0);
        free(scratch);
    }
}

static inline int run_suite(const char *name, void (*add)(Suite *))
{
    if (!ifma8_usable()) {
        printf("SKIP: this processor has no AVX-512 IFMA\n0 passed, 0 failed, 1 skipped\n");
        return 0;
    }
    test_seed();
    Suite *s = suite_create(name);
    add(s);
    return suite_run(s);
}

#endif

#endif
