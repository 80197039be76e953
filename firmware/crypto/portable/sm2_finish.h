/* The end of an SM2 signature, when the point [k]G is at hand. */
#ifndef HUFU_CRYPTO_PORTABLE_SM2_FINISH_H
#define HUFU_CRYPTO_PORTABLE_SM2_FINISH_H

#include "firmware/crypto/portable/sm2_scalar.h"

/*
 * Clause 6.1 of GB/T 32918.2 with x1, any 256-bit number: r = e + x1, s = (1+d)^-1 (k + r) - r,
 * which is (1+d)^-1 (k - rd). sig: r || s. The mask: r, r + k and s are not 0 mod n. CT: yes
 */
limb_t sm2_finish(uint8_t sig[64], const struct sm2_number *x, const struct sm2_scalar *k,
                  const uint8_t e[32], const uint8_t inv[32]);

#endif
