/* PBKDF2: RFC 8018 clause 5.2, with HMAC over any hash. */
#include <string.h>

#include "firmware/base/endian.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/hash.h"

/* T_i: the password's HMAC is keyed once and copied for each turn. */
static void derive_block(const struct hmac *keyed, const void *salt, size_t salt_size,
                         uint32_t index, uint32_t iterations, uint8_t t[HASH_MAX_SIZE])
{
    const size_t size = hash_size(keyed->inner.alg);
    uint8_t u[HASH_MAX_SIZE], number[4];
    struct hmac ctx = *keyed;
    store_be32(number, index);
    hmac_update(&ctx, salt, salt_size);
    hmac_update(&ctx, number, sizeof number);
    hmac_final(&ctx, u);
    memcpy(t, u, size);
    for (uint32_t turn = 1; turn < iterations; turn++) {
        ctx = *keyed;
        hmac_update(&ctx, u, size);
        hmac_final(&ctx, u);
        for (size_t i = 0; i < size; i++)
            t[i] ^= u[i];
    }
    wipe(u, sizeof u);
}

int pbkdf2(enum hash_alg alg, const void *password, size_t password_size, const void *salt,
           size_t salt_size, uint32_t iterations, uint8_t *out, size_t n)
{
    struct hmac keyed;
    uint8_t t[HASH_MAX_SIZE];
    const size_t size = hash_size(alg);
    if (iterations == 0 || hmac_init(&keyed, alg, password, password_size))
        return -1;
    for (uint32_t index = 1; n > 0; index++) {
        const size_t take = n < size ? n : size;
        derive_block(&keyed, salt, salt_size, index, iterations, t);
        memcpy(out, t, take);
        out += take;
        n -= take;
    }
    wipe(&keyed, sizeof keyed);
    wipe(t, sizeof t);
    return 0;
}
