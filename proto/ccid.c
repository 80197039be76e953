#include "proto/ccid.h"

enum {
    CLASS_DESCRIPTOR = 0x21,
    REVISION = 0x0110,
    VOLTAGES = 0x07,   /* 5 V, 3 V, 1.8 V */
    MESSAGE_MIN = 271, /* a short APDU with its header (clause 5.1) */
    MESSAGE_MOST = 1 << 20
};

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v & 0xFFFF);
    put16(p + 2, v >> 16);
}

static uint32_t get16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) | get16(p + 2) << 16;
}

void ccid_put(uint8_t header[CCID_HEADER], const struct ccid_message *m)
{
    header[0] = m->type;
    put32(header + 1, m->length);
    header[5] = m->slot;
    header[6] = m->seq;
    for (int i = 0; i < 3; i++)
        header[7 + i] = m->field[i];
}

bool ccid_get(const uint8_t *bytes, size_t n, struct ccid_message *m)
{
    if (n < CCID_HEADER)
        return false;
    m->type = bytes[0];
    m->length = get32(bytes + 1);
    m->slot = bytes[5];
    m->seq = bytes[6];
    for (int i = 0; i < 3; i++)
        m->field[i] = bytes[7 + i];
    return true;
}

uint16_t ccid_level(const struct ccid_message *m)
{
    return (uint16_t)get16(m->field + 1);
}

void ccid_set_level(struct ccid_message *m, uint16_t level)
{
    put16(m->field + 1, level);
}

/* The type of the answer to a command (table 6.1-1). A device that does not know the command at
 * all says so with a slot status. */
static bool answers(uint8_t command, const struct ccid_message *answer)
{
    switch (command) {
    case CCID_POWER_ON:
    case CCID_XFR_BLOCK:
    case CCID_SECURE:
        return answer->type == CCID_DATA_BLOCK;
    case CCID_GET_PARAMETERS:
    case CCID_RESET_PARAMETERS:
    case CCID_SET_PARAMETERS:
        return answer->type == CCID_PARAMETERS;
    case CCID_ESCAPE:
        return answer->type == CCID_ESCAPE_ANSWER;
    case CCID_SET_RATE:
        return answer->type == CCID_RATE;
    default:
        return answer->type == CCID_SLOT_STATUS;
    }
}

enum ccid_verdict ccid_judge(const uint8_t *bytes, size_t n, size_t max,
                             const struct ccid_message *asked, struct ccid_message *answer)
{
    if (!ccid_get(bytes, n, answer))
        return CCID_INCOMPLETE;
    if (answer->length > max - CCID_HEADER || n - CCID_HEADER > answer->length)
        return CCID_NONSENSE;
    if (n - CCID_HEADER < answer->length)
        return CCID_INCOMPLETE;
    if (answer->slot != asked->slot)
        return CCID_NONSENSE;
    /* Numbers go round in a byte: the half behind us is the past. */
    if (answer->seq != asked->seq)
        return (uint8_t)(asked->seq - answer->seq) < 128 ? CCID_STALE : CCID_NONSENSE;
    const bool refused = (answer->field[0] & CCID_COMMAND_MASK) == CCID_FAILED;
    if (!answers(asked->type, answer) &&
        !(refused && answer->type == CCID_SLOT_STATUS && !answer->field[1]))
        return CCID_NONSENSE;
    switch (answer->field[0] & CCID_COMMAND_MASK) {
    case CCID_DONE:
        return CCID_ANSWERED;
    case CCID_FAILED:
        return CCID_REFUSED;
    case CCID_TIME_EXTENSION:
        return answer->length ? CCID_NONSENSE : CCID_WAIT;
    default:
        return CCID_NONSENSE;
    }
}

void ccid_class_put(uint8_t out[CCID_CLASS_SIZE], const struct ccid_class *c)
{
    for (int i = 0; i < CCID_CLASS_SIZE; i++)
        out[i] = 0;
    out[0] = CCID_CLASS_SIZE;
    out[1] = CLASS_DESCRIPTOR;
    put16(out + 2, REVISION);
    out[4] = c->max_slot;
    out[5] = VOLTAGES;
    put32(out + 6, c->protocols);
    put32(out + 10, c->clock_khz);
    put32(out + 14, c->clock_khz);
    put32(out + 19, c->rate_bps);
    put32(out + 23, c->rate_bps);
    put32(out + 28, c->ifsd_max);
    put32(out + 40, c->features);
    put32(out + 44, c->message_max);
    out[48] = out[49] = 0xFF; /* bClassGetResponse, bClassEnvelope: as in the APDU */
    out[53] = 1;              /* bMaxCCIDBusySlots */
}

bool ccid_class_get(const uint8_t *bytes, size_t n, struct ccid_class *c)
{
    if (n < CCID_CLASS_SIZE || bytes[0] != CCID_CLASS_SIZE || bytes[1] != CLASS_DESCRIPTOR)
        return false;
    c->max_slot = bytes[4];
    c->protocols = get32(bytes + 6);
    c->clock_khz = get32(bytes + 10);
    c->rate_bps = get32(bytes + 19);
    c->ifsd_max = get32(bytes + 28);
    c->features = get32(bytes + 40);
    c->message_max = get32(bytes + 44);
    return c->message_max >= MESSAGE_MIN && c->message_max <= MESSAGE_MOST;
}
