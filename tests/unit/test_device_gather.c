/* Single signatures and decryptions that arrive in one call, of both algorithms, several sizes,
 * keys and sessions: each comes out as if it had come alone. */
#include <check.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "firmware/crypto/sm2.h"
#include "tests/lib/dev.h"
#include "tests/lib/openssl_key.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

enum { KEYS = 6, MANY = 90, ROOM = 600 };

static struct dev dv;
static uint16_t user, nobody;
static struct known {
    uint8_t type;
    uint32_t handle;
    EVP_PKEY *pub;
} keys[KEYS], decrypting;

/* ---------------------------------------------------------------- two lanes */

struct one_job {
    void (*job)(void *, size_t);
    void *arg;
    size_t index;
};

static void *run_one(void *p)
{
    const struct one_job *j = p;
    j->job(j->arg, j->index);
    return NULL;
}

static void run_threads(void *ctx, void (*job)(void *, size_t), void *arg, size_t n)
{
    enum { MOST = 8 };
    pthread_t thread[MOST];
    struct one_job jobs[MOST];
    (void)ctx;
    ck_assert_uint_le(n, MOST);
    for (size_t i = 0; i < n; i++) {
        jobs[i] = (struct one_job){job, arg, i};
        ck_assert_int_eq(pthread_create(&thread[i], NULL, run_one, &jobs[i]), 0);
    }
    for (size_t i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
}

/* ---------------------------------------------------------------- keys */

static EVP_PKEY *openssl_key(uint8_t type, const uint8_t *pub, size_t n)
{
    return type == KEY_SM2 ? openssl_ec_key("SM2", pub, NULL, 32) : openssl_rsa_key(pub, n);
}

static struct known make(uint8_t type, uint32_t usage)
{
    uint8_t pub[LIMIT_PUBLIC_MAX];
    struct known k = {.type = type, .handle = dev_key(&dv, user, type, usage)};
    const size_t n = dev_public(&dv, user, k.handle, pub);
    k.pub = openssl_key(type, pub, n);
    return k;
}

static bool verifies(const struct known *k, uint8_t scheme, const uint8_t digest[32],
                     const uint8_t *sig, size_t n)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(k->pub, NULL);
    uint8_t der[SM2_SIGNATURE_DER_MAX];
    ck_assert_int_eq(EVP_PKEY_verify_init(c), 1);
    if (k->type == KEY_SM2) {
        n = sm2_signature_to_der(sig, der);
        sig = der;
    } else {
        EVP_PKEY_CTX_set_rsa_padding(c, scheme == SIGN_RSA_PSS ? RSA_PKCS1_PSS_PADDING
                                                               : RSA_PKCS1_PADDING);
        ck_assert_int_gt(EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()), 0);
        if (scheme == SIGN_RSA_PSS)
            EVP_PKEY_CTX_set_rsa_pss_saltlen(c, 32);
    }
    const int ok = EVP_PKEY_verify(c, sig, n, digest, 32);
    EVP_PKEY_CTX_free(c);
    return ok == 1;
}

/* ---------------------------------------------------------------- the device */

static uint8_t *medium, root[32]; /* of a device that has the keys */

static void prepare(const char *engine, unsigned width)
{
    dev_prepare(&dv);
    dv.config.engine = engine;
    dv.config.objects_max = 128; /* the cache holds two RSA keys */
    if (width > 1) {
        dv.hal.par.width = width;
        dv.hal.par.run = run_threads;
    }
    dev_start(&dv);
}

/* Once for all tests: to make RSA keys is what takes longest here. */
static void make_all(void)
{
    static const uint8_t types[KEYS] = {KEY_RSA2048, KEY_SM2, KEY_RSA2048,
                                        KEY_RSA2048, KEY_SM2, KEY_RSA3072};
    prepare(NULL, 1);
    dev_init(&dv, 0);
    user = dev_login(&dv, DEV_USER);
    for (size_t i = 0; i < KEYS; i++)
        keys[i] = make(types[i], USAGE_SIGN);
    decrypting = make(KEY_RSA2048, USAGE_DECRYPT);
    medium = malloc(dv.sim.size);
    ck_assert_ptr_nonnull(medium);
    nvm_sim_save(&dv.sim, medium);
    memcpy(root, dv.sim.root, sizeof root);
    dev_close(&dv);
}

