/*
 * RSA private operations by CRT in eight lanes. More than four items: two powers, modulo the eight
 * p and modulo the eight q. Up to four: one power, with the p in the lower and the q in the upper
 * lanes; that of one or two items of RSA-2048 has each number spread over four lanes. One or two
 * are also checked one by one, spread over eight.
 */
#include "firmware/crypto/ifma8/rsa_private.h"

#if HUFU_IFMA8
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/ifma8/rsa_number.h"
#include "firmware/crypto/ifma8/rsa_public.h"
#include "firmware/crypto/ifma8/rsa_spread.h"

#include <string.h>

enum { NARROW = RSA8_LANES / 2 };

/* A string for each lane */
typedef const uint8_t *strings[RSA8_LANES];

/* Up to eight items. Room is counted in n, the limbs of a prime. */
struct work {
    unsigned bits, count;
    size_t n;
    const struct rsa_private *const *key;
    const struct rng *rng;
    struct rsa8_mont mont; /* modulo p, in the end */
    lanes e;
    lanes *x, *s, *modulus;        /* 2n: input, result, pq */
    lanes *p, *q, *yp, *yq, *qinv; /* n; yp = x^dp mod p */
    lanes *mont_room, *power_room;
};

enum {
    /* d - 1 and two residues besides the power's own; then modulus, two residues and a product of
     * 2n
     */
    HALF_ROOM = 3 + RSA8_POWER_ROOM,
    CHECK_ROOM = 2 * (RSA8_MONT_ROOM + 3),
    LAST_ROOM = (int)HALF_ROOM > (int)CHECK_ROOM ? (int)HALF_ROOM : (int)CHECK_ROOM,
    ROOM = 3 * 2 + 5 + RSA8_MONT_ROOM + LAST_ROOM
};

size_t rsa8_private_scratch(unsigned bits)
{
    return ROOM * RSA8_LIMBS(bits / 2) * sizeof(lanes);
}

static lanes *take(lanes **room, size_t n)
{
    lanes *const r = *room;
    *room += n;
    return r;
}

static int narrow(const struct work *w)
{
    return w->count <= NARROW;
}

/* What lane i works for: item i, and when there are few items, in the upper lanes item i - 4. */
static unsigned item_of(const struct work *w, unsigned lane)
{
    return narrow(w) ? lane % NARROW : lane;
}

static void work_init(struct work *w, lanes *room)
{
    const size_t n = RSA8_LIMBS(w->bits / 2);
    _Alignas(64) uint64_t e[RSA8_LANES] = {0};
    w->n = n;
    w->x = take(&room, 2 * n);
    w->s = take(&room, 2 * n);
    w->modulus = take(&room, 2 * n);
    w->p = take(&room, n);
    w->q = take(&room, n);
    w->yp = take(&room, n);
    w->yq = take(&room, n);
    w->qinv = take(&room, n);
    w->mont_room = take(&room, RSA8_MONT_ROOM * n);
    w->power_room = room;
    for (unsigned i = 0; i < RSA8_LANES; i++)
        if (item_of(w, i) < w->count)
            e[i] = w->key[item_of(w, i)]->pub.e;
    w->e = _mm512_load_si512(e);
}

enum part { PART_P, PART_Q, PART_DP, PART_DQ, PART_QINV, PART_N };

static const uint8_t *part_of(const struct rsa_private *key, enum part part)
{
    switch (part) {
    case PART_P:
        return key->p;
    case PART_Q:
        return key->q;
    case PART_DP:
        return key->dp;
    case PART_DQ:
        return key->dq;
    case PART_QINV:
        return key->qinv;
    case PART_N:
        break;
    }
    return key->pub.n;
}

/* One part of each key: `lower` in the lane of its item, `upper` in the other one if there is one.
 */
static void parts(const struct work *w, strings s, enum part lower, enum part upper)
{
    for (unsigned i = 0; i < RSA8_LANES; i++) {
        const unsigned item = item_of(w, i);
        s[i] = item < w->count ? part_of(w->key[item], i == item ? lower : upper) : NULL;
    }
}

/* r = r - 1 */
static void decrease(lanes *r, size_t words)
{
    __mmask8 borrow = 0xff;
    for (size_t i = 0; i < words; i++) {
        const lanes x = r[i];
        r[i] = _mm512_mask_sub_epi64(x, borrow, x, rsa8_all(1));
        borrow = _mm512_mask_testn_epi64_mask(borrow, x, x);
    }
}

