/*
 * APDUs through a CCID reader, one at a time. Whoever waits and finds nobody inside does the next
 * steps, for its own command or others'; a step that time cuts short goes on where it was.
 * Everything that does not fit the specification ends the link: nothing is sent twice.
 */
#include "host/lib/usb.h"

#ifdef HUFU_WITH_USB

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/lib/talk.h"
#include "proto/apdu.h"

enum {
    ANSWER_ROOM = APDU_LE_MAX + 2,
    FLUSH_MS = 20, /* for what a host before us left in the reader */
    FLUSH_MAX = 64,
    OPEN_MS = 5000,
    CLOSE_MS = 3000,
    ATR_MOST = 33
};

enum phase { NEXT_APDU, SEND, READ };

struct ccid_link {
    struct transport base;
    struct usb_port port;
    pthread_mutex_t lock; /* what follows */
    bool inside;          /* a thread is: it has all that is below the queue */
    bool broken;
    struct hufu_request *first, **last; /* the first is being worked on */

    enum phase phase;
    bool begun; /* the talk of the first */
    struct talk talk;
    bool extended;
    uint8_t seq;
    struct ccid_message asked;
    size_t message_max, part; /* bytes of a message, and of an APDU in it */
    uint8_t *apdu, *message, *in, *answer;
    size_t apdu_size, apdu_at, in_size, in_room, answer_size;
    uint64_t heard;
};

/* How a step ended. */
enum step { STEP_ON, STEP_LATE, STEP_BROKEN };

/* ------------------------------------------------------------------ the end of a request */

/* Lock held. */
static void complete(struct ccid_link *l, struct hufu_request *r, enum hufu_status failure)
{
    l->first = r->next;
    if (!l->first)
        l->last = &l->first;
    r->next = NULL;
    request_complete(r, failure);
}

/* With the lock not held. */
static enum step break_link(struct ccid_link *l, enum hufu_status failure, const char *why)
{
    pthread_mutex_lock(&l->lock);
    if (!l->broken) {
        l->broken = true;
        snprintf(l->base.why, sizeof l->base.why, "%s", why);
        if (failure == HUFU_E_UNKNOWN_OUTCOME && !(l->begun && l->talk.executing))
            failure = HUFU_E_LINK; /* the device never had the whole command */
        if (l->begun && l->first)
            complete(l, l->first, failure);
        while (l->first)
            complete(l, l->first, HUFU_E_LINK);
        l->begun = false;
    }
    pthread_mutex_unlock(&l->lock);
    return STEP_BROKEN;
}

/* ------------------------------------------------------------------ messages */

static int left_ms(uint64_t until)
{
    const uint64_t now = now_ms();
    return until <= now ? 1 : until - now < 1000000 ? (int)(until - now) : 1000000;
}

/* Write l->message. libusb's error; what was cut short is an error, too. */
static int send_message(struct ccid_link *l, uint8_t type, uint16_t level, uint8_t first,
                        const uint8_t *data, size_t n)
{
    int sent = 0;
    l->asked = (struct ccid_message){
        .type = type, .length = (uint32_t)n, .seq = l->seq++, .field = {first, 0, 0}};
    ccid_set_level(&l->asked, level);
    ccid_put(l->message, &l->asked);
    if (n)
        memcpy(l->message + CCID_HEADER, data, n);
    const int size = (int)(CCID_HEADER + n);
    int error =
        usb.bulk_transfer(l->port.handle, l->port.out, l->message, size, &sent, USB_SEND_MS);
    if (!error && sent < size)
        error = LIBUSB_ERROR_IO;
    wipe(l->message, (size_t)size);
    l->in_size = 0;
    l->heard = now_ms();
    return error;
}

/* Read more of the answer until then. 0, or libusb's error. */
static int read_more(struct ccid_link *l, uint64_t until)
{
    int n = 0;
    const size_t room = (l->in_room - l->in_size) / l->port.packet_in * l->port.packet_in;
    const int error = usb.bulk_transfer(l->port.handle, l->port.in, l->in + l->in_size, (int)room,
                                        &n, (unsigned)left_ms(until));
    l->in_size += (size_t)n;
    return error == LIBUSB_ERROR_TIMEOUT && n > 0 ? 0 : error;
}

static void drop_in(struct ccid_link *l)
{
    wipe(l->in, l->in_size);
    l->in_size = 0;
}

/* ------------------------------------------------------------------ the steps of a talk */

