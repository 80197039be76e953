/*
 * APDUs through pcscd to a reader, one in flight. pcscd's calls know no time-out, so a thread of
 * the link makes them and whoever waits can go when his time is over. Many programs share a card
 * and its link, so a session does not end with ours by itself: those that are left open are closed
 * at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/lib/pcsc_card.h"

enum { SESSIONS = 64 };

struct pcsc_link {
    struct transport base;
    pthread_t worker;
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t work;
    bool idle, closing, broken;
    bool late;                         /* somebody's time was over: the worker may be stuck */
    bool left;                         /* the worker frees everything */
    struct hufu_request *first, *last; /* to be sent */
    struct hufu_request *running;
    /* the worker's */
    uint16_t session[SESSIONS]; /* open ones; 0: free */
    struct pcsc_card card;
};

/* ------------------------------------------------------------------ the worker */

static void note_session(struct pcsc_link *l, const struct hufu_request *r)
{
    const struct pcsc_card *c = &l->card;
    const bool good = c->answer_size >= 2 && c->answer[c->answer_size - 2] == SW_OK >> 8;
    const bool opened = good && r->ins == INS_SESSION_OPEN && c->answer_size == 4;
    const uint16_t old = opened ? 0 : r->channel;
    const uint16_t new = (uint16_t)(opened ? (unsigned)c->answer[0] << 8 | c->answer[1] : 0);
    if (!opened && !(good && r->ins == INS_SESSION_CLOSE))
        return;
    for (unsigned i = 0; i < SESSIONS; i++)
        if (l->session[i] == old) {
            l->session[i] = new;
            return;
        }
}

/* The answer into the request. */
static enum hufu_status take_answer(struct pcsc_link *l, struct hufu_request *r)
{
    struct pcsc_card *c = &l->card;
    if (!buffer_grow(&r->answer, c->answer_size)) {
        snprintf(c->why, sizeof c->why, "there was no memory for an answer");
        return HUFU_E_UNKNOWN_OUTCOME;
    }
    memcpy(r->answer.data, c->answer, c->answer_size);
    r->answer.size = c->answer_size;
    note_session(l, r);
    wipe(c->answer, c->answer_size);
    return HUFU_OK;
}

static enum hufu_status carry_out(struct pcsc_link *l, struct hufu_request *r)
{
    const enum hufu_status s =
        pcsc_card_command(&l->card, r->ins, r->channel, r->command.data + FRAME_HEADER + 2,
                          r->command.size - FRAME_HEADER - 2);
    return s ? s : take_answer(l, r);
}

/* Lock held. */
static struct hufu_request *next(struct pcsc_link *l)
{
    struct hufu_request *r = l->first;
    if (r) {
        l->first = r->next;
        r->next = NULL;
    }
    if (!l->first)
        l->last = NULL;
    return r;
}

static void complete(struct pcsc_link *l, struct hufu_request *r, enum hufu_status failure)
{
    if (r->orphan && l->left)
        request_free(r); /* its device is no more */
    else
        request_complete(r, failure);
}

/* What waits behind a command that broke the link is not carried out. */
static void break_link(struct pcsc_link *l)
{
    l->broken = true;
    snprintf(l->base.why, sizeof l->base.why, "%s", l->card.why);
    for (struct hufu_request *r; (r = next(l)) != NULL;)
        complete(l, r, HUFU_E_LINK);
}

static void close_sessions(struct pcsc_link *l)
{
    for (unsigned i = 0; i < SESSIONS && !l->broken; i++)
        if (l->session[i])
            pcsc_card_command(&l->card, INS_SESSION_CLOSE, l->session[i], NULL, 0);
}

