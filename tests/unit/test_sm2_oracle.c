/*
 * SM2 here against OpenSSL, Botan and libgcrypt, both ways: what one signs or encrypts the other
 * verifies or decrypts; keys, Z and random lengths of text and ID.
 */
#include <botan/ffi.h>
#include <check.h>
#include <gcrypt.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "firmware/crypto/portable/portable.h"
#include "firmware/crypto/sm2.h"
#include "tests/lib/openssl_key.h"
#include "tests/lib/run.h"
#include "tests/unit/test_sm2_tools.h"

enum { TIMES = 40, TEXT_MIN = 8, TEXT_MAX = 300, ID_MAX = 60, CIPHER_MAX = TEXT_MAX + 200 };

static const struct sm2_ops *const ops = &sm2_portable;

/* A key, a text and an ID, new for every round. To the others a key stream of zeros is none too
 * bad, so the text is not as short that one could be met. */
static struct {
    uint8_t d[32], pub[64], text[TEXT_MAX], e[32], sig[64];
    char id[ID_MAX + 1];
    size_t text_size, id_size;
    struct sm2_sign_key key;
} t;

static void new_case(void)
{
    ck_assert_int_eq(sm2_keygen(ops, &test_rng, t.d, t.pub), 0);
    ck_assert_int_eq(sm2_sign_key(&t.key, t.d), 0);
    t.text_size = TEXT_MIN + test_random_below(TEXT_MAX - TEXT_MIN + 1);
    test_random(t.text, t.text_size);
    t.id_size = 1 + test_random_below(ID_MAX);
    for (size_t i = 0; i < t.id_size; i++)
        t.id[i] = (char)('a' + test_random_below(26));
    t.id[t.id_size] = 0;
    ck_assert_int_eq(sm2_digest(t.id, t.id_size, t.pub, t.text, t.text_size, t.e), 0);
}

static void sign_here(void)
{
    ck_assert_int_eq(sm2_sign(ops, &test_rng, &t.key, t.e, t.sig), 0);
}

/* ---- OpenSSL ---- */

static EVP_MD_CTX *with_id(EVP_PKEY *key, EVP_PKEY_CTX **pctx)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    *pctx = EVP_PKEY_CTX_new(key, NULL);
    ck_assert_int_eq(EVP_PKEY_CTX_set1_id(*pctx, t.id, (int)t.id_size), 1);
    EVP_MD_CTX_set_pkey_ctx(ctx, *pctx);
    return ctx;
}

START_TEST(openssl_signatures)
{
    for (int i = 0; i < TIMES; i++) {
        uint8_t der[100];
        size_t n = sizeof der;
        EVP_PKEY_CTX *pctx;
        new_case();
        EVP_PKEY *key = openssl_ec_key("SM2", t.pub, t.d, 32);
        EVP_MD_CTX *ctx = with_id(key, &pctx);
        ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, EVP_sm3(), NULL, key), 1);
        ck_assert_int_eq(EVP_DigestSign(ctx, der, &n, t.text, t.text_size), 1);
        ck_assert_int_eq(sm2_signature_from_der(der, n, t.sig), 0);
        ck_assert_int_eq(sm2_verify(ops, t.pub, t.e, t.sig), 0);
        EVP_MD_CTX_free(ctx);
        EVP_PKEY_CTX_free(pctx);

        sign_here();
        n = sm2_signature_to_der(t.sig, der);
        ctx = with_id(key, &pctx);
        ck_assert_int_eq(EVP_DigestVerifyInit(ctx, NULL, EVP_sm3(), NULL, key), 1);
        ck_assert_int_eq(EVP_DigestVerify(ctx, der, n, t.text, t.text_size), 1);
        EVP_MD_CTX_free(ctx);
        EVP_PKEY_CTX_free(pctx);
        EVP_PKEY_free(key);
    }
}
END_TEST

