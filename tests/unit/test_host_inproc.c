/* Every function of libhufu against the real firmware in this process, with OpenSSL as the judge.
 */
#include <check.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/lib/hufu.h"
#include "tests/lib/run.h"
#include "tests/lib/temp.h"
#include "tests/lib/vec.h"

#define OK(call)         ck_assert_msg((call) == HUFU_OK, "%s: %s", #call, hufu_last_error())
#define IS(status, call) ck_assert_uint_eq((unsigned)(call), (unsigned)(status))

static const char admin_pin[] = "admin-pin", operator_pin[] = "operator-pin",
                  user_pin[] = "user-pin";
static struct hufu_device *device;
static struct hufu_session *admin, *operator, * user;

static struct hufu_session *log_in(struct hufu_device *d, uint8_t account, const char *pin)
{
    struct hufu_session *s;
    OK(hufu_session_open(d, &s));
    OK(hufu_login(s, account, pin, strlen(pin), NULL));
    return s;
}

static void set_up(void)
{
    const struct hufu_options options = {.objects_max = 64, .log_max = 600, .sessions_max = 16};
    const struct hufu_init init = {.retries = 3,
                                   .label = "test",
                                   .admin_pin = admin_pin,
                                   .operator_pin = operator_pin,
                                   .user_pin = user_pin};
    uint8_t serial[HUFU_SERIAL_SIZE];
    OK(hufu_open_with(&device, "inproc:", &options));
    OK(hufu_device_init(device, &init, serial));
    admin = log_in(device, HUFU_ACCOUNT_ADMIN, admin_pin);
    operator= log_in(device, HUFU_ACCOUNT_OPERATOR, operator_pin);
    user = log_in(device, HUFU_ACCOUNT_USER, user_pin);
}

static void tear_down(void)
{
    hufu_session_close(admin);
    hufu_session_close(operator);
    hufu_session_close(user);
    hufu_close(device);
}

static uint32_t new_key(uint8_t type, uint32_t usage, const char *label, struct hufu_object *o)
{
    const struct hufu_key_spec spec = {.type = type, .usage = usage, .label = label};
    uint8_t public_key[HUFU_PUBLIC_MAX];
    size_t n = 0;
    uint32_t handle = 0;
    OK(hufu_key_generate(user, &spec, &handle, public_key, &n));
    if (o) {
        OK(hufu_object_info(user, handle, o));
        ck_assert_uint_eq(o->public_size, n);
        ck_assert(!memcmp(o->public_key, public_key, n));
    }
    return handle;
}

static EVP_PKEY *openssl_key(const struct hufu_object *o)
{
    uint8_t der[600];
    const uint8_t *p = der;
    size_t n = sizeof der;
    OK(hufu_public_to_spki(o->type, o->public_key, o->public_size, der, &n));
    EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)n);
    ck_assert_ptr_nonnull(key);
    return key;
}

/* ------------------------------------------------------------------ device, sessions */

START_TEST(about_the_device)
{
    struct hufu_info info;
    struct hufu_capabilities c;
    struct hufu_selftest t;
    OK(hufu_info(device, &info));
    ck_assert_uint_eq(info.state, HUFU_STATE_READY);
    ck_assert_str_eq(info.label, "test");
    ck_assert_uint_eq(info.sessions, 3);
    ck_assert_uint_eq(info.sessions_max, 16);
    ck_assert_uint_eq(info.objects_max, 64);
    ck_assert_str_eq(info.failure, "");
    OK(hufu_capabilities(device, &c));
    ck_assert(c.keys & 1u << HUFU_KEY_SM2);
    ck_assert(c.keys & 1u << HUFU_KEY_RSA4096);
    ck_assert_uint_gt(c.batch_max, 1000);
    OK(hufu_selftest(device, &t));
    ck_assert_uint_gt(t.tests, 5);
    ck_assert_uint_eq(t.failed, 0);
    OK(hufu_device_label(admin, "another"));
    OK(hufu_info(device, &info));
    ck_assert_str_eq(info.label, "another");
    IS(HUFU_E_NOT_AUTHORISED, hufu_device_label(user, "x"));
    ck_assert_str_eq(hufu_url(device), "inproc:");
}
END_TEST

START_TEST(random_bytes)
{
    static uint8_t out[3 * 1048576 + 5];
    unsigned seen[256] = {0};
    OK(hufu_random(device, out, sizeof out));
    for (size_t i = 0; i < sizeof out; i++)
        seen[out[i]]++;
    for (int i = 0; i < 256; i++)
        ck_assert_uint_gt(seen[i], 10000);
    OK(hufu_random(device, out, 0));
}
END_TEST

