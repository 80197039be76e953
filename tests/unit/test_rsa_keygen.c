/*
 * RSA key pairs: what FIPS 186-5 A.1.3 promises of p, q and d, checked with OpenSSL's numbers; the
 * prime test and the trial division by themselves; sources and engines that are not what one
 * expects.
 */
#include "tests/lib/run.h"
#include "tests/unit/test_rsa_tools.h"

#include "firmware/base/wipe.h"
#include "firmware/crypto/rsa_internal.h"

static BN_CTX *ctx;

static void setup(void)
{
    ctx = BN_CTX_new();
}

static void teardown(void)
{
    BN_CTX_free(ctx);
}

/* x >= sqrt(2) 2^(bits-1), x below 2^bits */
static int in_range(const BIGNUM *x, unsigned bits)
{
    BIGNUM *square = BN_new();
    BN_sqr(square, x, ctx);
    const int ok = BN_num_bits(square) == 2 * (int)bits && BN_num_bits(x) == (int)bits;
    BN_free(square);
    return ok;
}

/* Everything that is promised of a generated key */
static void check_key(const struct rsa_private *key, unsigned bits)
{
    const size_t k = bits / 8, h = k / 2;
    BIGNUM *n = bn_bytes(key->pub.n, k), *d = bn_bytes(key->d, k), *p = bn_bytes(key->p, h);
    BIGNUM *q = bn_bytes(key->q, h), *dp = bn_bytes(key->dp, h), *dq = bn_bytes(key->dq, h);
    BIGNUM *qinv = bn_bytes(key->qinv, h), *p1 = BN_dup(p), *q1 = BN_dup(q), *t = BN_new();
    BIGNUM *e = BN_new(), *lambda = BN_new(), *g = BN_new();
    ck_assert_uint_eq(key->pub.bits, bits);
    ck_assert_uint_eq(key->pub.e, 65537);
    BN_set_word(e, 65537);
    BN_sub_word(p1, 1);
    BN_sub_word(q1, 1);
    ck_assert(BN_check_prime(p, ctx, NULL) == 1 && BN_check_prime(q, ctx, NULL) == 1);
    ck_assert(in_range(p, bits / 2) && in_range(q, bits / 2));
    BN_sub(t, p, q);
    ck_assert(!BN_is_negative(t));
    ck_assert_int_gt(BN_num_bits(t), (int)bits / 2 - 100);
    BN_gcd(g, p1, e, ctx);
    ck_assert(BN_is_one(g));
    BN_gcd(g, q1, e, ctx);
    ck_assert(BN_is_one(g));
    BN_mul(t, p, q, ctx);
    ck_assert(!BN_cmp(t, n) && BN_num_bits(n) == (int)bits);
    BN_mul(lambda, p1, q1, ctx);
    BN_gcd(g, p1, q1, ctx);
    BN_div(lambda, NULL, lambda, g, ctx);
    ck_assert_ptr_nonnull(BN_mod_inverse(t, e, lambda, ctx));
    ck_assert(!BN_cmp(t, d)); /* the smallest d, so below lambda */
    ck_assert_int_gt(BN_num_bits(d), (int)bits / 2);
    BN_mod(t, d, p1, ctx);
    ck_assert(!BN_cmp(t, dp));
    BN_mod(t, d, q1, ctx);
    ck_assert(!BN_cmp(t, dq));
    ck_assert_ptr_nonnull(BN_mod_inverse(t, q, p, ctx));
    ck_assert(!BN_cmp(t, qinv));
    ck_assert_int_eq(rsa_private_check(key), 0);
    BIGNUM *all[] = {n, d, p, q, dp, dq, qinv, p1, q1, t, e, lambda, g};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        BN_free(all[i]);
}

