/* Botan, through its C interface. Empty where its headers are not installed. */
#include "bench/peers.h"

#ifdef HUFU_PEER_BOTAN

#include <botan/ffi.h>
#include <stdlib.h>

struct peer {
    int rsa;
    botan_rng_t rng;
    botan_privkey_t key;
    botan_pubkey_t pub;
    botan_pk_op_sign_t sign;
    botan_pk_op_verify_t verify;
    botan_hash_t hash;
    botan_cipher_t cipher;
    uint8_t digest[32], signature[512], *bulk;
    size_t signature_size;
};

static void must(int result, const char *what)
{
    if (result != 0)
        bench_die("Botan", what);
}

static int make_key(struct peer *p, botan_privkey_t *key)
{
    return p->rsa ? botan_privkey_create(key, "RSA", "2048", p->rng)
                  : botan_privkey_create(key, "SM2", "sm2p256v1", p->rng);
}

static struct peer *open_peer(int rsa)
{
    struct peer *p = bench_alloc(sizeof *p);
    p->rsa = rsa;
    must(botan_rng_init(&p->rng, "user"), "no random bytes");
    return p;
}

static double call_sign(void *state)
{
    struct peer *p = state;
    p->signature_size = sizeof p->signature;
    must(botan_pk_op_sign_update(p->sign, p->digest, sizeof p->digest), "signing");
    must(botan_pk_op_sign_finish(p->sign, p->rng, p->signature, &p->signature_size), "signing");
    return 1;
}

static struct peer *open_key(int rsa)
{
    /* a digest for SM2; for RSA Botan hashes the 32 bytes, which costs next to nothing */
    const char *how = rsa ? "EMSA_PKCS1(SHA-256)" : "1234567812345678,Raw";
    struct peer *p = open_peer(rsa);
    must(make_key(p, &p->key), "key generation");
    must(botan_privkey_export_pubkey(&p->pub, p->key), "public key");
    must(botan_pk_op_sign_create(&p->sign, p->key, how, 0), "signing");
    must(botan_pk_op_verify_create(&p->verify, p->pub, how, 0), "verification");
    call_sign(p);
    return p;
}

static struct peer *open_bulk(void)
{
    static const uint8_t key[16], iv[16];
    struct peer *p = open_peer(0);
    p->bulk = bench_alloc(BULK);
    must(botan_hash_init(&p->hash, "SM3", 0), "SM3");
    must(botan_cipher_init(&p->cipher, "CTR(SM4)", BOTAN_CIPHER_INIT_FLAG_ENCRYPT), "SM4");
    must(botan_cipher_set_key(p->cipher, key, sizeof key), "SM4");
    must(botan_cipher_start(p->cipher, iv, sizeof iv), "SM4");
    return p;
}

static double call_keygen(void *state)
{
    struct peer *p = state;
    botan_privkey_t key;
    must(make_key(p, &key), "key generation");
    botan_privkey_destroy(key);
    return 1;
}

static double call_verify(void *state)
{
    struct peer *p = state;
    must(botan_pk_op_verify_update(p->verify, p->digest, sizeof p->digest), "verification");
    must(botan_pk_op_verify_finish(p->verify, p->signature, p->signature_size), "verification");
    return 1;
}

static double call_sm3(void *state)
{
    struct peer *p = state;
    must(botan_hash_update(p->hash, p->bulk, BULK), "SM3");
    must(botan_hash_final(p->hash, p->digest), "SM3");
    return BULK_MB;
}

static double call_sm4(void *state)
{
    struct peer *p = state;
    size_t out, in;
    must(botan_cipher_update(p->cipher, 0, p->bulk, BULK, &out, p->bulk, BULK, &in), "SM4");
    return BULK_MB;
}

static void close_peer(void *state)
{
    struct peer *p = state;
    botan_pk_op_sign_destroy(p->sign);
    botan_pk_op_verify_destroy(p->verify);
    botan_pubkey_destroy(p->pub);
    botan_privkey_destroy(p->key);
    botan_hash_destroy(p->hash);
    botan_cipher_destroy(p->cipher);
    botan_rng_destroy(p->rng);
    free(p->bulk);
    free(p);
}

OPEN(open_sm2, open_peer(0))
OPEN(open_rsa, open_peer(1))
OPEN(open_sm2_key, open_key(0))
OPEN(open_rsa_key, open_key(1))
OPEN(open_symmetric, open_bulk())

const struct subject botan_subjects[] = {
    {open_sm2, call_keygen, close_peer, NULL},     {open_sm2_key, call_sign, close_peer, NULL},
    {open_sm2_key, call_verify, close_peer, NULL}, {open_rsa, call_keygen, close_peer, NULL},
    {open_rsa_key, call_sign, close_peer, NULL},   {open_rsa_key, call_verify, close_peer, NULL},
    {open_symmetric, call_sm3, close_peer, NULL},  {open_symmetric, call_sm4, close_peer, NULL},
};

#else
typedef int hufu_no_botan;
#endif
