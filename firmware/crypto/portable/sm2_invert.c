#include "firmware/crypto/portable/sm2_invert.h"

#include "firmware/crypto/divsteps.h"

/* From delta = 1/2 on, 590 steps are enough for every 256-bit modulus. */
enum { STEPS = 590 };

void sm2_number_invert(limb_t *r, const limb_t *a, const limb_t *m, limb_t m_inverse)
{
    digit room[5 * DIVSTEPS_DIGITS(SM2_LIMBS)];
    divsteps_invert(DIVSTEPS_HALF, DIVSTEPS_ROUNDS(STEPS), r, a, m, m_inverse, SM2_LIMBS, room);
    wipe(room, sizeof room);
}
