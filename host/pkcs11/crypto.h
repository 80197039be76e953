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
    HASH_MD5, /* here only: the device has none */
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
/* DSA and DH: a key with parameters only. NULL: they are not there, or make none. */
EVP_PKEY *ffc_parameters(const struct object *o);
/* Set the attributes that an object of this class and family has of a key's numbers. */
CK_RV numbers_take(struct object *o, EVP_PKEY *key);
/* Of a private key in this process; OPENSSL_clear_free(*der, *size). CKR_KEY_NOT_WRAPPABLE */
CK_RV private_to_pkcs8(const struct object *o, uint8_t **der, size_t *size);
/* CKR_WRAPPED_KEY_INVALID; CKR_TEMPLATE_INCONSISTENT: a key of another family */
CK_RV private_from_pkcs8(struct object *o, const uint8_t *der, size_t size);
/* Of RSA and EC: bytes of a modulus, of a coordinate; 0: not such a key */
size_t key_size_of(const struct object *o);
/* The 64 bytes x || y of an SM2 public key; false: not such a key */
bool sm2_public_of(const struct object *o, uint8_t out[64]);

/* The OID of a curve in CKA_EC_PARAMS */
extern const uint8_t oid_sm2[10], oid_p256[10], oid_p384[7];
bool params_are(const struct object *o, const uint8_t *oid, size_t size);
/* libcrypto's name of an object's curve, over a prime field of at most 528 bits; NULL: none. */
const char *curve_of(const struct object *o);
bool curve_is_known(const CK_ATTRIBUTE *params);
/* The point of o's curve in `in`, bare or in an OCTET STRING, compressed or not; NULL: none. */
const uint8_t *curve_point(const struct object *o, const uint8_t *in, size_t n, size_t *size);
/* Gives a private key that came without it its point. */
CK_RV curve_complete(struct object *o);
/* The same for Edwards curves: ED25519, ED448. */
const char *edwards_name(const struct object *o);
bool edwards_is_known(const CK_ATTRIBUTE *params);

/* EVP names of ciphers: "AES-128-CBC"; NULL: no such */
const char *cipher_name(CK_KEY_TYPE type, size_t key_size, const char *mode);
/* false: a cipher's key, of another size than it has */
bool secret_length_fits(CK_KEY_TYPE type, size_t size);
/* Bytes of a key of this type, if it has one size only; 0: it has more. */
size_t key_bytes(CK_KEY_TYPE type);
/* What a template says of a secret key that is to be: its type, generic if it says none, and its
 * bytes; 0: neither says. false: an attribute is of the wrong size. */
bool template_secret(const CK_ATTRIBUTE *t, CK_ULONG n, CK_KEY_TYPE *type, CK_ULONG *size);
/* Bytes of a block: 8 of DES in its three forms, else 16. */
size_t cipher_block_size(CK_KEY_TYPE type);
/*
 * The key as libcrypto takes it: DES with one or two keys is DES-EDE3 with keys repeated. false: no
 * key of a cipher. The caller wipes it.
 */
enum { CIPHER_KEY_MAX = 32 };
bool cipher_key(const struct object *key, uint8_t out[CIPHER_KEY_MAX], size_t *size);
/* Odd parity, FIPS 46-3. */
void des_parity(uint8_t *key, size_t size);
/* CKA_CHECK_VALUE of a certificate or of a secret key in this process; false: it has none. */
enum { CHECK_VALUE_SIZE = 3 };
bool check_value_of(const struct object *o, uint8_t out[CHECK_VALUE_SIZE]);

#endif
