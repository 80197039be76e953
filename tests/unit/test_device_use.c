/* Using keys: every scheme against OpenSSL, and what must be refused. */
#include <check.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/sm2.h"
#include "tests/lib/dev.h"
#include "tests/lib/openssl_key.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

static struct dev dv;
static uint16_t user;

static void set_up(void)
{
    dev_open(&dv);
    dev_init(&dv, 0);
    user = dev_login(&dv, DEV_USER);
}

static void off(void)
{
    dev_close(&dv);
}

/* ---------------------------------------------------------------- OpenSSL's side */

static const EVP_MD *md_of(uint8_t hash)
{
    switch (hash) {
    case DIGEST_SM3:
        return EVP_sm3();
    case DIGEST_SHA1:
        return EVP_sha1();
    case DIGEST_SHA224:
        return EVP_sha224();
    case DIGEST_SHA256:
        return EVP_sha256();
    case DIGEST_SHA384:
        return EVP_sha384();
    default:
        return EVP_sha512();
    }
}

/* OpenSSL verifies an SM2 signature over a message with this ID. */
static bool sm2_verifies(const uint8_t pub[64], const char *id, const uint8_t *m, size_t n,
                         const uint8_t sig[64])
{
    EVP_PKEY *key = openssl_ec_key("SM2", pub, NULL, 32);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    EVP_PKEY_CTX *p = EVP_PKEY_CTX_new(key, NULL);
    uint8_t der[SM2_SIGNATURE_DER_MAX];
    const size_t size = sm2_signature_to_der(sig, der);
    ck_assert_int_eq(EVP_PKEY_CTX_set1_id(p, id, (int)strlen(id)), 1);
    EVP_MD_CTX_set_pkey_ctx(c, p);
    ck_assert_int_eq(EVP_DigestVerifyInit(c, NULL, EVP_sm3(), NULL, key), 1);
    const int ok = EVP_DigestVerify(c, der, size, m, n);
    EVP_MD_CTX_free(c);
    EVP_PKEY_CTX_free(p);
    EVP_PKEY_free(key);
    return ok == 1;
}

static bool rsa_verifies(const uint8_t *pub, size_t pub_size, uint8_t scheme, uint8_t hash,
                         int salt, const uint8_t *digest, size_t n, const uint8_t *sig)
{
    EVP_PKEY *key = openssl_rsa_key(pub, pub_size);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
    ck_assert_int_eq(EVP_PKEY_verify_init(c), 1);
    EVP_PKEY_CTX_set_rsa_padding(c, scheme == SIGN_RSA_PSS ? RSA_PKCS1_PSS_PADDING
                                                           : RSA_PKCS1_PADDING);
    ck_assert_int_gt(EVP_PKEY_CTX_set_signature_md(c, md_of(hash)), 0);
    if (scheme == SIGN_RSA_PSS)
        EVP_PKEY_CTX_set_rsa_pss_saltlen(c, salt);
    const int ok = EVP_PKEY_verify(c, sig, pub_size - 4, digest, n);
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(key);
    return ok == 1;
}

/* ---------------------------------------------------------------- SM2 signatures */

static uint16_t verify(uint8_t type, const uint8_t *pub, size_t pub_size, uint8_t scheme,
                       uint8_t hash, uint16_t salt, struct view id, struct view sig,
                       struct view data)
{
    return do_verify(&dv, 0,
                     &(struct verify_req){.type = type,
                                          .public = {pub, pub_size},
                                          .scheme = scheme,
                                          .hash = hash,
                                          .salt = salt,
                                          .id = id,
                                          .signature = sig,
                                          .data = data},
                     NULL);
}

START_TEST(sm2_messages)
{
    uint8_t pub[64], m[1000], sig[64];
    const uint32_t h = dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
    const struct view none = {NULL, 0};
    test_seed();
    dev_public(&dv, user, h, pub);
    for (size_t n = 0; n < 200; n = n * 2 + 1) {
        struct sign_rsp r;
        test_random(m, n);
        for (int named = 0; named < 2; named++) {
            const struct view id = named ? dev_text("alice@example.org") : none;
            MUST(do_sign(&dv, user,
                         &(struct sign_req){.handle = h,
                                            .scheme = SIGN_SM2_MESSAGE,
                                            .hash = DIGEST_SM3,
                                            .id = id,
                                            .data = {m, n}},
                         &r));
            ck_assert_uint_eq(r.signature.size, 64);
            memcpy(sig, r.signature.data, 64);
            ck_assert(
                sm2_verifies(pub, named ? "alice@example.org" : "1234567812345678", m, n, sig));
            MUST(verify(KEY_SM2, pub, 64, SIGN_SM2_MESSAGE, DIGEST_SM3, 0, id,
                        (struct view){sig, 64}, (struct view){m, n}));
            MUST_BE(SW_SIGNATURE_INVALID,
                    verify(KEY_SM2, pub, 64, SIGN_SM2_MESSAGE, DIGEST_SM3, 0, dev_text("bob"),
                           (struct view){sig, 64}, (struct view){m, n}));
        }
    }
}
END_TEST

