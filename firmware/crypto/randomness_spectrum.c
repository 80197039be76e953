/*
 * The spectrum of 10^6 bits in whole numbers. x(n + 1000 m) -> X(k + 1000 l): for each column k the
 * sums over m, by tables of four bits; a turn; and a transform of 1000 numbers in three steps of
 * ten. Of a real sequence, columns 501 to 999 mirror the others. The error of a modulus is below
 * 10^-3, of some 1730 at the limit.
 */
#include "firmware/crypto/randomness_judge.h"

#include <string.h>

enum { SIDE = SPECTRUM_SIDE, TURN_BITS = 24, PART_BITS = 20, COLUMN_BITS = 16, TEN = 10 };

/* 2.995732274 n, with twice the fraction of a column */
static const uint64_t limit_squared = (uint64_t)2995732274 * 4294967296 / 1000;
static const int64_t limit = (int64_t)1731 << COLUMN_BITS; /* just above its root */

static int64_t scaled(int64_t x, unsigned bits)
{
    return (x + ((int64_t)1 << (bits - 1))) >> bits;
}

static struct randomness_number times(struct randomness_number a, int64_t re, int64_t im,
                                      unsigned bits)
{
    return (struct randomness_number){scaled(a.re * re - a.im * im, bits),
                                      scaled(a.re * im + a.im * re, bits)};
}

/* table[i] = w^i, i < 1000, out of w, w^10 and w^100 with 30 bits of fraction each */
static void powers(int32_t (*table)[2], const int32_t (*w)[2])
{
    struct randomness_number a = {(int64_t)1 << 30, 0}, b, c;

    for (unsigned i = 0; i < SIDE; i += 100, a = times(a, w[2][0], w[2][1], 30)) {
        b = a;
        for (unsigned j = i; j < i + 100; j += TEN, b = times(b, w[1][0], w[1][1], 30)) {
            c = b;
            for (unsigned k = j; k < j + TEN; k++, c = times(c, w[0][0], w[0][1], 30)) {
                table[k][0] = (int32_t)scaled(c.re, 30 - TURN_BITS);
                table[k][1] = (int32_t)scaled(c.im, 30 - TURN_BITS);
            }
        }
    }
}

static void turn_square(uint8_t *bits)
{
    for (size_t i = 0; i < SIDE; i++)
        for (size_t j = i + 1; j < SIDE; j++) {
            const size_t a = SIDE * i + j, b = SIDE * j + i;
            if (randomness_bit(bits, a) == randomness_bit(bits, b))
                continue;
            bits[a / 8] ^= (uint8_t)(0x80u >> a % 8);
            bits[b / 8] ^= (uint8_t)(0x80u >> b % 8);
        }
}

void randomness_spectrum_begin(struct randomness_spectrum *s, uint8_t *bits)
{
    /* exp(-2 pi i j / 1000) and exp(-2 pi i j / 10^6) for j = 1, 10, 100 */
    static const int32_t coarse[3][2] = {
        {1073720629, -6746474}, {1071623040, -67420807}, {868675383, -631129609}};
    static const int32_t fine[3][2] = {
        {1073741824, -6747}, {1073741822, -67465}, {1073741612, -674652}};

    powers(s->turn, coarse);
    powers(s->fine, fine);
    turn_square(bits);
    s->below = 0;
}

/* part[j][w]: what the four bits w of a row from 4 j on add to its sum */
static void make_parts(struct randomness_spectrum *s, unsigned k)
{
    for (unsigned j = 0; j < SPECTRUM_PARTS; j++)
        for (unsigned w = 0; w < 16; w++)
            for (unsigned side = 0; side < 2; side++) {
                int32_t sum = 0;
                for (unsigned i = 0; i < 4; i++) {
                    const int32_t t = s->turn[(4 * j + i) * k % SIDE][side];
                    sum += w >> (3 - i) & 1 ? t : -t;
                }
                s->part[j][w][side] = (int32_t)scaled(sum, TURN_BITS - PART_BITS);
            }
}

static struct randomness_number row_sum(const struct randomness_spectrum *s, const uint8_t *row)
{
    int32_t re = 0, im = 0;

    for (unsigned i = 0; i < SPECTRUM_PARTS / 2; i++) {
        const int32_t *high = s->part[2 * i][row[i] >> 4], *low = s->part[2 * i + 1][row[i] & 15];
        re += high[0] + low[0];
        im += high[1] + low[1];
    }
    return (struct randomness_number){re, im};
}

/* One step of the transform of n numbers, `stride` of them side by side; the output is in order
 * after the last. */
static void step_of_ten(const struct randomness_spectrum *s, const struct randomness_number *x,
                        struct randomness_number *y, unsigned n, unsigned stride)
{
    for (unsigned p = 0; p < n / TEN; p++)
        for (unsigned q = 0; q < stride; q++)
            for (unsigned t = 0; t < TEN; t++) {
                struct randomness_number sum = {0, 0};
                for (unsigned j = 0; j < TEN; j++) {
                    const struct randomness_number a = x[q + stride * (p + j * (n / TEN))];
                    const int32_t *w = s->turn[j * t % TEN * (SIDE / TEN)];
                    sum.re += scaled(a.re * w[0] - a.im * w[1], TURN_BITS);
                    sum.im += scaled(a.re * w[1] + a.im * w[0], TURN_BITS);
                }
                const int32_t *w = s->turn[p * t * (SIDE / n)];
                y[q + stride * (TEN * p + t)] = times(sum, w[0], w[1], TURN_BITS);
            }
}

static bool is_below(const struct randomness_number *x)
{
    const int64_t re = x->re < 0 ? -x->re : x->re, im = x->im < 0 ? -x->im : x->im;

    return re < limit && im < limit && (uint64_t)(re * re + im * im) < limit_squared;
}

void randomness_spectrum_column(struct randomness_spectrum *s, const uint8_t *bits, unsigned k)
{
    const unsigned half = k == 0 || k == SIDE / 2 ? SIDE / 2 : SIDE;

    make_parts(s, k);
    for (unsigned n = 0; n < SIDE; n++) {
        const unsigned angle = n * k;
        const struct randomness_number sum = row_sum(s, bits + SIDE / 8 * n);
        const int32_t *fine = s->fine[angle % SIDE], *turn = s->turn[angle / SIDE];
        s->column[n] = times(times(sum, fine[0], fine[1], TURN_BITS), turn[0], turn[1],
                             TURN_BITS + PART_BITS - COLUMN_BITS);
    }
    step_of_ten(s, s->column, s->other, SIDE, 1);
    step_of_ten(s, s->other, s->column, SIDE / TEN, TEN);
    step_of_ten(s, s->column, s->other, TEN, TEN * TEN);
    for (unsigned i = 0; i < half; i++)
        s->below += is_below(&s->other[i]);
}
