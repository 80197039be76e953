/* Where the build writes the SM3 of this program (firmware/ports/tools/seal.c). */
#ifndef HUFU_SIM_SEAL_H
#define HUFU_SIM_SEAL_H

#include "firmware/hal/hal.h"

extern const struct hal_seal
    sim_seal; /* alone in its file, so that no compiler takes its zeros for granted */

#endif
