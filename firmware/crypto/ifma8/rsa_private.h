/* The private operation of RSA in eight lanes: rsa_ops.private_op. CT: only ok */
#ifndef HUFU_CRYPTO_IFMA8_RSA_PRIVATE_H
#define HUFU_CRYPTO_IFMA8_RSA_PRIVATE_H

#include "firmware/crypto/ifma8/ifma8.h"
#include "firmware/crypto/rng.h"
#include "firmware/crypto/rsa.h"

#if HUFU_IFMA8
/* bytes, for any number of items */
size_t rsa8_private_scratch(unsigned bits);
void rsa8_private_op(size_t n, const struct rsa_private *const *key, const uint8_t *const *in,
                     uint8_t *const *out, uint8_t *ok, const struct rng *rng, void *scratch);
#endif

#endif
