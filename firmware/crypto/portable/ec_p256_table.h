/* How the multiples of P-256's base point lie in their table: row w has 1, 3, 5 ... times 2^(w *
 * window). */
#ifndef HUFU_CRYPTO_PORTABLE_EC_P256_TABLE_H
#define HUFU_CRYPTO_PORTABLE_EC_P256_TABLE_H

#include "firmware/crypto/portable/ec_p256_field.h"
#include "firmware/crypto/portable/ec_point.h"

enum {
    P256_WINDOW = 6,
    P256_ROW = 1 << (P256_WINDOW - 1),
    P256_WINDOWS = (EC_BITS + P256_WINDOW - 1) / P256_WINDOW,
    P256_TOP_ROW = 1 << (EC_BITS - (P256_WINDOWS - 1) * P256_WINDOW - 1),
    P256_TABLE_ENTRIES = (P256_WINDOWS - 1) * P256_ROW + P256_TOP_ROW
};

#endif
