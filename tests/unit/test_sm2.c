/* The SM2 schemes: known answers of GB/T 32918.5, ranges, refusals, failing random sources. */
#include <check.h>

#include "firmware/crypto/portable/portable.h"
#include "firmware/crypto/sm2.h"
#include "firmware/crypto/sm3.h"
#include "tests/lib/run.h"
#include "tests/unit/test_sm2_tools.h"

static const struct sm2_ops *const ops = &sm2_portable;

/* A source of the one block k */
static struct rng once(struct blocks *b, const uint8_t *k)
{
    *b = (struct blocks){k, 1, 0};
    return (struct rng){blocks_fill, b};
}

static int zeros(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0)
            return 0;
    }
    return 1;
}

static void join(uint8_t out[64], struct vec *v, const char *first, const char *second)
{
    memcpy(out, vec_exact(v, first, 32), 32);
    memcpy(out + 32, vec_exact(v, second, 32), 32);
}

/* ---- known answers ---- */

START_TEST(sign_vectors)
{
    struct vec *v = vec_open("sm2_sign");
    int cases = 0;
    for (; vec_next(v); cases++) {
        uint8_t pub[64], want[64], z[32], e[32], sig[64], der[SM2_SIGNATURE_DER_MAX];
        struct sm2_sign_key key;
        struct blocks b;
        const struct rng rng = once(&b, vec_exact(v, "k", 32));
        size_t id_size, m_size, der_size;
        const uint8_t *id = vec_bytes(v, "id", &id_size), *m = vec_bytes(v, "m", &m_size);
        const uint8_t *der_want = vec_bytes(v, "der", &der_size);
        ck_assert_int_eq(sm2_public_from_private(ops, vec_exact(v, "d", 32), pub), 0);
        join(want, v, "x", "y");
        ck_assert_mem_eq(pub, want, 64);
        ck_assert_int_eq(sm2_public_check(pub), 0);
        ck_assert_int_eq(sm2_z(id, id_size, pub, z), 0);
        ck_assert_mem_eq(z, vec_exact(v, "z", 32), 32);
        ck_assert_int_eq(sm2_digest(id, id_size, pub, m, m_size, e), 0);
        ck_assert_mem_eq(e, vec_exact(v, "e", 32), 32);
        ck_assert_int_eq(sm2_sign_key(&key, vec_exact(v, "d", 32)), 0);
        ck_assert_int_eq(sm2_sign(ops, &rng, &key, e, sig), 0);
        join(want, v, "r", "s");
        ck_assert_mem_eq(sig, want, 64);
        ck_assert_int_eq(sm2_verify(ops, pub, e, sig), 0);
        ck_assert_uint_eq(sm2_signature_to_der(sig, der), der_size);
        ck_assert_mem_eq(der, der_want, der_size);
        ck_assert_int_eq(sm2_signature_from_der(der_want, der_size, sig), 0);
        ck_assert_mem_eq(sig, want, 64);
    }
    ck_assert_int_gt(cases, 0);
    vec_close(v);
}
END_TEST

START_TEST(encrypt_vectors)
{
    struct vec *v = vec_open("sm2_encrypt");
    int cases = 0;
    for (; vec_next(v); cases++) {
        uint8_t pub[64], want[400], out[400], der[400], plain[300];
        struct blocks b;
        const struct rng rng = once(&b, vec_exact(v, "k", 32));
        size_t n, c2_size, der_size, raw_size;
        const uint8_t *m = vec_bytes(v, "m", &n), *c2 = vec_bytes(v, "c2", &c2_size);
        const uint8_t *der_want = vec_bytes(v, "der", &der_size);
        join(pub, v, "x", "y");
        join(want, v, "c1x", "c1y");
        memcpy(want + 64, vec_exact(v, "c3", 32), 32);
        memcpy(want + 96, c2, c2_size);
        ck_assert_int_eq(sm2_encrypt(&rng, pub, m, n, out), 0);
        ck_assert_uint_eq(n, c2_size);
        ck_assert_mem_eq(out, want, n + 96);
        ck_assert_int_eq(sm2_decrypt(vec_exact(v, "d", 32), out, n + 96, plain), 0);
        ck_assert_mem_eq(plain, m, n);
        ck_assert_uint_eq(sm2_cipher_to_der(out, n + 96, der), der_size);
        ck_assert_mem_eq(der, der_want, der_size);
        ck_assert_int_eq(sm2_cipher_from_der(der_want, der_size, out, &raw_size), 0);
        ck_assert_uint_eq(raw_size, n + 96);
        ck_assert_mem_eq(out, want, n + 96);
    }
    ck_assert_int_gt(cases, 0);
    vec_close(v);
}
END_TEST

