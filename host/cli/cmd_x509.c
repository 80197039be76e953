/* Certificate requests and self-signed certificates for keys of the device. */
#include <string.h>

#include "host/cli/pem.h"
#include "host/cli/x509.h"

enum { SERIAL_SIZE = 16 };

struct subject {
    struct hufu_object key;
    EVP_PKEY *pkey;
    X509_NAME *name;
    X509_EXTENSION *san;
    uint32_t hash;
};

static void subject_free(struct subject *s)
{
    EVP_PKEY_free(s->pkey);
    X509_NAME_free(s->name);
    X509_EXTENSION_free(s->san);
}

/* Log in, find --key, and read --subj and --hash. subject_free is owed either way. */
static int subject_get(struct cli *cli, struct subject *s)
{
    memset(s, 0, sizeof *s);
    s->name = x509_name(cli, value_of(cli, "subj"));
    int status = s->name ? x509_san(cli, &s->san) : USAGE;
    if (!status)
        status = link_login(cli);
    if (!status)
        status = key_find(cli, value_of(cli, "key"), &s->key);
    if (!status)
        status = x509_hash(cli, &s->key, &s->hash);
    if (!status && !(s->pkey = x509_key(cli, &s->key)))
        status = FAILED;
    return status;
}

static int sign_and_write(struct cli *cli, const struct subject *s, const char *kind,
                          const uint8_t *tbs, int tbs_size)
{
    uint8_t *der;
    size_t n;
    if (tbs_size <= 0)
        return say_crypto(kind);
    int status = x509_sign(cli, &s->key, s->hash, tbs, (size_t)tbs_size, &der, &n);
    if (!status)
        status = pem_write(cli, kind, der, n);
    OPENSSL_free(der);
    return status;
}

/* ------------------------------------------------------------------ csr */

static bool request_fill(X509_REQ *req, const struct subject *s)
{
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    bool ok = extensions && X509_REQ_set_version(req, X509_REQ_VERSION_1) &&
              X509_REQ_set_subject_name(req, s->name) && X509_REQ_set_pubkey(req, s->pkey);
    if (ok && s->san)
        ok = sk_X509_EXTENSION_push(extensions, s->san) > 0 &&
             X509_REQ_add_extensions(req, extensions);
    sk_X509_EXTENSION_free(extensions);
    return ok;
}

static int run_csr(struct cli *cli)
{
    struct subject s;
    uint8_t *tbs = NULL;
    int status = subject_get(cli, &s);
    X509_REQ *req = X509_REQ_new();
    if (!status && (!req || !request_fill(req, &s)))
        status = say_crypto("request");
    if (!status) {
        const int n = i2d_re_X509_REQ_tbs(req, &tbs);
        status = sign_and_write(cli, &s, "CERTIFICATE REQUEST", tbs, n);
    }
    OPENSSL_free(tbs);
    X509_REQ_free(req);
    subject_free(&s);
    return status;
}

/* ------------------------------------------------------------------ cert selfsign */

/* 126 random bits behind a 1, never 0: RFC 5280 wants it positive and at most 20 bytes long. */
static int set_serial(struct cli *cli, X509 *x)
{
    uint8_t bytes[SERIAL_SIZE];
    if (hufu_random(cli->device, bytes, sizeof bytes))
        return say_library(cli);
    bytes[0] = (uint8_t)((bytes[0] & 0x7F) | 0x40);
    BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
    const bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return ok ? DONE : say_crypto("serial number");
}

static bool add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    const bool ok = e && X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    return ok;
}

static bool add_extensions(X509 *x, const struct subject *s, bool ca)
{
    const char *usage = ca ? "critical,keyCertSign,cRLSign"
                        : x509_is_rsa(&s->key)
                            ? "critical,digitalSignature,nonRepudiation,keyEncipherment"
                            : "critical,digitalSignature,nonRepudiation";
    return add_extension(x, NID_basic_constraints, ca ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
           add_extension(x, NID_key_usage, usage) &&
           add_extension(x, NID_subject_key_identifier, "hash") &&
           add_extension(x, NID_authority_key_identifier, "keyid:always") &&
           (!s->san || X509_add_ext(x, s->san, -1));
}

static int certificate_fill(struct cli *cli, X509 *x, const struct subject *s)
{
    uint64_t days;
    if (!number_of(cli, "days", 1, 36500, 365, &days))
        return USAGE;
    const int status = set_serial(cli, x);
    if (status)
        return status;
    /* libcrypto has no call that sets the algorithm inside without signing; the place it gives out
     * is the certificate's */
    X509_ALGOR *inside;
    const X509_ALGOR *place = X509_get0_tbs_sigalg(x);
    memcpy(&inside, &place, sizeof inside);
    const bool ok = X509_set_version(x, X509_VERSION_3) && X509_set_subject_name(x, s->name) &&
                    X509_set_issuer_name(x, s->name) &&
                    X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
                    X509_time_adj_ex(X509_getm_notAfter(x), (int)days, 0, NULL) &&
                    X509_set_pubkey(x, s->pkey) && add_extensions(x, s, flag(cli, "ca"));
    if (!ok)
        return say_crypto("certificate");
    return x509_algorithm(&s->key, s->hash, inside) ? DONE : FAILED;
}

static int run_selfsign(struct cli *cli)
{
    struct subject s;
    uint8_t *tbs = NULL;
    int status = subject_get(cli, &s);
    X509 *x = X509_new();
    if (!status)
        status = x ? certificate_fill(cli, x, &s) : say_failed("no memory");
    if (!status) {
        const int n = i2d_re_X509_tbs(x, &tbs);
        status = sign_and_write(cli, &s, "CERTIFICATE", tbs, n);
    }
    OPENSSL_free(tbs);
    X509_free(x);
    subject_free(&s);
    return status;
}

/* ------------------------------------------------------------------ table */

#define SUBJECT                                                                                    \
    {"key=KEY!", "a key of the device: its label, id:HEX, or its handle", 0},                      \
        {"subj=NAME!", "/C=CN/O=Example/CN=host, in UTF-8, \\/ for a slash", 0},                   \
        {"san=NAME", "DNS:host, IP:address, email:address or URI:..; may be repeated", 0},         \
        {"hash=HASH", "RSA, EC: sha256 (default; P-384: sha384), sha384, sha512; SM2: sm3", 0},    \
        {"out=FILE", "where to (default: standard output)", 0},                                    \
    {                                                                                              \
        "format=pem|der", "of the output (default pem)", 0                                         \
    }

static const struct option csr_options[] = {SUBJECT, {NULL, NULL, 0}};
static const struct option selfsign_options[] = {SUBJECT,
                                                 {"days=N", "valid for (default 365)", 0},
                                                 {"ca", "of a CA: may sign certificates", 0},
                                                 {NULL, NULL, 0}};

const struct command x509_commands[] = {
    {"csr", NULL, "A certificate request (PKCS #10) for a key of the device", "user", run_csr,
     csr_options},
    {"cert selfsign", NULL, "A self-signed certificate for a key of the device", "user",
     run_selfsign, selfsign_options},
    {NULL, NULL, NULL, NULL, NULL, NULL}};
