/* Berlekamp-Massey over GF(2), a word of coefficients at a time. */
#include "firmware/crypto/randomness.h"

#include <string.h>

enum { WORDS = (RANDOMNESS_BLOCK_MAX + 63) / 64 + 1 };

/* a ^= b x^shift, both of `words` words, the coefficient of x^i in bit i */
static void add_shifted(uint64_t *a, const uint64_t *b, size_t shift, size_t words)
{
    const size_t skip = shift / 64, bits = shift % 64;

    for (size_t i = words; i-- > skip;) {
        uint64_t t = b[i - skip] << bits;
        if (bits && i > skip)
            t |= b[i - skip - 1] >> (64 - bits);
        a[i] ^= t;
    }
}

static unsigned parity(const uint64_t *a, const uint64_t *b, size_t words)
{
    uint64_t t = 0;

    for (size_t i = 0; i < words; i++)
        t ^= a[i] & b[i];
    for (unsigned shift = 32; shift; shift /= 2)
        t ^= t >> shift;
    return t & 1;
}

unsigned randomness_complexity(const uint8_t *bits, size_t first, unsigned m)
{
    const size_t words = m / 64 + 1;
    uint64_t c[WORDS] = {1}, b[WORDS] = {1}, t[WORDS], seen[WORDS] = {0};
    unsigned length = 0, since = 1;

    /* seen: the sequence backwards, the newest bit in bit 0, so that the discrepancy is a scalar
     * product */
    for (unsigned i = 0; i < m; i++, since++) {
        for (size_t w = words; w-- > 0;)
            seen[w] = seen[w] << 1 | (w ? seen[w - 1] >> 63 : randomness_bit(bits, first + i));
        if (!parity(c, seen, words))
            continue;
        memcpy(t, c, words * sizeof *t);
        add_shifted(c, b, since, words);
        if (2 * length <= i) {
            length = i + 1 - length;
            memcpy(b, t, words * sizeof *b);
            since = 0;
        }
    }
    return length;
}
