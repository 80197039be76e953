/* For the build tools that print tables: numbers, of limbs of any size, as words of 64 bits. */
#ifndef HUFU_CRYPTO_PORTABLE_GEN_NUMBER_H
#define HUFU_CRYPTO_PORTABLE_GEN_NUMBER_H

#include <inttypes.h>
#include <stdio.h>

#include "firmware/crypto/portable/sm2_number.h"

static inline uint64_t gen_word(const limb_t *a, int i)
{
    const int limbs = 64 / LIMB_BITS;
    uint64_t w = 0;
    for (int j = limbs; j-- > 0;)
        w = (limbs > 1 ? w << 32 : 0) | a[limbs * i + j];
    return w;
}

static inline void gen_print_number(const limb_t *a)
{
    printf("SM2_NUMBER(");
    for (int i = 0; i < 4; i++)
        printf("%s0x%016" PRIX64, i ? ", " : "", gen_word(a, i));
    printf(")");
}

static inline void gen_print_point(const limb_t *x, const limb_t *y)
{
    printf("{");
    gen_print_number(x);
    printf(", ");
    gen_print_number(y);
    printf("},\n");
}

#endif
