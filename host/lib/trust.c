/* Whom the host trusts to be its device: what the options say, and the file of known devices. */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware/crypto/sm2.h"
#include "firmware/crypto/sm3.h"
#include "host/lib/lib.h"

enum { PATH_ROOM = 4096, LINE_ROOM = 4096, FINGERPRINT_HEX = 64 };

/* ------------------------------------------------------------------ options */

static bool from_hex(const char *text, uint8_t out[32])
{
    for (int i = 0; i < 32; i++) {
        unsigned byte;
        int used = 0;
        if (sscanf(text + 2 * i, "%2x%n", &byte, &used) != 1 || used != 2)
            return false;
        out[i] = (uint8_t)byte;
    }
    return !text[FINGERPRINT_HEX] || text[FINGERPRINT_HEX] == ' ';
}

static void to_hex(const uint8_t fingerprint[32], char out[FINGERPRINT_HEX + 1])
{
    for (int i = 0; i < 32; i++)
        snprintf(out + 2 * i, 3, "%02X", fingerprint[i]);
}

static enum hufu_status parse_mode(struct trust *t, const char *text)
{
    static const struct {
        const char *word;
        enum trust_mode mode;
    } words[] = {{"", TRUST_AUTO},
                 {"auto", TRUST_AUTO},
                 {"off", TRUST_OFF},
                 {"first", TRUST_FIRST},
                 {"known", TRUST_KNOWN}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(text, words[i].word)) {
            t->mode = words[i].mode;
            return HUFU_OK;
        }
    if (!strncmp(text, "pin:", 4) && from_hex(text + 4, t->pin)) {
        t->mode = TRUST_PIN;
        return HUFU_OK;
    }
    if (!strncmp(text, "ca:", 3) && text[3]) {
        t->mode = TRUST_CA;
        t->ca = strdup(text + 3);
        return t->ca ? HUFU_OK : fail_with(HUFU_E_MEMORY, "no memory");
    }
    return fail_with(HUFU_E_ARGUMENT,
                     "channel=%s: give auto, off, first, known, pin:FINGERPRINT or ca:FILE", text);
}

static bool take_private(const EVP_PKEY *key, struct trust *t)
{
    BIGNUM *n = NULL;
    const bool good = key && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &n) &&
                      BN_bn2binpad(n, t->host_d, sizeof t->host_d) == (int)sizeof t->host_d &&
                      !sm2_public_from_private(engine_at(0)->sm2, t->host_d, t->host);
    BN_clear_free(n);
    return good;
}

static enum hufu_status load_host(struct trust *t, const char *path)
{
    char name[16] = "";
    BIO *in = BIO_new_file(path, "r");
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, NULL) : NULL;
    if (key)
        EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name, NULL);
    t->has_host = !strcmp(name, "SM2") && take_private(key, t);
    EVP_PKEY_free(key);
    const bool found = in != NULL;
    BIO_free(in);
    if (t->has_host)
        return HUFU_OK;
    return found ? fail_with(HUFU_E_FORMAT, "%s: not a PEM file of an SM2 private key", path)
                 : fail_with(HUFU_E_FILE, "%s: %s: the file of this host's key (HUFU_HOST_KEY)",
                             path, strerror(errno));
}

static const char *option(const char *given, const char *variable)
{
    const char *text = given ? given : secure_getenv(variable);
    return text ? text : "";
}

enum hufu_status trust_begin(struct trust *t, const struct hufu_options *o)
{
    const char *key = option(o->host_key, "HUFU_HOST_KEY");
    const char *known = option(o->known_devices, "HUFU_KNOWN_DEVICES");
    enum hufu_status s = parse_mode(t, option(o->channel, "HUFU_CHANNEL"));
    if (!s && *known && !(t->known = strdup(known)))
        s = fail_with(HUFU_E_MEMORY, "no memory");
    return s || !*key || t->mode == TRUST_OFF ? s : load_host(t, key);
}

void trust_end(struct trust *t)
{
    free(t->ca);
    free(t->known);
    wipe(t, sizeof *t);
}

/* ------------------------------------------------------------------ known devices */

void trust_fingerprint(const uint8_t public_key[64], uint8_t out[32])
{
    sm3_digest(public_key, 64, out);
}

/* false after a message */
static bool file_name(const struct trust *t, char path[PATH_ROOM])
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (t->known)
        snprintf(path, PATH_ROOM, "%s", t->known);
    else if (config && *config == '/')
        snprintf(path, PATH_ROOM, "%s/hufu/known_devices", config);
    else if (home && *home == '/')
        snprintf(path, PATH_ROOM, "%s/.config/hufu/known_devices", home);
    else {
        fail_with(HUFU_E_FILE, "no file of known devices: set HUFU_KNOWN_DEVICES");
        return false;
    }
    return true;
}

/* The URL without its options: what a device is known by. */
static size_t name_of(const struct hufu_device *d)
{
    return strcspn(d->url, "?");
}

enum found { FOUND_NONE, FOUND_OTHER, FOUND_IT };

/* Lines: 64 hexadecimal digits, a space, a URL or "*". */
static enum found look_up(const struct hufu_device *d, FILE *in, const uint8_t fingerprint[32])
{
    enum found best = FOUND_NONE;
    char line[LINE_ROOM];
    uint8_t known[32];
    while (fgets(line, sizeof line, in)) {
        line[strcspn(line, "\r\n")] = 0;
        if (strlen(line) < FINGERPRINT_HEX + 2 || !from_hex(line, known))
            continue;
        const char *name = line + FINGERPRINT_HEX + 1;
        const bool any = !strcmp(name, "*");
        const bool ours = strlen(name) == name_of(d) && !strncmp(name, d->url, name_of(d));
        if ((any || ours) && !memcmp(known, fingerprint, sizeof known))
            return FOUND_IT;
        if (ours)
            best = FOUND_OTHER;
    }
    return best;
}

