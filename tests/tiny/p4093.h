/* y^2 = x^3 - 3x + 85 over 4093, of 4057 points */
#define SM2_BITS        12
#define TINY_P          4093
#define TINY_N          4057
#define TINY_B          85
#define TINY_GX         1
#define TINY_GY         898
#define TINY_ALL_ONES   38
#define TINY_R_SQUARED  32
#define SM2_N_INVERSE   0xE0A38EABC2AA7F97
#include "tests/tiny/curve.h"