/* OpenSSL takes the key, finds nothing wrong with it, and its signature is ours. */
static void check_with_openssl(const struct rsa_private *key)
{
    EVP_PKEY *pkey = to_openssl(key);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(pkey, NULL);
    uint8_t digest[32], em[RSA_MAX_BYTES], ours[RSA_MAX_BYTES], theirs[RSA_MAX_BYTES];
    size_t n = sizeof theirs;
    void *scratch = tools_scratch(key->pub.bits);
    ck_assert_int_eq(EVP_PKEY_check(c), 1);
    EVP_PKEY_CTX_free(c);
    test_random(digest, sizeof digest);
    c = EVP_PKEY_CTX_new(pkey, NULL);
    ck_assert_int_eq(EVP_PKEY_sign_init(c), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()), 1);
    ck_assert_int_eq(EVP_PKEY_sign(c, theirs, &n, digest, sizeof digest), 1);
    ck_assert_int_eq(rsa_pkcs1_sign_pad(key->pub.bits, HASH_SHA256, digest, sizeof digest, em), 0);
    ck_assert_int_eq(rsa_private_op(ops, &test_rng, key, em, ours, scratch), 0);
    ck_assert_mem_eq(ours, theirs, n);
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(pkey);
    free(scratch);
}

/* How much of the scratch is not zero */
static size_t bytes_left(const uint8_t *scratch, unsigned bits)
{
    const size_t size = rsa_scratch(bits);
    size_t left = 0;
    for (size_t i = 0; i < size; i++)
        left += scratch[i] != 0;
    return left;
}

static int count_calls(void *calls)
{
    ++*(int *)calls;
    return 0;
}

START_TEST(generated)
{
    static const unsigned bits_of[] = {2048, 2048, 2048, 2048, 3072, 4096};
    static struct rsa_private key;
    const unsigned bits = bits_of[_i];
    uint8_t *scratch = tools_scratch(bits);
    int calls = 0;
    for (int i = 0; i < _i; i++) /* every test has the same seed */
        test_random_below(2);
    ck_assert_int_eq(rsa_keygen(ops, &test_rng, bits, &key, scratch, count_calls, &calls), 0);
    ck_assert_int_gt(calls, 0);
    check_key(&key, bits);
    check_with_openssl(&key);
    ck_assert_uint_eq(bytes_left(scratch, bits), 0);
    free(scratch);
}
END_TEST

START_TEST(bad_sizes)
{
    static const unsigned bad[] = {0, 512, 1024, 2047, 2049, 8192};
    static struct rsa_private key, none;
    uint8_t *scratch = tools_scratch(4096);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memset(&key, 0xAA, sizeof key);
        ck_assert_int_eq(rsa_keygen(ops, &test_rng, bad[i], &key, scratch, NULL, NULL), -1);
        ck_assert_mem_eq(&key, &none, sizeof key);
    }
    free(scratch);
}
END_TEST

static int stop(void *left)
{
    return (*(int *)left)-- <= 0;
}

START_TEST(stopped)
{
    static struct rsa_private key, none;
    uint8_t *scratch = tools_scratch(2048);
    for (int left = 0; left < 3; left++) {
        int l = left;
        memset(&key, 0xAA, sizeof key);
        ck_assert_int_eq(rsa_keygen(ops, &test_rng, 2048, &key, scratch, stop, &l), -1);
        ck_assert_mem_eq(&key, &none, sizeof key);
        ck_assert_uint_eq(bytes_left(scratch, 2048), 0);
    }
    free(scratch);
}
END_TEST

/* A source that ends after so many bytes, at any place of the work */
static int short_fill(void *left, void *out, size_t n)
{
    size_t *const l = left;
    if (n > *l)
        return -1;
    *l -= n;
    test_random(out, n);
    return 0;
}

START_TEST(no_randomness)
{
    static struct rsa_private key, none;
    uint8_t *scratch = tools_scratch(2048);
    for (size_t given = 0; given < 60000; given += 7919) {
        size_t left = given;
        const struct rng source = {short_fill, &left};
        memset(&key, 0xAA, sizeof key);
        if (rsa_keygen(ops, &source, 2048, &key, scratch, NULL, NULL))
            ck_assert_mem_eq(&key, &none, sizeof key);
    }
    free(scratch);
}
END_TEST

/* A stuck source: every candidate is the same composite, or the same below the range. It must end,
 * with nothing, even when nobody stops it. */
static int stuck_fill(void *byte, void *out, size_t n)
{
    memset(out, *(const uint8_t *)byte, n);
    return 0;
}

START_TEST(stuck_source)
{
    static struct rsa_private key, none;
    uint8_t byte = _i ? 0x11 : 0xFF; /* 2^1024 - 1 is divisible by 3 */
    const struct rng source = {stuck_fill, &byte};
    uint8_t *scratch = tools_scratch(2048);
    ck_assert_int_eq(rsa_keygen(ops, &source, 2048, &key, scratch, NULL, NULL), -1);
    ck_assert_mem_eq(&key, &none, sizeof key);
    free(scratch);
}
END_TEST

