/* SM2 signatures, key pairs and Z (GB/T 32918.2): the single operations over an engine. */
#include "firmware/crypto/sm2.h"

#include <string.h>

#include "firmware/base/endian.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/portable/sm2_finish.h"
#include "firmware/crypto/portable/sm2_point.h"
#include "firmware/crypto/sm3.h"

/* A candidate is out of range once in 2^32 draws; so many in a row mean a broken source. */
enum { MAX_DRAWS = 8 };

const uint8_t sm2_default_id[16] = {'1', '2', '3', '4', '5', '6', '7', '8',
                                    '1', '2', '3', '4', '5', '6', '7', '8'};

/* a, b, Gx, Gy as Z takes them */
static const uint8_t curve[128] = {
    0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFC,
    0x28, 0xE9, 0xFA, 0x9E, 0x9D, 0x9F, 0x5E, 0x34, 0x4D, 0x5A, 0x9E, 0x4B, 0xCF, 0x65, 0x09, 0xA7,
    0xF3, 0x97, 0x89, 0xF5, 0x15, 0xAB, 0x8F, 0x92, 0xDD, 0xBC, 0xBD, 0x41, 0x4D, 0x94, 0x0E, 0x93,
    0x32, 0xC4, 0xAE, 0x2C, 0x1F, 0x19, 0x81, 0x19, 0x5F, 0x99, 0x04, 0x46, 0x6A, 0x39, 0xC9, 0x94,
    0x8F, 0xE3, 0x0B, 0xBF, 0xF2, 0x66, 0x0B, 0xE1, 0x71, 0x5A, 0x45, 0x89, 0x33, 0x4C, 0x74, 0xC7,
    0xBC, 0x37, 0x36, 0xA2, 0xF4, 0xF6, 0x77, 0x9C, 0x59, 0xBD, 0xCE, 0xE3, 0x6B, 0x69, 0x21, 0x53,
    0xD0, 0xA9, 0x87, 0x7C, 0xC6, 0x2A, 0x47, 0x40, 0x02, 0xDF, 0x32, 0xE5, 0x21, 0x39, 0xF0, 0xA0,
};

int sm2_public_check(const uint8_t pub[SM2_POINT])
{
    struct sm2_affine p;
    return sm2_point_load(&p, pub) ? 0 : -1;
}

/* pub = [d]G, one try; 1: done, 0: d out of range (pub is zero) */
static int try_public(const struct sm2_ops *ops, const uint8_t d[32], uint8_t pub[64])
{
    _Alignas(64) uint8_t scratch[SM2_SCRATCH_ONE];
    uint8_t k[1][32], out[1][64], ok = 0;

    memcpy(k[0], d, 32);
    ops->keygen(1, (const uint8_t(*)[32])k, out, &ok, scratch);
    PUBLIC(&ok, 1);
    PUBLIC(out, sizeof out);
    memcpy(pub, out[0], 64);
    wipe(k, sizeof k);
    return ok;
}

int sm2_public_from_private(const struct sm2_ops *ops, const uint8_t d[32], uint8_t pub[64])
{
    return try_public(ops, d, pub) ? 0 : -1;
}

int sm2_keygen(const struct sm2_ops *ops, const struct rng *rng, uint8_t d[32], uint8_t pub[64])
{
    for (int i = 0; i < MAX_DRAWS; i++) {
        if (rng->fill(rng->ctx, d, 32) != 0)
            break;
        SECRET(d, 32);
        if (try_public(ops, d, pub))
            return 0;
    }
    wipe(d, 32);
    wipe(pub, 64);
    return -1;
}

int sm2_sign_key(struct sm2_sign_key *key, const uint8_t d[32])
{
    static const struct sm2_scalar one = SM2_NUMBER(1, 0, 0, 0);
    struct sm2_scalar t;
    uint8_t ok = (uint8_t)(sm2_scalar_load_private(&t, d) & 1);

    PUBLIC(&ok, 1);
    if (ok) {
        memcpy(key->d, d, 32);
        sm2_scalar_add(&t, &t, &one);
        sm2_scalar_invert(&t, &t);
        sm2_scalar_store(key->inv, &t);
    } else {
        wipe(key, sizeof *key);
    }
    wipe(&t, sizeof t);
    return ok ? 0 : -1;
}

int sm2_sign(const struct sm2_ops *ops, const struct rng *rng, const struct sm2_sign_key *key,
             const uint8_t e[32], uint8_t sig[64])
{
    _Alignas(64) uint8_t scratch[SM2_SCRATCH_ONE];
    uint8_t digest[1][32], k[1][32], out[1][64], ok = 0;

    memcpy(digest[0], e, 32);
    for (int i = 0; i < MAX_DRAWS && !ok; i++) {
        if (rng->fill(rng->ctx, k[0], 32) != 0)
            break;
        SECRET(k, sizeof k);
        ops->sign(1, &key, (const uint8_t(*)[32])digest, (const uint8_t(*)[32])k, out, &ok,
                  scratch);
        PUBLIC(&ok, 1);
        PUBLIC(out, sizeof out);
    }
    wipe(k, sizeof k);
    if (ok)
        memcpy(sig, out[0], 64);
    else
        wipe(sig, 64);
    return ok ? 0 : -1;
}

int sm2_sign_ready(const struct sm2_sign_key *key, const uint8_t e[32], const uint8_t k[32],
                   const uint8_t x[32], uint8_t sig[64])
{
    struct sm2_scalar nonce;
    struct sm2_number first;

    limb_t mask = sm2_scalar_load_nonzero(&nonce, k);
    sm2_number_load(first.v, x);
    mask &= sm2_finish(sig, &first, &nonce, e, key->inv);
    uint8_t ok = (uint8_t)(mask & 1);
    PUBLIC(&ok, 1);
    if (!ok)
        wipe(sig, 64);
    wipe(&nonce, sizeof nonce);
    wipe(&first, sizeof first);
    return ok ? 0 : -1;
}

int sm2_verify(const struct sm2_ops *ops, const uint8_t pub[64], const uint8_t e[32],
               const uint8_t sig[64])
{
    _Alignas(64) uint8_t scratch[SM2_SCRATCH_ONE];
    uint8_t digest[1][32], in[1][64], ok = 0;

    if (sm2_public_check(pub) != 0)
        return -1;
    memcpy(digest[0], e, 32);
    memcpy(in[0], sig, 64);
    ops->verify(1, &pub, (const uint8_t(*)[32])digest, (const uint8_t(*)[64])in, &ok, scratch);
    return ok ? 0 : -1;
}

int sm2_z(const void *id, size_t id_size, const uint8_t pub[64], uint8_t z[32])
{
    struct sm3 h;
    uint8_t entl[2];

    if (id_size > SM2_MAX_ID) {
        wipe(z, 32);
        return -1;
    }
    store_be16(entl, (uint16_t)(id_size * 8));
    sm3_init(&h);
    sm3_update(&h, entl, sizeof entl);
    sm3_update(&h, id, id_size);
    sm3_update(&h, curve, sizeof curve);
    sm3_update(&h, pub, 64);
    sm3_final(&h, z);
    return 0;
}

int sm2_digest(const void *id, size_t id_size, const uint8_t pub[64], const void *m, size_t n,
               uint8_t e[32])
{
    struct sm3 h;

    if (sm2_z(id, id_size, pub, e) != 0)
        return -1;
    sm3_init(&h);
    sm3_update(&h, e, 32);
    sm3_update(&h, m, n);
    sm3_final(&h, e);
    return 0;
}
