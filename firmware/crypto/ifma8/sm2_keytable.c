/* The table of one public key, for batches in which it comes often. CT: public inputs only */
#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include <string.h>

#include "firmware/crypto/ifma8/sm2_affine.h"
#include "firmware/crypto/ifma8/sm2_field.h"
#include "firmware/crypto/ifma8/sm2_variable.h"

enum {
    ROWS = (IFMA8_SMALL_WINDOWS + 7) / 8, /* window 8 r + l is in lane l of row r */
    ENTRIES = IFMA8_SMALL_ENTRIES,
    POWERS = IFMA8_SMALL * ROWS
};

struct work {
    struct lane_jacobian chain[POWERS]; /* [b][row]: 2^(7 window + b) P */
    struct ifma8_point power[POWERS];
    struct ifma8_point entry[ENTRIES * ROWS];        /* [e][row] */
    uint64_t stage[IFMA8_SMALL_WINDOWS][8][ENTRIES]; /* [window][word][e] */
};

size_t ifma8_key_table_size(void)
{
    return (sizeof(struct work) + 63) & ~(size_t)63;
}

static void copy_lane(struct lane_fe *r, __mmask8 lane, const struct lane_fe *a)
{
    for (int i = 0; i < 5; i++)
        r->v[i] = _mm512_mask_mov_epi64(r->v[i], lane, a->v[i]);
}

/* P, 2P, 4P, ...: one doubling after the other, the same in every lane. */
static void doublings(struct work *w, const struct lane_affine *p)
{
    struct lane_jacobian sum;

    for (int i = 0; i < 5; i++) {
        sum.x.v[i] = _mm512_broadcastq_epi64(_mm512_castsi512_si128(p->x.v[i]));
        sum.y.v[i] = _mm512_broadcastq_epi64(_mm512_castsi512_si128(p->y.v[i]));
    }
    ifma8_fe_one(&sum.z);
    for (unsigned i = 0; i < 8 * POWERS; i++) {
        const unsigned window = i / IFMA8_SMALL, bit = i % IFMA8_SMALL;
        struct lane_jacobian *c = &w->chain[bit * ROWS + window / 8];
        const __mmask8 lane = (__mmask8)(1u << window % 8);
        if (window % 8 == 0)
            *c = sum;
        copy_lane(&c->x, lane, &sum.x);
        copy_lane(&c->y, lane, &sum.y);
        copy_lane(&c->z, lane, &sum.z);
        jacobian_double(&sum, 1);
    }
    ifma8_to_affine(w->power, w->chain, POWERS, NULL); /* 2^i P is never infinity */
}

/* Entries first .. 2 first - 1: those `first` before, plus 2^(bit) P, in one round. */
static void level(struct work *w, unsigned first, unsigned bit)
{
    const unsigned count = first * ROWS;
    struct ifma8_point *from = w->entry, *to = w->entry + count;
    const struct ifma8_point *power = w->power + bit * ROWS;
    struct ifma8_chains c;

    ifma8_chains_start(&c);
    for (unsigned i = 0; i < count + count % 2; i++) {
        const unsigned source = i < count ? i : 0;
        to[i].x = from[source].x;
        to[i].y = from[source].y;
        affine_announce(&to[i], &power[source % ROWS].x, &c.product[i % IFMA8_PAIR]);
    }
    (void)ifma8_chains_turn(&c); /* the sums are of different small multiples */
    for (unsigned i = count + count % 2; i > 0; i -= IFMA8_PAIR) {
        struct ifma8_point *pair[IFMA8_PAIR] = {&to[i - 2], &to[i - 1]};
        struct lane_fe dy[IFMA8_PAIR];
        for (unsigned j = 0; j < IFMA8_PAIR; j++) {
            const unsigned at = i - 2 + j;
            affine_y_difference(&dy[j], &power[at < count ? at % ROWS : 0].y, 0, &to[at].y);
        }
        affine_add_pair(pair, dy, c.inverse, 1);
        for (unsigned j = 0; j < IFMA8_PAIR; j++) { /* y back to its own sign, and small */
            for (int l = 0; l < 5; l++)
                pair[j]->y.v[l] = lanes_sub(LANE_KP(64, l), pair[j]->y.v[l]);
            fe_shrink(&pair[j]->y);
        }
    }
}

/* Entry e of row r: a word of eight windows goes to eight places. */
static void stage_entry(struct work *w, unsigned row, unsigned e)
{
    struct ifma8_point *p = &w->entry[e * ROWS + row];
    _Alignas(64) uint64_t lane[8];
    lanes word[8];

    ifma8_fe_settle(&p->x);
    ifma8_fe_settle(&p->y);
    fe_to_words(word, &p->x);
    fe_to_words(word + 4, &p->y);
    for (unsigned i = 0; i < 8; i++) {
        _mm512_store_si512(lane, word[i]);
        for (unsigned l = 0; l < 8 && 8 * row + l < IFMA8_SMALL_WINDOWS; l++)
            w->stage[8 * row + l][i][e] = lane[l];
    }
}

/* Eight words, of eight entries, to a column of bytes each. */
static void slice(uint8_t *column, const uint64_t *word)
{
    static const _Alignas(64) uint8_t order[64] = {
#define COLUMN(b) b, b + 8, b + 16, b + 24, b + 32, b + 40, b + 48, b + 56
        COLUMN(0), COLUMN(1), COLUMN(2), COLUMN(3), COLUMN(4),
        COLUMN(5), COLUMN(6), COLUMN(7)
#undef COLUMN
    };
    uint64_t t[8];

    _mm512_storeu_si512(
        t, _mm512_permutexvar_epi8(_mm512_load_si512(order), _mm512_loadu_si512(word)));
    for (unsigned b = 0; b < 8; b++)
        memcpy(column + b * ENTRIES, &t[b], 8);
}

void ifma8_key_table(uint8_t *table, const struct lane_affine *p, void *scratch)
{
    struct work *w = scratch;

    doublings(w, p);
    for (unsigned row = 0; row < ROWS; row++)
        w->entry[row] = w->power[row];
    for (unsigned bit = 0; bit + 1 < IFMA8_SMALL; bit++)
        level(w, 1u << bit, bit + 1);
    for (unsigned e = 0; e < ENTRIES; e++)
        for (unsigned row = 0; row < ROWS; row++)
            stage_entry(w, row, e);
    for (unsigned window = 0; window < IFMA8_SMALL_WINDOWS; window++)
        for (unsigned word = 0; word < 8; word++)
            for (unsigned e = 0; e < ENTRIES; e += 8)
                slice(table + (64 * window + 8 * word) * ENTRIES + e, &w->stage[window][word][e]);
}

#endif
