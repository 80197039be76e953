#include "sim/usb/slot.h"

#include <stdlib.h>
#include <string.h>

#include "firmware/base/wipe.h"
#include "proto/apdu.h"

enum {
    COMMAND_ROOM = APDU_COMMAND_MAX,
    ANSWER_ROOM = APDU_LE_MAX + 2,
    SHORT_MAX = 261,
    EXTENSION = 1 /* bError of a time extension: the block waiting time, times this */
};

enum aborting { NO_ABORT, ABORT_BY_CONTROL, ABORT_BY_BULK };

struct slot {
    const struct slot_ops *ops;
    void *arg;
    uint32_t level;
    size_t part; /* bytes of data in a message */
    bool present, powered;
    struct ccid_message asked;     /* what is being answered, or runs */
    bool running;                  /* an APDU is with the card and the host waits for it */
    unsigned stale;                /* answers to come that no host waits for any more */
    bool chaining;                 /* more parts of a command are to come */
    size_t command_size;           /* of it so far */
    size_t answer_size, answer_at; /* what of an answer is still to be fetched */
    bool answering;
    enum aborting aborting;
    struct ccid_message abort; /* the Abort that came first on bulk OUT */
    uint8_t abort_seq;
    uint8_t parameters[CCID_PARAMETERS_T1];
    uint8_t command[COMMAND_ROOM], answer[ANSWER_ROOM];
    uint8_t out[CCID_HEADER + ANSWER_ROOM];
};

/* T=1: F and D by default, LRC, direct convention; BWI 9, CWI 5; no clock stop; IFSC 254; NAD 0. */
static const uint8_t parameters_at_reset[CCID_PARAMETERS_T1] = {0x11, 0x10, 0, 0x95, 0, 0xFE, 0};

/* ------------------------------------------------------------------ answers */

static uint8_t answer_type(uint8_t command)
{
    switch (command) {
    case CCID_POWER_ON:
    case CCID_XFR_BLOCK:
    case CCID_SECURE:
        return CCID_DATA_BLOCK;
    case CCID_GET_PARAMETERS:
    case CCID_RESET_PARAMETERS:
    case CCID_SET_PARAMETERS:
        return CCID_PARAMETERS;
    case CCID_ESCAPE:
        return CCID_ESCAPE_ANSWER;
    case CCID_SET_RATE:
        return CCID_RATE;
    default:
        return CCID_SLOT_STATUS;
    }
}

static uint8_t icc_status(const struct slot *s)
{
    return !s->present ? CCID_ICC_ABSENT : s->powered ? CCID_ICC_ACTIVE : CCID_ICC_INACTIVE;
}

static void put(struct slot *s, const struct ccid_message *to, uint8_t status, uint8_t error,
                uint8_t last, const uint8_t *data, size_t n)
{
    const uint8_t icc = to->slot ? CCID_ICC_ABSENT : icc_status(s);
    const struct ccid_message m = {.type = answer_type(to->type),
                                   .length = (uint32_t)n,
                                   .slot = to->slot,
                                   .seq = to->seq,
                                   .field = {(uint8_t)(icc | status), error, last}};
    ccid_put(s->out, &m);
    if (n)
        memcpy(s->out + CCID_HEADER, data, n);
    s->ops->emit(s->arg, s->out, CCID_HEADER + n);
    wipe(s->out, CCID_HEADER + n);
}

static void done(struct slot *s, const struct ccid_message *to, uint8_t last, const uint8_t *data,
                 size_t n)
{
    put(s, to, CCID_DONE, 0, last, data, n);
}

static void fail(struct slot *s, const struct ccid_message *to, uint8_t error)
{
    put(s, to, CCID_FAILED, error, 0, NULL, 0);
}

/* ------------------------------------------------------------------ APDUs */

static void forget_command(struct slot *s)
{
    wipe(s->command, s->command_size);
    s->command_size = 0;
    s->chaining = false;
}

static void forget_answer(struct slot *s)
{
    wipe(s->answer, s->answer_size);
    s->answer_size = s->answer_at = 0;
    s->answering = false;
}

/* The host shall hear no more of what runs. The card finishes it all the same, and what comes next
 * waits there. */
static void let_go(struct slot *s, uint8_t error)
{
    if (!s->running)
        return;
    s->running = false;
    s->stale++;
    fail(s, &s->asked, error);
}

/* The next part of the answer. */
static void deliver(struct slot *s, const struct ccid_message *to)
{
    const bool first = s->answer_at == 0;
    const size_t left = s->answer_size - s->answer_at;
    const size_t n = left < s->part ? left : s->part;
    const bool last = n == left;
    const uint8_t *data = s->answer + s->answer_at;
    s->answer_at += n;
    s->answering = !last;
    done(s, to, first ? (last ? CCID_WHOLE : CCID_FIRST) : (last ? CCID_LAST : CCID_MIDDLE), data,
         n);
    if (last)
        forget_answer(s);
}

