/* Hash_DRBG: known answers, and a second implementation on OpenSSL's SM3 and big numbers. */
#include <check.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/drbg.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

enum { LONGEST = 300 };

/* SP 800-90A clause 10.1.1 as it is written, with strings and numbers. */
struct model {
    uint8_t v[55], c[55];
    unsigned counter;
};

struct text {
    uint8_t bytes[1024];
    size_t size;
};

static struct text join(uint8_t tag, const uint8_t *v, const uint8_t *a, size_t a_size,
                        const uint8_t *b, size_t b_size)
{
    struct text t = {.bytes = {tag}, .size = 1};
    if (v) {
        memcpy(t.bytes + t.size, v, 55);
        t.size += 55;
    }
    if (a_size)
        memcpy(t.bytes + t.size, a, a_size);
    t.size += a_size;
    if (b_size)
        memcpy(t.bytes + t.size, b, b_size);
    t.size += b_size;
    return t;
}

static void sm3_of(const uint8_t *data, size_t n, uint8_t out[32])
{
    ck_assert_int_eq(EVP_Digest(data, n, out, NULL, EVP_sm3(), NULL), 1);
}

static void hash_df(const uint8_t *in, size_t n, uint8_t out[55])
{
    uint8_t temp[64], block[5 + 1024] = {0, 0x00, 0x00, 0x01, 0xB8}; /* 440 bits */
    memcpy(block + 5, in, n);
    for (int i = 0; i < 2; i++) {
        block[0] = (uint8_t)(i + 1);
        sm3_of(block, 5 + n, temp + 32 * i);
    }
    memcpy(out, temp, 55);
}

/* v = (v + number) mod 2^440 */
static void plus(uint8_t v[55], const uint8_t *number, size_t n)
{
    BIGNUM *a = BN_bin2bn(v, 55, NULL), *b = BN_bin2bn(number, (int)n, NULL);
    ck_assert(BN_add(a, a, b));
    BN_mask_bits(a, 440); /* fails when there is nothing to cut */
    ck_assert_int_eq(BN_bn2binpad(a, v, 55), 55);
    BN_free(a);
    BN_free(b);
}

static void model_seed(struct model *m, const struct text *t, size_t skip)
{
    uint8_t v[55];
    hash_df(t->bytes + skip, t->size - skip, v);
    memcpy(m->v, v, 55);
    const struct text c = join(0, m->v, NULL, 0, NULL, 0);
    hash_df(c.bytes, c.size, m->c);
    m->counter = 1;
}

static void model_generate(struct model *m, uint8_t *out, size_t n, const uint8_t *extra,
                           size_t extra_size)
{
    uint8_t h[32], data[55];
    const uint8_t one = 1;
    if (extra_size) {
        const struct text t = join(2, m->v, extra, extra_size, NULL, 0);
        sm3_of(t.bytes, t.size, h);
        plus(m->v, h, 32);
    }
    memcpy(data, m->v, 55);
    for (size_t done = 0; done < n; done += 32) {
        sm3_of(data, 55, h);
        memcpy(out + done, h, n - done < 32 ? n - done : 32);
        plus(data, &one, 1);
    }
    const struct text t = join(3, m->v, NULL, 0, NULL, 0);
    const uint8_t count[4] = {(uint8_t)(m->counter >> 24), (uint8_t)(m->counter >> 16),
                              (uint8_t)(m->counter >> 8), (uint8_t)m->counter};
    sm3_of(t.bytes, t.size, h);
    plus(m->v, h, 32);
    plus(m->v, m->c, 55);
    plus(m->v, count, 4);
    m->counter++;
}

static void same_state(const struct drbg *d, const struct model *m)
{
    ck_assert_mem_eq(d->v, m->v, 55);
    ck_assert_mem_eq(d->c, m->c, 55);
    ck_assert_uint_eq(d->counter, m->counter);
}

static void start(struct drbg *d, struct model *m)
{
    uint8_t e[LONGEST], n[LONGEST], p[LONGEST];
    const size_t e_size = 32 + test_random_below(100), n_size = test_random_below(100);
    const size_t p_size = test_random_below(100);
    memset(d, 0, sizeof *d); /* what is between its members is compared, too */
    test_random(e, e_size);
    test_random(n, n_size);
    test_random(p, p_size);
    struct text t = join(0, NULL, e, e_size, n, n_size);
    memcpy(t.bytes + t.size, p, p_size);
    t.size += p_size;
    model_seed(m, &t, 1);
    ck_assert_int_eq(drbg_init(d, e, e_size, n, n_size, p, p_size), 0);
    same_state(d, m);
}

