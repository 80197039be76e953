/* What USB/IP looks like on the wire: everything big-endian, but setup packets. No I/O. */
#ifndef HUFU_SIM_USB_USBIP_WIRE_H
#define HUFU_SIM_USB_USBIP_WIRE_H

#include "proto/wire.h"
#include "sim/usb/usb.h"

enum {
    USBIP_OP_SIZE = 8,
    USBIP_BUSID_SIZE = 32,
    USBIP_IMPORT_SIZE = USBIP_OP_SIZE + USBIP_BUSID_SIZE,
    USBIP_HEADER_SIZE = 48,
    USBIP_REPLY_MAX = 400,
    USBIP_OP_DEVLIST = 0x8005,
    USBIP_OP_IMPORT = 0x8003,
    USBIP_SUBMIT = 1,
    USBIP_UNLINK = 2,
    USBIP_BUS = 1,
    USBIP_DEVICE = 2
};

/* USBIP_OP_..., or 0 when it is not this protocol. 8 bytes. */
uint16_t usbip_op_get(const uint8_t *bytes);
/* Is it our bus id that OP_REQ_IMPORT names? 40 bytes. */
bool usbip_import_is_ours(const uint8_t *bytes);
/* Replies; their sizes. taken: another host has the device. */
size_t usbip_devlist_put(uint8_t out[USBIP_REPLY_MAX], const struct usb_config *c, bool taken);
size_t usbip_import_put(uint8_t out[USBIP_REPLY_MAX], const struct usb_config *c, bool granted);

struct usbip_request {
    uint32_t command, sequence, device;
    bool in;
    uint8_t endpoint; /* with the bit of the direction */
    uint32_t length;  /* SUBMIT: of the buffer */
    bool zero, isochronous;
    uint8_t setup[8];
    uint32_t unlink; /* UNLINK: whom */
};
/* 48 bytes. false: no such command or endpoint. */
bool usbip_request_get(const uint8_t *bytes, struct usbip_request *r);
void usbip_submitted_put(uint8_t out[USBIP_HEADER_SIZE], uint32_t sequence, int status,
                         uint32_t actual);
void usbip_unlinked_put(uint8_t out[USBIP_HEADER_SIZE], uint32_t sequence, int status);

#endif
