/* What the device states of itself: its key, its certificate, attestations. */
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/pem.h"
#include "host/cli/x509.h"

enum { DER_ROOM = 4096, FILE_MAX = 65536 };

static int run_identity(struct cli *cli)
{
    uint8_t key[64];
    const int status = link_open(cli);
    if (status)
        return status;
    return hufu_identity(cli->device, key) ? say_library(cli)
                                           : public_write(cli, HUFU_KEY_SM2, key, sizeof key);
}

static int run_certificate(struct cli *cli)
{
    uint8_t der[DER_ROOM];
    size_t n = sizeof der;
    const int status = link_open(cli);
    if (status)
        return status;
    return hufu_identity_certificate(cli->device, der, &n) ? say_library(cli)
                                                           : pem_write(cli, "CERTIFICATE", der, n);
}

static int run_request(struct cli *cli)
{
    uint8_t der[DER_ROOM];
    size_t n = sizeof der;
    const int status = link_login(cli);
    if (status)
        return status;
    return hufu_identity_request(cli->session, der, &n)
               ? say_library(cli)
               : pem_write(cli, "CERTIFICATE REQUEST", der, n);
}

/* A certificate of a file, PEM or DER. The caller frees; NULL after a message. */
static X509 *certificate_read(const char *path)
{
    uint8_t *data;
    size_t size;
    if (file_read(path, FILE_MAX, &data, &size))
        return NULL;
    X509 *x = x509_parse(data, size);
    free(data);
    if (!x)
        say_failed("%s: no certificate in PEM or DER", path ? path : "standard input");
    return x;
}

static int run_install(struct cli *cli)
{
    uint8_t *der = NULL;
    const char *path = operand(cli, 0);
    if (!path || operand(cli, 1))
        return say_usage(cli, "give one file");
    X509 *x = certificate_read(path);
    int status = x ? link_login(cli) : FAILED;
    const int n = status ? 0 : i2d_X509(x, &der);
    if (!status && (n <= 0 || n > HUFU_CERTIFICATE_MAX))
        status = say_failed("%s: a certificate of more than %d bytes", path, HUFU_CERTIFICATE_MAX);
    if (!status && hufu_identity_install(cli->session, der, (size_t)n))
        status = hufu_last_sw() == HUFU_E_WRONG_DATA
                     ? say_failed("%s: a certificate of another key than the device's", path)
                     : say_library(cli);
    OPENSSL_free(der);
    X509_free(x);
    return status;
}

/* ------------------------------------------------------------------ attest */

static int run_attest(struct cli *cli)
{
    uint8_t der[DER_ROOM], nonce[64];
    size_t n = sizeof der, nonce_size = sizeof nonce;
    struct hufu_object key;
    const char *named = value_of(cli, "key"), *given = operand(cli, 0);
    if (!named == !given || operand(cli, 1))
        return say_usage(cli, "give one key: its label, id:HEX, or its handle");
    if (!hex_of(cli, "nonce", nonce, &nonce_size))
        return USAGE;
    int status = link_login(cli);
    if (!status)
        status = key_find(cli, named ? named : given, &key);
    if (status)
        return status;
    return hufu_attest_certificate(cli->session, key.handle, nonce, nonce_size, der, &n)
               ? say_library(cli)
               : pem_write(cli, "CERTIFICATE", der, n);
}

/* The statement in the certificate, which is about the certificate's own key. */
static int statement_of(const char *path, X509 *x, struct hufu_key_statement *s)
{
    uint8_t spki[600], *own = NULL;
    size_t n = sizeof spki;
    ASN1_OBJECT *oid = OBJ_txt2obj(HUFU_STATEMENT_OID, 1);
    const int at = oid ? X509_get_ext_by_OBJ(x, oid, -1) : -1;
    X509_EXTENSION *e = at < 0 ? NULL : X509_get_ext(x, at);
    const ASN1_OCTET_STRING *v = e ? X509_EXTENSION_get_data(e) : NULL;
    ASN1_OBJECT_free(oid);
    if (!v || hufu_statement_read(ASN1_STRING_get0_data(v), (size_t)ASN1_STRING_length(v), s))
        return say_failed("%s: no attestation of a Hufu device", path);
    const int size = i2d_PUBKEY(X509_get0_pubkey(x), &own);
    const bool same =
        size > 0 &&
        !hufu_public_to_spki(s->key.type, s->key.public_key, s->key.public_size, spki, &n) &&
        n == (size_t)size && !memcmp(spki, own, n);
    OPENSSL_free(own);
    return same ? DONE : say_failed("%s: the statement is about another key", path);
}