START_TEST(sm2_digest_is_the_same)
{
    uint8_t pub[64], e[32], sig[64];
    const uint32_t h = dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
    struct digest_rsp d;
    struct sign_rsp r;
    dev_public(&dv, user, h, pub);
    MUST(do_digest(
        &dv, user,
        &(struct digest_req){.hash = DIGEST_SM3, .handle = h, .data = dev_text("message")}, &d));
    memcpy(e, d.digest.data, 32);
    MUST(do_digest(&dv, 0,
                   &(struct digest_req){.hash = DIGEST_SM3,
                                        .public = {pub, 64},
                                        .id = dev_text("1234567812345678"),
                                        .data = dev_text("message")},
                   &d));
    ck_assert_mem_eq(e, d.digest.data, 32);
    MUST(do_sign(&dv, user, &(struct sign_req){.handle = h, .scheme = SIGN_SM2, .data = {e, 32}},
                 &r));
    memcpy(sig, r.signature.data, 64);
    ck_assert(sm2_verifies(pub, "1234567812345678", (const uint8_t *)"message", 7, sig));
    MUST(do_verify(&dv, user,
                   &(struct verify_req){
                       .handle = h, .scheme = SIGN_SM2, .signature = {sig, 64}, .data = {e, 32}},
                   NULL));
    /* the same step by step */
    struct hash_final_rsp f;
    MUST(do_hash_init(&dv, user, &(struct hash_init_req){.hash = DIGEST_SM3, .handle = h}, NULL));
    MUST(do_hash_update(&dv, user, &(struct hash_update_req){dev_text("mess")}, NULL));
    MUST(do_hash_update(&dv, user, &(struct hash_update_req){dev_text("age")}, NULL));
    MUST(do_hash_final(&dv, user, &(struct hash_final_req){0}, &f));
    ck_assert_mem_eq(e, f.digest.data, 32);
    MUST_BE(SW_STEP, do_hash_final(&dv, user, &(struct hash_final_req){0}, NULL));
}
END_TEST

START_TEST(sm2_refusals)
{
    static const uint8_t data[64] = {1};
    uint8_t pub[64];
    const uint32_t h = dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
    const struct view none = {NULL, 0}, sig = {data, 64}, e = {data, 32};
    dev_public(&dv, user, h, pub);
    struct sign_req q = {.handle = h, .scheme = SIGN_SM2, .data = {data, 31}};
    MUST_BE(SW_WRONG_DATA, do_sign(&dv, user, &q, NULL));
    q.data.size = 33;
    MUST_BE(SW_WRONG_DATA, do_sign(&dv, user, &q, NULL));
    q.data.size = 32;
    q.hash = DIGEST_SHA256;
    MUST_BE(SW_NOT_SUPPORTED, do_sign(&dv, user, &q, NULL));
    q.hash = DIGEST_NONE;
    q.scheme = SIGN_RSA_PKCS1;
    MUST_BE(SW_KEY_TYPE, do_sign(&dv, user, &q, NULL));
    q.scheme = 0;
    MUST_BE(SW_NOT_SUPPORTED, do_sign(&dv, user, &q, NULL));
    q.scheme = 200;
    MUST_BE(SW_NOT_SUPPORTED, do_sign(&dv, user, &q, NULL));
    MUST_BE(SW_SIGNATURE_INVALID, verify(KEY_SM2, pub, 64, SIGN_SM2, 0, 0, none, sig, e));
    MUST_BE(SW_SIGNATURE_INVALID,
            verify(KEY_SM2, pub, 64, SIGN_SM2, 0, 0, none, (struct view){data, 63}, e));
    MUST_BE(SW_BAD_PUBLIC_KEY, verify(KEY_SM2, pub, 63, SIGN_SM2, 0, 0, none, sig, e));
    MUST_BE(SW_BAD_PUBLIC_KEY, verify(KEY_SM2, data, 64, SIGN_SM2, 0, 0, none, sig, e));
    MUST_BE(SW_NOT_SUPPORTED, verify(0, pub, 64, SIGN_SM2, 0, 0, none, sig, e));
    MUST_BE(SW_NOT_SUPPORTED, verify(KEY_SM4, pub, 16, SIGN_SM2, 0, 0, none, sig, e));
    MUST_BE(SW_NO_OBJECT,
            do_verify(
                &dv, 0,
                &(struct verify_req){.handle = h, .scheme = SIGN_SM2, .signature = sig, .data = e},
                NULL));
    MUST_BE(
        SW_WRONG_DATA,
        do_verify(
            &dv, user,
            &(struct verify_req){
                .handle = h, .public = {pub, 64}, .scheme = SIGN_SM2, .signature = sig, .data = e},
            NULL));
}
END_TEST

/* ---------------------------------------------------------------- RSA signatures */

START_TEST(rsa_signatures)
{
    static const uint8_t hashes[] = {DIGEST_SM3, DIGEST_SHA224, DIGEST_SHA256, DIGEST_SHA384,
                                     DIGEST_SHA512};
    static const size_t sizes[] = {32, 28, 32, 48, 64};
    uint8_t pub[516], digest[64], sig[512];
    const uint32_t h = dev_key(&dv, user, KEY_RSA2048, USAGE_SIGN);
    const size_t n = dev_public(&dv, user, h, pub);
    const struct view none = {NULL, 0};
    struct sign_rsp r;
    test_random(digest, sizeof digest);
    for (size_t i = 0; i < 5; i++) {
        for (uint8_t scheme = SIGN_RSA_PKCS1; scheme <= SIGN_RSA_PSS; scheme++) {
            const uint16_t salt = scheme == SIGN_RSA_PSS ? (uint16_t)(10 * i) : 0;
            struct sign_req q = {.handle = h,
                                 .scheme = scheme,
                                 .hash = hashes[i],
                                 .salt = salt,
                                 .data = {digest, sizes[i]}};
            MUST(do_sign(&dv, user, &q, &r));
            ck_assert_uint_eq(r.signature.size, 256);
            memcpy(sig, r.signature.data, 256);
            if (hashes[i] != DIGEST_SM3) /* OpenSSL 3.0 does not join SM3 with RSA */
                ck_assert(rsa_verifies(pub, n, scheme, hashes[i], salt, digest, sizes[i], sig));
            MUST(verify(KEY_RSA2048, pub, n, scheme, hashes[i], salt, none, (struct view){sig, 256},
                        q.data));
            sig[100] ^= 1;
            MUST_BE(SW_SIGNATURE_INVALID, verify(KEY_RSA2048, pub, n, scheme, hashes[i], salt, none,
                                                 (struct view){sig, 256}, q.data));
            MUST_BE(SW_SIGNATURE_INVALID, verify(KEY_RSA2048, pub, n, scheme, hashes[i], salt, none,
                                                 (struct view){sig, 255}, q.data));
            q.data.size--;
            MUST_BE(SW_WRONG_DATA, do_sign(&dv, user, &q, NULL));
        }
    }
    struct sign_req q = {
        .handle = h, .scheme = SIGN_RSA_PKCS1, .hash = DIGEST_SHA1, .data = {digest, 20}};
    MUST_BE(SW_NOT_SUPPORTED, do_sign(&dv, user, &q, NULL)); /* old signatures only */
    q.hash = DIGEST_NONE;
    q.data.size = 51;
    MUST(do_sign(&dv, user, &q, &r));
    q.data.size = 0;
    MUST_BE(SW_WRONG_DATA, do_sign(&dv, user, &q, NULL));
    static const uint8_t long_info[300];
    q.data = (struct view){long_info, 246};
    MUST_BE(SW_WRONG_DATA, do_sign(&dv, user, &q, NULL));
    q = (struct sign_req){.handle = h,
                          .scheme = SIGN_RSA_PSS,
                          .hash = DIGEST_SHA256,
                          .salt = 300,
                          .data = {digest, 32}};
    MUST_BE(SW_WRONG_DATA, do_sign(&dv, user, &q, NULL));
    q = (struct sign_req){.handle = h, .scheme = SIGN_SM2, .data = {digest, 32}};
    MUST_BE(SW_KEY_TYPE, do_sign(&dv, user, &q, NULL));
}
END_TEST

