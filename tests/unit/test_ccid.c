/* CCID: the messages, the state machine of the reader's slot, and what a host makes of its answers.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ccid.h"
#include "sim/usb/descriptors.h"
#include "sim/usb/slot.h"
#include "tests/lib/run.h"

enum { ROOM = 70000, MESSAGES = 8 };

/* ------------------------------------------------------------------ a reader with a card of ours
 */

static struct {
    struct slot *slot;
    struct usb_config config;
    struct {
        uint8_t bytes[ROOM];
        size_t size;
    } out[MESSAGES];
    unsigned out_count, resets, offs, apdus;
    uint8_t apdu[ROOM];
    size_t apdu_size;
    bool absent;
} t;

static size_t on_reset(void *arg, uint8_t atr[SLOT_ATR_MAX])
{
    (void)arg;
    t.resets++;
    memcpy(atr, "\x3B\x80\x01\x81", 4);
    return t.absent ? 0 : 4;
}

static void on_power_off(void *arg)
{
    (void)arg;
    t.offs++;
}

static bool on_transmit(void *arg, const uint8_t *apdu, size_t n)
{
    (void)arg;
    t.apdus++;
    memcpy(t.apdu, apdu, n);
    t.apdu_size = n;
    return !t.absent;
}

static void on_emit(void *arg, const uint8_t *message, size_t n)
{
    (void)arg;
    ck_assert_uint_lt(t.out_count, MESSAGES);
    ck_assert_uint_le(n, t.config.message_max);
    memcpy(t.out[t.out_count].bytes, message, n);
    t.out[t.out_count++].size = n;
}

static const struct slot_ops ops = {on_reset, on_power_off, on_transmit, on_emit};

static void reader(uint32_t level, uint32_t message_max)
{
    memset(&t, 0, sizeof t);
    t.config = (struct usb_config){.level = level, .message_max = message_max, .serial = "1"};
    t.slot = slot_create(&t.config, &ops, &t);
    ck_assert_ptr_nonnull(t.slot);
}

static void end(void)
{
    slot_free(t.slot);
    t.slot = NULL;
}

/* A message from the host, in memory without a byte to spare. */
static void send(uint8_t type, uint8_t seq, uint8_t first, uint16_t level, const void *data,
                 size_t n)
{
    struct ccid_message m = {.type = type, .length = (uint32_t)n, .seq = seq, .field = {first}};
    uint8_t *bytes = malloc(CCID_HEADER + n);
    ccid_set_level(&m, level);
    ccid_put(bytes, &m);
    if (n)
        memcpy(bytes + CCID_HEADER, data, n);
    slot_receive(t.slot, bytes, CCID_HEADER + n);
    free(bytes);
}

/* The oldest message to the host: its header, and its data in *data. */
static struct ccid_message next(const uint8_t **data)
{
    static uint8_t kept[ROOM];
    struct ccid_message m;
    ck_assert_uint_gt(t.out_count, 0);
    const size_t n = t.out[0].size;
    memcpy(kept, t.out[0].bytes, n);
    memmove(&t.out[0], &t.out[1], sizeof t.out[0] * --t.out_count);
    ck_assert(ccid_get(kept, n, &m));
    ck_assert_uint_eq(m.length, n - CCID_HEADER);
    if (data)
        *data = kept + CCID_HEADER;
    return m;
}

static void expect(uint8_t type, uint8_t seq, uint8_t status, uint8_t error, size_t length)
{
    const struct ccid_message m = next(NULL);
    ck_assert_uint_eq(m.type, type);
    ck_assert_uint_eq(m.seq, seq);
    ck_assert_uint_eq(m.field[0], status);
    ck_assert_uint_eq(m.field[1], error);
    ck_assert_uint_eq(m.length, length);
}

static void power(void)
{
    send(CCID_POWER_ON, 1, 0, 0, NULL, 0);
    expect(CCID_DATA_BLOCK, 1, CCID_ICC_ACTIVE, 0, 4);
}

static uint8_t apdu[ROOM];

/* ------------------------------------------------------------------ codec */

