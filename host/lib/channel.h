/*
 * The host's end of the secure channel (docs/secure-channel.md). One for each link; whether there
 * is one, and whom to trust, is decided by hufu_options, or the environment. SM4-GCM and the SM2
 * key agreement are those of firmware/crypto: OpenSSL 3.0 has neither.
 */
#ifndef HUFU_HOST_CHANNEL_H
#define HUFU_HOST_CHANNEL_H

#include <pthread.h>
#include <stdbool.h>

#include "firmware/crypto/sm4.h"
#include "host/lib/hufu.h"
#include "proto/channel.h"

struct hufu_request;

enum { CHANNEL_WHY = 160 };

enum trust_mode { TRUST_AUTO, TRUST_OFF, TRUST_FIRST, TRUST_KNOWN, TRUST_PIN, TRUST_CA };

/* What the options say. */
struct trust {
    enum trust_mode mode;
    uint8_t pin[32];
    char *ca, *known; /* files; known NULL: the usual one */
    bool has_host;
    uint8_t host_d[32], host[64]; /* our registered key */
};

struct host_channel {
    struct trust trust;
    pthread_mutex_t lock; /* counter and sending go together */
    bool wanted;          /* what is not allowed in clear goes through it, or not at all */
    bool open, dead;
    uint8_t flags; /* of the device's statement */
    uint8_t fingerprint[32];
    enum hufu_trust how;
    uint16_t number;
    uint32_t counter;
    struct channel_keys keys;
    struct sm4_key ready[2];
    char why[CHANNEL_WHY]; /* it is dead */
};

/* Options first, then the environment. HUFU_E_ARGUMENT, _FILE, _FORMAT; trust_end is owed either
 * way. */
enum hufu_status trust_begin(struct trust *t, const struct hufu_options *o);
void trust_end(struct trust *t);
/* May this device be spoken to at this URL? Records it where the mode says so. HUFU_E_TRUST, _FILE.
 */
enum hufu_status trust_check(struct hufu_device *d, const uint8_t public_key[64]);
enum hufu_status trust_record(struct hufu_device *d, const uint8_t fingerprint[32]);
void trust_fingerprint(const uint8_t public_key[64], uint8_t out[32]);

/* After the first words of a new link: a channel, if there is to be one. */
enum hufu_status channel_begin(struct hufu_device *d, const struct hufu_info *info);
/* After INIT: the new identity, read in the channel of the blank device, is known from now on. */
enum hufu_status channel_born(struct hufu_device *d);
/* After commands that end it on the device's side with success. */
enum hufu_status channel_again(struct hufu_device *d);
/* The link has gone. */
void channel_drop(struct host_channel *c);
/* true: it is over, why says what for. */
bool channel_died(struct host_channel *c, char why[CHANNEL_WHY]);
/* Say good-bye on a link that stays. */
void channel_close(struct hufu_device *d);

/* Send a command, sealed where that is due. */
enum hufu_status channel_send(struct hufu_device *d, struct hufu_request *r);
/* A sealed answer takes the form of one in clear, or r->failure tells. Once for each answer. */
void channel_take(struct hufu_device *d, struct hufu_request *r);

#endif
