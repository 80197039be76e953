/* The provider by OpenSSL's functions: what the program openssl does not reach. A hufu-sim of its
 * own, the module as it is built. */
#include <check.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/encoder.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/lib/hufu.h"
#include "tests/lib/temp.h"

static char build[PATH_MAX], dir[TEMP_NAME], url[2 * TEMP_NAME + 80];
static pid_t sim;
static OSSL_LIB_CTX *ctx;
static OSSL_PROVIDER *none, *usual, *ours;
static EVP_PKEY *rsa, *sm2, *ec;

#define HUFU "provider=hufu"

/* ------------------------------------------------------------------ what all tests stand on */

static void start_sim(void)
{
    char program[PATH_MAX + 20], number[12], line;
    int ready[2];
    ck_assert_int_eq(pipe(ready), 0);
    snprintf(program, sizeof program, "%s/hufu-sim", build);
    snprintf(number, sizeof number, "%d", ready[1]);
    sim = fork();
    ck_assert_int_ge(sim, 0);
    if (!sim) {
        close(ready[0]);
        execl(program, program, "--dir", dir, "--ready-fd", number, (char *)NULL);
        _exit(127);
    }
    close(ready[1]);
    ck_assert_int_eq(read(ready[0], &line, 1), 1);
    close(ready[0]);
}

static void stop_sim(void)
{
    kill(sim, SIGTERM);
    ck_assert_int_eq(waitpid(sim, NULL, 0), sim);
}

static void init_device(void)
{
    struct hufu_device *device;
    const struct hufu_init init = {.retries = 5,
                                   .label = "provider",
                                   .admin_pin = "admin-pin",
                                   .operator_pin = "operator-pin",
                                   .user_pin = "user-pin"};
    ck_assert_int_eq(hufu_open(&device, url), HUFU_OK);
    ck_assert_int_eq(hufu_device_init(device, &init, NULL), HUFU_OK);
    hufu_close(device);
}

static EVP_PKEY *generate(const char *type, const char *label)
{
    EVP_PKEY *key = NULL;
    char text[32];
    snprintf(text, sizeof text, "%s", label);
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("hufu_label", text, 0),
                                 OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(ctx, type, HUFU);
    ck_assert_ptr_nonnull(c);
    ck_assert_int_gt(EVP_PKEY_keygen_init(c), 0);
    ck_assert_int_gt(EVP_PKEY_CTX_set_params(c, params), 0);
    ck_assert_int_gt(EVP_PKEY_generate(c, &key), 0);
    EVP_PKEY_CTX_free(c);
    return key;
}

static void start(void)
{
    temp_name(dir, "provider");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(url, sizeof url, "unix:%s/hufu.sock", dir);
    start_sim();
    init_device();
}

static void load(void)
{
    setenv("HUFU_DEVICE", url, 1);
    setenv("HUFU_PIN", "user-pin", 1);
    /* a program may keep its algorithms in a context of its own, and have none in the default one */
    none = OSSL_PROVIDER_load(NULL, "null");
    ck_assert_ptr_nonnull(none);
    ctx = OSSL_LIB_CTX_new();
    ck_assert_ptr_nonnull(ctx);
    ck_assert_int_eq(OSSL_PROVIDER_set_default_search_path(ctx, build), 1);
    usual = OSSL_PROVIDER_load(ctx, "default");
    ours = OSSL_PROVIDER_load(ctx, "hufu");
    ck_assert_ptr_nonnull(usual);
    ck_assert_ptr_nonnull(ours);
    rsa = generate("RSA", "rsa");
    sm2 = generate("SM2", "sm2");
    ec = generate("EC", "ec");
}

static void set_up(void)
{
    start();
    load();
}

/* A secure channel by the URL, which is soon used up. */
static void set_up_sealed(void)
{
    start();
    const size_t n = strlen(url);
    snprintf(url + n, sizeof url - n, "?channel=first&known-devices=%s/known&rekey=16", dir);
    load();
}

