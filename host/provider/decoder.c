/* The file that stands for a key of the device, back into the key. */
#include <openssl/asn1t.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "host/provider/provider.h"
#include "host/provider/uripem.h"

enum { DER_MAX = 4096 };

struct decoder {
    struct prov *prov;
};

static void *decoder_new(void *provctx)
{
    struct decoder *d = OPENSSL_zalloc(sizeof *d);
    if (d)
        d->prov = provctx;
    return d;
}

static void decoder_free(void *decoder)
{
    OPENSSL_free(decoder);
}

/* ------------------------------------------------------------------ PEM to DER */

/* What is not ours is another decoder's: 1, with nothing handed on. */
static int pem_decode(void *decoder, OSSL_CORE_BIO *core, int selection, OSSL_CALLBACK *give,
                      void *arg, OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
    const struct decoder *d = decoder;
    char *name = NULL, *header = NULL, structure[] = URIPEM_STRUCTURE;
    unsigned char *der = NULL;
    long n = 0;
    int done = 1;
    (void)selection;
    (void)ask;
    (void)ask_arg;
    BIO *in = BIO_new_from_core_bio(d->prov->libctx, core);
    ERR_set_mark();
    if (in && PEM_read_bio(in, &name, &header, &der, &n) > 0 && !strcmp(name, URIPEM_LABEL) &&
        n > 0) {
        const OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, structure, 0),
            OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der, (size_t)n),
            OSSL_PARAM_construct_end()};
        ERR_pop_to_mark();
        done = give(params, arg);
    } else {
        ERR_pop_to_mark();
    }
    BIO_free(in);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    return done;
}

static const OSSL_DISPATCH pem_table[] = {ENTRY(OSSL_FUNC_DECODER_NEWCTX, decoder_new),
                                          ENTRY(OSSL_FUNC_DECODER_FREECTX, decoder_free),
                                          ENTRY(OSSL_FUNC_DECODER_DECODE, pem_decode), ENTRY_END};

/* ------------------------------------------------------------------ DER to key */

/* The second string of the sequence, as text (room DER_MAX); false: it is not such a sequence. */
static bool uri_text(const uint8_t *der, long n, char *text)
{
    const uint8_t *p = der;
    bool good = false;
    ASN1_SEQUENCE_ANY *sequence = d2i_ASN1_SEQUENCE_ANY(NULL, &p, n);
    const ASN1_TYPE *uri =
        sequence && sk_ASN1_TYPE_num(sequence) == 2 ? sk_ASN1_TYPE_value(sequence, 1) : NULL;
    if (uri && p == der + n && uri->type == V_ASN1_UTF8STRING &&
        ASN1_TYPE_get(sk_ASN1_TYPE_value(sequence, 0)) == V_ASN1_VISIBLESTRING) {
        const ASN1_STRING *s = uri->value.utf8string;
        const size_t size = (size_t)ASN1_STRING_length(s);
        good = size < DER_MAX && !memchr(ASN1_STRING_get0_data(s), 0, size);
        if (good)
            memcpy(text, ASN1_STRING_get0_data(s), size);
        text[good ? size : 0] = 0;
    }
    sk_ASN1_TYPE_pop_free(sequence, ASN1_TYPE_free);
    return good;
}

static long read_all(const struct decoder *d, OSSL_CORE_BIO *core, uint8_t *der)
{
    size_t n = 0;
    BIO *in = BIO_new_from_core_bio(d->prov->libctx, core);
    const int got = in ? BIO_read_ex(in, der, DER_MAX, &n) : 0;
    BIO_free(in);
    return got ? (long)n : 0;
}

/* The one key of the URI, if it is of this family; the others have decoders of their own. */
static int key_decode(const struct decoder *d, enum family family, const char *text,
                      OSSL_CALLBACK *give, void *arg, OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
    struct uri uri;
    struct found_list list;
    if (!uri_parse(d->prov, text, &uri))
        return 0;
    const struct pin_hint hint = {&uri, ask, ask_arg};
    int done = find(d->prov, &uri, &hint, WANT_PRIVATE, &list);
    if (done && !list.n)
        done = FAIL(d->prov, REASON_KEY, "%s: no such key on the device", text);
    else if (done && list.n > 1)
        done = FAIL(d->prov, REASON_KEY, "%s: more than one key on the device is this", text);
    else if (done && list.item[0].key->family == family)
        done = key_hand_out(list.item[0].key, give, arg);
    found_free(&list);
    hufu_wipe(&uri, sizeof uri);
    return done;
}

static int der_decode(void *decoder, enum family family, OSSL_CORE_BIO *core, OSSL_CALLBACK *give,
                      void *arg, OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
    const struct decoder *d = decoder;
    uint8_t der[DER_MAX];
    char text[DER_MAX];
    const long n = read_all(d, core, der);
    ERR_set_mark();
    const bool ours = n > 0 && uri_text(der, n, text);
    ERR_pop_to_mark();
    return !ours || key_decode(d, family, text, give, arg, ask, ask_arg);
}

static int der_does(void *provctx, int selection)
{
    (void)provctx;
    return !selection || selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY;
}

#define DECODER(name, family)                                                                      \
    static int name##_decode(void *decoder, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *give, \
                             void *arg, OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)              \
    {                                                                                              \
        (void)selection;                                                                           \
        return der_decode(decoder, family, in, give, arg, ask, ask_arg);                           \
    }                                                                                              \
    static const OSSL_DISPATCH name##_table[] = {                                                  \
        ENTRY(OSSL_FUNC_DECODER_NEWCTX, decoder_new),                                              \
        ENTRY(OSSL_FUNC_DECODER_FREECTX, decoder_free),                                            \
        ENTRY(OSSL_FUNC_DECODER_DOES_SELECTION, der_does),                                         \
        ENTRY(OSSL_FUNC_DECODER_DECODE, name##_decode), ENTRY_END};

DECODER(rsa, FAMILY_RSA)
DECODER(sm2, FAMILY_SM2)
DECODER(ec, FAMILY_EC)

#define PROPERTIES "provider=hufu,input=der,structure=" URIPEM_STRUCTURE

const OSSL_ALGORITHM prov_decoder[] = {
    {"DER", "provider=hufu,input=pem", pem_table, "PEM of a key URI"},
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, rsa_table, "an RSA key by its URI"},
    {"SM2:1.2.156.10197.1.301", PROPERTIES, sm2_table, "an SM2 key by its URI"},
    {"EC:id-ecPublicKey:1.2.840.10045.2.1", PROPERTIES, ec_table, "an EC key by its URI"},
    {NULL, NULL, NULL, NULL}};
