/*
 * Prime tests in eight lanes: Fermat tests to base 2 or rounds of Miller-Rabin, where those of one
 * candidate fill the lanes as well as many candidates do. Up to four rounds with 1024 bits have
 * each number spread over four lanes.
 */
#include "firmware/crypto/ifma8/rsa_prime.h"

#if HUFU_IFMA8
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/ifma8/rsa_number.h"
#include "firmware/crypto/ifma8/rsa_spread.h"

#include <string.h>

/* Candidates in the lanes. */
struct test {
    size_t n, size; /* limbs, bytes */
    unsigned pairs; /* of lanes i and 4 + i for numbers that will be spread; 0: they will not */
    __mmask8 used;
    const struct rng *rng;
    struct rsa8_mont mont;
    lanes *w, *x; /* candidates w as limbs, as words */
    lanes *minus_one, *base, *z, *t, *room;
};

enum { ROOM = 6 + RSA8_MONT_ROOM + RSA8_POWER_ROOM };

size_t rsa8_prime_scratch(unsigned bits)
{
    return ROOM * RSA8_LIMBS(bits) * sizeof(lanes);
}

static lanes *take(lanes **room, size_t n)
{
    lanes *const r = *room;
    *room += n;
    return r;
}

/* The lane of test k */
static unsigned lane_of(const struct test *s, size_t k)
{
    const size_t half = RSA8_LANES / 2;
    return (unsigned)(s->pairs ? k % s->pairs + half * (k / s->pairs) : k);
}

static void test_init(struct test *s, const uint8_t *const candidate[RSA8_LANES], lanes *room)
{
    const size_t n = RSA8_LIMBS(8 * s->size);
    s->n = n;
    s->w = take(&room, n);
    s->x = take(&room, n);
    s->minus_one = take(&room, n);
    s->base = take(&room, n);
    s->z = take(&room, n);
    s->t = take(&room, n);
    rsa8_load(s->w, n, candidate, s->size);
    rsa8_load_words(s->x, candidate, s->size);
    s->x[0] = _mm512_andnot_si512(rsa8_all(1), s->x[0]); /* w - 1 */
    rsa8_mont_init(&s->mont, s->w, (unsigned)(8 * s->size), take(&room, RSA8_MONT_ROOM * n));
    s->room = room;
}

/* `count` bits of the exponents from bit `at` on */
static lanes bits_at(const struct test *s, size_t at, size_t count)
{
    const size_t i = at / 64, shift = at % 64;
    lanes x = _mm512_srl_epi64(s->x[i], _mm_cvtsi32_si128((int)shift));
    if (shift + count > 64 && i + 1 < s->size / 8)
        x = _mm512_or_si512(x, _mm512_sll_epi64(s->x[i + 1], _mm_cvtsi32_si128((int)(64 - shift))));
    return _mm512_and_si512(x, rsa8_all(((uint64_t)1 << count) - 1));
}

/* z = z 2^count; z clean, count below 52 */
static void shift_up(lanes *z, lanes count, size_t n)
{
    const lanes back = _mm512_sub_epi64(rsa8_all(RSA8_LIMB), count);
    lanes below = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i++) {
        const lanes x = z[i];
        z[i] = _mm512_or_si512(rsa8_low(_mm512_sllv_epi64(x, count)), below);
        below = _mm512_srlv_epi64(x, back);
    }
}

/*
 * Lanes with 2^(w-1) = 1 mod w. Three bits of the exponent at a time: 2^7 times a residue below 2 w
 * can still be squared, as R is at least 2^16 w.
 */
static __mmask8 passes_fermat(struct test *s)
{
    enum { STEP = 3 };
    const size_t n = s->n, bits = 8 * s->size, first = bits % STEP;
    lanes *const z = s->z;
    memcpy(z, s->mont.one, n * sizeof *z);
    if (first)
        shift_up(z, bits_at(s, bits - first, first), n);
    for (size_t at = bits - first; at > 0;) {
        at -= STEP;
        for (size_t i = 0; i < STEP; i++)
            rsa8_sqr(&s->mont, z, z);
        shift_up(z, bits_at(s, at, STEP), n);
    }
    rsa8_leave(&s->mont, z, z);
    return rsa8_equal(z, s->mont.unit, n);
}