/* One side of the exchange in the vector, as A or as B */
static struct sm2_exchange side(struct vec *v, int initiator)
{
    const struct sm2_exchange x = {
        .initiator = initiator,
        .d = vec_exact(v, initiator ? "da" : "db", 32),
        .r = vec_exact(v, initiator ? "ra" : "rb", 32),
        .r_pub = vec_exact(v, initiator ? "ra_point" : "rb_point", 64),
        .peer_pub = vec_exact(v, initiator ? "pb" : "pa", 64),
        .peer_r_pub = vec_exact(v, initiator ? "rb_point" : "ra_point", 64),
        .z_a = vec_exact(v, "za", 32),
        .z_b = vec_exact(v, "zb", 32),
    };
    return x;
}

START_TEST(exchange_vectors)
{
    struct vec *v = vec_open("sm2_exchange");
    ck_assert(vec_next(v));
    for (int initiator = 0; initiator < 2; initiator++) {
        const struct sm2_exchange x = side(v, initiator);
        uint8_t key[33] = {0}, mine[32], peer[32], z[32], pub[64];
        ck_assert_int_eq(sm2_z(sm2_default_id, 16, vec_exact(v, "pa", 64), z), 0);
        ck_assert_mem_eq(z, x.z_a, 32);
        ck_assert_int_eq(sm2_z(sm2_default_id, 16, vec_exact(v, "pb", 64), z), 0);
        ck_assert_mem_eq(z, x.z_b, 32);
        ck_assert_int_eq(sm2_public_from_private(ops, x.r, pub), 0);
        ck_assert_mem_eq(pub, x.r_pub, 64);
        for (size_t n = 1; n <= 32; n++) {
            memset(key, 0, sizeof key);
            ck_assert_int_eq(sm2_exchange(&x, key, n, mine, peer), 0);
            ck_assert_mem_eq(key, vec_exact(v, "key", 32), n);
            ck_assert_uint_eq(key[n], 0);
        }
        ck_assert_mem_eq(mine, vec_exact(v, initiator ? "sa" : "sb", 32), 32);
        ck_assert_mem_eq(peer, vec_exact(v, initiator ? "sb" : "sa", 32), 32);
        memset(key, 0, sizeof key);
        ck_assert_int_eq(sm2_exchange(&x, key, 32, NULL, NULL), 0);
        ck_assert_mem_eq(key, vec_exact(v, "key", 32), 32);
        memset(mine, 0, 32);
        ck_assert_int_eq(sm2_exchange(&x, key, 32, mine, NULL), 0);
        ck_assert_mem_eq(mine, vec_exact(v, initiator ? "sa" : "sb", 32), 32);
    }
    vec_close(v);
}
END_TEST

/* ---- keys ---- */

