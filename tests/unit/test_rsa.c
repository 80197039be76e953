/*
 * RSA: the raw operations against OpenSSL's numbers, what is refused, and what a fault in the key
 * or in the random source does. Key generation is in test_rsa_keygen.c, the encodings in
 * test_rsa_schemes.c.
 */
#include "tests/lib/run.h"
#include "tests/unit/test_rsa_tools.h"

enum { BYTES = RSA_MAX_BYTES };

static const uint8_t zeros[BYTES];

START_TEST(vectors)
{
    static struct rsa_private key;
    struct vec *v = vec_open("rsa");
    uint8_t out[BYTES];
    int keys = 0, raw = 0;
    while (vec_next(v)) {
        if (!strcmp(vec_text(v, "type"), "key")) {
            key_of_case(v, &key);
            ck_assert_msg(!rsa_private_check(&key), "line %d", vec_line(v));
            keys++;
        }
        if (strcmp(vec_text(v, "type"), "raw"))
            continue;
        const unsigned bits = key.pub.bits;
        void *scratch = tools_scratch(bits);
        const uint8_t *in = vec_exact(v, "in", bits / 8), *expected = vec_exact(v, "out", bits / 8);
        ck_assert_int_eq(rsa_private_op(ops, &test_rng, &key, in, out, scratch), 0);
        ck_assert_mem_eq(out, expected, bits / 8);
        ck_assert_int_eq(rsa_public_op(ops, &key.pub, expected, out, scratch), 0);
        ck_assert_mem_eq(out, in, bits / 8);
        free(scratch);
        raw++;
    }
    vec_close(v);
    ck_assert_int_eq(keys, RSA_SIZES);
    ck_assert_int_eq(raw, RSA_SIZES);
}
END_TEST

/* A random message there, as OpenSSL does it, and back */
static void there_and_back(const struct rsa_private *key, uint8_t *in, uint8_t *out, void *scratch)
{
    uint8_t expected[BYTES];
    const size_t n = key->pub.bits / 8;
    random_below(&key->pub, in);
    openssl_power(key, in, expected);
    ck_assert_int_eq(rsa_private_op(ops, &test_rng, key, in, out, scratch), 0);
    ck_assert_mem_eq(out, expected, n);
    ck_assert_int_eq(rsa_public_op(ops, &key->pub, out, expected, scratch), 0);
    ck_assert_mem_eq(expected, in, n);
}

START_TEST(random_messages)
{
    static struct rsa_private key;
    uint8_t in[BYTES], out[BYTES];
    const unsigned bits = rsa_sizes[_i];
    void *scratch = tools_scratch(bits);
    kept_key(bits, &key);
    for (int i = 0; i < 15; i++) {
        there_and_back(&key, in, out, scratch);
        ck_assert_int_eq(rsa_private_op(ops, &test_rng, &key, in, in, scratch), 0); /* in place */
        ck_assert_mem_eq(in, out, bits / 8);
    }
    free(scratch);
}
END_TEST

/* A key made by OpenSSL now, p, q and exponents as it likes them */
START_TEST(openssl_keys)
{
    static struct rsa_private key;
    static const unsigned exponents[] = {65537, 65539, 0x80000001u, 0xFFFFFFFBu};
    uint8_t in[BYTES], out[BYTES];
    const unsigned bits = _i < 4 ? 2048 : 3072;
    void *scratch = tools_scratch(bits);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *pkey = NULL;
    BIGNUM *e = BN_new();
    BN_set_word(e, exponents[_i % 4]);
    ck_assert_int_eq(EVP_PKEY_keygen_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e), 1);
    ck_assert_int_eq(EVP_PKEY_keygen(ctx, &pkey), 1);
    from_openssl(pkey, &key);
    ck_assert_uint_eq(key.pub.e, exponents[_i % 4]);
    ck_assert_int_eq(rsa_private_check(&key), 0);
    for (int i = 0; i < 5; i++)
        there_and_back(&key, in, out, scratch);
    BN_free(e);
    EVP_PKEY_free(pkey);
    EVP_PKEY_CTX_free(ctx);
    free(scratch);
}
END_TEST

