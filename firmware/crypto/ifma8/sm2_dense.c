#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/base/wipe.h"
#include "firmware/crypto/ifma8/sm2_dense.h"
#include "firmware/crypto/ifma8/sm2_field.h"

/* The next addition in eight lanes. */
struct step {
    struct lane_fe dx, before;
};

/*
 * Block b of the sums, one sum a scalar, is in columns b n .. b n + n - 1. A column is read and
 * written with seven others, wherever it is; y is loose, times a sign that all sums share.
 */
struct dense {
    uint64_t *x, *y; /* limb i of column c is at [i * columns + c] */
    struct step *step;
    size_t n, columns;
    struct ifma8_chains c;
};

enum { BEYOND = 24 }; /* columns behind the last that are read, never used */

static size_t column_count(size_t n, unsigned windows)
{
    return (n * windows + BEYOND + 7) & ~(size_t)7;
}

/* Groups of additions of the first, largest round, an even number. */
static size_t step_count(size_t n, unsigned windows)
{
    return (windows / 2 * n + 15) / 16 * 2;
}

size_t ifma8_dense_size(size_t n, unsigned windows)
{
    return 10 * sizeof(uint64_t) * column_count(n, windows) +
           step_count(n, windows) * sizeof(struct step);
}

static void place(struct dense *d, size_t n, unsigned windows, void *room)
{
    d->n = n;
    d->columns = column_count(n, windows);
    d->x = room;
    d->y = d->x + 5 * d->columns;
    d->step = (struct step *)(void *)(d->y + 5 * d->columns);
}

INLINE void load(struct lane_fe *r, const struct dense *d, const uint64_t *limbs, size_t at)
{
    for (size_t i = 0; i < 5; i++)
        r->v[i] = _mm512_loadu_si512(limbs + i * d->columns + at);
}

INLINE void store(const struct dense *d, uint64_t *limbs, size_t at, __mmask8 keep,
                  const struct lane_fe *a)
{
    for (size_t i = 0; i < 5; i++)
        _mm512_mask_storeu_epi64(limbs + i * d->columns + at, keep, a->v[i]);
}

/* Lanes of group g that are columns of `count`. */
INLINE __mmask8 lanes_of(size_t count, size_t g)
{
    const size_t left = count > 8 * g ? count - 8 * g : 0;
    return (__mmask8)(left < 8 ? (1u << left) - 1 : 0xff);
}

/* The columns beyond the last are of the next window, which is stored afterwards. */
INLINE void store_all(const struct dense *d, uint64_t *limbs, size_t at, const struct lane_fe *a)
{
    for (size_t i = 0; i < 5; i++)
        _mm512_storeu_si512(limbs + i * d->columns + at, a->v[i]);
}

/* The entries of one window for all scalars. */
static void start_window(const struct dense *d, const struct ifma8_table *table, unsigned window,
                         const struct lane_fe *scalar, struct lane_words *w)
{
    const size_t groups = (d->n + 7) / 8;
    struct ifma8_digits digits;

    ifma8_digits(&digits, table, window, scalar, groups);
    ifma8_look_up(w, table, window, 0, &digits, groups);
    for (size_t g = 0; g < groups; g++) {
        struct lane_fe x;
        fe_from_words(&x, w[g].w);
        store_all(d, d->x, window * d->n + 8 * g, &x);
    }
    ifma8_look_up(w, table, window, 1, &digits, groups);
    for (size_t g = 0; g < groups; g++) {
        struct lane_fe y;
        fe_from_words(&y, w[g].w);
        for (int j = 0; j < 5; j++)
            y.v[j] = _mm512_mask_sub_epi64(y.v[j], digits.negative[g], lanes_zero(), y.v[j]);
        store_all(d, d->y, window * d->n + 8 * g, &y);
    }
    wipe(&digits, sizeof digits);
}

/* All windows, and zeros behind the last. */
static void start(const struct dense *d, const struct ifma8_table *table,
                  const struct lane_fe *scalar)
{
    struct lane_words w[IFMA8_UNIT];
    const size_t used = table->windows * d->n;

    for (unsigned window = 0; window < table->windows; window++)
        start_window(d, table, window, scalar, w);
    for (size_t i = 0; i < 10; i++)
        for (size_t c = used; c < d->columns; c++)
            d->x[i * d->columns + c] = 0;
    wipe(w, sizeof w);
}

static void announce(struct dense *d, size_t count, size_t far)
{
    struct lane_fe one;

    ifma8_fe_one(&one);
    for (size_t g = 0; 8 * g < count; g += IFMA8_PAIR) {
        for (size_t i = 0; i < IFMA8_PAIR; i++) {
            struct step *s = &d->step[g + i];
            const __mmask8 keep = lanes_of(count, g + i);
            struct lane_fe x, other;
            load(&x, d, d->x, keep ? 8 * (g + i) : 0);
            load(&other, d, d->x, keep ? 8 * (g + i) + far : 0);
            fe_sub(&s->dx, &other, &x);
            for (int j = 0; j < 5; j++)
                s->dx.v[j] = _mm512_mask_mov_epi64(one.v[j], keep, s->dx.v[j]);
            s->before = d->c.product[i];
            fe_mul(&d->c.product[i], &d->c.product[i], &s->dx);
        }
    }
}