START_TEST(private_ranges)
{
    static const struct {
        const char *base;
        int delta, good;
    } edge[] = {{"0", 0, 0},
                {"0", 1, 1},
                {"0", 2, 1},
                {SM2_N, -2, 1},
                {SM2_N, -1, 0},
                {SM2_N, 0, 0},
                {SM2_N, 1, 0},
                {SM2_P, 0, 0},
                {"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", 0, 0}};
    for (size_t i = 0; i < sizeof edge / sizeof edge[0]; i++) {
        uint8_t d[32], pub[64], want[64];
        struct sm2_sign_key key;
        const int result = edge[i].good ? 0 : -1;
        near(d, edge[i].base, edge[i].delta);
        memset(&key, 0xA5, sizeof key);
        ck_assert_int_eq(sm2_public_from_private(ops, d, pub), result);
        ck_assert_int_eq(sm2_sign_key(&key, d), result);
        if (edge[i].good) {
            ck_assert(ec_mul(want, d, NULL));
            ck_assert_mem_eq(pub, want, 64);
            ck_assert_mem_eq(key.d, d, 32);
        } else {
            ck_assert(zeros(pub, 64));
            ck_assert(zeros((const uint8_t *)&key, sizeof key));
        }
    }
}
END_TEST

/*
 * Candidates out of range are drawn again; a source that fails or never gives a good one is an
 * error.
 */
START_TEST(keygen_draws)
{
    uint8_t block[20][32], d[32], pub[64], want[64];
    struct blocks b = {block[0], 4, 0};
    const struct rng rng = {blocks_fill, &b};
    near(block[0], SM2_N, 0);
    memset(block[1], 0, 32);
    near(block[2], SM2_N, -1);
    random_private(block[3]);
    ck_assert_int_eq(sm2_keygen(ops, &rng, d, pub), 0);
    ck_assert_uint_eq(b.used, 4);
    ck_assert_mem_eq(d, block[3], 32);
    ck_assert(ec_mul(want, d, NULL));
    ck_assert_mem_eq(pub, want, 64);
    b.used = 0;
    b.n = 3; /* the source fails after three bad ones */
    memset(pub, 0xA5, 64);
    ck_assert_int_eq(sm2_keygen(ops, &rng, d, pub), -1);
    ck_assert(zeros(d, 32) && zeros(pub, 64));
    memset(block, 0xFF, sizeof block); /* a source that is stuck */
    b.used = 0;
    b.n = 20;
    ck_assert_int_eq(sm2_keygen(ops, &rng, d, pub), -1);
    ck_assert_uint_lt(b.used, 20);
    ck_assert(zeros(d, 32) && zeros(pub, 64));
}
END_TEST

/* x + p of a point with a small x is no second name for it. */
START_TEST(public_ranges)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *x = BN_new(), *p = bn_hex(SM2_P), *t = BN_new();
    EC_POINT *point = EC_POINT_new(curve());
    uint8_t pub[64] = {0}, bad[64];
    ck_assert_int_eq(sm2_public_check(pub), -1); /* (0, 0) */
    memset(pub, 0xFF, 64);
    ck_assert_int_eq(sm2_public_check(pub), -1);
    BN_zero(x);
    for (int i = 0; i < 10; i++) {
        while (!EC_POINT_set_compressed_coordinates(curve(), point, x, i & 1, ctx))
            ck_assert(BN_add_word(x, 1));
        ck_assert(ec_bytes(pub, point));
        ck_assert_int_eq(sm2_public_check(pub), 0);
        ck_assert(BN_add(t, x, p));
        memcpy(bad, pub, 64);
        bn_to(bad, t);
        ck_assert_int_eq(sm2_public_check(bad), -1);
        memcpy(bad, pub, 64);
        near(bad + 32, SM2_P, 0); /* y = p */
        ck_assert_int_eq(sm2_public_check(bad), -1);
        memcpy(bad, pub + 32, 32); /* x and y exchanged */
        memcpy(bad + 32, pub, 32);
        ck_assert_int_eq(sm2_public_check(bad), -1);
        ck_assert(BN_add_word(x, 1));
    }
    BN_free(x);
    BN_free(p);
    BN_free(t);
    EC_POINT_free(point);
    BN_CTX_free(ctx);
}
END_TEST

