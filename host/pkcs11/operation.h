/*
 * What is going on in a session: one operation of each kind, begun with a mechanism and a key. The
 * table of mechanisms says which functions do the work; the rules that all share (which error ends
 * an operation, what a question for the size costs) are in operation.c, sign.c and cipher.c.
 */
#ifndef HUFU_P11_OPERATION_H
#define HUFU_P11_OPERATION_H

#include "host/pkcs11/crypto.h"
#include "host/pkcs11/object.h"

struct mechanism;

struct bytes {
    uint8_t *data;
    size_t size, room;
};
/* false: no memory */
bool bytes_add(struct bytes *b, const void *data, size_t n);
void bytes_free(struct bytes *b); /* wiped */

enum { IV_MAX = 256, ID_SIZE_MAX = HUFU_SIGNER_ID_MAX };

struct operation {
    const struct mechanism *m;
    struct object *key; /* held */
    bool wants_pin;     /* CKA_ALWAYS_AUTHENTICATE: not before C_Login(CKU_CONTEXT_SPECIFIC) */
    bool multi;         /* a part was processed */
    bool encrypt;       /* of ciphers */
    bool checks;        /* of signatures */
    EVP_MD_CTX *md;
    EVP_MAC_CTX *mac;
    EVP_CIPHER_CTX *cipher;
    EVP_PKEY *pkey;      /* for what is done on the host */
    struct bytes in;     /* gathered */
    struct bytes result; /* finished, but the caller's room was too small */
    bool finished;
    /* parameters */
    enum hash hash, mgf;
    size_t salt, mac_size, tag_size;
    struct bytes parameter; /* of the mechanism, as it came: for messages */
    struct bytes extra;     /* signer's ID, OAEP label or AAD */
    uint8_t iv[IV_MAX];
    size_t iv_size;
    size_t block;      /* bytes of one */
    uint64_t ctr_left; /* bytes until a counter would begin anew */
    /* C_FindObjects */
    CK_OBJECT_HANDLE *found;
    CK_ULONG found_count, found_next;
};

struct sign_ops {
    CK_RV (*begin)(struct operation *op, struct slot *slot, const CK_MECHANISM *m);
    CK_RV (*update)(struct operation *op, const uint8_t *data, size_t n);
    size_t (*size)(const struct operation *op); /* of a signature */
    CK_RV (*finish)(struct operation *op, struct slot *slot, uint8_t *out, size_t *out_size);
    CK_RV (*check)(struct operation *op, struct slot *slot, const uint8_t *signature, size_t n);
};
extern const struct sign_ops sign_pk, sign_hmac, sign_cmac;

struct cipher_ops {
    CK_RV (*begin)(struct operation *op, struct slot *slot, const CK_MECHANISM *m);
    /* All at once: n bytes and what was gathered are the last. Room: cipher_most. */
    CK_RV(*run)
    (struct operation *op, struct slot *slot, const uint8_t *data, size_t n, bool last,
     uint8_t *out, size_t *out_size);
    /* The most that run gives. */
    size_t (*most)(const struct operation *op, size_t n, bool last);
    /* Can it be so many? NULL: run says. CKR_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_LEN_RANGE */
    CK_RV (*length)(const struct operation *op, size_t n, bool last);
};
extern const struct cipher_ops cipher_pk, cipher_block, cipher_gcm, cipher_keywrap;

enum scheme {
    SCHEME_NONE,
    RSA_GENERATE,
    RSA_PKCS1,
    RSA_RAW,
    RSA_PSS,
    RSA_OAEP,
    EC_GENERATE,
    ECDSA,
    ECDH,
    SM2_EXCHANGE,
    SM2_GENERATE,
    SM2_SIGN,   /* a digest */
    SM2_SIGN_Z, /* a message, with Z */
    SM2_ENCRYPT,
    EDWARDS_GENERATE,
    EDDSA,
    DSA_GENERATE,
    DSA_SIGN,
    DH_GENERATE,
    DH_DERIVE,
    PARAMETERS_GENERATE,
    DIGEST,
    HMAC,
    CMAC,
    SECRET_GENERATE,
    ECB,
    CBC,
    CBC_PAD,
    CTR,
    GCM,
    KEY_WRAP,
    KEY_WRAP_PAD,
    CONCATENATE
};

/* A row of the table. */
struct mechanism {
    CK_MECHANISM_TYPE type;
    enum scheme scheme;
    enum hash hash;
    CK_KEY_TYPE key_type; /* CKK_VENDOR_DEFINED: any of the family */
    enum family family;
    CK_ULONG min, max;
    CK_FLAGS flags;
    const struct sign_ops *sign;
    const struct cipher_ops *cipher;
    bool der;     /* of SM2: signature or ciphertext in DER */
    bool luna;    /* only with numbers = luna */
    bool general; /* the parameter says how long the MAC is */
};
/* NULL: none, or not of this slot. */
const struct mechanism *mechanism_find(const struct slot *slot, CK_MECHANISM_TYPE type);
/* May this key be used with it? */
CK_RV mechanism_fits(const struct mechanism *m, const struct object *key);