/* ---------------------------------------------------------------- many at once */

START_TEST(sign_batches)
{
    enum { MANY = 300 };
    static uint8_t digests[MANY][32], sigs[MANY * 256];
    static const uint32_t counts[] = {1, 7, 8, 9, MANY};
    uint8_t pub[516];
    const uint32_t sm2 = dev_key(&dv, user, KEY_SM2, USAGE_SIGN),
                   rsa = dev_key(&dv, user, KEY_RSA2048, USAGE_SIGN);
    struct sign_batch_rsp r;
    test_random(digests, sizeof digests);
    dev_public(&dv, user, sm2, pub);
    for (size_t c = 0; c < 5; c++) {
        MUST(do_sign_batch(&dv, user,
                           &(struct sign_batch_req){.handle = sm2,
                                                    .scheme = SIGN_SM2,
                                                    .digests = {digests[0], 32 * counts[c]}},
                           &r));
        ck_assert_uint_eq(r.count, counts[c]);
        ck_assert_uint_eq(r.status.size, (counts[c] + 7) / 8);
        ck_assert_uint_eq(r.signatures.size, 64 * counts[c]);
        memcpy(sigs, r.signatures.data, r.signatures.size);
        for (uint32_t i = 0; i < counts[c]; i++)
            MUST(verify(KEY_SM2, pub, 64, SIGN_SM2, 0, 0, (struct view){NULL, 0},
                        (struct view){sigs + 64 * i, 64}, (struct view){digests[i], 32}));
    }
    const size_t n = dev_public(&dv, user, rsa, pub);
    for (uint8_t scheme = SIGN_RSA_PKCS1; scheme <= SIGN_RSA_PSS; scheme++) {
        MUST(do_sign_batch(&dv, user,
                           &(struct sign_batch_req){.handle = rsa,
                                                    .scheme = scheme,
                                                    .hash = DIGEST_SHA256,
                                                    .salt = scheme == SIGN_RSA_PSS ? 32 : 0,
                                                    .digests = {digests[0], 32 * 11}},
                           &r));
        ck_assert_uint_eq(r.count, 11);
        ck_assert_uint_eq(r.status.data[0] | r.status.data[1] << 8, 0x7FF);
        for (uint32_t i = 0; i < 11; i++)
            ck_assert(rsa_verifies(pub, n, scheme, DIGEST_SHA256, 32, digests[i], 32,
                                   r.signatures.data + 256 * i));
    }
    struct sign_batch_req q = {.handle = sm2, .scheme = SIGN_SM2, .digests = {digests[0], 33}};
    MUST_BE(SW_WRONG_DATA, do_sign_batch(&dv, user, &q, NULL));
    q.digests.size = 0;
    MUST_BE(SW_WRONG_DATA, do_sign_batch(&dv, user, &q, NULL));
    q.digests.size = 32;
    q.scheme = SIGN_SM2_MESSAGE;
    MUST_BE(SW_NOT_SUPPORTED, do_sign_batch(&dv, user, &q, NULL));
    q.scheme = SIGN_RSA_PKCS1;
    q.hash = DIGEST_SHA256;
    MUST_BE(SW_KEY_TYPE, do_sign_batch(&dv, user, &q, NULL));
    q.handle = rsa;
    q.hash = DIGEST_SHA1;
    MUST_BE(SW_NOT_SUPPORTED, do_sign_batch(&dv, user, &q, NULL));
    uint8_t *too_many = calloc(2000, 32);
    q = (struct sign_batch_req){
        .handle = sm2, .scheme = SIGN_SM2, .digests = {too_many, 2000 * 32}};
    MUST_BE(SW_RESPONSE_TOO_BIG, do_sign_batch(&dv, user, &q, NULL));
    free(too_many);
}
END_TEST

static uint16_t verify_batch(const struct verify_batch_req *q, uint8_t *bits, uint32_t n)
{
    struct verify_batch_rsp r;
    const uint16_t sw = do_verify_batch(&dv, user, q, &r);
    if (sw == SW_OK) {
        ck_assert_uint_eq(r.count, n);
        ck_assert_uint_eq(r.status.size, (n + 7) / 8);
        memcpy(bits, r.status.data, r.status.size);
    }
    return sw;
}

