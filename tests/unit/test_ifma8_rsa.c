/*
 * RSA private operations in eight lanes against the portable engine and OpenSSL: every count of
 * items around the lanes, all sizes, wrong items among right ones, numbers that need each carry.
 */
#include "tests/lib/ifma8_probe.h"
#include "tests/unit/test_ifma8_rsa_tools.h"

#if HUFU_IFMA8

enum { ITEMS = 20 };

static uint8_t in[ITEMS][RSA_MAX_BYTES], out[ITEMS][RSA_MAX_BYTES], right[ITEMS][RSA_MAX_BYTES];
static uint8_t ok[ITEMS];
static const struct rsa_private *key_of[ITEMS];

static void run(size_t n, const struct rng *rng)
{
    const uint8_t *from[ITEMS];
    uint8_t *to[ITEMS];
    const unsigned bits = key_of[0]->pub.bits;
    uint8_t *const scratch = lane_scratch(bits, n);
    for (size_t i = 0; i < n; i++) {
        from[i] = in[i];
        to[i] = out[i];
    }
    memset(out, 0xEE, sizeof out);
    memset(ok, 0xEE, sizeof ok);
    rsa_ifma8.private_op(n, key_of, from, to, ok, rng, scratch);
    release(scratch, bits, n);
    for (size_t i = n; i < ITEMS; i++)
        ck_assert_uint_eq(ok[i], 0xEE);
}

static void expect(size_t i, int good)
{
    static const uint8_t zero[RSA_MAX_BYTES];
    const size_t size = key_of[i]->pub.bits / 8;
    ck_assert_msg(ok[i] == good, "item %zu", i);
    ck_assert_mem_eq(out[i], good ? right[i] : zero, size);
    if (size < RSA_MAX_BYTES)
        ck_assert_uint_eq(out[i][size], 0xEE);
}

/* Random items and their powers by OpenSSL */
static void random_items(size_t size_index, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        key_of[i] = &keys[size_index][test_random_below(KEYS)];
        random_below(&key_of[i]->pub, in[i]);
        openssl_power(key_of[i], in[i], right[i]);
    }
}

START_TEST(every_count)
{
    random_items((size_t)_i, ITEMS);
    for (size_t n = 0; n <= ITEMS; n += _i && n % 4 == 1 ? 3 : 1) {
        run(n, &test_rng);
        for (size_t i = 0; i < n; i++)
            expect(i, 1);
    }
}
END_TEST

START_TEST(same_as_portable)
{
    const unsigned bits = rsa_sizes[_i];
    void *const scratch = tools_scratch(bits);
    random_items((size_t)_i, ITEMS);
    run(ITEMS, &test_rng);
    for (size_t i = 0; i < ITEMS; i++) {
        ck_assert_int_eq(
            rsa_private_op(&rsa_portable, &test_rng, key_of[i], in[i], right[i], scratch), 0);
        expect(i, 1);
    }
    free(scratch);
}
END_TEST

/* Numbers of long carries: bits from `from` up to the top of n set, and others */
static void pattern(const struct rsa_public *pub, size_t which, uint8_t *x)
{
    const size_t size = pub->bits / 8;
    memset(x, 0, size);
    switch (which) {
    case 0:
        break;
    case 1:
        x[size - 1] = 1;
        break;
    case 2: /* n - 1 */
    case 3: /* n - 2 */
        memcpy(x, pub->n, size);
        for (size_t ones = which - 1; ones; ones--)
            for (size_t i = size; x[--i]-- == 0;)
                ;
        break;
    case 4: /* all ones below the top bit */
        memset(x, 0xFF, size);
        x[0] = 0x7F;
        break;
    case 5: /* ones in every other limb of 52 bits */
        for (size_t bit = 0; bit < 8 * size - 1; bit++)
            if (bit / 52 % 2)
                x[size - 1 - bit / 8] |= (uint8_t)(1u << bit % 8);
        break;
    default: /* one limb of ones, or one bit, anywhere */
        for (size_t bit = 52 * test_random_below((uint32_t)(8 * size / 52)),
                    end = bit + (which % 2 ? 52 : 1);
             bit < end; bit++)
            x[size - 1 - bit / 8] |= (uint8_t)(1u << bit % 8);
        break;
    }
}

