#include "firmware/app/quorum.h"

#include "firmware/app/core.h"
#include "firmware/base/config.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/sm3.h"

#include <string.h>

enum { APPROVED_MS = 10 * 60 * 1000 };

uint16_t quorum_load(struct device *d)
{
    size_t n;
    d->quorum = 1;
    uint16_t sw = record_get(d, ID_QUORUM, &n);
    if (sw == SW_NO_OBJECT)
        return SW_OK;
    if (sw == SW_OK && (n != 1 || d->record[0] < 1 || d->record[0] > LIMIT_QUORUM_MAX))
        sw = SW_STORE_DAMAGED;
    if (sw == SW_OK)
        d->quorum = d->record[0];
    return sw;
}

static void settled(struct call *c, bool done)
{
    if (done)
        c->d->quorum = (uint8_t)c->pending[0];
}

uint16_t quorum_put(struct call *c, uint8_t needed)
{
    c->pending[0] = needed;
    c->settle = settled;
    return tx_put(c, STORE_SYSTEM, RECORD_QUORUM, ID_QUORUM, &needed, 1);
}

/* SM3(command || request); without a PIN that is made, which only its owner knows. */
static void hash_of(const struct exchange *x, uint8_t hash[32])
{
    struct sm3 h;
    sm3_init(&h);
    sm3_update(&h, &x->ins, 1);
    sm3_update(&h, x->data, proto_approved_size(x->ins, x->data, x->size));
    sm3_final(&h, hash);
}

/* A clock that was set back ends an approval, too; without a clock it lasts as long as the
 * session. */
uint32_t quorum_left(const struct device *d, const struct approval *a)
{
    const uint64_t now = device_time(d), age = now - a->time;
    return a->command && now >= a->time && age < APPROVED_MS ? (uint32_t)(APPROVED_MS - age) : 0;
}

static bool approves(const struct device *d, const struct session *s, uint8_t command,
                     const uint8_t hash[32])
{
    return s->channel && s->role == ROLE_ADMIN && s->approval.command == command &&
           quorum_left(d, &s->approval) && !memcmp(s->approval.hash, hash, 32);
}

/* Only accounts of administrators are guarded: whoever makes one makes a vote. */
static bool concerns(const struct call *c)
{
    struct account_create_req create;
    struct account_delete_req delete;
    struct rd r;
    if (c->info->roles & COMMAND_QUORUM)
        return true;
    rd_init(&r, c->x->data, c->x->size);
    if (c->x->ins == INS_ACCOUNT_CREATE)
        return account_create_req_get(&r, &create) && create.role == ROLE_ADMIN;
    if (c->x->ins != INS_ACCOUNT_DELETE || !account_delete_req_get(&r, &delete))
        return false;
    const struct account *a = auth_account(c->d, delete.account);
    return a && a->role == ROLE_ADMIN;
}

/* " 12" */
static void append(struct call *c, unsigned account)
{
    uint8_t text[3] = {' ', (uint8_t)('0' + account / 10 % 10), (uint8_t)('0' + account % 10)};
    const size_t n = account < 10 ? 2 : 3;
    if (account < 10)
        text[1] = text[2];
    if (c->detail_size + n > sizeof c->detail)
        return;
    memcpy(c->detail + c->detail_size, text, n);
    c->detail_size = (uint8_t)(c->detail_size + n);
}

static bool guarded(const struct call *c)
{
    return c->info && c->info->roles & (COMMAND_QUORUM | COMMAND_QUORUM_ADMINS) &&
           c->d->quorum > 1 && concerns(c);
}

uint16_t quorum_admit(struct call *c)
{
    const struct device *d = c->d;
    uint8_t hash[32];
    unsigned given = 1;
    if (!guarded(c))
        return SW_OK;
    if (!CONFIG_QUORUM) /* whoever set the number had a build that could count */
        return SW_APPROVALS_MISSING;
    hash_of(c->x, hash);
    call_detail(c, "approved by", 11);
    append(c, c->account);
    /* an account has one approval at most */
    for (uint32_t i = 0; i < d->sessions.max; i++) {
        const struct session *s = &d->sessions.table[i];
        if (s->account == c->account || !approves(d, s, c->x->ins, hash))
            continue;
        append(c, s->account);
        given++;
    }
    return given >= d->quorum ? SW_OK : SW_APPROVALS_MISSING;
}

void quorum_spent(struct call *c)
{
    struct device *d = c->d;
    uint8_t hash[32];
    if (!c->info || !(c->info->roles & (COMMAND_QUORUM | COMMAND_QUORUM_ADMINS)))
        return;
    hash_of(c->x, hash);
    for (uint32_t i = 0; i < d->sessions.max; i++)
        if (approves(d, &d->sessions.table[i], c->x->ins, hash))
            wipe(&d->sessions.table[i].approval, sizeof d->sessions.table[i].approval);
}

uint8_t quorum_approve(struct call *c, uint8_t command, const uint8_t hash[32])
{
    struct device *d = c->d;
    uint8_t given = 0;
    for (uint32_t i = 0; i < d->sessions.max; i++)
        if (d->sessions.table[i].account == c->account)
            wipe(&d->sessions.table[i].approval, sizeof d->sessions.table[i].approval);
    if (!command)
        return 0;
    c->session->approval = (struct approval){.command = command, .time = device_time(d)};
    memcpy(c->session->approval.hash, hash, 32);
    for (uint32_t i = 0; i < d->sessions.max; i++)
        given = (uint8_t)(given + approves(d, &d->sessions.table[i], command, hash));
    return given;
}
