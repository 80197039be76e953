/* EC keys in the device: signatures, batches, ECDH, and what must be refused. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/ec.h"
#include "tests/lib/dev.h"
#include "tests/lib/rng.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

static struct dev dv;
static uint16_t user;

static const struct curve {
    uint8_t type;
    const struct ec_curve *curve;
} curves[] = {{KEY_P256, &ec_p256}, {KEY_P384, &ec_p384}};
enum { CURVES = 2 };

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

static uint16_t verify(uint8_t type, const uint8_t *pub, size_t pub_size, uint8_t hash,
                       const uint8_t *sig, size_t sig_size, const uint8_t *e, size_t n)
{
    return do_verify(&dv, 0,
                     &(struct verify_req){.type = type,
                                          .public = {pub, pub_size},
                                          .scheme = SIGN_ECDSA,
                                          .hash = hash,
                                          .signature = {sig, sig_size},
                                          .data = {e, n}},
                     NULL);
}

START_TEST(sign_and_verify)
{
    static const struct {
        uint8_t hash;
        size_t size;
    } rows[] = {{DIGEST_NONE, 1},    {DIGEST_NONE, 64},   {DIGEST_NONE, 33},
                {DIGEST_SHA1, 20},   {DIGEST_SHA224, 28}, {DIGEST_SHA256, 32},
                {DIGEST_SHA384, 48}, {DIGEST_SHA512, 64}, {DIGEST_SM3, 32}};
    const struct curve *c = &curves[_i];
    const size_t size = 2 * c->curve->size;
    const uint32_t h = dev_key(&dv, user, c->type, USAGE_SIGN);
    uint8_t pub[LIMIT_PUBLIC_MAX], e[64], sig[EC_SIGNATURE_MAX];
    struct sign_rsp s;
    ck_assert_uint_eq(dev_public(&dv, user, h, pub), size);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const size_t n = rows[i].size;
        test_random(e, sizeof e);
        struct sign_req q = {
            .handle = h, .scheme = SIGN_ECDSA, .hash = rows[i].hash, .data = {e, n}};
        MUST(do_sign(&dv, user, &q, &s));
        ck_assert_uint_eq(s.signature.size, size);
        memcpy(sig, s.signature.data, size);
        ck_assert_int_eq(c->curve->verify(pub, e, n, sig), 0);
        MUST(verify(c->type, pub, size, rows[i].hash, sig, size, e, n));
        MUST(do_verify(
            &dv, user,
            &(struct verify_req){
                .handle = h, .scheme = SIGN_ECDSA, .signature = {sig, size}, .data = {e, n}},
            NULL));
        e[0] ^= 0x80;
        MUST_BE(SW_SIGNATURE_INVALID, verify(c->type, pub, size, rows[i].hash, sig, size, e, n));
        q.data.size = rows[i].hash ? n - 1 : 0;
        MUST_BE(SW_WRONG_DATA, do_sign(&dv, user, &q, NULL));
        q.data.size = 65;
        uint8_t longer[65] = {0};
        q.data.data = longer;
        MUST_BE(SW_WRONG_DATA, do_sign(&dv, user, &q, NULL));
    }
    MUST_BE(SW_SIGNATURE_INVALID, verify(c->type, pub, size, 0, sig, size - 1, e, 32));
    MUST_BE(SW_BAD_PUBLIC_KEY, verify(c->type, pub, size - 1, 0, sig, size, e, 32));
    pub[5] ^= 1;
    MUST_BE(SW_BAD_PUBLIC_KEY, verify(c->type, pub, size, 0, sig, size, e, 32));
    MUST_BE(SW_KEY_TYPE, do_verify(&dv, user,
                                   &(struct verify_req){.handle = h,
                                                        .scheme = SIGN_RSA_PKCS1,
                                                        .hash = DIGEST_SHA256,
                                                        .signature = {sig, size},
                                                        .data = {e, 32}},
                                   NULL));
}
END_TEST

START_TEST(wrong_kind_of_key)
{
    uint8_t e[32] = {1};
    static const uint8_t types[] = {KEY_SM2, KEY_P256, KEY_RSA2048};
    static const uint8_t schemes[] = {SIGN_SM2, SIGN_ECDSA, SIGN_RSA_PKCS1};
    for (size_t i = 0; i < 3; i++) {
        const uint32_t h = dev_key(&dv, user, types[i], USAGE_SIGN);
        for (size_t j = 0; j < 3; j++) {
            const uint8_t hash = schemes[j] == SIGN_SM2 ? 0 : DIGEST_SHA256;
            MUST_BE(i == j ? SW_OK : SW_KEY_TYPE,
                    do_sign(&dv, user,
                            &(struct sign_req){
                                .handle = h, .scheme = schemes[j], .hash = hash, .data = {e, 32}},
                            NULL));
            MUST_BE(i == j ? SW_OK : SW_KEY_TYPE,
                    do_sign_batch(
                        &dv, user,
                        &(struct sign_batch_req){
                            .handle = h, .scheme = schemes[j], .hash = hash, .digests = {e, 32}},
                        NULL));
        }
    }
    const uint32_t ec = dev_key(&dv, user, KEY_P256, USAGE_AGREE);
    MUST_BE(SW_NOT_PERMITTED,
            do_sign(&dv, user,
                    &(struct sign_req){.handle = ec, .scheme = SIGN_ECDSA, .data = {e, 32}}, NULL));
    MUST_BE(SW_KEY_TYPE, do_encrypt(&dv, user,
                                    &(struct encrypt_req){
                                        .handle = ec, .scheme = CIPHER_RSA_PKCS1, .data = {e, 32}},
                                    NULL));
    MUST_BE(SW_KEY_TYPE, do_agree_begin(&dv, user, &(struct agree_begin_req){.handle = ec}, NULL));
}
END_TEST

START_TEST(sign_batch)
{
    enum { N = 50 };
    const struct curve *c = &curves[_i];
    const size_t size = 2 * c->curve->size;
    const uint32_t h = dev_key(&dv, user, c->type, USAGE_SIGN);
    static uint8_t digests[N * 48];
    uint8_t pub[LIMIT_PUBLIC_MAX];
    struct sign_batch_rsp r;
    test_random(digests, sizeof digests);
    dev_public(&dv, user, h, pub);
    struct sign_batch_req q = {.handle = h,
                               .scheme = SIGN_ECDSA,
                               .hash = DIGEST_SHA384,
                               .digests = {digests, sizeof digests}};
    MUST(do_sign_batch(&dv, user, &q, &r));
    ck_assert_uint_eq(r.count, N);
    ck_assert_uint_eq(r.signatures.size, N * size);
    for (size_t i = 0; i < N; i++) {
        ck_assert(r.status.data[i / 8] >> (i % 8) & 1);
        ck_assert_int_eq(c->curve->verify(pub, digests + 48 * i, 48, r.signatures.data + size * i),
                         0);
    }
    q.hash = DIGEST_NONE;
    MUST_BE(SW_WRONG_DATA, do_sign_batch(&dv, user, &q, NULL));
}
END_TEST

START_TEST(key_batch)
{
    const struct curve *c = &curves[_i];
    const size_t size = c->curve->size, record = 3 * size + 16;
    struct key_batch_rsp r;
    static uint8_t records[40 * 160];
    uint8_t header[38], e[32] = {3};
    MUST(do_key_batch(&dv, user, &(struct key_batch_req){c->type, USAGE_SIGN, 40, 0}, &r));
    ck_assert_uint_eq(r.records.size, 40 * record);
    memcpy(header, r.header, sizeof header);
    memcpy(records, r.records.data, r.records.size);
    for (uint32_t i = 0; i < 40; i += 13) {
        const uint8_t *one = records + i * record;
        struct key_import_rsp in;
        struct sign_rsp s;
        MUST(do_key_import(
            &dv, user,
            &(struct key_import_req){.header = header, .index = i, .record = {one, record}}, &in));
        MUST(do_sign(&dv, user,
                     &(struct sign_req){.handle = in.handle, .scheme = SIGN_ECDSA, .data = {e, 32}},
                     &s));
        ck_assert_int_eq(c->curve->verify(one, e, 32, s.signature.data), 0);
        MUST_BE(SW_WRONG_WRAP,
                do_key_import(&dv, user,
                              &(struct key_import_req){
                                  .header = header, .index = i, .record = {one, record - 1}},
                              NULL));
    }
}
END_TEST

/* ---------------------------------------------------------------- ECDH */

