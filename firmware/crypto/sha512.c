/* SHA-384 and SHA-512 */
#include "firmware/crypto/sha2.h"

#include "firmware/base/wipe.h"
#include "firmware/crypto/md.h"

/* FIPS 180-4 clauses 5.3.4, 5.3.5 and 4.2.3: fractions of the roots of the first primes */
static const uint64_t iv384[8] = {
    0xCBBB9D5DC1059ED8, 0x629A292A367CD507, 0x9159015A3070DD17, 0x152FECD8F70E5939,
    0x67332667FFC00B31, 0x8EB44A8768581511, 0xDB0C2E0D64F98FA7, 0x47B5481DBEFA4FA4,
};

static const uint64_t iv512[8] = {
    0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
    0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
};

static const uint64_t round_constant[80] = {
    0x428A2F98D728AE22, 0x7137449123EF65CD, 0xB5C0FBCFEC4D3B2F, 0xE9B5DBA58189DBBC,
    0x3956C25BF348B538, 0x59F111F1B605D019, 0x923F82A4AF194F9B, 0xAB1C5ED5DA6D8118,
    0xD807AA98A3030242, 0x12835B0145706FBE, 0x243185BE4EE4B28C, 0x550C7DC3D5FFB4E2,
    0x72BE5D74F27B896F, 0x80DEB1FE3B1696B1, 0x9BDC06A725C71235, 0xC19BF174CF692694,
    0xE49B69C19EF14AD2, 0xEFBE4786384F25E3, 0x0FC19DC68B8CD5B5, 0x240CA1CC77AC9C65,
    0x2DE92C6F592B0275, 0x4A7484AA6EA6E483, 0x5CB0A9DCBD41FBD4, 0x76F988DA831153B5,
    0x983E5152EE66DFAB, 0xA831C66D2DB43210, 0xB00327C898FB213F, 0xBF597FC7BEEF0EE4,
    0xC6E00BF33DA88FC2, 0xD5A79147930AA725, 0x06CA6351E003826F, 0x142929670A0E6E70,
    0x27B70A8546D22FFC, 0x2E1B21385C26C926, 0x4D2C6DFC5AC42AED, 0x53380D139D95B3DF,
    0x650A73548BAF63DE, 0x766A0ABB3C77B2A8, 0x81C2C92E47EDAEE6, 0x92722C851482353B,
    0xA2BFE8A14CF10364, 0xA81A664BBC423001, 0xC24B8B70D0F89791, 0xC76C51A30654BE30,
    0xD192E819D6EF5218, 0xD69906245565A910, 0xF40E35855771202A, 0x106AA07032BBD1B8,
    0x19A4C116B8D2D0C8, 0x1E376C085141AB53, 0x2748774CDF8EEB99, 0x34B0BCB5E19B48A8,
    0x391C0CB3C5C95A63, 0x4ED8AA4AE3418ACB, 0x5B9CCA4F7763E373, 0x682E6FF3D6B2B8A3,
    0x748F82EE5DEFB2FC, 0x78A5636F43172F60, 0x84C87814A1F0AB72, 0x8CC702081A6439EC,
    0x90BEFFFA23631E28, 0xA4506CEBDE82BDE9, 0xBEF9A3F7B2C67915, 0xC67178F2E372532B,
    0xCA273ECEEA26619C, 0xD186B8C721C0C207, 0xEADA7DD6CDE0EB1E, 0xF57D4F7FEE6ED178,
    0x06F067AA72176FBA, 0x0A637DC5A2C898A6, 0x113F9804BEF90DAE, 0x1B710B35131C471B,
    0x28DB77F523047D84, 0x32CAAB7B40C72493, 0x3C9EBE0A15C9BEBC, 0x431D67C49C100D4C,
    0x4CC5D4BECB3E42B6, 0x597F299CFC657E2A, 0x5FCB6FAB3AD6FAEC, 0x6C44198C4A475817,
};

static inline uint64_t rotr(uint64_t x, unsigned n)
{
    return (x >> n) | (x << (64 - n));
}

/* The next W_t, over W_t-16: the last 16 words are kept, at t mod 16. */
static inline uint64_t expand(uint64_t w[16], size_t t)
{
    const uint64_t x = w[(t + 1) & 15], y = w[(t + 14) & 15];
    const uint64_t s0 = rotr(x, 1) ^ rotr(x, 8) ^ (x >> 7);
    const uint64_t s1 = rotr(y, 19) ^ rotr(y, 61) ^ (y >> 6);
    return w[t & 15] += s0 + w[(t + 9) & 15] + s1;
}

static void compress_block(uint64_t v[8], uint64_t w[16], const uint8_t *data)
{
    uint64_t a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7];
    for (size_t t = 0; t < 16; t++)
        w[t] = load_be64(data + 8 * t);
    for (size_t base = 0; base < 80; base += 16)
        for (size_t t = 0; t < 16; t++) {
            const uint64_t t1 = h + (rotr(e, 14) ^ rotr(e, 18) ^ rotr(e, 41)) +
                                (((f ^ g) & e) ^ g) + round_constant[base + t] +
                                (base == 0 ? w[t] : expand(w, t));
            const uint64_t t2 =
                (rotr(a, 28) ^ rotr(a, 34) ^ rotr(a, 39)) + ((a & b) | ((a | b) & c));
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
    uint64_t w[16];
    for (; blocks > 0; blocks--, data += 128)
        compress_block(h, w, data);
    wipe(w, sizeof w);
}

static struct md md_of(struct sha512 *ctx)
{
    const struct md m = {ctx->h, &ctx->length, ctx->buffer, 128, 16, compress};
    return m;
}

void sha384_init(struct sha512 *ctx)
{
    memcpy(ctx->h, iv384, sizeof iv384);
    ctx->length = 0;
}

void sha512_init(struct sha512 *ctx)
{
    memcpy(ctx->h, iv512, sizeof iv512);
    ctx->length = 0;
}

void sha512_update(struct sha512 *ctx, const void *data, size_t n)
{
    const struct md m = md_of(ctx);
    md_update(&m, data, n);
}

void sha512_final(struct sha512 *ctx, uint8_t *out, size_t size)
{
    const struct md m = md_of(ctx);
    md_pad(&m);
    for (size_t i = 0; i < size / 8; i++)
        store_be64(out + 8 * i, ctx->h[i]);
    wipe(ctx, sizeof *ctx);
}
