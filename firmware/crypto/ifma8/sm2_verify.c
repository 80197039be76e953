#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/crypto/ifma8/sm2_base.h"
#include "firmware/crypto/ifma8/sm2_keys.h"
#include "firmware/crypto/ifma8/sm2_order.h"
#include "firmware/crypto/ifma8/sm2_variable.h"
#include "firmware/crypto/ifma8/sm2_verify.h"
#include "firmware/crypto/portable/portable.h"

enum {
    SAME_MIN = 9,   /* from so many items, when all have one key, what they share pays */
    KEY_MIN = 16,   /* and from so many among others */
    TABLE_MIN = 97, /* and a table of all windows (and they are summed in blocks) */
    UNDECIDED = 2   /* in ok */
};

/* A chunk of the caller's items, and the room to work on it. */
struct job {
    const uint8_t *const *pub;
    const uint8_t (*e)[32];
    const uint8_t (*sig)[64];
    uint8_t *ok;
    struct ifma8_keys *keys;
    uint8_t *table, *sums, *rest; /* of one key; of [s]G; of what is done with the key */
};

static size_t align64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

static size_t max(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t groups_of(size_t n)
{
    return (n + 7) / 8;
}

/* Room for what is done with the keys of n items. */
static size_t rest_size(size_t n)
{
    const size_t groups =
        groups_of(n) < IFMA8_VARIABLE_GROUPS ? groups_of(n) : IFMA8_VARIABLE_GROUPS;
    const size_t variable =
        ifma8_variable_size(groups) +
        IFMA8_VARIABLE_GROUPS * (sizeof(struct lane_affine) + sizeof(struct lane_jacobian));
    const size_t fixed = max(ifma8_key_table_size(), ifma8_work_bound(n));
    /* the scalars come first, for all groups */
    return groups_of(n + 8) * sizeof(struct lane_fe) +
           (n < TABLE_MIN ? variable : max(variable, fixed));
}

size_t ifma8_verify_size(size_t n)
{
    n = ifma8_chunk(n);
    return align64(sizeof(struct ifma8_keys)) + (n < TABLE_MIN ? 0 : IFMA8_KEY_TABLE) +
           ifma8_work_bound(n) + align64(groups_of(n)) + rest_size(n);
}

static void load_rows(struct lane_fe *r, const uint8_t *first, size_t stride, const uint16_t *list,
                      size_t group, size_t n)
{
    const struct ifma8_rows rows = {first, stride, list};
    lanes w[4];

    ifma8_load_group(w, &rows, group, n);
    fe_from_words(r, w);
}

static void load_keys(struct lane_affine *p, const struct job *j, size_t group, size_t n)
{
    const uint8_t *x[8], *y[8];
    lanes w[4];

    for (size_t i = 0; i < 8; i++) {
        x[i] = j->pub[ifma8_item(j->keys->list, 8 * group + i, n)];
        y[i] = x[i] + 32;
    }
    ifma8_load_rows(w, x);
    ifma8_fe_enter(&p->x, w);
    ifma8_load_rows(w, y);
    ifma8_fe_enter(&p->y, w);
}

/* t = r + s, and the lanes with r in range and t not 0 (GB/T 32918.2 clause 7.1, B1 and B5); t is 1
 * elsewhere */
static __mmask8 load_t(struct lane_fe *t, const struct job *j, size_t group, size_t n)
{
    const struct lane_fe one = LANE_FE_ALL(1, 0, 0, 0, 0);
    struct lane_fe r, s;

    load_rows(&r, j->sig[0], 64, j->keys->list, group, n);
    load_rows(&s, j->sig[0] + 32, 64, j->keys->list, group, n);
    __mmask8 good = ifma8_order_range(&r, 0);
    (void)ifma8_order_range(&s, 0);
    ifma8_order_add(t, &r, &s);
    good &= (__mmask8)~ifma8_order_zero(t);
    for (int i = 0; i < 5; i++)
        t->v[i] = _mm512_mask_mov_epi64(one.v[i], good, t->v[i]);
    return good;
}

/* Lanes in which x Z^2 = X */
static __mmask8 same_x(const struct lane_jacobian *p, const struct lane_fe *zz, const lanes *x)
{
    struct lane_fe t;

    ifma8_fe_enter(&t, x);
    fe_mul(&t, &t, zz);
    fe_sub(&t, &p->x, &t);
    return ifma8_fe_zero_lanes(&t);
}

/*
 * B6, B7: e + x = r mod n for the point p + q. x is r - e mod n or, where that is below p - n, n
 * more than that. undecided: lanes where the sum is not known.
 */
static __mmask8 check(struct lane_jacobian *p, const struct ifma8_point *q, const struct lane_fe *r,
                      const struct lane_fe *e, __mmask8 *undecided)
{
    static const uint64_t order[4] = {0x53bbf40939d54123, 0x7203df6b21c6052b, 0xffffffffffffffff,
                                      0xfffffffeffffffff};
    struct lane_fe x, zz,
        gap = LANE_FE_ALL(0x40bf6c62abedc, 0x93de39fad5ac4, 0x00000008dfc20, 0, 0);
    struct lane_fe n;
    lanes w[4];

    jacobian_add_affine(p, &q->x, &q->y, 1);
    *undecided = ifma8_fe_zero_lanes(&p->z);
    fe_sqr(&zz, &p->z);
    ifma8_order_reduce(&x, e);
    ifma8_order_sub(&x, r, &x);
    fe_to_words(w, &x);
    __mmask8 good = same_x(p, &zz, w);
    for (int i = 0; i < 5; i++) /* a second candidate is one in 2^32: look whether there is any */
        gap.v[i] = lanes_sub(x.v[i], gap.v[i]);
    fe_clean(&gap);
    const __mmask8 second = _mm512_movepi64_mask(gap.v[4]);
    if (second) {
        for (int i = 0; i < 4; i++)
            w[i] = lanes_all(order[i]);
        fe_from_words(&n, w);
        for (int i = 0; i < 5; i++)
            x.v[i] = lanes_add(x.v[i], n.v[i]);
        fe_clean(&x);
        fe_to_words(w, &x);
        good |= second & same_x(p, &zz, w);
    }
    return good;
}

static void conclude(const struct job *j, size_t group, size_t n, struct lane_jacobian *p,
                     const struct ifma8_work *sums, __mmask8 valid)
{
    struct lane_fe r, e;
    __mmask8 undecided;

    load_rows(&r, j->sig[0], 64, j->keys->list, group, n);
    load_rows(&e, j->e[0], 32, j->keys->list, group, n);
    const __mmask8 good = check(p, &sums->point[group], &r, &e, &undecided) & valid;
    undecided = (__mmask8)((undecided | sums->failed[group]) & valid);
    for (size_t i = 0; i < 8 && 8 * group + i < n; i++)
        j->ok[j->keys->list[8 * group + i]] =
            (uint8_t)((undecided >> i & 1) ? UNDECIDED : (good >> i & 1));
}

/* Each item with its own key. */
static void with_keys(const struct job *j, size_t n, const struct ifma8_work *sums,
                      const struct lane_fe *scalar, const __mmask8 *valid, uint8_t *room)
{
    struct lane_affine *p = (struct lane_affine *)(void *)room;
    struct lane_jacobian *r = (struct lane_jacobian *)(void *)(p + IFMA8_VARIABLE_GROUPS);
    const size_t groups = groups_of(n);

    for (size_t first = 0; first < groups; first += IFMA8_VARIABLE_GROUPS) {
        const size_t count =
            groups - first < IFMA8_VARIABLE_GROUPS ? groups - first : IFMA8_VARIABLE_GROUPS;
        for (size_t i = 0; i < count; i++)
            load_keys(&p[i], j, first + i, n);
        ifma8_variable(r, p, scalar + first, count, r + IFMA8_VARIABLE_GROUPS);
        for (size_t i = 0; i < count; i++)
            conclude(j, first + i, n, &r[i], sums, valid[first + i]);
    }
}

/* All items with the key of the first. */
static void with_pieces(const struct job *j, size_t n, const struct ifma8_work *sums,
                        const struct lane_fe *scalar, const __mmask8 *valid, uint8_t *room)
{
    struct lane_affine p;
    struct lane_jacobian r[JACOBIAN_SIDE];

    load_keys(&p, j, 0, n);
    ifma8_same_start(&p, room);
    for (size_t g = 0; g < groups_of(n); g++) {
        const size_t second = g % JACOBIAN_SIDE;
        if (!second)
            (g + 1 < groups_of(n) ? ifma8_same_two : ifma8_same_one)(r, scalar + g, room);
        conclude(j, g, n, &r[second], sums, valid[g]);
    }
}

/* The same with a table. 0: it could not be done this way. */
static int with_table(const struct job *j, size_t n, const struct ifma8_work *sums,
                      const struct lane_fe *scalar, const __mmask8 *valid, uint8_t *room)
{
    const struct ifma8_table table = {j->table, IFMA8_SMALL, IFMA8_SMALL_WINDOWS};
    const size_t even = (groups_of(n) + 1) & ~(size_t)1;
    struct lane_affine p;
    struct ifma8_work w;

    load_keys(&p, j, 0, n);
    ifma8_key_table(j->table, &p, room);
    ifma8_work_place(&w, room, n);
    const int sign = ifma8_sum(w.point, &table, scalar, even, ifma8_sum_blocks(even), 1, NULL);
    if (sign == 0)
        return 0;
    ifma8_finish_y(&w, n, sign);
    for (size_t g = 0; g < groups_of(n); g++) {
        struct lane_jacobian sum;
        sum.x = w.point[g].x;
        sum.y = w.point[g].y;
        ifma8_fe_one(&sum.z);
        conclude(j, g, n, &sum, sums, valid[g]);
    }
    return 1;
}

static void load_scalars(struct lane_fe *scalar, __mmask8 *valid, const struct job *j, size_t n,
                         const struct ifma8_work *sums, enum ifma8_span span)
{
    for (size_t g = 0; g < ((groups_of(n) + 1) & ~(size_t)1); g++) {
        struct lane_fe t;
        const __mmask8 good = load_t(&t, j, g, n);
        if (g < groups_of(n))
            valid[g] = good & sums->valid[g];
        ifma8_order_recode(&scalar[g], &t, span);
    }
}

/* The n items of keys->list; same: they have one key. */
static void verify_list(const struct job *j, size_t n, int same)
{
    const struct ifma8_rows s = {j->sig[0] + 32, 64, j->keys->list};
    struct lane_fe *scalar = (struct lane_fe *)(void *)j->rest;
    uint8_t *room = j->rest + groups_of(n + 8) * sizeof(struct lane_fe);
    __mmask8 *valid = j->sums + ifma8_work_bound(n);
    struct ifma8_work sums;

    ifma8_work_place(&sums, j->sums, n);
    ifma8_base_mul(&sums, n, &s, 0, 1);
    if (same && n >= TABLE_MIN) {
        load_scalars(scalar, valid, j, n, &sums, IFMA8_SPAN_SMALL);
        if (with_table(j, n, &sums, scalar, valid, room))
            return;
    }
    load_scalars(scalar, valid, j, n, &sums, IFMA8_SPAN_WIDE);
    (same ? with_pieces : with_keys)(j, n, &sums, scalar, valid, room);
}

static int one_key(const struct ifma8_keys *keys, size_t listed)
{
    return keys->count[keys->first[keys->list[0]]] == listed;
}

static void verify_chunk(const struct job *j, size_t n)
{
    ifma8_keys_sort(j->keys, j->pub, n);
    for (size_t i = 0; i < n; i++)
        if (j->keys->first[i] == i && j->keys->count[i] >= KEY_MIN)
            verify_list(j, ifma8_keys_list(j->keys, n, i, KEY_MIN), 1);
    const size_t rare = ifma8_keys_list(j->keys, n, n, KEY_MIN);
    if (rare)
        verify_list(j, rare, rare >= SAME_MIN && one_key(j->keys, rare));
}

void ifma8_verify(size_t n, const uint8_t *const *pub, const uint8_t (*e)[32],
                  const uint8_t (*sig)[64], uint8_t *ok, void *scratch)
{
    while (n > 0) {
        const size_t chunk = ifma8_chunk(n);
        struct job j = {.pub = pub, .e = e, .sig = sig, .ok = ok, .keys = scratch};

        j.table = (uint8_t *)scratch + align64(sizeof(struct ifma8_keys));
        j.sums = j.table + (chunk < TABLE_MIN ? 0 : IFMA8_KEY_TABLE);
        j.rest = j.sums + ifma8_work_bound(chunk) + align64(groups_of(chunk));
        verify_chunk(&j, chunk);
        for (size_t i = 0; i < chunk; i++)
            if (ok[i] == UNDECIDED)
                sm2_portable.verify(1, pub + i, e + i, sig + i, ok + i, scratch);
        pub += chunk;
        e += chunk;
        sig += chunk;
        ok += chunk;
        n -= chunk;
    }
}

#endif