/* Bases in Montgomery form, uniform over the residues but 0, 1 and -1 (FIPS 186-5 B.3.1, step 4.1)
 */
static int random_bases(struct test *s)
{
    const size_t n = s->n;
    __mmask8 need = s->used;
    uint8_t *const bytes = (uint8_t *)s->room;
    lanes *const zero = s->z;
    memset(zero, 0, n * sizeof *zero);
    memset(s->base, 0, n * sizeof *zero);
    while (need) {
        const uint8_t *in[RSA8_LANES];
        size_t count = 0;
        for (unsigned i = 0; i < RSA8_LANES; i++)
            in[i] = need >> i & 1 ? bytes + s->size * count++ : NULL;
        if (s->rng->fill(s->rng->ctx, bytes, s->size * count))
            return -1;
        SECRET(bytes, s->size * count);
        rsa8_load(s->t, n, in, s->size);
        for (size_t i = 0; i < n; i++)
            s->base[i] = _mm512_mask_mov_epi64(s->base[i], need, s->t[i]);
        need &= (__mmask8)~rsa8_less(s->base, s->w, n) | rsa8_equal(s->base, zero, n) |
                rsa8_equal(s->base, s->mont.one, n) | rsa8_equal(s->base, s->minus_one, n);
        PUBLIC(&need, sizeof need);
    }
    return 0;
}

/* Where the lowest word of x is zero (a chance of 2^-63), x / 2^64 until it is not; the bits
 * dropped. */
static lanes drop_zero_words(lanes *x, size_t words)
{
    const lanes none = _mm512_setzero_si512();
    lanes dropped = none;
    for (size_t k = 0; k < words; k++) {
        __mmask8 zero = _mm512_testn_epi64_mask(x[0], x[0]);
        PUBLIC(&zero, sizeof zero);
        if (!zero)
            break;
        for (size_t i = 0; i < words; i++)
            x[i] = _mm512_mask_mov_epi64(x[i], zero, i + 1 < words ? x[i + 1] : none);
        dropped = _mm512_mask_add_epi64(dropped, zero, dropped, rsa8_all(64));
    }
    return dropped;
}

/* The place of the only one bit */
static lanes place_of(lanes bit)
{
    static const uint64_t with[] = {0xaaaaaaaaaaaaaaaa, 0xcccccccccccccccc, 0xf0f0f0f0f0f0f0f0,
                                    0xff00ff00ff00ff00, 0xffff0000ffff0000, 0xffffffff00000000};
    lanes place = _mm512_setzero_si512();
    for (unsigned k = 0; k < sizeof with / sizeof *with; k++)
        place = _mm512_mask_add_epi64(place, _mm512_test_epi64_mask(bit, rsa8_all(with[k])), place,
                                      rsa8_all((uint64_t)1 << k));
    return place;
}

/* x = its odd part; the number of zero bits that were below it */
static lanes make_odd(lanes *x, size_t words)
{
    const lanes none = _mm512_setzero_si512(), dropped = drop_zero_words(x, words);
    const lanes lowest = _mm512_and_si512(x[0], _mm512_sub_epi64(none, x[0]));
    const lanes zeros = place_of(lowest), up = _mm512_sub_epi64(rsa8_all(64), zeros);
    for (size_t i = 0; i < words; i++) {
        const lanes above = i + 1 < words ? x[i + 1] : none;
        x[i] = _mm512_or_si512(_mm512_srlv_epi64(x[i], zeros), _mm512_sllv_epi64(above, up));
    }
    return _mm512_add_epi64(dropped, zeros);
}

/* Squarings that are always made, and one round in 2^TAIL shows that it needs more of them */
enum { TAIL = 32 };

/*
 * Lanes that pass a round of Miller-Rabin (FIPS 186-5 B.3.1, steps 4.2 to 4.7), w - 1 = 2^a x:
 * base^x is 1 or, squared j < a times, -1.
 */
