/* Group custody: an attended device that is opened by k of n custodians. */
#include "firmware/app/custody.h"

#include "firmware/app/core.h"
#include "firmware/app/domain.h"
#include "handlers_gen.h"

uint16_t cmd_custody_split(struct call *c, const struct custody_split_req *q, struct wr *out)
{
    c->object = q->threshold;
    if (!(c->d->identity.flags & INIT_ATTENDED))
        return SW_WRONG_STATE;
    return custody_split(c, q->threshold, q->custodians, out);
}

uint16_t cmd_custody_begin(struct call *c, const struct custody_begin_req *q, struct wr *out)
{
    (void)q;
    return domain_begin(c->d, custody_magic, out);
}

uint16_t cmd_custody_give(struct call *c, const struct custody_give_req *q, struct wr *out)
{
    return domain_give(c, custody_magic, q->box, out);
}

uint16_t cmd_custody_unlock(struct call *c, const struct custody_unlock_req *q, struct wr *out)
{
    (void)q, (void)out;
    return custody_unlock(c);
}

uint16_t cmd_custody_only(struct call *c, const struct custody_only_req *q, struct wr *out)
{
    (void)q, (void)out;
    return custody_only(c);
}
