/*
 * Both ends of CCID. The first byte chooses: messages and events to the reader's slot, or bytes of
 * a device to what a host judges and talks by.
 */
#include <string.h>

#include "host/lib/lib.h"
#include "host/lib/talk.h"
#include "proto/ccid.h"
#include "sim/usb/slot.h"
#include "sim/usb/usbip_wire.h"
#include "tests/fuzz/fuzz.h"

/* ------------------------------------------------------------------ the device */

struct world {
    struct slot *slot;
    size_t message_max;
    unsigned running; /* APDUs that the card has */
    uint8_t asked;    /* messages from the host */
    unsigned answered;
};

static size_t on_reset(void *arg, uint8_t atr[SLOT_ATR_MAX])
{
    struct world *w = arg;
    w->running = 0;
    memset(atr, 0x3B, SLOT_ATR_MAX);
    return w->asked & 1 ? SLOT_ATR_MAX : 0;
}

static void on_power_off(void *arg)
{
    ((struct world *)arg)->running = 0;
}

static bool on_transmit(void *arg, const uint8_t *apdu, size_t n)
{
    struct world *w = arg;
    uint8_t sum = 0;
    REQUIRE(n > 0);
    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum ^ apdu[i]);
    w->running++;
    return sum != 1;
}

static void on_emit(void *arg, const uint8_t *message, size_t n)
{
    struct world *w = arg;
    struct ccid_message m;
    REQUIRE(n <= w->message_max && ccid_get(message, n, &m) && n == CCID_HEADER + m.length);
    REQUIRE(m.type >= CCID_DATA_BLOCK && m.type <= CCID_RATE);
    REQUIRE((m.field[0] & CCID_ICC_MASK) <= CCID_ICC_ABSENT);
    w->answered++;
}

static const struct slot_ops ops = {on_reset, on_power_off, on_transmit, on_emit};

static void answer(struct world *w, size_t n)
{
    static uint8_t bytes[66000];
    if (w->running) {
        w->running--;
        slot_answer(w->slot, bytes, n);
    }
}

/* One event: its kind, two bytes of size, and what belongs to it. The bytes used. */
static size_t event(struct world *w, const uint8_t *p, size_t n)
{
    const size_t wanted = (size_t)(p[1] | p[2] << 8), left = n - 3;
    const size_t size = wanted < left ? wanted : left;
    w->asked++;
    switch (p[0] & 7) {
    case 0:
        answer(w, wanted);
        return 3;
    case 1:
        slot_abort(w->slot, p[1]);
        return 3;
    case 2:
        slot_extend(w->slot);
        return 3;
    case 3:
        slot_present(w->slot, p[1] & 1);
        if (!(p[1] & 1))
            w->running = 0;
        return 3;
    case 4:
        slot_refuse(w->slot, p + 3, size);
        return 3 + size;
    default:
        slot_receive(w->slot, p + 3, size);
        return 3 + size;
    }
}

static void device(const uint8_t *data, size_t size)
{
    static const uint32_t max[] = {USB_MESSAGE_SHORT, 300, 3072, USB_MESSAGE_EXTENDED};
    const struct usb_config config = {.level = data[0] & 4 ? CCID_LEVEL_SHORT : CCID_LEVEL_EXTENDED,
                                      .message_max = max[data[0] & 3]};
    struct world w = {.message_max = config.message_max};
    w.slot = slot_create(&config, &ops, &w);
    REQUIRE(w.slot);
    for (size_t at = 1; size - at >= 3;)
        at += event(&w, data + at, size - at);
    slot_free(w.slot);
}

/* ------------------------------------------------------------------ the host */

static void judge(const uint8_t *data, size_t size)
{
    struct ccid_message asked, m;
    if (!ccid_get(data, size, &asked))
        return;
    data += CCID_HEADER;
    size -= CCID_HEADER;
    const enum ccid_verdict v = ccid_judge(data, size, 3072, &asked, &m);
    if (v == CCID_INCOMPLETE || v == CCID_NONSENSE)
        return;
    REQUIRE(size == CCID_HEADER + m.length && size <= 3072);
    REQUIRE(v == CCID_STALE ? m.seq != asked.seq : m.seq == asked.seq);
}

static void class(const uint8_t *data, size_t size)
{
    struct ccid_class c;
    uint8_t again[CCID_CLASS_SIZE];
    if (ccid_class_get(data, size, &c)) {
        ccid_class_put(again, &c);
        REQUIRE(ccid_class_get(again, sizeof again, &c));
    }
}

/* A card whose responses come from the input: length, then bytes. It must come to an end. */
static void talk(const uint8_t *data, size_t size)
{
    static uint8_t apdu[65600];
    struct hufu_request r = {.ins = data[0]};
    struct talk t;
    const size_t command = (size_t)(data[1] | data[2] << 8) % 2000;
    REQUIRE(buffer_grow(&r.command, FRAME_HEADER + 2 + command));
    memset(r.command.data, 0, FRAME_HEADER + 2 + command);
    r.command.size = FRAME_HEADER + 2 + command;
    talk_begin(&t, &r, data[3] & 1);
    data += 4;
    size -= 4;
    for (size_t n; (n = talk_next(&t, apdu)) != 0;) {
        REQUIRE(n <= talk_room(&t) && n >= 4);
        if (size < 1)
            break;
        const size_t given = data[0] < size - 1 ? data[0] : size - 1;
        if (!talk_take(&t, data + 1, given))
            break;
        data += 1 + given;
        size -= 1 + given;
    }
    REQUIRE(r.answer.size <= TALK_LIMIT + 2);
    free(r.command.data);
    free(r.answer.data);
}

static void usbip(const uint8_t *data, size_t size)
{
    struct usbip_request r;
    if (size >= USBIP_HEADER_SIZE && usbip_request_get(data, &r))
        REQUIRE(r.command == USBIP_UNLINK || (r.endpoint & 0x7F) < 16);
    if (size >= USBIP_IMPORT_SIZE)
        usbip_import_is_ours(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 6)
        return 0;
    switch (data[0] & 7) {
    case 0:
        judge(data + 1, size - 1);
        break;
    case 1:
        class(data + 1, size - 1);
        break;
    case 2:
        talk(data + 1, size - 1);
        break;
    case 3:
        usbip(data + 1, size - 1);
        break;
    default:
        device(data + 1, size - 1);
    }
    return 0;
}
