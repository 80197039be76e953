/*
 * AES (FIPS 197) with keys of 128, 192 and 256 bits, bitsliced: four blocks at a time, the S-box a
 * circuit, so that nothing is looked up. Not in the small build (config.h).
 */
#ifndef HUFU_CRYPTO_AES_H
#define HUFU_CRYPTO_AES_H

#include <stddef.h>
#include <stdint.h>

enum { AES_ROUNDS_MAX = 14 };

struct aes_key {
    unsigned rounds;
    uint64_t slices[AES_ROUNDS_MAX + 1][8]; /* round keys, for four blocks each */
};

/* 0, or -1: size is not 16, 24 or 32. CT: the size only */
int aes_set_key(struct aes_key *key, const uint8_t *k, size_t size);
/* CT: the number of blocks and rounds only. in and out may be the same. */
void aes_encrypt_blocks(const struct aes_key *key, const uint8_t *in, uint8_t *out, size_t blocks);
void aes_decrypt_blocks(const struct aes_key *key, const uint8_t *in, uint8_t *out, size_t blocks);

#endif
