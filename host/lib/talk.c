#include "host/lib/talk.h"

#include <string.h>

#include "host/lib/lib.h"
#include "proto/apdu.h"

enum { HEAD = FRAME_HEADER + 2, INS_GET_RESPONSE = 0xC0, APDU_OVERHEAD = 4 + 3 + 2 };

size_t talk_room(const struct talk *t)
{
    return t->lc_max + APDU_OVERHEAD;
}

static size_t command_part(struct talk *t, uint8_t *apdu)
{
    const struct hufu_request *r = t->request;
    const size_t left = r->command.size - HEAD - t->at;
    const bool last = left <= t->lc_max;
    const struct apdu a = {.cla = last ? CLA_HUFU : CLA_HUFU | CLA_CHAIN,
                           .ins = r->ins,
                           .p1 = (uint8_t)(r->channel >> 8),
                           .p2 = (uint8_t)r->channel,
                           .data = {r->command.data + HEAD + t->at, last ? left : t->lc_max},
                           .le = last ? t->le_max : 0};
    t->at += a.data.size;
    t->executing = last;
    return apdu_build(apdu, talk_room(t), &a);
}

size_t talk_next(struct talk *t, uint8_t *apdu)
{
    if (t->done)
        return 0;
    if (!t->executing)
        return command_part(t, apdu);
    const struct apdu more = {.cla = CLA_ISO, .ins = INS_GET_RESPONSE, .le = t->waits};
    return apdu_build(apdu, talk_room(t), &more);
}

static bool keep(struct buffer *b, const uint8_t *data, size_t n)
{
    if (!buffer_grow(b, b->size + n))
        return false;
    if (n)
        memcpy(b->data + b->size, data, n);
    b->size += n;
    return true;
}

static bool finish(struct talk *t, const uint8_t *response, size_t n)
{
    t->done = true;
    return keep(&t->request->answer, response, n);
}

void talk_begin(struct talk *t, struct hufu_request *r, bool extended)
{
    *t = (struct talk){.request = r,
                       .lc_max = extended ? APDU_LC_MAX : 255,
                       .le_max = extended ? APDU_LE_MAX : 256};
    r->answer.size = 0;
    /* In an APDU this is no command of the device: what it would fetch is nobody's. */
    if (r->ins == INS_GET_RESPONSE)
        finish(t, (const uint8_t[]){SW_NO_COMMAND >> 8, SW_NO_COMMAND & 0xFF}, 2);
}

/* 61xx: so many bytes wait; every step must bring some, or a lying device would hold us for ever.
 */
static bool more(struct talk *t, const uint8_t *response, size_t n, uint8_t count)
{
    if (t->waits && n == 0)
        return false;
    t->waits = count ? count : 256;
    t->corrected = false;
    return keep(&t->request->answer, response, n);
}

bool talk_take(struct talk *t, const uint8_t *response, size_t n)
{
    const size_t most = t->waits ? t->waits : t->le_max;
    if (n < 2 || n - 2 > most || t->request->answer.size + n - 2 > TALK_LIMIT)
        return false;
    const uint8_t sw1 = response[n - 2], sw2 = response[n - 1];
    if (!t->executing) /* a part of a chain: taken, or the answer to the whole command */
        return n == 2 && (sw1 == 0x90 && sw2 == 0 ? true : finish(t, response, n));
    if (sw1 == 0x61)
        return more(t, response, n - 2, sw2);
    if (sw1 == 0x6C && t->waits && n == 2 && !t->corrected) {
        t->waits = sw2 ? sw2 : 256;
        t->corrected = true;
        return true;
    }
    return finish(t, response, n);
}
