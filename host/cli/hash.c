/* Hashing on the host, by libcrypto: files need not go to the device. */
#include "host/cli/cli.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <string.h>

int hash_nid(uint32_t hash)
{
    static const int nids[] = {NID_undef,  NID_sm3,    NID_sha1,  NID_sha224,
                               NID_sha256, NID_sha384, NID_sha512};
    return hash < sizeof nids / sizeof *nids ? nids[hash] : NID_undef;
}

static const EVP_MD *md_of(uint32_t hash)
{
    return EVP_get_digestbynid(hash_nid(hash));
}

size_t hash_size(uint32_t hash)
{
    const EVP_MD *md = md_of(hash);
    return md ? (size_t)EVP_MD_get_size(md) : 0;
}

/* a || b || Gx || Gy of the SM2 curve */
static bool curve_bytes(uint8_t out[128])
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
    BIGNUM *n[5]; /* p, a, b, x, y */
    bool ok = group != NULL;
    for (int i = 0; i < 5; i++)
        ok = (n[i] = BN_new()) != NULL && ok;
    ok = ok && EC_GROUP_get_curve(group, n[0], n[1], n[2], NULL) == 1 &&
         EC_POINT_get_affine_coordinates(group, EC_GROUP_get0_generator(group), n[3], n[4], NULL) ==
             1;
    for (int i = 1; i < 5; i++)
        ok = ok && BN_bn2binpad(n[i], out + 32 * (i - 1), 32) == 32;
    for (int i = 0; i < 5; i++)
        BN_free(n[i]);
    EC_GROUP_free(group);
    return ok;
}

/* Z of GB/T 32918.2: SM3(bits of ID || ID || a || b || G || public key) */
static bool z_value(const struct hufu_object *key, const char *id, uint8_t z[32])
{
    uint8_t curve[128], bits[2];
    const char *signer = id ? id : "1234567812345678";
    const size_t n = strlen(signer);
    bits[0] = (uint8_t)(n >> 5);
    bits[1] = (uint8_t)(n << 3);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const bool ok = ctx && n <= HUFU_SIGNER_ID_MAX && curve_bytes(curve) &&
                    EVP_DigestInit_ex(ctx, EVP_sm3(), NULL) && EVP_DigestUpdate(ctx, bits, 2) &&
                    EVP_DigestUpdate(ctx, signer, n) &&
                    EVP_DigestUpdate(ctx, curve, sizeof curve) &&
                    EVP_DigestUpdate(ctx, key->public_key, 64) && EVP_DigestFinal_ex(ctx, z, NULL);
    EVP_MD_CTX_free(ctx);
    return ok;
}

static bool begin(EVP_MD_CTX *ctx, uint32_t hash, const struct hufu_object *sm2_key,
                  const char *signer_id)
{
    uint8_t z[32];
    const EVP_MD *md = md_of(hash);
    return ctx && md && EVP_DigestInit_ex(ctx, md, NULL) &&
           (!sm2_key || (z_value(sm2_key, signer_id, z) && EVP_DigestUpdate(ctx, z, sizeof z)));
}

static int stream(FILE *f, const char *name, EVP_MD_CTX *ctx)
{
    static uint8_t part[65536];
    size_t n;
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        if (!EVP_DigestUpdate(ctx, part, n))
            return say_crypto("hash");
    hufu_wipe(part, sizeof part);
    return ferror(f) ? say_failed("%s: cannot be read: %s", name, strerror(errno)) : DONE;
}

static int finish(EVP_MD_CTX *ctx, uint8_t digest[HUFU_DIGEST_MAX], size_t *digest_size)
{
    unsigned n = 0;
    if (!EVP_DigestFinal_ex(ctx, digest, &n))
        return say_crypto("hash");
    *digest_size = n;
    return DONE;
}

int hash_file(const char *path, uint32_t hash, const struct hufu_object *sm2_key,
              const char *signer_id, uint8_t digest[HUFU_DIGEST_MAX], size_t *digest_size)
{
    const bool standard = !path || !strcmp(path, "-");
    const char *name = standard ? "standard input" : path;
    FILE *f = standard ? stdin : fopen(path, "rb");
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int status;
    if (!f)
        status = say_failed("%s: cannot be read: %s", name, strerror(errno));
    else if (!begin(ctx, hash, sm2_key, signer_id))
        status = say_crypto("hash");
    else
        status = stream(f, name, ctx);
    if (!status)
        status = finish(ctx, digest, digest_size);
    EVP_MD_CTX_free(ctx);
    if (f && !standard)
        fclose(f);
    return status;
}

int hash_bytes(const void *data, size_t size, uint32_t hash, const struct hufu_object *sm2_key,
               const char *signer_id, uint8_t digest[HUFU_DIGEST_MAX], size_t *digest_size)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const bool ok = begin(ctx, hash, sm2_key, signer_id) && EVP_DigestUpdate(ctx, data, size);
    const int status = ok ? finish(ctx, digest, digest_size) : say_crypto("hash");
    EVP_MD_CTX_free(ctx);
    return status;
}
