/*
 * RSA key pairs: FIPS 186-5 A.1.3, random primes that are probably prime. Every candidate is drawn
 * afresh and independently, none is derived from a rejected one. Trial division comes first, then a
 * Fermat test to base 2, then the Miller-Rabin rounds of table B.1. What is rejected is forgotten,
 * so its rejection may be seen.
 */
#include "firmware/crypto/rsa.h"

#include "firmware/base/assume.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/rsa_internal.h"

#include <string.h>

enum {
    POOL = HUFU_SMALL ? 8 : 32, /* candidates sieved together in portable code */
    MAX_LANES = 16              /* candidates tested together */
};

struct search {
    const struct rsa_ops *ops;
    const struct rng *rng;
    unsigned bits;  /* of n */
    size_t h;       /* limbs of a prime */
    limb_t *pool;   /* sieve->pool candidates */
    limb_t *top;    /* and their top limbs */
    limb_t *t;      /* 3h limbs */
    uint8_t *queue; /* a candidate for each lane, as bytes */
    const struct rsa_sieve *sieve;
    void *table; /* the sieve's */
    uint8_t alive[RSA_POOL_MAX];
    size_t drawn, next; /* in the pool */
    size_t queued;      /* in the queue */
    size_t found;       /* primes */
    unsigned long left; /* candidates that may be drawn for the next prime */
    int (*progress)(void *);
    void *progress_ctx;
    void *engine_scratch;
};

static void portable_init(void *table, void *scratch)
{
    (void)scratch;
    rsa_sieve_init(table);
}

static void portable_run(const void *table, const void *candidates, size_t size, size_t count,
                         uint8_t *alive, void *scratch)
{
    (void)scratch;
    rsa_sieve(candidates, size / LIMB_BYTES, count, alive, table);
}

static const struct rsa_sieve portable_sieve = {POOL, SIEVE_BYTES, portable_init, portable_run};

static const struct rsa_sieve *sieve_of(const struct rsa_ops *ops)
{
    return ops->sieve ? ops->sieve : &portable_sieve;
}

static size_t lanes_of(const struct rsa_ops *ops)
{
    return ops->lanes < MAX_LANES ? ops->lanes : (size_t)MAX_LANES;
}

/* The room of the search serves again for the parts of the key. */
_Static_assert(RSA_DERIVE_ROOM <= POOL + 3 + MAX_LANES,
               "the parts of a key need less than the search");

size_t rsa_keygen_room(const struct rsa_ops *ops, unsigned bits)
{
    const size_t prime = bits / 16, pool = sieve_of(ops)->pool;
    return (pool + 3 + MAX_LANES) * prime + pool * LIMB_BYTES + sieve_of(ops)->table_size;
}

/* Rounds for an error below 2^-112, 2^-128, 2^-144 (FIPS 186-5 table B.1, as strong as the key) */
static unsigned rounds_for(unsigned bits)
{
    return bits == 2048 ? 5 : 4;
}

/*
 * Steps 4.7 and 5.8 allow 5 nlen candidates in range for p and 10 nlen for q. Of those drawn 59 %
 * are in range; so many here stay below that, and an honest source needs more by a chance of 2^-38
 * only.
 */
static unsigned long allowance(unsigned bits, size_t found)
{
    return found ? 16ul * bits : 8ul * bits;
}

static int stopped(const struct search *s)
{
    return s->progress && s->progress(s->progress_ctx);
}

/* 1: c >= sqrt(2) 2^(nlen/2-1), as far as the top limb of c tells; then *close is 1 when the limbs
 * below must decide, which happens but once in 2^(LIMB_BITS-1). */
static uint8_t top_in_range(limb_t top, uint8_t *close)
{
    const limb_t root = (limb_t)(0xB504F333F9DE6484u >> (64 - LIMB_BITS));
    limb_t below = bn_lt(&top, &root, 1), equal = bn_eq(&top, &root, 1);
    PUBLIC(&below, sizeof below);
    PUBLIC(&equal, sizeof equal);
    *close = equal != 0;
    return !below;
}

