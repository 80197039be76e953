/*
 * Native frames over a pair of bulk endpoints, many in flight. Whoever waits handles libusb's
 * events, its own and others'; so there is no thread of ours. Commands go out one after the other;
 * two transfers are always out for answers. An empty transfer from the device says that it is still
 * at work.
 */
#include "host/lib/usb.h"

#ifdef HUFU_WITH_USB

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    READERS = 2,
    READ_ROOM = 65536, /* a multiple of every packet size */
    IN_FLIGHT_MAX = 256,
    CLOSE_MS = 2000
};

struct frames_link {
    struct transport base;
    struct usb_port port;
    pthread_mutex_t lock;                       /* what follows */
    bool broken, reading;                       /* reading: a thread handles events */
    enum hufu_status failure;                   /* of what was sent when it broke */
    struct hufu_request *unsent, **last_unsent; /* the first is on its way when sending */
    struct hufu_request *sent, **last_sent;     /* wait for their answers, oldest first */
    unsigned in_flight;
    uint32_t tag;
    bool sending;
    unsigned posted; /* transfers that libusb has */
    uint64_t heard;  /* when the device gave its last sign */
    struct libusb_transfer *out, *reader[READERS];
    struct hufu_request *current; /* whose answer is coming */
    size_t missing;
    uint8_t header[FRAME_HEADER];
    size_t header_size;
    uint8_t in[READERS][READ_ROOM];
};

/* ------------------------------------------------------------------ requests (lock held) */

static void append(struct hufu_request ***last, struct hufu_request *r)
{
    r->next = NULL;
    **last = r;
    *last = &r->next;
}

static void take_out(struct hufu_request **list, struct hufu_request ***last,
                     struct hufu_request *r)
{
    struct hufu_request **at = list;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    if (!*at)
        *last = at;
    r->next = NULL;
}

static struct hufu_request *find(struct frames_link *l, uint32_t tag)
{
    struct hufu_request *r = l->sent;
    while (r && r->tag != tag)
        r = r->next;
    return r;
}

static void complete(struct frames_link *l, struct hufu_request *r, enum hufu_status failure)
{
    l->in_flight--;
    request_complete(r, failure);
}

/* What was not handed to the bus is as if never asked; but the one that is just going out may be
 * there. */
static void fail_all(struct frames_link *l)
{
    bool on_its_way = l->sending;
    l->current = NULL;
    while (l->sent) {
        struct hufu_request *r = l->sent;
        take_out(&l->sent, &l->last_sent, r);
        complete(l, r, l->failure);
    }
    for (struct hufu_request *r = l->unsent, *next; r; r = next) {
        next = r->next;
        if (on_its_way) { /* libusb still reads its bytes: on_out ends it */
            on_its_way = false;
            continue;
        }
        take_out(&l->unsent, &l->last_unsent, r);
        complete(l, r, HUFU_E_LINK);
    }
}

static void break_link(struct frames_link *l, enum hufu_status failure, const char *why)
{
    if (l->broken)
        return;
    l->broken = true;
    l->failure = failure;
    snprintf(l->base.why, sizeof l->base.why, "%s", why);
    for (int i = 0; i < READERS; i++)
        usb.cancel_transfer(l->reader[i]);
    if (l->sending)
        usb.cancel_transfer(l->out);
    fail_all(l);
}

/* ------------------------------------------------------------------ answers (lock held) */