START_TEST(derive_in_clear)
{
    const struct curve *c = &curves[_i];
    const size_t size = c->curve->size;
    const uint32_t h = dev_key(&dv, user, c->type, USAGE_AGREE | USAGE_DERIVE_OUT);
    uint8_t pub[LIMIT_PUBLIC_MAX], d[EC_MAX], peer[EC_POINT_MAX], x[EC_MAX], key[256];
    struct derive_rsp r;
    dev_public(&dv, user, h, pub);
    ck_assert_int_eq(ec_keygen(c->curve, &test_rng, d, peer), 0);
    ck_assert_int_eq(c->curve->agree(d, pub, x), 0);
    struct derive_req q = {
        .handle = h, .flags = DERIVE_KEY_OUT, .peer = {peer, 2 * size}, .size = (uint16_t)size};
    MUST(do_derive(&dv, user, &q, &r));
    ck_assert_uint_eq(r.handle, 0);
    ck_assert_uint_eq(r.key.size, size);
    ck_assert_mem_eq(r.key.data, x, size);
    q.size = 16; /* PKCS#11 takes bytes away at the leading end */
    MUST(do_derive(&dv, user, &q, &r));
    ck_assert_mem_eq(r.key.data, x + size - 16, 16);
    q.hash = DIGEST_SHA256;
    q.info = dev_text("both parties");
    q.size = 200;
    ck_assert_int_eq(kdf_x963(HASH_SHA256, x, size, (const uint8_t *)"both parties", 12, key, 200),
                     0);
    MUST(do_derive(&dv, user, &q, &r));
    ck_assert_mem_eq(r.key.data, key, 200);
}
END_TEST