static __mmask8 passes_round(struct test *s, lanes a)
{
    const size_t n = s->n;
    lanes *const z = s->z;
    __mmask8 passed, more = _mm512_cmpgt_epu64_mask(a, rsa8_all(TAIL));
    PUBLIC(&more, sizeof more);
    if (s->pairs)
        rsa8_power_spread(&s->mont, z, s->base, s->x, s->pairs, s->room);
    else
        rsa8_power(&s->mont, z, s->base, s->x, s->size / 8, s->room);
    rsa8_canonical(&s->mont, z);
    passed = rsa8_equal(z, s->mont.one, n);
    for (unsigned j = 0;;) {
        passed |= rsa8_equal(z, s->minus_one, n) & _mm512_cmpgt_epu64_mask(a, rsa8_all(j));
        if (++j >= (more ? 8 * s->size : TAIL))
            return passed;
        rsa8_sqr(&s->mont, z, z);
        rsa8_canonical(&s->mont, z);
    }
}

/* The next candidates that ok names, `turns` times each, until the lanes are full; index[i] is that
 * of lane i. */
static size_t gather(size_t n, const uint8_t *ok, unsigned turns, size_t *next, unsigned *turn,
                     size_t index[RSA8_LANES])
{
    size_t count = 0;
    while (*next < n && count < RSA8_LANES) {
        if (ok[*next] && *turn < turns) {
            index[count++] = *next;
            ++*turn;
        } else {
            *turn = 0;
            ++*next;
        }
    }
    return count;
}

/* The lanes' verdicts over the candidates: 0 for those that fail */
static void judge(const struct test *s, uint8_t *ok, const size_t *index, size_t count,
                  __mmask8 passed)
{
    PUBLIC(&passed, sizeof passed);
    for (size_t k = 0; k < count; k++)
        ok[index[k]] = (uint8_t)(ok[index[k]] & (passed >> lane_of(s, k) & 1));
}

static __mmask8 one_pass(struct test *s, const uint8_t *const lane[RSA8_LANES], int fermat,
                         void *scratch)
{
    const size_t words = s->size / 8;
    test_init(s, lane, scratch);
    if (fermat)
        return passes_fermat(s);
    rsa8_sub(s->minus_one, s->w, s->mont.one, s->n);
    if (random_bases(s))
        return 0;
    return passes_round(s, make_odd(s->x, words));
}

/* `count` tests find their lanes; idle ones do the same as the first. */
static void place(struct test *s, const uint8_t *const *candidate, const size_t *index,
                  size_t count, int fermat, const uint8_t *lane[RSA8_LANES])
{
    const int few = !fermat && s->n == SPREAD_LIMBS && count <= 2 * SPREAD_ITEMS;
    s->pairs = few ? (unsigned)(count + 1) / 2 : 0;
    s->used = 0;
    for (size_t i = 0; i < RSA8_LANES; i++)
        lane[i] = candidate[index[0]];
    for (size_t k = 0; k < count; k++) {
        lane[lane_of(s, k)] = candidate[index[k]];
        s->used |= (__mmask8)(1u << lane_of(s, k));
    }
}

static void all_passes(struct test *s, size_t n, const uint8_t *const *candidate, unsigned turns,
                       int fermat, uint8_t *ok, void *scratch)
{
    size_t index[RSA8_LANES], next = 0, count;
    unsigned turn = 0;
    s->n = RSA8_LIMBS(8 * s->size);
    while ((count = gather(n, ok, turns, &next, &turn, index)) > 0) {
        const uint8_t *lane[RSA8_LANES];
        place(s, candidate, index, count, fermat, lane);
        judge(s, ok, index, count, one_pass(s, lane, fermat, scratch));
        wipe(scratch, rsa8_prime_scratch((unsigned)(8 * s->size)));
    }
}

void rsa8_prime_test(size_t n, const uint8_t *const *candidate, size_t size, unsigned rounds,
                     uint8_t *ok, const struct rng *rng, void *scratch)
{
    struct test s = {.size = size, .rng = rng};
    for (size_t i = 0; i < n; i++) {
        ok[i] = candidate[i][0] >> 7 & candidate[i][size - 1] & 1;
        PUBLIC(&ok[i], 1);
    }
    all_passes(&s, n, candidate, rounds ? rounds : 1, !rounds, ok, scratch);
    wipe(&s, sizeof s);
}

#endif
