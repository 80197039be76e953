#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/crypto/ifma8/sm2_field.h"
#include "firmware/crypto/ifma8/sm2_variable.h"

enum { BITS = 5, WINDOWS = 52, ENTRIES = 16 };

/* Odd multiples of the points of a group as words: [entry][word][lane]. */
struct multiples {
    uint64_t w[ENTRIES][8][8];
};

struct work {
    struct multiples table[IFMA8_VARIABLE_GROUPS];
    struct lane_jacobian multiple[IFMA8_VARIABLE_GROUPS * ENTRIES];
    struct ifma8_point affine[IFMA8_VARIABLE_GROUPS * ENTRIES];
    __mmask8 failed[IFMA8_VARIABLE_GROUPS * ENTRIES];
};

size_t ifma8_variable_size(size_t groups)
{
    (void)groups;
    return (sizeof(struct work) + 63) & ~(size_t)63;
}

/*
 * P, 3P, ... 31P. Coordinates are scaled by the Z of 2P, which makes 2P affine on the curve that is
 * isomorphic by that scale; the addition formulas do not see the curve.
 */
static void odd_multiples(struct lane_jacobian *m, const struct lane_affine *p)
{
    struct lane_jacobian twice, sum;
    struct lane_fe t;

    twice.x = p->x;
    twice.y = p->y;
    ifma8_fe_one(&twice.z);
    sum.z = twice.z;
    m[0] = twice;
    jacobian_double(&twice, 1);
    fe_sqr(&t, &twice.z);
    fe_mul(&sum.x, &p->x, &t);
    fe_mul(&t, &t, &twice.z);
    fe_mul(&sum.y, &p->y, &t);
    for (int i = 1; i < ENTRIES; i++) {
        jacobian_add_affine(&sum, &twice.x, &twice.y, 1);
        m[i] = sum;
        fe_mul(&m[i].z, &sum.z, &twice.z);
    }
}

static void to_table(struct multiples *t, struct ifma8_point *p)
{
    for (int e = 0; e < ENTRIES; e++) {
        lanes w[8];
        ifma8_fe_settle(&p[e].x);
        ifma8_fe_settle(&p[e].y);
        fe_to_words(w, &p[e].x);
        fe_to_words(w + 4, &p[e].y);
        for (int i = 0; i < 8; i++)
            _mm512_store_si512(t->w[e][i], w[i]);
    }
}

LANES_INLINE void multiply(struct lane_jacobian *r, const struct multiples *t,
                           const struct lane_fe *k, int n)
{
    struct lane_jacobian sum[JACOBIAN_SIDE];
    struct lane_fe x[JACOBIAN_SIDE], y[JACOBIAN_SIDE];

    for (int i = 0; i < n; i++) {
        lane_scan16(&sum[i].x, &sum[i].y, t[i].w, lane_digit(&k[i], BITS * (WINDOWS - 1), BITS));
        ifma8_fe_one(&sum[i].z);
    }
    for (unsigned window = WINDOWS - 1; window-- > 0;) {
        for (int i = 0; i < BITS; i++)
            jacobian_double(sum, n);
        for (int i = 0; i < n; i++)
            lane_scan16(&x[i], &y[i], t[i].w, lane_digit(&k[i], BITS * window, BITS));
        jacobian_add_affine(sum, x, y, n);
    }
    for (int i = 0; i < n; i++)
        r[i] = sum[i];
}

static void multiply_one(struct lane_jacobian *r, const struct multiples *t, const struct lane_fe *k)
{
    multiply(r, t, k, 1);
}

static void multiply_two(struct lane_jacobian *r, const struct multiples *t, const struct lane_fe *k)
{
    multiply(r, t, k, JACOBIAN_SIDE);
}

void ifma8_variable(struct lane_jacobian *r, const struct lane_affine *p,
                    const struct lane_fe *scalar, size_t groups, void *scratch)
{
    struct work *w = scratch;

    for (size_t i = 0; i < groups; i++)
        odd_multiples(w->multiple + ENTRIES * i, &p[i]);
    /* small multiples of a point of prime order: none fails */
    ifma8_to_affine(w->affine, w->multiple, ENTRIES * groups, w->failed);
    for (size_t i = 0; i < groups; i++)
        to_table(&w->table[i], w->affine + ENTRIES * i);
    size_t i = 0;
    for (; i + JACOBIAN_SIDE <= groups; i += JACOBIAN_SIDE)
        multiply_two(&r[i], &w->table[i], &scalar[i]);
    if (i < groups)
        multiply_one(&r[i], &w->table[i], &scalar[i]);
}

#endif
