#include "firmware/app/identity.h"

#include "firmware/app/x509.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"

#include <string.h>

uint16_t identity_sign(struct device *d, const struct identity_key *key, const void *m, size_t n,
                       uint8_t signature[SM2_SIGNATURE])
{
    const struct sm2_ops *ops = d->engine->sm2;
    struct sm2_sign_key ready;
    uint8_t e[32];
    int bad = sm2_digest(sm2_default_id, sizeof sm2_default_id, key->pub, m, n, e);
    bad = bad || sm2_sign_key(&ready, key->d) || sm2_sign(ops, &d->rng, &ready, e, signature);
    PUBLIC(signature, SM2_SIGNATURE);
    wipe(&ready, sizeof ready);
    return bad || sm2_verify(ops, key->pub, e, signature) ? SW_SIGN_FAILED : SW_OK;
}

uint16_t identity_make(struct call *c, const uint8_t serial[DEVICE_SERIAL])
{
    struct device *d = c->d;
    struct identity_key key;
    struct x509 x;
    uint16_t sw = SW_KEY_GENERATION_FAILED;
    if (sm2_keygen(d->engine->sm2, &d->rng, key.d, key.pub) == 0)
        sw = tx_put(c, STORE_SYSTEM, RECORD_IDENTITY, ID_IDENTITY, &key, sizeof key);
    if (sw == SW_OK) {
        /* the answer has room behind the serial number */
        x509_begin(&x, c->x->response + DEVICE_SERIAL, c->x->room - DEVICE_SERIAL);
        sw = x509_device(d, &x, &key, serial);
    }
    if (sw == SW_OK)
        sw = tx_put(c, STORE_SYSTEM, RECORD_CERTIFICATE, ID_CERTIFICATE, x.der.data, x.der.size);
    wipe(&key, sizeof key);
    return sw;
}

uint16_t identity_load(struct device *d, struct identity_key *key)
{
    size_t n;
    uint16_t sw = record_get(d, ID_IDENTITY, &n);
    if (sw == SW_OK && n != sizeof *key)
        sw = SW_STORE_DAMAGED;
    if (sw == SW_OK) {
        memcpy(key, d->record, sizeof *key);
        SECRET(key->d, sizeof key->d);
    }
    record_wipe(d);
    return sw;
}

uint16_t identity_public(struct device *d, uint8_t pub[SM2_POINT])
{
    struct identity_key key;
    const uint16_t sw = identity_load(d, &key);
    if (sw == SW_OK)
        memcpy(pub, key.pub, sizeof key.pub);
    wipe(&key, sizeof key);
    return sw;
}

uint16_t identity_state(struct device *d, const void *m, size_t n, uint8_t signature[SM2_SIGNATURE])
{
    struct identity_key key;
    uint16_t sw = identity_load(d, &key);
    if (sw == SW_OK)
        sw = identity_sign(d, &key, m, n, signature);
    wipe(&key, sizeof key);
    return sw;
}
