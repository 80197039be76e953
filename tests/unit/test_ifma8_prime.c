/*
 * Primes of RSA in eight lanes: primes and what looks like them, the sieve, and the keys that come
 * out.
 */
#include "tests/unit/test_ifma8_rsa_tools.h"

#if HUFU_IFMA8

enum { CANDIDATES = 40, MANY_ROUNDS = 16 };

static uint8_t candidate[CANDIDATES][RSA_MAX_BYTES / 2], verdict[CANDIDATES];

static void put_candidate(size_t i, unsigned bits, const BIGNUM *b)
{
    ck_assert_int_eq(BN_num_bits(b), (int)bits);
    bn_put(candidate[i], bits / 8, b);
}

static void test_primes(size_t n, unsigned bits, unsigned rounds, const struct rng *rng)
{
    const uint8_t *list[CANDIDATES];
    uint8_t *const scratch = lane_scratch(2 * bits, n);
    for (size_t i = 0; i < n; i++)
        list[i] = candidate[i];
    memset(verdict, 0xEE, sizeof verdict);
    rsa_ifma8.prime_test(n, list, bits / 8, rounds, verdict, rng, scratch);
    release(scratch, 2 * bits, n);
}

/* A random prime p with top bits set and p = 1 modulo 2^zeros, not more */
static void random_prime(BIGNUM *p, unsigned bits, int zeros)
{
    BN_CTX *ctx = BN_CTX_new();
    do {
        BN_rand(p, (int)bits - zeros, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD);
        BN_lshift(p, p, zeros);
        BN_add_word(p, 1);
    } while (BN_check_prime(p, ctx, NULL) != 1);
    BN_CTX_free(ctx);
}

/* Primes: random ones, the greatest of their size (all limbs ones), and those with long runs of
 * zeros in p - 1; every count of them. */
START_TEST(primes_pass)
{
    static const int zeros[] = {1, 2, 31, 32, 33, 51, 52, 63, 64, 65, 104, 128, 200};
    static const BN_ULONG below[RSA_SIZES] = {105, 3453, 1942289};
    const unsigned bits = rsa_sizes[_i] / 2;
    const size_t kinds = sizeof zeros / sizeof *zeros, made = _i ? 4 : kinds;
    BIGNUM *p = BN_new();
    BN_CTX *ctx = BN_CTX_new();
    BN_set_bit(p, (int)bits);
    BN_sub_word(p, below[_i]);
    ck_assert_int_eq(BN_check_prime(p, ctx, NULL), 1);
    put_candidate(0, bits, p);
    for (size_t i = 0; i < made; i++) {
        random_prime(p, bits, zeros[_i ? test_random_below((uint32_t)kinds) : i]);
        put_candidate(1 + i, bits, p);
    }
    for (size_t n = 0; n <= 1 + made; n++) {
        test_primes(n, bits, test_random_below(8), &test_rng);
        for (size_t i = 0; i < n; i++)
            ck_assert_msg(verdict[i] == 1, "prime %zu of %zu", i, n);
        ck_assert_uint_eq(verdict[n], 0xEE);
    }
    test_primes(2, bits, 5, &no_rng);
    ck_assert(!verdict[0] && !verdict[1]);
    BN_free(p);
    BN_CTX_free(ctx);
}
END_TEST

/* n = p (2p - 1) with p = 1 modulo 4 passes every Fermat test to base 2, and a round of
 * Miller-Rabin by a chance of one quarter. */
static void pseudoprime(BIGNUM *n, unsigned bits)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = BN_new(), *q = BN_new();
    do {
        BN_rand(p, (int)bits / 2, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
        BN_clear_bit(p, 1);
        BN_clear_bit(p, (int)bits / 2 - 2); /* 2 p^2 has `bits` bits */
        BN_clear_bit(p, (int)bits / 2 - 3);
        BN_lshift1(q, p);
        BN_sub_word(q, 1);
    } while (BN_check_prime(p, ctx, NULL) != 1 || BN_check_prime(q, ctx, NULL) != 1);
    BN_mul(n, p, q, ctx);
    BN_free(p);
    BN_free(q);
    BN_CTX_free(ctx);
}

/* (6k + 1)(12k + 1)(18k + 1), all prime: a Carmichael number */
static void carmichael(BIGNUM *n, const char *k_hex)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *k = NULL, *factor = BN_new();
    BN_hex2bn(&k, k_hex);
    BN_one(n);
    for (BN_ULONG i = 6; i <= 18; i += 6) {
        BN_copy(factor, k);
        BN_mul_word(factor, i);
        BN_add_word(factor, 1);
        ck_assert_int_eq(BN_check_prime(factor, ctx, NULL), 1);
        BN_mul(n, n, factor, ctx);
    }
    BN_free(k);
    BN_free(factor);
    BN_CTX_free(ctx);
}

/* 2^(n-1) = 1 mod n */
static int passes_fermat(const uint8_t *candidate_bytes, size_t size)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = bn_bytes(candidate_bytes, size), *x = BN_dup(n), *two = BN_new();
    BN_set_word(two, 2);
    BN_sub_word(x, 1);
    BN_mod_exp(x, two, x, n, ctx);
    const int passes = BN_is_one(x);
    BN_free(n);
    BN_free(x);
    BN_free(two);
    BN_CTX_free(ctx);
    return passes;
}

