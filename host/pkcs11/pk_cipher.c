/* Encryption and decryption with RSA and SM2: all at once, at the end. */
#include "host/pkcs11/operation.h"

#include <string.h>

static CK_RV oaep_begin(struct operation *op, const CK_MECHANISM *m)
{
    CK_RSA_PKCS_OAEP_PARAMS p;
    if (m->ulParameterLen != sizeof p)
        return CKR_MECHANISM_PARAM_INVALID;
    memcpy(&p, m->pParameter, sizeof p);
    op->hash = hash_of_mechanism(p.hashAlg);
    op->mgf = hash_of_mgf(p.mgf);
    if (!hash_device(op->hash) || op->mgf == HASH_NONE || (p.ulSourceDataLen && !p.pSourceData))
        return CKR_MECHANISM_PARAM_INVALID;
    return bytes_add(&op->extra, p.pSourceData, p.ulSourceDataLen) ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV begin(struct operation *op, struct slot *slot, const CK_MECHANISM *m)
{
    (void)slot;
    if (op->m->scheme == RSA_OAEP)
        return oaep_begin(op, m);
    return m->ulParameterLen ? CKR_MECHANISM_PARAM_INVALID : CKR_OK;
}

static size_t most(const struct operation *op, size_t n, bool last)
{
    const size_t all = op->in.size + n;
    if (!last)
        return 0;
    if (op->key->family == FAMILY_RSA)
        return key_size_of(op->key);
    if (op->encrypt)
        return all + HUFU_SM2_CIPHER_OVERHEAD + (op->m->der ? 24 : 0);
    return all;
}

/* ------------------------------------------------------------------ in the device */

static CK_RV device_crypt(struct operation *op, struct slot *slot, const struct hufu_ciphering *how,
                          const uint8_t *data, size_t n, uint8_t *out, size_t *out_size)
{
    struct use u = {0};
    const size_t room = *out_size;
    uint8_t point[64];
    const struct hufu_key key = {0, HUFU_KEY_SM2, point, sizeof point};
    CK_RV rv;
    if (op->encrypt && !sm2_public_of(op->key, point))
        return CKR_KEY_TYPE_INCONSISTENT;
    do {
        *out_size = room;
        rv = use_begin(&u, slot);
        if (rv != CKR_OK)
            return rv;
        rv = use_end(&u,
                     op->encrypt
                         ? hufu_encrypt(hufu_nobody(u.device), &key, how, data, n, out, out_size)
                         : hufu_decrypt(u.session, op->key->device, how, data, n, out, out_size));
    } while (use_again(&u, rv));
    return rv;
}

static CK_RV rsa_decrypt(struct operation *op, struct slot *slot, uint8_t *out, size_t *out_size)
{
    struct hufu_ciphering how = {.scheme = HUFU_CIPHER_RSA_PKCS1};
    uint8_t em[HUFU_SIGNATURE_MAX];
    size_t size = sizeof em;
    if (op->m->scheme == RSA_RAW)
        how.scheme = HUFU_CIPHER_RSA_RAW;
    if (op->m->scheme == RSA_OAEP && op->hash != op->mgf) {
        how.scheme = HUFU_CIPHER_RSA_RAW;
        CK_RV rv = device_crypt(op, slot, &how, op->in.data, op->in.size, em, &size);
        if (rv == CKR_OK)
            rv = oaep_decode(op, em, out, out_size);
        hufu_wipe(em, sizeof em);
        return rv;
    }
    if (op->m->scheme == RSA_OAEP) {
        how.scheme = HUFU_CIPHER_RSA_OAEP;
        how.hash = hash_device(op->hash);
        how.aad = op->extra.data;
        how.aad_size = op->extra.size;
    }
    return device_crypt(op, slot, &how, op->in.data, op->in.size, out, out_size);
}

/* C1 || C3 || C2, with or without the 04 in front, or DER */
static CK_RV sm2_crypt(struct operation *op, struct slot *slot, uint8_t *out, size_t *out_size)
{
    const struct hufu_ciphering how = {.scheme = HUFU_CIPHER_SM2};
    const uint8_t *in = op->in.data;
    size_t n = op->in.size, room = *out_size;
    struct bytes plain = {NULL, 0, 0};
    CK_RV rv;
    if (op->encrypt ? !n : n <= HUFU_SM2_CIPHER_OVERHEAD)
        return op->encrypt ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
    if (!op->m->der) {
        rv = device_crypt(op, slot, &how, in, n, out, out_size);
        return rv;
    }
    if (!bytes_add(&plain, in, n) || !bytes_add(&plain, in, n)) { /* room enough for either way */
        bytes_free(&plain);
        return CKR_HOST_MEMORY;
    }
    size_t size = plain.size;
    if (op->encrypt) {
        size = n + HUFU_SM2_CIPHER_OVERHEAD;
        bytes_free(&plain);
        static const uint8_t overhead[HUFU_SM2_CIPHER_OVERHEAD];
        if (!bytes_add(&plain, in, n) || !bytes_add(&plain, overhead, sizeof overhead))
            return CKR_HOST_MEMORY;
        rv = device_crypt(op, slot, &how, in, n, plain.data, &size);
        *out_size = room;
        if (rv == CKR_OK)
            rv = ckr_of(hufu_sm2_cipher_to_der(plain.data, size, out, out_size));
    } else if (hufu_sm2_cipher_from_der(in, n, plain.data, &size)) {
        rv = CKR_ENCRYPTED_DATA_INVALID;
    } else {
        rv = device_crypt(op, slot, &how, plain.data, size, out, out_size);
    }
    bytes_free(&plain);
    return rv;
}

static CK_RV run(struct operation *op, struct slot *slot, const uint8_t *data, size_t n, bool last,
                 uint8_t *out, size_t *out_size)
{
    const bool rsa = op->key->family == FAMILY_RSA;
    if (rsa && op->in.size + n > key_size_of(op->key))
        return op->encrypt ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
    if (n && !bytes_add(&op->in, data, n))
        return CKR_HOST_MEMORY;
    if (!last) {
        *out_size = 0;
        return CKR_OK;
    }
    if (rsa && !op->encrypt && op->in.size != key_size_of(op->key))
        return CKR_ENCRYPTED_DATA_LEN_RANGE;
    if (rsa && op->encrypt && op->m->scheme == RSA_PKCS1 && op->in.size + 11 > key_size_of(op->key))
        return CKR_DATA_LEN_RANGE;
    if (rsa && op->encrypt && op->m->scheme == RSA_OAEP &&
        op->in.size + 2 * hash_size(op->hash) + 2 > key_size_of(op->key))
        return CKR_DATA_LEN_RANGE;
    if (rsa && op->encrypt && op->m->scheme == RSA_RAW && !front_zeros(op))
        return CKR_HOST_MEMORY;
    static const uint8_t nothing[1];
    if (rsa && (op->encrypt || !key_in_device(op->key)))
        return soft_crypt(op, op->in.size ? op->in.data : nothing, op->in.size, out, out_size);
    if (rsa)
        return rsa_decrypt(op, slot, out, out_size);
    return sm2_crypt(op, slot, out, out_size);
}

const struct cipher_ops cipher_pk = {begin, run, most, NULL};
