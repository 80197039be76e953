/* What a key of libcrypto is to the device. */
#include "host/cli/foreign.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>

static int bytes_of(const EVP_PKEY *key, const char *name, uint8_t *out, size_t n)
{
    BIGNUM *number = NULL;
    const int done =
        EVP_PKEY_get_bn_param(key, name, &number) && BN_bn2binpad(number, out, (int)n) == (int)n;
    BN_clear_free(number);
    return done;
}

static int rsa_of(const char *from, const EVP_PKEY *key, struct foreign *f)
{
    const int bits = EVP_PKEY_get_bits(key);
    const size_t half = (size_t)bits / 16;
    BIGNUM *e = NULL, *third = NULL;
    const int usual = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) && BN_is_word(e, 65537);
    const int more = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR3, &third);
    BN_free(e);
    BN_clear_free(third);
    if ((bits != 2048 && bits != 3072 && bits != 4096) || !usual || more)
        return say_failed("%s: an RSA key of %d bits; taken are two primes, 2048, 3072 or 4096 "
                          "bits, exponent 65537",
                          from, bits);
    f->type = (uint8_t)(HUFU_KEY_RSA2048 + (bits - 2048) / 1024);
    f->size = 2 * half;
    if (!bytes_of(key, OSSL_PKEY_PARAM_RSA_FACTOR1, f->secret, half) ||
        !bytes_of(key, OSSL_PKEY_PARAM_RSA_FACTOR2, f->secret + half, half))
        return say_failed("%s: an RSA key without its primes, or with primes of two sizes", from);
    return DONE;
}

static int curve_of(const char *from, const EVP_PKEY *key, struct foreign *f)
{
    static const struct {
        const char *group;
        uint8_t type;
        size_t size;
    } known[] = {{"SM2", HUFU_KEY_SM2, 32},
                 {"prime256v1", HUFU_KEY_P256, 32},
                 {"P-256", HUFU_KEY_P256, 32},
                 {"secp384r1", HUFU_KEY_P384, 48},
                 {"P-384", HUFU_KEY_P384, 48}};
    char group[64] = "";
    EVP_PKEY_get_group_name(key, group, sizeof group, NULL);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(group, known[i].group)) {
            f->type = known[i].type;
            f->size = known[i].size;
            return bytes_of(key, OSSL_PKEY_PARAM_PRIV_KEY, f->secret, f->size)
                       ? DONE
                       : say_failed("%s: no private key", from);
        }
    return say_failed("%s: a key on %s; the device has SM2, P-256 and P-384", from, group);
}

int foreign_of(const char *from, const EVP_PKEY *key, struct foreign *f)
{
    memset(f, 0, sizeof *f);
    if (EVP_PKEY_is_a(key, "RSA"))
        return rsa_of(from, key, f);
    if (EVP_PKEY_is_a(key, "EC") || EVP_PKEY_is_a(key, "SM2"))
        return curve_of(from, key, f);
    return say_failed("%s: a key of a kind that the device does not have", from);
}

static OSSL_PROVIDER *providers[2];

static void unload(void)
{
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++)
        if (providers[i])
            OSSL_PROVIDER_unload(providers[i]);
}

void foreign_legacy(void)
{
    /* the first one that is named takes the place of the usual one */
    providers[0] = OSSL_PROVIDER_load(NULL, "default");
    ERR_set_mark();
    providers[1] = providers[0] ? OSSL_PROVIDER_load(NULL, "legacy") : NULL;
    ERR_pop_to_mark();
    atexit(unload);
}

int passphrase_get(const struct cli *cli, const char *option, const char *variable,
                   const char *prompt, char text[PASSPHRASE_MAX + 1])
{
    const char *path = value_of(cli, option), *value = getenv(variable);
    if (path)
        return file_line(path, text, PASSPHRASE_MAX + 1);
    if (value) {
        if (strlen(value) > PASSPHRASE_MAX)
            return say_failed("%s: longer than %d bytes", variable, PASSPHRASE_MAX);
        memcpy(text, value, strlen(value) + 1);
        return DONE;
    }
    if (ask(prompt, text, PASSPHRASE_MAX + 1) < 0)
        return say_failed("no passphrase: give --%s, or set %s, or run in a terminal", option,
                          variable);
    return DONE;
}

int passphrase_answer(char *text, int room, int writing, void *context)
{
    struct cli *cli = context;
    char all[PASSPHRASE_MAX + 1];
    (void)writing;
    /* the decoder asks more than once */
    if (cli->no_passphrase ||
        passphrase_get(cli, "passphrase-file", "HUFU_PASSPHRASE", "Passphrase of the file", all)) {
        cli->no_passphrase = true;
        return -1;
    }
    const int n = (int)strlen(all);
    if (n <= room)
        memcpy(text, all, (size_t)n);
    hufu_wipe(all, sizeof all);
    return n <= room ? n : -1;
}
