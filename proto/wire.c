#include "proto/wire.h"

#include <string.h>

void rd_init(struct rd *r, const void *data, size_t n)
{
    r->p = data;
    r->end = n ? r->p + n : r->p;
    r->bad = false;
}

size_t rd_left(const struct rd *r)
{
    return (size_t)(r->end - r->p);
}

const uint8_t *rd_bytes(struct rd *r, size_t n)
{
    if (r->bad || rd_left(r) < n) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *p = r->p;
    r->p = n ? p + n : p;
    return p;
}

static uint64_t rd_int(struct rd *r, size_t n)
{
    const uint8_t *p = rd_bytes(r, n);
    uint64_t v = 0;
    for (size_t i = 0; p && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

uint8_t rd_u8(struct rd *r)
{
    return (uint8_t)rd_int(r, 1);
}

uint16_t rd_u16(struct rd *r)
{
    return (uint16_t)rd_int(r, 2);
}

uint32_t rd_u32(struct rd *r)
{
    return (uint32_t)rd_int(r, 4);
}

uint64_t rd_u64(struct rd *r)
{
    return rd_int(r, 8);
}

struct view rd_var(struct rd *r, size_t max)
{
    struct view v = {NULL, rd_u16(r)};
    if (v.size > max)
        r->bad = true;
    v.data = rd_bytes(r, v.size);
    if (!v.data)
        v.size = 0;
    return v;
}

struct view rd_rest(struct rd *r)
{
    struct view v = {NULL, r->bad ? 0 : rd_left(r)};
    v.data = rd_bytes(r, v.size);
    return v;
}

bool rd_done(const struct rd *r)
{
    return !r->bad && r->p == r->end;
}

void wr_init(struct wr *w, void *data, size_t room)
{
    w->base = w->p = data;
    w->end = room ? w->p + room : w->p;
    w->bad = false;
}

size_t wr_size(const struct wr *w)
{
    return (size_t)(w->p - w->base);
}

size_t wr_room(const struct wr *w)
{
    return w->bad ? 0 : (size_t)(w->end - w->p);
}

uint8_t *wr_reserve(struct wr *w, size_t n)
{
    if (w->bad || wr_room(w) < n) {
        w->bad = true;
        return NULL;
    }
    uint8_t *p = w->p;
    w->p = n ? p + n : p;
    return p;
}

static void wr_int(struct wr *w, uint64_t v, size_t n)
{
    uint8_t *p = wr_reserve(w, n);
    for (size_t i = n; p && i-- > 0; v >>= 8)
        p[i] = (uint8_t)v;
}

void wr_u8(struct wr *w, uint8_t v)
{
    wr_int(w, v, 1);
}

void wr_u16(struct wr *w, uint16_t v)
{
    wr_int(w, v, 2);
}

void wr_u32(struct wr *w, uint32_t v)
{
    wr_int(w, v, 4);
}

void wr_u64(struct wr *w, uint64_t v)
{
    wr_int(w, v, 8);
}

void wr_bytes(struct wr *w, const void *data, size_t n)
{
    uint8_t *p = wr_reserve(w, n);
    if (!p || !n)
        return;
    if (data)
        memcpy(p, data, n);
    else
        memset(p, 0, n);
}

void wr_var(struct wr *w, struct view v, size_t max)
{
    if (v.size > max || v.size > 0xFFFF) {
        w->bad = true;
        return;
    }
    wr_u16(w, (uint16_t)v.size);
    if (v.size)
        wr_bytes(w, v.data, v.size);
}