static void tear_down(void)
{
    char command[TEMP_NAME + 16];
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(sm2);
    EVP_PKEY_free(ec);
    OSSL_PROVIDER_unload(ours);
    OSSL_PROVIDER_unload(usual);
    OSSL_LIB_CTX_free(ctx);
    OSSL_PROVIDER_unload(none);
    stop_sim();
    snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

/* The public half in the hands of the default provider. */
static EVP_PKEY *public_of(EVP_PKEY *key)
{
    uint8_t *der = NULL;
    const int n = i2d_PUBKEY(key, &der);
    const uint8_t *p = der;
    ck_assert_int_gt(n, 0);
    EVP_PKEY *out = d2i_PUBKEY_ex(NULL, &p, n, ctx, "provider=default");
    ck_assert_ptr_nonnull(out);
    OPENSSL_free(der);
    return out;
}

static size_t sign_text(EVP_PKEY *key, const char *md, const char *text, uint8_t out[512])
{
    size_t n = 512;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    const int done = EVP_DigestSignInit_ex(c, NULL, md, ctx, NULL, key, NULL) > 0 &&
                     EVP_DigestSign(c, out, &n, (const uint8_t *)text, strlen(text)) > 0;
    EVP_MD_CTX_free(c);
    return done ? n : 0;
}

static int good(EVP_PKEY *key, const char *md, const char *text, const uint8_t *sig, size_t n)
{
    EVP_PKEY *pub = public_of(key);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    const int verdict = EVP_DigestVerifyInit_ex(c, NULL, md, ctx, NULL, pub, NULL) > 0 &&
                        EVP_DigestVerify(c, sig, n, (const uint8_t *)text, strlen(text)) == 1;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(pub);
    return verdict;
}

/* ------------------------------------------------------------------ keys */

START_TEST(private_halves_stay)
{
    EVP_PKEY *const keys[] = {rsa, sm2, ec};
    for (size_t i = 0; i < 3; i++) {
        OSSL_PARAM *params = NULL;
        BIGNUM *d = NULL;
        uint8_t *der = NULL;
        ck_assert_int_le(EVP_PKEY_todata(keys[i], EVP_PKEY_KEYPAIR, &params), 0);
        ck_assert_int_gt(EVP_PKEY_todata(keys[i], EVP_PKEY_PUBLIC_KEY, &params), 0);
        ck_assert_ptr_null(OSSL_PARAM_locate(params, i ? OSSL_PKEY_PARAM_PRIV_KEY : "d"));
        OSSL_PARAM_free(params);
        ck_assert_int_le(EVP_PKEY_get_bn_param(keys[i], i ? OSSL_PKEY_PARAM_PRIV_KEY : "d", &d), 0);
        ck_assert_int_le(i2d_PrivateKey(keys[i], &der), 0);
        ck_assert_ptr_null(EVP_PKEY2PKCS8(keys[i]));
    }
}
END_TEST

START_TEST(what_a_key_says_of_itself)
{
    char name[32];
    ck_assert_int_eq(EVP_PKEY_get_bits(rsa), 2048);
    ck_assert_int_eq(EVP_PKEY_get_security_bits(rsa), 112);
    ck_assert_int_eq(EVP_PKEY_get_size(rsa), 256);
    ck_assert_int_eq(EVP_PKEY_get_bits(sm2), 256);
    ck_assert_int_eq(EVP_PKEY_get_size(sm2), 72);
    ck_assert(EVP_PKEY_is_a(rsa, "rsaEncryption"));
    ck_assert(EVP_PKEY_is_a(sm2, "SM2"));
    ck_assert_int_eq(EVP_PKEY_get_default_digest_name(rsa, name, sizeof name), 1);
    ck_assert_str_eq(name, "SHA256");
    ck_assert_int_eq(EVP_PKEY_get_default_digest_name(sm2, name, sizeof name), 2);
    ck_assert_str_eq(name, "SM3");
    ck_assert_int_eq(EVP_PKEY_get_group_name(sm2, name, sizeof name, NULL), 1);
    ck_assert_str_eq(name, "SM2");
}
END_TEST

START_TEST(keys_are_compared_and_copied)
{
    EVP_PKEY *pub = public_of(rsa), *other = public_of(sm2), *dup = EVP_PKEY_dup(rsa);
    uint8_t sig[512];
    ck_assert_int_eq(EVP_PKEY_eq(rsa, pub), 1);
    ck_assert_int_eq(EVP_PKEY_eq(pub, rsa), 1);
    ck_assert_int_ne(EVP_PKEY_eq(rsa, other), 1);
    ck_assert_int_eq(EVP_PKEY_eq(sm2, other), 1);
    ck_assert_ptr_nonnull(dup);
    ck_assert_int_eq(EVP_PKEY_eq(rsa, dup), 1);
    const size_t n = sign_text(dup, "SHA256", "copy", sig);
    ck_assert(good(rsa, "SHA256", "copy", sig, n));
    EVP_PKEY_free(pub);
    EVP_PKEY_free(other);
    EVP_PKEY_free(dup);
}
END_TEST

/* Keys of software do not come in, but for their public halves. */
START_TEST(software_stays_software)
{
    EVP_PKEY *soft = EVP_PKEY_Q_keygen(ctx, "provider=default", "RSA", (size_t)2048), *in = NULL;
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(ctx, "RSA", HUFU);
    ck_assert_int_gt(EVP_PKEY_todata(soft, EVP_PKEY_KEYPAIR, &params), 0);
    ck_assert_int_gt(EVP_PKEY_fromdata_init(c), 0);
    ck_assert_int_le(EVP_PKEY_fromdata(c, &in, EVP_PKEY_KEYPAIR, params), 0);
    OSSL_PARAM_free(params);
    ck_assert_int_gt(EVP_PKEY_todata(soft, EVP_PKEY_PUBLIC_KEY, &params), 0);
    ck_assert_int_gt(EVP_PKEY_fromdata(c, &in, EVP_PKEY_PUBLIC_KEY, params), 0);
    ck_assert_int_eq(EVP_PKEY_eq(in, soft), 1);
    uint8_t sig[512];
    const size_t n = sign_text(soft, "SHA256", "soft", sig);
    ck_assert(good(in, "SHA256", "soft", sig, n));
    ck_assert_uint_eq(sign_text(in, "SHA256", "soft", sig), 0);
    OSSL_PARAM_free(params);
    EVP_PKEY_free(in);
    EVP_PKEY_free(soft);
    EVP_PKEY_CTX_free(c);
}
END_TEST

/* ------------------------------------------------------------------ signing */

START_TEST(contexts_are_copied_midway)
{
    EVP_PKEY *const keys[] = {rsa, sm2, ec};
    for (size_t i = 0; i < 3; i++) {
        static const char *const mds[] = {"SHA512", "SM3", "SHA384"};
        const char *md = mds[i];
        uint8_t one[512], two[512];
        size_t n_one = sizeof one, n_two = sizeof two;
        EVP_MD_CTX *a = EVP_MD_CTX_new(), *b = EVP_MD_CTX_new();
        ck_assert_int_gt(EVP_DigestSignInit_ex(a, NULL, md, ctx, NULL, keys[i], NULL), 0);
        ck_assert_int_gt(EVP_DigestSignUpdate(a, "half ", 5), 0);
        ck_assert_int_eq(EVP_MD_CTX_copy_ex(b, a), 1);
        ck_assert_int_gt(EVP_DigestSignUpdate(a, "one", 3), 0);
        ck_assert_int_gt(EVP_DigestSignUpdate(b, "two", 3), 0);
        EVP_MD_CTX_set_flags(a, EVP_MD_CTX_FLAG_FINALISE);
        ck_assert_int_gt(EVP_DigestSignFinal(a, one, &n_one), 0);
        ck_assert_int_gt(EVP_DigestSignFinal(b, two, &n_two), 0);
        ck_assert(good(keys[i], md, "half one", one, n_one));
        ck_assert(good(keys[i], md, "half two", two, n_two));
        ck_assert(!good(keys[i], md, "half one", two, n_two));
        EVP_MD_CTX_free(a);
        EVP_MD_CTX_free(b);
    }
}
END_TEST

START_TEST(algorithm_of_pss)
{
    uint8_t id[200], expected[200];
    EVP_PKEY *soft = EVP_PKEY_Q_keygen(ctx, "provider=default", "RSA", (size_t)2048);
    EVP_PKEY *const keys[] = {rsa, soft};
    uint8_t *const out[] = {id, expected};
    size_t size[2];
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY_CTX *p;
        EVP_MD_CTX *c = EVP_MD_CTX_new();
        ck_assert_int_gt(EVP_DigestSignInit_ex(c, &p, "SHA384", ctx, NULL, keys[i], NULL), 0);
        ck_assert_int_gt(EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING), 0);
        ck_assert_int_gt(EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_DIGEST), 0);
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, out[i], sizeof id),
            OSSL_PARAM_construct_end()};
        ck_assert_int_gt(EVP_PKEY_CTX_get_params(p, params), 0);
        size[i] = params[0].return_size;
        EVP_MD_CTX_free(c);
    }
    ck_assert_uint_eq(size[0], size[1]);
    ck_assert_mem_eq(id, expected, size[0]);
    EVP_PKEY_free(soft);
}
END_TEST

