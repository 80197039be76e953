/*
 * The card layer, in front of a device whose answers come from the input as well. Input: steps of
 *   size u8 (FF: reset, FE: little room), answer u16, APDU of that size
 * The answer's high bit gives an error instead.
 */
#include <string.h>

#include "firmware/app/device.h"
#include "proto/proto.h"
#include "tests/fuzz/fuzz.h"

enum { DATA_MAX = 600, RESET = 0xFF, LITTLE_ROOM = 0xFE };

struct device {
    uint32_t last_link;
    int open_links;
    size_t answer;
    uint16_t sw;
};

static uint32_t fake_link_open(struct device *d)
{
    d->open_links++;
    return ++d->last_link;
}

static void fake_link_close(struct device *d, uint32_t link)
{
    REQUIRE(link == d->last_link);
    d->open_links--;
}

static void fake_serve(struct device *d, struct exchange *x, size_t n)
{
    uint8_t sum = 0;
    REQUIRE(n == 1 && x->link == d->last_link && x->cla == CLA_HUFU);
    REQUIRE(x->size <= DATA_MAX && x->room <= DATA_MAX && proto_command(x->ins));
    for (size_t i = 0; i < x->size; i++)
        sum = (uint8_t)(sum ^ x->data[i]);
    x->sw = d->sw;
    x->response_size = d->answer < x->room ? d->answer : x->room;
    memset(x->response, sum, x->response_size);
}

#define device_serve      fake_serve
#define device_link_open  fake_link_open
#define device_link_close fake_link_close
#include "firmware/app/card.c"

static struct device device;
static struct card *card;
static size_t room;

static void step(const uint8_t *apdu, size_t n)
{
    static uint8_t response[DATA_MAX + 2];
    const size_t got = card_exchange(card, apdu, n, response, room);
    REQUIRE(got >= 2 && got <= room);
    const uint16_t sw = load_be16(response + got - 2);
    REQUIRE(sw >> 8 == 0x61 || sw >> 8 == 0x6C || sw == proto_status(sw)->sw);
    REQUIRE(sw >> 8 != 0x6C || got == 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t memory[2 * DATA_MAX + 256];
    struct rd r;
    uint8_t atr[CARD_ATR_MAX];
    REQUIRE(card_memory(DATA_MAX) <= sizeof memory);
    device = (struct device){0};
    card = card_create(memory, DATA_MAX, &device);
    room = DATA_MAX + 2;
    rd_init(&r, data, size);
    while (rd_left(&r) > 3) {
        const uint8_t n = rd_u8(&r);
        const uint16_t answer = rd_u16(&r);
        device.answer = answer & 0x7FFF;
        device.sw = answer & 0x8000 ? SW_WRONG_DATA : SW_OK;
        if (n == RESET)
            REQUIRE(card_reset(card, atr) == 17 && device.open_links == 1);
        else if (n == LITTLE_ROOM)
            room = 2 + answer % DATA_MAX;
        else if (n <= rd_left(&r))
            step(rd_bytes(&r, n), n);
        else
            break;
    }
    card_remove(card);
    REQUIRE(device.open_links == 0);
    for (size_t i = card_memory(0); i < card_memory(DATA_MAX); i++)
        REQUIRE(memory[i] == 0); /* nothing is left behind */
    return 0;
}
