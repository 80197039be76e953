/* Command and response APDUs of ISO 7816-4, short and extended. */
#ifndef HUFU_PROTO_APDU_H
#define HUFU_PROTO_APDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/wire.h"

enum { APDU_LC_MAX = 65535, APDU_LE_MAX = 65536 };
enum { APDU_COMMAND_MAX = 4 + 3 + APDU_LC_MAX + 3, ATR_MAX = 33 };

struct apdu {
    uint8_t cla, ins, p1, p2;
    struct view data;
    uint32_t le;    /* bytes that the host takes: 0 for none, up to 65536 */
    bool extended;
};

/* All seven cases of ISO 7816-4; also three Le bytes after extended data, which some hosts send.
 * false: no APDU. */
bool apdu_parse(struct apdu *a, const uint8_t *bytes, size_t n);
/* The shortest form, or the extended one when a->extended is set or a length needs it. 0: no room
 * or out of range. */
size_t apdu_build(uint8_t *out, size_t room, const struct apdu *a);
/* The answer to reset of every Hufu device (docs/protocol-links.md); its size. */
size_t atr_put(uint8_t atr[ATR_MAX]);

#endif
