/* Public keys: coordinates in range and on the curve. CT: public inputs only */
#ifndef HUFU_CRYPTO_IFMA8_SM2_CHECK_H
#define HUFU_CRYPTO_IFMA8_SM2_CHECK_H

#include <stddef.h>
#include <stdint.h>

/* The entry of struct sm2_ops. */
void ifma8_check(size_t n, const uint8_t *const *pub, uint8_t *ok);

#endif
