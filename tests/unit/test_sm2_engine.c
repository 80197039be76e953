/*
 * Every SM2 engine of the build through its batch entries: edge scalars, the nonces that make an
 * addition meet equal points, signatures that must be refused, and bad items among good ones.
 */
#include <check.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include "firmware/crypto/engine.h"
#include "firmware/crypto/sm2.h"
#include "tests/unit/test_sm2_tools.h"

enum { MOST = 2100, GUARD = 64 };

static const struct sm2_ops *ops;
static uint8_t k[MOST][32], e[MOST][32], pub[MOST][64], sig[MOST][64], ok[MOST], d[32];
static struct sm2_sign_key key[MOST];
static const struct sm2_sign_key *keys[MOST];
static const uint8_t *pubs[MOST];

/* New numbers below n in k: random ones, but for the one in 2^32 that is too large. */
static void random_scalars(void)
{
    test_random(k, sizeof k);
    for (size_t i = 0; i < MOST; i++)
        if (!memcmp(k[i], "\xFF\xFF\xFF\xFF", 4))
            k[i][0] = 0x7F;
}

/* Scratch of just the promised size, with a guard behind it */
static uint8_t *scratch_new(size_t n)
{
    void *p = NULL;
    ck_assert_int_eq(posix_memalign(&p, 64, ops->scratch(n) + GUARD), 0);
    memset((uint8_t *)p + ops->scratch(n), 0x5A, GUARD);
    return p;
}

static void scratch_free(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < GUARD; i++)
        ck_assert_uint_eq(p[ops->scratch(n) + i], 0x5A);
    free(p);
}

static void keygen(size_t n)
{
    uint8_t *scratch = scratch_new(n);
    memset(pub, 0xA5, sizeof pub);
    memset(ok, 0xA5, sizeof ok);
    ops->keygen(n, (const uint8_t(*)[32])k, pub, ok, scratch);
    scratch_free(scratch, n);
    if (n < MOST)
        ck_assert_uint_eq(ok[n], 0xA5);
}

static void sign(size_t n)
{
    uint8_t *scratch = scratch_new(n);
    memset(sig, 0xA5, sizeof sig);
    memset(ok, 0xA5, sizeof ok);
    ops->sign(n, keys, (const uint8_t(*)[32])e, (const uint8_t(*)[32])k, sig, ok, scratch);
    scratch_free(scratch, n);
    if (n < MOST)
        ck_assert_uint_eq(ok[n], 0xA5);
}

static void verify(size_t n)
{
    uint8_t *scratch = scratch_new(n);
    memset(ok, 0xA5, sizeof ok);
    ops->verify(n, pubs, (const uint8_t(*)[32])e, (const uint8_t(*)[64])sig, ok, scratch);
    scratch_free(scratch, n);
    if (n < MOST)
        ck_assert_uint_eq(ok[n], 0xA5);
}

static int is_zero(const uint8_t *p, size_t n)
{
    uint8_t acc = 0;
    for (size_t i = 0; i < n; i++)
        acc |= p[i];
    return acc == 0;
}

static void expect_point(size_t i)
{
    uint8_t want[64];
    ck_assert(ec_mul(want, k[i], NULL));
    ck_assert_msg(ok[i] == 1, "item %zu refused", i);
    ck_assert_mem_eq(pub[i], want, 64);
}

/* One key and its inverse for all items */
static void one_key(void)
{
    random_private(d);
    ck_assert_int_eq(sm2_sign_key(&key[0], d), 0);
    for (size_t i = 0; i < MOST; i++)
        keys[i] = &key[0];
}

/* ---- the exceptional scalars ---- */

enum { WINDOWS_MAX = 128 };

/*
 * n itself is a sum of odd digits. Take the digits of the windows in B with the other sign: then
 * the sums over B and over the rest are equal points, which an engine meets when it adds the two
 * last.
 */
