/* Group policy: KEY RESTRICT. */
#include "firmware/app/core.h"
#include "firmware/app/fresh.h"
#include "firmware/app/policy.h"
#include "handlers_gen.h"

/* Only what is asked for changes, and only towards less. */
static uint16_t tighten(struct key_policy *p, const struct key_policy *wanted)
{
    if ((wanted->uses && p->uses && wanted->uses > p->uses) ||
        (wanted->not_before && wanted->not_before < p->not_before) ||
        (wanted->not_after && p->not_after && wanted->not_after > p->not_after))
        return SW_NOT_PERMITTED;
    if (wanted->uses)
        p->uses = wanted->uses;
    if (wanted->not_before)
        p->not_before = wanted->not_before;
    if (wanted->not_after)
        p->not_after = wanted->not_after;
    p->withheld |= wanted->withheld;
    return SW_OK;
}

uint16_t cmd_key_restrict(struct call *c, const struct key_restrict_req *q, struct wr *out)
{
    struct key_policy wanted;
    struct object o;
    (void)out;
    if (!policy_read(q->policy, &wanted) || wanted.used || wanted.flags)
        return SW_WRONG_DATA;
    uint16_t sw = object_for(c, q->handle, ACCESS_LABEL, &o);
    if (sw != SW_OK)
        return sw;
    if (key_is_blob(o.type))
        return SW_KEY_TYPE;
    const bool counted = o.policy.uses;
    const uint32_t usage = q->usage ? q->usage : o.usage;
    sw = policy_narrows(o.usage, usage);
    if (sw == SW_OK)
        sw = tighten(&o.policy, &wanted);
    if (sw == SW_OK)
        sw = fresh_check(o.type, usage);
    if (sw == SW_OK)
        sw = policy_fits(o.type, usage, &o.policy);
    if (sw == SW_OK && !counted && o.policy.uses)
        sw = object_count_uses(c, q->handle);
    o.usage = usage;
    return sw == SW_OK ? object_replace(c, q->handle, &o) : sw;
}
