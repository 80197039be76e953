/* SM2 key exchange (GB/T 32918.3). A is the initiator, B the responder, in every formula. */
#include <string.h>

#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/portable/sm2_verify.h"
#include "firmware/crypto/sm2.h"
#include "firmware/crypto/sm3.h"

/* 2^127 + (x mod 2^127) for the x coordinate of a temporary point; w = 127 in clause 6.1 */
static void short_x(struct sm2_scalar *r, const uint8_t point[64])
{
    uint8_t x[32] = {0};
    memcpy(x + 16, point + 16, 16);
    x[16] |= 0x80;
    (void)sm2_scalar_load(r, x);
}

/*
 * P + [x]R of the peer, public all of it; 0, or -1: a point off the curve, or the sum is infinity
 */
static int peer_point(struct sm2_affine *sum, const uint8_t pub[64], const uint8_t r_pub[64])
{
    static const struct sm2_scalar zero = {{0}};
    struct sm2_affine p, r;
    struct sm2_multiples multiples;
    struct sm2_jacobian t;
    struct sm2_scalar x;

    if (!sm2_point_load(&p, pub) || !sm2_point_load(&r, r_pub))
        return -1;
    short_x(&x, r_pub);
    sm2_multiples(&multiples, &r);
    sm2_mul_public(&t, &zero, &x, &multiples);
    sm2_point_add_public(&t, &t, &p);
    if (sm2_fe_is_zero(&t.z))
        return -1;
    sm2_point_to_affine(sum, &t);
    return 0;
}

/* t = d + x r of our own side; 1, or 0: d or r out of range or t = 0 (t is 1 then) */
static uint8_t own_scalar(struct sm2_scalar *t, const struct sm2_exchange *x)
{
    static const struct sm2_scalar one = SM2_NUMBER(1, 0, 0, 0);
    struct sm2_scalar d, r;
    limb_t ok;

    ok = sm2_scalar_load_private(&d, x->d);
    ok &= sm2_scalar_load_nonzero(&r, x->r);
    short_x(t, x->r_pub);
    sm2_scalar_mul(t, t, &r);
    sm2_scalar_add(t, t, &d);
    ok &= ~sm2_scalar_is_zero(t);
    sm2_number_select(t->v, ok, t->v, one.v);
    wipe(&d, sizeof d);
    wipe(&r, sizeof r);
    return (uint8_t)(ok & 1);
}

/* SM3(xU || Z_A || Z_B || R_A || R_B) */
static void inner_hash(const struct sm2_exchange *x, const uint8_t u[64], uint8_t out[32])
{
    struct sm3 h;
    sm3_init(&h);
    sm3_update(&h, u, 32);
    sm3_update(&h, x->z_a, 32);
    sm3_update(&h, x->z_b, 32);
    sm3_update(&h, x->initiator ? x->r_pub : x->peer_r_pub, 64);
    sm3_update(&h, x->initiator ? x->peer_r_pub : x->r_pub, 64);
    sm3_final(&h, out);
}

/* SM3(tag || yU || inner) */
static void confirmation(uint8_t tag, const uint8_t u[64], const uint8_t inner[32], uint8_t *out)
{
    struct sm3 h;

    if (out == NULL)
        return;
    sm3_init(&h);
    sm3_update(&h, &tag, 1);
    sm3_update(&h, u + 32, 32);
    sm3_update(&h, inner, 32);
    sm3_final(&h, out);
}

static void clear(uint8_t *p, size_t n)
{
    if (p != NULL)
        wipe(p, n);
}

int sm2_exchange(const struct sm2_exchange *x, uint8_t *k, size_t k_size, uint8_t *s_mine,
                 uint8_t *s_peer)
{
    struct sm2_affine point;
    struct sm2_scalar t;
    uint8_t u[128], inner[32], ok = 0; /* u: xU || yU || Z_A || Z_B */

    if (peer_point(&point, x->peer_pub, x->peer_r_pub) == 0) {
        ok = own_scalar(&t, x);
        PUBLIC(&ok, 1);
    }
    if (ok) {
        sm2_point_mul(&point, &t, &point);
        sm2_point_store(u, &point);
        memcpy(u + 64, x->z_a, 32);
        memcpy(u + 96, x->z_b, 32);
        sm3_kdf(u, sizeof u, k, k_size);
        inner_hash(x, u, inner);
        confirmation(x->initiator ? 0x03 : 0x02, u, inner, s_mine);
        confirmation(x->initiator ? 0x02 : 0x03, u, inner, s_peer);
    } else {
        clear(k, k_size);
        clear(s_mine, 32);
        clear(s_peer, 32);
    }
    wipe(&point, sizeof point);
    wipe(&t, sizeof t);
    wipe(u, sizeof u);
    wipe(inner, sizeof inner);
    return ok ? 0 : -1;
}
