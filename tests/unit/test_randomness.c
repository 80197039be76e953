/*
 * The randomness tests of GM/T 0005: known answers, the device's thresholds beside the host's
 * P-values, biased samples that every test must find, and the device's generator.
 */
#include <check.h>
#include <math.h>
#include <openssl/bn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/drbg.h"
#include "firmware/crypto/randomness_full.h"
#include "host/random/random_test.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

enum { MILLION = 1000000, PERIODIC = RANDOMNESS_PERIODIC_BITS, TERMS = 70000 };

static uint8_t e6[MILLION / 8];

/* p / q = sum of 1 / (from + 1) ... (from + i), i = 1 .. to - from; q = (from + 1) ... to */
static void split(BIGNUM *p, BIGNUM *q, unsigned from, unsigned to, BN_CTX *ctx)
{
    if (to - from == 1) {
        BN_one(p);
        BN_set_word(q, to);
        return;
    }
    const unsigned middle = (from + to) / 2;
    BIGNUM *p2 = BN_new(), *q2 = BN_new();
    split(p, q, from, middle, ctx);
    split(p2, q2, middle, to, ctx);
    ck_assert(BN_mul(p, p, q2, ctx) && BN_add(p, p, p2) && BN_mul(q, q, q2, ctx));
    BN_free(p2);
    BN_free(q2);
}

/* The first 1,000,000 binary digits of e: e 2^999998 = (1 + p / q) 2^999998 */
static void make_e6(void)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = BN_new(), *q = BN_new();
    split(p, q, 0, TERMS, ctx);
    ck_assert(BN_add(p, p, q) && BN_lshift(p, p, MILLION - 2) && BN_div(p, NULL, p, q, ctx));
    ck_assert_int_eq(BN_bn2binpad(p, e6, sizeof e6), sizeof e6);
    BN_free(p);
    BN_free(q);
    BN_CTX_free(ctx);
}

static const uint8_t s128[16] = {0xCC, 0x15, 0x6C, 0x4C, 0xE0, 0x02, 0x4D, 0x51,
                                 0x13, 0xD6, 0x80, 0xD7, 0xCC, 0xE6, 0xD8, 0xB2};
static const uint8_t s100[13] = {0xC9, 0x0F, 0xDA, 0xA2, 0x21, 0x68, 0xC2,
                                 0x34, 0xC4, 0xC6, 0x62, 0x8B, 0x80};

static void expect(struct vec *v, const char *key, double value)
{
    if (fabs(value - atof(vec_text(v, key))) > 1.01e-6)
        ck_abort_msg("random.vec:%d: %s is %.6f", vec_line(v), key, value);
}

static void known_answer(struct vec *v)
{
    const char *data = vec_text(v, "data");
    const uint8_t *bits = !strcmp(data, "e6") ? e6 : !strcmp(data, "s128") ? s128 : s100;
    const size_t n = bits == e6 ? MILLION : bits == s128 ? 128 : 100;
    const unsigned parameter = vec_has(v, "parameter") ? (unsigned)vec_number(v, "parameter") : 0;
    struct random_item item[2];
    char name[32];
    snprintf(name, sizeof name, "%s", vec_text(v, "test"));
    for (char *c = name; *c; c++)
        *c = *c == '-' ? ' ' : *c;
    const size_t items = random_test_one(bits, n, name, parameter, item);
    ck_assert_uint_eq(items, vec_has(v, "p2") ? 2 : 1);
    expect(v, "p", item[0].p);
    expect(v, vec_has(v, "q") ? "q" : "p", item[0].q);
    if (items == 2)
        expect(v, "p2", item[1].p);
}

START_TEST(known_answers)
{
    struct vec *v = vec_open("random");
    unsigned cases = 0;
    make_e6();
    for (; vec_next(v); cases++)
        known_answer(v);
    vec_close(v);
    ck_assert_uint_eq(cases, 35);
}
END_TEST

/* A tenth of the ones of a sample turned to zeros, runs made longer, a period: whoever has to see
 * it. */
