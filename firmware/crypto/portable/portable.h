/* The portable engine: plain C, constant time, on every machine. */
#ifndef HUFU_CRYPTO_PORTABLE_PORTABLE_H
#define HUFU_CRYPTO_PORTABLE_PORTABLE_H

#include "firmware/crypto/engine.h"

extern const struct sm2_ops sm2_portable;
extern const struct rsa_ops rsa_portable;
extern const struct sym_ops sym_portable;

#endif
