#include "firmware/app/device.h"

#include "firmware/app/arena.h"
#include "firmware/app/core.h"
#include "firmware/app/life.h"
#include "firmware/base/wipe.h"

#include <string.h>

/* Records besides objects and the log: the device's own, accounts with their tries, what waits to
 * be trimmed. */
enum {
    OTHER_RECORDS =
        16 + (CONFIG_CHANNEL ? LIMIT_HOST_KEYS_MAX : 0) + 2 * (LIMIT_ACCOUNTS_MAX + 1) + AUDIT_TRIM
};

static uint32_t records_max(const struct device_config *c)
{
    return c->objects_max + c->log_max + OTHER_RECORDS;
}

static void lay_out_tickets(struct arena *a, struct tickets *t, const struct device_config *config)
{
    t->max = config->tickets_max;
    t->table = arena_take(a, t->max * sizeof *t->table);
    if (t->table)
        memset(t->table, 0, t->max * sizeof *t->table);
    for (size_t i = 0; i < t->max; i++) {
        uint8_t *answer = arena_take(a, config->frame_max);
        if (t->table)
            t->table[i].answer = answer;
    }
}

/* Every piece of memory that the device has, in one order for counting and for doing. */
static void *lay_out(struct arena *a, struct device *d, const struct device_config *config,
                     const struct hal *hal)
{
    d->sessions.max = config->sessions_max;
    d->sessions.table = arena_take(a, config->sessions_max * sizeof *d->sessions.table);
    if (CONFIG_CHANNEL)
        channels_lay_out(a, &d->channels, config);
    d->record = arena_take(a, STORE_MAX_DATA);
    objects_lay_out(a, &d->objects, config->objects_max);
    batch_lay_out(a, &d->batch, config, hal);
    gather_lay_out(a, &d->gather, &d->batch);
    keys_ahead_lay_out(a, &d->keys_ahead, &d->batch, config);
    nonces_lay_out(a, &d->nonces, config);
    startup_lay_out(a, &d->startup, config);
    lay_out_tickets(a, &d->tickets, config);
    return arena_take(a, store_memory(records_max(config)));
}

static bool config_ok(const struct device_config *c)
{
    return c->objects_max >= 16 && c->objects_max <= 0x100000 && c->log_max >= 64 &&
           c->log_max <= 0x1000000 && c->sessions_max >= 1 && c->sessions_max <= 4096 &&
           c->tickets_max >= 1 && c->frame_max >= 4096 && c->frame_max <= LIMIT_FRAME_MAX;
}

size_t device_memory(const struct device_config *config, const struct hal *hal)
{
    struct arena a = {NULL, 0};
    struct device d;
    if (!config_ok(config))
        return 0;
    memset(&d, 0, sizeof d);
    arena_take(&a, sizeof d);
    lay_out(&a, &d, config, hal);
    return (a.used + 63) & ~(size_t)63;
}

static void copy_name(char out[DEVICE_NAME_MAX + 1], const char *name)
{
    for (size_t i = 0; name && name[i] && i < DEVICE_NAME_MAX; i++)
        out[i] = name[i];
}

struct device *device_create(void *memory, const struct device_config *config,
                             const struct hal *hal)
{
    struct arena a = {memory, 0};
    if (!memory || !config_ok(config))
        return NULL;
    struct device *d = arena_take(&a, sizeof *d);
    memset(d, 0, sizeof *d);
    d->config = *config;
    d->hal = *hal;
    copy_name(d->port, config->port);
    copy_name(d->engine_wanted, config->engine);
    d->random.failed = true;
    d->rng = (struct rng){random_fill, &d->random};
    d->generation = device_generation(d);
    void *store = lay_out(&a, d, config, hal);
    memset(d->sessions.table, 0, d->sessions.max * sizeof *d->sessions.table);
    memset(d->objects.keys, 0, d->objects.keys_max * sizeof *d->objects.keys);
    d->store = store_create(store, records_max(config), &d->hal.nvm, &d->rng);
    life_boot(d);
    return d;
}

void device_stop(struct device *d)
{
    life_fail(d);
    store_unmount(d->store);
    record_wipe(d);
    gather_wipe(&d->gather);
}

unsigned device_together(const struct device *d)
{
    const unsigned lanes = d->engine && d->engine->rsa->lanes ? d->engine->rsa->lanes : 1;
    return lanes * d->batch.width;
}

void device_interlude(struct device *d, void (*interlude)(void *ctx), void *ctx)
{
    d->interlude = interlude;
    d->interlude_ctx = ctx;
}

/* Both commands begin with the type of key; what a sealed one is, its flags say. */
bool device_is_long(uint8_t ins, const uint8_t *data, size_t size)
{
    if (ins == INS_CHANNEL_SEALED)
        return size && data[0] & SEALED_LONG;
    return (ins == INS_KEY_GENERATE || ins == INS_KEY_BATCH) && size && key_rsa_bits(data[0]);
}

bool device_makes_pair(uint8_t ins, const uint8_t *data, size_t size)
{
    return ins == INS_KEY_GENERATE && device_is_long(ins, data, size);
}

uint8_t device_state(const struct device *d)
{
    return d->state;
}

uint32_t device_link_open(struct device *d)
{
    if (++d->last_link == LINK_FAR)
        d->last_link = 1;
    return d->last_link;
}

uint32_t device_link_open_far(struct device *d)
{
    return device_link_open(d) | LINK_FAR;
}

void device_link_close(struct device *d, uint32_t link)
{
    if (CONFIG_CHANNEL)
        channels_end(d, link);
    for (uint32_t i = 0; i < d->sessions.max; i++) {
        struct session *one = &d->sessions.table[i];
        if (one->channel && one->link == link)
            session_end(d, one);
    }
}

void session_end(struct device *d, struct session *one)
{
    tickets_orphan(&d->tickets, one->channel);
    session_close(&d->sessions, one);
}
