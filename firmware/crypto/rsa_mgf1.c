#include "firmware/crypto/rsa_internal.h"

#include "firmware/base/assume.h"
#include "firmware/base/endian.h"
#include "firmware/base/wipe.h"

void rsa_mgf1_xor(enum hash_alg alg, const uint8_t *seed, size_t seed_size, uint8_t *out, size_t n)
{
    struct hash h;
    uint8_t block[HASH_MAX_SIZE], counter[4];
    const size_t size = hash_size(alg);
    for (size_t i = 0; i < n; i++) {
        if (i % size == 0) {
            store_be32(counter, (uint32_t)(i / size));
            hash_init(&h, alg);
            hash_update(&h, seed, seed_size);
            hash_update(&h, counter, sizeof counter);
            hash_final(&h, block);
        }
        out[i] ^= block[i % size];
    }
    wipe(block, sizeof block);
}
