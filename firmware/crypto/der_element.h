/*
 * One element of DER (X.690): tag, length, content. Lengths are definite and take as few bytes as
 * they can. CT: everything here is public.
 */
#ifndef HUFU_CRYPTO_DER_ELEMENT_H
#define HUFU_CRYPTO_DER_ELEMENT_H

#include <stddef.h>
#include <stdint.h>

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BITS = 0x03,
    DER_OCTETS = 0x04,
    DER_OID = 0x06,
    DER_UTF8 = 0x0C,
    DER_UTC_TIME = 0x17,
    DER_GENERAL_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_KEY_ID = 0x80, /* [0] of an authority's key identifier */
    DER_CONTEXT = 0xA0 /* + number: constructed */
};

/* Tag and length before n bytes of content, n below 2^32; the size of both. */
enum { DER_HEADER_MAX = 6 };
size_t der_header(uint8_t out[DER_HEADER_MAX], uint8_t tag, size_t n);

struct der_input {
    const uint8_t *p;
    size_t n;
};
/* Take one element with this tag off the front: its content. -1: there is none, or its length is
 * not that of DER, or more than there is; in is void then. */
int der_take(struct der_input *in, uint8_t tag, struct der_input *content);

#endif