START_TEST(message_reads_back)
{
    const struct ccid_message m = {0x6F, 0x04030201, 5, 6, {7, 8, 9}};
    uint8_t bytes[CCID_HEADER];
    struct ccid_message again;
    ccid_put(bytes, &m);
    ck_assert_mem_eq(bytes, "\x6F\x01\x02\x03\x04\x05\x06\x07\x08\x09", CCID_HEADER);
    ck_assert(ccid_get(bytes, sizeof bytes, &again));
    ck_assert_uint_eq(again.length, m.length);
    ck_assert_uint_eq(ccid_level(&again), 0x0908);
    for (size_t n = 0; n < CCID_HEADER; n++)
        ck_assert(!ccid_get(bytes, n, &again));
}
END_TEST

START_TEST(class_reads_back)
{
    const struct ccid_class c = {
        .protocols = 2, .features = 0x000404FA, .message_max = 65555, .ifsd_max = 254};
    uint8_t bytes[CCID_CLASS_SIZE];
    struct ccid_class again;
    ccid_class_put(bytes, &c);
    ck_assert(ccid_class_get(bytes, sizeof bytes, &again));
    ck_assert_uint_eq(again.features, c.features);
    ck_assert_uint_eq(again.message_max, c.message_max);
    ck_assert(!ccid_class_get(bytes, sizeof bytes - 1, &again));
    bytes[0]--;
    ck_assert(!ccid_class_get(bytes, sizeof bytes, &again));
    bytes[0]++;
    for (int i = 44; i < 48; i++)
        bytes[i] = 0xFF;
    ck_assert(!ccid_class_get(bytes, sizeof bytes, &again)); /* memory that nobody has */
    memset(bytes + 44, 0, 4);
    ck_assert(!ccid_class_get(bytes, sizeof bytes, &again));
}
END_TEST

/* Descriptors in a row add up to what the first one says. */
START_TEST(descriptors_add_up)
{
    uint8_t bytes[USB_DESCRIPTORS_MAX];
    for (int full = 0; full < 2; full++) {
        const struct usb_config c = {.serial = "12345678901234567890123456789012",
                                     .full_speed = full,
                                     .level = CCID_LEVEL_SHORT,
                                     .message_max = 271};
        const size_t n = usb_describe_configuration(&c, bytes);
        size_t at = 0;
        ck_assert_uint_eq(bytes[2] | bytes[3] << 8, n);
        while (at < n) {
            ck_assert_uint_ge(bytes[at], 2);
            at += bytes[at];
        }
        ck_assert_uint_eq(at, n);
        ck_assert_uint_eq(usb_describe_device(&c, bytes), 18);
        ck_assert_uint_eq(usb_describe(&c, 0x0303, bytes), 66);
        ck_assert_uint_eq(usb_describe(&c, 0x0399, bytes), 0);
        ck_assert_uint_eq(usb_describe(&c, 0x0600, bytes), full ? 0 : 10);
    }
}
END_TEST

/* ------------------------------------------------------------------ what a host makes of answers
 */

static enum ccid_verdict judge(const char *hex, size_t n, uint8_t asked_type, uint8_t asked_seq)
{
    const struct ccid_message asked = {.type = asked_type, .seq = asked_seq};
    struct ccid_message m;
    uint8_t *exact = malloc(n ? n : 1);
    memcpy(exact, hex, n);
    const enum ccid_verdict v = ccid_judge(exact, n, 271, &asked, &m);
    free(exact);
    return v;
}

