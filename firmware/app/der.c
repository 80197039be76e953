#include "firmware/app/der.h"

#include <string.h>

void der_init(struct der *x, uint8_t *buffer, size_t room)
{
    *x = (struct der){buffer, buffer + room, false};
}

void der_bytes(struct der *x, const void *p, size_t n)
{
    if (x->bad || n > (size_t)(x->at - x->base)) {
        x->bad = true;
        return;
    }
    x->at -= n;
    if (n)
        memcpy(x->at, p, n);
}

void der_wrap(struct der *x, uint8_t tag, const uint8_t *end)
{
    uint8_t header[6] = {tag};
    size_t size = x->bad ? 0 : (size_t)(end - x->at), n = 2, bytes = 0;
    if (size < 0x80) {
        header[1] = (uint8_t)size;
    } else {
        while (size >> 8 * bytes)
            bytes++;
        header[1] = (uint8_t)(0x80 | bytes);
        for (size_t i = bytes; i-- > 0;)
            header[n++] = (uint8_t)(size >> 8 * i);
    }
    der_bytes(x, header, n);
}

void der_put(struct der *x, uint8_t tag, const void *p, size_t n)
{
    const uint8_t *end = x->at;
    der_bytes(x, p, n);
    der_wrap(x, tag, end);
}

void der_integer(struct der *x, const uint8_t *p, size_t n)
{
    static const uint8_t zero = 0;
    const uint8_t *end = x->at;
    while (n > 1 && !*p)
        p++, n--;
    der_bytes(x, p, n);
    if (n && *p & 0x80)
        der_bytes(x, &zero, 1);
    der_wrap(x, DER_INTEGER, end);
}

bool der_get(struct view *in, uint8_t tag, struct view *content, struct view *whole)
{
    const uint8_t *p = in->data;
    size_t n = in->size, header = 2, size = 0;
    if (n < 2 || p[0] != tag || p[1] == 0x80 || p[1] > 0x83)
        return false;
    if (p[1] < 0x80) {
        size = p[1];
    } else {
        header += p[1] & 0x7F;
        if (n < header)
            return false;
        for (size_t i = 2; i < header; i++)
            size = size << 8 | p[i];
        if (size < 0x80 || !p[2])
            return false;
    }
    if (size > n - header)
        return false;
    if (content)
        *content = (struct view){p + header, size};
    if (whole)
        *whole = (struct view){p, header + size};
    *in = (struct view){p + header + size, n - header - size};
    return true;
}
