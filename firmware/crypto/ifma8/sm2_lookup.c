#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/crypto/ifma8/sm2_lookup.h"
#include "firmware/crypto/ifma8/sm2_table.h"

/*
 * The digits of a set as bytes, in the order in which look_up_word gives the lanes back: byte
 * 16 j + 2 m + i is lane 2 j + i of group m. Here each lane brings four groups as 16-bit fields.
 */
static void set_digits(struct ifma8_digits *r, unsigned set, const lanes *digit, unsigned bits)
{
    static const _Alignas(64) uint8_t order[64] = {
#define PAIR(j, m)                                                                                 \
    (16 * (j) + 2 * ((m)&3) + ((m) > 3 ? 64 : 0)), (16 * (j) + 8 + 2 * ((m)&3) + ((m) > 3 ? 64 : 0))
#define ROW(j)                                                                                     \
    PAIR(j, 0), PAIR(j, 1), PAIR(j, 2), PAIR(j, 3), PAIR(j, 4), PAIR(j, 5), PAIR(j, 6), PAIR(j, 7)
        ROW(0), ROW(1), ROW(2), ROW(3)
#undef ROW
#undef PAIR
    };
    const lanes pick = _mm512_load_si512(order);
    const lanes low = _mm512_set1_epi8(bits == IFMA8_WIDE ? 0x7f : 0x3f);
    const lanes low16 = _mm512_set1_epi16(0x007f), high16 = _mm512_set1_epi16(0x0700);
    lanes four[2];

    for (int i = 0; i < 2; i++) {
        const lanes *d = digit + 4 * i;
        lanes t = _mm512_or_si512(
            _mm512_or_si512(d[0], _mm512_slli_epi64(d[1], 16)),
            _mm512_or_si512(_mm512_slli_epi64(d[2], 32), _mm512_slli_epi64(d[3], 48)));
        if (bits == IFMA8_SMALL) /* the sign goes where the wide window has it */
            t = _mm512_or_si512(
                _mm512_and_si512(t, _mm512_set1_epi16(0x3f)),
                _mm512_and_si512(_mm512_slli_epi16(t, 3), _mm512_set1_epi16(0x200)));
        four[i] = _mm512_or_si512(_mm512_and_si512(t, low16),
                                  _mm512_and_si512(_mm512_slli_epi16(t, 1), high16));
    }
    const lanes index = _mm512_permutex2var_epi8(four[0], pick, four[1]);
    const lanes top =
        _mm512_permutex2var_epi8(four[0], _mm512_add_epi8(pick, _mm512_set1_epi8(1)), four[1]);
    const __mmask64 negative = _mm512_testn_epi8_mask(top, _mm512_set1_epi8(4));

    /* a negative digit counts down from the middle: complement the index */
    r->low[set] = _mm512_mask_blend_epi8(negative, index, _mm512_andnot_si512(index, low));
    r->bit7[set] = _mm512_test_epi8_mask(top, _mm512_set1_epi8(1)) ^ negative;
    r->bit8[set] = _mm512_test_epi8_mask(top, _mm512_set1_epi8(2)) ^ negative;
}

void ifma8_digits(struct ifma8_digits *d, const struct ifma8_table *t, unsigned window,
                  const struct lane_fe *scalar, size_t groups)
{
    const lanes sign = lanes_all(1u << (t->bits - 1));

    for (size_t first = 0; first < groups; first += IFMA8_SET) {
        lanes digit[IFMA8_SET];
        for (size_t i = 0; i < IFMA8_SET; i++) {
            digit[i] = first + i < groups
                           ? lane_digit(&scalar[first + i], window * t->bits, t->bits)
                           : lanes_zero();
            d->negative[first + i] = _mm512_testn_epi64_mask(digit[i], sign);
        }
        set_digits(d, (unsigned)(first / IFMA8_SET), digit, t->bits);
    }
}

