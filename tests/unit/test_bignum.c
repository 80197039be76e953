/* The numbers under RSA against OpenSSL's, over sizes and values with awkward limbs. */
#include <check.h>
#include <openssl/bn.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/bignum.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

enum { MOST = 4096 / LIMB_BITS, ROUNDS = 60 };

static const size_t sizes[] = {512, 1024, 1536, 2048, 3072, 4096};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static BN_CTX *ctx;

static void setup(void)
{
    ctx = BN_CTX_new();
}

static void teardown(void)
{
    BN_CTX_free(ctx);
}

/* Limbs of zeros, of ones, of random bits, in runs */
static void awkward(limb_t *a, size_t n)
{
    for (size_t i = 0; i < n;) {
        const uint32_t kind = test_random_below(5), run = 1 + test_random_below((uint32_t)n);
        for (size_t j = 0; j < run && i < n; j++, i++) {
            test_random(&a[i], sizeof a[i]);
            if (kind == 0)
                a[i] = 0;
            if (kind == 1)
                a[i] = ~(limb_t)0;
            if (kind == 2)
                a[i] = (limb_t)1 << (a[i] % LIMB_BITS);
        }
    }
}

static BIGNUM *big(const limb_t *a, size_t n)
{
    uint8_t bytes[2 * MOST * LIMB_BYTES];
    bn_store(a, n, bytes, n * LIMB_BYTES);
    BIGNUM *b = BN_bin2bn(bytes, (int)(n * LIMB_BYTES), NULL);
    ck_assert_ptr_nonnull(b);
    return b;
}

/* a is b, and b is freed */
static void same(const limb_t *a, size_t n, BIGNUM *b)
{
    BIGNUM *x = big(a, n);
    ck_assert_msg(!BN_cmp(x, b), "n = %zu limbs", n);
    BN_free(x);
    BN_free(b);
}

START_TEST(bytes)
{
    uint8_t in[512], out[512];
    limb_t a[MOST];
    for (size_t size = 0; size <= sizeof in; size = size < 20 ? size + 1 : size + 61) {
        test_random(in, sizeof in);
        bn_load(a, MOST, in, size);
        BIGNUM *b = BN_bin2bn(in, (int)size, NULL);
        uint8_t expected[512];
        ck_assert_int_eq(BN_bn2binpad(b, expected, 512), 512);
        bn_store(a, MOST, out, 512);
        ck_assert_mem_eq(out, expected, 512);
        bn_store(a, MOST, out, size);
        ck_assert_mem_eq(out, in, size);
        BN_free(b);
    }
}
END_TEST

START_TEST(sums)
{
    const size_t n = sizes[_i] / LIMB_BITS;
    limb_t a[MOST], b[MOST], r[MOST + 1];
    for (int i = 0; i < ROUNDS; i++) {
        awkward(a, n);
        awkward(b, n);
        const limb_t mask = limb_mask(test_random_below(2)), word = b[0];
        BIGNUM *x = big(a, n), *y = big(b, n), *t = BN_new(), *range = BN_new();
        BN_set_bit(range, (int)sizes[_i]);
        r[n] = bn_add(r, a, b, n);
        BN_add(t, x, y);
        same(r, n + 1, BN_dup(t));
        r[n] = bn_add_masked(r, a, b, mask, n);
        same(r, n + 1, BN_dup(mask ? t : x));
        const limb_t borrow = bn_sub(r, a, b, n);
        ck_assert_uint_eq(borrow, BN_cmp(x, y) < 0 ? 1u : 0u);
        BN_sub(t, x, y);
        if (borrow)
            BN_add(t, t, range);
        same(r, n, BN_dup(t));
        ck_assert_uint_eq(bn_sub_masked(r, a, b, mask, n), mask ? borrow : 0);
        same(r, n, BN_dup(mask ? t : x));
        ck_assert_int_eq(bn_lt(a, b, n) != 0, BN_cmp(x, y) < 0);
        ck_assert_int_eq(bn_eq(a, b, n) != 0, BN_cmp(x, y) == 0);
        ck_assert(bn_eq(a, a, n));
        ck_assert(!bn_lt(a, a, n));
        memcpy(r, a, n * sizeof *a);
        r[n] = bn_add_word(r, word, n);
        BN_copy(t, x);
        BIGNUM *w = big(b, 1);
        BN_add(t, t, w);
        same(r, n + 1, BN_dup(t));
        memcpy(r, a, n * sizeof *a);
        const limb_t under = bn_sub_word(r, word, n);
        BN_sub(t, x, w);
        ck_assert_uint_eq(under, (unsigned)BN_is_negative(t));
        if (under)
            BN_add(t, t, range);
        same(r, n, BN_dup(t));
        BN_free(w);
        BN_free(x);
        BN_free(y);
        BN_free(t);
        BN_free(range);
    }
}
END_TEST

