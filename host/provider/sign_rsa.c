/* RSA signatures in the device: PKCS#1 v1.5 and PSS; what it does not pad is padded here. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RSA_padding_add_PKCS1_PSS_mgf1, which has no other form */
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "host/provider/sign.h"

struct job {
    uint32_t handle;
    struct hufu_signing signing;
    const uint8_t *data;
    size_t size;
    uint8_t *out;
    size_t *out_size;
};

static enum hufu_status run(struct hufu_session *session, void *arg)
{
    const struct job *j = arg;
    return hufu_sign(session, j->handle, &j->signing, j->data, j->size, j->out, j->out_size);
}

static int go(const struct sig *s, struct job *j)
{
    j->handle = s->key->handle;
    return link_run(s->prov, NULL, s->key->serial, false, run, j);
}

/* The digest as the device has it for signatures, where it has no SHA-1. */
static uint8_t device_digest(const EVP_MD *md)
{
    const uint8_t hash = digest_of(md);
    return hash == HUFU_DIGEST_SHA1 ? (uint8_t)HUFU_DIGEST_NONE : hash;
}

/* DigestInfo of a digest that the device has no name for. NULL: there is none. */
static uint8_t *digest_info(const struct sig *s, const uint8_t *data, size_t size, int *n)
{
    uint8_t *der = NULL;
    X509_SIG *info = X509_SIG_new();
    X509_ALGOR *algorithm;
    ASN1_OCTET_STRING *digest;
    *n = -1;
    if (info) {
        X509_SIG_getm(info, &algorithm, &digest);
        if (X509_ALGOR_set0(algorithm, OBJ_nid2obj(EVP_MD_get_type(s->md)), V_ASN1_NULL, NULL) &&
            ASN1_OCTET_STRING_set(digest, data, (int)size))
            *n = i2d_X509_SIG(info, &der);
    }
    X509_SIG_free(info);
    return *n > 0 ? der : NULL;
}

static int sign_v15(const struct sig *s, struct job *j)
{
    int n = 0;
    uint8_t *der = NULL;
    j->signing.scheme = HUFU_SIGN_RSA_PKCS1;
    j->signing.hash = device_digest(s->md);
    /* TLS 1.1 signs both digests without an identifier; without a digest the data is signed as it
     * is */
    if (s->md && !j->signing.hash && !EVP_MD_is_a(s->md, "MD5-SHA1")) {
        der = digest_info(s, j->data, j->size, &n);
        if (!der)
            return FAIL(s->prov, REASON_ARGUMENT, "%s: not for signatures",
                        EVP_MD_get0_name(s->md));
        j->data = der;
        j->size = (size_t)n;
    }
    const int done = go(s, j);
    OPENSSL_free(der);
    return done;
}

/* Bytes of salt for signing; -1: not of this key. */
static int salt_size(const struct sig *s)
{
    const int digest = EVP_MD_get_size(s->md);
    const int most = (EVP_PKEY_get_bits(s->key->public_key) + 6) / 8 - digest - 2;
    const int n = s->salt == RSA_PSS_SALTLEN_DIGEST ? digest : s->salt < 0 ? most : s->salt;
    return n <= most ? n : -1;
}

/* A number as large as the modulus, for keys that may do that. */
static int sign_raw(const struct sig *s, struct job *j)
{
    const size_t k = (size_t)EVP_PKEY_get_size(s->key->public_key);
    if (j->size != k)
        return FAIL(s->prov, REASON_ARGUMENT, "without padding: %zu bytes, not %zu", k, j->size);
    j->signing = (struct hufu_signing){.scheme = HUFU_SIGN_RSA_RAW};
    return go(s, j);
}