/* Composites of many kinds among primes. */
START_TEST(composites_fail)
{
    static const char *const carmichael_k[RSA_SIZES] = {
        "39C5EF56F8117E4A9075176C1187F5A166D095A2027E61505D901CAAC767A7C4"
        "F98E31AA3CABDAD1CCA99",
        "1657C41045680193F1C07457C22751EE9432B06C0D2AFA2112FC9805F3814007"
        "8D6186B32C0093EAED5F2BFE09828CDE4B32977E2B2668844DA88289AC358B7D",
        NULL};
    const unsigned bits = rsa_sizes[_i] / 2;
    const size_t size = bits / 8;
    uint8_t prime[CANDIDATES] = {0};
    BIGNUM *a = BN_new(), *b = BN_new();
    BN_CTX *ctx = BN_CTX_new();
    for (size_t i = 0; i < CANDIDATES;
         i++) { /* random numbers, products, squares, next to primes */
        prime[i] = i % 5 == 0;
        if (prime[i] || i % 5 == 1) {
            memcpy(candidate[i], i % 10 < 5 ? keys[_i][i / 10 % KEYS].p : keys[_i][i / 10 % KEYS].q,
                   size);
            candidate[i][size - 1] =
                (uint8_t)(candidate[i][size - 1] ^ (prime[i] ? 0 : 2u << test_random_below(7)));
        } else if (i % 5 == 2) {
            test_random(candidate[i], size);
            candidate[i][0] |= 0x80;
            candidate[i][size - 1] |= 1;
        } else {
            BN_rand(a, (int)bits / 2, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD);
            BN_rand(b, (int)bits / 2, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD);
            BN_mul(a, a, i % 5 == 3 ? b : a, ctx);
            put_candidate(i, bits, a);
        }
    }
    if (bits == 1024) {
        pseudoprime(a, bits);
        put_candidate(7, bits, a);
    }
    if (carmichael_k[_i]) {
        carmichael(b, carmichael_k[_i]);
        put_candidate(9, bits, b);
    }
    candidate[11][size - 1] &= 0xFE; /* even */
    memcpy(candidate[12], candidate[0], size);
    candidate[12][0] &= 0x7F; /* too short */
    memset(candidate[13], 0, size);
    memset(candidate[14], 0xFF, size);
    for (size_t i = 0; i < CANDIDATES; i++) {
        bn_put(candidate[i], size, BN_bin2bn(candidate[i], (int)size, a));
        prime[i] = BN_is_bit_set(a, (int)bits - 1) && BN_check_prime(a, ctx, NULL) == 1;
    }
    test_primes(CANDIDATES, bits, MANY_ROUNDS, &test_rng);
    for (size_t i = 0; i < CANDIDATES; i++)
        ck_assert_msg(verdict[i] == prime[i], "candidate %zu", i);
    test_primes(CANDIDATES, bits, 0, &test_rng);
    for (size_t i = 0; i < CANDIDATES; i++) {
        const int fits = candidate[i][0] >> 7 & candidate[i][size - 1] & 1;
        ck_assert_msg(verdict[i] == (fits && passes_fermat(candidate[i], size)), "candidate %zu",
                      i);
    }
    BN_free(a);
    BN_free(b);
    BN_CTX_free(ctx);
}
END_TEST

/* Composites that pass the first test must meet random bases: about a sixth passes one round. */
START_TEST(rounds_have_their_own_bases)
{
    BIGNUM *n = BN_new();
    size_t passed = 0;
    pseudoprime(n, 1024);
    for (size_t i = 0; i < CANDIDATES; i++)
        put_candidate(i, 1024, n);
    for (int k = 0; k < 5; k++) {
        test_primes(CANDIDATES, 1024, 1, &test_rng);
        for (size_t i = 0; i < CANDIDATES; i++)
            passed += verdict[i];
    }
    ck_assert_msg(passed > 2 && passed < 100, "%zu of 200", passed);
    BN_free(n);
}
END_TEST

enum { POOL = 256 };

/* Trial division of a pool, in which alive[i] = 0 was so before */
static void sieve(const uint64_t *pool, unsigned bits, size_t count, uint8_t *alive)
{
    uint8_t *const scratch = lane_scratch(2 * bits, 1);
    ck_assert_uint_le(rsa_ifma8.sieve->pool, POOL);
    ck_assert_uint_eq(rsa_ifma8.sieve->table_size, 0);
    rsa_ifma8.sieve->init(NULL, scratch);
    rsa_ifma8.sieve->run(NULL, pool, bits / 8, count, alive, scratch);
    release(scratch, 2 * bits, 1);
}