START_TEST(z_limits)
{
    static uint8_t id[SM2_MAX_ID + 1];
    uint8_t d[32], pub[64], z[32], e[32], again[32];
    random_private(d);
    ck_assert_int_eq(sm2_public_from_private(ops, d, pub), 0);
    test_random(id, sizeof id);
    ck_assert_int_eq(sm2_z(id, SM2_MAX_ID, pub, z), 0);
    ck_assert_int_eq(sm2_z(id, SM2_MAX_ID + 1, pub, z), -1);
    ck_assert(zeros(z, 32));
    ck_assert_int_eq(sm2_digest(id, SM2_MAX_ID + 1, pub, "m", 1, e), -1);
    ck_assert(zeros(e, 32));
    ck_assert_int_eq(sm2_z(NULL, 0, pub, z), 0); /* an empty ID is an ID */
    ck_assert_int_eq(sm2_digest(NULL, 0, pub, NULL, 0, e), 0);
    sm3_digest(z, 32, again);
    ck_assert_mem_eq(e, again, 32);
}
END_TEST

/* ---- signatures ---- */

START_TEST(sign_draws)
{
    uint8_t block[20][32], d[32], pub[64], e[32], sig[64];
    struct sm2_sign_key key;
    struct blocks b = {block[0], 3, 0};
    const struct rng rng = {blocks_fill, &b};
    random_private(d);
    ck_assert_int_eq(sm2_sign_key(&key, d), 0);
    ck_assert_int_eq(sm2_public_from_private(ops, d, pub), 0);
    test_random(e, 32);
    memset(block[0], 0, 32);
    near(block[1], SM2_N, 0);
    near(block[2], SM2_N, -1); /* a nonce may be n - 1 */
    ck_assert_int_eq(sm2_sign(ops, &rng, &key, e, sig), 0);
    ck_assert_uint_eq(b.used, 3);
    ck_assert_int_eq(sm2_verify(ops, pub, e, sig), 0);
    b.used = 0;
    b.n = 2;
    ck_assert_int_eq(sm2_sign(ops, &rng, &key, e, sig), -1);
    ck_assert(zeros(sig, 64));
    memset(block, 0, sizeof block);
    b.used = 0;
    b.n = 20;
    ck_assert_int_eq(sm2_sign(ops, &rng, &key, e, sig), -1);
    ck_assert_uint_lt(b.used, 20);
    ck_assert(zeros(sig, 64));
}
END_TEST

START_TEST(verify_refuses)
{
    uint8_t d[32], pub[64], e[32], sig[64], bad[64];
    struct sm2_sign_key key;
    random_private(d);
    ck_assert_int_eq(sm2_sign_key(&key, d), 0);
    ck_assert_int_eq(sm2_public_from_private(ops, d, pub), 0);
    test_random(e, 32);
    ck_assert_int_eq(sm2_sign(ops, &test_rng, &key, e, sig), 0);
    ck_assert_int_eq(sm2_verify(ops, pub, e, sig), 0);
    for (int i = 0; i < 64; i++) {
        memcpy(bad, sig, 64);
        bad[i] ^= 0x10;
        ck_assert_int_eq(sm2_verify(ops, pub, e, bad), -1);
        memcpy(bad, pub, 64);
        bad[i] ^= 0x10; /* a key off the curve */
        ck_assert_int_eq(sm2_verify(ops, bad, e, sig), -1);
    }
    memset(bad, 0, 64);
    ck_assert_int_eq(sm2_verify(ops, bad, e, sig), -1);
    ck_assert_int_eq(sm2_verify(ops, pub, e, bad), -1);
    e[0] ^= 1;
    ck_assert_int_eq(sm2_verify(ops, pub, e, sig), -1);
}
END_TEST

/* ---- encryption ---- */

