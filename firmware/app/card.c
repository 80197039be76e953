#include "firmware/app/card.h"

#include <stdbool.h>
#include <string.h>

#include "firmware/base/endian.h"
#include "firmware/base/wipe.h"
#include "proto/apdu.h"
#include "proto/proto.h"

enum {
    INS_SELECT = 0xA4,
    INS_GET_RESPONSE = 0xC0,
    SELECT_BY_NAME = 0x04,
    RID_SIZE = 5,
    INFO_ROOM = 256,
    FCI_ROOM = 128
};

/* F0: a proprietary application identifier without registration (ISO/IEC 7816-4, 12.2.3.1). */
static const uint8_t aid[] = {0xF0, 'H', 'u', 'f', 'u', 'K', 'E', 'Y', 0x01};

struct card {
    struct device *device;
    uint32_t link;
    size_t data_max;
    uint8_t *command; /* what came of a chain so far */
    uint8_t *answer;  /* the last answer */
    size_t command_size;
    size_t answer_at, answer_size; /* what of the answer is still to be fetched */
    uint16_t answer_sw;
    bool far;     /* its links leave the machine */
    bool chained; /* more parts of a chain are expected, with this header: */
    uint8_t head[4];
};

static size_t header_size(void)
{
    return (sizeof(struct card) + 15) & ~(size_t)15;
}

size_t card_memory(size_t data_max)
{
    return header_size() + 2 * data_max;
}

static uint32_t new_link(const struct card *c)
{
    return c->far ? device_link_open_far(c->device) : device_link_open(c->device);
}

struct card *card_create(void *memory, size_t data_max, struct device *d)
{
    struct card *c = memory;
    *c = (struct card){.device = d, .data_max = data_max};
    c->command = (uint8_t *)memory + header_size();
    c->answer = c->command + data_max;
    c->link = new_link(c);
    return c;
}

/* ------------------------------------------------------------------ what is kept between APDUs */

static void forget_chain(struct card *c)
{
    wipe(c->command, c->command_size);
    c->command_size = 0;
    c->chained = false;
}

static void forget_answer(struct card *c)
{
    wipe(c->answer, c->answer_size);
    c->answer_at = c->answer_size = 0;
}

void card_remove(struct card *c)
{
    forget_chain(c);
    forget_answer(c);
    if (c->link)
        device_link_close(c->device, c->link);
    c->link = 0;
}

size_t card_reset(struct card *c, uint8_t atr[CARD_ATR_MAX])
{
    card_remove(c);
    c->link = new_link(c);
    return atr_put(atr);
}

void card_leaves_machine(struct card *c)
{
    card_remove(c);
    c->far = true;
    c->link = new_link(c);
}

/* ------------------------------------------------------------------ answers */

static size_t status(uint8_t *response, size_t n, unsigned sw)
{
    store_be16(response + n, (uint16_t)sw);
    return n + 2;
}

/*
 * The next part of the answer: what the host's Le and the caller's room take. More behind it is
 * announced with 61xx (00: 256 or more) and waits for GET RESPONSE.
 */
static size_t deliver(struct card *c, uint32_t le, uint8_t *response, size_t room)
{
    size_t n = c->answer_size - c->answer_at;
    if (n > le)
        n = le;
    if (n > room - 2)
        n = room - 2;
    memcpy(response, c->answer + c->answer_at, n);
    c->answer_at += n;
    const size_t left = c->answer_size - c->answer_at;
    if (left)
        return status(response, n, 0x6100u | (left < 256 ? (unsigned)left : 0));
    forget_answer(c);
    return status(response, n, c->answer_sw);
}

static size_t get_response(struct card *c, const struct apdu *a, uint8_t *response, size_t room)
{
    const size_t left = c->answer_size - c->answer_at;
    if (a->p1 || a->p2)
        return status(response, 0, SW_WRONG_P1P2);
    if (a->data.size)
        return status(response, 0, SW_WRONG_LENGTH);
    if (!left)
        return status(response, 0, SW_WRONG_STATE);
    if (!a->le || (a->le < 256 && a->le > left))
        return status(response, 0, 0x6C00u | (left < 256 ? (unsigned)left : 0));
    return deliver(c, a->le, response, room);
}