void slot_answer(struct slot *s, const uint8_t *response, size_t n)
{
    if (s->stale) {
        s->stale--;
        return;
    }
    if (!s->running)
        return;
    s->running = false;
    if (n > ANSWER_ROOM || (s->level == CCID_LEVEL_SHORT && n > s->part)) {
        fail(s, &s->asked, CCID_XFR_OVERRUN);
        return;
    }
    memcpy(s->answer, response, n);
    s->answer_size = n;
    s->answer_at = 0;
    deliver(s, &s->asked);
}

static void run(struct slot *s, const struct ccid_message *m)
{
    s->asked = *m;
    s->running = s->ops->transmit(s->arg, s->command, s->command_size);
    forget_command(s);
    if (s->running)
        return;
    s->powered = s->present = false;
    fail(s, m, CCID_ICC_MUTE);
}

/* What wLevelParameter says must fit what went before (clause 6.1.4). */
static bool level_fits(const struct slot *s, const struct ccid_message *m)
{
    const uint16_t level = ccid_level(m);
    switch (level) {
    case CCID_WHOLE:
        return true;
    case CCID_FIRST:
        return s->level == CCID_LEVEL_EXTENDED;
    case CCID_LAST:
    case CCID_MIDDLE:
        return s->chaining;
    case CCID_CONTINUE:
        return s->answering && m->length == 0;
    default:
        return false;
    }
}

static void take_part(struct slot *s, const struct ccid_message *m, const uint8_t *data)
{
    const uint16_t level = ccid_level(m);
    if (level == CCID_WHOLE || level == CCID_FIRST)
        forget_command(s);
    if (m->length > COMMAND_ROOM - s->command_size) {
        forget_command(s);
        fail(s, m, CCID_XFR_OVERRUN);
        return;
    }
    if (m->length)
        memcpy(s->command + s->command_size, data, m->length);
    s->command_size += m->length;
    s->chaining = level == CCID_FIRST || level == CCID_MIDDLE;
    if (s->chaining)
        done(s, m, CCID_CONTINUE, NULL, 0);
    else
        run(s, m);
}

static void transfer(struct slot *s, const struct ccid_message *m, const uint8_t *data)
{
    if (s->running) {
        fail(s, m, CCID_SLOT_BUSY);
    } else if (!s->powered) {
        fail(s, m, CCID_ICC_MUTE);
    } else if (!level_fits(s, m)) {
        fail(s, m, CCID_BAD_LEVEL);
    } else if (ccid_level(m) == CCID_CONTINUE) {
        deliver(s, m);
    } else if (m->length == 0 || (s->level == CCID_LEVEL_SHORT && m->length > SHORT_MAX)) {
        fail(s, m, CCID_BAD_LENGTH);
    } else {
        forget_answer(s);
        take_part(s, m, data);
    }
}

/* ------------------------------------------------------------------ the other commands */

static void all_off(struct slot *s)
{
    let_go(s, CCID_ABORTED);
    s->stale = 0;
    s->powered = false;
    forget_command(s);
    forget_answer(s);
}

static void power_on(struct slot *s, const struct ccid_message *m)
{
    uint8_t atr[SLOT_ATR_MAX];
    if (m->field[0] > 3) {
        fail(s, m, CCID_BAD_FIRST);
        return;
    }
    all_off(s);
    const size_t n = s->ops->reset(s->arg, atr);
    s->present = s->powered = n > 0;
    memcpy(s->parameters, parameters_at_reset, sizeof s->parameters);
    if (n)
        done(s, m, CCID_WHOLE, atr, n);
    else
        fail(s, m, CCID_ICC_MUTE);
}

static void power_off(struct slot *s, const struct ccid_message *m)
{
    all_off(s);
    s->ops->power_off(s->arg);
    done(s, m, 0, NULL, 0);
}

static void parameters(struct slot *s, const struct ccid_message *m, const uint8_t *data)
{
    const uint8_t t1 = 1;
    if (!s->powered) {
        fail(s, m, CCID_ICC_MUTE);
        return;
    }
    if (m->type == CCID_SET_PARAMETERS && m->field[0] != t1) {
        fail(s, m, CCID_BAD_FIRST);
        return;
    }
    if (m->type == CCID_SET_PARAMETERS && m->length != CCID_PARAMETERS_T1) {
        fail(s, m, CCID_BAD_LENGTH);
        return;
    }
    if (m->type == CCID_SET_PARAMETERS)
        memcpy(s->parameters, data, CCID_PARAMETERS_T1);
    else if (m->type == CCID_RESET_PARAMETERS)
        memcpy(s->parameters, parameters_at_reset, CCID_PARAMETERS_T1);
    done(s, m, t1, s->parameters, CCID_PARAMETERS_T1);
}

/* Escape 01: what this is, in words. */
static void escape(struct slot *s, const struct ccid_message *m, const uint8_t *data)
{
    static const char name[] = "Hufu " HUFU_VERSION;
    if (m->length == 1 && data[0] == 1)
        done(s, m, 0, (const uint8_t *)name, sizeof name - 1);
    else
        fail(s, m, m->length ? CCID_BAD_DATA : CCID_BAD_LENGTH);
}

