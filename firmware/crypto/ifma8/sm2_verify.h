/* Verification of independent signatures. CT: public inputs only */
#ifndef HUFU_CRYPTO_IFMA8_SM2_VERIFY_H
#define HUFU_CRYPTO_IFMA8_SM2_VERIFY_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of scratch for n items. */
size_t ifma8_verify_size(size_t n);
/* The entry of struct sm2_ops; what it leaves undecided (equal or opposite points) the portable
 * engine decides. */
void ifma8_verify(size_t n, const uint8_t *const *pub, const uint8_t (*e)[32],
                  const uint8_t (*sig)[64], uint8_t *ok, void *scratch);

#endif
