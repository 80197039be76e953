/*
 * The host's end of a secure channel for tests of the device: each step can be taken alone, and
 * each value changed in between.
 */
#ifndef HUFU_TESTS_SEALED_H
#define HUFU_TESTS_SEALED_H

#include "proto/channel.h"
#include "tests/lib/dev.h"

struct sealed {
    uint16_t number;
    uint32_t counter; /* of the next command */
    uint8_t flags;    /* CHANNEL_OPEN_* */
    uint8_t host_d[32], host[64];
    uint8_t r_d[32], r[64], r_peer[64];
    uint8_t nonce[32], statement[CHANNEL_STATEMENT];
    uint8_t agreed[CHANNEL_AGREED], confirm[32]; /* S_A */
    struct channel_keys keys;
};

/* A fresh key of the host's. */
void sealed_key(uint8_t d[32], uint8_t pub[64]);
/* CHANNEL KEY, CHANNEL OPEN, CHANNEL CONFIRM; host_d NULL: a one-time key. The last status word. */
uint16_t sealed_ask(struct dev *dv, struct sealed *s);   /* the statement, which is checked */
uint16_t sealed_agree(struct dev *dv, struct sealed *s); /* and S_B */
uint16_t sealed_confirm(struct dev *dv, const struct sealed *s);
void sealed_open(struct dev *dv, struct sealed *s, const uint8_t *host_d);

/* The next command sealed: the data of CHANNEL SEALED; its size. Counts. */
size_t sealed_put(struct sealed *s, uint8_t flags, uint16_t session, uint8_t ins, const void *data,
                  size_t n, uint8_t *out);
/* An answer opened in place: its status word, *n the bytes in front of it. Exits when it is forged.
 */
uint16_t sealed_get(const struct sealed *s, uint32_t counter, uint8_t *answer, size_t *n);
/* A command through the channel; the answer in dv->response. */
uint16_t sealed_call(struct dev *dv, struct sealed *s, uint16_t session, uint8_t ins,
                     const void *data, size_t n);
/* From now on do_NAME of dv go through s; NULL: in clear again. */
void sealed_use(struct dev *dv, struct sealed *s);

#endif
