/* Shamir's shares, against interpolation with logarithm tables, which is another way to the same
 * field. */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/shamir.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

static uint8_t power[510], logarithm[256]; /* of the generator 3 */

static void tables(void)
{
    unsigned x = 1;
    for (unsigned i = 0; i < 255; i++) {
        power[i] = power[i + 255] = (uint8_t)x;
        logarithm[x] = (uint8_t)i;
        x ^= x << 1;
        x ^= x & 0x100 ? 0x11B : 0;
    }
    test_seed();
}

static uint8_t mul(uint8_t a, uint8_t b)
{
    return a && b ? power[logarithm[a] + logarithm[b]] : 0;
}

static uint8_t divide(uint8_t a, uint8_t b)
{
    return a ? power[logarithm[a] + 255 - logarithm[b]] : 0;
}

static uint8_t interpolate(const uint8_t *x, const uint8_t *y, unsigned k)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < k; i++) {
        uint8_t term = y[i];
        for (unsigned j = 0; j < k; j++)
            if (j != i)
                term = mul(term, divide(x[j], x[j] ^ x[i]));
        sum ^= term;
    }
    return sum;
}

static int fill(void *ctx, void *out, size_t n)
{
    int *left = ctx;
    if (left && (*left)-- <= 0)
        return -1;
    test_random(out, n);
    return 0;
}

static const struct rng rng = {fill, NULL};

/* k of the points 1 to n, in a random order */
static void choose(uint8_t *x, unsigned k, unsigned n)
{
    uint8_t all[SHAMIR_SHARES_MAX];
    for (unsigned i = 0; i < n; i++)
        all[i] = (uint8_t)(i + 1);
    for (unsigned i = 0; i < k; i++) {
        const unsigned j = i + test_random_below(n - i);
        x[i] = all[j];
        all[j] = all[i];
    }
}

START_TEST(any_threshold_of_them)
{
    for (unsigned n = 2; n <= SHAMIR_SHARES_MAX; n++)
        for (unsigned k = 2; k <= n; k++)
            for (int turn = 0; turn < 8; turn++) {
                uint8_t secret[SHAMIR_SECRET_MAX], got[SHAMIR_SECRET_MAX];
                uint8_t shares[SHAMIR_SHARES_MAX * SHAMIR_SECRET_MAX];
                uint8_t some[SHAMIR_SHARES_MAX * SHAMIR_SECRET_MAX], x[SHAMIR_SHARES_MAX];
                uint8_t y[SHAMIR_SHARES_MAX];
                const size_t size = 1 + test_random_below(SHAMIR_SECRET_MAX);
                test_random(secret, size);
                ck_assert_int_eq(shamir_split(&rng, secret, size, k, n, shares), 0);
                choose(x, k, n);
                for (unsigned i = 0; i < k; i++)
                    memcpy(some + i * size, shares + (x[i] - 1) * size, size);
                ck_assert_int_eq(shamir_join(x, some, size, k, got), 0);
                ck_assert_mem_eq(got, secret, size);
                for (size_t b = 0; b < size; b++) {
                    for (unsigned i = 0; i < k; i++)
                        y[i] = some[i * size + b];
                    ck_assert_uint_eq(interpolate(x, y, k), secret[b]);
                }
            }
}
END_TEST

/* One share less: every value of the secret has a share that would complete it. */
START_TEST(fewer_say_nothing)
{
    const uint8_t secret[1] = {0x5A}, x[3] = {1, 2, 3};
    uint8_t shares[5], got[1];
    bool seen[256] = {false};
    ck_assert_int_eq(shamir_split(&rng, secret, 1, 3, 5, shares), 0);
    for (unsigned third = 0; third < 256; third++) {
        const uint8_t some[3] = {shares[0], shares[1], (uint8_t)third};
        ck_assert_int_eq(shamir_join(x, some, 1, 3, got), 0);
        seen[got[0]] = true;
    }
    for (unsigned v = 0; v < 256; v++)
        ck_assert(seen[v]);
}
END_TEST

START_TEST(refusals)
{
    uint8_t secret[SHAMIR_SECRET_MAX + 1] = {1}, shares[17 * 65], got[65];
    const uint8_t twice[3] = {1, 2, 1}, zero[2] = {0, 1}, fine[2] = {1, 2};
    int left = 3;
    const struct rng dies = {fill, &left};
    ck_assert_int_ne(shamir_split(&rng, secret, 32, 1, 3, shares), 0);
    ck_assert_int_ne(shamir_split(&rng, secret, 32, 4, 3, shares), 0);
    ck_assert_int_ne(shamir_split(&rng, secret, 32, 2, SHAMIR_SHARES_MAX + 1, shares), 0);
    ck_assert_int_ne(shamir_split(&rng, secret, 0, 2, 3, shares), 0);
    ck_assert_int_ne(shamir_split(&rng, secret, SHAMIR_SECRET_MAX + 1, 2, 3, shares), 0);
    memset(shares, 0xA5, sizeof shares);
    ck_assert_int_ne(shamir_split(&dies, secret, 32, 2, 3, shares), 0);
    for (size_t i = 0; i < 3 * 32; i++)
        ck_assert_uint_eq(shares[i], 0);
    ck_assert_int_ne(shamir_join(twice, shares, 32, 3, got), 0);
    ck_assert_int_ne(shamir_join(zero, shares, 32, 2, got), 0);
    ck_assert_int_ne(shamir_join(fine, shares, 32, 1, got), 0);
    ck_assert_int_ne(shamir_join(fine, shares, 0, 2, got), 0);
    ck_assert_int_ne(shamir_join(fine, shares, SHAMIR_SECRET_MAX + 1, 2, got), 0);
    ck_assert_int_eq(shamir_join(fine, shares, 32, 2, got), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("shamir");
    TCase *t = tcase_create("shamir");
    tcase_add_unchecked_fixture(t, tables, NULL);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, any_threshold_of_them);
    tcase_add_test(t, fewer_say_nothing);
    tcase_add_test(t, refusals);
    suite_add_tcase(s, t);
    return suite_run(s);
}
