#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/crypto/ifma8/sm2_base.h"
#include "firmware/crypto/ifma8/sm2_few.h"
#include "firmware/crypto/ifma8/sm2_field.h"
#include "firmware/crypto/ifma8/sm2_order.h"
#include "firmware/crypto/ifma8/sm2_table.h"

/* Up to how many items each way is the best one (measured). */
enum { SPREAD_MAX = 3, FEW_MAX = 32 };

static size_t group_count(size_t n)
{
    return (n + 7) / 8;
}

/* The sums go by pairs of groups. */
static size_t even_groups(size_t n)
{
    return (group_count(n) + 1) & ~(size_t)1;
}

static size_t align64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

/* Points that are worked on for n items. */
static size_t point_count(size_t n)
{
    const size_t groups = even_groups(n);
    return n <= FEW_MAX ? groups : groups * ifma8_sum_blocks(groups);
}

static size_t size_with(size_t points, size_t groups)
{
    return points * sizeof(struct ifma8_point) + groups * sizeof(struct lane_fe) +
           2 * align64(groups);
}

size_t ifma8_work_size(size_t n)
{
    return size_with(point_count(n), even_groups(n));
}

size_t ifma8_work_bound(size_t n)
{
    const size_t groups = even_groups(n);
    const size_t split = groups * IFMA8_MAX_BLOCKS;
    const size_t most = split < IFMA8_SPLIT_POINTS ? split : IFMA8_SPLIT_POINTS;
    return size_with(n <= FEW_MAX ? groups : most > groups ? most : groups, groups);
}

void ifma8_work_place(struct ifma8_work *w, void *scratch, size_t n)
{
    const size_t groups = even_groups(n);
    uint8_t *at = scratch;

    w->point = (struct ifma8_point *)(void *)at;
    at += point_count(n) * sizeof(struct ifma8_point);
    w->scalar = (struct lane_fe *)(void *)at;
    at += groups * sizeof(struct lane_fe);
    w->valid = at;
    w->failed = at + align64(groups);
}

size_t ifma8_chunk(size_t n)
{
    const size_t chunks = (n + IFMA8_CHUNK - 1) / IFMA8_CHUNK;
    const size_t even = chunks ? ((n + chunks - 1) / chunks + 63) & ~(size_t)63 : 0;
    return n < even ? n : even;
}

static void load(struct ifma8_work *w, size_t n, const struct ifma8_rows *k, uint64_t less,
                 enum ifma8_span span)
{
    for (size_t g = 0; g < even_groups(n); g++) {
        struct lane_fe a;
        lanes words[4];

        ifma8_load_group(words, k, g, n);
        fe_from_words(&a, words);
        w->valid[g] = ifma8_order_range(&a, less);
        w->failed[g] = 0;
        ifma8_order_recode(&w->scalar[g], &a, span);
    }
}

static void few(struct ifma8_work *w, size_t n, const struct ifma8_rows *k, uint64_t less)
{
    load(w, n, k, less, IFMA8_SPAN_SMALL);
    for (size_t g = 0; g < group_count(n); g += IFMA8_FEW_GROUPS) {
        const size_t left = group_count(n) - g;
        ifma8_few(w->point + g, w->scalar + g, left < IFMA8_FEW_GROUPS ? left : IFMA8_FEW_GROUPS,
                  w->failed + g);
    }
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

void ifma8_base_mul(struct ifma8_work *w, size_t n, const struct ifma8_rows *k, uint64_t less,
                    int with_y)
{
    static const struct ifma8_table wide = {ifma8_wide[0][0], IFMA8_WIDE, IFMA8_WIDE_WINDOWS};
    const size_t groups = even_groups(n);
    int sign;

    if (n <= SPREAD_MAX) {
        load(w, n, k, less, IFMA8_SPAN_SPREAD);
        ifma8_spread_sum(w->point, w->scalar, n, w->failed);
        return;
    }
    if (n <= FEW_MAX) {
        few(w, n, k, less);
        return;
    }
    load(w, n, k, less, IFMA8_SPAN_WIDE);
    sign = ifma8_sum(w->point, &wide, w->scalar, groups, ifma8_sum_blocks(groups), with_y);
    if (sign == 0)
        few(w, n, k, less); /* it knows lane by lane which additions failed */
    else if (with_y)
        ifma8_finish_y(w, n, sign);
}

#endif
