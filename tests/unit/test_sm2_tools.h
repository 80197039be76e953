/*
 * What the SM2 tests share: numbers with awkward limbs, big numbers and points of OpenSSL, fixed
 * nonces.
 */
#ifndef HUFU_TESTS_SM2_TOOLS_H
#define HUFU_TESTS_SM2_TOOLS_H

#include <check.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/rng.h"
#include "tests/lib/rng.h"
#include "tests/lib/vec.h"

#define SM2_P "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF"
#define SM2_N "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123"

static inline BIGNUM *bn_hex(const char *hex)
{
    BIGNUM *b = NULL;
    ck_assert(BN_hex2bn(&b, hex) > 0);
    return b;
}

static inline BIGNUM *bn_from(const uint8_t in[32])
{
    BIGNUM *b = BN_bin2bn(in, 32, NULL);
    ck_assert_ptr_nonnull(b);
    return b;
}

static inline void bn_to(uint8_t out[32], const BIGNUM *b)
{
    ck_assert_int_eq(BN_bn2binpad(b, out, 32), 32);
}

/* base + delta as 32 bytes */
static inline void near(uint8_t out[32], const char *base, int delta)
{
    BIGNUM *b = bn_hex(base);
    ck_assert(delta < 0 ? BN_sub_word(b, (BN_ULONG)-delta) : BN_add_word(b, (BN_ULONG)delta));
    bn_to(out, b);
    BN_free(b);
}

/*
 * 256 bits of the kind that breaks carries: words all zeros, all ones, one off either, one bit, or
 * random; now and then a number next to p, n or 2^256.
 */
static inline void awkward(uint8_t out[32])
{
    static const uint32_t word[] = {0, 0xFFFFFFFF, 1, 0xFFFFFFFE, 0x80000000, 0x7FFFFFFF};
    static const char *const base[] = {
        SM2_P, SM2_N, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF0", "10"};
    if (test_random_below(8) == 0) {
        near(out, base[test_random_below(4)], (int)test_random_below(31) - 15);
        return;
    }
    test_random(out, 32);
    for (int i = 0; i < 8; i++) {
        const uint32_t pick = test_random_below(8);
        for (int j = 0; j < 4 && pick < 6; j++)
            out[4 * i + j] = (uint8_t)(word[pick] >> (24 - 8 * j));
    }
}

/* A uniform number in [1, n-2] */
static inline void random_private(uint8_t out[32])
{
    uint8_t limit[32];
    near(limit, SM2_N, -2);
    do
        test_random(out, 32);
    while (memcmp(out, limit, 32) > 0);
}

/* The curve of OpenSSL, made once */
static inline const EC_GROUP *curve(void)
{
    static EC_GROUP *group;
    if (group == NULL)
        group = EC_GROUP_new_by_curve_name(NID_sm2);
    ck_assert_ptr_nonnull(group);
    return group;
}

/* out = x || y of the point; 0 when it is infinity */
static inline int ec_bytes(uint8_t out[64], const EC_POINT *point)
{
    uint8_t raw[65];
    if (EC_POINT_is_at_infinity(curve(), point))
        return 0;
    ck_assert_uint_eq(
        EC_POINT_point2oct(curve(), point, POINT_CONVERSION_UNCOMPRESSED, raw, 65, NULL), 65);
    memcpy(out, raw + 1, 64);
    return 1;
}

static inline EC_POINT *ec_from(const uint8_t in[64])
{
    uint8_t raw[65] = {4};
    EC_POINT *point = EC_POINT_new(curve());
    memcpy(raw + 1, in, 64);
    ck_assert_int_eq(EC_POINT_oct2point(curve(), point, raw, 65, NULL), 1);
    return point;
}

/* out = [k]P, or [k]G when p is NULL, by OpenSSL; 0 when it is infinity */
static inline int ec_mul(uint8_t out[64], const uint8_t k[32], const uint8_t *p)
{
    BIGNUM *b = bn_from(k);
    EC_POINT *r = EC_POINT_new(curve()), *q = p ? ec_from(p) : NULL;
    ck_assert(EC_POINT_mul(curve(), r, p ? NULL : b, q, p ? b : NULL, NULL));
    const int finite = ec_bytes(out, r);
    EC_POINT_free(r);
    EC_POINT_free(q);
    BN_free(b);
    return finite;
}

/* A source that gives out n given blocks of 32 bytes, one after the other, and then fails. */
struct blocks {
    const uint8_t *block;
    size_t n, used;
};

static inline int blocks_fill(void *ctx, void *out, size_t n)
{
    struct blocks *b = ctx;
    ck_assert_uint_eq(n, 32);
    if (b->used == b->n)
        return -1;
    memcpy(out, b->block + 32 * b->used++, 32);
    return 0;
}

#endif