static bool issued_by(X509 *x, X509 *device)
{
    static const char id[] = "1234567812345678";
    ASN1_OCTET_STRING *distid = ASN1_OCTET_STRING_new();
    if (!distid || !ASN1_OCTET_STRING_set(distid, (const unsigned char *)id, sizeof id - 1)) {
        ASN1_OCTET_STRING_free(distid);
        return false;
    }
    X509_set0_distinguishing_id(x, distid);
    return !X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(device)) &&
           X509_verify(x, X509_get0_pubkey(device)) == 1;
}

static void print_statement(const struct cli *cli, const struct hufu_key_statement *s)
{
    char w[24], t[32], usage[USAGE_ROOM], hex[2 * 64 + 1];
    if (flag(cli, "json")) {
        json_open(NULL, '{');
        json_hex("serial", s->serial, sizeof s->serial);
        json_text("firmware", s->firmware);
        json_text("port", s->port);
        json_text("time", time_text(s->time, t));
        json_number("handle", s->key.handle);
        json_text("type", word("key", s->key.type, w));
        json_text("label", s->key.label);
        json_mask("usage", "usage", s->key.usage);
        json_text("origin", word("origin", s->key.origin, w));
        json_text("created", time_text(s->key.created, t));
        policy_json(&s->key.policy);
        json_hex("nonce", s->nonce, s->nonce_size);
        json_close('}');
        json_end();
        return;
    }
    printf("device    %s, firmware %s on %s\n", hex_text(s->serial, sizeof s->serial, hex),
           s->firmware, s->port);
    printf("stated    %s\n", time_text(s->time, t));
    printf("key       %u, %s, %s\n", (unsigned)s->key.handle, word("key", s->key.type, w),
           s->key.label);
    printf("usage     %s\n", mask_words("usage", s->key.usage, usage, sizeof usage));
    printf("origin    %s, %s\n", word("origin", s->key.origin, w), time_text(s->key.created, t));
    policy_text(&s->key.policy);
    printf("nonce     %s\n", hex_text(s->nonce, s->nonce_size, hex));
}

static int run_attest_verify(struct cli *cli)
{
    struct hufu_key_statement s;
    uint8_t nonce[64];
    size_t nonce_size = sizeof nonce;
    const char *path = operand(cli, 0), *device_path = value_of(cli, "device-cert");
    if (!hex_of(cli, "nonce", nonce, &nonce_size))
        return USAGE;
    if (!path || operand(cli, 1))
        return say_usage(cli, "give one file");
    X509 *x = certificate_read(path), *device = x ? certificate_read(device_path) : NULL;
    int status = x && device ? statement_of(path, x, &s) : FAILED;
    if (!status && !issued_by(x, device))
        status = say_failed("%s: not issued by the device of %s", path, device_path);
    if (!status && value_of(cli, "nonce") &&
        (nonce_size != s.nonce_size || memcmp(nonce, s.nonce, nonce_size)))
        status = say_failed("%s: another nonce: it is not the answer to this question", path);
    if (!status)
        print_statement(cli, &s);
    X509_free(x);
    X509_free(device);
    return status;
}

/* ------------------------------------------------------------------ table */

#define OUT                                                                                        \
    {"out=FILE", "where to (default: standard output)", 0},                                        \
    {                                                                                              \
        "format=pem|der", "of the output (default pem)", 0                                         \
    }
static const struct option out_options[] = {OUT, {NULL, NULL, 0}};
static const struct option attest_options[] = {
    {"key=KEY", "its label, id:HEX, or its handle: the same as KEY alone", 0},
    {"nonce=HEX", "up to 64 bytes that come back in it: it is fresh", 0},
    OUT,
    {NULL, NULL, 0}};
static const struct option verify_options[] = {
    {"device-cert=FILE!", "the device's certificate (hufu identity certificate), PEM or DER", 0},
    {"nonce=HEX", "what it must hold", 0},
    {NULL, NULL, 0}};

const struct command identity_commands[] = {
    {"identity certificate", NULL, "The certificate of the device's own key", NULL, run_certificate,
     out_options},
    {"identity request", NULL, "A request (PKCS #10) for one of your own CA", "admin", run_request,
     out_options},
    {"identity install", "FILE", "Take the certificate that your CA made of it", "admin",
     run_install, NULL},
    {"identity", NULL, "The device's own public key, that its statements are verified with", NULL,
     run_identity, out_options},
    {"attest verify", "FILE", "Who made a key and what it may, as the device states it", NULL,
     run_attest_verify, verify_options},
    {"attest", "KEY", "A certificate in which the device states what a key is", "user", run_attest,
     attest_options},
    {NULL, NULL, NULL, NULL, NULL, NULL}};
