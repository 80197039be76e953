/* Group admin: the life of the device. */
#include "firmware/app/core.h"
#include "firmware/app/keys.h"
#include "firmware/app/life.h"
#include "firmware/base/wipe.h"
#include "handlers_gen.h"

#include <string.h>

static bool pin_or_none(struct view pin)
{
    return !pin.size || auth_pin_ok(pin);
}

uint16_t cmd_init(struct call *c, const struct init_req *q, struct wr *out)
{
    if (q->flags & ~(INIT_ATTENDED | INIT_AUDIT_STOPS | INIT_CLEAR_KEYS |
                     (CONFIG_CHANNEL ? INIT_CHANNEL : 0)) ||
        q->retries < 1 || q->retries > LIMIT_RETRIES_MAX)
        return SW_WRONG_DATA;
    if (!auth_pin_ok(q->admin_pin) || !pin_or_none(q->operator_pin) || !pin_or_none(q->user_pin))
        return SW_PIN_RANGE;
    if (q->flags & INIT_ATTENDED ? !auth_pin_ok(q->unlock) : q->unlock.size != 0)
        return SW_PIN_RANGE;
    if (wr_room(out) < DEVICE_SERIAL)
        return SW_RESPONSE_TOO_BIG;
    return life_init(c, q, wr_reserve(out, DEVICE_SERIAL));
}

uint16_t cmd_unlock(struct call *c, const struct unlock_req *q, struct wr *out)
{
    bool right;
    (void)out;
    c->settle = life_unlocked;
    uint16_t sw = auth_count_try(c, ACCOUNT_UNLOCK, q->secret);
    if (sw == SW_OK)
        sw = keys_unseal_master(c->d, q->secret, &right);
    return sw == SW_OK ? auth_tried(c, ACCOUNT_UNLOCK, right) : sw;
}

static void locked(struct call *c, bool done)
{
    if (done)
        life_lock(c->d);
}

uint16_t cmd_lock(struct call *c, const struct lock_req *q, struct wr *out)
{
    (void)q, (void)out;
    if (!(c->d->identity.flags & INIT_ATTENDED))
        return SW_WRONG_STATE;
    c->settle = locked;
    return SW_OK;
}

/* The new label waits in the audit detail for the commit. */
static void labelled(struct call *c, bool done)
{
    struct identity *i = &c->d->identity;
    if (!done)
        return;
    i->label_size = c->detail_size;
    memcpy(i->label, c->detail, c->detail_size);
}

uint16_t cmd_label(struct call *c, const struct label_req *q, struct wr *out)
{
    struct identity i = c->d->identity;
    (void)out;
    call_detail(c, q->label.data, q->label.size);
    i.label_size = c->detail_size;
    memcpy(i.label, c->detail, c->detail_size);
    c->settle = labelled;
    return life_put_identity(c, &i);
}

uint16_t cmd_zeroise(struct call *c, const struct zeroise_req *q, struct wr *out)
{
    (void)q, (void)out;
    return life_zeroise(c);
}

uint16_t cmd_terminate(struct call *c, const struct terminate_req *q, struct wr *out)
{
    (void)q, (void)out;
    return life_terminate(c);
}
