/*
 * What is done on the host: digests, MACs and ciphers with keys that are in memory, public-key
 * operations. libcrypto does it, in a library context of our own, so that what the application
 * loaded into its own (perhaps this very module) is never called back.
 */
#ifndef HUFU_P11_CRYPTO_H
#define HUFU_P11_CRYPTO_H

#include "host/pkcs11/v3.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object;

enum hash {
    HASH_NONE,
    HASH_SHA1,
    HASH_SHA224,
    HASH_SHA256,
    HASH_SHA384,
    HASH_SHA512,
    HASH_SM3,
    HASHES
};
enum { HASH_MAX = 64 };

/* NULL: libcrypto has failed. For the time of the process. */
OSSL_LIB_CTX *crypto_context(void);
const EVP_MD *hash_md(enum hash h);
const char *hash_name(enum hash h);
size_t hash_size(enum hash h);
uint8_t hash_device(enum hash h); /* enum hufu_digest_alg */
/* By CKM_SHA256 and the like, or CKG_MGF1_SHA256; HASH_NONE: not known. */
enum hash hash_of_mechanism(CK_MECHANISM_TYPE type);
enum hash hash_of_mgf(CK_ULONG mgf);
/* DER of DigestInfo in front of the digest */
const uint8_t *digest_info(enum hash h, size_t *size);

/* The key of an object's public attributes (its private ones, too, if they are there). NULL: they
 * make none. The caller frees it. */
EVP_PKEY *key_of_object(const struct object *o, bool with_private);
/* Of RSA and EC: bytes of a modulus, of a coordinate; 0: not such a key */
size_t key_size_of(const struct object *o);
/* The 64 bytes x || y of an SM2 public key; false: not such a key */
bool sm2_public_of(const struct object *o, uint8_t out[64]);

/* The OID of a curve in CKA_EC_PARAMS */
extern const uint8_t oid_sm2[10], oid_p256[10], oid_p384[7], oid_p521[7];
bool params_are(const struct object *o, const uint8_t *oid, size_t size);

/* EVP names of ciphers: "AES-128-CBC"; NULL: no such */
const char *cipher_name(CK_KEY_TYPE type, size_t key_size, const char *mode);

#endif
