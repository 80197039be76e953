#include "firmware/app/keys_ahead.h"

#include "firmware/app/core.h"
#include "firmware/base/wipe.h"

enum {
    EACH = 4, /* pairs for a lane: some take long, and the others' lanes go on meanwhile */
    MOST = 16
};

void keys_ahead_lay_out(struct arena *a, struct keys_ahead *k, const struct batch *b)
{
    const size_t wanted = EACH * (size_t)b->width;
    k->max = HUFU_SMALL || b->width < 2 ? 0 : wanted < MOST ? wanted : MOST;
    k->key = arena_take(a, k->max * sizeof *k->key);
    k->bits = arena_take(a, k->max * sizeof *k->bits);
    k->good = arena_take(a, k->max);
}

unsigned device_pairs_together(const struct device *d)
{
    return d->keys_ahead.max ? (unsigned)d->keys_ahead.max : 1;
}

static bool may_ask(const struct device *d, const struct exchange *x)
{
    const struct session *s = session_find(&d->sessions, x->link, 0, x->channel);
    return s && s->role & proto_command(INS_KEY_GENERATE)->roles;
}

void keys_ahead_make(struct device *d, const struct exchange *x, size_t n)
{
    struct keys_ahead *k = &d->keys_ahead;
    k->n = 0;
    if (d->state != STATE_READY)
        return;
    for (size_t i = 0; i < n && k->n < k->max; i++)
        if (device_makes_pair(x[i].ins, x[i].data, x[i].size) && may_ask(d, &x[i]))
            k->bits[k->n++] = (uint16_t)key_rsa_bits(x[i].data[0]);
    if (k->n < 2)
        k->n = 0;
    else if (batch_rsa_pairs(d, k->n, k->bits, k->key, k->good))
        device_fail(d, "pairwise test", "rsa");
}

bool keys_ahead_take(struct device *d, unsigned bits, struct rsa_private *key)
{
    struct keys_ahead *k = &d->keys_ahead;
    for (size_t i = 0; i < k->n; i++) {
        if (!k->good[i] || k->bits[i] != bits)
            continue;
        *key = k->key[i];
        wipe(&k->key[i], sizeof k->key[i]);
        k->good[i] = 0;
        return true;
    }
    return false;
}

void keys_ahead_drop(struct device *d)
{
    struct keys_ahead *k = &d->keys_ahead;
    wipe(k->key, k->n * sizeof *k->key);
    k->n = 0;
}
