/*
 * The encodings of RSA: PKCS#1 v1.5, PSS and OAEP against OpenSSL and Botan in both directions,
 * every kind of bad padding, and the limits of each size.
 */
#include "tests/lib/run.h"
#include "tests/unit/test_rsa_tools.h"

#include <botan/ffi.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "firmware/crypto/rsa_internal.h"

enum { BYTES = RSA_MAX_BYTES, ALGS = 6 };

static const struct {
    enum hash_alg alg;
    const char *name, *botan;
    int openssl_signs; /* OpenSSL 3.0 does not sign with SM3 */
} algs[ALGS] = {
    {HASH_SM3, "sm3", "SM3", 0},           {HASH_SHA1, "sha1", "SHA-1", 1},
    {HASH_SHA224, "sha224", "SHA-224", 1}, {HASH_SHA256, "sha256", "SHA-256", 1},
    {HASH_SHA384, "sha384", "SHA-384", 1}, {HASH_SHA512, "sha512", "SHA-512", 1},
};

/* The same key three times; made once, before the tests fork. */
static struct {
    struct rsa_private key;
    EVP_PKEY *pkey;
    botan_privkey_t bpriv;
    botan_pubkey_t bpub;
    void *scratch;
} keys[RSA_SIZES];
static botan_rng_t botan_rng;

static void botan_load(size_t i)
{
    const struct rsa_private *key = &keys[i].key;
    const size_t h = key->pub.bits / 16;
    botan_mp_t p, q, e;
    ck_assert(!botan_mp_init(&p) && !botan_mp_init(&q) && !botan_mp_init(&e));
    ck_assert(!botan_mp_from_bin(p, key->p, h) && !botan_mp_from_bin(q, key->q, h));
    ck_assert(!botan_mp_set_from_int(e, (int)key->pub.e));
    ck_assert_int_eq(botan_privkey_load_rsa(&keys[i].bpriv, p, q, e), 0);
    ck_assert_int_eq(botan_privkey_export_pubkey(&keys[i].bpub, keys[i].bpriv), 0);
    botan_mp_destroy(p);
    botan_mp_destroy(q);
    botan_mp_destroy(e);
}

static void setup(void)
{
    ck_assert_int_eq(botan_rng_init(&botan_rng, "user"), 0);
    for (size_t i = 0; i < RSA_SIZES; i++) {
        kept_key(rsa_sizes[i], &keys[i].key);
        keys[i].pkey = to_openssl(&keys[i].key);
        keys[i].scratch = tools_scratch(rsa_sizes[i]);
        botan_load(i);
    }
}

static void teardown(void)
{
    for (size_t i = 0; i < RSA_SIZES; i++) {
        EVP_PKEY_free(keys[i].pkey);
        botan_pubkey_destroy(keys[i].bpub);
        botan_privkey_destroy(keys[i].bpriv);
        free(keys[i].scratch);
    }
    botan_rng_destroy(botan_rng);
}

static void private_op(size_t i, const uint8_t *em, uint8_t *out)
{
    ck_assert_int_eq(rsa_private_op(ops, &test_rng, &keys[i].key, em, out, keys[i].scratch), 0);
}

static void public_op(size_t i, const uint8_t *in, uint8_t *em)
{
    ck_assert_int_eq(rsa_public_op(ops, &keys[i].key.pub, in, em, keys[i].scratch), 0);
}

static const EVP_MD *md(size_t a)
{
    return EVP_get_digestbyname(algs[a].name);
}

/* A context of OpenSSL with this padding; a >= ALGS: without a digest */
enum use { SIGN, VERIFY, ENCRYPT, DECRYPT };

static EVP_PKEY_CTX *openssl_ctx(size_t i, enum use use, int padding, size_t a)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(keys[i].pkey, NULL);
    ck_assert_int_eq(use == SIGN      ? EVP_PKEY_sign_init(ctx)
                     : use == VERIFY  ? EVP_PKEY_verify_init(ctx)
                     : use == ENCRYPT ? EVP_PKEY_encrypt_init(ctx)
                                      : EVP_PKEY_decrypt_init(ctx),
                     1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
    if (a < ALGS && padding == RSA_PKCS1_OAEP_PADDING) {
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md(a)), 1);
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md(a)), 1);
    } else if (a < ALGS) {
        ck_assert_int_eq(EVP_PKEY_CTX_set_signature_md(ctx, md(a)), 1);
    }
    return ctx;
}

static size_t alg_of(struct vec *v)
{
    for (size_t a = 0; a < ALGS; a++)
        if (!strcmp(vec_text(v, "alg"), algs[a].name))
            return a;
    ck_abort_msg("line %d: unknown algorithm", vec_line(v));
    return 0;
}

static void vector_signature(struct vec *v, size_t i, int pss)
{
    const unsigned bits = rsa_sizes[i];
    const enum hash_alg alg = algs[alg_of(v)].alg;
    const size_t h = hash_size(alg);
    const uint8_t *digest = vec_exact(v, "digest", h), *sig = vec_exact(v, "signature", bits / 8);
    uint8_t em[BYTES], out[BYTES];
    size_t salt_size = 0;
    const uint8_t *salt = pss ? vec_bytes(v, "salt", &salt_size) : NULL;
    ck_assert_int_eq(pss ? rsa_pss_pad(bits, alg, digest, h, salt, salt_size, em)
                         : rsa_pkcs1_sign_pad(bits, (int)alg, digest, h, em),
                     0);
    private_op(i, em, out);
    ck_assert_msg(!memcmp(out, sig, bits / 8), "line %d", vec_line(v));
    public_op(i, sig, em);
    ck_assert_int_eq(pss ? rsa_pss_verify(bits, alg, digest, h, salt_size, em)
                         : rsa_pkcs1_verify(bits, (int)alg, digest, h, em),
                     0);
}

