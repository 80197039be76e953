/* Paddings of RSA that the device does not make itself: with the bare operation there, they are
 * made here. */
#define OPENSSL_SUPPRESS_DEPRECATED  /* RSA_padding_check_PKCS1_OAEP_mgf1, which has no other form \
                                      */
#include "host/pkcs11/operation.h"

#include <openssl/rsa.h>
#include <string.h>

bool front_zeros(struct operation *op)
{
    static const uint8_t zeros[HUFU_SIGNATURE_MAX];
    struct bytes whole = {NULL, 0, 0};
    const size_t k = key_size_of(op->key);
    if (op->in.size > k || k > sizeof zeros || !bytes_add(&whole, zeros, k - op->in.size) ||
        !bytes_add(&whole, op->in.data, op->in.size)) {
        bytes_free(&whole);
        return false;
    }
    bytes_free(&op->in);
    op->in = whole;
    return true;
}

/* XOR n bytes of MGF1(seed) onto out. */
static bool mgf1(enum hash hash, const uint8_t *seed, size_t seed_size, uint8_t *out, size_t n)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    uint8_t block[HASH_MAX];
    bool good = c && hash_md(hash);
    for (size_t i = 0, done = 0; good && done < n; i++) {
        const uint8_t counter[4] = {0, 0, (uint8_t)(i >> 8), (uint8_t)i};
        good = EVP_DigestInit_ex2(c, hash_md(hash), NULL) > 0 &&
               EVP_DigestUpdate(c, seed, seed_size) > 0 && EVP_DigestUpdate(c, counter, 4) > 0 &&
               EVP_DigestFinal_ex(c, block, NULL) > 0;
        for (size_t k = 0; k < hash_size(hash) && done < n; k++, done++)
            out[done] ^= block[k];
    }
    EVP_MD_CTX_free(c);
    hufu_wipe(block, sizeof block);
    return good;
}

static bool hash_of_salted(enum hash hash, const uint8_t *digest, const uint8_t *salt, size_t n,
                           uint8_t *out)
{
    static const uint8_t zeros[8];
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    const bool good = c && hash_md(hash) && EVP_DigestInit_ex2(c, hash_md(hash), NULL) > 0 &&
                      EVP_DigestUpdate(c, zeros, sizeof zeros) > 0 &&
                      EVP_DigestUpdate(c, digest, hash_size(hash)) > 0 &&
                      EVP_DigestUpdate(c, salt, n) > 0 && EVP_DigestFinal_ex(c, out, NULL) > 0;
    EVP_MD_CTX_free(c);
    return good;
}

/* RFC 8017, 9.1.1, for moduli of whole bytes: DB = zeros || 01 || salt, then H, then bc */
CK_RV pss_encode(struct slot *slot, const struct operation *op, const uint8_t *digest, uint8_t *em)
{
    const size_t k = key_size_of(op->key), h = hash_size(op->hash), db = k - h - 1;
    struct use u = {0};
    if (k > HUFU_SIGNATURE_MAX || op->salt + h + 2 > k)
        return CKR_MECHANISM_PARAM_INVALID;
    uint8_t *salt = em + db - op->salt;
    memset(em, 0, k);
    CK_RV rv = op->salt ? use_begin(&u, slot) : CKR_OK;
    if (rv == CKR_OK && op->salt)
        rv = use_end(&u, hufu_random(u.device, salt, op->salt));
    if (rv != CKR_OK)
        return rv;
    salt[-1] = 1;
    em[k - 1] = 0xbc;
    if (!hash_of_salted(op->hash, digest, salt, op->salt, em + db) ||
        !mgf1(op->mgf, em + db, h, em, db))
        return CKR_GENERAL_ERROR;
    em[0] &= 0x7f;
    return CKR_OK;
}

CK_RV oaep_decode(const struct operation *op, const uint8_t *em, uint8_t *out, size_t *out_size)
{
    const int k = (int)key_size_of(op->key);
    const int n =
        RSA_padding_check_PKCS1_OAEP_mgf1(out, (int)*out_size, em, k, k, op->extra.data,
                                          (int)op->extra.size, hash_md(op->hash), hash_md(op->mgf));
    if (n < 0)
        return CKR_ENCRYPTED_DATA_INVALID;
    *out_size = (size_t)n;
    return CKR_OK;
}
