/* Digests, by libcrypto's default provider in our own context. */
#include <openssl/err.h>
#include <string.h>

#include "host/provider/provider.h"

uint8_t digest_of(const EVP_MD *md)
{
    static const struct {
        const char *name;
        uint8_t digest;
    } known[] = {{"SM3", HUFU_DIGEST_SM3},         {"SHA1", HUFU_DIGEST_SHA1},
                 {"SHA2-224", HUFU_DIGEST_SHA224}, {"SHA2-256", HUFU_DIGEST_SHA256},
                 {"SHA2-384", HUFU_DIGEST_SHA384}, {"SHA2-512", HUFU_DIGEST_SHA512}};
    for (size_t i = 0; md && i < sizeof known / sizeof *known; i++)
        if (EVP_MD_is_a(md, known[i].name))
            return known[i].digest;
    return HUFU_DIGEST_NONE;
}

EVP_MD *digest_fetch(const struct prov *prov, const char *name)
{
    EVP_MD *md = EVP_MD_fetch(prov->libctx, name, NULL);
    if (!md)
        FAIL(prov, REASON_ARGUMENT, "%s: no such digest", name);
    return md;
}

int digest_z(const struct prov *prov, const EVP_MD *md, EVP_PKEY *key, const void *id,
             size_t id_size, uint8_t z[32])
{
    /* a, b, x_G, y_G of GB/T 32918.5 */
    static const uint8_t curve[128] =
        "\xFF\xFF\xFF\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
        "\xFF\xFF\xFF\xFF\x00\x00\x00\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFC"
        "\x28\xE9\xFA\x9E\x9D\x9F\x5E\x34\x4D\x5A\x9E\x4B\xCF\x65\x09\xA7"
        "\xF3\x97\x89\xF5\x15\xAB\x8F\x92\xDD\xBC\xBD\x41\x4D\x94\x0E\x93"
        "\x32\xC4\xAE\x2C\x1F\x19\x81\x19\x5F\x99\x04\x46\x6A\x39\xC9\x94"
        "\x8F\xE3\x0B\xBF\xF2\x66\x0B\xE1\x71\x5A\x45\x89\x33\x4C\x74\xC7"
        "\xBC\x37\x36\xA2\xF4\xF6\x77\x9C\x59\xBD\xCE\xE3\x6B\x69\x21\x53"
        "\xD0\xA9\x87\x7C\xC6\x2A\x47\x40\x02\xDF\x32\xE5\x21\x39\xF0\xA0";
    const uint8_t bits[2] = {(uint8_t)(id_size >> 5), (uint8_t)(id_size << 3)};
    uint8_t point[65];
    size_t n = 0;
    unsigned size = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const int done =
        ctx && id_size <= HUFU_SIGNER_ID_MAX &&
        EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &n) &&
        n == sizeof point && point[0] == 4 && EVP_MD_get_size(md) == 32 &&
        EVP_DigestInit_ex(ctx, md, NULL) && EVP_DigestUpdate(ctx, bits, sizeof bits) &&
        EVP_DigestUpdate(ctx, id, id_size) && EVP_DigestUpdate(ctx, curve, sizeof curve) &&
        EVP_DigestUpdate(ctx, point + 1, 64) && EVP_DigestFinal_ex(ctx, z, &size);
    EVP_MD_CTX_free(ctx);
    return done || FAIL(prov, REASON_CRYPTO, "Z of the signer's ID cannot be computed");
}
