#include "firmware/app/audit.h"

#include "firmware/app/core.h"
#include "firmware/app/life.h"
#include "firmware/crypto/sm3.h"

#include <string.h>

static uint32_t id_of(uint64_t sequence)
{
    return ID_LOG + (uint32_t)(sequence & 0x3FFFFFFF);
}

uint16_t audit_get(struct device *d, uint64_t sequence, struct log_entry *e)
{
    size_t n;
    struct rd r;
    const uint16_t sw = record_get(d, id_of(sequence), &n);
    if (sw != SW_OK)
        return sw;
    rd_init(&r, d->record, n);
    return log_entry_get(&r, e) && rd_done(&r) ? SW_OK : SW_STORE_DAMAGED;
}

void audit_start(struct device *d)
{
    struct store_stat s;
    store_stat(d->store, &s);
    const uint64_t most = s.capacity_bytes / 4 / AUDIT_RECORD;
    d->audit.max = most < d->config.log_max ? (uint32_t)most : d->config.log_max;
    d->audit.first = d->audit.next = 1;
    d->audit.dropping = 0;
    d->audit.stated = 0;
    memset(d->audit.head, 0, sizeof d->audit.head);
}

/*
 * Records are numbered without gaps, so that the lowest id and the count tell both ends - unless
 * the ring runs over the end of the ids: then the run that starts at the lowest id is its newer
 * part.
 */
uint16_t audit_load(struct device *d)
{
    struct log_entry e;
    struct rd r;
    const uint32_t count = store_count(d->store, RECORD_LOG);
    const uint32_t lowest = store_next(d->store, ID_LOG - 1, RECORD_LOG);
    uint32_t run = 0;
    audit_start(d);
    if (!count)
        return SW_OK;
    const uint16_t sw = audit_get(d, lowest - ID_LOG, &e);
    if (sw != SW_OK)
        return sw;
    while (run < count && store_has(d->store, id_of(e.sequence + run), NULL))
        run++;
    d->audit.next = e.sequence + run;
    d->audit.first = d->audit.next - count;
    size_t n;
    const uint16_t last = record_get(d, id_of(d->audit.next - 1), &n);
    if (last != SW_OK)
        return last;
    sm3_digest(d->record, n, d->audit.head);
    rd_init(&r, d->record, n);
    if (log_entry_get(&r, &e) && e.time > d->identity.latest)
        d->identity.latest = e.time;
    d->audit.latest = d->identity.latest;
    return SW_OK;
}

static bool full(const struct device *d)
{
    return d->audit.next - d->audit.first >= d->audit.max;
}

static uint16_t drop(struct call *c, uint64_t count)
{
    struct audit *a = &c->d->audit;
    uint16_t sw = SW_OK;
    for (a->dropping = 0; sw == SW_OK && a->dropping < count; a->dropping++)
        sw = tx_delete(c, id_of(a->first + a->dropping));
    return sw;
}

/* A full ring gives up several records at a time: most commands then delete nothing. */
static uint16_t trim(struct call *c)
{
    const struct device *d = c->d;
    const uint64_t kept = d->audit.next - d->audit.first;
    if (!full(d) || d->audit.dropping || d->identity.flags & INIT_AUDIT_STOPS)
        return SW_OK;
    return drop(c, kept < AUDIT_TRIM ? kept : AUDIT_TRIM);
}

uint16_t audit_truncate(struct call *c, uint64_t through)
{
    struct audit *a = &c->d->audit;
    if (through < a->first || through > a->stated)
        return SW_WRONG_DATA;
    for (;;) {
        const uint64_t left = through + 1 - a->first;
        const uint16_t sw = drop(c, left < AUDIT_TRIM ? left : AUDIT_TRIM);
        if (sw != SW_OK || left <= AUDIT_TRIM)
            return sw;
        const uint16_t end = tx_commit(c);
        audit_settle(c->d, false);
        if (end != SW_OK)
            return end;
        a->first += AUDIT_TRIM;
    }
}

/* The reserve is used up, too, and the open transaction makes no room. */
static bool brimful(const struct device *d)
{
    const struct audit *a = &d->audit;
    return a->next - a->first - a->dropping >= a->max + AUDIT_RESERVE;
}

bool audit_room(const struct device *d)
{
    return !(d->identity.flags & INIT_AUDIT_STOPS && brimful(d));
}

bool audit_refuses_role(const struct device *d, uint8_t role)
{
    if (!(d->identity.flags & INIT_AUDIT_STOPS) || !full(d))
        return false;
    return !(role & ROLE_AUDITOR || (role & ROLE_ADMIN && !brimful(d)));
}

/* LOGIN asks again when it knows the account; the others are the way to the log */
static bool lets_in(uint8_t ins)
{
    return ins == INS_LOGIN || ins == INS_UNLOCK || ins == INS_CUSTODY_BEGIN ||
           ins == INS_CUSTODY_GIVE || ins == INS_CUSTODY_UNLOCK;
}

bool audit_refuses(const struct call *c)
{
    const uint8_t role = c->session ? c->session->role : 0;
    return c->d->initialised && c->info->audit != AUDIT_NEVER && !lets_in(c->info->ins) &&
           audit_refuses_role(c->d, role);
}

/* The newest record tells the time, unless the clock was put back: then the device keeps it apart.
 */
static uint16_t keep_time(struct call *c, uint64_t time)
{
    struct device *d = c->d;
    device_time_kept(d, time);
    const uint64_t latest = d->identity.latest;
    d->audit.keeping = time < latest && d->audit.latest < latest;
    return d->audit.keeping ? life_keep_time(c) : (uint16_t)SW_OK;
}

uint16_t audit_put(struct call *c, uint8_t command, uint16_t sw)
{
    struct device *d = c->d;
    const struct log_entry e = {.sequence = d->audit.next,
                                .time = device_time(d),
                                .command = command,
                                .account = c->account,
                                .sw = sw,
                                .object = c->object,
                                .detail = {c->detail, c->detail_size},
                                .previous = d->audit.head};
    uint8_t record[96];
    struct wr w;
    wr_init(&w, record, sizeof record);
    log_entry_put(&w, &e);
    uint16_t ready = trim(c);
    if (ready == SW_OK)
        ready = keep_time(c, e.time);
    if (ready != SW_OK)
        return ready;
    sm3_digest(record, wr_size(&w), d->audit.staged);
    return tx_put(c, STORE_SYSTEM, RECORD_LOG, id_of(e.sequence), record, wr_size(&w));
}

void audit_settle(struct device *d, bool done)
{
    struct audit *a = &d->audit;
    if (done) {
        a->first += a->dropping;
        a->next++;
        memcpy(a->head, a->staged, sizeof a->head);
    }
    if (done && a->keeping)
        a->latest = d->identity.latest;
    a->dropping = 0;
    a->keeping = false;
}