START_TEST(patterns)
{
    for (int round = 0; round < (_i ? 2 : 4); round++) {
        for (size_t i = 0; i < ITEMS; i++) {
            key_of[i] = &keys[_i][test_random_below(KEYS)];
            pattern(&key_of[i]->pub, i, in[i]);
            openssl_power(key_of[i], in[i], right[i]);
        }
        run(ITEMS, &test_rng);
        for (size_t i = 0; i < ITEMS; i++)
            expect(i, 1);
    }
}
END_TEST

/* Few items of RSA-2048, whose numbers are spread over lanes: each pattern in each place */
START_TEST(patterns_of_few)
{
    for (size_t i = 0; i < 2 * ITEMS; i++) {
        for (size_t k = 0; k < 2; k++) {
            key_of[k] = &keys[0][test_random_below(KEYS)];
            pattern(&key_of[k]->pub, k == i % 2 ? i / 2 : test_random_below(ITEMS), in[k]);
            openssl_power(key_of[k], in[k], right[k]);
        }
        for (size_t n = 1; n <= 2; n++) {
            run(n, &test_rng);
            for (size_t k = 0; k < n; k++)
                expect(k, 1);
        }
    }
}
END_TEST

/* One fault: the input too great, or a bit of a part of the key turned over */
static void spoil(struct rsa_private *key, uint8_t *x)
{
    uint8_t *const part[] = {key->p, key->q, key->dp, key->dq, key->qinv, key->pub.n};
    const size_t size = key->pub.bits / 8, which = test_random_below(9);
    const uint8_t bit = (uint8_t)(1u << test_random_below(8));
    switch (which) {
    case 0:
        memcpy(x, key->pub.n, size);
        break;
    case 1:
        memset(x, 0xFF, size);
        break;
    case 2:
        key->pub.bits = 1024;
        key->pub.n[0] = 0xFF;
        break;
    default:
        part[which - 3][test_random_below((uint32_t)(which == 8 ? size : size / 2))] ^= bit;
        break;
    }
}

START_TEST(wrong_among_right)
{
    static struct rsa_private copy[ITEMS];
    static const uint8_t zero[RSA_MAX_BYTES];
    for (int round = 0; round < (_i ? 6 : 12); round++) {
        const size_t n = round < 4 ? 2 : 1 + test_random_below(ITEMS), size = rsa_sizes[_i] / 8;
        uint8_t bad[ITEMS];
        random_items((size_t)_i, n);
        for (size_t i = 0; i < n; i++) {
            copy[i] = *key_of[i];
            key_of[i] = &copy[i];
            bad[i] = i && (round < 4 || test_random_below(3) == 0);
            if (bad[i])
                spoil(&copy[i], in[i]);
        }
        run(n, &test_rng);
        for (size_t i = 0; i < n; i++) {
            ck_assert_msg(ok[i] == !bad[i], "item %zu of %zu", i, n);
            if (copy[i].pub.bits == rsa_sizes[_i])
                ck_assert_mem_eq(out[i], bad[i] ? zero : right[i], size);
        }
    }
}
END_TEST

START_TEST(no_randomness_no_result)
{
    for (size_t n = 1; n <= 9; n++) {
        random_items(0, n);
        run(n, &no_rng);
        for (size_t i = 0; i < n; i++)
            expect(i, 0);
    }
}
END_TEST

