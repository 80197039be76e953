/*
 * A USB device in software: what a host controller hands to it and gets back. Shared by the model
 * and its front ends (USB/IP in hufu-sim, umockdev in the tests).
 */
#ifndef HUFU_SIM_USB_USB_H
#define HUFU_SIM_USB_USB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Endpoints, with the bit of the direction */
enum usb_endpoint {
    USB_EP_CONTROL = 0x00,
    USB_EP_CCID_OUT = 0x01,
    USB_EP_CCID_IN = 0x82,
    USB_EP_CCID_EVENT = 0x83,
    USB_EP_FRAME_OUT = 0x04,
    USB_EP_FRAME_IN = 0x85,
    USB_EP_IN = 0x80
};

enum usb_interface { USB_IF_CCID = 0, USB_IF_FRAMES = 1, USB_INTERFACES = 2 };

/* What a transfer came to: 0 or the negated errno that Linux uses for it. */
enum usb_outcome {
    USB_DONE = 0,
    USB_STALLED = -32,   /* -EPIPE */
    USB_OVERFLOW = -75,  /* -EOVERFLOW: babble */
    USB_UNPLUGGED = -108 /* -ESHUTDOWN */
};

/* A transfer, or a part of one: all but the last part have a multiple of the packet size. It is the
 * front end's; the device has it from submit until done is called or cancel has said yes. */
struct usb_urb {
    struct usb_urb *next;
    uint8_t endpoint;
    bool zero;        /* OUT: a zero-length packet follows when it ends on a whole packet */
    uint8_t setup[8]; /* of a control transfer */
    uint8_t *data;
    size_t length, actual;
    int outcome;
    void (*done)(struct usb_urb *u);
};

struct usb_setup {
    uint8_t type, request;
    uint16_t value, index, length;
};

struct usb_config {
    const char *socket; /* of the hufu-sim whose device this is a face of */
    const char *serial; /* ASCII, at most 32 characters */
    uint16_t vendor, product;
    bool full_speed;      /* 12 Mbit/s and packets of 64 bytes; else 480 and 512 */
    uint32_t level;       /* CCID_LEVEL_SHORT or CCID_LEVEL_EXTENDED */
    uint32_t message_max; /* dwMaxCCIDMessageLength */
    unsigned patience_ms; /* a command that takes longer asks for more time this often */
};

enum {
    USB_VENDOR = 0x1209, /* pid.codes' test product: for machines of one's own only */
    USB_PRODUCT = 0x0001,
    USB_MESSAGE_EXTENDED = 10 + 4 + 3 + 65535 + 3, /* every extended APDU in one message */
    USB_MESSAGE_SHORT = 271,
    USB_PATIENCE_MS = 1000
};

#endif