/* ------------------------------------------------------------------ abort (clauses 5.3.1, 6.1.13)
 */

/* Both halves of an abort are there. */
static void abort_now(struct slot *s, const struct ccid_message *m)
{
    s->aborting = NO_ABORT;
    let_go(s, CCID_ABORTED);
    forget_command(s);
    forget_answer(s);
    done(s, m, 0, NULL, 0);
}

void slot_abort(struct slot *s, uint8_t seq)
{
    if (s->aborting == ABORT_BY_BULK && s->abort.seq == seq) {
        abort_now(s, &s->abort);
        return;
    }
    s->aborting = ABORT_BY_CONTROL;
    s->abort_seq = seq;
    let_go(s, CCID_ABORTED);
}

static void abort_message(struct slot *s, const struct ccid_message *m)
{
    if (s->aborting == ABORT_BY_CONTROL && s->abort_seq == m->seq) {
        abort_now(s, m);
    } else if (s->aborting == ABORT_BY_CONTROL) {
        fail(s, m, CCID_ABORTED);
    } else {
        s->aborting = ABORT_BY_BULK;
        s->abort = *m;
    }
}

/* ------------------------------------------------------------------ messages */

static void dispatch(struct slot *s, const struct ccid_message *m, const uint8_t *data)
{
    switch (m->type) {
    case CCID_POWER_ON:
        power_on(s, m);
        break;
    case CCID_POWER_OFF:
        power_off(s, m);
        break;
    case CCID_GET_SLOT_STATUS:
        done(s, m, 0, NULL, 0);
        break;
    case CCID_XFR_BLOCK:
        transfer(s, m, data);
        break;
    case CCID_GET_PARAMETERS:
    case CCID_RESET_PARAMETERS:
    case CCID_SET_PARAMETERS:
        parameters(s, m, data);
        break;
    case CCID_ESCAPE:
        escape(s, m, data);
        break;
    case CCID_ABORT:
        abort_message(s, m);
        break;
    default: /* clock, T=0, PIN pads, mechanics, rates: not here */
        fail(s, m, CCID_NOT_SUPPORTED);
    }
}

static bool takes_data(uint8_t type)
{
    return type == CCID_XFR_BLOCK || type == CCID_SET_PARAMETERS || type == CCID_ESCAPE ||
           type == CCID_SECURE || type == CCID_SET_RATE;
}

void slot_receive(struct slot *s, const uint8_t *message, size_t n)
{
    struct ccid_message m;
    if (!ccid_get(message, n, &m)) {
        slot_refuse(s, message, n);
        return;
    }
    if (s->aborting == ABORT_BY_BULK) /* the host went on: it has changed its mind */
        s->aborting = NO_ABORT;
    if (n - CCID_HEADER != m.length || (m.length && !takes_data(m.type)))
        fail(s, &m, CCID_BAD_LENGTH);
    else if (m.slot)
        fail(s, &m, CCID_BAD_SLOT);
    else if (s->aborting == ABORT_BY_CONTROL && m.type != CCID_ABORT)
        fail(s, &m, CCID_ABORTED);
    else
        dispatch(s, &m, message + CCID_HEADER);
}

/* What is no message at all has no number either: it is answered as if its missing bytes were 0. */
void slot_refuse(struct slot *s, const uint8_t *message, size_t n)
{
    uint8_t header[CCID_HEADER] = {0};
    struct ccid_message m;
    memcpy(header, message, n < CCID_HEADER ? n : CCID_HEADER);
    ccid_get(header, sizeof header, &m);
    fail(s, &m, CCID_BAD_LENGTH);
}

bool slot_busy(const struct slot *s)
{
    return s->running;
}

void slot_extend(struct slot *s)
{
    if (slot_busy(s))
        put(s, &s->asked, CCID_TIME_EXTENSION, EXTENSION, 0, NULL, 0);
}

bool slot_present(struct slot *s, bool present)
{
    const bool changed = s->present != present;
    s->present = present;
    if (!present) {
        let_go(s, CCID_ICC_MUTE);
        s->stale = 0;
        s->powered = false;
        forget_command(s);
        forget_answer(s);
    }
    return changed;
}

void slot_restart(struct slot *s)
{
    s->running = s->powered = false;
    s->stale = 0;
    s->aborting = NO_ABORT;
    forget_command(s);
    forget_answer(s);
    s->ops->power_off(s->arg);
}

struct slot *slot_create(const struct usb_config *config, const struct slot_ops *ops, void *arg)
{
    struct slot *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->ops = ops;
    s->arg = arg;
    s->level = config->level;
    s->part = config->message_max - CCID_HEADER;
    if (s->part > ANSWER_ROOM)
        s->part = ANSWER_ROOM;
    s->present = true;
    memcpy(s->parameters, parameters_at_reset, sizeof s->parameters);
    return s;
}

void slot_free(struct slot *s)
{
    if (!s)
        return;
    wipe(s, sizeof *s);
    free(s);
}
