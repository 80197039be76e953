/*
 * Linux's usbfs in front of the model, as umockdev's ioctl handler. umockdev calls it in a thread
 * of its own; the device's events come from another; one lock holds them apart.
 *
 * libusb waits for finished transfers with POLLOUT. A pipe of one page that is kept full stands in
 * for the device node and is emptied when there is something to reap, so that nobody spins.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/usb/mock.h"

enum { CLIENTS_MAX = 16 };

struct transfer {
    struct usb_urb urb;
    struct transfer *next;
    struct usbfs *fs;
    UMockdevIoctlClient *client;
    UMockdevIoctlData *request, *buffer;
    bool with_device, swallowed;
    uint8_t bytes[];
};

struct opened {
    UMockdevIoctlClient *client;
    bool claimed[USB_INTERFACES];
    bool dead; /* the device it opened is gone */
};

struct usbfs {
    pthread_mutex_t lock;
    struct usb_device *device;
    struct faults *faults;
    UMockdevIoctlBase *handler;
    struct opened opened[CLIENTS_MAX];
    struct transfer *pending, *done, **last_done;
    int node;
    bool node_full, frames_on;
    void (*unplug)(void *arg);
    void *unplug_arg;
};

void usbfs_lock(struct usbfs *fs)
{
    pthread_mutex_lock(&fs->lock);
}

void usbfs_unlock(struct usbfs *fs)
{
    pthread_mutex_unlock(&fs->lock);
}

/* ------------------------------------------------------------------ the node */

static void show(struct usbfs *fs)
{
    char byte = 0;
    if (fs->node < 0 || fs->node_full == !fs->done)
        return;
    if (fs->done)
        fs->node_full = read(fs->node, &byte, 1) != 1;
    else
        fs->node_full = write(fs->node, &byte, 1) == 1;
}

void usbfs_node(struct usbfs *fs, const char *path)
{
    if (fs->node >= 0)
        close(fs->node);
    unlink(path);
    fs->node = mkfifo(path, 0666) ? -1 : open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    fs->node_full = false;
    if (fs->node >= 0)
        fcntl(fs->node, F_SETPIPE_SZ, 4096);
    show(fs);
}

/* ------------------------------------------------------------------ transfers */

static void transfer_free(struct transfer *t)
{
    umockdev_ioctl_data_unref(t->request);
    if (t->buffer)
        umockdev_ioctl_data_unref(t->buffer);
    free(t);
}

static void take_out(struct transfer **list, struct transfer *t)
{
    while (*list && *list != t)
        list = &(*list)->next;
    if (*list)
        *list = t->next;
}

static void to_reap(struct transfer *t)
{
    struct usbfs *fs = t->fs;
    take_out(&fs->pending, t);
    t->with_device = false;
    t->next = NULL;
    *fs->last_done = t;
    fs->last_done = &t->next;
    show(fs);
}

static void on_done(struct usb_urb *u)
{
    struct transfer *t = (struct transfer *)u;
    struct usbfs *fs = t->fs;
    const enum fault_end end = faults_done(fs->faults, u);
    if (end == FAULT_SILENT) {
        t->with_device = false; /* until it is discarded */
        t->swallowed = true;
        return;
    }
    if (end == FAULT_UNPLUG) {
        u->outcome = USB_UNPLUGGED;
        u->actual = 0;
    }
    to_reap(t);
    if (end == FAULT_UNPLUG)
        fs->unplug(fs->unplug_arg);
}

static bool is_frames(uint8_t endpoint)
{
    return endpoint == USB_EP_FRAME_OUT || endpoint == USB_EP_FRAME_IN;
}

