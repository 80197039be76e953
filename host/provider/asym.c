/* Decrypting in the device; encrypting needs no secret: libcrypto does it. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RSA_padding_check_PKCS1_OAEP_mgf1, which is in no other form */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

#include "host/provider/provider.h"

enum { PREMASTER = 48 };

struct asym {
    struct prov *prov;
    enum family family;
    struct key *key;
    int pad;
    EVP_MD *oaep, *mgf1; /* NULL: SHA-1; as oaep */
    uint8_t *label;
    size_t label_size;
    unsigned client_version, other_version; /* of TLS, for the premaster secret */
};

static void *asym_new(struct prov *prov, enum family family)
{
    struct asym *a = OPENSSL_zalloc(sizeof *a);
    if (!a)
        return NULL;
    a->prov = prov;
    a->family = family;
    a->pad = RSA_PKCS1_PADDING;
    return a;
}

static void *rsa_new(void *provctx)
{
    return asym_new(provctx, FAMILY_RSA);
}

static void *sm2_new(void *provctx)
{
    return asym_new(provctx, FAMILY_SM2);
}

static void asym_free(void *asym)
{
    struct asym *a = asym;
    if (!a)
        return;
    key_free(a->key);
    EVP_MD_free(a->oaep);
    EVP_MD_free(a->mgf1);
    OPENSSL_free(a->label);
    OPENSSL_free(a);
}

static void *asym_dup(void *asym)
{
    const struct asym *from = asym;
    struct asym *to = OPENSSL_memdup(from, sizeof *from);
    if (!to)
        return NULL;
    to->label = from->label ? OPENSSL_memdup(from->label, from->label_size) : NULL;
    if (to->key)
        key_use(to->key);
    if (to->oaep)
        EVP_MD_up_ref(to->oaep);
    if (to->mgf1)
        EVP_MD_up_ref(to->mgf1);
    if (!from->label || to->label)
        return to;
    asym_free(to);
    return NULL;
}

/* ------------------------------------------------------------------ parameters */

static int set_md(struct asym *a, EVP_MD **md, const OSSL_PARAM *p)
{
    const char *name;
    EVP_MD *found = OSSL_PARAM_get_utf8_string_ptr(p, &name) ? digest_fetch(a->prov, name) : NULL;
    if (!found)
        return 0;
    EVP_MD_free(*md);
    *md = found;
    return 1;
}

static int set_label(struct asym *a, const OSSL_PARAM *p)
{
    void *label = NULL;
    size_t n = 0;
    if (p->data_size && !OSSL_PARAM_get_octet_string(p, &label, 0, &n))
        return 0;
    OPENSSL_free(a->label);
    a->label = label;
    a->label_size = n;
    return 1;
}

/* SM2: the digest, which RSA has for OAEP under the same name. */
static int set_sm2(struct asym *a, const OSSL_PARAM params[])
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_DIGEST);
    const char *name = "SM3";
    return !p || (OSSL_PARAM_get_utf8_string_ptr(p, &name) && !OPENSSL_strcasecmp(name, "SM3")) ||
           FAIL(a->prov, REASON_ARGUMENT, "SM2 encryption works with SM3, not with %s", name);
}

static int asym_set(void *asym, const OSSL_PARAM params[])
{
    struct asym *a = asym;
    const OSSL_PARAM *p;
    if (!params)
        return 1;
    if (a->family == FAMILY_SM2)
        return set_sm2(a, params);
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);
    if (p && !pad_mode_get(p, &a->pad))
        return FAIL(a->prov, REASON_ARGUMENT, "padding: not known");
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST);
    if (p && !set_md(a, &a->oaep, p))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST);
    if (p && !set_md(a, &a->mgf1, p))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL);
    if (p && !set_label(a, p))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION);
    if (p && !OSSL_PARAM_get_uint(p, &a->client_version))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION);
    return !p || OSSL_PARAM_get_uint(p, &a->other_version);
}

static const OSSL_PARAM *asym_settable(void *asym, void *provctx)
{
    static const OSSL_PARAM list[] = {
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_DIGEST, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0),
        OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, NULL),
        OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, NULL),
        OSSL_PARAM_END};
    (void)asym;
    (void)provctx;
    return list;
}

static const OSSL_PARAM *asym_gettable(void *asym, void *provctx)
{
    static const OSSL_PARAM list[] = {
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_octet_ptr(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0), OSSL_PARAM_END};
    (void)asym;
    (void)provctx;
    return list;
}

static int asym_get(void *asym, OSSL_PARAM params[])
{
    const struct asym *a = asym;
    OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);
    if (p && !pad_mode_set(p, a->pad))
        return 0;
    const char *oaep = a->oaep ? EVP_MD_get0_name(a->oaep) : "SHA1";
    p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST);
    if (p && !OSSL_PARAM_set_utf8_string(p, oaep))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST);
    if (p && !OSSL_PARAM_set_utf8_string(p, a->mgf1 ? EVP_MD_get0_name(a->mgf1) : oaep))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL);
    return !p || OSSL_PARAM_set_octet_ptr(p, a->label, a->label_size);
}

/* ------------------------------------------------------------------ encrypting */