START_TEST(openssl_encryption)
{
    for (int i = 0; i < TIMES; i++) {
        uint8_t raw[CIPHER_MAX], der[CIPHER_MAX], out[CIPHER_MAX];
        size_t n = sizeof der, raw_size, out_size = sizeof out;
        new_case();
        EVP_PKEY *key = openssl_ec_key("SM2", t.pub, t.d, 32);
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
        ck_assert_int_eq(EVP_PKEY_encrypt_init(ctx), 1);
        ck_assert_int_eq(EVP_PKEY_encrypt(ctx, der, &n, t.text, t.text_size), 1);
        ck_assert_int_eq(sm2_cipher_from_der(der, n, raw, &raw_size), 0);
        ck_assert_uint_eq(raw_size, t.text_size + SM2_CIPHER_OVERHEAD);
        ck_assert_int_eq(sm2_decrypt(t.d, raw, raw_size, out), 0);
        ck_assert_mem_eq(out, t.text, t.text_size);

        ck_assert_int_eq(sm2_encrypt(&test_rng, t.pub, t.text, t.text_size, raw), 0);
        n = sm2_cipher_to_der(raw, raw_size, der);
        ck_assert_int_eq(EVP_PKEY_decrypt_init(ctx), 1);
        ck_assert_int_eq(EVP_PKEY_decrypt(ctx, out, &out_size, der, n), 1);
        ck_assert_uint_eq(out_size, t.text_size);
        ck_assert_mem_eq(out, t.text, t.text_size);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(key);
    }
}
END_TEST

START_TEST(openssl_keys)
{
    for (int i = 0; i < TIMES; i++) {
        EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
        BIGNUM *d = NULL;
        uint8_t raw[65], bytes[32], pub[64];
        size_t n = 0;
        ck_assert_ptr_nonnull(key);
        ck_assert_int_eq(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d), 1);
        ck_assert_int_eq(
            EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, raw, sizeof raw, &n), 1);
        ck_assert_uint_eq(n, 65);
        bn_to(bytes, d);
        ck_assert_int_eq(sm2_public_from_private(ops, bytes, pub), 0);
        ck_assert_mem_eq(pub, raw + 1, 64);
        BN_free(d);
        EVP_PKEY_free(key);
    }
}
END_TEST

/* ---- Botan ---- */

static botan_mp_t botan_number(const uint8_t in[32])
{
    botan_mp_t mp;
    ck_assert_int_eq(botan_mp_init(&mp), 0);
    ck_assert_int_eq(botan_mp_from_bin(mp, in, 32), 0);
    return mp;
}

static botan_privkey_t botan_key(botan_pubkey_t *pub)
{
    botan_privkey_t key;
    botan_mp_t d = botan_number(t.d), x = botan_number(t.pub), y = botan_number(t.pub + 32);
    ck_assert_int_eq(botan_privkey_load_sm2(&key, d, "sm2p256v1"), 0);
    ck_assert_int_eq(botan_pubkey_load_sm2(pub, x, y, "sm2p256v1"), 0);
    botan_mp_destroy(d);
    botan_mp_destroy(x);
    botan_mp_destroy(y);
    return key;
}

START_TEST(botan_signatures)
{
    botan_rng_t rng;
    ck_assert_int_eq(botan_rng_init(&rng, "system"), 0);
    for (int i = 0; i < TIMES; i++) {
        botan_pubkey_t pub;
        botan_pk_op_sign_t sign;
        botan_pk_op_verify_t verify;
        char padding[ID_MAX + 10];
        uint8_t za[32], z[32];
        size_t n = 64, za_size = sizeof za;
        new_case();
        botan_privkey_t key = botan_key(&pub);
        snprintf(padding, sizeof padding, "%s,SM3", t.id);
        ck_assert_int_eq(botan_pubkey_sm2_compute_za(za, &za_size, t.id, "SM3", pub), 0);
        ck_assert_int_eq(sm2_z(t.id, t.id_size, t.pub, z), 0);
        ck_assert_mem_eq(z, za, 32);
        ck_assert_int_eq(botan_pk_op_sign_create(&sign, key, padding, 0), 0);
        ck_assert_int_eq(botan_pk_op_sign_update(sign, t.text, t.text_size), 0);
        ck_assert_int_eq(botan_pk_op_sign_finish(sign, rng, t.sig, &n), 0);
        ck_assert_uint_eq(n, 64);
        ck_assert_int_eq(sm2_verify(ops, t.pub, t.e, t.sig), 0);

        sign_here();
        ck_assert_int_eq(botan_pk_op_verify_create(&verify, pub, padding, 0), 0);
        ck_assert_int_eq(botan_pk_op_verify_update(verify, t.text, t.text_size), 0);
        ck_assert_int_eq(botan_pk_op_verify_finish(verify, t.sig, 64), 0);
        botan_pk_op_sign_destroy(sign);
        botan_pk_op_verify_destroy(verify);
        botan_privkey_destroy(key);
        botan_pubkey_destroy(pub);
    }
    botan_rng_destroy(rng);
}
END_TEST

