/*
 * RSA in eight lanes against the portable engine and OpenSSL: every count of items around the
 * lanes, all sizes, wrong items among right ones, numbers that need each carry, primes and what
 * looks like them, the sieve, and the keys that come out.
 */
#include <stdio.h>

#include "tests/unit/test_rsa_tools.h"

#include "firmware/crypto/ifma8/ifma8.h"
#include "firmware/crypto/rsa_internal.h"

#if HUFU_IFMA8

enum { ITEMS = 20, KEYS = 3, GUARD = 64 };

static struct rsa_private keys[RSA_SIZES][KEYS];
static uint8_t in[ITEMS][RSA_MAX_BYTES], out[ITEMS][RSA_MAX_BYTES], right[ITEMS][RSA_MAX_BYTES];
static uint8_t ok[ITEMS];
static const struct rsa_private *key_of[ITEMS];

/* Scratch of just the promised size, with a guard behind it */
static uint8_t *lane_scratch(unsigned bits, size_t n)
{
    const size_t size = rsa_ifma8.scratch(bits, n);
    void *p = NULL;
    ck_assert_int_eq(posix_memalign(&p, 64, size + GUARD), 0);
    memset(p, 0x5A, size + GUARD);
    return p;
}

/* The guard is whole, and nothing but zeros is left where something was written. */
static void release(uint8_t *scratch, unsigned bits, size_t n)
{
    const size_t size = rsa_ifma8.scratch(bits, n);
    size_t left = 0, broken = 0; /* an assertion for each byte would take its time */
    for (size_t i = 0; i < size; i++)
        left += scratch[i] != 0 && scratch[i] != 0x5A;
    for (size_t i = 0; i < GUARD; i++)
        broken += scratch[size + i] != 0x5A;
    ck_assert_msg(!left, "%zu bytes of scratch remain", left);
    ck_assert_msg(!broken, "%zu bytes behind the scratch are written", broken);
    free(scratch);
}

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

static void *keygen_scratch(unsigned bits)
{
    void *p = NULL;
    const size_t size =
        rsa_keygen_room(&rsa_ifma8, bits) + rsa_ifma8.scratch(bits, rsa_ifma8.lanes);
    ck_assert_int_eq(posix_memalign(&p, 64, size), 0);
    return p;
}

/* A kept key of OpenSSL's, and new ones of this engine's (OpenSSL would take seconds for them);
 * keys_are_right tests such keys */
static void make_keys(void)
{
    for (size_t k = 0; k < RSA_SIZES; k++) {
        void *const scratch = keygen_scratch(rsa_sizes[k]);
        kept_key(rsa_sizes[k], &keys[k][0]);
        for (size_t i = 1; i < KEYS; i++)
            ck_assert_int_eq(
                rsa_keygen(&rsa_ifma8, &test_rng, rsa_sizes[k], &keys[k][i], scratch, NULL, NULL),
                0);
        free(scratch);
    }
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
    for (size_t n = 0; n <= ITEMS; n++) {
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
        x[size - 1] = (uint8_t)(x[size - 1] - (which - 1));
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
    for (int round = 0; round < 4; round++) {
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
    for (int round = 0; round < 12; round++) {
        const size_t n = 1 + test_random_below(ITEMS), size = rsa_sizes[_i] / 8;
        uint8_t bad[ITEMS];
        random_items((size_t)_i, n);
        for (size_t i = 0; i < n; i++) {
            copy[i] = *key_of[i];
            key_of[i] = &copy[i];
            bad[i] = i && test_random_below(3) == 0;
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

static int no_random(void *ctx, void *to, size_t n)
{
    (void)ctx;
    (void)to;
    (void)n;
    return -1;
}

static const struct rng broken_rng = {no_random, NULL};

START_TEST(no_randomness_no_result)
{
    for (size_t n = 1; n <= 9; n++) {
        random_items(0, n);
        run(n, &broken_rng);
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

enum { CANDIDATES = 40, MANY_ROUNDS = 30 };

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
        test_primes(n, bits, 1 + test_random_below(7), &test_rng);
        for (size_t i = 0; i < n; i++)
            ck_assert_msg(verdict[i] == 1, "prime %zu of %zu", i, n);
        ck_assert_uint_eq(verdict[n], 0xEE);
    }
    test_primes(2, bits, 5, &broken_rng);
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
    BN_free(a);
    BN_free(b);
    BN_CTX_free(ctx);
}
END_TEST

/* Composites that pass the first test must meet random bases: about a quarter passes one round. */
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
    ck_assert_msg(passed > 10 && passed < 100, "%zu of 200", passed);
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
    random_prime(great, bits - 16, 1);
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
    ck_assert_int_eq(rsa_keygen(&rsa_ifma8, &broken_rng, rsa_sizes[_i], &key, scratch, NULL, NULL),
                     -1);
    free(scratch);
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
    tcase_add_loop_test(t, wrong_among_right, 0, RSA_SIZES);
    tcase_add_test(t, no_randomness_no_result);
    tcase_add_test(t, in_place_and_mixed);
    tcase_add_test(t, other_exponents);
    suite_add_tcase(s, t);
    t = tcase_create("primes and keys");
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
    if (!ifma8_usable()) {
        printf("SKIP: this processor has no AVX-512 IFMA\n0 passed, 0 failed, 1 skipped\n");
        return 0;
    }
    test_seed();
    Suite *s = suite_create("RSA in eight lanes");
    add_tests(s);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#else

int main(void)
{
    printf("SKIP: not an x86-64\n0 passed, 0 failed, 1 skipped\n");
    return 0;
}

#endif
