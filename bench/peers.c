/* Which peer does what. */
#include "bench/peers.h"

const char *const peer_names[PEERS] = {"openssl", "botan", "libgcrypt"};

#ifdef HUFU_PEER_BOTAN
#define BOTAN(i) &botan_subjects[i]
#else
#define BOTAN(i) NULL
#endif
#ifdef HUFU_PEER_GCRYPT
#define GCRYPT(i) &gcrypt_subjects[i]
#else
#define GCRYPT(i) NULL
#endif
#define WORK(i)                                                                                    \
    {                                                                                              \
        {                                                                                          \
            &openssl_subjects[i], BOTAN(i), GCRYPT(i)                                              \
        }                                                                                          \
    }

const struct work work_sm2_keygen = WORK(SM2_KEYGEN);
const struct work work_sm2_sign = WORK(SM2_SIGN);
const struct work work_sm2_verify = WORK(SM2_VERIFY);
const struct work work_rsa2048_keygen = WORK(RSA_KEYGEN);
const struct work work_rsa2048_sign = WORK(RSA_SIGN);
const struct work work_rsa2048_verify = WORK(RSA_VERIFY);
const struct work work_sm3 = WORK(SM3);
const struct work work_sm4 = WORK(SM4);