static enum step next_apdu(struct ccid_link *l)
{
    if (!l->begun) {
        talk_begin(&l->talk, l->first, l->extended);
        l->begun = true;
    }
    l->apdu_size = talk_next(&l->talk, l->apdu);
    l->apdu_at = l->answer_size = 0;
    if (l->apdu_size) {
        l->phase = SEND;
        return STEP_ON;
    }
    pthread_mutex_lock(&l->lock);
    l->begun = false;
    complete(l, l->first, HUFU_OK);
    pthread_mutex_unlock(&l->lock);
    return STEP_ON;
}

static uint16_t level_of(bool first, bool last)
{
    return first ? (last ? CCID_WHOLE : CCID_FIRST) : (last ? CCID_LAST : CCID_MIDDLE);
}

/* The next part of the APDU; without one, a request for the next part of the answer. */
static enum step send_part(struct ccid_link *l)
{
    const size_t left = l->apdu_size - l->apdu_at, n = left < l->part ? left : l->part;
    const uint16_t level = left ? level_of(l->apdu_at == 0, n == left) : CCID_CONTINUE;
    const int error = send_message(l, CCID_XFR_BLOCK, level, 0, l->apdu + l->apdu_at, n);
    if (error)
        return break_link(l, HUFU_E_UNKNOWN_OUTCOME, usb_text(error));
    l->apdu_at += n;
    if (l->apdu_at == l->apdu_size)
        wipe(l->apdu, l->apdu_size);
    l->phase = READ;
    return STEP_ON;
}

static enum step nonsense(struct ccid_link *l, const char *why)
{
    return break_link(l, HUFU_E_BAD_ANSWER, why);
}

/* A part of the answer, or the wish for more of the command. */
static enum step take_block(struct ccid_link *l, const struct ccid_message *m)
{
    const uint8_t chain = l->extended ? m->field[2] : CCID_WHOLE;
    const bool more_command = l->apdu_at<l->apdu_size, started = l->answer_size> 0;
    if (more_command || chain == CCID_CONTINUE) {
        if (!more_command || chain != CCID_CONTINUE || m->length)
            return nonsense(l, "the reader has lost track of a command's parts");
        l->phase = SEND;
        return STEP_ON;
    }
    const bool first = chain == CCID_WHOLE || chain == CCID_FIRST;
    const bool known = first || chain == CCID_LAST || chain == CCID_MIDDLE;
    if (!known || first == started || m->length > ANSWER_ROOM - l->answer_size)
        return nonsense(l, "the reader has lost track of an answer's parts");
    memcpy(l->answer + l->answer_size, l->in + CCID_HEADER, m->length);
    l->answer_size += m->length;
    drop_in(l);
    if (chain == CCID_FIRST || chain == CCID_MIDDLE) {
        if (!m->length)
            return nonsense(l, "the reader sends parts without end");
        l->phase = SEND;
        return STEP_ON;
    }
    const bool sound = talk_take(&l->talk, l->answer, l->answer_size);
    wipe(l->answer, l->answer_size);
    l->phase = NEXT_APDU;
    return sound ? STEP_ON : nonsense(l, "a response came that makes no sense");
}

/* A command that the reader refuses for its form, or because it is busy, never reached the card. */
static enum step refused(struct ccid_link *l, const struct ccid_message *m)
{
    char why[100];
    const uint8_t error = m->field[1];
    const bool not_begun = error < 0x80 || error == CCID_SLOT_BUSY;
    snprintf(why, sizeof why, "%s (CCID error %02X)",
             (m->field[0] & CCID_ICC_MASK) == CCID_ICC_ABSENT ? "the card is gone"
             : error == CCID_ICC_MUTE                         ? "the card is mute"
             : error == CCID_ABORTED                          ? "the command was aborted"
                                                              : "the reader refused the command",
             error);
    return break_link(l, not_begun ? HUFU_E_LINK : HUFU_E_UNKNOWN_OUTCOME, why);
}

static enum step take_message(struct ccid_link *l)
{
    struct ccid_message m;
    switch (ccid_judge(l->in, l->in_size, l->message_max, &l->asked, &m)) {
    case CCID_INCOMPLETE:
        return STEP_ON;
    case CCID_ANSWERED:
        return take_block(l, &m);
    case CCID_REFUSED:
        return refused(l, &m);
    case CCID_WAIT:
    case CCID_STALE:
        drop_in(l);
        return STEP_ON;
    default:
        return nonsense(l, "the reader's answer is not to what was asked");
    }
}

