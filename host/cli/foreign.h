/* Keys of other software, on their way into the device. */
#ifndef HUFU_CLI_FOREIGN_H
#define HUFU_CLI_FOREIGN_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/cli/cli.h"

/* A key of the device as type and secret: SM2 and EC d; RSA p || q; of a secret key the key. */
struct foreign {
    uint8_t type;
    uint8_t secret[HUFU_SIGNATURE_MAX];
    size_t size;
};
/* FAILED after a message, with from in it. The caller wipes. */
int foreign_of(const char *from, const EVP_PKEY *key, struct foreign *foreign);

enum { PASSPHRASE_MAX = 255 };
/* The first line of the file that the option names, the variable, or typed. FAILED after a message.
 */
int passphrase_get(const struct cli *cli, const char *option, const char *variable,
                   const char *prompt, char text[PASSPHRASE_MAX + 1]);
/* The same of --passphrase-file and HUFU_PASSPHRASE, as libcrypto asks for it (pem_password_cb). */
int passphrase_answer(char *text, int room, int writing, void *cli);
#define PASSPHRASE_OPTION                                                                          \
    {                                                                                              \
        "passphrase-file=FILE",                                                                    \
            "the passphrase is the first line of FILE (else HUFU_PASSPHRASE, or a prompt)", 0      \
    }

/* The legacy algorithms of libcrypto, too, where it has them: old files are full of RC2 and DES. */
void foreign_legacy(void);

/* A key of a token, or what is kept there. */
struct token_key {
    char label[HUFU_LABEL_MAX + 1];
    uint8_t id[HUFU_ID_MAX];
    size_t id_size;
    /* one of the three; none: it cannot be had, or the device has no such keys */
    const struct foreign *foreign;
    const uint8_t *pkcs8;
    const uint8_t *value;      /* of a certificate or data */
    size_t size;               /* of pkcs8 or value */
    uint8_t type;              /* HUFU_KEY_CERTIFICATE, HUFU_KEY_DATA */
    const uint8_t *attributes; /* of value, as host/pkcs11/blob.c has them */
    size_t attributes_size;
    bool private; /* is seen after a log-in only */
};
typedef int token_key_fn(void *context, const struct token_key *key);
/* Of any PKCS#11 module. label NULL: the only token there is. Stops at the first status of each
 * that is not 0. */
int token_keys(const char *module, const char *label, const char *pin, token_key_fn *each,
               void *context);
/* Of SoftHSM, from the folder of its tokens; and which that is, as its configuration says. */
int softhsm_keys(const char *directory, const char *label, const char *pin, token_key_fn *each,
                 void *context);
bool softhsm_directory(char *out, size_t room);

#endif
