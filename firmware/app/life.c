#include "firmware/app/life.h"

#include "firmware/app/identity.h"
#include "firmware/app/keys.h"
#include "firmware/app/quorum.h"
#include "firmware/app/selftest.h"
#include "firmware/base/endian.h"
#include "firmware/base/wipe.h"

#include <string.h>

enum { IDENTITY_VERSION = 1, BOOTS_SIZE = 12 /* the number of starts, the latest time seen */ };

static void end_sessions(struct device *d)
{
    for (uint32_t i = 0; i < d->sessions.max; i++)
        if (d->sessions.table[i].channel)
            session_end(d, &d->sessions.table[i]);
}

void life_drop_ahead(struct device *d)
{
    nonces_drop(&d->nonces);
    if (!HUFU_SMALL)
        keys_ahead_drop(d);
}

/* Everything in RAM that came from the store or was made with its keys. */
static void forget(struct device *d)
{
    end_sessions(d);
    if (CONFIG_CHANNEL)
        channels_end(d, 0);
    tickets_drop(&d->tickets);
    life_drop_ahead(d);
    keys_close(d);
    wipe(d->accounts, sizeof d->accounts);
    wipe(&d->identity, sizeof d->identity);
    memset(&d->audit, 0, sizeof d->audit);
    d->initialised = false;
}

void life_fail(struct device *d)
{
    forget(d);
    if (CONFIG_CHANNEL)
        channels_wipe(d);
    random_stop(&d->random);
    d->state = STATE_FAILED;
}

void life_unlocked(struct call *c, bool done)
{
    struct device *d = c->d;
    if (done && keys_use_master(d) == SW_OK) {
        d->state = STATE_READY;
        return;
    }
    keys_lock(d);
    if (done)
        device_fail(d, "store", "damaged device record");
}

void life_lock(struct device *d)
{
    end_sessions(d);
    if (CONFIG_CHANNEL)
        channels_end(d, 0);
    life_drop_ahead(d);
    keys_lock(d);
    d->state = STATE_LOCKED;
}

/* ---------------------------------------------------------------- the end, and a fresh start */

/* A medium that holds anything is formatted. */
static uint16_t empty_store(struct device *d, enum store_result mounted)
{
    struct store_stat s;
    if (mounted == STORE_BLANK)
        return SW_OK;
    if (mounted == STORE_OK) {
        store_stat(d->store, &s);
        if (s.records == 0)
            return SW_OK;
    }
    return store_status(d, store_format(d->store));
}

/* The master key goes first, with what opens it: a deletion needs no key and no room. */
static uint16_t drop_master(struct call *c)
{
    static const uint32_t records[] = {ID_MASTER, ID_CUSTODY, ID_CUSTODY_NEXT};
    uint16_t sw = SW_OK;
    for (size_t i = 0; i < sizeof records / sizeof *records && sw == SW_OK; i++)
        if (store_has(c->d->store, records[i], NULL))
            sw = tx_delete(c, records[i]);
    return sw;
}

static bool has_master(const struct device *d)
{
    return store_has(d->store, ID_MASTER, NULL) || store_has(d->store, ID_CUSTODY, NULL);
}

/*
 * The mark that is committed first lets a boot finish the work wherever the power fails, even in
 * the middle of programming the root. If even the mark does not fit, the root is destroyed without
 * it.
 */
static uint16_t mark(struct call *c, uint32_t id)
{
    uint16_t sw = tx_put(c, STORE_SYSTEM, RECORD_ENDING, id, "!", 1);
    if (sw == SW_OK)
        sw = drop_master(c);
    if (sw == SW_OK)
        sw = tx_commit(c);
    tx_abort(c);
    return sw;
}

static uint16_t destroy(struct device *d, int (*root)(struct device *), uint8_t state)
{
    forget(d);
    if (root(d)) {
        device_fail(d, "port", "cannot program the root");
        return SW_NVM_FAULT;
    }
    const uint16_t sw = store_status(d, store_format(d->store));
    d->state = state;
    return sw;
}

uint16_t life_zeroise(struct call *c)
{
    mark(c, ID_ZEROISING);
    return destroy(c->d, keys_no_root, STATE_BLANK);
}

