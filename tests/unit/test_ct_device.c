/*
 * Constant time of the device: the commands that touch a secret, each once. The firmware itself
 * marks what it takes from its store, its random numbers and its link (SECRET), and what may be
 * seen (PUBLIC, see docs/ct-exceptions.txt); answers are the host's, so dev_call shows them. See
 * test_ct_sm2.c.
 */
#include <check.h>
#include <string.h>

#include "firmware/app/core.h"
#include "firmware/app/domain.h"
#include "firmware/base/secret.h"
#include "tests/lib/dev.h"
#include "tests/lib/rng.h"
#include "tests/lib/run.h"
#include "tests/lib/sealed.h"

enum { CUSTODIANS = 3, THRESHOLD = 2 };

static struct dev dv;
static uint16_t ch; /* of the user */
static uint8_t text[64];

static void off(void)
{
    dev_close(&dv);
}

/* One start for all: its self-tests are most of the work. */
static void plain(void)
{
    dev_prepare(&dv);
    dv.segments = 16;
    dv.config.nonce_pool = 32;
    dev_start(&dv);
    dev_init(&dv, 0);
    test_random(text, sizeof text);
}

static void log_in(void)
{
    ch = dev_login(&dv, DEV_USER);
}

static void attended(void)
{
    dev_small(&dv);
    dev_init(&dv, INIT_ATTENDED);
}

/* ---------------------------------------------------------------- keys of all types */

struct bytes {
    uint8_t at[1024];
    size_t n;
};

static void keep(struct bytes *b, struct view v)
{
    ck_assert_uint_le(v.size, sizeof b->at);
    memcpy(b->at, v.data, b->n = v.size);
}

static void sign(uint32_t handle, uint8_t scheme, uint8_t hash)
{
    struct sign_batch_rsp r;
    MUST(do_sign(&dv, ch,
                 &(struct sign_req){.handle = handle,
                                    .scheme = scheme,
                                    .hash = hash,
                                    .salt = scheme == SIGN_RSA_PSS ? 32 : 0,
                                    .data = {text, 32}},
                 NULL));
    MUST(do_sign_batch(&dv, ch,
                       &(struct sign_batch_req){.handle = handle,
                                                .scheme = scheme,
                                                .hash = hash,
                                                .salt = scheme == SIGN_RSA_PSS ? 32 : 0,
                                                .digests = {text, 64}},
                       &r));
    ck_assert_uint_eq(r.count, 2);
}

/* There and back; what is changed on the way is refused when the scheme can tell. */
static void crypt(uint32_t handle, uint8_t scheme, uint8_t hash, size_t iv, bool tells)
{
    struct encrypt_rsp e;
    struct decrypt_rsp d;
    struct bytes c;
    MUST(do_encrypt(
        &dv, ch,
        &(struct encrypt_req){
            .handle = handle, .scheme = scheme, .hash = hash, .iv = {text, iv}, .data = {text, 32}},
        &e));
    keep(&c, e.data);
    struct decrypt_req q = {handle, scheme, hash, {text, iv}, {NULL, 0}, {c.at, c.n}};
    MUST(do_decrypt(&dv, ch, &q, &d));
    ck_assert_uint_eq(d.data.size, 32);
    ck_assert_mem_eq(d.data.data, text, 32);
    c.at[c.n - 1] ^= 1;
    ck_assert_int_eq(do_decrypt(&dv, ch, &q, NULL) == SW_DECRYPT_FAILED, tells);
}

/* `key` wrapped under `handle` comes back as another one. */
static void wrap(uint32_t handle, uint8_t scheme, uint8_t hash, uint32_t key, uint8_t type)
{
    struct key_wrap_rsp r;
    struct bytes w;
    MUST(do_key_wrap(&dv, ch, &(struct key_wrap_req){handle, scheme, hash, key}, &r));
    keep(&w, r.wrapped);
    struct key_unwrap_req q = {.handle = handle,
                               .scheme = scheme,
                               .hash = hash,
                               .wrapped = {w.at, w.n},
                               .type = type,
                               .usage = USAGE_SIGN};
    MUST(do_key_unwrap(&dv, ch, &q, NULL));
    w.at[w.n - 1] ^= 1;
    ck_assert_uint_ne(do_key_unwrap(&dv, ch, &q, NULL), SW_OK);
}

