#include "sim/usb/device.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "proto/ccid.h"
#include "sim/usb/descriptors.h"
#include "sim/usb/frames.h"
#include "sim/usb/reader.h"

enum { ENDPOINTS = 6 /* by number; number 0 is not queued */ };

struct usb_device {
    const struct usb_config *config;
    bool plugged, configured, working;
    int epoll, timer;
    bool ticking;
    struct endpoint endpoint[ENDPOINTS];
    struct reader *reader;
    struct frames frames;
};

static struct endpoint *endpoint_of(struct usb_device *d, uint8_t address)
{
    return &d->endpoint[address & 0x0F];
}

/* ------------------------------------------------------------------ work */

static void set_timer(struct usb_device *d)
{
    const bool on = reader_waits(d->reader) || d->frames.pipe.waiting;
    if (on == d->ticking)
        return;
    const unsigned ms = on ? d->config->patience_ms : 0;
    const struct timespec period = {ms / 1000, (long)(ms % 1000) * 1000000};
    const struct itimerspec t = {period, period};
    timerfd_settime(d->timer, 0, &t, NULL);
    d->ticking = on;
}

/* A period is over. */
static void on_timer(struct usb_device *d)
{
    uint64_t periods;
    if (read(d->timer, &periods, sizeof periods) < 0)
        return;
    reader_extend(d->reader);
    frames_extend(&d->frames);
    reader_look_for_card(d->reader);
}

static bool step(struct usb_device *d)
{
    const bool moved = reader_step(d->reader);
    return frames_step(&d->frames) || moved;
}

/* done() may come back with new transfers: the outermost call takes them, too. */
static void work(struct usb_device *d)
{
    if (d->working)
        return;
    d->working = true;
    while (step(d))
        ;
    reader_watch(d->reader, d->epoll);
    pipe_watch(&d->frames.pipe, d->epoll);
    set_timer(d);
    d->working = false;
}

void usb_device_work(struct usb_device *d)
{
    on_timer(d);
    work(d);
}

int usb_device_fd(const struct usb_device *d)
{
    return d->epoll;
}

/* ------------------------------------------------------------------ control */

enum {
    REQ_GET_STATUS = 0,
    REQ_CLEAR_FEATURE = 1,
    REQ_SET_FEATURE = 3,
    REQ_SET_ADDRESS = 5,
    REQ_GET_DESCRIPTOR = 6,
    REQ_GET_CONFIGURATION = 8,
    REQ_SET_CONFIGURATION = 9,
    REQ_GET_INTERFACE = 10,
    REQ_SET_INTERFACE = 11,
    TO_DEVICE = 0x00,
    TO_INTERFACE = 0x01,
    TO_ENDPOINT = 0x02,
    CLASS_OF_INTERFACE = 0x21,
    FROM = 0x80,
    NONE = -1
};

static void restart(struct usb_device *d)
{
    reader_restart(d->reader);
    frames_close(&d->frames);
    for (int i = 0; i < ENDPOINTS; i++)
        d->endpoint[i].halted = false;
}

static bool set_interface(struct usb_device *d, uint16_t interface, uint16_t alternate)
{
    if (interface == USB_IF_FRAMES)
        return frames_choose(&d->frames, alternate);
    return interface == USB_IF_CCID && alternate == 0;
}

static bool clear_halt(struct usb_device *d, uint16_t address)
{
    if ((address & 0x0F) >= ENDPOINTS)
        return false;
    endpoint_of(d, (uint8_t)address)->halted = false;
    return true;
}

/* A request without data for the host. */
static bool control_out(struct usb_device *d, const struct usb_setup *s)
{
    switch (s->type << 8 | s->request) {
    case TO_DEVICE << 8 | REQ_SET_ADDRESS:
        return true;
    case TO_DEVICE << 8 | REQ_SET_CONFIGURATION:
        if (s->value > USB_CONFIGURATION)
            return false;
        restart(d);
        d->configured = s->value == USB_CONFIGURATION;
        return true;
    case TO_INTERFACE << 8 | REQ_SET_INTERFACE:
        return set_interface(d, s->index, s->value);
    case TO_ENDPOINT << 8 | REQ_CLEAR_FEATURE:
        return s->value == 0 && clear_halt(d, s->index);
    case TO_ENDPOINT << 8 | REQ_SET_FEATURE:
        if (s->value || (s->index & 0x0F) >= ENDPOINTS || !(s->index & 0x0F))
            return false;
        endpoint_halt(endpoint_of(d, (uint8_t)s->index));
        return true;
    case CLASS_OF_INTERFACE << 8 | CCID_REQ_ABORT:
        if (s->index != USB_IF_CCID || (s->value & 0xFF))
            return false;
        reader_abort(d->reader, (uint8_t)(s->value >> 8));
        return true;
    default:
        return false;
    }
}

static size_t put_number(uint8_t *out, uint32_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(v >> 8 * i);
    return n;
}