uint16_t life_terminate(struct call *c)
{
    mark(c, ID_TERMINATING);
    return destroy(c->d, keys_end_root, STATE_TERMINATED);
}

/*
 * Whatever state it is in, and with nothing but the medium at hand: the start calls it before the
 * self-tests. A boot that finds a device without its master key goes on with it.
 */
static void tampered(struct device *d)
{
    struct call c = {.d = d};
    const bool mounted = d->initialised || store_mount(d->store) == STORE_OK;
    forget(d);
    d->tampered = true;
    d->failure[0] = 0;
    device_fail(d, "tamper", "the keys are destroyed");
    if (mounted && drop_master(&c) == SW_OK)
        tx_commit(&c);
    tx_abort(&c);
    destroy(d, keys_tampered_root, STATE_FAILED);
    random_stop(&d->random);
}

static bool asserted(const struct device *d)
{
    const struct hal_tamper *t = &d->hal.tamper;
    return t->asserted && t->asserted(t->ctx);
}

void life_watch(struct device *d)
{
    if (d->state == STATE_TERMINATED || (d->tampered && d->state == STATE_FAILED) || !asserted(d))
        return;
    tampered(d);
}

/* ---------------------------------------------------------------- identity */

uint16_t life_put_identity(struct call *c, const struct identity *i)
{
    uint8_t record[2 + DEVICE_SERIAL + 2 + DEVICE_LABEL_MAX];
    struct wr w;
    wr_init(&w, record, sizeof record);
    wr_u8(&w, IDENTITY_VERSION);
    wr_bytes(&w, i->serial, sizeof i->serial);
    wr_u8(&w, i->flags);
    wr_var(&w, (struct view){i->label, i->label_size}, DEVICE_LABEL_MAX);
    return tx_put(c, STORE_SYSTEM, RECORD_DEVICE, ID_DEVICE, record, wr_size(&w));
}

static uint16_t load_identity(struct device *d)
{
    struct identity *i = &d->identity;
    struct rd r;
    size_t n;
    uint16_t sw = record_get(d, ID_DEVICE, &n);
    if (sw != SW_OK)
        return sw;
    rd_init(&r, d->record, n);
    const uint8_t version = rd_u8(&r);
    const uint8_t *serial = rd_bytes(&r, DEVICE_SERIAL);
    i->flags = rd_u8(&r);
    const struct view label = rd_var(&r, DEVICE_LABEL_MAX);
    if (!rd_done(&r) || version != IDENTITY_VERSION)
        return SW_STORE_DAMAGED;
    memcpy(i->serial, serial, DEVICE_SERIAL);
    i->label_size = (uint8_t)label.size;
    memcpy(i->label, label.data, label.size);
    sw = record_get(d, ID_BOOTS, &n);
    /* a short one is of a firmware that kept no time */
    if (sw == SW_OK && n != 4 && n != BOOTS_SIZE)
        sw = SW_STORE_DAMAGED;
    if (sw == SW_OK) {
        i->boots = load_be32(d->record);
        i->latest = n == BOOTS_SIZE ? load_be64(d->record + 4) : 0;
    }
    return sw;
}

/* ---------------------------------------------------------------- INIT */

static void initialised(struct call *c, bool done)
{
    struct device *d = c->d;
    if (!done || auth_load(d) != SW_OK || load_identity(d) != SW_OK || objects_load(d) != SW_OK) {
        forget(d);
        return;
    }
    d->quorum = 1;
    d->tampered = false;
    d->initialised = true;
    d->state = STATE_READY;
}

static uint16_t put_account(struct call *c, uint8_t number, uint8_t role, uint8_t retries,
                            const char *name, struct view pin)
{
    const struct view text = text_view(name);
    struct account a = {.role = role, .tries_max = retries, .name_size = (uint8_t)text.size};
    memcpy(a.name, text.data, text.size);
    if (!pin.size)
        return SW_OK;
    const uint16_t sw = auth_put(c, number, &a, pin);
    return sw == SW_OK ? auth_put_tries(c, number, retries) : sw;
}

/* The unlock secret has tries like a PIN, but no verifier: it is compared by opening the master
 * key. */
