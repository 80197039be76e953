#include "firmware/app/keys.h"

#include "firmware/base/ct.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/hash.h"

#include <string.h>

enum { KEK_SALT = 16, SEALED_MASTER = KEK_SALT + 4 + STORE_KEY + 16, ITERATIONS_MOST = 10000000 };

static const char terminated[ROOT_SIZE + 1] = "hufu: this device is terminated!";
static const char tampered[ROOT_SIZE + 1] = "hufu: opened, its keys are gone!";
static const uint8_t zeros[ROOT_SIZE]; /* also the nonce of the one thing that a KEK seals */

void keys_derive(const uint8_t *key, const char *label, uint8_t out[32])
{
    hmac(HASH_SM3, key, 32, label, text_view(label).size, out);
}

int keys_open_root(struct device *d, enum root_state *state)
{
    const struct hal_nvm *nvm = &d->hal.nvm;
    uint8_t root[ROOT_SIZE], system[STORE_KEY];
    const int bad = nvm->root_read(nvm->ctx, root);
    SECRET(root, sizeof root);
    uint32_t none = ct_mem_is_zero(root, sizeof root);
    uint32_t end = ct_mem_eq(root, terminated, sizeof root);
    uint32_t opened = ct_mem_eq(root, tampered, sizeof root);
    PUBLIC(&none, sizeof none);
    PUBLIC(&end, sizeof end);
    PUBLIC(&opened, sizeof opened);
    *state = none ? ROOT_NONE : end ? ROOT_TERMINATED : opened ? ROOT_TAMPERED : ROOT_SET;
    if (!bad && *state == ROOT_SET) {
        keys_derive(root, "hufu system records", system);
        keys_derive(root, "hufu pins", d->pin_key);
        store_set_key(d->store, STORE_SYSTEM, system);
    }
    wipe(root, sizeof root);
    wipe(system, sizeof system);
    return bad;
}

static int program_root(struct device *d, const uint8_t *root)
{
    const struct hal_nvm *nvm = &d->hal.nvm;
    return nvm->root_program(nvm->ctx, root);
}

int keys_new_root(struct device *d)
{
    uint8_t root[ROOT_SIZE];
    enum root_state state = ROOT_NONE;
    int bad = random_fill(&d->random, root, sizeof root);
    bad = bad || program_root(d, root) || keys_open_root(d, &state);
    wipe(root, sizeof root);
    return bad || state != ROOT_SET ? -1 : 0;
}

int keys_no_root(struct device *d)
{
    return program_root(d, zeros);
}

int keys_end_root(struct device *d)
{
    return program_root(d, (const uint8_t *)terminated);
}

int keys_tampered_root(struct device *d)
{
    return program_root(d, (const uint8_t *)tampered);
}

static int kek_of(struct view unlock, const uint8_t *salt, uint32_t iterations, struct sm4_key *kek)
{
    uint8_t k[SM4_KEY];
    SECRET(unlock.data, unlock.size);
    const int bad =
        pbkdf2(HASH_SM3, unlock.data, unlock.size, salt, KEK_SALT, iterations, k, sizeof k);
    PUBLIC(unlock.data, unlock.size);
    sm4_set_key(kek, k);
    wipe(k, sizeof k);
    return bad;
}

uint16_t keys_seal_master(struct call *c, struct view unlock)
{
    struct device *d = c->d;
    uint8_t record[SEALED_MASTER], *sealed = record + KEK_SALT + 4;
    struct sm4_key kek;
    struct wr w;
    if (!unlock.size)
        return tx_put(c, STORE_SYSTEM, RECORD_MASTER, ID_MASTER, d->master, STORE_KEY);
    if (random_fill(&d->random, record, KEK_SALT))
        return SW_RANDOM_FAILED;
    wr_init(&w, record + KEK_SALT, 4);
    wr_u32(&w, UNLOCK_ITERATIONS);
    uint16_t sw = SW_INTERNAL;
    if (kek_of(unlock, record, UNLOCK_ITERATIONS, &kek) == 0) {
        sm4_gcm_seal(&kek, zeros, 12, record, KEK_SALT + 4, d->master, STORE_KEY, sealed,
                     sealed + STORE_KEY);
        sw = tx_put(c, STORE_SYSTEM, RECORD_MASTER, ID_MASTER, record, sizeof record);
    }
    wipe(&kek, sizeof kek);
    return sw;
}

