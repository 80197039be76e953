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
