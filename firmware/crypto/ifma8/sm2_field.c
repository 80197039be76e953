#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include <string.h>

#include "firmware/base/wipe.h"
#include "firmware/crypto/ifma8/sm2_field.h"
#include "firmware/crypto/portable/sm2_field.h"
#include "firmware/crypto/portable/sm2_invert.h"

void ifma8_fe_one(struct lane_fe *r)
{
    const struct lane_fe one = LANE_FE_ALL(0x0000000000010, 0x0ffffffff0000, 0, 0, 0x0000000100000);
    *r = one;
}

/* r = a - p where that is not negative, else a: a clean and below 2 p */
static void subtract_p(struct lane_fe *r, const struct lane_fe *a)
{
    struct lane_fe t;

    for (int i = 0; i < 5; i++)
        t.v[i] = lanes_sub(a->v[i], LANE_KP(1, i));
    fe_clean(&t);
    const __mmask8 less = _mm512_movepi64_mask(t.v[4]);
    for (int i = 0; i < 5; i++)
        r->v[i] = _mm512_mask_mov_epi64(t.v[i], less, a->v[i]);
}

void ifma8_fe_settle(struct lane_fe *a)
{
    subtract_p(a, a);
}

void ifma8_fe_plain(lanes *w, const struct lane_fe *a)
{
    const struct lane_fe unit = LANE_FE_ALL(1, 0, 0, 0, 0);
    struct lane_fe t;

    fe_mul(&t, a, &unit);
    subtract_p(&t, &t);
    fe_to_words(w, &t);
}

void ifma8_fe_enter(struct lane_fe *r, const lanes *w)
{
    const struct lane_fe square = LANE_FE_ALL(0x0020000000300, 0xffffffff00000, 0x0000100000002,
                                              0x0200000001000, 0x0000004000000); /* 2^520 */
    struct lane_fe t;

    fe_from_words(&t, w);
    fe_mul(r, &t, &square);
}

__mmask8 ifma8_fe_zero_lanes(const struct lane_fe *a)
{
    const struct lane_fe unit = LANE_FE_ALL(1, 0, 0, 0, 0);
    struct lane_fe t;
    lanes any = lanes_zero();

    fe_mul(&t, a, &unit);
    subtract_p(&t, &t);
    for (int i = 0; i < 5; i++)
        any = _mm512_or_si512(any, t.v[i]);
    return _mm512_testn_epi64_mask(any, any);
}

static void swap_lanes(struct lane_fe *r, const struct lane_fe *a, int distance)
{
    const lanes order =
        _mm512_xor_si512(_mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0), lanes_all((uint64_t)distance));
    for (int i = 0; i < 5; i++)
        r->v[i] = _mm512_permutexvar_epi64(order, a->v[i]);
}

/* w = 1/w mod p in every lane, all lanes being equal; 1: it was not 0 */
static int invert_word(lanes *w)
{
    _Alignas(64) uint64_t word[4][8];
    struct sm2_number one, inverse;
    uint64_t plain[4];

    for (int i = 0; i < 4; i++) {
        _mm512_store_si512(word[i], w[i]);
        plain[i] = word[i][0];
    }
    memcpy(&one, plain, sizeof one); /* limbs of any size: x86 is little-endian */
    sm2_number_invert(inverse.v, one.v, sm2_p.v, (limb_t)0 - 1);
    memcpy(plain, &inverse, sizeof plain);
    for (int i = 0; i < 4; i++)
        w[i] = lanes_all(plain[i]);
    const int nonzero = (plain[0] | plain[1] | plain[2] | plain[3]) != 0;

    wipe(word, sizeof word);
    wipe(&one, sizeof one);
    wipe(&inverse, sizeof inverse);
    wipe(plain, sizeof plain);
    return nonzero;
}