static void *sign_much(void *arg)
{
    EVP_PKEY *key = arg;
    const char *md = EVP_PKEY_is_a(key, "SM2") ? "SM3" : "SHA256";
    uint8_t sig[512];
    uintptr_t bad = 0;
    for (unsigned i = 0; i < 25; i++) {
        const size_t n = sign_text(key, md, "thread", sig);
        bad += !good(key, md, "thread", sig, n);
    }
    return (void *)bad;
}

START_TEST(threads_share_a_key)
{
    pthread_t thread[8];
    void *bad;
    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, sign_much,
                                        i % 3 == 0   ? rsa
                                        : i % 3 == 1 ? sm2
                                                     : ec),
                         0);
    for (size_t i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_join(thread[i], &bad), 0);
        ck_assert_ptr_null(bad);
    }
}
END_TEST

/* Parent and children go on at the same time, each on a link of its own. */
START_TEST(forked_children_sign)
{
    pid_t child[3];
    int status;
    for (size_t i = 0; i < 3; i++) {
        child[i] = fork();
        ck_assert_int_ge(child[i], 0);
        if (!child[i])
            _exit(sign_much(rsa) || sign_much(sm2) ? 1 : 0);
    }
    ck_assert_ptr_null(sign_much(rsa));
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(waitpid(child[i], &status, 0), child[i]);
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), 0);
    }
    ck_assert_ptr_null(sign_much(sm2));
}
END_TEST

