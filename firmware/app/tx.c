/* Store and device together: transactions of a call, and what their failures mean. */
#include "firmware/app/core.h"
#include "firmware/base/wipe.h"

#include <string.h>

void device_fail(struct device *d, const char *what, const char *why)
{
    size_t n = 0;
    if (d->failure[0])
        return;
    for (; n < FAILURE_MAX && *what; what++)
        d->failure[n++] = *what;
    for (const char *s = ": "; n < FAILURE_MAX && *s; s++)
        d->failure[n++] = *s;
    for (; n < FAILURE_MAX && *why; why++)
        d->failure[n++] = *why;
    d->failure[n] = 0;
}

struct view text_view(const char *text)
{
    size_t n = 0;
    while (text[n])
        n++;
    return (struct view){(const uint8_t *)text, n};
}

uint64_t device_time(const struct device *d)
{
    return d->hal.clock.now ? d->hal.clock.now(d->hal.clock.ctx) : 0;
}

/* 2020-01-01: a clock that says less counts from its own start. */
static const uint64_t clock_set = 1577836800000;

uint64_t device_time_kept(struct device *d, uint64_t now)
{
    if (now > d->identity.latest)
        d->identity.latest = now;
    return now < clock_set ? 0 : d->identity.latest;
}

void call_detail(struct call *c, const void *text, size_t n)
{
    c->detail_size = (uint8_t)(n < sizeof c->detail ? n : sizeof c->detail);
    if (c->detail_size)
        memcpy(c->detail, text, c->detail_size);
}

void call_hex(struct call *c, const uint8_t bytes[16])
{
    static const char digit[] = "0123456789abcdef";
    uint8_t text[32];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)digit[bytes[i / 2] >> (i % 2 ? 0 : 4) & 15];
    call_detail(c, text, sizeof text);
}

uint16_t store_status(struct device *d, enum store_result r)
{
    switch (r) {
    case STORE_OK:
        return SW_OK;
    case STORE_ABSENT:
        return SW_NO_OBJECT;
    case STORE_FULL:
        return SW_NO_SPACE;
    case STORE_LOCKED:
        return SW_WRONG_STATE;
    case STORE_CORRUPT:
        return SW_STORE_DAMAGED;
    case STORE_ARGUMENT:
    case STORE_BLANK:
    case STORE_VERSION:
        return SW_INTERNAL;
    case STORE_FAULT:
        break;
    }
    device_fail(d, "store", "the memory failed");
    return SW_NVM_FAULT;
}

static uint16_t begin(struct call *c)
{
    if (c->open)
        return SW_OK;
    const uint16_t sw = store_status(c->d, store_begin(c->d->store));
    c->open = sw == SW_OK;
    return sw;
}

uint16_t tx_put(struct call *c, enum store_class cls, uint8_t type, uint32_t id, const void *data,
                size_t n)
{
    const uint16_t sw = begin(c);
    return sw == SW_OK ? store_status(c->d, store_put(c->d->store, cls, type, id, data, n)) : sw;
}

uint16_t tx_delete(struct call *c, uint32_t id)
{
    const uint16_t sw = begin(c);
    return sw == SW_OK ? store_status(c->d, store_delete(c->d->store, id)) : sw;
}

uint16_t tx_commit(struct call *c)
{
    if (!c->open)
        return SW_OK;
    c->open = false;
    return store_status(c->d, store_commit(c->d->store));
}

uint16_t tx_commit_start(struct call *c)
{
    const uint16_t sw =
        c->open ? store_status(c->d, store_commit_start(c->d->store)) : (uint16_t)SW_OK;
    c->open = c->open && sw == SW_OK;
    return sw;
}

void tx_abort(struct call *c)
{
    if (c->open)
        store_abort(c->d->store);
    c->open = false;
}

uint16_t record_get(struct device *d, uint32_t id, size_t *n)
{
    *n = STORE_MAX_DATA;
    const enum store_result r = store_get(d->store, id, NULL, d->record, n);
    const size_t used = r == STORE_OK ? *n : STORE_MAX_DATA;
    if (used > d->record_used)
        d->record_used = used;
    return store_status(d, r);
}

void record_wipe(struct device *d)
{
    if (d->record_used)
        wipe(d->record, d->record_used);
    d->record_used = 0;
}
