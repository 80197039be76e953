/* Making keys in the device: openssl genpkey, and EVP_PKEY_generate. */
#include "host/provider/keygen.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

struct keygen {
    struct prov *prov;
    enum family family;
    size_t bits;    /* RSA */
    char group[32]; /* as it was asked for */
    uint8_t curve;  /* enum hufu_key_type */
    uint32_t usage;
    char label[HUFU_LABEL_MAX + 1];
    uint8_t id[HUFU_ID_MAX];
    size_t id_size;
};

static const char usage_name[] = "hufu_usage", label_name[] = "hufu_label", id_name[] = "hufu_id";

void keygen_free(void *gen)
{
    OPENSSL_free(gen);
}

void *keygen_new(struct prov *prov, enum family family, int selection, const OSSL_PARAM params[])
{
    if (!(selection & OSSL_KEYMGMT_SELECT_KEYPAIR))
        return NULL;
    struct keygen *g = OPENSSL_zalloc(sizeof *g);
    if (!g)
        return NULL;
    g->prov = prov;
    g->family = family;
    g->bits = 2048;
    g->curve = family == FAMILY_SM2 ? HUFU_KEY_SM2 : HUFU_KEY_P256;
    /* what a key of software can do */
    g->usage = HUFU_USAGE_SIGN | (family == FAMILY_EC ? HUFU_USAGE_AGREE | HUFU_USAGE_DERIVE_OUT
                                                      : HUFU_USAGE_DECRYPT);
    if (family == FAMILY_RSA)
        g->usage |= HUFU_USAGE_RAW;
    if (keygen_set(g, params))
        return g;
    keygen_free(g);
    return NULL;
}

const OSSL_PARAM *keygen_settable(void *gen, void *provctx)
{
    static const OSSL_PARAM list[] = {OSSL_PARAM_utf8_string(label_name, NULL, 0),
                                      OSSL_PARAM_utf8_string(id_name, NULL, 0),
                                      OSSL_PARAM_utf8_string(usage_name, NULL, 0),
                                      OSSL_PARAM_size_t(OSSL_PKEY_PARAM_RSA_BITS, NULL),
                                      OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
                                      OSSL_PARAM_size_t(OSSL_PKEY_PARAM_RSA_PRIMES, NULL),
                                      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
                                      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, NULL, 0),
                                      OSSL_PARAM_END};
    (void)gen;
    (void)provctx;
    return list;
}

/* "sign,decrypt" */
static bool usage_take(struct keygen *g, const char *words)
{
    char word[32];
    uint32_t usage = 0, bit;
    for (const char *p = words; *p;) {
        const size_t n = strcspn(p, ",");
        if (n >= sizeof word)
            return false;
        memcpy(word, p, n);
        word[n] = 0;
        if (hufu_value("usage", word, &bit))
            return false;
        usage |= bit;
        p += n + (p[n] == ',');
    }
    g->usage = usage;
    return usage != 0;
}

static bool id_take(struct keygen *g, const char *hex)
{
    return OPENSSL_hexstr2buf_ex(g->id, sizeof g->id, &g->id_size, hex, '\0') == 1;
}

static int set_ours(struct keygen *g, const OSSL_PARAM params[])
{
    char text[256];
    char *to = text;
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, label_name);
    to = g->label;
    if (p && !OSSL_PARAM_get_utf8_string(p, &to, sizeof g->label))
        return FAIL(g->prov, REASON_ARGUMENT, "%s: at most %d bytes", label_name, HUFU_LABEL_MAX);
    p = OSSL_PARAM_locate_const(params, id_name);
    to = text;
    if (p && (!OSSL_PARAM_get_utf8_string(p, &to, sizeof text) || !id_take(g, text)))
        return FAIL(g->prov, REASON_ARGUMENT, "%s: up to %d bytes in hexadecimal", id_name,
                    HUFU_ID_MAX);
    p = OSSL_PARAM_locate_const(params, usage_name);
    if (p && (!OSSL_PARAM_get_utf8_string(p, &to, sizeof text) || !usage_take(g, text)))
        return FAIL(g->prov, REASON_ARGUMENT,
                    "%s: words of sign, decrypt, agree, export-wrapped, derive-out, with commas",
                    usage_name);
    return 1;
}

static bool curve_take(struct keygen *g)
{
    static const struct {
        const char *name;
        enum family family;
        uint8_t type;
    } known[] = {{"SM2", FAMILY_SM2, HUFU_KEY_SM2},        {"P-256", FAMILY_EC, HUFU_KEY_P256},
                 {"prime256v1", FAMILY_EC, HUFU_KEY_P256}, {"secp256r1", FAMILY_EC, HUFU_KEY_P256},
                 {"P-384", FAMILY_EC, HUFU_KEY_P384},      {"secp384r1", FAMILY_EC, HUFU_KEY_P384}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].family == g->family && !OPENSSL_strcasecmp(g->group, known[i].name)) {
            g->curve = known[i].type;
            return true;
        }
    return false;
}