static int begin(struct asym *a, void *vkey, const OSSL_PARAM params[], bool decrypt)
{
    struct key *key = vkey;
    if (!key || (decrypt && !key_private(key)))
        return 0;
    key_use(key);
    key_free(a->key);
    a->key = key;
    return asym_set(a, params);
}

static int encrypt_init(void *asym, void *key, const OSSL_PARAM params[])
{
    return begin(asym, key, params, false);
}

static int decrypt_init(void *asym, void *key, const OSSL_PARAM params[])
{
    return begin(asym, key, params, true);
}

static bool hand_over(const struct asym *a, EVP_PKEY_CTX *ctx)
{
    if (a->family != FAMILY_RSA)
        return true;
    if (EVP_PKEY_CTX_set_rsa_padding(ctx, a->pad) <= 0)
        return false;
    if (a->pad != RSA_PKCS1_OAEP_PADDING)
        return true;
    uint8_t *label = a->label ? OPENSSL_memdup(a->label, a->label_size) : NULL;
    if ((a->oaep && EVP_PKEY_CTX_set_rsa_oaep_md(ctx, a->oaep) <= 0) ||
        (a->mgf1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, a->mgf1) <= 0) || (a->label && !label))
        return false;
    if (!label || EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)a->label_size) > 0)
        return true;
    OPENSSL_free(label);
    return false;
}

static int encrypt(void *asym, unsigned char *out, size_t *out_size, size_t room,
                   const unsigned char *data, size_t size)
{
    const struct asym *a = asym;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(a->prov->libctx, a->key->public_key, NULL);
    *out_size = room;
    const int done = ctx && EVP_PKEY_encrypt_init(ctx) > 0 && hand_over(a, ctx) &&
                     EVP_PKEY_encrypt(ctx, out, out_size, data, size) > 0;
    EVP_PKEY_CTX_free(ctx);
    return done;
}

/* ------------------------------------------------------------------ decrypting */

struct job {
    uint32_t handle;
    struct hufu_ciphering ciphering;
    const uint8_t *data;
    size_t size, out_size, room;
    void *out;
};

static enum hufu_status run(struct hufu_session *session, void *arg)
{
    struct job *j = arg;
    j->out_size = j->room;
    return hufu_decrypt(session, j->handle, &j->ciphering, j->data, j->size, j->out, &j->out_size);
}

/*
 * The premaster secret of TLS: 48 bytes that begin with the client's version. Whatever is wrong, 48
 * random bytes take its place and nobody is told (RFC 5246, 7.4.7.1). The device has already put a
 * random message in the place of a bad padding.
 */
static int premaster(const struct asym *a, const uint8_t *m, size_t n, uint8_t out[PREMASTER])
{
    uint8_t other[PREMASTER];
    if (RAND_priv_bytes_ex(a->prov->libctx, other, sizeof other, 0) <= 0)
        return 0;
    const unsigned version = (unsigned)m[0] << 8 | m[1];
    unsigned wrong = version ^ a->client_version;
    /* some clients write what was negotiated: accepted when the caller says so */
    if (a->other_version)
        wrong &= (unsigned)-(int)(version != a->other_version);
    wrong |= (unsigned)(n ^ PREMASTER);
    /* all ones when nothing is wrong; no branch */
    const uint8_t good = (uint8_t)(((wrong - 1) & ~wrong) >> 24);
    for (size_t i = 0; i < PREMASTER; i++)
        out[i] = (uint8_t)((m[i] & good) | (other[i] & (uint8_t)~good));
    hufu_wipe(other, sizeof other);
    return 1;
}

/* OAEP with digests that the device does not take for it: from what the bare operation gave. */
static int oaep_here(const struct asym *a, const EVP_MD *oaep, struct job *j)
{
    uint8_t m[HUFU_SIGNATURE_MAX];
    const int k = (int)j->out_size;
    const int n = RSA_padding_check_PKCS1_OAEP_mgf1(m, sizeof m, j->out, k, k, a->label,
                                                    (int)a->label_size, oaep, a->mgf1);
    if (n > 0)
        memcpy(j->out, m, (size_t)n);
    j->out_size = n < 0 ? 0 : (size_t)n;
    hufu_wipe(m, sizeof m);
    return n >= 0 || FAIL(a->prov, REASON_CRYPTO, "OAEP: decryption failed");
}

static int decrypt_oaep(const struct asym *a, struct job *j)
{
    j->ciphering.hash = a->oaep ? digest_of(a->oaep) : (uint8_t)HUFU_DIGEST_SHA1;
    if (!j->ciphering.hash || (a->mgf1 && digest_of(a->mgf1) != j->ciphering.hash)) {
        EVP_MD *oaep = digest_fetch(a->prov, a->oaep ? EVP_MD_get0_name(a->oaep) : "SHA1");
        j->ciphering = (struct hufu_ciphering){.scheme = HUFU_CIPHER_RSA_RAW};
        const int done =
            oaep && link_run(a->prov, NULL, a->key->serial, false, run, j) && oaep_here(a, oaep, j);
        EVP_MD_free(oaep);
        return done;
    }
    j->ciphering.scheme = HUFU_CIPHER_RSA_OAEP;
    j->ciphering.aad = a->label;
    j->ciphering.aad_size = a->label_size;
    return link_run(a->prov, NULL, a->key->serial, false, run, j);
}

