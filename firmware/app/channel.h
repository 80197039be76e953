/*
 * The secure channel (docs/secure-channel.md): SM2 key agreement with the host, then sealed
 * commands, which the dispatcher opens before their normal way and whose answers it seals behind
 * it.
 */
#ifndef HUFU_APP_CHANNEL_H
#define HUFU_APP_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/app/arena.h"
#include "firmware/crypto/sm2.h"
#include "firmware/crypto/sm4.h"
#include "proto/channel.h"
#include "proto/proto.h"

struct call;
struct device;
struct device_config;
struct exchange;

/* Links with this bit leave the machine. */
#define LINK_FAR 0x80000000u

enum channel_stage { STAGE_FREE, STAGE_AGREED, STAGE_OPEN, STAGE_ENDING };

struct channel {
    uint32_t link;
    uint16_t number;
    uint8_t stage;    /* enum channel_stage; ENDING: wiped when its last answer is sealed */
    uint8_t hosts;    /* bit i: the host proved to have the registered key i */
    uint16_t pending; /* commands that were opened and whose answers are not sealed yet */
    uint32_t next;    /* counter of the next command */
    struct channel_keys keys;
    struct sm4_key ready[2]; /* of both directions */
    uint8_t confirm[32];     /* S_A, which the host owes */
};

struct channels {
    struct channel *table; /* channel n lives at n % max */
    uint16_t max, last;
    bool made; /* the key of this start of the device */
    uint8_t d[SM2_SCALAR], pub[SM2_POINT];
};

void channels_lay_out(struct arena *a, struct channels *s, const struct device_config *config);
/* All are over; whose commands are still on their way, after their answers. */
void channels_end(struct device *d,
                  uint32_t link); /* link 0: of all links, and the key with them */
/* At once, answers or not. */
void channels_wipe(struct device *d);
/* Of this link; NULL: there is none. */
struct channel *channel_find(const struct channels *s, uint32_t link, uint16_t number);
/* With its sessions. */
void channel_end(struct device *d, struct channel *one);
/* A free place; an agreement that was never confirmed gives way. NULL: all are taken. */
struct channel *channel_new(struct channels *s, uint32_t link);
/* The key of this start. 0, or -1: no randomness */
int channels_key(struct device *d);

/*
 * A sealed command becomes the one in it. false: answered with x->sw, in clear, and not to be
 * carried out; what is not the next command of its channel ends the channel. *refused is the status
 * word to answer in the channel, SW_OK: carry it out.
 */
bool channel_unseal(struct device *d, struct exchange *x, uint16_t *refused);
/* The answer of such a command. */
void channel_seal(struct device *d, struct exchange *x);

/* The command may not come on this link, or to this device, outside of a channel. */
bool channel_wanted(const struct call *c);
/* Log-ins to an account with host keys come in channels of one of them. */
uint16_t channel_admits(const struct call *c, uint8_t account);

/* ---- registered host keys */

struct host_key {
    uint8_t account, pub[SM2_POINT];
    uint8_t label_size, label[32];
};

/* SW_NO_KEY: there is none in this place. */
uint16_t host_key_get(struct device *d, unsigned slot, struct host_key *k);
uint16_t host_key_put(struct call *c, unsigned slot, const struct host_key *k);
/* The places that hold this key, as bits. */
uint8_t host_keys_find(struct device *d, const uint8_t pub[SM2_POINT]);
/* Channels do not have the rights of this place any more. */
void host_key_gone(struct device *d, unsigned slot);
/* All of an account, as a part of its deletion. */
uint16_t host_keys_drop(struct call *c, uint8_t account);

#endif
