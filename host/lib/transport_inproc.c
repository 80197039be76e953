/*
 * The firmware in this process. Whoever waits and finds nobody inside takes all commands that are
 * there into the device, its own and others', as one gathering; so threads share batches here, too.
 */
#include <stdlib.h>
#include <string.h>

#include "host/lib/inproc_device.h"

enum { GATHER_MAX = 64 };

struct inproc {
    struct transport base;
    struct inproc_device own;
    struct device *device;
    uint32_t link;
    pthread_mutex_t lock;         /* what follows */
    bool inside;                  /* a thread is in the device */
    uint16_t running[GATHER_MAX]; /* whose commands are, should they be long */
    size_t runs;
    struct hufu_request *first, *last; /* to be served */
};

static enum hufu_status inproc_submit(struct transport *t, struct hufu_request *r)
{
    struct inproc *p = (struct inproc *)t;
    if (!buffer_grow(&r->answer, (size_t)p->base.limit + 2))
        return fail_with(HUFU_E_MEMORY, "%s: no memory for an answer", r->device->url);
    pthread_mutex_lock(&p->lock);
    r->next = NULL;
    if (p->last)
        p->last->next = r;
    else
        p->first = r;
    p->last = r;
    pthread_mutex_unlock(&p->lock);
    return HUFU_OK;
}

static bool is_long(const struct hufu_request *r)
{
    const uint8_t *c = r->command.data + FRAME_HEADER;
    return device_is_long(c[1], c + 2, r->command.size - FRAME_HEADER - 2);
}

/* Long, but several of them are worked on at the same time. */
static bool makes_pair(const struct hufu_request *r)
{
    const uint8_t *c = r->command.data + FRAME_HEADER;
    return device_makes_pair(c[1], c + 2, r->command.size - FRAME_HEADER - 2);
}

/* Its answer is best taken while it is in the cache. */
static bool is_batch(const struct hufu_request *r)
{
    return r->command.data[FRAME_HEADER + 1] == INS_KEY_BATCH;
}

/* As many of those that wait as leave no lane of the device empty. */
static size_t round_size(const struct inproc *p)
{
    const size_t together = device_together(p->device);
    size_t n = 0;
    for (const struct hufu_request *r = p->first; r && n < GATHER_MAX; r = r->next)
        n++;
    return n > together ? n - n % together : n;
}

/* What comes next: a long command alone or with its kind, or others up to one. Lock held. */
static size_t gather(struct inproc *p, struct hufu_request *taken[GATHER_MAX])
{
    const bool pairs = makes_pair(p->first);
    const size_t most = pairs ? device_pairs_together(p->device) : round_size(p);
    size_t n = 0;
    bool alone = false;
    while (p->first && n < most && !alone) {
        alone = !pairs && (is_long(p->first) || is_batch(p->first));
        if (n && (alone || pairs != makes_pair(p->first)))
            break;
        taken[n++] = p->first;
        p->first = p->first->next;
    }
    if (!p->first)
        p->last = NULL;
    return n;
}

static bool is_running(const struct inproc *p, uint16_t channel)
{
    for (size_t i = 0; i < p->runs; i++)
        if (p->running[i] == channel)
            return true;
    return false;
}

/* During a long command: what other sessions want that is not long. Lock held. */
static size_t gather_others(struct inproc *p, struct hufu_request *taken[GATHER_MAX])
{
    size_t n = 0;
    struct hufu_request *last = NULL;
    for (struct hufu_request **at = &p->first; *at;) {
        struct hufu_request *r = *at;
        if (n < GATHER_MAX && !is_running(p, r->channel) && !is_long(r)) {
            taken[n++] = r;
            *at = r->next;
        } else {
            last = r;
            at = &r->next;
        }
    }
    p->last = last;
    return n;
}

static void exchange_of(const struct inproc *p, struct hufu_request *r, struct exchange *x)
{
    const uint8_t *c = r->command.data + FRAME_HEADER;
    *x = (struct exchange){.link = p->link,
                           .cla = c[0],
                           .ins = c[1],
                           .channel = r->channel,
                           .data = c + 2,
                           .size = r->command.size - FRAME_HEADER - 2,
                           .opened = r->command.data + FRAME_HEADER + 2,
                           .response = r->answer.data,
                           .room = p->base.limit};
}

