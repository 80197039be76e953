/*
 * Merkle-Damgard buffering, shared by all hashes: cuts a stream into blocks and pads its end.
 * CT: the announced lengths only
 */
#ifndef HUFU_CRYPTO_MD_H
#define HUFU_CRYPTO_MD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "firmware/base/endian.h"

/* Takes `blocks` whole blocks of data into the chaining value h. */
typedef void (*md_compress)(void *h, const uint8_t *data, size_t blocks);

struct md {
    void *h;
    uint64_t *length; /* bytes so far */
    uint8_t *buffer;
    size_t block;        /* bytes, a power of two */
    size_t length_field; /* bytes of the bit count that ends the padding */
    md_compress compress;
};

static inline void md_update(const struct md *m, const void *data, size_t n)
{
    const uint8_t *p = data;
    const size_t used = (size_t)*m->length & (m->block - 1);
    *m->length += n;
    if (n == 0)
        return;
    if (used) {
        const size_t room = m->block - used, take = n < room ? n : room;
        memcpy(m->buffer + used, p, take);
        if (take < room)
            return;
        m->compress(m->h, m->buffer, 1);
        p += take;
        n -= take;
    }
    const size_t blocks = n / m->block;
    if (blocks)
        m->compress(m->h, p, blocks);
    memcpy(m->buffer, p + blocks * m->block, n % m->block);
}

/* Append the bit 1, zeros and the length in bits, and take in the last one or two blocks. */
static inline void md_pad(const struct md *m)
{
    size_t used = (size_t)*m->length & (m->block - 1);
    m->buffer[used++] = 0x80;
    if (used > m->block - m->length_field) {
        memset(m->buffer + used, 0, m->block - used);
        m->compress(m->h, m->buffer, 1);
        used = 0;
    }
    memset(m->buffer + used, 0, m->block - 8 - used);
    if (m->length_field > 8) /* the part of the count above 64 bits */
        m->buffer[m->block - 9] = (uint8_t)(*m->length >> 61);
    store_be64(m->buffer + m->block - 8, *m->length << 3);
    m->compress(m->h, m->buffer, 1);
}

#endif
