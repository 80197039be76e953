/* Public keys that a command names by a handle or brings along. */
#ifndef HUFU_APP_SUBJECT_H
#define HUFU_APP_SUBJECT_H

#include "firmware/app/core.h"

struct subject {
    uint8_t type;                  /* KEY_* */
    uint8_t point[KIND_POINT_MAX]; /* SM2 and EC: checked to be on the curve */
    struct rsa_public rsa;         /* checked as rsa_public_check does */
};

/* handle 0: the given public key of `type`. SW_BAD_PUBLIC_KEY, SW_NO_OBJECT, SW_KEY_TYPE (a secret
 * key) */
uint16_t subject_of(struct call *c, uint32_t handle, uint8_t type, struct view pub,
                    struct subject *s);
/* The default ID for an empty one. */
struct view signer_id(struct view id);

#endif