static void equal_points(uint8_t out[32], unsigned window, const uint8_t in_b[WINDOWS_MAX])
{
    const unsigned windows = (256 + window - 1) / window;
    BIGNUM *n = bn_hex(SM2_N), *v = bn_hex(SM2_N), *sum = BN_new(), *t = BN_new();
    BN_CTX *ctx = BN_CTX_new();
    BN_zero(sum);
    ck_assert(BN_set_bit(t, 256) && BN_sub_word(t, 1) && BN_add(v, v, t) && BN_rshift1(v, v));
    for (unsigned i = 0; i < windows; i++) {
        const unsigned bits = i + 1 < windows ? window : 256 - i * window;
        unsigned digit = 0;
        for (unsigned j = 0; j < bits; j++)
            digit |= (unsigned)BN_is_bit_set(v, (int)(i * window + j)) << j;
        const int value = 2 * (int)digit - ((1 << bits) - 1);
        ck_assert(BN_set_word(t, (BN_ULONG)abs(value)) && BN_lshift(t, t, (int)(i * window)));
        BN_set_negative(t, (value < 0) != (in_b[i] != 0));
        ck_assert(BN_add(sum, sum, t));
    }
    ck_assert(BN_nnmod(sum, sum, n, ctx));
    bn_to(out, sum);
    BN_free(n);
    BN_free(v);
    BN_free(sum);
    BN_free(t);
    BN_CTX_free(ctx);
}

static void negate(uint8_t out[32], const uint8_t in[32])
{
    BIGNUM *n = bn_hex(SM2_N), *b = bn_from(in);
    ck_assert(BN_sub(b, n, b));
    bn_to(out, b);
    BN_free(n);
    BN_free(b);
}

/*
 * Which windows are in the second operand of the last addition: split 0 the top one, 1 the bottom
 * one, c > 1 those of the second of two sums when the windows are dealt to c sums, which are then
 * added upper half to lower half.
 */
static void last_operand(uint8_t in_b[WINDOWS_MAX], unsigned windows, unsigned split)
{
    memset(in_b, 0, WINDOWS_MAX);
    for (unsigned i = 0; i < windows; i++) {
        unsigned chain = split > 1 ? i % split : 0;
        for (unsigned c = split; c > 2; c = (c + 1) / 2)
            chain = chain < (c + 1) / 2 ? chain : chain - (c + 1) / 2;
        in_b[i] = (uint8_t)(split > 1 ? chain : i == (split ? 0 : windows - 1));
    }
}

START_TEST(equal_points_keygen)
{
    enum { WIDTHS = 8, SPLITS = 18, SPECIAL = 2 * WIDTHS * SPLITS };
    static const size_t size[] = {1,  2,   3,   4,   8,   16,  33,  64,  65,
                                  90, 128, 129, 171, 256, 257, 400, 513, 1024};
    static uint8_t special[SPECIAL][32];
    size_t count = 0;
    for (unsigned w = 3; w < 3 + WIDTHS; w++) {
        for (unsigned split = 0; split < SPLITS; split++, count += 2) {
            uint8_t in_b[WINDOWS_MAX];
            last_operand(in_b, (256 + w - 1) / w, split);
            equal_points(special[count], w, in_b);
            negate(special[count + 1], special[count]);
        }
    }
    ck_assert_uint_eq(count, SPECIAL);
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        const size_t n = size[i];
        for (size_t first = 0; first < count; first += n) {
            random_scalars();
            for (size_t j = 0; j < n && first + j < count; j++)
                memcpy(k[j], special[first + j], 32);
            keygen(n);
            for (size_t j = 0; j < n && first + j < count; j++)
                expect_point(j);
            expect_point(n - 1);
        }
    }
}
END_TEST

START_TEST(equal_points_sign)
{
    uint8_t in_b[WINDOWS_MAX];
    one_key();
    ck_assert_int_eq(sm2_public_from_private(ops, d, pub[0]), 0);
    for (size_t n = 1; n < 80; n += 7) {
        random_scalars();
        test_random(e, sizeof e);
        last_operand(in_b, 43, 0);
        equal_points(k[0], 6, in_b);
        last_operand(in_b, 43, 2);
        equal_points(k[n / 2], 6, in_b);
        sign(n);
        for (size_t i = 0; i < n; i++) {
            ck_assert_int_eq(ok[i], 1);
            pubs[i] = pub[0];
        }
        verify(n);
        for (size_t i = 0; i < n; i++)
            ck_assert_int_eq(ok[i], 1);
    }
}
END_TEST

