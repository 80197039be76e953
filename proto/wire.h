/*
 * The cursor: the only way either half reads or writes bytes of the wire. A reader cannot pass the
 * end and a writer cannot pass its room; the first attempt marks the cursor bad, and everything
 * after it yields zeros or writes nothing. Check once, at the end.
 */
#ifndef HUFU_PROTO_WIRE_H
#define HUFU_PROTO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that belong to somebody else. */
struct view {
    const uint8_t *data;
    size_t size;
};

struct rd {
    const uint8_t *p, *end;
    bool bad;
};

struct wr {
    uint8_t *base, *p, *end;
    bool bad;
};

void rd_init(struct rd *r, const void *data, size_t n);
size_t rd_left(const struct rd *r);
uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);
/* n bytes in place; NULL when there are fewer. */
const uint8_t *rd_bytes(struct rd *r, size_t n);
struct view rd_var(struct rd *r, size_t max); /* two-byte length, then bytes; above max is bad */
struct view rd_rest(struct rd *r);
/* All read, nothing left over, nothing out of range. */
bool rd_done(const struct rd *r);

void wr_init(struct wr *w, void *data, size_t room);
size_t wr_size(const struct wr *w); /* bytes written */
size_t wr_room(const struct wr *w); /* bytes that still fit */
void wr_u8(struct wr *w, uint8_t v);
void wr_u16(struct wr *w, uint16_t v);
void wr_u32(struct wr *w, uint32_t v);
void wr_u64(struct wr *w, uint64_t v);
void wr_bytes(struct wr *w, const void *data, size_t n); /* data NULL: n zeros */
void wr_var(struct wr *w, struct view v, size_t max);
/* Room for n bytes that the caller fills in; NULL when they do not fit. */
uint8_t *wr_reserve(struct wr *w, size_t n);

#endif
