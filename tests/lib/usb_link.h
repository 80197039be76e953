/* What tests of the USB links share: a port and a device that are nothing but what the links look
 * at. */
#ifndef HUFU_TESTS_USB_LINK_H
#define HUFU_TESTS_USB_LINK_H

#include <check.h>
#include <string.h>

#include "host/lib/usb.h"

enum { USB_TEST_OUT = 0x01, USB_TEST_IN = 0x81 };

static struct hufu_device usb_owner = {.url = (char *)(uintptr_t) "usb:test",
                                       .lock = PTHREAD_MUTEX_INITIALIZER};
static struct transport *usb_link;

/* A command of n bytes, which is the transport's to take. */
static inline struct hufu_request *usb_command(size_t n)
{
    struct hufu_request *r;
    ck_assert_int_eq(request_new(&usb_owner, 7, INS_DIGEST, n, &r), HUFU_OK);
    memset(r->command.data + r->command.size, 0x5A, n);
    r->command.size += n;
    return r;
}

static inline enum hufu_status usb_submit(struct hufu_request *r)
{
    return usb_link->ops->submit(usb_link, r);
}

/* ms: 0 looks only. */
static inline bool usb_wait(struct hufu_request *r, uint64_t ms)
{
    return usb_link->ops->wait(usb_link, r, ms ? now_ms() + ms : 0);
}

/* Sends a command and waits: what became of it. */
static inline enum hufu_status usb_outcome(size_t n)
{
    struct hufu_request *r = usb_command(n);
    ck_assert_int_eq(usb_submit(r), HUFU_OK);
    ck_assert(usb_wait(r, 60000));
    const enum hufu_status s = r->failure;
    request_free(r);
    return s;
}

/* A device that only has to be let go of. */
static inline int usb_fake_release(libusb_device_handle *h, int interface)
{
    (void)h, (void)interface;
    return 0;
}

static unsigned usb_closed; /* so often */

static inline void usb_fake_close(libusb_device_handle *h)
{
    (void)h;
    usb_closed++;
}

/* The port of such a device, with packets of so many bytes. */
static inline struct usb_port usb_fake_port(uint16_t packet)
{
    usb.release_interface = usb_fake_release;
    usb.close = usb_fake_close;
    return (struct usb_port){.url = "usb:test",
                             .handle = (libusb_device_handle *)&usb_owner,
                             .out = USB_TEST_OUT,
                             .in = USB_TEST_IN,
                             .packet_out = packet,
                             .packet_in = packet};
}

static inline void usb_link_end(void)
{
    if (usb_link)
        usb_link->ops->close(usb_link);
    usb_link = NULL;
    request_free_all(&usb_owner);
}

#endif
