/*
 * The slot of a CCID reader (USB class 0Bh, revision 1.1): whole bulk-OUT messages in, bulk-IN
 * messages out. No I/O: the card and the queue of messages are whoever's made it.
 */
#ifndef HUFU_SIM_USB_SLOT_H
#define HUFU_SIM_USB_SLOT_H

#include "proto/ccid.h"
#include "sim/usb/usb.h"

enum { SLOT_ATR_MAX = 33 };

struct slot_ops {
    /* Reset the card; its ATR and the size of it, 0: there is none. What ran there has no answer.
     */
    size_t (*reset)(void *arg, uint8_t atr[SLOT_ATR_MAX]);
    void (*power_off)(void *arg);
    /* Hand an APDU to the card; slot_answer brings what it says. false: the card is gone. */
    bool (*transmit)(void *arg, const uint8_t *apdu, size_t n);
    /* A message for bulk IN. */
    void (*emit)(void *arg, const uint8_t *message, size_t n);
};

struct slot;

/* level and message_max of config. NULL: no memory. */
struct slot *slot_create(const struct usb_config *config, const struct slot_ops *ops, void *arg);
void slot_free(struct slot *s);

/* One message; n may differ from what its header says, and be anything. */
void slot_receive(struct slot *s, const uint8_t *message, size_t n);
/* A message came that is longer than message_max; its first bytes. */
void slot_refuse(struct slot *s, const uint8_t *message, size_t n);
void slot_answer(struct slot *s, const uint8_t *response, size_t n);
/* The card went away by itself, or came. true: that is news for the host. */
bool slot_present(struct slot *s, bool present);
/* The control request ABORT. */
void slot_abort(struct slot *s, uint8_t seq);
/* An APDU runs whose answer the host waits for. */
bool slot_busy(const struct slot *s);
/* Ask the host for more time. */
void slot_extend(struct slot *s);
/* As after a reset of the bus: card off, nothing pending. */
void slot_restart(struct slot *s);

#endif
