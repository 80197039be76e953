/* hufu sign --batch: digests in, signatures out, one a line and in hexadecimal. */
#include "host/cli/cli.h"

#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 1 << 30, DER_MORE = 16 };

struct digests {
    uint8_t *data; /* size bytes each */
    size_t size, n;
};

/* The line of the text that *p points at, without its end; *p goes on to the next one. */
static size_t next_line(const char **p, const char *end)
{
    const char *const line = *p, *const newline = memchr(line, '\n', (size_t)(end - line));
    size_t n = (size_t)((newline ? newline : end) - line);
    *p = newline ? newline + 1 : end;
    if (n && line[n - 1] == '\r')
        n--;
    return n;
}

static int digests_parse(struct digests *d, const char *text, size_t size)
{
    const char *const end = text + size;
    char hex[2 * HUFU_DIGEST_MAX + 1];
    for (size_t number = 1; text < end; number++) {
        const char *const line = text;
        const size_t width = next_line(&text, end);
        size_t n = d->size;
        bool good = width == 2 * d->size;
        if (good) {
            memcpy(hex, line, width);
            hex[width] = 0;
            good = hex_bytes(hex, d->data + d->n * d->size, &n);
        }
        if (!good)
            return say_failed("--batch: line %zu is no digest of %zu bytes in hexadecimal", number,
                              d->size);
        d->n++;
    }
    return d->n ? DONE : say_failed("--batch: there are no digests in the input");
}

static int digests_read(const struct cli *cli, struct digests *d)
{
    uint8_t *text;
    size_t size;
    if (file_read(value_of(cli, "in"), INPUT_MAX, &text, &size))
        return FAILED;
    d->data = malloc(size / 2 + d->size);
    const int status =
        d->data ? digests_parse(d, (const char *)text, size) : say_failed("--batch: no memory");
    free(text);
    return status;
}

/* One line for each signature of `size` bytes. */
static int signatures_write(const struct cli *cli, const uint8_t *signature, size_t size, size_t n,
                            bool der)
{
    char *const text = malloc(n * 2 * (size + DER_MORE)), *to = text;
    int status = text ? DONE : say_failed("--batch: no memory");
    for (size_t i = 0; i < n && !status; i++, signature += size) {
        uint8_t encoded[HUFU_SIGNATURE_MAX];
        size_t encoded_size = size;
        if (der && hufu_ec_signature_to_der(signature, size, encoded, &encoded_size)) {
            status = say_library(cli);
            break;
        }
        hex_text(der ? encoded : signature, encoded_size, to);
        to += 2 * encoded_size;
        *to++ = '\n';
    }
    if (!status)
        status = file_write(value_of(cli, "out"), text, (size_t)(to - text), false);
    free(text);
    return status;
}

int sign_batch(struct cli *cli, const struct hufu_object *key, const struct hufu_signing *signing,
               bool der)
{
    struct digests d = {.size = hash_size(signing->hash)};
    const size_t size = hufu_signature_size(key->type);
    uint8_t *signatures = NULL;
    int status = digests_read(cli, &d);
    if (!status && !(signatures = malloc(d.n * size)))
        status = say_failed("--batch: no memory");
    if (!status && hufu_sign_batch(cli->session, key->handle, signing, d.data, d.size, d.n,
                                   signatures, size, NULL))
        status = say_library(cli);
    if (!status)
        status = signatures_write(cli, signatures, size, d.n, der);
    free(signatures);
    free(d.data);
    return status;
}
