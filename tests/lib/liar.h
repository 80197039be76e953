/*
 * A device that lies: a transport for libhufu whose answers the test makes up. Before the test
 * takes over it introduces itself as a good device.
 */
#ifndef HUFU_TESTS_LIAR_H
#define HUFU_TESTS_LIAR_H

#include <stdlib.h>
#include <string.h>

#include "host/lib/lib.h"

struct liar;
/* Append the answer, data and status word, to w; r->command holds the command from FRAME_HEADER on.
 */
typedef void liar_fn(struct liar *l, const struct hufu_request *r, struct wr *w);

struct liar {
    struct transport base;
    liar_fn *answer;
    void *context;
    enum hufu_status submit, failure; /* what sending, and the link, come to */
    bool silent;                      /* answers nothing: waits end at once */
    unsigned commands;
    uint32_t batch_max, frame_max;
    uint16_t protocol, tickets;
    size_t room; /* for an answer */
};

static inline struct view liar_data(const struct hufu_request *r)
{
    return (struct view){r->command.data + FRAME_HEADER + 2, r->command.size - FRAME_HEADER - 2};
}

static inline void liar_info(const struct liar *l, struct wr *w)
{
    static const uint8_t serial[16] = "liar";
    const struct view word = {(const uint8_t *)"liar", 4};
    const struct info_rsp m = {.protocol = l->protocol,
                               .version = word,
                               .serial = serial,
                               .label = word,
                               .state = STATE_READY,
                               .frame_max = l->frame_max,
                               .objects_max = 16,
                               .sessions_max = 1,
                               .engine = word,
                               .port = word};
    info_rsp_put(w, &m);
    wr_u16(w, SW_OK);
}

static inline void liar_capabilities(const struct liar *l, struct wr *w)
{
    const struct capabilities_rsp m = {.batch_max = l->batch_max,
                                       .tickets = l->tickets,
                                       .accounts_max = 32,
                                       .retries_max = 10,
                                       .pin_min = 6,
                                       .pin_max = LIMIT_PIN_MAX};
    capabilities_rsp_put(w, &m);
    wr_u16(w, SW_OK);
}

static inline void liar_greets(struct liar *l, const struct hufu_request *r, struct wr *w)
{
    if (r->ins == INS_INFO)
        liar_info(l, w);
    else if (r->ins == INS_CAPABILITIES)
        liar_capabilities(l, w);
    else
        wr_u16(w, SW_NO_COMMAND);
}

static inline enum hufu_status liar_submit(struct transport *t, struct hufu_request *r)
{
    struct liar *l = (struct liar *)t;
    struct wr w;
    if (l->submit)
        return fail_with(l->submit, "the liar takes nothing");
    if (!buffer_grow(&r->answer, l->room))
        abort();
    wr_init(&w, r->answer.data, l->room);
    l->commands++;
    if (!l->silent)
        l->answer(l, r, &w);
    if (w.bad)
        abort();
    r->answer.size = wr_size(&w);
    r->failure = l->failure;
    r->done = !l->silent;
    return HUFU_OK;
}

static inline bool liar_wait(struct transport *t, struct hufu_request *r, uint64_t deadline)
{
    (void)t, (void)deadline;
    return r->done;
}

static inline bool liar_abandon(struct transport *t, struct hufu_request *r)
{
    (void)t, (void)r;
    return true;
}

static inline void liar_close(struct transport *t)
{
    free(t);
}

static const struct transport_ops liar_ops = {"liar",    "liar:",      NULL,      liar_submit,
                                              liar_wait, liar_abandon, liar_close};

/* A liar that greets well; the device owns it. Set answer afterwards. */
static inline struct liar *liar_new(void)
{
    struct liar *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    l->base.ops = &liar_ops;
    l->base.limit = LIMIT_FRAME_MAX;
    l->answer = liar_greets;
    l->protocol = LIMIT_PROTOCOL;
    l->frame_max = LIMIT_FRAME_MAX;
    l->batch_max = 1000;
    l->tickets = 4;
    l->room = 65536;
    return l;
}

#endif
