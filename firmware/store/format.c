#include "firmware/store/format.h"

#include <string.h>

#include "firmware/base/endian.h"
#include "firmware/store/crc.h"

static const uint8_t mark_magic[4] = {'H', 'U', 'F', 'M'};
static const uint8_t header_magic[4] = {'H', 'U', 'F', 'L'};

static uint32_t head_crc(uint32_t seed, uint32_t at, const uint8_t *head)
{
    uint8_t place[8];
    store_be32(place, seed);
    store_be32(place + 4, at);
    return store_crc(store_crc(0, place, sizeof place), head, 12);
}

/* kind, flags and class (1) | type (1) | plaintext bytes (2) | id (4) | txn (4) | CRC (4) */
void record_encode(const struct record *r, uint32_t seed, uint32_t at, uint8_t head[HEAD_SIZE])
{
    head[0] = (uint8_t)(r->kind | r->flags | r->cls << 6);
    head[1] = r->type;
    store_be16(head + 2, r->n);
    store_be32(head + 4, r->id);
    store_be32(head + 8, r->txn);
    store_be32(head + 12, head_crc(seed, at, head));
}

bool record_decode(struct record *r, uint32_t seed, uint32_t at, const uint8_t head[HEAD_SIZE])
{
    r->kind = head[0] & 7;
    r->flags = head[0] & (FLAG_BEGIN | FLAG_COMMIT | FLAG_COPY);
    r->cls = head[0] >> 6;
    r->type = head[1];
    r->n = load_be16(head + 2);
    r->id = load_be32(head + 4);
    r->txn = load_be32(head + 8);
    if (load_be32(head + 12) != head_crc(seed, at, head))
        return false;
    if (r->kind < RECORD_PUT || r->kind > RECORD_END || r->cls >= STORE_CLASSES)
        return false;
    if (r->kind == RECORD_PUT)
        return r->id != 0 && r->n <= STORE_MAX_DATA;
    return r->n == 0 && !(r->flags & FLAG_COPY) && (r->kind != RECORD_DELETE || r->id != 0);
}

void area_encode(uint8_t area[AREA_SIZE], const uint8_t salt[SALT_SIZE], uint32_t body_crc)
{
    if (area != salt)
        memcpy(area, salt, SALT_SIZE);
    store_be32(area + SALT_SIZE, body_crc);
    store_be32(area + SALT_SIZE + 4, store_crc(0, area, SALT_SIZE + 4));
}

bool area_valid(const uint8_t area[AREA_SIZE])
{
    return load_be32(area + SALT_SIZE + 4) == store_crc(0, area, SALT_SIZE + 4);
}

/* A salt has about 128 one bits; 16 or fewer do not happen to it. */
bool area_dead(const uint8_t area[AREA_SIZE])
{
    unsigned ones = 0;
    for (size_t i = 0; i < AREA_SIZE; i++)
        for (unsigned b = area[i]; b; b &= b - 1)
            ones++;
    return ones <= 16;
}

uint32_t area_body_crc(const uint8_t area[AREA_SIZE])
{
    return load_be32(area + SALT_SIZE);
}

/* magic (4) | format (2) | kind (2) | seq (4) | data (4) | txn (4) | size (4) | zero (4) | CRC (4)
 */
void header_encode(const struct segment_header *h, uint8_t out[HEADER_SIZE])
{
    memcpy(out, header_magic, 4);
    store_be16(out + 4, h->format);
    store_be16(out + 6, h->kind);
    store_be32(out + 8, h->seq);
    store_be32(out + 12, h->data);
    store_be32(out + 16, h->txn);
    store_be32(out + 20, h->size);
    store_be32(out + 24, 0);
    store_be32(out + 28, store_crc(0, out, 28));
}

/* A later format keeps magic, format number and the place of the CRC, so that it is told from
 * damage. */
bool header_decode(struct segment_header *h, const uint8_t in[HEADER_SIZE])
{
    h->format = load_be16(in + 4);
    h->kind = load_be16(in + 6);
    h->seq = load_be32(in + 8);
    h->data = load_be32(in + 12);
    h->txn = load_be32(in + 16);
    h->size = load_be32(in + 20);
    return memcmp(in, header_magic, 4) == 0 && load_be32(in + 28) == store_crc(0, in, 28);
}

/* magic (4) | format (2) | zero (2) | size (4) | CRC (4) */
void mark_encode(uint32_t size, uint8_t out[MARK_SIZE])
{
    memcpy(out, mark_magic, 4);
    store_be16(out + 4, STORE_FORMAT);
    store_be16(out + 6, 0);
    store_be32(out + 8, size);
    store_be32(out + 12, store_crc(0, out, 12));
}

bool mark_decode(uint16_t *format, uint32_t *size, const uint8_t in[MARK_SIZE])
{
    *format = load_be16(in + 4);
    *size = load_be32(in + 8);
    return memcmp(in, mark_magic, 4) == 0 && load_be32(in + 12) == store_crc(0, in, 12);
}

bool all_bytes(const uint8_t *p, size_t n, uint8_t value)
{
    uint8_t different = 0;
    for (size_t i = 0; i < n; i++)
        different |= p[i] ^ value;
    return different == 0;
}
