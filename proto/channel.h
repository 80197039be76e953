/*
 * The records of the secure channel, as both ends have them: what the key agreement gives, and how
 * a command or an answer is sealed with it. docs/secure-channel.md.
 */
#ifndef HUFU_PROTO_CHANNEL_H
#define HUFU_PROTO_CHANNEL_H

#include "proto/proto.h"

enum {
    CHANNEL_IV = 8, /* of a nonce; the counter follows */
    CHANNEL_NONCE = 12,
    CHANNEL_TAG = 16,
    CHANNEL_AAD = 16,
    CHANNEL_AGREED = 48, /* bytes of the key agreement: a key and an IV for each direction */
    CHANNEL_STATEMENT = 118,
    CHANNEL_HELLO = 6,
    CHANNEL_INNER = 8,   /* in front of a sealed command's data */
    CHANNEL_HEAD = 5,    /* in front of a sealed command */
    CHANNEL_ROUND = 128, /* LIMIT_CHANNEL_PAD */
    CHANNEL_AROUND = CHANNEL_HEAD + CHANNEL_INNER + CHANNEL_ROUND - 1 + CHANNEL_TAG,
    CHANNEL_BEHIND = 2 + CHANNEL_TAG /* an answer: status word, tag */
};
/* No command has this counter: the channel is used up. */
#define CHANNEL_USED_UP 0xFFFFFFFFu

enum channel_direction { CHANNEL_COMMAND = 1, CHANNEL_ANSWER = 2 };

/* Of both directions, in the order of enum channel_direction, raw as they were agreed. */
struct channel_keys {
    uint8_t key[2][16], iv[2][CHANNEL_IV];
};

void channel_keys_take(struct channel_keys *k, const uint8_t agreed[CHANNEL_AGREED]);
/* Nonce and AAD of one record. */
void channel_around(const struct channel_keys *k, enum channel_direction direction,
                    const struct channel_aad *m, uint8_t nonce[CHANNEL_NONCE],
                    uint8_t aad[CHANNEL_AAD]);
void channel_hello_bytes(uint8_t flags, uint8_t out[CHANNEL_HELLO]);

#endif
