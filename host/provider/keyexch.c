/* ECDH with a key of the device; the key needs the usages agree and derive-out. */
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <string.h>

#include "host/provider/provider.h"

struct exchange {
    struct prov *prov;
    struct key *key, *peer;
    EVP_MD *kdf; /* NULL: the plain secret; else the KDF of ANSI X9.63 */
    bool with_kdf;
    size_t size; /* of what the KDF gives */
    uint8_t *info;
    size_t info_size;
};

static void *exchange_new(void *provctx)
{
    struct exchange *x = OPENSSL_zalloc(sizeof *x);
    if (x)
        x->prov = provctx;
    return x;
}

static void exchange_free(void *exchange)
{
    struct exchange *x = exchange;
    if (!x)
        return;
    key_free(x->key);
    key_free(x->peer);
    EVP_MD_free(x->kdf);
    OPENSSL_clear_free(x->info, x->info_size);
    OPENSSL_free(x);
}

static void *exchange_dup(void *exchange)
{
    const struct exchange *from = exchange;
    struct exchange *to = OPENSSL_memdup(from, sizeof *from);
    if (!to)
        return NULL;
    to->info = from->info ? OPENSSL_memdup(from->info, from->info_size) : NULL;
    if (to->key)
        key_use(to->key);
    if (to->peer)
        key_use(to->peer);
    if (to->kdf)
        EVP_MD_up_ref(to->kdf);
    if (!from->info || to->info)
        return to;
    exchange_free(to);
    return NULL;
}

/* ------------------------------------------------------------------ parameters */

static int set_info(struct exchange *x, const OSSL_PARAM *p)
{
    void *info = NULL;
    size_t n = 0;
    if (p->data_size && !OSSL_PARAM_get_octet_string(p, &info, 0, &n))
        return 0;
    OPENSSL_clear_free(x->info, x->info_size);
    x->info = info;
    x->info_size = n;
    return 1;
}

static int exchange_set(void *exchange, const OSSL_PARAM params[])
{
    struct exchange *x = exchange;
    const OSSL_PARAM *p;
    const char *text = "";
    int mode = 0;
    if (!params)
        return 1;
    p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE);
    if (p && (!OSSL_PARAM_get_int(p, &mode) || mode < -1 || mode > 1))
        return 0; /* the cofactor of these curves is 1 */
    p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_TYPE);
    if (p && !OSSL_PARAM_get_utf8_string_ptr(p, &text))
        return 0;
    if (p && *text && strcmp(text, OSSL_KDF_NAME_X963KDF))
        return FAIL(x->prov, REASON_ARGUMENT, "%s: the device derives with X963KDF", text);
    if (p)
        x->with_kdf = *text != 0;
    p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_DIGEST);
    if (p) {
        EVP_MD *md = OSSL_PARAM_get_utf8_string_ptr(p, &text) ? digest_fetch(x->prov, text) : NULL;
        if (!md)
            return 0;
        EVP_MD_free(x->kdf);
        x->kdf = md;
    }
    p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_OUTLEN);
    if (p && !OSSL_PARAM_get_size_t(p, &x->size))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_UKM);
    return !p || set_info(x, p);
}

static const OSSL_PARAM *exchange_settable(void *exchange, void *provctx)
{
    static const OSSL_PARAM list[] = {
        OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, NULL),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, NULL, 0),
        OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, NULL),
        OSSL_PARAM_octet_string(OSSL_EXCHANGE_PARAM_KDF_UKM, NULL, 0),
        OSSL_PARAM_END};
    (void)exchange;
    (void)provctx;
    return list;
}

static const OSSL_PARAM *exchange_gettable(void *exchange, void *provctx)
{
    static const OSSL_PARAM list[] = {
        OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, NULL),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, NULL, 0),
        OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, NULL),
        OSSL_PARAM_octet_ptr(OSSL_EXCHANGE_PARAM_KDF_UKM, NULL, 0),
        OSSL_PARAM_END};
    (void)exchange;
    (void)provctx;
    return list;
}

static int exchange_get(void *exchange, OSSL_PARAM params[])
{
    const struct exchange *x = exchange;
    OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE);
    if (p && !OSSL_PARAM_set_int(p, 0))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_TYPE);
    if (p && !OSSL_PARAM_set_utf8_string(p, x->with_kdf ? OSSL_KDF_NAME_X963KDF : ""))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_DIGEST);
    if (p && !OSSL_PARAM_set_utf8_string(p, x->kdf ? EVP_MD_get0_name(x->kdf) : ""))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_OUTLEN);
    if (p && !OSSL_PARAM_set_size_t(p, x->size))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_UKM);
    return !p || OSSL_PARAM_set_octet_ptr(p, x->info, x->info_size);
}

