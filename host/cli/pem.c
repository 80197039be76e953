#include "host/cli/pem.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

enum { PEM_MAX = 65536 };

int pem_write_to(const char *path, const char *kind, const uint8_t *data, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    int status = DONE;
    if (!bio || PEM_write_bio(bio, kind, "", data, (long)size) <= 0)
        status = say_crypto("PEM");
    const long n = status ? 0 : BIO_get_mem_data(bio, &text);
    if (!status)
        status = file_write(path, text, (size_t)n, false);
    BIO_free(bio);
    return status;
}

int pem_write(const struct cli *cli, const char *kind, const uint8_t *der, size_t size)
{
    const char *format = value_of(cli, "format"), *path = value_of(cli, "out");
    if (format && !strcmp(format, "der"))
        return file_write(path, der, size, false);
    if (format && strcmp(format, "pem"))
        return say_usage(cli, "--format %s: give pem or der", format);
    return pem_write_to(path, kind, der, size);
}

int pem_read(const char *path, const char *kind, uint8_t *data, size_t n)
{
    unsigned char *bytes = NULL;
    uint8_t *text;
    size_t text_size;
    long size = 0;
    if (file_read(path, PEM_MAX, &text, &text_size))
        return FAILED;
    BIO *bio = BIO_new_mem_buf(text, (int)text_size);
    const bool ok = bio && PEM_bytes_read_bio(&bytes, &size, NULL, kind, bio, NULL, NULL) == 1 &&
                    size == (long)n;
    if (ok)
        memcpy(data, bytes, n);
    OPENSSL_free(bytes);
    BIO_free(bio);
    free(text);
    return ok ? DONE : say_failed("%s: no %s in PEM", path, kind);
}

int public_write(const struct cli *cli, uint8_t type, const uint8_t *public_key, size_t size)
{
    uint8_t der[600];
    size_t n = sizeof der;
    if (!size)
        return say_failed("a secret key has no public part");
    if (hufu_public_to_spki(type, public_key, size, der, &n))
        return say_library(cli);
    return pem_write(cli, "PUBLIC KEY", der, n);
}
