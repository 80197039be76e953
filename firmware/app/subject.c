#include "firmware/app/subject.h"

#include "firmware/app/policy.h"

#include <string.h>

static uint16_t given(uint8_t type, struct view pub, struct subject *s)
{
    s->type = type;
    if (type == KEY_SM2) {
        if (pub.size != SM2_POINT || sm2_public_check(pub.data))
            return SW_BAD_PUBLIC_KEY;
        memcpy(s->point, pub.data, SM2_POINT);
        return SW_OK;
    }
    const struct ec_curve *curve = key_curve(type);
    if (curve) {
        if (pub.size != 2 * curve->size || curve->public_check(pub.data))
            return SW_BAD_PUBLIC_KEY;
        memcpy(s->point, pub.data, pub.size);
        return SW_OK;
    }
    if (!key_rsa_bits(type))
        return SW_NOT_SUPPORTED;
    return rsa_public_from(type, pub, &s->rsa) ? SW_BAD_PUBLIC_KEY : SW_OK;
}

uint16_t subject_of(struct call *c, uint32_t handle, uint8_t type, struct view pub,
                    struct subject *s)
{
    const struct key *key;
    if (!handle)
        return given(type, pub, s);
    if (pub.size)
        return SW_WRONG_DATA;
    const uint16_t sw = key_for(c, handle, 0, type, &key);
    if (sw != SW_OK)
        return sw;
    if (key_is_secret(key->type))
        return SW_KEY_TYPE;
    s->type = key->type;
    memcpy(s->point, key->pub, sizeof s->point);
    if (key->rsa)
        s->rsa = key->rsa->pub;
    return SW_OK;
}

struct view signer_id(struct view id)
{
    return id.size ? id : (struct view){sm2_default_id, sizeof sm2_default_id};
}
