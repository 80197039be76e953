#include "firmware/crypto/portable/sm2_finish.h"

#include "firmware/base/wipe.h"

limb_t sm2_finish(uint8_t sig[64], const struct sm2_number *x, const struct sm2_scalar *k,
                  const uint8_t e[32], const uint8_t inv[32])
{
    struct sm2_scalar r, s, t;
    limb_t ok;

    sm2_scalar_reduce(&s, x->v);
    (void)sm2_scalar_load(&r, e);
    sm2_scalar_add(&r, &r, &s);
    ok = ~sm2_scalar_is_zero(&r);
    sm2_scalar_add(&s, &r, k);
    ok &= ~sm2_scalar_is_zero(&s);
    (void)sm2_scalar_load(&t, inv);
    sm2_scalar_mul(&s, &s, &t);
    sm2_scalar_sub(&s, &s, &r);
    ok &= ~sm2_scalar_is_zero(&s);
    sm2_scalar_store(sig, &r);
    sm2_scalar_store(sig + 32, &s);
    wipe(&s, sizeof s);
    wipe(&t, sizeof t);
    return ok;
}
