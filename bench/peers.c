/* Which peer does what. */
#include "bench/peers.h"

const char *const peer_names[PEERS] = {"openssl", "botan", "libgcrypt", "softhsm2"};

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
            &openssl_subjects[i], BOTAN(i), GCRYPT(i), NULL                                        \
        }                                                                                          \
    }
/* What a PKCS#11 token offers, too. */
#define WORK_P11(i)                                                                                \
    {                                                                                              \
        {                                                                                          \
            &openssl_subjects[i], BOTAN(i), GCRYPT(i), &softhsm_subjects[i]                        \
        }                                                                                          \
    }

const struct work work_sm2_keygen = WORK(SM2_KEYGEN);
const struct work work_sm2_sign = WORK(SM2_SIGN);
const struct work work_sm2_verify = WORK(SM2_VERIFY);
const struct work work_sm2_check = {{&openssl_subjects[SM2_CHECK], NULL, NULL, NULL}};
const struct work work_rsa2048_keygen = WORK_P11(RSA_KEYGEN);
const struct work work_rsa2048_sign = WORK_P11(RSA_SIGN);
const struct work work_rsa2048_verify = WORK_P11(RSA_VERIFY);
const struct work work_sm3 = WORK(SM3);
const struct work work_sm4 = WORK(SM4);

const char *peer_absent(unsigned peer)
{
    switch (peer) {
#ifndef HUFU_PEER_BOTAN
    case PEER_BOTAN:
        return "the bench was built without libbotan-2-dev";
#endif
#ifndef HUFU_PEER_GCRYPT
    case PEER_GCRYPT:
        return "the bench was built without libgcrypt20-dev";
#endif
    case PEER_SOFTHSM:
        return softhsm_absent();
    default:
        return NULL;
    }
}
