/*
 * One device in static memory and one host. Over the FIFOs go native frames (proto/frame.h), of
 * both kinds; the image speaks first, with an answer to nobody that holds "HUFU". An empty frame
 * means that the program on the other side has gone: its sessions end and a new link begins.
 */
#include "firmware/ports/qemu/main.h"

#include <stdbool.h>
#include <string.h>

#include "firmware/app/card.h"
#include "firmware/app/device.h"
#include "firmware/base/endian.h"
#include "firmware/ports/qemu/board.h"
#include "firmware/ports/qemu/meter.h"
#include "firmware/ports/qemu/semihost.h"
#include "firmware/ports/qemu/uart.h"
#include "proto/frame.h"
#include "proto/wire.h"

enum {
    FRAME = 4096,    /* bytes of data in a command or answer */
    APDU_AROUND = 9, /* header, extended Lc and Le */
    CARD_MEMORY = 64 + 2 * FRAME
};

static const struct device_config config = {.objects_max = 64,
                                            .log_max = 64,
                                            .sessions_max = 2,
                                            .tickets_max = 1,
                                            .frame_max = FRAME,
                                            .port = board_name};

static struct {
    struct hal hal;
    struct device *device;
    struct card *card;
    uint32_t link;
    bool trace; /* the file "trace" was there at boot: each command is told with its costs */
    _Alignas(16) uint8_t card_memory[CARD_MEMORY];
    uint8_t command[FRAME_HEADER + APDU_AROUND + FRAME];
    uint8_t answer[FRAME_HEADER + FRAME + 2 + FRAME_CHECK];
    struct frame_order order;
    bool deaf; /* a frame was lost, came twice or was damaged: silence until the next link */
} image;

/* What the image leaves of the RAM: the device takes what it needs. */
extern uint8_t heap_begin[], heap_end[]; /* of the linker script */

/* ---------------------------------------------------------------- one frame */

static size_t serve_native(const struct frame *f, uint8_t *answer)
{
    const uint8_t *payload = image.command + FRAME_HEADER;
    struct exchange x = {.link = image.link,
                         .cla = payload[0],
                         .ins = payload[1],
                         .channel = f->channel,
                         .data = payload + 2,
                         .size = f->length - 2,
                         .opened = image.command + FRAME_HEADER + 2,
                         .response = answer,
                         .room = FRAME};
    device_serve(image.device, &x, 1);
    store_be16(answer + x.response_size, x.sw);
    return x.response_size + 2;
}

static size_t only_status(uint8_t *answer, uint16_t sw)
{
    store_be16(answer, sw);
    return 2;
}

/* The host's program has gone. */
static size_t relink(void)
{
    uint8_t atr[CARD_ATR_MAX];
    device_link_close(image.device, image.link);
    image.link = device_link_open(image.device);
    card_reset(image.card, atr);
    image.order.begun = image.deaf = false;
    return 0;
}

static size_t serve(const struct frame *f, bool whole, uint8_t *answer)
{
    if (!whole)
        return only_status(answer, SW_WRONG_LENGTH);
    if (f->length == 0)
        return relink();
    if (f->flags & FRAME_APDU)
        return card_exchange(image.card, image.command + FRAME_HEADER, f->length, answer,
                             FRAME + 2);
    return f->length < 2 ? only_status(answer, SW_WRONG_LENGTH) : serve_native(f, answer);
}

static int send(const struct frame *to, size_t n)
{
    const struct hal_link *link = &image.hal.link;
    const bool checked = to->flags & FRAME_CHECKED;
    const struct frame f = {(uint32_t)(n + (checked ? FRAME_CHECK : 0)), to->tag, to->channel,
                            (uint16_t)(FRAME_ANSWER | (to->flags & (FRAME_APDU | FRAME_CHECKED)))};
    frame_put(image.answer, &f);
    if (checked)
        frame_check_put(&f, image.answer + FRAME_HEADER, image.answer + FRAME_HEADER + n);
    return link->send(link->ctx, image.answer, FRAME_HEADER + f.length);
}

/* ---------------------------------------------------------------- words */

