/* The eight-lane engine: x86-64 with AVX-512 IFMA. Empty elsewhere, and where HUFU_NO_IFMA8 says
 * so. */
#ifndef HUFU_CRYPTO_IFMA8_IFMA8_H
#define HUFU_CRYPTO_IFMA8_IFMA8_H

#include "firmware/crypto/engine.h"

#if defined(__x86_64__) && !defined(HUFU_NO_IFMA8)
#define HUFU_IFMA8 1
#else
#define HUFU_IFMA8 0
#endif

/* 1: this processor has AVX-512 F, DQ, BW, VL, IFMA, VBMI, BMI2, GFNI and VPCLMULQDQ, and the
 * system saves their registers; 0: nothing of the engine may be called. CT: no secrets */
int ifma8_usable(void);

#if HUFU_IFMA8
extern const struct sm2_ops sm2_ifma8;
extern const struct rsa_ops rsa_ifma8;
extern const struct sym_ops sym_ifma8;
#endif

#endif
