/* Registered keys of hosts: a record for each, and what they decide. */
#include "firmware/app/channel.h"
#include "firmware/app/core.h"

#include <string.h>

enum { HOST_KEY_VERSION = 1 };

uint16_t host_key_get(struct device *d, unsigned slot, struct host_key *k)
{
    struct rd r;
    size_t n;
    if (slot >= LIMIT_HOST_KEYS_MAX || !store_has(d->store, ID_HOST_KEY + slot, NULL))
        return SW_NO_KEY;
    const uint16_t sw = record_get(d, ID_HOST_KEY + slot, &n);
    if (sw != SW_OK)
        return sw;
    rd_init(&r, d->record, n);
    const uint8_t version = rd_u8(&r);
    k->account = rd_u8(&r);
    const uint8_t *pub = rd_bytes(&r, SM2_POINT);
    const struct view label = rd_var(&r, sizeof k->label);
    if (!rd_done(&r) || version != HOST_KEY_VERSION)
        return SW_STORE_DAMAGED;
    memcpy(k->pub, pub, SM2_POINT);
    k->label_size = (uint8_t)label.size;
    if (label.size)
        memcpy(k->label, label.data, label.size);
    return SW_OK;
}

uint16_t host_key_put(struct call *c, unsigned slot, const struct host_key *k)
{
    uint8_t record[2 + SM2_POINT + 2 + sizeof k->label];
    struct wr w;
    wr_init(&w, record, sizeof record);
    wr_u8(&w, HOST_KEY_VERSION);
    wr_u8(&w, k->account);
    wr_bytes(&w, k->pub, SM2_POINT);
    wr_var(&w, (struct view){k->label, k->label_size}, sizeof k->label);
    return tx_put(c, STORE_SYSTEM, RECORD_HOST_KEY, ID_HOST_KEY + slot, record, wr_size(&w));
}

/*
 * The places of an account's keys as bits. A record that cannot be read must not open what it was
 * to close: it counts for every account, but for administrators, who can delete it.
 */
static uint8_t keys_of(struct device *d, uint8_t account)
{
    const bool admin = d->accounts[account].role == ROLE_ADMIN;
    uint8_t bits = 0;
    for (unsigned i = 0; i < LIMIT_HOST_KEYS_MAX; i++) {
        struct host_key k;
        const uint16_t sw = host_key_get(d, i, &k);
        if (sw == SW_OK ? k.account == account : sw != SW_NO_KEY && !admin)
            bits = (uint8_t)(bits | 1u << i);
    }
    return bits;
}

uint16_t channel_admits(const struct call *c, uint8_t account)
{
    const uint8_t needed = keys_of(c->d, account);
    if (!needed)
        return SW_OK;
    const struct channel *one = channel_find(&c->d->channels, c->x->link, c->x->secure);
    return one && one->hosts & needed ? SW_OK : SW_CHANNEL_NEEDED;
}

uint8_t host_keys_find(struct device *d, const uint8_t pub[SM2_POINT])
{
    uint8_t bits = 0;
    for (unsigned i = 0; i < LIMIT_HOST_KEYS_MAX; i++) {
        struct host_key k;
        if (host_key_get(d, i, &k) == SW_OK && !memcmp(k.pub, pub, SM2_POINT))
            bits = (uint8_t)(bits | 1u << i);
    }
    return bits;
}

void host_key_gone(struct device *d, unsigned slot)
{
    for (unsigned i = 0; i < d->channels.max; i++) {
        struct channel *one = &d->channels.table[i];
        one->hosts = (uint8_t)(one->hosts & ~(1u << slot));
    }
}

uint16_t host_keys_drop(struct call *c, uint8_t account)
{
    struct host_key k;
    uint16_t sw = SW_OK;
    for (unsigned i = 0; sw == SW_OK && i < LIMIT_HOST_KEYS_MAX; i++)
        if (host_key_get(c->d, i, &k) == SW_OK && k.account == account) {
            sw = tx_delete(c, ID_HOST_KEY + i);
            host_key_gone(c->d, i);
        }
    return sw;
}