int ifma8_fe_invert(struct lane_fe *r, const struct lane_fe *a)
{
    const struct lane_fe cube = LANE_FE_ALL(0x1200000016000, 0xffffff8000000, 0x000c0000000ef,
                                            0x90000000a0000, 0x00001b0000000); /* 2^780 */
    struct lane_fe level[3], other[3], all = *a;
    lanes w[4];

    for (int i = 0; i < 3; i++) { /* every lane gets the product of all eight */
        level[i] = all;
        swap_lanes(&other[i], &level[i], 1 << i);
        fe_mul(&all, &level[i], &other[i]);
    }
    subtract_p(&all, &all);
    fe_to_words(w, &all);
    const int nonzero = invert_word(w);
    fe_from_words(&all, w);
    fe_mul(&all, &all, &cube);
    for (int i = 3; i-- > 0;)
        fe_mul(&all, &all, &other[i]);
    *r = all;

    wipe(level, sizeof level);
    wipe(other, sizeof other);
    wipe(&all, sizeof all);
    wipe(w, sizeof w);
    return nonzero;
}

/* Each qword with its bytes reversed. */
static lanes swap_bytes(lanes a)
{
    const lanes order = _mm512_set4_epi32(0x08090a0b, 0x0c0d0e0f, 0x00010203, 0x04050607);
    return _mm512_shuffle_epi8(a, order);
}

/* Four registers of two rows each (row 2i: low half) to words, least significant first. */
static void rows_to_words(lanes *w, lanes ab, lanes cd, lanes ef, lanes gh)
{
    const lanes even = _mm512_set_epi64(14, 10, 6, 2, 12, 8, 4, 0);
    const lanes odd = _mm512_set_epi64(15, 11, 7, 3, 13, 9, 5, 1);
    const lanes low = _mm512_set_epi64(11, 10, 9, 8, 3, 2, 1, 0);
    const lanes high = _mm512_set_epi64(15, 14, 13, 12, 7, 6, 5, 4);
    const lanes abcd_even = _mm512_permutex2var_epi64(ab, even, cd); /* word 0 of a-d, word 2 */
    const lanes abcd_odd = _mm512_permutex2var_epi64(ab, odd, cd);
    const lanes efgh_even = _mm512_permutex2var_epi64(ef, even, gh);
    const lanes efgh_odd = _mm512_permutex2var_epi64(ef, odd, gh);

    w[3] = swap_bytes(_mm512_permutex2var_epi64(abcd_even, low, efgh_even));
    w[1] = swap_bytes(_mm512_permutex2var_epi64(abcd_even, high, efgh_even));
    w[2] = swap_bytes(_mm512_permutex2var_epi64(abcd_odd, low, efgh_odd));
    w[0] = swap_bytes(_mm512_permutex2var_epi64(abcd_odd, high, efgh_odd));
}

static lanes load_two(const uint8_t *a, const uint8_t *b)
{
    __m256i low, high;
    memcpy(&low, a, sizeof low);
    memcpy(&high, b, sizeof high);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

void ifma8_load_rows(lanes *w, const uint8_t *const p[8])
{
    rows_to_words(w, load_two(p[0], p[1]), load_two(p[2], p[3]), load_two(p[4], p[5]),
                  load_two(p[6], p[7]));
}

void ifma8_load_group(lanes *w, const struct ifma8_rows *r, size_t group, size_t n)
{
    const uint8_t *p[8];

    for (size_t i = 0; i < 8; i++)
        p[i] = r->first + r->stride * ifma8_item(r->index, 8 * group + i, n);
    ifma8_load_rows(w, p);
}

void ifma8_store_block(uint8_t (*p)[64], unsigned rows, const lanes *x, const lanes *y,
                       __mmask8 keep)
{
    lanes column[8], row[8];

    for (int i = 0; i < 4; i++) {
        column[i] = _mm512_maskz_mov_epi64(keep, swap_bytes(x[3 - i]));
        column[4 + i] = _mm512_maskz_mov_epi64(keep, swap_bytes(y[3 - i]));
    }
    lanes_transpose(row, column);
    for (unsigned i = 0; i < rows; i++)
        _mm512_storeu_si512(p[i], row[i]);
}

#endif
