#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/base/wipe.h"
#include "firmware/crypto/ifma8/sm2_few.h"
#include "firmware/crypto/ifma8/sm2_field.h"
#include "firmware/crypto/ifma8/sm2_table.h"

__mmask8 ifma8_fill_z(struct lane_fe *z)
{
    const __mmask8 zero = ifma8_fe_zero_lanes(z);
    struct lane_fe one;

    ifma8_fe_one(&one);
    for (int i = 0; i < 5; i++)
        z->v[i] = _mm512_mask_mov_epi64(z->v[i], zero, one.v[i]);
    return zero;
}

void ifma8_divide(struct ifma8_point *point, const struct lane_jacobian *p,
                  const struct lane_fe *inverse)
{
    struct lane_fe t;

    fe_sqr(&t, inverse);
    fe_mul(&point->x, &p->x, &t);
    fe_mul(&t, &t, inverse);
    fe_mul(&point->y, &p->y, &t);
    wipe(&t, sizeof t);
}

void ifma8_to_affine(struct ifma8_point *point, struct lane_jacobian *p, size_t groups,
                     __mmask8 *failed)
{
    struct lane_fe product, inverse;

    ifma8_fe_one(&product);
    for (size_t i = 0; i < groups; i++) {
        if (failed)
            failed[i] = ifma8_fill_z(&p[i].z);
        point[i].before = product;
        fe_mul(&product, &product, &p[i].z);
    }
    (void)ifma8_fe_invert(&product, &product); /* no factor is zero */
    for (size_t i = groups; i-- > 0;) {
        fe_mul(&inverse, &product, &point[i].before);
        fe_mul(&product, &product, &p[i].z);
        ifma8_divide(&point[i], &p[i], &inverse);
    }
    wipe(&product, sizeof product);
    wipe(&inverse, sizeof inverse);
}

/* The points of a window for groups at .. at + n - 1, n 1 or JACOBIAN_SIDE. */
INLINE void add_points(struct lane_jacobian *sum, int first, const struct lane_words *wx,
                       const struct lane_words *wy, const __mmask8 *negative, int n)
{
    struct lane_fe x[JACOBIAN_SIDE], y[JACOBIAN_SIDE];

    for (int i = 0; i < n; i++) {
        fe_from_words(&x[i], wx[i].w);
        fe_from_words(&y[i], wy[i].w);
        fe_negate_small(&y[i], negative[i]);
    }
    if (!first) {
        jacobian_add_affine(sum, x, y, n);
        return;
    }
    for (int i = 0; i < n; i++) {
        sum[i].x = x[i];
        sum[i].y = y[i];
        ifma8_fe_one(&sum[i].z);
    }
}

static void add_window(struct lane_jacobian *sum, int first, const struct lane_words *wx,
                       const struct lane_words *wy, const struct ifma8_digits *d, size_t groups)
{
    size_t i = 0;

    for (; i + JACOBIAN_SIDE <= groups; i += JACOBIAN_SIDE)
        add_points(sum + i, first, wx + i, wy + i, d->negative + i, JACOBIAN_SIDE);
    if (i < groups)
        add_points(sum + i, first, wx + i, wy + i, d->negative + i, 1);
}

void ifma8_few(struct lane_jacobian *sum, const struct lane_fe *scalar, size_t groups)
{
    static const struct ifma8_table table = {ifma8_small[0][0], IFMA8_SMALL, IFMA8_SMALL_WINDOWS};
    struct lane_words wx[IFMA8_SET], wy[IFMA8_SET];
    struct ifma8_digits digits;

    for (unsigned window = 0; window < table.windows; window++) {
        ifma8_digits(&digits, &table, window, scalar, groups);
        ifma8_look_up(wx, &table, window, 0, &digits, groups);
        ifma8_look_up(wy, &table, window, 1, &digits, groups);
        add_window(sum, window == 0, wx, wy, &digits, groups);
    }
    wipe(wx, sizeof wx);
    wipe(wy, sizeof wy);
    wipe(&digits, sizeof digits);
}