static void free_all(void)
{
    for (size_t i = 0; i < KEYS; i++)
        EVP_PKEY_free(keys[i].pub);
    EVP_PKEY_free(decrypting.pub);
    free(medium);
}

static void start(const char *engine, unsigned width)
{
    prepare(engine, width);
    nvm_sim_load(&dv.sim, medium);
    memcpy(dv.sim.root, root, sizeof root);
    dev_reboot(&dv);
    user = dev_login(&dv, DEV_USER);
    nobody = dev_session(&dv);
}

/* One request among many, and what must come of it. */
struct asked {
    const struct known *key;
    uint8_t scheme;
    uint16_t due;
    uint8_t digest[32], request[96], verify[300], response[ROOM];
};

static void ask(struct asked *a, struct exchange *x, uint16_t channel, uint8_t hash,
                size_t digest_size)
{
    struct wr w;
    wr_init(&w, a->request, sizeof a->request);
    sign_req_put(&w, &(struct sign_req){.handle = a->key->handle,
                                        .scheme = a->scheme,
                                        .hash = hash,
                                        .salt = a->scheme == SIGN_RSA_PSS ? 32 : 0,
                                        .data = {a->digest, digest_size}});
    ck_assert(!w.bad);
    *x = dev_exchange(&dv, channel, INS_SIGN, a->request, wr_size(&w), a->response, ROOM);
}

static uint8_t scheme_for(const struct known *k, size_t i)
{
    if (k->type == KEY_SM2)
        return SIGN_SM2;
    return i % 2 ? SIGN_RSA_PSS : SIGN_RSA_PKCS1;
}

static uint8_t hash_for(const struct known *k)
{
    return k->type == KEY_SM2 ? DIGEST_SM3 : DIGEST_SHA256;
}

static void ask_well(struct asked *a, struct exchange *x, size_t i)
{
    a->key = &keys[i % KEYS];
    a->scheme = scheme_for(a->key, i / KEYS);
    a->due = SW_OK;
    test_random(a->digest, sizeof a->digest);
    ask(a, x, user, hash_for(a->key), 32);
}

static void check_one(const struct asked *a, const struct exchange *x)
{
    ck_assert_uint_eq(x->sw, a->due);
    if (a->due != SW_OK) {
        ck_assert_uint_eq(x->response_size, 0);
        return;
    }
    const size_t n = a->key->type == KEY_SM2 ? 64 : (size_t)key_rsa_bits(a->key->type) / 8;
    ck_assert_uint_eq(x->response_size, n + 2);
    ck_assert(verifies(a->key, a->scheme, a->digest, a->response + 2, n));
}

static struct asked asked[MANY];
static struct exchange x[MANY];

/* Every seventh is wrong, each in another way. */
static void spoil(size_t i)
{
    struct asked *a = &asked[i];
    switch (i / 7 % 6) {
    case 0: /* wrong usage */
        a->key = &decrypting;
        a->scheme = SIGN_RSA_PKCS1;
        a->due = SW_NOT_PERMITTED;
        ask(a, &x[i], user, DIGEST_SHA256, 32);
        break;
    case 1: /* an SM2 scheme with an RSA key */
        a->key = &keys[0];
        a->scheme = SIGN_SM2;
        a->due = SW_KEY_TYPE;
        ask(a, &x[i], user, DIGEST_SM3, 32);
        break;
    case 2: /* the other way round */
        a->key = &keys[1];
        a->scheme = SIGN_RSA_PSS;
        a->due = SW_KEY_TYPE;
        ask(a, &x[i], user, DIGEST_SHA256, 32);
        break;
    case 3: /* not logged in */
        a->due = SW_NOT_AUTHORISED;
        x[i].channel = nobody;
        break;
    case 4: /* a digest of a wrong size */
        a->due = SW_WRONG_DATA;
        ask(a, &x[i], user, hash_for(a->key), 31);
        break;
    default: /* no room */
        a->due = SW_RESPONSE_TOO_BIG;
        x[i].room = 40;
        break;
    }
}

