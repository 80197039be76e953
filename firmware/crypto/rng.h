/* Where schemes take their random bytes from: a DRBG in the device, a fixed stream in a
 * known-answer test. */
#ifndef HUFU_CRYPTO_RNG_H
#define HUFU_CRYPTO_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    /* Fill n bytes at out; 0, or -1 when no randomness may be given out (the caller then fails). */
    int (*fill)(void *ctx, void *out, size_t n);
    void *ctx;
};

#endif
