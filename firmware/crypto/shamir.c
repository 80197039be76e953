#include "firmware/crypto/shamir.h"

#include "firmware/base/ct.h"
#include "firmware/base/wipe.h"

/* CT: yes */
static uint8_t gf_mul(uint8_t a, uint8_t b)
{
    uint32_t product = 0, x = a;
    for (int i = 0; i < 8; i++) {
        product ^= x & ct_mask32((uint32_t)b >> i & 1);
        x = (x << 1) ^ (0x11B & ct_mask32(x >> 7));
    }
    return (uint8_t)product;
}

/* a^254: 0 for 0. CT: yes */
static uint8_t gf_invert(uint8_t a)
{
    uint8_t power = gf_mul(a, a), r = power;
    for (int i = 0; i < 6; i++) {
        power = gf_mul(power, power);
        r = gf_mul(r, power);
    }
    return r;
}

/* CT: yes but for x */
static uint8_t value_at(uint8_t x, uint8_t secret, const uint8_t *coefficient, unsigned degree)
{
    uint8_t v = 0;
    for (unsigned i = degree; i-- > 0;)
        v = gf_mul(v ^ coefficient[i], x);
    return v ^ secret;
}

int shamir_split(const struct rng *rng, const uint8_t *secret, size_t n, unsigned threshold,
                 unsigned count, uint8_t *shares)
{
    uint8_t coefficient[SHAMIR_SHARES_MAX];
    int bad = 0;
    if (n < 1 || n > SHAMIR_SECRET_MAX || threshold < 2 || threshold > count ||
        count > SHAMIR_SHARES_MAX)
        return -1;
    for (size_t i = 0; i < n && !bad; i++) {
        bad = rng->fill(rng->ctx, coefficient, threshold - 1);
        for (unsigned j = 0; j < count && !bad; j++)
            shares[j * n + i] = value_at((uint8_t)(j + 1), secret[i], coefficient, threshold - 1);
    }
    wipe(coefficient, sizeof coefficient);
    if (bad)
        wipe(shares, count * n);
    return bad ? -1 : 0;
}

/* What share i counts at 0: the product of x_j / (x_j - x_i). CT: of points, which are public */
static uint8_t weight(const uint8_t *x, unsigned threshold, unsigned i)
{
    uint8_t w = 1;
    for (unsigned j = 0; j < threshold; j++)
        if (j != i)
            w = gf_mul(w, gf_mul(x[j], gf_invert(x[j] ^ x[i])));
    return w;
}

int shamir_join(const uint8_t *x, const uint8_t *shares, size_t n, unsigned threshold,
                uint8_t *secret)
{
    if (n < 1 || n > SHAMIR_SECRET_MAX || threshold < 2 || threshold > SHAMIR_SHARES_MAX)
        return -1;
    for (unsigned i = 0; i < threshold; i++)
        for (unsigned j = 0; j <= i; j++)
            if (x[i] == (j < i ? x[j] : 0))
                return -1;
    wipe(secret, n);
    for (unsigned i = 0; i < threshold; i++) {
        const uint8_t w = weight(x, threshold, i);
        for (size_t k = 0; k < n; k++)
            secret[k] ^= gf_mul(w, shares[i * n + k]);
    }
    return 0;
}
