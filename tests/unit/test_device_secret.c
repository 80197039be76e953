/* Secret keys: AES and SM4 ciphers, MACs, wrapping keys under keys, keys in clear. */
#include <check.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/block.h"
#include "firmware/crypto/hash.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

enum { N = 100 };

static struct dev dv;
static uint16_t user;
static uint8_t text[N], key[256], iv[16];

static void start(uint8_t flags)
{
    dev_open(&dv);
    dev_init(&dv, flags);
    user = dev_login(&dv, DEV_USER);
    test_random(text, sizeof text);
    test_random(key, sizeof key);
    test_random(iv, sizeof iv);
}

static void strict(void)
{
    start(0);
}

static void relaxed(void)
{
    start(INIT_CLEAR_KEYS);
}

static void off(void)
{
    dev_close(&dv);
}

static uint16_t put(uint8_t type, uint8_t flags, uint32_t usage, const uint8_t *secret, size_t n,
                    uint32_t *handle)
{
    struct key_put_rsp r = {0};
    const uint16_t sw = do_key_put(
        &dv, user,
        &(struct key_put_req){.type = type, .flags = flags, .usage = usage, .secret = {secret, n}},
        &r);
    *handle = r.handle;
    return sw;
}

static const uint8_t aes[] = {KEY_AES128, KEY_AES192, KEY_AES256};

/* ---------------------------------------------------------------- ciphers */

static size_t openssl(const char *name, const uint8_t *in, size_t n, uint8_t *out)
{
    int a = 0, z = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    ck_assert_int_eq(EVP_EncryptInit_ex2(ctx, EVP_get_cipherbyname(name), key, iv, NULL), 1);
    EVP_CIPHER_CTX_set_padding(ctx, 0);
    ck_assert_int_eq(EVP_EncryptUpdate(ctx, out, &a, in, (int)n), 1);
    ck_assert_int_eq(EVP_EncryptFinal_ex(ctx, out + a, &z), 1);
    EVP_CIPHER_CTX_free(ctx);
    return (size_t)(a + z);
}

START_TEST(aes_modes)
{
    static const struct {
        uint8_t scheme;
        const char *name;
    } modes[] = {{CIPHER_AES_ECB, "ecb"},
                 {CIPHER_AES_CBC, "cbc"},
                 {CIPHER_AES_CFB, "cfb"},
                 {CIPHER_AES_OFB, "ofb"},
                 {CIPHER_AES_CTR, "ctr"}};
    for (size_t k = 0; k < 3; k++) {
        uint32_t h;
        MUST(put(aes[k], KEY_FLAG_SESSION, USAGE_ENCRYPT | USAGE_DECRYPT, key, 16 + 8 * k, &h));
        for (size_t m = 0; m < 5; m++) {
            const size_t n = m < 2 ? N / 16 * 16 : N, iv_size = m ? 16 : 0;
            uint8_t want[N + 16], got[N];
            char name[32];
            struct encrypt_rsp e;
            struct decrypt_rsp d;
            snprintf(name, sizeof name, "aes-%zu-%s", 128 + 64 * k, modes[m].name);
            ck_assert_uint_eq(openssl(name, text, n, want), n);
            struct encrypt_req q = {
                .handle = h, .scheme = modes[m].scheme, .iv = {iv, iv_size}, .data = {text, n}};
            MUST(do_encrypt(&dv, user, &q, &e));
            ck_assert_uint_eq(e.data.size, n);
            ck_assert_mem_eq(e.data.data, want, n);
            memcpy(got, e.data.data, n);
            struct decrypt_req p = {
                .handle = h, .scheme = modes[m].scheme, .iv = {iv, iv_size}, .data = {got, n}};
            MUST(do_decrypt(&dv, user, &p, &d));
            ck_assert_mem_eq(d.data.data, text, n);
            q.iv.size = 15;
            MUST_BE(SW_WRONG_DATA, do_encrypt(&dv, user, &q, NULL));
            q.iv.size = iv_size;
            q.aad = dev_text("x");
            MUST_BE(SW_WRONG_DATA, do_encrypt(&dv, user, &q, NULL));
            q.aad.size = 0;
            q.hash = 16;
            MUST_BE(SW_WRONG_DATA, do_encrypt(&dv, user, &q, NULL));
            q.hash = 0;
            q.data.size = 17;
            MUST_BE(m < 2 ? SW_WRONG_DATA : SW_OK, do_encrypt(&dv, user, &q, NULL));
        }
    }
}
END_TEST

