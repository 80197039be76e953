#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/base/wipe.h"
#include "firmware/crypto/ifma8/sm2_field.h"
#include "firmware/crypto/ifma8/sm2_sum.h"

struct sum {
    struct ifma8_point *point;
    const struct ifma8_table *table;
    const struct lane_fe *scalar;
    size_t groups;
    unsigned blocks;
    struct ifma8_chains c;
    struct lane_words x[IFMA8_UNIT], y[IFMA8_UNIT];
    struct ifma8_digits digits;
};

/* The numbers of blocks that save a round, from the most on. */
unsigned ifma8_sum_blocks(size_t groups)
{
    static const uint8_t blocks[] = {IFMA8_MAX_BLOCKS, 7, 6, 4, 3, 2};

    for (size_t i = 0; i < sizeof blocks; i++)
        if (blocks[i] * groups <= IFMA8_SPLIT_POINTS)
            return blocks[i];
    return 1;
}

/* Blocks differ by one window at most, the longer ones first. */
static unsigned block_length(const struct sum *s, unsigned block)
{
    return s->table->windows / s->blocks + (block < s->table->windows % s->blocks);
}

static unsigned block_start(const struct sum *s, unsigned block)
{
    const unsigned extra = s->table->windows % s->blocks;
    return block * (s->table->windows / s->blocks) + (block < extra ? block : extra);
}

/* Window 0 of a block: the point itself. */
static void start_unit(struct sum *s, struct ifma8_point *p, size_t groups)
{
    for (size_t i = 0; i < groups; i++) {
        struct lane_fe y;
        fe_from_words(&p[i].x, s->x[i].w);
        fe_from_words(&y, s->y[i].w);
        for (int j = 0; j < 5; j++)
            p[i].y.v[j] =
                _mm512_mask_sub_epi64(y.v[j], s->digits.negative[i], lanes_zero(), y.v[j]);
    }
}

static void announce_unit(struct sum *s, struct ifma8_point *p, size_t groups, int down)
{
    for (size_t n = 0; n < groups; n += IFMA8_PAIR) {
        const size_t at = down ? groups - IFMA8_PAIR - n : n;
        for (size_t i = 0; i < IFMA8_PAIR; i++) {
            struct lane_fe x;
            fe_from_words(&x, s->x[at + i].w);
            affine_announce(&p[at + i], &x, &s->c.product[i]);
        }
    }
}

/* The additions of a unit; flip: the sums carry the sign -1; next: and announce the next ones. */
INLINE void add_unit(struct sum *s, struct ifma8_point *p, size_t groups, int down, __mmask8 flip,
                     int next, int with_y)
{
    for (size_t n = 0; n < groups; n += IFMA8_PAIR) {
        const size_t at = down ? groups - IFMA8_PAIR - n : n;
        struct ifma8_point *pair[IFMA8_PAIR] = {&p[at], &p[at + 1]};
        struct lane_fe dy[IFMA8_PAIR];

        for (size_t i = 0; i < IFMA8_PAIR; i++) {
            struct lane_fe y;
            fe_from_words(&y, s->y[at + i].w);
            affine_y_difference(&dy[i], &y, s->digits.negative[at + i] ^ flip, &pair[i]->y);
        }
        affine_add_pair(pair, dy, s->c.inverse, with_y);
        for (size_t i = 0; i < IFMA8_PAIR && next; i++) {
            struct lane_fe x;
            fe_from_words(&x, s->x[at + i].w);
            affine_announce(pair[i], &x, &s->c.product[i]);
        }
    }
}

static void unit(struct sum *s, unsigned block, size_t first, unsigned step, int with_y)
{
    const size_t groups = s->groups - first < IFMA8_UNIT ? s->groups - first : IFMA8_UNIT;
    const unsigned window = block_start(s, block) + step, length = block_length(s, block);
    const int down = step & 1, next = step + 1 < length;
    struct ifma8_point *p = s->point + block * s->groups + first;
    const __mmask8 flip = step & 1 ? 0 : 0xff;

    if (step >= length)
        return;
    if (step == 0) {
        ifma8_digits(&s->digits, s->table, window, s->scalar + first, groups);
        ifma8_look_up(s->x, s->table, window, 0, &s->digits, groups);
        ifma8_look_up(s->y, s->table, window, 1, &s->digits, groups);
        start_unit(s, p, groups);
    }
    if (next) {
        ifma8_digits(&s->digits, s->table, window + 1, s->scalar + first, groups);
        ifma8_look_up(s->x, s->table, window + 1, 0, &s->digits, groups);
    }
    if (step == 0) {
        if (next)
            announce_unit(s, p, groups, down);
        return;
    }
    ifma8_digits(&s->digits, s->table, window, s->scalar + first, groups);
    ifma8_look_up(s->y, s->table, window, 1, &s->digits, groups);
    if (next)
        add_unit(s, p, groups, down, flip, 1, 1);
    else if (with_y)
        add_unit(s, p, groups, down, flip, 0, 1);
    else
        add_unit(s, p, groups, down, flip, 0, 0);
}

