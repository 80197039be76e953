/* Big-endian strings into lanes and out of them. */
#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/base/wipe.h"
#include "firmware/crypto/ifma8/rsa_number.h"
#include "firmware/crypto/rsa.h"

#include <string.h>

enum { MAX_WORDS = RSA_MAX_BYTES / 8 };

/* One lane of a row of registers: a union would do, but may not be as wide as the row. */
static void put(lanes *r, size_t limb, unsigned lane, uint64_t x)
{
    memcpy((uint8_t *)(r + limb) + 8 * lane, &x, sizeof x);
}

static uint64_t get(const lanes *a, size_t limb, unsigned lane)
{
    uint64_t x;
    memcpy(&x, (const uint8_t *)(a + limb) + 8 * lane, sizeof x);
    return x;
}

/* Word i of a big-endian string */
static uint64_t word(const uint8_t *in, size_t size, size_t i)
{
    uint64_t x;
    memcpy(&x, in + size - 8 * (i + 1), sizeof x);
    return __builtin_bswap64(x);
}

void rsa8_load_words(lanes *r, const uint8_t *const in[RSA8_LANES], size_t size)
{
    for (unsigned lane = 0; lane < RSA8_LANES; lane++)
        for (size_t i = 0; i < size / 8; i++)
            put(r, i, lane, in[lane] ? word(in[lane], size, i) : 0);
}

void rsa8_load(lanes *r, size_t n, const uint8_t *const in[RSA8_LANES], size_t size)
{
    const uint64_t low = ((uint64_t)1 << RSA8_LIMB) - 1;
    uint64_t w[MAX_WORDS + 1];
    memset(r, 0, n * sizeof *r);
    for (unsigned lane = 0; lane < RSA8_LANES; lane++) {
        if (!in[lane])
            continue;
        for (size_t i = 0; i < size / 8; i++)
            w[i] = word(in[lane], size, i);
        w[size / 8] = 0;
        for (size_t i = 0; RSA8_LIMB * i < 8 * size; i++) {
            const size_t k = RSA8_LIMB * i / 64, shift = RSA8_LIMB * i % 64;
            put(r, i, lane, (w[k] >> shift | w[k + 1] << 1 << (63 - shift)) & low);
        }
    }
    wipe(w, sizeof w);
}

void rsa8_store(const lanes *a, size_t n, uint8_t *const out[RSA8_LANES], size_t size)
{
    for (unsigned lane = 0; lane < RSA8_LANES; lane++) {
        if (!out[lane])
            continue;
        for (size_t i = 0; i < size / 8; i++) {
            const size_t k = 64 * i / RSA8_LIMB, shift = 64 * i % RSA8_LIMB;
            uint64_t x = get(a, k, lane) >> shift;
            if (k + 1 < n)
                x |= get(a, k + 1, lane) << (RSA8_LIMB - shift);
            if (shift > 40 && k + 2 < n)
                x |= get(a, k + 2, lane) << (2 * RSA8_LIMB - shift);
            x = __builtin_bswap64(x);
            memcpy(out[lane] + size - 8 * (i + 1), &x, sizeof x);
        }
    }
}

#endif