/* ---- edges ---- */

START_TEST(edge_scalars)
{
    static const struct {
        const char *base;
        int delta, good;
    } edge[] = {
        {"0", 0, 0},
        {"0", 1, 1},
        {"0", 2, 1},
        {SM2_N, -3, 1},
        {SM2_N, -2, 1},
        {SM2_N, -1, 0},
        {SM2_N, 0, 0},
        {SM2_N, 1, 0},
        {"0", 3, 1},
        {"0", 64, 1},
        {SM2_P, 0, 0},
        {SM2_N, -64, 1},
        {"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", 0, 0},
    };
    const size_t count = sizeof edge / sizeof edge[0];
    static const size_t size[] = {1, 2, 3, 4, 7, 40, 300};
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        for (size_t j = 0; j < count; j++) {
            const size_t n = size[i], at = test_random_below((uint32_t)n);
            random_scalars();
            near(k[at], edge[j].base, edge[j].delta);
            keygen(n);
            for (size_t l = 0; l < n && (n < 40 || l < 8); l++) {
                if (l != at || edge[j].good)
                    expect_point(l); /* the neighbours are untouched */
            }
            if (edge[j].good) {
                expect_point(at);
            } else {
                ck_assert_int_eq(ok[at], 0);
                ck_assert(is_zero(pub[at], 64));
            }
        }
    }
}
END_TEST

/* All sizes around the steps of any engine; a sample of each is compared. */
START_TEST(batch_sizes)
{
    static const size_t size[] = {0,   1,    2,    3,    4,    5,    7,    8,    9,
                                  15,  16,   17,   31,   32,   33,   63,   64,   65,
                                  127, 128,  129,  255,  256,  257,  511,  512,  513,
                                  777, 1023, 1024, 1025, 1536, 2047, 2048, 2049, 2100};
    size_t before = 0;
    one_key();
    ck_assert_int_eq(sm2_public_from_private(ops, d, pub[0]), 0);
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        const size_t n = size[i];
        ck_assert_uint_ge(ops->scratch(n), before); /* grows with n */
        before = ops->scratch(n);
        random_scalars();
        test_random(e, sizeof e);
        keygen(n);
        for (size_t j = 0; j < n; j++)
            ck_assert_int_eq(ok[j], 1);
        for (size_t j = 0; j < 3 && n != 0; j++)
            expect_point(j == 0 ? 0 : j == 1 ? n - 1 : test_random_below((uint32_t)n));
        sign(n);
        for (size_t j = 0; j < n; j++)
            ck_assert_int_eq(ok[j], 1);
        ck_assert_int_eq(sm2_public_from_private(ops, d, pub[0]), 0);
        for (size_t j = 0; j < n; j++)
            pubs[j] = pub[0];
        verify(n);
        for (size_t j = 0; j < n; j++)
            ck_assert_int_eq(ok[j], 1);
    }
}
END_TEST

static const uint8_t field_prime[32] = {
    0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* Points on the curve; and beside them, one by one, what is none: a flipped bit, a coordinate that
 * is p more (where that fits), zero, p itself, all ones. */
START_TEST(public_keys_are_checked)
{
    static const size_t size[] = {0, 1, 7, 8, 9, 40, 300};
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        const size_t n = size[i];
        random_scalars();
        keygen(n);
        for (size_t j = 0; j < n; j++) {
            pubs[j] = pub[j];
            if (j % 9 == 1)
                pub[j][test_random_below(64)] ^= (uint8_t)(1u << test_random_below(8));
            else if (j % 9 == 3)
                memset(pub[j], 0, 64);
            else if (j % 9 == 5)
                memcpy(pub[j] + 32 * (j & 1), field_prime, 32);
            else if (j % 9 == 7)
                memset(pub[j] + 32 * (j & 1), 0xff, 32);
        }
        memset(ok, 2, sizeof ok);
        ops->check(n, pubs, ok);
        for (size_t j = 0; j < n; j++) {
            ck_assert_uint_eq(ok[j], j % 9 % 2 == 0);
            ck_assert_int_eq(ok[j] ? 0 : -1, sm2_public_check(pub[j]));
        }
        ck_assert_uint_eq(ok[n], 2);
    }
}
END_TEST

