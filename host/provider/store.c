/* Keys by URI: hufu:label=web;type=private, pkcs11:object=web;type=private. */
#include <openssl/crypto.h>
#include <openssl/store.h>
#include <string.h>

#include "host/provider/provider.h"

struct store {
    struct prov *prov;
    struct uri uri;
    int expect; /* OSSL_STORE_INFO_*; 0: anything */
    struct key_list keys;
    size_t next;
    bool loaded, failed;
};

static void *store_open(void *provctx, const char *text)
{
    struct store *s = OPENSSL_zalloc(sizeof *s);
    if (!s)
        return NULL;
    s->prov = provctx;
    if (uri_parse(s->prov, text, &s->uri))
        return s;
    OPENSSL_clear_free(s, sizeof *s);
    return NULL;
}

static const OSSL_PARAM *store_settable(void *provctx)
{
    static const OSSL_PARAM list[] = {OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL),
                                      OSSL_PARAM_END};
    (void)provctx;
    return list;
}

static int store_set(void *store, const OSSL_PARAM params[])
{
    struct store *s = store;
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);
    return !p || OSSL_PARAM_get_int(p, &s->expect);
}

static int store_load(void *store, OSSL_CALLBACK *object, void *arg, OSSL_PASSPHRASE_CALLBACK *ask,
                      void *ask_arg)
{
    struct store *s = store;
    const struct pin_hint hint = {&s->uri, ask, ask_arg};
    if (s->expect && s->expect != OSSL_STORE_INFO_PKEY && s->expect != OSSL_STORE_INFO_PUBKEY) {
        s->loaded = true;
        return 1;
    }
    if (!s->loaded) {
        s->loaded = true;
        s->failed =
            !key_find(s->prov, &s->uri, &hint, s->expect == OSSL_STORE_INFO_PUBKEY, &s->keys);
        if (s->failed)
            return 0;
        if (!s->keys.n)
            return FAIL(s->prov, REASON_KEY, "no key of this URI is on the device");
    }
    return s->next < s->keys.n && key_hand_out(s->keys.key[s->next++], object, arg);
}

static int store_eof(void *store)
{
    const struct store *s = store;
    return s->loaded && s->next >= s->keys.n;
}

static int store_close(void *store)
{
    struct store *s = store;
    key_list_free(&s->keys);
    OPENSSL_clear_free(s, sizeof *s);
    return 1;
}

static int store_export(void *store, const void *reference, size_t size, OSSL_CALLBACK *give,
                        void *arg)
{
    struct key *key = NULL;
    OSSL_PARAM *params = NULL;
    (void)store;
    if (size != sizeof key)
        return 0;
    memcpy(&key, reference, sizeof key);
    /* a public key may go to any provider; one of the device is used by this one only */
    const int done = !key->handle &&
                     EVP_PKEY_todata(key->public_key, EVP_PKEY_PUBLIC_KEY, &params) > 0 &&
                     give(params, arg);
    OSSL_PARAM_free(params);
    return done;
}

static const OSSL_DISPATCH store_table[] = {
    ENTRY(OSSL_FUNC_STORE_OPEN, store_open),
    ENTRY(OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, store_settable),
    ENTRY(OSSL_FUNC_STORE_SET_CTX_PARAMS, store_set),
    ENTRY(OSSL_FUNC_STORE_LOAD, store_load),
    ENTRY(OSSL_FUNC_STORE_EOF, store_eof),
    ENTRY(OSSL_FUNC_STORE_CLOSE, store_close),
    ENTRY(OSSL_FUNC_STORE_EXPORT_OBJECT, store_export),
    ENTRY_END};

const OSSL_ALGORITHM prov_store[] = {
    {"hufu", "provider=hufu", store_table, "keys of a Hufu by URI"},
    {"pkcs11", "provider=hufu", store_table, "keys of a Hufu by RFC 7512 URI"},
    {NULL, NULL, NULL, NULL}};