START_TEST(encrypt_sizes)
{
    static uint8_t m[3000], out[3000], c[3000 + SM2_CIPHER_OVERHEAD];
    uint8_t d[32], pub[64];
    ck_assert_int_eq(sm2_keygen(ops, &test_rng, d, pub), 0);
    for (size_t n = 1; n <= sizeof m; n += n < 130 ? 1 : 287) {
        test_random(m, n);
        ck_assert_int_eq(sm2_encrypt(&test_rng, pub, m, n, c), 0);
        ck_assert_int_eq(sm2_public_check(c), 0);
        ck_assert_int_eq(sm2_decrypt(d, c, n + SM2_CIPHER_OVERHEAD, out), 0);
        ck_assert_mem_eq(m, out, n);
    }
}
END_TEST

/* KDF(x2 || y2) for the first byte of text, with nonce k */
static uint8_t key_stream(const uint8_t k[32], const uint8_t pub[64], uint8_t shared[64])
{
    uint8_t t;
    ck_assert(ec_mul(shared, k, pub));
    sm3_kdf(shared, 64, &t, 1);
    return t;
}

/*
 * A key stream of zeros would send the text in clear: drawn again by one side, refused by the
 * other.
 */
START_TEST(zero_key_stream)
{
    uint8_t d[32], pub[64], shared[64], c[SM2_CIPHER_OVERHEAD + 1], c1[64], block[2][32], out;
    struct blocks b = {block[0], 2, 0};
    const struct rng rng = {blocks_fill, &b};
    struct sm3 h;
    const uint8_t m = 0xC3;
    ck_assert_int_eq(sm2_keygen(ops, &test_rng, d, pub), 0);
    do
        random_private(block[0]);
    while (key_stream(block[0], pub, shared) != 0);
    do
        random_private(block[1]);
    while (key_stream(block[1], pub, shared) == 0);
    ck_assert_int_eq(sm2_encrypt(&rng, pub, &m, 1, c), 0);
    ck_assert_uint_eq(b.used, 2);
    ck_assert(ec_mul(c1, block[1], NULL));
    ck_assert_mem_eq(c, c1, 64);
    ck_assert_int_eq(sm2_decrypt(d, c, sizeof c, &out), 0);
    ck_assert_uint_eq(out, m);
    b.used = 0;
    b.n = 1; /* no more nonces */
    ck_assert_int_eq(sm2_encrypt(&rng, pub, &m, 1, c), -1);
    ck_assert(zeros(c, sizeof c));
    (void)key_stream(block[0], pub, shared); /* all right but for the stream */
    ck_assert(ec_mul(c, block[0], NULL));
    sm3_init(&h);
    sm3_update(&h, shared, 32);
    sm3_update(&h, &m, 1);
    sm3_update(&h, shared + 32, 32);
    sm3_final(&h, c + 64);
    c[96] = m;
    out = 0xA5;
    ck_assert_int_eq(sm2_decrypt(d, c, sizeof c, &out), -1);
    ck_assert_uint_eq(out, 0);
}
END_TEST

/* out = (a - b - c) mod n, all big-endian */
static void subtract(uint8_t out[32], const uint8_t a[32], const uint8_t b[32], const uint8_t c[32])
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = NULL, *x = BN_bin2bn(a, 32, NULL), *y = BN_bin2bn(b, 32, NULL),
           *z = BN_bin2bn(c, 32, NULL);
    BN_hex2bn(&n, SM2_N);
    BN_mod_sub(x, x, y, n, ctx);
    BN_mod_sub(x, x, z, n, ctx);
    BN_bn2binpad(x, out, 32);
    BN_free(n);
    BN_free(x);
    BN_free(y);
    BN_free(z);
    BN_CTX_free(ctx);
}