/* Every number around the lanes, with each fifth signature and each seventh key spoiled. */
START_TEST(verify_batches)
{
    enum { MANY = 40 };
    static uint8_t items[MANY * 160];
    uint8_t pub[2][64], bits[8];
    const uint32_t h[2] = {dev_key(&dv, user, KEY_SM2, USAGE_SIGN),
                           dev_key(&dv, user, KEY_SM2, USAGE_SIGN)};
    const uint32_t rsa = dev_key(&dv, user, KEY_RSA2048, USAGE_SIGN);
    struct sign_rsp one;
    for (size_t i = 0; i < 2; i++)
        dev_public(&dv, user, h[i], pub[i]);
    for (uint32_t n = 1; n <= MANY; n++) {
        for (int own = 0; own < 2; own++) {
            uint8_t *keys = items, *digests = items + (own ? 64 * n : 0), *sigs = digests + 32 * n;
            test_random(digests, 32 * n);
            for (uint32_t i = 0; i < n; i++) {
                const uint32_t which = own ? i % 2 : 0;
                MUST(do_sign(&dv, user,
                             &(struct sign_req){.handle = h[which],
                                                .scheme = SIGN_SM2,
                                                .data = {digests + 32 * i, 32}},
                             &one));
                memcpy(sigs + 64 * i, one.signature.data, 64);
                sigs[64 * i + i % 64] ^= i % 5 == 4;
                if (own)
                    memcpy(keys + 64 * i, pub[which], 64);
                if (own && i % 7 == 6)
                    memset(keys + 64 * i, i % 2 ? 0xFF : 0, 64);
            }
            const struct verify_batch_req q = {.handle = own ? 0 : h[0],
                                               .type = KEY_SM2,
                                               .scheme = SIGN_SM2,
                                               .items = {items, n * (own ? 160 : 96)}};
            MUST(verify_batch(&q, bits, n));
            for (uint32_t i = 0; i < n; i++)
                ck_assert_uint_eq(bits[i / 8] >> i % 8 & 1, i % 5 != 4 && !(own && i % 7 == 6));
        }
    }
    struct verify_batch_req q = {.type = KEY_SM2, .scheme = SIGN_SM2, .items = {items, 161}};
    MUST_BE(SW_WRONG_DATA, verify_batch(&q, bits, 1));
    q.items.size = 0;
    MUST_BE(SW_WRONG_DATA, verify_batch(&q, bits, 1));
    memset(items, 0xFF, 160);
    q.items.size = 160;
    MUST(verify_batch(&q, bits, 1)); /* not one key is one */
    ck_assert_uint_eq(bits[0], 0);
    q.public = (struct view){items, 64};
    q.items.size = 96;
    MUST_BE(SW_BAD_PUBLIC_KEY, verify_batch(&q, bits, 1));
    q.scheme = SIGN_RSA_PKCS1;
    MUST_BE(SW_NOT_SUPPORTED, verify_batch(&q, bits, 1));
    q = (struct verify_batch_req){.handle = rsa, .scheme = SIGN_SM2, .items = {items, 96}};
    MUST_BE(SW_KEY_TYPE, verify_batch(&q, bits, 1));
    q = (struct verify_batch_req){.type = KEY_RSA2048, .scheme = SIGN_SM2, .items = {items, 160}};
    MUST_BE(SW_KEY_TYPE, verify_batch(&q, bits, 1));
}
END_TEST

/* Single signatures of several sessions and keys that arrive together, with other commands between
 * them. */
START_TEST(signatures_together)
{
    enum { MANY = 200 };
    static uint8_t request[MANY][64], response[MANY][128], digest[MANY][32];
    struct exchange x[MANY];
    uint32_t key[7];
    uint8_t pub[7][64];
    uint16_t channel[5];
    for (size_t i = 0; i < 7; i++) {
        key[i] = dev_key(&dv, user, KEY_SM2, i == 6 ? USAGE_DECRYPT : USAGE_SIGN);
        dev_public(&dv, user, key[i], pub[i]);
    }
    for (size_t i = 0; i < 5; i++)
        channel[i] = i == 4 ? dev_session(&dv) : dev_login(&dv, DEV_USER);
    test_random(digest, sizeof digest);
    for (size_t i = 0; i < MANY; i++) {
        struct wr w;
        wr_init(&w, request[i], sizeof request[i]);
        if (i % 50 == 49)
            random_req_put(&w, &(struct random_req){16});
        else
            sign_req_put(&w, &(struct sign_req){.handle = key[i % 7],
                                                .scheme = SIGN_SM2,
                                                .data = {digest[i], 32}});
        x[i] = dev_exchange(&dv, channel[i % 5], i % 50 == 49 ? INS_RANDOM : INS_SIGN, request[i],
                            wr_size(&w), response[i], i % 31 == 30 ? 60 : sizeof response[i]);
    }
    device_serve(dv.d, x, MANY);
    for (size_t i = 0; i < MANY; i++) {
        if (i % 50 == 49) {
            ck_assert_uint_eq(x[i].sw, SW_OK);
            continue;
        }
        const uint16_t due = i % 5 == 4     ? SW_NOT_AUTHORISED
                             : i % 7 == 6   ? SW_NOT_PERMITTED
                             : i % 31 == 30 ? SW_RESPONSE_TOO_BIG
                                            : SW_OK;
        ck_assert_uint_eq(x[i].sw, due);
        ck_assert_uint_eq(x[i].response_size, due == SW_OK ? 66 : 0);
        if (due == SW_OK)
            MUST(verify(KEY_SM2, pub[i % 7], 64, SIGN_SM2, 0, 0, (struct view){NULL, 0},
                        (struct view){response[i] + 2, 64}, (struct view){digest[i], 32}));
    }
}
END_TEST

/* A key that is destroyed among signatures: those before are made, those after are not. */
START_TEST(destroyed_between)
{
    static uint8_t request[3][64], response[3][128];
    static const uint8_t e[32] = {9};
    struct exchange x[3];
    const uint32_t h = dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
    for (size_t i = 0; i < 3; i++) {
        struct wr w;
        wr_init(&w, request[i], sizeof request[i]);
        if (i == 1)
            object_destroy_req_put(&w, &(struct object_destroy_req){h});
        else
            sign_req_put(&w, &(struct sign_req){.handle = h, .scheme = SIGN_SM2, .data = {e, 32}});
        x[i] = dev_exchange(&dv, user, i == 1 ? INS_OBJECT_DESTROY : INS_SIGN, request[i],
                            wr_size(&w), response[i], sizeof response[i]);
    }
    device_serve(dv.d, x, 3);
    ck_assert_uint_eq(x[0].sw, SW_OK);
    ck_assert_uint_eq(x[1].sw, SW_OK);
    ck_assert_uint_eq(x[2].sw, SW_NO_OBJECT);
}
END_TEST

