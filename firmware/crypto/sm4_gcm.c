/* SM4-GCM: SP 800-38D clause 7, RFC 8998. */
#include <string.h>

#include "firmware/base/ct.h"
#include "firmware/base/endian.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/ghash.h"
#include "firmware/crypto/sm4_core.h"

struct gcm {
    struct sm4_sliced sliced;
    struct ghash ghash;
    uint8_t counter[16]; /* next block of the text */
    uint8_t mask[16];    /* E(J0), over the tag */
};

/* J0 of clause 7.1, and what is made of it. */
static void start(struct gcm *g, const struct sm4_key *key, const uint8_t *nonce, size_t nonce_size,
                  const uint8_t *aad, size_t aad_size)
{
    uint8_t block[2 * SM4_BLOCK] = {0}; /* zeros and J0, which become H and the mask */
    sm4_slice_key(&g->sliced, key, SM4_ENCRYPT);
    if (nonce_size == 12) {
        memcpy(g->counter, nonce, 12);
        store_be32(g->counter + 12, 1);
    } else {
        sm4_crypt_one(key, SM4_ENCRYPT, block, g->mask);
        ghash_init(&g->ghash, g->mask);
        ghash_update(&g->ghash, nonce, nonce_size);
        ghash_final(&g->ghash, 0, nonce_size, g->counter);
    }
    sm4_counter_blocks(SM4_COUNT_32, g->counter, block + SM4_BLOCK, 1);
    sm4_sliced_crypt(&g->sliced, block, block, 2);
    ghash_init(&g->ghash, block);
    memcpy(g->mask, block + SM4_BLOCK, SM4_BLOCK);
    ghash_update(&g->ghash, aad, aad_size);
    wipe(block, sizeof block);
}

static void finish(struct gcm *g, size_t aad_size, size_t n, uint8_t tag[16])
{
    ghash_final(&g->ghash, aad_size, n, tag);
    sm4_xor(tag, tag, g->mask, SM4_BLOCK);
}

void sm4_gcm_seal(const struct sm4_key *key, const uint8_t *nonce, size_t nonce_size,
                  const uint8_t *aad, size_t aad_size, const uint8_t *in, size_t n, uint8_t *out,
                  uint8_t tag[16])
{
    struct gcm g;
    start(&g, key, nonce, nonce_size, aad, aad_size);
    sm4_counter_mode(&g.sliced, SM4_COUNT_32, g.counter, in, out, n);
    ghash_update(&g.ghash, out, n);
    finish(&g, aad_size, n, tag);
    wipe(&g, sizeof g);
}

int sm4_gcm_open(const struct sm4_key *key, const uint8_t *nonce, size_t nonce_size,
                 const uint8_t *aad, size_t aad_size, const uint8_t *in, size_t n, uint8_t *out,
                 const uint8_t tag[16])
{
    struct gcm g;
    uint8_t expected[16];
    start(&g, key, nonce, nonce_size, aad, aad_size);
    ghash_update(&g.ghash, in, n);
    finish(&g, aad_size, n, expected);
    uint32_t right = ct_mem_eq(expected, tag, sizeof expected);
    PUBLIC(&right, sizeof right);
    if (right)
        sm4_counter_mode(&g.sliced, SM4_COUNT_32, g.counter, in, out, n);
    else
        wipe(out, n);
    wipe(&g, sizeof g);
    wipe(expected, sizeof expected);
    return right ? 0 : -1;
}
