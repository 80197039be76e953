/*
 * Limits of keys: numbers of uses, periods, digests alone, what comes out of a key - each with
 * every command that uses a private or secret part, and with the power cut at each step.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "firmware/crypto/sm2.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

enum { DAY = 86400000 };

static struct dev dv;
static uint16_t user;
static uint32_t other, secret; /* keys without limits, for what takes two */
static uint8_t digest[32];

static void log_in(void)
{
    user = dev_login(&dv, DEV_USER);
}

static void on(void)
{
    dev_open(&dv);
    dev_init(&dv, 0);
    log_in();
    other = dev_key(&dv, user, KEY_SM2, USAGE_SIGN | USAGE_AGREE);
    secret = dev_key(&dv, user, KEY_AES128, USAGE_EXTRACT | USAGE_ENCRYPT);
    test_random(digest, sizeof digest);
}

static void off(void)
{
    dev_close(&dv);
}

static void restart(void)
{
    dev_reboot(&dv);
    log_in();
}

static struct view encoded(const struct key_policy *p, uint8_t room[POLICY_SIZE])
{
    struct wr w;
    wr_init(&w, room, POLICY_SIZE);
    key_policy_put(&w, p);
    return (struct view){room, wr_size(&w)};
}

static uint16_t make(uint8_t type, uint32_t usage, const struct key_policy *p, uint32_t *handle)
{
    uint8_t room[POLICY_SIZE];
    struct key_generate_rsp r;
    const uint16_t sw =
        do_key_generate(&dv, user,
                        &(struct key_generate_req){.type = type,
                                                   .usage = usage,
                                                   .size = type == KEY_HMAC ? 32 : 0,
                                                   .policy = encoded(p, room)},
                        &r);
    *handle = r.handle;
    return sw;
}

static uint16_t tighten(uint32_t handle, uint32_t usage, const struct key_policy *p)
{
    uint8_t room[POLICY_SIZE];
    const struct key_restrict_req q = {handle, usage, encoded(p, room)};
    return do_key_restrict(&dv, user, &q, NULL);
}

static struct key_policy policy_of(uint32_t handle)
{
    struct object_info_rsp r;
    struct key_policy p;
    MUST(do_object_info(&dv, user, &(struct object_info_req){handle}, &r));
    ck_assert(policy_read(r.policy, &p));
    return p;
}

/* ---------------------------------------------------------------- every use there is */

static uint16_t sign(uint32_t handle, uint8_t scheme, uint8_t hash)
{
    return do_sign(&dv, user,
                   &(struct sign_req){.handle = handle,
                                      .scheme = scheme,
                                      .hash = hash,
                                      .salt = scheme == SIGN_RSA_PSS ? 32 : 0,
                                      .data = {digest, sizeof digest}},
                   NULL);
}

static uint16_t sign_sm2(uint32_t handle)
{
    return sign(handle, SIGN_SM2, DIGEST_NONE);
}

static uint16_t sign_message(uint32_t handle)
{
    return sign(handle, SIGN_SM2_MESSAGE, DIGEST_SM3);
}

static uint16_t sign_pkcs1(uint32_t handle)
{
    return sign(handle, SIGN_RSA_PKCS1, DIGEST_SHA256);
}

static uint16_t sign_pss(uint32_t handle)
{
    return sign(handle, SIGN_RSA_PSS, DIGEST_SHA256);
}

static uint16_t sign_ready(uint32_t handle)
{
    return sign(handle, SIGN_RSA_PKCS1, DIGEST_NONE);
}

static uint16_t sign_raw(uint32_t handle)
{
    static uint8_t number[256];
    number[200] = 1;
    return do_sign(&dv, user,
                   &(struct sign_req){
                       .handle = handle, .scheme = SIGN_RSA_RAW, .data = {number, sizeof number}},
                   NULL);
}

static uint16_t sign_ecdsa(uint32_t handle)
{
    return sign(handle, SIGN_ECDSA, DIGEST_SHA256);
}

static uint16_t sign_bytes(uint32_t handle, uint8_t scheme, const uint8_t *data, size_t n)
{
    return do_sign(&dv, user,
                   &(struct sign_req){.handle = handle, .scheme = scheme, .data = {data, n}}, NULL);
}

static uint16_t sign_ecdsa_any(uint32_t handle)
{
    return sign_bytes(handle, SIGN_ECDSA, digest, 20);
}

static uint16_t sign_ecdsa_unnamed(uint32_t handle)
{
    return sign_bytes(handle, SIGN_ECDSA, digest, 32);
}