/* PSS with digests that the device does not take for it. */
static int sign_pss_here(const struct sig *s, struct job *j, int salt)
{
    uint8_t em[HUFU_SIGNATURE_MAX];
    RSA *rsa = EVP_PKEY_get1_RSA(s->key->public_key);
    const int done = rsa && RSA_padding_add_PKCS1_PSS_mgf1(rsa, em, j->data, s->md,
                                                           s->mgf1 ? s->mgf1 : s->md, salt) > 0;
    RSA_free(rsa);
    j->data = em;
    j->size = (size_t)EVP_PKEY_get_size(s->key->public_key);
    return done && sign_raw(s, j);
}

static int sign_pss(const struct sig *s, struct job *j)
{
    if (!s->md)
        return FAIL(s->prov, REASON_ARGUMENT, "PSS signs a digest");
    const uint8_t hash = device_digest(s->md);
    const int salt = salt_size(s);
    if (salt < 0)
        return FAIL(s->prov, REASON_ARGUMENT, "PSS: the salt is too long for the key");
    if (!hash || (s->mgf1 && digest_of(s->mgf1) != hash))
        return sign_pss_here(s, j, salt);
    j->signing.scheme = HUFU_SIGN_RSA_PSS;
    j->signing.hash = hash;
    j->signing.salt = (uint16_t)salt;
    return go(s, j);
}

int sign_rsa(const struct sig *s, const uint8_t *data, size_t size, uint8_t *sig, size_t *sig_size)
{
    struct job j = {.data = data, .size = size, .out = sig, .out_size = sig_size};
    if (s->md && size != (size_t)EVP_MD_get_size(s->md))
        return FAIL(s->prov, REASON_ARGUMENT, "%zu bytes are no digest of %s", size,
                    EVP_MD_get0_name(s->md));
    switch (s->pad) {
    case RSA_PKCS1_PADDING:
        return sign_v15(s, &j);
    case RSA_PKCS1_PSS_PADDING:
        return sign_pss(s, &j);
    case RSA_NO_PADDING:
        return sign_raw(s, &j);
    default:
        return FAIL(s->prov, REASON_ARGUMENT, "padding: PKCS#1 v1.5, PSS and none, not this one");
    }
}

/* ------------------------------------------------------------------ parameters */

static bool salt_get(const OSSL_PARAM *p, int *salt)
{
    static const struct {
        const char *word;
        int salt;
    } words[] = {{OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST, RSA_PSS_SALTLEN_DIGEST},
                 {OSSL_PKEY_RSA_PSS_SALT_LEN_MAX, RSA_PSS_SALTLEN_MAX},
                 {OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO, RSA_PSS_SALTLEN_AUTO}};
    const char *text;
    if (p->data_type != OSSL_PARAM_UTF8_STRING)
        return OSSL_PARAM_get_int(p, salt);
    if (!OSSL_PARAM_get_utf8_string_ptr(p, &text))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(text, words[i].word)) {
            *salt = words[i].salt;
            return true;
        }
    *salt = atoi(text);
    return true;
}

int rsa_set_params(struct sig *s, const OSSL_PARAM params[])
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    const char *name;
    if (p && !pad_mode_get(p, &s->pad))
        return FAIL(s->prov, REASON_ARGUMENT, "padding: not known");
    p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    if (p && (!salt_get(p, &s->salt) || s->salt < RSA_PSS_SALTLEN_MAX))
        return FAIL(s->prov, REASON_ARGUMENT, "PSS: no such length of the salt");
    p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
    if (!p)
        return 1;
    EVP_MD *md = OSSL_PARAM_get_utf8_string_ptr(p, &name) ? digest_fetch(s->prov, name) : NULL;
    if (!md)
        return 0;
    EVP_MD_free(s->mgf1);
    s->mgf1 = md;
    return 1;
}

