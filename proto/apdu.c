#include "proto/apdu.h"

#include <string.h>

/* A Le field of one byte or of two: 0 stands for the most that the form can ask. */
static uint32_t le_short(uint8_t v)
{
    return v ? v : 256;
}

static uint32_t le_long(uint16_t v)
{
    return v ? v : APDU_LE_MAX;
}

/* After the header: Lc of one byte, data, and Le or nothing. */
static bool parse_short(struct apdu *a, struct rd *r)
{
    if (rd_left(r) == 0)
        return true;
    const uint8_t first = rd_u8(r);
    if (rd_left(r) == 0) {
        a->le = le_short(first);
        return true;
    }
    a->data.size = first;
    a->data.data = rd_bytes(r, first);
    if (!r->bad && rd_left(r))
        a->le = le_short(rd_u8(r));
    return rd_done(r);
}

/* After the 00 that announces the extended form. */
static bool parse_extended(struct apdu *a, struct rd *r)
{
    const uint16_t first = rd_u16(r);
    a->extended = true;
    if (rd_left(r) == 0) {
        a->le = le_long(first);
        return rd_done(r);
    }
    a->data.size = first;
    a->data.data = rd_bytes(r, first);
    if (!first || r->bad)
        return false;
    if (rd_left(r) == 3 && rd_u8(r) != 0)
        return false;
    if (rd_left(r))
        a->le = le_long(rd_u16(r));
    return rd_done(r);
}

bool apdu_parse(struct apdu *a, const uint8_t *bytes, size_t n)
{
    struct rd r;
    rd_init(&r, bytes, n);
    *a = (struct apdu){0};
    a->cla = rd_u8(&r);
    a->ins = rd_u8(&r);
    a->p1 = rd_u8(&r);
    a->p2 = rd_u8(&r);
    if (r.bad)
        return false;
    if (rd_left(&r) < 2 || *r.p)
        return parse_short(a, &r);
    rd_u8(&r);
    return parse_extended(a, &r);
}

size_t apdu_build(uint8_t *out, size_t room, const struct apdu *a)
{
    const size_t n = a->data.size;
    const bool extended = a->extended || n > 255 || a->le > 256;
    struct wr w;
    if (n > APDU_LC_MAX || a->le > APDU_LE_MAX)
        return 0;
    wr_init(&w, out, room);
    wr_u8(&w, a->cla);
    wr_u8(&w, a->ins);
    wr_u8(&w, a->p1);
    wr_u8(&w, a->p2);
    if (extended && (n || a->le))
        wr_u8(&w, 0);
    if (n && extended)
        wr_u16(&w, (uint16_t)n);
    else if (n)
        wr_u8(&w, (uint8_t)n);
    wr_bytes(&w, a->data.data, n);
    if (a->le && extended)
        wr_u16(&w, (uint16_t)a->le);
    else if (a->le)
        wr_u8(&w, (uint8_t)a->le);
    return w.bad ? 0 : wr_size(&w);
}

/*
 * T=1 with blocks of 254 bytes and the longest block waiting time (BWI 9: key generation takes its
 * time); historical bytes: card capabilities (selection by full and partial name, an application
 * selected at reset; command chaining; extended Lc and Le) and the issuer's data "Hufu".
 */
size_t atr_put(uint8_t atr[ATR_MAX])
{
    static const uint8_t bytes[] = {0x3B, 0x8A, 0x81, 0x31, 0xFE, 0x95, 0x80, 0x73,
                                    0xC8, 0x01, 0xC0, 0x54, 'H',  'u',  'f',  'u'};
    uint8_t check = 0;
    memcpy(atr, bytes, sizeof bytes);
    for (size_t i = 1; i < sizeof bytes; i++)
        check ^= bytes[i];
    atr[sizeof bytes] = check;
    return sizeof bytes + 1;
}