static void serve_mixed(size_t n, bool spoiled)
{
    for (size_t i = 0; i < n; i++) {
        ask_well(&asked[i], &x[i], i);
        if (spoiled && i % 7 == 3)
            spoil(i);
    }
    device_serve(dv.d, x, n);
    for (size_t i = 0; i < n; i++)
        check_one(&asked[i], &x[i]);
}

static const char *const engines[] = {NULL, "portable"};
static const unsigned widths[] = {1, 2, 3};

START_TEST(mixed)
{
    start(engines[_i / 3], widths[_i % 3]);
    const unsigned lanes = dv.d->engine->rsa->lanes;
    ck_assert_uint_eq(device_together(dv.d), (lanes ? lanes : 1) * dv.d->batch.width);
    serve_mixed(MANY, true);
    serve_mixed(MANY, false);
    for (size_t n = 1; n < 20; n++)
        serve_mixed(n, n % 2);
    dev_close(&dv);
}
END_TEST

/* A large key in the same call as small ones. */
START_TEST(large_key)
{
    enum { N = 20 };
    start(NULL, 2);
    const struct known large = make(KEY_RSA4096, USAGE_SIGN);
    for (size_t i = 0; i < N; i++) {
        ask_well(&asked[i], &x[i], i);
        if (i % 5 != 2)
            continue;
        asked[i].key = &large;
        asked[i].scheme = scheme_for(&large, i);
        ask(&asked[i], &x[i], user, DIGEST_SHA256, 32);
    }
    device_serve(dv.d, x, N);
    for (size_t i = 0; i < N; i++)
        check_one(&asked[i], &x[i]);
    EVP_PKEY_free(large.pub);
    dev_close(&dv);
}
END_TEST

/* More of one size than the queue has places. */
START_TEST(more_than_fit)
{
    start(NULL, widths[_i]);
    for (size_t i = 0; i < MANY; i++) {
        asked[i].key = &keys[i % 2 ? 2 : 0];
        asked[i].scheme = SIGN_RSA_PKCS1;
        asked[i].due = SW_OK;
        test_random(asked[i].digest, 32);
        ask(&asked[i], &x[i], user, DIGEST_SHA256, 32);
    }
    device_serve(dv.d, x, MANY);
    for (size_t i = 0; i < MANY; i++)
        check_one(&asked[i], &x[i]);
    dev_close(&dv);
}
END_TEST

/* How many records of the log tell of this failed command. */
static unsigned recorded(uint8_t ins, uint32_t object, uint16_t sw)
{
    struct log_read_rsp r;
    struct log_entry one;
    struct rd in;
    unsigned found = 0;
    MUST(do_log_read(&dv, dev_login(&dv, DEV_AUDITOR), &(struct log_read_req){0}, &r));
    rd_init(&in, r.entries.data, r.entries.size);
    while (rd_left(&in)) {
        ck_assert(log_entry_get(&in, &one));
        found +=
            one.command == ins && one.sw == sw && one.object == object && one.account == DEV_USER;
    }
    return found;
}

/* ---------------------------------------------------------------- pairs */

/* Pairs of two sizes that are asked for at the same time, once with a session that may not ask,
 * once with a command that is refused in the end, and with a signature behind them. */