/* ---------------------------------------------------------------- public-key encryption */

static uint16_t encrypt(uint32_t handle, uint8_t type, const uint8_t *pub, size_t n, uint8_t scheme,
                        uint8_t hash, struct view data, struct encrypt_rsp *r)
{
    return do_encrypt(&dv, handle ? user : 0,
                      &(struct encrypt_req){.handle = handle,
                                            .type = type,
                                            .public = {pub, n},
                                            .scheme = scheme,
                                            .hash = hash,
                                            .data = data},
                      r);
}

static uint16_t decrypt(uint32_t handle, uint8_t scheme, uint8_t hash, struct view data,
                        struct decrypt_rsp *r)
{
    return do_decrypt(
        &dv, user,
        &(struct decrypt_req){.handle = handle, .scheme = scheme, .hash = hash, .data = data}, r);
}

START_TEST(sm2_encryption)
{
    uint8_t pub[64], m[300], cipher[400], der[500];
    const uint32_t h = dev_key(&dv, user, KEY_SM2, USAGE_DECRYPT);
    struct encrypt_rsp e;
    struct decrypt_rsp d;
    dev_public(&dv, user, h, pub);
    EVP_PKEY *key = openssl_ec_key("SM2", pub, NULL, 32);
    for (size_t n = 1; n < sizeof m; n = n * 2 + 3) {
        test_random(m, n);
        MUST(encrypt(n % 2 ? h : 0, n % 2 ? 0 : KEY_SM2, pub, n % 2 ? 0 : 64, CIPHER_SM2, 0,
                     (struct view){m, n}, &e));
        ck_assert_uint_eq(e.data.size, n + 96);
        memcpy(cipher, e.data.data, n + 96);
        MUST(decrypt(h, CIPHER_SM2, 0, (struct view){cipher, n + 96}, &d));
        ck_assert_uint_eq(d.data.size, n);
        ck_assert_mem_eq(d.data.data, m, n);
        cipher[90] ^= 1;
        MUST_BE(SW_DECRYPT_FAILED, decrypt(h, CIPHER_SM2, 0, (struct view){cipher, n + 96}, NULL));
        if (n < 5)
            continue; /* to OpenSSL a key stream of zeros may be none too bad */
        /* what OpenSSL encrypts */
        size_t size = sizeof der, raw = 0;
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
        ck_assert_int_eq(EVP_PKEY_encrypt_init(c), 1);
        ck_assert_int_eq(EVP_PKEY_encrypt(c, der, &size, m, n), 1);
        EVP_PKEY_CTX_free(c);
        uint8_t from[500];
        ck_assert_int_eq(sm2_cipher_from_der(der, size, from, &raw), 0);
        MUST(decrypt(h, CIPHER_SM2, 0, (struct view){from, raw}, &d));
        ck_assert_mem_eq(d.data.data, m, n);
    }
    EVP_PKEY_free(key);
    MUST_BE(SW_WRONG_DATA, encrypt(h, 0, NULL, 0, CIPHER_SM2, 0, (struct view){m, 0}, NULL));
    MUST_BE(SW_DECRYPT_FAILED, decrypt(h, CIPHER_SM2, 0, (struct view){cipher, 96}, NULL));
    MUST_BE(SW_DECRYPT_FAILED, decrypt(h, CIPHER_SM2, 0, (struct view){cipher, 0}, NULL));
    MUST_BE(SW_KEY_TYPE,
            decrypt(h, CIPHER_RSA_OAEP, DIGEST_SHA256, (struct view){cipher, 256}, NULL));
    MUST_BE(SW_KEY_TYPE, decrypt(h, CIPHER_SM4_ECB, 0, (struct view){cipher, 16}, NULL));
    MUST_BE(SW_BAD_PUBLIC_KEY,
            encrypt(0, KEY_SM2, m, 64, CIPHER_SM2, 0, (struct view){m, 5}, NULL));
}
END_TEST

START_TEST(rsa_encryption)
{
    uint8_t pub[516], m[214], cipher[256];
    const uint32_t h = dev_key(&dv, user, KEY_RSA2048, USAGE_DECRYPT);
    const size_t n = dev_public(&dv, user, h, pub);
    EVP_PKEY *key = openssl_rsa_key(pub, n);
    struct encrypt_rsp e;
    struct decrypt_rsp d;
    test_random(m, sizeof m);
    for (int oaep = 0; oaep < 2; oaep++) {
        const uint8_t scheme = oaep ? CIPHER_RSA_OAEP : CIPHER_RSA_PKCS1,
                      hash = oaep ? DIGEST_SHA256 : DIGEST_NONE;
        for (size_t size = 0; size <= 190; size += 19) {
            MUST(encrypt(0, KEY_RSA2048, pub, n, scheme, hash, (struct view){m, size}, &e));
            memcpy(cipher, e.data.data, 256);
            MUST(decrypt(h, scheme, hash, (struct view){cipher, 256}, &d));
            ck_assert_uint_eq(d.data.size, size);
            if (size)
                ck_assert_mem_eq(d.data.data, m, size);
            size_t room = sizeof cipher;
            EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
            EVP_PKEY_encrypt_init(c);
            EVP_PKEY_CTX_set_rsa_padding(c, oaep ? RSA_PKCS1_OAEP_PADDING : RSA_PKCS1_PADDING);
            if (oaep) {
                EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256());
                EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha256());
            }
            ck_assert_int_eq(EVP_PKEY_encrypt(c, cipher, &room, m, size), 1);
            EVP_PKEY_CTX_free(c);
            MUST(decrypt(h, scheme, hash, (struct view){cipher, 256}, &d));
            ck_assert_uint_eq(d.data.size, size);
        }
    }
    EVP_PKEY_free(key);
    /* OAEP tells of a forged text; v1.5 answers with something, and always the same */
    cipher[128] ^= 1;
    MUST_BE(SW_DECRYPT_FAILED,
            decrypt(h, CIPHER_RSA_OAEP, DIGEST_SHA256, (struct view){cipher, 256}, NULL));
    uint8_t first[256];
    MUST(decrypt(h, CIPHER_RSA_PKCS1, 0, (struct view){cipher, 256}, &d));
    const size_t size = d.data.size;
    memcpy(first, d.data.data, size);
    MUST(decrypt(h, CIPHER_RSA_PKCS1, 0, (struct view){cipher, 256}, &d));
    ck_assert_uint_eq(d.data.size, size);
    if (size)
        ck_assert_mem_eq(d.data.data, first, size);
    MUST_BE(SW_DECRYPT_FAILED, decrypt(h, CIPHER_RSA_PKCS1, 0, (struct view){cipher, 255}, NULL));
    MUST_BE(SW_WRONG_DATA,
            encrypt(h, 0, NULL, 0, CIPHER_RSA_OAEP, DIGEST_SHA256, (struct view){m, 191}, NULL));
    MUST_BE(SW_NOT_SUPPORTED,
            encrypt(h, 0, NULL, 0, CIPHER_RSA_OAEP, 99, (struct view){m, 10}, NULL));
    MUST_BE(SW_KEY_TYPE, encrypt(h, 0, NULL, 0, CIPHER_SM2, 0, (struct view){m, 10}, NULL));
}
END_TEST