/* n + delta */
static void near_n(const struct rsa_public *pub, int delta, uint8_t *out)
{
    BIGNUM *n = bn_bytes(pub->n, pub->bits / 8);
    ck_assert(delta < 0 ? BN_sub_word(n, (BN_ULONG)-delta) : BN_add_word(n, (BN_ULONG)delta));
    bn_put(out, pub->bits / 8, n);
    BN_free(n);
}

/* Fixed points, multiples of a prime, and the end of the range */
START_TEST(edges)
{
    static struct rsa_private key;
    uint8_t in[BYTES], out[BYTES], expected[BYTES];
    const unsigned bits = rsa_sizes[_i];
    const size_t k = bits / 8;
    void *scratch = tools_scratch(bits);
    kept_key(bits, &key);
    for (int i = 0; i < 7; i++) {
        memset(in, 0, k);
        if (i == 1 || i == 2)
            in[k - 1] = (uint8_t)i;
        else if (i == 3 || i == 4)
            near_n(&key.pub, 2 - i, in);
        else if (i > 4)
            memcpy(in + k / 2, i == 5 ? key.p : key.q, k / 2);
        const int inside = memcmp(in, key.pub.n, k) < 0;
        ck_assert_int_eq(inside, 1);
        openssl_power(&key, in, expected);
        ck_assert_int_eq(rsa_private_op(ops, &test_rng, &key, in, out, scratch), 0);
        ck_assert_mem_eq(out, expected, k);
        ck_assert_int_eq(rsa_public_op(ops, &key.pub, out, expected, scratch), 0);
        ck_assert_mem_eq(expected, in, k);
    }
    for (int delta = 0; delta < 3; delta++) {
        near_n(&key.pub, delta, in);
        if (delta == 2)
            memset(in, 0xFF, k);
        memset(out, 0xAA, k);
        ck_assert_int_eq(rsa_private_op(ops, &test_rng, &key, in, out, scratch), -1);
        ck_assert_mem_eq(out, zeros, k);
        memset(out, 0xAA, k);
        ck_assert_int_eq(rsa_public_op(ops, &key.pub, in, out, scratch), -1);
        ck_assert_mem_eq(out, zeros, k);
    }
    free(scratch);
}
END_TEST

/* A bit of p, q, dp, dq or qinv turned over: no output, whatever the bit */
START_TEST(faults)
{
    static struct rsa_private key;
    uint8_t in[BYTES], out[BYTES];
    const unsigned bits = rsa_sizes[_i];
    const size_t h = bits / 16;
    void *scratch = tools_scratch(bits);
    kept_key(bits, &key);
    uint8_t *const part[] = {key.p, key.q, key.dp, key.dq, key.qinv};
    for (size_t i = 0; i < 5; i++) {
        for (uint32_t j = 0; j < 6; j++) {
            const uint32_t bit = j == 0   ? 0
                                 : j == 1 ? (uint32_t)h * 8 - 1
                                          : test_random_below((uint32_t)h * 8);
            uint8_t *const byte = part[i] + h - 1 - bit / 8;
            *byte ^= (uint8_t)(1u << bit % 8);
            random_below(&key.pub, in);
            memset(out, 0xAA, sizeof out);
            ck_assert_msg(rsa_private_op(ops, &test_rng, &key, in, out, scratch) == -1,
                          "part %zu, bit %u", i, bit);
            ck_assert_mem_eq(out, zeros, bits / 8);
            *byte ^= (uint8_t)(1u << bit % 8);
            ck_assert_int_eq(rsa_private_op(ops, &test_rng, &key, in, out, scratch), 0);
        }
    }
    memset(key.p, 0, h); /* a part that is lost altogether */
    memset(out, 0xAA, sizeof out);
    ck_assert_int_eq(rsa_private_op(ops, &test_rng, &key, in, out, scratch), -1);
    ck_assert_mem_eq(out, zeros, bits / 8);
    free(scratch);
}
END_TEST