static void vector_cipher(struct vec *v, size_t i, int oaep)
{
    const unsigned bits = rsa_sizes[i];
    const uint8_t *cipher = vec_exact(v, "cipher", bits / 8);
    uint8_t em[BYTES], out[BYTES];
    size_t n, plain_size, label_size = 0;
    const uint8_t *plain = vec_bytes(v, "plain", &plain_size);
    const uint8_t *label = oaep ? vec_bytes(v, "label", &label_size) : NULL;
    private_op(i, cipher, em);
    ck_assert_int_eq(oaep
                         ? rsa_oaep_unpad(bits, algs[alg_of(v)].alg, label, label_size, em, out, &n)
                         : rsa_pkcs1_decrypt_unpad(&keys[i].key, cipher, em, out, &n),
                     0);
    ck_assert_msg(n == plain_size, "line %d", vec_line(v));
    ck_assert_msg(!memcmp(out, plain, n), "line %d", vec_line(v));
}

START_TEST(vectors)
{
    struct vec *v = vec_open("rsa");
    size_t i = 0;
    int cases = 0;
    while (vec_next(v)) {
        const char *type = vec_text(v, "type");
        if (!strcmp(type, "key"))
            for (i = 0; rsa_sizes[i] != vec_number(v, "bits"); i++)
                ;
        if (!strcmp(type, "pkcs1") || !strcmp(type, "pss"))
            vector_signature(v, i, !strcmp(type, "pss"));
        if (!strcmp(type, "oaep") || !strcmp(type, "decrypt"))
            vector_cipher(v, i, !strcmp(type, "oaep"));
        cases++;
    }
    vec_close(v);
    ck_assert_int_ge(cases, 45);
}
END_TEST

/* ------------------------------------------------------------ v1.5 signatures */

static void openssl_pkcs1(size_t i, size_t a, const uint8_t *digest, const uint8_t *sig)
{
    const size_t h = hash_size(algs[a].alg), k = rsa_sizes[i] / 8;
    uint8_t theirs[BYTES], em[BYTES];
    size_t n = sizeof theirs;
    EVP_PKEY_CTX *ctx = openssl_ctx(i, VERIFY, RSA_PKCS1_PADDING, a);
    ck_assert_int_eq(EVP_PKEY_verify(ctx, sig, k, digest, h), 1);
    EVP_PKEY_CTX_free(ctx);
    ctx = openssl_ctx(i, SIGN, RSA_PKCS1_PADDING, a);
    ck_assert_int_eq(EVP_PKEY_sign(ctx, theirs, &n, digest, h), 1);
    EVP_PKEY_CTX_free(ctx);
    ck_assert_mem_eq(theirs, sig, k);
    public_op(i, theirs, em);
    ck_assert_int_eq(rsa_pkcs1_verify(rsa_sizes[i], (int)algs[a].alg, digest, h, em), 0);
}

static void botan_verifies(size_t i, const char *padding, const uint8_t *m, size_t n,
                           const uint8_t *sig)
{
    botan_pk_op_verify_t op;
    ck_assert_int_eq(botan_pk_op_verify_create(&op, keys[i].bpub, padding, 0), 0);
    ck_assert_int_eq(botan_pk_op_verify_update(op, m, n), 0);
    ck_assert_int_eq(botan_pk_op_verify_finish(op, sig, rsa_sizes[i] / 8), 0);
    botan_pk_op_verify_destroy(op);
}

static void botan_signs(size_t i, const char *padding, const uint8_t *m, size_t n, uint8_t *sig)
{
    botan_pk_op_sign_t op;
    size_t size = rsa_sizes[i] / 8;
    ck_assert_int_eq(botan_pk_op_sign_create(&op, keys[i].bpriv, padding, 0), 0);
    ck_assert_int_eq(botan_pk_op_sign_update(op, m, n), 0);
    ck_assert_int_eq(botan_pk_op_sign_finish(op, botan_rng, sig, &size), 0);
    ck_assert_uint_eq(size, rsa_sizes[i] / 8);
    botan_pk_op_sign_destroy(op);
}

