#include "firmware/app/custody.h"

#include "firmware/app/core.h"
#include "firmware/app/domain.h"
#include "firmware/app/keys.h"
#include "firmware/app/life.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/sm4.h"

#include <string.h>

/* The record: version, public name of the key, master key and tag of SM4-GCM; what is in front is
 * authenticated. Each key seals once, so its nonce is zeros. */
enum { VERSION = 1, FRONT = 1 + DOMAIN_ID, TAG = 16, RECORD = FRONT + STORE_KEY + TAG };
static const uint8_t nonce[12];

static void key_of(const uint8_t shared[DOMAIN_KEY], struct sm4_key *key)
{
    uint8_t k[32];
    keys_derive(shared, "hufu master under shares", k);
    sm4_set_key(key, k);
    wipe(k, sizeof k);
}

static void name_of(const uint8_t shared[DOMAIN_KEY], uint8_t name[DOMAIN_ID])
{
    uint8_t whole[32];
    keys_derive(shared, "hufu shares that unlock", whole);
    memcpy(name, whole, DOMAIN_ID);
    PUBLIC(name, DOMAIN_ID);
}

/* The first split is ID_CUSTODY; a later one waits beside it for its first use. */
static uint16_t put(struct call *c, const uint8_t shared[DOMAIN_KEY])
{
    const uint32_t id = store_has(c->d->store, ID_CUSTODY, NULL) ? ID_CUSTODY_NEXT : ID_CUSTODY;
    uint8_t record[RECORD] = {VERSION};
    struct sm4_key key;
    name_of(shared, record + 1);
    key_of(shared, &key);
    sm4_gcm_seal(&key, nonce, sizeof nonce, record, FRONT, c->d->master, STORE_KEY, record + FRONT,
                 record + FRONT + STORE_KEY);
    wipe(&key, sizeof key);
    return tx_put(c, STORE_SYSTEM, RECORD_CUSTODY, id, record, sizeof record);
}

uint16_t custody_split(struct call *c, unsigned threshold, struct view custodians, struct wr *out)
{
    uint8_t shared[DOMAIN_KEY], name[DOMAIN_ID];
    uint16_t sw = SW_RANDOM_FAILED;
    if (random_fill(&c->d->random, shared, sizeof shared))
        goto end;
    name_of(shared, name);
    sw = domain_split(c->d, &(struct share_of){custody_magic, shared, name}, threshold, custodians,
                      out);
    if (sw == SW_OK)
        sw = put(c, shared);
end:
    wipe(shared, sizeof shared);
    return sw;
}

/* SW_SHARE_WRONG: that record is of another key. */
static uint16_t open_record(struct device *d, uint32_t id, const uint8_t shared[DOMAIN_KEY])
{
    uint8_t name[DOMAIN_ID];
    struct sm4_key key;
    size_t n;
    uint16_t sw = record_get(d, id, &n);
    if (sw == SW_NO_OBJECT)
        return SW_SHARE_WRONG;
    if (sw == SW_OK && (n != RECORD || d->record[0] != VERSION))
        sw = SW_STORE_DAMAGED;
    if (sw != SW_OK)
        return sw;
    name_of(shared, name);
    key_of(shared, &key);
    if (memcmp(name, d->record + 1, sizeof name) != 0 ||
        sm4_gcm_open(&key, nonce, sizeof nonce, d->record, FRONT, d->record + FRONT, STORE_KEY,
                     d->master, d->record + FRONT + STORE_KEY))
        sw = SW_SHARE_WRONG;
    wipe(&key, sizeof key);
    return sw;
}

static uint16_t open_master(struct call *c, const uint8_t shared[DOMAIN_KEY])
{
    uint8_t record[RECORD];
    uint16_t sw = open_record(c->d, ID_CUSTODY, shared);
    if (sw != SW_SHARE_WRONG)
        return sw;
    sw = open_record(c->d, ID_CUSTODY_NEXT, shared);
    if (sw != SW_OK)
        return sw;
    memcpy(record, c->d->record, sizeof record);
    sw = tx_put(c, STORE_SYSTEM, RECORD_CUSTODY, ID_CUSTODY, record, sizeof record);
    return sw == SW_OK ? tx_delete(c, ID_CUSTODY_NEXT) : sw;
}

static void opened(struct call *c, bool done)
{
    domain_forget(c->d);
    life_unlocked(c, done);
    c->d->by_shares = c->d->state == STATE_READY;
}

uint16_t custody_unlock(struct call *c)
{
    uint16_t sw = domain_combine(c->d, custody_magic);
    if (sw == SW_STEP)
        return sw;
    c->settle = opened;
    if (sw == SW_OK)
        sw = open_master(c, c->d->joining.result);
    return sw;
}

static void no_secret(struct call *c, bool done)
{
    if (done)
        memset(&c->d->accounts[ACCOUNT_UNLOCK], 0, sizeof c->d->accounts[ACCOUNT_UNLOCK]);
}

uint16_t custody_only(struct call *c)
{
    static const uint32_t records[] = {ID_MASTER, ID_ACCOUNT + ACCOUNT_UNLOCK,
                                       ID_TRIES + ACCOUNT_UNLOCK};
    uint16_t sw = SW_OK;
    if (!c->d->by_shares)
        return SW_STEP;
    c->settle = no_secret;
    for (size_t i = 0; i < sizeof records / sizeof *records && sw == SW_OK; i++)
        if (store_has(c->d->store, records[i], NULL))
            sw = tx_delete(c, records[i]);
    return sw;
}