START_TEST(host_judges)
{
    static const char good[] = "\x80\x02\0\0\0\0\x07\0\0\0\x90\0";
    for (size_t n = 0; n < 12; n++)
        ck_assert_int_eq(judge(good, n, CCID_XFR_BLOCK, 7), CCID_INCOMPLETE);
    ck_assert_int_eq(judge(good, 12, CCID_XFR_BLOCK, 7), CCID_ANSWERED);
    ck_assert_int_eq(judge(good, 13, CCID_XFR_BLOCK, 7), CCID_NONSENSE); /* a byte too many */
    ck_assert_int_eq(judge(good, 12, CCID_XFR_BLOCK, 8), CCID_STALE);
    ck_assert_int_eq(judge(good, 12, CCID_XFR_BLOCK, 6), CCID_NONSENSE); /* the future */
    ck_assert_int_eq(judge(good, 12, CCID_GET_SLOT_STATUS, 7), CCID_NONSENSE);
    ck_assert_int_eq(judge("\x80\0\0\0\0\0\x07\x80\x01\0", 10, CCID_XFR_BLOCK, 7), CCID_WAIT);
    ck_assert_int_eq(judge("\x80\x01\0\0\0\0\x07\x80\x01\0x", 11, CCID_XFR_BLOCK, 7),
                     CCID_NONSENSE);
    ck_assert_int_eq(judge("\x80\0\0\0\0\0\x07\x42\xFE\0", 10, CCID_XFR_BLOCK, 7), CCID_REFUSED);
    ck_assert_int_eq(judge("\x81\0\0\0\0\0\x07\x40\x00\0", 10, CCID_XFR_BLOCK, 7), CCID_REFUSED);
    ck_assert_int_eq(judge("\x81\0\0\0\0\0\x07\x40\xFE\0", 10, CCID_XFR_BLOCK, 7), CCID_NONSENSE);
    ck_assert_int_eq(judge("\x80\0\0\0\0\0\x07\xC0\0\0", 10, CCID_XFR_BLOCK, 7), CCID_NONSENSE);
    ck_assert_int_eq(judge("\x80\0\0\0\0\x01\x07\0\0\0", 10, CCID_XFR_BLOCK, 7), CCID_NONSENSE);
    ck_assert_int_eq(judge("\x80\x06\x01\0\0\0\x07\0\0\0", 10, CCID_XFR_BLOCK, 7), CCID_NONSENSE);
    ck_assert_int_eq(judge("\x80\xFF\xFF\xFF\xFF\0\x07\0\0\0", 10, CCID_XFR_BLOCK, 7),
                     CCID_NONSENSE);
    /* numbers go round */
    ck_assert_int_eq(judge("\x81\0\0\0\0\0\xFF\0\0\0", 10, CCID_GET_SLOT_STATUS, 0), CCID_STALE);
    ck_assert_int_eq(judge("\x81\0\0\0\0\0\x00\0\0\0", 10, CCID_GET_SLOT_STATUS, 255),
                     CCID_NONSENSE);
}
END_TEST

/* ------------------------------------------------------------------ the slot */

START_TEST(power_and_status)
{
    reader(CCID_LEVEL_EXTENDED, USB_MESSAGE_EXTENDED);
    send(CCID_GET_SLOT_STATUS, 9, 0, 0, NULL, 0);
    expect(CCID_SLOT_STATUS, 9, CCID_ICC_INACTIVE, 0, 0);
    send(CCID_XFR_BLOCK, 2, 0, 0, apdu, 5);
    expect(CCID_DATA_BLOCK, 2, CCID_FAILED | CCID_ICC_INACTIVE, CCID_ICC_MUTE, 0);
    send(CCID_GET_PARAMETERS, 3, 0, 0, NULL, 0);
    expect(CCID_PARAMETERS, 3, CCID_FAILED | CCID_ICC_INACTIVE, CCID_ICC_MUTE, 0);
    send(CCID_POWER_ON, 4, 4, 0, NULL, 0); /* no such voltage */
    expect(CCID_DATA_BLOCK, 4, CCID_FAILED | CCID_ICC_INACTIVE, CCID_BAD_FIRST, 0);
    power();
    send(CCID_GET_SLOT_STATUS, 0, 0, 0, NULL, 0);
    expect(CCID_SLOT_STATUS, 0, CCID_ICC_ACTIVE, 0, 0);
    send(CCID_POWER_OFF, 1, 0, 0, NULL, 0);
    expect(CCID_SLOT_STATUS, 1, CCID_ICC_INACTIVE, 0, 0);
    ck_assert_uint_eq(t.resets, 1);
    ck_assert_uint_eq(t.offs, 1);
    t.absent = true;
    send(CCID_POWER_ON, 2, 0, 0, NULL, 0);
    expect(CCID_DATA_BLOCK, 2, CCID_FAILED | CCID_ICC_ABSENT, CCID_ICC_MUTE, 0);
    end();
}
END_TEST

