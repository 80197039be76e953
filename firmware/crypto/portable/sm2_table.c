#include "firmware/crypto/portable/sm2_table.h"

#include <string.h>

_Alignas(64) const struct sm2_affine sm2_table[SM2_TABLE_ENTRIES] = {
#include "sm2_table.inc"
};

#if HUFU_LIMB_BITS == 64

/* Sixteen bytes that the compiler keeps in one register where the machine has such. */
typedef uint32_t lanes __attribute__((vector_size(16), may_alias));
enum { LANES = sizeof(struct sm2_affine) / sizeof(lanes) };

/* r = row[index]: a comparison of vectors is a mask already and every entry is read */
static inline void scan(struct sm2_affine *r, const struct sm2_affine *row, uint32_t entries,
                        uint32_t index)
{
    const lanes *const from = (const lanes *)(const void *)row;
    const lanes wanted = (lanes){0} + ct_barrier32(index), step = (lanes){0} + 1;
    lanes now = {0}, x0 = {0}, x1 = {0}, y0 = {0}, y1 = {0};

    for (uint32_t i = 0; i < entries; i++) {
        const lanes mask = (lanes)(now == wanted);
        x0 |= mask & from[LANES * i];
        x1 |= mask & from[LANES * i + 1];
        y0 |= mask & from[LANES * i + 2];
        y1 |= mask & from[LANES * i + 3];
        now += step;
    }
    memcpy(&r->x, &x0, sizeof x0);
    memcpy((uint8_t *)&r->x + 16, &x1, sizeof x1);
    memcpy(&r->y, &y0, sizeof y0);
    memcpy((uint8_t *)&r->y + 16, &y1, sizeof y1);
}

#else

static inline void scan(struct sm2_affine *r, const struct sm2_affine *row, uint32_t entries,
                        uint32_t index)
{
    memset(r, 0, sizeof *r);
    for (uint32_t i = 0; i < entries; i++) {
        const limb_t mask = limb_is_zero((limb_t)(index ^ i));
        for (int j = 0; j < SM2_LIMBS; j++) {
            r->x.v[j] |= mask & row[i].x.v[j];
            r->y.v[j] |= mask & row[i].y.v[j];
        }
    }
}

#endif

void sm2_table_look_up(struct sm2_affine *r, unsigned window, const struct sm2_scalar *b)
{
    const int top = window == SM2_WINDOWS - 1;
    const unsigned bits = top ? (unsigned)SM2_TOP_BITS : HUFU_SM2_WINDOW;
    const uint32_t entries = 1u << (bits - 1);
    const uint32_t digit = sm2_scalar_bits(b, window * HUFU_SM2_WINDOW, bits);
    const limb_t negative = limb_mask((limb_t)((digit >> (bits - 1)) ^ 1));
    const uint32_t index = (digit ^ (uint32_t)negative) & (entries - 1);

    scan(r, sm2_table + window / HUFU_SM2_STEP * SM2_WINDOW_ENTRIES, entries, index);
    sm2_fe_negate_if(&r->y, negative);
}