static void spoil(uint8_t *bits, size_t n, unsigned how)
{
    for (size_t i = 0; i < n / 8; i++) {
        const unsigned dice = test_random_below(how >= 8 ? 64 : 24);
        switch (how % 8) {
        case 0: /* fewer ones */
            bits[i] &= dice ? 0xff : 0xf7;
            break;
        case 1: /* half bytes again */
            bits[i] = dice ? bits[i] : (uint8_t)((bits[i] & 15) * 17);
            break;
        case 2: /* what was 2 bytes ago */
            bits[i] = dice || i < 2 ? bits[i] : bits[i - 2];
            break;
        case 3: /* runs */
            bits[i] = dice > 1 ? bits[i] : (uint8_t)(bits[i] & 1 ? 0xff : 0);
            break;
        case 4: /* change after change */
            bits[i] = dice ? bits[i] : 0x55;
            break;
        default:
            break;
        }
    }
}

/* The device's thresholds have three decimals: P-values so near to alpha they may put on the other
 * side. A sample in a few hundred thousand has one. */
static const double near_alpha = 1e-5;

/* Of a sample of the periodic test, which has no DFT, or of the start-up test. close: of these items
 * the device may think otherwise. */
static uint32_t host_verdict(const uint8_t *bits, size_t n, uint32_t *close)
{
    struct random_item item[RANDOM_TEST_ITEMS];
    const size_t items = random_test_sample(bits, n, item);
    uint32_t failed = 0;
    unsigned at = 0;
    *close = 0;
    for (size_t i = 0; i < items; i++)
        if (n == MILLION || strcmp(item[i].test, "DFT")) {
            *close |= (uint32_t)(fabs(item[i].p - RANDOM_TEST_ALPHA) < near_alpha) << at;
            failed |= (uint32_t)(item[i].p < RANDOM_TEST_ALPHA) << at++;
        }
    ck_assert_uint_eq(at, n == MILLION ? RANDOMNESS_FULL_ITEMS : RANDOMNESS_ITEMS);
    return failed;
}

/* The device's whole numbers and the host's P-values say the same of every item. */
START_TEST(device_agrees_with_host)
{
    uint8_t bits[PERIODIC / 8];
    uint32_t seen = 0, close;
    for (unsigned i = 0; i < 600; i++) {
        test_random(bits, sizeof bits);
        spoil(bits, PERIODIC, i % 16);
        if (i == 0) /* in this one every item fails */
            memset(bits, 0, sizeof bits);
        const uint32_t device = randomness_periodic(bits),
                       host = host_verdict(bits, PERIODIC, &close);
        if ((device ^ host) & ~close)
            ck_abort_msg("sample %u: device %06x, host %06x", i, device, host);
        seen |= host;
    }
    ck_assert_uint_eq(seen, (1u << RANDOMNESS_ITEMS) - 1); /* each item failed at least once */
}
END_TEST

START_TEST(constant_samples_fail)
{
    uint8_t bits[PERIODIC / 8];
    uint32_t close;
    for (unsigned fill = 0; fill < 256; fill += 85) {
        memset(bits, (int)fill, sizeof bits);
        ck_assert_uint_ne(randomness_periodic(bits), 0);
        ck_assert_uint_eq(randomness_periodic(bits), host_verdict(bits, PERIODIC, &close));
        ck_assert(!randomness_poker2(bits, 32));
    }
}
END_TEST

static struct randomness_full full;

static uint32_t full_verdict(const uint8_t *bits, uint32_t wanted)
{
    memcpy(full.bits, bits, sizeof full.bits);
    randomness_full_begin(&full, wanted);
    while (randomness_full_step(&full))
        ;
    ck_assert_uint_eq(full.verdict.item, RANDOMNESS_FULL_ITEMS);
    return full.verdict.failed;
}

