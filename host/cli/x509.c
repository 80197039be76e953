#include "host/cli/x509.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

X509 *x509_parse(const uint8_t *data, size_t size)
{
    const uint8_t *p = data;
    BIO *bio = BIO_new_mem_buf(data, (int)size);
    X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return x ? x : d2i_X509(NULL, &p, (long)size);
}

EVP_PKEY *x509_key(const struct cli *cli, const struct hufu_object *key)
{
    uint8_t der[600];
    const uint8_t *p = der;
    size_t n = sizeof der;
    if (!key->public_size) {
        say_failed("a secret key cannot be certified: give an SM2, EC or RSA key");
        return NULL;
    }
    if (hufu_public_to_spki(key->type, key->public_key, key->public_size, der, &n)) {
        say_library(cli);
        return NULL;
    }
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, (long)n);
    if (!pkey)
        say_crypto("the device's public key");
    return pkey;
}

/* ------------------------------------------------------------------ names */

/* The text up to an unescaped slash, without the escapes; its size in the source. */
static size_t unescape(const char *text, char *out)
{
    size_t i = 0, n = 0;
    for (; text[i] && text[i] != '/'; i++) {
        if (text[i] == '\\' && text[i + 1])
            i++;
        out[n++] = text[i];
    }
    out[n] = 0;
    return i;
}

/* One "TYPE=value". */
static int add_entry(const struct cli *cli, X509_NAME *name, char *entry)
{
    char *value = strchr(entry, '=');
    if (!value)
        return say_usage(cli, "--subj: \"%s\" is not TYPE=value", entry);
    *value++ = 0;
    const int nid = OBJ_txt2nid(entry);
    if (nid == NID_undef)
        return say_usage(cli, "--subj: no such type of attribute: %s", entry);
    if (!*value)
        return DONE; /* as openssl does: an empty one is left out */
    if (X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)value, -1, -1,
                                   0))
        return DONE;
    say_crypto(entry);
    return FAILED;
}

X509_NAME *x509_name(const struct cli *cli, const char *text)
{
    X509_NAME *name = X509_NAME_new();
    char *entry = malloc(strlen(text) + 1);
    int status = name && entry ? DONE : say_failed("no memory");
    if (!status && *text != '/')
        status = say_usage(cli, "--subj: give it as /C=CN/O=Example/CN=host");
    while (!status && *text == '/') {
        text += 1 + unescape(text + 1, entry);
        if (*entry)
            status = add_entry(cli, name, entry);
    }
    if (!status && X509_NAME_entry_count(name) == 0)
        status = say_usage(cli, "--subj names nothing");
    free(entry);
    if (status) {
        X509_NAME_free(name);
        name = NULL;
    }
    return name;
}

/* ------------------------------------------------------------------ subject alternative names */

static GENERAL_NAME *general_name(const struct cli *cli, const char *text)
{
    static const struct {
        const char *prefix;
        int type;
    } kinds[] = {{"DNS:", GEN_DNS}, {"IP:", GEN_IPADD}, {"email:", GEN_EMAIL}, {"URI:", GEN_URI}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const size_t n = strlen(kinds[i].prefix);
        if (strncmp(text, kinds[i].prefix, n) || !text[n])
            continue;
        char *value = strdup(text + n);
        GENERAL_NAME *g =
            value ? a2i_GENERAL_NAME(NULL, NULL, NULL, kinds[i].type, value, 0) : NULL;
        free(value);
        if (!g)
            say_crypto(text);
        return g;
    }
    say_usage(cli, "--san %s: give DNS:, IP:, email: or URI: and a value", text);
    return NULL;
}

int x509_san(const struct cli *cli, X509_EXTENSION **out)
{
    const char *text;
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    int status = names ? DONE : say_failed("no memory");
    *out = NULL;
    for (unsigned i = 0; !status && (text = value_nth(cli, "san", i)) != NULL; i++) {
        GENERAL_NAME *g = general_name(cli, text);
        if (!g || !sk_GENERAL_NAME_push(names, g)) {
            GENERAL_NAME_free(g);
            status = USAGE;
        }
    }
    if (!status && sk_GENERAL_NAME_num(names) > 0) {
        *out = X509V3_EXT_i2d(NID_subject_alt_name, 0, names);
        if (!*out)
            status = say_crypto("--san");
    }
    GENERAL_NAMES_free(names);
    return status;
}

/* ------------------------------------------------------------------ signatures */

bool x509_is_rsa(const struct hufu_object *key)
{
    return hufu_signature_size(key->type) >= 256;
}

