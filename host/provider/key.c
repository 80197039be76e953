/* Keys: a handle in the device, and the public half in libcrypto's hands. */
#include <openssl/core_object.h>
#include <openssl/ec.h>
#include <openssl/x509.h>
#include <string.h>

#include "host/provider/provider.h"

const char *const family_names[FAMILIES] = {"RSA", "SM2", "EC"};

bool family_of(uint8_t type, enum family *family)
{
    switch (type) {
    case HUFU_KEY_SM2:
        *family = FAMILY_SM2;
        return true;
    case HUFU_KEY_RSA2048:
    case HUFU_KEY_RSA3072:
    case HUFU_KEY_RSA4096:
        *family = FAMILY_RSA;
        return true;
    case HUFU_KEY_P256:
    case HUFU_KEY_P384:
        *family = FAMILY_EC;
        return true;
    default:
        return false;
    }
}

struct key *key_of_public(struct prov *prov, enum family family, EVP_PKEY *public_key)
{
    struct key *key = OPENSSL_zalloc(sizeof *key);
    if (!key) {
        EVP_PKEY_free(public_key);
        return NULL;
    }
    atomic_init(&key->uses, 1);
    key->prov = prov;
    key->family = family;
    key->public_key = public_key;
    return key;
}

struct key *key_of_object(struct prov *prov, const struct hufu_object *object,
                          const uint8_t *serial, bool public_only)
{
    uint8_t der[600];
    const uint8_t *p = der;
    size_t n = sizeof der;
    enum family family;
    if (!family_of(object->type, &family) ||
        hufu_public_to_spki(object->type, object->public_key, object->public_size, der, &n)) {
        FAIL(prov, REASON_KEY, "%s: not a key pair that OpenSSL knows", object->label);
        return NULL;
    }
    EVP_PKEY *public_key = d2i_PUBKEY_ex(NULL, &p, (long)n, prov->libctx, NULL);
    if (!public_key) {
        FAIL(prov, REASON_CRYPTO, "%s: the public key is not understood", object->label);
        return NULL;
    }
    struct key *key = key_of_public(prov, family, public_key);
    if (!key || public_only)
        return key;
    key->handle = object->handle;
    key->type = object->type;
    key->usage = object->usage;
    memcpy(key->serial, serial, sizeof key->serial);
    uri_of(object, key->uri);
    return key;
}

struct key *key_use(struct key *key)
{
    atomic_fetch_add(&key->uses, 1);
    return key;
}

void key_free(void *vkey)
{
    struct key *key = vkey;
    if (!key || atomic_fetch_sub(&key->uses, 1) != 1)
        return;
    EVP_PKEY_free(key->public_key);
    OPENSSL_free(key);
}

bool key_private(const struct key *key)
{
    return key->handle || FAIL(key->prov, REASON_KEY, "this takes a key of the device");
}

/* ------------------------------------------------------------------ finding */

struct search {
    struct prov *prov;
    const struct uri *uri;
    bool public_only;
    struct key_list *list;
    struct hufu_session *session;
    enum hufu_status status;
};

static enum hufu_status add(struct search *s, uint32_t handle)
{
    struct hufu_object object;
    enum family family;
    const enum hufu_status status = hufu_object_info(s->session, handle, &object);
    if (status == HUFU_E_NO_OBJECT) /* destroyed meanwhile */
        return HUFU_OK;
    if (status || !family_of(object.type, &family))
        return status;
    struct key_list *l = s->list;
    struct key **more = OPENSSL_realloc(l->key, (l->n + 1) * sizeof *more);
    if (!more)
        return HUFU_E_MEMORY;
    l->key = more;
    more[l->n] = key_of_object(s->prov, &object, link_serial(s->session), s->public_only);
    return more[l->n] ? (l->n++, HUFU_OK) : HUFU_E_FORMAT;
}

static int each(void *context, const struct hufu_object *object)
{
    struct search *s = context;
    s->status = add(s, object->handle);
    return s->status != HUFU_OK;
}

static enum hufu_status search(struct hufu_session *session, void *arg)
{
    struct search *s = arg;
    struct hufu_info info;
    enum hufu_status status = HUFU_OK;
    uint32_t handle = 0;
    s->session = session;
    key_list_free(s->list);
    if (s->uri->type == URI_OTHER || !link_is(session, s->uri, &info))
        return HUFU_OK;
    if (!s->uri->has_label && !s->uri->has_id) {
        status = hufu_object_list(session, 0, each, s);
        return status == HUFU_E_STOPPED ? s->status : status;
    }
    while (!status) {
        status = hufu_object_find(session, handle, s->uri->has_label ? s->uri->label : NULL,
                                  s->uri->has_id ? s->uri->id : NULL, s->uri->id_size, &handle);
        if (status == HUFU_E_NO_OBJECT)
            return HUFU_OK;
        if (!status)
            status = add(s, handle);
    }
    return status;
}

int key_find(struct prov *prov, const struct uri *uri, const struct pin_hint *hint,
             bool public_only, struct key_list *list)
{
    struct search s = {prov, uri, public_only || uri->type == URI_PUBLIC, list, NULL, HUFU_OK};
    memset(list, 0, sizeof *list);
    if (link_run(prov, hint, NULL, false, search, &s))
        return 1;
    key_list_free(list);
    return 0;
}

void key_list_free(struct key_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        key_free(list->key[i]);
    OPENSSL_free(list->key);
    memset(list, 0, sizeof *list);
}

int key_hand_out(struct key *key, OSSL_CALLBACK *give, void *arg)
{
    int type = OSSL_OBJECT_PKEY;
    char name[8] = "";
    OPENSSL_strlcpy(name, family_names[key->family], sizeof name);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, name, 0),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &key, sizeof key),
        OSSL_PARAM_construct_end()};
    return give(params, arg);
}

size_t key_point(const struct key *key, uint8_t point[HUFU_PUBLIC_MAX])
{
    uint8_t coded[HUFU_PUBLIC_MAX];
    size_t n = 0;
    /* encoded uncompressed whatever form the key came in */
    if (!EVP_PKEY_get_octet_string_param(key->public_key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, coded,
                                         sizeof coded, &n) ||
        n < 2 || coded[0] != POINT_CONVERSION_UNCOMPRESSED)
        return (size_t)FAIL(key->prov, REASON_KEY, "not a public key on a curve");
    memcpy(point, coded + 1, n - 1);
    return n - 1;
}