START_TEST(pkcs1_signatures)
{
    const size_t i = (size_t)_i / ALGS, a = (size_t)_i % ALGS;
    const unsigned bits = rsa_sizes[i];
    const int alg = (int)algs[a].alg;
    const size_t h = hash_size(algs[a].alg);
    uint8_t message[100], digest[64], em[BYTES], sig[BYTES], theirs[BYTES];
    char padding[32];
    snprintf(padding, sizeof padding, "EMSA3(%s)", algs[a].botan);
    for (int round = 0; round < 2; round++) {
        test_random(message, sizeof message);
        hash_digest(algs[a].alg, message, sizeof message, digest);
        ck_assert_int_eq(rsa_pkcs1_sign_pad(bits, alg, digest, h, em), 0);
        private_op(i, em, sig);
        if (algs[a].openssl_signs)
            openssl_pkcs1(i, a, digest, sig);
        botan_verifies(i, padding, message, sizeof message, sig);
        botan_signs(i, padding, message, sizeof message, theirs);
        ck_assert_mem_eq(theirs, sig, bits / 8);
    }
    for (size_t j = 0; j < bits / 8; j++) { /* no byte of the encoding may differ */
        em[j] ^= (uint8_t)(1 + test_random_below(255));
        ck_assert_int_eq(rsa_pkcs1_verify(bits, alg, digest, h, em), -1);
        ck_assert_int_eq(rsa_pkcs1_sign_pad(bits, alg, digest, h, em), 0);
    }
    digest[h - 1] ^= 1;
    ck_assert_int_eq(rsa_pkcs1_verify(bits, alg, digest, h, em), -1);
    ck_assert_int_eq(rsa_pkcs1_sign_pad(bits, alg, digest, h - 1, em), -1);
    ck_assert_int_eq(rsa_pkcs1_sign_pad(bits, alg, digest, h + 1, em), -1);
    ck_assert_int_eq(rsa_pkcs1_sign_pad(bits, alg, digest, 0, em), -1);
    ck_assert_int_eq(rsa_pkcs1_sign_pad(1024, alg, digest, h, em), -1);
}
END_TEST

/* A signature whose padding is cut short with something behind it (Bleichenbacher 2006), or whose
 * DigestInfo lacks the NULL */
START_TEST(pkcs1_forgeries)
{
    uint8_t digest[32], em[256], good[256];
    test_random(digest, sizeof digest);
    ck_assert_int_eq(rsa_pkcs1_sign_pad(2048, HASH_SHA256, digest, 32, good), 0);
    const size_t t = 51;
    memset(em, 0, sizeof em);
    em[1] = 1;
    memset(em + 2, 0xFF, 8);
    memcpy(em + 11, good + 256 - t, t);
    test_random(em + 11 + t, sizeof em - 11 - t);
    ck_assert_int_eq(rsa_pkcs1_verify(2048, HASH_SHA256, digest, 32, em), -1);
    static const uint8_t no_null[] = {0x30, 0x2F, 0x30, 0x0B, 0x06, 0x09, 0x60, 0x86, 0x48,
                                      0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x04, 0x20};
    uint8_t info[sizeof no_null + 32];
    memcpy(info, no_null, sizeof no_null);
    memcpy(info + sizeof no_null, digest, 32);
    ck_assert_int_eq(rsa_pkcs1_sign_pad(2048, 0, info, sizeof info, em), 0);
    ck_assert_int_eq(rsa_pkcs1_verify(2048, HASH_SHA256, digest, 32, em), -1);
}
END_TEST

START_TEST(pkcs1_ready_digest_info)
{
    const size_t i = (size_t)_i, k = rsa_sizes[i] / 8;
    uint8_t info[BYTES], em[BYTES], sig[BYTES], theirs[BYTES], digest[32];
    const size_t lengths[] = {0, 1, 51, k - 12, k - 11};
    for (size_t j = 0; j < 5; j++) {
        size_t n = sizeof theirs;
        test_random(info, lengths[j]);
        ck_assert_int_eq(rsa_pkcs1_sign_pad(rsa_sizes[i], 0, info, lengths[j], em), 0);
        ck_assert_int_eq(rsa_pkcs1_verify(rsa_sizes[i], 0, info, lengths[j], em), 0);
        private_op(i, em, sig);
        EVP_PKEY_CTX *ctx = openssl_ctx(i, SIGN, RSA_PKCS1_PADDING, ALGS);
        ck_assert_int_eq(EVP_PKEY_sign(ctx, theirs, &n, info, lengths[j]), 1);
        EVP_PKEY_CTX_free(ctx);
        ck_assert_mem_eq(theirs, sig, k);
    }
    ck_assert_int_eq(rsa_pkcs1_sign_pad(rsa_sizes[i], 0, info, k - 10, em), -1);
    ck_assert_int_eq(rsa_pkcs1_sign_pad(rsa_sizes[i], 0, info, SIZE_MAX - 5, em), -1);
    ck_assert_int_eq(rsa_pkcs1_sign_pad(rsa_sizes[i], 7, info, 32, em), -1);
    ck_assert_int_eq(rsa_pkcs1_sign_pad(rsa_sizes[i], -1, info, 32, em), -1);
    /* the same as with the name of the hash */
    static const uint8_t sm3_info[] = {0x30, 0x30, 0x30, 0x0C, 0x06, 0x08, 0x2A, 0x81, 0x1C,
                                       0xCF, 0x55, 0x01, 0x83, 0x11, 0x05, 0x00, 0x04, 0x20};
    test_random(digest, sizeof digest);
    memcpy(info, sm3_info, sizeof sm3_info);
    memcpy(info + sizeof sm3_info, digest, sizeof digest);
    ck_assert_int_eq(rsa_pkcs1_sign_pad(rsa_sizes[i], 0, info, sizeof sm3_info + sizeof digest, em),
                     0);
    ck_assert_int_eq(rsa_pkcs1_verify(rsa_sizes[i], HASH_SM3, digest, sizeof digest, em), 0);
}
END_TEST

