/*
 * Native frames: what in-process, socket and USB bulk links carry. Many may be in flight on a link;
 * an answer has the tag of its command and may overtake others.
 *
 *   length  u32  bytes after this header
 *   tag     u32  chosen by the host, echoed
 *   channel u16  the session, 0 for none (what P1 P2 are in an APDU)
 *   flags   u16  FRAME_APDU: the payload is a whole ISO 7816-4 APDU, and so is the answer
 *                FRAME_COUNTED: the tag is one more than that of the counted frame before
 *                FRAME_CHECKED: a check sum of 4 bytes ends the payload, and that of the answer
 *                FRAME_ANSWER: from the device
 *   payload      command: CLA INS data; answer: data SW1 SW2
 */
#ifndef HUFU_PROTO_FRAME_H
#define HUFU_PROTO_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/proto.h"

enum {
    FRAME_HEADER = 12,
    FRAME_PAYLOAD_MAX = LIMIT_FRAME_MAX + 2,
    FRAME_CHECK = 4,
    FRAME_APDU = 0x0001,
    FRAME_COUNTED = 0x0002,
    FRAME_CHECKED = 0x0004,
    FRAME_ANSWER = 0x8000
};

struct frame {
    uint32_t length, tag;
    uint16_t channel, flags;
};

void frame_put(uint8_t header[FRAME_HEADER], const struct frame *f);
/* false: the length is beyond FRAME_PAYLOAD_MAX (and FRAME_CHECK) or a flag is unknown; f is filled
 * in all the same. */
bool frame_get(const uint8_t header[FRAME_HEADER], struct frame *f);

/* The check sum, CRC-32 of IEEE 802.3, of header and payload, to check[4]; f->length counts it. */
void frame_check_put(const struct frame *f, const uint8_t *payload, uint8_t check[FRAME_CHECK]);
/* A whole frame: false when it is checked and damaged; else a check sum is taken off f->length. */
bool frame_check_take(struct frame *f, const uint8_t *payload);

/* The order of the counted frames on a link. */
struct frame_order {
    uint32_t next;
    bool begun;
};
/* false: a frame before this one was lost, or this one came twice or late: the link must end. */
bool frame_in_order(struct frame_order *o, const struct frame *f);

#endif