START_TEST(answers)
{
    struct vec *v = vec_open("drbg");
    int cases = 0;
    for (; vec_next(v); cases++) {
        struct drbg d;
        uint8_t got[LONGEST];
        size_t e_size, n_size, p_size, a_size, e2_size, b_size, c_size, n;
        const uint8_t *e = vec_bytes(v, "entropy", &e_size);
        const uint8_t *nonce = vec_bytes(v, "nonce", &n_size);
        const uint8_t *p = vec_bytes(v, "personal", &p_size);
        const uint8_t *a = vec_bytes(v, "extra", &a_size);
        const uint8_t *e2 = vec_bytes(v, "reseed_entropy", &e2_size);
        const uint8_t *b = vec_bytes(v, "reseed_extra", &b_size);
        const uint8_t *c = vec_bytes(v, "second_extra", &c_size);
        const uint8_t *out = vec_bytes(v, "out", &n);
        ck_assert_int_eq(drbg_init(&d, e, e_size, nonce, n_size, p, p_size), 0);
        ck_assert_int_eq(drbg_generate(&d, got, n, a, a_size), 0);
        ck_assert_int_eq(drbg_reseed(&d, e2, e2_size, b, b_size), 0);
        ck_assert_int_eq(drbg_generate(&d, got, n, c, c_size), 0);
        ck_assert_int_eq(drbg_generate(&d, got, n, a, a_size), 0);
        ck_assert_msg(!memcmp(got, out, n), "line %d", vec_line(v));
    }
    vec_close(v);
    ck_assert_int_ge(cases, 6);
}
END_TEST

START_TEST(random_walk)
{
    uint8_t got[LONGEST], expected[LONGEST], e[LONGEST], x[LONGEST];
    struct drbg d;
    struct model m;
    start(&d, &m);
    for (int step = 0; step < 1500; step++) {
        const size_t n = test_random_below(LONGEST + 1), x_size = test_random_below(100);
        const size_t e_size = 32 + test_random_below(60);
        test_random(x, x_size);
        test_random(e, e_size);
        switch (test_random_below(8)) {
        case 0:
            start(&d, &m);
            break;
        case 1: {
            const struct text t = join(1, m.v, e, e_size, x, x_size);
            model_seed(&m, &t, 0);
            ck_assert_int_eq(drbg_reseed(&d, e, e_size, x, x_size), 0);
            break;
        }
        case 2:
            model_generate(&m, expected, n, NULL, 0);
            ck_assert_int_eq(drbg_generate(&d, got, n, NULL, 0), 0);
            ck_assert_mem_eq(got, expected, n);
            break;
        default:
            model_generate(&m, expected, n, x, x_size);
            ck_assert_int_eq(drbg_generate(&d, got, n, x, x_size), 0);
            ck_assert_mem_eq(got, expected, n);
        }
        same_state(&d, &m);
    }
}
END_TEST

/* The sums over 2^440 and the long carries, which random numbers do not meet. */
START_TEST(carries)
{
    uint8_t got[100], expected[100];
    struct drbg d;
    struct model m;
    for (size_t ones = 1; ones <= 55; ones++) {
        start(&d, &m);
        memset(m.v + 55 - ones, 0xFF, ones);
        memcpy(d.v, m.v, 55);
        model_generate(&m, expected, sizeof got, NULL, 0);
        ck_assert_int_eq(drbg_generate(&d, got, sizeof got, NULL, 0), 0);
        ck_assert_mem_eq(got, expected, sizeof got);
        same_state(&d, &m);
    }
}
END_TEST

START_TEST(largest_request)
{
    static uint8_t got[DRBG_MAX_REQUEST + 1], expected[DRBG_MAX_REQUEST];
    struct drbg d, before;
    struct model m;
    start(&d, &m);
    model_generate(&m, expected, DRBG_MAX_REQUEST, NULL, 0);
    ck_assert_int_eq(drbg_generate(&d, got, DRBG_MAX_REQUEST, NULL, 0), 0);
    ck_assert_mem_eq(got, expected, DRBG_MAX_REQUEST);
    same_state(&d, &m);
    before = d;
    memset(got, 0x5A, sizeof got);
    memset(expected, 0x5A, sizeof expected);
    ck_assert_int_eq(drbg_generate(&d, got, DRBG_MAX_REQUEST + 1, NULL, 0), -1);
    ck_assert_mem_eq(got, expected, DRBG_MAX_REQUEST);
    ck_assert_mem_eq(&d, &before, sizeof d);
}
END_TEST

