/* RSA public operations, one number spread over eight lanes. */
#ifndef HUFU_CRYPTO_IFMA8_RSA_PUBLIC_H
#define HUFU_CRYPTO_IFMA8_RSA_PUBLIC_H

#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/crypto/bignum.h"

/* As bn_power_public. CT: e, and what rsa_spread_mul.h says */
void rsa8_public_power(limb_t *r, const limb_t *a, uint32_t e, const limb_t *m, size_t n,
                       limb_t *room);
#endif

#endif
