/* Public multiples of points, and verification of SM2 signatures. CT: public inputs only */
#ifndef HUFU_CRYPTO_PORTABLE_SM2_VERIFY_H
#define HUFU_CRYPTO_PORTABLE_SM2_VERIFY_H

#include "firmware/crypto/portable/sm2_point.h"

enum { SM2_PUBLIC_WIDTH = 5 };

/* A point made ready to be multiplied: odd[i] = (2i + 1) P. */
struct sm2_multiples {
    struct sm2_affine odd[1 << (SM2_PUBLIC_WIDTH - 2)];
};

/* p is on the curve */
void sm2_multiples(struct sm2_multiples *r, const struct sm2_affine *p);
/* r = [s]G + [t]P, for any s and t */
void sm2_mul_public(struct sm2_jacobian *r, const struct sm2_scalar *s, const struct sm2_scalar *t,
                    const struct sm2_multiples *p);

/*
 * 1: sig (r || s) over the digest e is right under the public key p (clause 7.1 of GB/T 32918.2),
 * 0: it is not.
 */
int sm2_verify_one(const struct sm2_multiples *p, const uint8_t *e, const uint8_t *sig);

#endif
