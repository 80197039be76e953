/* Sessions: who talks on which channel of which link, with what rights, and what lives only as
 * long. */
#ifndef HUFU_APP_SESSION_H
#define HUFU_APP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/app/kind.h"
#include "firmware/app/quorum.h"
#include "firmware/crypto/hash.h"
#include "firmware/crypto/sm2.h"
#include "proto/proto.h"

/* Handles with this bit are session keys; the rest of the handle counts them up within the session.
 */
#define SESSION_HANDLE 0x80000000u

struct session_key {
    uint32_t handle; /* 0: free */
    uint32_t usage, withheld;
    uint8_t type, origin;
    uint16_t size;
    uint8_t secret[KIND_SECRET_MAX];
};

struct session {
    uint32_t link;
    uint16_t channel;      /* 0: free */
    uint16_t secure;       /* the secure channel that it lives in; 0: none */
    uint8_t account, role; /* 0: nobody is logged in */
    bool hashing, agreeing;
    struct approval approval;
    struct hash hash;
    uint32_t agree_handle;
    uint8_t agree_secret[SM2_SCALAR], agree_point[SM2_POINT];
    uint32_t keys_made;
    struct session_key keys[LIMIT_SESSION_KEYS_MAX];
};

struct sessions {
    struct session *table; /* channel c lives at c % max */
    uint16_t max, open, last_channel;
};

/* In a secure channel, or outside (0). NULL: all are taken */
struct session *session_open(struct sessions *s, uint32_t link, uint16_t secure);
/* NULL: no such session on this link and in this secure channel */
struct session *session_find(const struct sessions *s, uint32_t link, uint16_t secure,
                             uint16_t channel);
void session_close(struct sessions *s, struct session *one);
/* The rights go, and what they were used for. */
void session_logout(struct session *one);

/* NULL: all places are taken, no such key */
struct session_key *session_key_new(struct session *one);
struct session_key *session_key_find(struct session *one, uint32_t handle);

#endif
