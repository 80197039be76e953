#include "host/lib/usb.h"

#ifdef HUFU_WITH_USB

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/lib/module.h"

enum { CLASS_CARD_READER = 0x0B, CLASS_VENDOR = 0xFF, SERIAL_MAX = 64 };

struct usb_functions usb;

static const char *const names[] = {
#define USB_NAME(name) "libusb_" #name,
    USB_FUNCTIONS(USB_NAME)
#undef USB_NAME
};

static struct module library = {
    "libusb-1.0.so.0", "libusb-1.0-0", names, &usb, sizeof names / sizeof *names, false};

struct wanted {
    uint16_t vendor, product;
    char serial[SERIAL_MAX]; /* empty: any */
    enum usb_way way;
    unsigned wait_s; /* for the device to be plugged in */
};

/* ------------------------------------------------------------------ the address */

static bool hex4(const char **text, uint16_t *value)
{
    char *end;
    if (!strchr("0123456789abcdefABCDEF", **text) || !**text)
        return false;
    const unsigned long v = strtoul(*text, &end, 16);
    if (end - *text > 4 || v > 0xFFFF)
        return false;
    *text = end;
    *value = (uint16_t)v;
    return true;
}

static bool take_option(struct wanted *w, const char *text, size_t n)
{
    static const char wait[] = "wait=";
    const size_t head = sizeof wait - 1;
    if (n == 4 && !strncmp(text, "ccid", n)) {
        w->way = USB_WAY_CCID;
    } else if (n == 4 && !strncmp(text, "bulk", n)) {
        w->way = USB_WAY_FRAMES;
    } else if (n > head && n <= head + 5 && !strncmp(text, wait, head) &&
               strspn(text + head, "0123456789") >= n - head) {
        w->wait_s = (unsigned)strtoul(text + head, NULL, 10);
    } else {
        return false;
    }
    return true;
}

/* What is behind the question mark. */
static bool take_options(struct wanted *w, const char *text)
{
    for (;;) {
        const size_t n = strcspn(text, "&");
        if (!take_option(w, text, n))
            return false;
        if (!text[n])
            return true;
        text += n + 1;
    }
}

static bool parse(struct wanted *w, const char *address)
{
    const char *p = address, *query = strchr(address, '?');
    *w = (struct wanted){.way = USB_WAY_ANY};
    if (query && !take_options(w, query + 1))
        return false;
    if (!hex4(&p, &w->vendor) || *p++ != ':' || !hex4(&p, &w->product))
        return false;
    const char *end = query ? query : p + strlen(p);
    if (p == end)
        return true;
    const size_t n = (size_t)(end - p) - 1;
    if (*p++ != ':' || n == 0 || n >= SERIAL_MAX)
        return false;
    memcpy(w->serial, p, n);
    return true;
}

/* ------------------------------------------------------------------ what a device has */

static bool bulk_pair(struct usb_port *p, const struct libusb_interface_descriptor *d)
{
    const uint8_t kind = LIBUSB_TRANSFER_TYPE_BULK;
    p->out = p->in = 0;
    for (uint8_t i = 0; i < d->bNumEndpoints; i++) {
        const struct libusb_endpoint_descriptor *e = &d->endpoint[i];
        if ((e->bmAttributes & 3) != kind || !(e->wMaxPacketSize & 0x7FF))
            continue;
        if (e->bEndpointAddress & LIBUSB_ENDPOINT_IN) {
            p->in = e->bEndpointAddress;
            p->packet_in = e->wMaxPacketSize & 0x7FF;
        } else {
            p->out = e->bEndpointAddress;
            p->packet_out = e->wMaxPacketSize & 0x7FF;
        }
    }
    return p->out && p->in;
}

static bool is_ccid(struct usb_port *p, const struct libusb_interface_descriptor *d)
{
    return d->bInterfaceClass == CLASS_CARD_READER && bulk_pair(p, d) && d->extra_length > 0 &&
           ccid_class_get(d->extra, (size_t)d->extra_length, &p->class);
}

