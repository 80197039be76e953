/*
 * The interface of a class of its own: two bulk endpoints that carry native frames to the simulator
 * and back, while the host has chosen its alternate setting.
 */
#ifndef HUFU_SIM_USB_FRAMES_H
#define HUFU_SIM_USB_FRAMES_H

#include "sim/usb/endpoint.h"
#include "sim/usb/pipe.h"

struct frames {
    const struct usb_config *config;
    struct endpoint *out, *in;
    struct pipe pipe;
    uint8_t alternate;
    bool tail;  /* a zero-length packet must end the frame that went last */
    bool quiet; /* nothing has come in this period of the host's patience */
};

/* The endpoints are the device's; they and config outlive it. */
void frames_start(struct frames *f, const struct usb_config *config, struct endpoint *out,
                  struct endpoint *in);
/* The connection, and all transfers: they are done. */
void frames_close(struct frames *f);
/* What the host chose; false: there is no such setting, or nobody to talk to. */
bool frames_choose(struct frames *f, uint16_t alternate);
/* Move what can be moved; true: something has been. */
bool frames_step(struct frames *f);
/* A command has run for longer than a host waits: an empty transfer says that it still does. */
void frames_extend(struct frames *f);

#endif
