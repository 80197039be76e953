/* What the statistical test of times looks at: the secret operations of the engine that is
 * measured. */
#include "bench/dudect.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/engine.h"
#include "firmware/crypto/rsa.h"
#include "firmware/crypto/sm2.h"

enum { MESSAGE = 32, CIPHER = MESSAGE + SM2_CIPHER_OVERHEAD, RSA_SIZE = 256, RSA_KEYS = 8 };

struct sm2_pool {
    const struct sm2_ops *ops;
    size_t n;
    uint8_t (*k)[32], (*e)[32], (*out)[64], *ok;
    struct sm2_sign_key key; /* the same place for every secret */
    const struct sm2_sign_key **keys;
    struct sm2_sign_key secret[DUDECT_POOL]; /* d is the private key, or serves as a nonce */
    uint8_t cipher[DUDECT_POOL][CIPHER], in[CIPHER], plain[MESSAGE];
    void *scratch;
};

static int fill(void *ctx, void *out, size_t n)
{
    (void)ctx;
    return RAND_bytes(out, (int)n) == 1 ? 0 : -1;
}
static const struct rng os_rng = {fill, NULL};

static void must(int failed, const char *what)
{
    if (failed)
        bench_die("--dudect", what);
}

static void *open_sm2(const struct options *o, size_t n)
{
    struct sm2_pool *p = bench_alloc(sizeof *p);
    uint8_t pub[64], message[MESSAGE];
    p->ops = bench_engine(o)->sm2;
    p->n = n;
    p->k = bench_alloc(n * 32);
    p->e = bench_alloc(n * 32);
    p->out = bench_alloc(n * 64);
    p->ok = bench_alloc(n);
    p->keys = bench_alloc(n * sizeof *p->keys);
    p->scratch = bench_alloc(p->ops->scratch(n));
    must(fill(NULL, p->e, n * 32), "no random bytes");
    must(fill(NULL, message, sizeof message), "no random bytes");
    for (size_t i = 0; i < n; i++)
        p->keys[i] = &p->key;
    for (size_t i = 0; i < DUDECT_POOL; i++) {
        uint8_t d[32];
        must(sm2_keygen(p->ops, &os_rng, d, pub) || sm2_sign_key(&p->secret[i], d),
             "key generation failed");
        must(sm2_encrypt(&os_rng, pub, message, MESSAGE, p->cipher[i]), "encryption failed");
    }
    return p;
}

static void close_sm2(void *state)
{
    struct sm2_pool *p = state;
    free(p->k);
    free(p->e);
    free(p->out);
    free(p->ok);
    free(p->keys);
    free(p->scratch);
    free(p);
}

/* All nonces (private keys of key generation) are the secret, but for the key's own. */
static void load_nonce(void *state, size_t number)
{
    struct sm2_pool *p = state;
    for (size_t i = 0; i < p->n; i++)
        memcpy(p->k[i], p->secret[number].d, 32);
    p->key = p->secret[1];
}

/* One nonce for all, so that only the key differs. */
static void load_key(void *state, size_t number)
{
    struct sm2_pool *p = state;
    for (size_t i = 0; i < p->n; i++)
        memcpy(p->k[i], p->secret[1].d, 32);
    p->key = p->secret[number];
}

static void load_cipher(void *state, size_t number)
{
    struct sm2_pool *p = state;
    p->key = p->secret[number];
    memcpy(p->in, p->cipher[number], CIPHER);
}

static void call_keygen(void *state)
{
    struct sm2_pool *p = state;
    p->ops->keygen(p->n, (const uint8_t(*)[32])p->k, p->out, p->ok, p->scratch);
}

static void call_sign(void *state)
{
    struct sm2_pool *p = state;
    p->ops->sign(p->n, p->keys, (const uint8_t(*)[32])p->e, (const uint8_t(*)[32])p->k, p->out,
                 p->ok, p->scratch);
}

static void call_decrypt(void *state)
{
    struct sm2_pool *p = state;
    must(sm2_decrypt(p->key.d, p->in, CIPHER, p->plain), "decryption failed");
}

/* ------------------------------------------------------------------ RSA */

struct rsa_pool {
    const struct rsa_ops *ops;
    size_t n;
    struct rsa_private key[RSA_KEYS], used;
    uint8_t message[DUDECT_POOL][RSA_SIZE], in[RSA_SIZE], (*out)[RSA_SIZE], *ok, **outs;
    const uint8_t **ins;
    const struct rsa_private **keys;
    void *scratch;
};