START_TEST(device_restarts)
{
    uint8_t sig[512];
    stop_sim();
    ck_assert_uint_eq(sign_text(rsa, "SHA256", "gone", sig), 0);
    start_sim();
    const size_t n = sign_text(rsa, "SHA256", "back", sig);
    ck_assert(good(rsa, "SHA256", "back", sig, n));
}
END_TEST

START_TEST(new_channels)
{
    char known[TEMP_NAME + 16];
    uint8_t sig[512];
    for (int i = 0; i < 60; i++) {
        const size_t n = sign_text(sm2, "SM3", "sealed", sig);
        ck_assert(good(sm2, "SM3", "sealed", sig, n));
    }
    snprintf(known, sizeof known, "%s/known", dir);
    ck_assert_int_eq(access(known, R_OK), 0);
}
END_TEST

/* ------------------------------------------------------------------ ECDH */

/* With the KDF of ANSI X9.63 as CMS uses it; md NULL: the plain secret. */
static size_t derive(EVP_PKEY *key, EVP_PKEY *peer, const char *md, size_t wanted, uint8_t out[256])
{
    char kdf[] = "X963KDF", digest[16] = "";
    uint8_t info[] = "shared info";
    size_t n = 256;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(ctx, key, NULL);
    snprintf(digest, sizeof digest, "%s", md ? md : "");
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, kdf, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, digest, 0),
        OSSL_PARAM_construct_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, &wanted),
        OSSL_PARAM_construct_octet_string(OSSL_EXCHANGE_PARAM_KDF_UKM, info, sizeof info),
        OSSL_PARAM_construct_end()};
    ck_assert_int_gt(EVP_PKEY_derive_init(c), 0);
    if (md)
        ck_assert_int_gt(EVP_PKEY_CTX_set_params(c, params), 0);
    ck_assert_int_gt(EVP_PKEY_derive_set_peer(c, peer), 0);
    ck_assert_int_gt(EVP_PKEY_derive(c, out, &n), 0);
    EVP_PKEY_CTX_free(c);
    return n;
}

