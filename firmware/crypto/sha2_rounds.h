/*
 * The compression function of SHA-2 (FIPS 180-4 clauses 6.2.2 and 6.4.2) for the size of word of
 * the source that includes this file. That has defined
 *   word, WORD_BITS, ROUNDS, round_constant, load_word
 *   SUM_0, SUM_1, SIGMA_0, SIGMA_1 of clauses 4.1.2 and 4.1.3, from rotr.
 * CT: the number of blocks only.
 */
#ifndef HUFU_CRYPTO_SHA2_ROUNDS_H
#define HUFU_CRYPTO_SHA2_ROUNDS_H

#include "firmware/base/wipe.h"

enum { BLOCK = 16 * sizeof(word) };

static inline word rotr(word x, unsigned n)
{
    return (x >> n) | (x << (WORD_BITS - n));
}

/* The next W_t, over W_t-16: the last 16 words are kept, at t mod 16. */
static inline word expand(word w[16], size_t t)
{
    const word x = w[(t + 1) & 15], y = w[(t + 14) & 15];
    return w[t & 15] += SIGMA_0(x) + w[(t + 9) & 15] + SIGMA_1(y);
}

static void compress_block(word v[8], word w[16], const uint8_t *data)
{
    word a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7];
    for (size_t t = 0; t < 16; t++)
        w[t] = load_word(data + t * sizeof(word));
    for (size_t base = 0; base < ROUNDS; base += 16)
        for (size_t t = 0; t < 16; t++) {
            const word t1 = h + SUM_1(e) + (((f ^ g) & e) ^ g) + round_constant[base + t] +
                            (base == 0 ? w[t] : expand(w, t));
            const word t2 = SUM_0(a) + ((a & b) | ((a | b) & c));
            h = g;
            g = f;
            f = e;
            e = d + t1;
            d = c;
            c = b;
            b = a;
            a = t1 + t2;
        }
    v[0] += a, v[1] += b, v[2] += c, v[3] += d;
    v[4] += e, v[5] += f, v[6] += g, v[7] += h;
}

static void compress(void *h, const uint8_t *data, size_t blocks)
{
    word w[16];
    for (; blocks > 0; blocks--, data += BLOCK)
        compress_block(h, w, data);
    wipe(w, sizeof w);
}

#endif