START_TEST(choices)
{
    const size_t n = sizes[_i] / LIMB_BITS;
    limb_t a[MOST], b[MOST], c[MOST], d[MOST];
    awkward(a, n);
    test_random(b, sizeof b);
    bn_select(c, ~(limb_t)0, a, b, n);
    ck_assert_mem_eq(c, a, n * sizeof *a);
    bn_select(c, 0, a, b, n);
    ck_assert_mem_eq(c, b, n * sizeof *a);
    memcpy(d, a, sizeof d);
    bn_swap(0, c, d, n);
    ck_assert(!memcmp(c, b, n * sizeof *a) && !memcmp(d, a, n * sizeof *a));
    bn_swap(~(limb_t)0, c, d, n);
    ck_assert(!memcmp(c, a, n * sizeof *a) && !memcmp(d, b, n * sizeof *a));
    memset(a, 0, sizeof a);
    ck_assert(bn_is_zero(a, n));
    for (size_t i = 0; i < n; i++) {
        a[i] = (limb_t)1 << (i % LIMB_BITS);
        ck_assert(!bn_is_zero(a, n));
        a[i] = 0;
    }
}
END_TEST

START_TEST(products)
{
    const size_t n = sizes[_i] / LIMB_BITS;
    limb_t a[MOST], b[MOST], r[2 * MOST];
    for (int i = 0; i < ROUNDS; i++) {
        if (i) {
            awkward(a, n);
            awkward(b, n);
        } else {
            memset(a, 0xFF, sizeof a);
            memset(b, 0xFF, sizeof b);
        }
        BIGNUM *x = big(a, n), *y = big(b, n), *t = BN_new();
        bn_mul(r, a, b, n);
        BN_mul(t, x, y, ctx);
        same(r, 2 * n, BN_dup(t));
        bn_sqr(r, a, n);
        BN_sqr(t, x, ctx);
        same(r, 2 * n, BN_dup(t));
        r[n] = bn_mul_word(r, a, b[n / 2], n);
        BIGNUM *w = big(b + n / 2, 1);
        BN_mul(t, x, w, ctx);
        same(r, n + 1, t);
        BN_free(w);
        BN_free(x);
        BN_free(y);
    }
}
END_TEST

/* A divisor of limbs of all ones, or with a top limb that the guesses of the quotient find hard */
static void divisor(limb_t *m, size_t n, int i)
{
    awkward(m, n);
    if (i % 4 == 1)
        memset(m, 0xFF, n * sizeof *m);
    if (i % 4 == 2)
        memset(m + n - 1, 0, sizeof *m); /* and the top bit, below */
    m[n - 1] |= (limb_t)1 << (LIMB_BITS - 1);
}

START_TEST(remainders)
{
    const size_t mn = sizes[_i] / LIMB_BITS;
    limb_t a[MOST], m[MOST], r[MOST];
    for (int i = 0; i < 60; i++) {
        const size_t an = 1 + test_random_below(MOST), n = i % 3 ? mn : 2 + test_random_below(2);
        const size_t bits = test_random_below(3 * LIMB_BITS);
        awkward(a, an);
        divisor(m, n, i);
        if (i % 5 == 0 && an >= n)
            memcpy(a + an - n, m, n * sizeof *a); /* the quotient begins with 1, or B - 1 follows */
        if (i % 10 == 0 && an >= n)
            bn_sub_word(a + an - n, 1, n);
        BIGNUM *x = big(a, an), *y = big(m, n), *t = BN_new();
        BN_mod(t, x, y, ctx);
        bn_mod(r, a, an, m, n);
        same(r, n, BN_dup(t));
        BN_lshift(t, t, (int)bits);
        BN_mod(t, t, y, ctx);
        bn_shift_mod(r, bits, m, n);
        same(r, n, t);
        BN_free(x);
        BN_free(y);
    }
}
END_TEST