/* A point of the curve with this x, if there is one. */
static int point_with_x(uint8_t out[64], const uint8_t x[32])
{
    uint8_t octets[65];
    EC_GROUP *g = EC_GROUP_new_by_curve_name(NID_sm2);
    EC_POINT *point = EC_POINT_new(g);
    BIGNUM *b = BN_bin2bn(x, 32, NULL);
    const int there = EC_POINT_set_compressed_coordinates(g, point, b, 0, NULL);
    if (there) {
        EC_POINT_point2oct(g, point, POINT_CONVERSION_UNCOMPRESSED, octets, 65, NULL);
        memcpy(out, octets + 1, 64);
    }
    BN_free(b);
    EC_POINT_free(point);
    EC_GROUP_free(g);
    return there;
}

/* x += p */
static void add_p(uint8_t x[32])
{
    BIGNUM *a = BN_bin2bn(x, 32, NULL), *b = BN_bin2bn(field_prime, 32, NULL);
    ck_assert(BN_add(a, a, b) && BN_bn2binpad(a, x, 32) == 32);
    BN_free(a);
    BN_free(b);
}

/* x and x + p are the same number mod p, but only the first is a coordinate: 2^256 - p is small, so
 * a point with x below it is looked for. */
START_TEST(coordinates_above_p)
{
    const uint8_t *const one[1] = {pub[0]};
    uint8_t x[32] = {0};
    unsigned found = 0;
    for (unsigned v = 0; v < 64; v++) {
        x[31] = (uint8_t)v;
        if (!point_with_x(pub[0], x))
            continue;
        found++;
        ops->check(1, one, ok);
        ck_assert_uint_eq(ok[0], 1);
        add_p(pub[0]);
        ops->check(1, one, ok);
        ck_assert_uint_eq(ok[0], 0);
    }
    ck_assert_uint_gt(found, 10);
}
END_TEST

START_TEST(one_item_fits_its_scratch)
{
    ck_assert_uint_le(ops->scratch(1), SM2_SCRATCH_ONE);
}
END_TEST

/* Scratch that held secrets is clean afterwards. */
START_TEST(scratch_is_wiped)
{
    static const size_t size[] = {1, 3, 4, 60, 1025};
    one_key();
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        const size_t n = size[i], room = ops->scratch(n);
        uint8_t *scratch = scratch_new(n);
        random_scalars();
        memset(scratch, 0, room);
        ops->keygen(n, (const uint8_t(*)[32])k, pub, ok, scratch);
        ck_assert(is_zero(scratch, room));
        ops->sign(n, keys, (const uint8_t(*)[32])e, (const uint8_t(*)[32])k, sig, ok, scratch);
        ck_assert(is_zero(scratch, room));
        scratch_free(scratch, n);
    }
}
END_TEST

/* ---- signatures that must be refused when made ---- */

/* x1 of [k]G mod n */
static BIGNUM *x_mod_n(const uint8_t nonce[32], const BIGNUM *n, BN_CTX *ctx)
{
    uint8_t point[64];
    BIGNUM *x;
    ck_assert(ec_mul(point, nonce, NULL));
    x = bn_from(point);
    ck_assert(BN_nnmod(x, x, n, ctx));
    return x;
}

