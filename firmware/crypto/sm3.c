#include "firmware/crypto/sm3.h"

#include "firmware/base/wipe.h"
#include "firmware/crypto/md.h"

static const uint32_t iv[8] = {0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600,
                               0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E};

static inline uint32_t rotl(uint32_t x, unsigned n)
{
    return (x << n) | (x >> (32 - n));
}

/* T_j, turned left by j mod 32 as round j wants it. */
#define T0         0x79CC4519u
#define T1         0x7A879D8Au
#define TURN(t, n) ((t) << (n) | (t) >> (32 - (n)))
#define EIGHT(t, n)                                                                                \
    TURN(t, n), TURN(t, n + 1), TURN(t, n + 2), TURN(t, n + 3), TURN(t, n + 4), TURN(t, n + 5),    \
        TURN(t, n + 6), TURN(t, n + 7)

static const uint32_t round_constant[64] = {
    T0,          TURN(T0, 1),  TURN(T0, 2),   TURN(T0, 3),   TURN(T0, 4),   TURN(T0, 5),
    TURN(T0, 6), TURN(T0, 7),  EIGHT(T0, 8),  EIGHT(T1, 16), EIGHT(T1, 24), T1,
    TURN(T1, 1), TURN(T1, 2),  TURN(T1, 3),   TURN(T1, 4),   TURN(T1, 5),   TURN(T1, 6),
    TURN(T1, 7), EIGHT(T1, 8), EIGHT(T1, 16), EIGHT(T1, 24),
};

/* FF and GG of the standard: parity in rounds 0 to 15, then majority and choice. The halves of
 * the latter have no bit in common, so a sum does for the or, and the adder tree can begin early.
 */
#define PARITY(x, y, z)   ((x) ^ (y) ^ (z))
#define MAJORITY(x, y, z) (((x) & (y)) + (((x) ^ (y)) & (z)))
#define CHOICE(x, y, z)   ((((y) ^ (z)) & (x)) ^ (z))

/* One round. Instead of moving the eight words along, the caller turns their names: D becomes
 * the new A, and H the new E. */
#define ROUND(a, b, c, d, e, f, g, h, FF, GG, t, w0, w4)                                           \
    do {                                                                                           \
        const uint32_t a12 = rotl(a, 12), ss1 = rotl(a12 + (e) + (t), 7);                          \
        d += FF(a, b, c) + ((w0) ^ (w4)) + (ss1 ^ a12);                                            \
        h += GG(e, f, g) + (w0) + ss1;                                                             \
        b = rotl(b, 9);                                                                            \
        f = rotl(f, 19);                                                                           \
        h ^= rotl(h, 9) ^ rotl(h, 17);                                                             \
    } while (0)

/* W_j+4 over W_j-12, which nobody needs any more: the last 16 words of W are kept, at j mod 16.
 * It is worked out just before it is used, beside the rounds, which are one long chain. */
static inline uint32_t expand(uint32_t w[16], size_t j)
{
    const uint32_t x = w[(j + 4) & 15] ^ w[(j + 11) & 15] ^ rotl(w[(j + 1) & 15], 15);
    return w[(j + 4) & 15] =
               x ^ rotl(x, 15) ^ rotl(x, 23) ^ rotl(w[(j + 7) & 15], 7) ^ w[(j + 14) & 15];
}

/* Rounds whose W_j+4 is there already (0 to 11), or must be made (12 to 15), and the later kind. */
#define EARLY(a, b, c, d, e, f, g, h, j)                                                           \
    ROUND(a, b, c, d, e, f, g, h, PARITY, PARITY, round_constant[j], w[j], w[(j) + 4])
#define MIDDLE(a, b, c, d, e, f, g, h, j)                                                          \
    ROUND(a, b, c, d, e, f, g, h, PARITY, PARITY, round_constant[j], w[j], expand(w, j))
#define LATE(a, b, c, d, e, f, g, h, j)                                                            \
    ROUND(a, b, c, d, e, f, g, h, MAJORITY, CHOICE, round_constant[k + (j)], w[j], expand(w, j))

#define FOUR(KIND, j)                                                                              \
    KIND(a, b, c, d, e, f, g, h, j);                                                               \
    KIND(d, a, b, c, h, e, f, g, (j) + 1);                                                         \
    KIND(c, d, a, b, g, h, e, f, (j) + 2);                                                         \
    KIND(b, c, d, a, f, g, h, e, (j) + 3)

static void compress(void *state, const uint8_t *data, size_t blocks)
{
    uint32_t *v = state;
    uint32_t w[16];
    for (; blocks > 0; blocks--, data += SM3_BLOCK) {
        uint32_t a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7];
        for (size_t j = 0; j < 16; j++)
            w[j] = load_be32(data + 4 * j);
        FOUR(EARLY, 0);
        FOUR(EARLY, 4);
        FOUR(EARLY, 8);
        FOUR(MIDDLE, 12);
        for (size_t k = 16; k < 64; k += 16) {
            FOUR(LATE, 0);
            FOUR(LATE, 4);
            FOUR(LATE, 8);
            FOUR(LATE, 12);
        }
        v[0] ^= a, v[1] ^= b, v[2] ^= c, v[3] ^= d;
        v[4] ^= e, v[5] ^= f, v[6] ^= g, v[7] ^= h;
    }
    wipe(w, sizeof w);
}

static struct md md_of(struct sm3 *ctx)
{
    const struct md m = {ctx->h, &ctx->length, ctx->buffer, SM3_BLOCK, 8, compress};
    return m;
}

void sm3_init(struct sm3 *ctx)
{
    memcpy(ctx->h, iv, sizeof iv);
    ctx->length = 0;
}

void sm3_update(struct sm3 *ctx, const void *data, size_t n)
{
    const struct md m = md_of(ctx);
    md_update(&m, data, n);
}

void sm3_final(struct sm3 *ctx, uint8_t out[SM3_SIZE])
{
    const struct md m = md_of(ctx);
    md_pad(&m);
    for (size_t i = 0; i < 8; i++)
        store_be32(out + 4 * i, ctx->h[i]);
    wipe(ctx, sizeof *ctx);
}

void sm3_digest(const void *data, size_t n, uint8_t out[SM3_SIZE])
{
    struct sm3 ctx;
    sm3_init(&ctx);
    sm3_update(&ctx, data, n);
    sm3_final(&ctx, out);
}

void sm3_kdf(const void *z, size_t z_size, uint8_t *out, size_t n)
{
    struct sm3 prefix, ctx;
    uint8_t counter[4], last[SM3_SIZE];
    sm3_init(&prefix);
    sm3_update(&prefix, z, z_size);
    for (uint32_t i = 1; n > 0; i++) {
        const size_t take = n < SM3_SIZE ? n : SM3_SIZE;
        ctx = prefix;
        store_be32(counter, i);
        sm3_update(&ctx, counter, sizeof counter);
        sm3_final(&ctx, last);
        memcpy(out, last, take);
        out += take;
        n -= take;
    }
    wipe(&prefix, sizeof prefix);
    wipe(last, sizeof last);
}
