/* Products and Montgomery reduction, by columns: the inner loops of RSA. */
#include "firmware/crypto/bignum.h"

#include "firmware/base/assume.h"

#include <string.h>

/* A column sum of three limbs; room for any number of products that occurs here. */
struct column {
    limb_t c0, c1, c2;
};

static inline void add_product(struct column *s, limb_t a, limb_t b)
{
    const dlimb_t p = (dlimb_t)a * b;
    limb_t hi = (limb_t)(p >> LIMB_BITS);
    s->c0 += (limb_t)p;
    hi += s->c0 < (limb_t)p; /* cannot wrap: hi <= 2^LIMB_BITS - 2 */
    s->c1 += hi;
    s->c2 += s->c1 < hi;
}

static inline void add_limb(struct column *s, limb_t a)
{
    s->c0 += a;
    const limb_t carry = s->c0 < a;
    s->c1 += carry;
    s->c2 += s->c1 < carry;
}

static inline limb_t next_column(struct column *s)
{
    const limb_t low = s->c0;
    s->c0 = s->c1;
    s->c1 = s->c2;
    s->c2 = 0;
    return low;
}

void bn_mul(limb_t *r, const limb_t *a, const limb_t *b, size_t n)
{
    struct column s = {0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++)
            add_product(&s, a[j], b[i - j]);
        r[i] = next_column(&s);
    }
    for (size_t i = n; i < 2 * n; i++) {
        for (size_t j = i - n + 1; j < n; j++)
            add_product(&s, a[j], b[i - j]);
        r[i] = next_column(&s);
    }
}

void bn_sqr(limb_t *r, const limb_t *a, size_t n)
{
    bn_mul(r, a, a, n);
}

/* t (2n limbs, used up): r = t / R, below R when t < R * R. The quotient digits replace the low
 * half of t. */
static void reduce(const struct bn_mont *mont, limb_t *r, limb_t *t)
{
    const limb_t *m = mont->m;
    const size_t n = mont->n;
    struct column s = {0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        add_limb(&s, t[i]);
        for (size_t j = 0; j < i; j++)
            add_product(&s, t[j], m[i - j]);
        t[i] = s.c0 * mont->m0;
        add_product(&s, t[i], m[0]);
        next_column(&s);
    }
    for (size_t i = n; i < 2 * n; i++) {
        add_limb(&s, t[i]);
        for (size_t j = i - n + 1; j < n; j++)
            add_product(&s, t[j], m[i - j]);
        t[i] = next_column(&s);
    }
    bn_sub_masked(r, t + n, m, limb_mask(s.c0), n);
}

void bn_mont_mul(const struct bn_mont *mont, limb_t *r, const limb_t *a, const limb_t *b)
{
    bn_mul(mont->t, a, b, mont->n);
    reduce(mont, r, mont->t);
}

void bn_mont_sqr(const struct bn_mont *mont, limb_t *r, const limb_t *a)
{
    bn_sqr(mont->t, a, mont->n);
    reduce(mont, r, mont->t);
}

void bn_mont_redc(const struct bn_mont *mont, limb_t *r, const limb_t *a)
{
    memmove(mont->t, a, 2 * mont->n * sizeof *a);
    reduce(mont, r, mont->t);
}
