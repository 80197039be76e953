#include "firmware/app/audit.h"

#include "firmware/app/core.h"

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
}

/*
 * Records are numbered without gaps, so that the lowest id and the count tell both ends - unless
 * the ring runs over the end of the ids: then the run that starts at the lowest id is its newer
 * part.
 */
uint16_t audit_load(struct device *d)
{
    struct log_entry e;
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
    return SW_OK;
}

/* A full ring gives up several records at a time: most commands then delete nothing. */
static uint16_t trim(struct call *c)
{
    const struct audit *a = &c->d->audit;
    uint16_t sw = SW_OK;
    if (a->next - a->first < a->max)
        return SW_OK;
    for (uint64_t s = a->first; sw == SW_OK && s < a->next && s < a->first + AUDIT_TRIM; s++)
        sw = tx_delete(c, id_of(s));
    return sw;
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
                                .detail = {c->detail, c->detail_size}};
    uint8_t record[64];
    struct wr w;
    wr_init(&w, record, sizeof record);
    log_entry_put(&w, &e);
    const uint16_t trimmed = trim(c);
    if (trimmed != SW_OK)
        return trimmed;
    return tx_put(c, STORE_SYSTEM, RECORD_LOG, id_of(e.sequence), record, wr_size(&w));
}

void audit_done(struct device *d)
{
    struct audit *a = &d->audit;
    if (a->next - a->first >= a->max)
        a->first += AUDIT_TRIM < a->next - a->first ? AUDIT_TRIM : a->next - a->first;
    a->next++;
}
