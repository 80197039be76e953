/* The group of the tiny curve by logarithms: point i is [i]G, point 0 is infinity. Computed by
 * school formulas. */
#ifndef HUFU_TESTS_TINY_MODEL_H
#define HUFU_TESTS_TINY_MODEL_H

#include "firmware/crypto/portable/sm2_point.h"

enum { P = TINY_P, N = TINY_N };

struct model_point {
    uint32_t x, y;
};

extern struct model_point model_point[N]; /* [0] means nothing */

void model_make(void);
/* The logarithm of (x, y); -1 when it is not on the curve */
int model_log(uint32_t x, uint32_t y);
uint32_t model_inverse(uint32_t a, uint32_t modulus);

/* Between the model and the code under test */
struct sm2_affine model_affine(unsigned i);
/* Point i with the given Z, which is not 0; Z = 0 for i = 0 whatever is given */
struct sm2_jacobian model_jacobian(unsigned i, uint32_t z);
/* Logarithms; -1 for what is no point of the curve or is not reduced */
int model_log_affine(const struct sm2_affine *a);
int model_log_jacobian(const struct sm2_jacobian *a);
/* 32 bytes, big-endian */
void model_bytes(uint8_t *out, uint32_t x);
uint32_t model_number(const uint8_t *in);

#endif