START_TEST(secrets_are_shared)
{
    static const struct {
        const char *md;
        size_t size;
    } cases[] = {{NULL, 32}, {"SHA256", 40}, {"SHA512", 100}, {"SHA384", 1}, {"SHA1", 24}};
    EVP_PKEY *soft = EVP_PKEY_Q_keygen(ctx, "provider=default", "EC", "P-256");
    EVP_PKEY *pub = public_of(ec), *peer = public_of(soft);
    uint8_t a[256], b[256];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_uint_eq(derive(ec, peer, cases[i].md, cases[i].size, a), cases[i].size);
        ck_assert_uint_eq(derive(soft, pub, cases[i].md, cases[i].size, b), cases[i].size);
        ck_assert_msg(!memcmp(a, b, cases[i].size), "case %zu", i);
    }
    EVP_PKEY_free(soft);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(pub);
}
END_TEST

/* ------------------------------------------------------------------ TLS's premaster secret */

static size_t premaster(const uint8_t plain[], size_t size, uint8_t out[48])
{
    uint8_t cipher[256];
    size_t n = sizeof cipher, got = 48;
    unsigned version = 0x0303;
    EVP_PKEY *pub = public_of(rsa);
    EVP_PKEY_CTX *e = EVP_PKEY_CTX_new_from_pkey(ctx, pub, NULL);
    ck_assert_int_gt(EVP_PKEY_encrypt_init(e), 0);
    ck_assert_int_gt(EVP_PKEY_encrypt(e, cipher, &n, plain, size), 0);
    EVP_PKEY_CTX *d = EVP_PKEY_CTX_new_from_pkey(ctx, rsa, NULL);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version),
        OSSL_PARAM_construct_end()};
    ck_assert_int_gt(EVP_PKEY_decrypt_init(d), 0);
    ck_assert_int_gt(EVP_PKEY_CTX_set_rsa_padding(d, RSA_PKCS1_WITH_TLS_PADDING), 0);
    ck_assert_int_gt(EVP_PKEY_CTX_set_params(d, params), 0);
    ck_assert_int_gt(EVP_PKEY_decrypt(d, out, &got, cipher, n), 0);
    EVP_PKEY_CTX_free(e);
    EVP_PKEY_CTX_free(d);
    EVP_PKEY_free(pub);
    return got;
}

START_TEST(bad_premaster_secrets_look_like_good_ones)
{
    uint8_t plain[49] = {3, 3}, out[48];
    ck_assert_int_eq(RAND_bytes_ex(ctx, plain + 2, sizeof plain - 2, 0), 1);
    ck_assert_uint_eq(premaster(plain, 48, out), 48);
    ck_assert_mem_eq(out, plain, 48);
    static const size_t wrong[] = {1, 47, 49};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(premaster(plain, wrong[i], out), 48);
        ck_assert_mem_ne(out + 2, plain + 2, 46);
    }
    plain[1] = 4;
    ck_assert_uint_eq(premaster(plain, 48, out), 48);
    ck_assert_mem_ne(out + 2, plain + 2, 46);
}
END_TEST

/* ------------------------------------------------------------------ files, URIs */

START_TEST(a_file_stands_for_a_key)
{
    EVP_PKEY *twin = generate("RSA", "rsa"); /* told from the other one by the id */
    EVP_PKEY *const keys[] = {rsa, sm2, ec, twin};
    for (size_t i = 0; i < 4; i++) {
        BIO *file = BIO_new(BIO_s_mem());
        ck_assert_int_eq(
            PEM_write_bio_PrivateKey_ex(file, keys[i], NULL, NULL, 0, NULL, NULL, ctx, NULL), 1);
        EVP_PKEY *back = PEM_read_bio_PrivateKey_ex(file, NULL, NULL, NULL, ctx, NULL);
        ck_assert_ptr_nonnull(back);
        ck_assert_int_eq(EVP_PKEY_eq(back, keys[i]), 1);
        ck_assert_str_eq(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(back)), "hufu");
        EVP_PKEY_free(back);
        BIO_free(file);
    }
    EVP_PKEY_free(twin);
}
END_TEST