START_TEST(pins)
{
    struct hufu_session *s;
    OK(hufu_session_open(device, &s));
    IS(HUFU_E_PIN_WRONG, hufu_login(s, HUFU_ACCOUNT_USER, "wrong-pin", 9, NULL));
    ck_assert_uint_eq(hufu_last_sw() & 15, 2);
    IS(HUFU_E_PIN_WRONG, hufu_login(s, HUFU_ACCOUNT_USER, "wrong-pin", 9, NULL));
    IS(HUFU_E_PIN_WRONG, hufu_login(s, HUFU_ACCOUNT_USER, "wrong-pin", 9, NULL));
    IS(HUFU_E_PIN_LOCKED, hufu_login(s, HUFU_ACCOUNT_USER, user_pin, strlen(user_pin), NULL));
    OK(hufu_pin_unblock(admin, HUFU_ACCOUNT_USER, "second-pin", 10));
    uint8_t role = 0;
    OK(hufu_login(s, HUFU_ACCOUNT_USER, "second-pin", 10, &role));
    ck_assert_uint_eq(role, HUFU_ROLE_USER);
    OK(hufu_pin_change(s, HUFU_ACCOUNT_USER, "second-pin", 10, user_pin, strlen(user_pin)));
    IS(HUFU_E_PIN_RANGE,
       hufu_pin_change(s, HUFU_ACCOUNT_USER, user_pin, strlen(user_pin), "short", 5));
    OK(hufu_logout(s));
    IS(HUFU_E_NOT_AUTHORISED, hufu_object_destroy(s, 1));
    OK(hufu_session_close(s));
}
END_TEST

START_TEST(accounts)
{
    struct hufu_account a[HUFU_ACCOUNTS_MAX];
    size_t n = HUFU_ACCOUNTS_MAX;
    uint8_t number = 0, found = 0;
    OK(hufu_account_create(admin, HUFU_ROLE_AUDITOR, 5, "watcher", "watch-pin", 9, &number));
    OK(hufu_account_list(device, a, &n));
    ck_assert_uint_eq(n, 4);
    ck_assert_str_eq(a[3].name, "watcher");
    ck_assert_uint_eq(a[3].role, HUFU_ROLE_AUDITOR);
    ck_assert_uint_eq(a[3].tries, 5);
    OK(hufu_account_find(device, "watcher", &found));
    ck_assert_uint_eq(found, number);
    OK(hufu_account_find(device, "admin", &found));
    ck_assert_uint_eq(found, HUFU_ACCOUNT_ADMIN);
    OK(hufu_account_find(device, "17", &found));
    ck_assert_uint_eq(found, 17);
    IS(HUFU_E_NOT_FOUND, hufu_account_find(device, "nobody", &found));
    OK(hufu_account_delete(admin, number));
    n = 2;
    IS(HUFU_E_ROOM, hufu_account_list(device, a, &n));
    ck_assert_uint_eq(n, 3);
}
END_TEST

START_TEST(sessions_run_out)
{
    struct hufu_session *s[16];
    size_t n = 0;
    enum hufu_status status = HUFU_OK;
    while (n < 16 && !(status = hufu_session_open(device, &s[n])))
        n++;
    ck_assert_uint_eq(n, 13);
    IS(HUFU_E_TOO_MANY, status);
    while (n)
        OK(hufu_session_close(s[--n]));
}
END_TEST

START_TEST(life)
{
    struct hufu_info info;
    OK(hufu_device_zeroise(admin));
    OK(hufu_info(device, &info));
    ck_assert_uint_eq(info.state, HUFU_STATE_BLANK);
    const struct hufu_init init = {.flags = HUFU_INIT_ATTENDED,
                                   .retries = 3,
                                   .label = "attended",
                                   .admin_pin = admin_pin,
                                   .operator_pin = operator_pin,
                                   .unlock = "open-sesame"};
    OK(hufu_device_init(device, &init, NULL));
    struct hufu_session *s = log_in(device, HUFU_ACCOUNT_OPERATOR, operator_pin);
    OK(hufu_device_lock(s));
    OK(hufu_info(device, &info));
    ck_assert_uint_eq(info.state, HUFU_STATE_LOCKED);
    ck_assert_uint_eq(info.flags, HUFU_INIT_ATTENDED);
    hufu_session_close(s);
    IS(HUFU_E_PIN_WRONG, hufu_device_unlock(device, "open-sesami", 11));
    OK(hufu_device_unlock(device, "open-sesame", 11));
    s = log_in(device, HUFU_ACCOUNT_ADMIN, admin_pin);
    OK(hufu_device_terminate(s));
    OK(hufu_info(device, &info));
    ck_assert_uint_eq(info.state, HUFU_STATE_TERMINATED);
    hufu_session_close(s);
}
END_TEST

/* ------------------------------------------------------------------ objects */

static int count(void *context, const struct hufu_object *o)
{
    (void)o;
    ++*(unsigned *)context;
    return 0;
}

