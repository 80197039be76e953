/* RSA one item after the other, in portable C. */
#include "firmware/crypto/portable/portable.h"

#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/bignum.h"
#include "firmware/crypto/rsa.h"

#include <string.h>

static limb_t *take(limb_t **room, size_t limbs)
{
    limb_t *p = *room;
    *room += limbs;
    return p;
}

/* One prime of a key: the number and its Montgomery context. */
struct half {
    struct bn_mont mont;
    limb_t *prime;
};

/* Room in limbs, for primes of h limbs: two halves, what one power needs, and the numbers of as
 * many limbs as n has. The check with e afterwards reuses the room of the power. */
enum {
    HALF_ROOM = 1 + BN_MONT_ROOM,
    POWER_ROOM = 3 + BN_POWER_ROOM,
    PRIVATE_ROOM = 2 * HALF_ROOM + 3 + 2 * 2 + POWER_ROOM
};

static size_t scratch_size(unsigned bits, size_t n)
{
    (void)n;
    return (size_t)PRIVATE_ROOM * BN_LIMBS(bits / 2) * sizeof(limb_t);
}

static void half_init(struct half *half, const uint8_t *prime, size_t h, limb_t **room)
{
    half->prime = take(room, h);
    bn_load(half->prime, h, prime, h * LIMB_BYTES);
    bn_mont_init(&half->mont, half->prime, h, take(room, BN_MONT_ROOM * h));
}

/*
 * y = x^d mod the prime, x of 2h limbs. With a random r, z = x r^e is what the
 * secret exponent meets, and z^(d-1) (x r^(e-1)) = z^d / r = x^d needs no inverse of r.
 */
static int half_power(const struct half *half, limb_t *y, const limb_t *x, const uint8_t *exponent,
                      uint32_t e, const struct rng *rng, limb_t *room)
{
    const struct bn_mont *mont = &half->mont;
    const size_t h = mont->n;
    limb_t *d = take(&room, h), *r = take(&room, h), *z = take(&room, h);
    if (rng->fill(rng->ctx, r, h * LIMB_BYTES))
        return -1;
    bn_load(d, h, exponent, h * LIMB_BYTES);
    bn_sub_word(d, 1, h);
    bn_mont_enter(mont, z, x + h); /* x = low + R high */
    bn_mont_enter(mont, z, z);
    bn_mont_enter(mont, y, x);
    bn_mont_add_masked(mont, z, z, y, limb_mask(1));
    bn_mont_power_public(mont, y, r, e - 1);
    bn_mont_mul(mont, y, y, z);
    bn_mont_mul(mont, z, y, r);
    bn_mont_power(mont, z, z, d, 0, h * LIMB_BITS, room);
    bn_mont_mul(mont, y, y, z);
    bn_mont_leave(mont, y, y);
    return 0;
}

/* s = yq + q ((yp - yq) qinv mod p); yp and qinv are used up */
static void combine(const struct half *p, const struct half *q, limb_t *s, limb_t *yp,
                    const limb_t *yq, limb_t *qinv)
{
    const size_t h = p->mont.n;
    const limb_t borrow = limb_mask(bn_sub(yp, yp, yq, h));
    bn_add_masked(yp, yp, p->prime, borrow, h);
    bn_mont_enter(&p->mont, qinv, qinv);
    bn_mont_mul(&p->mont, yp, yp, qinv);
    bn_mont_canonical(&p->mont, yp);
    bn_mul(s, yp, q->prime, h);
    bn_add_word(s + h, bn_add(s, s, yq, h), h);
}

/* mask: s < n and s^e mod n = x. CT: e and n leak */
static limb_t check_power(const struct rsa_public *pub, const limb_t *s, const limb_t *x,
                          limb_t *room)
{
    const size_t n = BN_LIMBS(pub->bits);
    limb_t *m = take(&room, n), *b = take(&room, n);
    bn_load(m, n, pub->n, n * LIMB_BYTES);
    const limb_t below = bn_lt(s, m, n);
    bn_power_public(b, s, pub->e, m, n, room);
    return below & bn_eq(b, x, n);
}

static limb_t private_one(const struct rsa_private *key, const uint8_t *in, uint8_t *out,
                          const struct rng *rng, limb_t *room)
{
    const size_t h = BN_LIMBS(key->pub.bits / 2), bytes = 2 * h * LIMB_BYTES;
    struct half p, q;
    limb_t *x = take(&room, 2 * h), *s = take(&room, 2 * h);
    limb_t *yp = take(&room, h), *yq = take(&room, h), *qinv = take(&room, h);
    limb_t ok = 0;
    bn_load(x, 2 * h, in, bytes);
    memset(out, 0, bytes);
    half_init(&p, key->p, h, &room);
    half_init(&q, key->q, h, &room);
    bn_load(qinv, h, key->qinv, h * LIMB_BYTES);
    if (half_power(&p, yp, x, key->dp, key->pub.e, rng, room) ||
        half_power(&q, yq, x, key->dq, key->pub.e, rng, room))
        goto out;
    combine(&p, &q, s, yp, yq, qinv);
    ok = check_power(&key->pub, s, x, room);
    for (size_t i = 0; i < 2 * h; i++)
        s[i] &= ok;
    bn_store(s, 2 * h, out, bytes);
out:
    wipe(&p, sizeof p);
    wipe(&q, sizeof q);
    return ok;
}

static void private_op(size_t n, const struct rsa_private *const *key, const uint8_t *const *in,
                       uint8_t *const *out, uint8_t *ok, const struct rng *rng, void *scratch)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned bits = key[i]->pub.bits;
        ok[i] = 0;
        if (!rsa_bits_ok(bits))
            continue;
        if (rsa_public_check(&key[i]->pub)) {
            memset(out[i], 0, bits / 8);
            continue;
        }
        ok[i] = (uint8_t)(private_one(key[i], in[i], out[i], rng, scratch) & 1);
        PUBLIC(&ok[i], 1);
        wipe(scratch, scratch_size(bits, 1));
    }
}