/* DigestInfo, RFC 8017 9.2 note 1 */
static uint16_t sign_info(uint32_t handle)
{
    uint8_t info[51] = {0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                        0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    return sign_bytes(handle, SIGN_RSA_PKCS1, info, sizeof info);
}

static uint16_t sign_broken_info(uint32_t handle)
{
    uint8_t info[51] = {0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                        0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x1F};
    return sign_bytes(handle, SIGN_RSA_PKCS1, info, sizeof info);
}

static uint16_t batch_of(uint32_t handle, uint8_t scheme, uint8_t hash, size_t n)
{
    static uint8_t digests[64 * 32];
    return do_sign_batch(
        &dv, user,
        &(struct sign_batch_req){
            .handle = handle, .scheme = scheme, .hash = hash, .digests = {digests, 32 * n}},
        NULL);
}

static uint16_t batch_sm2(uint32_t handle)
{
    return batch_of(handle, SIGN_SM2, DIGEST_SM3, 1);
}

static uint16_t batch_ecdsa(uint32_t handle)
{
    return batch_of(handle, SIGN_ECDSA, DIGEST_SHA256, 1);
}

static uint16_t batch_rsa(uint32_t handle)
{
    return batch_of(handle, SIGN_RSA_PKCS1, DIGEST_SHA256, 1);
}

/* Encrypt with the public part, which is no use, and decrypt. */
static uint16_t decrypt(uint32_t handle, uint8_t scheme, uint8_t hash)
{
    uint8_t sealed[512];
    struct encrypt_rsp r;
    MUST(do_encrypt(
        &dv, user,
        &(struct encrypt_req){
            .handle = handle, .scheme = scheme, .hash = hash, .data = {digest, sizeof digest}},
        &r));
    memcpy(sealed, r.data.data, r.data.size);
    return do_decrypt(
        &dv, user,
        &(struct decrypt_req){
            .handle = handle, .scheme = scheme, .hash = hash, .data = {sealed, r.data.size}},
        NULL);
}

static uint16_t decrypt_sm2(uint32_t handle)
{
    return decrypt(handle, CIPHER_SM2, DIGEST_NONE);
}

static uint16_t decrypt_oaep(uint32_t handle)
{
    return decrypt(handle, CIPHER_RSA_OAEP, DIGEST_SHA256);
}

static uint16_t decrypt_raw(uint32_t handle)
{
    static uint8_t number[256];
    number[200] = 1;
    return do_decrypt(&dv, user,
                      &(struct decrypt_req){.handle = handle,
                                            .scheme = CIPHER_RSA_RAW,
                                            .data = {number, sizeof number}},
                      NULL);
}

static uint16_t encrypt_sm4(uint32_t handle)
{
    return do_encrypt(&dv, user,
                      &(struct encrypt_req){.handle = handle,
                                            .scheme = CIPHER_SM4_ECB,
                                            .data = {digest, sizeof digest}},
                      NULL);
}

static uint16_t decrypt_sm4(uint32_t handle)
{
    return do_decrypt(&dv, user,
                      &(struct decrypt_req){.handle = handle,
                                            .scheme = CIPHER_SM4_ECB,
                                            .data = {digest, sizeof digest}},
                      NULL);
}

static uint16_t encrypt_aes(uint32_t handle)
{
    return do_encrypt(&dv, user,
                      &(struct encrypt_req){.handle = handle,
                                            .scheme = CIPHER_AES_GCM,
                                            .iv = {digest, 12},
                                            .data = {digest, sizeof digest}},
                      NULL);
}

static uint16_t decrypt_aes(uint32_t handle)
{
    return do_decrypt(&dv, user,
                      &(struct decrypt_req){.handle = handle,
                                            .scheme = CIPHER_AES_ECB,
                                            .data = {digest, sizeof digest}},
                      NULL);
}

static uint16_t mac(uint32_t handle)
{
    return do_mac(&dv, user,
                  &(struct mac_req){.handle = handle,
                                    .scheme = MAC_HMAC,
                                    .hash = DIGEST_SM3,
                                    .data = {digest, sizeof digest}},
                  NULL);
}

static uint16_t drop_session_key(uint32_t handle)
{
    return do_object_destroy(&dv, user, &(struct object_destroy_req){handle}, NULL);
}

static uint16_t agree(uint32_t handle)
{
    uint8_t peer[LIMIT_PUBLIC_MAX], temporary[64];
    struct agree_begin_rsp b;
    struct agree_finish_rsp f;
    dev_public(&dv, user, other, peer);
    uint16_t sw = do_agree_begin(&dv, user, &(struct agree_begin_req){handle}, &b);
    if (sw != SW_OK)
        return sw;
    memcpy(temporary, b.temporary, sizeof temporary);
    sw = do_agree_finish(
        &dv, user,
        &(struct agree_finish_req){
            .flags = AGREE_INITIATOR, .peer = peer, .peer_temporary = temporary, .size = 16},
        &f);
    return sw == SW_OK ? drop_session_key(f.handle) : sw;
}

static uint16_t agree_in_one(uint32_t handle, uint32_t temporary, uint8_t flags)
{
    uint8_t peer[LIMIT_PUBLIC_MAX];
    dev_public(&dv, user, other, peer);
    return do_agree_keys(&dv, user,
                         &(struct agree_keys_req){.handle = handle,
                                                  .temporary = temporary,
                                                  .flags = flags,
                                                  .peer = peer,
                                                  .peer_temporary = peer,
                                                  .size = 16},
                         NULL);
}

static uint16_t derive(uint32_t handle)
{
    uint8_t peer[LIMIT_PUBLIC_MAX];
    struct derive_rsp r;
    const size_t n = dev_public(&dv, user, handle, peer);
    const uint16_t sw = do_derive(&dv, user,
                                  &(struct derive_req){.handle = handle,
                                                       .peer = {peer, n},
                                                       .type = KEY_SM4,
                                                       .usage = USAGE_ENCRYPT,
                                                       .size = 16},
                                  &r);
    return sw == SW_OK ? drop_session_key(r.handle) : sw;
}

static uint16_t wrap(uint32_t handle, uint8_t out[64], size_t *n)
{
    struct key_wrap_rsp r;
    const uint16_t sw = do_key_wrap(
        &dv, user, &(struct key_wrap_req){.handle = handle, .scheme = WRAP_KW, .key = secret}, &r);
    if (sw == SW_OK)
        memcpy(out, r.wrapped.data, *n = r.wrapped.size);
    return sw;
}

static uint16_t wraps(uint32_t handle)
{
    uint8_t out[64];
    size_t n;
    return wrap(handle, out, &n);
}

static uint16_t unwrap(uint32_t handle, const uint8_t *wrapped, size_t n, uint32_t usage,
                       uint32_t *got)
{
    struct key_unwrap_rsp r;
    const uint16_t sw = do_key_unwrap(&dv, user,
                                      &(struct key_unwrap_req){.handle = handle,
                                                               .scheme = WRAP_KW,
                                                               .wrapped = {wrapped, n},
                                                               .type = KEY_AES128,
                                                               .flags = KEY_FLAG_SESSION,
                                                               .usage = usage},
                                      &r);
    *got = r.handle;
    return sw;
}

/* What it makes of any bytes is an answer, too. */
static uint16_t unwraps(uint32_t handle)
{
    static const uint8_t nothing[24];
    uint32_t got;
    const uint16_t sw = unwrap(handle, nothing, sizeof nothing, USAGE_ENCRYPT, &got);
    return sw == SW_WRONG_WRAP ? SW_OK : sw;
}

static uint16_t receive(uint32_t handle)
{
    uint8_t sealed[256];
    struct key_receive_rsp r;
    struct encrypt_rsp e;
    MUST(do_encrypt(
        &dv, user,
        &(struct encrypt_req){.handle = handle, .scheme = CIPHER_SM2, .data = {digest, 16}}, &e));
    memcpy(sealed, e.data.data, e.data.size);
    const uint16_t sw = do_key_receive(&dv, user,
                                       &(struct key_receive_req){.transport = handle,
                                                                 .type = KEY_SM4,
                                                                 .usage = USAGE_ENCRYPT,
                                                                 .sealed = {sealed, e.data.size}},
                                       &r);
    if (sw == SW_OK)
        MUST(do_object_destroy(&dv, user, &(struct object_destroy_req){r.handle}, NULL));
    return sw;
}

static const struct work {
    const char *name;
    uint8_t type;
    uint32_t usage;
    uint16_t (*use)(uint32_t handle);
    bool digests; /* done by keys of digests alone, too */
} works[] = {
    {"sign sm2", KEY_SM2, USAGE_SIGN, sign_sm2, true},
    {"sign sm2 message", KEY_SM2, USAGE_SIGN, sign_message, true},
    {"sign rsa pkcs1", KEY_RSA2048, USAGE_SIGN, sign_pkcs1, true},
    {"sign rsa pss", KEY_RSA2048, USAGE_SIGN, sign_pss, true},
    {"sign rsa any", KEY_RSA2048, USAGE_SIGN, sign_ready, false},
    {"sign rsa digestinfo", KEY_RSA2048, USAGE_SIGN, sign_info, true},
    {"sign rsa no digestinfo", KEY_RSA2048, USAGE_SIGN, sign_broken_info, false},
    {"sign rsa raw", KEY_RSA2048, USAGE_SIGN | USAGE_RAW, sign_raw, false},
    {"sign ecdsa", KEY_P256, USAGE_SIGN, sign_ecdsa, true},
    {"sign ecdsa any", KEY_P384, USAGE_SIGN, sign_ecdsa_any, false},
    {"sign ecdsa unnamed", KEY_P256, USAGE_SIGN, sign_ecdsa_unnamed, true},
    {"batch sm2", KEY_SM2, USAGE_SIGN, batch_sm2, true},
    {"batch ecdsa", KEY_P384, USAGE_SIGN, batch_ecdsa, true},
    {"batch rsa", KEY_RSA2048, USAGE_SIGN, batch_rsa, true},
    {"decrypt sm2", KEY_SM2, USAGE_DECRYPT, decrypt_sm2, true},
    {"decrypt oaep", KEY_RSA2048, USAGE_DECRYPT, decrypt_oaep, true},
    {"decrypt raw", KEY_RSA2048, USAGE_DECRYPT | USAGE_RAW, decrypt_raw, false},
    {"encrypt sm4", KEY_SM4, USAGE_ENCRYPT, encrypt_sm4, false},
    {"decrypt sm4", KEY_SM4, USAGE_DECRYPT, decrypt_sm4, false},
    {"encrypt aes", KEY_AES256, USAGE_ENCRYPT, encrypt_aes, false},
    {"decrypt aes", KEY_AES128, USAGE_DECRYPT, decrypt_aes, false},
    {"mac", KEY_HMAC, USAGE_SIGN, mac, false},
    {"agree", KEY_SM2, USAGE_AGREE, agree, true},
    {"derive", KEY_P256, USAGE_AGREE, derive, true},
    {"wrap", KEY_AES192, USAGE_WRAP, wraps, false},
    {"unwrap", KEY_AES192, USAGE_UNWRAP, unwraps, false},
    {"receive", KEY_SM2, USAGE_DECRYPT, receive, true},
};
enum { WORKS = sizeof works / sizeof *works };

START_TEST(so_many)
{
    const struct work *w = &works[_i];
    uint32_t handle;
    MUST(make(w->type, w->usage, &(struct key_policy){.uses = 3}, &handle));
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(policy_of(handle).used, i);
        ck_assert_msg(w->use(handle) == SW_OK, "%s", w->name);
        if (i == 1)
            restart();
    }
    MUST_BE(SW_KEY_USED_UP, w->use(handle));
    restart();
    MUST_BE(SW_KEY_USED_UP, w->use(handle));
    const struct key_policy p = policy_of(handle);
    ck_assert_uint_eq(p.uses, 3);
    ck_assert_uint_eq(p.used, 3);
    ck_assert_uint_eq(p.flags, POLICY_FROM_BIRTH);
}
END_TEST

