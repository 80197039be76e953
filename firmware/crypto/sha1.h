/* SHA-1 (FIPS 180-4): kept to verify old signatures only; nothing new is signed with it. */
#ifndef HUFU_CRYPTO_SHA1_H
#define HUFU_CRYPTO_SHA1_H

#include <stddef.h>
#include <stdint.h>

struct sha1 {
    uint32_t h[5];
    uint64_t length;
    uint8_t buffer[64];
};

/* CT: the announced lengths only */
void sha1_init(struct sha1 *ctx);
void sha1_update(struct sha1 *ctx, const void *data, size_t n);
void sha1_final(struct sha1 *ctx, uint8_t out[20]);

#endif
