/* Trial division of prime candidates in eight lanes. CT: which ones fall, and when */
#ifndef HUFU_CRYPTO_IFMA8_RSA_TRIAL_H
#define HUFU_CRYPTO_IFMA8_RSA_TRIAL_H

#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
/* bytes of scratch */
size_t rsa8_trial_scratch(void);
extern const struct rsa_sieve rsa8_sieve;
#endif

#endif