START_TEST(gcm_tags)
{
    static const uint8_t types[] = {KEY_AES256, KEY_SM4};
    static const uint8_t schemes[] = {CIPHER_AES_GCM, CIPHER_SM4_GCM};
    for (int k = 0; k < 2; k++) {
        uint8_t longest[16];
        const uint32_t h = dev_key(&dv, user, types[k], USAGE_ENCRYPT | USAGE_DECRYPT);
        for (uint8_t tag = 0; tag <= 17; tag++) {
            const size_t size = tag ? tag : 16;
            uint8_t got[N + 16];
            struct encrypt_rsp e;
            struct encrypt_req q = {.handle = h,
                                    .scheme = schemes[k],
                                    .hash = tag,
                                    .iv = {iv, 12},
                                    .aad = dev_text("aad"),
                                    .data = {text, N}};
            const bool good = tag == 0 || (tag >= 4 && tag <= 16);
            MUST_BE(good ? SW_OK : SW_WRONG_DATA, do_encrypt(&dv, user, &q, &e));
            if (!good)
                continue;
            ck_assert_uint_eq(e.data.size, N + size);
            memcpy(got, e.data.data, N + size);
            if (!tag)
                memcpy(longest, got + N, 16);
            ck_assert_mem_eq(got + N, longest, size);
            struct decrypt_req p = {.handle = h,
                                    .scheme = schemes[k],
                                    .hash = tag,
                                    .iv = {iv, 12},
                                    .aad = dev_text("aad"),
                                    .data = {got, N + size}};
            struct decrypt_rsp d;
            MUST(do_decrypt(&dv, user, &p, &d));
            ck_assert_uint_eq(d.data.size, N);
            ck_assert_mem_eq(d.data.data, text, N);
            got[N + size - 1] ^= 1;
            MUST_BE(SW_DECRYPT_FAILED, do_decrypt(&dv, user, &p, NULL));
            p.data.size = size - 1;
            MUST_BE(SW_WRONG_DATA, do_decrypt(&dv, user, &p, NULL));
        }
    }
}
END_TEST

START_TEST(keys_and_schemes)
{
    const uint32_t sm4 = dev_key(&dv, user, KEY_SM4, USAGE_ENCRYPT),
                   k256 = dev_key(&dv, user, KEY_AES256, USAGE_ENCRYPT),
                   signs = dev_key(&dv, user, KEY_AES256, USAGE_SIGN),
                   pair = dev_key(&dv, user, KEY_SM2, USAGE_DECRYPT);
    struct encrypt_req q = {.handle = sm4, .scheme = CIPHER_AES_ECB, .data = {text, 16}};
    MUST_BE(SW_KEY_TYPE, do_encrypt(&dv, user, &q, NULL));
    q.handle = k256;
    MUST(do_encrypt(&dv, user, &q, NULL));
    q.handle = signs;
    MUST_BE(SW_NOT_PERMITTED, do_encrypt(&dv, user, &q, NULL));
    q.handle = k256;
    q.scheme = CIPHER_SM4_ECB;
    MUST_BE(SW_KEY_TYPE, do_encrypt(&dv, user, &q, NULL));
    MUST_BE(SW_KEY_TYPE,
            do_decrypt(
                &dv, user,
                &(struct decrypt_req){.handle = pair, .scheme = CIPHER_AES_ECB, .data = {text, 16}},
                NULL));
}
END_TEST