/* A store of the device, of which only this is expected: how many, and that it ends without error. */
static int count(const char *uri, int expected)
{
    int n = 0;
    OSSL_STORE_CTX *s = OSSL_STORE_open_ex(uri, ctx, NULL, NULL, NULL, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(s);
    ck_assert(!expected || OSSL_STORE_expect(s, expected) == 1);
    while (!OSSL_STORE_eof(s)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(s);
        ck_assert_int_eq(OSSL_STORE_error(s), 0);
        n += info != NULL;
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(s);
    return n;
}

START_TEST(stores_give_what_is_expected)
{
    const int all = count("hufu:", 0);
    ck_assert_int_ge(all, 3);
    ck_assert_int_eq(count("hufu:", OSSL_STORE_INFO_PKEY), all);
    ck_assert_int_eq(count("pkcs11:type=public", OSSL_STORE_INFO_PUBKEY), all);
    ck_assert_int_eq(count("pkcs11:type=public", OSSL_STORE_INFO_PKEY), 0);
    ck_assert_int_eq(count("hufu:", OSSL_STORE_INFO_CERT), 0);
    ck_assert_int_eq(count("hufu:", OSSL_STORE_INFO_CRL), 0);
}
END_TEST

START_TEST(uris_that_make_no_sense)
{
    static const char *const uris[] = {"hufu:label=%",       "hufu:label=%4",  "hufu:label=%zz",
                                       "hufu:label=a%00b",   "hufu:id",        "hufu:nothing=1",
                                       "hufu:type=whatever", "pkcs11:object;", "hufu:=x"};
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        OSSL_STORE_CTX *s = OSSL_STORE_open_ex(uris[i], ctx, NULL, NULL, NULL, NULL, NULL, NULL);
        ck_assert_msg(!s, "%s", uris[i]);
    }
    char longer[200] = "hufu:label=";
    memset(longer + strlen(longer), 'x', HUFU_LABEL_MAX + 1);
    ck_assert_ptr_null(OSSL_STORE_open_ex(longer, ctx, NULL, NULL, NULL, NULL, NULL, NULL));
}
END_TEST

START_TEST(random_numbers)
{
    uint8_t a[64] = {0}, b[64] = {0};
    EVP_RAND *rand = EVP_RAND_fetch(ctx, "HUFU-RAND", NULL);
    EVP_RAND_CTX *r = EVP_RAND_CTX_new(rand, NULL);
    ck_assert_ptr_nonnull(r);
    ck_assert_int_eq(EVP_RAND_generate(r, a, sizeof a, 0, 0, NULL, 0), 0);
    ck_assert_int_eq(EVP_RAND_instantiate(r, 256, 0, NULL, 0, NULL), 1);
    ck_assert_uint_eq(EVP_RAND_get_strength(r), 256);
    ck_assert_int_eq(EVP_RAND_generate(r, a, sizeof a, 256, 0, NULL, 0), 1);
    ck_assert_int_eq(EVP_RAND_generate(r, b, sizeof b, 256, 1, NULL, 0), 1);
    ck_assert_mem_ne(a, b, sizeof a);
    EVP_RAND_CTX_free(r);
    EVP_RAND_free(rand);
}
END_TEST

/* BUILD/tests/test_provider: the module and the simulator lie one folder up. */
static void find_build(void)
{
    char self[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    snprintf(build, sizeof build, "%s", dirname(dirname(self)));
}

int main(void)
{
    Suite *s = suite_create("provider");
    TCase *t = tcase_create("provider");
    find_build();
    tcase_set_timeout(t, 300);
    tcase_add_unchecked_fixture(t, set_up, tear_down);
    tcase_add_test(t, private_halves_stay);
    tcase_add_test(t, what_a_key_says_of_itself);
    tcase_add_test(t, keys_are_compared_and_copied);
    tcase_add_test(t, software_stays_software);
    tcase_add_test(t, contexts_are_copied_midway);
    tcase_add_test(t, algorithm_of_pss);
    tcase_add_test(t, threads_share_a_key);
    tcase_add_test(t, forked_children_sign);
    tcase_add_test(t, bad_premaster_secrets_look_like_good_ones);
    tcase_add_test(t, secrets_are_shared);
    tcase_add_test(t, a_file_stands_for_a_key);
    tcase_add_test(t, stores_give_what_is_expected);
    tcase_add_test(t, uris_that_make_no_sense);
    tcase_add_test(t, random_numbers);
    tcase_add_test(t, device_restarts);
    suite_add_tcase(s, t);
    TCase *sealed = tcase_create("sealed");
    tcase_set_timeout(sealed, 300);
    tcase_add_unchecked_fixture(sealed, set_up_sealed, tear_down);
    tcase_add_test(sealed, new_channels);
    suite_add_tcase(s, sealed);
    SRunner *r = srunner_create(s);
    srunner_set_fork_status(r, CK_NOFORK);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