static enum step read_answer(struct ccid_link *l, uint64_t deadline)
{
    const uint64_t silent = l->heard + USB_SILENCE_MS;
    const int error = read_more(l, deadline < silent ? deadline : silent);
    if (error == LIBUSB_ERROR_TIMEOUT && now_ms() < silent)
        return STEP_LATE;
    if (error == LIBUSB_ERROR_OVERFLOW)
        return nonsense(l, usb_text(error));
    if (error)
        return break_link(l, HUFU_E_UNKNOWN_OUTCOME, usb_text(error));
    l->heard = now_ms();
    return take_message(l);
}

static enum step step(struct ccid_link *l, uint64_t deadline)
{
    switch (l->phase) {
    case NEXT_APDU:
        return next_apdu(l);
    case SEND:
        return send_part(l);
    default:
        return read_answer(l, deadline);
    }
}

/* Work until r is done, or without r until nothing is left to do, or time is over. Lock held on
 * entry and exit, not while it works. */
static void work(struct ccid_link *l, const struct hufu_request *r, uint64_t deadline)
{
    enum step s = STEP_ON;
    l->inside = true;
    l->heard = now_ms();
    while ((r ? !r->done : l->first != NULL) && s == STEP_ON) {
        pthread_mutex_unlock(&l->lock);
        s = step(l, deadline);
        if (s == STEP_ON && l->phase == READ && now_ms() >= deadline && deadline)
            s = STEP_LATE;
        pthread_mutex_lock(&l->lock);
    }
    l->inside = false;
}

/* ------------------------------------------------------------------ the transport's functions */

static enum hufu_status ccid_submit(struct transport *t, struct hufu_request *r)
{
    struct ccid_link *l = (struct ccid_link *)t;
    enum hufu_status s = HUFU_OK;
    pthread_mutex_lock(&l->lock);
    if (l->broken) {
        s = fail_with(HUFU_E_LINK, "%s: the link is lost (%s): reconnect", r->device->url,
                      l->base.why);
    } else {
        r->next = NULL;
        *l->last = r;
        l->last = &r->next;
    }
    pthread_mutex_unlock(&l->lock);
    return s;
}

static void sleep_for_other(struct ccid_link *l, struct hufu_request *r, uint64_t deadline)
{
    struct timespec t = {(time_t)(deadline / 1000), (long)(deadline % 1000) * 1000000};
    r->waiting = true;
    pthread_cond_timedwait(&r->ready, &l->lock, &t);
    r->waiting = false;
}

static bool ccid_wait(struct transport *t, struct hufu_request *r, uint64_t deadline)
{
    struct ccid_link *l = (struct ccid_link *)t;
    pthread_mutex_lock(&l->lock);
    while (!r->done) {
        if (!l->inside)
            work(l, r, deadline);
        else if (deadline && now_ms() < deadline)
            sleep_for_other(l, r, deadline);
        if (!r->done && (!deadline || now_ms() >= deadline))
            break;
    }
    const bool done = r->done;
    for (struct hufu_request *q = l->first; q && !l->inside; q = q->next)
        if (q->waiting) { /* the way is free */
            pthread_cond_signal(&q->ready);
            break;
        }
    pthread_mutex_unlock(&l->lock);
    return done;
}

static bool ccid_abandon(struct transport *t, struct hufu_request *r)
{
    struct ccid_link *l = (struct ccid_link *)t;
    return request_orphan(r, &l->lock);
}

/* ------------------------------------------------------------------ open, close */

/* One command that has nothing to do with the card's own. libusb's error, or what this says. */
static enum ccid_verdict ask(struct ccid_link *l, uint8_t type, uint8_t first, unsigned ms,
                             struct ccid_message *m)
{
    const uint64_t until = now_ms() + ms;
    if (send_message(l, type, 0, first, NULL, 0))
        return CCID_NONSENSE;
    while (now_ms() < until) {
        const int error = read_more(l, until);
        if (error)
            return CCID_NONSENSE;
        const enum ccid_verdict v = ccid_judge(l->in, l->in_size, l->message_max, &l->asked, m);
        if (v != CCID_INCOMPLETE && v != CCID_WAIT && v != CCID_STALE)
            return v;
        if (v != CCID_INCOMPLETE)
            drop_in(l);
    }
    return CCID_NONSENSE;
}

/* A host before us may have left answers in the reader, and its pipes halted. */
static void flush(struct ccid_link *l)
{
    usb.clear_halt(l->port.handle, l->port.out);
    usb.clear_halt(l->port.handle, l->port.in);
    for (int i = 0; i < FLUSH_MAX; i++) {
        l->in_size = 0;
        if (read_more(l, now_ms() + FLUSH_MS))
            break;
    }
    drop_in(l);
}