int x509_hash(const struct cli *cli, const struct hufu_object *key, uint32_t *hash)
{
    const bool sm2 = key->type == HUFU_KEY_SM2;
    if (!word_of(cli, "hash", "digest",
                 sm2                          ? HUFU_DIGEST_SM3
                 : key->type == HUFU_KEY_P384 ? HUFU_DIGEST_SHA384
                                              : HUFU_DIGEST_SHA256,
                 hash))
        return USAGE;
    if (sm2 && *hash != HUFU_DIGEST_SM3)
        return say_usage(cli, "an SM2 key signs with sm3");
    if (!*hash || *hash == HUFU_DIGEST_SHA1)
        return say_usage(cli, "--hash: give sha256, sha384 or sha512");
    return DONE;
}

bool x509_algorithm(const struct hufu_object *key, uint32_t hash, X509_ALGOR *out)
{
    int nid = NID_SM2_with_SM3;
    const bool sm2 = key->type == HUFU_KEY_SM2, rsa = x509_is_rsa(key);
    const int key_nid = rsa ? NID_rsaEncryption : NID_X9_62_id_ecPublicKey;
    if ((sm2 || OBJ_find_sigid_by_algs(&nid, hash_nid(hash), key_nid)) &&
        X509_ALGOR_set0(out, OBJ_nid2obj(nid), rsa ? V_ASN1_NULL : V_ASN1_UNDEF, NULL))
        return true;
    say_crypto("signature algorithm");
    return false;
}

static int sign(struct cli *cli, const struct hufu_object *key, uint32_t hash, const uint8_t *tbs,
                size_t tbs_size, uint8_t signature[HUFU_SIGNATURE_MAX], size_t *size)
{
    const bool sm2 = key->type == HUFU_KEY_SM2, rsa = x509_is_rsa(key);
    const struct hufu_signing how = {.scheme = sm2   ? HUFU_SIGN_SM2
                                               : rsa ? HUFU_SIGN_RSA_PKCS1
                                                     : HUFU_SIGN_ECDSA,
                                     .hash = (uint8_t)hash};
    uint8_t digest[HUFU_DIGEST_MAX], raw[HUFU_SIGNATURE_MAX];
    size_t n;
    if (hash_bytes(tbs, tbs_size, hash, sm2 ? key : NULL, NULL, digest, &n))
        return FAILED;
    if (rsa)
        return hufu_sign(cli->session, key->handle, &how, digest, n, signature, size)
                   ? say_library(cli)
                   : DONE;
    if (hufu_sign(cli->session, key->handle, &how, digest, n, raw, size) ||
        hufu_ec_signature_to_der(raw, *size, signature, size))
        return say_library(cli);
    return DONE;
}

/* Lay the three parts one after the other into a SEQUENCE. */
static int assemble(const uint8_t *tbs, size_t tbs_size, const X509_ALGOR *algorithm,
                    const ASN1_BIT_STRING *bits, uint8_t **der, size_t *der_size)
{
    const int a = i2d_X509_ALGOR(algorithm, NULL), b = i2d_ASN1_BIT_STRING(bits, NULL);
    if (a <= 0 || b <= 0)
        return say_crypto("signature");
    const int content = (int)tbs_size + a + b;
    const int size = ASN1_object_size(1, content, V_ASN1_SEQUENCE);
    uint8_t *p = size > 0 ? OPENSSL_malloc((size_t)size) : NULL;
    if (!p)
        return say_failed("no memory");
    *der = p;
    *der_size = (size_t)size;
    ASN1_put_object(&p, 1, content, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    memcpy(p, tbs, tbs_size);
    p += tbs_size;
    i2d_X509_ALGOR(algorithm, &p);
    i2d_ASN1_BIT_STRING(bits, &p);
    return DONE;
}

int x509_sign(struct cli *cli, const struct hufu_object *key, uint32_t hash, const uint8_t *tbs,
              size_t tbs_size, uint8_t **der, size_t *der_size)
{
    uint8_t signature[HUFU_SIGNATURE_MAX];
    size_t n;
    X509_ALGOR *algorithm = X509_ALGOR_new();
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    int status = algorithm && bits ? DONE : say_failed("no memory");
    *der = NULL;
    if (!status)
        status = sign(cli, key, hash, tbs, tbs_size, signature, &n);
    if (!status && !x509_algorithm(key, hash, algorithm))
        status = FAILED;
    if (!status && !ASN1_BIT_STRING_set(bits, signature, (int)n))
        status = say_failed("no memory");
    if (!status) { /* all bits count, also when the last ones are zero */
        bits->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 7L);
        bits->flags |= ASN1_STRING_FLAG_BITS_LEFT;
        status = assemble(tbs, tbs_size, algorithm, bits, der, der_size);
    }
    ASN1_BIT_STRING_free(bits);
    X509_ALGOR_free(algorithm);
    return status;
}
