/* Key management: what a key is, its public half in and out, and making one in the device. */
#include <openssl/crypto.h>
#include <string.h>

#include "host/provider/keygen.h"
#include "host/provider/provider.h"

/* Names of the parameters that hold what may never come in or go out. */
static const char *const secrets[] = {OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_PRIV_KEY, NULL};

static void *load(const void *reference, size_t size)
{
    struct key *key = NULL;
    if (size == sizeof key)
        memcpy(&key, reference, sizeof key);
    return key ? key_use(key) : NULL;
}

static int has(const void *vkey, int selection)
{
    const struct key *key = vkey;
    if (!key)
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) && !key->handle)
        return 0;
    return !(selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) || (key->public_key && !key->curve_only);
}

static int match(const void *vone, const void *vother, int selection)
{
    const struct key *one = vone, *other = vother;
    if (!one || !other || !one->public_key || !other->public_key)
        return 0;
    if (selection & OSSL_KEYMGMT_SELECT_KEYPAIR)
        return EVP_PKEY_eq(one->public_key, other->public_key) == 1;
    return !(selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) || one->family == FAMILY_RSA ||
           EVP_PKEY_parameters_eq(one->public_key, other->public_key) == 1;
}

/* The curve alone, for a public key that is set afterwards: CMS makes the sender's key so. */
static struct key *curve_of(const struct key *key)
{
    EVP_PKEY *curve = EVP_PKEY_new();
    if (!curve || key->family == FAMILY_RSA ||
        EVP_PKEY_copy_parameters(curve, key->public_key) != 1) {
        EVP_PKEY_free(curve);
        return NULL;
    }
    struct key *copy = key_of_public(key->prov, key->family, curve);
    if (copy)
        copy->curve_only = true;
    return copy;
}

static void *dup(const void *vfrom, int selection)
{
    /* a use is counted in the original; nothing else of it changes */
    union {
        const void *from;
        struct key *key;
    } u = {.from = vfrom};
    struct key *key = u.key;
    if (!key->public_key)
        return NULL;
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) && key->handle)
        return key_use(key);
    if (!(selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) || key->curve_only)
        return curve_of(key);
    EVP_PKEY *copy = EVP_PKEY_dup(key->public_key);
    return copy ? key_of_public(key->prov, key->family, copy) : NULL;
}

/* ------------------------------------------------------------------ in and out */

/* Public keys only: OpenSSL asks with the private selection also when there is none. */
static int import(void *vkey, int selection, const OSSL_PARAM params[])
{
    struct key *key = vkey;
    const char *name = family_names[key->family];
    if (key->public_key || key->handle)
        return 0;
    for (size_t i = 0; secrets[i]; i++)
        if (OSSL_PARAM_locate_const(params, secrets[i]))
            return FAIL(key->prov, REASON_KEY,
                        "private keys of software stay with the default provider");
    /* fromdata takes no const parameters, and changes none */
    OSSL_PARAM *copy = OSSL_PARAM_dup(params);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(key->prov->libctx, name, NULL);
    const int wanted =
        selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEY_PARAMETERS;
    const int done = copy && ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
                     EVP_PKEY_fromdata(ctx, &key->public_key, wanted, copy) > 0;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(copy);
    key->curve_only = wanted == EVP_PKEY_KEY_PARAMETERS;
    return done || FAIL(key->prov, REASON_CRYPTO, "not a public key of %s", name);
}

static int export(void *vkey, int selection, OSSL_CALLBACK *give, void *arg)
{
    const struct key *key = vkey;
    OSSL_PARAM *params = NULL;
    if (!key->public_key)
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) && key->handle)
        return FAIL(key->prov, REASON_KEY, "a private key never leaves the device");
    const int what =
        selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEY_PARAMETERS;
    const int done = EVP_PKEY_todata(key->public_key, what, &params) > 0 && give(params, arg);
    OSSL_PARAM_free(params);
    return done;
}

static const OSSL_PARAM rsa_types[] = {OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
                                       OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
                                       OSSL_PARAM_END};
static const OSSL_PARAM ec_types[] = {OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
                                      OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
                                      OSSL_PARAM_END};

static const OSSL_PARAM *rsa_in_out(int selection)
{
    return selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY ? rsa_types : rsa_types + 2;
}

static const OSSL_PARAM *ec_in_out(int selection)
{
    return selection & OSSL_KEYMGMT_SELECT_ALL ? ec_types : ec_types + 2;
}

/* ------------------------------------------------------------------ parameters */

/* All that is asked for is public: libcrypto knows it. */
static int get_params(void *vkey, OSSL_PARAM params[])
{
    const struct key *key = vkey;
    if (!key->public_key)
        return 0;
    if (!EVP_PKEY_get_params(key->public_key, params))
        return 0;
    OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_MANDATORY_DIGEST);
    return key->family != FAMILY_SM2 || !p || OSSL_PARAM_set_utf8_string(p, "SM3");
}