/* The bare operation: sign and decrypt are the same power, which e takes back. */
START_TEST(rsa_raw)
{
    uint8_t pub[516], m[256], power[256], back[256];
    const uint32_t h = dev_key(&dv, user, KEY_RSA2048, USAGE_SIGN | USAGE_DECRYPT | USAGE_RAW),
                   plain = dev_key(&dv, user, KEY_RSA2048, USAGE_SIGN | USAGE_DECRYPT);
    const size_t n = dev_public(&dv, user, h, pub);
    EVP_PKEY *key = openssl_rsa_key(pub, n);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
    size_t size = sizeof back;
    struct sign_rsp s;
    struct decrypt_rsp d;
    struct sign_req q = {.handle = h, .scheme = SIGN_RSA_RAW, .data = {m, sizeof m}};
    test_random(m, sizeof m);
    m[0] = 0;
    MUST(do_sign(&dv, user, &q, &s));
    ck_assert_uint_eq(s.signature.size, sizeof power);
    memcpy(power, s.signature.data, sizeof power);
    MUST(decrypt(h, CIPHER_RSA_RAW, 0, (struct view){m, sizeof m}, &d));
    ck_assert_uint_eq(d.data.size, sizeof power);
    ck_assert_mem_eq(d.data.data, power, sizeof power);
    EVP_PKEY_encrypt_init(c);
    EVP_PKEY_CTX_set_rsa_padding(c, RSA_NO_PADDING);
    ck_assert_int_eq(EVP_PKEY_encrypt(c, back, &size, power, sizeof power), 1);
    ck_assert_mem_eq(back, m, sizeof m);
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(key);
    q.data.size = 255;
    MUST_BE(SW_WRONG_DATA, do_sign(&dv, user, &q, &s));
    q.data.size = 256;
    memset(m, 0xff, sizeof m); /* above the modulus */
    MUST_BE(SW_SIGN_FAILED, do_sign(&dv, user, &q, &s));
    MUST_BE(SW_DECRYPT_FAILED, decrypt(h, CIPHER_RSA_RAW, 0, (struct view){m, sizeof m}, NULL));
    q.handle = plain;
    MUST_BE(SW_NOT_PERMITTED, do_sign(&dv, user, &q, &s));
    MUST_BE(SW_NOT_PERMITTED, decrypt(plain, CIPHER_RSA_RAW, 0, (struct view){m, sizeof m}, NULL));
    MUST_BE(SW_NOT_SUPPORTED,
            encrypt(h, 0, NULL, 0, CIPHER_RSA_RAW, 0, (struct view){m, 256}, NULL));
    MUST_BE(SW_NOT_SUPPORTED,
            verify(KEY_RSA2048, pub, n, SIGN_RSA_RAW, 0, 0, (struct view){NULL, 0},
                   (struct view){power, 256}, (struct view){m, 256}));
}
END_TEST

/* ---------------------------------------------------------------- SM4 */

