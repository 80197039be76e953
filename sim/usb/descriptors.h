/* What the USB device says of itself. */
#ifndef HUFU_SIM_USB_DESCRIPTORS_H
#define HUFU_SIM_USB_DESCRIPTORS_H

#include "sim/usb/usb.h"

enum { USB_DESCRIPTORS_MAX = 256, USB_CONFIGURATION = 1, USB_ALT_FRAMES = 1 };

size_t usb_packet_size(const struct usb_config *c);
/* Device descriptor, 18 bytes. */
size_t usb_describe_device(const struct usb_config *c, uint8_t out[USB_DESCRIPTORS_MAX]);
/* The configuration with its interfaces and endpoints. */
size_t usb_describe_configuration(const struct usb_config *c, uint8_t out[USB_DESCRIPTORS_MAX]);
/* GET_DESCRIPTOR: wValue. 0: there is no such descriptor. */
size_t usb_describe(const struct usb_config *c, uint16_t value, uint8_t out[USB_DESCRIPTORS_MAX]);

#endif