static enum hufu_status cannot(const char *path)
{
    return fail_with(HUFU_E_FILE, "%s: %s: the file of known devices (HUFU_KNOWN_DEVICES)", path,
                     strerror(errno));
}

/* The folders above a file. */
static void make_folders(const char *path)
{
    char part[PATH_ROOM];
    for (const char *p = path + 1; (p = strchr(p, '/')); p++) {
        snprintf(part, sizeof part, "%.*s", (int)(p - path), path);
        mkdir(part, 0700);
    }
}

enum hufu_status trust_record(struct hufu_device *d, const uint8_t fingerprint[32])
{
    char path[PATH_ROOM], text[FINGERPRINT_HEX + 1];
    if (!file_name(&d->secure.trust, path))
        return HUFU_E_FILE;
    make_folders(path);
    const mode_t mask = umask(077);
    FILE *f = fopen(path, "ae+");
    umask(mask);
    if (!f)
        return cannot(path);
    flock(fileno(f), LOCK_EX);
    rewind(f);
    to_hex(fingerprint, text);
    bool good = true;
    if (look_up(d, f, fingerprint) != FOUND_IT)
        good = fprintf(f, "%s %.*s\n", text, (int)name_of(d), d->url) > 0;
    good = fflush(f) == 0 && good;
    const enum hufu_status s = good ? HUFU_OK : cannot(path);
    fclose(f);
    return s;
}

static enum hufu_status refuse(const struct hufu_device *d, const uint8_t fingerprint[32],
                               const char *why, bool advise)
{
    char text[FINGERPRINT_HEX + 1];
    to_hex(fingerprint, text);
    return fail_with(HUFU_E_TRUST, "%s: %s; it shows the fingerprint %s%s%s", d->url, why, text,
                     advise ? ". If that is right: hufu channel trust --fingerprint " : "",
                     advise ? text : "");
}

static enum hufu_status check_known(struct hufu_device *d, const uint8_t fingerprint[32],
                                    bool first)
{
    char path[PATH_ROOM];
    if (!file_name(&d->secure.trust, path))
        return HUFU_E_FILE;
    FILE *f = fopen(path, "re");
    if (!f && errno != ENOENT)
        return cannot(path);
    const enum found found = f ? look_up(d, f, fingerprint) : FOUND_NONE;
    if (f)
        fclose(f);
    if (found == FOUND_IT)
        return HUFU_OK;
    if (found == FOUND_OTHER)
        return refuse(d, fingerprint,
                      "another device answers than the one known here, or somebody is in between",
                      true);
    if (!first)
        return refuse(d, fingerprint, "no device is known here", true);
    d->secure.how = HUFU_TRUST_FIRST;
    return trust_record(d, fingerprint);
}

/* ------------------------------------------------------------------ certificates */

static bool same_key(X509 *x, const uint8_t public_key[64])
{
    uint8_t point[80];
    size_t n = 0;
    EVP_PKEY *key = X509_get0_pubkey(x);
    return key &&
           EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &n) &&
           n == 65 && !memcmp(point + 1, public_key, 64);
}

static bool vouched(X509 *x, const char *ca)
{
    ASN1_OCTET_STRING *distid = ASN1_OCTET_STRING_new();
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool good = distid && ASN1_OCTET_STRING_set(distid, sm2_default_id, sizeof sm2_default_id);
    if (good)
        X509_set0_distinguishing_id(x, distid);
    else
        ASN1_OCTET_STRING_free(distid);
    good = good && store && ctx && X509_STORE_load_file(store, ca) &&
           X509_STORE_CTX_init(ctx, store, x, NULL) && X509_verify_cert(ctx) == 1;
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return good;
}

static enum hufu_status check_ca(struct hufu_device *d, const uint8_t public_key[64],
                                 const uint8_t fingerprint[32])
{
    uint8_t der[HUFU_CERTIFICATE_MAX];
    size_t n = sizeof der;
    const enum hufu_status s = hufu_identity_certificate(d, der, &n);
    if (s)
        return s;
    FILE *f = fopen(d->secure.trust.ca, "r");
    if (!f)
        return fail_with(HUFU_E_FILE, "%s: %s: the file of HUFU_CHANNEL=ca:FILE",
                         d->secure.trust.ca, strerror(errno));
    fclose(f);
    const unsigned char *p = der;
    X509 *x = d2i_X509(NULL, &p, (long)n);
    const bool good = x && same_key(x, public_key) && vouched(x, d->secure.trust.ca);
    X509_free(x);
    return good ? HUFU_OK
                : refuse(d, fingerprint,
                         "its certificate is not vouched for by the CA that HUFU_CHANNEL names",
                         false);
}

enum hufu_status trust_check(struct hufu_device *d, const uint8_t public_key[64])
{
    struct host_channel *c = &d->secure;
    trust_fingerprint(public_key, c->fingerprint);
    switch (c->trust.mode) {
    case TRUST_PIN:
        c->how = HUFU_TRUST_PINNED;
        return memcmp(c->trust.pin, c->fingerprint, 32) == 0
                   ? HUFU_OK
                   : refuse(d, c->fingerprint, "not the device that HUFU_CHANNEL names", false);
    case TRUST_CA:
        c->how = HUFU_TRUST_CA;
        return check_ca(d, public_key, c->fingerprint);
    default:
        c->how = HUFU_TRUST_KNOWN;
        return check_known(d, c->fingerprint, c->trust.mode != TRUST_KNOWN);
    }
}