/* The same for the 15 tests of the start-up, spectrum and all; and any of them alone. */
START_TEST(start_up_agrees_with_host)
{
    static uint8_t bits[MILLION / 8];
    uint32_t seen = 0, close;
    for (unsigned i = 0; i < 4; i++) {
        test_random(bits, sizeof bits);
        if (i < 3) /* the last one, of bits that nothing spoiled, but whose second half is near the
                      first */
            spoil(bits, MILLION, i ? i + 10 : 9);
        else
            memcpy(bits + 7 * 8929, bits, sizeof bits - 7 * 8929);
        const uint32_t device = full_verdict(bits, UINT32_MAX),
                       host = host_verdict(bits, MILLION, &close);
        if ((device ^ host) & ~close)
            ck_abort_msg("sample %u: device %07x, host %07x", i, device, host);
        seen |= host;
    }
    ck_assert_uint_gt((unsigned)__builtin_popcount(seen), 15);
    const uint32_t all = full_verdict(bits, UINT32_MAX);
    for (unsigned i = 0; i < RANDOMNESS_FULL_ITEMS; i++) {
        ck_assert_uint_eq(full_verdict(bits, 1u << i) >> i & 1, all >> i & 1);
        ck_assert(strcmp(randomness_full_item(i), "none"));
    }
}
END_TEST

/* e is random as far as these tests go, and its spectrum is known to the last number. */
START_TEST(start_up_of_e)
{
    uint32_t close;
    make_e6();
    ck_assert_uint_eq(full_verdict(e6, UINT32_MAX), 0);
    ck_assert_uint_eq(host_verdict(e6, MILLION, &close), 0);
    memset(full.bits, 0, sizeof full.bits);
    randomness_full_begin(&full, UINT32_MAX);
    while (randomness_full_step(&full))
        ;
    ck_assert_uint_ne(full.verdict.failed, 0);
    ck_assert_uint_eq(full.spectrum.below, MILLION / 2 - 1); /* all but the first are 0 */
}
END_TEST

static double poker2_p(const uint8_t *bytes, size_t n)
{
    struct random_item item[2];
    ck_assert_uint_eq(random_test_one(bytes, 8 * n, "poker", 2, item), 1);
    return item[0].p;
}

START_TEST(single_use_check)
{
    static const size_t sizes[] = {16, 32, 33, 40, 64, 1000};
    uint8_t bytes[1000];
    unsigned failed = 0;
    for (unsigned i = 0; i < 6000; i++) {
        const size_t n = sizes[i % 6];
        test_random(bytes, n);
        for (size_t j = 0; j < n; j++)
            bytes[j] = (uint8_t)(bytes[j] | (i % 12 < 6 || test_random_below(4) ? 0u : 0x41u));
        const bool good = randomness_poker2(bytes, n);
        ck_assert_int_eq(good, poker2_p(bytes, n) >= RANDOM_TEST_ALPHA);
        failed += !good;
    }
    ck_assert_uint_gt(failed, 50);
    ck_assert_uint_lt(failed, 5000);
}
END_TEST

/* Linear complexity of sequences whose registers are known. */
START_TEST(complexities)
{
    uint8_t bits[64] = {0};
    ck_assert_uint_eq(randomness_complexity(bits, 0, 500), 0);
    bits[62] = 8; /* bit 500 - 1 - ... : a single one at place 500 of 501 */
    ck_assert_uint_eq(randomness_complexity(bits, 0, 501), 501);
    memset(bits, 0xff, sizeof bits);
    ck_assert_uint_eq(randomness_complexity(bits, 3, 500), 1);
    memset(bits, 0x55, sizeof bits);
    ck_assert_uint_eq(randomness_complexity(bits, 0, 500), 2);
    for (unsigned i = 0, r = 1; i < 512; i++) { /* x^9 + x^4 + 1 */
        bits[i / 8] = (uint8_t)((unsigned)bits[i / 8] << 1 | (r & 1));
        r = r >> 1 | ((r ^ r >> 4) & 1u) << 8;
    }
    ck_assert_uint_eq(randomness_complexity(bits, 0, 500), 9);
}
END_TEST

