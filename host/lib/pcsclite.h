/*
 * What we use of PC/SC: the binary interface of libpcsclite.so.1, looked up when it is first
 * needed. So neither building nor running libhufu needs it, but for pcsc: links.
 */
#ifndef HUFU_HOST_PCSCLITE_H
#define HUFU_HOST_PCSCLITE_H

enum { PCSC_ATR_MAX = 33, PCSC_SYSTEM = 2, PCSC_EXCLUSIVE = 1, PCSC_SHARED = 2 };
enum { PCSC_T0 = 1, PCSC_T1 = 2 };
enum { PCSC_LEAVE = 0, PCSC_RESET = 1 };
enum {
    PCSC_STATE_UNAWARE = 0x0000,
    PCSC_STATE_CHANGED = 0x0002,
    PCSC_STATE_PRESENT = 0x0020,
    PCSC_STATE_EXCLUSIVE = 0x0080
};

/* A long on the other side: compare with these after a cast to unsigned. */
enum pcsc_error {
    PCSC_OK = 0,
    PCSC_E_INVALID_HANDLE = 0x80100003,
    PCSC_E_INVALID_PARAMETER = 0x80100004,
    PCSC_E_NO_MEMORY = 0x80100006,
    PCSC_E_UNKNOWN_READER = 0x80100009,
    PCSC_E_TIMEOUT = 0x8010000A,
    PCSC_E_SHARING_VIOLATION = 0x8010000B,
    PCSC_E_NO_SMARTCARD = 0x8010000C,
    PCSC_F_COMM_ERROR = 0x80100013,
    PCSC_E_NOT_TRANSACTED = 0x80100016,
    PCSC_E_READER_UNAVAILABLE = 0x80100017,
    PCSC_E_NO_SERVICE = 0x8010001D,
    PCSC_E_NO_READERS = 0x8010002E,
    PCSC_W_UNRESPONSIVE = 0x80100066,
    PCSC_W_UNPOWERED = 0x80100067,
    PCSC_W_RESET = 0x80100068,
    PCSC_W_REMOVED = 0x80100069,
    PCSC_W_SECURITY = 0x8010006A
};

struct pcsc_pci {
    unsigned long protocol, length;
};

struct pcsc_reader_state {
    const char *reader;
    void *user;
    unsigned long current, event, atr_size;
    unsigned char atr[PCSC_ATR_MAX];
};

struct pcsc_api {
    long (*establish)(unsigned long scope, const void *none1, const void *none2, long *context);
    long (*release)(long context);
    long (*list_readers)(long context, const char *groups, char *readers, unsigned long *size);
    long (*get_status_change)(long context, unsigned long timeout_ms, struct pcsc_reader_state *,
                              unsigned long count);
    long (*connect)(long context, const char *reader, unsigned long share, unsigned long protocols,
                    long *card, unsigned long *protocol);
    long (*disconnect)(long card, unsigned long disposition);
    long (*begin_transaction)(long card);
    long (*end_transaction)(long card, unsigned long disposition);
    long (*transmit)(long card, const struct pcsc_pci *send, const unsigned char *command,
                     unsigned long command_size, struct pcsc_pci *receive, unsigned char *response,
                     unsigned long *response_size);
    long (*control)(long card, unsigned long code, const void *in, unsigned long in_size, void *out,
                    unsigned long out_room, unsigned long *out_size);
};

/* NULL: not on this machine; reported with fail_with(), address is what follows "pcsc:". */
const struct pcsc_api *pcsc_api(const char *address);
/* A few words; never NULL. */
const char *pcsc_text(enum pcsc_error error);

#endif
