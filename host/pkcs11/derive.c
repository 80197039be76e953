/* C_DeriveKey: ECDH, SM2 key exchange. The shared secret comes out of the device as the value of a
 * new secret key. */
#include "host/pkcs11/operation.h"

#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <string.h>

enum { SECRET_MAX = HUFU_SECRET_MAX };

static bool kdf_of(CK_ULONG kdf, enum hash *hash)
{
    static const struct {
        CK_ULONG kdf;
        enum hash hash;
    } all[] = {{CKD_NULL, HASH_NONE},         {CKD_SHA1_KDF, HASH_SHA1},
               {CKD_SHA224_KDF, HASH_SHA224}, {CKD_SHA256_KDF, HASH_SHA256},
               {CKD_SHA384_KDF, HASH_SHA384}, {CKD_SHA512_KDF, HASH_SHA512}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].kdf == kdf) {
            *hash = all[i].hash;
            return true;
        }
    return false;
}

/* How long the new key is to be */
static CK_RV size_wanted(const CK_ATTRIBUTE *t, CK_ULONG n, size_t usual, enum hash hash,
                         size_t *size)
{
    CK_ULONG wanted;
    CK_KEY_TYPE type;
    if (!template_secret(t, n, &type, &wanted))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (!wanted && (type == CKK_AES || hash != HASH_NONE))
        return CKR_TEMPLATE_INCOMPLETE;
    *size = wanted ? wanted : usual;
    return *size > (hash == HASH_NONE ? usual : SECRET_MAX) ? CKR_KEY_SIZE_RANGE : CKR_OK;
}

/* ------------------------------------------------------------------ in the device and here */

static CK_RV device_ecdh(struct operation *op, struct slot *slot, const struct hufu_derivation *how,
                         uint8_t *out)
{
    struct use u = {0};
    CK_RV rv;
    do {
        rv = use_begin(&u, slot);
        if (rv == CKR_OK)
            rv = use_end(&u, hufu_derive(u.session, op->key->device, how, NULL, out));
    } while (use_again(&u, rv));
    return rv;
}

/* The peer's key is of the same curve. */
static EVP_PKEY *peer_key(const struct object *key, const uint8_t *point, size_t n)
{
    struct object *o = object_new(CKO_PUBLIC_KEY);
    const struct attribute *params = attribute_of(key, CKA_EC_PARAMS);
    EVP_PKEY *peer = NULL;
    if (o && params) {
        o->family = key->family;
        if (attribute_set(o, CKA_EC_PARAMS, params->value, params->size) == CKR_OK &&
            attribute_set(o, CKA_EC_POINT, point, n) == CKR_OK)
            peer = key_of_object(o, false);
    }
    object_free(o);
    return peer;
}

/* The peer's point as 04 || x || y, of `size` bytes: half of them, if it comes compressed. */
static bool peer_of(const struct object *key, const CK_ECDH1_DERIVE_PARAMS *p, uint8_t *out,
                    size_t size)
{
    size_t n, made = 0;
    const uint8_t *point = curve_point(key, p->pPublicData, p->ulPublicDataLen, &n);
    if (!point)
        return false;
    memcpy(out, point, n);
    if (n == size)
        return true;
    EVP_PKEY *peer = peer_key(key, point, n);
    const bool good =
        peer &&
        EVP_PKEY_set_utf8_string_param(peer, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) > 0 &&
        EVP_PKEY_get_octet_string_param(peer, OSSL_PKEY_PARAM_PUB_KEY, out, size, &made) > 0;
    EVP_PKEY_free(peer);
    return good && made == size;
}

bool soft_agree(const struct object *key, EVP_PKEY *peer, uint8_t *out, size_t *n)
{
    EVP_PKEY *own = key_of_object(key, true);
    EVP_PKEY_CTX *c = own ? EVP_PKEY_CTX_new_from_pkey(crypto_context(), own, NULL) : NULL;
    const bool good = c && peer && EVP_PKEY_derive_init(c) > 0 &&
                      (key->family != FAMILY_DH || EVP_PKEY_CTX_set_dh_pad(c, 1) > 0) &&
                      EVP_PKEY_derive_set_peer(c, peer) > 0 && EVP_PKEY_derive(c, out, n) > 0;
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(own);
    EVP_PKEY_free(peer);
    return good;
}