/* ------------------------------------------------------------ PSS */

static void openssl_pss(size_t i, size_t a, const uint8_t *digest, size_t salt_size,
                        const uint8_t *sig)
{
    const size_t h = hash_size(algs[a].alg), k = rsa_sizes[i] / 8;
    uint8_t theirs[BYTES], em[BYTES];
    size_t n = sizeof theirs;
    EVP_PKEY_CTX *ctx = openssl_ctx(i, VERIFY, RSA_PKCS1_PSS_PADDING, a);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)salt_size), 1);
    ck_assert_int_eq(EVP_PKEY_verify(ctx, sig, k, digest, h), 1);
    EVP_PKEY_CTX_free(ctx);
    ctx = openssl_ctx(i, SIGN, RSA_PKCS1_PSS_PADDING, a);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)salt_size), 1);
    ck_assert_int_eq(EVP_PKEY_sign(ctx, theirs, &n, digest, h), 1);
    EVP_PKEY_CTX_free(ctx);
    public_op(i, theirs, em);
    ck_assert_int_eq(rsa_pss_verify(rsa_sizes[i], algs[a].alg, digest, h, salt_size, em), 0);
    ck_assert_int_eq(rsa_pss_verify(rsa_sizes[i], algs[a].alg, digest, h, (size_t)-1, em), 0);
}

static void botan_pss(size_t i, size_t a, const uint8_t *message, size_t n, size_t salt_size,
                      const uint8_t *sig)
{
    const size_t h = hash_size(algs[a].alg);
    uint8_t theirs[BYTES], em[BYTES], digest[64];
    char padding[48];
    snprintf(padding, sizeof padding, "EMSA4(%s,MGF1,%zu)", algs[a].botan, salt_size);
    botan_verifies(i, padding, message, n, sig);
    botan_signs(i, padding, message, n, theirs);
    hash_digest(algs[a].alg, message, n, digest);
    public_op(i, theirs, em);
    ck_assert_int_eq(rsa_pss_verify(rsa_sizes[i], algs[a].alg, digest, h, salt_size, em), 0);
}

START_TEST(pss_signatures)
{
    const size_t i = (size_t)_i / ALGS, a = (size_t)_i % ALGS;
    const unsigned bits = rsa_sizes[i];
    const enum hash_alg alg = algs[a].alg;
    const size_t h = hash_size(alg), most = bits / 8 - h - 2;
    const size_t salts[] = {h, 0, 1, most};
    uint8_t message[100], digest[64], salt[BYTES], em[BYTES], sig[BYTES];
    for (size_t j = 0; j < 4; j++) {
        test_random(message, sizeof message);
        test_random(salt, sizeof salt);
        hash_digest(alg, message, sizeof message, digest);
        ck_assert_int_eq(rsa_pss_pad(bits, alg, digest, h, salt, salts[j], em), 0);
        private_op(i, em, sig);
        if (algs[a].openssl_signs)
            openssl_pss(i, a, digest, salts[j], sig);
        botan_pss(i, a, message, sizeof message, salts[j], sig);
        ck_assert_int_eq(rsa_pss_verify(bits, alg, digest, h, salts[j] + 1, em), -1);
        ck_assert_int_eq(rsa_pss_verify(bits, alg, digest, h, salts[j] - 1, em),
                         salts[j] ? -1 : 0); /* 0 - 1 is "any" */
    }
    ck_assert_int_eq(rsa_pss_pad(bits, alg, digest, h, salt, most + 1, em), -1);
    ck_assert_int_eq(rsa_pss_pad(bits, alg, digest, h, salt, (size_t)-1, em), -1);
    ck_assert_int_eq(rsa_pss_pad(bits, alg, digest, h - 1, salt, 8, em), -1);
    ck_assert_int_eq(rsa_pss_pad(bits, (enum hash_alg)0, digest, h, salt, 8, em), -1);
    ck_assert_int_eq(rsa_pss_pad(2047, alg, digest, h, salt, 8, em), -1);
    ck_assert_int_eq(rsa_pss_verify(bits, alg, digest, h + 1, (size_t)-1, em), -1);
    ck_assert_int_eq(rsa_pss_verify(bits, (enum hash_alg)7, digest, h, (size_t)-1, em), -1);
    ck_assert_int_eq(rsa_pss_verify(8192, alg, digest, h, (size_t)-1, em), -1);
}
END_TEST

/* em with its DB laid open: change byte `at` of DB to v, mask it again (H stays right only for the
 * salt) */
static void change_db(uint8_t *em, size_t k, size_t h, size_t at, uint8_t v)
{
    const size_t db = k - h - 1;
    rsa_mgf1_xor(HASH_SHA256, em + db, h, em, db);
    em[at] = v;
    rsa_mgf1_xor(HASH_SHA256, em + db, h, em, db);
    em[0] &= 0x7F;
}

