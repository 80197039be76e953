/*
 * The tables of the base point: for window i the odd multiples (2j + 1) 2^(wi) G, affine. They are
 * computed at build time by gen_table.c; the width w is HUFU_SM2_WINDOW (6 bits: 87 KB). For a
 * small flash only every HUFU_SM2_STEP-th window is tabled and the others are reached by doublings
 * (4 bits, step 6: 6 KB).
 */
#ifndef HUFU_CRYPTO_PORTABLE_SM2_TABLE_H
#define HUFU_CRYPTO_PORTABLE_SM2_TABLE_H

#include "firmware/crypto/portable/sm2_point.h"

#ifndef HUFU_SM2_WINDOW
#define HUFU_SM2_WINDOW 6
#endif
#ifndef HUFU_SM2_STEP
#define HUFU_SM2_STEP 1
#endif

enum {
    SM2_WINDOWS = (SM2_BITS + HUFU_SM2_WINDOW - 1) / HUFU_SM2_WINDOW,
    SM2_WINDOW_ENTRIES = 1 << (HUFU_SM2_WINDOW - 1),
    /* the top window has the bits that are left */
    SM2_TOP_BITS = SM2_BITS - (SM2_WINDOWS - 1) * HUFU_SM2_WINDOW,
    SM2_ROWS = (SM2_WINDOWS + HUFU_SM2_STEP - 1) / HUFU_SM2_STEP,
    /* the top row has the top window, and with a step whole ones below it */
    SM2_TOP_ENTRIES =
        (SM2_WINDOWS - 1) % HUFU_SM2_STEP ? SM2_WINDOW_ENTRIES : 1 << (SM2_TOP_BITS - 1),
    SM2_TABLE_ENTRIES = (SM2_ROWS - 1) * SM2_WINDOW_ENTRIES + SM2_TOP_ENTRIES
};

extern const struct sm2_affine sm2_table[SM2_TABLE_ENTRIES];

/*
 * r = the point that bits [wi, wi + w) of the recoded scalar b stand for: (2v - (2^w - 1)) 2^(wi)
 * G, with i rounded down to a multiple of HUFU_SM2_STEP in the power.
 * CT: the window; every entry of it is read
 */
void sm2_table_look_up(struct sm2_affine *r, unsigned window, const struct sm2_scalar *b);

#endif
