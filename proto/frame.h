/*
 * Native frames: what in-process, socket and USB bulk links carry. Many may be in flight on a link; an
 * answer has the tag of its command and may overtake others.
 *
 *   length  u32  bytes after this header
 *   tag     u32  chosen by the host, echoed
 *   channel u16  the session, 0 for none (what P1 P2 are in an APDU)
 *   flags   u16  FRAME_APDU: the payload is a whole ISO 7816-4 APDU, and so is the answer
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
    FRAME_APDU = 0x0001,
    FRAME_ANSWER = 0x8000
};

struct frame {
    uint32_t length, tag;
    uint16_t channel, flags;
};

void frame_put(uint8_t header[FRAME_HEADER], const struct frame *f);
/* false: the length is beyond FRAME_PAYLOAD_MAX or a flag is unknown; f is filled in all the same. */
bool frame_get(const uint8_t header[FRAME_HEADER], struct frame *f);

#endif
