/* EME-OAEP (RFC 8017 clause 7.1) with MGF1 over the same hash: 00 || seed || lHash 00..00 01 M,
 * both masked. */
#include "firmware/crypto/rsa_internal.h"

#include "firmware/base/assume.h"
#include "firmware/base/ct.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"

#include <string.h>

int rsa_oaep_pad(const struct rng *rng, unsigned bits, enum hash_alg alg, const uint8_t *label,
                 size_t label_size, const uint8_t *m, size_t n, uint8_t *em)
{
    const size_t k = bits / 8, h = hash_size(alg);
    if (!rsa_bits_ok(bits) || !h || n > k - 2 * h - 2)
        return -1;
    uint8_t *const seed = em + 1, *const db = seed + h;
    const size_t db_size = k - 1 - h;
    if (rng->fill(rng->ctx, seed, h)) {
        wipe(em, k);
        return -1;
    }
    em[0] = 0;
    memset(db, 0, db_size);
    hash_digest(alg, label, label_size, db);
    db[db_size - n - 1] = 1;
    if (n)
        memcpy(db + db_size - n, m, n);
    rsa_mgf1_xor(alg, seed, h, db, db_size);
    rsa_mgf1_xor(alg, db, db_size, seed, h);
    return 0;
}

/* db after lHash is zeros, 01, message: mask, and the length of the message */
static uint32_t parse(const uint8_t *db, size_t size, uint32_t *length)
{
    uint32_t good = ~0u, found = 0, at = 0;
    for (size_t i = 0; i < size; i++) {
        const uint32_t one = ct_eq32(db[i], 1) & ~found;
        at = ct_select32(one, (uint32_t)i, at);
        found |= one;
        good &= found | ct_is_zero32(db[i]);
    }
    *length = (uint32_t)size - 1 - at;
    return good & found;
}

int rsa_oaep_unpad(unsigned bits, enum hash_alg alg, const uint8_t *label, size_t label_size,
                   const uint8_t *em, uint8_t *out, size_t *n)
{
    const size_t k = bits / 8, h = hash_size(alg);
    uint8_t l_hash[HASH_MAX_SIZE];
    uint32_t length;
    *n = 0;
    if (!rsa_bits_ok(bits) || !h)
        return -1;
    uint8_t *const seed = out + 1, *const db = seed + h;
    const size_t db_size = k - 1 - h;
    memmove(out, em, k);
    rsa_mgf1_xor(alg, db, db_size, seed, h);
    rsa_mgf1_xor(alg, seed, h, db, db_size);
    hash_digest(alg, label, label_size, l_hash);
    uint32_t good = parse(db + h, db_size - h, &length);
    good &= ct_mem_eq(db, l_hash, h) & ct_is_zero32(out[0]);
    length &= good;
    PUBLIC(&good, sizeof good); /* the caller learns both */
    PUBLIC(&length, sizeof length);
    memmove(out, out + k - length, length);
    wipe(out + length, k - length);
    *n = length;
    return good ? 0 : -1;
}
