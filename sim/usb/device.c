#include "sim/usb/device.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "firmware/base/wipe.h"
#include "proto/apdu.h"
#include "sim/usb/descriptors.h"
#include "sim/usb/pipe.h"
#include "sim/usb/slot.h"

enum {
    ENDPOINTS = 6, /* by number; number 0 is not queued */
    MESSAGES_MAX = 8,
    ANSWER_MAX = FRAME_HEADER + APDU_LE_MAX + 2,
    EVENT_BYTES = 2,
    SLOT_PRESENT = 1,
    SLOT_CHANGED = 2
};

struct message {
    struct message *next;
    size_t size, at;
    uint8_t bytes[];
};

struct endpoint {
    struct usb_urb *first, **last;
    bool halted;
};

struct watch {
    int fd;
    uint32_t events;
};

struct usb_device {
    const struct usb_config *config;
    size_t packet;
    bool plugged, configured, working;
    uint8_t alternate; /* of the interface for frames */
    int epoll, timer;
    bool ticking;
    struct endpoint endpoint[ENDPOINTS];
    struct pipe card, frames;
    struct watch card_watch, frames_watch;

    struct slot *slot;
    struct message *messages, **last_message; /* for bulk IN */
    unsigned message_count;
    bool tail_owed;    /* a zero-length packet must end the message that went last */
    uint8_t *incoming; /* a message on bulk OUT */
    size_t incoming_size;
    bool overlong;
    uint8_t *answer; /* of the card: a frame */
    size_t answer_size;
    bool event;       /* the slot has changed */
    bool inserted;    /* what we believe of the card */
    bool frames_tail; /* as tail_owed */
    bool frames_quiet;
};

/* ------------------------------------------------------------------ endpoints */

static struct endpoint *endpoint_of(struct usb_device *d, uint8_t address)
{
    return &d->endpoint[address & 0x0F];
}

static void push(struct endpoint *e, struct usb_urb *u)
{
    u->next = NULL;
    *e->last = u;
    e->last = &u->next;
}

static struct usb_urb *pop(struct endpoint *e)
{
    struct usb_urb *u = e->first;
    e->first = u->next;
    if (!e->first)
        e->last = &e->first;
    return u;
}

static void finish(struct endpoint *e, int outcome)
{
    struct usb_urb *u = pop(e);
    u->outcome = outcome;
    u->done(u);
}

static void finish_all(struct usb_device *d, uint8_t address, int outcome)
{
    struct endpoint *e = endpoint_of(d, address);
    while (e->first)
        finish(e, outcome);
}

static void halt(struct usb_device *d, uint8_t address)
{
    endpoint_of(d, address)->halted = true;
    finish_all(d, address, USB_STALLED);
}

/* ------------------------------------------------------------------ the card */

static void stop_watching(struct watch *w)
{
    *w = (struct watch){-1, 0};
}

static void close_card(struct usb_device *d)
{
    pipe_close(&d->card);
    stop_watching(&d->card_watch);
    wipe(d->answer, d->answer_size);
    d->answer_size = 0;
}

static size_t card_reset_by_link(void *arg, uint8_t atr[SLOT_ATR_MAX])
{
    struct usb_device *d = arg;
    close_card(d);
    d->inserted = pipe_open(&d->card, d->config->socket);
    return d->inserted ? atr_put(atr) : 0;
}

static void card_power_off(void *arg)
{
    close_card(arg);
}

static bool card_transmit(void *arg, const uint8_t *apdu, size_t n)
{
    struct usb_device *d = arg;
    const struct frame f = {.length = (uint32_t)n, .flags = FRAME_APDU};
    uint8_t header[FRAME_HEADER];
    frame_put(header, &f);
    return pipe_write(&d->card, header, sizeof header) && pipe_write(&d->card, apdu, n);
}

static void emit(void *arg, const uint8_t *bytes, size_t n)
{
    struct usb_device *d = arg;
    struct message *m = malloc(sizeof *m + n);
    if (!m)
        return;
    *m = (struct message){NULL, n, 0};
    memcpy(m->bytes, bytes, n);
    *d->last_message = m;
    d->last_message = &m->next;
    d->message_count++;
}

static const struct slot_ops slot_ops = {card_reset_by_link, card_power_off, card_transmit, emit};