static void negate(const struct dense *d, size_t first)
{
    for (size_t g = 0; 8 * g < d->n; g++) {
        struct lane_fe y;
        load(&y, d, d->y, first + 8 * g);
        for (int j = 0; j < 5; j++)
            y.v[j] = lanes_sub(lanes_zero(), y.v[j]);
        store(d, d->y, first + 8 * g, lanes_of(d->n, g), &y);
    }
}

static void add(struct dense *d, size_t count, size_t far, size_t g)
{
    struct ifma8_point p[IFMA8_PAIR], *pair[IFMA8_PAIR] = {&p[0], &p[1]};
    struct lane_fe dy[IFMA8_PAIR];

    for (size_t i = 0; i < IFMA8_PAIR; i++) {
        const size_t at = lanes_of(count, g + i) ? 8 * (g + i) : 0;
        load(&p[i].x, d, d->x, at);
        load(&p[i].y, d, d->y, at);
        load(&dy[i], d, d->y, at + far);
        p[i].dx = d->step[g + i].dx;
        p[i].before = d->step[g + i].before;
        for (int j = 0; j < 5; j++)
            dy[i].v[j] = lanes_add(lanes_sub(dy[i].v[j], p[i].y.v[j]), LANE_KP(64, j));
        fe_shrink(&dy[i]);
    }
    affine_add_pair(pair, dy, d->c.inverse, 1);
    for (size_t i = 0; i < IFMA8_PAIR; i++) {
        const __mmask8 keep = lanes_of(count, g + i);
        store(d, d->x, keep ? 8 * (g + i) : 0, keep, &p[i].x);
        store(d, d->y, keep ? 8 * (g + i) : 0, keep, &p[i].y);
    }
}

/*
 * Half of the blocks (the larger half, when it must be) are left; the sign of y changes. No two of
 * the points meet: window j and window j + half have odd multiples a and b 2^(w half) of 2^(w j) G,
 * a and b below 2^w, and neither a + b 2^(w half) nor a - b 2^(w half), odd and below n in size, is
 * 0 mod n.
 */
static void merge(struct dense *d, unsigned blocks)
{
    const unsigned half = (blocks + 1) / 2;
    const size_t far = half * d->n, count = (blocks - half) * d->n;

    ifma8_chains_start(&d->c);
    announce(d, count, far);
    if (blocks % 2)
        negate(d, far - d->n);
    (void)ifma8_chains_turn(&d->c);
    for (size_t g = (count + 15) / 16 * 2; g > 0; g -= IFMA8_PAIR)
        add(d, count, far, g - IFMA8_PAIR);
}

/* Group g of block b as clean numbers. */
static void block_point(struct lane_fe *x, struct lane_fe *y, const struct dense *d, unsigned block,
                        size_t g)
{
    load(x, d, d->x, block * d->n + 8 * g);
    load(y, d, d->y, block * d->n + 8 * g);
    for (int i = 0; i < 5; i++)
        y->v[i] = lanes_sub(LANE_KP(64, i), y->v[i]);
    fe_shrink(y);
}

/* The sums of `count` groups, 1 or 2. */
INLINE void last_blocks(struct lane_jacobian *sum, const struct dense *d, unsigned blocks, size_t g,
                        int count)
{
    struct lane_fe x[JACOBIAN_SIDE], y[JACOBIAN_SIDE];

    for (int i = 0; i < count; i++) {
        block_point(&sum[i].x, &sum[i].y, d, 0, g + (size_t)i);
        ifma8_fe_one(&sum[i].z);
    }
    for (unsigned block = 1; block < blocks; block++) {
        for (int i = 0; i < count; i++)
            block_point(&x[i], &y[i], d, block, g + (size_t)i);
        jacobian_add_affine(sum, x, y, count);
    }
    wipe(x, sizeof x);
    wipe(y, sizeof y);
}

void ifma8_dense(struct lane_jacobian *sum, const struct ifma8_table *table,
                 const struct lane_fe *scalar, size_t n, void *room)
{
    const size_t groups = (n + 7) / 8;
    const unsigned left = (table->windows + 1) / 2;
    struct dense d;
    size_t g = 0;

    place(&d, n, table->windows, room);
    start(&d, table, scalar);
    merge(&d, table->windows);
    for (; g + JACOBIAN_SIDE <= groups; g += JACOBIAN_SIDE)
        last_blocks(sum + g, &d, left, g, JACOBIAN_SIDE);
    if (g < groups)
        last_blocks(sum + g, &d, left, g, 1);
    wipe(&d.c, sizeof d.c);
}

#endif