static struct transfer *transfer_of(struct usbfs *fs, UMockdevIoctlClient *client,
                                    UMockdevIoctlData *data)
{
    struct usbdevfs_urb urb;
    memcpy(&urb, data->data, sizeof urb);
    if (urb.buffer_length < 0 || (urb.type == USBDEVFS_URB_TYPE_CONTROL && urb.buffer_length < 8))
        return NULL;
    const size_t n = (size_t)urb.buffer_length;
    struct transfer *t = calloc(1, sizeof *t + n);
    t->fs = fs;
    t->client = client;
    t->request = umockdev_ioctl_data_ref(data);
    if (n)
        t->buffer = umockdev_ioctl_data_resolve(data, G_STRUCT_OFFSET(struct usbdevfs_urb, buffer),
                                                n, NULL);
    if (n && !t->buffer) {
        transfer_free(t);
        return NULL;
    }
    if (n)
        memcpy(t->bytes, t->buffer->data, n);
    const size_t skip = urb.type == USBDEVFS_URB_TYPE_CONTROL ? 8 : 0;
    t->urb = (struct usb_urb){.endpoint = urb.endpoint,
                              .zero = urb.flags & USBDEVFS_URB_ZERO_PACKET,
                              .data = t->bytes + skip,
                              .length = n - skip,
                              .done = on_done};
    memcpy(t->urb.setup, t->bytes, skip);
    return t;
}

static void submit(struct usbfs *fs, struct transfer *t)
{
    t->next = fs->pending;
    fs->pending = t;
    t->with_device = true;
    if (is_frames(t->urb.endpoint))
        fs->frames_on = true;
    if (faults_submit(fs->faults, &t->urb))
        to_reap(t);
    else
        usb_device_submit(fs->device, &t->urb);
}

static int discard(struct usbfs *fs, gulong address)
{
    for (struct transfer *t = fs->pending; t; t = t->next)
        if (t->request->client_addr == address) {
            if (t->with_device && !usb_device_cancel(fs->device, &t->urb))
                break;
            t->urb.outcome = -ENOENT;
            if (t->swallowed)
                t->urb.actual = 0;
            to_reap(t);
            return 0;
        }
    return EINVAL;
}

/* The oldest that is done and this client's. */
static struct transfer *next_done(struct usbfs *fs, const UMockdevIoctlClient *client)
{
    for (struct transfer **at = &fs->done; *at; at = &(*at)->next) {
        struct transfer *t = *at;
        if (t->client != client)
            continue;
        *at = t->next;
        if (!*at)
            fs->last_done = at;
        return t;
    }
    return NULL;
}

static int reap(struct usbfs *fs, UMockdevIoctlClient *client, UMockdevIoctlData *out)
{
    struct transfer *t = next_done(fs, client);
    struct usbdevfs_urb urb;
    if (!t)
        return EAGAIN;
    memcpy(&urb, t->request->data, sizeof urb);
    urb.status = t->urb.outcome;
    urb.actual_length = (int)t->urb.actual;
    umockdev_ioctl_data_update(t->request, G_STRUCT_OFFSET(struct usbdevfs_urb, status),
                               (guint8 *)&urb.status, sizeof urb.status);
    umockdev_ioctl_data_update(t->request, G_STRUCT_OFFSET(struct usbdevfs_urb, actual_length),
                               (guint8 *)&urb.actual_length, sizeof urb.actual_length);
    const bool in = urb.type == USBDEVFS_URB_TYPE_CONTROL ? t->urb.setup[0] & USB_EP_IN
                                                          : t->urb.endpoint & USB_EP_IN;
    if (in && t->buffer && t->urb.actual)
        umockdev_ioctl_data_update(t->buffer, (gsize)(t->urb.data - t->bytes), t->urb.data,
                                   (gint)t->urb.actual);
    umockdev_ioctl_data_set_ptr(out, 0, t->request);
    transfer_free(t);
    show(fs);
    return 0;
}

/* ------------------------------------------------------------------ who has it open */

static struct opened *opened_by(struct usbfs *fs, UMockdevIoctlClient *client)
{
    struct opened *free_one = NULL;
    for (int i = 0; i < CLIENTS_MAX; i++) {
        if (fs->opened[i].client == client)
            return &fs->opened[i];
        if (!fs->opened[i].client)
            free_one = &fs->opened[i];
    }
    if (free_one)
        *free_one = (struct opened){.client = g_object_ref(client)};
    return free_one;
}