START_TEST(divisors)
{
    const size_t n = sizes[_i] / LIMB_BITS;
    limb_t a[MOST], b[MOST], t[MOST], r[MOST], room[BN_INVERT_ROOM * MOST];
    for (int i = 0; i < ROUNDS; i++) {
        awkward(a, n);
        awkward(b, n);
        a[0] |= 1;
        if (i % 4 == 0) { /* a common divisor */
            memset(a + n / 2, 0, (n - n / 2) * sizeof *a);
            bn_mul(t, a, b, n / 2);
            memcpy(b, t, n * sizeof *b);
        }
        if (i == 1)
            memset(b, 0, sizeof b);
        BIGNUM *x = big(a, n), *y = big(b, n), *g = BN_new();
        BN_gcd(g, x, y, ctx);
        bn_gcd(r, a, b, n, room);
        same(r, n, g);
        bn_gcd(b, a, b, n, room); /* in place */
        ck_assert(bn_eq(b, r, n));
        BN_free(x);
        BN_free(y);
    }
}
END_TEST

START_TEST(inverses)
{
    const size_t n = sizes[_i] / LIMB_BITS;
    limb_t m[MOST], a[MOST], r[MOST], room[BN_INVERT_ROOM * MOST];
    for (int i = 0; i < ROUNDS;) {
        awkward(m, n);
        awkward(a, n);
        m[0] |= 1;
        if (i < 4) { /* 1, 2, m - 1, m - 2 */
            memset(a, 0, sizeof a);
            a[0] = 1 + (limb_t)(i & 1);
            if (i > 1)
                bn_sub(a, m, a, n);
        }
        BIGNUM *x = big(a, n), *y = big(m, n), *inverse = NULL;
        BN_mod(x, x, y, ctx);
        if (!BN_is_one(y) && (inverse = BN_mod_inverse(NULL, x, y, ctx))) {
            uint8_t reduced[MOST * LIMB_BYTES];
            BN_bn2binpad(x, reduced, (int)(n * LIMB_BYTES));
            bn_load(a, n, reduced, n * LIMB_BYTES);
            bn_invert(r, a, m, n, room);
            same(r, n, inverse);
            i++;
        }
        BN_free(x);
        BN_free(y);
    }
}
END_TEST

START_TEST(inverses_of_limbs)
{
    for (int i = 0; i < 1000; i++) {
        limb_t x;
        test_random(&x, sizeof x);
        x |= 1;
        ck_assert_uint_eq((limb_t)(x * bn_limb_inverse(x)), 1);
    }
}
END_TEST

/* r = a b / R mod m for operands anywhere below R, also when they are the result too */
START_TEST(montgomery)
{
    const size_t n = sizes[_i] / LIMB_BITS;
    static limb_t m[MOST], a[MOST], b[MOST], r[MOST], room[BN_MONT_ROOM * MOST];
    for (int i = 0; i < ROUNDS; i++) {
        struct bn_mont mont;
        awkward(m, n);
        m[0] |= 1;
        m[n - 1] |= (limb_t)1 << (LIMB_BITS - 1);
        awkward(a, n);
        awkward(b, n);
        if (i == 0)
            memset(a, 0xFF, n * sizeof *a), memset(b, 0xFF, n * sizeof *b);
        bn_mont_init(&mont, m, n, room);
        BIGNUM *bm = big(m, n), *x = big(a, n), *y = big(b, n), *t = BN_new(), *inverse = BN_new();
        BN_set_bit(t, (int)sizes[_i]);
        BN_nnmod(t, t, bm, ctx);
        same(mont.one, n, BN_dup(t));
        ck_assert_ptr_nonnull(BN_mod_inverse(inverse, t, bm, ctx));
        bn_mont_mul(&mont, r, a, b);
        bn_mont_canonical(&mont, r);
        BN_mod_mul(t, x, y, bm, ctx);
        BN_mod_mul(t, t, inverse, bm, ctx);
        same(r, n, BN_dup(t));
        memcpy(r, a, n * sizeof *a);
        bn_mont_mul(&mont, r, r, b);
        bn_mont_canonical(&mont, r);
        same(r, n, BN_dup(t));
        bn_mont_sqr(&mont, r, a);
        bn_mont_canonical(&mont, r);
        BN_mod_sqr(t, x, bm, ctx);
        BN_mod_mul(t, t, inverse, bm, ctx);
        same(r, n, BN_dup(t));
        const limb_t mask = limb_mask((limb_t)i & 1);
        bn_mont_add_masked(&mont, r, a, b, mask);
        bn_mont_canonical(&mont, r);
        mask ? BN_mod_add(t, x, y, bm, ctx) : BN_nnmod(t, x, bm, ctx);
        same(r, n, BN_dup(t));
        bn_mont_enter(&mont, r, a);
        bn_mont_leave(&mont, r, r);
        BN_nnmod(t, x, bm, ctx);
        same(r, n, t);
        BN_free(inverse);
        BN_free(bm);
        BN_free(x);
        BN_free(y);
    }
}
END_TEST

