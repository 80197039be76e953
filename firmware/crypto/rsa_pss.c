/* EMSA-PSS (RFC 8017 clause 9.1) with MGF1 over the same hash; emBits = bits - 1. */
#include "firmware/crypto/rsa_internal.h"

#include "firmware/base/assume.h"
#include "firmware/base/ct.h"
#include "firmware/base/wipe.h"

#include <string.h>

/* H = Hash(00 x 8 || hash || salt) */
static void hash_of(enum hash_alg alg, const uint8_t *hash, const uint8_t *salt, size_t salt_size,
                    uint8_t *out)
{
    static const uint8_t zeros[8] = {0};
    struct hash h;
    hash_init(&h, alg);
    hash_update(&h, zeros, sizeof zeros);
    hash_update(&h, hash, hash_size(alg));
    hash_update(&h, salt, salt_size);
    hash_final(&h, out);
}

static int sizes_ok(unsigned bits, enum hash_alg alg, size_t hash_bytes)
{
    return rsa_bits_ok(bits) && hash_size(alg) && hash_bytes == hash_size(alg);
}

int rsa_pss_pad(unsigned bits, enum hash_alg alg, const uint8_t *hash, size_t hash_bytes,
                const uint8_t *salt, size_t salt_size, uint8_t *em)
{
    const size_t k = bits / 8, db = k - hash_bytes - 1;
    if (!sizes_ok(bits, alg, hash_bytes) || salt_size > db - 1)
        return -1;
    hash_of(alg, hash, salt, salt_size, em + db);
    em[k - 1] = 0xBC;
    memset(em, 0, db - salt_size);
    em[db - salt_size - 1] = 1;
    if (salt_size)
        memcpy(em + db - salt_size, salt, salt_size);
    rsa_mgf1_xor(alg, em + db, hash_bytes, em, db);
    em[0] &= 0x7F;
    return 0;
}

int rsa_pss_verify(unsigned bits, enum hash_alg alg, const uint8_t *hash, size_t hash_bytes,
                   size_t salt_size, const uint8_t *em)
{
    uint8_t buffer[RSA_MAX_BYTES], h[HASH_MAX_SIZE];
    const size_t k = bits / 8, db = k - hash_bytes - 1;
    size_t one = 0;
    int result = -1;
    if (!sizes_ok(bits, alg, hash_bytes) || em[k - 1] != 0xBC || (em[0] & 0x80))
        return -1;
    memcpy(buffer, em, db);
    rsa_mgf1_xor(alg, em + db, hash_bytes, buffer, db);
    buffer[0] &= 0x7F;
    while (one < db - 1 && buffer[one] == 0)
        one++;
    if (buffer[one] != 1 || (salt_size != (size_t)-1 && salt_size != db - 1 - one))
        goto out;
    hash_of(alg, hash, buffer + one + 1, db - 1 - one, h);
    result = ct_mem_eq(h, em + db, hash_bytes) ? 0 : -1;
out:
    wipe(buffer, sizeof buffer);
    return result;
}
