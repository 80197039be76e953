/*
 * The wrap domain beyond one device: its key goes out as shares for custodians, k of which make
 * another device a member. A share is never in clear on a link: it leaves under the custodian's SM2
 * key and comes in under a key that the joining device makes for it.
 */
#ifndef HUFU_APP_DOMAIN_H
#define HUFU_APP_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/crypto/sm2.h"
#include "proto/proto.h"

struct call;
struct device;

enum {
    DOMAIN_KEY = 32,
    DOMAIN_ID = 8,     /* public name of a wrap-domain key */
    DOMAIN_SET = 8,    /* random, of one split */
    DOMAIN_SHARE = 64, /* bytes of a domain_share in clear */
    DOMAIN_BOX = SM2_CIPHER_OVERHEAD + DOMAIN_SHARE
};

/* A device that is about to join: in RAM only. */
struct joining {
    bool begun;
    uint8_t d[SM2_SCALAR], pub[SM2_POINT]; /* a pair for this one time */
    uint8_t set[DOMAIN_SET], domain[DOMAIN_ID];
    uint8_t threshold, given;
    uint8_t x[LIMIT_CUSTODIANS_MAX], value[LIMIT_CUSTODIANS_MAX][DOMAIN_KEY];
    uint8_t result[DOMAIN_KEY]; /* between handler and commit */
};

/* One box for each of the custodians, count of them, into out. */
uint16_t domain_split(struct device *d, unsigned threshold, struct view custodians, struct wr *out);
/* A key for shares to come; those of before are forgotten. */
uint16_t domain_begin(struct device *d);
/* One more share: SW_SHARE_WRONG when it is none, of another set, or there already. */
uint16_t domain_give(struct device *d, const uint8_t box[DOMAIN_BOX]);
/* Stage the key that the shares make; SW_SHARE_WRONG when it is not that of their domain: then all
 * are forgotten. */
uint16_t domain_join(struct call *c);
void domain_forget(struct device *d);

#endif