START_TEST(pairs)
{
    enum { N = 9 };
    static const uint8_t types[N] = {KEY_RSA2048, KEY_RSA2048, KEY_RSA3072,
                                     KEY_RSA2048, KEY_RSA2048, KEY_RSA2048,
                                     KEY_RSA3072, KEY_SM2,     KEY_RSA2048};
    static uint8_t pub[N][LIMIT_PUBLIC_MAX];
    start(NULL, widths[_i]);
    ck_assert_uint_eq(device_pairs_together(dv.d), _i ? 4 * widths[_i] : 1);
    for (size_t i = 0; i < N; i++) {
        struct wr w;
        wr_init(&w, asked[i].request, sizeof asked[i].request);
        key_generate_req_put(&w, &(struct key_generate_req){.type = types[i],
                                                            .flags = i == 4 ? KEY_FLAG_SESSION : 0,
                                                            .usage = USAGE_SIGN});
        x[i] = dev_exchange(&dv, i == 1 ? nobody : user, INS_KEY_GENERATE, asked[i].request,
                            wr_size(&w), asked[i].response, ROOM);
    }
    ask_well(&asked[N], &x[N], 0);
    device_serve(dv.d, x, N + 1);
    check_one(&asked[N], &x[N]);
    ck_assert_uint_eq(dv.d->keys_ahead.ready, 0);
    for (size_t i = 0; i < N; i++) {
        struct key_generate_rsp r;
        struct rd in;
        ck_assert_uint_eq(x[i].sw == SW_OK, i != 1 && i != 4);
        if (x[i].sw != SW_OK)
            continue;
        rd_init(&in, asked[i].response, x[i].response_size);
        ck_assert(key_generate_rsp_get(&in, &r));
        memcpy(pub[i], r.public.data, r.public.size);
        for (size_t j = 0; j < i; j++)
            ck_assert(memcmp(pub[i], pub[j], 64));
        struct known made = {.type = types[i], .handle = r.handle};
        made.pub = openssl_key(types[i], pub[i], r.public.size);
        ask_well(&asked[N], &x[N], 0);
        asked[N].key = &made;
        asked[N].scheme = scheme_for(&made, 0);
        ask(&asked[N], &x[N], user, hash_for(&made), 32);
        device_serve(dv.d, &x[N], 1);
        check_one(&asked[N], &x[N]);
        EVP_PKEY_free(made.pub);
    }
    dev_close(&dv);
}
END_TEST

/* ---------------------------------------------------------------- verification */

/* Signatures that were just made, one in three changed, with new signatures among them; keys by
 * handle and given. */
START_TEST(verifications)
{
    static uint8_t sig[MANY][64], pub[2][LIMIT_PUBLIC_MAX];
    static const size_t with[2] = {1, 4}; /* the SM2 keys */
    start(engines[_i / 3], widths[_i % 3]);
    for (size_t i = 0; i < 2; i++)
        dev_public(&dv, user, keys[with[i]].handle, pub[i]);
    for (size_t i = 0; i < MANY; i++) {
        ask_well(&asked[i], &x[i], with[i % 2]);
        asked[i].due = SW_OK;
    }
    device_serve(dv.d, x, MANY);
    for (size_t i = 0; i < MANY; i++) {
        struct asked *a = &asked[i];
        struct wr w;
        if (i % 5 == 4) {
            ask_well(a, &x[i], i);
            continue;
        }
        memcpy(sig[i], a->response + 2, 64);
        sig[i][i % 64] ^= i % 3 == 0;
        a->due = i % 3 ? SW_OK : SW_SIGNATURE_INVALID;
        wr_init(&w, a->verify, sizeof a->verify);
        verify_req_put(&w, &(struct verify_req){.handle = i % 4 ? 0 : a->key->handle,
                                                .type = KEY_SM2,
                                                .public = {pub[i % 2], i % 4 ? 64 : 0},
                                                .scheme = SIGN_SM2,
                                                .signature = {sig[i], 64},
                                                .data = {a->digest, 32}});
        ck_assert(!w.bad);
        x[i].ins = INS_VERIFY;
        x[i].data = a->verify;
        x[i].size = wr_size(&w);
        x[i].response_size = 0;
    }
    device_serve(dv.d, x, MANY);
    for (size_t i = 0; i < MANY; i++) {
        if (x[i].ins == INS_SIGN)
            check_one(&asked[i], &x[i]);
        else
            ck_assert_uint_eq(x[i].sw, asked[i].due);
        ck_assert(x[i].ins == INS_SIGN || x[i].response_size == 0);
    }
    dev_close(&dv);
}
END_TEST

