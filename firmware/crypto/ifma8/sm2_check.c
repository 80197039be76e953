#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/crypto/ifma8/sm2_check.h"
#include "firmware/crypto/ifma8/sm2_field.h"

/* b of the curve, in Montgomery form */
static void curve_b(struct lane_fe *b)
{
    const lanes w[4] = {lanes_all(0xddbcbd414d940e93), lanes_all(0xf39789f515ab8f92),
                        lanes_all(0x4d5a9e4bcf6509a7), lanes_all(0x28e9fa9e9d9f5e34)};

    ifma8_fe_enter(b, w);
}

/* Lanes with a number below p */
static __mmask8 in_range(const lanes *w)
{
    struct lane_fe t;

    fe_from_words(&t, w);
    for (int i = 0; i < 5; i++)
        t.v[i] = lanes_sub(t.v[i], LANE_KP(1, i));
    fe_clean(&t);
    return _mm512_movepi64_mask(t.v[4]);
}

/* Lanes with y^2 = x^3 - 3 x + b (GB/T 32918.1 clause 6.2.1) */
static __mmask8 on_curve(const lanes *xw, const lanes *yw, const struct lane_fe *b)
{
    struct lane_fe x, y, t;

    ifma8_fe_enter(&x, xw);
    ifma8_fe_enter(&y, yw);
    fe_sqr(&t, &x);
    fe_mul(&t, &t, &x);
    fe_sqr(&y, &y);
    for (int i = 0; i < 5; i++) { /* x^3 + b - y^2 - 3 x + 8 p */
        const lanes three = lanes_add(lanes_add(x.v[i], x.v[i]), x.v[i]);
        t.v[i] = lanes_add(lanes_sub(lanes_add(t.v[i], b->v[i]), lanes_add(y.v[i], three)),
                           LANE_KP(8, i));
    }
    fe_shrink(&t);
    return ifma8_fe_zero_lanes(&t);
}

void ifma8_check(size_t n, const uint8_t *const *pub, uint8_t *ok)
{
    struct lane_fe b;

    curve_b(&b);
    for (size_t first = 0; first < n; first += 8) {
        const uint8_t *x[8], *y[8];
        lanes xw[4], yw[4];

        for (size_t i = 0; i < 8; i++) {
            x[i] = pub[ifma8_item(NULL, first + i, n)];
            y[i] = x[i] + 32;
        }
        ifma8_load_rows(xw, x);
        ifma8_load_rows(yw, y);
        const __mmask8 good = in_range(xw) & in_range(yw) & on_curve(xw, yw, &b);
        for (size_t i = 0; i < 8 && first + i < n; i++)
            ok[first + i] = (good >> i) & 1;
    }
}

#endif
