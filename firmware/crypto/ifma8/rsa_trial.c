/*
 * Trial division of prime candidates by the odd primes below 2^16, by 24 of them at a time.
 *
 * Three primes make a divisor m, eight divisors fill the lanes. Up to a factor that has no common
 * divisor with m, a candidate is the sum of its limbs times 2^(-52 j) mod m, j counted from the
 * top: no quotient is needed, and those powers are constants. Four candidates share each of them.
 * CT: which candidates fall, and when; nothing of those that remain.
 */
#include "firmware/crypto/ifma8/rsa_trial.h"

#if HUFU_IFMA8
#include "firmware/base/ct.h"
#include "firmware/base/inline.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/ifma8/rsa_number.h"
#include "firmware/crypto/ifma8/rsa_trial_table.h"
#include "firmware/crypto/rsa.h"

#include <string.h>

enum { FOUR = 4, MAX_LIMBS = 40, POOL = 256 };

struct room {
    uint64_t limb[POOL][MAX_LIMBS]; /* of 52 bits; the candidates that are left */
    uint16_t index[POOL];
};

size_t rsa8_trial_scratch(void)
{
    return sizeof(struct room);
}

/* Sums of four candidates, each low + 2^52 high */
struct sums {
    lanes low[FOUR], high[FOUR];
};

static inline lanes row(const uint64_t x[TRIAL_LANES])
{
    return _mm512_load_si512(x);
}

static inline lanes low_product(lanes a, lanes b)
{
    return _mm512_madd52lo_epu64(_mm512_setzero_si512(), a, b);
}

/* x / 2^52 mod m for x = low + 2^52 high, at most m + high + low / 2^52 + 1 */
static inline lanes reduce(const struct trial_set *t, lanes low, lanes high)
{
    const lanes q = low_product(low, row(t->minus_inverse)), m = row(t->m);
    const lanes carry = _mm512_srli_epi64(_mm512_madd52lo_epu64(low, q, m), RSA8_LIMB);
    return _mm512_madd52hi_epu64(_mm512_add_epi64(carry, high), q, m);
}

/* s += limb[0] to limb[n - 1], of which the last counts 2^0 */
static inline void add_limbs(struct sums *s, const struct trial_set *t,
                             const uint64_t *const limb[FOUR], size_t n)
{
    for (size_t j = 0; j < n; j++) {
        const lanes y = row(t->power[j]);
        for (unsigned i = 0; i < FOUR; i++) {
            const lanes x = rsa8_all(limb[i][n - 1 - j]);
            s->low[i] = _mm512_madd52lo_epu64(s->low[i], x, y);
            s->high[i] = _mm512_madd52hi_epu64(s->high[i], x, y);
        }
    }
}

/* What is below the upper limbs joins them: two steps of reduce are 2^(-104). */
static inline void carry_up(struct sums *s, const struct trial_set *t)
{
    const lanes zero = _mm512_setzero_si512(), y = row(t->power[TRIAL_LIMBS - 2]);
    for (unsigned i = 0; i < FOUR; i++) {
        const lanes x = reduce(t, reduce(t, s->low[i], s->high[i]), zero);
        s->low[i] = low_product(x, y);
        s->high[i] = _mm512_madd52hi_epu64(zero, x, y);
    }
}

/* 1: a prime of the set divides the candidate of this sum. */
static inline unsigned divides(const struct trial_set *t, lanes low, lanes high)
{
    const lanes zero = _mm512_setzero_si512(), x = reduce(t, reduce(t, low, high), zero);
    lanes least = rsa8_all(1);
    for (unsigned k = 0; k < TRIAL_TOGETHER; k++) {
        const lanes quotient = low_product(x, row(t->p_inverse[k]));
        least = _mm512_min_epu64(least, _mm512_madd52hi_epu64(zero, quotient, row(t->p[k])));
    }
    return _mm512_testn_epi64_mask(least, least) != 0;
}