START_TEST(periods)
{
    const struct work *w = &works[_i];
    const uint64_t now = dv.now;
    uint32_t handle;
    MUST(make(w->type, w->usage,
              &(struct key_policy){.not_before = now + DAY, .not_after = now + 2 * DAY}, &handle));
    MUST_BE(SW_KEY_PERIOD, w->use(handle));
    dv.now = now + DAY;
    MUST(w->use(handle));
    restart();
    MUST(w->use(handle));
    dv.now = now + 2 * DAY;
    MUST_BE(SW_KEY_PERIOD, w->use(handle));
    dv.now = now + DAY; /* a clock that is put back does not bring it back */
    MUST_BE(SW_KEY_PERIOD, w->use(handle));
    restart();
    MUST_BE(SW_KEY_PERIOD, w->use(handle));
    restart(); /* nor when the log has younger records with older times */
    MUST_BE(SW_KEY_PERIOD, w->use(handle));
}
END_TEST

/* A clock that counts from its own start tells nothing about a period. */
START_TEST(no_clock)
{
    const struct work *w = &works[_i];
    uint32_t handle, free_one;
    MUST(make(w->type, w->usage, &(struct key_policy){.not_before = 1}, &handle));
    free_one = dev_key(&dv, user, w->type == KEY_HMAC ? KEY_SM4 : w->type, w->usage);
    MUST(w->use(handle));
    dv.now = 1000;
    MUST_BE(SW_KEY_PERIOD, w->use(handle));
    if (w->type != KEY_HMAC)
        MUST(w->use(free_one));
}
END_TEST

