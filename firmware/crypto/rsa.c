#include "firmware/crypto/rsa.h"

#include "firmware/base/assume.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/bignum.h"
#include "firmware/crypto/rsa_internal.h"

#include <string.h>

enum { MAX_LIMBS = RSA_MAX_BITS / LIMB_BITS, MAX_HALF = MAX_LIMBS / 2 };

int rsa_bits_ok(unsigned bits)
{
    return bits <= RSA_MAX_BITS && (bits == 2048 || bits == 3072 || bits == 4096);
}

int rsa_public_check(const struct rsa_public *pub)
{
    if (!rsa_bits_ok(pub->bits) || pub->e < RSA_E || !(pub->e & 1))
        return -1;
    return (pub->n[0] & 0x80) && (pub->n[pub->bits / 8 - 1] & 1) ? 0 : -1;
}

size_t rsa_scratch(unsigned bits)
{
    size_t most = 0;
    const struct engine *e;
    for (size_t i = 0; (e = engine_at(i)); i++) {
        const size_t size = rsa_keygen_room(e->rsa, bits) + e->rsa->scratch(bits, e->rsa->lanes);
        most = size > most ? size : most;
    }
    return most;
}

/* The parts of a key as numbers, h limbs for p, 2h for n. */
struct parts {
    limb_t n[MAX_LIMBS], d[MAX_LIMBS], product[MAX_LIMBS + 1];
    limb_t p[MAX_HALF], q[MAX_HALF], dp[MAX_HALF], dq[MAX_HALF], qinv[MAX_HALF], t[MAX_HALF];
};

/* mask: a is 1 */
static limb_t is_one(const limb_t *a, size_t n)
{
    return limb_is_zero(a[0] ^ 1) & bn_is_zero(a + 1, n - 1);
}

/* mask: dx = d mod (prime - 1) and e dx mod (prime - 1) = 1 */
static limb_t exponent_fits(struct parts *k, limb_t *prime, const limb_t *dx, uint32_t e, size_t h)
{
    prime[0] ^= 1;
    bn_mod(k->t, k->d, 2 * h, prime, h);
    limb_t ok = bn_eq(k->t, dx, h);
    k->product[h] = bn_mul_word(k->product, dx, e, h);
    bn_mod(k->t, k->product, h + 1, prime, h);
    ok &= is_one(k->t, h);
    prime[0] ^= 1;
    return ok;
}

/* mask: p > q, both odd and of full length, |p - q| > 2^(nlen/2 - 100), pq = n */
static limb_t primes_fit(struct parts *k, size_t h)
{
    limb_t ok = limb_mask(k->p[0] & k->q[0] & 1);
    ok &= limb_mask((k->p[h - 1] & k->q[h - 1]) >> (LIMB_BITS - 1));
    ok &= rsa_primes_apart(k->p, k->q, k->t, h) & bn_lt(k->q, k->p, h);
    bn_mul(k->product, k->p, k->q, h);
    return ok & bn_eq(k->product, k->n, 2 * h);
}

int rsa_private_check(const struct rsa_private *key)
{
    struct parts k;
    const size_t h = BN_LIMBS(key->pub.bits / 2), bytes = h * LIMB_BYTES;
    limb_t ok;
    if (rsa_public_check(&key->pub))
        return -1;
    bn_load(k.n, 2 * h, key->pub.n, 2 * bytes);
    bn_load(k.d, 2 * h, key->d, 2 * bytes);
    bn_load(k.p, h, key->p, bytes);
    bn_load(k.q, h, key->q, bytes);
    bn_load(k.dp, h, key->dp, bytes);
    bn_load(k.dq, h, key->dq, bytes);
    bn_load(k.qinv, h, key->qinv, bytes);
    ok = primes_fit(&k, h);
    ok &= exponent_fits(&k, k.p, k.dp, key->pub.e, h) & exponent_fits(&k, k.q, k.dq, key->pub.e, h);
    ok &= bn_lt(k.d, k.n, 2 * h) & ~bn_is_zero(k.d + h, h);
    bn_mul(k.product, k.q, k.qinv, h);
    bn_mod(k.t, k.product, 2 * h, k.p, h);
    ok &= is_one(k.t, h) & bn_lt(k.qinv, k.p, h);
    wipe(&k, sizeof k);
    PUBLIC(&ok, sizeof ok);
    return ok ? 0 : -1;
}

int rsa_public_op(const struct rsa_ops *ops, const struct rsa_public *pub, const uint8_t *in,
                  uint8_t *out, void *scratch)
{
    const size_t n = BN_LIMBS(pub->bits), bytes = n * LIMB_BYTES;
    limb_t *m = scratch, *a = m + n, *b = a + n;
    if (rsa_public_check(pub))
        return -1;
    bn_load(m, n, pub->n, bytes);
    bn_load(a, n, in, bytes);
    limb_t below = bn_lt(a, m, n);
    PUBLIC(&below, sizeof below);
    memset(b, 0, bytes);
    if (below)
        ops->public_power(b, a, pub->e, m, n, b + n);
    bn_store(b, n, out, bytes);
    wipe(m, (3 + BN_PUBLIC_ROOM) * bytes); /* what is encrypted is a secret */
    return below ? 0 : -1;
}

int rsa_private_op(const struct rsa_ops *ops, const struct rng *rng, const struct rsa_private *key,
                   const uint8_t *in, uint8_t *out, void *scratch)
{
    uint8_t ok = 0;
    ops->private_op(1, &key, &in, &out, &ok, rng, scratch);
    return ok ? 0 : -1;
}