START_TEST(pss_bad)
{
    enum { K = 256, H = 32, DB = K - H - 1, SALT = 20, ONE = DB - SALT - 1 };
    uint8_t digest[H], salt[SALT], em[K], good[K];
    test_random(digest, sizeof digest);
    test_random(salt, sizeof salt);
    ck_assert_int_eq(rsa_pss_pad(2048, HASH_SHA256, digest, H, salt, SALT, good), 0);
    ck_assert_int_eq(rsa_pss_verify(2048, HASH_SHA256, digest, H, SALT, good), 0);
    for (size_t j = 0; j < K; j++) {
        memcpy(em, good, K);
        em[j] ^= (uint8_t)(1 + test_random_below(255));
        ck_assert_int_eq(rsa_pss_verify(2048, HASH_SHA256, digest, H, SALT, em), -1);
        ck_assert_int_eq(rsa_pss_verify(2048, HASH_SHA256, digest, H, (size_t)-1, em), -1);
    }
    memcpy(em, good, K);
    em[0] |= 0x80; /* top bit */
    ck_assert_int_eq(rsa_pss_verify(2048, HASH_SHA256, digest, H, SALT, em), -1);
    memcpy(em, good, K);
    em[K - 1] = 0xCC; /* trailer of ISO 9796-2 */
    ck_assert_int_eq(rsa_pss_verify(2048, HASH_SHA256, digest, H, SALT, em), -1);
    static const struct {
        size_t at;
        uint8_t v;
    } bad[] = {{ONE, 0}, {ONE, 2}, {ONE - 1, 1}, {0, 1}, {0, 0x40}, {ONE - 1, 0xFF}};
    for (size_t j = 0; j < sizeof bad / sizeof bad[0]; j++) {
        memcpy(em, good, K);
        change_db(em, K, H, bad[j].at, bad[j].v);
        ck_assert_int_eq(rsa_pss_verify(2048, HASH_SHA256, digest, H, SALT, em), -1);
        ck_assert_int_eq(rsa_pss_verify(2048, HASH_SHA256, digest, H, (size_t)-1, em), -1);
    }
    memset(em, 0, DB); /* no separator at all */
    memcpy(em + DB, good + DB, H + 1);
    rsa_mgf1_xor(HASH_SHA256, em + DB, H, em, DB);
    em[0] &= 0x7F;
    ck_assert_int_eq(rsa_pss_verify(2048, HASH_SHA256, digest, H, (size_t)-1, em), -1);
}
END_TEST

/* ------------------------------------------------------------ encryption */

static size_t openssl_encrypts(EVP_PKEY_CTX *ctx, const uint8_t *m, size_t n, uint8_t *out)
{
    size_t size = BYTES;
    ck_assert_int_eq(EVP_PKEY_encrypt(ctx, out, &size, m, n), 1);
    EVP_PKEY_CTX_free(ctx);
    return size;
}

static void openssl_decrypts(EVP_PKEY_CTX *ctx, const uint8_t *in, size_t k, const uint8_t *m,
                             size_t n)
{
    uint8_t out[BYTES];
    size_t size = BYTES;
    ck_assert_int_eq(EVP_PKEY_decrypt(ctx, out, &size, in, k), 1);
    EVP_PKEY_CTX_free(ctx);
    ck_assert_uint_eq(size, n);
    ck_assert_mem_eq(out, m, n);
}

static void botan_decrypts(size_t i, const char *padding, const uint8_t *in, const uint8_t *m,
                           size_t n)
{
    botan_pk_op_decrypt_t op;
    uint8_t out[BYTES];
    size_t size = BYTES;
    ck_assert_int_eq(botan_pk_op_decrypt_create(&op, keys[i].bpriv, padding, 0), 0);
    ck_assert_int_eq(botan_pk_op_decrypt(op, out, &size, in, rsa_sizes[i] / 8), 0);
    ck_assert_uint_eq(size, n);
    ck_assert_mem_eq(out, m, n);
    botan_pk_op_decrypt_destroy(op);
}

static void botan_encrypts(size_t i, const char *padding, const uint8_t *m, size_t n, uint8_t *out)
{
    botan_pk_op_encrypt_t op;
    size_t size = BYTES;
    ck_assert_int_eq(botan_pk_op_encrypt_create(&op, keys[i].bpub, padding, 0), 0);
    ck_assert_int_eq(botan_pk_op_encrypt(op, botan_rng, out, &size, m, n), 0);
    botan_pk_op_encrypt_destroy(op);
}

/* cipher decrypts to m */
static void pkcs1_opens(size_t i, const uint8_t *cipher, const uint8_t *m, size_t n)
{
    uint8_t em[BYTES], out[BYTES];
    size_t size = 0;
    private_op(i, cipher, em);
    ck_assert_int_eq(rsa_pkcs1_decrypt_unpad(&keys[i].key, cipher, em, out, &size), 0);
    ck_assert_uint_eq(size, n);
    ck_assert_mem_eq(out, m, n);
    ck_assert_int_eq(rsa_pkcs1_decrypt_unpad(&keys[i].key, cipher, em, em, &size),
                     0); /* in place */
    ck_assert_uint_eq(size, n);
    ck_assert_mem_eq(em, m, n);
}