/* ------------------------------------------------------------------ commands of the device */

/* The link of this card; opened again when there were too many links at first. 0: still too many.
 */
static uint32_t link_of(struct card *c)
{
    if (!c->link)
        c->link = new_link(c);
    return c->link;
}

/* What is to be opened is opened in the card's own memory. */
static uint8_t *room_to_open(struct card *c, const struct apdu *a, struct view data)
{
    if (a->ins != INS_CHANNEL_SEALED || !data.size)
        return NULL;
    if (data.data != c->command)
        memcpy(c->command, data.data, data.size);
    c->command_size = data.size;
    return c->command;
}

static size_t serve(struct card *c, const struct apdu *a, struct view data, uint8_t *response,
                    size_t room)
{
    struct exchange x = {.link = link_of(c),
                         .cla = CLA_HUFU,
                         .ins = a->ins,
                         .channel = (uint16_t)(a->p1 << 8 | a->p2),
                         .data = data.data,
                         .size = data.size,
                         .response = c->answer,
                         .room = c->data_max,
                         .opened = room_to_open(c, a, data)};
    if (!x.link)
        return status(response, 0, SW_TOO_MANY);
    device_serve(c->device, &x, 1);
    if (x.opened)
        forget_chain(c);
    c->answer_at = 0;
    c->answer_size = x.response_size;
    c->answer_sw = x.sw;
    return deliver(c, a->le, response, room);
}

/* Add a part to the chain; SW_OK when it fits. */
static uint16_t chain_add(struct card *c, const struct apdu *a)
{
    if (a->data.size > c->data_max - c->command_size) {
        forget_chain(c);
        return SW_CHAIN_TOO_LONG;
    }
    if (a->data.size)
        memcpy(c->command + c->command_size, a->data.data, a->data.size);
    c->command_size += a->data.size;
    return SW_OK;
}

static size_t command(struct card *c, const struct apdu *a, uint8_t *response, size_t room)
{
    if (!proto_command(a->ins))
        return status(response, 0, SW_NO_COMMAND);
    if (!c->chained && !(a->cla & CLA_CHAIN)) {
        if (a->data.size > c->data_max)
            return status(response, 0, SW_WRONG_LENGTH);
        return serve(c, a, a->data, response, room);
    }
    const uint16_t sw = chain_add(c, a);
    if (sw != SW_OK)
        return status(response, 0, sw);
    if (a->cla & CLA_CHAIN) {
        const uint8_t head[4] = {(uint8_t)(a->cla & ~CLA_CHAIN), a->ins, a->p1, a->p2};
        memcpy(c->head, head, sizeof head);
        c->chained = true;
        return status(response, 0, SW_OK);
    }
    const struct view whole = {c->command, c->command_size};
    const size_t n = serve(c, a, whole, response, room);
    forget_chain(c);
    return n;
}

/* ------------------------------------------------------------------ SELECT */

/* One element of BER-TLV; every value here is shorter than 128 bytes. */
static void put_tlv(struct wr *w, uint8_t tag, struct view v)
{
    if (v.size > 127)
        w->bad = true;
    wr_u8(w, tag);
    wr_u8(w, (uint8_t)v.size);
    wr_bytes(w, v.data, v.size);
}

/* What INFO says of the device: label and version, for the FCI. */
static bool ask_info(struct card *c, uint8_t room[INFO_ROOM], struct info_rsp *info)
{
    struct rd r;
    struct exchange x = {
        .link = link_of(c), .cla = CLA_HUFU, .ins = INS_INFO, .response = room, .room = INFO_ROOM};
    if (!x.link)
        return false;
    device_serve(c->device, &x, 1);
    rd_init(&r, room, x.response_size);
    return x.sw == SW_OK && info_rsp_get(&r, info);
}

