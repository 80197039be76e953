/*
 * Natural numbers of a fixed number of limbs, least significant limb first: the arithmetic under
 * RSA.
 *
 * Sizes are counted in limbs, multiples of 8, and never trimmed. CT: every function of this file
 * leaks only the announced sizes, unless its own line says more. The multiplier of the machine is
 * taken to need the same time for all operands (true for x86-64, Cortex-A, M4, M7, M33; not for
 * umull of the Cortex-M3).
 */
#ifndef HUFU_CRYPTO_BIGNUM_H
#define HUFU_CRYPTO_BIGNUM_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/crypto/limb.h"

#define BN_LIMBS(bits) ((size_t)(bits) / LIMB_BITS)

/* r = in (size bytes, big-endian), size <= n * LIMB_BYTES */
void bn_load(limb_t *r, size_t n, const uint8_t *in, size_t size);
/* out (size bytes, big-endian) = a mod 256^size, size <= n * LIMB_BYTES */
void bn_store(const limb_t *a, size_t n, uint8_t *out, size_t size);

/* r = a + b; the carry. r may be a or b. */
limb_t bn_add(limb_t *r, const limb_t *a, const limb_t *b, size_t n);
/* r = a - b; the borrow. r may be a or b. */
limb_t bn_sub(limb_t *r, const limb_t *a, const limb_t *b, size_t n);
/* r = a + (b & mask), a - (b & mask); carry or borrow. r may be a or b. */
limb_t bn_add_masked(limb_t *r, const limb_t *a, const limb_t *b, limb_t mask, size_t n);
limb_t bn_sub_masked(limb_t *r, const limb_t *a, const limb_t *b, limb_t mask, size_t n);
/* r = r +- x; the carry or borrow */
limb_t bn_add_word(limb_t *r, limb_t x, size_t n);
limb_t bn_sub_word(limb_t *r, limb_t x, size_t n);
/* r = mask ? a : b */
void bn_select(limb_t *r, limb_t mask, const limb_t *a, const limb_t *b, size_t n);
/* mask ? exchange a and b : nothing */
void bn_swap(limb_t mask, limb_t *a, limb_t *b, size_t n);

/* masks */
limb_t bn_is_zero(const limb_t *a, size_t n);
limb_t bn_eq(const limb_t *a, const limb_t *b, size_t n);
limb_t bn_lt(const limb_t *a, const limb_t *b, size_t n);

/* r (2n limbs) = a * b, r (2n limbs) = a^2; r must not overlap the operands */
void bn_mul(limb_t *r, const limb_t *a, const limb_t *b, size_t n);
void bn_sqr(limb_t *r, const limb_t *a, size_t n);
/* r = a * x; the limb that is carried out. r may be a. */
limb_t bn_mul_word(limb_t *r, const limb_t *a, limb_t x, size_t n);

/* m: mn or n limbs, at least two, its top bit set (else the result is wrong, nothing worse).
 * r = a mod m, no overlap; r = r 2^bits mod m, r below m */
void bn_mod(limb_t *r, const limb_t *a, size_t an, const limb_t *m, size_t mn);
void bn_shift_mod(limb_t *r, size_t bits, const limb_t *m, size_t n);
/* mask ? a >>= 1 : nothing */
void bn_halve_masked(limb_t mask, limb_t *a, size_t n);

/* By divsteps; room: BN_INVERT_ROOM * n limbs, left unwiped. */
enum { BN_INVERT_ROOM = 6 };
/* r = 1/a mod m; m odd, a < m and prime to it (else r is wrong, nothing worse) */
void bn_invert(limb_t *r, const limb_t *a, const limb_t *m, size_t n, limb_t *room);
/* r = gcd(a, b), a odd. r may be a or b. */
void bn_gcd(limb_t *r, const limb_t *a, const limb_t *b, size_t n, limb_t *room);
/* 1/x mod 2^LIMB_BITS, x odd */
limb_t bn_limb_inverse(limb_t x);

/*
 * Montgomery arithmetic modulo an odd m whose top bit is set, R = 2^(n * LIMB_BITS).
 *
 * Residues stay below R, not necessarily below m ("almost Montgomery"); bn_mont_canonical makes
 * them unique. With an even m or one without top bit the results are wrong, nothing worse.
 */
struct bn_mont {
    size_t n;
    const limb_t *m; /* n limbs, the caller's */
    limb_t *one;     /* R mod m */
    limb_t *rr;      /* R^2 mod m */
    limb_t *t;       /* 2n limbs of scratch */
    limb_t m0;       /* -1/m mod 2^LIMB_BITS */
};

enum { BN_WINDOW = 5, BN_MONT_ROOM = 4, BN_POWER_ROOM = (1 << BN_WINDOW) + 1 };

/* room: BN_MONT_ROOM * n limbs that live as long as the context */
void bn_mont_init(struct bn_mont *mont, const limb_t *m, size_t n, limb_t *room);
/* r = a * b / R; r = a * a / R. r may be an operand. */
void bn_mont_mul(const struct bn_mont *mont, limb_t *r, const limb_t *a, const limb_t *b);
void bn_mont_sqr(const struct bn_mont *mont, limb_t *r, const limb_t *a);
/* r = a + (b & mask). r may be an operand. */
void bn_mont_add_masked(const struct bn_mont *mont, limb_t *r, const limb_t *a, const limb_t *b,
                        limb_t mask);
/* Into Montgomery form, r = a * R, and out of it, r = a / R below m. r may be a. */
void bn_mont_enter(const struct bn_mont *mont, limb_t *r, const limb_t *a);
void bn_mont_leave(const struct bn_mont *mont, limb_t *r, const limb_t *a);
/* r below m; r < R before */
void bn_mont_canonical(const struct bn_mont *mont, limb_t *r);
/* r = a^x, x = bits low to high - 1 of e; table: BN_POWER_ROOM * n limbs. r may be a. */
void bn_mont_power(const struct bn_mont *mont, limb_t *r, const limb_t *a, const limb_t *e,
                   size_t low, size_t high, limb_t *table);
/* r = a^e, e != 0; r is not a. CT: e leaks */
void bn_mont_power_public(const struct bn_mont *mont, limb_t *r, const limb_t *a, uint32_t e);
/* r = a^e mod m, plain numbers below m, e odd and above 1; m as above; room: BN_PUBLIC_ROOM * n
 * limbs. r is not a. CT: e leaks */
enum { BN_PUBLIC_ROOM = 3 };
void bn_power_public(limb_t *r, const limb_t *a, uint32_t e, const limb_t *m, size_t n,
                     limb_t *room);

#endif