START_TEST(reseed_is_due)
{
    uint8_t e[32] = {1}, got[32], untouched[32];
    struct drbg d, before;
    struct model m;
    memset(untouched, 0x5A, sizeof untouched);
    start(&d, &m);
    m.counter = DRBG_RESEED_INTERVAL;
    d.counter = DRBG_RESEED_INTERVAL;
    uint8_t expected[32];
    model_generate(&m, expected, 32, NULL, 0);
    ck_assert_int_eq(drbg_generate(&d, got, 32, NULL, 0), 0);
    ck_assert_mem_eq(got, expected, 32);
    before = d;
    memset(got, 0x5A, sizeof got);
    ck_assert_int_eq(drbg_generate(&d, got, 32, NULL, 0), -1);
    ck_assert_mem_eq(got, untouched, 32);
    ck_assert_mem_eq(&d, &before, sizeof d);
    ck_assert_int_eq(drbg_reseed(&d, e, sizeof e, NULL, 0), 0);
    ck_assert_uint_eq(d.counter, 1);
    ck_assert_int_eq(drbg_generate(&d, got, 32, NULL, 0), 0);
}
END_TEST

START_TEST(not_instantiated)
{
    uint8_t e[32] = {1}, got[4] = {1, 2, 3, 4};
    struct drbg d, zero;
    memset(&zero, 0, sizeof zero);
    ck_assert_int_eq(drbg_init(&d, e, sizeof e, NULL, 0, NULL, 0), 0);
    drbg_wipe(&d);
    ck_assert_mem_eq(&d, &zero, sizeof d);
    ck_assert_int_eq(drbg_generate(&d, got, sizeof got, NULL, 0), -1);
    ck_assert_int_eq(drbg_reseed(&d, e, sizeof e, NULL, 0), -1);
    ck_assert_mem_eq(got, "\1\2\3\4", 4);
    ck_assert_mem_eq(&d, &zero, sizeof d);
}
END_TEST

START_TEST(sizes_refused)
{
    uint8_t e[32] = {1}, got[4];
    struct drbg d, before;
    struct model m;
    start(&d, &m);
    before = d;
    ck_assert_int_eq(drbg_init(&d, e, DRBG_MIN_ENTROPY - 1, e, 16, NULL, 0), -1);
    ck_assert_int_eq(drbg_reseed(&d, e, DRBG_MIN_ENTROPY - 1, NULL, 0), -1);
    ck_assert_int_eq(drbg_init(&d, NULL, 0, e, 16, NULL, 0), -1);
#if SIZE_MAX > 0xFFFFFFFF
    const size_t huge = (size_t)1 << 32; /* 2^35 bits: never read */
    ck_assert_int_eq(drbg_init(&d, e, huge, e, 16, NULL, 0), -1);
    ck_assert_int_eq(drbg_init(&d, e, 32, e, huge, NULL, 0), -1);
    ck_assert_int_eq(drbg_init(&d, e, 32, e, 16, e, huge), -1);
    ck_assert_int_eq(drbg_reseed(&d, e, huge, NULL, 0), -1);
    ck_assert_int_eq(drbg_reseed(&d, e, 32, e, huge), -1);
    ck_assert_int_eq(drbg_generate(&d, got, sizeof got, e, huge), -1);
#endif
    ck_assert_mem_eq(&d, &before, sizeof d);
    ck_assert_int_eq(drbg_generate(&d, got, 0, NULL, 0), 0);
    ck_assert_uint_eq(d.counter, 2);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("drbg");
    TCase *t = tcase_create("drbg");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, answers);
    tcase_add_test(t, random_walk);
    tcase_add_test(t, carries);
    tcase_add_test(t, largest_request);
    tcase_add_test(t, reseed_is_due);
    tcase_add_test(t, not_instantiated);
    tcase_add_test(t, sizes_refused);
    suite_add_tcase(s, t);
    test_seed();
    return suite_run(s);
}
