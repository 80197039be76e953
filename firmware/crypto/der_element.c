#include "firmware/crypto/der_element.h"

enum { LONG = 0x80 }; /* of a first length byte: so many more follow, or the length is below it */

size_t der_header(uint8_t out[DER_HEADER_MAX], uint8_t tag, size_t n)
{
    size_t more = 0, at = 2;
    out[0] = tag;
    out[1] = (uint8_t)n;
    if (n < LONG)
        return at;
    for (size_t rest = n; rest != 0; rest >>= 8)
        more++;
    out[1] = (uint8_t)(LONG | more);
    while (more-- > 0)
        out[at++] = (uint8_t)(n >> 8 * more);
    return at;
}

/* The length bytes, all that follows the tag. -1: not as they must be, or more than there is */
static int take_length(struct der_input *in, size_t *n)
{
    size_t more, v = 0;
    if (in->n == 0)
        return -1;
    more = *in->p++;
    in->n--;
    if (more >= LONG) {
        more -= LONG;
        if (more == 0 || more > DER_HEADER_MAX - 2 || more > in->n || in->p[0] == 0)
            return -1;
        in->n -= more;
        for (; more > 0; more--)
            v = v << 8 | *in->p++;
        if (v < LONG)
            return -1;
    } else {
        v = more;
    }
    *n = v;
    return v <= in->n ? 0 : -1;
}

int der_take(struct der_input *in, uint8_t tag, struct der_input *content)
{
    size_t n;
    if (in->n == 0 || in->p[0] != tag)
        return -1;
    in->p++;
    in->n--;
    if (take_length(in, &n))
        return -1;
    *content = (struct der_input){in->p, n};
    in->p += n;
    in->n -= n;
    return 0;
}