/* All windows of all blocks. Each round runs through the groups in the direction opposite to the
 * last. */
static int sum_blocks(struct sum *s, int with_y)
{
    const unsigned steps = block_length(s, 0);
    const size_t units = (s->groups + IFMA8_UNIT - 1) / IFMA8_UNIT;

    ifma8_chains_start(&s->c);
    for (unsigned step = 0; step < steps; step++) {
        if (step > 0 && !ifma8_chains_turn(&s->c))
            return 0;
        for (size_t n = 0; n < s->blocks * units; n++) {
            const size_t i = step & 1 ? s->blocks * units - 1 - n : n;
            unit(s, (unsigned)(i / units), i % units * IFMA8_UNIT, step, with_y);
        }
    }
    return 1;
}

static void negate(struct ifma8_point *p, size_t groups)
{
    for (size_t i = 0; i < groups; i++)
        for (int j = 0; j < 5; j++)
            p[i].y.v[j] = lanes_sub(lanes_zero(), p[i].y.v[j]);
}

/* Add the blocks `stride` apart, two by two; the sign of y changes. What a chain begins with, it has
 * inverted when it is back. */
static int merge(struct sum *s, unsigned stride, int with_y, struct lane_fe *also)
{
    const size_t far = stride * s->groups;
    unsigned block = 0;

    ifma8_chains_start(&s->c);
    if (also)
        s->c.product[0] = *also;
    for (; block + stride < s->blocks; block += 2 * stride) {
        struct ifma8_point *p = s->point + block * s->groups;
        for (size_t i = 0; i < s->groups; i++)
            affine_announce(&p[i], &p[i + far].x, &s->c.product[i % IFMA8_PAIR]);
    }
    if (block < s->blocks)
        negate(s->point + block * s->groups, s->groups);
    if (!ifma8_chains_turn(&s->c))
        return 0;
    while (block > 0) {
        block -= 2 * stride;
        for (size_t i = s->groups; i > 0; i -= IFMA8_PAIR) {
            struct ifma8_point *p = s->point + block * s->groups + i - IFMA8_PAIR;
            struct ifma8_point *pair[IFMA8_PAIR] = {p, p + 1};
            struct lane_fe dy[IFMA8_PAIR];
            for (int j = 0; j < IFMA8_PAIR; j++) {
                for (int l = 0; l < 5; l++)
                    dy[j].v[l] = lanes_add(lanes_sub(p[far + (size_t)j].y.v[l], p[j].y.v[l]),
                                           LANE_KP(128, l));
                fe_shrink(&dy[j]);
            }
            affine_add_pair(pair, dy, s->c.inverse, with_y);
        }
    }
    if (also)
        *also = s->c.inverse[0];
    return 1;
}

static int merge_blocks(struct sum *s, int with_y, struct lane_fe *also)
{
    int sign = 1;

    for (unsigned i = 0; i < s->blocks; i++)
        if (block_length(s, i) % 2 == 0) /* an odd number of additions */
            negate(s->point + i * s->groups, s->groups);
    for (unsigned stride = 1; stride < s->blocks; stride *= 2) {
        const int last = 2 * stride >= s->blocks;
        if (!merge(s, stride, with_y || !last, last ? also : NULL))
            return 0;
        sign = -sign;
    }
    return sign;
}

int ifma8_sum(struct ifma8_point *point, const struct ifma8_table *table,
              const struct lane_fe *scalar, size_t groups, unsigned blocks, int with_y,
              struct lane_fe *also)
{
    struct sum s = {
        .point = point, .table = table, .scalar = scalar, .groups = groups, .blocks = blocks};
    int sign = 0;

    if (sum_blocks(&s, with_y || blocks > 1))
        sign = merge_blocks(&s, with_y, also);
    if (also && blocks == 1)
        (void)ifma8_fe_invert(also, also);
    wipe(&s, sizeof s);
    return sign;
}

#endif