START_TEST(parameters_are_kept)
{
    const uint8_t *data;
    reader(CCID_LEVEL_EXTENDED, USB_MESSAGE_EXTENDED);
    power();
    send(CCID_SET_PARAMETERS, 1, 1, 0, "\x18\x10\0\x45\0\xFE\0", 7);
    struct ccid_message m = next(&data);
    ck_assert_uint_eq(m.field[2], 1); /* T=1 */
    ck_assert_mem_eq(data, "\x18\x10\0\x45\0\xFE\0", 7);
    send(CCID_GET_PARAMETERS, 2, 0, 0, NULL, 0);
    next(&data);
    ck_assert_uint_eq(data[0], 0x18);
    send(CCID_RESET_PARAMETERS, 3, 0, 0, NULL, 0);
    next(&data);
    ck_assert_uint_eq(data[0], 0x11);
    send(CCID_SET_PARAMETERS, 4, 0, 0, "\x18\x10\0\x45\0", 5); /* T=0 */
    expect(CCID_PARAMETERS, 4, CCID_FAILED, CCID_BAD_FIRST, 0);
    send(CCID_SET_PARAMETERS, 5, 1, 0, "\x18\x10\0\x45\0", 5);
    expect(CCID_PARAMETERS, 5, CCID_FAILED, CCID_BAD_LENGTH, 0);
    end();
}
END_TEST

START_TEST(whole_apdus)
{
    const uint8_t *data;
    reader(CCID_LEVEL_EXTENDED, USB_MESSAGE_EXTENDED);
    power();
    for (size_t i = 0; i < sizeof apdu; i++)
        apdu[i] = (uint8_t)(i * 7);
    send(CCID_XFR_BLOCK, 5, 0, 0, apdu, 65545);
    ck_assert_uint_eq(t.out_count, 0);
    ck_assert_uint_eq(t.apdu_size, 65545);
    ck_assert_mem_eq(t.apdu, apdu, 65545);
    ck_assert(slot_busy(t.slot));
    send(CCID_XFR_BLOCK, 6, 0, 0, apdu, 5);
    expect(CCID_DATA_BLOCK, 6, CCID_FAILED, CCID_SLOT_BUSY, 0);
    send(CCID_GET_SLOT_STATUS, 7, 0, 0, NULL, 0);
    expect(CCID_SLOT_STATUS, 7, CCID_ICC_ACTIVE, 0, 0);
    slot_extend(t.slot);
    expect(CCID_DATA_BLOCK, 5, CCID_TIME_EXTENSION, 1, 0);
    slot_answer(t.slot, apdu, 65538);
    const struct ccid_message m = next(&data);
    ck_assert_uint_eq(m.length, 65538);
    ck_assert_uint_eq(m.field[2], CCID_WHOLE);
    ck_assert_mem_eq(data, apdu, 65538);
    slot_extend(t.slot); /* nothing runs: nothing to say */
    slot_answer(t.slot, apdu, 2);
    ck_assert_uint_eq(t.out_count, 0);
    end();
}
END_TEST

static void send_parts(size_t size, size_t part)
{
    for (size_t at = 0; at < size; at += part) {
        const bool last = size - at <= part;
        const uint16_t level = at == 0 ? (last ? 0 : 1) : last ? 2 : 3;
        send(CCID_XFR_BLOCK, 5, 0, level, apdu + at, last ? size - at : part);
        if (!last) {
            const struct ccid_message m = next(NULL);
            ck_assert_uint_eq(m.field[2], CCID_CONTINUE);
            ck_assert_uint_eq(m.length, 0);
        }
    }
}

static void fetch_parts(size_t size, size_t part)
{
    const uint8_t *data;
    for (size_t at = 0; at < size;) {
        if (at)
            send(CCID_XFR_BLOCK, 5, 0, CCID_CONTINUE, NULL, 0);
        const struct ccid_message m = next(&data);
        const bool last = size - at <= part;
        ck_assert_uint_eq(m.field[2], at == 0 ? (last ? 0 : 1) : last ? 2 : 3);
        ck_assert_uint_eq(m.length, last ? size - at : part);
        ck_assert_mem_eq(data, apdu + at, m.length);
        at += m.length;
    }
}