START_TEST(objects)
{
    struct hufu_object o;
    uint32_t handle;
    unsigned n = 0;
    const uint32_t a = new_key(HUFU_KEY_SM2, HUFU_USAGE_SIGN, "one", &o);
    ck_assert_str_eq(o.label, "one");
    ck_assert_uint_eq(o.type, HUFU_KEY_SM2);
    ck_assert_uint_eq(o.usage, HUFU_USAGE_SIGN);
    ck_assert_uint_eq(o.owner, HUFU_ACCOUNT_USER);
    ck_assert_uint_eq(o.origin, HUFU_ORIGIN_GENERATED);
    const uint32_t b = new_key(HUFU_KEY_SM4, HUFU_USAGE_ENCRYPT, "one", NULL);
    OK(hufu_object_list(user, 0, count, &n));
    ck_assert_uint_eq(n, 2);
    n = 0;
    OK(hufu_object_list(user, HUFU_KEY_SM4, count, &n));
    ck_assert_uint_eq(n, 1);
    OK(hufu_object_find(user, 0, "one", NULL, 0, &handle));
    ck_assert_uint_eq(handle, a);
    OK(hufu_object_find(user, a, "one", NULL, 0, &handle));
    ck_assert_uint_eq(handle, b);
    IS(HUFU_E_NO_OBJECT, hufu_object_find(user, b, "one", NULL, 0, &handle));
    OK(hufu_object_label(user, b, "two", "\x01\x02", 2));
    OK(hufu_object_find(user, 0, NULL, "\x01\x02", 2, &handle));
    ck_assert_uint_eq(handle, b);
    OK(hufu_object_info(user, b, &o));
    ck_assert_str_eq(o.label, "two");
    ck_assert_uint_eq(o.id_size, 2);
    ck_assert_uint_eq(o.public_size, 0);
    OK(hufu_object_destroy(user, b));
    IS(HUFU_E_NO_OBJECT, hufu_object_info(user, b, &o));
}
END_TEST

START_TEST(many_objects)
{
    unsigned n = 0, made = 0;
    const struct hufu_key_spec spec = {.type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN};
    uint32_t handle;
    enum hufu_status s;
    while (!(s = hufu_key_generate(user, &spec, &handle, NULL, NULL)))
        made++;
    IS(HUFU_E_NO_SPACE, s);
    ck_assert_uint_eq(made, 64);
    OK(hufu_object_list(user, 0, count, &n));
    ck_assert_uint_eq(n, 64);
}
END_TEST

START_TEST(wrapped_keys)
{
    static const uint8_t types[] = {HUFU_KEY_SM2, HUFU_KEY_RSA2048, HUFU_KEY_SM4};
    for (size_t i = 0; i < sizeof types; i++) {
        struct hufu_object before, after;
        struct hufu_wrapped w;
        uint32_t back = 0;
        const uint32_t usage = types[i] == HUFU_KEY_SM4 ? HUFU_USAGE_ENCRYPT : HUFU_USAGE_SIGN;
        const uint32_t h = new_key(types[i], usage | HUFU_USAGE_EXPORT_WRAPPED, "out", &before);
        OK(hufu_key_export(user, h, &w));
        OK(hufu_key_import(user, &w, "in", "\x07", 1, &back));
        OK(hufu_object_info(user, back, &after));
        ck_assert_uint_eq(after.origin, HUFU_ORIGIN_IMPORTED);
        ck_assert_uint_eq(after.type, types[i]);
        ck_assert_uint_eq(after.public_size, before.public_size);
        ck_assert(!memcmp(after.public_key, before.public_key, after.public_size));
        w.record[w.record_size / 2] ^= 1;
        IS(HUFU_E_WRONG_WRAP, hufu_key_import(user, &w, "in", NULL, 0, &back));
    }
    struct hufu_wrapped w;
    const uint32_t h = new_key(HUFU_KEY_SM2, HUFU_USAGE_SIGN, "stays", NULL);
    IS(HUFU_E_NOT_PERMITTED, hufu_key_export(user, h, &w));
}
END_TEST

/* ------------------------------------------------------------------ batches */

struct pile {
    struct hufu_wrapped last;
    uint64_t n;
    unsigned fetched, stop_after;
};

static int pile_up(void *context, const struct hufu_key_chunk *k)
{
    struct pile *p = context;
    if (p->stop_after && p->n >= p->stop_after)
        return 1;
    p->n += k->good;
    p->fetched += k->fetched != 0;
    memcpy(p->last.header, k->header, sizeof p->last.header);
    p->last.index = k->count - 1;
    p->last.record_size = k->record_size;
    memcpy(p->last.record, k->records + p->last.index * k->record_size, k->record_size);
    return 0;
}

START_TEST(key_batches)
{
    const struct hufu_batch batch = {
        .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN, .total = 2500, .chunk = 700};
    struct pile p = {.n = 0};
    struct hufu_object o;
    uint64_t made = 0;
    uint32_t handle = 0;
    OK(hufu_key_batch(user, &batch, pile_up, &p, &made));
    ck_assert_uint_eq(made, 2500);
    ck_assert_uint_eq(p.n, 2500);
    OK(hufu_key_import(user, &p.last, "last", NULL, 0, &handle));
    OK(hufu_object_info(user, handle, &o));
    ck_assert(!memcmp(o.public_key, p.last.record, 64));
    IS(HUFU_E_NO_TICKET, hufu_key_fetch(user, 0, pile_up, &p)); /* all acknowledged */
}
END_TEST