START_TEST(pkcs1_encryption)
{
    const size_t i = (size_t)_i, k = rsa_sizes[i] / 8;
    const unsigned bits = rsa_sizes[i];
    const size_t lengths[] = {0, 1, 48, k - 12, k - 11};
    uint8_t m[BYTES], em[BYTES], cipher[BYTES];
    for (size_t j = 0; j < 5; j++) {
        const size_t n = lengths[j];
        test_random(m, n);
        ck_assert_int_eq(rsa_pkcs1_encrypt_pad(&test_rng, bits, m, n, em), 0);
        for (size_t b = 2; b < k - n - 1; b++)
            ck_assert_int_ne(em[b], 0);
        public_op(i, em, cipher);
        openssl_decrypts(openssl_ctx(i, DECRYPT, RSA_PKCS1_PADDING, ALGS), cipher, k, m, n);
        if (n) { /* Botan takes no empty message */
            botan_decrypts(i, "EME-PKCS1-v1_5", cipher, m, n);
            botan_encrypts(i, "EME-PKCS1-v1_5", m, n, cipher);
            pkcs1_opens(i, cipher, m, n);
        }
        openssl_encrypts(openssl_ctx(i, ENCRYPT, RSA_PKCS1_PADDING, ALGS), m, n, cipher);
        pkcs1_opens(i, cipher, m, n);
    }
    ck_assert_int_eq(rsa_pkcs1_encrypt_pad(&test_rng, bits, m, k - 10, em), -1);
    ck_assert_int_eq(rsa_pkcs1_encrypt_pad(&test_rng, bits, m, SIZE_MAX, em), -1);
    ck_assert_int_eq(rsa_pkcs1_encrypt_pad(&test_rng, 1024, m, 10, em), -1);
}
END_TEST

/* Sources that give only zeros, and nothing */
static int zero_fill(void *ctx, void *out, size_t n)
{
    (void)ctx;
    memset(out, 0, n);
    return 0;
}

START_TEST(bad_sources)
{
    static const struct rng zero = {zero_fill, NULL};
    static const uint8_t zeros[256];
    uint8_t em[256], m[10] = "message";
    const struct rng *const source[] = {&zero, &no_rng};
    for (size_t i = 0; i < 2; i++) {
        memset(em, 0xAA, sizeof em);
        ck_assert_int_eq(rsa_pkcs1_encrypt_pad(source[i], 2048, m, sizeof m, em), -1);
        ck_assert_mem_eq(em, zeros, sizeof em);
    }
    memset(em, 0xAA, sizeof em);
    ck_assert_int_eq(rsa_oaep_pad(&no_rng, 2048, HASH_SHA256, NULL, 0, m, sizeof m, em), -1);
    ck_assert_mem_eq(em, zeros, sizeof em);
}
END_TEST

/* What implicit rejection makes of a ciphertext, by OpenSSL's HMAC and plainly written */
static size_t rejection(const struct rsa_private *key, const uint8_t *cipher, uint8_t *out)
{
    const size_t k = key->pub.bits / 8;
    uint8_t d_hash[32], kdk[32], label[16], lengths[256], text[BYTES];
    unsigned size;
    EVP_Digest(key->d, k, d_hash, &size, EVP_sha256(), NULL);
    HMAC(EVP_sha256(), d_hash, 32, cipher, k, kdk, &size);
    for (size_t i = 0; i < 8; i++) {
        memcpy(label, (uint8_t[]){0, (uint8_t)i, 'l', 'e', 'n', 'g', 't', 'h', 2048 / 256, 0}, 10);
        HMAC(EVP_sha256(), kdk, 32, label, 10, lengths + 32 * i, &size);
    }
    for (size_t i = 0; i < k / 32; i++) {
        memcpy(label, (uint8_t[]){0, (uint8_t)i, 'm', 'e', 's', 's', 'a', 'g', 'e'}, 9);
        label[9] = (uint8_t)(8 * k / 256);
        label[10] = (uint8_t)(8 * k % 256);
        HMAC(EVP_sha256(), kdk, 32, label, 11, text + 32 * i, &size);
    }
    size_t mask = 1, n = 0;
    while (mask < k - 10)
        mask = 2 * mask + 1;
    for (size_t i = 0; i < 256; i += 2) {
        const size_t candidate = ((size_t)lengths[i] << 8 | lengths[i + 1]) & mask;
        if (candidate < k - 10)
            n = candidate;
    }
    memcpy(out, text + k - n, n);
    return n;
}

enum pkcs1_fault {
    FIRST_BYTE,
    TYPE_1,
    TYPE_0,
    TYPE_82,
    ZERO_IN_FIRST,
    SHORT_PS,
    NO_SEPARATOR,
    ALL_ZERO,
    PKCS1_FAULTS
};

static void spoil_pkcs1(enum pkcs1_fault fault, uint8_t *em, size_t k)
{
    switch (fault) {
    case FIRST_BYTE:
        em[0] = 1;
        break;
    case TYPE_1:
    case TYPE_0:
    case TYPE_82:
        em[1] = fault == TYPE_1 ? 1 : fault == TYPE_0 ? 0 : 0x82;
        break;
    case ZERO_IN_FIRST:
        em[2] = 0;
        break;
    case SHORT_PS:
        em[9] = 0;
        break;
    case NO_SEPARATOR:
        for (size_t i = 2; i < k; i++)
            em[i] |= 0x10;
        break;
    default:
        memset(em, 0, k);
        break;
    }
}

