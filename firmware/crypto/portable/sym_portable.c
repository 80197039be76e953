/* SM3 and SM4 in batches, one item after the other. */
#include "firmware/crypto/portable/portable.h"
#include "firmware/crypto/sm3.h"
#include "firmware/crypto/sm4.h"

static void sm3_many(size_t n, const uint8_t *const *message, size_t size, uint8_t (*digest)[32])
{
    for (size_t i = 0; i < n; i++)
        sm3_digest(message[i], size, digest[i]);
}

const struct sym_ops sym_portable = {
    .name = "portable",
    .sm3_many = sm3_many,
    .sm4_encrypt = sm4_encrypt_blocks,
    .sm4_ctr = sm4_ctr,
    .sm4_gcm_seal = sm4_gcm_seal_batch,
    .sm4_gcm_open = sm4_gcm_open_batch,
};
