/* Group session: sessions, log-in, PINs, accounts. */
#include "firmware/app/core.h"
#include "firmware/app/keys.h"
#include "firmware/base/wipe.h"
#include "handlers_gen.h"

#include <string.h>

uint16_t cmd_session_open(struct call *c, const struct session_open_req *q, struct wr *out)
{
    (void)q;
    if (wr_room(out) < 2)
        return SW_RESPONSE_TOO_BIG;
    const struct session *s = session_open(&c->d->sessions, c->x->link, c->x->secure);
    if (!s)
        return SW_TOO_MANY;
    session_open_rsp_put(out, &(struct session_open_rsp){s->channel});
    return SW_OK;
}

uint16_t cmd_session_close(struct call *c, const struct session_close_req *q, struct wr *out)
{
    (void)q, (void)out;
    session_end(c->d, c->session);
    c->session = NULL;
    return SW_OK;
}

static void logged_in(struct call *c, bool done)
{
    if (!done)
        return;
    session_logout(c->session);
    c->session->account = (uint8_t)c->pending[0];
    c->session->role = (uint8_t)c->pending[1];
}

uint16_t cmd_login(struct call *c, const struct login_req *q, struct wr *out)
{
    const struct account *a = auth_account(c->d, q->account);
    c->account = q->account;
    if (a && audit_refuses_role(c->d, a->role))
        return SW_LOG_FULL;
    const uint16_t sw = auth_try(c, q->account, q->pin);
    if (sw != SW_OK)
        return sw;
    c->pending[0] = q->account;
    c->pending[1] = c->d->accounts[q->account].role;
    c->settle = logged_in;
    login_rsp_put(out, &(struct login_rsp){(uint8_t)c->pending[1]});
    return SW_OK;
}

uint16_t cmd_logout(struct call *c, const struct logout_req *q, struct wr *out)
{
    (void)q, (void)out;
    session_logout(c->session);
    return SW_OK;
}

/* ---------------------------------------------------------------- PINs */

static uint16_t change_unlock(struct call *c, const struct pin_change_req *q)
{
    bool right;
    uint16_t sw = auth_count_try(c, ACCOUNT_UNLOCK, q->old);
    if (sw == SW_OK)
        sw = keys_unseal_master(c->d, q->old, &right);
    if (sw == SW_OK)
        sw = auth_tried(c, ACCOUNT_UNLOCK, right);
    if (sw == SW_OK)
        sw = keys_seal_master(c, q->new);
    if (c->d->state == STATE_LOCKED)
        wipe(c->d->master, sizeof c->d->master);
    return sw;
}

uint16_t cmd_pin_change(struct call *c, const struct pin_change_req *q, struct wr *out)
{
    (void)out;
    c->object = q->account;
    if (!auth_pin_ok(q->new))
        return SW_PIN_RANGE;
    if (q->account == ACCOUNT_UNLOCK)
        return change_unlock(c, q);
    const uint16_t sw = auth_try(c, q->account, q->old);
    return sw == SW_OK ? auth_put(c, q->account, &c->d->accounts[q->account], q->new) : sw;
}

static uint16_t unblock_unlock(struct call *c, struct view new)
{
    const struct device *d = c->d;
    if (!d->accounts[ACCOUNT_UNLOCK].role)
        return SW_WRONG_DATA;
    if (d->state == STATE_LOCKED)
        return new.size ? SW_WRONG_STATE : SW_OK;
    return auth_pin_ok(new) ? keys_seal_master(c, new) : SW_PIN_RANGE;
}

uint16_t cmd_pin_unblock(struct call *c, const struct pin_unblock_req *q, struct wr *out)
{
    const struct account *a = auth_account(c->d, q->account);
    uint16_t sw;
    (void)out;
    c->object = q->account;
    if (q->account == ACCOUNT_UNLOCK)
        sw = unblock_unlock(c, q->new);
    else if (!a)
        sw = SW_WRONG_DATA;
    else if (a->role == ROLE_ADMIN) /* an administrator's PIN has no master key */
        sw = SW_NOT_PERMITTED;
    else
        sw = auth_pin_ok(q->new) ? auth_put(c, q->account, a, q->new) : SW_PIN_RANGE;
    if (sw != SW_OK)
        return sw;
    c->tries_back = (uint8_t)(q->account + 1);
    return auth_put_tries(c, q->account, c->d->accounts[q->account].tries_max);
}

