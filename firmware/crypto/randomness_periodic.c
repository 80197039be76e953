/* What the device tests in use: groups of 20,000 bits by 12 tests, and bits that are going to be
 * used. */
#include "firmware/crypto/randomness_judge.h"

#include "firmware/base/wipe.h"

static const struct randomness_limits limits = {
    .n = RANDOMNESS_PERIODIC_BITS,
    .block = 1000,
    .block_chi = CHI_20,
    .sum = 364,
    .walk = 396,
    .runs_factor = 156455898,
    .run_classes = 9,
    .run_chi = CHI_16,
    .longest_block = 128,
    .longest_first = 4,
    .longest_classes = 6,
    .longest_pi = {117400, 243000, 249400, 175200, 102700, 112400},
    .longest_chi = CHI_5,
    .shifts = {2, 8, 16},
};

uint32_t randomness_periodic(const uint8_t bits[RANDOMNESS_PERIODIC_BITS / 8])
{
    struct randomness_verdict v = {0};

    for (unsigned test = 0; test < RANDOMNESS_COMMON; test++)
        randomness_common(&v, bits, &limits, test);
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