/* Others have interfaces of their own class, too: ours has this name. */
static bool is_frames(struct usb_port *p, const struct libusb_interface_descriptor *d)
{
    unsigned char name[32] = "";
    if (d->bInterfaceClass != CLASS_VENDOR || !bulk_pair(p, d) || !d->iInterface)
        return false;
    const int n = usb.get_string_descriptor_ascii(p->handle, d->iInterface, name, sizeof name - 1);
    return n > 0 && !strcmp((const char *)name, "Hufu frames");
}

static bool find_interface(struct usb_port *p, const struct libusb_config_descriptor *config,
                           enum usb_way way)
{
    for (uint8_t i = 0; i < config->bNumInterfaces; i++)
        for (int a = 0; a < config->interface[i].num_altsetting; a++) {
            const struct libusb_interface_descriptor *d = &config->interface[i].altsetting[a];
            if (!(way == USB_WAY_CCID ? is_ccid(p, d) : is_frames(p, d)))
                continue;
            p->way = way;
            p->interface = d->bInterfaceNumber;
            p->alternate = d->bAlternateSetting;
            return true;
        }
    return false;
}

/* The interface that is wanted; by default the one for frames when there is one. */
static bool choose(struct usb_port *p, libusb_device *device, enum usb_way wanted)
{
    struct libusb_config_descriptor *config;
    if (usb.get_active_config_descriptor(device, &config))
        return false;
    const bool found = (wanted != USB_WAY_CCID && find_interface(p, config, USB_WAY_FRAMES)) ||
                       (wanted != USB_WAY_FRAMES && find_interface(p, config, USB_WAY_CCID));
    usb.free_config_descriptor(config);
    return found;
}

/* ------------------------------------------------------------------ find, open */

static bool serial_fits(libusb_device_handle *handle, uint8_t index, const char *wanted)
{
    unsigned char serial[SERIAL_MAX] = "";
    if (!*wanted)
        return true;
    return index && usb.get_string_descriptor_ascii(handle, index, serial, sizeof serial - 1) > 0 &&
           !strcmp((const char *)serial, wanted);
}

static enum hufu_status claim(struct usb_port *p)
{
    usb.set_auto_detach_kernel_driver(p->handle, 1);
    const int error = usb.claim_interface(p->handle, p->interface);
    if (error == LIBUSB_ERROR_BUSY)
        return fail_with(HUFU_E_OPEN, "%s: another program has the device%s", p->url,
                         p->way == USB_WAY_CCID ? " (pcscd? then use pcsc:)" : "");
    if (error)
        return fail_with(HUFU_E_OPEN, "%s: the device cannot be claimed: %s", p->url,
                         usb_text(error));
    return HUFU_OK;
}

/* One device of the right kind: HUFU_E_NOT_FOUND (without a line) when it is not the one. */
static enum hufu_status try_device(struct usb_port *p, libusb_device *device,
                                   const struct libusb_device_descriptor *d, const struct wanted *w)
{
    const int error = usb.open(device, &p->handle);
    if (error == LIBUSB_ERROR_ACCESS)
        return fail_with(HUFU_E_OPEN,
                         "%s: no permission to use the device: install the udev rule of Hufu, or "
                         "become root",
                         p->url);
    if (error)
        return fail_with(HUFU_E_OPEN, "%s: the device cannot be opened: %s", p->url,
                         usb_text(error));
    enum hufu_status s = HUFU_E_NOT_FOUND;
    if (serial_fits(p->handle, d->iSerialNumber, w->serial))
        s = choose(p, device, w->way)
                ? claim(p)
                : fail_with(HUFU_E_OPEN, "%s: the device has no such interface", p->url);
    if (s) {
        usb.close(p->handle);
        p->handle = NULL;
    }
    return s;
}

/* HUFU_E_NOT_FOUND (without a line) when there is none. */
static enum hufu_status find(struct usb_port *p, const struct wanted *w)
{
    libusb_device **list;
    const ssize_t n = usb.get_device_list(p->context, &list);
    enum hufu_status s = HUFU_E_NOT_FOUND;
    for (ssize_t i = 0; i < n && s; i++) {
        struct libusb_device_descriptor d;
        if (usb.get_device_descriptor(list[i], &d) || d.idVendor != w->vendor ||
            d.idProduct != w->product)
            continue;
        const enum hufu_status tried = try_device(p, list[i], &d, w);
        if (tried != HUFU_E_NOT_FOUND)
            s = tried;
    }
    if (n >= 0)
        usb.free_device_list(list, 1);
    return s;
}

