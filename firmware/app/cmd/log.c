/* Group log: LOG READ. */
#include "firmware/app/core.h"
#include "handlers_gen.h"

enum { ENTRY_FIXED = 26 };

uint16_t cmd_log_read(struct call *c, const struct log_read_req *q, struct wr *out)
{
    const struct audit *a = &c->d->audit;
    struct log_entry e;
    uint32_t left = q->limit ? q->limit : 0xFFFFFFFF;
    uint64_t s = q->after < a->first ? a->first : q->after + 1;
    wr_u64(out, a->first);
    wr_u64(out, a->next - 1);
    for (; s && s < a->next && left && !out->bad; s++, left--) {
        const uint16_t sw = audit_get(c->d, s, &e);
        if (sw != SW_OK)
            return sw;
        if (wr_room(out) < ENTRY_FIXED + e.detail.size)
            break;
        log_entry_put(out, &e);
    }
    return SW_OK;
}
