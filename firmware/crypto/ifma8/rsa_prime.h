/* Prime tests of RSA in eight lanes: rsa_ops.prime_test. CT: only ok */
#ifndef HUFU_CRYPTO_IFMA8_RSA_PRIME_H
#define HUFU_CRYPTO_IFMA8_RSA_PRIME_H

#include "firmware/crypto/ifma8/ifma8.h"
#include "firmware/crypto/rng.h"

#if HUFU_IFMA8
/* bytes, for candidates of `bits` bits, any number of them */
size_t rsa8_prime_scratch(unsigned bits);
/* As rsa_ops says, size a multiple of 64 bytes; an even candidate or one without top bit fails. */
void rsa8_prime_test(size_t n, const uint8_t *const *candidate, size_t size, unsigned rounds,
                     uint8_t *ok, const struct rng *rng, void *scratch);
#endif

#endif