static uint16_t put_unlock(struct call *c, uint8_t retries)
{
    const struct account a = {
        .role = ROLE_UNLOCK, .tries_max = retries, .name_size = 6, .name = "unlock"};
    const uint16_t sw = auth_put(c, ACCOUNT_UNLOCK, &a, (struct view){NULL, 0});
    return sw == SW_OK ? auth_put_tries(c, ACCOUNT_UNLOCK, retries) : sw;
}

static uint16_t put_all(struct call *c, const struct init_req *q, const struct identity *i)
{
    uint8_t number[4];
    uint16_t sw = keys_make(c, q->unlock);
    if (sw == SW_OK)
        sw = life_put_identity(c, i);
    if (sw == SW_OK)
        sw = identity_make(c, i->serial);
    store_be32(number, 1);
    if (sw == SW_OK)
        sw = tx_put(c, STORE_SYSTEM, RECORD_BOOTS, ID_BOOTS, number, sizeof number);
    if (sw == SW_OK)
        sw = tx_put(c, STORE_SYSTEM, RECORD_HANDLES, ID_HANDLES, number, sizeof number);
    if (sw == SW_OK)
        sw = put_account(c, 1, ROLE_ADMIN, q->retries, "admin", q->admin_pin);
    if (sw == SW_OK)
        sw = put_account(c, 2, ROLE_OPERATOR, q->retries, "operator", q->operator_pin);
    if (sw == SW_OK)
        sw = put_account(c, 3, ROLE_USER, q->retries, "user", q->user_pin);
    return sw == SW_OK && q->unlock.size ? put_unlock(c, q->retries) : sw;
}

/* An INIT that was cut off has left its root: while the store is being formatted there must be
 * none. */
static uint16_t forget_root(struct device *d)
{
    enum root_state state;
    if (!keys_open_root(d, &state) &&
        (state == ROOT_NONE || state == ROOT_TAMPERED || !keys_no_root(d)))
        return SW_OK;
    device_fail(d, "port", "cannot program the root");
    return SW_NVM_FAULT;
}

uint16_t life_init(struct call *c, const struct init_req *q, uint8_t serial[DEVICE_SERIAL])
{
    struct device *d = c->d;
    struct identity i = {.flags = q->flags, .label_size = (uint8_t)q->label.size};
    if (q->label.size)
        memcpy(i.label, q->label.data, q->label.size);
    if (random_fill(&d->random, i.serial, sizeof i.serial))
        return SW_RANDOM_FAILED;
    /* No root, fresh store, new root, then one transaction: until that is committed a boot finds
     * BLANK. */
    uint16_t sw = forget_root(d);
    if (sw == SW_OK)
        sw = store_status(d, store_format(d->store));
    if (sw != SW_OK)
        return sw;
    if (keys_new_root(d)) {
        device_fail(d, "port", "cannot program the root");
        return SW_NVM_FAULT;
    }
    audit_start(d);
    memcpy(serial, i.serial, sizeof i.serial);
    if (d->tampered)
        call_detail(c, "after tamper", 12);
    c->settle = initialised;
    return put_all(c, q, &i);
}

/* ---------------------------------------------------------------- boot */

static const char *why_mount(enum store_result r)
{
    switch (r) {
    case STORE_VERSION:
        return "of a newer firmware";
    case STORE_FAULT:
        return "the memory failed";
    case STORE_FULL:
        return "more records than fit";
    default:
        return "damaged";
    }
}

/* The end of a transaction that no command began, unless sw says that it went wrong; with its
 * record where the log has room for it. */
static uint16_t note(struct call *c, uint16_t sw, uint8_t command, uint16_t status,
                     const char *detail)
{
    struct device *d = c->d;
    call_detail(c, detail, text_view(detail).size);
    const bool recorded = audit_room(d);
    if (sw == SW_OK && recorded)
        sw = audit_put(c, command, status);
    if (sw == SW_OK)
        sw = tx_commit(c);
    tx_abort(c);
    audit_settle(d, recorded && sw == SW_OK);
    return sw;
}

static uint16_t put_boots(struct call *c, uint32_t boots)
{
    uint8_t record[BOOTS_SIZE];
    store_be32(record, boots);
    store_be64(record + 4, c->d->identity.latest);
    return tx_put(c, STORE_SYSTEM, RECORD_BOOTS, ID_BOOTS, record, sizeof record);
}

