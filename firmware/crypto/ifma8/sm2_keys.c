#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include <string.h>

#include "firmware/base/endian.h"
#include "firmware/crypto/ifma8/sm2_keys.h"

enum { PROBES = 8 }; /* slots looked at; then a key counts as a new one */

/* The first item with the key of item i. Keys that somebody made to collide are only found less
 * often. */
static size_t find_key(struct ifma8_keys *k, const uint8_t *const *pub, size_t i)
{
    size_t at = (size_t)((load_be64(pub[i]) * 0x9e3779b97f4a7c15u) >> 32);

    for (unsigned n = 0; n < PROBES; n++, at++) {
        uint16_t *slot = &k->slot[at % IFMA8_KEY_SLOTS];
        if (*slot == 0) {
            *slot = (uint16_t)(i + 1);
            return i;
        }
        const uint8_t *other = pub[*slot - 1];
        if (other == pub[i] || memcmp(other, pub[i], 64) == 0)
            return (size_t)(*slot - 1);
    }
    return i;
}

void ifma8_keys_sort(struct ifma8_keys *k, const uint8_t *const *pub, size_t n)
{
    memset(k->slot, 0, sizeof k->slot);
    memset(k->count, 0, sizeof k->count);
    for (size_t i = 0; i < n; i++) {
        k->first[i] = (uint16_t)find_key(k, pub, i);
        k->count[k->first[i]]++;
    }
}

size_t ifma8_keys_list(struct ifma8_keys *k, size_t n, size_t first, unsigned many)
{
    size_t m = 0;

    for (size_t i = 0; i < n; i++)
        if (first < n ? k->first[i] == first : k->count[k->first[i]] < many)
            k->list[m++] = (uint16_t)i;
    return m;
}

#endif
