/* Signatures: the functions that OpenSSL calls. Verifying needs no secret: libcrypto does it. */
#include "host/provider/sign.h"

#include <openssl/crypto.h>
#include <openssl/rsa.h>
#include <string.h>

static void *sig_new(struct prov *prov, enum family family)
{
    struct sig *s = OPENSSL_zalloc(sizeof *s);
    if (!s)
        return NULL;
    s->prov = prov;
    s->family = family;
    s->pad = RSA_PKCS1_PADDING;
    s->salt = RSA_PSS_SALTLEN_AUTO;
    return s;
}

static void *rsa_new(void *provctx, const char *properties)
{
    (void)properties;
    return sig_new(provctx, FAMILY_RSA);
}

static void *sm2_new(void *provctx, const char *properties)
{
    (void)properties;
    return sig_new(provctx, FAMILY_SM2);
}

static void *ec_new(void *provctx, const char *properties)
{
    (void)properties;
    return sig_new(provctx, FAMILY_EC);
}

static void sig_free(void *sig)
{
    struct sig *s = sig;
    if (!s)
        return;
    key_free(s->key);
    EVP_MD_free(s->md);
    EVP_MD_free(s->mgf1);
    EVP_MD_CTX_free(s->digest);
    OPENSSL_free(s->id);
    OPENSSL_free(s);
}

static bool copy_parts(struct sig *to, const struct sig *from)
{
    if (from->md && !EVP_MD_up_ref(from->md))
        return false;
    to->md = from->md;
    if (from->mgf1 && !EVP_MD_up_ref(from->mgf1))
        return false;
    to->mgf1 = from->mgf1;
    if (from->id && !(to->id = OPENSSL_memdup(from->id, from->id_size)))
        return false;
    if (!from->digest)
        return true;
    to->digest = EVP_MD_CTX_new();
    return to->digest && EVP_MD_CTX_copy_ex(to->digest, from->digest);
}

static void *sig_dup(void *sig)
{
    const struct sig *from = sig;
    struct sig *to = OPENSSL_memdup(from, sizeof *from);
    if (!to)
        return NULL;
    to->md = to->mgf1 = NULL;
    to->digest = NULL;
    to->id = NULL;
    if (from->key)
        key_use(from->key);
    if (copy_parts(to, from))
        return to;
    sig_free(to);
    return NULL;
}

/* ------------------------------------------------------------------ parameters */

static int set_digest(struct sig *s, const char *name)
{
    EVP_MD *md = digest_fetch(s->prov, name);
    if (!md)
        return 0;
    if (s->family == FAMILY_SM2 && !EVP_MD_is_a(md, "SM3")) {
        EVP_MD_free(md);
        return FAIL(s->prov, REASON_ARGUMENT, "SM2 signs digests of SM3, not of %s", name);
    }
    EVP_MD_free(s->md);
    s->md = md;
    return 1;
}

static int set_id(struct sig *s, const OSSL_PARAM *p)
{
    void *id = NULL;
    size_t n = 0;
    if (!s->z_owed && s->digest)
        return FAIL(s->prov, REASON_ARGUMENT, "the signer's ID comes too late");
    if (p->data_size && !OSSL_PARAM_get_octet_string(p, &id, 0, &n))
        return 0;
    OPENSSL_free(s->id);
    s->id = id;
    s->id_size = n;
    return 1;
}

static int sig_set(void *sig, const OSSL_PARAM params[])
{
    struct sig *s = sig;
    char name[64], *to = name;
    if (!params)
        return 1;
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST);
    if (p && (!OSSL_PARAM_get_utf8_string(p, &to, sizeof name) || !set_digest(s, name)))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_DIST_ID);
    if (p && s->family == FAMILY_SM2 && !set_id(s, p))
        return 0;
    return s->family != FAMILY_RSA || rsa_set_params(s, params);
}

static const OSSL_PARAM *rsa_settable(void *sig, void *provctx)
{
    static const OSSL_PARAM list[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PROPERTIES, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_PROPERTIES, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_END};
    (void)sig;
    (void)provctx;
    return list;
}

static const OSSL_PARAM *sm2_settable(void *sig, void *provctx)
{
    static const OSSL_PARAM list[] = {OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
                                      OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_DIST_ID, NULL, 0),
                                      OSSL_PARAM_END};
    (void)sig;
    (void)provctx;
    return list;
}

static const OSSL_PARAM *ec_settable(void *sig, void *provctx)
{
    static const OSSL_PARAM list[] = {OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
                                      OSSL_PARAM_END};
    (void)sig;
    (void)provctx;
    return list;
}

