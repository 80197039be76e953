/* Big-endian strings into lanes and out of them. */
#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/base/wipe.h"
#include "firmware/crypto/ifma8/rsa_number.h"
#include "firmware/crypto/rsa.h"

#include <string.h>

enum { MAX_WORDS = RSA_MAX_BYTES / 8 };

static void put(lanes *r, size_t limb, unsigned lane, uint64_t x)
{
    ((lane_word *)(r + limb))[lane] = x;
}

static uint64_t get(const lanes *a, size_t limb, unsigned lane)
{
    return ((const lane_word *)(a + limb))[lane];
}

/* Eight bytes anywhere */
struct bytes8 {
    uint64_t x;
} __attribute__((packed, may_alias));

/* Word i of a big-endian string */
static uint64_t word(const uint8_t *in, size_t size, size_t i)
{
    return __builtin_bswap64(((const struct bytes8 *)(in + size - 8 * (i + 1)))->x);
}

void rsa8_load_words(lanes *r, const uint8_t *const in[RSA8_LANES], size_t size)
{
    for (unsigned lane = 0; lane < RSA8_LANES; lane++)
        for (size_t i = 0; i < size / 8; i++)
            put(r, i, lane, in[lane] ? word(in[lane], size, i) : 0);
}

/* One lane of r from words of 64 bits, the least significant first; no more limbs than hold them */
static void split(lanes *r, unsigned lane, const uint64_t *words, size_t count)
{
    const uint64_t low = ((uint64_t)1 << RSA8_LIMB) - 1;
    for (size_t i = 0; RSA8_LIMB * i < 64 * count; i++) {
        const size_t k = RSA8_LIMB * i / 64, shift = RSA8_LIMB * i % 64;
        const uint64_t above = k + 1 < count ? words[k + 1] : 0;
        put(r, i, lane, (words[k] >> shift | above << 1 << (63 - shift)) & low);
    }
}

void rsa8_load(lanes *r, size_t n, const uint8_t *const in[RSA8_LANES], size_t size)
{
    uint64_t w[MAX_WORDS];
    memset(r, 0, n * sizeof *r);
    for (unsigned lane = 0; lane < RSA8_LANES; lane++) {
        if (!in[lane])
            continue;
        for (size_t i = 0; i < size / 8; i++)
            w[i] = word(in[lane], size, i);
        split(r, lane, w, size / 8);
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
            ((struct bytes8 *)(out[lane] + size - 8 * (i + 1)))->x = __builtin_bswap64(x);
        }
    }
}

#endif
