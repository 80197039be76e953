#include "firmware/app/backup.h"

#include "firmware/app/core.h"
#include "firmware/app/fresh.h"
#include "firmware/app/keys.h"
#include "firmware/app/policy.h"
#include "firmware/app/uses.h"
#include "firmware/base/ct.h"
#include "firmware/base/endian.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/hash.h"
#include "firmware/crypto/sm4.h"

#include <string.h>

enum { VERSION = 1, BATCH = 16, COUNT = 4, TAG = 16 };
static const uint8_t magic[4] = {'H', 'F', 'B', 'O'};
static const uint8_t nonce[12]; /* each key seals once */

/* HMAC-SM3(HMAC-SM3(wrap-domain key, "hufu backup"), batch)[0..15] */
static void key_of(const struct device *d, const uint8_t batch[BATCH], struct sm4_key *key)
{
    uint8_t all[32], k[32];
    keys_derive(d->domain_key, "hufu backup", all);
    hmac(HASH_SM3, all, sizeof all, batch, BATCH, k);
    sm4_set_key(key, k);
    wipe(all, sizeof all);
    wipe(k, sizeof k);
}

static bool may_leave(const struct object *o)
{
    return key_is_blob(o->type) || o->usage & (USAGE_EXPORT_WRAPPED | USAGE_BACKUP);
}

uint16_t backup_seal(struct call *c, uint32_t handle, struct wr *out)
{
    struct device *d = c->d;
    struct object o;
    struct sm4_key key;
    uint8_t batch[BATCH];
    size_t n;
    uint16_t sw = object_for(c, handle, ACCESS_EXPORT, &o);
    if (sw == SW_OK && !may_leave(&o))
        sw = SW_NOT_PERMITTED;
    const uint32_t used = o.policy.used;
    const struct account *owner = &d->accounts[o.owner <= LIMIT_ACCOUNTS_MAX ? o.owner : 0];
    if (sw == SW_OK)
        sw = record_get(d, handle, &n);
    if (sw != SW_OK)
        return sw;
    if (random_fill(&d->random, batch, sizeof batch))
        return SW_RANDOM_FAILED;
    const size_t before = wr_size(out);
    backup_header_put(out, &(struct backup_header){magic,
                                                   VERSION,
                                                   d->domain_id,
                                                   batch,
                                                   d->identity.serial,
                                                   handle,
                                                   o.type,
                                                   {owner->name, owner->name_size}});
    const size_t front = wr_size(out) - before;
    uint8_t *body = wr_reserve(out, COUNT + n + TAG);
    if (!body)
        return SW_RESPONSE_TOO_BIG;
    store_be32(body, used);
    memcpy(body + COUNT, d->record, n);
    key_of(d, batch, &key);
    sm4_gcm_seal(&key, nonce, sizeof nonce, body - front, front, body, COUNT + n, body,
                 body + COUNT + n);
    wipe(&key, sizeof key);
    return SW_OK;
}

/* ---------------------------------------------------------------- and back */

struct opened {
    struct backup_header h;
    struct object o;
    uint32_t used;
};

static uint16_t unseal(struct call *c, struct view sealed, uint8_t *text, struct opened *b)
{
    struct sm4_key key;
    struct rd r;
    rd_init(&r, sealed.data, sealed.size);
    if (!backup_header_get(&r, &b->h) || memcmp(b->h.magic, magic, sizeof magic) != 0)
        return SW_WRONG_WRAP;
    if (b->h.version > VERSION)
        return SW_NEWER_FORMAT;
    if (memcmp(b->h.domain, c->d->domain_id, DOMAIN_ID) != 0 || rd_left(&r) < COUNT + TAG)
        return SW_WRONG_WRAP;
    const size_t n = rd_left(&r) - TAG, front = sealed.size - rd_left(&r);
    key_of(c->d, b->h.batch, &key);
    const int bad = sm4_gcm_open(&key, nonce, sizeof nonce, sealed.data, front, sealed.data + front,
                                 n, text, sealed.data + front + n);
    wipe(&key, sizeof key);
    if (bad)
        return SW_WRONG_WRAP;
    PUBLIC(text, n); /* the secret in it is marked as that of a record */
    b->used = load_be32(text);
    b->o.type = b->h.type;
    return object_parse(text + COUNT, n - COUNT, &b->o);
}

