/* What a broken or lying device, cable or hub does to a transfer. */
#include <stdlib.h>
#include <string.h>

#include "tests/usb/mock.h"

enum { PLANS = 8, KEPT_MAX = 1 << 21 };

struct plan {
    const char *name;
    uint8_t endpoint;
    unsigned skip;
};

struct faults {
    struct plan plan[PLANS];
    uint8_t *kept; /* bytes for the next transfer of this endpoint */
    size_t kept_size;
    uint8_t kept_endpoint;
};

static const char *const names[] = {"stall",  "overflow", "error", "silent", "unplug",
                                    "short",  "zero",     "empty", "split",  "twice",
                                    "stale",  "sequence", "type",  "slot",   "status",
                                    "longer", "shorter",  "huge",  "future", "more"};

struct faults *faults_create(void)
{
    return calloc(1, sizeof(struct faults));
}

bool faults_plan(struct faults *f, const char *name, uint8_t endpoint, unsigned skip)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name))
            continue;
        for (int j = 0; j < PLANS; j++)
            if (!f->plan[j].name) {
                f->plan[j] = (struct plan){names[i], endpoint, skip};
                return true;
            }
    }
    return false;
}

void faults_forget(struct faults *f)
{
    free(f->kept);
    memset(f, 0, sizeof *f);
}

static const char *due(struct faults *f, const struct usb_urb *u)
{
    for (int i = 0; i < PLANS; i++) {
        struct plan *p = &f->plan[i];
        if (!p->name || p->endpoint != u->endpoint || (u->endpoint & USB_EP_IN && !u->actual))
            continue;
        if (p->skip--)
            continue;
        const char *name = p->name;
        p->name = NULL;
        return name;
    }
    return NULL;
}

static void keep(struct faults *f, const struct usb_urb *u, const uint8_t *bytes, size_t n)
{
    free(f->kept);
    f->kept = malloc(n ? n : 1);
    memcpy(f->kept, bytes, n);
    f->kept_size = n;
    f->kept_endpoint = u->endpoint;
}

static void end_with(struct usb_urb *u, int outcome)
{
    u->outcome = outcome;
    u->actual = 0;
}

/* CCID: bMessageType 0, dwLength 1, bSlot 5, bSeq 6, bStatus 7. Frames: length 0, tag 4. */
static void lie(const char *name, struct usb_urb *u)
{
    const bool ccid = u->endpoint == USB_EP_CCID_IN;
    uint8_t *b = u->data;
    if (u->actual < 10)
        return;
    if (!strcmp(name, "sequence") || !strcmp(name, "stale"))
        b[ccid ? 6 : 7] = (uint8_t)(b[ccid ? 6 : 7] - 1);
    else if (!strcmp(name, "future"))
        b[ccid ? 6 : 7] = (uint8_t)(b[ccid ? 6 : 7] + 1);
    else if (!strcmp(name, "type"))
        b[ccid ? 0 : 10] ^= 0x03;
    else if (!strcmp(name, "slot"))
        b[ccid ? 5 : 11] ^= 0x02;
    else if (!strcmp(name, "status"))
        b[ccid ? 7 : 11] |= 0xC0;
    else if (!strcmp(name, "longer"))
        b[ccid ? 1 : 3] = (uint8_t)(b[ccid ? 1 : 3] + 1);
    else if (!strcmp(name, "shorter"))
        b[ccid ? 1 : 3] = (uint8_t)(b[ccid ? 1 : 3] - 1);
    else if (!strcmp(name, "huge"))
        memset(b + (ccid ? 1 : 0), 0xFF, 4);
}

/* Faults that spread over two transfers. true: it was one. */
static bool spread(struct faults *f, const char *name, struct usb_urb *u)
{
    if (!strcmp(name, "empty")) {
        keep(f, u, u->data, u->actual);
        u->actual = 0;
    } else if (!strcmp(name, "split")) {
        const size_t first = u->actual > 1 ? u->actual / 2 : u->actual;
        keep(f, u, u->data + first, u->actual - first);
        u->actual = first;
    } else if (!strcmp(name, "twice")) {
        keep(f, u, u->data, u->actual);
    } else if (!strcmp(name, "stale")) {
        keep(f, u, u->data, u->actual);
        lie("stale", u);
    } else {
        return false;
    }
    return true;
}

enum fault_end faults_done(struct faults *f, struct usb_urb *u)
{
    const char *name = u->outcome == USB_DONE ? due(f, u) : NULL;
    if (!name)
        return FAULT_NONE;
    if (!strcmp(name, "silent"))
        return FAULT_SILENT;
    if (!strcmp(name, "unplug"))
        return FAULT_UNPLUG;
    if (!strcmp(name, "stall"))
        end_with(u, USB_STALLED);
    else if (!strcmp(name, "overflow"))
        end_with(u, USB_OVERFLOW);
    else if (!strcmp(name, "error"))
        end_with(u, -71); /* -EPROTO: a bad cable */
    else if (!strcmp(name, "short"))
        u->actual /= 2;
    else if (!strcmp(name, "zero"))
        u->actual = 0;
    else if (!strcmp(name, "more")) /* bytes behind the end */
        u->actual += u->actual < u->length;
    else if (!spread(f, name, u))
        lie(name, u);
    return FAULT_NONE;
}

bool faults_submit(struct faults *f, struct usb_urb *u)
{
    if (!f->kept || f->kept_endpoint != u->endpoint)
        return false;
    const size_t n = f->kept_size < u->length ? f->kept_size : u->length;
    memcpy(u->data, f->kept, n);
    u->actual = n;
    u->outcome = USB_DONE;
    free(f->kept);
    f->kept = NULL;
    return true;
}