START_TEST(sm4_modes)
{
    static uint8_t m[2100], iv[16], cipher[2200];
    const uint32_t h = dev_key(&dv, user, KEY_SM4, USAGE_ENCRYPT | USAGE_DECRYPT);
    test_random(m, sizeof m);
    test_random(iv, sizeof iv);
    for (uint8_t scheme = CIPHER_SM4_ECB; scheme <= CIPHER_SM4_GCM; scheme++) {
        const bool whole = scheme <= CIPHER_SM4_CBC, gcm = scheme == CIPHER_SM4_GCM;
        for (size_t n = 0; n <= 2096; n += n > 80 ? (whole ? 400 : 401) : (whole ? 16 : 5)) {
            struct encrypt_req q = {.handle = h,
                                    .scheme = scheme,
                                    .iv = {iv, scheme == CIPHER_SM4_ECB ? 0
                                               : gcm                    ? 12
                                                                        : 16},
                                    .data = {m, n}};
            struct encrypt_rsp e;
            struct decrypt_rsp d;
            if (gcm)
                q.aad = dev_text("additional");
            MUST(do_encrypt(&dv, user, &q, &e));
            ck_assert_uint_eq(e.data.size, n + (gcm ? 16 : 0));
            memcpy(cipher, e.data.data, e.data.size);
            struct decrypt_req p = {.handle = h,
                                    .scheme = scheme,
                                    .iv = q.iv,
                                    .aad = q.aad,
                                    .data = {cipher, e.data.size}};
            MUST(do_decrypt(&dv, user, &p, &d));
            ck_assert_uint_eq(d.data.size, n);
            if (n)
                ck_assert_mem_eq(d.data.data, m, n);
            if (whole && n) {
                q.data.size--;
                MUST_BE(SW_WRONG_DATA, do_encrypt(&dv, user, &q, NULL));
            }
            if (gcm) {
                cipher[n] ^= 1;
                MUST_BE(SW_DECRYPT_FAILED, do_decrypt(&dv, user, &p, NULL));
                p.data.size = 15;
                MUST_BE(SW_WRONG_DATA, do_decrypt(&dv, user, &p, NULL));
            }
        }
    }
    struct encrypt_req q = {.handle = h, .scheme = CIPHER_SM4_MAC, .iv = {iv, 16}, .data = {m, 96}};
    struct encrypt_rsp e;
    MUST(do_encrypt(&dv, user, &q, &e));
    memcpy(cipher, e.data.data, 16);
    q.scheme = CIPHER_SM4_CBC;
    MUST(do_encrypt(&dv, user, &q, &e));
    ck_assert_mem_eq(cipher, e.data.data + 80, 16); /* the MAC is the last block of CBC */
    q.iv.size = 15;
    MUST_BE(SW_WRONG_DATA, do_encrypt(&dv, user, &q, NULL));
    q.iv.size = 16;
    q.aad = dev_text("x");
    MUST_BE(SW_WRONG_DATA, do_encrypt(&dv, user, &q, NULL));
    MUST_BE(SW_NOT_SUPPORTED,
            do_decrypt(&dv, user,
                       &(struct decrypt_req){
                           .handle = h, .scheme = CIPHER_SM4_MAC, .iv = {iv, 16}, .data = {m, 16}},
                       NULL));
    MUST_BE(SW_NOT_SUPPORTED,
            do_encrypt(&dv, user, &(struct encrypt_req){.handle = h, .scheme = 200}, NULL));
    MUST_BE(SW_NO_OBJECT, do_encrypt(&dv, 0,
                                     &(struct encrypt_req){
                                         .handle = h, .scheme = CIPHER_SM4_ECB, .data = {m, 16}},
                                     NULL));
}
END_TEST

/* ---------------------------------------------------------------- key exchange */

struct side {
    uint16_t channel;
    uint32_t handle;
    uint8_t pub[64], temporary[64], key[64], own[32], peer[32];
};

static void begin(struct side *s, uint32_t usage)
{
    struct agree_begin_rsp r;
    s->channel = dev_login(&dv, DEV_USER);
    s->handle = dev_key(&dv, s->channel, KEY_SM2, usage);
    dev_public(&dv, s->channel, s->handle, s->pub);
    MUST(do_agree_begin(&dv, s->channel, &(struct agree_begin_req){s->handle}, &r));
    memcpy(s->temporary, r.temporary, 64);
}

static uint16_t finish(struct side *s, const struct side *peer, uint8_t flags, uint16_t size,
                       struct agree_finish_rsp *r)
{
    return do_agree_finish(
        &dv, s->channel,
        &(struct agree_finish_req){.flags = flags,
                                   .own_id = dev_text(flags & AGREE_INITIATOR ? "A" : "B"),
                                   .peer_id = dev_text(flags & AGREE_INITIATOR ? "B" : "A"),
                                   .peer = peer->pub,
                                   .peer_temporary = peer->temporary,
                                   .size = size},
        r);
}

START_TEST(key_exchange)
{
    struct side a, b;
    struct agree_finish_rsp r;
    uint8_t zeros[16] = {0}, cipher[16], own[32], peer[32];
    struct encrypt_rsp e;
    begin(&a, USAGE_AGREE);
    begin(&b, USAGE_AGREE);
    MUST(finish(&a, &b, AGREE_INITIATOR, 16, &r));
    ck_assert_uint_eq(r.key.size, 0);
    ck_assert_uint_ge(r.handle, 0x80000000);
    memcpy(own, r.confirm_own, 32);
    memcpy(peer, r.confirm_peer, 32);
    MUST(do_encrypt(
        &dv, a.channel,
        &(struct encrypt_req){.handle = r.handle, .scheme = CIPHER_SM4_ECB, .data = {zeros, 16}},
        &e));
    memcpy(cipher, e.data.data, 16);
    MUST(finish(&b, &a, 0, 16, &r));
    ck_assert_mem_eq(r.confirm_own, peer, 32);
    ck_assert_mem_eq(r.confirm_peer, own, 32);
    MUST(do_encrypt(
        &dv, b.channel,
        &(struct encrypt_req){.handle = r.handle, .scheme = CIPHER_SM4_ECB, .data = {zeros, 16}},
        &e));
    ck_assert_mem_eq(e.data.data, cipher, 16);
    MUST_BE(SW_STEP, finish(&b, &a, 0, 16, &r)); /* a temporary pair serves once */
}
END_TEST

START_TEST(key_exchange_in_clear)
{
    struct side a, b;
    struct agree_finish_rsp r;
    uint8_t key[48];
    begin(&a, USAGE_AGREE | USAGE_DERIVE_OUT);
    begin(&b, USAGE_AGREE | USAGE_DERIVE_OUT);
    MUST(finish(&a, &b, AGREE_INITIATOR | AGREE_KEY_OUT, 48, &r));
    ck_assert_uint_eq(r.key.size, 48);
    ck_assert_uint_eq(r.handle, 0);
    memcpy(key, r.key.data, 48);
    MUST(finish(&b, &a, AGREE_KEY_OUT, 48, &r));
    ck_assert_mem_eq(r.key.data, key, 48);
}
END_TEST

/* In one step, with temporary pairs that are objects: what one side gets so, the other gets in two.
 */