/* The digits of all rows: eight windows of five bits are 40 bits of the scalar. */
static void spread_digits(lanes *digit, const struct lane_fe *scalar, unsigned key)
{
    const lanes shift = _mm512_set_epi64(35, 30, 25, 20, 15, 10, 5, 0);
    struct lane_fe all;
    lanes word[5];

    for (int i = 0; i < 5; i++)
        all.v[i] = _mm512_permutexvar_epi64(lanes_all(key), scalar->v[i]);
    fe_to_words(word, &all);
    word[4] = _mm512_srli_epi64(all.v[4], 48);
    for (unsigned row = 0; row < IFMA8_SPREAD_ROWS; row++) {
        const unsigned i = 40 * row / 64, first = 40 * row % 64;
        lanes t = _mm512_srl_epi64(word[i], _mm_cvtsi32_si128((int)first));
        if (first > 24 && i < 4)
            t = _mm512_or_si512(
                t, _mm512_sll_epi64(word[i + 1], _mm_cvtsi32_si128((int)(64 - first))));
        digit[row] =
            _mm512_and_si512(_mm512_srlv_epi64(t, shift), lanes_all(2 * IFMA8_SPREAD_ENTRIES - 1));
    }
}

/* Keys key .. key + n - 1, n 1 or JACOBIAN_SIDE: the eight partial sums of each, a lane each. */
INLINE void spread(struct lane_jacobian *sum, const struct lane_fe *scalar, unsigned key, int n)
{
    lanes digit[JACOBIAN_SIDE][IFMA8_SPREAD_ROWS];
    struct lane_fe x[JACOBIAN_SIDE], y[JACOBIAN_SIDE];

    for (int i = 0; i < n; i++) {
        spread_digits(digit[i], scalar, key + (unsigned)i);
        lane_scan16(&sum[i].x, &sum[i].y, ifma8_spread[0], digit[i][0]);
        ifma8_fe_one(&sum[i].z);
    }
    for (unsigned row = 1; row < IFMA8_SPREAD_ROWS; row++) {
        for (int i = 0; i < n; i++)
            lane_scan16(&x[i], &y[i], ifma8_spread[row], digit[i][row]);
        jacobian_add_affine(sum, x, y, n);
    }
    wipe(digit, sizeof digit);
    wipe(x, sizeof x);
    wipe(y, sizeof y);
}

static void spread_one(struct lane_jacobian *sum, const struct lane_fe *scalar, unsigned key)
{
    spread(sum, scalar, key, 1);
}

static void spread_two(struct lane_jacobian *sum, const struct lane_fe *scalar, unsigned key)
{
    spread(sum, scalar, key, JACOBIAN_SIDE);
}

INLINE void pick(struct lane_jacobian *r, const struct lane_jacobian *a,
                 const struct lane_jacobian *b, lanes which)
{
    for (int i = 0; i < 5; i++) {
        r->x.v[i] = _mm512_permutex2var_epi64(a->x.v[i], which, b->x.v[i]);
        r->y.v[i] = _mm512_permutex2var_epi64(a->y.v[i], which, b->y.v[i]);
        r->z.v[i] = _mm512_permutex2var_epi64(a->z.v[i], which, b->z.v[i]);
    }
}

/*
 * Each key of a and b has 2 w lanes; in r it has w, those of a first: its lanes of the upper half
 * are added to those of the lower one.
 */
static void fold(struct lane_jacobian *r, const struct lane_jacobian *a,
                 const struct lane_jacobian *b, int w)
{
    static const _Alignas(64) uint64_t lower[3][8] = {
        {0, 2, 4, 6, 8, 10, 12, 14}, {0, 1, 4, 5, 8, 9, 12, 13}, {0, 1, 2, 3, 8, 9, 10, 11}};
    const lanes which = _mm512_load_si512(lower[w / 2]);
    struct lane_jacobian low, high;

    pick(&low, a, b, which);
    pick(&high, a, b, lanes_add(which, lanes_all((uint64_t)w)));
    jacobian_add(&low, &high, 1);
    *r = low;
    wipe(&low, sizeof low);
    wipe(&high, sizeof high);
}

void ifma8_spread_sum(struct lane_jacobian *sum, const struct lane_fe *scalar, size_t keys)
{
    struct lane_jacobian s[IFMA8_SPREAD_KEYS] = {0};

    for (unsigned key = 0; key < keys; key += JACOBIAN_SIDE)
        (key + 1 < keys ? spread_two : spread_one)(s + key, scalar, key);
    fold(&s[0], &s[0], &s[keys > 1], 4);
    if (keys > 2)
        fold(&s[2], &s[2], &s[keys - 1], 4);
    fold(&s[0], &s[0], &s[keys > 2 ? 2 : 0], 2);
    fold(sum, &s[0], &s[0], 1);
    wipe(s, sizeof s);
}

#endif