/* 1: the square of c has all bits of n. */
static uint8_t square_in_range(struct search *s, const limb_t *c)
{
    bn_sqr(s->t, c, s->h);
    uint8_t enough = (uint8_t)(s->t[2 * s->h - 1] >> (LIMB_BITS - 1));
    PUBLIC(&enough, 1);
    return enough;
}

/* s->drawn top limbs: those of a pool of new candidates that are not below the range. close[i]: the
 * limbs below must decide. The top bit is set by force, which changes nothing for those that stay.
 */
static int draw_tops(struct search *s, uint8_t *close)
{
    const size_t pool = s->sieve->pool, bytes = pool * LIMB_BYTES;
    size_t kept = 0;
    if (s->rng->fill(s->rng->ctx, s->top, bytes))
        return -1;
    SECRET(s->top, bytes);
    for (size_t i = 0; i < pool; i++) {
        const limb_t top = s->top[i] | (limb_t)1 << (LIMB_BITS - 1);
        if (top_in_range(top, &close[kept]))
            s->top[kept++] = top;
    }
    s->drawn = kept;
    return 0;
}

/*
 * Step 4.2 to 4.4: fresh odd numbers of the full length; those below sqrt(2) 2^(nlen/2-1), whose
 * square is a bit too short, fall out, nearly all before more than their top limb was drawn.
 */
static int refill(struct search *s)
{
    const size_t h = s->h, pool = s->sieve->pool;
    uint8_t close[RSA_POOL_MAX];
    if (s->left < pool || stopped(s) || draw_tops(s, close))
        return -1;
    const size_t bytes = s->drawn * h * LIMB_BYTES;
    if (s->rng->fill(s->rng->ctx, s->pool, bytes))
        return -1;
    SECRET(s->pool, bytes);
    for (size_t i = 0; i < s->drawn; i++) {
        limb_t *c = s->pool + i * h;
        c[0] |= 1;
        c[h - 1] = s->top[i];
        s->alive[i] = close[i] ? square_in_range(s, c) : 1;
    }
    s->sieve->run(s->table, s->pool, h * LIMB_BYTES, s->drawn, s->alive, s->engine_scratch);
    s->left -= pool;
    s->next = 0;
    return 0;
}

/* Survivors of the pool go to the queue until it holds one for each lane. */
static int fill_queue(struct search *s)
{
    const size_t bytes = s->h * LIMB_BYTES;
    s->queued = 0;
    while (s->queued < lanes_of(s->ops)) {
        if (s->next < s->drawn) {
            const size_t i = s->next++;
            if (s->alive[i])
                bn_store(s->pool + i * s->h, s->h, s->queue + bytes * s->queued++, bytes);
        } else if (refill(s)) {
            return -1;
        }
    }
    return 0;
}

/* A prime is p, or q when it is far enough from p (step 5.4; here after the prime test). */
static void accept(struct search *s, struct rsa_private *key, const uint8_t *prime)
{
    const size_t bytes = s->h * LIMB_BYTES;
    limb_t *p = s->t, *q = p + s->h, far = 1;
    if (s->found == 1) {
        bn_load(p, s->h, key->p, bytes);
        bn_load(q, s->h, prime, bytes);
        far = rsa_primes_apart(p, q, q + s->h, s->h);
        PUBLIC(&far, sizeof far);
    }
    if (s->found == 2 || !far)
        return;
    memcpy(s->found ? key->q : key->p, prime, bytes);
    s->found++;
    s->left = allowance(s->bits, s->found);
}

/* The rounds of Miller-Rabin for both at once; of a composite, which a candidate is hardly ever
 * that came so far, another is sought. */
static void confirm(struct search *s, struct rsa_private *key)
{
    const size_t bytes = s->h * LIMB_BYTES;
    const uint8_t *const both[] = {key->p, key->q};
    uint8_t ok[2];
    s->ops->prime_test(2, both, bytes, rounds_for(s->bits), ok, s->rng, s->engine_scratch);
    if (ok[0] && ok[1])
        return;
    s->found = ok[0] | ok[1];
    s->left = allowance(s->bits, s->found);
    if (!ok[0])
        memcpy(key->p, key->q, bytes);
}

