#include "firmware/app/keys_ahead.h"

#include "firmware/app/core.h"
#include "firmware/base/wipe.h"

enum {
    EACH = 4, /* pairs for a lane: some take long, and the others' lanes go on meanwhile */
    MOST = 16,
    FREE = 1, /* good[] of a pair that is ready */
    CLAIMED   /* a command that waits will take it */
};

void keys_ahead_lay_out(struct arena *a, struct keys_ahead *k, const struct batch *b,
                        const struct device_config *config)
{
    k->together = HUFU_SMALL || b->width < 2 ? 0 : least(EACH * (size_t)b->width, MOST);
    k->pool = HUFU_SMALL ? 0 : config->pair_pool;
    k->max = k->pool + k->together;
    k->key = arena_take(a, k->max * sizeof *k->key);
    k->bits = arena_take(a, k->max * sizeof *k->bits);
    k->good = arena_take(a, k->max);
}

unsigned device_pairs_together(const struct device *d)
{
    return d->keys_ahead.together ? (unsigned)d->keys_ahead.together : 1;
}

/* ---------------------------------------------------------------- places */

static void leave(struct keys_ahead *k, size_t i)
{
    k->ready--;
    k->key[i] = k->key[k->ready];
    k->bits[i] = k->bits[k->ready];
    k->good[i] = k->good[k->ready];
    wipe(&k->key[k->ready], sizeof k->key[0]);
}

/* One of this size that is free. k->ready: there is none */
static size_t find(const struct keys_ahead *k, unsigned bits)
{
    size_t i = 0;
    while (i < k->ready && (k->bits[i] != bits || k->good[i] != FREE))
        i++;
    return i;
}

/* count pairs of bits[ready] .. in the places behind those that are ready. */
static void make(struct device *d, size_t count)
{
    struct keys_ahead *k = &d->keys_ahead;
    const size_t first = k->ready;
    k->dropped = false;
    if (batch_rsa_pairs(d, count, k->bits + first, k->key + first, k->good + first)) {
        batch_fail(d, "rsa");
        k->dropped = true;
    }
    for (size_t i = first; i < first + count && !k->dropped; i++) {
        if (!k->good[i])
            continue;
        if (i != k->ready)
            k->key[k->ready] = k->key[i];
        k->bits[k->ready] = k->bits[i];
        k->good[k->ready++] = FREE;
    }
    wipe(k->key + k->ready, (first + count - k->ready) * sizeof *k->key);
}

/* ---------------------------------------------------------------- for commands that wait */

static bool may_ask(const struct device *d, const struct exchange *x)
{
    const struct session *s = session_find(&d->sessions, x->link, 0, x->channel);
    return s && s->role & proto_command(INS_KEY_GENERATE)->roles;
}

void keys_ahead_make(struct device *d, const struct exchange *x, size_t n)
{
    struct keys_ahead *k = &d->keys_ahead;
    size_t missing = 0;
    if (d->state != STATE_READY)
        return;
    for (size_t i = 0; i < n && missing < k->together; i++) {
        if (!device_makes_pair(x[i].ins, x[i].data, x[i].size) || !may_ask(d, &x[i]))
            continue;
        const unsigned bits = key_rsa_bits(x[i].data[0]);
        const size_t one = find(k, bits);
        if (one < k->ready)
            k->good[one] = CLAIMED;
        else
            k->bits[k->ready + missing++] = (uint16_t)bits;
    }
    for (size_t i = 0; i < k->ready; i++)
        k->good[i] = FREE;
    if (missing > 1)
        make(d, missing);
}

bool keys_ahead_take(struct device *d, unsigned bits, struct rsa_private *key)
{
    struct keys_ahead *k = &d->keys_ahead;
    const size_t one = find(k, bits);
    k->asked = bits;
    if (one == k->ready)
        return false;
    *key = k->key[one];
    leave(k, one);
    return true;
}

void keys_ahead_trim(struct device *d)
{
    struct keys_ahead *k = &d->keys_ahead;
    while (k->ready > k->pool)
        leave(k, k->ready - 1);
}

/* ---------------------------------------------------------------- the pool */

bool keys_ahead_wanted(const struct device *d)
{
    const struct keys_ahead *k = &d->keys_ahead;
    size_t fitting = 0;
    for (size_t i = 0; i < k->ready; i++)
        fitting += k->bits[i] == k->asked;
    return d->state == STATE_READY && k->asked && fitting < k->pool;
}

/* What is not asked for any more makes room. */
static void leave_others(struct keys_ahead *k)
{
    for (size_t i = k->ready; i-- > 0 && k->ready == k->pool;)
        if (k->bits[i] != k->asked)
            leave(k, i);
}

void keys_ahead_fill(struct device *d)
{
    struct keys_ahead *k = &d->keys_ahead;
    if (!keys_ahead_wanted(d))
        return;
    leave_others(k);
    const size_t count = least(k->pool - k->ready, d->batch.width);
    for (size_t i = 0; i < count; i++)
        k->bits[k->ready + i] = (uint16_t)k->asked;
    k->filling = true;
    make(d, count);
    k->filling = false;
}

void keys_ahead_drop(struct device *d)
{
    struct keys_ahead *k = &d->keys_ahead;
    wipe(k->key, k->ready * sizeof *k->key);
    k->ready = 0;
    k->dropped = true;
}