/* Sizes may not be mixed in a call, but if they are, each item still comes out right. */
START_TEST(in_place_and_mixed)
{
    const uint8_t *from[ITEMS];
    uint8_t *to[ITEMS], *const scratch = lane_scratch(4096, ITEMS);
    for (size_t i = 0; i < ITEMS; i++) {
        key_of[i] = &keys[test_random_below(RSA_SIZES)][0];
        random_below(&key_of[i]->pub, out[i]);
        openssl_power(key_of[i], out[i], right[i]);
        from[i] = to[i] = out[i];
    }
    rsa_ifma8.private_op(ITEMS, key_of, from, to, ok, &test_rng, scratch);
    for (size_t i = 0; i < ITEMS; i++) {
        ck_assert_uint_eq(ok[i], 1);
        ck_assert_mem_eq(out[i], right[i], key_of[i]->pub.bits / 8);
    }
    release(scratch, 4096, ITEMS);
}
END_TEST

/* The key of the same primes with another e: -1 when e has a factor with p - 1 or q - 1 */
static int with_exponent(struct rsa_private *key, uint32_t e)
{
    const size_t h = key->pub.bits / 16;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = bn_bytes(key->p, h), *q = bn_bytes(key->q, h), *b = BN_new(), *d = BN_new();
    BN_set_word(b, e);
    BN_sub_word(p, 1);
    BN_sub_word(q, 1);
    int bad = !BN_mod_inverse(d, b, p, ctx);
    bn_put(key->dp, h, d);
    bad |= !BN_mod_inverse(d, b, q, ctx);
    bn_put(key->dq, h, d);
    BN_mul(p, p, q, ctx);
    bad |= !BN_mod_inverse(d, b, p, ctx);
    bn_put(key->d, 2 * h, d);
    key->pub.e = e;
    BN_free(p);
    BN_free(q);
    BN_free(b);
    BN_free(d);
    BN_CTX_free(ctx);
    return bad ? -1 : 0;
}

START_TEST(other_exponents)
{
    static struct rsa_private copy[ITEMS];
    for (size_t i = 0; i < ITEMS; i++) {
        do {
            uint32_t e;
            test_random(&e, sizeof e);
            copy[i] = keys[0][test_random_below(KEYS)];
            e = i == 1 ? RSA_E : e >> test_random_below(16) | 0x10001;
            if (with_exponent(&copy[i], e))
                copy[i].pub.e = 0;
        } while (!copy[i].pub.e);
        key_of[i] = &copy[i];
        random_below(&copy[i].pub, in[i]);
        openssl_power(&copy[i], in[i], right[i]);
    }
    run(ITEMS, &test_rng);
    for (size_t i = 0; i < ITEMS; i++)
        expect(i, 1);
}
END_TEST

/* Limbs of 52 bits, mostly of ones and zeros, with carries of up to 11 bits above them */
static void limbs(uint64_t *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t kind = test_random_below(4);
        test_random(&a[i], sizeof a[i]);
        a[i] &= ((uint64_t)1 << 63) - 1;
        if (kind < 2)
            a[i] = kind ? ((uint64_t)1 << 52) - 1 : 0;
        if (kind == 2)
            a[i] &= ((uint64_t)1 << 53) - 1;
    }
}

/* A carry may have to go through all limbs, once or again. */
START_TEST(spread_carries)
{
    const uint64_t limb = ((uint64_t)1 << 52) - 1;
    for (int round = 0; round < 1000; round++) {
        uint64_t plain[2][20], a[5][8];
        limbs(plain[0], 40);
        for (size_t k = 0; k < 2; k++) {
            plain[k][19] &= limb >> 12; /* the number stays below 2^1040 */
            for (size_t i = 0; i < 20; i++)
                a[i % 5][4 * k + i / 5] = plain[k][i];
        }
        probe_spread_carry(a);
        for (size_t k = 0; k < 2; k++) {
            uint64_t on = 0;
            for (size_t i = 0; i < 20; i++) {
                on += plain[k][i];
                ck_assert_uint_eq(a[i % 5][4 * k + i / 5], on & limb);
                on >>= 52;
            }
        }
    }
}
END_TEST

