/* One face for all hashes, and HMAC (RFC 2104) and PBKDF2 (RFC 8018) over any of them. */
#ifndef HUFU_CRYPTO_HASH_H
#define HUFU_CRYPTO_HASH_H

#include "firmware/crypto/sha1.h"
#include "firmware/crypto/sha2.h"
#include "firmware/crypto/sm3.h"

/* The values travel on the wire (proto/objects.def, HASH). */
enum hash_alg { HASH_SM3 = 1, HASH_SHA1, HASH_SHA224, HASH_SHA256, HASH_SHA384, HASH_SHA512 };

enum { HASH_MAX_SIZE = 64, HASH_MAX_BLOCK = 128 };

struct hash {
    enum hash_alg alg;
    union {
        struct sm3 sm3;
        struct sha1 sha1;
        struct sha256 sha256; /* SHA-224 too */
        struct sha512 sha512; /* SHA-384 too */
    } u;
};

size_t hash_size(enum hash_alg alg);                /* bytes of the digest; 0: no such hash */
size_t hash_block(enum hash_alg alg);               /* bytes of a block; 0: no such hash */
int hash_init(struct hash *ctx, enum hash_alg alg); /* 0, or -1: no such hash */
void hash_update(struct hash *ctx, const void *data, size_t n);
void hash_final(struct hash *ctx, uint8_t *out); /* hash_size() bytes; wipes the context */
int hash_digest(enum hash_alg alg, const void *data, size_t n, uint8_t *out);

struct hmac {
    struct hash inner, outer;
};

/* CT: key length and data length only */
int hmac_init(struct hmac *ctx, enum hash_alg alg, const void *key, size_t key_size);
void hmac_update(struct hmac *ctx, const void *data, size_t n);
void hmac_final(struct hmac *ctx, uint8_t *out); /* hash_size() bytes; wipes the context */
int hmac(enum hash_alg alg, const void *key, size_t key_size, const void *data, size_t n,
         uint8_t *out);

/* 0, or -1: no such hash or no iterations */
int pbkdf2(enum hash_alg alg, const void *password, size_t password_size, const void *salt,
           size_t salt_size, uint32_t iterations, uint8_t *out, size_t n);

#endif
