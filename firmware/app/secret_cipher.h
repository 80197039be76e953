/* Secret keys at work: AES, and of SM4 what its own modes do not do. */
#ifndef HUFU_APP_SECRET_CIPHER_H
#define HUFU_APP_SECRET_CIPHER_H

#include "firmware/app/core.h"
#include "firmware/crypto/block.h"

struct secret_text {
    uint8_t scheme, tag; /* CIPHER_*; bytes of a GCM tag, 0: 16 */
    struct view iv, aad, data;
};

/* Is it of AES, or SM4-GCM with a tag of its own? */
bool secret_cipher_for(uint8_t scheme, uint8_t tag);
/* Encrypts or decrypts into out. SW_KEY_TYPE: scheme and key do not go together */
uint16_t secret_cipher(const struct key *key, const struct secret_text *t, bool encrypt,
                       struct wr *out);
/* The block cipher of an SM4 or AES key; 0, or -1: another kind of key. Wiped by its owner. */
int secret_block(const struct key *key, struct block *b);

#endif
