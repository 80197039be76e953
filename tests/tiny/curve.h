/*
 * A curve of a few thousand points or less in place of the SM2 curve: firmware/crypto/portable/sm2_curve.h
 * includes a header that gives the numbers and ends with this one. Elements of the field are plain numbers.
 */
#ifndef HUFU_TESTS_TINY_CURVE_H
#define HUFU_TESTS_TINY_CURVE_H

#define TINY_NUMBER(x)  SM2_NUMBER(x, 0, 0, 0)
#define SM2_CURVE_P           TINY_NUMBER(TINY_P)
#define SM2_CURVE_N           TINY_NUMBER(TINY_N)
#define SM2_N_MINUS_1   TINY_NUMBER(TINY_N - 1)
#define SM2_N_ALL_ONES  TINY_NUMBER(TINY_ALL_ONES)
#define SM2_N_R_SQUARED TINY_NUMBER(TINY_R_SQUARED)
#define SM2_FE_ONE      TINY_NUMBER(1)
#define SM2_FE_B        TINY_NUMBER(TINY_B)
#define SM2_FE_GX       TINY_NUMBER(TINY_GX)
#define SM2_FE_GY       TINY_NUMBER(TINY_GY)

#endif