/* ---------------------------------------------------------------- MACs */

START_TEST(macs)
{
    static const struct {
        uint8_t digest;
        const char *name;
    } rows[] = {{DIGEST_SHA1, "SHA1"},     {DIGEST_SHA224, "SHA224"}, {DIGEST_SHA256, "SHA256"},
                {DIGEST_SHA384, "SHA384"}, {DIGEST_SHA512, "SHA512"}, {DIGEST_SM3, "SM3"}};
    static const size_t sizes[] = {1, 20, 32, 63, 64, 65, 127, 129, 256};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint32_t h;
        struct mac_rsp r;
        MUST(put(KEY_HMAC, KEY_FLAG_SESSION, USAGE_SIGN, key, sizes[i], &h));
        for (size_t j = 0; j < 6; j++) {
            uint8_t want[64];
            unsigned n = 0;
            HMAC(EVP_get_digestbyname(rows[j].name), key, (int)sizes[i], text, N, want, &n);
            MUST(do_mac(&dv, user, &(struct mac_req){h, MAC_HMAC, rows[j].digest, {text, N}}, &r));
            ck_assert_uint_eq(r.mac.size, n);
            ck_assert_mem_eq(r.mac.data, want, n);
        }
        MUST_BE(SW_KEY_TYPE, do_mac(&dv, user, &(struct mac_req){h, MAC_CMAC, 0, {text, N}}, NULL));
        MUST(do_object_destroy(&dv, user, &(struct object_destroy_req){h}, NULL));
    }
    for (size_t k = 0; k < 4; k++) {
        uint32_t h;
        struct mac_rsp r;
        struct block b;
        uint8_t want[16];
        const uint8_t type = k < 3 ? aes[k] : KEY_SM4;
        const size_t size = k < 3 ? 16 + 8 * k : 16;
        MUST(put(type, KEY_FLAG_SESSION, USAGE_SIGN, key, size, &h));
        k < 3 ? (void)block_set_aes(&b, key, size) : block_set_sm4(&b, key);
        for (size_t n = 0; n < N; n += 11) {
            block_cmac(&b, text, n, want);
            MUST(do_mac(&dv, user, &(struct mac_req){h, MAC_CMAC, 0, {text, n}}, &r));
            ck_assert_uint_eq(r.mac.size, 16);
            ck_assert_mem_eq(r.mac.data, want, 16);
        }
        MUST_BE(SW_WRONG_DATA,
                do_mac(&dv, user, &(struct mac_req){h, MAC_CMAC, DIGEST_SM3, {text, N}}, NULL));
        MUST_BE(SW_KEY_TYPE,
                do_mac(&dv, user, &(struct mac_req){h, MAC_HMAC, DIGEST_SM3, {text, N}}, NULL));
    }
    const uint32_t cipher = dev_key(&dv, user, KEY_SM4, USAGE_ENCRYPT);
    MUST_BE(SW_NOT_PERMITTED,
            do_mac(&dv, user, &(struct mac_req){cipher, MAC_CMAC, 0, {text, N}}, NULL));
    MUST_BE(SW_NOT_SUPPORTED, do_mac(&dv, user, &(struct mac_req){cipher, 3, 0, {text, N}}, NULL));
    MUST_BE(SW_NOT_SUPPORTED,
            do_mac(&dv, user, &(struct mac_req){cipher, MAC_HMAC, 0, {text, N}}, NULL));
}
END_TEST

/* ---------------------------------------------------------------- wrapping */

static uint16_t wrap(uint32_t kek, uint8_t scheme, uint32_t handle, uint8_t *out, size_t *n)
{
    struct key_wrap_rsp r = {0};
    const uint8_t hash = scheme == WRAP_RSA_OAEP ? DIGEST_SHA256 : DIGEST_NONE;
    const uint16_t sw =
        do_key_wrap(&dv, user, &(struct key_wrap_req){kek, scheme, hash, handle}, &r);
    *n = r.wrapped.size;
    if (sw == SW_OK)
        memcpy(out, r.wrapped.data, r.wrapped.size);
    return sw;
}