/* ---------------------------------------------------------------- decryption */

struct sealed {
    uint8_t scheme, message[100], request[700];
    size_t size;
    uint16_t due;
};

static struct sealed sealed[MANY];

/* A message of up to 100 bytes, by OpenSSL */
static void seal(struct sealed *s, uint8_t cipher[512], size_t *cipher_size)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(decrypting.pub, NULL);
    s->size = test_random_below(sizeof s->message + 1);
    test_random(s->message, sizeof s->message);
    *cipher_size = 512;
    ck_assert_int_eq(EVP_PKEY_encrypt_init(c), 1);
    if (s->scheme == CIPHER_RSA_OAEP) {
        EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING);
        EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256());
        EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha256());
    }
    ck_assert_int_eq(EVP_PKEY_encrypt(c, cipher, cipher_size, s->message, s->size), 1);
    EVP_PKEY_CTX_free(c);
}

/* Every fifth is wrong, each in another way. */
static void ask_decrypt(size_t i, bool spoiled)
{
    struct sealed *s = &sealed[i];
    uint8_t cipher[512];
    struct wr w;
    size_t n;
    *s = (struct sealed){.scheme = i % 2 ? CIPHER_RSA_OAEP : CIPHER_RSA_PKCS1, .due = SW_OK};
    if (spoiled && i % 15 == 4) /* a text that was changed on its way */
        s->scheme = CIPHER_RSA_OAEP, s->due = SW_DECRYPT_FAILED;
    seal(s, cipher, &n);
    cipher[n / 2] ^= s->due == SW_DECRYPT_FAILED;
    if (spoiled && i % 15 == 9) /* too short */
        n--, s->due = SW_DECRYPT_FAILED;
    wr_init(&w, s->request, sizeof s->request);
    decrypt_req_put(&w, &(struct decrypt_req){.handle = decrypting.handle,
                                              .scheme = s->scheme,
                                              .hash = s->scheme == CIPHER_RSA_OAEP ? DIGEST_SHA256
                                                                                   : DIGEST_NONE,
                                              .data = {cipher, n}});
    x[i] = dev_exchange(&dv, user, INS_DECRYPT, s->request, wr_size(&w), asked[i].response, ROOM);
    if (spoiled && i % 15 == 14 && s->size) /* no room */
        x[i].room = s->size - 1, s->due = SW_RESPONSE_TOO_BIG;
}

static void check_decrypted(size_t i)
{
    const struct sealed *s = &sealed[i];
    ck_assert_uint_eq(x[i].sw, s->due);
    ck_assert_uint_eq(x[i].response_size, s->due == SW_OK ? s->size : 0);
    if (s->due == SW_OK)
        ck_assert_mem_eq(asked[i].response, s->message, s->size);
}

/* Alone, and among signatures with keys of all types */
START_TEST(decryptions)
{
    unsigned wrong = 0;
    start(engines[_i / 2], widths[_i % 2]);
    for (size_t i = 0; i < MANY; i++)
        ask_decrypt(i, true);
    device_serve(dv.d, x, MANY);
    for (size_t i = 0; i < MANY; i++) {
        check_decrypted(i);
        wrong += sealed[i].due == SW_DECRYPT_FAILED;
    }
    ck_assert_uint_eq(recorded(INS_DECRYPT, decrypting.handle, SW_DECRYPT_FAILED), wrong);
    ck_assert_uint_eq(recorded(INS_SIGN, decrypting.handle, SW_DECRYPT_FAILED), 0);
    for (size_t n = 1; n < 40; n += n < 10 ? 1 : 13) {
        for (size_t i = 0; i < n; i++)
            if (i % 3)
                ask_decrypt(i, false);
            else
                ask_well(&asked[i], &x[i], i);
        device_serve(dv.d, x, n);
        for (size_t i = 0; i < n; i++)
            if (i % 3)
                check_decrypted(i);
            else
                check_one(&asked[i], &x[i]);
    }
    dev_close(&dv);
}
END_TEST