/* The verdict over many samples: how many must pass, and that the bins are looked at. */
START_TEST(series)
{
    static struct random_series s;
    uint8_t bits[PERIODIC / 8];
    memset(&s, 0, sizeof s);
    for (unsigned i = 0; i < 20; i++) {
        test_random(bits, sizeof bits);
        if (i < 2)
            memset(bits, 0x33, sizeof bits);
        ck_assert(random_series_add(&s, bits, PERIODIC));
    }
    ck_assert(!random_series_judge(&s));
    ck_assert_uint_eq(s.verdict[0].least, 19);
    ck_assert(!random_series_add(&s, bits, 128)); /* another kind of sample */
    memset(&s, 0, sizeof s);
    test_random(bits, sizeof bits);
    for (unsigned i = 0; i < 20; i++) /* always the same: every Q in one bin */
        ck_assert(random_series_add(&s, bits, PERIODIC));
    ck_assert(!random_series_judge(&s));
    ck_assert_double_lt(s.verdict[0].uniform, RANDOM_TEST_ALPHA_T);
    struct random_item item[RANDOM_TEST_ITEMS];
    ck_assert_uint_eq(random_test_sample(bits, 127, item), 0);
}
END_TEST

/* As the standard says: what fails is tested once more, on new samples. True: no item failed twice.
 */
static bool twice(struct drbg *d, size_t samples, size_t n)
{
    static struct random_series s[2];
    static uint8_t bits[MILLION / 8];
    bool good = false;
    memset(s, 0, sizeof s);
    for (unsigned attempt = 0; attempt < 2 && !good; attempt++) {
        for (size_t i = 0; i < samples; i++) {
            for (size_t at = 0; at < n / 8; at += 2500)
                ck_assert_int_eq(drbg_generate(d, bits + at, 2500, NULL, 0), 0);
            ck_assert(random_series_add(&s[attempt], bits, n));
        }
        good = random_series_judge(&s[attempt]);
    }
    for (size_t i = 0; i < s[0].items; i++)
        if (!s[0].verdict[i].good)
            printf("%s %u %s: %zu of %zu, P_T %.6f\n", s[0].verdict[i].item.test,
                   s[0].verdict[i].item.parameter, s[0].verdict[i].item.part,
                   s[0].verdict[i].passed, samples, s[0].verdict[i].uniform);
    for (size_t i = 0; i < s[1].items && !good; i++)
        if (!s[0].verdict[i].good && !s[1].verdict[i].good)
            return false;
    return true;
}

/* Fixed seed: the generator's output is the same in every run, and passes. */
START_TEST(generator)
{
    uint8_t seed[48];
    struct drbg d;
    for (size_t i = 0; i < sizeof seed; i++)
        seed[i] = (uint8_t)(7 * i + 3);
    ck_assert_int_eq(drbg_init(&d, seed, 32, seed + 32, 16, NULL, 0), 0);
    ck_assert(twice(&d, 20, PERIODIC));
    ck_assert(twice(&d, 2, MILLION));
}
END_TEST

/* Against closed forms: Q(1, x) = exp(-x), Q(1/2, x) = erfc(sqrt x), Q(a + 1, x) = Q(a, x) + x^a
 * e^-x / a! */
START_TEST(incomplete_gamma)
{
    for (double x = 0.01; x < 60; x *= 1.3) {
        ck_assert_double_eq_tol(random_igamc(1, x), exp(-x), 1e-12);
        ck_assert_double_eq_tol(random_igamc(0.5, x), erfc(sqrt(x)), 1e-12);
        for (double a = 1; a < 130; a++)
            ck_assert_double_eq_tol(random_igamc(a + 1, x),
                                    random_igamc(a, x) + exp(a * log(x) - x - lgamma(a + 1)),
                                    1e-11);
    }
    ck_assert(random_igamc(3, 0) == 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("randomness");
    TCase *t = tcase_create("GM/T 0005");
    test_seed();
    tcase_set_timeout(t, 300);
    tcase_add_test(t, known_answers);
    tcase_add_test(t, device_agrees_with_host);
    tcase_add_test(t, start_up_agrees_with_host);
    tcase_add_test(t, start_up_of_e);
    tcase_add_test(t, constant_samples_fail);
    tcase_add_test(t, single_use_check);
    tcase_add_test(t, complexities);
    tcase_add_test(t, series);
    tcase_add_test(t, generator);
    tcase_add_test(t, incomplete_gamma);
    suite_add_tcase(s, t);
    return suite_run(s);
}