/* Items that fail, for different reasons, between items that do not */
START_TEST(batch)
{
    enum { ITEMS = 6 };
    static struct rsa_private good, wrong_dq, wrong_e, wrong_n;
    static uint8_t in[ITEMS][BYTES], out[ITEMS][BYTES], expected[BYTES];
    const struct rsa_private *const key[ITEMS] = {&good,    &wrong_dq, &good,
                                                  &wrong_e, &good,     &wrong_n};
    const uint8_t *ins[ITEMS];
    uint8_t *outs[ITEMS], ok[ITEMS];
    const size_t size = ops->scratch(2048, ITEMS);
    uint8_t *scratch = NULL;
    ck_assert_int_eq(posix_memalign((void **)&scratch, 64, size), 0);
    kept_key(2048, &good);
    wrong_dq = wrong_e = wrong_n = good;
    wrong_dq.dq[100] ^= 4;
    wrong_e.pub.e = 3;
    wrong_n.pub.n[255] ^= 1;
    for (size_t i = 0; i < ITEMS; i++) {
        ins[i] = in[i];
        outs[i] = out[i];
        random_below(&good.pub, in[i]);
    }
    memcpy(in[4], good.pub.n, 256); /* not below n */
    memset(out, 0xAA, sizeof out);
    memset(ok, 0xAA, sizeof ok);
    ops->private_op(ITEMS, key, ins, outs, ok, &test_rng, scratch);
    for (size_t i = 0; i < ITEMS; i++) {
        const int works = i == 0 || i == 2;
        ck_assert_int_eq(ok[i], works);
        openssl_power(&good, in[i], expected);
        if (works)
            ck_assert_mem_eq(out[i], expected, 256);
        else
            ck_assert_mem_eq(out[i], zeros, 256);
    }
    for (size_t i = 0; i < size; i++)
        ck_assert_msg(!scratch[i], "scratch byte %zu holds something", i);
    free(scratch);
}
END_TEST

/* A source that gives `left` times, then no more */
static int dry_fill(void *left, void *out, size_t n)
{
    int *const l = left;
    if ((*l)-- <= 0)
        return -1;
    test_random(out, n);
    return 0;
}

START_TEST(no_randomness)
{
    static struct rsa_private key;
    uint8_t in[BYTES], out[BYTES];
    void *scratch = tools_scratch(2048);
    kept_key(2048, &key);
    random_below(&key.pub, in);
    for (int given = 0;; given++) {
        int left = given;
        const struct rng dry = {dry_fill, &left};
        memset(out, 0xAA, sizeof out);
        if (!rsa_private_op(ops, &dry, &key, in, out, scratch)) {
            ck_assert_int_ge(given, 1); /* it was blinded */
            break;
        }
        ck_assert_mem_eq(out, zeros, 256);
    }
    free(scratch);
}
END_TEST

START_TEST(sizes)
{
    static const unsigned bad[] = {0, 1, 512, 1024, 2047, 2049, 2560, 4095, 8192, 65535};
    static struct rsa_private key;
    uint8_t in[2 * BYTES] = {0}, out[2 * BYTES];
    void *scratch = tools_scratch(4096);
    kept_key(2048, &key);
    for (size_t i = 0; i < RSA_SIZES; i++)
        ck_assert_int_ne(rsa_bits_ok(rsa_sizes[i]), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        key.pub.bits = (uint16_t)bad[i];
        ck_assert_int_eq(rsa_bits_ok(bad[i]), 0);
        ck_assert_int_eq(rsa_public_check(&key.pub), -1);
        ck_assert_int_eq(rsa_private_check(&key), -1);
        ck_assert_int_eq(rsa_public_op(ops, &key.pub, in, out, scratch), -1);
        ck_assert_int_eq(rsa_private_op(ops, &test_rng, &key, in, out, scratch), -1);
    }
    free(scratch);
}
END_TEST

