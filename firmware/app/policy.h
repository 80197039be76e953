/* Who may do what with which key: the one place (docs/states.md has the table). */
#ifndef HUFU_APP_POLICY_H
#define HUFU_APP_POLICY_H

#include "firmware/app/core.h"

enum access { ACCESS_SEE, ACCESS_USE, ACCESS_LABEL, ACCESS_EXPORT, ACCESS_DESTROY };

/* Roles see what they own, or everything; every session sees what is open (USAGE_PUBLIC). */
bool policy_sees(const struct call *c, uint8_t owner, bool open);
/* The record of a stored object, for access without its key. */
uint16_t object_for(struct call *c, uint32_t handle, enum access access, struct object *o);
/* May a key of this type have this usage and these limits? SW_WRONG_DATA: they contradict each
 * other.
 */
uint16_t policy_fits(uint8_t type, uint32_t usage, const struct key_policy *p);
/* SW_OK: `now` allows nothing that `then` did not. */
uint16_t policy_narrows(uint32_t then, uint32_t now);
/* A key of this usage comes out of another one: may it? Its policy then withholds the same. */
uint16_t policy_descends(const struct key *from, uint32_t usage, struct key_policy *p);

/*
 * A key for use: stored or of the session. usage: all these USAGE_* bits must be set, 0: only the
 * public part is used, seeing it is enough; USAGE_DIGEST_ONLY among them stands for work that such
 * a key does not do. type: KEY_*, 0: any. Notes the handle for the audit record. With a usage, the
 * key must be within its period, and the use is counted if there is a limit; key_for_uses: so many.
 * SW_KEY_PERIOD, SW_KEY_USED_UP
 */
uint16_t key_for_uses(struct call *c, uint32_t handle, uint32_t usage, uint8_t type, uint32_t uses,
                      const struct key **key);
/* One. */
uint16_t key_for(struct call *c, uint32_t handle, uint32_t usage, uint8_t type,
                 const struct key **key);

#endif