static const OSSL_PARAM *rsa_gettable(void *sig, void *provctx)
{
    static const OSSL_PARAM list[] = {
        OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_END};
    (void)sig;
    (void)provctx;
    return list;
}

static const OSSL_PARAM *sm2_gettable(void *sig, void *provctx)
{
    static const OSSL_PARAM list[] = {
        OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
        OSSL_PARAM_size_t(OSSL_SIGNATURE_PARAM_DIGEST_SIZE, NULL), OSSL_PARAM_END};
    (void)sig;
    (void)provctx;
    return list;
}

static int give_algorithm(const struct sig *s, OSSL_PARAM *p)
{
    size_t n = 0;
    uint8_t *der = sign_algorithm(s, &n);
    const int done = der && OSSL_PARAM_set_octet_string(p, der, n);
    OPENSSL_free(der);
    return done;
}

static int sig_get(void *sig, OSSL_PARAM params[])
{
    const struct sig *s = sig;
    OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
    if (p && !give_algorithm(s, p))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST);
    if (p && !OSSL_PARAM_set_utf8_string(p, s->md ? EVP_MD_get0_name(s->md) : ""))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST_SIZE);
    if (p && !OSSL_PARAM_set_size_t(p, s->md ? (size_t)EVP_MD_get_size(s->md) : 0))
        return 0;
    return s->family != FAMILY_RSA || rsa_get_params(s, params);
}

/* ------------------------------------------------------------------ one digest */

static int begin(struct sig *s, void *vkey, const OSSL_PARAM params[], int operation)
{
    struct key *key = vkey;
    if (key) {
        if (operation == EVP_PKEY_OP_SIGN && !key_private(key))
            return 0;
        key_use(key);
        key_free(s->key);
        s->key = key;
    }
    if (!s->key)
        return FAIL(s->prov, REASON_KEY, "no key");
    s->operation = operation;
    EVP_MD_CTX_free(s->digest);
    s->digest = NULL;
    return sig_set(s, params);
}

static int sign_init(void *sig, void *key, const OSSL_PARAM params[])
{
    return begin(sig, key, params, EVP_PKEY_OP_SIGN);
}

static int verify_init(void *sig, void *key, const OSSL_PARAM params[])
{
    return begin(sig, key, params, EVP_PKEY_OP_VERIFY);
}

static int recover_init(void *sig, void *key, const OSSL_PARAM params[])
{
    return begin(sig, key, params, EVP_PKEY_OP_VERIFYRECOVER);
}

static int sign(void *sig, unsigned char *out, size_t *out_size, size_t room,
                const unsigned char *data, size_t size)
{
    const struct sig *s = sig;
    const int most = EVP_PKEY_get_size(s->key->public_key);
    if (most <= 0)
        return 0;
    if (!out) {
        *out_size = (size_t)most;
        return 1;
    }
    if (room < (size_t)most)
        return FAIL(s->prov, REASON_ROOM, "a signature has up to %d bytes", most);
    return s->family == FAMILY_RSA ? sign_rsa(s, data, size, out, out_size)
                                   : sign_ec(s, data, size, out, out_size);
}

/* What libcrypto needs to know for working with the public half. */
static bool hand_over(const struct sig *s, EVP_PKEY_CTX *ctx)
{
    if (s->md && EVP_PKEY_CTX_set_signature_md(ctx, s->md) <= 0)
        return false;
    if (s->family != FAMILY_RSA)
        return true;
    if (EVP_PKEY_CTX_set_rsa_padding(ctx, s->pad) <= 0)
        return false;
    if (s->pad != RSA_PKCS1_PSS_PADDING)
        return true;
    return EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, s->salt) > 0 &&
           (!s->mgf1 || EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, s->mgf1) > 0);
}