static int claim(struct usbfs *fs, struct opened *o, unsigned interface)
{
    if (interface >= USB_INTERFACES)
        return EINVAL;
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (&fs->opened[i] != o && fs->opened[i].client && fs->opened[i].claimed[interface])
            return EBUSY;
    o->claimed[interface] = true;
    return 0;
}

static void on_control_done(struct usb_urb *u)
{
    (void)u;
}

static int control(struct usbfs *fs, uint8_t type, uint8_t request, uint16_t value, uint16_t index)
{
    struct usb_urb u = {.setup = {type, request, (uint8_t)value, (uint8_t)(value >> 8),
                                  (uint8_t)index, (uint8_t)(index >> 8)},
                        .done = on_control_done};
    usb_device_submit(fs->device, &u);
    return u.outcome == USB_DONE ? 0 : -u.outcome;
}

/* As the kernel does when a program lets go of an interface that is in another setting than 0. */
static void release(struct usbfs *fs, struct opened *o, unsigned interface)
{
    if (interface >= USB_INTERFACES || !o->claimed[interface])
        return;
    o->claimed[interface] = false;
    if (interface == USB_IF_FRAMES && !o->dead)
        control(fs, 0x01, 11, 0, USB_IF_FRAMES);
}

static void close_client(struct usbfs *fs, struct opened *o)
{
    UMockdevIoctlClient *client = o->client;
    for (struct transfer *t = fs->pending, *next; t; t = next) {
        next = t->next;
        if (t->client == client && (!t->with_device || usb_device_cancel(fs->device, &t->urb)))
            to_reap(t);
    }
    for (unsigned i = 0; i < USB_INTERFACES; i++)
        release(fs, o, i);
    o->client = NULL;
    for (struct transfer *t; (t = next_done(fs, client)) != NULL;)
        transfer_free(t);
    show(fs);
    g_object_unref(client);
}

void usbfs_look(struct usbfs *fs)
{
    usbfs_lock(fs);
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (fs->opened[i].client && !umockdev_ioctl_client_get_connected(fs->opened[i].client))
            close_client(fs, &fs->opened[i]);
    usbfs_unlock(fs);
}

/* ------------------------------------------------------------------ ioctls */

static unsigned number_of(const UMockdevIoctlData *d)
{
    unsigned v;
    memcpy(&v, d->data, sizeof v);
    return v;
}

static int submit_request(struct usbfs *fs, UMockdevIoctlClient *client, UMockdevIoctlData *data)
{
    struct transfer *t = transfer_of(fs, client, data);
    if (!t)
        return EINVAL;
    submit(fs, t);
    return 0;
}

static int set_interface(struct usbfs *fs, const UMockdevIoctlData *data)
{
    struct usbdevfs_setinterface s;
    memcpy(&s, data->data, sizeof s);
    return control(fs, 0x01, 11, (uint16_t)s.altsetting, (uint16_t)s.interface);
}

static int capabilities(UMockdevIoctlData *data)
{
    guint32 v = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_BULK_CONTINUATION |
                USBDEVFS_CAP_NO_PACKET_SIZE_LIM | USBDEVFS_CAP_BULK_SCATTER_GATHER |
                USBDEVFS_CAP_REAP_AFTER_DISCONNECT;
    umockdev_ioctl_data_update(data, 0, (guint8 *)&v, sizeof v);
    return 0;
}

