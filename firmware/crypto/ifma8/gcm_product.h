/*
 * Products of GHASH in registers of four (VPCLMULQDQ).
 * In reflected form: a block is read with its bytes reversed, so that bit i of the polynomial
 * is bit 127 - i of the number; a product of two such numbers is one bit short, which H carries (H
 * x is kept). CT: nothing leaks from any function here.
 */
#ifndef HUFU_CRYPTO_IFMA8_GCM_PRODUCT_H
#define HUFU_CRYPTO_IFMA8_GCM_PRODUCT_H

#include <immintrin.h>

#include "firmware/base/endian.h"
#include "firmware/base/inline.h"

typedef __m512i lanes;

/* Products of 256 bits in four lanes, and their sums. */
struct product {
    lanes low, middle, high;
};

/* sum += a b */
INLINE void add_product(struct product *sum, lanes a, lanes b)
{
    sum->low = _mm512_xor_si512(sum->low, _mm512_clmulepi64_epi128(a, b, 0x00));
    sum->high = _mm512_xor_si512(sum->high, _mm512_clmulepi64_epi128(a, b, 0x11));
    sum->middle = _mm512_ternarylogic_epi64(sum->middle, _mm512_clmulepi64_epi128(a, b, 0x01),
                                            _mm512_clmulepi64_epi128(a, b, 0x10), 0x96);
}

/* p 2^-128 */
INLINE lanes reduce(const struct product *p)
{
    const lanes poly = _mm512_set1_epi64((long long)0xC200000000000000);
    lanes low = _mm512_xor_si512(p->low, _mm512_bslli_epi128(p->middle, 8));
    for (int i = 0; i < 2; i++)
        low = _mm512_xor_si512(_mm512_shuffle_epi32(low, _MM_PERM_BADC),
                               _mm512_clmulepi64_epi128(low, poly, 0x00));
    return _mm512_ternarylogic_epi64(low, p->high, _mm512_bsrli_epi128(p->middle, 8), 0x96);
}

INLINE __m128i reverse_order(void)
{
    return _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

/* H x in reflected form, in every lane. */
INLINE lanes hash_key(const uint8_t h[16])
{
    uint64_t high = load_be64(h), low = load_be64(h + 8);
    const uint64_t out = (uint64_t)0 - (high >> 63);
    high = (high << 1 | low >> 63) ^ (out & 0xC200000000000000);
    low = low << 1 ^ (out & 1);
    return _mm512_broadcast_i64x2(_mm_set_epi64x((long long)high, (long long)low));
}

#endif
