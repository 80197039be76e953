#include "proto/frame.h"

#include <string.h>

void frame_put(uint8_t header[FRAME_HEADER], const struct frame *f)
{
    struct wr w;
    wr_init(&w, header, FRAME_HEADER);
    wr_u32(&w, f->length);
    wr_u32(&w, f->tag);
    wr_u16(&w, f->channel);
    wr_u16(&w, f->flags);
}

bool frame_get(const uint8_t header[FRAME_HEADER], struct frame *f)
{
    struct rd r;
    rd_init(&r, header, FRAME_HEADER);
    f->length = rd_u32(&r);
    f->tag = rd_u32(&r);
    f->channel = rd_u16(&r);
    f->flags = rd_u16(&r);
    const uint32_t most = FRAME_PAYLOAD_MAX + (f->flags & FRAME_CHECKED ? FRAME_CHECK : 0u);
    return f->length <= most &&
           (f->flags & ~(FRAME_APDU | FRAME_COUNTED | FRAME_CHECKED | FRAME_ANSWER)) == 0;
}

/* Four bits at a time: small tables matter more than speed where frames are checked. */
static uint32_t crc(uint32_t c, const uint8_t *p, size_t n)
{
    static const uint32_t table[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC,
                                       0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
                                       0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                       0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        c = c >> 4 ^ table[c & 15];
        c = c >> 4 ^ table[c & 15];
    }
    return c;
}

void frame_check_put(const struct frame *f, const uint8_t *payload, uint8_t check[FRAME_CHECK])
{
    uint8_t header[FRAME_HEADER];
    struct wr w;
    frame_put(header, f);
    const uint32_t c = crc(0xFFFFFFFF, header, sizeof header);
    wr_init(&w, check, FRAME_CHECK);
    wr_u32(&w, ~crc(c, payload, f->length - FRAME_CHECK));
}

bool frame_check_take(struct frame *f, const uint8_t *payload)
{
    uint8_t check[FRAME_CHECK];
    if (!(f->flags & FRAME_CHECKED))
        return true;
    if (f->length < FRAME_CHECK)
        return false;
    frame_check_put(f, payload, check);
    f->length -= FRAME_CHECK;
    return !memcmp(check, payload + f->length, FRAME_CHECK);
}

bool frame_in_order(struct frame_order *o, const struct frame *f)
{
    if (!(f->flags & FRAME_COUNTED))
        return true;
    if (o->begun && f->tag != o->next)
        return false;
    o->begun = true;
    o->next = f->tag + 1;
    return true;
}