static void export(uint32_t handle)
{
    struct key_export_rsp r;
    struct bytes header, record;
    MUST(do_key_export(&dv, ch, &(struct key_export_req){handle}, &r));
    keep(&header, (struct view){r.header, 38});
    keep(&record, r.record);
    struct key_import_req q = {.header = header.at, .record = {record.at, record.n}};
    MUST(do_key_import(&dv, ch, &q, NULL));
    record.at[record.n - 1] ^= 1;
    MUST_BE(SW_WRONG_WRAP, do_key_import(&dv, ch, &q, NULL));
}

static void batch(uint8_t type)
{
    struct key_batch_rsp r;
    MUST(do_key_batch(&dv, ch,
                      &(struct key_batch_req){.type = type, .usage = USAGE_SIGN, .count = 2}, &r));
    MUST(do_key_ack(&dv, ch, &(struct key_ack_req){r.ticket}, NULL));
}

/* A key made elsewhere comes in under `transport`. */
static void receive(uint32_t transport)
{
    uint8_t at[LIMIT_PUBLIC_MAX], there[64], secret[32], sealed[32 + SM2_CIPHER_OVERHEAD];
    dev_public(&dv, ch, transport, at);
    sealed_key(secret, there);
    ck_assert_int_eq(sm2_encrypt(&test_rng, at, secret, sizeof secret, sealed), 0);
    struct key_receive_req q = {.transport = transport,
                                .type = KEY_SM2,
                                .usage = USAGE_SIGN,
                                .sealed = {sealed, sizeof sealed}};
    MUST(do_key_receive(&dv, ch, &q, NULL));
    sealed[sizeof sealed - 1] ^= 1;
    MUST_BE(SW_DECRYPT_FAILED, do_key_receive(&dv, ch, &q, NULL));
}

static uint32_t hmac_key(uint32_t usage)
{
    struct key_generate_rsp r;
    MUST(do_key_generate(
        &dv, ch, &(struct key_generate_req){.type = KEY_HMAC, .usage = usage, .size = 32}, &r));
    return r.handle;
}

START_TEST(sm2)
{
    const uint32_t handle =
        dev_key(&dv, ch, KEY_SM2,
                USAGE_SIGN | USAGE_DECRYPT | USAGE_WRAP | USAGE_UNWRAP | USAGE_EXPORT_WRAPPED);
    while (device_idle(dv.d)) /* makes nonces ahead */
        ;
    sign(handle, SIGN_SM2, DIGEST_NONE);
    sign(handle, SIGN_SM2, DIGEST_SM3);
    crypt(handle, CIPHER_SM2, DIGEST_NONE, 0, true);
    wrap(handle, WRAP_SM2, DIGEST_NONE, hmac_key(USAGE_SIGN | USAGE_EXTRACT), KEY_HMAC);
    export(handle);
    receive(handle);
    batch(KEY_SM2);
    MUST(do_object_copy(&dv, ch, &(struct object_copy_req){.handle = handle, .usage = USAGE_SIGN},
                        NULL));
    MUST(do_attest(&dv, ch, &(struct attest_req){handle, {text, 16}}, NULL));
    MUST(
        do_attest_certificate(&dv, ch, &(struct attest_certificate_req){handle, {text, 16}}, NULL));
    MUST(do_identity_request(&dv, dev_login(&dv, DEV_ADMIN), &(struct identity_request_req){0},
                             NULL));
}
END_TEST