START_TEST(a_batch_is_taken_up_by_another_session)
{
    struct hufu_batch batch = {
        .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN, .total = 1000, .chunk = 100};
    struct pile p = {.stop_after = 300};
    uint64_t made = 0;
    struct hufu_session *s = log_in(device, HUFU_ACCOUNT_USER, user_pin);
    IS(HUFU_E_STOPPED, hufu_key_batch(s, &batch, pile_up, &p, &made));
    ck_assert_uint_eq(made, 300);
    hufu_session_close(s);
    p.stop_after = 0;
    batch.total -= made;
    batch.resume = 1;
    OK(hufu_key_batch(user, &batch, pile_up, &p, &made));
    ck_assert_uint_eq(p.fetched, 3);
    ck_assert_uint_eq(made, 700);
    ck_assert_uint_eq(p.n, 1000);
}
END_TEST

START_TEST(rsa_batches)
{
    const struct hufu_batch batch = {
        .type = HUFU_KEY_RSA2048, .usage = HUFU_USAGE_SIGN, .total = 3, .chunk = 2};
    struct pile p = {.n = 0};
    uint64_t made = 0;
    uint32_t handle = 0;
    OK(hufu_key_batch(user, &batch, pile_up, &p, &made));
    ck_assert_uint_eq(made, 3);
    OK(hufu_key_import(user, &p.last, "rsa", NULL, 0, &handle));
}
END_TEST

/* ------------------------------------------------------------------ signatures */