static uint16_t open_sealed(struct device *d, struct view unlock, uint8_t master[STORE_KEY],
                            bool *right)
{
    const uint8_t *record = d->record, *sealed = record + KEK_SALT + 4;
    struct sm4_key kek;
    struct rd r;
    rd_init(&r, record + KEK_SALT, 4);
    const uint32_t iterations = rd_u32(&r);
    if (iterations > ITERATIONS_MOST || kek_of(unlock, record, iterations, &kek))
        return SW_STORE_DAMAGED;
    *right = sm4_gcm_open(&kek, zeros, 12, record, KEK_SALT + 4, sealed, STORE_KEY, master,
                          sealed + STORE_KEY) == 0;
    wipe(&kek, sizeof kek);
    return SW_OK;
}

uint16_t keys_unseal_master(struct device *d, struct view unlock, bool *right)
{
    const size_t wanted = unlock.size ? (size_t)SEALED_MASTER : (size_t)STORE_KEY;
    uint8_t master[STORE_KEY];
    size_t n;
    uint16_t sw = record_get(d, ID_MASTER, &n);
    *right = false;
    if (sw == SW_OK && n != wanted)
        sw = SW_STORE_DAMAGED;
    if (sw == SW_OK && unlock.size) {
        sw = open_sealed(d, unlock, master, right);
    } else if (sw == SW_OK) {
        memcpy(master, d->record, STORE_KEY);
        *right = true;
    }
    if (sw == SW_OK && *right)
        memcpy(d->master, master, STORE_KEY);
    SECRET(d->master, sizeof d->master);
    wipe(master, sizeof master);
    record_wipe(d);
    return sw;
}

void keys_domain_id(const uint8_t key[32], uint8_t id[DOMAIN_ID])
{
    uint8_t whole[32];
    keys_derive(key, "hufu wrap domain", whole);
    memcpy(id, whole, DOMAIN_ID);
    PUBLIC(id, DOMAIN_ID);
}

uint16_t keys_put_domain(struct call *c, const uint8_t key[32])
{
    return tx_put(c, STORE_OBJECT, RECORD_DOMAIN, ID_DOMAIN, key, sizeof c->d->domain_key);
}

void keys_use_domain(struct device *d, const uint8_t key[32])
{
    memcpy(d->domain_key, key, sizeof d->domain_key);
    SECRET(d->domain_key, sizeof d->domain_key);
    keys_domain_id(d->domain_key, d->domain_id);
}

uint16_t keys_use_master(struct device *d)
{
    size_t n;
    store_set_key(d->store, STORE_OBJECT, d->master);
    uint16_t sw = record_get(d, ID_DOMAIN, &n);
    if (sw == SW_OK && n != sizeof d->domain_key)
        sw = SW_STORE_DAMAGED;
    if (sw == SW_OK)
        keys_use_domain(d, d->record);
    record_wipe(d);
    return sw == SW_OK ? objects_load(d) : sw;
}

uint16_t keys_make(struct call *c, struct view unlock)
{
    struct device *d = c->d;
    uint8_t domain[32];
    uint16_t sw = SW_RANDOM_FAILED;
    if (random_fill(&d->random, d->master, sizeof d->master) ||
        random_fill(&d->random, domain, sizeof domain))
        goto end;
    SECRET(d->master, sizeof d->master);
    store_set_key(d->store, STORE_OBJECT, d->master);
    keys_use_domain(d, domain);
    sw = keys_seal_master(c, unlock);
    if (sw == SW_OK)
        sw = keys_put_domain(c, domain);
end:
    wipe(domain, sizeof domain);
    return sw;
}

void keys_lock(struct device *d)
{
    objects_forget(d);
    store_clear_key(d->store, STORE_OBJECT);
    wipe(d->master, sizeof d->master);
    wipe(d->domain_key, sizeof d->domain_key);
    wipe(d->domain_id, sizeof d->domain_id);
    d->by_shares = false;
    if (CONFIG_DOMAIN || CONFIG_CUSTODY)
        domain_forget(d);
}

void keys_close(struct device *d)
{
    keys_lock(d);
    store_clear_key(d->store, STORE_SYSTEM);
    wipe(d->pin_key, sizeof d->pin_key);
}
