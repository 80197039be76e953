/* Keys into files: the public half as ever, in place of the private half its URI. */
#include <openssl/asn1t.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "host/provider/provider.h"
#include "host/provider/uripem.h"

struct encoder {
    struct prov *prov;
};

static void *encoder_new(void *provctx)
{
    struct encoder *e = OPENSSL_zalloc(sizeof *e);
    if (e)
        e->prov = provctx;
    return e;
}

static void encoder_free(void *encoder)
{
    OPENSSL_free(encoder);
}

/* ------------------------------------------------------------------ what is written */

static ASN1_STRING *string_of(int type, const char *text)
{
    ASN1_STRING *s = ASN1_STRING_type_new(type);
    if (s && ASN1_STRING_set(s, text, -1))
        return s;
    ASN1_STRING_free(s);
    return NULL;
}

static ASN1_TYPE *type_of(int type, const char *text)
{
    ASN1_TYPE *t = ASN1_TYPE_new();
    ASN1_STRING *s = string_of(type, text);
    if (t && s) {
        ASN1_TYPE_set(t, type, s);
        return t;
    }
    ASN1_TYPE_free(t);
    ASN1_STRING_free(s);
    return NULL;
}

static int uri_der(const struct key *key, uint8_t **der)
{
    int n = -1;
    ASN1_SEQUENCE_ANY *sequence = sk_ASN1_TYPE_new_null();
    ASN1_TYPE *note = type_of(V_ASN1_VISIBLESTRING, URIPEM_NOTE);
    ASN1_TYPE *uri = type_of(V_ASN1_UTF8STRING, key->uri);
    if (sequence && note && uri && sk_ASN1_TYPE_push(sequence, note)) {
        note = NULL;
        if (sk_ASN1_TYPE_push(sequence, uri)) {
            uri = NULL;
            n = i2d_ASN1_SEQUENCE_ANY(sequence, der);
        }
    }
    ASN1_TYPE_free(note);
    ASN1_TYPE_free(uri);
    sk_ASN1_TYPE_pop_free(sequence, ASN1_TYPE_free);
    return n;
}

static int write_uri(BIO *out, const struct key *key)
{
    uint8_t *der = NULL;
    if (!key_private(key))
        return 0;
    const int n = uri_der(key, &der);
    const int done = n > 0 && PEM_write_bio(out, URIPEM_LABEL, "", der, n) > 0;
    OPENSSL_free(der);
    return done;
}

static int write_public_pem(BIO *out, const struct key *key)
{
    return PEM_write_bio_PUBKEY(out, key->public_key);
}

static int write_public_der(BIO *out, const struct key *key)
{
    return i2d_PUBKEY_bio(out, key->public_key);
}

static int write_text(BIO *out, const struct key *key)
{
    if (key->handle)
        BIO_printf(out, "Key of a Hufu device: %s\n", key->uri);
    return EVP_PKEY_print_public(out, key->public_key, 0, NULL) > 0;
}

/* ------------------------------------------------------------------ dispatch */

typedef int writer(BIO *out, const struct key *key);

static int encode(const struct encoder *e, OSSL_CORE_BIO *core, const void *vkey, writer *write)
{
    const struct key *key = vkey;
    BIO *out = key && key->public_key ? BIO_new_from_core_bio(e->prov->libctx, core) : NULL;
    const int done = out && write(out, key);
    BIO_free(out);
    return done;
}

/*
 * A key as data, not as this provider's: none of ours to write. Who asks for a pair or for all gets what stands for the
 * private half, never the public one in its place.
 */
#define ENCODER(name, bits, but)                                                                   \
    static int name##_encode(void *encoder, OSSL_CORE_BIO *out, const void *key,                   \
                             const OSSL_PARAM data[], int selection,                               \
                             OSSL_PASSPHRASE_CALLBACK *ask, void *arg)                             \
    {                                                                                              \
        (void)selection;                                                                           \
        (void)ask;                                                                                 \
        (void)arg;                                                                                 \
        return !data && encode(encoder, out, key, write_##name);                                   \
    }                                                                                              \
    static int name##_does(void *encoder, int selection)                                           \
    {                                                                                              \
        (void)encoder;                                                                             \
        return (selection & (bits)) && !(selection & (but));                                       \
    }                                                                                              \
    static const OSSL_DISPATCH name##_table[] = {                                                  \
        ENTRY(OSSL_FUNC_ENCODER_NEWCTX, encoder_new),                                              \
        ENTRY(OSSL_FUNC_ENCODER_FREECTX, encoder_free),                                            \
        ENTRY(OSSL_FUNC_ENCODER_DOES_SELECTION, name##_does),                                      \
        ENTRY(OSSL_FUNC_ENCODER_ENCODE, name##_encode), ENTRY_END};

ENCODER(uri, OSSL_KEYMGMT_SELECT_PRIVATE_KEY, 0)
ENCODER(public_pem, OSSL_KEYMGMT_SELECT_PUBLIC_KEY, OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
ENCODER(public_der, OSSL_KEYMGMT_SELECT_PUBLIC_KEY, OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
ENCODER(text, OSSL_KEYMGMT_SELECT_KEYPAIR, 0)

#define FAMILY(names)                                                                              \
    {names, "provider=hufu,output=pem,structure=PrivateKeyInfo", uri_table, "its URI"},            \
        {names, "provider=hufu,output=pem,structure=type-specific", uri_table, "its URI"},         \
        {names, "provider=hufu,output=pem,structure=SubjectPublicKeyInfo", public_pem_table,       \
         "its public half"},                                                                       \
        {names, "provider=hufu,output=der,structure=SubjectPublicKeyInfo", public_der_table,       \
         "its public half"},                                                                       \
    {                                                                                              \
        names, "provider=hufu,output=text", text_table, "what it is"                               \
    }

const OSSL_ALGORITHM prov_encoder[] = {FAMILY("RSA:rsaEncryption:1.2.840.113549.1.1.1"),
                                       FAMILY("SM2:1.2.156.10197.1.301"),
                                       FAMILY("EC:id-ecPublicKey:1.2.840.10045.2.1"),
                                       {NULL, NULL, NULL, NULL}};