static int openssl_verifies(EVP_PKEY *key, const uint8_t *digest, const uint8_t *signature)
{
    uint8_t der[72];
    size_t n = sizeof der;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    OK(hufu_sm2_signature_to_der(signature, der, &n));
    const int ok = EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_verify(ctx, der, n, digest, 32) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

START_TEST(sm2_signatures)
{
    const struct hufu_signing digest = {.scheme = HUFU_SIGN_SM2};
    const struct hufu_signing message = {
        .scheme = HUFU_SIGN_SM2_MESSAGE, .signer_id = "alice", .signer_id_size = 5};
    struct hufu_object o;
    uint8_t e[32], e2[HUFU_DIGEST_MAX], signature[HUFU_SIGNATURE_MAX];
    size_t n;
    const uint32_t h = new_key(HUFU_KEY_SM2, HUFU_USAGE_SIGN, "s", &o);
    const struct hufu_key stored = {.handle = h}, given = {0, o.type, o.public_key, o.public_size};
    EVP_PKEY *key = openssl_key(&o);
    test_seed();
    test_random(e, sizeof e);
    OK(hufu_sign(user, h, &digest, e, 32, signature, &n));
    ck_assert_uint_eq(n, 64);
    ck_assert(openssl_verifies(key, e, signature));
    OK(hufu_verify(user, &stored, &digest, e, 32, signature, n));
    OK(hufu_verify(hufu_nobody(device), &given, &digest, e, 32, signature, n));
    e[5] ^= 1;
    IS(HUFU_E_SIGNATURE_INVALID,
       hufu_verify(hufu_nobody(device), &given, &digest, e, 32, signature, n));
    /* a message, and the same by its e */
    OK(hufu_sign(user, h, &message, "message", 7, signature, &n));
    OK(hufu_verify(user, &stored, &message, "message", 7, signature, n));
    OK(hufu_digest(hufu_nobody(device), HUFU_DIGEST_SM3, &given, "alice", 5, "message", 7, e2, &n));
    ck_assert_uint_eq(n, 32);
    ck_assert(openssl_verifies(key, e2, signature));
    OK(hufu_hash_init(user, HUFU_DIGEST_SM3, &stored, "alice", 5));
    OK(hufu_hash_update(user, "mess", 4));
    OK(hufu_hash_update(user, "age", 3));
    OK(hufu_hash_final(user, e, &n));
    ck_assert(!memcmp(e, e2, 32));
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(sm2_batches)
{
    enum { N = 20000 };
    const struct hufu_signing digest = {.scheme = HUFU_SIGN_SM2};
    uint8_t *digests = malloc(N * 32), *signatures = malloc(N * 64), *good = malloc(N);
    struct hufu_object o;
    const uint32_t h = new_key(HUFU_KEY_SM2, HUFU_USAGE_SIGN, "s", &o);
    EVP_PKEY *key = openssl_key(&o);
    test_seed();
    test_random(digests, N * 32);
    OK(hufu_sign_batch(user, h, &digest, digests, 32, N, signatures, 64, good));
    for (size_t i = 0; i < N; i += 997)
        ck_assert(good[i] == 1 && openssl_verifies(key, digests + 32 * i, signatures + 64 * i));
    ck_assert(good[N - 1] &&
              openssl_verifies(key, digests + 32 * (N - 1), signatures + 64 * (N - 1)));
    EVP_PKEY_free(key);
    free(digests);
    free(signatures);
    free(good);
}
END_TEST

/* Under one key and under one for each; a changed signature, and a key that is none. */
START_TEST(sm2_verify_batches)
{
    enum { N = 9000, WRONG = 4321, NO_KEY = 17 };
    const struct hufu_signing digest = {.scheme = HUFU_SIGN_SM2};
    uint8_t *digests = malloc(N * 32), *signatures = malloc(N * 64), *keys = malloc(N * 64),
            *good = malloc(N);
    struct hufu_object o;
    const uint32_t h = new_key(HUFU_KEY_SM2, HUFU_USAGE_SIGN, "v", &o);
    const struct hufu_key stored = {.handle = h, .type = HUFU_KEY_SM2},
                          given = {0, o.type, o.public_key, o.public_size};
    struct hufu_session *nobody = hufu_nobody(device);
    test_seed();
    test_random(digests, N * 32);
    OK(hufu_sign_batch(user, h, &digest, digests, 32, N, signatures, 64, NULL));
    for (size_t i = 0; i < N; i++)
        memcpy(keys + 64 * i, o.public_key, 64);
    OK(hufu_verify_batch(user, &stored, NULL, digests, signatures, N, NULL));
    OK(hufu_verify_batch(nobody, &given, NULL, digests, signatures, N, NULL));
    OK(hufu_verify_batch(nobody, NULL, keys, digests, signatures, N, NULL));
    OK(hufu_verify_batch(nobody, NULL, keys, digests, signatures, 0, NULL));
    signatures[64 * WRONG + 40] ^= 1;
    keys[64 * NO_KEY] ^= 1;
    OK(hufu_verify_batch(nobody, NULL, keys, digests, signatures, N, good));
    for (size_t i = 0; i < N; i++)
        ck_assert_uint_eq(good[i], i != WRONG && i != NO_KEY);
    OK(hufu_verify_batch(nobody, &given, NULL, digests, signatures, N, good));
    for (size_t i = 0; i < N; i++)
        ck_assert_uint_eq(good[i], i != WRONG);
    ck_assert_int_eq(hufu_verify_batch(nobody, &given, NULL, digests, signatures, N, NULL),
                     HUFU_E_SIGNATURE_INVALID);
    ck_assert_int_eq(hufu_verify_batch(nobody, &given, keys, digests, signatures, N, good),
                     HUFU_E_ARGUMENT);
    ck_assert_int_eq(hufu_verify_batch(nobody, NULL, NULL, digests, signatures, N, good),
                     HUFU_E_ARGUMENT);
    free(digests);
    free(signatures);
    free(keys);
    free(good);
}
END_TEST

START_TEST(rsa_signatures)
{
    struct hufu_object o;
    uint8_t e[3 * 32], signature[HUFU_SIGNATURE_MAX], many[3 * 256];
    size_t n;
    const uint32_t h = new_key(HUFU_KEY_RSA2048, HUFU_USAGE_SIGN, "r", &o);
    const struct hufu_key given = {0, o.type, o.public_key, o.public_size};
    EVP_PKEY *key = openssl_key(&o);
    test_seed();
    test_random(e, sizeof e);
    for (int pss = 0; pss < 2; pss++) {
        const struct hufu_signing how = {.scheme = pss ? HUFU_SIGN_RSA_PSS : HUFU_SIGN_RSA_PKCS1,
                                         .hash = HUFU_DIGEST_SHA256,
                                         .salt = pss ? 32 : 0};
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
        OK(hufu_sign(user, h, &how, e, 32, signature, &n));
        ck_assert_uint_eq(n, 256);
        ck_assert_int_eq(EVP_PKEY_verify_init(ctx), 1);
        EVP_PKEY_CTX_set_rsa_padding(ctx, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING);
        EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256());
        ck_assert_int_eq(EVP_PKEY_verify(ctx, signature, n, e, 32), 1);
        OK(hufu_verify(hufu_nobody(device), &given, &how, e, 32, signature, n));
        OK(hufu_sign_batch(user, h, &how, e, 32, 3, many, 256, NULL));
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(EVP_PKEY_verify(ctx, many + 256 * i, 256, e + 32 * i, 32), 1);
        EVP_PKEY_CTX_free(ctx);
    }
    EVP_PKEY_free(key);
}
END_TEST

/* ------------------------------------------------------------------ ciphers, agreement */

START_TEST(ciphers)
{
    struct hufu_object o;
    static uint8_t text[5000], coded[6000], back[6000];
    size_t n = sizeof coded, m = sizeof back;
    const uint32_t sm2 = new_key(HUFU_KEY_SM2, HUFU_USAGE_DECRYPT, "d", &o);
    const uint32_t sm4 = new_key(HUFU_KEY_SM4, HUFU_USAGE_ENCRYPT | HUFU_USAGE_DECRYPT, "4", NULL);
    const struct hufu_key given = {0, o.type, o.public_key, o.public_size},
                          secret = {.handle = sm4};
    struct hufu_ciphering c = {.scheme = HUFU_CIPHER_SM2};
    test_seed();
    test_random(text, sizeof text);
    OK(hufu_encrypt(hufu_nobody(device), &given, &c, text, sizeof text, coded, &n));
    ck_assert_uint_eq(n, sizeof text + 96);
    OK(hufu_decrypt(user, sm2, &c, coded, n, back, &m));
    ck_assert_uint_eq(m, sizeof text);
    ck_assert(!memcmp(back, text, m));
    m = 100;
    IS(HUFU_E_ROOM, hufu_decrypt(user, sm2, &c, coded, n, back, &m));
    ck_assert_uint_eq(m, sizeof text);
    coded[n - 1] ^= 1;
    IS(HUFU_E_DECRYPT_FAILED, hufu_decrypt(user, sm2, &c, coded, n, back, &m));

    c = (struct hufu_ciphering){
        .scheme = HUFU_CIPHER_SM4_GCM, .iv = text, .iv_size = 12, .aad = text, .aad_size = 77};
    n = sizeof coded;
    m = sizeof back;
    OK(hufu_encrypt(user, &secret, &c, text, sizeof text, coded, &n));
    ck_assert_uint_eq(n, sizeof text + 16);
    OK(hufu_decrypt(user, sm4, &c, coded, n, back, &m));
    ck_assert(m == sizeof text && !memcmp(back, text, m));
    c.aad_size = 76;
    m = sizeof back;
    IS(HUFU_E_DECRYPT_FAILED, hufu_decrypt(user, sm4, &c, coded, n, back, &m));
}
END_TEST

static struct hufu_agreed agree(struct hufu_session *s, uint8_t flags,
                                const struct hufu_object *peer, const uint8_t *temporary,
                                uint16_t size)
{
    const struct hufu_agreement a = {.flags = flags,
                                     .own_id = flags & HUFU_AGREE_INITIATOR ? "alice" : "bob!!",
                                     .own_id_size = 5,
                                     .peer_id = flags & HUFU_AGREE_INITIATOR ? "bob!!" : "alice",
                                     .peer_id_size = 5,
                                     .peer = peer->public_key,
                                     .peer_temporary = temporary,
                                     .size = size};
    struct hufu_agreed out;
    OK(hufu_agree_finish(s, &a, &out));
    return out;
}

START_TEST(agreement)
{
    struct hufu_session *other = log_in(device, HUFU_ACCOUNT_USER, user_pin);
    struct hufu_object a, b;
    uint8_t ta[64], tb[64], coded[32], back[32];
    const uint32_t usage = HUFU_USAGE_AGREE | HUFU_USAGE_DERIVE_OUT;
    const uint32_t ka = new_key(HUFU_KEY_SM2, usage, "a", &a),
                   kb = new_key(HUFU_KEY_SM2, usage, "b", &b);
    OK(hufu_agree_begin(user, ka, ta));
    OK(hufu_agree_begin(other, kb, tb));
    struct hufu_agreed x = agree(user, HUFU_AGREE_INITIATOR | HUFU_AGREE_KEY_OUT, &b, tb, 48);
    struct hufu_agreed y = agree(other, HUFU_AGREE_KEY_OUT, &a, ta, 48);
    ck_assert_uint_eq(x.key_size, 48);
    ck_assert(!memcmp(x.key, y.key, 48));
    ck_assert(!memcmp(x.confirm_own, y.confirm_peer, 32));
    ck_assert(!memcmp(x.confirm_peer, y.confirm_own, 32));
    /* and with keys that stay inside: what one encrypts the other decrypts */
    OK(hufu_agree_begin(user, ka, ta));
    OK(hufu_agree_begin(other, kb, tb));
    x = agree(user, HUFU_AGREE_INITIATOR, &b, tb, 16);
    y = agree(other, 0, &a, ta, 16);
    const struct hufu_ciphering c = {.scheme = HUFU_CIPHER_SM4_ECB};
    const struct hufu_key inside = {.handle = x.handle};
    size_t n = sizeof coded;
    OK(hufu_encrypt(user, &inside, &c, "sixteen bytes ok", 16, coded, &n));
    n = sizeof back;
    OK(hufu_decrypt(other, y.handle, &c, coded, 16, back, &n));
    ck_assert(!memcmp(back, "sixteen bytes ok", 16));
    hufu_session_close(other);
}
END_TEST

START_TEST(hashes)
{
    static uint8_t data[3000000];
    static const struct {
        uint8_t alg;
        const char *name;
    } rows[] = {{HUFU_DIGEST_SM3, "SM3"},       {HUFU_DIGEST_SHA1, "SHA1"},
                {HUFU_DIGEST_SHA224, "SHA224"}, {HUFU_DIGEST_SHA256, "SHA256"},
                {HUFU_DIGEST_SHA384, "SHA384"}, {HUFU_DIGEST_SHA512, "SHA512"}};
    test_seed();
    test_random(data, sizeof data);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t want[64], got[HUFU_DIGEST_MAX];
        size_t n = 0, m;
        EVP_Q_digest(NULL, rows[i].name, NULL, data, sizeof data, want, &n);
        OK(hufu_hash_init(user, rows[i].alg, NULL, NULL, 0));
        OK(hufu_hash_update(user, data, sizeof data)); /* in several commands */
        OK(hufu_hash_final(user, got, &m));
        ck_assert_uint_eq(n, m);
        ck_assert(!memcmp(want, got, n));
        EVP_Q_digest(NULL, rows[i].name, NULL, data, 1000, want, &n);
        OK(hufu_digest(hufu_nobody(device), rows[i].alg, NULL, NULL, 0, data, 1000, got, &m));
        ck_assert(n == m && !memcmp(want, got, n));
    }
    uint8_t got[HUFU_DIGEST_MAX];
    size_t m;
    IS(HUFU_E_STEP, hufu_hash_final(user, got, &m));
}
END_TEST

