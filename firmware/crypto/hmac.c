/* HMAC: RFC 2104, over any hash. */
#include "firmware/crypto/hash.h"

#include <string.h>

#include "firmware/base/wipe.h"

int hmac_init(struct hmac *ctx, enum hash_alg alg, const void *key, size_t key_size)
{
    uint8_t pad[HASH_MAX_BLOCK] = {0};
    const size_t block = hash_block(alg);
    if (hash_init(&ctx->inner, alg) || hash_init(&ctx->outer, alg))
        return -1;
    if (key_size > block)
        hash_digest(alg, key, key_size, pad);
    else if (key_size)
        memcpy(pad, key, key_size);
    for (size_t i = 0; i < block; i++)
        pad[i] ^= 0x36;
    hash_update(&ctx->inner, pad, block);
    for (size_t i = 0; i < block; i++)
        pad[i] ^= 0x36 ^ 0x5C;
    hash_update(&ctx->outer, pad, block);
    wipe(pad, sizeof pad);
    return 0;
}

void hmac_update(struct hmac *ctx, const void *data, size_t n)
{
    hash_update(&ctx->inner, data, n);
}

void hmac_final(struct hmac *ctx, uint8_t *out)
{
    uint8_t digest[HASH_MAX_SIZE];
    const size_t size = hash_size(ctx->inner.alg);
    hash_final(&ctx->inner, digest);
    hash_update(&ctx->outer, digest, size);
    hash_final(&ctx->outer, out);
    wipe(digest, sizeof digest);
}

int hmac(enum hash_alg alg, const void *key, size_t key_size, const void *data, size_t n,
         uint8_t *out)
{
    struct hmac ctx;
    if (hmac_init(&ctx, alg, key, key_size))
        return -1;
    hmac_update(&ctx, data, n);
    hmac_final(&ctx, out);
    return 0;
}
