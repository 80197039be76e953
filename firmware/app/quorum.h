/*
 * Several administrators for what cannot be undone: a command that the table marks QUORUM runs only
 * when so many of them have approved just these bytes.
 */
#ifndef HUFU_APP_QUORUM_H
#define HUFU_APP_QUORUM_H

#include <stdint.h>

#include "proto/proto.h"

struct call;
struct device;

/* One administrator's word for one command to come: in RAM, within a session. */
struct approval {
    uint8_t command; /* 0: none */
    uint8_t hash[32];
    uint64_t time;
};

/* How many must agree, at boot; 1 where nothing says otherwise. */
uint16_t quorum_load(struct device *d);
/* Stage another number. */
uint16_t quorum_put(struct call *c, uint8_t needed);
/* SW_OK, or SW_APPROVALS_MISSING: enough administrators stand behind this command, the one who
 * sends it included. Who they are goes into the audit record. */
uint16_t quorum_admit(struct call *c);
/* The command was carried out: what approved it is used up. */
void quorum_spent(struct call *c);
/* The session's administrator approves this command, and nothing else any more. How many do so now.
 */
uint8_t quorum_approve(struct call *c, uint8_t command, const uint8_t hash[32]);
/* Milliseconds that an approval still holds; 0: it is over. */
uint32_t quorum_left(const struct device *d, const struct approval *a);

#endif