/* ------------------------------------------------------------------ log, raw commands, links */

struct last {
    struct hufu_log_entry entry;
    unsigned n;
};

static int keep_last(void *context, const struct hufu_log_entry *e)
{
    struct last *l = context;
    ck_assert_uint_gt(e->sequence, l->entry.sequence);
    l->entry = *e;
    l->n++;
    return 0;
}

START_TEST(audit)
{
    struct last l = {.n = 0};
    const uint32_t h = new_key(HUFU_KEY_SM2, HUFU_USAGE_SIGN, "logged", NULL);
    OK(hufu_log_read(operator, 0, keep_last, &l));
    ck_assert_str_eq(hufu_command_name(l.entry.command), "key_generate");
    ck_assert_uint_eq(l.entry.object, h);
    ck_assert_uint_eq(l.entry.sw, 0x9000);
    ck_assert_uint_eq(l.entry.account, HUFU_ACCOUNT_USER);
    ck_assert_uint_gt(l.n, 3);
    const uint64_t last = l.entry.sequence;
    for (int i = 0; i < 700; i++) /* more than are kept */
        hufu_login(user, HUFU_ACCOUNT_USER, user_pin, strlen(user_pin), NULL);
    l = (struct last){.n = 0};
    OK(hufu_log_read(operator, 0, keep_last, &l));
    ck_assert_uint_ge(l.entry.sequence, last + 600);
    ck_assert_uint_ge(l.n, 500);
    IS(HUFU_E_NOT_AUTHORISED, hufu_log_read(user, 0, keep_last, &l));
}
END_TEST