static const OSSL_PARAM *ec_settable(void *provctx)
{
    static const OSSL_PARAM list[] = {
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0), OSSL_PARAM_END};
    (void)provctx;
    return list;
}

static int ec_set(void *vkey, const OSSL_PARAM params[])
{
    struct key *key = vkey;
    const OSSL_PARAM *p =
        params ? OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY) : NULL;
    if (!p)
        return 1;
    if (key->handle || !key->public_key ||
        EVP_PKEY_set1_encoded_public_key(key->public_key, p->data, p->data_size) != 1)
        return FAIL(key->prov, REASON_KEY, "the public key cannot be set");
    key->curve_only = false;
    return 1;
}

static const OSSL_PARAM *rsa_gettable(void *provctx)
{
    static const OSSL_PARAM list[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
        OSSL_PARAM_END};
    (void)provctx;
    return list;
}

static const OSSL_PARAM *ec_gettable(void *provctx)
{
    static const OSSL_PARAM list[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_X, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_Y, NULL, 0),
        OSSL_PARAM_END};
    (void)provctx;
    return list;
}

/* ------------------------------------------------------------------ tables */

static void *rsa_new(void *provctx)
{
    return key_of_public(provctx, FAMILY_RSA, NULL);
}

static void *sm2_new(void *provctx)
{
    return key_of_public(provctx, FAMILY_SM2, NULL);
}

static void *ec_new(void *provctx)
{
    return key_of_public(provctx, FAMILY_EC, NULL);
}

static void *rsa_gen_init(void *provctx, int selection, const OSSL_PARAM params[])
{
    return keygen_new(provctx, FAMILY_RSA, selection, params);
}

static void *sm2_gen_init(void *provctx, int selection, const OSSL_PARAM params[])
{
    return keygen_new(provctx, FAMILY_SM2, selection, params);
}

static void *ec_gen_init(void *provctx, int selection, const OSSL_PARAM params[])
{
    return keygen_new(provctx, FAMILY_EC, selection, params);
}

static const char *ec_operation(int operation)
{
    return operation == OSSL_OP_KEYEXCH ? "ECDH" : "ECDSA";
}

static const char *sm2_operation(int operation)
{
    (void)operation;
    return "SM2";
}

#define TABLE(family, kind)                                                                        \
    ENTRY(OSSL_FUNC_KEYMGMT_NEW, family##_new), ENTRY(OSSL_FUNC_KEYMGMT_FREE, key_free),           \
        ENTRY(OSSL_FUNC_KEYMGMT_LOAD, load), ENTRY(OSSL_FUNC_KEYMGMT_HAS, has),                    \
        ENTRY(OSSL_FUNC_KEYMGMT_MATCH, match), ENTRY(OSSL_FUNC_KEYMGMT_DUP, dup),                  \
        ENTRY(OSSL_FUNC_KEYMGMT_IMPORT, import), ENTRY(OSSL_FUNC_KEYMGMT_EXPORT, export),          \
        ENTRY(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, kind##_in_out),                                      \
        ENTRY(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, kind##_in_out),                                      \
        ENTRY(OSSL_FUNC_KEYMGMT_GET_PARAMS, get_params),                                           \
        ENTRY(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, kind##_gettable),                                 \
        ENTRY(OSSL_FUNC_KEYMGMT_GEN_INIT, family##_gen_init),                                      \
        ENTRY(OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS, keygen_set),                                       \
        ENTRY(OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS, keygen_settable),                             \
        ENTRY(OSSL_FUNC_KEYMGMT_GEN, keygen_run),                                                  \
        ENTRY(OSSL_FUNC_KEYMGMT_GEN_CLEANUP, keygen_free)

#define EC_SET                                                                                     \
    ENTRY(OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, ec_settable),                                         \
        ENTRY(OSSL_FUNC_KEYMGMT_SET_PARAMS, ec_set)

static const OSSL_DISPATCH rsa_table[] = {TABLE(rsa, rsa), ENTRY_END};
static const OSSL_DISPATCH sm2_table[] = {
    TABLE(sm2, ec), EC_SET, ENTRY(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, sm2_operation),
    ENTRY_END};

static const OSSL_DISPATCH ec_table[] = {
    TABLE(ec, ec), EC_SET, ENTRY(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, ec_operation), ENTRY_END};

const OSSL_ALGORITHM prov_keymgmt[] = {
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", "provider=hufu", rsa_table, "RSA keys of a Hufu"},
    {"SM2:1.2.156.10197.1.301", "provider=hufu", sm2_table, "SM2 keys of a Hufu"},
    {"EC:id-ecPublicKey:1.2.840.10045.2.1", "provider=hufu", ec_table, "EC keys of a Hufu"},
    {NULL, NULL, NULL, NULL}};
