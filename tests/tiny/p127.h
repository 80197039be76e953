/* y^2 = x^3 - 3x + 95 over 127, of 113 points */
#define SM2_BITS        8
#define TINY_P          127
#define TINY_N          113
#define TINY_B          95
#define TINY_GX         3
#define TINY_GY         42
#define TINY_ALL_ONES   29
#define TINY_R_SQUARED  30
#define SM2_N_INVERSE   0x6F0243F6F0243F6F
#include "tests/tiny/curve.h"
