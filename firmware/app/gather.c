#include "firmware/app/gather.h"

#include "firmware/base/wipe.h"

#include <string.h>

void gather_sm2(struct call *c, const struct sm2_sign_key *key, const uint8_t e[32],
                uint8_t *signature)
{
    struct batch *b = &c->d->batch;
    if (b->waiting == b->gather_max)
        gather_flush(c->d);
    struct gathered *g = &b->gathered[b->waiting];
    g->key = *key;
    g->x = c->x;
    g->signature = signature;
    g->account = c->account;
    g->object = c->object;
    b->gathered_key[b->waiting] = &g->key;
    memcpy(b->gathered_e[b->waiting], e, 32);
    b->waiting++;
}

static void failed(struct device *d, const struct gathered *g, uint16_t sw)
{
    struct call c = {.d = d, .account = g->account, .object = g->object};
    wipe(g->x->response, g->x->response_size);
    g->x->response_size = 0;
    g->x->sw = sw;
    if (d->initialised && audit_put(&c, INS_SIGN, sw) == SW_OK && tx_commit(&c) == SW_OK)
        audit_done(d);
    tx_abort(&c);
}

void gather_flush(struct device *d)
{
    struct batch *b = &d->batch;
    const size_t n = b->waiting;
    if (!n)
        return;
    b->waiting = 0;
    const int bad = batch_sign_sm2(d, b->gathered_key, 1, n, (const uint8_t(*)[32])b->gathered_e,
                                   b->gathered_sig, b->good);
    for (size_t i = 0; i < n; i++) {
        if (bad || !b->good[i])
            failed(d, &b->gathered[i], bad ? SW_RANDOM_FAILED : SW_SIGN_FAILED);
        else
            memcpy(b->gathered[i].signature, b->gathered_sig[i], SM2_SIGNATURE);
    }
    wipe(b->gathered, n * sizeof *b->gathered);
}