START_TEST(digests_alone)
{
    const struct work *w = &works[_i];
    const bool pair = w->type != KEY_HMAC && key_public_size(w->type) > 0;
    const struct key_policy none = {0};
    uint32_t handle;
    const uint16_t sw = make(w->type, w->usage | USAGE_DIGEST_ONLY, &none, &handle);
    if (!pair || w->usage & USAGE_RAW) {
        MUST_BE(SW_WRONG_DATA, sw);
        return;
    }
    MUST(sw);
    MUST_BE(w->digests ? SW_OK : SW_NOT_PERMITTED, w->use(handle));
    MUST(make(w->type, w->usage, &none, &handle));
    MUST(w->use(handle));
    MUST(tighten(handle, w->usage | USAGE_DIGEST_ONLY, &none));
    MUST_BE(w->digests ? SW_OK : SW_NOT_PERMITTED, w->use(handle));
    MUST_BE(SW_NOT_PERMITTED, tighten(handle, w->usage, &none)); /* for good */
    MUST_BE(SW_NOT_PERMITTED,
            do_object_copy(&dv, user,
                           &(struct object_copy_req){.handle = handle, .usage = w->usage}, NULL));
}
END_TEST

/* What the public part does is never a use. */
START_TEST(public_part)
{
    uint8_t signature[64];
    struct sign_rsp r;
    uint32_t handle;
    MUST(make(KEY_SM2, USAGE_SIGN, &(struct key_policy){.uses = 1, .not_after = dv.now + DAY},
              &handle));
    const struct sign_req q = {
        .handle = handle, .scheme = SIGN_SM2, .data = {digest, sizeof digest}};
    MUST(do_sign(&dv, user, &q, &r));
    memcpy(signature, r.signature.data, sizeof signature);
    MUST_BE(SW_KEY_USED_UP, do_sign(&dv, user, &q, &r));
    dv.now += 2 * DAY;
    MUST_BE(SW_KEY_PERIOD, do_sign(&dv, user, &q, &r));
    MUST(do_verify(&dv, user,
                   &(struct verify_req){.handle = handle,
                                        .scheme = SIGN_SM2,
                                        .signature = {signature, sizeof signature},
                                        .data = {digest, sizeof digest}},
                   NULL));
    ck_assert_uint_eq(policy_of(handle).used, 1);
}
END_TEST

/* ---------------------------------------------------------------- counting */

/* What is refused before the key is touched is no use; what the key made of wrong data is one. */
START_TEST(failures)
{
    uint8_t wrong[128] = {0};
    uint32_t handle;
    MUST(make(KEY_SM2, USAGE_SIGN | USAGE_DECRYPT, &(struct key_policy){.uses = 3}, &handle));
    struct sign_req q = {.handle = handle, .scheme = SIGN_SM2, .data = {digest, 31}};
    MUST_BE(SW_WRONG_DATA, do_sign(&dv, user, &q, NULL));
    MUST_BE(SW_KEY_TYPE, sign(handle, SIGN_ECDSA, DIGEST_SHA256));
    MUST_BE(SW_WRONG_DATA, batch_of(handle, SIGN_SM2, DIGEST_SM3, 0));
    ck_assert_uint_eq(policy_of(handle).used, 0);
    const struct decrypt_req d = {
        .handle = handle, .scheme = CIPHER_SM2, .data = {wrong, sizeof wrong}};
    MUST_BE(SW_DECRYPT_FAILED, do_decrypt(&dv, user, &d, NULL));
    ck_assert_uint_eq(policy_of(handle).used, 1);
    restart();
    ck_assert_uint_eq(policy_of(handle).used, 1);
}
END_TEST

/* All or none: a batch that is larger than what is left takes nothing. */
START_TEST(batches)
{
    uint32_t handle;
    MUST(make(KEY_SM2, USAGE_SIGN, &(struct key_policy){.uses = 40}, &handle));
    MUST_BE(SW_KEY_USED_UP, batch_of(handle, SIGN_SM2, DIGEST_SM3, 41));
    const uint64_t syncs = dv.sim.syncs;
    MUST(batch_of(handle, SIGN_SM2, DIGEST_SM3, 30));
    ck_assert_uint_le(dv.sim.syncs - syncs, 2); /* one commit, and the end of the old counter */
    ck_assert_uint_eq(policy_of(handle).used, 30);
    MUST_BE(SW_KEY_USED_UP, batch_of(handle, SIGN_SM2, DIGEST_SM3, 11));
    MUST(batch_of(handle, SIGN_SM2, DIGEST_SM3, 10));
    MUST_BE(SW_KEY_USED_UP, sign_sm2(handle));
    ck_assert_uint_eq(policy_of(handle).used, 40);
}
END_TEST

