/*
 * Work in batches: key pairs and signatures, spread over the lanes that hal.par really runs at the
 * same time. Each lane has its own scratch and its own random generator, so that jobs share nothing
 * that changes.
 */
#ifndef HUFU_APP_BATCH_H
#define HUFU_APP_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/app/arena.h"
#include "firmware/app/device.h"
#include "firmware/base/config.h"
#include "firmware/crypto/drbg.h"
#include "firmware/crypto/ec.h"
#include "firmware/crypto/engine.h"
#include "firmware/crypto/rng.h"
#include "firmware/crypto/rsa.h"

struct device;
struct key;
struct wrap;
struct wrap_room;

enum { BATCH_LANES_MAX = 64, BATCH_RSA_LANES = CONFIG_RSA_BATCH };

struct lane {
    struct drbg drbg;
    struct rng rng; /* over drbg; with one lane only, the device's own */
    int failed;
    bool tried; /* a pair of this batch */
    /* chunk items each */
    uint8_t (*k)[32], (*point)[64];
    const struct sm2_sign_key **key;
    const uint8_t **pub; /* the same room, for verifications */
    uint8_t *ok;
    uint8_t *em; /* BATCH_RSA_LANES encoded messages */
    struct rsa_private *rsa;
    struct wrap_room *wrap;
    void *scratch; /* for an engine's chunk, or for any RSA function */
};

static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

struct batch {
    struct lane *lanes;
    unsigned width;
    size_t chunk;  /* SM2 items that an engine gets at once */
    uint8_t *good; /* a byte for each item of a command */
    size_t good_max;
    struct lane *spare; /* for what is done during a long command; NULL: none */
    uint8_t *spare_good;
};

void batch_lay_out(struct arena *a, struct batch *b, const struct device_config *config,
                   const struct hal *hal);

/* In the middle of a long command: lets others have a turn (device_interlude). 0; -1: the device is
 * not READY any more, or nobody wants the pairs for the pool. For rsa_keygen, d is the device. */
int batch_interlude(void *d);

/* The pairwise test of an SM2 pair: one signature, made and verified. 0, or -1: failed */
int sm2_try_pair(const struct sm2_ops *ops, const struct rng *rng, const uint8_t d[32],
                 const uint8_t pub[64]);
/* The same of a pair on another curve. */
int ec_try_pair(const struct ec_curve *curve, const struct rng *rng, const uint8_t *d,
                const uint8_t *pub);
/* status: bit i, least significant first, is good[i] */
void batch_status(uint8_t *bits, const uint8_t *good, size_t count);
/* How many pairs of a type, with their ticket, header and status, fit in a response of this room.
 */
uint32_t batch_keys_max(uint8_t type, size_t room);
/*
 * count key pairs of w's type as wrapped records; good[i] tells of pair i, whose record is zero if
 * it failed. copy: SM2 records come there, too, while they are in the cache (NULL: not). Pairwise
 * tests: every RSA pair, and one SM2 pair in each lane - to try them all would take longer than to
 * make them. -1: a test failed or no randomness: nothing of it may be given out.
 */
int batch_keys(struct device *d, const struct wrap *w, size_t count, uint8_t *records,
               uint8_t *copy, uint8_t *good);
/* key[i] = an RSA pair of bits[i]; good[i]: it could be made. -1: as above, and good is void */
int batch_rsa_pairs(struct device *d, size_t count, const uint16_t *bits, struct rsa_private *key,
                    uint8_t *good);
/* The device has failed with such a batch. */
void batch_fail(struct device *d, const char *what);
/* count SM2 signatures with keys[0], or with keys[i] each when step is 1. -1: no randomness */
int batch_sign_sm2(struct device *d, const struct sm2_sign_key *const *keys, size_t step,
                   size_t count, const uint8_t (*e)[32], uint8_t (*sig)[64], uint8_t *good);

/* good[i] = 1: sig[i] over e[i] is right under public key pub[0], or pub[i] when step is 1, which
 * need not be keys at all: good[i] = 0 then */
int batch_verify_sm2(struct device *d, const uint8_t (*pub)[64], size_t step, size_t count,
                     const uint8_t (*e)[32], const uint8_t (*sig)[64], uint8_t *good);

/* count ECDSA signatures with one key. -1: no randomness */
int batch_sign_ec(struct device *d, const struct key *key, size_t count, const uint8_t *digests,
                  size_t digest_size, uint8_t *signatures, uint8_t *good);

/* How RSA signatures are encoded. */
struct rsa_encoding {
    uint8_t scheme, hash; /* SIGN_RSA_*, DIGEST_* */
    size_t salt;
    const uint8_t *digests;
    size_t digest_size;
};
/* count RSA signatures with one key. -1: sizes do not fit, or no randomness */
int batch_sign_rsa(struct device *d, const struct rsa_private *key, const struct rsa_encoding *how,
                   size_t count, uint8_t *signatures, uint8_t *good);
/* out[i] = in[i]^d with key[i]: RSA private operations on encoded messages, all of one size. -1: no
 * randomness */
int batch_private_rsa(struct device *d, const struct rsa_private *const *key,
                      const uint8_t *const *in, uint8_t *const *out, size_t count, uint8_t *good);
/* One encoded message. 0, or -1: sizes do not fit or no randomness */
int rsa_encode(const struct rsa_encoding *how, unsigned bits, size_t item, const struct rng *rng,
               uint8_t *em);

#endif