/* ANSI X9.63: H(x || counter || info) ... */
static bool x963(enum hash hash, const uint8_t *x, size_t n, const struct hufu_derivation *how,
                 uint8_t *out)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    uint8_t block[HASH_MAX];
    bool good = c && hash_md(hash);
    for (size_t done = 0, i = 1; good && done < how->size; i++) {
        const uint8_t counter[4] = {0, 0, (uint8_t)(i >> 8), (uint8_t)i};
        const size_t size = hash_size(hash), left = how->size - done;
        good = EVP_DigestInit_ex2(c, hash_md(hash), NULL) > 0 && EVP_DigestUpdate(c, x, n) > 0 &&
               EVP_DigestUpdate(c, counter, sizeof counter) > 0 &&
               EVP_DigestUpdate(c, how->info, how->info_size) > 0 &&
               EVP_DigestFinal_ex(c, block, NULL) > 0;
        memcpy(out + done, block, size < left ? size : left);
        done += size;
    }
    EVP_MD_CTX_free(c);
    hufu_wipe(block, sizeof block);
    return good;
}

static CK_RV soft_ecdh(struct operation *op, const uint8_t *point,
                       const struct hufu_derivation *how, enum hash hash, uint8_t *out)
{
    uint8_t x[66];
    size_t n = sizeof x;
    bool good = soft_agree(op->key, peer_key(op->key, point, how->peer_size + 1), x, &n);
    if (good && hash != HASH_NONE)
        good = x963(hash, x, n, how, out);
    else if (good)
        memcpy(out, x + n - how->size, how->size);
    hufu_wipe(x, sizeof x);
    return good ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

static CK_RV ecdh(struct session *s, struct operation *op, const CK_MECHANISM *m,
                  const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
    CK_ECDH1_DERIVE_PARAMS p;
    uint8_t out[SECRET_MAX], peer[133];
    enum hash hash;
    size_t size;
    const size_t half = key_size_of(op->key);
    if (m->ulParameterLen != sizeof p)
        return CKR_MECHANISM_PARAM_INVALID;
    memcpy(&p, m->pParameter, sizeof p);
    if (!kdf_of(p.kdf, &hash) || !half || !peer_of(op->key, &p, peer, 1 + 2 * half) ||
        (p.ulSharedDataLen && !p.pSharedData) || p.ulSharedDataLen > HUFU_DERIVE_INFO_MAX ||
        (hash == HASH_NONE && p.ulSharedDataLen))
        return CKR_MECHANISM_PARAM_INVALID;
    CK_RV rv = size_wanted(t, n, half, hash, &size);
    if (rv != CKR_OK)
        return rv;
    const struct hufu_derivation how = {.flags = HUFU_DERIVE_KEY_OUT,
                                        .peer = peer + 1,
                                        .peer_size = 2 * half,
                                        .hash = hash_device(hash),
                                        .info = p.pSharedData,
                                        .info_size = p.ulSharedDataLen,
                                        .size = (uint16_t)size};
    rv = key_in_device(op->key) ? device_ecdh(op, s->slot, &how, out)
                                : soft_ecdh(op, peer, &how, hash, out);
    if (rv == CKR_ARGUMENTS_BAD)
        rv = CKR_MECHANISM_PARAM_INVALID; /* not a point of the curve */
    if (rv == CKR_OK)
        rv = secret_from(s, op, t, n, out, size, false, handle);
    hufu_wipe(out, sizeof out);
    return rv;
}

/* ------------------------------------------------------------------ SM2 */

/* Our temporary private key, a number of the device; 0: it is none. */
static uint32_t temporary_key(struct session *s, CK_OBJECT_HANDLE handle)
{
    struct object *o = object_hold(s, handle);
    const bool good = o && o->class == CKO_PRIVATE_KEY && o->family == FAMILY_SM2 &&
                      key_in_device(o) && attribute_bool(o, CKA_DERIVE);
    const uint32_t key = good ? o->device : 0;
    object_release(s->slot, o);
    return key;
}

static const uint8_t *sm2_point(const struct object *key, const CK_BYTE *p, CK_ULONG n)
{
    size_t size;
    const uint8_t *point = curve_point(key, p, n, &size);
    return point && size == 65 ? point + 1 : NULL;
}

static CK_RV agree(struct operation *op, struct slot *slot, uint32_t temporary,
                   const struct hufu_agreement *a, struct hufu_agreed *agreed)
{
    struct use u = {0};
    CK_RV rv;
    do {
        rv = use_begin(&u, slot);
        if (rv == CKR_OK)
            rv = use_end(&u, hufu_agree_keys(u.session, op->key->device, temporary, a, agreed));
    } while (use_again(&u, rv));
    return rv == CKR_ARGUMENTS_BAD ? CKR_MECHANISM_PARAM_INVALID : rv;
}

static CK_RV sm2_exchange(struct session *s, struct operation *op, const CK_MECHANISM *m,
                          const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
    HUFU_SM2_DERIVE_PARAMS p;
    struct hufu_agreed agreed;
    size_t size;
    if (m->ulParameterLen != sizeof p)
        return CKR_MECHANISM_PARAM_INVALID;
    memcpy(&p, m->pParameter, sizeof p);
    CK_RV rv = size_wanted(t, n, HUFU_SECRET_MAX, HASH_SM3, &size);
    if (rv != CKR_OK)
        return rv;
    const uint32_t temporary = temporary_key(s, p.hTemporary);
    const struct hufu_agreement a = {
        .flags = (uint8_t)(HUFU_AGREE_KEY_OUT | (p.bInitiator ? HUFU_AGREE_INITIATOR : 0)),
        .own_id = p.pOwnId,
        .own_id_size = p.ulOwnIdLen,
        .peer_id = p.pPeerId,
        .peer_id_size = p.ulPeerIdLen,
        .peer = sm2_point(op->key, p.pPeer, p.ulPeerLen),
        .peer_temporary = sm2_point(op->key, p.pPeerTemporary, p.ulPeerTemporaryLen),
        .size = (uint16_t)size};
    if (!temporary || !key_in_device(op->key))
        return CKR_KEY_HANDLE_INVALID;
    if (!a.peer || !a.peer_temporary || p.ulOwnIdLen > HUFU_SIGNER_ID_MAX ||
        p.ulPeerIdLen > HUFU_SIGNER_ID_MAX)
        return CKR_MECHANISM_PARAM_INVALID;
    rv = agree(op, s->slot, temporary, &a, &agreed);
    if (rv == CKR_OK)
        rv = secret_from(s, op, t, n, agreed.key, size, false, handle);
    if (rv == CKR_OK && p.pConfirmOwn)
        memcpy(p.pConfirmOwn, agreed.confirm_own, sizeof agreed.confirm_own);
    if (rv == CKR_OK && p.pConfirmPeer)
        memcpy(p.pConfirmPeer, agreed.confirm_peer, sizeof agreed.confirm_peer);
    hufu_wipe(&agreed, sizeof agreed);
    return rv;
}

/* ------------------------------------------------------------------ C_DeriveKey */

static CK_RV derive(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE base,
                    const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
    struct operation *op;
    CK_RV rv = operation_new(s, m, base, CKF_DERIVE, CKA_DERIVE, &op);
    if (rv != CKR_OK)
        return rv;
    if (op->key->class == CKO_PUBLIC_KEY)
        rv = CKR_KEY_TYPE_INCONSISTENT;
    if (rv == CKR_OK)
        rv = token_complete(s->slot, op->key);
    if (rv == CKR_OK)
        rv = op->m->scheme == ECDH           ? ecdh(s, op, m, t, n, handle)
             : op->m->scheme == SM2_EXCHANGE ? sm2_exchange(s, op, m, t, n, handle)
                                             : derive_other(s, op, m, t, n, handle);
    operation_free(s, op);
    return rv;
}

CK_RV C_DeriveKey(CK_SESSION_HANDLE handle, CK_MECHANISM *m, CK_OBJECT_HANDLE base, CK_ATTRIBUTE *t,
                  CK_ULONG n, CK_OBJECT_HANDLE *key)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!m || (!t && n) || !key)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    return leave_session(s, derive(s, m, base, t, n, key));
}
