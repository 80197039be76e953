/* The SM2 family of the portable engine: key pairs and signatures in batches over sm2_base_mul. */
#include <string.h>

#include "firmware/base/wipe.h"
#include "firmware/crypto/portable/portable.h"
#include "firmware/crypto/portable/sm2_base.h"
#include "firmware/crypto/portable/sm2_finish.h"
#include "firmware/crypto/portable/sm2_verify.h"

/* Scratch of one call: the scalars and points of a part, then what sm2_base_mul needs. */
struct part {
    struct sm2_affine *point;
    struct sm2_scalar *k, *recoded;
    void *rest;
};

static size_t part_size(size_t n)
{
    return n * (sizeof(struct sm2_affine) + 2 * sizeof(struct sm2_scalar));
}

static void part_init(struct part *p, void *scratch, size_t n)
{
    p->point = scratch;
    p->k = (struct sm2_scalar *)(p->point + n);
    p->recoded = p->k + n;
    p->rest = p->recoded + n;
}

/* The size of the next part of n items: all parts of a batch are about as large as each other. */
static size_t next_part(size_t n)
{
    const size_t parts = (n + SM2_BASE_MAX - 1) / SM2_BASE_MAX;
    return n == 0 ? 0 : (n + parts - 1) / parts;
}

static size_t scratch_size(size_t n)
{
    if (n > SM2_BASE_MAX)
        n = SM2_BASE_MAX;
    return part_size(n) + sm2_base_scratch(n);
}

/* Zeros over the n bytes at out unless mask */
static void mask_bytes(uint8_t *out, size_t n, limb_t mask)
{
    const uint8_t keep = (uint8_t)mask;
    for (size_t i = 0; i < n; i++)
        out[i] &= keep;
}

static void keygen_part(size_t n, const uint8_t (*k)[32], uint8_t (*pub)[64], uint8_t *ok,
                        void *scratch)
{
    struct part p;

    part_init(&p, scratch, n);
    for (size_t i = 0; i < n; i++)
        ok[i] = (uint8_t)(sm2_scalar_load_private(&p.recoded[i], k[i]) & 1);
    sm2_base_mul(p.point, p.recoded, n, p.rest);
    for (size_t i = 0; i < n; i++) {
        sm2_point_store(pub[i], &p.point[i]);
        mask_bytes(pub[i], sizeof pub[i], limb_mask(ok[i]));
    }
    wipe(scratch, part_size(n));
}

static void keygen(size_t n, const uint8_t (*k)[32], uint8_t (*pub)[64], uint8_t *ok, void *scratch)
{
    for (size_t part; n != 0; n -= part, k += part, pub += part, ok += part) {
        part = next_part(n);
        keygen_part(part, k, pub, ok, scratch);
    }
}

static void sign_part(size_t n, const struct sm2_sign_key *const *key, const uint8_t (*e)[32],
                      const uint8_t (*k)[32], uint8_t (*sig)[64], uint8_t *ok, void *scratch)
{
    struct part p;
    struct sm2_number x;
    limb_t good;

    part_init(&p, scratch, n);
    for (size_t i = 0; i < n; i++) {
        ok[i] = (uint8_t)(sm2_scalar_load_nonzero(&p.k[i], k[i]) & 1);
        p.recoded[i] = p.k[i];
    }
    sm2_base_mul(p.point, p.recoded, n, p.rest);
    for (size_t i = 0; i < n; i++) {
        good = limb_mask(ok[i]);
        sm2_fe_to_number(&x, &p.point[i].x);
        good &= sm2_finish(sig[i], &x, &p.k[i], e[i], key[i]->inv);
        ok[i] = (uint8_t)(good & 1);
        mask_bytes(sig[i], sizeof sig[i], good);
    }
    wipe(scratch, part_size(n));
}

static void sign(size_t n, const struct sm2_sign_key *const *key, const uint8_t (*e)[32],
                 const uint8_t (*k)[32], uint8_t (*sig)[64], uint8_t *ok, void *scratch)
{
    for (size_t part; n != 0;
         n -= part, key += part, e += part, k += part, sig += part, ok += part) {
        part = next_part(n);
        sign_part(part, key, e, k, sig, ok, scratch);
    }
}

/* Neighbours under one key share what is computed of it. */
static void verify(size_t n, const uint8_t *const *pub, const uint8_t (*e)[32],
                   const uint8_t (*sig)[64], uint8_t *ok, void *scratch)
{
    struct sm2_multiples key;
    struct sm2_affine p;
    int on_curve = 0;

    (void)scratch;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || memcmp(pub[i], pub[i - 1], 64) != 0) {
            on_curve = sm2_point_load(&p, pub[i]) != 0;
            if (on_curve)
                sm2_multiples(&key, &p);
        }
        ok[i] = on_curve && sm2_verify_one(&key, e[i], sig[i]);
    }
}

static void check(size_t n, const uint8_t *const *pub, uint8_t *ok)
{
    struct sm2_affine p;

    for (size_t i = 0; i < n; i++)
        ok[i] = sm2_point_load(&p, pub[i]) != 0;
}

const struct sm2_ops sm2_portable = {
    .name = "portable",
    .scratch = scratch_size,
    .keygen = keygen,
    .sign = sign,
    .verify = verify,
    .check = check,
};