static void tell(const char *what, uint64_t n)
{
    uart_text(what);
    uart_number(n);
}

static void trace(size_t size, uint64_t ticks)
{
    const uint8_t *payload = image.command + FRAME_HEADER;
    tell("command ", size > FRAME_HEADER + 1 ? payload[1] : 0);
    tell(" bytes ", size - FRAME_HEADER);
    tell(" ticks ", ticks);
    tell(" stack ", meter_stack());
    uart_text("\n");
}

static void tell_view(const char *what, struct view text)
{
    uart_text(what);
    uart_bytes(text.data, text.size);
}

static void tell_device(void)
{
    static const char *const states[] = {"?", "BLANK", "LOCKED", "READY", "FAILED", "TERMINATED"};
    struct exchange x = {.cla = CLA_HUFU, .ins = INS_INFO, .response = image.answer, .room = FRAME};
    struct info_rsp info;
    struct rd r;
    const uint8_t state = device_state(image.device);
    device_serve(image.device, &x, 1);
    rd_init(&r, x.response, x.response_size);
    if (x.sw != SW_OK || !info_rsp_get(&r, &info))
        return;
    tell_view("hufu ", info.version);
    tell_view(" on ", info.port);
    tell_view(", engine ", info.engine);
    uart_text(", self-tests ");
    uart_text(state == STATE_FAILED ? "or memory FAILED: " : "passed");
    uart_bytes(info.failure.data, info.failure.size);
    uart_text(", state ");
    uart_text(states[state < sizeof states / sizeof *states ? state : 0]);
    tell(", boot ", info.boots);
    uart_text("\n");
    tell("memory ", device_memory(&config, &image.hal));
    tell(" of ", (uint64_t)(heap_end - heap_begin));
    tell(", stack ", meter_stack());
    tell(" of ", meter_stack_room());
    tell(", boot ticks ", board_ticks());
    uart_text("\n");
}

/* ---------------------------------------------------------------- from start to end */

static int boot(void)
{
    if (qemu_open(&image.hal)) {
        uart_text("setup: cannot open nvm or /dev/urandom on the host\n");
        return -1;
    }
    const size_t memory = device_memory(&config, &image.hal);
    if (memory > (size_t)(heap_end - heap_begin) || card_memory(FRAME) > sizeof image.card_memory) {
        tell("setup: the device wants bytes of memory: ", memory);
        tell(", the card: ", card_memory(FRAME));
        uart_text("\n");
        return -1;
    }
    image.device = device_create(heap_begin, &config, &image.hal);
    image.card = card_create(image.card_memory, FRAME, image.device);
    image.link = device_link_open(image.device);
    return 0;
}

static int hello(void)
{
    static const struct frame nobody = {0};
    memcpy(image.answer + FRAME_HEADER, "HUFU", 4);
    return qemu_link_open(&image.hal) ? -1 : send(&nobody, 4);
}

static void serve_host(void)
{
    const struct hal_link *link = &image.hal.link;
    struct frame f;
    for (size_t n;;) {
        const bool whole = !link->receive(link->ctx, image.command, sizeof image.command, &n);
        if (n == 0)
            return;
        frame_get(image.command, &f);
        image.deaf |= !frame_in_order(&image.order, &f) ||
                      (whole && !frame_check_take(&f, image.command + FRAME_HEADER));
        if (image.deaf && n > FRAME_HEADER)
            continue;
        if (image.trace)
            meter_paint();
        const uint64_t before = board_ticks();
        const size_t size = serve(&f, whole, image.answer + FRAME_HEADER);
        if (image.trace)
            trace(n, board_ticks() - before);
        if (send(&f, size))
            return;
    }
}

unsigned image_main(void)
{
    board_open();
    meter_paint();
    if (boot())
        return EXIT_SETUP;
    tell_device();
    image.trace = semihost_open("trace", SEMIHOST_READ) >= 0;
    if (hello()) {
        uart_text(
            "link: no FIFOs to-device and from-device and no second UART; nothing to serve\n");
        return EXIT_DONE;
    }
    serve_host();
    device_stop(image.device);
    return EXIT_DONE;
}
