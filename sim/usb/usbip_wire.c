#include "sim/usb/usbip_wire.h"

#include <string.h>

#include "sim/usb/descriptors.h"

enum {
    VERSION = 0x0111,
    REP_DEVLIST = 0x0005,
    REP_IMPORT = 0x0003,
    RET_SUBMIT = 3,
    RET_UNLINK = 4,
    PATH_SIZE = 256,
    SPEED_FULL = 2,
    SPEED_HIGH = 3,
    FLAG_ZERO_PACKET = 0x40,
    STATUS_TAKEN = 2
};

static const char busid[] = "1-1";
static const char path[] = "/sys/devices/hufu/usb1/1-1";

uint16_t usbip_op_get(const uint8_t *bytes)
{
    struct rd r;
    rd_init(&r, bytes, USBIP_OP_SIZE);
    const uint16_t version = rd_u16(&r), code = rd_u16(&r);
    const bool known = code == USBIP_OP_DEVLIST || code == USBIP_OP_IMPORT;
    return version == VERSION && known ? code : 0;
}

bool usbip_import_is_ours(const uint8_t *bytes)
{
    return !memcmp(bytes + USBIP_OP_SIZE, busid, sizeof busid);
}

static void put_text(struct wr *w, const char *text, size_t room)
{
    wr_bytes(w, text, strlen(text));
    wr_bytes(w, NULL, room - strlen(text));
}

static void put_device(struct wr *w, const struct usb_config *c)
{
    put_text(w, path, PATH_SIZE);
    put_text(w, busid, USBIP_BUSID_SIZE);
    wr_u32(w, USBIP_BUS);
    wr_u32(w, USBIP_DEVICE);
    wr_u32(w, c->full_speed ? SPEED_FULL : SPEED_HIGH);
    wr_u16(w, c->vendor);
    wr_u16(w, c->product);
    wr_u16(w, 0x0100);
    wr_bytes(w, NULL, 3); /* the interfaces have the classes */
    wr_u8(w, USB_CONFIGURATION);
    wr_u8(w, 1);
    wr_u8(w, USB_INTERFACES);
}

static void put_op(struct wr *w, uint16_t code, uint32_t status)
{
    wr_u16(w, VERSION);
    wr_u16(w, code);
    wr_u32(w, status);
}

size_t usbip_devlist_put(uint8_t out[USBIP_REPLY_MAX], const struct usb_config *c, bool taken)
{
    const uint8_t interfaces[4 * USB_INTERFACES] = {0x0B, 0, 0, 0, 0xFF, 0, 0, 0};
    struct wr w;
    wr_init(&w, out, USBIP_REPLY_MAX);
    put_op(&w, REP_DEVLIST, 0);
    wr_u32(&w, taken ? 0 : 1);
    if (!taken) {
        put_device(&w, c);
        wr_bytes(&w, interfaces, sizeof interfaces);
    }
    return wr_size(&w);
}

size_t usbip_import_put(uint8_t out[USBIP_REPLY_MAX], const struct usb_config *c, bool granted)
{
    struct wr w;
    wr_init(&w, out, USBIP_REPLY_MAX);
    put_op(&w, REP_IMPORT, granted ? 0 : STATUS_TAKEN);
    if (granted)
        put_device(&w, c);
    return wr_size(&w);
}

bool usbip_request_get(const uint8_t *bytes, struct usbip_request *r)
{
    struct rd in;
    rd_init(&in, bytes, USBIP_HEADER_SIZE);
    *r = (struct usbip_request){.command = rd_u32(&in), .sequence = 0};
    r->sequence = rd_u32(&in);
    r->device = rd_u32(&in);
    r->in = rd_u32(&in) != 0;
    const uint32_t endpoint = rd_u32(&in), flags = rd_u32(&in);
    if (r->command == USBIP_UNLINK) {
        r->unlink = flags; /* it stands there */
        return true;
    }
    r->endpoint = (uint8_t)((endpoint & 0x0F) | (r->in ? USB_EP_IN : 0));
    r->zero = (flags & FLAG_ZERO_PACKET) != 0;
    r->length = rd_u32(&in);
    rd_u32(&in); /* start frame */
    const uint32_t packets = rd_u32(&in);
    r->isochronous = packets != 0 && packets != UINT32_MAX;
    rd_u32(&in); /* interval */
    const uint8_t *setup = rd_bytes(&in, sizeof r->setup);
    memcpy(r->setup, setup, sizeof r->setup);
    return r->command == USBIP_SUBMIT && endpoint < 16;
}

/* The rest of the header says nothing in this direction. */
static void put_return(uint8_t out[USBIP_HEADER_SIZE], uint32_t command, uint32_t sequence,
                       int status, uint32_t actual)
{
    struct wr w;
    wr_init(&w, out, USBIP_HEADER_SIZE);
    wr_u32(&w, command);
    wr_u32(&w, sequence);
    wr_bytes(&w, NULL, 12);
    wr_u32(&w, (uint32_t)status);
    wr_u32(&w, actual);
    wr_bytes(&w, NULL, wr_room(&w));
}

void usbip_submitted_put(uint8_t out[USBIP_HEADER_SIZE], uint32_t sequence, int status,
                         uint32_t actual)
{
    put_return(out, RET_SUBMIT, sequence, status, actual);
}

void usbip_unlinked_put(uint8_t out[USBIP_HEADER_SIZE], uint32_t sequence, int status)
{
    put_return(out, RET_UNLINK, sequence, status, 0);
}
