#include "firmware/crypto/hash.h"

#include "firmware/base/wipe.h"

size_t hash_size(enum hash_alg alg)
{
    switch (alg) {
    case HASH_SM3:
        return SM3_SIZE;
    case HASH_SHA1:
        return 20;
    case HASH_SHA224:
        return 28;
    case HASH_SHA256:
        return 32;
    case HASH_SHA384:
        return 48;
    case HASH_SHA512:
        return 64;
    }
    return 0;
}

size_t hash_block(enum hash_alg alg)
{
    if (hash_size(alg) == 0)
        return 0;
    return alg == HASH_SHA384 || alg == HASH_SHA512 ? 128 : 64;
}

int hash_init(struct hash *ctx, enum hash_alg alg)
{
    ctx->alg = alg;
    switch (alg) {
    case HASH_SM3:
        sm3_init(&ctx->u.sm3);
        return 0;
    case HASH_SHA1:
        sha1_init(&ctx->u.sha1);
        return 0;
    case HASH_SHA224:
        sha224_init(&ctx->u.sha256);
        return 0;
    case HASH_SHA256:
        sha256_init(&ctx->u.sha256);
        return 0;
    case HASH_SHA384:
        sha384_init(&ctx->u.sha512);
        return 0;
    case HASH_SHA512:
        sha512_init(&ctx->u.sha512);
        return 0;
    }
    return -1;
}

void hash_update(struct hash *ctx, const void *data, size_t n)
{
    switch (ctx->alg) {
    case HASH_SM3:
        sm3_update(&ctx->u.sm3, data, n);
        break;
    case HASH_SHA1:
        sha1_update(&ctx->u.sha1, data, n);
        break;
    case HASH_SHA224:
    case HASH_SHA256:
        sha256_update(&ctx->u.sha256, data, n);
        break;
    case HASH_SHA384:
    case HASH_SHA512:
        sha512_update(&ctx->u.sha512, data, n);
        break;
    }
}

void hash_final(struct hash *ctx, uint8_t *out)
{
    switch (ctx->alg) {
    case HASH_SM3:
        sm3_final(&ctx->u.sm3, out);
        break;
    case HASH_SHA1:
        sha1_final(&ctx->u.sha1, out);
        break;
    case HASH_SHA224:
    case HASH_SHA256:
        sha256_final(&ctx->u.sha256, out, hash_size(ctx->alg));
        break;
    case HASH_SHA384:
    case HASH_SHA512:
        sha512_final(&ctx->u.sha512, out, hash_size(ctx->alg));
        break;
    }
    wipe(ctx, sizeof *ctx);
}

int hash_digest(enum hash_alg alg, const void *data, size_t n, uint8_t *out)
{
    struct hash ctx;
    if (hash_init(&ctx, alg))
        return -1;
    hash_update(&ctx, data, n);
    hash_final(&ctx, out);
    return 0;
}
