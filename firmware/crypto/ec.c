#include "firmware/crypto/ec.h"

#include "firmware/base/wipe.h"

#if !HUFU_SMALL

enum { MAX_DRAWS = 64 }; /* each is out of range with a chance of 2^-32 at most */

int ec_keygen(const struct ec_curve *c, const struct rng *rng, uint8_t *d, uint8_t *pub)
{
    for (int turn = 0; turn < MAX_DRAWS; turn++) {
        if (rng->fill(rng->ctx, d, c->size))
            break;
        if (c->public_from_private(d, pub) == 0)
            return 0;
    }
    wipe(d, c->size);
    return -1;
}

int ecdsa_sign(const struct ec_curve *c, const struct rng *rng, const uint8_t *d,
               const uint8_t *digest, size_t n, uint8_t *sig)
{
    uint8_t k[EC_MAX];
    int bad = -1;
    for (int turn = 0; bad && turn < MAX_DRAWS; turn++) {
        if (rng->fill(rng->ctx, k, c->size))
            break;
        bad = c->sign(d, k, digest, n, sig);
    }
    wipe(k, sizeof k);
    return bad;
}

#endif
