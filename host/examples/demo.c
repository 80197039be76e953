/*
 * What a CA does with a key machine: make key pairs that leave it wrapped, sign digests, and let
 * somebody else - OpenSSL - check every signature.
 *
 *   usage: demo URL PIN-FILE COUNT
 */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/lib/hufu.h"

enum { PAIRS_REQUIRED = 450, SIGNATURES_REQUIRED_AN_HOUR = 50000, TAKEN_BACK = 10 };

struct demo {
    struct hufu_device *device;
    struct hufu_session *session;
    size_t count;
    uint64_t checked;
    struct hufu_wrapped kept[TAKEN_BACK];
    size_t kept_count;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "demo: %s: %s\n", what, hufu_last_error());
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* An SM2 public key as OpenSSL sees it; OpenSSL refuses points that are not on the curve. */
static EVP_PKEY *openssl_key(const uint8_t *public_key, size_t size)
{
    uint8_t der[600];
    const uint8_t *p = der;
    size_t n = sizeof der;
    if (hufu_public_to_spki(HUFU_KEY_SM2, public_key, size, der, &n) != HUFU_OK)
        return NULL;
    return d2i_PUBKEY(NULL, &p, (long)n);
}

static int openssl_verifies(EVP_PKEY *key, const uint8_t *digest, const uint8_t *signature)
{
    uint8_t der[72];
    size_t n = sizeof der;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    const int ok = ctx && hufu_sm2_signature_to_der(signature, der, &n) == HUFU_OK &&
                   EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_verify(ctx, der, n, digest, 32) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* Takes a chunk of wrapped pairs: every public key must be a point for OpenSSL, some pairs are
 * kept. */
static int take(void *context, const struct hufu_key_chunk *chunk)
{
    struct demo *d = context;
    for (uint32_t i = 0; i < chunk->count; i++) {
        const uint8_t *record = chunk->records + (size_t)i * chunk->record_size;
        EVP_PKEY *key = openssl_key(record, HUFU_SM2_PUBLIC_SIZE);
        if (!key)
            return 1;
        EVP_PKEY_free(key);
        d->checked++;
        if (d->kept_count < TAKEN_BACK) {
            struct hufu_wrapped *w = &d->kept[d->kept_count++];
            memcpy(w->header, chunk->header, HUFU_WRAP_HEADER_SIZE);
            memcpy(w->record, record, chunk->record_size);
            w->record_size = chunk->record_size;
            w->index = i;
        }
    }
    return 0;
}

static int ignore(void *context, const struct hufu_key_chunk *chunk)
{
    (void)context, (void)chunk;
    return 0;
}

/* Timed without the checks, which are OpenSSL's time; then once more, every public key checked. */
static double make_pairs(struct demo *d)
{
    const struct hufu_batch batch = {.type = HUFU_KEY_SM2,
                                     .usage = HUFU_USAGE_SIGN | HUFU_USAGE_EXPORT_WRAPPED,
                                     .total = d->count};
    uint64_t made;
    const double start = now();
    if (hufu_key_batch(d->session, &batch, ignore, NULL, &made) != HUFU_OK || made != d->count)
        die("key batch");
    const double rate = (double)made / (now() - start);
    if (hufu_key_batch(d->session, &batch, take, d, &made) != HUFU_OK || d->checked != d->count)
        die("key batch, checked by OpenSSL");
    return rate;
}

static double sign_digests(struct demo *d, uint32_t handle, const uint8_t *public_key,
                           size_t public_size)
{
    const struct hufu_signing signing = {.scheme = HUFU_SIGN_SM2, .hash = HUFU_DIGEST_SM3};
    uint8_t *digests = malloc(d->count * 32), *signatures = malloc(d->count * 64);
    EVP_PKEY *key = openssl_key(public_key, public_size);
    size_t good = 0;
    if (!digests || !signatures || !key || RAND_bytes(digests, (int)(d->count * 32)) != 1)
        die("memory");
    const double start = now();
    if (hufu_sign_batch(d->session, handle, &signing, digests, 32, d->count, signatures, 64,
                        NULL) != HUFU_OK)
        die("signing");
    const double rate = (double)d->count / (now() - start);
    for (size_t i = 0; i < d->count; i++)
        good += (size_t)openssl_verifies(key, digests + 32 * i, signatures + 64 * i);
    printf("OpenSSL verifies %zu of %zu signatures\n", good, d->count);
    if (good != d->count)
        exit(1);
    EVP_PKEY_free(key);
    free(digests);
    free(signatures);
    return rate;
}

/* Wrapped pairs come back, and sign: the private part belongs to the public one. */
static void take_back(struct demo *d)
{
    const struct hufu_signing signing = {.scheme = HUFU_SIGN_SM2, .hash = HUFU_DIGEST_SM3};
    size_t good = 0;
    for (size_t i = 0; i < d->kept_count; i++) {
        uint8_t digest[32], signature[HUFU_SIGNATURE_MAX];
        size_t n = sizeof signature;
        uint32_t handle;
        EVP_PKEY *key = openssl_key(d->kept[i].record, HUFU_SM2_PUBLIC_SIZE);
        RAND_bytes(digest, sizeof digest);
        if (!key || hufu_key_import(d->session, &d->kept[i], "demo", NULL, 0, &handle) != HUFU_OK ||
            hufu_sign(d->session, handle, &signing, digest, 32, signature, &n) != HUFU_OK)
            die("taking a wrapped pair back");
        good += (size_t)openssl_verifies(key, digest, signature);
        EVP_PKEY_free(key);
        hufu_object_destroy(d->session, handle);
    }
    printf("%zu of %zu wrapped pairs taken back sign, and OpenSSL verifies\n", good, d->kept_count);
    if (good != d->kept_count)
        exit(1);
}

static size_t read_pin(const char *path, char *pin, size_t room)
{
    FILE *f = fopen(path, "r");
    if (!f || !fgets(pin, (int)room, f)) {
        perror(path);
        exit(1);
    }
    fclose(f);
    return strcspn(pin, "\n");
}

int main(int argc, char **argv)
{
    static struct demo d;
    char pin[HUFU_PIN_MAX + 2];
    uint8_t public_key[HUFU_PUBLIC_MAX];
    size_t public_size;
    uint32_t handle;
    const struct hufu_key_spec spec = {
        .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN, .label = "demo"};
    if (argc != 4) {
        fprintf(stderr, "usage: demo URL PIN-FILE COUNT\n");
        return 2;
    }
    d.count = strtoul(argv[3], NULL, 10);
    const size_t pin_size = read_pin(argv[2], pin, sizeof pin);
    if (hufu_open(&d.device, argv[1]) != HUFU_OK ||
        hufu_session_open(d.device, &d.session) != HUFU_OK ||
        hufu_login(d.session, HUFU_ACCOUNT_USER, pin, pin_size, NULL) != HUFU_OK)
        die(argv[1]);
    hufu_wipe(pin, sizeof pin);
    if (hufu_key_generate(d.session, &spec, &handle, public_key, &public_size) != HUFU_OK)
        die("key generation");
    const double pairs = make_pairs(&d);
    printf("OpenSSL accepts %llu of %zu public keys\n", (unsigned long long)d.checked, d.count);
    take_back(&d);
    const double signatures = 3600 * sign_digests(&d, handle, public_key, public_size);
    printf("\n%-34s %14s %14s %10s\n", "", "here", "required", "times");
    printf("%-34s %14.0f %14d %9.0fx\n", "SM2 key pairs a second, wrapped", pairs, PAIRS_REQUIRED,
           pairs / PAIRS_REQUIRED);
    printf("%-34s %14.0f %14d %9.0fx\n", "SM2 signatures an hour", signatures,
           SIGNATURES_REQUIRED_AN_HOUR, signatures / SIGNATURES_REQUIRED_AN_HOUR);
    hufu_object_destroy(d.session, handle);
    hufu_session_close(d.session);
    hufu_close(d.device);
    return 0;
}
