/* Inside the peers: each gives its subjects in this order. */
#ifndef HUFU_BENCH_PEERS_H
#define HUFU_BENCH_PEERS_H

#include "bench/bench.h"

enum {
    SM2_KEYGEN,
    SM2_SIGN,
    SM2_VERIFY,
    RSA_KEYGEN,
    RSA_SIGN,
    RSA_VERIFY,
    SM3,
    SM4,
    SM2_CHECK,
    OPERATIONS
};

extern const struct subject openssl_subjects[OPERATIONS], botan_subjects[OPERATIONS],
    gcrypt_subjects[OPERATIONS], softhsm_subjects[OPERATIONS];
/* NULL, or why SoftHSM2 cannot be measured; opens its token when it can. */
const char *softhsm_absent(void);

/* An open function that needs none of its arguments. */
#define OPEN(name, expression)                                                                     \
    static void *name(const struct options *o, size_t batch, unsigned thread)                      \
    {                                                                                              \
        (void)o, (void)batch, (void)thread;                                                        \
        return expression;                                                                         \
    }

#endif
