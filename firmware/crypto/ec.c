#include "firmware/crypto/ec.h"

#include "firmware/base/endian.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"

#include <string.h>

enum { MAX_DRAWS = 64 }; /* each is out of range with a chance of 2^-32 at most */

int ec_keygen(const struct ec_curve *c, const struct rng *rng, uint8_t *d, uint8_t *pub)
{
    for (int turn = 0; turn < MAX_DRAWS; turn++) {
        if (rng->fill(rng->ctx, d, c->size))
            break;
        SECRET(d, c->size);
        if (c->public_from_private(d, pub) == 0)
            return 0;
    }
    wipe(d, c->size);
    return -1;
}

int ecdsa_sign(const struct ec_curve *c, const struct rng *rng, const uint8_t *d,
               const uint8_t *digest, size_t n, uint8_t *sig)
{
    uint8_t k[EC_MAX];
    int bad = -1;
    for (int turn = 0; bad && turn < MAX_DRAWS; turn++) {
        if (rng->fill(rng->ctx, k, c->size))
            break;
        SECRET(k, c->size);
        bad = c->sign(d, k, digest, n, sig);
    }
    PUBLIC(sig, 2 * c->size);
    wipe(k, sizeof k);
    return bad;
}

int kdf_x963(enum hash_alg alg, const uint8_t *secret, size_t secret_size, const uint8_t *info,
             size_t info_size, uint8_t *out, size_t n)
{
    struct hash h;
    uint8_t counter[4], block[HASH_MAX_SIZE];
    const size_t size = hash_size(alg);
    if (!size)
        return -1;
    for (uint32_t i = 1; n; i++) {
        const size_t part = n < size ? n : size;
        store_be32(counter, i);
        hash_init(&h, alg);
        hash_update(&h, secret, secret_size);
        hash_update(&h, counter, sizeof counter);
        hash_update(&h, info, info_size);
        hash_final(&h, block);
        memcpy(out, block, part);
        out += part;
        n -= part;
    }
    wipe(block, sizeof block);
    return 0;
}