/* Every size around the edges of messages, both ways. */
START_TEST(apdus_in_parts)
{
    static const uint32_t max[] = {271, 300, 3072};
    reader(CCID_LEVEL_EXTENDED, max[_i]);
    power();
    const size_t part = max[_i] - CCID_HEADER;
    const size_t sizes[] = {2,        part - 1,     part, part + 1, 2 * part - 1,
                            2 * part, 2 * part + 1, 65538};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        send_parts(sizes[i], part);
        ck_assert_uint_eq(t.apdu_size, sizes[i]);
        ck_assert_mem_eq(t.apdu, apdu, sizes[i]);
        slot_answer(t.slot, apdu, sizes[i]);
        fetch_parts(sizes[i], part);
        ck_assert_uint_eq(t.out_count, 0);
    }
    end();
}
END_TEST

START_TEST(parts_out_of_order)
{
    reader(CCID_LEVEL_EXTENDED, 271);
    power();
    static const uint16_t lost[] = {CCID_LAST, CCID_MIDDLE, CCID_CONTINUE, 4, 0x11, 0x0100, 0xFFFF};
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        send(CCID_XFR_BLOCK, 5, 0, lost[i], apdu, lost[i] == CCID_CONTINUE ? 0 : 5);
        expect(CCID_DATA_BLOCK, 5, CCID_FAILED, CCID_BAD_LEVEL, 0);
    }
    send(CCID_XFR_BLOCK, 6, 0, CCID_FIRST, apdu, 100);
    next(NULL);
    send(CCID_XFR_BLOCK, 7, 0, CCID_WHOLE, apdu, 7); /* a new one instead */
    ck_assert_uint_eq(t.apdu_size, 7);
    slot_answer(t.slot, apdu, 600);
    next(NULL);
    send(CCID_XFR_BLOCK, 8, 0, CCID_CONTINUE, apdu, 1); /* takes no data */
    expect(CCID_DATA_BLOCK, 8, CCID_FAILED, CCID_BAD_LEVEL, 0);
    send(CCID_XFR_BLOCK, 9, 0, CCID_WHOLE, apdu, 5); /* the rest of the answer is gone */
    slot_answer(t.slot, apdu, 2);
    next(NULL);
    send(CCID_XFR_BLOCK, 10, 0, CCID_CONTINUE, NULL, 0);
    expect(CCID_DATA_BLOCK, 10, CCID_FAILED, CCID_BAD_LEVEL, 0);
    /* more than any APDU */
    send(CCID_XFR_BLOCK, 11, 0, CCID_FIRST, apdu, 261);
    next(NULL);
    for (int i = 0; i < 251; i++) {
        send(CCID_XFR_BLOCK, 11, 0, CCID_MIDDLE, apdu, 261);
        const struct ccid_message m = next(NULL);
        if ((m.field[0] & CCID_COMMAND_MASK) == CCID_FAILED) {
            ck_assert_uint_eq(m.field[1], CCID_XFR_OVERRUN);
            send(CCID_XFR_BLOCK, 11, 0, CCID_LAST, apdu, 1);
            expect(CCID_DATA_BLOCK, 11, CCID_FAILED, CCID_BAD_LEVEL, 0);
            end();
            return;
        }
    }
    ck_abort_msg("it takes any number of parts");
}
END_TEST

START_TEST(short_level)
{
    reader(CCID_LEVEL_SHORT, USB_MESSAGE_SHORT);
    power();
    send(CCID_XFR_BLOCK, 1, 0, CCID_FIRST, apdu, 5);
    expect(CCID_DATA_BLOCK, 1, CCID_FAILED, CCID_BAD_LEVEL, 0);
    send(CCID_XFR_BLOCK, 2, 0, 0, NULL, 0);
    expect(CCID_DATA_BLOCK, 2, CCID_FAILED, CCID_BAD_LENGTH, 0);
    send(CCID_XFR_BLOCK, 3, 0, 0, apdu, 261);
    slot_answer(t.slot, apdu, 258);
    expect(CCID_DATA_BLOCK, 3, 0, 0, 258);
    send(CCID_XFR_BLOCK, 4, 0, 0, apdu, 5);
    slot_answer(t.slot, apdu, 600); /* more than fits: the card's fault */
    expect(CCID_DATA_BLOCK, 4, CCID_FAILED, CCID_XFR_OVERRUN, 0);
    end();
}
END_TEST