/* With a nonce made ahead: the engine's own signature, and the same refusals. */
START_TEST(ready_signatures)
{
    static const uint8_t zero[32];
    uint8_t d[32], pub[64], e[1][32], k[1][32], kg[64], want[1][64], sig[64], ok, n[32];
    _Alignas(64) uint8_t scratch[SM2_SCRATCH_ONE];
    struct sm2_sign_key key;
    const struct sm2_sign_key *const keys[] = {&key};
    ck_assert_int_eq(sm2_keygen(ops, &test_rng, d, pub), 0);
    ck_assert_int_eq(sm2_sign_key(&key, d), 0);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(sm2_keygen(ops, &test_rng, k[0], kg), 0);
        test_random(e[0], 32);
        if (i < 2)
            memset(e[0], i ? 0xFF : 0, 32);
        ops->sign(1, keys, (const uint8_t(*)[32])e, (const uint8_t(*)[32])k, want, &ok, scratch);
        ck_assert_int_eq(ok, 1);
        ck_assert_int_eq(sm2_sign_ready(&key, e[0], k[0], kg, sig), 0);
        ck_assert_mem_eq(sig, want[0], 64);
        ck_assert_int_eq(sm2_verify(ops, pub, e[0], sig), 0);
    }
    subtract(e[0], zero, kg, zero); /* r = 0 */
    ck_assert_int_eq(sm2_sign_ready(&key, e[0], k[0], kg, sig), -1);
    ck_assert(zeros(sig, 64));
    subtract(e[0], zero, kg, k[0]); /* r + k = n */
    ck_assert_int_eq(sm2_sign_ready(&key, e[0], k[0], kg, sig), -1);
    ck_assert(zeros(sig, 64));
    near(n, SM2_N, 0);
    ck_assert_int_eq(sm2_sign_ready(&key, d, n, kg, sig), -1);
    ck_assert_int_eq(sm2_sign_ready(&key, d, zero, kg, sig), -1);
    ck_assert(zeros(sig, 64));
}
END_TEST

START_TEST(encrypt_refuses)
{
    uint8_t d[32], pub[64], m[20] = {1}, c[20 + SM2_CIPHER_OVERHEAD];
    struct blocks none = {NULL, 0, 0};
    const struct rng empty = {blocks_fill, &none};
    static uint8_t stuck[100][32];
    struct blocks zero = {stuck[0], 100, 0};
    const struct rng zero_rng = {blocks_fill, &zero};
    ck_assert_int_eq(sm2_keygen(ops, &test_rng, d, pub), 0);
    memset(c, 0xA5, sizeof c);
    ck_assert_int_eq(sm2_encrypt(&empty, pub, m, 20, c), -1);
    ck_assert(zeros(c, sizeof c));
    ck_assert_int_eq(sm2_encrypt(&zero_rng, pub, m, 20, c), -1);
    ck_assert_uint_lt(zero.used, 100);
    ck_assert(zeros(c, sizeof c));
    ck_assert_int_eq(sm2_encrypt(&test_rng, pub, m, 0, c), -1);
    pub[63] ^= 1;
    memset(c, 0xA5, sizeof c);
    ck_assert_int_eq(sm2_encrypt(&test_rng, pub, m, 20, c), -1);
    ck_assert(zeros(c, sizeof c));
    memset(pub, 0, 64);
    ck_assert_int_eq(sm2_encrypt(&test_rng, pub, m, 20, c), -1);
}
END_TEST

