/* The limits of keys. */
#include "host/lib/lib.h"

#include <string.h>

struct view policy_put(const struct hufu_policy *p, uint8_t room[POLICY_SIZE])
{
    struct wr w;
    wr_init(&w, room, POLICY_SIZE);
    if (p && (p->uses || p->not_before || p->not_after || p->withheld))
        key_policy_put(&w, &(struct key_policy){.uses = p->uses,
                                                .not_before = p->not_before,
                                                .not_after = p->not_after,
                                                .withheld = p->withheld});
    return (struct view){room, wr_size(&w)};
}

bool policy_take(struct hufu_policy *p, struct view bytes)
{
    struct key_policy m;
    struct rd r;
    memset(p, 0, sizeof *p);
    rd_init(&r, bytes.data, bytes.size);
    if (!bytes.size)
        return true;
    if (!key_policy_get(&r, &m) || !rd_done(&r))
        return false;
    *p = (struct hufu_policy){.uses = m.uses,
                              .used = m.used,
                              .not_before = m.not_before,
                              .not_after = m.not_after,
                              .withheld = m.withheld,
                              .flags = m.flags};
    return true;
}

enum hufu_status hufu_key_restrict(struct hufu_session *session, uint32_t handle, uint32_t usage,
                                   const struct hufu_policy *policy)
{
    uint8_t room[POLICY_SIZE];
    struct call c;
    const struct key_restrict_req req = {handle, usage, policy_put(policy, room)};
    struct key_restrict_rsp m;
    CALL(&c, session, key_restrict, KEY_RESTRICT, req.policy.size, &req, &m);
    return call_end(&c);
}
