/* Binary results as PEM or DER, as --format says, to --out. */
#ifndef HUFU_CLI_PEM_H
#define HUFU_CLI_PEM_H

#include "host/cli/cli.h"

/* kind: "PUBLIC KEY", "CERTIFICATE REQUEST" */
int pem_write(const struct cli *cli, const char *kind, const uint8_t *der, size_t size);
/* A public key as SubjectPublicKeyInfo. */
int public_write(const struct cli *cli, uint8_t type, const uint8_t *public_key, size_t size);

#endif
