/* SM3 and SM4 in batches, one item after the other. */
#include "firmware/crypto/portable/portable.h"
#include "firmware/crypto/sm3.h"
#include "firmware/crypto/sm4.h"

static void sm3_many(size_t n, const uint8_t *const *message, size_t size, uint8_t (*digest)[32])
{
    for (size_t i = 0; i < n; i++)
        sm3_digest(message[i], size, digest[i]);
}

static void gcm_many(const struct sm4_key *key, size_t n, const struct gcm_item *item,
                     size_t aad_size, size_t size)
{
    for (size_t i = 0; i < n; i++)
        sm4_gcm_seal(key, item[i].nonce, 12, item[i].aad, aad_size, item[i].in, size, item[i].out,
                     item[i].tag);
}

const struct sym_ops sym_portable = {
    .name = "portable",
    .sm3_many = sm3_many,
    .sm4_encrypt = sm4_encrypt_blocks,
    .sm4_ctr = sm4_ctr,
    .sm4_gcm_many = gcm_many,
};