static void drop_message(struct usb_device *d)
{
    struct message *m = d->messages;
    d->messages = m->next;
    if (!d->messages)
        d->last_message = &d->messages;
    d->message_count--;
    wipe(m->bytes, m->size);
    free(m);
}

static void drop_messages(struct usb_device *d)
{
    while (d->messages)
        drop_message(d);
    wipe(d->incoming, d->incoming_size);
    d->incoming_size = 0;
    d->overlong = d->tail_owed = false;
}

static void set_present(struct usb_device *d, bool present)
{
    d->inserted = present;
    if (slot_present(d->slot, present))
        d->event = true;
}

/* Whole answers of the card to the slot. */
static void read_card(struct usb_device *d)
{
    struct frame f;
    bool ended;
    pipe_work(&d->card);
    for (;;) {
        d->answer_size +=
            pipe_read(&d->card, d->answer + d->answer_size, ANSWER_MAX - d->answer_size, &ended);
        if (d->answer_size < FRAME_HEADER)
            break;
        const bool sound = frame_get(d->answer, &f) && f.length <= ANSWER_MAX - FRAME_HEADER;
        const size_t size = FRAME_HEADER + f.length;
        if (!sound) {
            close_card(d);
            set_present(d, false);
            return;
        }
        if (d->answer_size < size)
            break;
        slot_answer(d->slot, d->answer + FRAME_HEADER, f.length);
        memmove(d->answer, d->answer + size, d->answer_size - size);
        d->answer_size -= size;
        wipe(d->answer + d->answer_size, size);
    }
    if (d->card.fd >= 0 && d->card.at_end) {
        close_card(d);
        set_present(d, false);
    }
}

/* ------------------------------------------------------------------ bulk: CCID */

/* What goes into one transfer, or a part of it. */
static void fill_ccid(struct usb_device *d, struct endpoint *e)
{
    struct usb_urb *u = e->first;
    struct message *m = d->messages;
    if (d->tail_owed) {
        d->tail_owed = false;
        finish(e, USB_DONE);
        return;
    }
    const size_t left = m->size - m->at;
    const size_t n = left < u->length ? left : u->length;
    memcpy(u->data, m->bytes + m->at, n);
    u->actual = n;
    m->at += n;
    const bool last = n == left;
    /* a packet that does not fit into what the host has left is babble */
    const bool babble = !last && u->length % d->packet;
    if (last || babble) {
        d->tail_owed = last && n == u->length && m->size % d->packet == 0;
        drop_message(d);
    }
    finish(e, babble ? USB_OVERFLOW : USB_DONE);
}

static void message_came(struct usb_device *d)
{
    if (d->overlong)
        slot_refuse(d->slot, d->incoming, d->incoming_size);
    else
        slot_receive(d->slot, d->incoming, d->incoming_size);
    wipe(d->incoming, d->incoming_size);
    d->incoming_size = 0;
    d->overlong = false;
}

/* A message ends with its length, or with a short packet whatever it says of itself. */
static void take_ccid(struct usb_device *d, struct endpoint *e)
{
    struct usb_urb *u = e->first;
    struct ccid_message m;
    const size_t room = d->config->message_max - d->incoming_size;
    const size_t n = u->length < room ? u->length : room;
    const bool ends = u->length % d->packet != 0 || u->length == 0 || u->zero;
    if (n)
        memcpy(d->incoming + d->incoming_size, u->data, n);
    d->incoming_size += n;
    d->overlong = d->overlong || n < u->length;
    u->actual = u->length;
    finish(e, USB_DONE);
    const bool whole = ccid_get(d->incoming, d->incoming_size, &m) &&
                       m.length <= d->config->message_max &&
                       d->incoming_size >= CCID_HEADER + m.length;
    if ((ends && d->incoming_size) || (whole && !d->overlong))
        message_came(d);
}

static void fill_event(struct usb_device *d, struct endpoint *e)
{
    const uint8_t bytes[EVENT_BYTES] = {CCID_NOTIFY_SLOT_CHANGE,
                                        (uint8_t)((d->inserted ? SLOT_PRESENT : 0) | SLOT_CHANGED)};
    struct usb_urb *u = e->first;
    const size_t n = u->length < sizeof bytes ? u->length : sizeof bytes;
    memcpy(u->data, bytes, n);
    u->actual = n;
    d->event = false;
    finish(e, USB_DONE);
}

