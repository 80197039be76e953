/* Keys that were made elsewhere, on their way into a device. */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "host/lib/lib.h"

enum { SEALED_MAX = 2 * HUFU_PUBLIC_MAX, DER_MAX = SEALED_MAX + 64 };

enum hufu_status hufu_key_receive(struct hufu_session *session, uint32_t transport,
                                  const struct hufu_key_spec *spec, const void *sealed, size_t size,
                                  uint32_t *handle, uint8_t *public_key, size_t *public_size)
{
    struct call c;
    const struct key_receive_req req = {
        .transport = transport,
        .type = spec->type,
        .usage = spec->usage,
        .label = as_text(spec->label),
        .id = as_view(spec->id, spec->id_size),
        .sealed = as_view(sealed, size),
    };
    struct key_receive_rsp m;
    const size_t hint = size + req.label.size + spec->id_size;
    if (!CALL(&c, session, key_receive, KEY_RECEIVE, hint, &req, &m))
        new_key_take(&c, spec->type, m.handle, m.public, handle, public_key, public_size);
    return call_end(&c);
}

/* libcrypto encrypts to an SM2 key; DER comes out. */
static int encrypt(const uint8_t *spki, size_t spki_size, const void *secret, size_t size,
                   uint8_t *der, size_t *der_size)
{
    EVP_PKEY *key = d2i_PUBKEY(NULL, &spki, (long)spki_size);
    EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    const int done = ctx && EVP_PKEY_encrypt_init(ctx) > 0 &&
                     EVP_PKEY_encrypt(ctx, der, der_size, secret, size) > 0;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return done;
}

static enum hufu_status seal(const uint8_t public_key[64], const void *secret, size_t size,
                             uint8_t sealed[SEALED_MAX], size_t *sealed_size)
{
    uint8_t spki[600], der[DER_MAX];
    size_t spki_size = sizeof spki, der_size = sizeof der;
    if (size > HUFU_SIGNATURE_MAX)
        return fail_with(HUFU_E_ARGUMENT, "no key has %zu bytes of secret", size);
    enum hufu_status s = hufu_public_to_spki(HUFU_KEY_SM2, public_key, 64, spki, &spki_size);
    if (s)
        return s;
    if (!encrypt(spki, spki_size, secret, size, der, &der_size))
        return fail_with(HUFU_E_CRYPTO, "libcrypto cannot encrypt to an SM2 key");
    *sealed_size = SEALED_MAX;
    return hufu_sm2_cipher_from_der(der, der_size, sealed, sealed_size);
}

enum hufu_status hufu_key_take(struct hufu_session *session, const struct hufu_key_spec *spec,
                               const void *secret, size_t size, uint32_t *handle,
                               uint8_t *public_key, size_t *public_size)
{
    const struct hufu_key_spec once = {
        .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_DECRYPT, .label = "transport"};
    uint8_t point[HUFU_PUBLIC_MAX], sealed[SEALED_MAX];
    size_t n = 0, sealed_size = 0;
    uint32_t transport;
    enum hufu_status s = hufu_key_generate(session, &once, &transport, point, &n);
    if (s)
        return s;
    s = seal(point, secret, size, sealed, &sealed_size);
    if (!s)
        s = hufu_key_receive(session, transport, spec, sealed, sealed_size, handle, public_key,
                             public_size);
    /* destroyed in any case; the first failure is the one to tell */
    if (!s)
        return hufu_object_destroy(session, transport);
    char line[512];
    snprintf(line, sizeof line, "%s", hufu_last_error());
    hufu_object_destroy(session, transport);
    return fail_with(s, "%s", line);
}