START_TEST(raw_commands)
{
    uint8_t answer[2000];
    size_t n = sizeof answer;
    struct hufu_request *r[40];
    IS(HUFU_E_NO_COMMAND, hufu_command(device, 0, 0x0C, "abc", 3, answer, &n));
    n = sizeof answer;
    OK(hufu_command(device, 0, 0x08, "\0\0\0\x20", 4, answer, &n));
    ck_assert_uint_eq(n, 32);
    n = 31;
    IS(HUFU_E_ROOM, hufu_command(device, 0, 0x08, "\0\0\0\x20", 4, answer, &n));
    ck_assert_uint_eq(n, 32);
    IS(HUFU_E_NO_SESSION, hufu_command(device, 999, 0x12, NULL, 0, answer, &n));
    for (int i = 0; i < 40; i++)
        OK(hufu_submit(device, 0, 0x08, "\0\0\0\x20", 4, &r[i]));
    for (int i = 39; i >= 0; i--) {
        const uint8_t *bytes;
        if (i % 3 == 0)
            IS(HUFU_OK, hufu_poll(r[i]));
        if (i % 5 != 0) {
            OK(hufu_wait(r[i], &bytes, &n));
            ck_assert_uint_eq(n, 32);
        }
        hufu_release(r[i]);
    }
    OK(hufu_submit(device, 0, 0x08, "\0\0\0\x20", 4, &r[0]));
    hufu_release(r[0]); /* sent, not waited for */
}
END_TEST

enum { THREADS = 6, ROUNDS = 60 };

static void *work(void *arg)
{
    const struct hufu_signing digest = {.scheme = HUFU_SIGN_SM2};
    const uint32_t *handle = arg;
    struct hufu_session *s = log_in(device, HUFU_ACCOUNT_USER, user_pin);
    const struct hufu_key key = {.handle = *handle};
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t e[32], signature[HUFU_SIGNATURE_MAX];
        size_t n;
        OK(hufu_random(device, e, sizeof e));
        OK(hufu_sign(s, *handle, &digest, e, 32, signature, &n));
        OK(hufu_verify(s, &key, &digest, e, 32, signature, n));
    }
    OK(hufu_session_close(s));
    return NULL;
}

START_TEST(threads)
{
    pthread_t t[THREADS];
    uint32_t handle = new_key(HUFU_KEY_SM2, HUFU_USAGE_SIGN, "shared", NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, work, &handle);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
}
END_TEST

static void *make_rsa4096(void *state)
{
    const struct hufu_key_spec spec = {.type = HUFU_KEY_RSA4096, .usage = HUFU_USAGE_SIGN};
    atomic_int *at = state;
    struct hufu_session *mine = log_in(device, HUFU_ACCOUNT_USER, user_pin);
    uint32_t handle;
    atomic_store(at, 1);
    OK(hufu_key_generate(mine, &spec, &handle, NULL, NULL));
    atomic_store(at, 2);
    OK(hufu_object_destroy(mine, handle));
    hufu_session_close(mine);
    return NULL;
}