/* A prime just below or above sqrt(2) 2^1023, or one that is 1 modulo 65537 */
enum planted { TOO_SMALL, JUST_FITS, ONE_MOD_E, PLANTS };

static BIGNUM *planted_prime(enum planted which)
{
    BIGNUM *x = BN_new(), *bound = BN_new();
    BN_set_bit(bound, 2047);
    for (int bit = 1023; bit >= 0; bit--) { /* the root of 2^2047, rounded down */
        BIGNUM *square = BN_new();
        BN_set_bit(x, bit);
        BN_sqr(square, x, ctx);
        if (BN_cmp(square, bound) > 0)
            BN_clear_bit(x, bit);
        BN_free(square);
    }
    if (!BN_is_odd(x))
        which == TOO_SMALL ? BN_sub_word(x, 1) : BN_add_word(x, 1);
    if (which == ONE_MOD_E)
        BN_set_bit(x, 1022);
    do {
        which == TOO_SMALL ? BN_sub_word(x, 2) : BN_add_word(x, 2);
    } while ((which == ONE_MOD_E && BN_mod_word(x, 65537) != 1) || !BN_check_prime(x, ctx, NULL));
    ck_assert_int_eq(in_range(x, 1024), which != TOO_SMALL);
    BN_free(bound);
    return x;
}

/* Gives the planted prime for each of the first candidates, their top limbs first, then random
 * bytes; limbs are little-endian */
struct planted_source {
    uint8_t prime[128];
    int calls;
};

static int planted_fill(void *source, void *out, size_t n)
{
    struct planted_source *const s = source;
    const size_t size = s->calls ? 128 : LIMB_BYTES;
    test_random(out, n);
    if (s->calls++ < 2)
        for (size_t i = 0; i < n / size; i++)
            memcpy((uint8_t *)out + size * i, s->prime + 128 - size, size);
    return 0;
}

START_TEST(planted)
{
    static struct rsa_private key;
    struct planted_source s = {.calls = 0};
    const struct rng source = {planted_fill, &s};
    uint8_t *scratch = tools_scratch(2048), prime[128];
    BIGNUM *x = planted_prime((enum planted)_i);
    ck_assert_int_eq(BN_bn2lebinpad(x, s.prime, 128), 128);
    bn_put(prime, 128, x);
    ck_assert_int_eq(rsa_keygen(ops, &source, 2048, &key, scratch, NULL, NULL), 0);
    check_key(&key, 2048);
    /* one that fits is taken once, and never as p and q at the same time */
    ck_assert_int_eq(!memcmp(key.p, prime, 128) + !memcmp(key.q, prime, 128), _i == JUST_FITS);
    BN_free(x);
    free(scratch);
}
END_TEST

/* An engine that wants eight candidates at once, and counts them; it may say of the first two that
 * they are no primes after all. */
static size_t asked, most, passed, confirmed, doubted;

static void eight_tests(size_t n, const uint8_t *const *candidate, size_t size, unsigned rounds,
                        uint8_t *ok, const struct rng *rng, void *scratch)
{
    rsa_portable.prime_test(n, candidate, size, rounds, ok, rng, scratch);
    if (rounds) {
        ck_assert_uint_eq(n, 2);
        ck_assert_uint_eq(rounds, 5);
        ok[0] &= !(doubted & 1);
        ok[1] &= !(doubted & 2);
        doubted = 0;
        confirmed += ok[0] + ok[1];
        return;
    }
    asked += n;
    most = n > most ? n : most;
    for (size_t i = 0; i < n; i++)
        passed += ok[i];
}

START_TEST(eight_lanes)
{
    static struct rsa_private key;
    struct rsa_ops eight = rsa_portable;
    uint8_t *scratch = tools_scratch(2048);
    eight.lanes = 8;
    eight.prime_test = eight_tests;
    for (size_t i = 0; i < 8; i++) {
        asked = most = passed = confirmed = 0;
        doubted = i % 4;
        ck_assert_int_eq(rsa_keygen(&eight, &test_rng, 2048, &key, scratch, NULL, NULL), 0);
        check_key(&key, 2048);
        ck_assert_uint_eq(most, 8);
        ck_assert_uint_ge(passed, i % 4 == 0 ? 2 : i % 4 == 3 ? 4 : 3);
        ck_assert_uint_ge(confirmed, 2);
        ck_assert_uint_eq(asked % 8, 0);
    }
    free(scratch);
}
END_TEST