/* The sieve drops just those with a prime factor that it knows, and those that are 1 modulo e. */
START_TEST(sieve_drops_multiples)
{
    const unsigned bits = rsa_sizes[_i] / 2;
    const size_t size = bits / 8, count = POOL - (size_t)_i;
    uint8_t alive[POOL], before[POOL];
    uint64_t *const pool = malloc(POOL * size);
    BIGNUM *b = BN_new();
    test_random(pool, POOL * size);
    for (size_t i = 0; i < POOL; i++) {
        pool[i * size / 8] |= 1;
        before[i] = alive[i] = test_random_below(8) != 0;
    }
    for (size_t i = 0; i < POOL; i += 9) { /* 1 modulo e */
        BN_rand(b, (int)bits - 18, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
        BN_mul_word(b, 2 * RSA_E);
        BN_add_word(b, 1);
        ck_assert_int_eq(BN_bn2lebinpad(b, (uint8_t *)(pool + i * size / 8), (int)size), (int)size);
    }
    sieve(pool, bits, count, alive);
    for (size_t i = 0; i < POOL; i++) {
        int falls = 0;
        if (i >= count) {
            ck_assert_uint_eq(alive[i], before[i]);
            continue;
        }
        BN_lebin2bn((const uint8_t *)(pool + i * size / 8), (int)size, b);
        falls |= BN_mod_word(b, RSA_E) == 1;
        for (BN_ULONG p = 3; p < 65380 && !falls; p += 2)
            falls = BN_mod_word(b, p) == 0;
        if (alive[i])
            ck_assert_msg(before[i] && !falls, "candidate %zu stayed", i);
        else if (before[i]) {
            for (BN_ULONG p = 65381; p < 65536 && !falls; p += 2)
                falls = BN_mod_word(b, p) == 0;
            ck_assert_msg(falls, "candidate %zu fell", i);
        }
    }
    free(pool);
    BN_free(b);
}
END_TEST

/* Each small prime by itself: a great prime times it falls, the great prime stays. */
START_TEST(sieve_each_prime)
{
    const unsigned bits = rsa_sizes[_i] / 2;
    const size_t size = bits / 8;
    uint64_t *const pool = calloc(POOL, size);
    uint8_t alive[POOL];
    BIGNUM *b = BN_new(), *great = BN_new();
    size_t n = 0;
    do
        random_prime(great, bits - 16, 1);
    while (BN_mod_word(great, RSA_E) == 1);
    for (BN_ULONG p = 3; p < 65380; p += 2) {
        int composite = 0;
        for (BN_ULONG k = 3; k * k <= p && !composite; k += 2)
            composite = p % k == 0;
        if (!composite) {
            BN_copy(b, great);
            BN_mul_word(b, p);
            BN_bn2lebinpad(b, (uint8_t *)(pool + n * size / 8), (int)size);
            alive[n++] = 1;
        }
        if (n < POOL - 1 && p < 65371)
            continue;
        BN_bn2lebinpad(great, (uint8_t *)(pool + n * size / 8), (int)size);
        alive[n] = 1;
        sieve(pool, bits, n + 1, alive);
        for (size_t i = 0; i < n; i++)
            ck_assert_msg(!alive[i], "prime %zu of those up to %lu stays", i, (unsigned long)p);
        ck_assert(alive[n]);
        n = 0;
    }
    free(pool);
    BN_free(b);
    BN_free(great);
}
END_TEST

/* A key that OpenSSL finds right in all its parts, and whose signature it takes. */
static void check_key(const struct rsa_private *key)
{
    EVP_PKEY *pkey = to_openssl(key);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    ck_assert_int_eq(rsa_private_check(key), 0);
    ck_assert_int_eq(EVP_PKEY_check(ctx), 1);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
}

START_TEST(keys_are_right)
{
    static const int count[RSA_SIZES] = {8, 2, 1};
    struct rsa_private key;
    void *const scratch = keygen_scratch(rsa_sizes[_i]);
    for (int i = 0; i < count[_i]; i++) {
        ck_assert_int_eq(
            rsa_keygen(&rsa_ifma8, &test_rng, rsa_sizes[_i], &key, scratch, NULL, NULL), 0);
        ck_assert_uint_eq(key.pub.bits, rsa_sizes[_i]);
        check_key(&key);
    }
    ck_assert_int_eq(rsa_keygen(&rsa_ifma8, &no_rng, rsa_sizes[_i], &key, scratch, NULL, NULL), -1);
    free(scratch);
}
END_TEST

static void add_tests(Suite *s)
{
    TCase *t = tcase_create("primes and keys");
    tcase_set_timeout(t, 240);
    tcase_add_unchecked_fixture(t, make_keys, NULL);
    tcase_add_loop_test(t, primes_pass, 0, RSA_SIZES);
    tcase_add_loop_test(t, composites_fail, 0, RSA_SIZES);
    tcase_add_test(t, rounds_have_their_own_bases);
    tcase_add_loop_test(t, sieve_drops_multiples, 0, RSA_SIZES);
    tcase_add_loop_test(t, sieve_each_prime, 0, RSA_SIZES);
    tcase_add_loop_test(t, keys_are_right, 0, RSA_SIZES);
    suite_add_tcase(s, t);
}

int main(void)
{
    return run_suite("RSA primes in eight lanes", add_tests);
}

#else

int main(void)
{
    printf("SKIP: not an x86-64\n0 passed, 0 failed, 1 skipped\n");
    return 0;
}

#endif