/* Makes item i one with r = 0, r + k = n or s = 0. */
static void provoke(size_t i, int what)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = bn_hex(SM2_N), *nonce = bn_from(k[i]), *x = x_mod_n(k[i], n, ctx);
    BIGNUM *r = bn_from(e[i]), *t = BN_new();
    if (what == 0) { /* e = -x */
        ck_assert(BN_mod_sub(t, n, x, n, ctx));
        bn_to(e[i], t);
    } else if (what == 1) { /* e = -x - k */
        ck_assert(BN_mod_sub(t, n, x, n, ctx) && BN_mod_sub(t, t, nonce, n, ctx));
        bn_to(e[i], t);
    } else { /* 1 / (1 + d) = r / (k + r), any r */
        ck_assert(BN_mod_add(r, r, x, n, ctx));
        ck_assert(BN_mod_add(t, nonce, r, n, ctx) && BN_mod_inverse(t, t, n, ctx) != NULL);
        ck_assert(BN_mod_mul(t, t, r, n, ctx));
        bn_to(key[MOST - 1].inv, t);
        keys[i] = &key[MOST - 1];
    }
    BN_free(n);
    BN_free(nonce);
    BN_free(x);
    BN_free(r);
    BN_free(t);
    BN_CTX_free(ctx);
}

START_TEST(refused_signatures)
{
    static const size_t size[] = {1, 2, 5, 30, 140};
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        for (int what = 0; what < 7; what++) {
            const size_t n = size[i], at = test_random_below((uint32_t)n);
            one_key();
            ck_assert_int_eq(sm2_public_from_private(ops, d, pub[0]), 0);
            random_scalars();
            test_random(e, sizeof e);
            if (what < 3)
                provoke(at, what);
            else if (what == 3)
                memset(k[at], 0, 32);
            else
                near(k[at], SM2_N, what - 4);
            sign(n);
            for (size_t j = 0; j < n; j++) {
                ck_assert_int_eq(ok[j], j != at);
                pubs[j] = pub[0];
            }
            ck_assert(is_zero(sig[at], 64));
            verify(n); /* the neighbours are right; the zeros of the refused one are not */
            for (size_t j = 0; j < n; j++)
                ck_assert_int_eq(ok[j], j != at);
        }
    }
}
END_TEST

/* A different key for each item, k = n - 1 and e above n among them. */
START_TEST(many_keys)
{
    enum { N = 50 };
    static uint8_t private[N][32];
    for (size_t i = 0; i < N; i++) {
        random_private(private[i]);
        ck_assert_int_eq(sm2_sign_key(&key[i], private[i]), 0);
        keys[i] = &key[i];
        pubs[i] = pub[i];
    }
    memcpy(k, private, sizeof private);
    keygen(N);
    random_scalars();
    test_random(e, sizeof e);
    near(k[3], SM2_N, -1);
    near(k[4], "0", 1);
    memset(e[5], 0xFF, 32);
    memset(e[6], 0, 32);
    near(e[7], SM2_N, 0);
    sign(N);
    for (size_t i = 0; i < N; i++)
        ck_assert_int_eq(ok[i], 1);
    verify(N);
    for (size_t i = 0; i < N; i++)
        ck_assert_int_eq(ok[i], 1);
}
END_TEST

/* ---- signatures that must not verify ---- */

static void good_signatures(size_t n)
{
    one_key();
    random_scalars();
    test_random(e, sizeof e);
    sign(n);
    ck_assert_int_eq(sm2_public_from_private(ops, d, pub[0]), 0);
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(ok[i], 1);
        pubs[i] = pub[0];
    }
}

START_TEST(edge_signatures)
{
    enum { N = 20 };
    uint8_t other[64], number[32];
    good_signatures(N);
    memset(sig[0], 0, 32);         /* r = 0 */
    memset(sig[1] + 32, 0, 32);    /* s = 0 */
    near(sig[2], SM2_N, 0);        /* r = n */
    near(sig[3] + 32, SM2_N, 0);   /* s = n */
    negate(sig[4] + 32, sig[4]);   /* r + s = n */
    near(sig[5], SM2_N, 1);        /* r > n */
    memset(sig[6] + 32, 0xFF, 32); /* s = 2^256 - 1 */
    e[7][31] ^= 1;                 /* another digest */
    sig[8][0] ^= 0x80;             /* another r */
    sig[9][63] ^= 1;               /* another s */
    random_private(number);        /* another key */
    ck_assert(ec_mul(other, number, NULL));
    pubs[10] = other;
    memcpy(number, sig[11], 32); /* r and s exchanged */
    memcpy(sig[11], sig[11] + 32, 32);
    memcpy(sig[11] + 32, number, 32);
    memset(sig[12], 0, 64);
    verify(N);
    for (size_t i = 0; i < N; i++)
        ck_assert_msg(ok[i] == (i > 12), "item %zu", i);
}
END_TEST