static void begin_answer(struct frames_link *l)
{
    struct frame f;
    const bool known = frame_get(l->header, &f);
    l->header_size = 0;
    if (!known || f.flags != FRAME_ANSWER || f.length < 2 || f.length > l->base.limit + 2) {
        break_link(l, HUFU_E_BAD_ANSWER, "an answer with an impossible header came");
        return;
    }
    struct hufu_request *r = find(l, f.tag);
    if (!r) {
        break_link(l, HUFU_E_BAD_ANSWER, "an answer came that nobody had asked for");
        return;
    }
    if (!buffer_grow(&r->answer, f.length)) {
        break_link(l, HUFU_E_UNKNOWN_OUTCOME, "there was no memory for an answer");
        return;
    }
    l->current = r;
    l->missing = f.length;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Frames go by their own lengths, wherever a transfer ends. */
static void take_bytes(struct frames_link *l, const uint8_t *bytes, size_t n)
{
    while (n && !l->broken) {
        size_t used;
        if (!l->current) {
            used = smaller(n, FRAME_HEADER - l->header_size);
            memcpy(l->header + l->header_size, bytes, used);
            l->header_size += used;
            if (l->header_size == FRAME_HEADER)
                begin_answer(l);
        } else {
            struct hufu_request *r = l->current;
            used = smaller(n, l->missing);
            memcpy(r->answer.data + r->answer.size, bytes, used);
            r->answer.size += used;
            l->missing -= used;
            if (!l->missing) {
                l->current = NULL;
                take_out(&l->sent, &l->last_sent, r);
                complete(l, r, HUFU_OK);
            }
        }
        bytes += used;
        n -= used;
    }
}

static int error_of(enum libusb_transfer_status status)
{
    switch (status) {
    case LIBUSB_TRANSFER_NO_DEVICE:
        return LIBUSB_ERROR_NO_DEVICE;
    case LIBUSB_TRANSFER_STALL:
        return LIBUSB_ERROR_PIPE;
    case LIBUSB_TRANSFER_OVERFLOW:
        return LIBUSB_ERROR_OVERFLOW;
    case LIBUSB_TRANSFER_TIMED_OUT:
        return LIBUSB_ERROR_TIMEOUT;
    default:
        return LIBUSB_ERROR_IO;
    }
}

static bool post(struct frames_link *l, struct libusb_transfer *transfer)
{
    const int error = usb.submit_transfer(transfer);
    if (error)
        break_link(l, HUFU_E_UNKNOWN_OUTCOME, usb_text(error));
    else
        l->posted++;
    return !error;
}

static void LIBUSB_CALL on_in(struct libusb_transfer *transfer)
{
    struct frames_link *l = transfer->user_data;
    const size_t n = (size_t)transfer->actual_length;
    pthread_mutex_lock(&l->lock);
    l->posted--;
    l->heard = now_ms();
    if (!l->broken && transfer->status == LIBUSB_TRANSFER_COMPLETED) {
        take_bytes(l, transfer->buffer, n);
        wipe(transfer->buffer, n);
        if (!l->broken)
            post(l, transfer);
    } else if (!l->broken) {
        const bool babble = transfer->status == LIBUSB_TRANSFER_OVERFLOW;
        break_link(l, babble ? HUFU_E_BAD_ANSWER : HUFU_E_UNKNOWN_OUTCOME,
                   usb_text(error_of(transfer->status)));
    }
    pthread_mutex_unlock(&l->lock);
}

/* ------------------------------------------------------------------ commands (lock held) */

static void LIBUSB_CALL on_out(struct libusb_transfer *transfer);

/* 0, or libusb's error: then nothing was sent. */
static int send_next(struct frames_link *l)
{
    struct hufu_request *r = l->unsent;
    if (!r || l->sending || l->broken)
        return 0;
    libusb_fill_bulk_transfer(l->out, l->port.handle, l->port.out, r->command.data,
                              (int)r->command.size, on_out, l, USB_SEND_MS);
    l->out->flags = r->command.size % l->port.packet_out ? 0 : LIBUSB_TRANSFER_ADD_ZERO_PACKET;
    const int error = usb.submit_transfer(l->out);
    if (!error) {
        l->sending = true;
        l->posted++;
    }
    return error;
}

static void LIBUSB_CALL on_out(struct libusb_transfer *transfer)
{
    struct frames_link *l = transfer->user_data;
    pthread_mutex_lock(&l->lock);
    struct hufu_request *r = l->unsent;
    const bool good = transfer->status == LIBUSB_TRANSFER_COMPLETED &&
                      transfer->actual_length == transfer->length;
    l->posted--;
    l->sending = false;
    l->heard = now_ms();
    if (l->broken) {
        take_out(&l->unsent, &l->last_unsent, r);
        complete(l, r, l->failure);
    } else {
        take_out(&l->unsent, &l->last_unsent, r);
        append(&l->last_sent, r);
        if (!good)
            break_link(l, HUFU_E_UNKNOWN_OUTCOME,
                       transfer->status == LIBUSB_TRANSFER_COMPLETED
                           ? "the device took only a part of a command"
                           : usb_text(error_of(transfer->status)));
        const int error = send_next(l);
        if (error)
            break_link(l, HUFU_E_UNKNOWN_OUTCOME, usb_text(error));
    }
    pthread_mutex_unlock(&l->lock);
}

static enum hufu_status take(struct frames_link *l, struct hufu_request *r)
{
    const struct frame f = {(uint32_t)r->command.size - FRAME_HEADER, ++l->tag, r->channel,
                            FRAME_COUNTED};
    if (l->broken)
        return fail_with(HUFU_E_LINK, "%s: the link is lost (%s): reconnect", r->device->url,
                         l->base.why);
    if (l->in_flight == IN_FLIGHT_MAX)
        return fail_with(HUFU_E_ARGUMENT, "%s: %d commands are on their way: wait for some first",
                         r->device->url, IN_FLIGHT_MAX);
    frame_put(r->command.data, &f);
    r->tag = f.tag;
    r->completed = 0;
    append(&l->last_unsent, r);
    l->in_flight++;
    const int error = send_next(l);
    if (!error)
        return HUFU_OK;
    take_out(&l->unsent, &l->last_unsent, r);
    l->in_flight--;
    break_link(l, HUFU_E_UNKNOWN_OUTCOME, usb_text(error));
    return fail_with(HUFU_E_LINK, "%s: sending failed (%s); the command was not carried out",
                     r->device->url, usb_text(error));
}

static enum hufu_status frames_submit(struct transport *t, struct hufu_request *r)
{
    struct frames_link *l = (struct frames_link *)t;
    pthread_mutex_lock(&l->lock);
    const enum hufu_status s = take(l, r);
    pthread_mutex_unlock(&l->lock);
    return s;
}

/* ------------------------------------------------------------------ waiting */

/* Handle what happens until then, or until *completed. */
static void handle_events(struct frames_link *l, uint64_t until, int *completed)
{
    const uint64_t now = now_ms(), left = until > now ? until - now : 0;
    struct timeval tv = {(time_t)(left / 1000), (suseconds_t)(left % 1000 * 1000)};
    usb.handle_events_timeout_completed(l->port.context, &tv, completed);
}

/* Lock held on entry and exit, not while events are waited for. */
static void read_events(struct frames_link *l, struct hufu_request *r, uint64_t deadline)
{
    l->reading = true;
    l->heard = now_ms();
    do {
        const uint64_t silent = l->heard + USB_SILENCE_MS;
        pthread_mutex_unlock(&l->lock);
        handle_events(l, deadline < silent ? deadline : silent, &r->completed);
        pthread_mutex_lock(&l->lock);
        if (!r->done && now_ms() >= l->heard + USB_SILENCE_MS)
            break_link(l, HUFU_E_UNKNOWN_OUTCOME, usb_text(LIBUSB_ERROR_TIMEOUT));
    } while (!r->done && now_ms() < deadline);
    l->reading = false;
}

static void sleep_for_other(struct frames_link *l, struct hufu_request *r, uint64_t deadline)
{
    struct timespec t = {(time_t)(deadline / 1000), (long)(deadline % 1000) * 1000000};
    r->waiting = true;
    pthread_cond_timedwait(&r->ready, &l->lock, &t);
    r->waiting = false;
}

/* Somebody who sleeps shall handle the events now. */
static void hand_over(struct frames_link *l)
{
    struct hufu_request *r = l->sent;
    while (r && !r->waiting)
        r = r->next;
    for (r = r ? r : l->unsent; r && !r->waiting;)
        r = r->next;
    if (r && !l->reading)
        pthread_cond_signal(&r->ready);
}

static bool frames_wait(struct transport *t, struct hufu_request *r, uint64_t deadline)
{
    struct frames_link *l = (struct frames_link *)t;
    bool late = false;
    pthread_mutex_lock(&l->lock);
    while (!r->done && !late) {
        if (!l->reading)
            read_events(l, r, deadline);
        else if (deadline)
            sleep_for_other(l, r, deadline);
        late = now_ms() >= deadline;
    }
    const bool done = r->done;
    hand_over(l);
    pthread_mutex_unlock(&l->lock);
    return done;
}

static bool frames_abandon(struct transport *t, struct hufu_request *r)
{
    struct frames_link *l = (struct frames_link *)t;
    return request_orphan(r, &l->lock);
}

/* ------------------------------------------------------------------ open, close */

/* true: libusb has nothing of ours any more. */
static bool drain(struct frames_link *l)
{
    const uint64_t end = now_ms() + CLOSE_MS;
    pthread_mutex_lock(&l->lock);
    break_link(l, HUFU_E_LINK, "closed");
    while (l->posted && now_ms() < end) {
        pthread_mutex_unlock(&l->lock);
        handle_events(l, now_ms() + 50, NULL);
        pthread_mutex_lock(&l->lock);
    }
    const bool idle = l->posted == 0;
    pthread_mutex_unlock(&l->lock);
    return idle;
}

static void frames_close(struct transport *t)
{
    struct frames_link *l = (struct frames_link *)t;
    if (!drain(l))
        return; /* a bus that gives nothing back: better lose the memory than have it written to */
    for (int i = 0; i < READERS; i++)
        usb.free_transfer(l->reader[i]);
    usb.free_transfer(l->out);
    usb_port_close(&l->port); /* the kernel goes back to setting 0, which ends the link */
    pthread_mutex_destroy(&l->lock);
    wipe(l->in, sizeof l->in);
    free(l);
}

static const struct transport_ops frames_ops = {
    "usb", "", NULL, frames_submit, frames_wait, frames_abandon, frames_close};

/* The setting with the endpoints begins a new link in the device. */
static enum hufu_status start(struct frames_link *l)
{
    struct usb_port *p = &l->port;
    int error = usb.set_interface_alt_setting(p->handle, p->interface, p->alternate);
    if (error ==
        LIBUSB_ERROR_NO_DEVICE) { /* libusb 1.0.26 has kept its lock: closing would abort */
        p->handle = NULL;
        p->context = NULL;
    }
    if (error)
        return fail_with(HUFU_E_OPEN, "%s: the device begins no link: %s", p->url, usb_text(error));
    for (int i = 0; i < READERS && !error; i++) {
        libusb_fill_bulk_transfer(l->reader[i], p->handle, p->in, l->in[i], READ_ROOM, on_in, l, 0);
        error = usb.submit_transfer(l->reader[i]);
        l->posted += !error;
    }
    return error ? fail_with(HUFU_E_OPEN, "%s: the device cannot be read: %s", p->url,
                             usb_text(error))
                 : HUFU_OK;
}

enum hufu_status usb_frames_attach(struct transport **t, const struct usb_port *port)
{
    struct usb_port own = *port;
    struct frames_link *l = calloc(1, sizeof *l);
    if (!l) {
        usb_port_close(&own);
        return fail_with(HUFU_E_MEMORY, "%s: no memory for a link", own.url);
    }
    l->base.ops = &frames_ops;
    l->base.limit = LIMIT_FRAME_MAX;
    l->port = own;
    l->last_unsent = &l->unsent;
    l->last_sent = &l->sent;
    pthread_mutex_init(&l->lock, NULL);
    l->out = usb.alloc_transfer(0);
    bool memory = l->out != NULL;
    for (int i = 0; i < READERS; i++) {
        l->reader[i] = usb.alloc_transfer(0);
        memory = memory && l->reader[i];
    }
    l->broken = !memory; /* then there is nothing to call back */
    const enum hufu_status s =
        memory ? start(l) : fail_with(HUFU_E_MEMORY, "%s: no memory for a link", own.url);
    if (s)
        frames_close(&l->base);
    else
        *t = &l->base;
    return s;
}

#endif
