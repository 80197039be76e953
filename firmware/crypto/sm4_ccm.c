/* SM4-CCM: SP 800-38C with the formatting of its appendix A, RFC 8998. */
#include <string.h>

#include "firmware/base/ct.h"
#include "firmware/base/endian.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/sm4_core.h"

struct ccm {
    const struct sm4_key *key;
    uint8_t mac[16];
    uint8_t counter[16]; /* Ctr_0: its last bytes, the count, are zero */
};

static int sizes_ok(size_t nonce_size, size_t n, size_t tag_size)
{
    if (nonce_size < 7 || nonce_size > 13 || tag_size < 4 || tag_size > 16 || tag_size % 2)
        return 0;
    const size_t count = 15 - nonce_size; /* bytes that hold n */
    return count >= sizeof n || n >> (8 * count) == 0;
}

/* Into the CBC-MAC, and zeros up to a whole block. */
static void absorb(struct ccm *c, const uint8_t *in, size_t n)
{
    const size_t whole = n & ~(size_t)15;
    sm4_cbc_mac(c->key, c->mac, in, whole);
    if (n > whole) {
        uint8_t last[16] = {0};
        memcpy(last, in + whole, n - whole);
        sm4_cbc_mac(c->key, c->mac, last, sizeof last);
        wipe(last, sizeof last);
    }
}

/* The size of the associated data stands before it, in 2, 6 or 10 bytes (A.2.2). */
static void absorb_aad(struct ccm *c, const uint8_t *aad, size_t n)
{
    uint8_t first[16] = {0};
    size_t used = 2;
    if (n == 0)
        return;
    if (n < 0xFF00) {
        store_be16(first, (uint16_t)n);
    } else if ((uint64_t)n >> 32 == 0) {
        store_be16(first, 0xFFFE);
        store_be32(first + 2, (uint32_t)n);
        used = 6;
    } else {
        store_be16(first, 0xFFFF);
        store_be64(first + 2, n);
        used = 10;
    }
    const size_t take = n < sizeof first - used ? n : sizeof first - used;
    memcpy(first + used, aad, take);
    absorb(c, first, sizeof first);
    absorb(c, aad + take, n - take);
}

static void start(struct ccm *c, const struct sm4_key *key, const uint8_t *nonce, size_t nonce_size,
                  const uint8_t *aad, size_t aad_size, size_t n, size_t tag_size)
{
    const size_t count = 15 - nonce_size;
    uint8_t b0[16];
    store_be64(b0 + 8, n);
    b0[0] = (uint8_t)((aad_size ? 0x40 : 0) | (tag_size - 2) / 2 << 3 | (count - 1));
    memcpy(b0 + 1, nonce, nonce_size);
    memset(c->mac, 0, sizeof c->mac);
    c->key = key;
    absorb(c, b0, sizeof b0);
    absorb_aad(c, aad, aad_size);
    memset(c->counter, 0, sizeof c->counter);
    c->counter[0] = (uint8_t)(count - 1);
    memcpy(c->counter + 1, nonce, nonce_size);
}

/* The MAC under Ctr_0. */
static void mask_mac(const struct ccm *c, uint8_t tag[16])
{
    uint8_t counter[16];
    memcpy(counter, c->counter, sizeof counter);
    sm4_ctr(c->key, counter, c->mac, tag, sizeof c->mac);
}

/* The text under Ctr_1, Ctr_2, ... */
static void crypt_text(const struct ccm *c, const uint8_t *in, uint8_t *out, size_t n)
{
    uint8_t counter[16];
    memcpy(counter, c->counter, sizeof counter);
    counter[15] = 1;
    sm4_ctr(c->key, counter, in, out, n);
}

int sm4_ccm_seal(const struct sm4_key *key, const uint8_t *nonce, size_t nonce_size,
                 const uint8_t *aad, size_t aad_size, const uint8_t *in, size_t n, uint8_t *out,
                 uint8_t *tag, size_t tag_size)
{
    struct ccm c;
    uint8_t full[16];
    if (!sizes_ok(nonce_size, n, tag_size))
        return -1;
    start(&c, key, nonce, nonce_size, aad, aad_size, n, tag_size);
    absorb(&c, in, n);
    crypt_text(&c, in, out, n);
    mask_mac(&c, full);
    memcpy(tag, full, tag_size);
    wipe(&c, sizeof c);
    wipe(full, sizeof full);
    return 0;
}

int sm4_ccm_open(const struct sm4_key *key, const uint8_t *nonce, size_t nonce_size,
                 const uint8_t *aad, size_t aad_size, const uint8_t *in, size_t n, uint8_t *out,
                 const uint8_t *tag, size_t tag_size)
{
    struct ccm c;
    uint8_t full[16];
    if (!sizes_ok(nonce_size, n, tag_size)) {
        wipe(out, n);
        return -1;
    }
    start(&c, key, nonce, nonce_size, aad, aad_size, n, tag_size);
    crypt_text(&c, in, out, n);
    absorb(&c, out, n);
    mask_mac(&c, full);
    uint32_t right = ct_mem_eq(full, tag, tag_size);
    PUBLIC(&right, sizeof right);
    if (!right)
        wipe(out, n);
    wipe(&c, sizeof c);
    wipe(full, sizeof full);
    return right ? 0 : -1;
}