static void finish(struct hufu_request *r, const struct exchange *x)
{
    uint8_t *end = r->answer.data + x->response_size;
    end[0] = (uint8_t)(x->sw >> 8);
    end[1] = (uint8_t)x->sw;
    r->answer.size = x->response_size + 2;
    request_complete(r, HUFU_OK);
}

/* Lock held on entry and exit, not while the device works. */
static void serve_taken(struct inproc *p, struct hufu_request *taken[GATHER_MAX], size_t n)
{
    struct exchange x[GATHER_MAX];
    for (size_t i = 0; i < n; i++)
        exchange_of(p, taken[i], &x[i]);
    pthread_mutex_unlock(&p->lock);
    device_serve(p->device, x, n);
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < n; i++)
        finish(taken[i], &x[i]);
}

static void serve(struct inproc *p)
{
    struct hufu_request *taken[GATHER_MAX];
    const size_t n = gather(p, taken);
    p->inside = true;
    for (p->runs = 0; p->runs < n; p->runs++)
        p->running[p->runs] = taken[p->runs]->channel;
    serve_taken(p, taken, n);
    p->inside = false;
}

/* In the middle of a long command. */
static void interlude(void *arg)
{
    struct inproc *p = arg;
    struct hufu_request *taken[GATHER_MAX];
    pthread_mutex_lock(&p->lock);
    const size_t n = gather_others(p, taken);
    if (n)
        serve_taken(p, taken, n);
    pthread_mutex_unlock(&p->lock);
}

/* Nobody waits: a step of the device's work ahead. Lock held on entry and exit, not while it works.
 */
static void idle(struct inproc *p)
{
    p->inside = true;
    pthread_mutex_unlock(&p->lock);
    device_idle(p->device);
    pthread_mutex_lock(&p->lock);
    p->inside = false;
}

static void sleep_for_other(struct inproc *p, struct hufu_request *r, uint64_t deadline)
{
    struct timespec t = {(time_t)(deadline / 1000), (long)(deadline % 1000) * 1000000};
    r->waiting = true;
    pthread_cond_timedwait(&r->ready, &p->lock, &t);
    r->waiting = false;
}

static bool inproc_wait(struct transport *t, struct hufu_request *r, uint64_t deadline)
{
    struct inproc *p = (struct inproc *)t;
    pthread_mutex_lock(&p->lock);
    while (!r->done) {
        if (!p->inside) {
            serve(p);
            if (!p->first)
                idle(p);
        } else if (deadline && now_ms() < deadline)
            sleep_for_other(p, r, deadline);
        else
            break;
    }
    const bool done = r->done;
    /* whoever is still in the queue and asleep must be told that the way is free */
    if (!p->inside)
        for (struct hufu_request *q = p->first; q; q = q->next)
            if (q->waiting) {
                pthread_cond_signal(&q->ready);
                break;
            }
    pthread_mutex_unlock(&p->lock);
    return done;
}

static bool inproc_abandon(struct transport *t, struct hufu_request *r)
{
    struct inproc *p = (struct inproc *)t;
    return request_orphan(r, &p->lock);
}

static void inproc_close(struct transport *t)
{
    struct inproc *p = (struct inproc *)t;
    pthread_mutex_lock(&p->lock);
    while (p->first) /* commands that were sent and never waited for are still commands */
        serve(p);
    pthread_mutex_unlock(&p->lock);
    if (p->device)
        device_link_close(p->device, p->link);
    inproc_device_close(&p->own);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static enum hufu_status inproc_open(struct transport **t, const char *directory,
                                    const struct hufu_options *o)
{
    struct inproc *p = calloc(1, sizeof *p);
    if (!p)
        return fail_with(HUFU_E_MEMORY, "inproc: no memory for a link");
    p->base.ops = &transport_inproc;
    p->base.limit = LIMIT_FRAME_MAX;
    pthread_mutex_init(&p->lock, NULL);
    enum hufu_status s = inproc_device_open(&p->own, directory, o);
    if (!s) {
        p->device = p->own.device;
        device_interlude(p->device, interlude, p);
        p->link = device_link_open(p->device);
        if (!p->link)
            s = fail_with(HUFU_E_OPEN, "inproc: the device takes no more links");
    }
    if (s)
        inproc_close(&p->base);
    else
        *t = &p->base;
    return s;
}

const struct transport_ops transport_inproc = {"inproc",      "inproc:DIRECTORY", inproc_open,
                                               inproc_submit, inproc_wait,        inproc_abandon,
                                               inproc_close};