START_TEST(sm2_exchange_of_two)
{
    uint8_t pub[2][64], temporary[2][64], confirm[32];
    uint32_t handle[2];
    uint16_t on[2];
    struct agree_finish_rsp f;
    for (int i = 0; i < 2; i++) {
        struct agree_begin_rsp r;
        on[i] = dev_login(&dv, DEV_USER);
        handle[i] = dev_key(&dv, on[i], KEY_SM2, USAGE_AGREE);
        dev_public(&dv, on[i], handle[i], pub[i]);
        MUST(do_agree_begin(&dv, on[i], &(struct agree_begin_req){handle[i]}, &r));
        memcpy(temporary[i], r.temporary, 64);
    }
    for (int i = 0; i < 2; i++) {
        MUST(do_agree_finish(&dv, on[i],
                             &(struct agree_finish_req){.flags = i ? 0 : AGREE_INITIATOR,
                                                        .peer = pub[1 - i],
                                                        .peer_temporary = temporary[1 - i],
                                                        .size = 16},
                             &f));
        if (i)
            ck_assert_mem_eq(f.confirm_own, confirm, 32);
        memcpy(confirm, f.confirm_peer, 32);
    }
    ch = on[1];
    crypt(f.handle, CIPHER_SM4_CBC, DIGEST_NONE, 16, false);
}
END_TEST

START_TEST(curves)
{
    const uint8_t type = _i ? KEY_P384 : KEY_P256;
    const uint32_t handle =
        dev_key(&dv, ch, type, USAGE_SIGN | USAGE_AGREE | USAGE_EXPORT_WRAPPED | USAGE_BACKUP);
    uint8_t pub[LIMIT_PUBLIC_MAX];
    struct derive_rsp r;
    const size_t n = dev_public(&dv, ch, handle, pub);
    sign(handle, SIGN_ECDSA, DIGEST_SHA256);
    MUST(do_derive(&dv, ch,
                   &(struct derive_req){.handle = handle,
                                        .peer = {pub, n},
                                        .hash = DIGEST_SHA256,
                                        .type = KEY_SM4,
                                        .usage = USAGE_ENCRYPT | USAGE_DECRYPT,
                                        .size = 16},
                   &r));
    crypt(r.handle, CIPHER_SM4_GCM, 0, 12, true);
    export(handle);
    batch(type);
}
END_TEST

START_TEST(rsa)
{
    const uint32_t handle =
        dev_key(&dv, ch, KEY_RSA2048,
                USAGE_SIGN | USAGE_DECRYPT | USAGE_WRAP | USAGE_UNWRAP | USAGE_EXPORT_WRAPPED);
    const uint32_t secret = hmac_key(USAGE_SIGN | USAGE_EXTRACT);
    sign(handle, SIGN_RSA_PKCS1, DIGEST_SM3);
    sign(handle, SIGN_RSA_PSS, DIGEST_SHA256);
    crypt(handle, CIPHER_RSA_PKCS1, DIGEST_NONE, 0, false);
    crypt(handle, CIPHER_RSA_OAEP, DIGEST_SHA256, 0, true);
    wrap(handle, WRAP_RSA_OAEP, DIGEST_SHA256, secret, KEY_HMAC);
    export(handle);
}
END_TEST

START_TEST(secret_keys)
{
    static const struct {
        uint8_t type, from, to, gcm;
    } kinds[] = {{KEY_SM4, CIPHER_SM4_ECB, CIPHER_SM4_CTR, CIPHER_SM4_GCM},
                 {KEY_AES256, CIPHER_AES_ECB, CIPHER_AES_CTR, CIPHER_AES_GCM}};
    const uint32_t handle = dev_key(&dv, ch, kinds[_i].type,
                                    USAGE_ENCRYPT | USAGE_DECRYPT | USAGE_SIGN | USAGE_WRAP |
                                        USAGE_UNWRAP | USAGE_EXPORT_WRAPPED);
    const uint32_t secret = hmac_key(USAGE_SIGN | USAGE_EXTRACT);
    for (uint8_t scheme = kinds[_i].from; scheme <= kinds[_i].to; scheme++)
        crypt(handle, scheme, 0, scheme == kinds[_i].from ? 0 : 16, false);
    crypt(handle, kinds[_i].gcm, 0, 12, true);
    wrap(handle, WRAP_KW, 0, secret, KEY_HMAC);
    wrap(handle, WRAP_KWP, 0, secret, KEY_HMAC);
    MUST(do_mac(&dv, ch,
                &(struct mac_req){.handle = handle, .scheme = MAC_CMAC, .data = {text, 33}}, NULL));
    MUST(do_mac(&dv, ch,
                &(struct mac_req){
                    .handle = secret, .scheme = MAC_HMAC, .hash = DIGEST_SM3, .data = {text, 33}},
                NULL));
    export(handle);
}
END_TEST