void operation_end(struct session *s, enum operation_kind kind);
void operation_free(struct session *s, struct operation *op);
/*
 * Begin an operation of a kind with a key, checking usage, mechanism and login; m NULL: end the one
 * that is active. flag: CKF_SIGN and the like; use: CKA_SIGN and the like.
 */
CK_RV operation_begin(struct session *s, enum operation_kind kind, const CK_MECHANISM *m,
                      CK_OBJECT_HANDLE key, CK_FLAGS flag, CK_ATTRIBUTE_TYPE use,
                      struct operation **op);
/* The same without a session's place for it: for wrapping and deriving. */
CK_RV operation_new(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE key, CK_FLAGS flag,
                    CK_ATTRIBUTE_TYPE use, struct operation **op);
/* A mechanism of NULL, 3.0: ends what is active; CKR_ARGUMENTS_BAD: nothing was. */
CK_RV operation_cancel(struct session *s, enum operation_kind kind);
bool operation_wants_pin(const struct session *s);
void operation_has_pin(struct session *s);
/* The active operation; CKR_OPERATION_NOT_INITIALIZED; CKR_USER_NOT_LOGGED_IN: it wanted a PIN, and
 * is ended. */
CK_RV operation_get(struct session *s, enum operation_kind kind, struct operation **op);
/* CKR_OK, CKR_BUFFER_TOO_SMALL: what is known to fit or not; the caller asked for the size only. */
CK_RV room_for(const uint8_t *out, CK_ULONG *out_size, size_t needed, bool *asked);

CK_RV sign_init(CK_SESSION_HANDLE handle, enum operation_kind kind, const CK_MECHANISM *m,
                CK_OBJECT_HANDLE key, CK_FLAGS flag, CK_ATTRIBUTE_TYPE use);
/* What is in a signature with PKCS #1 v1.5 padding. */
CK_RV recover_data(struct operation *op, const uint8_t *signature, size_t size, uint8_t *out,
                   size_t *out_size);

/* Key pairs that libcrypto makes for a session: does it make what the template asks for? */
bool soft_makes(const struct mechanism *m, const CK_ATTRIBUTE *t, CK_ULONG n);
CK_RV soft_generate(struct object *public, struct object *private);
/* Domain parameters of DSA (sub_bits may be 0) and DH. CKR_FUNCTION_FAILED */
CK_RV soft_parameters(struct object *o, CK_ULONG bits, CK_ULONG sub_bits);
/* By libcrypto, with the key of the operation. */
CK_RV soft_sign(struct operation *op, const uint8_t *data, size_t n, uint8_t *out,
                size_t *out_size);
CK_RV soft_check(struct operation *op, const uint8_t *data, size_t n, const uint8_t *signature,
                 size_t size);
CK_RV soft_crypt(struct operation *op, const uint8_t *data, size_t n, uint8_t *out,
                 size_t *out_size);

/* The shared secret of a private key in this process; peer is freed. *n: room, then size. */
bool soft_agree(const struct object *key, EVP_PKEY *peer, uint8_t *out, size_t *n);
/* C_DeriveKey with what is not ECDH. */
CK_RV derive_other(struct session *s, struct operation *op, const CK_MECHANISM *m,
                   const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *handle);

/* Zeros in front of what was gathered, so that it is as large as the modulus. */
bool front_zeros(struct operation *op);
/* EMSA-PSS of RFC 8017 for any pair of hashes; em: as large as the modulus. */
CK_RV pss_encode(struct slot *slot, const struct operation *op, const uint8_t *digest, uint8_t *em);
/* EME-OAEP of em (as large as the modulus) for any pair of hashes. CT: as libcrypto's. */
CK_RV oaep_decode(const struct operation *op, const uint8_t *em, uint8_t *out, size_t *out_size);

/* Z of an SM2 signature, into a digest context. */
CK_RV sm2_begin_z(EVP_MD_CTX *md, const struct object *key, const struct bytes *id);
/* Does the private or secret part live in the device? */
bool key_in_device(const struct object *key);
const struct attribute *secret_of(const struct object *key);

/* A key of the device that may be extracted as one in this process; the caller frees it. */
CK_RV device_extract(struct slot *slot, const struct object *key, struct object **out);
CK_RV cipher_begin(struct slot *slot, struct operation *op, const CK_MECHANISM *m, bool encrypt);
/* enum hufu_cipher_scheme; 0: the device has none */
uint8_t device_cipher(const struct object *key, enum scheme scheme);
/* With a secret key of the device. */
CK_RV device_secret(struct operation *op, struct slot *slot, const struct hufu_ciphering *how,
                    const uint8_t *in, size_t n, uint8_t *out, size_t *out_size);
CK_RV gcm_set(struct operation *op, const uint8_t *iv, size_t iv_size, const uint8_t *aad,
              size_t aad_size, CK_ULONG tag_bits);
CK_RV secret_from(struct session *s, const struct operation *op, const CK_ATTRIBUTE *t, CK_ULONG n,
                  const uint8_t *value, size_t size, bool may_cut, CK_OBJECT_HANDLE *handle);
/* All at once; the caller frees out. */
CK_RV cipher_single(struct operation *op, struct slot *slot, const uint8_t *in, size_t n,
                    struct bytes *out);

#endif