START_TEST(decrypt_refuses)
{
    enum { N = 40, ALL = N + SM2_CIPHER_OVERHEAD };
    uint8_t d[32], other[32], pub[64], m[N], c[ALL], bad[ALL], out[N];
    ck_assert_int_eq(sm2_keygen(ops, &test_rng, d, pub), 0);
    test_random(m, N);
    ck_assert_int_eq(sm2_encrypt(&test_rng, pub, m, N, c), 0);
    for (size_t i = 0; i < ALL; i++) {
        memcpy(bad, c, ALL);
        bad[i] ^= 0x04;
        memset(out, 0xA5, N);
        ck_assert_int_eq(sm2_decrypt(d, bad, ALL, out), -1);
        ck_assert(zeros(out, N));
    }
    for (size_t n = 0; n < ALL; n++)
        ck_assert_int_eq(sm2_decrypt(d, c, n, out), -1);
    random_private(other);
    ck_assert_int_eq(sm2_decrypt(other, c, ALL, out), -1);
    memset(other, 0, 32);
    ck_assert_int_eq(sm2_decrypt(other, c, ALL, out), -1);
    near(other, SM2_N, -1);
    ck_assert_int_eq(sm2_decrypt(other, c, ALL, out), -1);
    memset(bad, 0, 64); /* C1 = (0, 0) */
    memcpy(bad + 64, c + 64, ALL - 64);
    ck_assert_int_eq(sm2_decrypt(d, bad, ALL, out), -1);
    ck_assert_int_eq(sm2_decrypt(d, c, ALL, out), 0);
    ck_assert_mem_eq(out, m, N);
}
END_TEST

/* ---- key exchange ---- */

struct party {
    uint8_t d[32], pub[64], r[32], r_pub[64], z[32];
};

static void party_new(struct party *p)
{
    ck_assert_int_eq(sm2_keygen(ops, &test_rng, p->d, p->pub), 0);
    ck_assert_int_eq(sm2_keygen(ops, &test_rng, p->r, p->r_pub), 0);
    ck_assert_int_eq(sm2_z("id", 2, p->pub, p->z), 0);
}

static struct sm2_exchange between(const struct party *me, const struct party *peer, int initiator)
{
    const struct sm2_exchange x = {initiator,
                                   me->d,
                                   me->r,
                                   me->r_pub,
                                   peer->pub,
                                   peer->r_pub,
                                   initiator ? me->z : peer->z,
                                   initiator ? peer->z : me->z};
    return x;
}

static void expect_refusal(const struct sm2_exchange *x)
{
    uint8_t key[50], s[2][32];
    memset(key, 0xA5, sizeof key);
    memset(s, 0xA5, sizeof s);
    ck_assert_int_eq(sm2_exchange(x, key, sizeof key, s[0], s[1]), -1);
    ck_assert(zeros(key, sizeof key) && zeros(s[0], 32) && zeros(s[1], 32));
}

START_TEST(exchange_agrees)
{
    for (int i = 0; i < 20; i++) {
        struct party a, b;
        uint8_t ka[50], kb[50], sa[2][32], sb[2][32];
        party_new(&a);
        party_new(&b);
        const struct sm2_exchange xa = between(&a, &b, 1), xb = between(&b, &a, 0);
        ck_assert_int_eq(sm2_exchange(&xa, ka, sizeof ka, sa[0], sa[1]), 0);
        ck_assert_int_eq(sm2_exchange(&xb, kb, sizeof kb, sb[0], sb[1]), 0);
        ck_assert_mem_eq(ka, kb, sizeof ka);
        ck_assert_mem_eq(sa[0], sb[1], 32);
        ck_assert_mem_eq(sa[1], sb[0], 32);
        ck_assert_mem_ne(sa[0], sa[1], 32);
        const struct sm2_exchange same_role = between(&b, &a, 1);
        ck_assert_int_eq(sm2_exchange(&same_role, kb, sizeof kb, NULL, NULL), 0);
        ck_assert_mem_ne(ka, kb, sizeof ka);
    }
}
END_TEST