/* A string of limbs of 52 bits, of ones, zeros and random ones, as big-endian bytes */
static void limb_string(uint8_t x[128])
{
    uint64_t a[20];
    limbs(a, 20);
    memset(x, 0, 128);
    for (size_t bit = 0; bit < 1024; bit++)
        x[127 - bit / 8] |= (uint8_t)((a[bit / 52] >> bit % 52 & 1) << bit % 8);
}

/* m^e: moduli and bases with long carries, bases whose power is 0, 1 or m - 1, awkward exponents */
START_TEST(public_powers)
{
    static limb_t m[BN_LIMBS(4096)], a[BN_LIMBS(4096)], mine[BN_LIMBS(4096)],
        theirs[BN_LIMBS(4096)];
    static _Alignas(64) limb_t room[BN_PUBLIC_ROOM * BN_LIMBS(4096)];
    static const uint32_t exponents[] = {65537, 65539, 0xFFFFFFFF, 3, 0x80000001};
    const size_t n = BN_LIMBS(rsa_sizes[_i]), size = rsa_sizes[_i] / 8;
    for (unsigned round = 0; round < 60; round++) {
        struct rsa_public pub = {.bits = (uint16_t)rsa_sizes[_i]};
        uint8_t x[RSA_MAX_BYTES];
        if (round % 4 == 0)
            memset(pub.n, 0xFF, size);
        else
            test_random(pub.n, size);
        if (round % 4 == 1)
            memset(pub.n + 8, round % 8 == 1 ? 0 : 0xFF, size - 9);
        pub.n[0] |= 0x80;
        pub.n[size - 1] |= 1;
        pattern(&pub, round / 4 % 12, x);
        bn_load(m, n, pub.n, size);
        bn_load(a, n, x, size);
        if (!bn_lt(a, m, n))
            bn_sub(a, a, m, n);
        const uint32_t e = exponents[round % 5];
        rsa_ifma8.public_power(mine, a, e, m, n, room);
        rsa_portable.public_power(theirs, a, e, m, n, room);
        ck_assert_msg(bn_eq(mine, theirs, n), "round %u", round);
    }
}
END_TEST

START_TEST(spread_powers)
{
    uint8_t m[8][128], a[8][128], x[8][128];
    for (unsigned round = 0; round < 40; round++) {
        for (size_t i = 0; i < 8; i++) {
            limb_string(m[i]);
            limb_string(a[i]);
            limb_string(x[i]);
            m[i][0] |= 0x80;
            m[i][127] |= 1;
            if (round % 4 == 0)
                memset(m[i], 0xff, 127);
            if (round % 5 == 0)
                memset(x[i], round % 2 ? 0xff : 0, 128);
            if (round % 3 == 0)
                memcpy(a[i], m[i], 128), a[i][127] = (uint8_t)(a[i][127] - round % 2);
        }
        ck_assert_uint_eq(probe_spread_power(m, a, x, 1 + round % 2), 0);
    }
}
END_TEST

static void add_tests(Suite *s)
{
    TCase *t = tcase_create("private operation");
    tcase_set_timeout(t, 120);
    tcase_add_unchecked_fixture(t, make_keys, NULL);
    tcase_add_loop_test(t, every_count, 0, RSA_SIZES);
    tcase_add_loop_test(t, same_as_portable, 0, RSA_SIZES);
    tcase_add_loop_test(t, patterns, 0, RSA_SIZES);
    tcase_add_test(t, patterns_of_few);
    tcase_add_loop_test(t, wrong_among_right, 0, RSA_SIZES);
    tcase_add_test(t, no_randomness_no_result);
    tcase_add_test(t, in_place_and_mixed);
    tcase_add_test(t, other_exponents);
    tcase_add_test(t, spread_carries);
    tcase_add_loop_test(t, public_powers, 0, RSA_SIZES);
    tcase_add_test(t, spread_powers);
    suite_add_tcase(s, t);
}

int main(void)
{
    return run_suite("RSA in eight lanes", add_tests);
}

#else

int main(void)
{
    printf("SKIP: not an x86-64\n0 passed, 0 failed, 1 skipped\n");
    return 0;
}

#endif
