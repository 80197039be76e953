#include "firmware/crypto/portable/sm2_base.h"

#include <string.h>

#include "firmware/base/wipe.h"

#if HUFU_SM2_STEP == 1

/* Below this many scalars Jacobian additions are faster. */
enum { FEW = 3, MAX_CHAINS = 16 };

struct work {
    struct sm2_affine *sum, *next; /* sum[chain * n + item] += next[...] */
    struct sm2_fe *product;
};

/* Partial sums of each of n scalars: so many that a round has HUFU_SM2_BATCH additions. */
static size_t chains_for(size_t n)
{
    const size_t most = HUFU_SM2_BATCH / n;
    return most < MAX_CHAINS ? most : (size_t)MAX_CHAINS;
}

size_t sm2_base_scratch(size_t n)
{
    const size_t sums = n * MAX_CHAINS < HUFU_SM2_BATCH ? n * MAX_CHAINS : HUFU_SM2_BATCH;
    return n < FEW ? 0 : sums * (2 * sizeof(struct sm2_affine) + sizeof(struct sm2_fe));
}

/*
 * The slope of a + b is (yb - ya) / (xb - xa): the denominator, or that of the doubling (last, a
 * = b)
 */
static inline void denominator(struct sm2_fe *r, const struct sm2_affine *a,
                               const struct sm2_affine *b, int last)
{
    struct sm2_fe t;

    sm2_fe_sub(r, &b->x, &a->x);
    if (!last)
        return;
    sm2_fe_add(&t, &a->y, &a->y); /* 2y */
    sm2_fe_select(r, sm2_fe_is_zero(r), &t, r);
}

static inline void numerator(struct sm2_fe *r, const struct sm2_affine *a,
                             const struct sm2_affine *b, int last)
{
    struct sm2_fe t, u;

    sm2_fe_sub(r, &b->y, &a->y);
    if (!last)
        return;
    sm2_fe_sqr(&t, &a->x); /* 3 (x^2 - 1) */
    sm2_fe_sub(&t, &t, &sm2_fe_one);
    sm2_fe_add(&u, &t, &t);
    sm2_fe_add(&t, &u, &t);
    sm2_fe_select(r, sm2_fe_eq(&a->x, &b->x), &t, r);
}

/* a[i] += b[i], n of them, with one inversion; product: room for n elements */
static void add_round(struct sm2_affine *a, const struct sm2_affine *b, struct sm2_fe *product,
                      size_t n, int last)
{
    /* aligned: an element across two cache lines would cost a twelfth of the whole */
    _Alignas(32) struct sm2_fe t, u, all = sm2_fe_one;

    for (size_t i = 0; i < n; i++) {
        denominator(&t, &a[i], &b[i], last);
        product[i] = all;
        sm2_fe_mul(&all, &all, &t);
    }
    sm2_fe_invert(&all, &all);
    for (size_t i = n; i-- > 0;) {
        sm2_fe_mul(&u, &all, &product[i]); /* 1 / denominator */
        denominator(&t, &a[i], &b[i], last);
        sm2_fe_mul(&all, &all, &t);
        numerator(&t, &a[i], &b[i], last);
        sm2_fe_mul(&u, &u, &t); /* the slope */
        sm2_fe_sqr(&t, &u);     /* x = slope^2 - xa - xb */
        sm2_fe_sub(&t, &t, &b[i].x);
        sm2_fe_sub(&t, &t, &a[i].x);
        sm2_fe_sub(&a[i].x, &a[i].x, &t); /* y = slope (xa - x) - ya */
        sm2_fe_mul(&u, &u, &a[i].x);
        sm2_fe_sub(&a[i].y, &u, &a[i].y);
        a[i].x = t;
    }
    wipe(&t, sizeof t);
    wipe(&u, sizeof u);
    wipe(&all, sizeof all);
}

/* The points of `chains` windows from `first` on, chain by chain */
static void look_up_all(struct sm2_affine *r, const struct sm2_scalar *b, size_t n, unsigned first,
                        size_t chains)
{
    for (size_t j = 0; j < chains; j++) {
        for (size_t i = 0; i < n; i++)
            sm2_table_look_up(&r[j * n + i], first + (unsigned)j, &b[i]);
    }
}

static void mul_many(struct sm2_affine *r, const struct sm2_scalar *b, size_t n,
                     const struct work *w)
{
    size_t chains = chains_for(n), half, count;

    look_up_all(w->sum, b, n, 0, chains);
    for (size_t first = chains; first < SM2_WINDOWS; first += chains) {
        count = SM2_WINDOWS - first < chains ? SM2_WINDOWS - first : chains;
        look_up_all(w->next, b, n, (unsigned)first, count);
        add_round(w->sum, w->next, w->product, count * n, first + 1 == SM2_WINDOWS && chains == 1);
    }
    for (; chains > 1; chains = half) {
        half = (chains + 1) / 2;
        add_round(w->sum, w->sum + half * n, w->product, (chains - half) * n, half == 1);
    }
    memcpy(r, w->sum, n * sizeof *r);
}

static void mul_few(struct sm2_affine *r, const struct sm2_scalar *b, size_t n)
{
    struct sm2_jacobian sum[FEW - 1];
    struct sm2_affine next;

    for (size_t i = 0; i < n; i++) {
        sm2_table_look_up(&next, 0, &b[i]);
        sm2_point_from_affine(&sum[i], &next);
        for (unsigned window = 1; window < SM2_WINDOWS - 1; window++) {
            sm2_table_look_up(&next, window, &b[i]);
            sm2_point_add_affine(&sum[i], &sum[i], &next);
        }
        sm2_table_look_up(&next, SM2_WINDOWS - 1, &b[i]);
        sm2_point_add_affine_any(&sum[i], &sum[i], &next);
    }
    sm2_points_to_affine(r, sum, (unsigned)n);
    wipe(sum, sizeof sum);
    wipe(&next, sizeof next);
}

void sm2_base_mul(struct sm2_affine *r, struct sm2_scalar *k, size_t n, void *scratch)
{
    struct work w;
    size_t sums;

    for (size_t i = 0; i < n; i++)
        sm2_scalar_recode(&k[i], &k[i]);
    if (n < FEW) {
        mul_few(r, k, n);
        return;
    }
    sums = n * chains_for(n);
    w.sum = scratch;
    w.next = w.sum + sums;
    w.product = (struct sm2_fe *)(w.next + sums);
    mul_many(r, k, n, &w);
    wipe(scratch, sm2_base_scratch(n));
}

#endif