/* It is authentic; that its parts make a key is looked at all the same. */
static uint16_t check(struct call *c, const struct object *o)
{
    struct fresh f;
    uint16_t sw = SW_OK;
    if (!key_usages(o->type) || o->usage & ~key_usages(o->type))
        return SW_NOT_SUPPORTED;
    if (key_is_blob(o->type) || key_is_secret(o->type))
        return SW_OK;
    f.secret_size = key_rsa_bits(o->type) ? key_rsa_bits(o->type) / 8 : o->secret.size;
    memcpy(f.secret, o->secret.data, f.secret_size);
    if (fresh_complete(c->d, &f, o->type) != SW_OK || f.secret_size != o->secret.size ||
        memcmp(f.pub, o->pub.data, o->pub.size) != 0)
        sw = SW_WRONG_WRAP;
    wipe(&f, sizeof f);
    return sw;
}

static bool same_bytes(struct view a, struct view b)
{
    uint32_t same = a.size == b.size && ct_mem_eq(a.data, b.data, a.size);
    PUBLIC(&same, sizeof same);
    return same;
}

/* The object that this one was, if it has stayed here or come back already. */
static uint32_t find(struct call *c, const struct opened *b, bool *counted)
{
    struct object o;
    for (struct indexed *i = object_match(c, 0, b->o.label, b->o.id); i;
         i = object_match(c, i->handle, b->o.label, b->o.id)) {
        const uint32_t handle = i->handle;
        if (i->type != b->o.type || object_get(c->d, handle, &o) != SW_OK)
            continue;
        if (o.created == b->o.created && same_bytes(o.label, b->o.label) &&
            same_bytes(o.id, b->o.id) && same_bytes(o.secret, b->o.secret)) {
            *counted = o.policy.uses != 0;
            return handle;
        }
    }
    return 0;
}

static uint16_t keep(struct call *c, struct opened *b, uint8_t owner, uint32_t *handle)
{
    b->o.owner = owner;
    if (memcmp(b->h.serial, c->d->identity.serial, DEVICE_SERIAL) != 0 && !key_is_blob(b->o.type))
        b->o.origin = ORIGIN_IMPORTED;
    b->o.policy.flags &= (uint8_t)~POLICY_FROM_BIRTH; /* there may be another one that counts */
    const uint16_t sw = object_add(c, &b->o, handle);
    return sw == SW_OK && b->o.policy.uses ? uses_raise(c, *handle, b->used) : sw;
}

static uint8_t account_of(const struct device *d, uint8_t wanted, struct view name)
{
    for (uint8_t i = 1; i <= LIMIT_ACCOUNTS_MAX; i++) {
        const struct account *a = &d->accounts[i];
        if (a->role & (ROLE_USER | ROLE_OPERATOR) &&
            (wanted ? i == wanted : same_bytes((struct view){a->name, a->name_size}, name)))
            return i;
    }
    return 0;
}

uint16_t backup_open(struct call *c, uint8_t owner, struct view sealed, struct wr *out,
                     uint32_t *handle, bool *there)
{
    const struct wr before = *out;
    struct opened b = {.used = 0};
    bool counted = false;
    uint8_t *text = wr_reserve(out, sealed.size);
    if (!text)
        return SW_RESPONSE_TOO_BIG;
    uint16_t sw = unseal(c, sealed, text, &b);
    if (sw == SW_OK)
        sw = check(c, &b.o);
    if (sw == SW_OK) {
        call_hex(c, b.h.serial);
        owner = account_of(c->d, owner, b.h.owner);
        *handle = find(c, &b, &counted);
        *there = *handle != 0;
        if (*there && b.o.policy.uses && counted)
            sw = uses_raise(c, *handle, b.used);
        else if (!*there)
            sw = owner ? keep(c, &b, owner, handle) : SW_WRONG_DATA;
        c->object = *handle;
    }
    wipe(text, sealed.size);
    *out = before;
    return sw;
}
