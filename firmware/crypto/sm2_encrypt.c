/* SM2 public key encryption (GB/T 32918.4), C1 || C3 || C2. */
#include <string.h>

#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/portable/sm2_base.h"
#include "firmware/crypto/sm2.h"
#include "firmware/crypto/sm3.h"

enum { C1 = 0, C3 = 64, C2 = SM2_CIPHER_OVERHEAD };

/* A nonce out of range or an all-zero KDF output: for one byte of text 1 in 256 are zero. */
enum { MAX_DRAWS = 64 };

/* c3 = SM3(x2 || m || y2) */
static void check_value(const uint8_t shared[64], const uint8_t *m, size_t n, uint8_t c3[32])
{
    struct sm3 h;
    sm3_init(&h);
    sm3_update(&h, shared, 32);
    sm3_update(&h, m, n);
    sm3_update(&h, shared + 32, 32);
    sm3_final(&h, c3);
}

/* out = C1 || C3 || C2 with nonce k; 1, or 0: k is not usable */
static int encrypt_with(const uint8_t k[32], const struct sm2_affine *pub, const uint8_t *m,
                        size_t n, uint8_t *out)
{
    struct sm2_scalar s, t;
    struct sm2_affine point;
    uint8_t shared[64], ok;

    ok = (uint8_t)(sm2_scalar_load_nonzero(&s, k) & 1);
    t = s;
    sm2_base_mul(&point, &t, 1, NULL);
    sm2_point_store(out + C1, &point);
    sm2_point_mul(&point, &s, pub);
    sm2_point_store(shared, &point);
    sm3_kdf(shared, sizeof shared, out + C2, n);
    ok &= (uint8_t)(~ct_mem_is_zero(out + C2, n) & 1);
    for (size_t i = 0; i < n; i++)
        out[C2 + i] ^= m[i];
    check_value(shared, m, n, out + C3);
    PUBLIC(&ok, 1);
    wipe(&s, sizeof s);
    wipe(&t, sizeof t);
    wipe(&point, sizeof point);
    wipe(shared, sizeof shared);
    return ok;
}

int sm2_encrypt(const struct rng *rng, const uint8_t pub[64], const void *m, size_t n, uint8_t *out)
{
    struct sm2_affine p;
    uint8_t k[32];
    int ok = 0;

    if (n != 0 && sm2_point_load(&p, pub)) {
        for (int i = 0; i < MAX_DRAWS && !ok; i++) {
            if (rng->fill(rng->ctx, k, sizeof k) != 0)
                break;
            SECRET(k, sizeof k);
            ok = encrypt_with(k, &p, m, n, out);
        }
    }
    PUBLIC(out, n + SM2_CIPHER_OVERHEAD);
    wipe(k, sizeof k);
    if (!ok)
        wipe(out, n + SM2_CIPHER_OVERHEAD);
    return ok ? 0 : -1;
}

int sm2_decrypt(const uint8_t d[32], const uint8_t *in, size_t n, uint8_t *out)
{
    const size_t size = n > SM2_CIPHER_OVERHEAD ? n - SM2_CIPHER_OVERHEAD : 0;
    struct sm2_scalar s;
    struct sm2_affine point;
    uint8_t shared[64], c3[32], ok;

    if (size == 0 || !sm2_point_load(&point, in + C1)) {
        wipe(out, size);
        return -1;
    }
    ok = (uint8_t)(sm2_scalar_load_private(&s, d) & 1);
    sm2_point_mul(&point, &s, &point);
    sm2_point_store(shared, &point);
    sm3_kdf(shared, sizeof shared, out, size);
    ok &= (uint8_t)(~ct_mem_is_zero(out, size) & 1);
    for (size_t i = 0; i < size; i++)
        out[i] ^= in[C2 + i];
    check_value(shared, out, size, c3);
    ok &= (uint8_t)(ct_mem_eq(c3, in + C3, sizeof c3) & 1);
    PUBLIC(&ok, 1);
    wipe(&s, sizeof s);
    wipe(&point, sizeof point);
    wipe(shared, sizeof shared);
    wipe(c3, sizeof c3);
    if (!ok)
        wipe(out, size);
    return ok ? 0 : -1;
}