START_TEST(public_check)
{
    static struct rsa_private key;
    uint8_t in[BYTES] = {0}, out[BYTES];
    void *scratch = tools_scratch(2048);
    kept_key(2048, &key);
    struct rsa_public pub = key.pub;
    static const uint32_t bad_e[] = {0, 1, 2, 3, 17, 65535, 65536, 65538, 0xFFFFFFFEu};
    for (size_t i = 0; i < sizeof bad_e / sizeof bad_e[0]; i++) {
        pub.e = bad_e[i];
        ck_assert_int_eq(rsa_public_check(&pub), -1);
        ck_assert_int_eq(rsa_public_op(ops, &pub, in, out, scratch), -1);
    }
    pub = key.pub;
    pub.n[0] &= 0x7F; /* too short */
    ck_assert_int_eq(rsa_public_check(&pub), -1);
    pub = key.pub;
    pub.n[255] ^= 1; /* even */
    ck_assert_int_eq(rsa_public_check(&pub), -1);
    ck_assert_int_eq(rsa_public_check(&key.pub), 0);
    free(scratch);
}
END_TEST

/* One bit of any part turned over is noticed; so are parts that fit no more than by themselves. */
START_TEST(private_check_bits)
{
    static struct rsa_private key;
    const unsigned bits = rsa_sizes[_i];
    const size_t k = bits / 8, h = k / 2;
    kept_key(bits, &key);
    uint8_t *const part[] = {key.pub.n, key.d, key.p, key.q, key.dp, key.dq, key.qinv};
    for (size_t i = 0; i < 7; i++) {
        const size_t size = i < 2 ? k : h;
        for (uint32_t j = 0; j < 5; j++) {
            const uint32_t bit = j ? test_random_below((uint32_t)size * 8) : 0;
            part[i][bit / 8] ^= (uint8_t)(1u << bit % 8);
            ck_assert_msg(rsa_private_check(&key) == -1, "part %zu, bit %u", i, bit);
            part[i][bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    ck_assert_int_eq(rsa_private_check(&key), 0);
    key.pub.e += 2;
    ck_assert_int_eq(rsa_private_check(&key), -1);
}
END_TEST

/* A whole key from p and q by OpenSSL's numbers. d is the inverse of e plus `times` lambda, or for
 * -1 the first such d that is not below n. 0: that d has too many bits */
static int key_from_primes(struct rsa_private *key, const BIGNUM *p, const BIGNUM *q, int times)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = BN_new(), *p1 = BN_dup(p), *q1 = BN_dup(q), *lambda = BN_new(), *g = BN_new();
    BIGNUM *e = BN_new(), *d = BN_new(), *t = BN_new();
    const size_t k = key->pub.bits / 8, h = k / 2;
    BN_set_word(e, key->pub.e);
    BN_mul(n, p, q, ctx);
    bn_put(key->pub.n, k, n);
    BN_sub_word(p1, 1);
    BN_sub_word(q1, 1);
    BN_mul(lambda, p1, q1, ctx);
    BN_gcd(g, p1, q1, ctx);
    BN_div(lambda, NULL, lambda, g, ctx);
    ck_assert_ptr_nonnull(BN_mod_inverse(d, e, lambda, ctx));
    for (int i = 0; i < times || (times < 0 && BN_cmp(d, n) < 0); i++)
        BN_add(d, d, lambda);
    const int fits = BN_num_bits(d) <= (int)k * 8;
    if (fits)
        bn_put(key->d, k, d);
    bn_put(key->p, h, p);
    bn_put(key->q, h, q);
    BN_mod(t, d, p1, ctx);
    bn_put(key->dp, h, t);
    BN_mod(t, d, q1, ctx);
    bn_put(key->dq, h, t);
    ck_assert_ptr_nonnull(BN_mod_inverse(t, q, p, ctx));
    bn_put(key->qinv, h, t);
    BIGNUM *all[] = {n, p1, q1, lambda, g, e, d, t};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        BN_free(all[i]);
    BN_CTX_free(ctx);
    return fits;
}

/* A prime of 1024 bits, two top bits set, that is 1 modulo g */
static BIGNUM *prime_with(const BIGNUM *g, BN_CTX *ctx)
{
    BIGNUM *p = bn_random(1024), *rest = BN_new();
    BN_mod(rest, p, g, ctx);
    BN_sub(p, p, rest);
    BN_add_word(p, 1);
    do
        BN_add(p, p, g);
    while (BN_mod_word(p, 65537) == 1 || !BN_check_prime(p, ctx, NULL));
    BN_free(rest);
    return p;
}

/* Keys that calculate rightly but are not taken */
START_TEST(private_check_rules)
{
    static struct rsa_private key, other;
    const size_t h = 128;
    BN_CTX *ctx = BN_CTX_new();
    kept_key(2048, &key);
    BIGNUM *p = bn_bytes(key.p, h), *q = bn_bytes(key.q, h), *near = BN_new();
    other = key;
    key_from_primes(&other, p, q, 0);
    ck_assert_int_eq(rsa_private_check(&other), 0);
    key_from_primes(&other, p, q, 1); /* another d that works, still below n */
    ck_assert_int_eq(rsa_private_check(&other), 0);
    key_from_primes(&other, q, p, 0); /* p < q */
    ck_assert_int_eq(rsa_private_check(&other), -1);
    /* p - q just below and just above 2^(1024 - 100) */
    for (int above = 0; above < 2; above++) {
        BN_copy(near, p);
        BIGNUM *gap = BN_new();
        BN_set_bit(gap, 1024 - 100);
        BN_sub(near, p, gap);
        do
            above ? BN_sub_word(near, 2) : BN_add_word(near, 2);
        while (!BN_check_prime(near, ctx, NULL) || BN_mod_word(near, 65537) == 1);
        key_from_primes(&other, p, near, 0);
        ck_assert_int_eq(rsa_private_check(&other), above ? 0 : -1);
        BN_free(gap);
    }
    BN_free(p);
    BN_free(q);
    BN_free(near);
    BN_CTX_free(ctx);
}
END_TEST

/* d + lambda works as well, but is not taken from n on. lambda is n / 1024 or less: d still fits.
 */
START_TEST(private_check_d)
{
    static struct rsa_private key;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *g = BN_new();
    BN_set_word(g, 1024);
    BIGNUM *p = NULL, *q = NULL;
    key.pub.bits = 2048;
    key.pub.e = 65537;
    do { /* but for one n in a hundred thousand, which is nearly 2^2048 */
        BN_free(p);
        BN_free(q);
        p = prime_with(g, ctx), q = prime_with(g, ctx);
        if (BN_cmp(p, q) < 0)
            BN_swap(p, q);
    } while (!key_from_primes(&key, p, q, -1));
    ck_assert_int_eq(rsa_private_check(&key), -1);
    ck_assert_int_ne(key_from_primes(&key, p, q, 3), 0);
    ck_assert_int_eq(rsa_private_check(&key), 0);
    BN_free(g);
    BN_free(p);
    BN_free(q);
    BN_CTX_free(ctx);
}
END_TEST

/* qinv + p is an inverse of q as well, but not the one */
START_TEST(private_check_qinv)
{
    static struct rsa_private key;
    void *scratch = tools_scratch(2048);
    BIGNUM *p, *qinv;
    for (;;) {
        ck_assert_int_eq(rsa_keygen(ops, &test_rng, 2048, &key, scratch, NULL, NULL), 0);
        p = bn_bytes(key.p, 128), qinv = bn_bytes(key.qinv, 128);
        BN_add(qinv, qinv, p);
        if (BN_num_bits(qinv) <= 1024)
            break;
        BN_free(p);
        BN_free(qinv);
    }
    ck_assert_int_eq(rsa_private_check(&key), 0);
    bn_put(key.qinv, 128, qinv);
    ck_assert_int_eq(rsa_private_check(&key), -1);
    BN_free(p);
    BN_free(qinv);
    free(scratch);
}
END_TEST

/* 1: p - 1 is a multiple of 2^HUFU_LIMB_BITS */
static int ones_of_a_limb(const BIGNUM *p)
{
    for (int i = 1; i < HUFU_LIMB_BITS; i++)
        if (BN_is_bit_set(p, i))
            return 0;
    return 1;
}

/* Primes whose p - 1 and q - 1 have this much in common: a small lambda */
START_TEST(from_primes)
{
    static const char *const common[] = {"2", "4", "80000000", "2BD9A20",
                                         "10000000000000000000000000000003C"};
    static struct rsa_private key, expected;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *g = NULL;
    void *scratch = tools_scratch(2048);
    ck_assert(BN_hex2bn(&g, common[_i]));
    for (int i = 0; i < 3; i++) {
        BIGNUM *p = prime_with(g, ctx), *q = prime_with(g, ctx);
        while (ones_of_a_limb(p) && ones_of_a_limb(q)) { /* such pairs are refused */
            BN_free(q);
            q = prime_with(g, ctx);
        }
        memset(&key, 0xAA, sizeof key);
        memset(&expected, 0xAA, sizeof expected);
        key.pub.bits = expected.pub.bits = 2048;
        expected.pub.e = 65537;
        bn_put(key.p, 128, p);
        bn_put(key.q, 128, q);
        ck_assert_int_eq(rsa_from_primes(&key, scratch), 0); /* in any order */
        BN_cmp(p, q) > 0 ? key_from_primes(&expected, p, q, 0)
                         : key_from_primes(&expected, q, p, 0);
        ck_assert_mem_eq(&key, &expected, sizeof key);
        BN_free(p);
        BN_free(q);
    }
    BN_free(g);
    BN_CTX_free(ctx);
    free(scratch);
}
END_TEST

START_TEST(from_primes_refused)
{
    static struct rsa_private key, bad;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = NULL, *one = BN_new();
    void *scratch = tools_scratch(2048);
    for (int i = 0; i < RSA_SIZES; i++) {
        void *room = tools_scratch(rsa_sizes[i]);
        kept_key(rsa_sizes[i], &key);
        bad = key;
        memset(bad.d, 0, sizeof bad.d);
        memset(&bad.pub.n, 0, sizeof bad.pub.n);
        ck_assert_int_eq(rsa_from_primes(&bad, room), 0);
        ck_assert_mem_eq(bad.d, key.d, rsa_sizes[i] / 8);
        free(room);
    }
    kept_key(2048, &key);
    bad = key;
    memcpy(bad.q, bad.p, 128); /* p = q */
    ck_assert_int_eq(rsa_from_primes(&bad, scratch), -1);
    bad = key;
    bad.q[127] ^= 1; /* even */
    ck_assert_int_eq(rsa_from_primes(&bad, scratch), -1);
    bad = key;
    bad.q[0] &= 0x7F; /* short */
    ck_assert_int_eq(rsa_from_primes(&bad, scratch), -1);
    bad = key;
    memset(bad.p, 0, 128);
    ck_assert_int_eq(rsa_from_primes(&bad, scratch), -1);
    bad = key;
    bad.pub.bits = 1024;
    ck_assert_int_eq(rsa_from_primes(&bad, scratch), -1);
    bad = key; /* p = 1 modulo e */
    p = bn_bytes(key.p, 128);
    BN_set_word(one, BN_mod_word(p, 65537) + 65536);
    BN_sub(p, p, one);
    if (!BN_is_odd(p))
        BN_sub_word(p, 65537);
    BN_set_word(one, 2 * 65537);
    while (!BN_check_prime(p, ctx, NULL))
        BN_sub(p, p, one);
    ck_assert_uint_eq(BN_mod_word(p, 65537), 1);
    bn_put(bad.p, 128, p);
    ck_assert_int_eq(rsa_from_primes(&bad, scratch), -1);
    BN_free(p);
    BN_free(one);
    BN_CTX_free(ctx);
    free(scratch);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("RSA");
    TCase *t = suite_case(s, "operations", 120, NULL, NULL),
          *larger = long_case(s, "larger keys", 120);
    test_seed();
    tcase_add_test(t, vectors);
    case_loop(t, larger, random_messages, 1, RSA_SIZES);
    case_loop(t, larger, openssl_keys, 1, 5);
    case_loop(t, larger, edges, 1, RSA_SIZES);
    case_loop(t, larger, faults, 1, RSA_SIZES);
    tcase_add_test(t, batch);
    tcase_add_test(t, no_randomness);
    tcase_add_test(t, sizes);
    tcase_add_test(t, public_check);
    case_loop(t, larger, private_check_bits, 1, RSA_SIZES);
    tcase_add_test(t, private_check_rules);
    tcase_add_test(t, private_check_d);
    tcase_add_test(t, private_check_qinv);
    case_loop(t, larger, from_primes, 1, 5);
    tcase_add_test(t, from_primes_refused);
    return suite_run(s);
}