static int set_rsa(struct keygen *g, const OSSL_PARAM params[])
{
    size_t primes = 2;
    BIGNUM *e = NULL;
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_BITS);
    if (p &&
        (!OSSL_PARAM_get_size_t(p, &g->bits) || g->bits < 2048 || g->bits > 4096 || g->bits % 1024))
        return FAIL(g->prov, REASON_ARGUMENT, "RSA keys of 2048, 3072 and 4096 bits are made");
    p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_PRIMES);
    if (p && (!OSSL_PARAM_get_size_t(p, &primes) || primes != 2))
        return FAIL(g->prov, REASON_ARGUMENT, "RSA keys are made of two primes");
    p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_E);
    const bool known = !p || (OSSL_PARAM_get_BN(p, &e) && BN_is_word(e, 65537));
    BN_free(e);
    return known || FAIL(g->prov, REASON_ARGUMENT, "RSA keys are made with the exponent 65537");
}

/* The curve by its name, which is also the only way to write it here. */
static int set_curve(struct keygen *g, const OSSL_PARAM params[])
{
    const char *encoding = OSSL_PKEY_EC_ENCODING_GROUP;
    char *to = g->group;
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
    if (p && !OSSL_PARAM_get_utf8_string(p, &to, sizeof g->group))
        return FAIL(g->prov, REASON_ARGUMENT, "no such curve");
    if (p && !curve_take(g))
        return FAIL(g->prov, REASON_ARGUMENT, "%s: not a curve that the device has", g->group);
    p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_EC_ENCODING);
    return !p ||
           (OSSL_PARAM_get_utf8_string_ptr(p, &encoding) &&
            !strcmp(encoding, OSSL_PKEY_EC_ENCODING_GROUP)) ||
           FAIL(g->prov, REASON_ARGUMENT, "curves have names, not parameters, here");
}

int keygen_set(void *gen, const OSSL_PARAM params[])
{
    struct keygen *g = gen;
    if (!params)
        return 1;
    return (g->family == FAMILY_RSA ? set_rsa(g, params) : set_curve(g, params)) &&
           set_ours(g, params);
}

static uint8_t type_of(const struct keygen *g)
{
    if (g->family != FAMILY_RSA)
        return g->curve;
    return (uint8_t)(HUFU_KEY_RSA2048 + (g->bits - 2048) / 1024);
}

struct making {
    struct keygen *gen;
    struct hufu_object object;
    uint8_t serial[HUFU_SERIAL_SIZE];
};

/* A key without an id gets the one of RFC 5280, 4.2.1.2: SHA-1 of its public key. */
static enum hufu_status name_it(struct hufu_session *session, struct making *m)
{
    const struct prov *prov = m->gen->prov;
    uint8_t der[600];
    const uint8_t *p = der;
    size_t n = sizeof der;
    unsigned size = 0;
    struct hufu_object *o = &m->object;
    enum hufu_status s = hufu_public_to_spki(o->type, o->public_key, o->public_size, der, &n);
    EVP_MD *sha1 = digest_fetch(prov, "SHA1");
    X509_PUBKEY *key = X509_PUBKEY_new_ex(prov->libctx, NULL);
    const unsigned char *bits;
    int bits_size;
    if (!s && key && d2i_X509_PUBKEY(&key, &p, (long)n) &&
        X509_PUBKEY_get0_param(NULL, &bits, &bits_size, NULL, key) &&
        EVP_Digest(bits, (size_t)bits_size, o->id, &size, sha1, NULL))
        o->id_size = size;
    EVP_MD_free(sha1);
    X509_PUBKEY_free(key);
    return s ? s : hufu_object_label(session, o->handle, o->label, o->id, o->id_size);
}

static enum hufu_status make(struct hufu_session *session, void *arg)
{
    struct making *m = arg;
    struct keygen *g = m->gen;
    const struct hufu_key_spec spec = {.type = type_of(g),
                                       .usage = g->usage,
                                       .label = g->label,
                                       .id = g->id,
                                       .id_size = g->id_size};
    memcpy(m->serial, link_serial(session), sizeof m->serial);
    uint32_t handle;
    enum hufu_status s = hufu_key_generate(session, &spec, &handle, NULL, NULL);
    if (!s)
        s = hufu_object_info(session, handle, &m->object);
    return s || g->id_size ? s : name_it(session, m);
}

void *keygen_run(void *gen, OSSL_CALLBACK *progress, void *arg)
{
    struct making m = {.gen = gen};
    (void)progress; /* it is done before a dot could be drawn */
    (void)arg;
    return link_run(m.gen->prov, NULL, NULL, true, make, &m)
               ? key_of_object(m.gen->prov, &m.object, m.serial, false)
               : NULL;
}
