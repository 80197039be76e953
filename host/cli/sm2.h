/* SM2 on this machine, by libcrypto: for what is done without a device. */
#ifndef HUFU_CLI_SM2_H
#define HUFU_CLI_SM2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The signature r || s of m as an SM2 message with the default ID is of this key x || y. */
bool sm2_signed(const uint8_t key[64], const void *m, size_t n, const uint8_t signature[64]);
/* m to C1 || C3 || C2, n + 96 bytes. */
bool sm2_seal(const uint8_t key[64], const void *m, size_t n, uint8_t *out);
struct cli;

/* C1 || C3 || C2 of n + 96 bytes to n bytes, by the private key of a PEM file, whose passphrase
 * comes as passphrase_answer says. FAILED after a message. */
int sm2_open(struct cli *cli, const char *key_path, const uint8_t *in, size_t n, uint8_t *m);

#endif
