/* usb:VID:PID[:SERIAL]: the link is usb_frames.c's or usb_ccid.c's, as the device and the URL say.
 */
#include "host/lib/usb.h"

#include "host/lib/lib.h"
#include "host/lib/module.h"

#ifdef HUFU_WITH_USB

static enum hufu_status usb_open(struct transport **t, const char *address,
                                 const struct hufu_options *options)
{
    struct usb_port port;
    (void)options;
    const enum hufu_status s = usb_port_open(&port, address);
    if (s)
        return s;
    return port.way == USB_WAY_FRAMES ? usb_frames_attach(t, &port) : usb_ccid_attach(t, &port);
}

#else

static enum hufu_status usb_open(struct transport **t, const char *address,
                                 const struct hufu_options *options)
{
    (void)t, (void)options;
    return module_absent("usb", address, "libusb-1.0-0-dev");
}

#endif

/* Only opens: an open link has the functions of its kind. */
const struct transport_ops transport_usb = {
    "usb", "usb:VID:PID[:SERIAL]", usb_open, NULL, NULL, NULL, NULL};
