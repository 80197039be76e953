/* Hash_DRBG on SM3: GM/T 0105, in the form of SP 800-90A clause 10.1.1 (seedlen 440 bits). */
#ifndef HUFU_CRYPTO_DRBG_H
#define HUFU_CRYPTO_DRBG_H

#include <stddef.h>
#include <stdint.h>

enum {
    DRBG_SEED = 55,                /* bytes of V and C */
    DRBG_MAX_REQUEST = 65536,      /* bytes in one generate call */
    DRBG_MIN_ENTROPY = 32,         /* bytes of entropy input at least */
    DRBG_RESEED_INTERVAL = 1 << 20 /* generate calls between two reseeds at most */
};

/* The digests of n numbers that follow each other: an engine's sym_ops.sm3_count. */
typedef void drbg_count(const uint8_t number[DRBG_SEED], size_t n, uint8_t (*digest)[32]);

struct drbg {
    uint8_t v[DRBG_SEED], c[DRBG_SEED];
    uint64_t counter;  /* generate calls since the last (re)seed, 0: not instantiated */
    drbg_count *count; /* NULL: one digest after the other */
};

/* CT: lengths only. 0, or -1: a length is out of range (nothing is changed). */
int drbg_init(struct drbg *d, const void *entropy, size_t entropy_size, const void *nonce,
              size_t nonce_size, const void *personal, size_t personal_size);
int drbg_reseed(struct drbg *d, const void *entropy, size_t entropy_size, const void *extra,
                size_t extra_size);
/* 0; -1: too many bytes asked, not instantiated, or a reseed is due (nothing is written). */
int drbg_generate(struct drbg *d, void *out, size_t n, const void *extra, size_t extra_size);
/* From now on draw long requests with many digests at a time; the bytes are the same. After
 * drbg_init. */
void drbg_use(struct drbg *d, drbg_count *count);
void drbg_wipe(struct drbg *d);

#endif
