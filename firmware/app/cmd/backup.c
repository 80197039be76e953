/* Group backup: objects as a whole, for a backup of the device and from it. */
#include "firmware/app/backup.h"

#include "firmware/app/core.h"
#include "handlers_gen.h"

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
