/*
 * The curve of GB/T 32918.5, y^2 = x^3 - 3x + b over p, whose base point G has the prime order n.
 * All that the code above the field takes from the curve is here. A test builds the same sources
 * over curves so small that everything can be tried: it names a header of its own for this one.
 */
#ifndef HUFU_CRYPTO_PORTABLE_SM2_CURVE_H
#define HUFU_CRYPTO_PORTABLE_SM2_CURVE_H

#ifdef HUFU_SM2_CURVE
#include HUFU_SM2_CURVE
#else

/* Bits of a scalar: n is a little below 2^SM2_BITS. */
#define SM2_BITS 256

#define SM2_CURVE_P                                                                                \
    SM2_NUMBER(0xFFFFFFFFFFFFFFFF, 0xFFFFFFFF00000000, 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFEFFFFFFFF)
#define SM2_CURVE_N                                                                                \
    SM2_NUMBER(0x53BBF40939D54123, 0x7203DF6B21C6052B, 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFEFFFFFFFF)
#define SM2_N_MINUS_1                                                                              \
    SM2_NUMBER(0x53BBF40939D54122, 0x7203DF6B21C6052B, 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFEFFFFFFFF)
/* 2^SM2_BITS - 1 mod n */
#define SM2_N_ALL_ONES                                                                             \
    SM2_NUMBER(0xAC440BF6C62ABEDC, 0x8DFC2094DE39FAD4, 0x0000000000000000, 0x0000000100000000)
/* 2^512 mod n */
#define SM2_N_R_SQUARED                                                                            \
    SM2_NUMBER(0x901192AF7C114F20, 0x3464504ADE6FA2FA, 0x620FC84C3AFFE0D4, 0x1EB5E412A22B3D3B)
/* -1/n mod 2^64 */
#define SM2_N_INVERSE 0x327F9E8872350975

/* 1, b and the coordinates of G as the field holds them: in Montgomery form */
#define SM2_FE_ONE                                                                                 \
    SM2_NUMBER(0x0000000000000001, 0x00000000FFFFFFFF, 0x0000000000000000, 0x0000000100000000)
#define SM2_FE_B                                                                                   \
    SM2_NUMBER(0x90D230632BC0DD42, 0x71CF379AE9B537AB, 0x527981505EA51C3C, 0x240FE188BA20E2C8)
#define SM2_FE_GX                                                                                  \
    SM2_NUMBER(0x61328990F418029E, 0x3E7981EDDCA6C050, 0xD6A1ED99AC24C3C3, 0x91167A5EE1C13B05)
#define SM2_FE_GY                                                                                  \
    SM2_NUMBER(0xC1354E593C2D0DDD, 0xC1F5E5788D3295FA, 0x8D4CFB066E2A48F8, 0x63CD65D481D735BD)

#endif
#endif
