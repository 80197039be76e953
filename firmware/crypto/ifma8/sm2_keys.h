/* Which items of a batch are under the same public key. CT: public inputs only */
#ifndef HUFU_CRYPTO_IFMA8_SM2_KEYS_H
#define HUFU_CRYPTO_IFMA8_SM2_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/crypto/ifma8/sm2_base.h"

enum { IFMA8_KEY_SLOTS = 2 * IFMA8_CHUNK };

/* The first item with a key stands for it. */
struct ifma8_keys {
    uint16_t slot[IFMA8_KEY_SLOTS]; /* of a hash: item + 1, or 0 */
    uint16_t first[IFMA8_CHUNK];    /* of an item: the first with its key */
    uint16_t count[IFMA8_CHUNK];    /* of a first item: how many there are */
    uint16_t list[IFMA8_CHUNK];     /* the items being worked on */
};

/* Fill in all but the list for n items, at most IFMA8_CHUNK. */
void ifma8_keys_sort(struct ifma8_keys *k, const uint8_t *const *pub, size_t n);
/* Items of the key of item `first` or, first = n, of all keys with fewer than `many` items, into
 * the list; returns how many. */
size_t ifma8_keys_list(struct ifma8_keys *k, size_t n, size_t first, unsigned many);

#endif
