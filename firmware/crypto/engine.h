/*
 * Engines: per family one struct of batch entries. The portable engine is always there; others are
 * chosen once at boot after their known answers came out right. A failing item never spoils its
 * neighbours: ok[i] says, item by item (1 done, 0 failed and its output zero). Scratch is the
 * caller's, 64-byte aligned, and is wiped by the engine when it held a secret.
 */
#ifndef HUFU_CRYPTO_ENGINE_H
#define HUFU_CRYPTO_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/crypto/limb.h"

struct sm2_sign_key {
    uint8_t d[32];
    uint8_t inv[32]; /* (1+d)^-1 mod n */
};

/* Room for the scratch of one item, in every engine: single operations have it on their stack. */
enum { SM2_SCRATCH_ONE = sizeof(void *) > 4 ? 4096 : 512 };

/* All 32-byte numbers and 64-byte points are big-endian. */
struct sm2_ops {
    const char *name;
    /* bytes of scratch for n items of any entry below; at most SM2_SCRATCH_ONE for n = 1 */
    size_t (*scratch)(size_t n);
    /* pub[i] = [k[i]]G for n scalars, each 32 uniform random bytes.
     * ok[i] = 0: k[i] is not in [1, n-2] (chance 2^-32), draw again. CT: only ok */
    void (*keygen)(size_t n, const uint8_t (*k)[32], uint8_t (*pub)[64], uint8_t *ok,
                   void *scratch);
    /* sig[i] = r || s over digest e[i] with key[i] (may all be the same) and nonce k[i], 32 uniform
     * random bytes, used for nothing else. ok[i] = 0: k out of [1, n-1], r = 0, r + k = n or s = 0.
     * CT: only ok */
    void (*sign)(size_t n, const struct sm2_sign_key *const *key, const uint8_t (*e)[32],
                 const uint8_t (*k)[32], uint8_t (*sig)[64], uint8_t *ok, void *scratch);
    /* ok[i] = 1: sig[i] over e[i] is right under pub[i], which must have passed sm2_public_check.
     * CT: public inputs */
    void (*verify)(size_t n, const uint8_t *const *pub, const uint8_t (*e)[32],
                   const uint8_t (*sig)[64], uint8_t *ok, void *scratch);
    /* ok[i] = 1: pub[i] is a public key, coordinates below p and on the curve (as
     * sm2_public_check). CT: public inputs */
    void (*check)(size_t n, const uint8_t *const *pub, uint8_t *ok);
};

struct rsa_private;
struct rng;

/* Trial division of prime candidates. */
struct rsa_sieve {
    size_t pool;       /* candidates that are best worked on together, at most RSA_POOL_MAX */
    size_t table_size; /* bytes of a table that is made once for a key; a multiple of 64 */
    void (*init)(void *table, void *scratch);
    /* alive[i] = 0 when candidate[i] has a small factor or is 1 modulo 65537; those that were 0 are
     * not looked at. `count` numbers of `size` bytes, in limbs (bignum.h). CT: which ones fall, and
     * when */
    void (*run)(const void *table, const void *candidates, size_t size, size_t count,
                uint8_t *alive, void *scratch);
};
enum { RSA_POOL_MAX = 512 };

struct rsa_ops {
    const char *name;
    unsigned lanes; /* items that are worked on together */
    size_t (*scratch)(unsigned bits, size_t n);
    /* out[i] = in[i]^d mod n by CRT, blinded with rng and checked with e; keys may differ but share
     * one size; out[i] may be in[i]. ok[i] = 0: in >= n or the check failed. CT: only ok */
    void (*private_op)(size_t n, const struct rsa_private *const *key, const uint8_t *const *in,
                       uint8_t *const *out, uint8_t *ok, const struct rng *rng, void *scratch);
    /* as bn_power_public, m of a size that an RSA key may have */
    void (*public_power)(limb_t *r, const limb_t *a, uint32_t e, const limb_t *m, size_t n,
                         limb_t *room);
    /* Miller-Rabin: ok[i] = 1 when candidate[i] (size bytes, odd, top bits set) passes `rounds`
     * rounds with random bases. With 0 rounds: a Fermat test to base 2 instead, which nearly all
     * composites fail. CT: only ok */
    void (*prime_test)(size_t n, const uint8_t *const *candidate, size_t size, unsigned rounds,
                       uint8_t *ok, const struct rng *rng, void *scratch);
    const struct rsa_sieve *sieve; /* NULL: the portable one */
};

struct sm4_key;

struct sm4_gcm_item;

/* CT: sizes and counts only */
struct sym_ops {
    const char *name;
    /* digest[i] = SM3(message[i]), n messages of one size */
    void (*sm3_many)(size_t n, const uint8_t *const *message, size_t size, uint8_t (*digest)[32]);
    /* digest[i] = SM3(number + i), numbers of 55 bytes, big-endian, mod 2^440: what the generator
     * gives out (Hashgen, SP 800-90A clause 10.1.1.4). NULL: nothing better than one by one */
    void (*sm3_count)(const uint8_t number[55], size_t n, uint8_t (*digest)[32]);
    /* as in sm4.h */
    void (*sm4_encrypt)(const struct sm4_key *key, const uint8_t *in, uint8_t *out, size_t blocks);
    void (*sm4_ctr)(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                    size_t n);
    /* as sm4_gcm_seal_batch; quickest for nonces of 12 bytes, and short texts of one size or one
     * long text */
    void (*sm4_gcm_seal)(const struct sm4_key *key, const struct sm4_gcm_item *item, size_t items);
    /* as sm4_gcm_open_batch; quickest for a nonce of 12 bytes and one long text */
    void (*sm4_gcm_open)(const struct sm4_key *key, const struct sm4_gcm_item *item, size_t items,
                         uint8_t *ok);
};

struct engine {
    const char *name;
    int (*usable)(void); /* 1: this machine can run it. NULL: every machine can */
    const struct sm2_ops *sm2;
    const struct rsa_ops *rsa;
    const struct sym_ops *sym;
};

/* The i-th engine of this build that this machine can run, best first; NULL: there are no more. The
 * last one is always the portable engine. */
const struct engine *engine_at(size_t i);

#endif
