/*
 * DER, written from its end to its start, so that lengths are known when they are needed. What
 * comes last is put first.
 */
#ifndef HUFU_APP_DER_H
#define HUFU_APP_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/wire.h"

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

struct der {
    uint8_t *base, *at; /* what is written goes from at to the end of the buffer */
    bool bad;           /* it did not fit; everything after that is passed over */
};

void der_init(struct der *x, uint8_t *buffer, size_t room);
void der_bytes(struct der *x, const void *p, size_t n);
/* Tag and length in front of everything that was put since end (the x->at of then). */
void der_wrap(struct der *x, uint8_t tag, const uint8_t *end);
/* tag, length, n bytes */
void der_put(struct der *x, uint8_t tag, const void *p, size_t n);
/* An INTEGER >= 0 of n big-endian bytes, made minimal. */
void der_integer(struct der *x, const uint8_t *p, size_t n);

/* Take one element with this tag off the front: its content, or with whole its header, too. false:
 * there is none, or its length is not that of DER. */
bool der_get(struct view *in, uint8_t tag, struct view *content, struct view *whole);

#endif
