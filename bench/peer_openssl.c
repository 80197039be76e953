/* OpenSSL, as its callers use it: EVP, one operation a call. */
#include "bench/peers.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdlib.h>

struct peer {
    EVP_PKEY *key;
    EVP_PKEY_CTX *ctx;
    EVP_MD_CTX *md;
    EVP_CIPHER_CTX *cipher;
    unsigned char digest[32], signature[512], *bulk;
    size_t signature_size;
};

static struct peer *new_peer(void)
{
    struct peer *p = bench_alloc(sizeof *p);
    if (RAND_bytes(p->digest, sizeof p->digest) != 1)
        bench_die("OpenSSL", "no random bytes");
    return p;
}

static void must(int ok, const char *what)
{
    if (ok != 1)
        bench_die("OpenSSL", what);
}

static EVP_PKEY_CTX *keygen_ctx(int rsa)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, rsa ? "RSA" : "SM2", NULL);
    must(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1, "key generation");
    if (rsa)
        must(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048), "RSA size");
    return ctx;
}

static void *open_keygen(int rsa)
{
    struct peer *p = new_peer();
    p->ctx = keygen_ctx(rsa);
    return p;
}

static void *open_sign(int rsa, int verify)
{
    struct peer *p = new_peer();
    EVP_PKEY_CTX *gen = keygen_ctx(rsa);
    must(EVP_PKEY_generate(gen, &p->key), "key generation");
    EVP_PKEY_CTX_free(gen);
    for (int step = 0; step <= verify; step++) {
        EVP_PKEY_CTX_free(p->ctx);
        p->ctx = EVP_PKEY_CTX_new(p->key, NULL);
        must(p->ctx && (step ? EVP_PKEY_verify_init(p->ctx) : EVP_PKEY_sign_init(p->ctx)) == 1,
             "signing");
        if (rsa)
            must(EVP_PKEY_CTX_set_rsa_padding(p->ctx, RSA_PKCS1_PADDING) == 1 &&
                     EVP_PKEY_CTX_set_signature_md(p->ctx, EVP_sha256()) == 1,
                 "RSA padding");
        if (!step) {
            p->signature_size = sizeof p->signature;
            must(EVP_PKEY_sign(p->ctx, p->signature, &p->signature_size, p->digest, 32), "signing");
        }
    }
    return p;
}

static void *open_bulk(int cipher)
{
    struct peer *p = new_peer();
    p->bulk = bench_alloc(BULK);
    if (cipher) {
        p->cipher = EVP_CIPHER_CTX_new();
        must(EVP_EncryptInit_ex(p->cipher, EVP_sm4_ctr(), NULL, p->digest, p->digest + 16), "SM4");
    } else {
        p->md = EVP_MD_CTX_new();
    }
    return p;
}

static double call_keygen(void *state)
{
    struct peer *p = state;
    EVP_PKEY *key = NULL;
    must(EVP_PKEY_generate(p->ctx, &key), "key generation");
    EVP_PKEY_free(key);
    return 1;
}

static double call_sign(void *state)
{
    struct peer *p = state;
    p->signature_size = sizeof p->signature;
    must(EVP_PKEY_sign(p->ctx, p->signature, &p->signature_size, p->digest, 32), "signing");
    return 1;
}

static double call_verify(void *state)
{
    struct peer *p = state;
    must(EVP_PKEY_verify(p->ctx, p->signature, p->signature_size, p->digest, 32), "verification");
    return 1;
}

/* Coordinates and curve equation only, as ours. */
static double call_check(void *state)
{
    struct peer *p = state;
    must(EVP_PKEY_public_check_quick(p->ctx), "public key check");
    return 1;
}

static double call_sm3(void *state)
{
    struct peer *p = state;
    must(EVP_DigestInit_ex(p->md, EVP_sm3(), NULL) && EVP_DigestUpdate(p->md, p->bulk, BULK) &&
             EVP_DigestFinal_ex(p->md, p->digest, NULL),
         "SM3");
    return BULK_MB;
}

static double call_sm4(void *state)
{
    struct peer *p = state;
    int n;
    must(EVP_EncryptUpdate(p->cipher, p->bulk, &n, p->bulk, BULK), "SM4");
    return BULK_MB;
}

static void close_peer(void *state)
{
    struct peer *p = state;
    EVP_PKEY_CTX_free(p->ctx);
    EVP_PKEY_free(p->key);
    EVP_MD_CTX_free(p->md);
    EVP_CIPHER_CTX_free(p->cipher);
    free(p->bulk);
    free(p);
}

OPEN(open_sm2_keygen, open_keygen(0))
OPEN(open_rsa_keygen, open_keygen(1))
OPEN(open_sm2_sign, open_sign(0, 0))
OPEN(open_rsa_sign, open_sign(1, 0))
OPEN(open_sm2_verify, open_sign(0, 1))
OPEN(open_rsa_verify, open_sign(1, 1))
OPEN(open_sm3, open_bulk(0))
OPEN(open_sm4, open_bulk(1))

const struct subject openssl_subjects[] = {
    {open_sm2_keygen, call_keygen, close_peer, NULL},
    {open_sm2_sign, call_sign, close_peer, NULL},
    {open_sm2_verify, call_verify, close_peer, NULL},
    {open_rsa_keygen, call_keygen, close_peer, NULL},
    {open_rsa_sign, call_sign, close_peer, NULL},
    {open_rsa_verify, call_verify, close_peer, NULL},
    {open_sm3, call_sm3, close_peer, NULL},
    {open_sm4, call_sm4, close_peer, NULL},
    {open_sm2_sign, call_check, close_peer, NULL},
};
