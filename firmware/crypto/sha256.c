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

typedef uint32_t word;
enum { WORD_BITS = 32, ROUNDS = 64 };
#define load_word  load_be32
#define SUM_0(x)   (rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22))
#define SUM_1(x)   (rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25))
#define SIGMA_0(x) (rotr(x, 7) ^ rotr(x, 18) ^ ((x) >> 3))
#define SIGMA_1(x) (rotr(x, 17) ^ rotr(x, 19) ^ ((x) >> 10))
#include "firmware/crypto/sha2_rounds.h"

static struct md md_of(struct sha256 *ctx)
{
    const struct md m = {ctx->h, &ctx->length, ctx->buffer, BLOCK, 8, compress};
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
