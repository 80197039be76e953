/*
 * The smart-card face of a link: ISO 7816-4 APDUs in and out, with SELECT, command chaining and
 * 61xx / GET RESPONSE, in front of device_serve. docs/protocol-links.md has the ATR, the AID and
 * the rules.
 */
#ifndef HUFU_CARD_H
#define HUFU_CARD_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/app/device.h"
#include "proto/apdu.h"

enum { CARD_ATR_MAX = ATR_MAX };

struct card; /* in memory given by the caller */

/* Bytes of memory (alignment 16) for a card whose commands and answers have up to data_max bytes
 * (256 to 65535). */
size_t card_memory(size_t data_max);
struct card *card_create(void *memory, size_t data_max, struct device *d);
/* Its link, and all later ones, leave the machine: device_link_open_far. */
void card_leaves_machine(struct card *c);
/* Cold or warm reset: the link and its sessions end, a new link begins. The ATR and its size. */
size_t card_reset(struct card *c, uint8_t atr[CARD_ATR_MAX]);
void card_remove(struct card *c);
/* One APDU; room is at least 2. The bytes of the response, always 2 or more (SW1 SW2). */
size_t card_exchange(struct card *c, const uint8_t *apdu, size_t n, uint8_t *response, size_t room);

#endif