/* ------------------------------------------------------------------ bulk: frames */

static void close_frames(struct usb_device *d)
{
    pipe_close(&d->frames);
    stop_watching(&d->frames_watch);
    d->frames_tail = false;
    for (int i = 0; i < 2; i++) {
        const uint8_t address = i ? USB_EP_FRAME_IN : USB_EP_FRAME_OUT;
        finish_all(d, address, USB_UNPLUGGED);
        endpoint_of(d, address)->halted = false;
    }
}

static bool take_frames(struct usb_device *d, struct endpoint *e)
{
    struct usb_urb *u = e->first;
    if (!pipe_writable(&d->frames))
        return false;
    if (u->length && !pipe_write(&d->frames, u->data, u->length)) {
        halt(d, USB_EP_FRAME_OUT);
        return true;
    }
    u->actual = u->length;
    finish(e, USB_DONE);
    return true;
}

static bool fill_frames(struct usb_device *d, struct endpoint *e)
{
    struct usb_urb *u = e->first;
    bool ended = d->frames_tail;
    d->frames_tail = false;
    if (!ended) {
        const size_t n = pipe_read(&d->frames, u->data + u->actual, u->length - u->actual, &ended);
        u->actual += n;
        if (n)
            d->frames_quiet = false;
    }
    if (!ended && u->actual < u->length)
        return false;
    /* a full last packet must be followed by an empty one */
    d->frames_tail = ended && u->actual == u->length && u->actual && u->actual % d->packet == 0;
    finish(e, USB_DONE);
    return true;
}

static bool move_frames(struct usb_device *d)
{
    struct endpoint *out = endpoint_of(d, USB_EP_FRAME_OUT), *in = endpoint_of(d, USB_EP_FRAME_IN);
    bool moved = false;
    if (d->frames.fd < 0)
        return false;
    pipe_work(&d->frames);
    moved = out->first && take_frames(d, out);
    moved = (in->first && fill_frames(d, in)) || moved;
    if (d->frames.at_end && d->frames.in_at == d->frames.in_size) {
        halt(d, USB_EP_FRAME_IN);
        halt(d, USB_EP_FRAME_OUT);
        pipe_close(&d->frames);
        stop_watching(&d->frames_watch);
    }
    return moved;
}

/* ------------------------------------------------------------------ time */

static bool owes_patience(const struct usb_device *d)
{
    return slot_busy(d->slot) || d->frames.waiting || !d->inserted;
}

static void set_timer(struct usb_device *d)
{
    const bool on = owes_patience(d);
    if (on == d->ticking)
        return;
    const unsigned ms = on ? d->config->patience_ms : 0;
    const struct timespec period = {ms / 1000, (long)(ms % 1000) * 1000000};
    const struct itimerspec t = {period, period};
    timerfd_settime(d->timer, 0, &t, NULL);
    d->ticking = on;
}

/* Is somebody there again? */
static void look_for_card(struct usb_device *d)
{
    struct pipe p;
    if (d->inserted || !pipe_open(&p, d->config->socket))
        return;
    pipe_close(&p);
    set_present(d, true);
}

/* A period is over. What still runs asks for more time: a message of its own on CCID, an empty
 * transfer on the link of frames. */
static void on_timer(struct usb_device *d)
{
    struct endpoint *in = endpoint_of(d, USB_EP_FRAME_IN);
    uint64_t periods;
    if (read(d->timer, &periods, sizeof periods) < 0)
        return;
    if (!d->messages)
        slot_extend(d->slot);
    if (d->frames.waiting && d->frames_quiet && in->first && !in->first->actual)
        finish(in, USB_DONE);
    d->frames_quiet = true;
    look_for_card(d);
}

/* ------------------------------------------------------------------ work */

static void watch(struct usb_device *d, const struct pipe *p, struct watch *w)
{
    const uint32_t wanted = p->fd < 0 ? 0 : pipe_interest(p);
    struct epoll_event event = {.events = wanted, .data.ptr = w};
    if (p->fd < 0 || (p->fd == w->fd && wanted == w->events))
        return;
    epoll_ctl(d->epoll, p->fd == w->fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, p->fd, &event);
    *w = (struct watch){p->fd, wanted};
}

