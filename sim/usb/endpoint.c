#include "sim/usb/endpoint.h"

void endpoint_start(struct endpoint *e)
{
    e->first = NULL;
    e->last = &e->first;
    e->halted = false;
}

void endpoint_push(struct endpoint *e, struct usb_urb *u)
{
    u->next = NULL;
    *e->last = u;
    e->last = &u->next;
}

static struct usb_urb *pop(struct endpoint *e)
{
    struct usb_urb *u = e->first;
    e->first = u->next;
    if (!e->first)
        e->last = &e->first;
    return u;
}

void endpoint_finish(struct endpoint *e, int outcome)
{
    struct usb_urb *u = pop(e);
    u->outcome = outcome;
    u->done(u);
}

void endpoint_finish_all(struct endpoint *e, int outcome)
{
    while (e->first)
        endpoint_finish(e, outcome);
}

void endpoint_halt(struct endpoint *e)
{
    e->halted = true;
    endpoint_finish_all(e, USB_STALLED);
}

bool endpoint_cancel(struct endpoint *e, const struct usb_urb *u)
{
    for (struct usb_urb **at = &e->first; *at; at = &(*at)->next) {
        if (*at != u)
            continue;
        *at = u->next;
        if (!*at)
            e->last = at;
        return true;
    }
    return false;
}