START_TEST(wrong_messages)
{
    uint8_t bytes[CCID_HEADER + 4] = {CCID_XFR_BLOCK, 5, 0, 0, 0, 0, 3};
    reader(CCID_LEVEL_EXTENDED, 271);
    for (size_t n = 0; n < CCID_HEADER + 4; n++) {
        slot_receive(t.slot, bytes, n);
        expect(n ? CCID_DATA_BLOCK : CCID_SLOT_STATUS, n > 6 ? 3 : 0,
               CCID_FAILED | CCID_ICC_INACTIVE, CCID_BAD_LENGTH, 0);
    }
    bytes[1] = 4;
    bytes[5] = 1; /* the second slot */
    slot_receive(t.slot, bytes, sizeof bytes);
    expect(CCID_DATA_BLOCK, 3, CCID_FAILED | CCID_ICC_ABSENT, CCID_BAD_SLOT, 0);
    send(CCID_GET_SLOT_STATUS, 4, 0, 0, apdu, 3); /* takes no data */
    expect(CCID_SLOT_STATUS, 4, CCID_FAILED | CCID_ICC_INACTIVE, CCID_BAD_LENGTH, 0);
    static const uint8_t none[] = {CCID_ICC_CLOCK, CCID_T0_APDU,    CCID_SECURE, CCID_MECHANICAL,
                                   CCID_SET_RATE,  CCID_DATA_BLOCK, 0,           0xFF};
    for (size_t i = 0; i < sizeof none; i++) {
        send(none[i], 5, 0, 0, NULL, 0);
        const struct ccid_message m = next(NULL);
        ck_assert_uint_eq(m.field[0], CCID_FAILED | CCID_ICC_INACTIVE);
        ck_assert_uint_eq(m.field[1], CCID_NOT_SUPPORTED);
    }
    send(CCID_ESCAPE, 6, 0, 0, "\x01", 1);
    ck_assert_uint_gt(next(NULL).length, 4);
    send(CCID_ESCAPE, 7, 0, 0, "\x02", 1);
    expect(CCID_ESCAPE_ANSWER, 7, CCID_FAILED | CCID_ICC_INACTIVE, CCID_BAD_DATA, 0);
    end();
}
END_TEST

/* ------------------------------------------------------------------ abort */

START_TEST(abort_in_both_orders)
{
    reader(CCID_LEVEL_EXTENDED, 271);
    power();
    for (int bulk_first = 0; bulk_first < 2; bulk_first++) {
        send(CCID_XFR_BLOCK, 5, 0, 0, apdu, 5);
        if (bulk_first) {
            send(CCID_ABORT, 6, 0, 0, NULL, 0);
            ck_assert_uint_eq(t.out_count, 0);
            slot_abort(t.slot, 6);
            expect(CCID_DATA_BLOCK, 5, CCID_FAILED, CCID_ABORTED, 0);
        } else {
            slot_abort(t.slot, 6);
            expect(CCID_DATA_BLOCK, 5, CCID_FAILED, CCID_ABORTED, 0);
            send(CCID_GET_SLOT_STATUS, 7, 0, 0, NULL, 0); /* until the other half comes */
            expect(CCID_SLOT_STATUS, 7, CCID_FAILED, CCID_ABORTED, 0);
            send(CCID_ABORT, 8, 0, 0, NULL, 0); /* another one */
            expect(CCID_SLOT_STATUS, 8, CCID_FAILED, CCID_ABORTED, 0);
            send(CCID_ABORT, 6, 0, 0, NULL, 0);
        }
        expect(CCID_SLOT_STATUS, 6, 0, 0, 0);
        /* the next command waits behind the one that still runs, and gets its own answer */
        send(CCID_XFR_BLOCK, 9, 0, 0, apdu, 6);
        slot_answer(t.slot, (const uint8_t *)"old\x90\0", 5);
        ck_assert_uint_eq(t.out_count, 0);
        slot_answer(t.slot, (const uint8_t *)"\x90\0", 2);
        expect(CCID_DATA_BLOCK, 9, 0, 0, 2);
    }
    end();
}
END_TEST