START_TEST(pkcs1_rejection)
{
    const size_t i = (size_t)_i / PKCS1_FAULTS, k = rsa_sizes[i] / 8;
    const enum pkcs1_fault fault = (enum pkcs1_fault)(_i % PKCS1_FAULTS);
    uint8_t m[48], em[BYTES], cipher[BYTES], expected[BYTES], again[BYTES], out[BYTES];
    size_t n;
    for (int round = 0; round < 3; round++) {
        test_random(m, sizeof m);
        ck_assert_int_eq(rsa_pkcs1_encrypt_pad(&test_rng, rsa_sizes[i], m, sizeof m, em), 0);
        spoil_pkcs1(fault, em, k);
        if (memcmp(em, keys[i].key.pub.n, k) >= 0)
            continue;
        public_op(i, em, cipher);
        private_op(i, cipher, again);
        ck_assert_mem_eq(again, em, k);
        memset(out, 0xAA, sizeof out);
        ck_assert_int_eq(rsa_pkcs1_decrypt_unpad(&keys[i].key, cipher, em, out, &n), 0);
        ck_assert_uint_eq(n, rejection(&keys[i].key, cipher, expected));
        ck_assert_mem_eq(out, expected, n);
        for (size_t j = n; j < k; j++)
            ck_assert_int_eq(out[j], 0);
    }
    struct rsa_private small = keys[i].key;
    small.pub.bits = 1024;
    ck_assert_int_eq(rsa_pkcs1_decrypt_unpad(&small, cipher, em, out, &n), -1);
}
END_TEST

/* Ciphertexts whose made-up message is as long as can be, and empty */
START_TEST(pkcs1_rejection_lengths)
{
    uint8_t em[256] = {0}, cipher[256], expected[256], out[256];
    const size_t wanted = _i ? 256 - 11 : 0;
    size_t n;
    do
        test_random(cipher, sizeof cipher);
    while (rejection(&keys[0].key, cipher, expected) != wanted);
    ck_assert_int_eq(rsa_pkcs1_decrypt_unpad(&keys[0].key, cipher, em, out, &n), 0);
    ck_assert_uint_eq(n, wanted);
    ck_assert_mem_eq(out, expected, n);
}
END_TEST

/* Eight bytes of PS are enough, and the message may be empty */
START_TEST(pkcs1_shortest)
{
    uint8_t em[256], cipher[256] = {7}, out[256];
    size_t n;
    memset(em, 0x33, sizeof em);
    em[0] = 0;
    em[1] = 2;
    em[10] = 0;
    ck_assert_int_eq(rsa_pkcs1_decrypt_unpad(&keys[0].key, cipher, em, out, &n), 0);
    ck_assert_uint_eq(n, 256 - 11);
    ck_assert_mem_eq(out, em + 11, n);
    em[20] = 0; /* a second zero belongs to the message */
    ck_assert_int_eq(rsa_pkcs1_decrypt_unpad(&keys[0].key, cipher, em, out, &n), 0);
    ck_assert_uint_eq(n, 256 - 11);
    ck_assert_mem_eq(out, em + 11, n);
    em[10] = em[20] = 1;
    em[255] = 0;
    ck_assert_int_eq(rsa_pkcs1_decrypt_unpad(&keys[0].key, cipher, em, out, &n), 0);
    ck_assert_uint_eq(n, 0);
}
END_TEST

/* ------------------------------------------------------------ OAEP */

static EVP_PKEY_CTX *oaep_ctx(size_t i, enum use use, size_t a, const char *label)
{
    EVP_PKEY_CTX *ctx = openssl_ctx(i, use, RSA_PKCS1_OAEP_PADDING, a);
    if (*label) /* the context frees it */
        ck_assert_int_eq(
            EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_strdup(label), (int)strlen(label)), 1);
    return ctx;
}

static void oaep_opens(size_t i, size_t a, const char *label, const uint8_t *cipher,
                       const uint8_t *m, size_t n)
{
    uint8_t em[BYTES], out[BYTES];
    size_t size = 0;
    private_op(i, cipher, em);
    ck_assert_int_eq(rsa_oaep_unpad(rsa_sizes[i], algs[a].alg, (const uint8_t *)label,
                                    strlen(label), em, out, &size),
                     0);
    ck_assert_uint_eq(size, n);
    ck_assert_mem_eq(out, m, n);
    for (size_t j = n; j < rsa_sizes[i] / 8; j++)
        ck_assert_int_eq(out[j], 0);
}

START_TEST(oaep)
{
    const size_t i = (size_t)_i / ALGS, a = (size_t)_i % ALGS, k = rsa_sizes[i] / 8;
    const enum hash_alg alg = algs[a].alg;
    const size_t most = k - 2 * hash_size(alg) - 2;
    const size_t lengths[] = {0, 1, 32, most - 1, most};
    uint8_t m[BYTES], em[BYTES], cipher[BYTES];
    char padding[48];
    for (size_t j = 0; j < 5; j++) {
        const char *label = j % 2 ? "a label" : "";
        const size_t n = lengths[j];
        snprintf(padding, sizeof padding, j % 2 ? "OAEP(%s,MGF1,%s)" : "OAEP(%s)", algs[a].botan,
                 label);
        test_random(m, n);
        ck_assert_int_eq(rsa_oaep_pad(&test_rng, rsa_sizes[i], alg, (const uint8_t *)label,
                                      strlen(label), m, n, em),
                         0);
        public_op(i, em, cipher);
        openssl_decrypts(oaep_ctx(i, DECRYPT, a, label), cipher, k, m, n);
        if (n) {
            botan_decrypts(i, padding, cipher, m, n);
            botan_encrypts(i, padding, m, n, cipher);
            oaep_opens(i, a, label, cipher, m, n);
        }
        openssl_encrypts(oaep_ctx(i, ENCRYPT, a, label), m, n, cipher);
        oaep_opens(i, a, label, cipher, m, n);
    }
    ck_assert_int_eq(rsa_oaep_pad(&test_rng, rsa_sizes[i], alg, NULL, 0, m, most + 1, em), -1);
    ck_assert_int_eq(rsa_oaep_pad(&test_rng, rsa_sizes[i], alg, NULL, 0, m, SIZE_MAX, em), -1);
    ck_assert_int_eq(rsa_oaep_pad(&test_rng, 512, alg, NULL, 0, m, 1, em), -1);
    ck_assert_int_eq(rsa_oaep_pad(&test_rng, rsa_sizes[i], (enum hash_alg)9, NULL, 0, m, 1, em),
                     -1);
}
END_TEST