START_TEST(derive_into_the_session)
{
    const struct curve *c = &curves[_i];
    const size_t size = 2 * c->curve->size;
    const uint32_t a = dev_key(&dv, user, c->type, USAGE_AGREE),
                   b = dev_key(&dv, user, c->type, USAGE_AGREE);
    uint8_t pub[2][LIMIT_PUBLIC_MAX], text[16] = {0}, out[16];
    uint32_t secret[2];
    dev_public(&dv, user, a, pub[0]);
    dev_public(&dv, user, b, pub[1]);
    for (int i = 0; i < 2; i++) {
        struct derive_rsp r;
        MUST(do_derive(&dv, user,
                       &(struct derive_req){.handle = i ? b : a,
                                            .peer = {pub[1 - i], size},
                                            .type = KEY_SM4,
                                            .usage = USAGE_ENCRYPT,
                                            .size = 16},
                       &r));
        ck_assert_uint_eq(r.key.size, 0);
        secret[i] = r.handle;
    }
    for (int i = 0; i < 2; i++) {
        struct encrypt_rsp e;
        MUST(do_encrypt(&dv, user,
                        &(struct encrypt_req){
                            .handle = secret[i], .scheme = CIPHER_SM4_ECB, .data = {text, 16}},
                        &e));
        if (i)
            ck_assert_mem_eq(out, e.data.data, 16);
        memcpy(out, e.data.data, 16);
    }
    struct object_info_rsp info;
    MUST(do_object_info(&dv, user, &(struct object_info_req){secret[0]}, &info));
    ck_assert_uint_eq(info.type, KEY_SM4);
    ck_assert_uint_eq(info.origin, ORIGIN_AGREED);
}
END_TEST

START_TEST(derive_refusals)
{
    const uint32_t h = dev_key(&dv, user, KEY_P256, USAGE_AGREE),
                   signs = dev_key(&dv, user, KEY_P256, USAGE_SIGN),
                   sm2 = dev_key(&dv, user, KEY_SM2, USAGE_AGREE);
    uint8_t pub[LIMIT_PUBLIC_MAX];
    dev_public(&dv, user, signs, pub);
    const struct derive_req good = {
        .handle = h, .peer = {pub, 64}, .type = KEY_SM4, .usage = USAGE_ENCRYPT, .size = 16};
    struct derive_req q = good;
    MUST(do_derive(&dv, user, &q, NULL));
    q.handle = signs;
    MUST_BE(SW_NOT_PERMITTED, do_derive(&dv, user, &q, NULL));
    q.handle = sm2;
    MUST_BE(SW_KEY_TYPE, do_derive(&dv, user, &q, NULL));
    q = good;
    q.flags = DERIVE_KEY_OUT;
    MUST_BE(SW_WRONG_DATA, do_derive(&dv, user, &q, NULL));
    q.type = 0;
    q.usage = 0;
    MUST_BE(SW_NOT_PERMITTED, do_derive(&dv, user, &q, NULL));
    q = good;
    q.flags = 1;
    MUST_BE(SW_WRONG_DATA, do_derive(&dv, user, &q, NULL));
    q = good;
    q.size = 17;
    MUST_BE(SW_WRONG_DATA, do_derive(&dv, user, &q, NULL));
    q = good;
    q.type = KEY_SM2;
    MUST_BE(SW_NOT_SUPPORTED, do_derive(&dv, user, &q, NULL));
    q = good;
    q.usage |= USAGE_EXPORT_WRAPPED;
    MUST_BE(SW_WRONG_DATA, do_derive(&dv, user, &q, NULL));
    q = good;
    q.hash = 77;
    MUST_BE(SW_NOT_SUPPORTED, do_derive(&dv, user, &q, NULL));
    q = good;
    q.info = dev_text("x"); /* needs a KDF */
    MUST_BE(SW_WRONG_DATA, do_derive(&dv, user, &q, NULL));
    q = good;
    q.peer.size = 63;
    MUST_BE(SW_BAD_PUBLIC_KEY, do_derive(&dv, user, &q, NULL));
    pub[63] ^= 1;
    MUST_BE(SW_BAD_PUBLIC_KEY, do_derive(&dv, user, &good, NULL));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_ec");
    TCase *t = suite_case(s, "device_ec", 120, set_up, off);
    tcase_add_loop_test(t, sign_and_verify, 0, CURVES);
    tcase_add_test(t, wrong_kind_of_key);
    tcase_add_loop_test(t, sign_batch, 0, CURVES);
    tcase_add_loop_test(t, key_batch, 0, CURVES);
    tcase_add_loop_test(t, derive_in_clear, 0, CURVES);
    tcase_add_loop_test(t, derive_into_the_session, 0, CURVES);
    tcase_add_test(t, derive_refusals);
    test_seed();
    return suite_run(s);
}
