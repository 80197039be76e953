#include "proto/frame.h"

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
    return f->length <= FRAME_PAYLOAD_MAX && (f->flags & ~(FRAME_APDU | FRAME_ANSWER)) == 0;
}
