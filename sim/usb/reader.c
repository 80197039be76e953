#include "sim/usb/reader.h"

#include <stdlib.h>
#include <string.h>

#include "firmware/base/wipe.h"
#include "proto/apdu.h"
#include "sim/usb/descriptors.h"
#include "sim/usb/pipe.h"
#include "sim/usb/slot.h"

enum {
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

struct reader {
    const struct usb_config *config;
    size_t packet;
    struct endpoint *out, *in, *event;
    struct slot *slot;
    struct pipe card;
    bool inserted; /* what we believe of the card */
    bool changed;  /* the host is to hear of it */

    struct message *messages, **last_message; /* for bulk IN */
    unsigned message_count;
    bool tail_owed;    /* a zero-length packet must end the message that went last */
    uint8_t *incoming; /* a message on bulk OUT */
    size_t incoming_size;
    bool overlong;
    uint8_t *answer; /* of the card: a frame */
    size_t answer_size;
};

/* ------------------------------------------------------------------ the card */

static void close_card(struct reader *r)
{
    pipe_close(&r->card);
    wipe(r->answer, r->answer_size);
    r->answer_size = 0;
}

static size_t card_reset(void *arg, uint8_t atr[SLOT_ATR_MAX])
{
    struct reader *r = arg;
    close_card(r);
    r->inserted = pipe_open(&r->card, r->config->socket);
    return r->inserted ? atr_put(atr) : 0;
}

static void card_power_off(void *arg)
{
    close_card(arg);
}

static bool card_transmit(void *arg, const uint8_t *apdu, size_t n)
{
    struct reader *r = arg;
    const struct frame f = {.length = (uint32_t)n, .flags = FRAME_APDU};
    uint8_t header[FRAME_HEADER];
    frame_put(header, &f);
    return pipe_write(&r->card, header, sizeof header) && pipe_write(&r->card, apdu, n);
}

static void set_present(struct reader *r, bool present)
{
    r->inserted = present;
    if (slot_present(r->slot, present))
        r->changed = true;
}

/* Whole answers of the card to the slot. */
static void read_card(struct reader *r)
{
    struct frame f;
    bool ended;
    pipe_work(&r->card);
    for (;;) {
        r->answer_size +=
            pipe_read(&r->card, r->answer + r->answer_size, ANSWER_MAX - r->answer_size, &ended);
        if (r->answer_size < FRAME_HEADER)
            break;
        const bool sound = frame_get(r->answer, &f) && f.length <= ANSWER_MAX - FRAME_HEADER;
        const size_t size = FRAME_HEADER + f.length;
        if (!sound) {
            close_card(r);
            set_present(r, false);
            return;
        }
        if (r->answer_size < size)
            break;
        slot_answer(r->slot, r->answer + FRAME_HEADER, f.length);
        memmove(r->answer, r->answer + size, r->answer_size - size);
        r->answer_size -= size;
        wipe(r->answer + r->answer_size, size);
    }
    if (r->card.fd >= 0 && r->card.at_end) {
        close_card(r);
        set_present(r, false);
    }
}

void reader_look_for_card(struct reader *r)
{
    struct pipe p;
    if (r->inserted || !pipe_open(&p, r->config->socket))
        return;
    pipe_close(&p);
    set_present(r, true);
}

/* ------------------------------------------------------------------ messages */

static void emit(void *arg, const uint8_t *bytes, size_t n)
{
    struct reader *r = arg;
    struct message *m = malloc(sizeof *m + n);
    if (!m)
        return;
    *m = (struct message){NULL, n, 0};
    memcpy(m->bytes, bytes, n);
    *r->last_message = m;
    r->last_message = &m->next;
    r->message_count++;
}

static const struct slot_ops slot_ops = {card_reset, card_power_off, card_transmit, emit};

static void drop_message(struct reader *r)
{
    struct message *m = r->messages;
    r->messages = m->next;
    if (!r->messages)
        r->last_message = &r->messages;
    r->message_count--;
    wipe(m->bytes, m->size);
    free(m);
}

static void drop_messages(struct reader *r)
{
    while (r->messages)
        drop_message(r);
    wipe(r->incoming, r->incoming_size);
    r->incoming_size = 0;
    r->overlong = r->tail_owed = false;
}

/* What goes into one transfer, or a part of it. */
static void fill_transfer(struct reader *r)
{
    struct usb_urb *u = r->in->first;
    struct message *m = r->messages;
    if (r->tail_owed) {
        r->tail_owed = false;
        endpoint_finish(r->in, USB_DONE);
        return;
    }
    const size_t left = m->size - m->at;
    const size_t n = left < u->length ? left : u->length;
    memcpy(u->data, m->bytes + m->at, n);
    u->actual = n;
    m->at += n;
    const bool last = n == left;
    /* a packet that does not fit into what the host has left is babble */
    const bool babble = !last && u->length % r->packet;
    if (last || babble) {
        r->tail_owed = last && n == u->length && m->size % r->packet == 0;
        drop_message(r);
    }
    endpoint_finish(r->in, babble ? USB_OVERFLOW : USB_DONE);
}

static void message_came(struct reader *r)
{
    if (r->overlong)
        slot_refuse(r->slot, r->incoming, r->incoming_size);
    else
        slot_receive(r->slot, r->incoming, r->incoming_size);
    wipe(r->incoming, r->incoming_size);
    r->incoming_size = 0;
    r->overlong = false;
}

/* A message ends with its length, or with a short packet whatever it says of itself. */
static void take_transfer(struct reader *r)
{
    struct usb_urb *u = r->out->first;
    struct ccid_message m;
    const size_t room = r->config->message_max - r->incoming_size;
    const size_t n = u->length < room ? u->length : room;
    const bool ends = u->length % r->packet != 0 || u->length == 0 || u->zero;
    if (n)
        memcpy(r->incoming + r->incoming_size, u->data, n);
    r->incoming_size += n;
    r->overlong = r->overlong || n < u->length;
    u->actual = u->length;
    endpoint_finish(r->out, USB_DONE);
    const bool whole = ccid_get(r->incoming, r->incoming_size, &m) &&
                       m.length <= r->config->message_max &&
                       r->incoming_size >= CCID_HEADER + m.length;
    if ((ends && r->incoming_size) || (whole && !r->overlong))
        message_came(r);
}

static void fill_event(struct reader *r)
{
    const uint8_t bytes[EVENT_BYTES] = {CCID_NOTIFY_SLOT_CHANGE,
                                        (uint8_t)((r->inserted ? SLOT_PRESENT : 0) | SLOT_CHANGED)};
    struct usb_urb *u = r->event->first;
    const size_t n = u->length < sizeof bytes ? u->length : sizeof bytes;
    memcpy(u->data, bytes, n);
    u->actual = n;
    r->changed = false;
    endpoint_finish(r->event, USB_DONE);
}

/* ------------------------------------------------------------------ work */

bool reader_step(struct reader *r)
{
    bool moved = false;
    read_card(r);
    if (r->out->first && r->message_count < MESSAGES_MAX) {
        take_transfer(r);
        moved = true;
    }
    if (r->in->first && (r->messages || r->tail_owed)) {
        fill_transfer(r);
        moved = true;
    }
    if (r->event->first && r->changed) {
        fill_event(r);
        moved = true;
    }
    return moved;
}

void reader_watch(struct reader *r, int epoll)
{
    pipe_watch(&r->card, epoll);
}

bool reader_waits(const struct reader *r)
{
    return slot_busy(r->slot) || !r->inserted;
}

void reader_extend(struct reader *r)
{
    if (!r->messages)
        slot_extend(r->slot);
}

void reader_abort(struct reader *r, uint8_t seq)
{
    slot_abort(r->slot, seq);
}

void reader_restart(struct reader *r)
{
    drop_messages(r);
    slot_restart(r->slot);
    r->changed = true;
}

/* ------------------------------------------------------------------ life */

struct reader *reader_create(const struct usb_config *config, struct endpoint *out,
                             struct endpoint *in, struct endpoint *event)
{
    struct reader *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    *r = (struct reader){.config = config, .out = out, .in = in, .event = event};
    r->packet = usb_packet_size(config);
    r->inserted = r->changed = true;
    r->card.fd = -1;
    r->last_message = &r->messages;
    r->slot = slot_create(config, &slot_ops, r);
    r->incoming = malloc(config->message_max);
    r->answer = malloc(ANSWER_MAX);
    if (r->slot && r->incoming && r->answer)
        return r;
    reader_free(r);
    return NULL;
}

void reader_free(struct reader *r)
{
    if (!r)
        return;
    drop_messages(r);
    close_card(r);
    slot_free(r->slot);
    free(r->incoming);
    free(r->answer);
    free(r);
}