int rsa_get_params(const struct sig *s, OSSL_PARAM params[])
{
    OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    if (p && !pad_mode_set(p, s->pad))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
    const EVP_MD *mgf1 = s->mgf1 ? s->mgf1 : s->md;
    if (p && !OSSL_PARAM_set_utf8_string(p, mgf1 ? EVP_MD_get0_name(mgf1) : ""))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    if (p && p->data_type == OSSL_PARAM_UTF8_STRING) {
        char text[16];
        snprintf(text, sizeof text, "%d", s->salt);
        return OSSL_PARAM_set_utf8_string(p, s->salt == RSA_PSS_SALTLEN_DIGEST ? "digest"
                                             : s->salt == RSA_PSS_SALTLEN_MAX  ? "max"
                                             : s->salt == RSA_PSS_SALTLEN_AUTO ? "auto"
                                                                               : text);
    }
    return !p || OSSL_PARAM_set_int(p, s->salt);
}

/* ------------------------------------------------------------------ the algorithm's name */

static bool md_algorithm(X509_ALGOR **out, const EVP_MD *md)
{
    *out = X509_ALGOR_new();
    return *out && X509_ALGOR_set0(*out, OBJ_nid2obj(EVP_MD_get_type(md)), V_ASN1_NULL, NULL);
}

/* MGF1 with its digest as the parameter. */
static bool mgf_algorithm(X509_ALGOR **out, const EVP_MD *md)
{
    X509_ALGOR *inner = NULL;
    ASN1_STRING *packed = NULL;
    bool done = md_algorithm(&inner, md) &&
                ASN1_item_pack(inner, ASN1_ITEM_rptr(X509_ALGOR), &packed) &&
                (*out = X509_ALGOR_new()) != NULL;
    done = done && X509_ALGOR_set0(*out, OBJ_nid2obj(NID_mgf1), V_ASN1_SEQUENCE, packed);
    if (!done)
        ASN1_STRING_free(packed);
    X509_ALGOR_free(inner);
    return done;
}

static bool pss_algorithm(const struct sig *s, X509_ALGOR *out)
{
    ASN1_STRING *packed = NULL;
    const int salt = s->md ? salt_size(s) : -1;
    RSA_PSS_PARAMS *pss = salt < 0 ? NULL : RSA_PSS_PARAMS_new();
    bool done = pss && md_algorithm(&pss->hashAlgorithm, s->md) &&
                mgf_algorithm(&pss->maskGenAlgorithm, s->mgf1 ? s->mgf1 : s->md) &&
                (pss->saltLength = ASN1_INTEGER_new()) != NULL &&
                ASN1_INTEGER_set(pss->saltLength, salt) &&
                ASN1_item_pack(pss, ASN1_ITEM_rptr(RSA_PSS_PARAMS), &packed);
    done = done && X509_ALGOR_set0(out, OBJ_nid2obj(NID_rsassaPss), V_ASN1_SEQUENCE, packed);
    if (!done)
        ASN1_STRING_free(packed);
    RSA_PSS_PARAMS_free(pss);
    return done;
}

static bool plain_algorithm(const struct sig *s, X509_ALGOR *out)
{
    static const int keys[FAMILIES] = {NID_rsaEncryption, NID_sm2, NID_X9_62_id_ecPublicKey};
    int nid = s->family == FAMILY_SM2 ? NID_SM2_with_SM3 : NID_undef;
    if (!nid && s->md)
        OBJ_find_sigid_by_algs(&nid, EVP_MD_get_type(s->md), keys[s->family]);
    return nid && X509_ALGOR_set0(out, OBJ_nid2obj(nid),
                                  s->family == FAMILY_RSA ? V_ASN1_NULL : V_ASN1_UNDEF, NULL);
}

uint8_t *sign_algorithm(const struct sig *s, size_t *size)
{
    uint8_t *der = NULL;
    X509_ALGOR *algorithm = X509_ALGOR_new();
    const bool pss = s->family == FAMILY_RSA && s->pad == RSA_PKCS1_PSS_PADDING;
    int n = -1;
    if (algorithm && (pss ? pss_algorithm(s, algorithm) : plain_algorithm(s, algorithm)))
        n = i2d_X509_ALGOR(algorithm, &der);
    X509_ALGOR_free(algorithm);
    *size = n > 0 ? (size_t)n : 0;
    return n > 0 ? der : NULL;
}
