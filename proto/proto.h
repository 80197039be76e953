/*
 * The wire, shared by both halves: generated messages and tables, and look-ups in them. No I/O, no
 * allocation. For each command X there are struct X_req and X_rsp with X_req_put/_get,
 * X_rsp_put/_get; a get leaves views into the bytes that were read. In a put, a view with data NULL
 * is zeros.
 */
#ifndef HUFU_PROTO_H
#define HUFU_PROTO_H

#include "proto/wire.h"
#include "proto_gen.h"

enum { CLA_HUFU = 0xC0, CLA_CHAIN = 0x10, CLA_ISO = 0x00 };

/* Bits of command_info.states: one per state. */
enum {
    COMMAND_IN_BLANK = 1 << STATE_BLANK,
    COMMAND_IN_LOCKED = 1 << STATE_LOCKED,
    COMMAND_IN_READY = 1 << STATE_READY,
    COMMAND_IN_FAILED = 1 << STATE_FAILED,
    COMMAND_IN_TERMINATED = 1 << STATE_TERMINATED,
    COMMAND_IN_TESTING = 1 << STATE_TESTING,
    COMMAND_ALL_STATES = 0x7E
};

/* command_info.roles: ROLE_* bits, or one of these alone. */
enum { COMMAND_ANYONE = 0x40, COMMAND_SESSION = 0x80 };
/* Beside ROLE_ADMIN: more administrators must have approved it; or only if it is about one's
 * account. */
enum { COMMAND_QUORUM = 0x10, COMMAND_QUORUM_ADMINS = 0x20 };

enum { AUDIT_NEVER, AUDIT_FAILED, AUDIT_ALWAYS };

struct command_info {
    uint8_t ins;
    const char *name, *group;
    uint8_t states, roles, audit;
    bool in_clear; /* carries a PIN, or may carry a key in clear */
};
extern const struct command_info proto_commands[];
extern const size_t proto_command_count;
const struct command_info *proto_command(uint8_t ins); /* NULL: no such command */

/* Bytes of a request that an approval (APPROVE) covers: all, but of ACCOUNT CREATE not the PIN. */
size_t proto_approved_size(uint8_t ins, const uint8_t *request, size_t n);

struct status_info {
    uint16_t sw;
    const char *name, *text;
    uint32_t ckr, sdr, sar; /* what PKCS#11, SDF and SKF callers get */
};
extern const struct status_info proto_statuses[];
extern const size_t proto_status_count;
/* Never NULL: 63Cx is PIN_WRONG, an unknown word INTERNAL. */
const struct status_info *proto_status(uint16_t sw);

/* Names of the numbers in objects.def. */
struct name_info {
    const char *group, *name;
    uint32_t value;
    const char *text;
};
extern const struct name_info proto_names[];
extern const size_t proto_name_count;
const struct name_info *proto_name(const char *group, uint32_t value); /* NULL: none */
const struct name_info *proto_value(const char *group, const char *name); /* NULL: none; any case */

#endif