START_TEST(reset_while_busy)
{
    reader(CCID_LEVEL_EXTENDED, 271);
    power();
    send(CCID_XFR_BLOCK, 5, 0, 0, apdu, 5);
    send(CCID_POWER_ON, 6, 0, 0, NULL, 0);
    expect(CCID_DATA_BLOCK, 5, CCID_FAILED, CCID_ABORTED, 0);
    expect(CCID_DATA_BLOCK, 6, 0, 0, 4);
    send(CCID_XFR_BLOCK, 7, 0, 0, apdu, 5); /* the old card's answer never comes */
    slot_answer(t.slot, apdu, 2);
    expect(CCID_DATA_BLOCK, 7, 0, 0, 2);
    end();
}
END_TEST

START_TEST(card_goes)
{
    reader(CCID_LEVEL_EXTENDED, 271);
    power();
    send(CCID_XFR_BLOCK, 5, 0, 0, apdu, 5);
    ck_assert(slot_present(t.slot, false));
    expect(CCID_DATA_BLOCK, 5, CCID_FAILED | CCID_ICC_ABSENT, CCID_ICC_MUTE, 0);
    ck_assert(!slot_present(t.slot, false));
    send(CCID_XFR_BLOCK, 6, 0, 0, apdu, 5);
    expect(CCID_DATA_BLOCK, 6, CCID_FAILED | CCID_ICC_ABSENT, CCID_ICC_MUTE, 0);
    ck_assert(slot_present(t.slot, true));
    send(CCID_GET_SLOT_STATUS, 7, 0, 0, NULL, 0);
    expect(CCID_SLOT_STATUS, 7, CCID_ICC_INACTIVE, 0, 0);
    power();
    t.absent = true; /* it is found out when it is needed */
    send(CCID_XFR_BLOCK, 8, 0, 0, apdu, 5);
    expect(CCID_DATA_BLOCK, 8, CCID_FAILED | CCID_ICC_ABSENT, CCID_ICC_MUTE, 0);
    end();
}
END_TEST

START_TEST(bus_reset)
{
    reader(CCID_LEVEL_EXTENDED, 271);
    power();
    send(CCID_XFR_BLOCK, 5, 0, 0, apdu, 5);
    slot_restart(t.slot);
    ck_assert_uint_eq(t.out_count, 0);
    slot_answer(t.slot, apdu, 2);
    ck_assert_uint_eq(t.out_count, 0);
    send(CCID_GET_SLOT_STATUS, 7, 0, 0, NULL, 0);
    expect(CCID_SLOT_STATUS, 7, CCID_ICC_INACTIVE, 0, 0);
    end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ccid");
    TCase *messages = tcase_create("messages"), *slot = tcase_create("slot");
    tcase_add_test(messages, message_reads_back);
    tcase_add_test(messages, class_reads_back);
    tcase_add_test(messages, descriptors_add_up);
    tcase_add_test(messages, host_judges);
    tcase_add_test(slot, power_and_status);
    tcase_add_test(slot, parameters_are_kept);
    tcase_add_test(slot, whole_apdus);
    tcase_add_loop_test(slot, apdus_in_parts, 0, 3);
    tcase_add_test(slot, parts_out_of_order);
    tcase_add_test(slot, short_level);
    tcase_add_test(slot, wrong_messages);
    tcase_add_test(slot, abort_in_both_orders);
    tcase_add_test(slot, reset_while_busy);
    tcase_add_test(slot, card_goes);
    tcase_add_test(slot, bus_reset);
    suite_add_tcase(s, messages);
    suite_add_tcase(s, slot);
    return suite_run(s);
}