/* Many single signatures in one call, of several keys; gives how many came out. */
enum { MANY = 100 };
static uint16_t answers[MANY];
static uint8_t requests[MANY][64], responses[MANY][600];

static size_t many(const uint32_t *handles, size_t keys, size_t n)
{
    struct exchange x[MANY];
    size_t good = 0;
    for (size_t i = 0; i < n; i++) {
        struct wr w;
        wr_init(&w, requests[i], sizeof requests[i]);
        sign_req_put(&w, &(struct sign_req){.handle = handles[i % keys],
                                            .scheme = SIGN_SM2,
                                            .data = {digest, sizeof digest}});
        x[i] = dev_exchange(&dv, user, INS_SIGN, requests[i], wr_size(&w), responses[i],
                            sizeof responses[i]);
    }
    device_serve(dv.d, x, n);
    for (size_t i = 0; i < n; i++) {
        answers[i] = x[i].sw;
        good += x[i].sw == SW_OK;
        ck_assert_uint_eq(x[i].response_size, x[i].sw == SW_OK ? 66 : 0);
    }
    return good;
}

START_TEST(gathered)
{
    uint32_t handles[3];
    MUST(make(KEY_SM2, USAGE_SIGN, &(struct key_policy){.uses = 10}, &handles[0]));
    MUST(make(KEY_SM2, USAGE_SIGN, &(struct key_policy){.uses = 1000}, &handles[1]));
    handles[2] = other;
    const uint64_t syncs = dv.sim.syncs;
    ck_assert_uint_eq(many(handles, 3, 30), 30);
    ck_assert_uint_le(dv.sim.syncs - syncs, 2); /* one commit for all */
    ck_assert_uint_eq(policy_of(handles[0]).used, 10);
    ck_assert_uint_eq(policy_of(handles[1]).used, 10);
    ck_assert_uint_eq(many(handles, 3, 99), 66);
    for (size_t i = 0; i < 99; i++)
        ck_assert_uint_eq(answers[i], i % 3 ? SW_OK : SW_KEY_USED_UP);
    ck_assert_uint_eq(many(&handles[1], 1, 100), 100); /* more than wait at once */
    restart();
    ck_assert_uint_eq(policy_of(handles[0]).used, 10);
    ck_assert_uint_eq(policy_of(handles[1]).used, 143);
}
END_TEST

/* A key without limits writes nothing, alone or gathered. */
START_TEST(nothing_for_others)
{
    uint32_t limited;
    MUST(make(KEY_SM2, USAGE_SIGN, &(struct key_policy){.uses = 10}, &limited));
    MUST(sign_sm2(other));
    const uint64_t operations = dv.sim.count;
    MUST(sign_sm2(other));
    ck_assert_uint_eq(many(&other, 1, 50), 50);
    MUST(batch_of(other, SIGN_SM2, DIGEST_SM3, 30));
    ck_assert_uint_eq(dv.sim.count, operations);
    MUST(sign_sm2(limited));
    ck_assert_uint_gt(dv.sim.count, operations);
}
END_TEST

/* A medium that fails: no signature of a key with a limit leaves the device. */
START_TEST(medium_fails)
{
    uint32_t handles[2];
    MUST(make(KEY_SM2, USAGE_SIGN, &(struct key_policy){.uses = 10}, &handles[0]));
    handles[1] = other;
    nvm_sim_cut(&dv.sim, dv.sim.count, NVM_CUT_NONE, 1);
    many(handles, 2, 20);
    for (size_t i = 0; i < 20; i += 2)
        ck_assert_uint_ne(answers[i], SW_OK);
}
END_TEST

/* ---------------------------------------------------------------- power */

static uint16_t one_alone(uint32_t handle)
{
    return sign_sm2(handle);
}

static uint16_t one_batch(uint32_t handle)
{
    return batch_of(handle, SIGN_SM2, DIGEST_SM3, 7);
}

static uint16_t one_gathered(uint32_t handle)
{
    return many(&handle, 1, 7) == 7 ? SW_OK : SW_NVM_FAULT;
}

static const struct {
    uint16_t (*run)(uint32_t handle);
    uint32_t uses;
} cut_works[] = {{one_alone, 1}, {one_batch, 7}, {one_gathered, 7}};

/*
 * The power is cut at every step of counted work, again and again on what the last cut left: the
 * count never goes back, what came out is in it, and what did not come out is in it once at most.
 */
START_TEST(cuts)
{
    const uint32_t uses = cut_works[_i].uses;
    const uint64_t seed = test_seed();
    uint8_t *image = malloc(dv.sim.size);
    uint64_t steps = 0;
    uint32_t handle;
    MUST(make(KEY_SM2, USAGE_SIGN, &(struct key_policy){.uses = 1000000}, &handle));
    MUST(cut_works[_i].run(handle));
    restart();
    nvm_sim_save(&dv.sim, image);
    for (enum nvm_cut cut = NVM_CUT_NONE; cut < NVM_CUT_KINDS; cut++) {
        bool cut_off = true;
        uint32_t before = uses;
        nvm_sim_load(&dv.sim, image);
        for (uint64_t at = 0; cut_off; at += NVM_CUT_STEP, steps += NVM_CUT_STEP) {
            restart();
            ck_assert_uint_eq(policy_of(handle).used, before);
            nvm_sim_cut(&dv.sim, dv.sim.count + at, cut, seed + at);
            const uint16_t sw = cut_works[_i].run(handle);
            cut_off = dv.sim.dead;
            restart();
            const uint32_t after = policy_of(handle).used;
            if (sw == SW_OK)
                ck_assert_uint_eq(after, before + uses);
            else
                ck_assert_msg(cut_off && (after == before || after == before + uses),
                              "cut %d at %u: %04X, %u then %u", cut, (unsigned)at, sw,
                              (unsigned)before, (unsigned)after);
            before = after;
        }
    }
    ck_assert_uint_gt(steps, 14);
    free(image);
}
END_TEST