/* r = x^e mod m, e odd */
static void plain_power(const BIGNUM *x, size_t n, limb_t *r, uint32_t e, const limb_t *m)
{
    static limb_t a[MOST], room[BN_PUBLIC_ROOM * MOST];
    uint8_t string[MOST * LIMB_BYTES];
    BN_bn2binpad(x, string, (int)(n * LIMB_BYTES));
    bn_load(a, n, string, n * LIMB_BYTES);
    bn_power_public(r, a, e, m, n, room);
}

/* Powers with windows from any bit to any bit, and with public exponents */
START_TEST(powers)
{
    const size_t n = sizes[_i] / LIMB_BITS, bits = sizes[_i];
    static limb_t m[MOST], a[MOST], e[MOST], r[MOST], room[BN_MONT_ROOM * MOST];
    static limb_t table[BN_POWER_ROOM * MOST];
    struct bn_mont mont;
    awkward(m, n);
    m[0] |= 1;
    m[n - 1] |= (limb_t)1 << (LIMB_BITS - 1);
    bn_mont_init(&mont, m, n, room);
    for (int i = 0; i < 16; i++) {
        const size_t low = i < 2 ? 0 : test_random_below((uint32_t)bits);
        const size_t high =
            i < 4 ? bits
                  : low + 1 + test_random_below((uint32_t)(bits - low < 200 ? bits - low : 200));
        awkward(a, n);
        awkward(e, n);
        BIGNUM *bm = big(m, n), *x = big(a, n), *y = big(e, n), *t = BN_new();
        bn_mont_enter(&mont, r, a);
        bn_mont_power(&mont, r, r, e, low, high, table);
        bn_mont_leave(&mont, r, r);
        if (high < bits)
            BN_mask_bits(y, (int)high);
        BN_rshift(y, y, (int)low);
        BN_mod_exp(t, x, y, bm, ctx);
        same(r, n, BN_dup(t));
        uint32_t pub = test_random_below(0xFFFFFFFFu) >> (i * 2);
        pub += !pub;
        bn_mont_enter(&mont, a, a);
        bn_mont_power_public(&mont, r, a, pub);
        bn_mont_leave(&mont, r, r);
        BN_set_word(y, pub);
        BN_mod_exp(t, x, y, bm, ctx);
        same(r, n, BN_dup(t));
        pub |= 3;
        BN_nnmod(x, x, bm, ctx);
        plain_power(x, n, r, pub, m);
        BN_set_word(y, pub);
        BN_mod_exp(t, x, y, bm, ctx);
        same(r, n, t);
        BN_free(bm);
        BN_free(x);
        BN_free(y);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bignum");
    TCase *t = tcase_create("bignum");
    test_seed();
    tcase_set_timeout(t, 120);
    tcase_add_unchecked_fixture(t, setup, teardown);
    tcase_add_test(t, bytes);
    tcase_add_loop_test(t, sums, 0, SIZES);
    tcase_add_loop_test(t, choices, 0, SIZES);
    tcase_add_loop_test(t, products, 0, SIZES);
    tcase_add_loop_test(t, remainders, 0, SIZES);
    tcase_add_loop_test(t, divisors, 0, SIZES);
    tcase_add_loop_test(t, inverses, 0, SIZES);
    tcase_add_test(t, inverses_of_limbs);
    tcase_add_loop_test(t, montgomery, 0, SIZES);
    tcase_add_loop_test(t, powers, 0, SIZES);
    suite_add_tcase(s, t);
    return suite_run(s);
}