/* key->p, key->q: two primes, in the order in which they were found */
static int find_primes(struct search *s, struct rsa_private *key)
{
    const uint8_t *candidate[MAX_LANES];
    uint8_t ok[MAX_LANES];
    for (size_t i = 0; i < MAX_LANES; i++)
        candidate[i] = s->queue + i * s->h * LIMB_BYTES;
    s->left = allowance(s->bits, 0);
    while (s->found < 2) {
        if (fill_queue(s) || stopped(s))
            return -1;
        s->ops->prime_test(s->queued, candidate, s->h * LIMB_BYTES, 0, ok, s->rng,
                           s->engine_scratch);
        for (size_t i = 0; i < s->queued; i++)
            if (ok[i])
                accept(s, key, candidate[i]);
        if (s->found == 2)
            confirm(s, key);
    }
    return 0;
}

limb_t rsa_primes_apart(const limb_t *p, const limb_t *q, limb_t *t, size_t h)
{
    const size_t low = h * LIMB_BITS - 100;
    const limb_t less = limb_mask(bn_sub(t, p, q, h));
    limb_t above = 0;
    for (size_t i = 0; i < h; i++) /* |p - q| */
        t[i] ^= less;
    bn_add_word(t, less & 1, h);
    const limb_t equal = bn_is_zero(t, h);
    bn_sub_word(t, 1, h);
    for (size_t i = low / LIMB_BITS; i < h; i++)
        above |= i == low / LIMB_BITS ? t[i] >> (low % LIMB_BITS) : t[i];
    return ~limb_is_zero(above) & ~equal;
}

/* Pairwise test: a padded digest signed and verified; em, sig, back: bytes of n each */
static int pairwise(const struct search *s, const struct rsa_private *key, uint8_t *room)
{
    static const uint8_t digest[32] = "pairwise consistency of RSA key";
    const size_t k = s->bits / 8;
    uint8_t *em = room, *sig = em + k, *back = sig + k;
    if (rsa_pkcs1_sign_pad(s->bits, HASH_SHA256, digest, sizeof digest, em) ||
        rsa_private_op(s->ops, s->rng, key, em, sig, s->engine_scratch))
        return -1;
    PUBLIC(sig, k);
    if (rsa_public_op(s->ops, &key->pub, sig, back, s->engine_scratch))
        return -1;
    return memcmp(em, back, k) ? -1 : 0;
}

int rsa_keygen(const struct rsa_ops *ops, const struct rng *rng, unsigned bits,
               struct rsa_private *key, void *scratch, int (*progress)(void *), void *progress_ctx)
{
    memset(key, 0, sizeof *key);
    if (!rsa_bits_ok(bits))
        return -1;
    const size_t h = BN_LIMBS(bits / 2), prime = bits / 16;
    uint8_t *const room = scratch;
    struct search s = {.ops = ops, .rng = rng, .bits = bits, .h = h, .sieve = sieve_of(ops)};
    const size_t pool = s.sieve->pool, size = rsa_keygen_room(ops, bits);
    s.progress = progress;
    s.progress_ctx = progress_ctx;
    s.pool = scratch;
    s.t = s.pool + pool * h;
    s.queue = room + (pool + 3) * prime;
    s.top = (limb_t *)(void *)(s.queue + MAX_LANES * prime);
    s.table = s.top + pool;
    s.engine_scratch = room + size;
    s.sieve->init(s.table, s.engine_scratch);
    key->pub.bits = (uint16_t)bits;
    key->pub.e = RSA_E;
    int result = find_primes(&s, key) || rsa_derive(key, scratch) ? -1 : 0;
    if (!result && pairwise(&s, key, scratch))
        result = RSA_NO_PAIR;
    wipe(scratch, size);
    wipe(&s, sizeof s);
    if (result)
        wipe(key, sizeof *key);
    return result;
}
