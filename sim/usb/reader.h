/*
 * The interface of class 0Bh: the endpoints of a card reader, its slot, and the connection to the
 * simulator that is the card in it.
 */
#ifndef HUFU_SIM_USB_READER_H
#define HUFU_SIM_USB_READER_H

#include "sim/usb/endpoint.h"

struct reader;

/* The endpoints are the device's; they and config outlive it. NULL: no memory. */
struct reader *reader_create(const struct usb_config *config, struct endpoint *out,
                             struct endpoint *in, struct endpoint *event);
void reader_free(struct reader *r);

/* Move what can be moved; true: something has been. */
bool reader_step(struct reader *r);
/* Have the simulator's bytes wake the epoll instance. */
void reader_watch(struct reader *r, int epoll);
/* For an answer, or for a card to come. */
bool reader_waits(const struct reader *r);
/* A command has run for longer than a host waits: ask for more time. */
void reader_extend(struct reader *r);
/* Is somebody there again? */
void reader_look_for_card(struct reader *r);
/* The control request ABORT. */
void reader_abort(struct reader *r, uint8_t seq);
/* As after a reset of the bus: card off, nothing pending. */
void reader_restart(struct reader *r);

#endif