static int answer(struct usbfs *fs, UMockdevIoctlClient *client, gulong request,
                  UMockdevIoctlData *data, struct opened *o)
{
    switch (request) {
    case USBDEVFS_GET_CAPABILITIES:
        return capabilities(data);
    case USBDEVFS_SUBMITURB:
        return submit_request(fs, client, data);
    case USBDEVFS_DISCONNECT_CLAIM: /* begins with the number of the interface */
    case USBDEVFS_CLAIMINTERFACE:
        return claim(fs, o, number_of(data));
    case USBDEVFS_RELEASEINTERFACE:
        release(fs, o, number_of(data));
        return 0;
    case USBDEVFS_SETINTERFACE:
        return set_interface(fs, data);
    case USBDEVFS_SETCONFIGURATION:
        return control(fs, 0x00, 9, (uint16_t)number_of(data), 0);
    case USBDEVFS_CLEAR_HALT:
    case USBDEVFS_RESETEP:
        return control(fs, 0x02, 1, 0, (uint16_t)number_of(data));
    case USBDEVFS_RESET:
        usb_device_reset(fs->device);
        return 0;
    case USBDEVFS_GETDRIVER:
    case USBDEVFS_IOCTL:
        return ENODATA;
    default:
        return ENOTTY;
    }
}

/* An errno; -1: the client died with the question on its lips. */
static int serve(struct usbfs *fs, UMockdevIoctlClient *client, gulong request)
{
    UMockdevIoctlData *arg = umockdev_ioctl_client_get_arg(client), *data = NULL;
    struct opened *o = opened_by(fs, client);
    gulong address;
    if (!o)
        return ENOMEM;
    if (request == USBDEVFS_DISCARDURB) {
        memcpy(&address, arg->data, sizeof address);
        return o->dead ? ENODEV : discard(fs, address);
    }
    if (_IOC_SIZE(request)) {
        data = umockdev_ioctl_data_resolve(arg, 0, _IOC_SIZE(request), NULL);
        if (!data)
            return -1;
    }
    int error;
    if (request == USBDEVFS_REAPURBNDELAY || request == USBDEVFS_REAPURB) {
        error = reap(fs, client, data);
        if (error && o->dead)
            error = ENODEV;
    } else {
        error = o->dead ? ENODEV : answer(fs, client, request, data, o);
    }
    if (data)
        umockdev_ioctl_data_unref(data);
    return error;
}

static gboolean on_ioctl(UMockdevIoctlBase *handler, UMockdevIoctlClient *client, gpointer arg)
{
    struct usbfs *fs = arg;
    (void)handler;
    usbfs_lock(fs);
    const int error = serve(fs, client, umockdev_ioctl_client_get_request(client));
    usbfs_unlock(fs);
    if (error < 0)
        umockdev_ioctl_client_abort(client);
    else
        umockdev_ioctl_client_complete(client, error ? -1 : 0, error);
    return TRUE;
}

/* ------------------------------------------------------------------ life */

void usbfs_gone(struct usbfs *fs)
{
    for (int i = 0; i < CLIENTS_MAX; i++)
        fs->opened[i] = (struct opened){.client = fs->opened[i].client, .dead = true};
    for (struct transfer *t = fs->pending, *next; t; t = next) {
        next = t->next;
        t->urb.outcome = USB_UNPLUGGED;
        if (!t->with_device)
            to_reap(t);
    }
    faults_forget(fs->faults);
}

bool usbfs_fault(struct usbfs *fs, const char *name, uint8_t endpoint, unsigned skip)
{
    return faults_plan(fs->faults, name, endpoint, skip);
}

void usbfs_on_unplug(struct usbfs *fs, void (*unplug)(void *arg), void *arg)
{
    fs->unplug = unplug;
    fs->unplug_arg = arg;
}

UMockdevIoctlBase *usbfs_handler(struct usbfs *fs)
{
    return fs->handler;
}

struct usbfs *usbfs_create(struct usb_device *device)
{
    struct usbfs *fs = calloc(1, sizeof *fs);
    pthread_mutexattr_t again;
    pthread_mutexattr_init(&again);
    pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&fs->lock, &again);
    fs->device = device;
    fs->faults = faults_create();
    fs->last_done = &fs->done;
    fs->node = -1;
    fs->handler = umockdev_ioctl_base_new();
    g_signal_connect(fs->handler, "handle-ioctl", G_CALLBACK(on_ioctl), fs);
    return fs;
}
