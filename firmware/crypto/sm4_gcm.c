/* SM4-GCM: SP 800-38D clause 7, RFC 8998. */
#include <string.h>

#include "firmware/base/ct.h"
#include "firmware/base/endian.h"
#include "firmware/base/inline.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/ghash.h"
#include "firmware/crypto/sm4_core.h"

/*
 * Texts that together fit into a batch of blocks, or the beginning of a single longer one. The
 * blocks are zeros, then for each text J0 and the counts after it; encrypted they are H, and for
 * each text what masks its tag and its key stream.
 */
struct group {
    struct sm4_sliced sliced;
    uint8_t stream[SM4_BATCH_BYTES];
    uint8_t counter[16]; /* of the last text: the block after those in stream */
};

enum { TEXT_BLOCKS = SM4_BATCH - 2 }; /* of a text that has the group for itself */

static size_t blocks_of(const struct sm4_gcm_item *item)
{
    const size_t text = item->n / SM4_BLOCK + (item->n % SM4_BLOCK != 0);
    return 1 + (text < TEXT_BLOCKS ? text : TEXT_BLOCKS);
}

/* J0 of clause 7.1, into the counter. */
static void first_count(struct group *g, const struct sm4_key *key, const struct sm4_gcm_item *item)
{
    struct ghash ghash;
    uint8_t h[SM4_BLOCK] = {0};
    if (item->nonce_size == 12) {
        memcpy(g->counter, item->nonce, 12);
        store_be32(g->counter + 12, 1);
        return;
    }
    sm4_crypt_one(key, SM4_ENCRYPT, h, h);
    ghash_init(&ghash, h);
    ghash_update(&ghash, item->nonce, item->nonce_size);
    ghash_final(&ghash, 0, item->nonce_size, g->counter);
    wipe(h, sizeof h);
}

/* Fill the group from the front of the items; returns how many went in, at least one. */
static size_t gather(struct group *g, const struct sm4_key *key, const struct sm4_gcm_item *item,
                     size_t items)
{
    size_t used = 1, taken = 0;
    memset(g->stream, 0, SM4_BLOCK);
    while (taken < items && used + blocks_of(&item[taken]) <= SM4_BATCH) {
        const size_t blocks = blocks_of(&item[taken]);
        first_count(g, key, &item[taken]);
        sm4_counter_blocks(SM4_COUNT_32, g->counter, g->stream + used * SM4_BLOCK, blocks);
        used += blocks;
        taken++;
    }
    sm4_sliced_crypt(&g->sliced, g->stream, g->stream, used);
    return taken;
}

/* stream: the text's part of g->stream, its mask first */
static void crypt_text(struct group *g, const uint8_t *stream, const struct sm4_gcm_item *item)
{
    const size_t most = TEXT_BLOCKS * SM4_BLOCK, first = item->n < most ? item->n : most;
    sm4_xor(item->out, item->in, stream + SM4_BLOCK, first);
    if (item->n > first)
        sm4_counter_mode(&g->sliced, SM4_COUNT_32, g->counter, item->in + first, item->out + first,
                         item->n - first);
}

static void make_tag(const struct group *g, const uint8_t *stream, const struct sm4_gcm_item *item,
                     const uint8_t *cipher, uint8_t tag[16])
{
    struct ghash ghash;
    ghash_init(&ghash, g->stream);
    ghash_update(&ghash, item->aad, item->aad_size);
    ghash_update(&ghash, cipher, item->n);
    ghash_final(&ghash, item->aad_size, item->n, tag);
    sm4_xor(tag, tag, stream, SM4_BLOCK);
}

/* 1, or 0 with out wiped */
static uint8_t open_text(struct group *g, const uint8_t *stream, const struct sm4_gcm_item *item)
{
    uint8_t expected[16];
    make_tag(g, stream, item, item->in, expected);
    uint32_t right = ct_mem_eq(expected, item->tag, sizeof expected);
    PUBLIC(&right, sizeof right);
    if (right)
        crypt_text(g, stream, item);
    else
        wipe(item->out, item->n);
    wipe(expected, sizeof expected);
    return right ? 1 : 0;
}

static void seal_text(struct group *g, const uint8_t *stream, const struct sm4_gcm_item *item)
{
    crypt_text(g, stream, item);
    make_tag(g, stream, item, item->out, item->tag);
    PUBLIC(item->out, item->n);
    PUBLIC(item->tag, 16);
}

/* ok: a verdict for each, or NULL to seal them. Inlined in both: sealing takes a tenth less. */
INLINE void crypt_batch(const struct sm4_key *key, const struct sm4_gcm_item *item, size_t items,
                        uint8_t *ok)
{
    struct group g;
    sm4_slice_key(&g.sliced, key, SM4_ENCRYPT);
    while (items > 0) {
        const size_t taken = gather(&g, key, item, items);
        const uint8_t *stream = g.stream + SM4_BLOCK;
        for (size_t i = 0; i < taken; i++) {
            if (ok)
                *ok++ = open_text(&g, stream, &item[i]);
            else
                seal_text(&g, stream, &item[i]);
            stream += blocks_of(&item[i]) * SM4_BLOCK;
        }
        item += taken;
        items -= taken;
    }
    wipe(&g, sizeof g);
}

void sm4_gcm_seal_batch(const struct sm4_key *key, const struct sm4_gcm_item *item, size_t items)
{
    crypt_batch(key, item, items, NULL);
}

void sm4_gcm_open_batch(const struct sm4_key *key, const struct sm4_gcm_item *item, size_t items,
                        uint8_t *ok)
{
    crypt_batch(key, item, items, ok);
}

void sm4_gcm_seal(const struct sm4_key *key, const uint8_t *nonce, size_t nonce_size,
                  const uint8_t *aad, size_t aad_size, const uint8_t *in, size_t n, uint8_t *out,
                  uint8_t tag[16])
{
    const struct sm4_gcm_item item = {nonce, nonce_size, aad, aad_size, in, n, out, tag};
    sm4_gcm_seal_batch(key, &item, 1);
}

int sm4_gcm_open(const struct sm4_key *key, const uint8_t *nonce, size_t nonce_size,
                 const uint8_t *aad, size_t aad_size, const uint8_t *in, size_t n, uint8_t *out,
                 const uint8_t tag[16])
{
    uint8_t given[16], ok;
    const struct sm4_gcm_item item = {nonce, nonce_size, aad, aad_size, in, n, out, given};
    memcpy(given, tag, sizeof given);
    sm4_gcm_open_batch(key, &item, 1, &ok);
    return ok ? 0 : -1;
}
