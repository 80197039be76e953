/* What the types of keys (KEY_*) are: sizes, curves, what they can be allowed to do. */
#ifndef HUFU_APP_KIND_H
#define HUFU_APP_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/base/config.h"
#include "firmware/crypto/ec.h"
#include "proto/proto.h"

/* Bytes of the secret of one key that is neither SM2 nor RSA; of the secret of a session key. */
enum {
    KIND_SECRET_MAX = HUFU_SMALL ? 32 : LIMIT_SECRET_MAX,
    KIND_POINT_MAX = HUFU_SMALL ? 64 : EC_POINT_MAX
};

size_t key_public_size(uint8_t type); /* 0 for a type without */
unsigned key_rsa_bits(uint8_t type);  /* 0: no RSA */
/* The secret part in a record of the store: at most, 0: no such type; may it be so long? */
size_t key_secret_most(uint8_t type);
bool key_secret_fits(uint8_t type, size_t n);
bool key_is_blob(uint8_t type); /* DATA, CERTIFICATE: no key at all */
/* What it allows, beside being seen; DIGEST_ONLY allows nothing. */
static inline uint32_t usage_work(uint32_t usage)
{
    return usage & ~(uint32_t)(USAGE_PUBLIC | USAGE_DIGEST_ONLY);
}
/* USAGE_* that the type can have; 0: no such type */
uint32_t key_usages(uint8_t type);
bool key_is_secret(uint8_t type); /* symmetric: no public part */

/* NULL: not on one of these curves */
static inline const struct ec_curve *key_curve(uint8_t type)
{
#if HUFU_SMALL
    (void)type;
    return NULL;
#else
    return type == KEY_P256 ? &ec_p256 : type == KEY_P384 ? &ec_p384 : NULL;
#endif
}

#endif
