/* core.*: the engine's entries, called straight. */
#include "bench/bench.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/engine.h"
#include "firmware/crypto/rsa.h"
#include "firmware/crypto/sm2.h"
#include "firmware/crypto/sm3.h"
#include "firmware/crypto/sm4.h"

struct core {
    const struct engine *engine;
    size_t n;
    uint8_t (*k)[32], (*e)[32], (*pub)[64], (*sig)[64], *ok;
    const uint8_t **pubs;
    struct sm2_sign_key key;
    const struct sm2_sign_key **keys;
    struct rsa_private *rsa;
    const struct rsa_private **rsas;
    uint8_t **in, **out, *bulk;
    struct sm4_key sm4;
    void *scratch;
};

static int fill(void *ctx, void *out, size_t n)
{
    (void)ctx;
    return RAND_bytes(out, (int)n) == 1 ? 0 : -1;
}
static const struct rng os_rng = {fill, NULL};

/* The keys of the bench are the same in every run, so that counts of instructions can be compared.
 */
static int fill_fixed(void *ctx, void *out, size_t n)
{
    uint64_t *x = ctx;
    for (size_t i = 0; i < n; i++) {
        *x = *x * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)out)[i] = (uint8_t)(*x >> 56);
    }
    return 0;
}

const struct engine *bench_engine(const struct options *o)
{
    const struct engine *e;
    for (size_t i = 0; (e = engine_at(i)); i++)
        if (!o->engine || !strcmp(e->name, o->engine))
            return e;
    bench_die("--engine", "no such engine on this machine");
}

const char *engine_name(const struct options *o)
{
    return bench_engine(o)->name;
}

static struct core *new_core(const struct options *o, size_t n)
{
    struct core *c = bench_alloc(sizeof *c);
    c->engine = bench_engine(o);
    c->n = n;
    c->ok = bench_alloc(n);
    return c;
}

static void close_core(void *state)
{
    struct core *c = state;
    for (size_t i = 0; c->in && i < c->n; i++) {
        free(c->in[i]);
        free(c->out[i]);
    }
    void *parts[] = {c->k,   c->e,    c->pub, c->sig, c->ok,   c->pubs,   c->keys,
                     c->rsa, c->rsas, c->in,  c->out, c->bulk, c->scratch};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        free(parts[i]);
    free(c);
}

static double done(const struct core *c, const char *what)
{
    size_t good = 0;
    for (size_t i = 0; i < c->n; i++)
        good += c->ok[i];
    if (good != c->n)
        bench_die(what, "an item failed");
    return (double)c->n;
}

static void random_fill(void *p, size_t n)
{
    if (fill(NULL, p, n))
        bench_die("OpenSSL", "no random bytes");
}

/* ------------------------------------------------------------------ SM2 */

static void *open_sm2(const struct options *o, size_t n, unsigned thread)
{
    struct core *c = new_core(o, n);
    uint8_t d[32], pub[64];
    (void)thread;
    c->k = bench_alloc(n * sizeof *c->k);
    c->e = bench_alloc(n * sizeof *c->e);
    c->pub = bench_alloc(n * sizeof *c->pub);
    c->sig = bench_alloc(n * sizeof *c->sig);
    c->keys = bench_alloc(n * sizeof *c->keys);
    c->pubs = bench_alloc(n * sizeof *c->pubs);
    c->scratch = bench_alloc(c->engine->sm2->scratch(n));
    random_fill(c->k, n * sizeof *c->k);
    random_fill(c->e, n * sizeof *c->e);
    if (sm2_keygen(c->engine->sm2, &os_rng, d, pub) || sm2_sign_key(&c->key, d))
        bench_die("core.sm2", "key generation failed");
    for (size_t i = 0; i < n; i++) {
        c->keys[i] = &c->key;
        c->pubs[i] = c->pub[i];
        memcpy(c->pub[i], pub, 64);
    }
    return c;
}