START_TEST(botan_encryption)
{
    botan_rng_t rng;
    ck_assert_int_eq(botan_rng_init(&rng, "system"), 0);
    for (int i = 0; i < TIMES; i++) {
        botan_pubkey_t pub;
        botan_pk_op_encrypt_t encrypt;
        botan_pk_op_decrypt_t decrypt;
        uint8_t raw[CIPHER_MAX], der[CIPHER_MAX], out[CIPHER_MAX];
        size_t n = sizeof der, raw_size, out_size = sizeof out;
        new_case();
        botan_privkey_t key = botan_key(&pub);
        ck_assert_int_eq(botan_pk_op_encrypt_create(&encrypt, pub, "SM3", 0), 0);
        ck_assert_int_eq(botan_pk_op_encrypt(encrypt, rng, der, &n, t.text, t.text_size), 0);
        ck_assert_int_eq(sm2_cipher_from_der(der, n, raw, &raw_size), 0);
        ck_assert_uint_eq(raw_size, t.text_size + SM2_CIPHER_OVERHEAD);
        ck_assert_int_eq(sm2_decrypt(t.d, raw, raw_size, out), 0);
        ck_assert_mem_eq(out, t.text, t.text_size);

        ck_assert_int_eq(sm2_encrypt(&test_rng, t.pub, t.text, t.text_size, raw), 0);
        n = sm2_cipher_to_der(raw, raw_size, der);
        ck_assert_int_eq(botan_pk_op_decrypt_create(&decrypt, key, "SM3", 0), 0);
        ck_assert_int_eq(botan_pk_op_decrypt(decrypt, out, &out_size, der, n), 0);
        ck_assert_uint_eq(out_size, t.text_size);
        ck_assert_mem_eq(out, t.text, t.text_size);
        botan_pk_op_encrypt_destroy(encrypt);
        botan_pk_op_decrypt_destroy(decrypt);
        botan_privkey_destroy(key);
        botan_pubkey_destroy(pub);
    }
    botan_rng_destroy(rng);
}
END_TEST

/* ---- libgcrypt ---- */

static gcry_sexp_t gcrypt_key(int private)
{
    gcry_sexp_t key;
    uint8_t q[65] = {4};
    memcpy(q + 1, t.pub, 64);
    ck_assert_uint_eq(
        private ? gcry_sexp_build(&key, NULL,
                                  "(private-key(ecc(curve sm2p256v1)(flags sm2)(q %b)(d %b)))", 65,
                                  q, 32, t.d)
                : gcry_sexp_build(&key, NULL, "(public-key(ecc(curve sm2p256v1)(flags sm2)(q %b)))",
                                  65, q),
        0);
    return key;
}

/* The n bytes called name. libgcrypt takes them for a number: zeros in front come and go. */
static void take(uint8_t *out, size_t n, gcry_sexp_t s, const char *name)
{
    gcry_sexp_t part = gcry_sexp_find_token(s, name, 0);
    size_t size;
    ck_assert_ptr_nonnull(part);
    const char *data = gcry_sexp_nth_data(part, 1, &size);
    ck_assert_ptr_nonnull(data);
    for (; size > n; size--)
        ck_assert_int_eq(*data++, 0);
    memset(out, 0, n - size);
    memcpy(out + n - size, data, size);
    gcry_sexp_release(part);
}

