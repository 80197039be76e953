/* Verification of SM2 signatures. CT: public inputs only */
#ifndef HUFU_CRYPTO_PORTABLE_SM2_VERIFY_H
#define HUFU_CRYPTO_PORTABLE_SM2_VERIFY_H

#include "firmware/crypto/portable/sm2_point.h"

/*
 * Clause 7.1 of GB/T 32918.2 in two halves, so that a batch shares the work on the base point:
 * first s out of sig (r || s), 1 when r and s are in [1, n-1] and t = r + s is not 0 (s may be
 * multiplied with G in any case); then, with base = [s]G, whether x([s]G + [t]P) + e = r.
 */
int sm2_verify_begin(struct sm2_scalar *s, const uint8_t *sig);
int sm2_verify_end(const struct sm2_affine *base, const uint8_t *pub, const uint8_t *e,
                   const uint8_t *sig);

#endif