/* File control information: 6F { 84 AID, A5 { 50 label, C1 version, C2 protocol, C3 state } } */
static size_t put_fci(struct card *c, uint8_t *out, size_t room)
{
    static const uint8_t name[] = {'H', 'u', 'f', 'u'};
    uint8_t info_bytes[INFO_ROOM], inner[FCI_ROOM], outer[FCI_ROOM];
    struct info_rsp info;
    struct wr w;

    wr_init(&w, inner, sizeof inner);
    if (ask_info(c, info_bytes, &info)) {
        const uint8_t protocol[2] = {(uint8_t)(info.protocol >> 8), (uint8_t)info.protocol};
        put_tlv(&w, 0x50, info.label.size ? info.label : (struct view){name, sizeof name});
        put_tlv(&w, 0xC1, info.version);
        put_tlv(&w, 0xC2, (struct view){protocol, sizeof protocol});
        put_tlv(&w, 0xC3, (struct view){&info.state, 1});
    } else {
        put_tlv(&w, 0x50, (struct view){name, sizeof name});
    }
    const struct view proprietary = {inner, wr_size(&w)};
    wr_init(&w, outer, sizeof outer);
    put_tlv(&w, 0x84, (struct view){aid, sizeof aid});
    put_tlv(&w, 0xA5, proprietary);
    const struct view template = {outer, wr_size(&w)};
    wr_init(&w, out, room);
    put_tlv(&w, 0x6F, template);
    return w.bad ? 0 : wr_size(&w);
}

/* The whole AID, the AID cut on the right (its RID at least), or nothing: what reset selected. */
static bool names_us(struct view name)
{
    if (name.size == 0)
        return true;
    return name.size >= RID_SIZE && name.size <= sizeof aid && !memcmp(name.data, aid, name.size);
}

/*
 * There is one application, selected from reset on, so SELECT only finds it; sessions stay.
 * Selecting anything else leaves it selected: programs that look for other cards do not disturb
 * ours.
 */
static size_t select_name(struct card *c, const struct apdu *a, uint8_t *response, size_t room)
{
    if (a->p1 <= 0x03 || a->p1 == 0x08 || a->p1 == 0x09)
        return status(response, 0, SW_NO_FILE);
    if (a->p1 != SELECT_BY_NAME || (a->p2 & ~0x0Fu))
        return status(response, 0, SW_WRONG_P1P2);
    if ((a->p2 & 0x03) || !names_us(a->data))
        return status(response, 0, SW_NO_FILE);
    if ((a->p2 & 0x0C) == 0x0C)
        return status(response, 0, SW_OK);
    c->answer_at = 0;
    c->answer_size = put_fci(c, c->answer, c->data_max);
    c->answer_sw = SW_OK;
    /* A SELECT without Le is asked by hosts that do not care for the FCI. */
    if (!a->le)
        forget_answer(c);
    return deliver(c, a->le, response, room);
}

/* ------------------------------------------------------------------ entry */

/* While a chain is open, only its next part may come. */
static bool breaks_chain(const struct card *c, const struct apdu *a)
{
    const uint8_t head[4] = {(uint8_t)(a->cla & ~CLA_CHAIN), a->ins, a->p1, a->p2};
    return c->chained && memcmp(c->head, head, sizeof head) != 0;
}

static bool is_get_response(const struct apdu *a)
{
    return (a->cla == CLA_ISO || a->cla == CLA_HUFU) && a->ins == INS_GET_RESPONSE;
}

size_t card_exchange(struct card *c, const uint8_t *apdu, size_t n, uint8_t *response, size_t room)
{
    struct apdu a;
    const bool parsed = apdu_parse(&a, apdu, n);
    if (c->chained && (!parsed || breaks_chain(c, &a))) {
        forget_chain(c);
        return status(response, 0, SW_CHAIN_BROKEN);
    }
    if (parsed && is_get_response(&a))
        return get_response(c, &a, response, room);
    forget_answer(c);
    if (!parsed)
        return status(response, 0, SW_WRONG_LENGTH);
    if ((a.cla & ~CLA_CHAIN) == CLA_HUFU)
        return command(c, &a, response, room);
    if (a.cla != CLA_ISO)
        return status(response, 0, SW_NO_CLASS);
    if (a.ins != INS_SELECT)
        return status(response, 0, SW_NO_COMMAND);
    return select_name(c, &a, response, room);
}