/* r + s = n with all else right: e = r - x([s]G) */
START_TEST(zero_t)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = bn_hex(SM2_N), *r, *x;
    good_signatures(3);
    negate(sig[1] + 32, sig[1]);
    r = bn_from(sig[1]);
    x = x_mod_n(sig[1] + 32, n, ctx);
    ck_assert(BN_mod_sub(x, r, x, n, ctx));
    bn_to(e[1], x);
    verify(3);
    ck_assert_int_eq(ok[0], 1);
    ck_assert_int_eq(ok[1], 0);
    ck_assert_int_eq(ok[2], 1);
    BN_free(n);
    BN_free(r);
    BN_free(x);
    BN_CTX_free(ctx);
}
END_TEST

/* R with n <= x(R) < p: the public key is made to fit, P = (R - [s]G) / t. */
START_TEST(x_above_n)
{
    enum { N = 6 };
    static uint8_t points[N][64];
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = bn_hex(SM2_N), *x = bn_hex(SM2_N);
    EC_POINT *point = EC_POINT_new(curve()), *base = EC_POINT_new(curve());
    for (int i = 0; i < N; i++) {
        BIGNUM *s, *t, *r = BN_new();
        while (!EC_POINT_set_compressed_coordinates(curve(), point, x, i & 1, ctx))
            ck_assert(BN_add_word(x, 1));
        random_private(sig[i] + 32);
        random_private(sig[i]);
        s = bn_from(sig[i] + 32);
        t = bn_from(sig[i]);
        ck_assert(BN_mod_sub(r, t, s, n, ctx));
        bn_to(sig[i], r);
        ck_assert(BN_mod_sub(r, r, x, n, ctx)); /* e = r - x */
        bn_to(e[i], r);
        ck_assert(EC_POINT_mul(curve(), base, s, NULL, NULL, ctx));
        ck_assert(EC_POINT_invert(curve(), base, ctx));
        ck_assert(EC_POINT_add(curve(), base, base, point, ctx));
        ck_assert(BN_mod_inverse(t, t, n, ctx) != NULL);
        ck_assert(EC_POINT_mul(curve(), base, NULL, base, t, ctx));
        ck_assert(ec_bytes(points[i], base));
        pubs[i] = points[i];
        ck_assert(BN_add_word(x, 1));
        BN_free(s);
        BN_free(t);
        BN_free(r);
    }
    verify(N);
    for (int i = 0; i < N; i++)
        ck_assert_msg(ok[i] == 1, "item %d", i);
    BN_free(n);
    BN_free(x);
    EC_POINT_free(point);
    EC_POINT_free(base);
    BN_CTX_free(ctx);
}
END_TEST

/* e and e + n are the same digest to the equations; [s]G + [t]P = infinity is refused. */
START_TEST(congruent_digest_and_infinity)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = bn_hex(SM2_N), *s, *t = BN_new(), *b;
    good_signatures(3);
    b = bn_from(e[0]);
    ck_assert(BN_nnmod(b, b, n, ctx));
    bn_to(e[0], b);
    verify(3);
    ck_assert_int_eq(ok[0] + ok[1] + ok[2], 3);
    /* s + (r + s) d = 0: r = -s (1 + d) / d */
    s = bn_from(sig[1] + 32);
    BN_free(b);
    b = bn_from(d);
    ck_assert(BN_copy(t, b) && BN_add_word(t, 1) && BN_mod_mul(t, t, s, n, ctx));
    ck_assert(BN_mod_inverse(b, b, n, ctx) != NULL && BN_mod_mul(t, t, b, n, ctx));
    ck_assert(BN_mod_sub(t, n, t, n, ctx));
    bn_to(sig[1], t);
    memcpy(e[1], sig[1], 32); /* an x of 0 would fit */
    verify(3);
    ck_assert_int_eq(ok[0], 1);
    ck_assert_int_eq(ok[1], 0);
    ck_assert_int_eq(ok[2], 1);
    BN_free(n);
    BN_free(s);
    BN_free(t);
    BN_free(b);
    BN_CTX_free(ctx);
}
END_TEST