/* ---------------------------------------------------------------- faults */

/* A fault in one private operation: no signature, a record, and the neighbours never notice. */
START_TEST(fault_in_one)
{
    enum { N = 12, BAD = 5 };
    start(engines[_i], 2);
    for (size_t i = 0; i < N; i++) {
        asked[i].key = &keys[i == BAD ? 3 : 0]; /* handles apart in the cache */
        asked[i].scheme = SIGN_RSA_PKCS1;
        asked[i].due = i == BAD ? SW_SIGN_FAILED : SW_OK;
        test_random(asked[i].digest, 32);
        ask(&asked[i], &x[i], user, DIGEST_SHA256, 32);
    }
    device_serve(dv.d, &x[BAD], 1); /* so that the key is in the cache */
    ck_assert_uint_eq(x[BAD].sw, SW_OK);
    struct objects *o = &dv.d->objects;
    struct key *k = &o->keys[keys[3].handle % o->keys_max];
    ck_assert_uint_eq(k->handle, keys[3].handle);
    k->rsa->dp[60] ^= 4;
    device_serve(dv.d, x, N);
    for (size_t i = 0; i < N; i++)
        check_one(&asked[i], &x[i]);
    for (size_t i = 0; i < ROOM; i++)
        ck_assert_uint_eq(asked[BAD].response[i] & (i < 258 ? 0xff : 0), 0);
    ck_assert_uint_eq(recorded(INS_SIGN, keys[3].handle, SW_SIGN_FAILED), 1);
    ck_assert_uint_eq(recorded(INS_SIGN, keys[0].handle, SW_SIGN_FAILED), 0);
    dev_close(&dv);
}
END_TEST

/* Nothing secret stays in the queue. */
START_TEST(queue_is_wiped)
{
    start(NULL, 2);
    serve_mixed(MANY, true);
    for (size_t i = 0; i < MANY; i++)
        ask_decrypt(i, true);
    device_serve(dv.d, x, MANY);
    const struct gather *g = &dv.d->gather;
    const uint8_t *places[] = {(const uint8_t *)g->sm2, (const uint8_t *)g->rsa};
    const size_t sizes[] = {g->sm2_max * sizeof *g->sm2, g->rsa_max * sizeof *g->rsa};
    ck_assert_uint_gt(g->rsa_max, 0);
    for (size_t p = 0; p < 2; p++) {
        uint8_t any = 0;
        /* The memory was A5 before the device came: what was never used is still that. */
        for (size_t i = 0; i < sizes[p]; i++)
            any |= (uint8_t)(places[p][i] && places[p][i] != 0xA5);
        ck_assert_uint_eq(any, 0);
    }
    dev_close(&dv);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device gather");
    TCase *t = suite_case(s, "gather", 300, NULL, NULL);
    TCase *portable = long_case(s, "the portable engine", 300);
    tcase_add_unchecked_fixture(t, make_all, free_all);
    tcase_add_unchecked_fixture(portable, make_all, free_all);
    case_loop(t, portable, mixed, 3, 6);
    case_loop(t, portable, verifications, 3, 6);
    case_loop(t, portable, decryptions, 2, 4);
    case_loop(t, portable, fault_in_one, 1, 2);
    tcase_add_loop_test(t, pairs, 0, 3);
    tcase_add_test(t, large_key);
    tcase_add_loop_test(t, more_than_fit, 0, 2);
    tcase_add_test(t, queue_is_wiped);
    return suite_run(s);
}
