/*
 * Trial division of prime candidates in eight lanes, by the odd primes below 2^16.
 *
 * Three primes make a divisor m. Up to a factor that has no common divisor with m, a candidate is
 * the sum of its limbs times 2^(-52 j) mod m, j counted from the top: no quotient is needed, and
 * those powers serve all candidates. The powers are made for eight divisors at a time, the sums for
 * eight candidates.
 * CT: which candidates fall, and when; nothing of those that remain.
 */
#include "firmware/crypto/ifma8/rsa_trial.h"

#if HUFU_IFMA8
#include "firmware/base/ct.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/ifma8/rsa_number.h"
#include "firmware/crypto/rsa.h"

#include <string.h>

enum {
    LIMIT = 1 << 16,
    TOGETHER = 3,                /* primes of a divisor, less than 2^51 */
    SET = RSA8_LANES * TOGETHER, /* primes of a set of eight divisors */
    SETS = 272,                  /* 6528 of the 6541 odd primes below 2^16 */
    GROUPS = 8,                  /* of eight candidates, that are worked on together */
    MAX_LIMBS = 40,
    POOL = 512
};

/* Prime k of divisor i of a set is set[k][i]. */
struct table {
    uint16_t set[SETS][TOGETHER][RSA8_LANES];
};

_Static_assert(sizeof(struct table) % 64 == 0, "what follows the table is aligned");

/* Eight divisors */
struct divisors {
    lanes m, inverse; /* -1/m mod 2^52 */
    lanes p[TOGETHER], p_inverse[TOGETHER];
    lanes power[MAX_LIMBS]; /* 2^(-52 j) mod m */
};

/* Candidates in lanes, and the lanes in which one fell */
struct group {
    lanes limb[MAX_LIMBS];
    __mmask8 hit;
};

struct room {
    struct divisors d;
    struct group group[GROUPS];
    uint8_t composite[LIMIT / 2];
};

size_t rsa8_trial_scratch(void)
{
    return sizeof(struct room);
}

/* Eratosthenes over the odd numbers */
static void init(void *table, void *scratch)
{
    struct table *const t = table;
    uint8_t *const composite = ((struct room *)scratch)->composite;
    size_t count = 0;
    memset(composite, 0, LIMIT / 2);
    for (size_t p = 3; p * p < LIMIT; p += 2)
        for (size_t k = p * p; !composite[p / 2] && k < LIMIT; k += 2 * p)
            composite[k / 2] = 1;
    for (size_t p = 3; p < LIMIT && count < SETS * SET; p += 2) {
        t->set[count / SET][count / RSA8_LANES % TOGETHER][count % RSA8_LANES] = (uint16_t)p;
        count += !composite[p / 2];
    }
}

static lanes low_product(lanes a, lanes b)
{
    return _mm512_madd52lo_epu64(_mm512_setzero_si512(), a, b);
}

/* 1/x mod 2^52 */
static lanes inverse(lanes x)
{
    lanes y = x;
    for (unsigned bits = 3; bits < RSA8_LIMB; bits *= 2)
        y = low_product(y, rsa8_low(_mm512_sub_epi64(rsa8_all(2), low_product(x, y))));
    return y;
}

/* Each power is a step of Montgomery's reduction after the one before, which is not 0. */
static void divisors_init(struct divisors *d, const uint16_t set[TOGETHER][RSA8_LANES], size_t n)
{
    lanes x = rsa8_all(1);
    d->m = rsa8_all(1);
    d->inverse = rsa8_all(1);
    for (size_t k = 0; k < TOGETHER; k++) {
        d->p[k] = _mm512_cvtepu16_epi64(_mm_loadu_si128((const __m128i *)(const void *)set[k]));
        d->p_inverse[k] = inverse(d->p[k]);
        d->m = low_product(d->m, d->p[k]);
        d->inverse = low_product(d->inverse, d->p_inverse[k]);
    }
    d->inverse = rsa8_low(_mm512_sub_epi64(_mm512_setzero_si512(), d->inverse));
    for (size_t j = 0; j < n; j++) {
        d->power[j] = x;
        x = _mm512_madd52hi_epu64(rsa8_all(1), low_product(x, d->inverse), d->m);
    }
}

/* x / 2^52 mod m, at most m + x / 2^52 */
static lanes reduce(lanes x, lanes high, lanes m, lanes minus_inverse)
{
    const lanes q = low_product(x, minus_inverse);
    const lanes carry = _mm512_srli_epi64(_mm512_madd52lo_epu64(x, q, m), RSA8_LIMB);
    return _mm512_madd52hi_epu64(_mm512_add_epi64(carry, high), q, m);
}

