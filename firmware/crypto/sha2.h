/* SHA-224, SHA-256, SHA-384, SHA-512 (FIPS 180-4). */
#ifndef HUFU_CRYPTO_SHA2_H
#define HUFU_CRYPTO_SHA2_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t h[8];
    uint64_t length;
    uint8_t buffer[64];
};

struct sha512 {
    uint64_t h[8];
    uint64_t length;
    uint8_t buffer[128];
};

/* CT: the announced lengths only, in every function of this file */
void sha224_init(struct sha256 *ctx);
void sha256_init(struct sha256 *ctx);
void sha256_update(struct sha256 *ctx, const void *data, size_t n);
void sha256_final(struct sha256 *ctx, uint8_t *out, size_t size); /* size 28 or 32 */

void sha384_init(struct sha512 *ctx);
void sha512_init(struct sha512 *ctx);
void sha512_update(struct sha512 *ctx, const void *data, size_t n);
void sha512_final(struct sha512 *ctx, uint8_t *out, size_t size); /* size 48 or 64 */

#endif
