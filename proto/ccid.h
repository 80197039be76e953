/*
 * Messages of the USB class of smart-card readers (CCID, revision 1.1), for both halves: a header
 * of ten bytes, integers little-endian, then dwLength bytes.
 *
 *   bMessageType u8, dwLength u32, bSlot u8, bSeq u8, three bytes that depend on the type:
 *   XfrBlock: bBWI, wLevelParameter; IccPowerOn: bPowerSelect; answers: bStatus, bError, and one
 * more
 */
#ifndef HUFU_PROTO_CCID_H
#define HUFU_PROTO_CCID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CCID_HEADER = 10, CCID_CLASS_SIZE = 54, CCID_PARAMETERS_T1 = 7 };

/* bMessageType: what the host sends on bulk OUT (clause 6.1) */
enum ccid_command {
    CCID_SET_PARAMETERS = 0x61,
    CCID_POWER_ON = 0x62,
    CCID_POWER_OFF = 0x63,
    CCID_GET_SLOT_STATUS = 0x65,
    CCID_SECURE = 0x69,
    CCID_T0_APDU = 0x6A,
    CCID_ESCAPE = 0x6B,
    CCID_GET_PARAMETERS = 0x6C,
    CCID_RESET_PARAMETERS = 0x6D,
    CCID_ICC_CLOCK = 0x6E,
    CCID_XFR_BLOCK = 0x6F,
    CCID_MECHANICAL = 0x71,
    CCID_ABORT = 0x72,
    CCID_SET_RATE = 0x73
};

/* What the device answers on bulk IN (clause 6.2), and says on interrupt IN (clause 6.3) */
enum ccid_answer {
    CCID_DATA_BLOCK = 0x80,
    CCID_SLOT_STATUS = 0x81,
    CCID_PARAMETERS = 0x82,
    CCID_ESCAPE_ANSWER = 0x83,
    CCID_RATE = 0x84,
    CCID_NOTIFY_SLOT_CHANGE = 0x50,
    CCID_HARDWARE_ERROR = 0x51
};

/* Class-specific control requests (clause 5.3) */
enum ccid_request { CCID_REQ_ABORT = 1, CCID_REQ_CLOCKS = 2, CCID_REQ_RATES = 3 };

/* bStatus: bmICCStatus and bmCommandStatus */
enum ccid_status {
    CCID_ICC_ACTIVE = 0,
    CCID_ICC_INACTIVE = 1,
    CCID_ICC_ABSENT = 2,
    CCID_ICC_MASK = 3,
    CCID_DONE = 0x00,
    CCID_FAILED = 0x40,
    CCID_TIME_EXTENSION = 0x80,
    CCID_COMMAND_MASK = 0xC0
};

/* bError of a failed command (table 6.2-2); 1 to 127: the offset of the field that is wrong */
enum ccid_error {
    CCID_NOT_SUPPORTED = 0x00,
    CCID_BAD_LENGTH = 1,
    CCID_BAD_SLOT = 5,
    CCID_BAD_FIRST = 7, /* bPowerSelect, bProtocolNum */
    CCID_BAD_LEVEL = 8, /* wLevelParameter */
    CCID_BAD_DATA = 10,
    CCID_SLOT_BUSY = 0xE0,
    CCID_AUTO_SEQUENCE = 0xF2,
    CCID_HW_ERROR = 0xFB,
    CCID_XFR_OVERRUN = 0xFC,
    CCID_ICC_MUTE = 0xFE,
    CCID_ABORTED = 0xFF
};

/* wLevelParameter of an XfrBlock and bChainParameter of its answer: which part of an APDU this is
 */
enum ccid_chain {
    CCID_WHOLE = 0x00,
    CCID_FIRST = 0x01,
    CCID_LAST = 0x02,
    CCID_MIDDLE = 0x03,
    CCID_CONTINUE = 0x10 /* no data: the other side shall go on */
};

/* dwFeatures (table 5.1-1) */
enum ccid_feature {
    CCID_AUTO_PARAMETERS = 0x00000002,
    CCID_AUTO_ACTIVATION = 0x00000004,
    CCID_AUTO_VOLTAGE = 0x00000008,
    CCID_AUTO_CLOCK = 0x00000010,
    CCID_AUTO_RATE = 0x00000020,
    CCID_AUTO_NEGOTIATION = 0x00000040,
    CCID_AUTO_PPS = 0x00000080,
    CCID_AUTO_IFSD = 0x00000400,
    CCID_LEVEL_MASK = 0x00070000,
    CCID_LEVEL_TPDU = 0x00010000,
    CCID_LEVEL_SHORT = 0x00020000,
    CCID_LEVEL_EXTENDED = 0x00040000
};

struct ccid_message {
    uint8_t type;
    uint32_t length; /* bytes after the header */
    uint8_t slot, seq;
    uint8_t field[3];
};

void ccid_put(uint8_t header[CCID_HEADER], const struct ccid_message *m);
/* false: fewer than CCID_HEADER bytes. */
bool ccid_get(const uint8_t *bytes, size_t n, struct ccid_message *m);
uint16_t ccid_level(const struct ccid_message *m); /* wLevelParameter */
void ccid_set_level(struct ccid_message *m, uint16_t level);

/* What bytes from bulk IN are to a host that asked with a command and a sequence number. */
enum ccid_verdict {
    CCID_INCOMPLETE, /* more bytes must come */
    CCID_ANSWERED,   /* done: field[2] and the data count */
    CCID_REFUSED,    /* failed: field[1] tells why */
    CCID_WAIT,       /* the device asks for more time */
    CCID_STALE,      /* the answer of an older command: to be thrown away */
    CCID_NONSENSE    /* not an answer to this command, or longer than it says */
};
/* max: the most that a message may have, header included. */
enum ccid_verdict ccid_judge(const uint8_t *bytes, size_t n, size_t max,
                             const struct ccid_message *asked, struct ccid_message *answer);

/* The class descriptor (clause 5.1), as far as anybody here wants to know. */
struct ccid_class {
    uint8_t max_slot; /* bMaxSlotIndex */
    uint32_t protocols, features;
    uint32_t message_max; /* dwMaxCCIDMessageLength */
    uint32_t ifsd_max, clock_khz, rate_bps;
};
void ccid_class_put(uint8_t out[CCID_CLASS_SIZE], const struct ccid_class *c);
/* false: no class descriptor, or one that cannot be. */
bool ccid_class_get(const uint8_t *bytes, size_t n, struct ccid_class *c);

#endif