static int LIBUSB_CALL on_plugged(libusb_context *context, libusb_device *device,
                                  libusb_hotplug_event event, void *arg)
{
    int *plugged = arg;
    (void)context, (void)device, (void)event;
    *plugged = 1;
    return 0;
}

/* Until a device of these numbers has come, or the deadline has. */
static void wait_plugged(struct usb_port *p, int *plugged, uint64_t deadline)
{
    for (uint64_t now = now_ms(); !*plugged && now < deadline; now = now_ms()) {
        const uint64_t left = deadline - now;
        struct timeval tv = {(time_t)(left / 1000), (suseconds_t)(left % 1000 * 1000)};
        usb.handle_events_timeout_completed(p->context, &tv, plugged);
    }
}

/* Find it, now or when it is plugged in. The node of a device comes a moment before the right to
 * use it, so a failure is not the end while there is time. */
static enum hufu_status find_in_time(struct usb_port *p, const struct wanted *w)
{
    enum { SETTLE_MS = 200 };
    const uint64_t deadline = now_ms() + w->wait_s * (uint64_t)1000;
    libusb_hotplug_callback_handle handle = 0;
    int plugged = 0;
    const bool watching =
        w->wait_s && !usb.hotplug_register_callback(
                         p->context, LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED, 0, w->vendor, w->product,
                         LIBUSB_HOTPLUG_MATCH_ANY, on_plugged, &plugged, &handle);
    enum hufu_status s = find(p, w);
    while (s && watching && now_ms() < deadline) {
        const uint64_t settled = now_ms() + SETTLE_MS;
        const bool failed = s != HUFU_E_NOT_FOUND;
        wait_plugged(p, &plugged, failed && settled < deadline ? settled : deadline);
        plugged = 0;
        s = find(p, w);
    }
    if (watching)
        usb.hotplug_deregister_callback(p->context, handle);
    if (s == HUFU_E_NOT_FOUND)
        s = fail_with(HUFU_E_OPEN, "%s: no such device is plugged in", p->url);
    return s;
}

enum hufu_status usb_port_open(struct usb_port *p, const char *address)
{
    struct wanted w;
    *p = (struct usb_port){0};
    snprintf(p->url, sizeof p->url, "usb:%.150s", address);
    if (!parse(&w, address))
        return fail_with(HUFU_E_URL,
                         "%s: give usb:VID:PID or usb:VID:PID:SERIAL, the numbers hexadecimal; "
                         "?ccid, ?bulk or ?wait=SECONDS may follow",
                         p->url);
    enum hufu_status s = module_need(&library, "usb", address);
    if (s)
        return s;
    const int error = usb.init(&p->context);
    if (error)
        return fail_with(HUFU_E_OPEN, "%s: no USB on this machine: %s", p->url, usb_text(error));
    s = find_in_time(p, &w);
    if (s) {
        usb.exit(p->context);
        p->context = NULL;
    }
    return s;
}

void usb_port_close(struct usb_port *p)
{
    if (p->handle) {
        usb.release_interface(p->handle, p->interface);
        usb.close(p->handle);
    }
    if (p->context)
        usb.exit(p->context);
    p->handle = NULL;
    p->context = NULL;
}

const char *usb_text(int error)
{
    switch (error) {
    case LIBUSB_ERROR_NO_DEVICE:
        return "the device was unplugged";
    case LIBUSB_ERROR_PIPE:
        return "the device stalled";
    case LIBUSB_ERROR_OVERFLOW:
        return "the device sent more than there is room for";
    case LIBUSB_ERROR_TIMEOUT:
        return "the device is silent";
    case LIBUSB_ERROR_IO:
        return "a transfer failed on the bus";
    case LIBUSB_ERROR_NO_MEM:
        return "no memory";
    default:
        return usb.error_name(error);
    }
}

#endif
