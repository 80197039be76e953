/* AES, and the modes of AES and SM4, against OpenSSL; CMAC and key wraps; what must be refused. */
#include <check.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/block.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

enum { TEXT = 300, ROUNDS = 40 };

/* What is under test in one round. */
static struct {
    struct block b;
    char name[32]; /* "AES-192" */
    uint8_t key[32], iv[64], in[TEXT], out[TEXT + 16], theirs[TEXT + 32];
} t;

static void new_round(int kind)
{
    static const size_t sizes[] = {16, 24, 32, 16};
    static const char *const names[] = {"AES-128", "AES-192", "AES-256", "SM4"};
    test_random(t.key, sizeof t.key);
    test_random(t.iv, sizeof t.iv);
    test_random(t.in, sizeof t.in);
    strcpy(t.name, names[kind]);
    if (kind == 3)
        block_set_sm4(&t.b, t.key);
    else
        ck_assert_int_eq(block_set_aes(&t.b, t.key, sizes[kind]), 0);
}

/* OpenSSL's cipher; the bytes it wrote */
static size_t openssl(const char *mode, int encrypt, const uint8_t *in, size_t n, uint8_t *out)
{
    char name[48];
    int a = 0, z = 0;
    snprintf(name, sizeof name, "%s-%s", t.name, mode);
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    ck_assert_ptr_nonnull(cipher);
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    const int wrap = strstr(mode, "WRAP") != NULL;
    ck_assert_int_eq(EVP_CipherInit_ex2(ctx, cipher, t.key, wrap ? NULL : t.iv, encrypt, NULL), 1);
    EVP_CIPHER_CTX_set_padding(ctx, 0);
    ck_assert_int_eq(EVP_CipherUpdate(ctx, out, &a, in, (int)n), 1);
    ck_assert_int_eq(EVP_CipherFinal_ex(ctx, out + a, &z), 1);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return (size_t)(a + z);
}

static void is_theirs(const char *mode, size_t n)
{
    ck_assert_uint_eq(openssl(mode, 1, t.in, n, t.theirs), n);
    ck_assert_msg(!memcmp(t.out, t.theirs, n), "%s-%s of %zu bytes", t.name, mode, n);
}

START_TEST(modes)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t iv[16], back[TEXT];
        new_round(_i);
        const size_t n = i < 18 ? (size_t)i : test_random_below(TEXT + 1), whole = n / 16 * 16;
#define IV() memcpy(iv, t.iv, 16)
        block_encrypt(&t.b, t.in, t.out, whole / 16);
        is_theirs("ECB", whole);
        block_decrypt(&t.b, t.out, back, whole / 16);
        ck_assert(!memcmp(back, t.in, whole));
        IV(), block_cbc_encrypt(&t.b, iv, t.in, t.out, whole);
        is_theirs("CBC", whole);
        IV(), block_cbc_decrypt(&t.b, iv, t.out, t.out, whole);
        ck_assert(!memcmp(t.out, t.in, whole));
        if (i % 2)
            memset(t.iv, 0xFF, 16); /* the carry goes through all bytes */
        IV(), block_ctr(&t.b, iv, t.in, t.out, n);
        is_theirs("CTR", n);
        IV(), block_ofb(&t.b, iv, t.in, t.out, n);
        is_theirs("OFB", n);
        IV(), block_cfb(&t.b, iv, t.in, t.out, n, 1);
        is_theirs("CFB", n);
        IV(), block_cfb(&t.b, iv, t.out, t.out, n, 0);
        ck_assert(!memcmp(t.out, t.in, n));
    }
}
END_TEST

START_TEST(fips_197)
{
    struct vec *v = vec_open("aes");
    int cases = 0;
    while (vec_next(v)) {
        size_t n;
        uint8_t out[16];
        struct aes_key key;
        const uint8_t *k = vec_bytes(v, "key", &n);
        ck_assert_int_eq(aes_set_key(&key, k, n), 0);
        aes_encrypt_blocks(&key, vec_exact(v, "in", 16), out, 1);
        ck_assert_mem_eq(out, vec_exact(v, "out", 16), 16);
        aes_decrypt_blocks(&key, out, out, 1);
        ck_assert_mem_eq(out, vec_exact(v, "in", 16), 16);
        cases++;
    }
    vec_close(v);
    ck_assert_int_eq(cases, 3);
    struct block b;
    ck_assert_int_eq(block_set_aes(&b, t.key, 17), -1);
    ck_assert_int_eq(block_set_aes(&b, t.key, 0), -1);
}
END_TEST

/* ---------------------------------------------------------------- GCM */

static void openssl_gcm(const struct block_gcm *g, size_t n, uint8_t tag[16])
{
    char name[48];
    int a = 0;
    snprintf(name, sizeof name, "%s-GCM", t.name);
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    ck_assert_ptr_nonnull(cipher);
    ck_assert_int_eq(EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, 1, NULL), 1);
    ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)g->nonce_size, NULL),
                     1);
    ck_assert_int_eq(EVP_CipherInit_ex2(ctx, NULL, t.key, g->nonce, 1, NULL), 1);
    ck_assert_int_eq(EVP_CipherUpdate(ctx, NULL, &a, g->aad, (int)g->aad_size), 1);
    ck_assert_int_eq(EVP_CipherUpdate(ctx, t.theirs, &a, t.in, (int)n), 1);
    ck_assert_int_eq(EVP_CipherFinal_ex(ctx, t.theirs + a, &a), 1);
    ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag), 1);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
}

