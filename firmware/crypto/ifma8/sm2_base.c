#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/base/wipe.h"
#include "firmware/crypto/ifma8/sm2_base.h"
#include "firmware/crypto/ifma8/sm2_dense.h"
#include "firmware/crypto/ifma8/sm2_few.h"
#include "firmware/crypto/ifma8/sm2_field.h"
#include "firmware/crypto/ifma8/sm2_order.h"
#include "firmware/crypto/ifma8/sm2_table.h"

static const struct ifma8_table wide = {ifma8_wide[0][0], IFMA8_WIDE, IFMA8_WIDE_WINDOWS},
                                small = {ifma8_small[0][0], IFMA8_SMALL, IFMA8_SMALL_WINDOWS};

/* Up to how many items each way is the best one (measured with hufu-bench --sweep batch): spread,
 * few, dense with either table; beyond, ifma8_sum. */
enum { SPREAD_MAX = 4, FEW_MAX = 8, DENSE_SMALL_MAX = 28, DENSE_MAX = 56 };
_Static_assert((int)DENSE_MAX <= (int)IFMA8_DENSE_MAX, "what sm2_dense.c has room for");
/* So many items over a whole number of groups are spread over the lanes one by one. */
enum { REST_MAX = 2 };
/* ifma8_sum works on pairs of groups: the items over a whole number of pairs go another way where
 * another pair would take longer, up to REST_MAX beside SOME items, up to a group beside MANY. */
enum { SOME = 128, MANY = 256 };

static size_t group_count(size_t n)
{
    return (n + 7) / 8;
}

/* The sums go by pairs of groups. */
static size_t even_groups(size_t n)
{
    return (group_count(n) + 1) & ~(size_t)1;
}

/* Of more than DENSE_MAX items, those that do not go into the sums. */
static size_t sum_rest(size_t n)
{
    const size_t over = n % 16;
    return over <= (n > MANY ? FEW_MAX : n > SOME ? REST_MAX : 0) ? over : 0;
}

static size_t align64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

/* Points that are worked on for n items. */
static size_t point_count(size_t n)
{
    const size_t groups = even_groups(n), sums = even_groups(n - sum_rest(n)),
                 split = sums * ifma8_sum_blocks(sums);
    return n <= FEW_MAX || split < groups ? groups : split;
}

/* Bytes of room that the dense way has for n items or fewer. */
static size_t dense_room(size_t n)
{
    const size_t few = n < DENSE_SMALL_MAX ? n : DENSE_SMALL_MAX,
                 many = n < DENSE_MAX ? n : DENSE_MAX;
    const size_t a = ifma8_dense_size(few, IFMA8_SMALL_WINDOWS),
                 b = ifma8_dense_size(many, IFMA8_WIDE_WINDOWS);
    return n <= FEW_MAX ? 0 : a > b ? a : b;
}

/* The room of the dense way is that of the points but for one a group. */
static size_t size_with(size_t points, size_t n)
{
    const size_t groups = even_groups(n), sum = points * sizeof(struct ifma8_point),
                 dense = groups * sizeof(struct ifma8_point) + dense_room(n);
    return (sum > dense ? sum : dense) + groups * sizeof(struct lane_fe) + 2 * align64(groups);
}

size_t ifma8_work_size(size_t n)
{
    return size_with(point_count(n), n);
}

size_t ifma8_work_bound(size_t n)
{
    const size_t groups = even_groups(n);
    const size_t split = groups * IFMA8_MAX_BLOCKS;
    const size_t most = split < IFMA8_SPLIT_POINTS ? split : IFMA8_SPLIT_POINTS;
    return size_with(n <= FEW_MAX ? groups : most > groups ? most : groups, n);
}

/* The points come last: their number differs between the ways. */
void ifma8_work_place(struct ifma8_work *w, void *scratch, size_t n)
{
    const size_t groups = even_groups(n);
    uint8_t *at = scratch;

    w->scalar = (struct lane_fe *)(void *)at;
    at += groups * sizeof(struct lane_fe);
    w->valid = at;
    at += align64(groups);
    w->failed = at;
    at += align64(groups);
    w->point = (struct ifma8_point *)(void *)at;
}

size_t ifma8_chunk(size_t n)
{
    const size_t chunks = (n + IFMA8_CHUNK - 1) / IFMA8_CHUNK, over = n % IFMA8_CHUNK;
    if (n > IFMA8_CHUNK && over && over <= DENSE_SMALL_MAX)
        return IFMA8_CHUNK; /* a few beside a full chunk take less than two smaller chunks */
    const size_t even = chunks ? ((n + chunks - 1) / chunks + 63) & ~(size_t)63 : 0;
    return n < even ? n : even;
}