START_TEST(key_exchange_of_keys)
{
    struct side a, b;
    struct agree_finish_rsp two;
    struct agree_keys_rsp one;
    uint8_t key[48], own[32], peer[32];
    begin(&a, USAGE_AGREE | USAGE_DERIVE_OUT);
    begin(&b, USAGE_AGREE | USAGE_DERIVE_OUT);
    const uint32_t temporary = dev_key(&dv, a.channel, KEY_SM2, USAGE_AGREE),
                   signs = dev_key(&dv, a.channel, KEY_SM2, USAGE_SIGN);
    dev_public(&dv, a.channel, temporary, a.temporary);
    struct agree_keys_req q = {.handle = a.handle,
                               .temporary = temporary,
                               .flags = AGREE_INITIATOR | AGREE_KEY_OUT,
                               .own_id = dev_text("A"),
                               .peer_id = dev_text("B"),
                               .peer = b.pub,
                               .peer_temporary = b.temporary,
                               .size = 48};
    MUST(do_agree_keys(&dv, a.channel, &q, &one));
    memcpy(key, one.key.data, 48);
    memcpy(own, one.confirm_own, 32);
    memcpy(peer, one.confirm_peer, 32);
    MUST(finish(&b, &a, AGREE_KEY_OUT, 48, &two));
    ck_assert_mem_eq(two.key.data, key, 48);
    ck_assert_mem_eq(two.confirm_own, peer, 32);
    ck_assert_mem_eq(two.confirm_peer, own, 32);
    q.size = 0;
    MUST_BE(SW_WRONG_DATA, do_agree_keys(&dv, a.channel, &q, NULL));
    q.size = 48;
    q.temporary = signs;
    MUST_BE(SW_NOT_PERMITTED, do_agree_keys(&dv, a.channel, &q, NULL));
    q.temporary = 0x7ffffff;
    MUST_BE(SW_NO_OBJECT, do_agree_keys(&dv, a.channel, &q, NULL));
    q.temporary = temporary;
    q.handle = signs;
    MUST_BE(SW_NOT_PERMITTED, do_agree_keys(&dv, a.channel, &q, NULL));
}
END_TEST

START_TEST(key_exchange_refusals)
{
    struct side a, b;
    begin(&a, USAGE_AGREE);
    begin(&b, USAGE_AGREE);
    MUST_BE(SW_WRONG_DATA,
            finish(&a, &b, AGREE_INITIATOR, 32, NULL)); /* a session key has 16 bytes */
    MUST_BE(SW_WRONG_DATA, finish(&a, &b, AGREE_KEY_OUT, 0, NULL));
    MUST_BE(SW_WRONG_DATA, finish(&a, &b, AGREE_KEY_OUT, 1025, NULL));
    MUST_BE(SW_WRONG_DATA, finish(&a, &b, 0x80, 16, NULL));
    MUST_BE(SW_NOT_PERMITTED, finish(&a, &b, AGREE_KEY_OUT, 48, NULL));
    begin(&a, USAGE_AGREE);
    b.temporary[63] ^= 1; /* off the curve */
    MUST_BE(SW_AGREEMENT_FAILED, finish(&a, &b, AGREE_INITIATOR, 16, NULL));
    MUST_BE(SW_STEP, finish(&a, &b, AGREE_INITIATOR, 16, NULL));
    MUST_BE(SW_KEY_TYPE,
            do_agree_begin(&dv, user,
                           &(struct agree_begin_req){dev_key(&dv, user, KEY_SM4, USAGE_ENCRYPT)},
                           NULL));
}
END_TEST

/* ---------------------------------------------------------------- hashes */

START_TEST(hashes)
{
    static uint8_t m[5000];
    test_random(m, sizeof m);
    for (uint8_t hash = DIGEST_SM3; hash <= DIGEST_SHA512; hash++) {
        uint8_t due[64];
        unsigned n = 0;
        struct digest_rsp d;
        struct hash_final_rsp f;
        EVP_Digest(m, sizeof m, due, &n, md_of(hash), NULL);
        MUST(do_digest(&dv, 0, &(struct digest_req){.hash = hash, .data = {m, sizeof m}}, &d));
        ck_assert_uint_eq(d.digest.size, n);
        ck_assert_mem_eq(d.digest.data, due, n);
        const uint16_t ch = dev_session(&dv); /* no log-in needed */
        MUST(do_hash_init(&dv, ch, &(struct hash_init_req){.hash = hash}, NULL));
        for (size_t i = 0, part = 1; i < sizeof m; i += part, part = part * 3 % 997 + 1) {
            part = part < sizeof m - i ? part : sizeof m - i;
            MUST(do_hash_update(&dv, ch, &(struct hash_update_req){{m + i, part}}, NULL));
        }
        MUST(do_hash_final(&dv, ch, &(struct hash_final_req){0}, &f));
        ck_assert_mem_eq(f.digest.data, due, n);
    }
    MUST_BE(SW_NOT_SUPPORTED, do_digest(&dv, 0, &(struct digest_req){.hash = 0}, NULL));
    MUST_BE(SW_NOT_SUPPORTED, do_digest(&dv, 0, &(struct digest_req){.hash = 7}, NULL));
    MUST_BE(SW_WRONG_DATA,
            do_digest(&dv, 0,
                      &(struct digest_req){.hash = DIGEST_SM3, .id = dev_text("id without key")},
                      NULL));
    MUST_BE(SW_STEP, do_hash_update(&dv, user, &(struct hash_update_req){{m, 10}}, NULL));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_use");
    TCase *t = suite_case(s, "use", 240, set_up, off);
    tcase_add_test(t, sm2_messages);
    tcase_add_test(t, sm2_digest_is_the_same);
    tcase_add_test(t, sm2_refusals);
    tcase_add_test(t, rsa_signatures);
    tcase_add_test(t, sign_batches);
    tcase_add_test(t, verify_batches);
    tcase_add_test(t, signatures_together);
    tcase_add_test(t, destroyed_between);
    tcase_add_test(t, sm2_encryption);
    tcase_add_test(t, rsa_encryption);
    tcase_add_test(t, rsa_raw);
    tcase_add_test(t, sm4_modes);
    tcase_add_test(t, key_exchange);
    tcase_add_test(t, key_exchange_in_clear);
    tcase_add_test(t, key_exchange_refusals);
    tcase_add_test(t, key_exchange_of_keys);
    tcase_add_test(t, hashes);
    return suite_run(s);
}