/* A residue in each lane */
static int random_residues(const struct work *w, lanes *r)
{
    const size_t size = w->bits / 16;
    uint8_t *const bytes = (uint8_t *)w->power_room;
    strings s;
    if (w->rng->fill(w->rng->ctx, bytes, RSA8_LANES * size))
        return -1;
    SECRET(bytes, RSA8_LANES * size);
    for (unsigned i = 0; i < RSA8_LANES; i++)
        s[i] = bytes + i * size;
    rsa8_load(r, w->n, (const uint8_t *const *)s, size);
    return 0;
}

/*
 * y = x^d mod the primes. With a random r, z = x r^e is what the secret exponent meets, and
 * z^(d-1) (x r^(e-1)) = z^d / r = x^d needs no inverse of r.
 */
static int half_power(struct work *w, lanes *y, const lanes *prime, const strings exponent)
{
    const size_t n = w->n, size = w->bits / 16;
    struct rsa8_mont *const mont = &w->mont;
    lanes *room = w->power_room, *table = take(&room, RSA8_POWER_ROOM * n);
    lanes *r = take(&room, n), *z = take(&room, n), *d = take(&room, n);
    rsa8_mont_init(mont, prime, w->bits / 2, w->mont_room);
    rsa8_mont_rr(mont);
    if (random_residues(w, r))
        return -1;
    rsa8_load_words(d, exponent, size);
    decrease(d, size / 8);
    rsa8_enter(mont, z, w->x + n); /* x = low + R high */
    rsa8_enter(mont, z, z);
    rsa8_enter(mont, y, w->x);
    rsa8_add(z, z, y, n);
    rsa8_power_public(mont, y, r, _mm512_sub_epi64(w->e, rsa8_all(1)), table);
    rsa8_mul(mont, y, y, z);
    rsa8_mul(mont, z, y, r);
    if (n == SPREAD_LIMBS && w->count <= SPREAD_ITEMS)
        rsa8_power_spread(mont, z, z, d, w->count, table);
    else
        rsa8_power(mont, z, z, d, size / 8, table);
    rsa8_mul(mont, y, y, z);
    rsa8_leave(mont, y, y);
    return 0;
}

static void lower_from_upper(lanes *r, const lanes *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        r[i] = _mm512_shuffle_i64x2(a[i], a[i], 0x4e);
}

static int both_powers(struct work *w)
{
    const size_t n = w->n, size = w->bits / 16;
    strings s;
    if (!narrow(w)) {
        parts(w, s, PART_Q, PART_Q);
        rsa8_load(w->q, n, s, size);
        parts(w, s, PART_DQ, PART_DQ);
        if (half_power(w, w->yq, w->q, s))
            return -1;
    }
    parts(w, s, PART_P, PART_Q);
    rsa8_load(w->p, n, s, size);
    parts(w, s, PART_DP, PART_DQ);
    if (half_power(w, w->yp, w->p, s))
        return -1;
    if (narrow(w)) {
        lower_from_upper(w->q, w->p, n);
        lower_from_upper(w->yq, w->yp, n);
    }
    return 0;
}

/* s = yq + q ((yp - yq) qinv mod p) */
static void combine(struct work *w)
{
    const size_t n = w->n;
    strings s;
    parts(w, s, PART_QINV, PART_QINV);
    rsa8_load(w->qinv, n, s, w->bits / 16);
    rsa8_add_masked(w->yp, w->p, rsa8_sub(w->yp, w->yp, w->yq, n), n);
    rsa8_enter(&w->mont, w->qinv, w->qinv);
    rsa8_mul(&w->mont, w->yp, w->yp, w->qinv);
    rsa8_canonical(&w->mont, w->yp);
    rsa8_product(n, w->s, w->yp, w->q, w->yq);
}

/* Lanes with s < pq and s^e mod pq = x */
static __mmask8 check(const struct work *w)
{
    const size_t n = 2 * w->n;
    struct rsa8_mont mont;
    lanes *room = w->power_room, *a = take(&room, n), *b = take(&room, n), *t = take(&room, n);
    rsa8_mont_init(&mont, w->modulus, w->bits, room);
    rsa8_mont_rr(&mont);
    rsa8_enter(&mont, a, w->s);
    rsa8_power_public(&mont, b, a, w->e, t);
    rsa8_leave(&mont, b, b);
    return rsa8_less(w->s, w->modulus, n) & rsa8_equal(b, w->x, n);
}

