/* PKCS#1 v1.5 encodings (RFC 8017 clauses 7.2, 8.2, 9.2). */
#include "firmware/crypto/rsa.h"

#include "firmware/base/assume.h"
#include "firmware/base/ct.h"
#include "firmware/base/endian.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"

#include <string.h>

/* DER of DigestInfo up to the digest: SEQUENCE { SEQUENCE { OID, NULL }, OCTET STRING }; [0] is its
 * size */
static const uint8_t digest_info[][20] = {
    [HASH_SM3] = {18, 0x30, 0x30, 0x30, 0x0C, 0x06, 0x08, 0x2A, 0x81, 0x1C, 0xCF, 0x55, 0x01, 0x83,
                  0x11, 0x05, 0x00, 0x04, 0x20},
    [HASH_SHA1] = {15, 0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A, 0x05, 0x00,
                   0x04, 0x14},
    [HASH_SHA224] = {19,   0x30, 0x2D, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48,
                     0x01, 0x65, 0x03, 0x04, 0x02, 0x04, 0x05, 0x00, 0x04, 0x1C},
    [HASH_SHA256] = {19,   0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48,
                     0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
    [HASH_SHA384] = {19,   0x30, 0x41, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48,
                     0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30},
    [HASH_SHA512] = {19,   0x30, 0x51, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48,
                     0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
};

int rsa_digest_info_check(const uint8_t *data, size_t n)
{
    for (enum hash_alg alg = HASH_SM3; alg <= HASH_SHA512; alg++) {
        const uint8_t *prefix = digest_info[alg];
        if (alg != HASH_SHA1 && n == prefix[0] + hash_size(alg) &&
            memcmp(data, prefix + 1, prefix[0]) == 0)
            return 0;
    }
    return -1;
}

int rsa_pkcs1_sign_pad(unsigned bits, int alg, const uint8_t *hash, size_t hash_bytes, uint8_t *em)
{
    static const uint8_t nothing[1] = {0};
    const size_t k = bits / 8;
    const uint8_t *prefix = nothing;
    if (!rsa_bits_ok(bits))
        return -1;
    if (alg) {
        if (!hash_size((enum hash_alg)alg) || hash_bytes != hash_size((enum hash_alg)alg))
            return -1;
        prefix = digest_info[alg];
    }
    if (hash_bytes > k || prefix[0] + hash_bytes + 11 > k)
        return -1;
    uint8_t *const t = em + k - hash_bytes - prefix[0];
    memset(em, 0xFF, k);
    em[0] = 0;
    em[1] = 1;
    t[-1] = 0;
    memcpy(t, prefix + 1, prefix[0]);
    memcpy(em + k - hash_bytes, hash, hash_bytes);
    return 0;
}

int rsa_pkcs1_verify(unsigned bits, int alg, const uint8_t *hash, size_t hash_bytes,
                     const uint8_t *em)
{
    uint8_t expected[RSA_MAX_BYTES];
    if (rsa_pkcs1_sign_pad(bits, alg, hash, hash_bytes, expected))
        return -1;
    return ct_mem_eq(em, expected, bits / 8) ? 0 : -1;
}

/* n random bytes, none of them zero. CT: which bytes were drawn again */
static int fill_nonzero(const struct rng *rng, uint8_t *out, size_t n)
{
    enum { TRIES = 64 }; /* for one byte; a source that fails so often is broken */
    if (rng->fill(rng->ctx, out, n))
        return -1;
    for (size_t i = 0; i < n; i++) {
        for (int tries = TRIES;; tries--) {
            uint32_t again = ct_is_zero32(out[i]);
            PUBLIC(&again, sizeof again);
            if (!again)
                break;
            if (tries == 0 || rng->fill(rng->ctx, out + i, 1))
                return -1;
        }
    }
    return 0;
}

int rsa_pkcs1_encrypt_pad(const struct rng *rng, unsigned bits, const uint8_t *m, size_t n,
                          uint8_t *em)
{
    const size_t k = bits / 8;
    if (!rsa_bits_ok(bits) || n > k - 11)
        return -1;
    em[0] = 0;
    em[1] = 2;
    if (fill_nonzero(rng, em + 2, k - 3 - n)) {
        wipe(em, k);
        return -1;
    }
    em[k - n - 1] = 0;
    if (n)
        memcpy(em + k - n, m, n);
    return 0;
}

/*
 * Implicit rejection as in OpenSSL 3.2 and draft-irtf-cfrg-rsa-guidance: a key-derivation key from
 * private exponent and ciphertext, and blocks HMAC-SHA-256(kdk, index || label || bits of output)
 * made of it.
 */
enum { BLOCK = 32 };

static void derivation_key(const struct rsa_private *key, const uint8_t *cipher, uint8_t kdk[BLOCK])
{
    uint8_t d_hash[BLOCK];
    const size_t k = key->pub.bits / 8u;
    hash_digest(HASH_SHA256, key->d, k, d_hash);
    hmac(HASH_SHA256, d_hash, sizeof d_hash, cipher, k, kdk);
    wipe(d_hash, sizeof d_hash);
}

static void pseudo_block(const uint8_t kdk[BLOCK], const char *label, size_t label_size,
                         size_t total, size_t index, uint8_t out[BLOCK])
{
    struct hmac h;
    uint8_t number[2];
    hmac_init(&h, HASH_SHA256, kdk, BLOCK);
    store_be16(number, (uint16_t)index);
    hmac_update(&h, number, 2);
    hmac_update(&h, label, label_size);
    store_be16(number, (uint16_t)(total * 8));
    hmac_update(&h, number, 2);
    hmac_final(&h, out);
}

/* Length of the made-up message: the last of 128 candidates that is at most k - 11 */
static uint32_t pseudo_length(const uint8_t kdk[BLOCK], uint32_t k)
{
    enum { CANDIDATES = 128 };
    uint8_t block[BLOCK];
    uint32_t length = 0, mask = k - 10;
    mask |= mask >> 1;
    mask |= mask >> 2;
    mask |= mask >> 4;
    mask |= mask >> 8;
    for (size_t i = 0; i < CANDIDATES; i++) {
        const size_t at = 2 * i % BLOCK;
        if (at == 0)
            pseudo_block(kdk, "length", 6, 2 * CANDIDATES, 2 * i / BLOCK, block);
        const uint32_t candidate = load_be16(block + at) & mask;
        length = ct_select32(ct_lt32(candidate, k - 10), candidate, length);
    }
    wipe(block, sizeof block);
    return length;
}

/* em is 00 02, eight or more nonzero bytes, 00, message: mask, and the length of the message */
static uint32_t parse(const uint8_t *em, uint32_t k, uint32_t *length)
{
    uint32_t good = ct_eq32(em[0], 0) & ct_eq32(em[1], 2), found = 0, at = 0;
    for (uint32_t i = 2; i < k; i++) {
        const uint32_t first = ct_is_zero32(em[i]) & ~found;
        at = ct_select32(first, i, at);
        found |= first;
    }
    *length = k - 1 - at;
    return good & found & ~ct_lt32(at, 10);
}

int rsa_pkcs1_decrypt_unpad(const struct rsa_private *key, const uint8_t *cipher, const uint8_t *em,
                            uint8_t *out, size_t *n)
{
    uint8_t kdk[BLOCK], block[BLOCK];
    const uint32_t k = key->pub.bits / 8u;
    uint32_t length;
    if (!rsa_bits_ok(key->pub.bits))
        return -1;
    derivation_key(key, cipher, kdk);
    const uint32_t good = parse(em, k, &length);
    length = ct_select32(good, length, pseudo_length(kdk, k));
    for (uint32_t i = 0; i < k; i++) {
        if (i % BLOCK == 0)
            pseudo_block(kdk, "message", 7, k, i / BLOCK, block);
        out[i] = (uint8_t)ct_select32(good, em[i], block[i % BLOCK]);
    }
    PUBLIC(&length, sizeof length); /* the caller learns it */
    memmove(out, out + k - length, length);
    wipe(out + length, k - length);
    *n = length;
    wipe(kdk, sizeof kdk);
    wipe(block, sizeof block);
    return 0;
}
