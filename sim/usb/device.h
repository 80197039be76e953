/*
 * The USB device in front of a running hufu-sim: a CCID reader with the card in it, and an
 * interface of its own class that carries native frames. It is a client of the simulator's socket,
 * so it shares nothing with the threads there. One thread at a time; nothing blocks.
 */
#ifndef HUFU_SIM_USB_DEVICE_H
#define HUFU_SIM_USB_DEVICE_H

#include "sim/usb/usb.h"

struct usb_device;

/* config must outlive it. NULL: no memory or no descriptors left. */
struct usb_device *usb_device_create(const struct usb_config *config);
void usb_device_free(struct usb_device *d);

/* Readable when there is something to do: then call usb_device_work. */
int usb_device_fd(const struct usb_device *d);
void usb_device_work(struct usb_device *d);

/* Hand a transfer over. u->done may be called before this returns, or from work. */
void usb_device_submit(struct usb_device *d, struct usb_urb *u);
/* true: the device had it and gives it back, not done. */
bool usb_device_cancel(struct usb_device *d, struct usb_urb *u);

/* Out of its socket: all transfers end with USB_UNPLUGGED, as do those that still come. */
void usb_device_unplug(struct usb_device *d);
void usb_device_plug(struct usb_device *d);
/* A reset of the bus. */
void usb_device_reset(struct usb_device *d);

#endif
