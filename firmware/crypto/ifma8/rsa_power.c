/* Powers in eight lanes, an exponent in each. */
#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/crypto/ifma8/rsa_number.h"

#include <string.h>

/* r = table[digit] in each lane; all entries are read in the same order */
static void look_up(lanes *r, const lanes *table, size_t n, lanes digit)
{
    lanes hit[RSA8_TABLE];
    for (unsigned k = 0; k < RSA8_TABLE; k++)
        hit[k] = _mm512_movm_epi64(_mm512_cmpeq_epi64_mask(digit, rsa8_all(k)));
    for (size_t i = 0; i < n; i++) {
        lanes even = _mm512_and_si512(hit[0], table[i]);
        lanes odd = _mm512_and_si512(hit[1], table[n + i]);
#define ENTRIES(k)                                                                                 \
    even = _mm512_ternarylogic_epi64(even, hit[k], table[(k)*n + i], 0xf8);                        \
    odd = _mm512_ternarylogic_epi64(odd, hit[(k) + 1], table[((k) + 1) * n + i], 0xf8);
        ENTRIES(2)
        ENTRIES(4)
        ENTRIES(6)
        ENTRIES(8)
        ENTRIES(10)
        ENTRIES(12) ENTRIES(14)
#undef ENTRIES
            r[i] = _mm512_or_si512(even, odd);
    }
}

/* The powers 0 to 15 of a */
static void fill_table(const struct rsa8_mont *mont, lanes *table, const lanes *a)
{
    const size_t n = mont->n;
    memcpy(table, mont->one, n * sizeof *a);
    memcpy(table + n, a, n * sizeof *a);
    for (size_t k = 2; k < RSA8_TABLE; k += 2) {
        rsa8_sqr(mont, table + k * n, table + k / 2 * n);
        rsa8_mul(mont, table + (k + 1) * n, table + k * n, table + n);
    }
}

void rsa8_power(const struct rsa8_mont *mont, lanes *r, const lanes *a, const lanes *x,
                size_t words, lanes *table)
{
    const size_t n = mont->n;
    lanes *const factor = table + RSA8_TABLE * n;
    fill_table(mont, table, a);
    for (size_t at = 64 * words; at > 0;) {
        at -= RSA8_WINDOW;
        const lanes digit = _mm512_and_si512(
            _mm512_srl_epi64(x[at / 64], _mm_cvtsi32_si128((int)(at % 64))), rsa8_all(15));
        look_up(factor, table, n, digit);
        if (at + RSA8_WINDOW == 64 * words) {
            memcpy(r, factor, n * sizeof *r);
            continue;
        }
        for (unsigned i = 0; i < RSA8_WINDOW; i++)
            rsa8_sqr(mont, r, r);
        rsa8_mul(mont, r, r, factor);
    }
}

void rsa8_power_public(const struct rsa8_mont *mont, lanes *r, const lanes *a, lanes e, lanes *t)
{
    const size_t n = mont->n;
    for (size_t i = 0; i < n; i++)
        r[i] = mont->one[i];
    for (int bit = 31, begun = 0; bit >= 0; bit--) {
        const __mmask8 set = _mm512_test_epi64_mask(e, rsa8_all((uint64_t)1 << bit));
        const lanes *product = a;
        if (begun)
            rsa8_sqr(mont, r, r);
        if (!set)
            continue;
        if (begun) {
            rsa8_mul(mont, t, r, a);
            product = t;
        }
        begun = 1;
        for (size_t i = 0; i < n; i++)
            r[i] = _mm512_mask_mov_epi64(r[i], set, product[i]);
    }
}

#endif