/* A short command does not wait for the RSA key that another thread makes. The key may be found
 * too soon, hence the turns. */
START_TEST(short_commands_during_a_long_one)
{
    const struct timespec pause = {0, 5000000};
    struct hufu_info info;
    int served = 0;
    for (int turn = 0; turn < 20 && served < 3; turn++) {
        atomic_int at = 0;
        pthread_t t;
        pthread_create(&t, NULL, make_rsa4096, &at);
        while (atomic_load(&at) < 2) {
            nanosleep(&pause, NULL);
            const int before = atomic_load(&at) == 1;
            OK(hufu_info(device, &info));
            served += before && atomic_load(&at) == 1;
        }
        pthread_join(t, NULL);
    }
    ck_assert_int_ge(served, 3);
}
END_TEST

/* The nonces that are ready, and the generator, are there in both processes after a fork: one of
 * them must not go on with them. The same digest twice has the same r only with the same nonce. */
START_TEST(a_fork)
{
    enum { N = 64 };
    static const uint8_t digest[32] = "signed in both";
    static uint8_t mine[N][64], its[N][64];
    const struct hufu_signing how = {.scheme = HUFU_SIGN_SM2};
    const uint32_t handle = new_key(HUFU_KEY_SM2, HUFU_USAGE_SIGN, NULL, NULL);
    struct hufu_info info;
    int from[2];
    size_t n;
    for (int i = 0; i < 40; i++)
        OK(hufu_sign(user, handle, &how, digest, 32, mine[0], (n = 64, &n)));
    OK(hufu_info(device, &info));
    ck_assert_uint_gt(info.nonces, 0);
    ck_assert_int_eq(pipe(from), 0);
    const pid_t child = fork();
    for (int i = 0; i < N; i++)
        OK(hufu_sign(user, handle, &how, digest, 32, mine[i], (n = 64, &n)));
    if (child == 0)
        _exit(write(from[1], mine, sizeof mine) == (ssize_t)sizeof mine ? 0 : 1);
    ck_assert_int_eq(read(from[0], its, sizeof its), (int)sizeof its);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            ck_assert(memcmp(mine[i], its[j], 32));
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    close(from[0]);
    close(from[1]);
}
END_TEST

START_TEST(a_directory)
{
    char dir[TEMP_NAME], url[TEMP_NAME + 16], command[TEMP_NAME + 16];
    struct hufu_device *d, *second;
    struct hufu_session *s;
    struct hufu_info info;
    uint32_t handle = 0, found = 0;
    const struct hufu_init init = {.retries = 3, .admin_pin = admin_pin, .user_pin = user_pin};
    const struct hufu_key_spec spec = {
        .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN, .label = "kept"};
    temp_name(dir, "inproc");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(url, sizeof url, "inproc:%s", dir);
    OK(hufu_open(&d, url));
    OK(hufu_device_init(d, &init, NULL));
    s = log_in(d, HUFU_ACCOUNT_USER, user_pin);
    OK(hufu_key_generate(s, &spec, &handle, NULL, NULL));
    IS(HUFU_E_OPEN, hufu_open(&second, url)); /* locked */
    ck_assert_ptr_nonnull(strstr(hufu_last_error(), dir));
    OK(hufu_reconnect(d)); /* a restart */
    IS(HUFU_E_NO_SESSION, hufu_object_destroy(s, handle));
    hufu_session_close(s);
    s = log_in(d, HUFU_ACCOUNT_USER, user_pin);
    OK(hufu_object_find(s, 0, "kept", NULL, 0, &found));
    ck_assert_uint_eq(found, handle);
    OK(hufu_info(d, &info));
    ck_assert_uint_ge(info.boots, 2);
    hufu_session_close(s);
    hufu_close(d);
    snprintf(command, sizeof command, "rm -r %s", dir);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("host inproc");
    TCase *t = tcase_create("inproc");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, about_the_device);
    tcase_add_test(t, random_bytes);
    tcase_add_test(t, pins);
    tcase_add_test(t, accounts);
    tcase_add_test(t, sessions_run_out);
    tcase_add_test(t, life);
    tcase_add_test(t, objects);
    tcase_add_test(t, many_objects);
    tcase_add_test(t, wrapped_keys);
    tcase_add_test(t, key_batches);
    tcase_add_test(t, a_batch_is_taken_up_by_another_session);
    tcase_add_test(t, rsa_batches);
    tcase_add_test(t, sm2_signatures);
    tcase_add_test(t, sm2_batches);
    tcase_add_test(t, sm2_verify_batches);
    tcase_add_test(t, rsa_signatures);
    tcase_add_test(t, ciphers);
    tcase_add_test(t, agreement);
    tcase_add_test(t, hashes);
    tcase_add_test(t, audit);
    tcase_add_test(t, raw_commands);
    tcase_add_test(t, threads);
    tcase_add_test(t, short_commands_during_a_long_one);
    tcase_add_test(t, a_fork);
    tcase_add_test(t, a_directory);
    tcase_set_timeout(t, 300);
    suite_add_tcase(s, t);
    return suite_run(s);
}
