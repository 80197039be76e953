/*
 * USB/IP, the protocol of Linux's usbip tools and vhci-hcd (Documentation/usb/usbip_protocol.rst):
 * the USB device for whoever reaches a TCP port. A thread of its own; one host at a time has the
 * device.
 */
#ifndef HUFU_SIM_USB_USBIP_H
#define HUFU_SIM_USB_USBIP_H

#include "sim/usb/usb.h"

struct usbip;

/* Listen at "ADDRESS:PORT" (numeric; [ADDRESS]:PORT for IPv6). config must outlive it. NULL after a
 * line on stderr. */
struct usbip *usbip_open(const char *address, const struct usb_config *config);
/* Begin to serve. 0, or -1 after a line. */
int usbip_start(struct usbip *u);
/* Also when it was never started. NULL is nothing. */
void usbip_close(struct usbip *u);

#endif
