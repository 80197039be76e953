/*
 * Numbers of RSA in eight lanes: limbs of 52 bits, limb i of all eight numbers in one register, a
 * multiple of RSA8_BLOCK limbs. Primes of 1024, 1536, 2048 bits have 20, 30, 40 limbs, moduli twice
 * as many.
 *
 * Montgomery arithmetic with R = 2^(52 n), which is at least 2^16 times the modulus: a product of
 * residues a and b is below (a b / R) + m, so that sums and small multiples of residues need no
 * reduction. "Clean" limbs are in [0, 2^52); the multiplier reads no more bits.
 * CT: everything here leaks only the number of limbs, unless its own line says more.
 */
#ifndef HUFU_CRYPTO_IFMA8_RSA_NUMBER_H
#define HUFU_CRYPTO_IFMA8_RSA_NUMBER_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

typedef __m512i lanes;
/* One lane of it in memory */
typedef uint64_t __attribute__((may_alias)) lane_word;

enum { RSA8_LANES = 8, RSA8_BLOCK = 10, RSA8_LIMB = 52 };

/* Limbs of a number of `bits` bits: 1024, 1536, 2048, 3072, 4096 */
#define RSA8_LIMBS(bits) ((size_t)(bits) / 512 * RSA8_BLOCK)

/* A modulus in each lane, odd, with its top bit set (else the results of that lane are wrong,
 * nothing worse). */
struct rsa8_mont {
    size_t n;        /* limbs */
    unsigned bits;   /* of the modulus */
    const lanes *m;  /* n limbs, clean */
    lanes *one, *rr; /* R mod m; R^2 mod m, below 2 m */
    lanes *unit;     /* 1 */
    lanes *q;        /* n limbs of scratch */
    lanes inverse;   /* -1/m mod 2^52 */
};

/* r = a b / R, clean; a, b clean. r may be an operand. */
void rsa8_mul(const struct rsa8_mont *mont, lanes *r, const lanes *a, const lanes *b);
/* r = a^2 / R */
void rsa8_sqr(const struct rsa8_mont *mont, lanes *r, const lanes *a);
/* r (2n limbs, clean) = a b + c; c (n limbs) clean or NULL; no overlap */
void rsa8_product(size_t n, lanes *r, const lanes *a, const lanes *b, const lanes *c);

/* room: RSA8_MONT_ROOM * n registers that live as long as the context */
enum { RSA8_MONT_ROOM = 4 };
void rsa8_mont_init(struct rsa8_mont *mont, const lanes *m, unsigned bits, lanes *room);
/* -1/m mod 2^52, m odd */
lanes rsa8_minus_inverse(lanes m);
/* Sets rr, which only rsa8_enter needs. */
void rsa8_mont_rr(struct rsa8_mont *mont);
/* r = a R mod m; r = a / R mod m, below m. r may be a. */
void rsa8_enter(const struct rsa8_mont *mont, lanes *r, const lanes *a);
void rsa8_leave(const struct rsa8_mont *mont, lanes *r, const lanes *a);
/* r below m; r below 2 m before */
void rsa8_canonical(const struct rsa8_mont *mont, lanes *r);

/* r = a^x. x: words of 64 bits; table: RSA8_POWER_ROOM * n registers. r may be a. */
enum { RSA8_WINDOW = 4, RSA8_TABLE = 1 << RSA8_WINDOW, RSA8_POWER_ROOM = RSA8_TABLE + 1 };
void rsa8_power(const struct rsa8_mont *mont, lanes *r, const lanes *a, const lanes *x,
                size_t words, lanes *table);
/* r = a^e, e in each lane below 2^32; t: n limbs; r is neither a nor t. CT: e leaks */
void rsa8_power_public(const struct rsa8_mont *mont, lanes *r, const lanes *a, lanes e, lanes *t);

/* r = a + b, a - b; clean. The carry or the borrow of each lane, 0 or 1. r may be an operand. */
__mmask8 rsa8_add(lanes *r, const lanes *a, const lanes *b, size_t n);
__mmask8 rsa8_sub(lanes *r, const lanes *a, const lanes *b, size_t n);
/* r = a + m in the lanes of the mask, and there modulo 2^(52 n) */
void rsa8_add_masked(lanes *r, const lanes *m, __mmask8 mask, size_t n);
/* Lanes with a < b; with a = b */
__mmask8 rsa8_less(const lanes *a, const lanes *b, size_t n);
__mmask8 rsa8_equal(const lanes *a, const lanes *b, size_t n);

/* n limbs from eight big-endian strings of `size` bytes (NULL: zero); n * 52 >= 8 size */
void rsa8_load(lanes *r, size_t n, const uint8_t *const in[RSA8_LANES], size_t size);
/* The same as size / 8 words of 64 bits; size: a multiple of 8 */
void rsa8_load_words(lanes *r, const uint8_t *const in[RSA8_LANES], size_t size);
/* Eight strings of `size` bytes (NULL: none) from n clean limbs; the number fits. */
void rsa8_store(const lanes *a, size_t n, uint8_t *const out[RSA8_LANES], size_t size);

static inline lanes rsa8_all(uint64_t x)
{
    return _mm512_set1_epi64((long long)x);
}

/* Word i of x in all lanes */
static inline lanes rsa8_spread(const lanes *x, unsigned i)
{
    return rsa8_all(((const lane_word *)x)[i]);
}

static inline lanes rsa8_low(lanes a)
{
    return _mm512_and_si512(a, rsa8_all(0xfffffffffffff));
}

/* What a column of products hands to the next one */
static inline lanes rsa8_carry(lanes a)
{
    return _mm512_srli_epi64(a, RSA8_LIMB);
}

/* sum + the lower, the upper 52 bits of a b */
static inline lanes rsa8_mul_low(lanes sum, lanes a, lanes b)
{
    return _mm512_madd52lo_epu64(sum, a, b);
}

static inline lanes rsa8_mul_high(lanes sum, lanes a, lanes b)
{
    return _mm512_madd52hi_epu64(sum, a, b);
}

#endif