/* Every single bit of signature and digest counts. */
START_TEST(flipped_bits)
{
    enum { N = 256 };
    good_signatures(1);
    for (size_t i = 1; i < 3 * N; i++) {
        memcpy(sig[i], sig[0], 64);
        memcpy(e[i], e[0], 32);
        pubs[i] = pub[0];
        if (i < 2 * N)
            sig[i][i / 8] ^= (uint8_t)(1u << i % 8);
        else
            e[i][i / 8 - 64] ^= (uint8_t)(1u << i % 8);
    }
    verify(3 * N);
    ck_assert_int_eq(ok[0], 1);
    for (size_t i = 1; i < 3 * N; i++)
        ck_assert_msg(ok[i] == 0, "bit %zu", i);
}
END_TEST

/* [s]G and [t]P equal or opposite, and small multiples: the public addition has no exceptions. */
START_TEST(verify_equal_points)
{
    enum { N = 8 };
    static uint8_t points[N][64];
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = bn_hex(SM2_N);
    for (int i = 0; i < N; i++) { /* P = [c]G, t = s / c: then [t]P = [s]G */
        uint8_t c[32], x2[64];
        BIGNUM *b, *s, *t = BN_new(), *x;
        near(c, i < 4 ? "0" : SM2_N, i < 4 ? i + 2 : 2 - i);
        ck_assert(ec_mul(points[i], c, NULL));
        pubs[i] = points[i];
        random_private(sig[i] + 32);
        s = bn_from(sig[i] + 32);
        b = bn_from(c);
        ck_assert(BN_mod_inverse(t, b, n, ctx) != NULL && BN_mod_mul(t, t, s, n, ctx));
        ck_assert(BN_mod_sub(t, t, s, n, ctx)); /* r = t - s */
        bn_to(sig[i], t);
        ck_assert(BN_mod_lshift1(b, s, n, ctx));
        bn_to(c, b);
        ck_assert(ec_mul(x2, c, NULL));
        x = bn_from(x2);
        ck_assert(BN_mod_sub(t, t, x, n, ctx)); /* e = r - x([2s]G) */
        bn_to(e[i], t);
        BN_free(b);
        BN_free(s);
        BN_free(t);
        BN_free(x);
    }
    verify(N);
    for (int i = 0; i < N; i++)
        ck_assert_msg(ok[i] == 1, "item %d", i);
    BN_free(n);
    BN_CTX_free(ctx);
}
END_TEST

static Suite *suite_of(const struct engine *engine)
{
    Suite *s = suite_create(engine->name);
    TCase *t = tcase_create(engine->name);
    ops = engine->sm2;
    tcase_set_timeout(t, 300);
    tcase_add_test(t, equal_points_keygen);
    tcase_add_test(t, equal_points_sign);
    tcase_add_test(t, edge_scalars);
    tcase_add_test(t, batch_sizes);
    tcase_add_test(t, public_keys_are_checked);
    tcase_add_test(t, coordinates_above_p);
    tcase_add_test(t, one_item_fits_its_scratch);
    tcase_add_test(t, scratch_is_wiped);
    tcase_add_test(t, refused_signatures);
    tcase_add_test(t, many_keys);
    tcase_add_test(t, edge_signatures);
    tcase_add_test(t, zero_t);
    tcase_add_test(t, x_above_n);
    tcase_add_test(t, congruent_digest_and_infinity);
    tcase_add_test(t, flipped_bits);
    tcase_add_test(t, verify_equal_points);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    int failed = 0;
    test_seed();
    for (size_t i = 0; engine_at(i) != NULL; i++) {
        SRunner *r = srunner_create(suite_of(engine_at(i)));
        srunner_run_all(r, CK_NORMAL);
        failed += srunner_ntests_failed(r);
        srunner_free(r);
    }
    return failed != 0;
}
