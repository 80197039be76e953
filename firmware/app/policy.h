/* Who may do what with which key: the one place (docs/states.md has the table). */
#ifndef HUFU_APP_POLICY_H
#define HUFU_APP_POLICY_H

#include "firmware/app/core.h"

enum access { ACCESS_SEE, ACCESS_USE, ACCESS_LABEL, ACCESS_EXPORT, ACCESS_DESTROY };

/* Roles see what they own, or everything; every session sees what is open (USAGE_PUBLIC). */
bool policy_sees(const struct call *c, uint8_t owner, bool open);
/* SW_OK, SW_NO_OBJECT (also for what the session may not see), SW_NOT_PERMITTED */
uint16_t policy_access(const struct call *c, uint8_t owner, bool open, enum access access);
/* The record of a stored object, for access without its key. */
uint16_t object_for(struct call *c, uint32_t handle, enum access access, struct object *o);
/*
 * A key for use: stored or of the session. usage: all these USAGE_* bits must be set, 0: only the
 * public part is used, seeing it is enough. type: KEY_*, 0: any. Notes the handle for the audit
 * record.
 */
uint16_t key_for(struct call *c, uint32_t handle, uint32_t usage, uint8_t type,
                 const struct key **key);

#endif
