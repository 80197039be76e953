/*
 * The inlined arithmetic of the eight lanes, one call an operation, for tests: compiled with the
 * instructions, called from plain code. Call only when ifma8_usable() says so.
 */
#ifndef HUFU_TESTS_IFMA8_PROBE_H
#define HUFU_TESTS_IFMA8_PROBE_H

#include <stdint.h>

/* Eight numbers of five limbs. */
typedef int64_t probe_fe[8][5];
typedef uint64_t probe_words[8][4];

enum probe_op {
    PROBE_MUL,       /* a b / 2^260 mod p */
    PROBE_SQR,       /* a^2 / 2^260 mod p */
    PROBE_MUL_ADD,   /* a b / 2^260 + c; c loose; made clean */
    PROBE_SQR_ADD,   /* a^2 / 2^260 + c */
    PROBE_SUB,       /* a - b + 2 p */
    PROBE_SHRINK,    /* a, loose */
    PROBE_WORDS,     /* a to words and back */
    PROBE_INVERT,    /* 2^520 / a, lanes together */
    PROBE_ORDER_MUL, /* a b mod n */
    PROBE_ORDER_ADD,
    PROBE_ORDER_SUB,
    PROBE_ORDER_REDUCE,
    PROBE_RECODE_260, /* (a + 2^260 - 1) / 2 mod n */
    PROBE_RECODE_259,
    PROBE_RECODE_280
};

/* Result limbs; the return value is 0 where an inversion met a zero. */
int probe_fe_op(enum probe_op op, probe_fe r, probe_fe a, probe_fe b, probe_fe c);
/* The plain number of a small one in Montgomery form, and back. */
void probe_plain(probe_words r, probe_fe a);
void probe_enter(probe_fe r, probe_words a);
/* Lanes with 1 <= a <= n - 1 - less */
unsigned probe_range(probe_fe a, uint64_t less);
/* Whether the batch sums of 8 * `groups` times [k]G can be done; 0: the lanes met equal or opposite
 * points. */
int probe_sum(const uint8_t k[32], unsigned groups, unsigned blocks);
/* Two numbers spread over four lanes each, with clean limbs: limb 5 l + r of number k is
 * a[r][4 k + l]. */
void probe_spread_carry(uint64_t a[5][8]);
/* Lanes of the first `count` items (lane i and 4 + i) in which a power with numbers spread over
 * lanes is not the one with a number in each lane; 128 bytes big-endian each, m odd with its top
 * bit set. */
unsigned probe_spread_power(uint8_t m[8][128], uint8_t a[8][128], uint8_t x[8][128],
                            unsigned count);

#endif
