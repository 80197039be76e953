/*
 * libifd-hufu.so: Hufu devices as readers with a card, for pcscd. A reader is an entry of
 * reader.conf.d whose DEVICENAME is unix:PATH or inproc:DIR; with "short-" before it the reader
 * passes short APDUs only. pcscd calls with readers in parallel, and waits for events in a thread
 * of its own for each.
 */
#include "host/ifd/ifd.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "host/lib/reader.h"

enum {
    READERS_MAX = 16, /* what pcscd has room for */
    SHORT_COMMAND_MAX = 4 + 1 + 255 + 1,
    SHORT_RESPONSE_MAX = 256 + 2,
    VERSION = 0x01000000 /* of the reader: 1.0 */
};

static const char short_option[] = "short-";

struct slot {
    struct reader *reader; /* NULL: free */
    DWORD lun;
    bool short_only;
    bool powered;
};

static struct slot slots[READERS_MAX];
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;

/* pcscd closes a channel only when nobody is inside it, so the slot stays valid. */
static struct slot *slot_of(DWORD lun)
{
    struct slot *found = NULL;
    pthread_mutex_lock(&slots_lock);
    for (size_t i = 0; i < READERS_MAX && !found; i++)
        if (slots[i].reader && slots[i].lun == lun)
            found = &slots[i];
    pthread_mutex_unlock(&slots_lock);
    return found;
}

/* ------------------------------------------------------------------ channels */

static bool slot_take(DWORD lun, struct reader *reader, bool short_only)
{
    bool taken = false;
    pthread_mutex_lock(&slots_lock);
    for (size_t i = 0; i < READERS_MAX && !taken; i++)
        if (!slots[i].reader) {
            slots[i] = (struct slot){reader, lun, short_only, false};
            taken = true;
        }
    pthread_mutex_unlock(&slots_lock);
    return taken;
}

RESPONSECODE IFDHCreateChannelByName(DWORD lun, char *name)
{
    const size_t n = sizeof short_option - 1;
    const bool short_only = !strncmp(name, short_option, n);
    if (slot_of(lun))
        return IFD_COMMUNICATION_ERROR;
    struct reader *reader = reader_open(short_only ? name + n : name);
    if (!reader)
        return IFD_NO_SUCH_DEVICE;
    if (slot_take(lun, reader, short_only))
        return IFD_SUCCESS;
    reader->ops->close(reader);
    return IFD_COMMUNICATION_ERROR;
}

/* Channels by number are for serial ports. */
RESPONSECODE IFDHCreateChannel(DWORD lun, DWORD channel)
{
    (void)lun, (void)channel;
    return IFD_NO_SUCH_DEVICE;
}

RESPONSECODE IFDHCloseChannel(DWORD lun)
{
    struct slot *s = slot_of(lun);
    if (!s)
        return IFD_COMMUNICATION_ERROR;
    s->reader->ops->close(s->reader);
    pthread_mutex_lock(&slots_lock);
    s->reader = NULL;
    pthread_mutex_unlock(&slots_lock);
    return IFD_SUCCESS;
}

/* ------------------------------------------------------------------ events */

static RESPONSECODE wait_for_event(DWORD lun, int timeout_ms)
{
    struct slot *s = slot_of(lun);
    if (!s)
        return IFD_NO_SUCH_DEVICE;
    s->reader->ops->wait(s->reader, timeout_ms);
    return IFD_SUCCESS;
}

static RESPONSECODE stop_waiting(DWORD lun)
{
    struct slot *s = slot_of(lun);
    if (!s)
        return IFD_NO_SUCH_DEVICE;
    s->reader->ops->wake(s->reader);
    return IFD_SUCCESS;
}

RESPONSECODE IFDHICCPresence(DWORD lun)
{
    struct slot *s = slot_of(lun);
    if (!s)
        return IFD_NO_SUCH_DEVICE;
    if (s->reader->ops->present(s->reader))
        return IFD_ICC_PRESENT;
    s->powered = false;
    return IFD_ICC_NOT_PRESENT;
}

/* ------------------------------------------------------------------ capabilities */

static RESPONSECODE give(DWORD *length, unsigned char *value, const void *what, size_t n)
{
    if (*length < n)
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    memcpy(value, what, n);
    *length = n;
    return IFD_SUCCESS;
}

static RESPONSECODE give_byte(DWORD *length, unsigned char *value, unsigned char what)
{
    return give(length, value, &what, 1);
}

/* The attributes that a program may ask for. */
static RESPONSECODE give_attribute(const struct slot *s, DWORD tag, DWORD *length,
                                   unsigned char *value)
{
    static const char vendor[] = "Hufu";
    const uint32_t version = VERSION;
    const uint32_t most = s->short_only ? SHORT_COMMAND_MAX : APDU_COMMAND_MAX;
    uint8_t atr[ATR_MAX];
    switch (tag) {
    case TAG_IFD_ATR:
    case ATTR_ATR_STRING:
        return give(length, value, atr, s->powered ? atr_put(atr) : 0);
    case ATTR_VENDOR_NAME:
        return give(length, value, vendor, sizeof vendor);
    case ATTR_VENDOR_IFD_VERSION:
        return give(length, value, &version, sizeof version);
    case ATTR_MAXINPUT:
        return give(length, value, &most, sizeof most);
    case ATTR_ICC_PRESENCE:
        return give_byte(length, value, s->reader->ops->present(s->reader) ? 2 : 0);
    case ATTR_ICC_INTERFACE_STATUS:
        return give_byte(length, value, s->powered);
    default:
        return IFD_ERROR_TAG;
    }
}

