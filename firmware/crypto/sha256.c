/* SHA-224 and SHA-256 */
#include "firmware/crypto/sha2.h"

#include "firmware/base/wipe.h"
#include "firmware/crypto/md.h"

/* FIPS 180-4 clauses 5.3.2, 5.3.3 and 4.2.2: fractions of the roots of the first primes */
static const uint32_t iv224[8] = {
    0xC1059ED8, 0x367CD507, 0x3070DD17, 0xF70E5939, 0xFFC00B31, 0x68581511, 0x64F98FA7, 0xBEFA4FA4,
};

static const uint32_t iv256[8] = {
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
};

static const uint32_t round_constant[64] = {
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
    0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
    0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
    0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
    0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
    0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
    0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2,
};

static inline uint32_t rotr(uint32_t x, unsigned n)
{
    return (x >> n) | (x << (32 - n));
}

/* The next W_t, over W_t-16: the last 16 words are kept, at t mod 16. */
static inline uint32_t expand(uint32_t w[16], size_t t)
{
    const uint32_t x = w[(t + 1) & 15], y = w[(t + 14) & 15];
    const uint32_t s0 = rotr(x, 7) ^ rotr(x, 18) ^ (x >> 3);
    const uint32_t s1 = rotr(y, 17) ^ rotr(y, 19) ^ (y >> 10);
    return w[t & 15] += s0 + w[(t + 9) & 15] + s1;
}

static void compress_block(uint32_t v[8], uint32_t w[16], const uint8_t *data)
{
    uint32_t a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7];
    for (size_t t = 0; t < 16; t++)
        w[t] = load_be32(data + 4 * t);
    for (size_t base = 0; base < 64; base += 16)
        for (size_t t = 0; t < 16; t++) {
            const uint32_t t1 = h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + (((f ^ g) & e) ^ g) +
                                round_constant[base + t] + (base == 0 ? w[t] : expand(w, t));
            const uint32_t t2 =
                (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) | ((a | b) & c));
            h = g;
            g = f;
            f = e;
            e = d + t1;
            d = c;
            c = b;
            b = a;
            a = t1 + t2;
        }
    v[0] += a, v[1] += b, v[2] += c, v[3] += d;
    v[4] += e, v[5] += f, v[6] += g, v[7] += h;
}

static void compress(void *h, const uint8_t *data, size_t blocks)
{
    uint32_t w[16];
    for (; blocks > 0; blocks--, data += 64)
        compress_block(h, w, data);
    wipe(w, sizeof w);
}

static struct md md_of(struct sha256 *ctx)
{
    const struct md m = {ctx->h, &ctx->length, ctx->buffer, 64, 8, compress};
    return m;
}

void sha224_init(struct sha256 *ctx)
{
    memcpy(ctx->h, iv224, sizeof iv224);
    ctx->length = 0;
}

void sha256_init(struct sha256 *ctx)
{
    memcpy(ctx->h, iv256, sizeof iv256);
    ctx->length = 0;
}

void sha256_update(struct sha256 *ctx, const void *data, size_t n)
{
    const struct md m = md_of(ctx);
    md_update(&m, data, n);
}

void sha256_final(struct sha256 *ctx, uint8_t *out, size_t size)
{
    const struct md m = md_of(ctx);
    md_pad(&m);
    for (size_t i = 0; i < size / 4; i++)
        store_be32(out + 4 * i, ctx->h[i]);
    wipe(ctx, sizeof *ctx);
}
