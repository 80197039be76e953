/* Keys and certificates by URI: hufu:label=web;type=private, pkcs11:object=web;type=private. */
#include <openssl/core_object.h>
#include <openssl/crypto.h>
#include <openssl/store.h>
#include <string.h>

#include "host/provider/provider.h"

struct store {
    struct prov *prov;
    struct uri uri;
    int expect; /* OSSL_STORE_INFO_*; 0: anything */
    struct found_list found;
    size_t next;
    bool loaded, failed; /* failed: nobody has seen it yet */
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

/* What the program expects, within what the URI says. */
static unsigned wanted(const struct store *s)
{
    static const unsigned named[] = {[URI_ANY] = WANT_PRIVATE | WANT_CERTIFICATE,
                                     [URI_PRIVATE] = WANT_PRIVATE,
                                     [URI_PUBLIC] = WANT_PUBLIC,
                                     [URI_CERTIFICATE] = WANT_CERTIFICATE,
                                     [URI_OTHER] = 0};
    const unsigned keys = WANT_PRIVATE | WANT_PUBLIC;
    switch (s->expect) {
    case 0:
        return named[s->uri.type];
    case OSSL_STORE_INFO_PKEY:
        return named[s->uri.type] & keys;
    case OSSL_STORE_INFO_PUBKEY:
        return named[s->uri.type] & keys ? WANT_PUBLIC : 0;
    case OSSL_STORE_INFO_CERT:
        return named[s->uri.type] & WANT_CERTIFICATE;
    default:
        return 0;
    }
}

static int look(struct store *s, const struct pin_hint *hint)
{
    const unsigned want = wanted(s);
    s->loaded = true;
    if (want && !find(s->prov, &s->uri, hint, want, &s->found))
        return 0;
    /* a device on which there is nothing is no error, but a name that is not there is */
    const bool named = s->uri.has_label || s->uri.has_id || *s->uri.token || *s->uri.serial;
    return !want || s->found.n || !named ||
           FAIL(s->prov, REASON_KEY, "no %s of this URI is on the device",
                want & WANT_CERTIFICATE ? want & WANT_PRIVATE ? "key or certificate" : "certificate"
                                        : "key");
}

static int certificate_hand_out(const struct found *found, OSSL_CALLBACK *give, void *arg)
{
    int type = OSSL_OBJECT_CERT;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, found->der, found->der_size),
        OSSL_PARAM_construct_end()};
    return give(params, arg);
}

static int store_load(void *store, OSSL_CALLBACK *object, void *arg, OSSL_PASSPHRASE_CALLBACK *ask,
                      void *ask_arg)
{
    struct store *s = store;
    const struct pin_hint hint = {&s->uri, ask, ask_arg};
    s->failed = !s->loaded && !look(s, &hint);
    if (s->next >= s->found.n)
        return !s->failed; /* that there is nothing is no error */
    const struct found *found = &s->found.item[s->next++];
    return found->key ? key_hand_out(found->key, object, arg)
                      : certificate_hand_out(found, object, arg);
}

static int store_eof(void *store)
{
    const struct store *s = store;
    return s->loaded && !s->failed && s->next >= s->found.n;
}

static int store_close(void *store)
{
    struct store *s = store;
    found_free(&s->found);
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
    {"hufu", "provider=hufu", store_table, "keys and certificates of a Hufu by URI"},
    {"pkcs11", "provider=hufu", store_table, "keys and certificates of a Hufu by RFC 7512 URI"},
    {NULL, NULL, NULL, NULL}};
