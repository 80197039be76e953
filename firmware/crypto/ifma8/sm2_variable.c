#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/crypto/ifma8/sm2_field.h"
#include "firmware/crypto/ifma8/sm2_variable.h"

enum {
    BITS = 5,
    WINDOWS = 52,
    ENTRIES = 16,
    PIECES = 4, /* that the scalars of one point are cut into */
    PIECE = WINDOWS / PIECES
};

/* Odd multiples of the points of a group, a line each: [lane][entry][word]. Of one point, those of
 * the point of piece l are in lane l. */
struct multiples {
    uint64_t w[8][ENTRIES][8];
};

struct work {
    struct multiples *table;
    struct lane_jacobian *multiple; /* ENTRIES a group, as the next ones */
    struct ifma8_point *affine;
};

size_t ifma8_variable_size(size_t groups)
{
    return groups * (sizeof(struct multiples) +
                     ENTRIES * (sizeof(struct lane_jacobian) + sizeof(struct ifma8_point)));
}

static void place(struct work *w, void *scratch, size_t groups)
{
    w->table = scratch;
    w->multiple = (struct lane_jacobian *)(w->table + groups);
    w->affine = (struct ifma8_point *)(w->multiple + ENTRIES * groups);
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
        lanes_transpose(w, w);
        for (int lane = 0; lane < 8; lane++)
            _mm512_store_si512(t->w[lane][e], w[lane]);
    }
}

/* The entries that the digits of a window name, one line a lane: a public address. piece: of which
 * all are, or -1: each is of its own lane. */
INLINE void look_up(struct lane_fe *x, struct lane_fe *y, const struct multiples *t, int piece,
                    const struct lane_fe *k, unsigned window)
{
    const lanes digit = lane_digit(k, BITS * window, BITS), mask = lanes_all(ENTRIES - 1);
    const __mmask8 negative = _mm512_testn_epi64_mask(digit, lanes_all(ENTRIES));
    _Alignas(64) uint64_t index[8];
    lanes w[8];

    _mm512_store_si512(index,
                       _mm512_and_si512(_mm512_mask_xor_epi64(digit, negative, digit, mask), mask));
    for (int lane = 0; lane < 8; lane++)
        w[lane] = _mm512_load_si512(t->w[piece < 0 ? lane : piece][index[lane]]);
    lanes_transpose(w, w);
    fe_from_words(x, w);
    fe_from_words(y, w + 4);
    fe_negate_small(y, negative);
}

INLINE void multiply(struct lane_jacobian *r, const struct multiples *t, const struct lane_fe *k,
                     int n)
{
    struct lane_jacobian sum[JACOBIAN_SIDE];
    struct lane_fe x[JACOBIAN_SIDE], y[JACOBIAN_SIDE];

    for (int i = 0; i < n; i++) {
        look_up(&sum[i].x, &sum[i].y, &t[i], -1, &k[i], WINDOWS - 1);
        ifma8_fe_one(&sum[i].z);
    }
    for (unsigned window = WINDOWS - 1; window-- > 0;) {
        for (int i = 0; i < BITS; i++)
            jacobian_double(sum, n);
        for (int i = 0; i < n; i++)
            look_up(&x[i], &y[i], &t[i], -1, &k[i], window);
        jacobian_add_affine(sum, x, y, n);
    }
    for (int i = 0; i < n; i++)
        r[i] = sum[i];
}

static void multiply_one(struct lane_jacobian *r, const struct multiples *t,
                         const struct lane_fe *k)
{
    multiply(r, t, k, 1);
}

static void multiply_two(struct lane_jacobian *r, const struct multiples *t,
                         const struct lane_fe *k)
{
    multiply(r, t, k, JACOBIAN_SIDE);
}

void ifma8_variable(struct lane_jacobian *r, const struct lane_affine *p,
                    const struct lane_fe *scalar, size_t groups, void *scratch)
{
    struct work w;

    place(&w, scratch, groups);
    for (size_t i = 0; i < groups; i++)
        odd_multiples(w.multiple + ENTRIES * i, &p[i]);
    /* small multiples of a point of prime order: none fails */
    ifma8_to_affine(w.affine, w.multiple, ENTRIES * groups, NULL);
    for (size_t i = 0; i < groups; i++)
        to_table(&w.table[i], w.affine + ENTRIES * i);
    size_t i = 0;
    for (; i + JACOBIAN_SIDE <= groups; i += JACOBIAN_SIDE)
        multiply_two(&r[i], &w.table[i], &scalar[i]);
    if (i < groups)
        multiply_one(&r[i], &w.table[i], &scalar[i]);
}

/* ---------------------------------------------------------------- one point */

/* In lane l what piece l of a scalar is times of. */
static void cut(struct lane_jacobian *r, const struct lane_affine *p)
{
    struct lane_jacobian sum = {.x = p->x, .y = p->y};

    ifma8_fe_one(&sum.z);
    *r = sum;
    for (unsigned piece = 1; piece < PIECES; piece++) {
        const __mmask8 rest = (__mmask8)(0xffu << piece);
        for (int i = 0; i < BITS * PIECE; i++)
            jacobian_double(&sum, 1);
        for (int i = 0; i < 5; i++) {
            r->x.v[i] = _mm512_mask_mov_epi64(r->x.v[i], rest, sum.x.v[i]);
            r->y.v[i] = _mm512_mask_mov_epi64(r->y.v[i], rest, sum.y.v[i]);
            r->z.v[i] = _mm512_mask_mov_epi64(r->z.v[i], rest, sum.z.v[i]);
        }
    }
}

void ifma8_same_start(const struct lane_affine *p, void *scratch)
{
    struct work w;
    struct lane_affine cuts;

    place(&w, scratch, 1);
    cut(w.multiple, p);
    ifma8_to_affine(w.affine, w.multiple, 1, NULL); /* 2^i P is never infinity */
    cuts.x = w.affine->x;
    cuts.y = w.affine->y;
    ifma8_fe_settle(&cuts.x);
    ifma8_fe_settle(&cuts.y);
    odd_multiples(w.multiple, &cuts);
    ifma8_to_affine(w.affine, w.multiple, ENTRIES, NULL);
    to_table(w.table, w.affine);
}

/* All pieces at once: as many additions, a quarter of the doublings. */
INLINE void multiply_pieces(struct lane_jacobian *r, const struct multiples *t,
                            const struct lane_fe *k, int n)
{
    struct lane_fe x[JACOBIAN_SIDE], y[JACOBIAN_SIDE];

    for (int i = 0; i < n; i++) {
        look_up(&r[i].x, &r[i].y, t, PIECES - 1, &k[i], WINDOWS - 1);
        ifma8_fe_one(&r[i].z);
    }
    for (int step = 1; step < WINDOWS; step++) {
        const int piece = PIECES - 1 - step % PIECES, window = PIECE - 1 - step / PIECES;
        for (int i = 0; i < BITS && step % PIECES == 0; i++)
            jacobian_double(r, n);
        for (int i = 0; i < n; i++)
            look_up(&x[i], &y[i], t, piece, &k[i], (unsigned)(PIECE * piece + window));
        jacobian_add_affine(r, x, y, n);
    }
}

void ifma8_same_two(struct lane_jacobian *r, const struct lane_fe *scalar, const void *scratch)
{
    multiply_pieces(r, scratch, scalar, JACOBIAN_SIDE);
}

void ifma8_same_one(struct lane_jacobian *r, const struct lane_fe *scalar, const void *scratch)
{
    multiply_pieces(r, scratch, scalar, 1);
}

#endif
