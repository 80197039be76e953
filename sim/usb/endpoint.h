/*
 * An endpoint of the USB device: transfers that wait there, and whether it is halted.
 */
#ifndef HUFU_SIM_USB_ENDPOINT_H
#define HUFU_SIM_USB_ENDPOINT_H

#include "sim/usb/usb.h"

struct endpoint {
    struct usb_urb *first, **last;
    bool halted;
};

void endpoint_start(struct endpoint *e);
void endpoint_push(struct endpoint *e, struct usb_urb *u);
/* Give back the first transfer, or all: their done() is called from here. */
void endpoint_finish(struct endpoint *e, int outcome);
void endpoint_finish_all(struct endpoint *e, int outcome);
/* Nothing more until the host clears it. */
void endpoint_halt(struct endpoint *e);
/* true: u waited here and does no longer; done() is not called. */
bool endpoint_cancel(struct endpoint *e, const struct usb_urb *u);

#endif