static void *open_sm2_verify(const struct options *o, size_t n, unsigned thread)
{
    struct core *c = open_sm2(o, n, thread);
    c->engine->sm2->sign(n, c->keys, (const uint8_t(*)[32])c->e, (const uint8_t(*)[32])c->k, c->sig,
                         c->ok, c->scratch);
    done(c, "core.sm2.verify");
    return c;
}

/* The same with a key of its own for each signature. */
static void *open_sm2_verify_keys(const struct options *o, size_t n, unsigned thread)
{
    struct core *c = open_sm2(o, n, thread);
    struct sm2_sign_key *own = bench_alloc(n * sizeof *own);
    for (size_t i = 0; i < n; i++) {
        uint8_t d[32];
        if (sm2_keygen(c->engine->sm2, &os_rng, d, c->pub[i]) || sm2_sign_key(&own[i], d))
            bench_die("core.sm2.verify-keys", "key generation failed");
        c->keys[i] = &own[i];
    }
    c->engine->sm2->sign(n, c->keys, (const uint8_t(*)[32])c->e, (const uint8_t(*)[32])c->k, c->sig,
                         c->ok, c->scratch);
    done(c, "core.sm2.verify-keys");
    free(own);
    return c;
}

void bench_sm2_signatures(const struct options *o, size_t n, uint8_t (*pub)[64], uint8_t (*e)[32],
                          uint8_t (*sig)[64])
{
    struct core *c = open_sm2_verify_keys(o, n, 0);
    memcpy(pub, c->pub, n * sizeof *pub);
    memcpy(e, c->e, n * sizeof *e);
    memcpy(sig, c->sig, n * sizeof *sig);
    close_core(c);
}

static double call_sm2_keygen(void *state)
{
    struct core *c = state;
    c->k[0][5]++;
    c->engine->sm2->keygen(c->n, (const uint8_t(*)[32])c->k, c->pub, c->ok, c->scratch);
    return done(c, "core.sm2.keygen");
}

static double call_sm2_sign(void *state)
{
    struct core *c = state;
    c->k[0][5]++;
    c->engine->sm2->sign(c->n, c->keys, (const uint8_t(*)[32])c->e, (const uint8_t(*)[32])c->k,
                         c->sig, c->ok, c->scratch);
    return done(c, "core.sm2.sign");
}

static double call_sm2_verify(void *state)
{
    struct core *c = state;
    c->engine->sm2->verify(c->n, c->pubs, (const uint8_t(*)[32])c->e, (const uint8_t(*)[64])c->sig,
                           c->ok, c->scratch);
    return done(c, "core.sm2.verify");
}

static double call_sm2_check(void *state)
{
    struct core *c = state;
    c->engine->sm2->check(c->n, c->pubs, c->ok);
    return done(c, "core.sm2.check");
}

/* ------------------------------------------------------------------ RSA-2048 */

static void *open_rsa(const struct options *o, size_t n, unsigned thread)
{
    struct core *c = new_core(o, n);
    uint64_t seed = thread;
    const struct rng fixed = {fill_fixed, &seed};
    const size_t engine_scratch = c->engine->rsa->scratch(2048, n), plain = rsa_scratch(2048);
    c->scratch = bench_alloc(engine_scratch > plain ? engine_scratch : plain);
    c->rsa = bench_alloc(sizeof *c->rsa);
    c->rsas = bench_alloc(n * sizeof *c->rsas);
    c->in = bench_alloc(n * sizeof *c->in);
    c->out = bench_alloc(n * sizeof *c->out);
    if (rsa_keygen(c->engine->rsa, &fixed, 2048, c->rsa, c->scratch, NULL, NULL))
        bench_die("core.rsa2048", "key generation failed");
    for (size_t i = 0; i < n; i++) {
        c->rsas[i] = c->rsa;
        c->in[i] = bench_alloc(256);
        c->out[i] = bench_alloc(256);
        random_fill(c->in[i] + 1, 255);
    }
    return c;
}

static double call_rsa_sign(void *state)
{
    struct core *c = state;
    c->engine->rsa->private_op(c->n, c->rsas, (const uint8_t *const *)c->in, c->out, c->ok, &os_rng,
                               c->scratch);
    return done(c, "core.rsa2048.sign");
}

