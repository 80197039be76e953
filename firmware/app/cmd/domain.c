/* Group domain: the wrap-domain key in shares, and devices that join the domain. */
#include "firmware/app/domain.h"
#include "firmware/app/identity.h"
#include "handlers_gen.h"

#include <string.h>

enum { STATEMENT = 85 };

uint16_t cmd_domain_split(struct call *c, const struct domain_split_req *q, struct wr *out)
{
    c->object = q->threshold;
    return domain_split(c->d, q->threshold, q->custodians, out);
}

/* The key is stated by the device, so that nobody else can put theirs in its place. */
uint16_t cmd_domain_begin(struct call *c, const struct domain_begin_req *q, struct wr *out)
{
    struct device *d = c->d;
    uint8_t statement[STATEMENT], signature[SM2_SIGNATURE];
    struct wr w;
    (void)q;
    uint16_t sw = domain_begin(d);
    wr_init(&w, statement, sizeof statement);
    join_statement_put(&w, &(struct join_statement){.magic = (const uint8_t *)"HFJN",
                                                    .version = 1,
                                                    .serial = d->identity.serial,
                                                    .public = d->joining.pub});
    if (sw == SW_OK)
        sw = identity_state(d, statement, sizeof statement, signature);
    if (sw == SW_OK)
        domain_begin_rsp_put(out, &(struct domain_begin_rsp){statement, signature});
    else
        domain_forget(d);
    return sw;
}

uint16_t cmd_domain_give(struct call *c, const struct domain_give_req *q, struct wr *out)
{
    const uint16_t sw = domain_give(c->d, q->box);
    c->object = c->d->joining.given;
    if (sw == SW_OK)
        domain_give_rsp_put(
            out, &(struct domain_give_rsp){c->d->joining.given, c->d->joining.threshold});
    return sw;
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