static uint16_t unwrap(uint32_t kek, uint8_t scheme, const uint8_t *in, size_t n, uint8_t type,
                       uint32_t usage, struct key_unwrap_rsp *r)
{
    const uint8_t hash = scheme == WRAP_RSA_OAEP ? DIGEST_SHA256 : DIGEST_NONE;
    return do_key_unwrap(&dv, user,
                         &(struct key_unwrap_req){.handle = kek,
                                                  .scheme = scheme,
                                                  .hash = hash,
                                                  .wrapped = {in, n},
                                                  .type = type,
                                                  .usage = usage},
                         r);
}

static uint32_t generic(size_t n)
{
    struct key_generate_rsp r;
    MUST(do_key_generate(&dv, user,
                         &(struct key_generate_req){.type = KEY_HMAC,
                                                    .usage = USAGE_SIGN | USAGE_EXTRACT,
                                                    .size = (uint16_t)n},
                         &r));
    return r.handle;
}

static void same_mac(uint32_t a, uint32_t b)
{
    uint8_t first[32];
    struct mac_rsp r;
    MUST(do_mac(&dv, user, &(struct mac_req){a, MAC_HMAC, DIGEST_SM3, {text, N}}, &r));
    memcpy(first, r.mac.data, 32);
    MUST(do_mac(&dv, user, &(struct mac_req){b, MAC_HMAC, DIGEST_SM3, {text, N}}, &r));
    ck_assert_mem_eq(first, r.mac.data, 32);
}

START_TEST(wrap_secrets)
{
    static const uint8_t keks[] = {KEY_AES128, KEY_AES256, KEY_SM4, KEY_RSA2048, KEY_SM2};
    for (size_t k = 0; k < 5; k++) {
        const uint32_t kek = dev_key(&dv, user, keks[k], USAGE_WRAP | USAGE_UNWRAP);
        for (uint8_t scheme = WRAP_KW; scheme <= WRAP_SM2; scheme++) {
            const bool fits = k < 3    ? scheme <= WRAP_KWP
                              : k == 3 ? scheme == WRAP_RSA_PKCS1 || scheme == WRAP_RSA_OAEP
                                       : scheme == WRAP_SM2;
            const uint32_t secret = generic(scheme == WRAP_KW ? 40 : 33);
            uint8_t w[LIMIT_WRAPPED_MAX];
            size_t n;
            struct key_unwrap_rsp r;
            MUST_BE(fits ? SW_OK : SW_KEY_TYPE, wrap(kek, scheme, secret, w, &n));
            if (fits) {
                MUST(unwrap(kek, scheme, w, n, KEY_HMAC, USAGE_SIGN, &r));
                same_mac(secret, r.handle);
                w[n / 2] ^= 1;
                if (scheme != WRAP_RSA_PKCS1) /* never tells a bad padding */
                    MUST_BE(SW_WRONG_WRAP, unwrap(kek, scheme, w, n, KEY_HMAC, USAGE_SIGN, NULL));
                MUST_BE(SW_WRONG_WRAP, unwrap(kek, scheme, w, n - 1, KEY_HMAC, USAGE_SIGN, NULL));
            }
            MUST(do_object_destroy(&dv, user, &(struct object_destroy_req){secret}, NULL));
        }
    }
}
END_TEST