/* The two halves of an abort (CCID 5.3.1 and 6.1.13), for a reader that is still busy. */
static void abort_old(struct ccid_link *l)
{
    enum { TO_INTERFACE = 0x21 };
    struct ccid_message m;
    usb.control_transfer(l->port.handle, TO_INTERFACE, CCID_REQ_ABORT, (uint16_t)(l->seq << 8),
                         l->port.interface, NULL, 0, 1000);
    ask(l, CCID_ABORT, 0, 1000, &m);
    flush(l);
}

static enum hufu_status power_on(struct ccid_link *l)
{
    struct ccid_message m;
    const char *const url = l->port.url;
    flush(l);
    if (ask(l, CCID_GET_SLOT_STATUS, 0, 1000, &m) != CCID_ANSWERED) {
        abort_old(l);
        if (ask(l, CCID_GET_SLOT_STATUS, 0, OPEN_MS, &m) != CCID_ANSWERED)
            return fail_with(HUFU_E_OPEN, "%s: the reader does not answer: unplug it once", url);
    }
    if ((m.field[0] & CCID_ICC_MASK) == CCID_ICC_ABSENT)
        return fail_with(HUFU_E_OPEN, "%s: there is no card in the reader", url);
    const uint8_t five_volts = l->port.class.features & CCID_AUTO_VOLTAGE ? 0 : 1;
    const enum ccid_verdict v = ask(l, CCID_POWER_ON, five_volts, OPEN_MS, &m);
    if (v != CCID_ANSWERED || m.length < 2 || m.length > ATR_MOST)
        return fail_with(HUFU_E_OPEN, "%s: the card in the reader does not answer to a reset", url);
    return HUFU_OK;
}

static void ccid_close(struct transport *t)
{
    struct ccid_link *l = (struct ccid_link *)t;
    struct ccid_message m;
    pthread_mutex_lock(&l->lock);
    const uint64_t end = now_ms() + CLOSE_MS;
    /* What was sent and never waited for is still a command; what the device has, it finishes. */
    if (!l->broken && !(l->begun && l->phase == READ))
        work(l, NULL, end);
    pthread_mutex_unlock(&l->lock);
    const bool working = !l->broken && !l->begun;
    break_link(l, HUFU_E_LINK, "closed");
    if (working && l->message)
        ask(l, CCID_POWER_OFF, 0, CLOSE_MS, &m);
    usb_port_close(&l->port);
    if (l->in) {
        wipe(l->apdu, talk_room(&l->talk));
        wipe(l->in, l->in_room);
    }
    free(l->apdu);
    free(l->message);
    free(l->in);
    free(l->answer);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static const struct transport_ops ccid_ops = {"usb",     "",           NULL,      ccid_submit,
                                              ccid_wait, ccid_abandon, ccid_close};

static enum hufu_status set_up(struct ccid_link *l)
{
    const struct ccid_class *c = &l->port.class;
    const uint32_t level = c->features & CCID_LEVEL_MASK;
    if (level != CCID_LEVEL_SHORT && level != CCID_LEVEL_EXTENDED)
        return fail_with(HUFU_E_OPEN,
                         "%s: the reader takes no whole APDUs: use it through pcscd (pcsc:)",
                         l->port.url);
    l->extended = level == CCID_LEVEL_EXTENDED;
    l->message_max = c->message_max;
    l->part = c->message_max - CCID_HEADER;
    talk_begin(&l->talk, &(struct hufu_request){0}, l->extended);
    l->talk.request = NULL;
    /* whole packets, and one more for the byte that tells a liar */
    l->in_room = (l->message_max / l->port.packet_in + 2) * l->port.packet_in;
    l->apdu = malloc(talk_room(&l->talk));
    l->message = malloc(l->message_max);
    l->in = malloc(l->in_room);
    l->answer = malloc(ANSWER_ROOM);
    if (!l->apdu || !l->message || !l->in || !l->answer)
        return fail_with(HUFU_E_MEMORY, "%s: no memory for a link", l->port.url);
    return power_on(l);
}

enum hufu_status usb_ccid_attach(struct transport **t, const struct usb_port *port)
{
    struct usb_port own = *port;
    struct ccid_link *l = calloc(1, sizeof *l);
    if (!l) {
        usb_port_close(&own);
        return fail_with(HUFU_E_MEMORY, "%s: no memory for a link", own.url);
    }
    l->base.ops = &ccid_ops;
    l->base.limit = TALK_LIMIT;
    l->port = own;
    l->last = &l->first;
    pthread_mutex_init(&l->lock, NULL);
    const enum hufu_status s = set_up(l);
    if (s) {
        l->broken = true;
        ccid_close(&l->base);
    } else {
        *t = &l->base;
    }
    return s;
}

#endif
