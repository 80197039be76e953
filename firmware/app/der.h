/*
 * DER, written from its end to its start, so that lengths are known when they are needed. What
 * comes last is put first.
 */
#ifndef HUFU_APP_DER_H
#define HUFU_APP_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/crypto/der_element.h"
#include "proto/wire.h"

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
