/* SM3 (GB/T 32905): 256-bit hash. */
#ifndef HUFU_CRYPTO_SM3_H
#define HUFU_CRYPTO_SM3_H

#include <stddef.h>
#include <stdint.h>

enum { SM3_SIZE = 32, SM3_BLOCK = 64 };

struct sm3 {
    uint32_t h[8];
    uint64_t length; /* bytes so far */
    uint8_t buffer[SM3_BLOCK];
};

/* CT: the announced lengths only, in every function of this file */
void sm3_init(struct sm3 *ctx);
void sm3_update(struct sm3 *ctx, const void *data, size_t n);
/* Writes the digest and wipes the context. */
void sm3_final(struct sm3 *ctx, uint8_t out[SM3_SIZE]);
void sm3_digest(const void *data, size_t n, uint8_t out[SM3_SIZE]);

/* KDF of GB/T 32918.4 clause 5.4.3: SM3(z || 1) || SM3(z || 2) ..., n bytes. */
void sm3_kdf(const void *z, size_t z_size, uint8_t *out, size_t n);

#endif