/* ------------------------------------------------------------------ deriving */

static int exchange_init(void *exchange, void *vkey, const OSSL_PARAM params[])
{
    struct exchange *x = exchange;
    struct key *key = vkey;
    if (!key || !key_private(key))
        return 0;
    key_use(key);
    key_free(x->key);
    x->key = key;
    return exchange_set(x, params);
}

static int exchange_peer(void *exchange, void *vpeer)
{
    struct exchange *x = exchange;
    struct key *peer = vpeer;
    if (!x->key || !peer || !peer->public_key ||
        EVP_PKEY_parameters_eq(x->key->public_key, peer->public_key) != 1)
        return FAIL(x->prov, REASON_KEY, "the peer's key is not on the curve of this one");
    key_use(peer);
    key_free(x->peer);
    x->peer = peer;
    return 1;
}

struct job {
    uint32_t handle;
    struct hufu_derivation derivation;
    uint8_t *out;
};

static enum hufu_status run(struct hufu_session *session, void *arg)
{
    const struct job *j = arg;
    return hufu_derive(session, j->handle, &j->derivation, NULL, j->out);
}

static int exchange_derive(void *exchange, unsigned char *out, size_t *out_size, size_t room)
{
    const struct exchange *x = exchange;
    uint8_t peer[HUFU_PUBLIC_MAX];
    if (!x->key || !x->peer)
        return FAIL(x->prov, REASON_KEY, "no key, or no peer's key");
    const size_t plain = ((size_t)EVP_PKEY_get_bits(x->key->public_key) + 7) / 8;
    const size_t size = x->with_kdf ? x->size : plain;
    const uint8_t hash = x->with_kdf ? digest_of(x->kdf) : (uint8_t)HUFU_DIGEST_NONE;
    *out_size = size;
    if (!out)
        return 1;
    if (room < size)
        return FAIL(x->prov, REASON_ROOM, "the secret has %zu bytes", size);
    if (!size || size > HUFU_SECRET_MAX || (x->with_kdf && !hash))
        return FAIL(x->prov, REASON_ARGUMENT, "X963KDF: 1 to %d bytes, SM3, SHA-1 or SHA-2",
                    HUFU_SECRET_MAX);
    const size_t peer_size = key_point(x->peer, peer);
    if (!peer_size)
        return 0;
    struct job j = {x->key->handle,
                    {.flags = HUFU_DERIVE_KEY_OUT,
                     .peer = peer,
                     .peer_size = peer_size,
                     .hash = hash,
                     .info = x->with_kdf ? x->info : NULL,
                     .info_size = x->with_kdf ? x->info_size : 0,
                     .size = (uint16_t)size},
                    out};
    return link_run(x->prov, NULL, x->key->serial, false, run, &j);
}

static const OSSL_DISPATCH table[] = {
    ENTRY(OSSL_FUNC_KEYEXCH_NEWCTX, exchange_new),
    ENTRY(OSSL_FUNC_KEYEXCH_FREECTX, exchange_free),
    ENTRY(OSSL_FUNC_KEYEXCH_DUPCTX, exchange_dup),
    ENTRY(OSSL_FUNC_KEYEXCH_INIT, exchange_init),
    ENTRY(OSSL_FUNC_KEYEXCH_SET_PEER, exchange_peer),
    ENTRY(OSSL_FUNC_KEYEXCH_DERIVE, exchange_derive),
    ENTRY(OSSL_FUNC_KEYEXCH_SET_CTX_PARAMS, exchange_set),
    ENTRY(OSSL_FUNC_KEYEXCH_SETTABLE_CTX_PARAMS, exchange_settable),
    ENTRY(OSSL_FUNC_KEYEXCH_GET_CTX_PARAMS, exchange_get),
    ENTRY(OSSL_FUNC_KEYEXCH_GETTABLE_CTX_PARAMS, exchange_gettable),
    ENTRY_END};

const OSSL_ALGORITHM prov_keyexch[] = {{"ECDH", "provider=hufu", table, "ECDH, by a Hufu"},
                                       {NULL, NULL, NULL, NULL}};
