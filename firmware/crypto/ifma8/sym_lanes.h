/* SM3 and SM4 in lanes: x86-64 with AVX-512, GFNI and VPCLMULQDQ. CT: sizes and counts only,
 * everywhere. */
#ifndef HUFU_CRYPTO_IFMA8_SYM_LANES_H
#define HUFU_CRYPTO_IFMA8_SYM_LANES_H

#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8

/* SM3 of n messages of one size, sixteen at a time. */
void ifma8_sm3_many(size_t n, const uint8_t *const *message, size_t size, uint8_t (*digest)[32]);
/* digest[i] = SM3 of number + i, big-endian, mod 2^440. */
void ifma8_sm3_count(const uint8_t number[55], size_t n, uint8_t (*digest)[32]);
/* As sm4_encrypt_blocks and sm4_ctr, 64 blocks at a time. */
void ifma8_sm4_encrypt(const struct sm4_key *key, const uint8_t *in, uint8_t *out, size_t blocks);
void ifma8_sm4_ctr(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                   size_t n);
/* As sm4_gcm_seal_batch, 64 short texts at a time when they are of one shape, or one long text. */
void ifma8_gcm_seal(const struct sm4_key *key, const struct sm4_gcm_item *item, size_t items);
/* As sm4_gcm_open_batch, quicker for one long text. */
void ifma8_gcm_open(const struct sm4_key *key, const struct sm4_gcm_item *item, size_t items,
                    uint8_t *ok);
int ifma8_gcm_is_long(const struct sm4_gcm_item *item);
void ifma8_gcm_seal_long(const struct sm4_key *key, const struct sm4_gcm_item *item);

#endif

#endif
