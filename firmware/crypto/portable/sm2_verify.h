/* Verification of SM2 signatures. CT: public inputs only */
#ifndef HUFU_CRYPTO_PORTABLE_SM2_VERIFY_H
#define HUFU_CRYPTO_PORTABLE_SM2_VERIFY_H

#include "firmware/crypto/portable/sm2_point.h"

/* r = [s]G + [t]P */
void sm2_mul_public(struct sm2_jacobian *r, const struct sm2_scalar *s, const struct sm2_scalar *t,
                    const struct sm2_affine *p);

/* 1: sig (r || s) over the digest e is right under pub, a point on the curve; 0: it is not.
 * GB/T 32918.2 clause 7.1 */
int sm2_verify_one(const uint8_t *pub, const uint8_t *e, const uint8_t *sig);

#endif
