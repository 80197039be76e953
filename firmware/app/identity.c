#include "firmware/app/identity.h"

#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/sm2.h"

#include <string.h>

/* The record: d, x || y. */
enum { IDENTITY_SIZE = SM2_SCALAR + SM2_POINT };

static uint16_t sign(struct device *d, const uint8_t *pair, const void *m, size_t n,
                     uint8_t signature[64])
{
    const struct sm2_ops *ops = d->engine->sm2;
    const uint8_t *pub = pair + SM2_SCALAR;
    struct sm2_sign_key key;
    uint8_t e[32];
    int bad = sm2_digest(sm2_default_id, sizeof sm2_default_id, pub, m, n, e);
    bad = bad || sm2_sign_key(&key, pair) || sm2_sign(ops, &d->rng, &key, e, signature);
    wipe(&key, sizeof key);
    return bad || sm2_verify(ops, pub, e, signature) ? SW_SIGN_FAILED : SW_OK;
}

uint16_t identity_make(struct call *c)
{
    struct device *d = c->d;
    uint8_t pair[IDENTITY_SIZE], signature[64];
    uint16_t sw = SW_KEY_GENERATION_FAILED;
    if (sm2_keygen(d->engine->sm2, &d->rng, pair, pair + SM2_SCALAR) == 0)
        sw = sign(d, pair, "hufu", 4, signature);
    if (sw == SW_OK)
        sw = tx_put(c, STORE_SYSTEM, RECORD_IDENTITY, ID_IDENTITY, pair, sizeof pair);
    wipe(pair, sizeof pair);
    return sw;
}

/* The pair, in d->record. */
static uint16_t load(struct device *d)
{
    size_t n;
    const uint16_t sw = record_get(d, ID_IDENTITY, &n);
    return sw == SW_OK && n != IDENTITY_SIZE ? SW_STORE_DAMAGED : sw;
}

uint16_t identity_public(struct device *d, uint8_t pub[64])
{
    const uint16_t sw = load(d);
    if (sw == SW_OK)
        memcpy(pub, d->record + SM2_SCALAR, SM2_POINT);
    record_wipe(d);
    return sw;
}

uint16_t identity_sign(struct device *d, const void *statement, size_t n, uint8_t signature[64])
{
    uint8_t pair[IDENTITY_SIZE];
    uint16_t sw = load(d);
    if (sw == SW_OK) {
        memcpy(pair, d->record, sizeof pair);
        SECRET(pair, SM2_SCALAR);
        sw = sign(d, pair, statement, n, signature);
    }
    record_wipe(d);
    wipe(pair, sizeof pair);
    return sw;
}