/* An engine whose signatures are wrong: the pairwise test must notice. */
static void wrong_op(size_t n, const struct rsa_private *const *key, const uint8_t *const *in,
                     uint8_t *const *out, uint8_t *ok, const struct rng *rng, void *scratch)
{
    rsa_portable.private_op(n, key, in, out, ok, rng, scratch);
    out[0][100] ^= 1;
}

static void copy_op(size_t n, const struct rsa_private *const *key, const uint8_t *const *in,
                    uint8_t *const *out, uint8_t *ok, const struct rng *rng, void *scratch)
{
    (void)rng, (void)scratch, (void)n;
    memcpy(out[0], in[0], key[0]->pub.bits / 8);
    ok[0] = 1;
}

START_TEST(pairwise)
{
    static struct rsa_private key, none;
    struct rsa_ops bad = rsa_portable;
    uint8_t *scratch = tools_scratch(2048);
    bad.private_op = _i ? copy_op : wrong_op;
    memset(&key, 0xAA, sizeof key);
    ck_assert_int_eq(rsa_keygen(&bad, &test_rng, 2048, &key, scratch, NULL, NULL), RSA_NO_PAIR);
    ck_assert_mem_eq(&key, &none, sizeof key);
    free(scratch);
}
END_TEST

/* ------------------------------------------------------------ prime test */

static int is_prime(const BIGNUM *w, size_t size)
{
    uint8_t candidate[RSA_MAX_BYTES / 2], ok = 0xAA;
    const uint8_t *const list[] = {candidate};
    void *scratch = tools_scratch((unsigned)size * 16);
    bn_put(candidate, size, w);
    /* so many that none of the worst composites passes by chance: 2^-48 */
    ops->prime_test(1, list, size, 24, &ok, &test_rng, scratch);
    free(scratch);
    ck_assert(ok == 0 || ok == 1);
    return ok;
}

static void random_odd(BIGNUM *w, size_t size)
{
    uint8_t bytes[RSA_MAX_BYTES / 2];
    test_random(bytes, size);
    bytes[0] |= 0x80;
    bytes[size - 1] |= 1;
    ck_assert_ptr_nonnull(BN_bin2bn(bytes, (int)size, w));
}

START_TEST(primes_and_composites)
{
    const size_t size = rsa_sizes[_i] / 16;
    BIGNUM *w = BN_new();
    for (int i = 0; i < (_i ? 30 : 100); i++) {
        random_odd(w, size);
        ck_assert_int_eq(is_prime(w, size), BN_check_prime(w, ctx, NULL));
    }
    for (int i = 0; i < 3; i++) {
        do /* the next prime */
            BN_add_word(w, 2);
        while (!BN_check_prime(w, ctx, NULL));
        ck_assert_int_eq(is_prime(w, size), 1);
    }
    BN_free(w);
}
END_TEST

/* w = k 2^a + 1: many squarings after the odd part of the exponent */
START_TEST(many_twos)
{
    static const int twos[] = {1, 2, 31, 32, 33, 63, 64, 65, 500, 1000};
    const int a = twos[_i];
    BIGNUM *w = BN_new(), *step = BN_new();
    random_odd(w, 128);
    BN_clear_bit(w, 1022); /* with a = 1000 only 22 bits are left: room for the search below */
    BN_rshift(w, w, a + 1);
    BN_lshift(w, w, 1);
    BN_add_word(w, 1);
    BN_lshift(w, w, a);
    BN_set_bit(w, 1023);
    BN_add_word(w, 1);
    BN_set_bit(step, a + 1);
    while (!BN_check_prime(w, ctx, NULL))
        BN_add(w, w, step);
    ck_assert_int_eq(BN_num_bits(w), 1024);
    ck_assert(!BN_is_bit_set(w, a - 1) || a == 1);
    ck_assert(BN_is_bit_set(w, a));
    ck_assert_int_eq(is_prime(w, 128), 1);
    BN_add(w, w, step);
    while (BN_check_prime(w, ctx, NULL))
        BN_add(w, w, step);
    ck_assert_int_eq(is_prime(w, 128), 0);
    BN_free(w);
    BN_free(step);
}
END_TEST