/* A key that comes in clear is a secret from the first byte on. */
START_TEST(in_clear)
{
    struct key_put_rsp r;
    struct key_value_rsp v;
    uint8_t secret[32];
    test_secret(secret, sizeof secret);
    MUST(do_key_put(&dv, ch,
                    &(struct key_put_req){.type = KEY_HMAC,
                                          .flags = KEY_FLAG_SESSION,
                                          .usage = USAGE_SIGN | USAGE_READ,
                                          .secret = {secret, sizeof secret}},
                    &r));
    MUST(do_key_value(&dv, ch, &(struct key_value_req){r.handle}, &v));
    PUBLIC(secret, sizeof secret);
    ck_assert_mem_eq(v.value.data, secret, sizeof secret);
}
END_TEST

START_TEST(backup)
{
    const uint16_t operator= dev_login(&dv, DEV_OPERATOR);
    const uint32_t handle = dev_key(&dv, ch, KEY_SM2, USAGE_SIGN | USAGE_BACKUP);
    struct backup_object_rsp r;
    struct restore_object_rsp back;
    struct bytes sealed;
    MUST(do_backup_object(&dv, operator, &(struct backup_object_req){handle}, &r));
    keep(&sealed, r.sealed);
    struct restore_object_req q = {.sealed = {sealed.at, sealed.n}};
    MUST(do_restore_object(&dv, operator, & q, &back));
    ck_assert_uint_eq(back.there, 1);
    MUST(do_object_destroy(&dv, ch, &(struct object_destroy_req){handle}, NULL));
    MUST(do_restore_object(&dv, operator, & q, &back));
    ck_assert_uint_eq(back.there, 0);
    sealed.at[sealed.n - 1] ^= 1;
    MUST_BE(SW_WRONG_WRAP, do_restore_object(&dv, operator, & q, NULL));
}
END_TEST

/* ---------------------------------------------------------------- PINs, unlocking, shares */

START_TEST(pins)
{
    MUST_BE(SW_PIN_WRONG | (DEV_RETRIES - 1), dev_pin(&dv, ch, DEV_USER, "wrong-pin"));
    MUST(do_pin_change(
        &dv, ch,
        &(struct pin_change_req){DEV_USER, dev_text(DEV_USER_PIN), dev_text("new-user-pin")},
        NULL));
    MUST(dev_pin(&dv, ch, DEV_USER, "new-user-pin"));
    MUST(do_pin_unblock(&dv, dev_login(&dv, DEV_ADMIN),
                        &(struct pin_unblock_req){DEV_USER, dev_text(DEV_USER_PIN)}, NULL));
    MUST(dev_pin(&dv, ch, DEV_USER, DEV_USER_PIN));
}
END_TEST

static uint16_t unlock(const char *secret)
{
    return do_unlock(&dv, 0, &(struct unlock_req){dev_text(secret)}, NULL);
}

static uint8_t d[CUSTODIANS][32], pub[CUSTODIANS][64]; /* of the custodians */

static void custodians(void)
{
    for (int i = 0; i < CUSTODIANS; i++)
        sealed_key(d[i], pub[i]);
}

/* From a custodian's box to one for the device that asks. */
static void box_for(const uint8_t *statement, int i, const uint8_t *from, uint8_t box[DOMAIN_BOX])
{
    struct join_statement s;
    uint8_t share[DOMAIN_SHARE];
    struct rd in;
    rd_init(&in, statement, 85);
    ck_assert(join_statement_get(&in, &s) && rd_done(&in));
    ck_assert_int_eq(sm2_decrypt(d[i], from, DOMAIN_BOX, share), 0);
    ck_assert_int_eq(sm2_encrypt(&test_rng, s.public, share, sizeof share, box), 0);
    PUBLIC(box, DOMAIN_BOX);
}

