/* Group log: LOG READ, LOG CHECKPOINT, LOG TRUNCATE. */
#include "firmware/app/core.h"
#include "firmware/app/identity.h"
#include "handlers_gen.h"

enum { ENTRY_FIXED = 58 };

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

uint16_t cmd_log_checkpoint(struct call *c, const struct log_checkpoint_req *q, struct wr *out)
{
    struct device *d = c->d;
    uint8_t statement[AUDIT_STATEMENT], signature[SM2_SIGNATURE];
    struct wr w;
    (void)q;
    wr_init(&w, statement, sizeof statement);
    log_statement_put(&w, &(struct log_statement){.magic = (const uint8_t *)"HFLC",
                                                  .version = 1,
                                                  .serial = d->identity.serial,
                                                  .time = device_time(d),
                                                  .sequence = d->audit.next - 1,
                                                  .hash = d->audit.head});
    const uint16_t sw = identity_state(d, statement, sizeof statement, signature);
    if (sw != SW_OK)
        return sw;
    log_checkpoint_rsp_put(out, &(struct log_checkpoint_rsp){statement, signature});
    if (!out->bad)
        d->audit.stated = d->audit.next - 1;
    return SW_OK;
}

uint16_t cmd_log_truncate(struct call *c, const struct log_truncate_req *q, struct wr *out)
{
    (void)out;
    c->object = (uint32_t)q->through;
    return audit_truncate(c, q->through);
}