START_TEST(wrap_pairs)
{
    static const uint8_t types[] = {KEY_SM2, KEY_P256, KEY_P384, KEY_RSA2048};
    const uint32_t kek = dev_key(&dv, user, KEY_AES256, USAGE_WRAP | USAGE_UNWRAP);
    const uint32_t rsa = dev_key(&dv, user, KEY_RSA2048, USAGE_WRAP | USAGE_UNWRAP);
    for (size_t i = 0; i < 4; i++) {
        const uint32_t h = dev_key(&dv, user, types[i], USAGE_SIGN | USAGE_EXTRACT);
        uint8_t w[LIMIT_WRAPPED_MAX], pub[LIMIT_PUBLIC_MAX];
        size_t n;
        struct key_unwrap_rsp r;
        const size_t size = dev_public(&dv, user, h, pub);
        for (uint8_t scheme = WRAP_KW; scheme <= WRAP_KWP; scheme++) {
            MUST(wrap(kek, scheme, h, w, &n));
            MUST(unwrap(kek, scheme, w, n, types[i], USAGE_SIGN, &r));
            ck_assert_uint_eq(r.public.size, size);
            ck_assert_mem_eq(r.public.data, pub, size);
            const uint32_t back = r.handle;
            ck_assert_uint_eq(dev_public(&dv, user, back, pub), size);
            ck_assert_uint_ne(back, h);
        }
        MUST_BE(SW_WRONG_WRAP, unwrap(kek, WRAP_KWP, w, n, KEY_AES128, USAGE_ENCRYPT, NULL));
        MUST_BE(SW_KEY_TYPE, wrap(rsa, WRAP_RSA_OAEP, h, w, &n));
        MUST_BE(SW_KEY_TYPE, unwrap(rsa, WRAP_RSA_OAEP, w, 256, types[i], USAGE_SIGN, NULL));
    }
}
END_TEST

START_TEST(wrap_refusals)
{
    const uint32_t kek = dev_key(&dv, user, KEY_AES256, USAGE_WRAP),
                   opener = dev_key(&dv, user, KEY_AES256, USAGE_UNWRAP), secret = generic(32),
                   stays = dev_key(&dv, user, KEY_SM2, USAGE_SIGN), odd = generic(9);
    uint8_t w[LIMIT_WRAPPED_MAX];
    size_t n;
    MUST_BE(SW_NOT_PERMITTED, wrap(kek, WRAP_KWP, stays, w, &n));
    MUST_BE(SW_NOT_PERMITTED, wrap(opener, WRAP_KWP, secret, w, &n));
    MUST_BE(SW_WRONG_DATA, wrap(kek, WRAP_KW, odd, w, &n));
    MUST_BE(SW_NOT_SUPPORTED, wrap(kek, 6, secret, w, &n));
    MUST_BE(SW_NOT_SUPPORTED, wrap(kek, 0, secret, w, &n));
    MUST_BE(SW_NO_OBJECT, wrap(kek, WRAP_KWP, 9999, w, &n));
    MUST(wrap(kek, WRAP_KWP, secret, w, &n));
    MUST_BE(SW_NOT_PERMITTED, unwrap(kek, WRAP_KWP, w, n, KEY_HMAC, USAGE_SIGN, NULL));
    MUST_BE(SW_WRONG_WRAP, unwrap(opener, WRAP_KWP, w, n, KEY_HMAC, USAGE_SIGN, NULL));
    MUST_BE(SW_WRONG_WRAP, unwrap(opener, WRAP_KWP, w, 8, KEY_HMAC, USAGE_SIGN, NULL));
    MUST_BE(SW_WRONG_DATA, unwrap(opener, WRAP_KWP, w, n, KEY_HMAC, USAGE_ENCRYPT, NULL));
    MUST_BE(SW_NOT_SUPPORTED, unwrap(opener, WRAP_KWP, w, n, KEY_DATA, USAGE_PUBLIC, NULL));
    MUST_BE(SW_NOT_PERMITTED,
            unwrap(opener, WRAP_KWP, w, n, KEY_HMAC, USAGE_SIGN | USAGE_READ, NULL));
}
END_TEST

/* ---------------------------------------------------------------- in clear */