START_TEST(gcrypt_signatures)
{
    for (int i = 0; i < TIMES; i++) {
        gcry_sexp_t hash, sig;
        new_case();
        gcry_sexp_t key = gcrypt_key(1), pub = gcrypt_key(0);
        ck_assert_uint_eq(gcry_sexp_build(&hash, NULL, "(data(flags sm2)(hash sm3 %b))", 32, t.e),
                          0);
        ck_assert_uint_eq(gcry_pk_sign(&sig, hash, key), 0);
        take(t.sig, 32, sig, "r");
        take(t.sig + 32, 32, sig, "s");
        ck_assert_int_eq(sm2_verify(ops, t.pub, t.e, t.sig), 0);
        gcry_sexp_release(sig);

        sign_here();
        ck_assert_uint_eq(
            gcry_sexp_build(&sig, NULL, "(sig-val(sm2(r %b)(s %b)))", 32, t.sig, 32, t.sig + 32),
            0);
        ck_assert_uint_eq(gcry_pk_verify(sig, hash, pub), 0);
        gcry_sexp_release(sig);
        gcry_sexp_release(hash);
        gcry_sexp_release(key);
        gcry_sexp_release(pub);
    }
}
END_TEST

/*
 * To libgcrypt 1.10 the text, C3, C2 and the coordinates of the shared point are numbers too; it
 * gets those that begin with a zero byte wrong.
 */
static int gcrypt_can(const uint8_t *raw)
{
    uint8_t shared[64];
    ck_assert(ec_mul(shared, t.d, raw));
    return raw[64] != 0 && raw[96] != 0 && shared[0] != 0 && shared[32] != 0;
}

START_TEST(gcrypt_encryption)
{
    for (int i = 0; i < TIMES; i++) {
        gcry_sexp_t data, c, plain;
        uint8_t raw[CIPHER_MAX], point[65], out[TEXT_MAX];
        new_case();
        t.text[0] |= 1;
        gcry_sexp_t key = gcrypt_key(1), pub = gcrypt_key(0);
        ck_assert_uint_eq(gcry_sexp_build(&data, NULL, "(data(flags sm2)(hash-algo sm3)(value %b))",
                                          (int)t.text_size, t.text),
                          0);
        ck_assert_uint_eq(gcry_pk_encrypt(&c, data, pub), 0);
        take(point, 65, c, "a");
        memcpy(raw, point + 1, 64);
        take(raw + 64, 32, c, "b");
        take(raw + 96, t.text_size, c, "c");
        if (gcrypt_can(raw)) {
            ck_assert_int_eq(sm2_decrypt(t.d, raw, t.text_size + SM2_CIPHER_OVERHEAD, out), 0);
            ck_assert_mem_eq(out, t.text, t.text_size);
        }
        gcry_sexp_release(c);

        do
            ck_assert_int_eq(sm2_encrypt(&test_rng, t.pub, t.text, t.text_size, raw), 0);
        while (!gcrypt_can(raw));
        point[0] = 4;
        memcpy(point + 1, raw, 64);
        ck_assert_uint_eq(gcry_sexp_build(&c, NULL, "(enc-val(flags sm2)(sm2(a %b)(b %b)(c %b)))",
                                          65, point, 32, raw + 64, (int)t.text_size, raw + 96),
                          0);
        ck_assert_uint_eq(gcry_pk_decrypt(&plain, c, key), 0);
        take(out, t.text_size, plain, "value");
        ck_assert_mem_eq(out, t.text, t.text_size);
        gcry_sexp_release(plain);
        gcry_sexp_release(c);
        gcry_sexp_release(data);
        gcry_sexp_release(key);
        gcry_sexp_release(pub);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sm2_oracle");
    TCase *c = tcase_create("sm2_oracle");
    if (gcry_check_version(NULL) == NULL)
        return 1;
    gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, openssl_signatures);
    tcase_add_test(c, openssl_encryption);
    tcase_add_test(c, openssl_keys);
    tcase_add_test(c, botan_signatures);
    tcase_add_test(c, botan_encryption);
    tcase_add_test(c, gcrypt_signatures);
    tcase_add_test(c, gcrypt_encryption);
    suite_add_tcase(s, c);
    test_seed();
    return suite_run(s);
}
