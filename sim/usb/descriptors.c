#include "sim/usb/descriptors.h"

#include <string.h>

#include "proto/ccid.h"

enum {
    TYPE_DEVICE = 1,
    TYPE_CONFIGURATION = 2,
    TYPE_STRING = 3,
    TYPE_INTERFACE = 4,
    TYPE_ENDPOINT = 5,
    TYPE_QUALIFIER = 6,
    CLASS_CARD_READER = 0x0B,
    CLASS_VENDOR = 0xFF,
    BULK = 2,
    INTERRUPT = 3,
    EVENT_SIZE = 8,
    STRING_MAKER = 1,
    STRING_PRODUCT,
    STRING_SERIAL,
    STRING_CCID,
    STRING_FRAMES,
    SERIAL_MAX = 32
};

struct out {
    uint8_t *bytes;
    size_t size;
};

static void add(struct out *o, const uint8_t *bytes, size_t n)
{
    memcpy(o->bytes + o->size, bytes, n);
    o->size += n;
}

size_t usb_packet_size(const struct usb_config *c)
{
    return c->full_speed ? 64 : 512;
}

static uint8_t low(unsigned v)
{
    return (uint8_t)v;
}

static uint8_t high(unsigned v)
{
    return (uint8_t)(v >> 8);
}

size_t usb_describe_device(const struct usb_config *c, uint8_t out[USB_DESCRIPTORS_MAX])
{
    const uint8_t bytes[] = {18,
                             TYPE_DEVICE,
                             0x00,
                             0x02, /* USB 2.0 */
                             0,
                             0,
                             0, /* the interfaces have the classes */
                             64,
                             low(c->vendor),
                             high(c->vendor),
                             low(c->product),
                             high(c->product),
                             0x00,
                             0x01,
                             STRING_MAKER,
                             STRING_PRODUCT,
                             STRING_SERIAL,
                             1};
    memcpy(out, bytes, sizeof bytes);
    return sizeof bytes;
}

static void add_interface(struct out *o, uint8_t number, uint8_t alternate, uint8_t endpoints,
                          uint8_t class, uint8_t string)
{
    const uint8_t bytes[] = {9, TYPE_INTERFACE, number, alternate, endpoints, class, 0, 0, string};
    add(o, bytes, sizeof bytes);
}

static void add_endpoint(struct out *o, uint8_t address, uint8_t kind, size_t packet,
                         uint8_t interval)
{
    const uint8_t bytes[] = {
        7, TYPE_ENDPOINT, address, kind, low((unsigned)packet), high((unsigned)packet), interval};
    add(o, bytes, sizeof bytes);
}

static void add_ccid(const struct usb_config *c, struct out *o)
{
    const struct ccid_class class = {
        .protocols = 2, /* T=1 */
        .features = CCID_AUTO_PARAMETERS | CCID_AUTO_VOLTAGE | CCID_AUTO_CLOCK | CCID_AUTO_RATE |
                    CCID_AUTO_NEGOTIATION | CCID_AUTO_PPS | CCID_AUTO_IFSD | c->level,
        .message_max = c->message_max,
        .ifsd_max = 254,
        .clock_khz = 4000,
        .rate_bps = 10752};
    const size_t packet = usb_packet_size(c);
    uint8_t bytes[CCID_CLASS_SIZE];
    add_interface(o, USB_IF_CCID, 0, 3, CLASS_CARD_READER, STRING_CCID);
    ccid_class_put(bytes, &class);
    add(o, bytes, sizeof bytes);
    add_endpoint(o, USB_EP_CCID_OUT, BULK, packet, 0);
    add_endpoint(o, USB_EP_CCID_IN, BULK, packet, 0);
    add_endpoint(o, USB_EP_CCID_EVENT, INTERRUPT, EVENT_SIZE, c->full_speed ? 16 : 8);
}

/* Setting 0 has no endpoints: a host goes back there, by itself or with the kernel's help when its
 * program dies, and so ends the link. */
static void add_frames(const struct usb_config *c, struct out *o)
{
    const size_t packet = usb_packet_size(c);
    add_interface(o, USB_IF_FRAMES, 0, 0, CLASS_VENDOR, STRING_FRAMES);
    add_interface(o, USB_IF_FRAMES, USB_ALT_FRAMES, 2, CLASS_VENDOR, STRING_FRAMES);
    add_endpoint(o, USB_EP_FRAME_OUT, BULK, packet, 0);
    add_endpoint(o, USB_EP_FRAME_IN, BULK, packet, 0);
}

size_t usb_describe_configuration(const struct usb_config *c, uint8_t out[USB_DESCRIPTORS_MAX])
{
    enum { SELF_POWERED_NO = 0x80, HUNDRED_MA = 50 };
    const uint8_t head[] = {9, TYPE_CONFIGURATION, 0,         0, USB_INTERFACES, USB_CONFIGURATION,
                            0, SELF_POWERED_NO,    HUNDRED_MA};
    struct out o = {out, 0};
    add(&o, head, sizeof head);
    add_ccid(c, &o);
    add_frames(c, &o);
    out[2] = low((unsigned)o.size);
    out[3] = high((unsigned)o.size);
    return o.size;
}

/* What it would be at the other speed: the same. */
static size_t describe_qualifier(const struct usb_config *c, uint8_t *out)
{
    const uint8_t bytes[] = {10, TYPE_QUALIFIER, 0x00, 0x02, 0, 0, 0, 64, 1, 0};
    if (c->full_speed)
        return 0;
    memcpy(out, bytes, sizeof bytes);
    return sizeof bytes;
}

static size_t describe_string(const struct usb_config *c, uint8_t index, uint8_t *out)
{
    const char *const texts[] = {"",        "Hufu",      "Hufu key device",
                                 c->serial, "Hufu CCID", "Hufu frames"};
    if (index >= sizeof texts / sizeof *texts)
        return 0;
    out[1] = TYPE_STRING;
    if (index == 0) { /* the languages: English (United States) */
        out[0] = 4;
        out[2] = 0x09;
        out[3] = 0x04;
        return 4;
    }
    size_t n = 2;
    for (const char *p = texts[index]; *p && n < 2 + 2 * SERIAL_MAX; p++) {
        out[n++] = (uint8_t)*p;
        out[n++] = 0;
    }
    out[0] = (uint8_t)n;
    return n;
}

size_t usb_describe(const struct usb_config *c, uint16_t value, uint8_t out[USB_DESCRIPTORS_MAX])
{
    const uint8_t index = (uint8_t)value;
    switch (value >> 8) {
    case TYPE_DEVICE:
        return usb_describe_device(c, out);
    case TYPE_CONFIGURATION:
        return index ? 0 : usb_describe_configuration(c, out);
    case TYPE_STRING:
        return describe_string(c, index, out);
    case TYPE_QUALIFIER:
        return describe_qualifier(c, out);
    default:
        return 0;
    }
}