static uint16_t value_of(uint32_t h, uint8_t *out, size_t *n)
{
    struct key_value_rsp r = {0};
    const uint16_t sw = do_key_value(&dv, user, &(struct key_value_req){h}, &r);
    *n = r.value.size;
    if (sw == SW_OK)
        memcpy(out, r.value.data, r.value.size);
    return sw;
}

START_TEST(clear_in_sessions)
{
    uint32_t h;
    uint8_t out[256];
    size_t n;
    MUST(put(KEY_HMAC, KEY_FLAG_SESSION, USAGE_SIGN | USAGE_READ, key, 77, &h));
    MUST(value_of(h, out, &n));
    ck_assert_uint_eq(n, 77);
    ck_assert_mem_eq(out, key, 77);
    MUST(put(KEY_SM4, KEY_FLAG_SESSION, USAGE_ENCRYPT, key, 16, &h));
    MUST_BE(SW_NOT_PERMITTED, value_of(h, out, &n));
    MUST_BE(SW_WRONG_DATA, put(KEY_SM4, KEY_FLAG_SESSION, USAGE_ENCRYPT, key, 15, &h));
    MUST_BE(SW_WRONG_DATA, put(KEY_SM2, KEY_FLAG_SESSION, USAGE_SIGN, key, 32, &h));
    MUST_BE(SW_WRONG_DATA, put(KEY_HMAC, KEY_FLAG_SESSION, USAGE_SIGN, key, 0, &h));
    MUST_BE(SW_NOT_PERMITTED, put(KEY_SM4, 0, USAGE_ENCRYPT, key, 16, &h));
    MUST_BE(SW_NOT_PERMITTED,
            do_key_generate(
                &dv, user,
                &(struct key_generate_req){.type = KEY_SM4, .usage = USAGE_ENCRYPT | USAGE_READ},
                NULL));
}
END_TEST

START_TEST(clear_and_kept)
{
    static const uint8_t types[] = {KEY_SM2, KEY_P256, KEY_P384, KEY_AES192, KEY_HMAC};
    static const size_t sizes[] = {32, 32, 48, 24, 256};
    uint8_t out[256];
    size_t n;
    uint32_t h;
    for (size_t i = 0; i < 5; i++) {
        struct object_info_rsp info;
        key[0] = 0x11; /* below any order */
        MUST(put(types[i], 0, USAGE_SIGN | (i > 2 ? USAGE_READ : 0), key, sizes[i], &h));
        MUST(do_object_info(&dv, user, &(struct object_info_req){h}, &info));
        ck_assert_uint_eq(info.origin, ORIGIN_CLEAR);
        MUST_BE(i > 2 ? SW_OK : SW_NOT_PERMITTED, value_of(h, out, &n));
        if (i > 2)
            ck_assert_mem_eq(out, key, sizes[i]);
        MUST_BE(i < 4 ? SW_WRONG_DATA : SW_OK, put(types[i], 0, USAGE_SIGN, key, sizes[i] - 1, &h));
    }
    memset(out, 0xFF, sizeof out);
    MUST_BE(SW_WRONG_DATA, put(KEY_P256, 0, USAGE_SIGN, out, 32, &h));
    MUST_BE(SW_WRONG_DATA, put(KEY_RSA2048, 0, USAGE_SIGN, out, 256, &h));
    MUST_BE(SW_WRONG_DATA, put(KEY_RSA2048, 0, USAGE_SIGN, out, 32, &h));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_secret");
    TCase *t = suite_case(s, "strict", 120, strict, off);
    tcase_add_test(t, aes_modes);
    tcase_add_test(t, gcm_tags);
    tcase_add_test(t, keys_and_schemes);
    tcase_add_test(t, macs);
    tcase_add_test(t, wrap_secrets);
    tcase_add_test(t, wrap_pairs);
    tcase_add_test(t, wrap_refusals);
    tcase_add_test(t, clear_in_sessions);
    t = suite_case(s, "relaxed", 120, relaxed, off);
    tcase_add_test(t, clear_and_kept);
    test_seed();
    return suite_run(s);
}