/* Eight bytes of each of 64 lanes, one register a byte, to 8 registers of words. */
INLINE void transpose(struct lane_words *out, unsigned word, const lanes *byte)
{
    lanes a[8], b[8];

    for (int i = 0; i < 4; i++) {
        a[i] = _mm512_unpacklo_epi8(byte[2 * i], byte[2 * i + 1]);
        a[i + 4] = _mm512_unpackhi_epi8(byte[2 * i], byte[2 * i + 1]);
    }
    for (int h = 0; h < 8; h += 4) {
        for (int i = 0; i < 2; i++) {
            b[h + i] = _mm512_unpacklo_epi16(a[h + 2 * i], a[h + 2 * i + 1]);
            b[h + i + 2] = _mm512_unpackhi_epi16(a[h + 2 * i], a[h + 2 * i + 1]);
        }
    }
    for (int h = 0; h < 8; h += 2) {
        out[h].w[word] = _mm512_unpacklo_epi32(b[h], b[h + 1]);
        out[h + 1].w[word] = _mm512_unpackhi_epi32(b[h], b[h + 1]);
    }
}

/* One byte of 64 lanes out of 512 entries. */
INLINE lanes pick512(const lanes *t, lanes index, __mmask64 bit7, __mmask64 bit8)
{
    const lanes a = _mm512_mask_mov_epi8(_mm512_permutex2var_epi8(t[0], index, t[1]), bit7,
                                         _mm512_permutex2var_epi8(t[2], index, t[3]));
    const lanes b = _mm512_mask_mov_epi8(_mm512_permutex2var_epi8(t[4], index, t[5]), bit7,
                                         _mm512_permutex2var_epi8(t[6], index, t[7]));
    return _mm512_mask_mov_epi8(a, bit8, b);
}

/* Two sets share the loads of the table. */
INLINE void wide_word(struct lane_words *out, unsigned word, const uint8_t *column,
                      const struct ifma8_digits *d, unsigned set, unsigned sets)
{
    lanes byte[2][8];

    for (int c = 0; c < 8; c++) {
        lanes t[8];
        for (int i = 0; i < 8; i++)
            t[i] = _mm512_load_si512(column + c * IFMA8_WIDE_ENTRIES + 64 * i);
        for (unsigned s = 0; s < sets; s++)
            byte[s][c] = pick512(t, d->low[set + s], d->bit7[set + s], d->bit8[set + s]);
    }
    for (unsigned s = 0; s < sets; s++)
        transpose(out + IFMA8_SET * s, word, byte[s]);
}

static void look_up_wide(struct lane_words *out, const uint8_t *column,
                         const struct ifma8_digits *d, unsigned sets)
{
    for (unsigned w = 0; w < 4; w++, column += 8 * IFMA8_WIDE_ENTRIES) {
        unsigned s = 0;
        for (; s + 2 <= sets; s += 2)
            wide_word(out + IFMA8_SET * s, w, column, d, s, 2);
        if (s < sets)
            wide_word(out + IFMA8_SET * s, w, column, d, s, 1);
    }
}

static void look_up_small(struct lane_words *out, const uint8_t *column,
                          const struct ifma8_digits *d, unsigned sets)
{
    for (unsigned w = 0; w < 4; w++, column += 8 * IFMA8_SMALL_ENTRIES) {
        for (unsigned s = 0; s < sets; s++) {
            lanes byte[8];
            for (int c = 0; c < 8; c++)
                byte[c] = _mm512_permutexvar_epi8(
                    d->low[s], _mm512_load_si512(column + c * IFMA8_SMALL_ENTRIES));
            transpose(out + IFMA8_SET * s, w, byte);
        }
    }
}

void ifma8_look_up(struct lane_words *out, const struct ifma8_table *t, unsigned window,
                   unsigned coordinate, const struct ifma8_digits *d, size_t groups)
{
    const size_t entries = (size_t)1 << (t->bits - 1);
    const uint8_t *column = t->bytes + ((size_t)64 * window + 32 * coordinate) * entries;
    const unsigned sets = (unsigned)((groups + IFMA8_SET - 1) / IFMA8_SET);

    if (t->bits == IFMA8_WIDE)
        look_up_wide(out, column, d, sets);
    else
        look_up_small(out, column, d, sets);
}

#endif
