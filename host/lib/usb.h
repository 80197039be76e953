/*
 * Inside libhufu: USB devices through libusb-1.0. usb.c finds one and claims an interface;
 * usb_frames.c and usb_ccid.c make a link of it.
 */
#ifndef HUFU_HOST_USB_H
#define HUFU_HOST_USB_H

#ifdef HUFU_WITH_USB
#include <libusb.h>

#include "host/lib/lib.h"
#include "proto/ccid.h"

#define USB_FUNCTIONS(X)                                                                           \
    X(init)                                                                                        \
    X(exit)                                                                                        \
    X(get_device_list)                                                                             \
    X(free_device_list)                                                                            \
    X(get_device_descriptor)                                                                       \
    X(get_active_config_descriptor)                                                                \
    X(free_config_descriptor)                                                                      \
    X(open)                                                                                        \
    X(close)                                                                                       \
    X(get_string_descriptor_ascii)                                                                 \
    X(set_auto_detach_kernel_driver)                                                               \
    X(claim_interface)                                                                             \
    X(release_interface)                                                                           \
    X(set_interface_alt_setting)                                                                   \
    X(clear_halt)                                                                                  \
    X(control_transfer)                                                                            \
    X(bulk_transfer)                                                                               \
    X(alloc_transfer)                                                                              \
    X(free_transfer)                                                                               \
    X(submit_transfer)                                                                             \
    X(cancel_transfer)                                                                             \
    X(hotplug_register_callback)                                                                   \
    X(hotplug_deregister_callback)                                                                 \
    X(handle_events_timeout_completed)                                                             \
    X(error_name)

struct usb_functions {
#define USB_POINTER(name) __typeof__(&libusb_##name) name;
    USB_FUNCTIONS(USB_POINTER)
#undef USB_POINTER
};
extern struct usb_functions usb; /* after usb_open has succeeded once */

enum {
    USB_SILENCE_MS = 20000, /* a device that is at work says so every second */
    USB_SEND_MS = 5000
};

enum usb_way { USB_WAY_ANY, USB_WAY_CCID, USB_WAY_FRAMES };

/* An open device with an interface of it. */
struct usb_port {
    char url[160];
    libusb_context *context;
    libusb_device_handle *handle;
    enum usb_way way;
    uint8_t interface, alternate, out, in;
    uint16_t packet_out, packet_in;
    struct ccid_class class; /* of a CCID interface */
};

/* address: VID:PID[:SERIAL][?OPTION[&OPTION]...], an option being ccid, bulk or wait=SECONDS */
enum hufu_status usb_port_open(struct usb_port *p, const char *address);
void usb_port_close(struct usb_port *p);
/* What a failed transfer means, in words. */
const char *usb_text(int error);

/* These take the port over, also when they fail. */
enum hufu_status usb_frames_attach(struct transport **t, const struct usb_port *port);
enum hufu_status usb_ccid_attach(struct transport **t, const struct usb_port *port);

#endif
#endif
