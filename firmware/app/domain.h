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

/* What shares are of: how they begin, a key of DOMAIN_KEY bytes, its public name of DOMAIN_ID. */
struct share_of {
    const char *magic;
    const uint8_t *key, *name;
};
extern const char domain_magic[], custody_magic[];

/* A device that is about to join, or to be opened: in RAM only. */
struct joining {
    const char *magic;                     /* of the shares that are awaited; NULL: none are */
    uint8_t d[SM2_SCALAR], pub[SM2_POINT]; /* a pair for this one time */
    uint8_t set[DOMAIN_SET], domain[DOMAIN_ID];
    uint8_t threshold, given;
    uint8_t x[LIMIT_CUSTODIANS_MAX], value[LIMIT_CUSTODIANS_MAX][DOMAIN_KEY];
    uint8_t result[DOMAIN_KEY]; /* between handler and commit */
};

/* One box for each of the custodians, count of them, into out. */
uint16_t domain_split(struct device *d, const struct share_of *of, unsigned threshold,
                      struct view custodians, struct wr *out);
/* A key for shares to come, stated into out; those of before are forgotten. */
uint16_t domain_begin(struct device *d, const char *magic, struct wr *out);
/* One more share, with the answer: SW_SHARE_WRONG when it is none, of another set, or there
 * already.
 */
uint16_t domain_give(struct call *c, const char *magic, const uint8_t box[DOMAIN_BOX],
                     struct wr *out);
/* What enough shares make, into result. SW_STEP: there are not enough. */
uint16_t domain_combine(struct device *d, const char *magic);
/* Stage the key that the shares make; SW_SHARE_WRONG when it is not that of their domain: then all
 * are forgotten. */
uint16_t domain_join(struct call *c);
void domain_forget(struct device *d);

#endif
