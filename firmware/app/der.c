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
    uint8_t header[DER_HEADER_MAX];
    der_bytes(x, header, der_header(header, tag, x->bad ? 0 : (size_t)(end - x->at)));
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
    struct der_input rest = {in->data, in->size}, inner;
    if (der_take(&rest, tag, &inner))
        return false;
    if (content)
        *content = (struct view){inner.p, inner.n};
    if (whole)
        *whole = (struct view){in->data, in->size - rest.n};
    *in = (struct view){rest.p, rest.n};
    return true;
}