START_TEST(exchange_refuses)
{
    struct party a, b;
    struct sm2_exchange x;
    uint8_t bad[64], number[32];
    party_new(&a);
    party_new(&b);
    x = between(&a, &b, 1);
    memcpy(bad, b.pub, 64);
    bad[5] ^= 1;
    x.peer_pub = bad;
    expect_refusal(&x);
    x = between(&a, &b, 1);
    memcpy(bad, b.r_pub, 64);
    bad[60] ^= 1;
    x.peer_r_pub = bad;
    expect_refusal(&x);
    memset(bad, 0, 64);
    expect_refusal(&x);
    x = between(&a, &b, 0);
    memset(number, 0, 32);
    x.d = number;
    expect_refusal(&x);
    near(number, SM2_N, -1);
    expect_refusal(&x);
    x = between(&a, &b, 0);
    memset(number, 0, 32);
    x.r = number;
    expect_refusal(&x);
    near(number, SM2_N, 0);
    expect_refusal(&x);
}
END_TEST

/* 2^127 + (x mod 2^127) */
static BIGNUM *short_x(const uint8_t point[64])
{
    BIGNUM *x = bn_from(point);
    if (BN_num_bits(x) > 127)
        ck_assert(BN_mask_bits(x, 127));
    ck_assert(BN_set_bit(x, 127));
    return x;
}

/* A static key that makes U infinity: P = -[x]R for the peer, d = -x r for ourselves. */
START_TEST(exchange_meets_infinity)
{
    for (int own = 0; own < 2; own++) {
        struct party a, b;
        BN_CTX *ctx = BN_CTX_new();
        BIGNUM *n = bn_hex(SM2_N), *x, *r;
        party_new(&a);
        party_new(&b);
        struct party *p = own ? &a : &b;
        x = short_x(p->r_pub);
        r = bn_from(p->r);
        ck_assert(BN_mod_mul(x, x, r, n, ctx) && BN_mod_sub(x, n, x, n, ctx));
        bn_to(p->d, x);
        ck_assert_int_eq(sm2_public_from_private(ops, p->d, p->pub), 0);
        const struct sm2_exchange ex = between(&a, &b, 1);
        expect_refusal(&ex);
        BN_free(n);
        BN_free(x);
        BN_free(r);
        BN_CTX_free(ctx);
    }
}
END_TEST

/* The peer's static point is [x]R itself: its sum is a doubling. */
START_TEST(exchange_meets_equal_points)
{
    struct party a, b;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = bn_hex(SM2_N), *x, *r;
    uint8_t ka[32], kb[32];
    party_new(&a);
    party_new(&b);
    x = short_x(b.r_pub);
    r = bn_from(b.r);
    ck_assert(BN_mod_mul(x, x, r, n, ctx));
    bn_to(b.d, x);
    ck_assert_int_eq(sm2_public_from_private(ops, b.d, b.pub), 0);
    const struct sm2_exchange xa = between(&a, &b, 1), xb = between(&b, &a, 0);
    ck_assert_int_eq(sm2_exchange(&xa, ka, 32, NULL, NULL), 0);
    ck_assert_int_eq(sm2_exchange(&xb, kb, 32, NULL, NULL), 0);
    ck_assert_mem_eq(ka, kb, 32);
    BN_free(n);
    BN_free(x);
    BN_free(r);
    BN_CTX_free(ctx);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sm2");
    TCase *t = tcase_create("sm2");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, sign_vectors);
    tcase_add_test(t, encrypt_vectors);
    tcase_add_test(t, exchange_vectors);
    tcase_add_test(t, private_ranges);
    tcase_add_test(t, keygen_draws);
    tcase_add_test(t, public_ranges);
    tcase_add_test(t, z_limits);
    tcase_add_test(t, sign_draws);
    tcase_add_test(t, verify_refuses);
    tcase_add_test(t, encrypt_sizes);
    tcase_add_test(t, zero_key_stream);
    tcase_add_test(t, ready_signatures);
    tcase_add_test(t, encrypt_refuses);
    tcase_add_test(t, decrypt_refuses);
    tcase_add_test(t, exchange_agrees);
    tcase_add_test(t, exchange_refuses);
    tcase_add_test(t, exchange_meets_infinity);
    tcase_add_test(t, exchange_meets_equal_points);
    suite_add_tcase(s, t);
    test_seed();
    return suite_run(s);
}
