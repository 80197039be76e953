/*
 * Random bytes of the device. It takes entropy from nobody: what an application gives as a seed is
 * mixed into what it gets, here.
 */
#include "host/pkcs11/crypto.h"
#include "host/pkcs11/module.h"

#include <string.h>

enum { SEED = 32 };

static bool sha256(uint8_t out[SEED], const uint8_t seed[SEED], const void *data, size_t n)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    const EVP_MD *md = hash_md(HASH_SHA256);
    const bool good = c && md && EVP_DigestInit_ex2(c, md, NULL) > 0 &&
                      EVP_DigestUpdate(c, seed, SEED) > 0 && EVP_DigestUpdate(c, data, n) > 0 &&
                      EVP_DigestFinal_ex(c, out, NULL) > 0;
    EVP_MD_CTX_free(c);
    return good;
}

/* Each time another seed: the hash of the old one and of the number that no block has. */
static bool mix(struct slot *slot, uint8_t *out, size_t n)
{
    uint8_t seed[SEED], block[SEED];
    const uint64_t last = UINT64_MAX;
    lock_take(&slot->lock);
    memcpy(seed, slot->seed, sizeof seed);
    const bool seeded = slot->seeded;
    bool good = !seeded || sha256(slot->seed, seed, &last, sizeof last);
    lock_give(&slot->lock);
    for (uint64_t i = 0; seeded && good && n; i++) {
        const size_t part = n < sizeof block ? n : sizeof block;
        good = sha256(block, seed, &i, sizeof i);
        for (size_t j = 0; j < part; j++)
            out[j] ^= block[j];
        out += part;
        n -= part;
    }
    hufu_wipe(seed, sizeof seed);
    hufu_wipe(block, sizeof block);
    return good;
}

CK_RV C_GenerateRandom(CK_SESSION_HANDLE handle, CK_BYTE *out, CK_ULONG n)
{
    struct session *s;
    struct use u = {0};
    CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!out && n)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    if (!n)
        return leave_session(s, CKR_OK);
    do {
        rv = use_begin(&u, s->slot);
        if (rv == CKR_OK)
            rv = use_end(&u, hufu_random(u.device, out, n));
    } while (use_again(&u, rv));
    if (rv == CKR_OK && !mix(s->slot, out, n))
        rv = CKR_GENERAL_ERROR;
    return leave_session(s, rv);
}

CK_RV C_SeedRandom(CK_SESSION_HANDLE handle, CK_BYTE *seed, CK_ULONG n)
{
    struct session *s;
    uint8_t old[SEED];
    CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!seed && n)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    lock_take(&s->slot->lock);
    memcpy(old, s->slot->seed, sizeof old);
    rv = sha256(s->slot->seed, old, seed, n) ? CKR_OK : CKR_GENERAL_ERROR;
    s->slot->seeded = true;
    lock_give(&s->slot->lock);
    return leave_session(s, rv);
}
