/* Group domain: the wrap-domain key in shares, and devices that join the domain. */
#include "firmware/app/domain.h"
#include "firmware/app/core.h"
#include "handlers_gen.h"

#include <string.h>

uint16_t cmd_domain_split(struct call *c, const struct domain_split_req *q, struct wr *out)
{
    c->object = q->threshold;
    return domain_split(c->d, &(struct share_of){domain_magic, c->d->domain_key, c->d->domain_id},
                        q->threshold, q->custodians, out);
}

uint16_t cmd_domain_begin(struct call *c, const struct domain_begin_req *q, struct wr *out)
{
    (void)q;
    return domain_begin(c->d, domain_magic, out);
}

uint16_t cmd_domain_give(struct call *c, const struct domain_give_req *q, struct wr *out)
{
    return domain_give(c, domain_magic, q->box, out);
}

uint16_t cmd_domain_join(struct call *c, const struct domain_join_req *q, struct wr *out)
{
    uint8_t domain[DOMAIN_ID];
    (void)q;
    memcpy(domain, c->d->joining.domain, sizeof domain);
    const uint16_t sw = domain_join(c);
    if (sw == SW_OK)
        domain_join_rsp_put(out, &(struct domain_join_rsp){domain});
    return sw;
}