static int decrypt_padded(const struct asym *a, struct job *j)
{
    switch (a->pad) {
    case RSA_PKCS1_OAEP_PADDING:
        return decrypt_oaep(a, j);
    case RSA_PKCS1_PADDING:
    case RSA_PKCS1_WITH_TLS_PADDING:
        j->ciphering.scheme = HUFU_CIPHER_RSA_PKCS1;
        break;
    case RSA_NO_PADDING:
        j->ciphering.scheme = HUFU_CIPHER_RSA_RAW;
        break;
    default:
        return FAIL(a->prov, REASON_ARGUMENT, "padding: PKCS#1 v1.5, OAEP and none, not this one");
    }
    return link_run(a->prov, NULL, a->key->serial, false, run, j);
}

static int decrypt_rsa(const struct asym *a, struct job *j, uint8_t *out, size_t *out_size,
                       size_t room)
{
    uint8_t m[HUFU_SIGNATURE_MAX] = {0};
    j->out = m;
    j->room = sizeof m;
    int done = decrypt_padded(a, j);
    if (done && a->pad == RSA_PKCS1_WITH_TLS_PADDING) {
        *out_size = PREMASTER;
        done = premaster(a, m, j->out_size, out);
    } else if (done && j->out_size > room) {
        done = FAIL(a->prov, REASON_ROOM, "the message has %zu bytes", j->out_size);
    } else if (done) {
        memcpy(out, m, j->out_size);
        *out_size = j->out_size;
    }
    hufu_wipe(m, sizeof m);
    return done;
}

static int decrypt_sm2(const struct asym *a, struct job *j, uint8_t *out, size_t *out_size,
                       size_t room)
{
    size_t n = j->size;
    uint8_t *raw = OPENSSL_malloc(n + 1);
    int done = 0;
    if (!raw)
        return 0;
    if (hufu_sm2_cipher_from_der(j->data, j->size, raw, &n)) {
        FAIL(a->prov, REASON_ARGUMENT, "%s", hufu_last_error());
    } else {
        j->ciphering.scheme = HUFU_CIPHER_SM2;
        j->data = raw;
        j->size = n;
        j->out = out;
        j->room = room;
        done = link_run(a->prov, NULL, a->key->serial, false, run, j);
        *out_size = j->out_size;
    }
    OPENSSL_free(raw);
    return done;
}

static int decrypt(void *asym, unsigned char *out, size_t *out_size, size_t room,
                   const unsigned char *data, size_t size)
{
    const struct asym *a = asym;
    struct job j = {.handle = a->key->handle, .data = data, .size = size};
    const bool tls = a->family == FAMILY_RSA && a->pad == RSA_PKCS1_WITH_TLS_PADDING;
    if (!out) {
        *out_size = tls                       ? PREMASTER
                    : a->family == FAMILY_SM2 ? size
                                              : (size_t)EVP_PKEY_get_size(a->key->public_key);
        return 1;
    }
    if (tls && room < PREMASTER)
        return FAIL(a->prov, REASON_ROOM, "a premaster secret has %d bytes", PREMASTER);
    return a->family == FAMILY_SM2 ? decrypt_sm2(a, &j, out, out_size, room)
                                   : decrypt_rsa(a, &j, out, out_size, room);
}

#define TABLE(family)                                                                              \
    ENTRY(OSSL_FUNC_ASYM_CIPHER_NEWCTX, family##_new),                                             \
        ENTRY(OSSL_FUNC_ASYM_CIPHER_FREECTX, asym_free),                                           \
        ENTRY(OSSL_FUNC_ASYM_CIPHER_DUPCTX, asym_dup),                                             \
        ENTRY(OSSL_FUNC_ASYM_CIPHER_ENCRYPT_INIT, encrypt_init),                                   \
        ENTRY(OSSL_FUNC_ASYM_CIPHER_ENCRYPT, encrypt),                                             \
        ENTRY(OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, decrypt_init),                                   \
        ENTRY(OSSL_FUNC_ASYM_CIPHER_DECRYPT, decrypt),                                             \
        ENTRY(OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS, asym_set),                                     \
        ENTRY(OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS, asym_settable),                           \
        ENTRY(OSSL_FUNC_ASYM_CIPHER_GET_CTX_PARAMS, asym_get),                                     \
        ENTRY(OSSL_FUNC_ASYM_CIPHER_GETTABLE_CTX_PARAMS, asym_gettable)

static const OSSL_DISPATCH rsa_table[] = {TABLE(rsa), ENTRY_END};
static const OSSL_DISPATCH sm2_table[] = {TABLE(sm2), ENTRY_END};

const OSSL_ALGORITHM prov_asym_cipher[] = {
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", "provider=hufu", rsa_table, "RSA, by a Hufu"},
    {"SM2:1.2.156.10197.1.301", "provider=hufu", sm2_table, "SM2, by a Hufu"},
    {NULL, NULL, NULL, NULL}};