/* A limit that is set is there or not after a cut, with its counter, and the key is well. */
START_TEST(cut_restrict)
{
    const uint64_t seed = test_seed();
    uint8_t *image = malloc(dv.sim.size);
    restart();
    nvm_sim_save(&dv.sim, image);
    for (enum nvm_cut cut = NVM_CUT_NONE; cut < NVM_CUT_KINDS; cut++) {
        bool cut_off = true;
        for (uint64_t at = 0; cut_off; at += NVM_CUT_STEP) {
            nvm_sim_load(&dv.sim, image);
            restart();
            nvm_sim_cut(&dv.sim, dv.sim.count + at, cut, seed + at);
            const uint16_t sw = tighten(other, 0, &(struct key_policy){.uses = 1});
            cut_off = dv.sim.dead;
            restart();
            const struct key_policy p = policy_of(other);
            ck_assert(p.uses == 1 || (sw != SW_OK && p.uses == 0));
            MUST(sign_sm2(other));
            MUST_BE(p.uses ? SW_KEY_USED_UP : SW_OK, sign_sm2(other));
        }
    }
    free(image);
}
END_TEST

/* A random history with restarts and cuts beside a model: no count goes back, none goes beyond. */
START_TEST(history)
{
    enum { KEYS = 5, TURNS = 400 };
    uint32_t handles[KEYS], low[KEYS] = {0}, high[KEYS] = {0};
    const uint64_t seed = test_seed();
    for (uint32_t k = 0; k < KEYS; k++)
        MUST(make(KEY_SM2, USAGE_SIGN, &(struct key_policy){.uses = 20 + 40 * k}, &handles[k]));
    for (int turn = 0; turn < TURNS; turn++) {
        const uint32_t k = test_random_below(KEYS), kind = test_random_below(3);
        const bool cut = test_random_below(4) == 0;
        if (cut)
            nvm_sim_cut(&dv.sim, dv.sim.count + test_random_below(8),
                        (enum nvm_cut)test_random_below(NVM_CUT_KINDS), seed + (uint64_t)turn);
        const uint16_t sw = cut_works[kind].run(handles[k]);
        /* gathered ones come out as far as the limit goes */
        if (sw == SW_OK)
            low[k] = high[k] += cut_works[kind].uses;
        else if (sw != SW_KEY_USED_UP || kind == 2)
            high[k] += cut_works[kind].uses;
        if (cut || test_random_below(20) == 0)
            restart();
        const struct key_policy p = policy_of(handles[k]);
        ck_assert_msg(p.used >= low[k] && p.used <= high[k] && p.used <= p.uses,
                      "turn %d key %u: %u of %u, not %u to %u", turn, (unsigned)k, (unsigned)p.used,
                      (unsigned)p.uses, (unsigned)low[k], (unsigned)high[k]);
        low[k] = high[k] = p.used;
    }
}
END_TEST

/* ---------------------------------------------------------------- setting */

START_TEST(only_tighter)
{
    const struct key_policy wide = {
        .uses = 10, .not_before = dv.now, .not_after = dv.now + DAY, .withheld = USAGE_READ};
    uint32_t handle;
    MUST(make(KEY_SM2, USAGE_SIGN | USAGE_AGREE, &wide, &handle));
    const struct key_policy no[] = {
        {.uses = 11}, {.not_before = wide.not_before - 1}, {.not_after = wide.not_after + 1}};
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        MUST_BE(SW_NOT_PERMITTED, tighten(handle, 0, &no[i]));
    MUST_BE(SW_NOT_PERMITTED, tighten(handle, USAGE_SIGN | USAGE_DECRYPT, &(struct key_policy){0}));
    MUST(sign_sm2(handle));
    MUST(tighten(handle, USAGE_SIGN,
                 &(struct key_policy){.uses = 3,
                                      .not_before = wide.not_before + 5,
                                      .not_after = wide.not_after - 5,
                                      .withheld = USAGE_EXTRACT}));
    const struct key_policy p = policy_of(handle);
    ck_assert_uint_eq(p.uses, 3);
    ck_assert_uint_eq(p.used, 1);
    ck_assert_uint_eq(p.not_before, wide.not_before + 5);
    ck_assert_uint_eq(p.not_after, wide.not_after - 5);
    ck_assert_uint_eq(p.withheld, USAGE_READ | USAGE_EXTRACT);
    ck_assert_uint_eq(p.flags, POLICY_FROM_BIRTH);
    MUST_BE(SW_NOT_PERMITTED, agree(handle));
    MUST(sign_sm2(handle));
    MUST(sign_sm2(handle));
    MUST_BE(SW_KEY_USED_UP, sign_sm2(handle));
    MUST(tighten(handle, 0, &(struct key_policy){.uses = 1})); /* below what was used already */
    MUST_BE(SW_KEY_USED_UP, sign_sm2(handle));
    MUST(tighten(handle, 0, &(struct key_policy){0})); /* nothing changes */
    ck_assert_uint_eq(policy_of(handle).uses, 1);
}
END_TEST