START_TEST(unlocking)
{
    struct custody_split_rsp r;
    struct custody_begin_rsp b;
    struct bytes boxes, statement;
    uint8_t box[DOMAIN_BOX];
    custodians();
    MUST(do_custody_split(&dv, dev_login(&dv, DEV_ADMIN),
                          &(struct custody_split_req){THRESHOLD, {pub[0], sizeof pub}}, &r));
    keep(&boxes, r.boxes);
    dev_reboot(&dv);
    MUST_BE(SW_PIN_WRONG | (DEV_RETRIES - 1), unlock("wrong-secret"));
    MUST(unlock(DEV_UNLOCK));
    dev_reboot(&dv);
    const uint16_t operator= dev_login(&dv, DEV_OPERATOR);
    MUST(do_custody_begin(&dv, operator, &(struct custody_begin_req){0}, &b));
    keep(&statement, (struct view){b.statement, 85});
    for (int i = 0; i < THRESHOLD; i++) {
        box_for(statement.at, i, boxes.at + i * DOMAIN_BOX, box);
        MUST(do_custody_give(&dv, operator, &(struct custody_give_req){box}, NULL));
    }
    MUST(do_custody_unlock(&dv, operator, &(struct custody_unlock_req){0}, NULL));
}
END_TEST

START_TEST(joining)
{
    const uint16_t admin = dev_login(&dv, DEV_ADMIN);
    struct domain_split_rsp r;
    struct domain_begin_rsp b;
    struct bytes boxes, statement;
    uint8_t box[DOMAIN_BOX];
    custodians();
    MUST(do_domain_split(&dv, admin, &(struct domain_split_req){THRESHOLD, {pub[0], sizeof pub}},
                         &r));
    keep(&boxes, r.boxes);
    MUST(do_domain_begin(&dv, admin, &(struct domain_begin_req){0}, &b));
    keep(&statement, (struct view){b.statement, 85});
    for (int i = 0; i < THRESHOLD; i++) {
        box_for(statement.at, i, boxes.at + i * DOMAIN_BOX, box);
        box[DOMAIN_BOX - 1] ^= 1;
        MUST_BE(SW_SHARE_WRONG, do_domain_give(&dv, admin, &(struct domain_give_req){box}, NULL));
        box[DOMAIN_BOX - 1] ^= 1;
        MUST(do_domain_give(&dv, admin, &(struct domain_give_req){box}, NULL));
    }
    MUST(do_domain_join(&dv, admin, &(struct domain_join_req){0}, NULL));
}
END_TEST

START_TEST(channel)
{
    struct sealed s;
    sealed_open(&dv, &s, NULL);
    sealed_use(&dv, &s);
    dev_login(&dv, DEV_USER);
    MUST(do_channel_close(&dv, 0, &(struct channel_close_req){0}, NULL));
    sealed_use(&dv, NULL);
}
END_TEST

/* All but the unlocking again after a start, with what the store gives back. */
START_TEST(after_a_start)
{
    const uint32_t handle = dev_key(&dv, ch, KEY_SM2, USAGE_SIGN);
    dev_reboot(&dv);
    ch = dev_login(&dv, DEV_USER);
    sign(handle, SIGN_SM2, DIGEST_NONE);
    MUST(
        do_log_checkpoint(&dv, dev_login(&dv, DEV_AUDITOR), &(struct log_checkpoint_req){0}, NULL));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("constant time of the device");
    TCase *t = suite_case(s, "keys", 600, log_in, NULL);
    tcase_add_unchecked_fixture(t, plain, off);
    tcase_add_test(t, sm2);
    tcase_add_test(t, sm2_exchange_of_two);
    tcase_add_loop_test(t, curves, 0, 2);
    tcase_add_test(t, rsa);
    tcase_add_loop_test(t, secret_keys, 0, 2);
    tcase_add_test(t, in_clear);
    tcase_add_test(t, backup);
    tcase_add_test(t, pins);
    tcase_add_test(t, joining);
    tcase_add_test(t, channel);
    tcase_add_test(t, after_a_start);
    t = suite_case(s, "attended", 600, attended, off);
    tcase_add_test(t, unlocking);
    test_seed();
    return suite_run(s);
}