/* Groups first .. last - 1 of the scalars. */
static void load(struct ifma8_work *w, size_t first, size_t last, size_t n,
                 const struct ifma8_rows *k, uint64_t less, enum ifma8_span span)
{
    for (size_t g = first; g < last; g++) {
        struct lane_fe a;
        lanes words[4];

        ifma8_load_group(words, k, g, n);
        fe_from_words(&a, words);
        w->valid[g] = ifma8_order_range(&a, less);
        w->failed[g] = 0;
        ifma8_order_recode(&w->scalar[g], &a, span);
    }
}

/* The way that tells lane by lane which additions failed. */
static void few(struct ifma8_work *w, size_t n, const struct ifma8_rows *k, uint64_t less)
{
    struct lane_jacobian sum[IFMA8_FEW_GROUPS];

    load(w, 0, group_count(n), n, k, less, IFMA8_SPAN_SMALL);
    for (size_t g = 0; g < group_count(n); g += IFMA8_FEW_GROUPS) {
        const size_t left = group_count(n) - g,
                     groups = left < IFMA8_FEW_GROUPS ? left : IFMA8_FEW_GROUPS;
        ifma8_few(sum, w->scalar + g, groups);
        ifma8_to_affine(w->point + g, sum, groups, w->failed + g);
    }
    wipe(sum, sizeof sum);
}

/* Up to DENSE_MAX items, all in Jacobian form in the end. */
static void by_jacobian(struct ifma8_work *w, size_t n, const struct ifma8_rows *k, uint64_t less)
{
    const size_t rest = n <= SPREAD_MAX     ? n
                        : n % 8 <= REST_MAX ? n % 8
                                            : 0,
                 most = n - rest, groups = group_count(most);
    struct lane_jacobian sum[DENSE_MAX / 8];
    void *room = w->point + even_groups(n);

    load(w, 0, groups, n, k, less, most <= DENSE_SMALL_MAX ? IFMA8_SPAN_SMALL : IFMA8_SPAN_WIDE);
    if (rest) {
        load(w, groups, groups + 1, n, k, less, IFMA8_SPAN_SPREAD);
        ifma8_spread_sum(sum + groups, w->scalar + groups, rest);
    }
    if (most > FEW_MAX)
        ifma8_dense(sum, most <= DENSE_SMALL_MAX ? &small : &wide, w->scalar, most, room);
    else if (most)
        ifma8_few(sum, w->scalar, groups);
    ifma8_to_affine(w->point, sum, group_count(n), w->failed);
    wipe(sum, group_count(n) * sizeof *sum);
}

void ifma8_finish_y(struct ifma8_work *w, size_t n, int sign)
{
    const __mmask8 minus = sign < 0 ? 0xff : 0;

    for (size_t g = 0; g < group_count(n); g++) {
        struct lane_fe *y = &w->point[g].y;
        for (int i = 0; i < 5; i++) {
            const lanes k = LANE_KP(64, i);
            y->v[i] = _mm512_mask_sub_epi64(lanes_add(k, y->v[i]), minus, k, y->v[i]);
        }
        fe_shrink(y);
    }
}

/* One group of up to FEW_MAX items, the g-th, but for its division by z. */
static void one_group(struct ifma8_work *w, size_t g, size_t n, size_t items,
                      const struct ifma8_rows *k, uint64_t less, struct lane_jacobian *sum)
{
    load(w, g, g + 1, n, k, less, items <= SPREAD_MAX ? IFMA8_SPAN_SPREAD : IFMA8_SPAN_SMALL);
    if (items <= SPREAD_MAX)
        ifma8_spread_sum(sum, w->scalar + g, items);
    else
        ifma8_few(sum, w->scalar + g, 1);
    w->failed[g] = ifma8_fill_z(&sum->z);
}

void ifma8_base_mul(struct ifma8_work *w, size_t n, const struct ifma8_rows *k, uint64_t less,
                    int with_y)
{
    const size_t rest = sum_rest(n), groups = even_groups(n - rest);
    struct lane_jacobian last = {0};
    int sign;

    if (n <= DENSE_MAX) {
        by_jacobian(w, n, k, less);
        return;
    }
    load(w, 0, groups, n, k, less, IFMA8_SPAN_WIDE);
    if (rest)
        one_group(w, groups, n, rest, k, less, &last);
    sign = ifma8_sum(w->point, &wide, w->scalar, groups, ifma8_sum_blocks(groups), with_y,
                     rest ? &last.z : NULL);
    if (sign == 0)
        few(w, n, k, less);
    else if (rest)
        ifma8_divide(w->point + groups, &last, &last.z);
    if (sign && with_y)
        ifma8_finish_y(w, n - rest, sign);
    wipe(&last, sizeof last);
}

#endif