START_TEST(malformed)
{
    const uint8_t junk[POLICY_SIZE + 1] = {0};
    const struct key_policy no[] = {{.uses = 1, .used = 1},
                                    {.uses = 1, .flags = POLICY_FROM_BIRTH},
                                    {.not_before = 5, .not_after = 5},
                                    {.not_before = 6, .not_after = 5}};
    uint32_t handle;
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        MUST_BE(SW_WRONG_DATA, make(KEY_SM2, USAGE_SIGN, &no[i], &handle));
        MUST_BE(SW_WRONG_DATA, tighten(other, 0, &no[i]));
    }
    for (size_t n = 1; n <= sizeof junk; n++) {
        if (n == POLICY_SIZE)
            continue;
        const struct key_restrict_req q = {other, 0, {junk, n}};
        MUST_BE(SW_WRONG_DATA, do_key_restrict(&dv, user, &q, NULL));
    }
    /* a session key has no record to count in */
    uint8_t room[POLICY_SIZE];
    MUST_BE(SW_WRONG_DATA,
            do_key_generate(&dv, user,
                            &(struct key_generate_req){
                                .type = KEY_SM4,
                                .flags = KEY_FLAG_SESSION,
                                .usage = USAGE_ENCRYPT,
                                .policy = encoded(&(struct key_policy){.uses = 1}, room)},
                            NULL));
}
END_TEST

/* Rights: the owner alone; no data; a key that is seen by others is not theirs to restrict. */
START_TEST(whose)
{
    const struct key_restrict_req q = {.handle = other};
    struct object_create_rsp data;
    MUST_BE(SW_NOT_PERMITTED, do_key_restrict(&dv, dev_login(&dv, DEV_OPERATOR), &q, NULL));
    MUST_BE(SW_NOT_AUTHORISED, do_key_restrict(&dv, dev_login(&dv, DEV_ADMIN), &q, NULL));
    MUST(do_object_create(&dv, user, &(struct object_create_req){.type = KEY_DATA}, &data));
    MUST_BE(SW_KEY_TYPE, tighten(data.handle, 0, &(struct key_policy){.uses = 1}));
    MUST_BE(SW_NO_OBJECT, tighten(data.handle + 1, 0, &(struct key_policy){.uses = 1}));
}
END_TEST

/* A key that could be used elsewhere has no limits that only this device looks at. */
START_TEST(no_way_out)
{
    static const uint32_t ways[] = {USAGE_EXPORT_WRAPPED, USAGE_EXTRACT};
    const struct key_policy limits[] = {
        {.uses = 1}, {.not_before = 1}, {.not_after = dv.now + DAY}};
    const struct key_policy period = {.not_after = dv.now + DAY};
    uint32_t handle;
    for (size_t i = 0; i < 6; i++) {
        const struct key_policy *p = &limits[i % 3];
        const uint32_t usage = USAGE_SIGN | ways[i / 3];
        MUST_BE(SW_WRONG_DATA, make(KEY_SM2, usage, p, &handle));
        handle = dev_key(&dv, user, KEY_SM2, usage);
        MUST_BE(SW_WRONG_DATA, tighten(handle, 0, p));
        MUST(tighten(handle, USAGE_SIGN, p)); /* it gives up leaving at the same time */
        MUST_BE(SW_NOT_PERMITTED, do_key_export(&dv, user, &(struct key_export_req){handle}, NULL));
    }
    /* nor is it there twice; a period goes with the copy */
    struct object_copy_req q = {.usage = USAGE_SIGN};
    struct object_copy_rsp copy;
    MUST(make(KEY_SM2, USAGE_SIGN, &limits[0], &q.handle));
    MUST_BE(SW_NOT_PERMITTED, do_object_copy(&dv, user, &q, NULL));
    MUST(make(KEY_SM2, USAGE_SIGN, &period, &q.handle));
    MUST(do_object_copy(&dv, user, &q, &copy));
    ck_assert_uint_eq(policy_of(copy.handle).not_after, period.not_after);
    q.usage = USAGE_SIGN | USAGE_DIGEST_ONLY;
    MUST(do_object_copy(&dv, user, &q, &copy));
}
END_TEST

