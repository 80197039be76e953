/* Group backup: objects as a whole, for a backup of the device and from it. */
#include "firmware/app/backup.h"

#include "firmware/app/core.h"
#include "firmware/crypto/sm2.h"
#include "firmware/crypto/sm3.h"
#include "handlers_gen.h"

#include <string.h>

uint16_t cmd_backup_object(struct call *c, const struct backup_object_req *q, struct wr *out)
{
    return backup_seal(c, q->handle, out);
}

uint16_t cmd_restore_object(struct call *c, const struct restore_object_req *q, struct wr *out)
{
    uint32_t handle = 0;
    bool there = false;
    const uint16_t sw = backup_open(c, q->owner, q->sealed, out, &handle, &there);
    if (sw == SW_OK)
        restore_object_rsp_put(out, &(struct restore_object_rsp){handle, there});
    return sw;
}

uint16_t cmd_restore_log(struct call *c, const struct restore_log_req *q, struct wr *out)
{
    struct log_statement m;
    struct sm3 s;
    struct rd r;
    uint8_t e[SM3_SIZE];
    (void)out;
    rd_init(&r, q->statement, AUDIT_STATEMENT);
    if (!log_statement_get(&r, &m) || memcmp(m.magic, "HFLC", 4) != 0 || m.version != 1)
        return SW_WRONG_DATA;
    if (sm2_digest(sm2_default_id, sizeof sm2_default_id, q->public, q->statement, AUDIT_STATEMENT,
                   e) ||
        sm2_verify(c->d->engine->sm2, q->public, e, q->signature))
        return SW_SIGNATURE_INVALID;
    sm3_init(&s);
    sm3_update(&s, q->public, SM2_POINT);
    sm3_update(&s, q->statement, AUDIT_STATEMENT);
    sm3_final(&s, e);
    c->object = (uint32_t)m.sequence;
    call_hex(c, e); /* half of it fits */
    return SW_OK;
}