static void link_free(struct pcsc_link *l)
{
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static void *worker_main(void *arg)
{
    struct pcsc_link *l = arg;
    pthread_mutex_lock(&l->lock);
    while (l->first || !l->closing) {
        struct hufu_request *r = l->running = next(l);
        if (!r) {
            l->idle = true;
            pthread_cond_wait(&l->work, &l->lock);
            l->idle = false;
            continue;
        }
        pthread_mutex_unlock(&l->lock);
        const enum hufu_status failure = carry_out(l, r);
        pthread_mutex_lock(&l->lock);
        l->running = NULL;
        if (failure && !l->broken)
            break_link(l);
        complete(l, r, failure);
    }
    const bool left = l->left;
    pthread_mutex_unlock(&l->lock);
    close_sessions(l);
    pcsc_card_close(&l->card);
    if (left)
        link_free(l);
    return NULL;
}

/* ------------------------------------------------------------------ the link's operations */

static enum hufu_status pcsc_submit(struct transport *t, struct hufu_request *r)
{
    struct pcsc_link *l = (struct pcsc_link *)t;
    enum hufu_status s = HUFU_OK;
    pthread_mutex_lock(&l->lock);
    r->next = NULL;
    if (l->broken)
        s = fail_with(HUFU_E_LINK, "%s: the link is lost (%s): reconnect", r->device->url,
                      l->base.why);
    else if (l->last)
        l->last->next = r;
    else
        l->first = r;
    if (!s)
        l->last = r;
    if (l->idle)
        pthread_cond_signal(&l->work);
    pthread_mutex_unlock(&l->lock);
    return s;
}

static bool pcsc_wait(struct transport *t, struct hufu_request *r, uint64_t deadline)
{
    struct pcsc_link *l = (struct pcsc_link *)t;
    const struct timespec end = {(time_t)(deadline / 1000), (long)(deadline % 1000) * 1000000};
    pthread_mutex_lock(&l->lock);
    r->waiting = true;
    while (!r->done && deadline) {
        pthread_cond_timedwait(&r->ready, &l->lock, &end);
        if (!r->done && now_ms() >= deadline) {
            l->late = true;
            break;
        }
    }
    r->waiting = false;
    const bool done = r->done;
    pthread_mutex_unlock(&l->lock);
    return done;
}

static bool pcsc_abandon(struct transport *t, struct hufu_request *r)
{
    struct pcsc_link *l = (struct pcsc_link *)t;
    return request_orphan(r, &l->lock);
}

/* Commands that were sent and never waited for are still commands, unless the reader hangs: then it
 * is left to itself. */
static void pcsc_close(struct transport *t)
{
    struct pcsc_link *l = (struct pcsc_link *)t;
    pthread_mutex_lock(&l->lock);
    const bool leave = l->late && l->running;
    l->closing = true;
    l->left = leave;
    for (struct hufu_request *r; leave && (r = next(l)) != NULL;)
        request_free(r);
    pthread_cond_signal(&l->work);
    const pthread_t worker = l->worker;
    pthread_mutex_unlock(&l->lock);
    if (leave) {
        pthread_detach(worker);
        return;
    }
    pthread_join(worker, NULL);
    link_free(l);
}

static enum hufu_status pcsc_open(struct transport **t, const char *address,
                                  const struct hufu_options *options)
{
    struct pcsc_link *l = calloc(1, sizeof *l);
    (void)options;
    if (!l)
        return fail_with(HUFU_E_MEMORY, "pcsc:%s: no memory for a link", address);
    l->base.ops = &transport_pcsc;
    l->base.limit = APDU_LC_MAX;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    enum hufu_status s = pcsc_card_open(&l->card, address);
    if (!s && pthread_create(&l->worker, NULL, worker_main, l))
        s = fail_with(HUFU_E_MEMORY, "pcsc:%s: no thread for a link", address);
    if (s) {
        pcsc_card_close(&l->card);
        link_free(l);
    } else {
        *t = &l->base;
    }
    return s;
}

const struct transport_ops transport_pcsc = {"pcsc",    "pcsc:READER", pcsc_open, pcsc_submit,
                                             pcsc_wait, pcsc_abandon,  pcsc_close};