/* ---------------------------------------------------------------- accounts */

static bool name_taken(const struct device *d, struct view name)
{
    for (unsigned i = 1; i <= LIMIT_ACCOUNTS_MAX; i++) {
        const struct account *a = &d->accounts[i];
        if (a->role && a->name_size == name.size && !memcmp(a->name, name.data, name.size))
            return true;
    }
    return false;
}

static void account_created(struct call *c, bool done)
{
    if (done && auth_load(c->d) != SW_OK)
        device_fail(c->d, "store", "damaged device record");
}

static uint16_t account_fits(const struct device *d, const struct account_create_req *q)
{
    if (q->role != ROLE_USER && q->role != ROLE_OPERATOR && q->role != ROLE_ADMIN &&
        q->role != ROLE_AUDITOR)
        return SW_WRONG_DATA;
    if (q->retries < 1 || q->retries > LIMIT_RETRIES_MAX || !q->name.size)
        return SW_WRONG_DATA;
    if (!auth_pin_ok(q->pin))
        return SW_PIN_RANGE;
    return name_taken(d, q->name) ? SW_EXISTS : SW_OK;
}

uint16_t cmd_account_create(struct call *c, const struct account_create_req *q, struct wr *out)
{
    struct account a = {
        .role = q->role, .tries_max = q->retries, .name_size = (uint8_t)q->name.size};
    uint8_t number = 1;
    uint16_t sw = account_fits(c->d, q);
    if (sw != SW_OK)
        return sw;
    while (number <= LIMIT_ACCOUNTS_MAX && c->d->accounts[number].role)
        number++;
    if (number > LIMIT_ACCOUNTS_MAX)
        return SW_TOO_MANY;
    memcpy(a.name, q->name.data, q->name.size);
    c->object = number;
    c->settle = account_created;
    sw = auth_put(c, number, &a, q->pin);
    if (sw == SW_OK)
        sw = auth_put_tries(c, number, a.tries_max);
    account_create_rsp_put(out, &(struct account_create_rsp){number});
    return sw;
}

/* Whoever is logged in with it is so no longer. */
static void account_deleted(struct call *c, bool done)
{
    struct device *d = c->d;
    const uint8_t number = (uint8_t)c->object;
    if (!done)
        return;
    memset(&d->accounts[number], 0, sizeof d->accounts[number]);
    tickets_drop_account(&d->tickets, number);
    for (uint32_t i = 0; i < d->sessions.max; i++)
        if (d->sessions.table[i].channel && d->sessions.table[i].account == number)
            session_logout(&d->sessions.table[i]);
}

uint16_t cmd_account_delete(struct call *c, const struct account_delete_req *q, struct wr *out)
{
    const struct account *a = auth_account(c->d, q->account);
    (void)out;
    c->object = q->account;
    if (!a)
        return SW_WRONG_DATA;
    if (a->role == ROLE_ADMIN && auth_admins(c->d) <= c->d->quorum)
        return SW_NOT_PERMITTED;
    if (objects_count_owner(c->d, q->account))
        return SW_NOT_PERMITTED;
    c->settle = account_deleted;
    uint16_t sw = tx_delete(c, ID_ACCOUNT + q->account);
    if (sw == SW_OK && CONFIG_CHANNEL)
        sw = host_keys_drop(c, q->account);
    return sw == SW_OK ? tx_delete(c, ID_TRIES + q->account) : sw;
}

uint16_t cmd_account_list(struct call *c, const struct account_list_req *q, struct wr *out)
{
    (void)q;
    for (unsigned i = 0; i <= LIMIT_ACCOUNTS_MAX; i++) {
        const struct account *a = &c->d->accounts[i];
        if (a->role)
            account_entry_put(
                out,
                &(struct account_entry){
                    (uint8_t)i, a->role & 0x0F, a->tries, a->tries_max, {a->name, a->name_size}});
    }
    return SW_OK;
}