static bool step(struct usb_device *d)
{
    struct endpoint *out = endpoint_of(d, USB_EP_CCID_OUT), *in = endpoint_of(d, USB_EP_CCID_IN),
                    *event = endpoint_of(d, USB_EP_CCID_EVENT);
    bool moved = false;
    read_card(d);
    if (out->first && d->message_count < MESSAGES_MAX) {
        take_ccid(d, out);
        moved = true;
    }
    if (in->first && (d->messages || d->tail_owed)) {
        fill_ccid(d, in);
        moved = true;
    }
    if (event->first && d->event) {
        fill_event(d, event);
        moved = true;
    }
    return move_frames(d) || moved;
}

/* done() may come back with new transfers: the outermost call takes them, too. */
static void work(struct usb_device *d)
{
    if (d->working)
        return;
    d->working = true;
    while (step(d))
        ;
    watch(d, &d->card, &d->card_watch);
    watch(d, &d->frames, &d->frames_watch);
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
    drop_messages(d);
    slot_restart(d->slot);
    close_frames(d);
    d->alternate = 0;
    for (int i = 0; i < ENDPOINTS; i++)
        d->endpoint[i].halted = false;
    d->event = true;
}

static bool set_interface(struct usb_device *d, uint16_t interface, uint16_t alternate)
{
    if (interface == USB_IF_CCID)
        return alternate == 0;
    if (interface != USB_IF_FRAMES || alternate > USB_ALT_FRAMES)
        return false;
    close_frames(d);
    d->alternate = (uint8_t)alternate;
    return !alternate || pipe_open(&d->frames, d->config->socket);
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
        halt(d, (uint8_t)s->index);
        return true;
    case CLASS_OF_INTERFACE << 8 | CCID_REQ_ABORT:
        if (s->index != USB_IF_CCID || (s->value & 0xFF))
            return false;
        slot_abort(d->slot, (uint8_t)(s->value >> 8));
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
        n = put_number(out, s->index == USB_IF_FRAMES ? d->alternate : 0, 1);
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
        return d->alternate == USB_ALT_FRAMES;
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
        push(endpoint_of(d, u->endpoint), u);
    }
    work(d);
}

bool usb_device_cancel(struct usb_device *d, struct usb_urb *u)
{
    struct endpoint *e = endpoint_of(d, u->endpoint);
    for (struct usb_urb **at = &e->first; *at; at = &(*at)->next) {
        if (*at != u)
            continue;
        *at = u->next;
        if (!*at)
            e->last = at;
        return true;
    }
    return false;
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
        finish_all(d, i, USB_UNPLUGGED);
    restart(d);
    work(d);
}

void usb_device_plug(struct usb_device *d)
{
    d->plugged = true;
    look_for_card(d);
    work(d);
}

/* ------------------------------------------------------------------ life */

static bool set_up(struct usb_device *d)
{
    struct epoll_event event = {.events = EPOLLIN};
    d->slot = slot_create(d->config, &slot_ops, d);
    d->incoming = malloc(d->config->message_max);
    d->answer = malloc(ANSWER_MAX);
    d->epoll = epoll_create1(EPOLL_CLOEXEC);
    d->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return d->slot && d->incoming && d->answer && d->epoll >= 0 && d->timer >= 0 &&
           epoll_ctl(d->epoll, EPOLL_CTL_ADD, d->timer, &event) == 0;
}

struct usb_device *usb_device_create(const struct usb_config *config)
{
    struct usb_device *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->config = config;
    d->packet = usb_packet_size(config);
    d->plugged = d->inserted = d->event = true;
    d->card.fd = d->frames.fd = d->epoll = d->timer = -1;
    stop_watching(&d->card_watch);
    stop_watching(&d->frames_watch);
    d->last_message = &d->messages;
    for (int i = 0; i < ENDPOINTS; i++)
        d->endpoint[i].last = &d->endpoint[i].first;
    if (set_up(d))
        return d;
    usb_device_free(d);
    return NULL;
}

void usb_device_free(struct usb_device *d)
{
    if (!d)
        return;
    if (d->slot && d->incoming && d->answer)
        usb_device_unplug(d);
    slot_free(d->slot);
    pipe_close(&d->card);
    pipe_close(&d->frames);
    free(d->incoming);
    free(d->answer);
    if (d->epoll >= 0)
        close(d->epoll);
    if (d->timer >= 0)
        close(d->timer);
    free(d);
}
