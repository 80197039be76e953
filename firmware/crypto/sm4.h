/*
 * SM4 (GB/T 32907) and its modes. Key schedule and rounds are constant time: the S-box is
 * computed, never looked up by a secret index.
 */
#ifndef HUFU_CRYPTO_SM4_H
#define HUFU_CRYPTO_SM4_H

#include <stddef.h>
#include <stdint.h>

enum { SM4_KEY = 16, SM4_BLOCK = 16, SM4_ROUNDS = 32 };

struct sym_ops;
struct sm4_key {
    uint32_t rk[SM4_ROUNDS]; /* in the order of encryption */
};

/* CT: lengths only, in every function of this file. in and out may be the same, not overlap
 * otherwise. */
void sm4_set_key(struct sm4_key *key, const uint8_t k[SM4_KEY]);

void sm4_encrypt_blocks(const struct sm4_key *key, const uint8_t *in, uint8_t *out, size_t blocks);
void sm4_decrypt_blocks(const struct sm4_key *key, const uint8_t *in, uint8_t *out, size_t blocks);

/* n bytes, n a multiple of 16; iv is replaced by the chaining value, so that calls can continue. */
void sm4_cbc_encrypt(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                     size_t n);
/* With an engine, which gets all blocks at once; in CBC in and out must not be the same. */
void sm4_engine_decrypt(const struct sym_ops *ops, const struct sm4_key *key, const uint8_t *in,
                        uint8_t *out, size_t blocks);
void sm4_cbc_decrypt(const struct sym_ops *ops, const struct sm4_key *key, uint8_t iv[16],
                     const uint8_t *in, uint8_t *out, size_t n);

/* Any n; a call that is continued must have had n a multiple of 16. CTR counts all 128 bits,
 * big-endian. */
void sm4_ctr(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t n);
void sm4_cfb_encrypt(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                     size_t n);
void sm4_cfb_decrypt(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                     size_t n);
void sm4_ofb(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t n);

/* CBC-MAC as SDF and SKF define it: n a multiple of 16; mac holds the IV and receives the MAC. */
void sm4_cbc_mac(const struct sm4_key *key, uint8_t mac[16], const uint8_t *in, size_t n);

/* GCM (SP 800-38D, RFC 8998): nonce of any length >= 1, 16-byte tag. */
void sm4_gcm_seal(const struct sm4_key *key, const uint8_t *nonce, size_t nonce_size,
                  const uint8_t *aad, size_t aad_size, const uint8_t *in, size_t n, uint8_t *out,
                  uint8_t tag[16]);
/* 0, or -1 with out wiped: the tag is wrong */
int sm4_gcm_open(const struct sm4_key *key, const uint8_t *nonce, size_t nonce_size,
                 const uint8_t *aad, size_t aad_size, const uint8_t *in, size_t n, uint8_t *out,
                 const uint8_t tag[16]);

/*
 * GCM of many texts under one key, item by item as above; short texts share the work. An item's
 * out and tag must not be another item's input. A wrong item never spoils its neighbours.
 */
struct sm4_gcm_item {
    const uint8_t *nonce;
    size_t nonce_size; /* 12 is quickest */
    const uint8_t *aad;
    size_t aad_size;
    const uint8_t *in;
    size_t n;
    uint8_t *out;
    uint8_t *tag; /* 16 bytes: written by seal, read by open */
};
void sm4_gcm_seal_batch(const struct sm4_key *key, const struct sm4_gcm_item *item, size_t items);
/* ok[i]: 1, or 0 with that out wiped: that tag is wrong */
void sm4_gcm_open_batch(const struct sm4_key *key, const struct sm4_gcm_item *item, size_t items,
                        uint8_t *ok);

#endif
