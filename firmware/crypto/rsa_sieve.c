/* Trial division of independent prime candidates. */
#include "firmware/crypto/rsa_internal.h"

#include "firmware/base/assume.h"
#include "firmware/base/secret.h"
#include "firmware/crypto/rsa.h"

#include <string.h>

/* A bundle of small primes, their product, and inverses modulo 2^LIMB_BITS */
enum { BUNDLE = LIMB_BITS / 3 };

struct bundle {
    limb_t product, inverse;
    size_t count;
    limb_t prime[BUNDLE], prime_inverse[BUNDLE];
};

/* Eratosthenes over the odd numbers */
void rsa_sieve_init(uint8_t composite[SIEVE_BYTES])
{
    memset(composite, 0, SIEVE_BYTES);
    composite[0] = 1;
    for (size_t p = 3; p * p < SIEVE_LIMIT; p += 2)
        for (size_t k = p * p; !composite[p / 2] && k < SIEVE_LIMIT; k += 2 * p)
            composite[k / 2] = 1;
}

/* The upper limb of a * b */
static limb_t high(limb_t a, limb_t b)
{
    return (limb_t)(((dlimb_t)a * b) >> LIMB_BITS);
}

/* The next primes from *next on, as many as have a product of one limb */
static void next_bundle(struct bundle *b, size_t *next, const uint8_t *composite)
{
    b->product = 1;
    for (b->count = 0; *next < SIEVE_BYTES && b->count < BUNDLE; ++*next) {
        const limb_t p = (limb_t)(2 * *next + 1);
        if (composite[*next])
            continue;
        if (high(b->product, p))
            break;
        b->product *= p;
        b->prime[b->count] = p;
        b->prime_inverse[b->count++] = bn_limb_inverse(p);
    }
    b->inverse = bn_limb_inverse(b->product);
}

/*
 * (c - a) / 2^(n * LIMB_BITS) mod m, at most m, c = 0 or 1: divisible by just those primes of m
 * that divide a - c. Each step clears a limb of a, from below, by a multiple of m. m_inverse = 1/m.
 */
static limb_t residue(const limb_t *a, size_t n, limb_t m, limb_t m_inverse, limb_t c)
{
    for (size_t i = 0; i < n; i++) {
        const dlimb_t d = (dlimb_t)a[i] - c;
        c = high((limb_t)d * m_inverse, m) + ((limb_t)(d >> LIMB_BITS) & 1);
    }
    return c;
}

/* mask: p divides x. x / p times p is below 2^LIMB_BITS only for a true quotient. */
static limb_t divides(limb_t p, limb_t p_inverse, limb_t x)
{
    return limb_is_zero(high(x * p_inverse, p));
}

/* Drop the candidates of which candidate - less is divisible by a prime of the bundle. */
static void sift(const struct bundle *b, limb_t less, const limb_t *candidates, size_t n,
                 size_t count, uint8_t *alive)
{
    for (size_t i = 0; i < count; i++) {
        if (!alive[i])
            continue;
        const limb_t r = residue(candidates + i * n, n, b->product, b->inverse, less);
        limb_t hit = 0;
        for (size_t k = 0; k < b->count; k++)
            hit |= divides(b->prime[k], b->prime_inverse[k], r);
        PUBLIC(&hit, sizeof hit); /* a rejected candidate is forgotten */
        alive[i] = !hit;
    }
}

void rsa_sieve(const limb_t *candidates, size_t n, size_t count, uint8_t *alive,
               const uint8_t composite[SIEVE_BYTES])
{
    struct bundle b = {.product = RSA_E, .count = 1, .prime = {RSA_E}};
    size_t next = 1;
    b.inverse = b.prime_inverse[0] = bn_limb_inverse(RSA_E);
    sift(&b, 1, candidates, n, count, alive);
    while (next < SIEVE_BYTES) {
        next_bundle(&b, &next, composite);
        sift(&b, 0, candidates, n, count, alive);
    }
}
