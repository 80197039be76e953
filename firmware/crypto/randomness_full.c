/* The 15 tests over 10^6 bits, a little at a time. */
#include "firmware/crypto/randomness_full.h"

#include <string.h>

enum {
    N = RANDOMNESS_FULL_BITS,
    COMPLEXITY_BLOCK = 500,
    COMPLEXITY_STEP = 50,
    WORD = 7,
    WARM_UP = 1280
};

static const struct randomness_limits limits = {
    .n = N,
    .block = 10000,
    .block_chi = CHI_100,
    .sum = 2575,
    .walk = 2807,
    .runs_factor = 22126205,
    .run_classes = 15,
    .run_chi = CHI_28,
    .longest_block = 10000,
    .longest_first = 10,
    .longest_classes = 7,
    .longest_pi = {86632, 208201, 248419, 193913, 121458, 68011, 73366},
    .longest_chi = CHI_6,
    .shifts = {1, 2, 8, 16},
};

/* The tests in the order of the standard, with their items. */
enum { COMPLEXITY = RANDOMNESS_COMMON, UNIVERSAL, SPECTRUM, TESTS };
static const uint8_t items[TESTS] = {1, 1, 2, 4, 1, 1, 2, 2, 4, 1, 2, 2, 1, 1, 1};

/* Some blocks; T = L - 250 but for less than any rounding, and class i is that of T = i - 3. */
static bool complexity(struct randomness_full *t)
{
    static const uint32_t pi[7] = {10417, 31250, 125000, 500000, 250000, 62500, 20833};
    const unsigned middle = COMPLEXITY_BLOCK / 2;

    if (t->at == 0)
        memset(t->count, 0, sizeof t->count);
    for (unsigned i = 0; i < COMPLEXITY_STEP; i++, t->at += COMPLEXITY_BLOCK) {
        const unsigned l = randomness_complexity(t->bits, t->at, COMPLEXITY_BLOCK);
        t->count[l <= middle - 3 ? 0 : l >= middle + 3 ? 6 : l - middle + 3]++;
    }
    if (t->at < N)
        return true;
    randomness_judge(&t->verdict,
                     randomness_chi_small(t->count, pi, 7, N / COMPLEXITY_BLOCK, CHI_6));
    return false;
}

/* K (E +- 2.5758 sigma) times 2^32, K = 141577, sigma = 0.002768431 */
static void universal(struct randomness_full *t)
{
    static const uint64_t least = 3763409253575557, most = 3772081535669789;
    uint32_t last[1 << WORD] = {0};
    uint64_t sum = 0;

    for (uint32_t i = 1; i <= N / WORD; i++) {
        unsigned w = 0;
        for (unsigned b = 0; b < WORD; b++)
            w = w << 1 | randomness_bit(t->bits, (size_t)(i - 1) * WORD + b);
        sum += i > WARM_UP ? randomness_log2(i - last[w]) : 0;
        last[w] = i;
    }
    randomness_judge(&t->verdict, sum >= least && sum <= most);
}

/* |N1 - 475000| <= 2.5758 sqrt(0.95 * 0.05 n / 3.8) */
static bool spectrum(struct randomness_full *t)
{
    enum { EXPECTED = N / 2 / 20 * 19, SPREAD = 287 };

    if (t->at == 0)
        randomness_spectrum_begin(&t->spectrum, t->bits);
    randomness_spectrum_column(&t->spectrum, t->bits, t->at);
    if (++t->at < SPECTRUM_COLUMNS)
        return true;
    randomness_judge(&t->verdict, t->spectrum.below >= EXPECTED - SPREAD &&
                                      t->spectrum.below <= EXPECTED + SPREAD);
    return false;
}

void randomness_full_begin(struct randomness_full *t, uint32_t wanted)
{
    t->verdict = (struct randomness_verdict){0, 0};
    t->wanted = wanted;
    t->test = t->at = 0;
}

/* The rest of the test, if there is one, is for the next step. */
static bool go_on(struct randomness_full *t)
{
    switch (t->test) {
    case COMPLEXITY:
        return complexity(t);
    case UNIVERSAL:
        universal(t);
        return false;
    case SPECTRUM:
        return spectrum(t);
    default:
        randomness_common(&t->verdict, t->bits, &limits, t->test);
        return false;
    }
}

bool randomness_full_step(struct randomness_full *t)
{
    for (; t->test < TESTS; t->test++, t->at = 0) {
        const uint32_t mask = (1u << items[t->test]) - 1;
        if (t->wanted >> t->verdict.item & mask)
            break;
        t->verdict.item += items[t->test]; /* passed over */
    }
    if (t->test == TESTS)
        return false;
    if (!go_on(t)) {
        t->test++;
        t->at = 0;
    }
    return true;
}