/* A request for data: how many bytes there are; NONE: no such thing. */
static int control_in(struct usb_device *d, const struct usb_setup *s,
                      uint8_t out[USB_DESCRIPTORS_MAX])
{
    size_t n = 0;
    switch (s->type << 8 | s->request) {
    case (FROM | TO_DEVICE) << 8 | REQ_GET_DESCRIPTOR:
        n = usb_describe(d->config, s->value, out);
        break;
    case (FROM | TO_DEVICE) << 8 | REQ_GET_CONFIGURATION:
        n = put_number(out, d->configured ? USB_CONFIGURATION : 0, 1);
        break;
    case (FROM | TO_INTERFACE) << 8 | REQ_GET_INTERFACE:
        n = put_number(out, s->index == USB_IF_FRAMES ? d->frames.alternate : 0, 1);
        break;
    case (FROM | TO_DEVICE) << 8 | REQ_GET_STATUS:
    case (FROM | TO_INTERFACE) << 8 | REQ_GET_STATUS:
        n = put_number(out, 0, 2);
        break;
    case (FROM | TO_ENDPOINT) << 8 | REQ_GET_STATUS:
        if ((s->index & 0x0F) < ENDPOINTS)
            n = put_number(out, endpoint_of(d, (uint8_t)s->index)->halted, 2);
        break;
    case (FROM | CLASS_OF_INTERFACE) << 8 | CCID_REQ_CLOCKS:
        n = put_number(out, 4000, 4);
        break;
    case (FROM | CLASS_OF_INTERFACE) << 8 | CCID_REQ_RATES:
        n = put_number(out, 10752, 4);
        break;
    default:
        break;
    }
    return n ? (int)n : NONE;
}

static void control(struct usb_device *d, struct usb_urb *u)
{
    const uint8_t *b = u->setup;
    const struct usb_setup s = {b[0], b[1], (uint16_t)(b[2] | b[3] << 8),
                                (uint16_t)(b[4] | b[5] << 8), (uint16_t)(b[6] | b[7] << 8)};
    uint8_t bytes[USB_DESCRIPTORS_MAX];
    u->outcome = USB_DONE;
    if (s.type & FROM) {
        const int there = control_in(d, &s, bytes);
        size_t n = there < 0 ? 0 : (size_t)there;
        n = n < s.length ? n : s.length;
        u->actual = n < u->length ? n : u->length;
        memcpy(u->data, bytes, u->actual);
        u->outcome = there < 0 ? USB_STALLED : USB_DONE;
    } else if (!control_out(d, &s)) {
        u->outcome = USB_STALLED;
    } else {
        u->actual = u->length;
    }
    u->done(u);
}

/* ------------------------------------------------------------------ transfers */

static bool is_there(const struct usb_device *d, uint8_t address)
{
    switch (address) {
    case USB_EP_CCID_OUT:
    case USB_EP_CCID_IN:
    case USB_EP_CCID_EVENT:
        return true;
    case USB_EP_FRAME_OUT:
    case USB_EP_FRAME_IN:
        return d->frames.alternate == USB_ALT_FRAMES;
    default:
        return false;
    }
}

void usb_device_submit(struct usb_device *d, struct usb_urb *u)
{
    u->actual = 0;
    if (!d->plugged) {
        u->outcome = USB_UNPLUGGED;
        u->done(u);
        return;
    }
    if (!(u->endpoint & 0x0F)) {
        control(d, u);
    } else if (!is_there(d, u->endpoint) || endpoint_of(d, u->endpoint)->halted) {
        u->outcome = USB_STALLED;
        u->done(u);
    } else {
        endpoint_push(endpoint_of(d, u->endpoint), u);
    }
    work(d);
}

bool usb_device_cancel(struct usb_device *d, struct usb_urb *u)
{
    return endpoint_cancel(endpoint_of(d, u->endpoint), u);
}

void usb_device_reset(struct usb_device *d)
{
    restart(d);
    work(d);
}

void usb_device_unplug(struct usb_device *d)
{
    d->plugged = false;
    for (uint8_t i = 1; i < ENDPOINTS; i++)
        endpoint_finish_all(endpoint_of(d, i), USB_UNPLUGGED);
    restart(d);
    work(d);
}

void usb_device_plug(struct usb_device *d)
{
    d->plugged = true;
    reader_look_for_card(d->reader);
    work(d);
}

/* ------------------------------------------------------------------ life */

static bool set_up(struct usb_device *d)
{
    struct epoll_event event = {.events = EPOLLIN};
    d->reader = reader_create(d->config, endpoint_of(d, USB_EP_CCID_OUT),
                              endpoint_of(d, USB_EP_CCID_IN), endpoint_of(d, USB_EP_CCID_EVENT));
    d->epoll = epoll_create1(EPOLL_CLOEXEC);
    d->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return d->reader && d->epoll >= 0 && d->timer >= 0 &&
           epoll_ctl(d->epoll, EPOLL_CTL_ADD, d->timer, &event) == 0;
}

struct usb_device *usb_device_create(const struct usb_config *config)
{
    struct usb_device *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->config = config;
    d->plugged = true;
    d->epoll = d->timer = -1;
    for (int i = 0; i < ENDPOINTS; i++)
        endpoint_start(&d->endpoint[i]);
    frames_start(&d->frames, config, endpoint_of(d, USB_EP_FRAME_OUT),
                 endpoint_of(d, USB_EP_FRAME_IN));
    if (set_up(d))
        return d;
    usb_device_free(d);
    return NULL;
}

void usb_device_free(struct usb_device *d)
{
    if (!d)
        return;
    if (d->reader)
        usb_device_unplug(d);
    reader_free(d->reader);
    if (d->epoll >= 0)
        close(d->epoll);
    if (d->timer >= 0)
        close(d->timer);
    free(d);
}