/* What comes out of a key has none of the usage that it withholds, nor does what comes of that. */
START_TEST(delegation)
{
    const struct key_policy p = {.withheld = USAGE_DECRYPT | USAGE_READ};
    uint8_t wrapped[64];
    uint32_t parent, child, grandchild;
    size_t n = 0;
    MUST(make(KEY_AES256, USAGE_WRAP | USAGE_UNWRAP, &p, &parent));
    MUST(wrap(parent, wrapped, &n));
    MUST_BE(SW_NOT_PERMITTED, unwrap(parent, wrapped, n, USAGE_DECRYPT | USAGE_ENCRYPT, &child));
    MUST(unwrap(parent, wrapped, n, USAGE_ENCRYPT | USAGE_WRAP | USAGE_UNWRAP, &child));
    MUST(wrap(child, wrapped, &n));
    MUST_BE(SW_NOT_PERMITTED, unwrap(child, wrapped, n, USAGE_DECRYPT, &grandchild));
    MUST(unwrap(child, wrapped, n, USAGE_ENCRYPT, &grandchild));
    /* agreement: the session key would decrypt; in clear it would be read */
    MUST(make(KEY_SM2, USAGE_AGREE | USAGE_DERIVE_OUT, &p, &parent));
    MUST_BE(SW_NOT_PERMITTED, agree(parent));
    const uint32_t free = dev_key(&dv, user, KEY_SM2, USAGE_AGREE | USAGE_DERIVE_OUT);
    for (uint8_t flags = 0; flags <= AGREE_KEY_OUT; flags += AGREE_KEY_OUT) {
        MUST_BE(SW_NOT_PERMITTED, agree_in_one(parent, free, flags));
        MUST_BE(SW_NOT_PERMITTED, agree_in_one(free, parent, flags));
        MUST(agree_in_one(free, free, flags));
    }
    MUST(make(KEY_P256, USAGE_AGREE | USAGE_DERIVE_OUT, &p, &parent));
    MUST(derive(parent));
    uint8_t peer[LIMIT_PUBLIC_MAX];
    const size_t size = dev_public(&dv, user, parent, peer);
    struct derive_req q = {
        .handle = parent, .flags = DERIVE_KEY_OUT, .peer = {peer, size}, .size = 16};
    MUST_BE(SW_NOT_PERMITTED, do_derive(&dv, user, &q, NULL));
    q = (struct derive_req){.handle = parent,
                            .peer = {peer, size},
                            .type = KEY_SM4,
                            .usage = USAGE_DECRYPT,
                            .size = 16};
    MUST_BE(SW_NOT_PERMITTED, do_derive(&dv, user, &q, NULL));
    /* what is stored remembers it as well */
    MUST(make(KEY_SM2, USAGE_DECRYPT, &(struct key_policy){.withheld = USAGE_DECRYPT}, &parent));
    struct encrypt_rsp e;
    uint8_t sealed[256];
    MUST(do_encrypt(
        &dv, user,
        &(struct encrypt_req){.handle = parent, .scheme = CIPHER_SM2, .data = {digest, 16}}, &e));
    memcpy(sealed, e.data.data, e.data.size);
    struct key_receive_req take = {.transport = parent,
                                   .type = KEY_SM4,
                                   .usage = USAGE_DECRYPT,
                                   .sealed = {sealed, e.data.size}};
    struct key_receive_rsp taken;
    MUST_BE(SW_NOT_PERMITTED, do_key_receive(&dv, user, &take, NULL));
    take.usage = USAGE_ENCRYPT;
    MUST(do_key_receive(&dv, user, &take, &taken));
    ck_assert_uint_eq(policy_of(taken.handle).withheld, USAGE_DECRYPT);
}
END_TEST

/* Destroying a key ends its counter; each counter takes the place of an object. */
START_TEST(counters_are_objects)
{
    uint32_t handle, n = 0;
    const uint32_t counters = store_count(dv.d->store, RECORD_USES);
    MUST(make(KEY_SM2, USAGE_SIGN, &(struct key_policy){.uses = 1}, &handle));
    ck_assert_uint_eq(store_count(dv.d->store, RECORD_USES), counters + 1);
    MUST(do_object_destroy(&dv, user, &(struct object_destroy_req){handle}, NULL));
    ck_assert_uint_eq(store_count(dv.d->store, RECORD_USES), counters);
    while (make(KEY_SM2, USAGE_SIGN, &(struct key_policy){.uses = 1}, &handle) == SW_OK)
        n++;
    ck_assert_uint_ge(2 * n + 3, dv.config.objects_max);
    ck_assert_uint_le(dv.d->objects.count + store_count(dv.d->store, RECORD_USES),
                      dv.config.objects_max);
    restart();
    MUST(sign_sm2(handle ? handle : other));
}
END_TEST

/* A label is changed beside the count. */
START_TEST(label_stays_apart)
{
    uint32_t handle;
    MUST(make(KEY_SM2, USAGE_SIGN, &(struct key_policy){.uses = 5}, &handle));
    MUST(sign_sm2(handle));
    MUST(do_object_label(
        &dv, user, &(struct object_label_req){.handle = handle, .label = dev_text("five")}, NULL));
    MUST(sign_sm2(handle));
    ck_assert_uint_eq(policy_of(handle).used, 2);
}
END_TEST

/* Limited later: what was done before is not in the count, and the device says so. */
START_TEST(attested)
{
    struct attest_rsp r;
    struct key_statement s;
    struct key_policy p;
    struct rd in;
    MUST(sign_sm2(other));
    MUST(tighten(other, 0, &(struct key_policy){.uses = 9, .not_after = dv.now + DAY}));
    MUST(sign_sm2(other));
    MUST(do_attest(&dv, user, &(struct attest_req){.handle = other}, &r));
    rd_init(&in, r.statement.data, r.statement.size);
    ck_assert(key_statement_get(&in, &s) && key_policy_get(&in, &p) && rd_done(&in));
    ck_assert_uint_eq(s.version, 2);
    ck_assert_uint_eq(s.origin, ORIGIN_GENERATED);
    ck_assert_uint_eq(p.uses, 9);
    ck_assert_uint_eq(p.used, 1);
    ck_assert_uint_eq(p.flags, 0);
    ck_assert_uint_ne(p.not_after, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_policy");
    TCase *t = suite_case(s, "policy", 300, on, off);
    tcase_add_loop_test(t, so_many, 0, WORKS);
    tcase_add_loop_test(t, periods, 0, WORKS);
    tcase_add_loop_test(t, no_clock, 0, WORKS);
    tcase_add_loop_test(t, digests_alone, 0, WORKS);
    tcase_add_test(t, public_part);
    tcase_add_test(t, failures);
    tcase_add_test(t, batches);
    tcase_add_test(t, gathered);
    tcase_add_test(t, nothing_for_others);
    tcase_add_test(t, medium_fails);
    case_rows(t, cuts, cut_works);
    tcase_add_test(t, cut_restrict);
    tcase_add_test(t, history);
    tcase_add_test(t, only_tighter);
    tcase_add_test(t, malformed);
    tcase_add_test(t, whose);
    tcase_add_test(t, no_way_out);
    tcase_add_test(t, delegation);
    tcase_add_test(t, counters_are_objects);
    tcase_add_test(t, label_stays_apart);
    tcase_add_test(t, attested);
    return suite_run(s);
}