/* Composites that are hard to tell: squares of primes, and products of two primes p and 2p - 1 */
START_TEST(hard_composites)
{
    BIGNUM *p = bn_random_prime(512), *q = BN_new(), *w = BN_new();
    BN_sqr(w, p, ctx);
    ck_assert_int_eq(BN_num_bits(w), 1024);
    ck_assert_int_eq(is_prime(w, 128), 0);
    BN_set_word(p, 0);
    BN_set_bit(p, 511);
    for (BN_add_word(p, test_random_below(1u << 30) | 1);; BN_add_word(p, 2)) {
        if (BN_mod_word(p, 3) != 1 || !BN_check_prime(p, ctx, NULL))
            continue;
        BN_lshift1(q, p);
        BN_sub_word(q, 1);
        if (BN_mod_word(q, 3) && BN_mod_word(q, 5) && BN_check_prime(q, ctx, NULL))
            break;
    }
    BN_mul(w, p, q, ctx); /* 1/4 of all bases lie */
    ck_assert_int_eq(BN_num_bits(w), 1024);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(is_prime(w, 128), 0);
    BN_free(p);
    BN_free(q);
    BN_free(w);
}
END_TEST

/* (6k+1)(12k+1)(18k+1), a Carmichael number: Fermat's test passes for every base prime to it. */
START_TEST(carmichael)
{
    BIGNUM *k = NULL, *w = BN_new(), *t = BN_new();
    ck_assert(BN_hex2bn(&k, "038E6AACE60E1D391AA3606F905770FB44786851AF56FB63E414F090AF708FECB265"
                            "9E6A2186ABAFE37371"));
    BN_one(w);
    for (BN_ULONG m = 6; m <= 18; m += 6) {
        BN_copy(t, k);
        ck_assert(BN_mul_word(t, m) && BN_add_word(t, 1));
        ck_assert_int_eq(BN_check_prime(t, ctx, NULL), 1);
        BN_mul(w, w, t, ctx);
    }
    ck_assert_int_eq(BN_num_bits(w), 1024);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(is_prime(w, 128), 0);
    BN_free(k);
    BN_free(w);
    BN_free(t);
}
END_TEST

START_TEST(prime_batch)
{
    enum { ITEMS = 7 };
    static uint8_t candidate[ITEMS][128];
    const uint8_t *list[ITEMS];
    uint8_t ok[ITEMS];
    void *scratch = NULL;
    BIGNUM *w = BN_new();
    ck_assert_int_eq(posix_memalign(&scratch, 64, ops->scratch(2048, ITEMS)), 0);
    for (size_t i = 0; i < ITEMS; i++) {
        random_odd(w, 128);
        while (BN_check_prime(w, ctx, NULL) != (int)(i % 2))
            BN_add_word(w, 2);
        bn_put(candidate[i], 128, w);
        list[i] = candidate[i];
    }
    ops->prime_test(ITEMS, list, 128, 4, ok, &test_rng, scratch);
    for (size_t i = 0; i < ITEMS; i++)
        ck_assert_uint_eq(ok[i], i % 2);
    const struct rng none = {short_fill, &(size_t){0}};
    ops->prime_test(ITEMS, list, 128, 4, ok, &none, scratch);
    for (size_t i = 0; i < ITEMS; i++)
        ck_assert_uint_eq(ok[i], 0);
    BN_free(w);
    free(scratch);
}
END_TEST

/* ------------------------------------------------------------ trial division */

START_TEST(sieve)
{
    enum { COUNT = 32 };
    static uint8_t composite[SIEVE_BYTES], alive[COUNT], bytes[COUNT][256];
    static limb_t candidate[COUNT * RSA_MAX_BITS / 2 / LIMB_BITS];
    const size_t size = rsa_sizes[_i] / 16, n = size / LIMB_BYTES;
    int survived = 0;
    rsa_sieve_init(composite);
    for (int round = 0; round < 10; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            test_random(bytes[i], size);
            bytes[i][size - 1] |= 1;
            bn_load(candidate + i * n, n, bytes[i], size);
            alive[i] = i % 8 != 3;
        }
        rsa_sieve(candidate, n, COUNT, alive, composite);
        for (size_t i = 0; i < COUNT; i++) {
            BIGNUM *w = bn_bytes(bytes[i], size);
            int divisor = BN_mod_word(w, 65537) == 1;
            for (BN_ULONG p = 3; p < SIEVE_LIMIT && !divisor; p += 2)
                divisor = BN_mod_word(w, p) == 0;
            ck_assert_int_eq(alive[i], i % 8 != 3 && !divisor);
            survived += alive[i];
            BN_free(w);
        }
    }
    ck_assert_int_gt(survived, 0);
}
END_TEST