/* em opened, a byte changed, closed again */
static void change_oaep(uint8_t *em, size_t k, size_t h, size_t at, uint8_t v)
{
    uint8_t *const seed = em + 1, *const db = seed + h;
    rsa_mgf1_xor(HASH_SHA256, db, k - 1 - h, seed, h);
    rsa_mgf1_xor(HASH_SHA256, seed, h, db, k - 1 - h);
    db[at] = v;
    rsa_mgf1_xor(HASH_SHA256, seed, h, db, k - 1 - h);
    rsa_mgf1_xor(HASH_SHA256, db, k - 1 - h, seed, h);
}

static void oaep_fails(const uint8_t *em, const char *label)
{
    static const uint8_t zeros[256];
    uint8_t out[256];
    size_t n = 99;
    memset(out, 0xAA, sizeof out);
    ck_assert_int_eq(
        rsa_oaep_unpad(2048, HASH_SHA256, (const uint8_t *)label, strlen(label), em, out, &n), -1);
    ck_assert_uint_eq(n, 0);
    ck_assert_mem_eq(out, zeros, sizeof out);
}

START_TEST(oaep_bad)
{
    enum { K = 256, H = 32, DB = K - 1 - H, N = 20, ONE = DB - N - 1 };
    uint8_t m[N], em[K], good[K], out[K];
    size_t n;
    test_random(m, sizeof m);
    ck_assert_int_eq(
        rsa_oaep_pad(&test_rng, 2048, HASH_SHA256, (const uint8_t *)"x", 1, m, N, good), 0);
    for (size_t j = 0; j < K; j++) {
        memcpy(em, good, K);
        em[j] ^= (uint8_t)(1 + test_random_below(255));
        oaep_fails(em, "x"); /* j = 0: Y is not zero */
    }
    oaep_fails(good, "y");
    oaep_fails(good, "");
    memcpy(em, good, K);
    change_oaep(em, K, H, ONE + 1, 5); /* the message may be anything */
    ck_assert_int_eq(rsa_oaep_unpad(2048, HASH_SHA256, (const uint8_t *)"x", 1, em, em, &n), 0);
    ck_assert_uint_eq(n, N);
    static const struct {
        size_t at;
        uint8_t v;
    } bad[] = {{ONE, 2}, {ONE, 0xFF}, {ONE - 1, 2}, {H, 0x80}, {ONE - 1, 0xFE}};
    for (size_t j = 0; j < sizeof bad / sizeof bad[0]; j++) {
        memcpy(em, good, K);
        change_oaep(em, K, H, bad[j].at, bad[j].v);
        oaep_fails(em, "x");
    }
    memcpy(em, good, K);
    for (size_t j = H; j < DB; j++) /* no separator */
        change_oaep(em, K, H, j, 0);
    oaep_fails(em, "x");
    ck_assert_int_eq(rsa_oaep_unpad(1024, HASH_SHA256, NULL, 0, good, out, &n), -1);
    ck_assert_int_eq(rsa_oaep_unpad(2048, (enum hash_alg)0, NULL, 0, good, out, &n), -1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("RSA schemes");
    TCase *t = suite_case(s, "encodings", 120, NULL, NULL),
          *larger = long_case(s, "larger keys", 120);
    test_seed();
    tcase_add_unchecked_fixture(t, setup, teardown);
    tcase_add_unchecked_fixture(larger, setup, teardown);
    tcase_add_test(t, vectors);
    case_loop(t, larger, pkcs1_signatures, ALGS, RSA_SIZES * ALGS);
    tcase_add_test(t, pkcs1_forgeries);
    case_loop(t, larger, pkcs1_ready_digest_info, 1, RSA_SIZES);
    case_loop(t, larger, pss_signatures, ALGS, RSA_SIZES * ALGS);
    tcase_add_test(t, pss_bad);
    case_loop(t, larger, pkcs1_encryption, 1, RSA_SIZES);
    tcase_add_test(t, bad_sources);
    case_loop(t, larger, pkcs1_rejection, PKCS1_FAULTS, RSA_SIZES * PKCS1_FAULTS);
    tcase_add_loop_test(t, pkcs1_rejection_lengths, 0, 2);
    tcase_add_test(t, pkcs1_shortest);
    case_loop(t, larger, oaep, ALGS, RSA_SIZES * ALGS);
    tcase_add_test(t, oaep_bad);
    return suite_run(s);
}
