/* PKCS#12 files, with more than one key, too (RFC 7292). */
#ifndef HUFU_CLI_PKCS12_H
#define HUFU_CLI_PKCS12_H

#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "host/cli/cli.h"

enum { PKCS12_KEYS_MAX = 64 };
struct pkcs12 {
    struct pkcs12_key {
        EVP_PKEY *key;
        char *name; /* that stands at it; NULL: none */
    } key[PKCS12_KEYS_MAX];
    size_t keys;
    STACK_OF(X509) * certificates;
};
/* FAILED: no such file, more keys than that, a wrong passphrase, no key in it. The caller frees in
 * any case. */
int pkcs12_read(const uint8_t *data, size_t size, const char *passphrase, struct pkcs12 *p);
void pkcs12_free(struct pkcs12 *p);
/* Of the i-th key, or else of its certificate; NULL: it has none. */
const char *pkcs12_name(const struct pkcs12 *p, size_t i);
/* In PEM: those of the keys first, then the others. */
bool pkcs12_write_certificates(const struct pkcs12 *p, BIO *out);

#endif
