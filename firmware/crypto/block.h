/*
 * Modes of a block cipher of 128 bits, for AES and SM4 alike: SP 800-38A, 38B (CMAC), 38D (GCM) and
 * the key wraps of RFC 3394 and RFC 5649. CT: sizes only, in every function of this file, and
 * whether a check passed. Not in the small build (config.h).
 */
#ifndef HUFU_CRYPTO_BLOCK_H
#define HUFU_CRYPTO_BLOCK_H

#include "firmware/crypto/aes.h"
#include "firmware/crypto/sm4.h"

enum { BLOCK = 16 };

struct block {
    int is_aes;
    union {
        struct aes_key aes;
        struct sm4_key sm4;
    } key;
};

/* 0, or -1: no such size */
int block_set_aes(struct block *b, const uint8_t *k, size_t size);
void block_set_sm4(struct block *b, const uint8_t k[SM4_KEY]);

/* in and out may be the same, everywhere */
void block_encrypt(const struct block *b, const uint8_t *in, uint8_t *out, size_t blocks);
void block_decrypt(const struct block *b, const uint8_t *in, uint8_t *out, size_t blocks);
/* n a multiple of 16 */
void block_cbc_encrypt(const struct block *b, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                       size_t n);
void block_cbc_decrypt(const struct block *b, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                       size_t n);
/* any n; CTR counts all 128 bits, big-endian */
void block_ctr(const struct block *b, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t n);
void block_cfb(const struct block *b, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t n,
               int encrypt);
void block_ofb(const struct block *b, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t n);

struct block_gcm {
    const uint8_t *nonce;
    size_t nonce_size; /* at least 1 */
    const uint8_t *aad;
    size_t aad_size, tag_size; /* 4 to 16 */
};
void block_gcm_seal(const struct block *b, const struct block_gcm *g, const uint8_t *in,
                    uint8_t *out, size_t n, uint8_t *tag);
/* 0, or -1 with out wiped: the tag is wrong */
int block_gcm_open(const struct block *b, const struct block_gcm *g, const uint8_t *in,
                   uint8_t *out, size_t n, const uint8_t *tag);

void block_cmac(const struct block *b, const uint8_t *in, size_t n, uint8_t mac[16]);

/* RFC 3394: n a multiple of 8, at least 16; out n + 8 */
void block_kw_wrap(const struct block *b, const uint8_t *in, size_t n, uint8_t *out);
/* n of the wrapped key, a multiple of 8, at least 24; out n - 8, in and out may not overlap. 0, or
 * -1 with out wiped */
int block_kw_unwrap(const struct block *b, const uint8_t *in, size_t n, uint8_t *out);
/* RFC 5649: n of 1 to 4096 bytes, out: room for n + 15; what was written */
size_t block_kwp_wrap(const struct block *b, const uint8_t *in, size_t n, uint8_t *out);
/* *size: what the key has; out: room for n - 8. 0, or -1 with out wiped */
int block_kwp_unwrap(const struct block *b, const uint8_t *in, size_t n, uint8_t *out,
                     size_t *size);

#endif