static double call_rsa_verify(void *state)
{
    struct core *c = state;
    for (size_t i = 0; i < c->n; i++)
        if (rsa_public_op(c->engine->rsa, &c->rsa->pub, c->in[i], c->out[i], c->scratch))
            bench_die("core.rsa2048.verify", "failed");
    return (double)c->n;
}

static double call_rsa_keygen(void *state)
{
    struct core *c = state;
    if (rsa_keygen(c->engine->rsa, &os_rng, 2048, c->rsa, c->scratch, NULL, NULL))
        bench_die("core.rsa2048.keygen", "failed");
    return 1;
}

/* ------------------------------------------------------------------ SM3, SM4 */

static void *open_bulk(const struct options *o, size_t n, unsigned thread)
{
    static const uint8_t key[16] = {1, 2, 3, 4};
    struct core *c = new_core(o, n);
    (void)thread;
    c->bulk = bench_alloc(BULK);
    c->e = bench_alloc(n * sizeof *c->e);
    c->pubs = bench_alloc(n * sizeof *c->pubs);
    for (size_t i = 0; i < n; i++)
        c->pubs[i] = c->bulk;
    sm4_set_key(&c->sm4, key);
    return c;
}

/* One message, or a batch of messages as an engine with lanes wants them. */
static double call_sm3(void *state)
{
    struct core *c = state;
    if (c->n == 1)
        sm3_digest(c->bulk, BULK, c->e[0]);
    else
        c->engine->sym->sm3_many(c->n, c->pubs, BULK, c->e);
    return BULK_MB * (double)c->n;
}

static double call_sm4(void *state)
{
    struct core *c = state;
    uint8_t iv[16] = {0};
    c->engine->sym->sm4_ctr(&c->sm4, iv, c->bulk, c->bulk, BULK);
    return BULK_MB;
}

const struct bench_case core_cases[] = {
    {"core.sm2.keygen",
     "pair",
     {1, 64, 2048},
     {open_sm2, call_sm2_keygen, close_core, NULL},
     &work_sm2_keygen,
     PEERS,
     KEYGEN_REQUIRED,
     1},
    {"core.sm2.sign",
     "signature",
     {1, 64, 2048},
     {open_sm2, call_sm2_sign, close_core, NULL},
     &work_sm2_sign,
     PEERS,
     SIGN_REQUIRED_AN_HOUR / 3600.0,
     1},
    {"core.sm2.verify",
     "verification",
     {1, 64, 1024},
     {open_sm2_verify, call_sm2_verify, close_core, NULL},
     &work_sm2_verify,
     PEERS,
     0,
     1},
    {"core.sm2.verify-keys",
     "verification",
     {64, 1024},
     {open_sm2_verify_keys, call_sm2_verify, close_core, NULL},
     &work_sm2_verify,
     PEERS,
     0,
     1},
    {"core.sm2.check",
     "public key",
     {1, 1024},
     {open_sm2, call_sm2_check, close_core, NULL},
     &work_sm2_check,
     1,
     0,
     1},
    {"core.rsa2048.keygen",
     "pair",
     {1},
     {open_rsa, call_rsa_keygen, close_core, NULL},
     &work_rsa2048_keygen,
     PEERS,
     0,
     8},
    {"core.rsa2048.sign",
     "signature",
     {1, 8},
     {open_rsa, call_rsa_sign, close_core, NULL},
     &work_rsa2048_sign,
     PEERS,
     SIGN_REQUIRED_AN_HOUR / 3600.0,
     1},
    {"core.rsa2048.verify",
     "verification",
     {1},
     {open_rsa, call_rsa_verify, close_core, NULL},
     &work_rsa2048_verify,
     PEERS,
     0,
     1},
    {"core.sm3", "MB", {1, 16}, {open_bulk, call_sm3, close_core, NULL}, &work_sm3, PEERS, 0, 1},
    {"core.sm4", "MB", {1}, {open_bulk, call_sm4, close_core, NULL}, &work_sm4, PEERS, 0, 1},
    {0},
};