static void *open_rsa(const struct options *o, size_t n)
{
    struct rsa_pool *p = bench_alloc(sizeof *p);
    p->ops = bench_engine(o)->rsa;
    p->n = n;
    p->out = bench_alloc(n * RSA_SIZE);
    p->ok = bench_alloc(n);
    p->outs = bench_alloc(n * sizeof *p->outs);
    p->ins = bench_alloc(n * sizeof *p->ins);
    p->keys = bench_alloc(n * sizeof *p->keys);
    const size_t engine = p->ops->scratch(2048, n), plain = rsa_scratch(2048);
    p->scratch = bench_alloc(engine > plain ? engine : plain);
    for (size_t i = 0; i < RSA_KEYS; i++)
        must(rsa_keygen(p->ops, &os_rng, 2048, &p->key[i], p->scratch, NULL, NULL),
             "key generation failed");
    for (size_t i = 0; i < DUDECT_POOL; i++)
        must(fill(NULL, p->message[i] + 1, RSA_SIZE - 1), "no random bytes");
    for (size_t i = 0; i < n; i++) {
        p->keys[i] = &p->used;
        p->ins[i] = p->in;
        p->outs[i] = p->out[i];
    }
    return p;
}

static void close_rsa(void *state)
{
    struct rsa_pool *p = state;
    void *parts[] = {p->out, p->ok, p->outs, p->ins, p->keys, p->scratch};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        free(parts[i]);
    free(p);
}

static void load_message(void *state, size_t number)
{
    struct rsa_pool *p = state;
    p->used = p->key[0];
    memcpy(p->in, p->message[number], RSA_SIZE);
}

static void load_rsa_key(void *state, size_t number)
{
    struct rsa_pool *p = state;
    p->used = p->key[number ? 1 + number % (RSA_KEYS - 1) : 0];
    memcpy(p->in, p->message[1], RSA_SIZE);
}

static void call_private(void *state)
{
    struct rsa_pool *p = state;
    p->ops->private_op(p->n, p->keys, p->ins, p->outs, p->ok, &os_rng, p->scratch);
}

/* ------------------------------------------------------------------ control */

struct control {
    uint8_t secret[DUDECT_POOL][32], mine[32];
    volatile unsigned steps;
};

static void *open_control(const struct options *o, size_t n)
{
    struct control *c = bench_alloc(sizeof *c);
    (void)o, (void)n;
    must(fill(NULL, c->secret, sizeof c->secret), "no random bytes");
    return c;
}

static void load_control(void *state, size_t number)
{
    struct control *c = state;
    memcpy(c->mine, c->secret[number], 32);
}

/* Compares with the fixed secret and stops at the first difference. */
static void call_control(void *state)
{
    struct control *c = state;
    for (unsigned i = 0; i < 32 && c->mine[i] == c->secret[0][i]; i++)
        c->steps++;
}

const struct dudect_target dudect_targets[] = {
    {"sm2.keygen", "scalar", 1, open_sm2, load_nonce, call_keygen, close_sm2, false},
    {"sm2.keygen", "scalar", 8, open_sm2, load_nonce, call_keygen, close_sm2, false},
    {"sm2.keygen", "scalar", 41, open_sm2, load_nonce, call_keygen, close_sm2, false},
    {"sm2.keygen", "scalar", 128, open_sm2, load_nonce, call_keygen, close_sm2, false},
    {"sm2.sign", "nonce", 1, open_sm2, load_nonce, call_sign, close_sm2, false},
    {"sm2.sign", "nonce", 20, open_sm2, load_nonce, call_sign, close_sm2, false},
    {"sm2.sign", "key", 1, open_sm2, load_key, call_sign, close_sm2, false},
    {"sm2.sign", "key", 64, open_sm2, load_key, call_sign, close_sm2, false},
    {"sm2.decrypt", "key", 1, open_sm2, load_cipher, call_decrypt, close_sm2, false},
    {"rsa2048.private", "input", 1, open_rsa, load_message, call_private, close_rsa, false},
    {"rsa2048.private", "input", 8, open_rsa, load_message, call_private, close_rsa, false},
    {"rsa2048.private", "key", 8, open_rsa, load_rsa_key, call_private, close_rsa, false},
    {"control.compare", "bytes", 1, open_control, load_control, call_control, free, true},
    {0},
};
