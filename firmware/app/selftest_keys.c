/* Known answers of what makes, wraps and shares keys, of AES in its modes, and of the tests of the
 * generator. */
#include "firmware/app/selftest.h"
#include "firmware/crypto/block.h"
#include "firmware/crypto/ec.h"
#include "firmware/crypto/randomness.h"
#include "firmware/crypto/shamir.h"

#include <string.h>

#if !HUFU_SMALL

typedef void (*block_mode)(const struct block *b, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                           size_t n);

static void cfb_encrypt(const struct block *b, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                        size_t n)
{
    block_cfb(b, iv, in, out, n, 1);
}

static void cfb_decrypt(const struct block *b, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                        size_t n)
{
    block_cfb(b, iv, in, out, n, 0);
}

static bool mode_is(block_mode encrypt, block_mode decrypt, const char *start, const char *expected)
{
    uint8_t k[16], iv[16], again[16], in[32], out[32], back[32];
    struct block b;
    selftest_bytes(k, "2B7E151628AED2A6ABF7158809CF4F3C");
    selftest_bytes(in, "6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51");
    selftest_bytes(iv, start);
    memcpy(again, iv, sizeof again);
    block_set_aes(&b, k, sizeof k);
    encrypt(&b, iv, in, out, sizeof in);
    decrypt(&b, again, out, back, sizeof out);
    return selftest_is(out, sizeof out, expected) && !memcmp(in, back, sizeof in);
}

/* SP 800-38A F.2.1, F.3.13, F.4.1, F.5.1 */
static bool test_aes_chains(const struct selftest_env *e)
{
    static const char iv[] = "000102030405060708090A0B0C0D0E0F";
    (void)e;
    return mode_is(block_cbc_encrypt, block_cbc_decrypt, iv,
                   "7649ABAC8119B246CEE98E9B12E9197D5086CB9B507219EE95DB113A917678B2") &&
           mode_is(cfb_encrypt, cfb_decrypt, iv,
                   "3B3FD92EB72DAD20333449F8E83CFB4AC8A64537A0B3A93FCDE3CDAD9F1CE58B") &&
           mode_is(block_ofb, block_ofb, iv,
                   "3B3FD92EB72DAD20333449F8E83CFB4A7789508D16918F03F53C52DAC54ED825") &&
           mode_is(block_ctr, block_ctr, "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF",
                   "874D6191B620E3261BEF6864990DB6CE9806F66B7970FDFF8617187BB9FFFDFF");
}

/* RFC 5649 clause 6, 7 bytes; and a flipped bit */
static bool test_aes_kwp(const struct selftest_env *e)
{
    uint8_t k[24], key[7], out[16], back[16];
    struct block b;
    size_t n;
    (void)e;
    selftest_bytes(k, "5840DF6E29B02AF1AB493B705BF16EA1AE8338F4DCC176A8");
    selftest_bytes(key, "466F7250617369");
    block_set_aes(&b, k, sizeof k);
    if (block_kwp_wrap(&b, key, sizeof key, out) != sizeof out ||
        !selftest_is(out, sizeof out, "AFBEB0F07DFBF5419200F2CCB50BB24F") ||
        block_kwp_unwrap(&b, out, sizeof out, back, &n) || n != sizeof key ||
        memcmp(back, key, sizeof key))
        return false;
    out[3] ^= 1;
    return block_kwp_unwrap(&b, out, sizeof out, back, &n) != 0;
}

/* NIST's vectors for ANSI X9.63 with SHA-256, 192 bits of secret, without info */
static bool test_kdf(const struct selftest_env *e)
{
    uint8_t secret[24], out[16];
    (void)e;
    selftest_bytes(secret, "96C05619D56C328AB95FE84B18264B08725B85E33FD34F08");
    return !kdf_x963(HASH_SHA256, secret, sizeof secret, NULL, 0, out, sizeof out) &&
           selftest_is(out, sizeof out, "443024C3DAE66B95E6F5670601558F71");
}

#endif

#ifndef HUFU_WITHOUT_DOMAIN

/* 53 + CA x at 2 and 3; and three shares of five, whichever. */
static bool test_shamir(const struct selftest_env *e)
{
    static const uint8_t x[2] = {2, 3}, y[2] = {0xDC, 0x16}, some[3] = {1, 2, 3},
                         others[3] = {3, 4, 5};
    uint8_t secret[32], shares[5][32], joined[32];
    if (shamir_join(x, y, 1, 2, joined) || joined[0] != 0x53 ||
        e->rng.fill(e->rng.ctx, secret, sizeof secret) ||
        shamir_split(&e->rng, secret, sizeof secret, 3, 5, shares[0]) ||
        shamir_join(some, shares[0], sizeof secret, 3, joined) ||
        memcmp(secret, joined, sizeof secret) ||
        shamir_join(others, shares[2], sizeof secret, 3, joined) ||
        memcmp(secret, joined, sizeof secret))
        return false;
    return !shamir_join(others, shares[2], sizeof secret, 2, joined) &&
           memcmp(secret, joined, sizeof secret) != 0;
}

#endif

/* The bits of a linear register (x ^= x << 13, x >> 17, x << 5) pass all items but the rank; zeros
 * fail all. */
static bool test_randomness(const struct selftest_env *e)
{
    enum { RANK = 17 };
    uint8_t bits[RANDOMNESS_PERIODIC_BITS / 8];
    uint32_t x = 2463534242;
    (void)e;
    for (size_t i = 0; i < sizeof bits; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        bits[i] = (uint8_t)(x >> 16);
    }
    if ((CONFIG_PERIODIC && randomness_periodic(bits) != 1u << RANK) ||
        !randomness_poker2(bits, 32))
        return false;
    memset(bits, 0, sizeof bits);
    return (!CONFIG_PERIODIC || randomness_periodic(bits) == (1u << RANDOMNESS_ITEMS) - 1) &&
           !randomness_poker2(bits, 32);
}

const struct selftest selftests_keys[] = {
#if !HUFU_SMALL
    {"aes chains", test_aes_chains}, {"aes-kwp", test_aes_kwp},
    {"kdf x9.63", test_kdf},
#endif
#ifndef HUFU_WITHOUT_DOMAIN
    {"shamir", test_shamir},
#endif
    {"randomness", test_randomness}, {NULL, NULL},
};