/* Each small prime by itself: a big prime times it falls out, so does one plus a multiple of 65537.
 */
START_TEST(sieve_each_prime)
{
    static uint8_t composite[SIEVE_BYTES];
    static limb_t candidate[1024 / LIMB_BITS];
    uint8_t bytes[128], alive;
    BIGNUM *big = bn_random_prime(1009), *w = BN_new(), *small = BN_new();
    int primes = 0;
    rsa_sieve_init(composite);
    for (BN_ULONG p = 3; p < SIEVE_LIMIT; p += 2) {
        BN_set_word(small, p);
        ck_assert_int_eq(composite[p / 2], !BN_check_prime(small, ctx, NULL));
        if (composite[p / 2])
            continue;
        primes++;
        BN_mul(w, big, small, ctx);
        bn_put(bytes, 128, w);
        bn_load(candidate, 1024 / LIMB_BITS, bytes, 128);
        alive = 1;
        rsa_sieve(candidate, 1024 / LIMB_BITS, 1, &alive, composite);
        ck_assert_msg(!alive, "%lu divides", (unsigned long)p);
    }
    ck_assert_int_eq(primes, 1899);
    bn_put(bytes, 128, big);
    bn_load(candidate, 1024 / LIMB_BITS, bytes, 128);
    alive = 1;
    rsa_sieve(candidate, 1024 / LIMB_BITS, 1, &alive, composite);
    ck_assert_int_eq(alive, BN_mod_word(big, 65537) != 1);
    BN_free(big);
    BN_free(small);
    BN_free(w);
}
END_TEST

/* |p - q| > 2^(bits - 100), exactly */
START_TEST(apart)
{
    enum { BITS = 1024, N = BITS / LIMB_BITS };
    limb_t p[N], q[N], t[N];
    BIGNUM *x = BN_new(), *y = BN_new(), *gap = BN_new();
    uint8_t bytes[BITS / 8];
    for (int delta = -2; delta <= 2; delta++) {
        for (int swap = 0; swap < 2; swap++) {
            random_odd(x, BITS / 8);
            BN_set_bit(x, BITS - 2);
            BN_set_word(gap, 0);
            BN_set_bit(gap, BITS - 100);
            delta < 0 ? BN_sub_word(gap, (BN_ULONG)-delta) : BN_add_word(gap, (BN_ULONG)delta);
            BN_sub(y, x, gap);
            bn_put(bytes, sizeof bytes, x);
            bn_load(swap ? q : p, N, bytes, sizeof bytes);
            bn_put(bytes, sizeof bytes, y);
            bn_load(swap ? p : q, N, bytes, sizeof bytes);
            ck_assert_int_eq(rsa_primes_apart(p, q, t, N) != 0, delta > 0);
        }
    }
    ck_assert(rsa_primes_apart(p, p, t, N) == 0);
    BN_free(x);
    BN_free(y);
    BN_free(gap);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("RSA keys");
    TCase *t = tcase_create("keys");
    test_seed();
    tcase_set_timeout(t, 240);
    tcase_add_unchecked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, generated, 0, 6);
    tcase_add_test(t, bad_sizes);
    tcase_add_test(t, stopped);
    tcase_add_test(t, no_randomness);
    tcase_add_loop_test(t, stuck_source, 0, 2);
    tcase_add_loop_test(t, planted, 0, PLANTS);
    tcase_add_test(t, eight_lanes);
    tcase_add_loop_test(t, pairwise, 0, 2);
    tcase_add_loop_test(t, primes_and_composites, 0, RSA_SIZES);
    tcase_add_loop_test(t, many_twos, 0, 10);
    tcase_add_test(t, hard_composites);
    tcase_add_test(t, carmichael);
    tcase_add_test(t, prime_batch);
    tcase_add_loop_test(t, sieve, 0, RSA_SIZES);
    tcase_add_test(t, sieve_each_prime);
    tcase_add_test(t, apart);
    suite_add_tcase(s, t);
    return suite_run(s);
}