START_TEST(gcm)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t aad[100], tag[16], want[16], back[TEXT];
        new_round(_i);
        test_random(aad, sizeof aad);
        const size_t n = test_random_below(TEXT + 1);
        const struct block_gcm g = {t.iv, i % 2 ? 12 : 1 + test_random_below(64), aad,
                                    test_random_below(101), 4 + (size_t)i % 13};
        block_gcm_seal(&t.b, &g, t.in, t.out, n, tag);
        if (_i < 3) { /* OpenSSL 3.0 has no SM4-GCM */
            openssl_gcm(&g, n, want);
            ck_assert(!memcmp(t.out, t.theirs, n));
            ck_assert_mem_eq(tag, want, g.tag_size);
        } else {
            sm4_gcm_seal(&t.b.key.sm4, g.nonce, g.nonce_size, aad, g.aad_size, t.in, n, t.theirs,
                         want);
            ck_assert(!memcmp(t.out, t.theirs, n));
            ck_assert_mem_eq(tag, want, g.tag_size);
        }
        ck_assert_int_eq(block_gcm_open(&t.b, &g, t.out, back, n, tag), 0);
        ck_assert(!memcmp(back, t.in, n));
        tag[test_random_below((uint32_t)g.tag_size)] ^= 1;
        ck_assert_int_eq(block_gcm_open(&t.b, &g, t.out, back, n, tag), -1);
        for (size_t j = 0; j < n; j++)
            ck_assert_uint_eq(back[j], 0);
    }
}
END_TEST

/* ---------------------------------------------------------------- CMAC */

START_TEST(cmac)
{
    static const size_t sizes[] = {16, 24, 32};
    for (int i = 0; i < ROUNDS && _i < 3; i++) {
        uint8_t mac[16], want[16];
        size_t out = 0;
        char cipher[48];
        new_round(_i);
        const size_t n = i < 34 ? (size_t)i : test_random_below(TEXT + 1);
        snprintf(cipher, sizeof cipher, "%s-CBC", t.name);
        EVP_MAC *m = EVP_MAC_fetch(NULL, "CMAC", NULL);
        EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(m);
        const OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
            OSSL_PARAM_construct_end()};
        ck_assert_int_eq(EVP_MAC_init(ctx, t.key, sizes[_i], params), 1);
        ck_assert_int_eq(EVP_MAC_update(ctx, t.in, n), 1);
        ck_assert_int_eq(EVP_MAC_final(ctx, want, &out, sizeof want), 1);
        block_cmac(&t.b, t.in, n, mac);
        ck_assert_mem_eq(mac, want, 16);
        EVP_MAC_CTX_free(ctx);
        EVP_MAC_free(m);
    }
}
END_TEST

/* ---------------------------------------------------------------- key wrap */

START_TEST(key_wrap)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t back[TEXT];
        new_round(_i);
        const size_t n = 16 + 8 * (size_t)(i % 30);
        block_kw_wrap(&t.b, t.in, n, t.out);
        if (_i < 3) {
            ck_assert_uint_eq(openssl("WRAP", 1, t.in, n, t.theirs), n + 8);
            ck_assert(!memcmp(t.out, t.theirs, n + 8));
        }
        ck_assert_int_eq(block_kw_unwrap(&t.b, t.out, n + 8, back), 0);
        ck_assert(!memcmp(back, t.in, n));
        t.out[test_random_below((uint32_t)n + 8)] ^= 0x10;
        ck_assert_int_eq(block_kw_unwrap(&t.b, t.out, n + 8, back), -1);
    }
}
END_TEST

START_TEST(key_wrap_with_padding)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t back[TEXT], zeros[8] = {0};
        size_t size = 0;
        new_round(_i);
        const size_t n = i < 33 ? 1 + (size_t)i : 1 + test_random_below(TEXT - 16);
        const size_t wrapped = block_kwp_wrap(&t.b, t.in, n, t.out);
        ck_assert_uint_eq(wrapped, 8 + (n + 7) / 8 * 8);
        if (_i < 3) {
            ck_assert_uint_eq(openssl("WRAP-PAD", 1, t.in, n, t.theirs), wrapped);
            ck_assert(!memcmp(t.out, t.theirs, wrapped));
        }
        ck_assert_int_eq(block_kwp_unwrap(&t.b, t.out, wrapped, back, &size), 0);
        ck_assert_uint_eq(size, n);
        ck_assert(!memcmp(back, t.in, n));
        ck_assert(!memcmp(back + n, zeros, wrapped - 8 - n));
        t.out[test_random_below((uint32_t)wrapped)] ^= 0x10;
        ck_assert_int_eq(block_kwp_unwrap(&t.b, t.out, wrapped, back, &size), -1);
        block_kw_wrap(&t.b, t.in, 24, t.out); /* the other kind of wrap */
        ck_assert_int_eq(block_kwp_unwrap(&t.b, t.out, 32, back, &size), -1);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("block");
    TCase *c = tcase_create("block");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, fips_197);
    tcase_add_loop_test(c, modes, 0, 4);
    tcase_add_loop_test(c, gcm, 0, 4);
    tcase_add_loop_test(c, cmac, 0, 4);
    tcase_add_loop_test(c, key_wrap, 0, 4);
    tcase_add_loop_test(c, key_wrap_with_padding, 0, 4);
    suite_add_tcase(s, c);
    test_seed();
    return suite_run(s);
}
