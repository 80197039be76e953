/* Counts of GM/T 0005 that need nothing but the bits themselves. */
#include "firmware/crypto/randomness.h"

#include <string.h>

static unsigned ones_of(unsigned byte)
{
    byte -= byte >> 1 & 0x55;
    byte = (byte & 0x33) + (byte >> 2 & 0x33);
    return (byte + (byte >> 4)) & 15;
}

size_t randomness_ones(const uint8_t *bits, size_t first, size_t n)
{
    size_t ones = 0, i = first;
    const size_t end = first + n;

    for (; i < end && i % 8; i++)
        ones += randomness_bit(bits, i);
    for (; i + 8 <= end; i += 8)
        ones += ones_of(bits[i / 8]);
    for (; i < end; i++)
        ones += randomness_bit(bits, i);
    return ones;
}

uint64_t randomness_blocks(const uint8_t *bits, size_t n, size_t m)
{
    uint64_t sum = 0;

    for (size_t at = 0; at + m <= n; at += m) {
        const int64_t d = 2 * (int64_t)randomness_ones(bits, at, m) - (int64_t)m;
        sum += (uint64_t)(d * d);
    }
    return sum;
}

void randomness_words(const uint8_t *bits, size_t n, unsigned m, uint32_t *count)
{
    memset(count, 0, sizeof *count << m);
    for (size_t at = 0; at + m <= n; at += m) {
        unsigned word = 0;
        for (unsigned i = 0; i < m; i++)
            word = word << 1 | randomness_bit(bits, at + i);
        count[word]++;
    }
}

void randomness_patterns(const uint8_t *bits, size_t n, unsigned m, uint32_t *count)
{
    const uint32_t mask = (1u << m) - 1;
    uint32_t word = 0;

    memset(count, 0, sizeof *count << m);
    for (unsigned i = 0; i + 1 < m; i++)
        word = word << 1 | randomness_bit(bits, i % n);
    for (size_t i = 0; i < n; i++) {
        const size_t next = i + m - 1;
        word = (word << 1 | randomness_bit(bits, next < n ? next : next % n)) & mask;
        count[word]++;
    }
}

void randomness_shorten(uint32_t *count, unsigned m)
{
    for (size_t i = 0; i < (size_t)1 << (m - 1); i++)
        count[i] = count[2 * i] + count[2 * i + 1];
}

uint64_t randomness_squares(const uint32_t *count, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (uint64_t)count[i] * count[i];
    return sum;
}

size_t randomness_runs(const uint8_t *bits, size_t n)
{
    return randomness_shifted(bits, n, 1) + 1;
}

void randomness_run_lengths(const uint8_t *bits, size_t n, unsigned k, uint32_t *of_ones,
                            uint32_t *of_zeros)
{
    size_t length = 0;

    memset(of_ones, 0, k * sizeof *of_ones);
    memset(of_zeros, 0, k * sizeof *of_zeros);
    for (size_t i = 0; i < n; i++) {
        const unsigned bit = randomness_bit(bits, i);
        length++;
        if (i + 1 < n && randomness_bit(bits, i + 1) == bit)
            continue;
        (bit ? of_ones : of_zeros)[(length < k ? length : k) - 1]++;
        length = 0;
    }
}

static size_t longest_run(const uint8_t *bits, size_t first, size_t m, unsigned value)
{
    size_t longest = 0, run = 0;

    for (size_t i = first; i < first + m; i++) {
        run = randomness_bit(bits, i) == value ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

void randomness_longest(const uint8_t *bits, size_t n, size_t m, unsigned value, unsigned first,
                        unsigned classes, uint32_t *v)
{
    memset(v, 0, classes * sizeof *v);
    for (size_t at = 0; at + m <= n; at += m) {
        const size_t longest = longest_run(bits, at, m, value);
        const size_t class = longest <= first ? 0 : longest - first;
        v[class < classes ? class : classes - 1]++;
    }
}

size_t randomness_derivative(const uint8_t *bits, size_t n, unsigned k)
{
    const uint32_t all = k == 31 ? 0xffffffff : (1u << (k + 1)) - 1;
    uint32_t taps = 0, window = 0;
    size_t ones = 0;

    for (unsigned j = 0; j <= k; j++) /* the binomials that are odd */
        taps |= (j & ~k) == 0 ? 1u << j : 0;
    for (size_t i = 0; i < n; i++) {
        window = (window << 1 | randomness_bit(bits, i)) & all;
        if (i < k)
            continue;
        uint32_t parity = window & taps;
        for (unsigned shift = 16; shift; shift /= 2)
            parity ^= parity >> shift;
        ones += parity & 1;
    }
    return ones;
}

size_t randomness_shifted(const uint8_t *bits, size_t n, size_t d)
{
    size_t different = 0;

    for (size_t i = 0; i + d < n; i++)
        different += randomness_bit(bits, i) ^ randomness_bit(bits, i + d);
    return different;
}

static unsigned rank32(uint32_t row[32])
{
    unsigned rank = 0;

    for (unsigned column = 0; column < 32; column++) {
        const uint32_t bit = (uint32_t)1 << (31 - column);
        unsigned pivot = rank;
        while (pivot < 32 && !(row[pivot] & bit))
            pivot++;
        if (pivot == 32)
            continue;
        const uint32_t line = row[pivot];
        row[pivot] = row[rank];
        row[rank] = line;
        for (unsigned i = rank + 1; i < 32; i++)
            row[i] ^= row[i] & bit ? line : 0;
        rank++;
    }
    return rank;
}

void randomness_ranks(const uint8_t *bits, size_t n, uint32_t count[3])
{
    memset(count, 0, 3 * sizeof *count);
    for (size_t at = 0; at + 1024 <= n; at += 1024) {
        const uint8_t *p = bits + at / 8;
        uint32_t row[32];
        for (int i = 0; i < 32; i++, p += 4)
            row[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        const unsigned rank = rank32(row);
        count[rank == 32 ? 0 : rank == 31 ? 1 : 2]++;
    }
}

void randomness_walk(const uint8_t *bits, size_t n, size_t *forward, size_t *backward)
{
    int64_t sum = 0, least = 0, most = 0, last_least = 0, last_most = 0;

    for (size_t i = 0; i < n; i++) {
        last_least = least; /* of all but the last step: where the walk from the back may end */
        last_most = most;
        sum += randomness_bit(bits, i) ? 1 : -1;
        least = sum < least ? sum : least;
        most = sum > most ? sum : most;
    }
    *forward = (size_t)(most > -least ? most : -least);
    const int64_t up = sum - last_least, down = last_most - sum;
    *backward = (size_t)(up > down ? up : down);
}
