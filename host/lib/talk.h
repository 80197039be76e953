/*
 * One command as a talk of ISO 7816-4 APDUs, for links that carry nothing else (PC/SC, CCID):
 * command chaining where a command is longer than an APDU may be, GET RESPONSE where an answer is.
 * No I/O.
 *
 *     talk_begin(&t, request, limits);
 *     while ((n = talk_next(&t, apdu, room)) != 0 && exchange(...) && talk_take(&t, response,
 * size))
 *         ;
 */
#ifndef HUFU_HOST_TALK_H
#define HUFU_HOST_TALK_H

#include "host/lib/transport.h"

enum {
    TALK_LIMIT = 65535
}; /* transport.limit of such a link: bytes of a whole command or answer */

struct talk {
    struct hufu_request *request;
    uint32_t lc_max, le_max;
    size_t at;      /* bytes of the command's data that were sent */
    uint32_t waits; /* bytes that GET RESPONSE shall ask for; 0: none yet */
    bool corrected; /* by 6Cxx, which a device may say once */
    bool executing; /* the last part of the command was given out: it may be carried out */
    bool done;      /* request->answer is whole */
};

/* extended: the way takes extended APDUs; else 255 bytes go there and 256 come back at once. */
void talk_begin(struct talk *t, struct hufu_request *r, bool extended);
/* Bytes that every APDU of such a talk fits into. */
size_t talk_room(const struct talk *t);
/* The next APDU to send, talk_room bytes at most; 0: the answer is whole. */
size_t talk_next(struct talk *t, uint8_t *apdu);
/* A response, status word included. false: it makes no sense, or there is no memory for it. */
bool talk_take(struct talk *t, const uint8_t *response, size_t n);

#endif
