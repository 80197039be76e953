/*
 * libhufu's way to a device in RAM: a liar (liar.h) that passes commands on to the unchanged
 * firmware, and lets the test look at them and change what is answered.
 */
#ifndef HUFU_TESTS_BRIDGE_H
#define HUFU_TESTS_BRIDGE_H

#include "tests/lib/dev.h"
#include "tests/lib/liar.h"

struct bridge {
    struct dev *dv;
    /* what the test does with an answer (data and status word, in place); NULL: nothing */
    void (*change)(const struct hufu_request *r, uint8_t *answer, size_t *n);
    unsigned sealed, clear; /* commands that came */
    uint8_t last;           /* the last one in clear */
};

static inline void bridge_answer(struct liar *l, const struct hufu_request *r, struct wr *w)
{
    struct bridge *b = l->context;
    const struct view q = liar_data(r);
    struct exchange x = {.link = b->dv->link,
                         .cla = r->command.data[FRAME_HEADER],
                         .ins = r->ins,
                         .channel = r->channel,
                         .data = q.data,
                         .size = q.size,
                         .opened = r->command.data + FRAME_HEADER + 2,
                         .response = b->dv->response,
                         .room = b->dv->config.frame_max};
    if (r->ins == INS_CHANNEL_SEALED)
        b->sealed++;
    else
        b->clear++, b->last = r->ins;
    device_serve(b->dv->d, &x, 1);
    wr_bytes(w, b->dv->response, x.response_size);
    wr_u16(w, x.sw);
    size_t n = wr_size(w);
    if (b->change)
        b->change(r, w->base, &n);
    w->p = w->base + n;
}

/* A device at the other end; b and dv must outlive it. */
static inline enum hufu_status bridge_open(struct hufu_device **d, struct bridge *b,
                                           const struct hufu_options *options)
{
    struct liar *l = liar_new();
    l->answer = bridge_answer;
    l->context = b;
    l->base.limit = b->dv->config.frame_max;
    l->room = b->dv->config.frame_max + 2;
    return device_attach(d, "liar:", &l->base, options);
}

#endif
