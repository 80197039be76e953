#include "host/cli/sm2.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "host/cli/foreign.h"

enum { OVERHEAD = 96, DER_OVERHEAD = 24, SMALL = 512 };

static EVP_PKEY *public_of(const uint8_t key[64])
{
    uint8_t spki[600];
    const uint8_t *p = spki;
    size_t n = sizeof spki;
    return hufu_public_to_spki(HUFU_KEY_SM2, key, 64, spki, &n) ? NULL
                                                                : d2i_PUBKEY(NULL, &p, (long)n);
}

bool sm2_signed(const uint8_t key[64], const void *m, size_t n, const uint8_t signature[64])
{
    uint8_t der[72];
    size_t der_size = sizeof der;
    if (hufu_sm2_signature_to_der(signature, der, &der_size))
        return false;
    EVP_PKEY *pkey = public_of(key);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *with = pkey ? EVP_PKEY_CTX_new(pkey, NULL) : NULL;
    bool ok = ctx && with && EVP_PKEY_CTX_set1_id(with, "1234567812345678", 16) > 0;
    if (ok) {
        EVP_MD_CTX_set_pkey_ctx(ctx, with);
        ok = EVP_DigestVerifyInit(ctx, NULL, EVP_sm3(), NULL, pkey) > 0 &&
             EVP_DigestVerify(ctx, der, der_size, m, n) == 1;
    }
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_CTX_free(with);
    EVP_PKEY_free(pkey);
    return ok;
}

bool sm2_seal(const uint8_t key[64], const void *m, size_t n, uint8_t *out)
{
    uint8_t der[SMALL];
    size_t size = sizeof der, room = n + OVERHEAD;
    EVP_PKEY *pkey = public_of(key);
    EVP_PKEY_CTX *ctx = pkey ? EVP_PKEY_CTX_new(pkey, NULL) : NULL;
    const bool ok = ctx && n + OVERHEAD + DER_OVERHEAD <= sizeof der &&
                    EVP_PKEY_encrypt_init(ctx) > 0 && EVP_PKEY_encrypt(ctx, der, &size, m, n) > 0 &&
                    !hufu_sm2_cipher_from_der(der, size, out, &room) && room == n + OVERHEAD;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return ok;
}

static int open_with(EVP_PKEY *pkey, const char *path, const uint8_t *in, size_t n, uint8_t *m)
{
    uint8_t der[SMALL], text[SMALL];
    size_t der_size = sizeof der, size = sizeof text;
    if (n + OVERHEAD + DER_OVERHEAD > sizeof der ||
        hufu_sm2_cipher_to_der(in, n + OVERHEAD, der, &der_size))
        return say_failed("%s", hufu_last_error());
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    const bool ok = ctx && EVP_PKEY_decrypt_init(ctx) > 0 &&
                    EVP_PKEY_decrypt(ctx, text, &size, der, der_size) > 0 && size == n;
    if (ok)
        memcpy(m, text, n);
    EVP_PKEY_CTX_free(ctx);
    hufu_wipe(text, sizeof text);
    return ok ? DONE : say_failed("%s: cannot decrypt it: another custodian's, or damaged", path);
}

int sm2_open(struct cli *cli, const char *key_path, const uint8_t *in, size_t n, uint8_t *m)
{
    FILE *f = fopen(key_path, "r");
    if (!f)
        return say_failed("%s: cannot be read: %s", key_path, strerror(errno));
    EVP_PKEY *pkey = PEM_read_PrivateKey(f, NULL, passphrase_answer, cli);
    fclose(f);
    if (!pkey)
        return cli->no_passphrase
                   ? FAILED
                   : say_failed("%s: no private key in PEM, or the passphrase is wrong", key_path);
    const int status = EVP_PKEY_is_a(pkey, "SM2") ? open_with(pkey, key_path, in, n, m)
                                                  : say_failed("%s: not an SM2 key", key_path);
    EVP_PKEY_free(pkey);
    return status;
}
