/* Inverses modulo a prime, for the field and for the scalars. */
#ifndef HUFU_CRYPTO_PORTABLE_SM2_INVERT_H
#define HUFU_CRYPTO_PORTABLE_SM2_INVERT_H

#include "firmware/crypto/portable/sm2_number.h"

/* r = 1/a mod m, 0 for 0; a below m; m_inverse is 1/m modulo a limb. CT: nothing leaks */
void sm2_number_invert(limb_t *r, const limb_t *a, const limb_t *m, limb_t m_inverse);

#endif