/* mask: a = b modulo m; a is made canonical, b is */
static limb_t equals(const struct bn_mont *mont, limb_t *t, const limb_t *a, const limb_t *b)
{
    memcpy(t, a, mont->n * sizeof *a);
    bn_mont_canonical(mont, t);
    return bn_eq(t, b, mont->n);
}

/* A base in Montgomery form, uniform over the residues but 0, 1 and -1 (FIPS 186-5 B.3.1, step 4.1)
 */
static int random_base(const struct bn_mont *mont, limb_t *base, const limb_t *minus_one,
                       const struct rng *rng)
{
    const size_t n = mont->n;
    limb_t bad;
    do {
        if (rng->fill(rng->ctx, base, n * LIMB_BYTES))
            return -1;
        bad = ~bn_lt(base, mont->m, n) | bn_is_zero(base, n) | bn_eq(base, mont->one, n) |
              bn_eq(base, minus_one, n);
        PUBLIC(&bad, sizeof bad);
    } while (bad);
    return 0;
}

/* What a prime test works with: w and w - 1, residues in Montgomery form, and room. */
struct test {
    struct bn_mont mont;
    limb_t *w, *w_1, *minus_one, *base, *z, *t, *table;
};

enum { TAIL = 31, TEST_ROOM = 6 + BN_MONT_ROOM + BN_POWER_ROOM };

/*
 * One round of Miller-Rabin (FIPS 186-5 B.3.1, steps 4.2 to 4.7): w - 1 = 2^a odd; z runs through
 * base^((w-1) >> j), j falling to 1; it must be -1 for some j <= a, or 1 for j = a. The last bits
 * of the exponent are taken one by one, so that a is not shown. For a > TAIL the values before are
 * passed over: a prime of that kind, one of 2^TAIL, then fails by a chance of 2^-TAIL, as a first
 * -1 at j has the chance of 2^-j.
 */
static limb_t passes_round(struct test *s)
{
    const struct bn_mont *mont = &s->mont;
    const size_t n = mont->n;
    const uint32_t low = (uint32_t)s->w_1[0];
    limb_t passed = 0;
    bn_mont_power(mont, s->z, s->base, s->w_1, TAIL, n * LIMB_BITS, s->table);
    for (uint32_t j = TAIL;; j--) {
        const limb_t up_to_a = limb_mask(ct_is_zero32(low & ((1u << j) - 1)) & 1);
        const limb_t at_a = up_to_a & limb_mask(low >> j & 1);
        passed |= at_a & equals(mont, s->t, s->z, mont->one);
        passed |= up_to_a & equals(mont, s->t, s->z, s->minus_one);
        if (j == 1)
            return passed;
        bn_mont_sqr(mont, s->z, s->z);
        bn_mont_mul(mont, s->t, s->z, s->base);
        bn_select(s->z, limb_mask(low >> (j - 1) & 1), s->t, s->z, n);
    }
}

/* mask: 2^(w-1) = 1 mod w. Nearly all composites fail, at less cost than a round with a random
 * base. */
static limb_t passes_fermat(struct test *s)
{
    const struct bn_mont *mont = &s->mont;
    memcpy(s->z, mont->one, mont->n * sizeof *s->z);
    for (size_t i = mont->n * LIMB_BITS; i-- > 0;) {
        const limb_t bit = s->w_1[i / LIMB_BITS] >> (i % LIMB_BITS);
        bn_mont_sqr(mont, s->z, s->z);
        bn_mont_add_masked(mont, s->z, s->z, s->z, limb_mask(bit & 1));
    }
    return equals(mont, s->t, s->z, mont->one);
}

static void test_init(struct test *s, const uint8_t *candidate, size_t size, limb_t *room)
{
    const size_t n = size / LIMB_BYTES;
    s->w = take(&room, n);
    s->w_1 = take(&room, n);
    s->minus_one = take(&room, n);
    s->base = take(&room, n);
    s->z = take(&room, n);
    s->t = take(&room, n);
    bn_load(s->w, n, candidate, size);
    memcpy(s->w_1, s->w, n * sizeof *room);
    bn_sub_word(s->w_1, 1, n);
    bn_mont_init(&s->mont, s->w, n, take(&room, BN_MONT_ROOM * n));
    bn_sub(s->minus_one, s->w, s->mont.one, n);
    s->table = room;
}

static void prime_test(size_t n, const uint8_t *const *candidate, size_t size, unsigned rounds,
                       uint8_t *ok, const struct rng *rng, void *scratch)
{
    struct test s;
    for (size_t i = 0; i < n; i++) {
        test_init(&s, candidate[i], size, scratch);
        ok[i] = 1;
        if (!rounds)
            ok[i] = (uint8_t)(passes_fermat(&s) & 1);
        PUBLIC(&ok[i], 1);
        for (unsigned round = 0; ok[i] && round < rounds; round++) {
            ok[i] = 0;
            if (random_base(&s.mont, s.base, s.minus_one, rng))
                break;
            ok[i] = (uint8_t)(passes_round(&s) & 1);
            PUBLIC(&ok[i], 1);
        }
        wipe(scratch, (size_t)TEST_ROOM * size);
    }
    wipe(&s, sizeof s);
}

const struct rsa_ops rsa_portable = {
    .name = "portable",
    .lanes = 1,
    .scratch = scratch_size,
    .private_op = private_op,
    .public_power = bn_power_public,
    .prime_test = prime_test,
};
