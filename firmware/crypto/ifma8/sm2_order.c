#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/crypto/ifma8/sm2_order.h"

static const uint64_t order[5] = {0xbf40939d54123, 0x6b21c6052b53b, 0xfffffff7203df,
                                  0xfffffffffffff, 0x0fffffffeffff};

/* r = a - b with its sign in the top limb; the lanes where it is negative */
static __mmask8 subtract(struct lane_fe *r, const struct lane_fe *a, const struct lane_fe *b)
{
    for (int i = 0; i < 5; i++)
        r->v[i] = lanes_sub(a->v[i], b->v[i]);
    fe_clean(r);
    return _mm512_movepi64_mask(r->v[4]);
}

static void load_all(struct lane_fe *r, const uint64_t *limb)
{
    for (int i = 0; i < 5; i++)
        r->v[i] = lanes_all(limb[i]);
}

static void choose(struct lane_fe *r, __mmask8 mask, const struct lane_fe *a,
                   const struct lane_fe *b)
{
    for (int i = 0; i < 5; i++)
        r->v[i] = _mm512_mask_mov_epi64(b->v[i], mask, a->v[i]);
}

/* r = a - n where that is not negative, else a */
static void reduce_once(struct lane_fe *r, const struct lane_fe *a)
{
    struct lane_fe n, t;

    load_all(&n, order);
    const __mmask8 less = subtract(&t, a, &n);
    choose(r, less, a, &t);
}

__mmask8 ifma8_order_range(struct lane_fe *a, uint64_t less)
{
    struct lane_fe limit, t, one = LANE_FE_ALL(1, 0, 0, 0, 0);

    load_all(&limit, order);
    limit.v[0] = lanes_sub(limit.v[0], lanes_all(less));
    const __mmask8 below = subtract(&t, a, &limit);
    const __mmask8 ok = (__mmask8)(below & ~ifma8_order_zero(a));
    choose(a, ok, a, &one);
    return ok;
}

__mmask8 ifma8_order_zero(const struct lane_fe *a)
{
    lanes any = a->v[0];
    for (int i = 1; i < 5; i++)
        any = _mm512_or_si512(any, a->v[i]);
    return _mm512_testn_epi64_mask(any, any);
}

void ifma8_order_reduce(struct lane_fe *r, const struct lane_fe *a)
{
    reduce_once(r, a); /* 2^257 < 3 n */
    reduce_once(r, r);
}

void ifma8_order_add(struct lane_fe *r, const struct lane_fe *a, const struct lane_fe *b)
{
    struct lane_fe t;

    for (int i = 0; i < 5; i++)
        t.v[i] = lanes_add(a->v[i], b->v[i]);
    fe_clean(&t);
    reduce_once(r, &t);
}

void ifma8_order_sub(struct lane_fe *r, const struct lane_fe *a, const struct lane_fe *b)
{
    struct lane_fe n, t, u;

    const __mmask8 negative = subtract(&t, a, b);
    load_all(&n, order);
    for (int i = 0; i < 5; i++)
        u.v[i] = lanes_add(t.v[i], n.v[i]);
    fe_clean(&u);
    choose(r, negative, &u, &t);
}

/* r = a b / 2^260 mod n */
static void montgomery(struct lane_fe *r, const struct lane_fe *a, const struct lane_fe *b)
{
    const lanes inverse = lanes_all(0xf9e8872350975); /* -1/n mod 2^52 */
    struct lane_fe n, u;
    lanes t[10];

    load_all(&n, order);
    for (int i = 0; i < 10; i++)
        t[i] = lanes_zero();
    fe_columns(t, a, b);
    for (int k = 0; k < 5; k++) {
        const lanes m = _mm512_madd52lo_epu64(lanes_zero(), t[k], inverse);
        for (int j = 0; j < 5; j++) {
            t[k + j] = _mm512_madd52lo_epu64(t[k + j], m, n.v[j]);
            t[k + j + 1] = _mm512_madd52hi_epu64(t[k + j + 1], m, n.v[j]);
        }
        t[k + 1] = lanes_add(t[k + 1], lanes_carry(t[k]));
    }
    for (int i = 0; i < 5; i++)
        u.v[i] = t[5 + i];
    fe_clean(&u);
    reduce_once(r, &u);
}

void ifma8_order_mul(struct lane_fe *r, const struct lane_fe *a, const struct lane_fe *b)
{
    const struct lane_fe square = LANE_FE_ALL(0xc16674a517de6, 0x507a6e5f7c418, 0xfe0d44507dc1c,
                                              0x3b620fc84c3af, 0x0b5e412c02b3d); /* 2^520 */
    struct lane_fe t;

    montgomery(&t, a, b);
    montgomery(r, &t, &square);
}

void ifma8_order_recode(struct lane_fe *r, const struct lane_fe *a, enum ifma8_span span)
{
    /* 2^span - 1 mod n */
    static const uint64_t offset[3][5] = {
        {0x0bf6c62abedcf, 0x4de39fad4ac44, 0x0000008dfc209, 0x0000000000000, 0x0000000100000},
        {0x05fb63155f6e7, 0xa6f1cfd6a5622, 0x00000046fe104, 0x0000000000000, 0x0000000080000},
        {0x62abedcffffff, 0xfad4ac440bf6c, 0x08dfc2094de39, 0x0000000000000, 0x0010000000000}};
    const uint64_t *c = offset[span == IFMA8_SPAN_WIDE ? 0 : span == IFMA8_SPAN_SMALL ? 1 : 2];
    struct lane_fe t;

    for (int i = 0; i < 5; i++)
        t.v[i] = lanes_add(a->v[i], lanes_all(c[i]));
    const __mmask8 odd = _mm512_test_epi64_mask(t.v[0], lanes_all(1));
    for (int i = 0; i < 5; i++)
        t.v[i] = _mm512_mask_add_epi64(t.v[i], odd, t.v[i], lanes_all(order[i]));
    fe_clean(&t);
    for (int i = 0; i < 4; i++)
        r->v[i] = lanes_low52(
            _mm512_or_si512(_mm512_srli_epi64(t.v[i], 1), _mm512_slli_epi64(t.v[i + 1], 51)));
    r->v[4] = _mm512_srli_epi64(t.v[4], 1);
}

#endif
