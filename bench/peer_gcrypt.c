/* libgcrypt. Empty where its headers are not installed. */
#include "bench/peers.h"

#ifdef HUFU_PEER_GCRYPT

#include <gcrypt.h>
#include <stdlib.h>

struct peer {
    gcry_sexp_t parameters, key, data, signature;
    gcry_md_hd_t md;
    gcry_cipher_hd_t cipher;
    uint8_t *bulk;
};

static void must(gcry_error_t e, const char *what)
{
    if (e)
        bench_die("libgcrypt", what);
}

static struct peer *open_peer(int rsa)
{
    struct peer *p = bench_alloc(sizeof *p);
    gcry_check_version(NULL);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    must(
        gcry_sexp_build(&p->parameters, NULL,
                        rsa ? "(genkey (rsa (nbits 4:2048)))" : "(genkey (ecc (curve sm2p256v1)))"),
        "parameters");
    return p;
}

static double call_sign(void *state)
{
    struct peer *p = state;
    gcry_sexp_release(p->signature);
    must(gcry_pk_sign(&p->signature, p->data, p->key), "signing");
    return 1;
}

static struct peer *open_key(int rsa)
{
    static const uint8_t digest[32] = {1, 2, 3};
    struct peer *p = open_peer(rsa);
    must(gcry_pk_genkey(&p->key, p->parameters), "key generation");
    must(gcry_sexp_build(&p->data, NULL,
                         rsa ? "(data (flags pkcs1)(hash sha256 %b))"
                             : "(data (flags sm2)(hash sm3 %b))",
                         32, digest),
         "digest");
    call_sign(p);
    return p;
}

static struct peer *open_bulk(void)
{
    static const uint8_t key[16];
    struct peer *p = open_peer(0);
    p->bulk = bench_alloc(BULK);
    must(gcry_md_open(&p->md, GCRY_MD_SM3, 0), "SM3");
    must(gcry_cipher_open(&p->cipher, GCRY_CIPHER_SM4, GCRY_CIPHER_MODE_CTR, 0), "SM4");
    must(gcry_cipher_setkey(p->cipher, key, sizeof key), "SM4");
    must(gcry_cipher_setctr(p->cipher, key, sizeof key), "SM4");
    return p;
}

static double call_keygen(void *state)
{
    struct peer *p = state;
    gcry_sexp_t key;
    must(gcry_pk_genkey(&key, p->parameters), "key generation");
    gcry_sexp_release(key);
    return 1;
}

static double call_verify(void *state)
{
    struct peer *p = state;
    must(gcry_pk_verify(p->signature, p->data, p->key), "verification");
    return 1;
}

static double call_sm3(void *state)
{
    struct peer *p = state;
    gcry_md_reset(p->md);
    gcry_md_write(p->md, p->bulk, BULK);
    gcry_md_final(p->md);
    return BULK_MB;
}

static double call_sm4(void *state)
{
    struct peer *p = state;
    must(gcry_cipher_encrypt(p->cipher, p->bulk, BULK, NULL, 0), "SM4");
    return BULK_MB;
}

static void close_peer(void *state)
{
    struct peer *p = state;
    gcry_sexp_release(p->parameters);
    gcry_sexp_release(p->key);
    gcry_sexp_release(p->data);
    gcry_sexp_release(p->signature);
    gcry_md_close(p->md);
    gcry_cipher_close(p->cipher);
    free(p->bulk);
    free(p);
}

OPEN(open_sm2, open_peer(0))
OPEN(open_rsa, open_peer(1))
OPEN(open_sm2_key, open_key(0))
OPEN(open_rsa_key, open_key(1))
OPEN(open_symmetric, open_bulk())

const struct subject gcrypt_subjects[] = {
    {open_sm2, call_keygen, close_peer, NULL},     {open_sm2_key, call_sign, close_peer, NULL},
    {open_sm2_key, call_verify, close_peer, NULL}, {open_rsa, call_keygen, close_peer, NULL},
    {open_rsa_key, call_sign, close_peer, NULL},   {open_rsa_key, call_verify, close_peer, NULL},
    {open_symmetric, call_sm3, close_peer, NULL},  {open_symmetric, call_sm4, close_peer, NULL},
};

#else
typedef int hufu_no_gcrypt;
#endif