static int verify(void *sig, const unsigned char *signature, size_t signature_size,
                  const unsigned char *data, size_t size)
{
    const struct sig *s = sig;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(s->prov->libctx, s->key->public_key, NULL);
    const int good = ctx && EVP_PKEY_verify_init(ctx) > 0 && hand_over(s, ctx) &&
                     EVP_PKEY_verify(ctx, signature, signature_size, data, size) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

static int recover(void *sig, unsigned char *out, size_t *out_size, size_t room,
                   const unsigned char *signature, size_t size)
{
    const struct sig *s = sig;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(s->prov->libctx, s->key->public_key, NULL);
    *out_size = room;
    const int good = ctx && EVP_PKEY_verify_recover_init(ctx) > 0 && hand_over(s, ctx) &&
                     EVP_PKEY_verify_recover(ctx, out, out_size, signature, size) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

/* ------------------------------------------------------------------ a message */

static int begin_message(struct sig *s, const char *name, void *key, const OSSL_PARAM params[],
                         int operation)
{
    const EVP_MD *none = NULL;
    if (!begin(s, key, NULL, operation))
        return 0;
    if (!name || !*name)
        name = s->md != none ? NULL : s->family == FAMILY_SM2 ? "SM3" : "SHA256";
    if (name && !set_digest(s, name))
        return 0;
    s->z_owed = s->family == FAMILY_SM2;
    s->digest = EVP_MD_CTX_new();
    return s->digest && sig_set(s, params) && EVP_DigestInit_ex2(s->digest, s->md, NULL);
}

static int digest_sign_init(void *sig, const char *name, void *key, const OSSL_PARAM params[])
{
    return begin_message(sig, name, key, params, EVP_PKEY_OP_SIGN);
}

static int digest_verify_init(void *sig, const char *name, void *key, const OSSL_PARAM params[])
{
    return begin_message(sig, name, key, params, EVP_PKEY_OP_VERIFY);
}

/* Without an ID, the one of the configuration; without that an empty one, as libcrypto has it. */
static int put_z(struct sig *s)
{
    const char *usual = s->prov->distid ? s->prov->distid : "";
    uint8_t z[32];
    if (!s->z_owed)
        return 1;
    s->z_owed = false;
    return digest_z(s->prov, s->md, s->key->public_key, s->id ? (const void *)s->id : usual,
                    s->id ? s->id_size : strlen(usual), z) &&
           EVP_DigestUpdate(s->digest, z, sizeof z);
}

static int digest_update(void *sig, const unsigned char *data, size_t size)
{
    struct sig *s = sig;
    return s->digest && put_z(s) && EVP_DigestUpdate(s->digest, data, size);
}

static int finish(struct sig *s, uint8_t md[EVP_MAX_MD_SIZE], unsigned *n)
{
    return s->digest && put_z(s) && EVP_DigestFinal_ex(s->digest, md, n);
}

static int digest_sign_final(void *sig, unsigned char *out, size_t *out_size, size_t room)
{
    uint8_t md[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!out) /* how much, to begin with */
        return sign(sig, NULL, out_size, 0, NULL, 0);
    return finish(sig, md, &n) && sign(sig, out, out_size, room, md, n);
}

static int digest_verify_final(void *sig, const unsigned char *signature, size_t size)
{
    uint8_t md[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    return finish(sig, md, &n) && verify(sig, signature, size, md, n);
}

/* ------------------------------------------------------------------ tables */

#define TABLE(family)                                                                              \
    ENTRY(OSSL_FUNC_SIGNATURE_NEWCTX, family##_new), ENTRY(OSSL_FUNC_SIGNATURE_FREECTX, sig_free), \
        ENTRY(OSSL_FUNC_SIGNATURE_DUPCTX, sig_dup),                                                \
        ENTRY(OSSL_FUNC_SIGNATURE_SIGN_INIT, sign_init), ENTRY(OSSL_FUNC_SIGNATURE_SIGN, sign),    \
        ENTRY(OSSL_FUNC_SIGNATURE_VERIFY_INIT, verify_init),                                       \
        ENTRY(OSSL_FUNC_SIGNATURE_VERIFY, verify),                                                 \
        ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, digest_sign_init),                             \
        ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, digest_update),                              \
        ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, digest_sign_final),                           \
        ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, digest_verify_init),                         \
        ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, digest_update),                            \
        ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, digest_verify_final),                       \
        ENTRY(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, sig_set),                                        \
        ENTRY(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, family##_settable),                         \
        ENTRY(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, sig_get),                                        \
        ENTRY(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, family##_gettable)

static const OSSL_DISPATCH rsa_table[] = {
    TABLE(rsa), ENTRY(OSSL_FUNC_SIGNATURE_VERIFY_RECOVER_INIT, recover_init),
    ENTRY(OSSL_FUNC_SIGNATURE_VERIFY_RECOVER, recover), ENTRY_END};
#define ec_gettable sm2_gettable
static const OSSL_DISPATCH sm2_table[] = {TABLE(sm2), ENTRY_END};
static const OSSL_DISPATCH ec_table[] = {TABLE(ec), ENTRY_END};

const OSSL_ALGORITHM prov_signature[] = {
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", "provider=hufu", rsa_table, "RSA, by a Hufu"},
    {"SM2:1.2.156.10197.1.301", "provider=hufu", sm2_table, "SM2, by a Hufu"},
    {"ECDSA", "provider=hufu", ec_table, "ECDSA, by a Hufu"},
    {NULL, NULL, NULL, NULL}};
