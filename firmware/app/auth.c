#include "firmware/app/auth.h"

#include "firmware/app/core.h"
#include "firmware/base/ct.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/hash.h"

#include <string.h>

/* What is kept of an account: role, tries_max, name, salt, verifier. The tries have their own
 * record. */
struct kept {
    struct account account;
    const uint8_t *salt, *verifier;
};

static bool parse(const uint8_t *record, size_t n, struct kept *k)
{
    struct rd r;
    rd_init(&r, record, n);
    memset(k, 0, sizeof *k);
    k->account.role = rd_u8(&r);
    k->account.tries_max = rd_u8(&r);
    const struct view name = rd_var(&r, ACCOUNT_NAME_MAX);
    k->salt = rd_bytes(&r, PIN_SALT);
    k->verifier = rd_bytes(&r, PIN_VERIFIER);
    if (!rd_done(&r))
        return false;
    k->account.name_size = (uint8_t)name.size;
    if (name.size)
        memcpy(k->account.name, name.data, name.size);
    return true;
}

static uint16_t load_one(struct device *d, uint8_t number)
{
    struct kept k;
    size_t n;
    uint16_t sw = record_get(d, ID_ACCOUNT + number, &n);
    if (sw == SW_NO_OBJECT)
        return SW_OK;
    if (sw == SW_OK && !parse(d->record, n, &k))
        sw = SW_STORE_DAMAGED;
    if (sw == SW_OK)
        sw = record_get(d, ID_TRIES + number, &n);
    if (sw == SW_OK && (n != 1 || d->record[0] > k.account.tries_max))
        sw = SW_STORE_DAMAGED;
    if (sw == SW_OK) {
        d->accounts[number] = k.account;
        d->accounts[number].tries = d->record[0];
    }
    return sw == SW_NO_OBJECT ? SW_STORE_DAMAGED : sw;
}

uint16_t auth_load(struct device *d)
{
    uint16_t sw = SW_OK;
    memset(d->accounts, 0, sizeof d->accounts);
    for (unsigned i = 0; sw == SW_OK && i <= LIMIT_ACCOUNTS_MAX; i++)
        sw = load_one(d, (uint8_t)i);
    record_wipe(d);
    return sw;
}

bool auth_pin_ok(struct view pin)
{
    return pin.size >= LIMIT_PIN_MIN && pin.size <= LIMIT_PIN_MAX;
}

struct account *auth_account(struct device *d, uint8_t number)
{
    if (number == ACCOUNT_UNLOCK || number > LIMIT_ACCOUNTS_MAX || !d->accounts[number].role)
        return NULL;
    return &d->accounts[number];
}

unsigned auth_admins(const struct device *d)
{
    unsigned n = 0;
    for (unsigned i = 1; i <= LIMIT_ACCOUNTS_MAX; i++)
        n += d->accounts[i].role == ROLE_ADMIN;
    return n;
}

/* HMAC-SM3(PIN key, account || salt || PIN): worthless without the device's root */
static void verifier_of(const struct device *d, uint8_t number, const uint8_t salt[PIN_SALT],
                        struct view pin, uint8_t out[PIN_VERIFIER])
{
    struct hmac h;
    SECRET(pin.data, pin.size);
    hmac_init(&h, HASH_SM3, d->pin_key, sizeof d->pin_key);
    hmac_update(&h, &number, 1);
    hmac_update(&h, salt, PIN_SALT);
    hmac_update(&h, pin.data, pin.size);
    hmac_final(&h, out);
    PUBLIC(pin.data, pin.size);
}

uint16_t auth_put_tries(struct call *c, uint8_t number, uint8_t tries)
{
    return tx_put(c, STORE_SYSTEM, RECORD_TRIES, ID_TRIES + number, &tries, 1);
}

uint16_t auth_put(struct call *c, uint8_t number, const struct account *a, struct view pin)
{
    uint8_t salt[PIN_SALT], verifier[PIN_VERIFIER],
        record[4 + ACCOUNT_NAME_MAX + PIN_SALT + PIN_VERIFIER];
    struct wr w;
    if (random_fill(&c->d->random, salt, sizeof salt))
        return SW_RANDOM_FAILED;
    verifier_of(c->d, number, salt, pin, verifier);
    wr_init(&w, record, sizeof record);
    wr_u8(&w, a->role);
    wr_u8(&w, a->tries_max);
    wr_var(&w, (struct view){a->name, a->name_size}, ACCOUNT_NAME_MAX);
    wr_bytes(&w, salt, sizeof salt);
    wr_bytes(&w, verifier, sizeof verifier);
    const uint16_t sw =
        tx_put(c, STORE_SYSTEM, RECORD_ACCOUNT, ID_ACCOUNT + number, record, wr_size(&w));
    wipe(verifier, sizeof verifier);
    wipe(record, sizeof record);
    return sw;
}

/* Nothing but what the medium really holds now is believed. */
static uint16_t read_back(struct device *d, uint8_t number, uint8_t tries)
{
    size_t n;
    uint16_t sw = store_status(d, store_check(d->store, ID_TRIES + number));
    if (sw == SW_OK)
        sw = record_get(d, ID_TRIES + number, &n);
    if (sw == SW_OK && (n != 1 || d->record[0] != tries))
        sw = SW_STORE_DAMAGED;
    return sw;
}

uint16_t auth_count_try(struct call *c, uint8_t number, struct view pin)
{
    struct account *a = &c->d->accounts[number <= LIMIT_ACCOUNTS_MAX ? number : 0];
    if (number > LIMIT_ACCOUNTS_MAX || !a->role)
        return SW_WRONG_DATA;
    if (!auth_pin_ok(pin))
        return SW_PIN_RANGE;
    if (a->tries == 0)
        return SW_PIN_LOCKED;
    const uint8_t left = (uint8_t)(a->tries - 1);
    uint16_t sw = auth_put_tries(c, number, left);
    if (sw == SW_OK)
        sw = tx_commit(c);
    if (sw != SW_OK)
        return sw;
    a->tries = left;
    return read_back(c->d, number, left);
}

uint16_t auth_tried(struct call *c, uint8_t number, bool right)
{
    const struct account *a = &c->d->accounts[number];
    if (!right)
        return (uint16_t)(SW_PIN_WRONG | a->tries);
    c->tries_back = (uint8_t)(number + 1);
    return auth_put_tries(c, number, a->tries_max);
}

uint16_t auth_try(struct call *c, uint8_t number, struct view pin)
{
    uint8_t verifier[PIN_VERIFIER];
    struct kept k;
    size_t n;
    if (!auth_account(c->d, number))
        return SW_WRONG_DATA;
    uint16_t sw = CONFIG_CHANNEL ? channel_admits(c, number) : SW_OK;
    if (sw == SW_OK)
        sw = auth_count_try(c, number, pin);
    if (sw == SW_OK)
        sw = record_get(c->d, ID_ACCOUNT + number, &n);
    if (sw == SW_OK && !parse(c->d->record, n, &k))
        sw = SW_STORE_DAMAGED;
    if (sw == SW_OK) {
        verifier_of(c->d, number, k.salt, pin, verifier);
        uint32_t right = ct_mem_eq(verifier, k.verifier, sizeof verifier);
        PUBLIC(&right, sizeof right);
        sw = auth_tried(c, number, right != 0);
    }
    wipe(verifier, sizeof verifier);
    record_wipe(c->d);
    return sw;
}