uint16_t life_keep_time(struct call *c)
{
    return put_boots(c, c->d->identity.boots);
}

/* A start leaves a trace: the boot counter and an audit record, in one transaction - if they fit.
 */
static uint16_t note_start(struct device *d)
{
    struct call c = {.d = d};
    device_time_kept(d, device_time(d));
    uint16_t sw = put_boots(&c, d->identity.boots + 1);
    sw = note(&c, sw, AUDIT_START, SW_OK, HUFU_VERSION);
    if (sw == SW_OK)
        d->identity.boots++;
    return sw == SW_NO_SPACE ? SW_OK : sw;
}

void life_note_generator(struct device *d)
{
    struct call c = {.d = d};
    note(&c, SW_OK, INS_RANDOM, SW_RANDOM_FAILED, d->random.failing);
}

static void start_initialised(struct device *d)
{
    bool right = false;
    uint16_t sw = load_identity(d);
    if (sw == SW_OK)
        sw = auth_load(d);
    if (sw == SW_OK)
        sw = audit_load(d);
    if (sw == SW_OK)
        sw = quorum_load(d);
    if (sw == SW_OK)
        sw = note_start(d);
    d->initialised = sw == SW_OK;
    d->state = STATE_LOCKED;
    if (sw == SW_OK && !(d->identity.flags & INIT_ATTENDED)) {
        sw = keys_unseal_master(d, (struct view){NULL, 0}, &right);
        if (sw == SW_OK)
            sw = keys_use_master(d);
        d->state = STATE_READY;
    }
    if (sw != SW_OK)
        device_fail(d, "store",
                    sw == SW_NO_SPACE ? "more objects than fit" : "damaged device record");
}

static void start_store(struct device *d, enum root_state root)
{
    const enum store_result r = store_mount(d->store);
    const bool mounted = r == STORE_OK;
    if (r == STORE_FAULT || (root == ROOT_SET && !mounted && r != STORE_BLANK)) {
        device_fail(d, "store", why_mount(r));
    } else if (root == ROOT_TERMINATED) {
        empty_store(d, r);
        d->state = STATE_TERMINATED;
    } else if (root == ROOT_NONE || root == ROOT_TAMPERED) {
        empty_store(d, r);
        d->tampered = root == ROOT_TAMPERED;
        d->state = STATE_BLANK;
    } else if (mounted && store_has(d->store, ID_TERMINATING, NULL)) {
        destroy(d, keys_end_root, STATE_TERMINATED);
    } else if (mounted && store_has(d->store, ID_ZEROISING, NULL)) {
        destroy(d, keys_no_root, STATE_BLANK);
    } else if (mounted && store_has(d->store, ID_DEVICE, NULL) && !has_master(d)) {
        d->tampered = true;
        destroy(d, keys_tampered_root, STATE_BLANK);
    } else if (mounted && store_has(d->store, ID_DEVICE, NULL)) {
        start_initialised(d);
    } else if (mounted && store_next(d->store, 0, 0)) {
        device_fail(d, "store", "records of no device");
    } else {
        d->state = STATE_BLANK;
    }
}

/* Before anything else: an opened device has no time for tests. */
static bool boot_tampered(struct device *d)
{
    enum root_state root;
    if (!asserted(d) || keys_open_root(d, &root) || root == ROOT_TERMINATED)
        return false;
    tampered(d);
    return true;
}

void life_open(struct device *d)
{
    enum root_state root;
    if (keys_open_root(d, &root))
        device_fail(d, "port", "cannot read the root");
    else
        start_store(d, root);
    if (!d->failure[0] && d->initialised && d->random.replaced)
        life_note_generator(d);
    if (d->failure[0])
        life_fail(d);
}

void life_boot(struct device *d)
{
    if (boot_tampered(d))
        return;
    if (!selftest_choose_engine(d))
        life_fail(d);
    else if (random_start(&d->random, &d->hal.rng, d->engine->sym->sm3_count, d->port,
                          sizeof d->port)) {
        device_fail(d, "entropy", random_reason(&d->random));
        life_fail(d);
    } else if (startup_begin(&d->startup))
        d->state = STATE_TESTING;
    else
        life_open(d);
}
