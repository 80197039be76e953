/* A signature on its way: shared by the dispatch functions and the families of keys. */
#ifndef HUFU_HOST_PROVIDER_SIGN_H
#define HUFU_HOST_PROVIDER_SIGN_H

#include "host/provider/provider.h"

struct sig {
    struct prov *prov;
    enum family family;
    struct key *key;
    EVP_MD *md;         /* NULL: none */
    EVP_MD_CTX *digest; /* of digest_sign and digest_verify */
    int operation;      /* EVP_PKEY_OP_SIGN, _VERIFY, _VERIFYRECOVER */
    /* RSA */
    int pad, salt; /* RSA_PKCS1_PADDING..., RSA_PSS_SALTLEN_... or bytes */
    EVP_MD *mgf1;  /* NULL: as md */
    /* SM2 */
    uint8_t *id;
    size_t id_size;
    bool z_owed; /* Z is to be hashed before the message */
};

/* One digest. sig has room for the size of the key's signatures. */
int sign_rsa(const struct sig *s, const uint8_t *data, size_t size, uint8_t *sig, size_t *sig_size);
int sign_ec(const struct sig *s, const uint8_t *data, size_t size, uint8_t *sig, size_t *sig_size);
/* DER of the AlgorithmIdentifier; the caller frees (OPENSSL_free). NULL: there is none. */
uint8_t *sign_algorithm(const struct sig *s, size_t *size);
int rsa_set_params(struct sig *s, const OSSL_PARAM params[]);
int rsa_get_params(const struct sig *s, OSSL_PARAM params[]);

#endif