/* Bit i: a prime of the sets divides candidate i. */
INLINE unsigned sift(const struct trial_set *t, size_t sets, const uint64_t *const limb[FOUR],
                     size_t n)
{
    unsigned hit = 0;
    for (; sets; sets--, t++) {
        struct sums s;
        for (unsigned i = 0; i < FOUR; i++)
            s.low[i] = s.high[i] = _mm512_setzero_si512();
        if (n > TRIAL_LIMBS) {
            const size_t lower = n - TRIAL_LIMBS;
            const uint64_t *const upper[FOUR] = {limb[0] + lower, limb[1] + lower, limb[2] + lower,
                                                 limb[3] + lower};
            add_limbs(&s, t, limb, lower);
            carry_up(&s, t);
            add_limbs(&s, t, upper, TRIAL_LIMBS);
        } else {
            add_limbs(&s, t, limb, TRIAL_LIMBS);
        }
        for (unsigned i = 0; i < FOUR; i++)
            hit |= divides(t, s.low[i], s.high[i]) << i;
    }
    return hit;
}

/* mask: x - 1 is divisible by 65537, modulo which 2^16 is -1. x is odd and of at most 2048 bits. */
static uint32_t is_one_mod_e(const uint64_t *x, size_t words)
{
    uint64_t even = 0, odd = 0;
    for (size_t i = 0; i < words; i++) {
        even += (x[i] & 0xffff) + (x[i] >> 32 & 0xffff);
        odd += (x[i] >> 16 & 0xffff) + (x[i] >> 48);
    }
    const uint32_t r = (uint32_t)(even - 1 + 64 * RSA_E - odd);
    return ct_eq32((r & 0xffff) + RSA_E - (r >> 16), RSA_E);
}

/* r = limbs of 52 bits */
static void split(uint64_t *r, size_t n, const uint64_t *words, size_t count)
{
    for (size_t i = 0; i < n; i++) {
        const size_t k = RSA8_LIMB * i / 64, shift = RSA8_LIMB * i % 64;
        const uint64_t below = k < count ? words[k] : 0, above = k + 1 < count ? words[k + 1] : 0;
        r[i] = (below >> shift | above << 1 << (63 - shift)) & (((uint64_t)1 << RSA8_LIMB) - 1);
    }
}

/* `sets` sets against the first `count` candidates of the room; those that are left close ranks. */
static size_t stage(const struct trial_set *t, size_t sets, struct room *room, size_t count,
                    size_t n)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i += FOUR) {
        const uint64_t *limb[FOUR];
        for (size_t k = 0; k < FOUR; k++)
            limb[k] = room->limb[i + k < count ? i + k : i];
        unsigned hit = n == TRIAL_LIMBS ? sift(t, sets, limb, TRIAL_LIMBS) : sift(t, sets, limb, n);
        PUBLIC(&hit, sizeof hit); /* what is rejected is forgotten */
        for (size_t k = 0; k < FOUR && i + k < count; k++) {
            if (hit >> k & 1)
                continue;
            memmove(room->limb[left], room->limb[i + k], n * sizeof(uint64_t));
            room->index[left++] = room->index[i + k];
        }
    }
    return left;
}

static void run(const void *table, const void *candidates, size_t size, size_t count,
                uint8_t *alive, void *scratch)
{
    enum { STEP = 12 }; /* sets that stay in the nearest cache */
    const uint64_t *const words = candidates;
    const size_t w = size / 8, n = RSA8_LIMBS(64 * w);
    struct room *const room = scratch;
    size_t left = 0;
    (void)table;
    for (size_t i = 0; i < count; i++)
        if (alive[i]) {
            split(room->limb[left], n, words + i * w, w);
            room->index[left++] = (uint16_t)i;
        }
    for (size_t k = 0, sets = 1; k < TRIAL_SETS; k += sets) {
        sets = k < STEP ? k / 2 + 1 : STEP;
        sets = sets < TRIAL_SETS - k ? sets : TRIAL_SETS - k;
        left = stage(trial_set + k, sets, room, left, n);
    }
    memset(alive, 0, count);
    for (size_t i = 0; i < left; i++)
        alive[room->index[i]] = !is_one_mod_e(words + room->index[i] * w, w);
    wipe(scratch, sizeof(struct room));
}

static void init(void *table, void *scratch)
{
    (void)table;
    (void)scratch;
}

const struct rsa_sieve rsa8_sieve = {
    .pool = POOL,
    .table_size = 0,
    .init = init,
    .run = run,
};

#endif