RESPONSECODE IFDHGetCapabilities(DWORD lun, DWORD tag, DWORD *length, unsigned char *value)
{
    RESPONSECODE (*const wait)(DWORD, int) = wait_for_event;
    RESPONSECODE (*const stop)(DWORD) = stop_waiting;
    const struct slot *s;
    switch (tag) { /* of the driver; the reader may not be there yet */
    case TAG_IFD_THREAD_SAFE:
        return give_byte(length, value, 1);
    case TAG_IFD_SLOT_THREAD_SAFE:
        return give_byte(length, value, 0);
    case TAG_IFD_SLOTS_NUMBER:
        return give_byte(length, value, 1);
    case TAG_IFD_SIMULTANEOUS_ACCESS:
        return give_byte(length, value, READERS_MAX);
    case TAG_IFD_POLLING_THREAD_WITH_TIMEOUT:
        return give(length, value, &wait, sizeof wait);
    case TAG_IFD_STOP_POLLING_THREAD:
        return give(length, value, &stop, sizeof stop);
    default:
        s = slot_of(lun);
        return s ? give_attribute(s, tag, length, value) : IFD_NO_SUCH_DEVICE;
    }
}

RESPONSECODE IFDHSetCapabilities(DWORD lun, DWORD tag, DWORD length, unsigned char *value)
{
    (void)lun, (void)tag, (void)length, (void)value;
    return IFD_ERROR_VALUE_READ_ONLY;
}

/* ------------------------------------------------------------------ the card */

RESPONSECODE IFDHSetProtocolParameters(DWORD lun, DWORD protocol, unsigned char flags,
                                       unsigned char pts1, unsigned char pts2, unsigned char pts3)
{
    (void)lun, (void)flags, (void)pts1, (void)pts2, (void)pts3;
    return protocol == PROTOCOL_T1 ? IFD_SUCCESS : IFD_PROTOCOL_NOT_SUPPORTED;
}

/* Up, warm reset and down are one to the device: its link and the sessions on it end. */
RESPONSECODE IFDHPowerICC(DWORD lun, DWORD action, unsigned char *atr, DWORD *atr_length)
{
    struct slot *s = slot_of(lun);
    if (!s)
        return IFD_NO_SUCH_DEVICE;
    if (action != IFD_POWER_UP && action != IFD_POWER_DOWN && action != IFD_RESET)
        return IFD_NOT_SUPPORTED;
    const bool up = action != IFD_POWER_DOWN;
    const enum reader_result result = s->reader->ops->reset(s->reader);
    s->powered = up && result == READER_OK;
    *atr_length = s->powered ? atr_put(atr) : 0;
    return result == READER_OK || !up ? IFD_SUCCESS : IFD_ERROR_POWER_ACTION;
}

RESPONSECODE IFDHTransmitToICC(DWORD lun, struct scard_io_header send, unsigned char *command,
                               DWORD command_length, unsigned char *response,
                               DWORD *response_length, struct scard_io_header *receive)
{
    struct slot *s = slot_of(lun);
    size_t size = *response_length;
    *response_length = 0;
    if (!s)
        return IFD_NO_SUCH_DEVICE;
    if (size < 2 || (s->short_only && command_length > SHORT_COMMAND_MAX))
        return IFD_COMMUNICATION_ERROR;
    if (s->short_only && size > SHORT_RESPONSE_MAX)
        size = SHORT_RESPONSE_MAX;
    switch (s->reader->ops->exchange(s->reader, command, command_length, response, &size)) {
    case READER_OK:
        *response_length = size;
        receive->protocol = send.protocol;
        return IFD_SUCCESS;
    case READER_LATE:
        return IFD_RESPONSE_TIMEOUT;
    case READER_ROOM:
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    default:
        return IFD_COMMUNICATION_ERROR;
    }
}

/* PC/SC part 10: the features of the reader, and how long its APDUs may be (0: short ones only). */
RESPONSECODE IFDHControl(DWORD lun, DWORD code, unsigned char *in, DWORD in_length,
                         unsigned char *out, DWORD out_room, DWORD *out_length)
{
    static const unsigned char features[] = {FEATURE_PROPERTIES, 4, 0x42, 0x33, 0x00, 0x12};
    static const unsigned char extended[] = {PROPERTY_MAX_APDU_DATA, 4, 0xFF, 0xFF, 0, 0};
    static const unsigned char only_short[] = {PROPERTY_MAX_APDU_DATA, 4, 0, 0, 0, 0};
    const struct slot *s = slot_of(lun);
    (void)in, (void)in_length;
    *out_length = 0;
    if (!s)
        return IFD_NO_SUCH_DEVICE;
    if (code != CONTROL_FEATURES && code != CONTROL_PROPERTIES)
        return IFD_NOT_SUPPORTED;
    *out_length = out_room;
    return give(out_length, out,
                code == CONTROL_FEATURES ? features
                : s->short_only          ? only_short
                                         : extended,
                sizeof features);
}
