/* Group quorum: how many administrators must agree, and their approvals. */
#include "firmware/app/quorum.h"

#include "firmware/app/core.h"
#include "handlers_gen.h"

/* An approval that left no record is none. */
static void approved(struct call *c, bool done)
{
    if (!done)
        quorum_approve(c, 0, NULL);
}

uint16_t cmd_approve(struct call *c, const struct approve_req *q, struct wr *out)
{
    const struct command_info *info = proto_command(q->command);
    c->object = q->command;
    if (q->command && (!info || !(info->roles & (COMMAND_QUORUM | COMMAND_QUORUM_ADMINS))))
        return SW_WRONG_DATA;
    if (wr_room(out) < 2)
        return SW_RESPONSE_TOO_BIG;
    call_hex(c, q->hash); /* half of it fits */
    c->settle = approved;
    approve_rsp_put(out,
                    &(struct approve_rsp){quorum_approve(c, q->command, q->hash), c->d->quorum});
    return SW_OK;
}

uint16_t cmd_quorum_set(struct call *c, const struct quorum_set_req *q, struct wr *out)
{
    (void)out;
    c->object = q->needed;
    if (q->needed < 1 || q->needed > LIMIT_QUORUM_MAX || q->needed > auth_admins(c->d))
        return SW_WRONG_DATA;
    return quorum_put(c, q->needed);
}

uint16_t cmd_approvals(struct call *c, const struct approvals_req *q, struct wr *out)
{
    const struct device *d = c->d;
    (void)q;
    wr_u8(out, d->quorum);
    wr_u8(out, (uint8_t)auth_admins(d));
    for (uint32_t i = 0; i < d->sessions.max; i++) {
        const struct session *s = &d->sessions.table[i];
        const uint32_t left = s->channel ? quorum_left(d, &s->approval) : 0;
        if (left)
            approval_entry_put(out, &(struct approval_entry){s->account, s->approval.command,
                                                             s->approval.hash, left});
    }
    return SW_OK;
}
