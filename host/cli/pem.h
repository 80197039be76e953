/* Binary results as PEM or DER, as --format says, to --out. */
#ifndef HUFU_CLI_PEM_H
#define HUFU_CLI_PEM_H

#include "host/cli/cli.h"

/* kind: "PUBLIC KEY", "CERTIFICATE REQUEST" */
int pem_write(const struct cli *cli, const char *kind, const uint8_t *der, size_t size);
/* PEM alone, to a path. */
int pem_write_to(const char *path, const char *kind, const uint8_t *data, size_t size);
/* n bytes of a PEM file of this kind. FAILED after a message. */
int pem_read(const char *path, const char *kind, uint8_t *data, size_t n);
/* A public key as SubjectPublicKeyInfo. */
int public_write(const struct cli *cli, uint8_t type, const uint8_t *public_key, size_t size);

#endif