/* Lanes in which a prime of divisor i divides the candidate of which low + 2^52 high is the sum. */
static __mmask8 divides(const struct divisors *d, unsigned i, lanes low, lanes high)
{
    const lanes m = rsa8_spread(&d->m, i), minus_inverse = rsa8_spread(&d->inverse, i);
    const lanes zero = _mm512_setzero_si512();
    lanes x = reduce(low, high, m, minus_inverse), least = rsa8_all(1);
    x = reduce(x, zero, m, minus_inverse);
    for (unsigned k = 0; k < TOGETHER; k++) {
        const lanes quotient = low_product(x, rsa8_spread(&d->p_inverse[k], i));
        least = _mm512_min_epu64(least,
                                 _mm512_madd52hi_epu64(zero, quotient, rsa8_spread(&d->p[k], i)));
    }
    return _mm512_testn_epi64_mask(least, least);
}

/* The sums of two divisors at a time */
static void sift(const struct divisors *d, struct group *g, size_t n)
{
    for (unsigned i = 0; i < RSA8_LANES; i += 2) {
        lanes low0 = _mm512_setzero_si512(), high0 = low0, low1 = low0, high1 = low0;
        for (size_t j = 0; j < n; j++) {
            const lanes x = g->limb[n - 1 - j];
            const lanes y0 = rsa8_spread(&d->power[j], i), y1 = rsa8_spread(&d->power[j], i + 1);
            low0 = _mm512_madd52lo_epu64(low0, x, y0);
            high0 = _mm512_madd52hi_epu64(high0, x, y0);
            low1 = _mm512_madd52lo_epu64(low1, x, y1);
            high1 = _mm512_madd52hi_epu64(high1, x, y1);
        }
        g->hit |= divides(d, i, low0, high0) | divides(d, i + 1, low1, high1);
    }
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

/* The next candidates that are left, as many as the groups hold; index[i] is that of lane i. */
static size_t gather(const uint64_t *candidates, size_t words, size_t count, const uint8_t *alive,
                     size_t *next, struct room *room, size_t index[GROUPS * RSA8_LANES])
{
    size_t taken = 0;
    for (; *next < count && taken < GROUPS * RSA8_LANES; ++*next) {
        if (!alive[*next])
            continue;
        struct group *const g = &room->group[taken / RSA8_LANES];
        rsa8_split(g->limb, taken % RSA8_LANES, candidates + *next * words, words);
        g->hit = 0;
        index[taken++] = *next;
    }
    return taken;
}

/* The sets `from` to `to` - 1 against the candidates that are left */
static void stage(const struct table *t, size_t from, size_t to, const uint64_t *candidates,
                  size_t words, size_t count, uint8_t *alive, struct room *room)
{
    const size_t n = RSA8_LIMBS(64 * words);
    size_t index[GROUPS * RSA8_LANES], next = 0, taken;
    while ((taken = gather(candidates, words, count, alive, &next, room, index)) > 0) {
        for (size_t k = from; k < to; k++) {
            divisors_init(&room->d, t->set[k], n);
            for (size_t i = 0; i < taken; i += RSA8_LANES)
                sift(&room->d, &room->group[i / RSA8_LANES], n);
        }
        for (size_t i = 0; i < taken; i++) {
            const struct group *const g = &room->group[i / RSA8_LANES];
            alive[index[i]] = !(g->hit >> i % RSA8_LANES & 1);
            PUBLIC(&alive[index[i]], 1); /* what is rejected is forgotten */
        }
    }
}

/* Between the stages the survivors close ranks. */
static void run(const void *table, const void *candidates, size_t size, size_t count,
                uint8_t *alive, void *scratch)
{
    static const size_t end[] = {1, 8, 64, SETS};
    for (size_t i = 0, from = 0; i < sizeof end / sizeof *end; from = end[i++])
        stage(table, from, end[i], candidates, size / 8, count, alive, scratch);
    for (size_t i = 0; i < count; i++)
        if (alive[i])
            alive[i] = !is_one_mod_e((const uint64_t *)candidates + i * (size / 8), size / 8);
    wipe(scratch, sizeof(struct room));
}

const struct rsa_sieve rsa8_sieve = {
    .pool = POOL,
    .table_size = sizeof(struct table),
    .init = init,
    .run = run,
};

#endif
