#include "firmware/crypto/sha1.h"

#include "firmware/base/wipe.h"
#include "firmware/crypto/md.h"

static const uint32_t iv[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};

static inline uint32_t rotl(uint32_t x, unsigned n)
{
    return (x << n) | (x >> (32 - n));
}

/* f_t of FIPS 180-4 clause 4.1.1, 20 rounds each: choice, parity, majority, parity */
#define CHOICE(x, y, z)   ((((y) ^ (z)) & (x)) ^ (z))
#define PARITY(x, y, z)   ((x) ^ (y) ^ (z))
#define MAJORITY(x, y, z) (((x) & (y)) | (((x) | (y)) & (z)))

/* The next W_t, over W_t-16: the last 16 words are kept, at t mod 16. */
static inline uint32_t expand(uint32_t w[16], size_t t)
{
    const uint32_t x = w[(t + 13) & 15] ^ w[(t + 8) & 15] ^ w[(t + 2) & 15] ^ w[t & 15];
    return w[t & 15] = rotl(x, 1);
}

#define ROUNDS(F, k, from, to)                                                                     \
    for (size_t t = from; t < (to); t++) {                                                         \
        const uint32_t x = rotl(a, 5) + F(b, c, d) + e + (k) + (t < 16 ? w[t] : expand(w, t));     \
        e = d;                                                                                     \
        d = c;                                                                                     \
        c = rotl(b, 30);                                                                           \
        b = a;                                                                                     \
        a = x;                                                                                     \
    }

static void compress_block(uint32_t h[5], uint32_t w[16], const uint8_t *data)
{
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (size_t t = 0; t < 16; t++)
        w[t] = load_be32(data + 4 * t);
    ROUNDS(CHOICE, 0x5A827999, 0, 20)
    ROUNDS(PARITY, 0x6ED9EBA1, 20, 40)
    ROUNDS(MAJORITY, 0x8F1BBCDC, 40, 60)
    ROUNDS(PARITY, 0xCA62C1D6, 60, 80)
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

static void compress(void *h, const uint8_t *data, size_t blocks)
{
    uint32_t w[16];
    for (; blocks > 0; blocks--, data += 64)
        compress_block(h, w, data);
    wipe(w, sizeof w);
}

static struct md md_of(struct sha1 *ctx)
{
    const struct md m = {ctx->h, &ctx->length, ctx->buffer, 64, 8, compress};
    return m;
}

void sha1_init(struct sha1 *ctx)
{
    memcpy(ctx->h, iv, sizeof iv);
    ctx->length = 0;
}

void sha1_update(struct sha1 *ctx, const void *data, size_t n)
{
    const struct md m = md_of(ctx);
    md_update(&m, data, n);
}

void sha1_final(struct sha1 *ctx, uint8_t out[20])
{
    const struct md m = md_of(ctx);
    md_pad(&m);
    for (size_t i = 0; i < 5; i++)
        store_be32(out + 4 * i, ctx->h[i]);
    wipe(ctx, sizeof *ctx);
}
