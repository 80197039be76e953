#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/base/wipe.h"
#include "firmware/crypto/ifma8/sm2_affine.h"
#include "firmware/crypto/ifma8/sm2_field.h"

void ifma8_chains_start(struct ifma8_chains *c)
{
    for (int i = 0; i < IFMA8_PAIR; i++)
        ifma8_fe_one(&c->product[i]);
}

int ifma8_chains_turn(struct ifma8_chains *c)
{
    struct lane_fe both;

    fe_mul(&both, &c->product[0], &c->product[1]);
    const int ok = ifma8_fe_invert(&both, &both);
    fe_mul(&c->inverse[0], &both, &c->product[1]);
    fe_mul(&c->inverse[1], &both, &c->product[0]);
    ifma8_chains_start(c);
    wipe(&both, sizeof both);
    return ok;
}

#endif
