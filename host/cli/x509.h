/* Names, extensions and signatures of certificates and requests: built by libcrypto, signed by the
 * device. */
#ifndef HUFU_CLI_X509_H
#define HUFU_CLI_X509_H

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "host/cli/cli.h"

/* A certificate in PEM or DER; NULL: it is none. The caller frees. */
X509 *x509_parse(const uint8_t *data, size_t size);
/* A public key of the device; NULL after a message. The caller frees. */
EVP_PKEY *x509_key(const struct cli *cli, const struct hufu_object *key);
/* "/C=CN/O=Example/CN=host", "\/" for a slash, UTF-8; NULL after a message. */
X509_NAME *x509_name(const struct cli *cli, const char *text);
/* The --san options as an extension: DNS:, IP:, email:, URI:. *out NULL when there are none. */
int x509_san(const struct cli *cli, X509_EXTENSION **out);
/* The signature algorithm of a key and hash: SM2 with SM3 without parameters, RSA with NULL. false
 * after a message. */
bool x509_algorithm(const struct hufu_object *key, uint32_t hash, X509_ALGOR *out);
/* SEQUENCE { tbs, algorithm, signature of tbs }. The caller frees *der with OPENSSL_free. */
int x509_sign(struct cli *cli, const struct hufu_object *key, uint32_t hash, const uint8_t *tbs,
              size_t tbs_size, uint8_t **der, size_t *der_size);
bool x509_is_rsa(const struct hufu_object *key);
/* The hash that --hash names, or the key's usual one. */
int x509_hash(const struct cli *cli, const struct hufu_object *key, uint32_t *hash);

#endif