/* The same for few items, one after the other */
static __mmask8 check_few(const struct work *w, const uint8_t *const *in)
{
    const size_t size = w->bits / 8, n = BN_LIMBS(w->bits);
    uint8_t *const bytes = (uint8_t *)w->power_room, *to[RSA8_LANES] = {NULL};
    limb_t *m = (limb_t *)(void *)(bytes + RSA8_LANES * size), *s = m + n, *x = s + n, *y = x + n;
    __mmask8 good = 0;
    for (unsigned i = 0; i < w->count; i++)
        to[i] = bytes + i * size;
    rsa8_store(w->s, 2 * w->n, to, size);
    for (unsigned i = 0; i < w->count; i++) {
        const struct rsa_public *const pub = &w->key[i]->pub;
        bn_load(m, n, pub->n, size);
        bn_load(s, n, to[i], size);
        bn_load(x, n, in[i], size);
        rsa8_public_power(y, s, pub->e, m, n, y + n);
        good |= (__mmask8)((bn_lt(s, m, n) & bn_eq(x, y, n) & 1) << i);
    }
    return good;
}

/* The items that came out right; the others' output is zero. */
static __mmask8 group(struct work *w, const uint8_t *const *in, uint8_t *const *out, lanes *room)
{
    const size_t size = w->bits / 8;
    uint8_t *to[RSA8_LANES];
    strings s;
    __mmask8 good;
    work_init(w, room);
    parts(w, s, PART_N, PART_N);
    rsa8_load(w->modulus, 2 * w->n, s, size);
    for (unsigned i = 0; i < RSA8_LANES; i++) {
        const unsigned item = item_of(w, i);
        s[i] = item < w->count ? in[item] : NULL;
        to[i] = i < w->count ? out[i] : NULL;
    }
    rsa8_load(w->x, 2 * w->n, s, size);
    good = rsa8_less(w->x, w->modulus, 2 * w->n);
    if (both_powers(w)) {
        for (unsigned i = 0; i < w->count; i++)
            memset(out[i], 0, size);
        return 0;
    }
    combine(w);
    good &= w->count <= SPREAD_ITEMS ? check_few(w, in) : check(w);
    PUBLIC(&good, sizeof good);
    for (size_t i = 0; i < 2 * w->n; i++)
        w->s[i] = _mm512_maskz_mov_epi64(good, w->s[i]);
    rsa8_store(w->s, 2 * w->n, to, size);
    return good;
}

/* How many of `count` items at most are best worked on together: five or six of RSA-2048 take less
 * time as four and the others. */
static size_t best_of(size_t count, unsigned bits)
{
    const int more = count > NARROW && count <= NARROW + SPREAD_ITEMS;
    return bits == 2048 && more ? NARROW : count;
}

/* The next items that can be worked on together; those with an impossible key fail. */
static size_t gather(size_t n, const struct rsa_private *const *key, uint8_t *const *out,
                     uint8_t *ok, size_t *next, size_t *index)
{
    size_t count = 0;
    unsigned bits = 0;
    for (; *next < n && count < RSA8_LANES; ++*next) {
        const size_t i = *next;
        ok[i] = 0;
        if (rsa_public_check(&key[i]->pub)) {
            memset(out[i], 0, rsa_bits_ok(key[i]->pub.bits) ? key[i]->pub.bits / 8 : 0);
            continue;
        }
        if (bits && key[i]->pub.bits != bits)
            break;
        bits = key[i]->pub.bits;
        index[count++] = i;
    }
    return count;
}

void rsa8_private_op(size_t n, const struct rsa_private *const *key, const uint8_t *const *in,
                     uint8_t *const *out, uint8_t *ok, const struct rng *rng, void *scratch)
{
    const struct rsa_private *keys[RSA8_LANES];
    const uint8_t *from[RSA8_LANES];
    uint8_t *to[RSA8_LANES];
    size_t index[RSA8_LANES], next = 0, count;
    while ((count = gather(n, key, out, ok, &next, index)) > 0) {
        const size_t best = best_of(count, key[index[0]]->pub.bits);
        if (best < count) {
            next = index[best];
            count = best;
        }
        struct work w = {
            .bits = key[index[0]]->pub.bits, .count = (unsigned)count, .key = keys, .rng = rng};
        for (size_t i = 0; i < count; i++) {
            keys[i] = key[index[i]];
            from[i] = in[index[i]];
            to[i] = out[index[i]];
        }
        const __mmask8 good = group(&w, from, to, scratch);
        for (size_t i = 0; i < count; i++)
            ok[index[i]] = good >> i & 1;
        wipe(scratch, rsa8_private_scratch(w.bits));
        wipe(&w, sizeof w);
    }
}

#endif
