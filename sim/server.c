/*
 * Two threads share the work under one lock. The I/O thread (the caller) reads and writes all
 * sockets. A few short commands it takes into the device itself: no hand-over, so the shortest way
 * for a single command. Longer ones go to the owner thread, while the I/O thread keeps gathering:
 * everything that has come meanwhile is the next device_serve call. It is laid on a second desk,
 * so that the I/O thread gives the answers of one round while the owner makes the next.
 */
#include "sim/server.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "sim/client.h"
#include "sim/desk.h"
#include "sim/listener.h"
#include "sim/log.h"

enum {
    CLIENTS_MAX = 1024,
    EVENTS_MAX = 64,
    INLINE_NS = 300000, /* waiting work up to this is done by the I/O thread */
    HALVE_NS = 2000000, /* waiting work above this is done in two rounds */
    ANSWERS_FEW = 8,    /* fewer are given quicker than the I/O thread is woken */
    IDLE_MS = 1000,     /* after that long without anything memory is given back */
    ACCEPT_PAUSE_MS = 100,
    STEP_NS = 50000,    /* a step of work ahead that nobody minds */
    NO_STEP_NS = 2000,  /* there was nothing to do */
    LIVELY_NS = 100000, /* commands that follow each other as closely are looked out for */
    STOP_STEP_MS = 10,
    STOP_MS = 800 /* for answers that clients are slow to read */
};

struct server {
    const struct server_config *config;
    int epoll, wake; /* wake: answers wait for the I/O thread */
    uint8_t *scratch;
    unsigned clients;
    bool accept_paused, idle_done;
    int patience;        /* of the next look at the sockets, in milliseconds */
    uint64_t served_ns;  /* when the I/O thread last left the device */
    uint64_t step_ns;    /* what a step of work ahead takes, about */
    uint64_t lookout_ns; /* until when it looks out for more without sleeping */
    bool quiet;          /* nothing had come at its last look */

    /* for everything below, and for the clients but for what says otherwise */
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_t owner;
    bool busy;   /* a thread is inside the device */
    bool handed; /* the owner thread is asked to go in */
    bool ahead;  /* the device may have work to do ahead */
    bool stopping;
    struct desk *desk, *other, *side; /* for rounds, in turn; for interludes within them */
    bool answers;                     /* the other desk has some to give */
    struct client all;                /* ring of the open clients, in order of service */
    struct client *gone;              /* closed ones, to be freed */
    uint64_t waiting_ns;              /* cost of all commands that wait */
    unsigned waiting;
    /* what was done so far: a line at the end */
    uint64_t commands, rounds, device_ns, answer_ns;
};

static uint64_t clock_ns(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ------------------------------------------------------------------ clients */

static void watch(struct server *s, struct client *c)
{
    const uint32_t wanted = client_interest(c);
    struct epoll_event event = {.events = wanted, .data.ptr = c};
    if (wanted == c->events || c->gone)
        return;
    c->events = wanted;
    epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &event);
}

static void unlink_client(struct client *c)
{
    c->previous->next = c->next;
    c->next->previous = c->previous;
}

static void link_client_last(struct server *s, struct client *c)
{
    c->next = &s->all;
    c->previous = s->all.previous;
    c->previous->next = c;
    s->all.previous = c;
}

static void drop_client(struct server *s, struct client *c)
{
    if (c->gone)
        return;
    s->waiting -= c->queued;
    s->waiting_ns -= client_close(c);
    unlink_client(c);
    c->next = s->gone;
    s->gone = c;
    s->clients--;
    log_line(LOG_LEVEL_DEBUG, "a client left, %u remain", s->clients);
}

/* Close the links of clients that are gone. Only for the thread that may enter the device. */
static void bury(struct server *s)
{
    for (struct client *c = s->gone; c; c = c->next)
        if (!c->running && !c->link_closed)
            desk_close_link(s->desk, c);
}

/* Only the I/O thread frees: it alone may still hold an event of a client that another thread
 * dropped. */
static void free_gone(struct server *s)
{
    for (struct client **at = &s->gone; *at;) {
        struct client *c = *at;
        if (!c->link_closed) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        client_free(c);
    }
}

/* ------------------------------------------------------------------ the device */

static void count_command(void *arg, struct command *m)
{
    struct server *s = arg;
    m->cost = desk_cost(s->desk, m);
    s->waiting++;
    s->waiting_ns += m->cost;
}

/* Lay commands of one client on the desk; how many. */
static unsigned take_from(struct server *s, struct desk *k, struct client *c, unsigned quota)
{
    const struct command *m = c->first;
    const unsigned taken = desk_take(k, c, quota);
    for (unsigned i = 0; i < taken; i++, m = m->next)
        s->waiting_ns -= m->cost;
    s->waiting -= taken;
    if (!taken)
        return 0;
    unlink_client(c); /* who was served goes to the end */
    link_client_last(s, c);
    return taken;
}

static bool hungry(const struct client *c)
{
    return c->first && c->unsent < CLIENT_UNSENT_MAX;
}

/* Whole rounds: what would leave lanes of the device empty waits for the next one. Of much work
 * half at a time: while it is done, the answers of the other half can be given. */
static unsigned round_size(const struct server *s)
{
    const unsigned together = device_together(s->config->device), rounds = s->waiting / together;
    if (!rounds)
        return s->waiting;
    return (s->waiting_ns > HALVE_NS && rounds > 1 ? rounds / 2 : rounds) * together;
}

/* Lay what waits on the desk: a fair share for everybody who reads his answers. false: nothing
 * does. */
static bool gather(struct server *s, struct desk *k)
{
    unsigned mouths = 0, fed = 0, room = round_size(s);
    for (const struct client *c = s->all.next; c != &s->all; c = c->next)
        mouths += hungry(c);
    struct client *next = s->all.next;
    for (unsigned left = s->clients; mouths && left && fed < room; left--) {
        struct client *c = next;
        next = c->next;
        if (!hungry(c))
            continue;
        const unsigned share = DESK_BATCH / mouths ? DESK_BATCH / mouths : 1;
        fed += take_from(s, k, c, share < room - fed ? share : room - fed);
    }
    return fed > 0;
}

static void answered(void *arg, struct client *c)
{
    struct server *s = arg;
    if (c->gone)
        return;
    if (client_done(c))
        drop_client(s, c);
    else
        watch(s, c);
}

/* Run a round in the device. Called with the lock, which is free while the device works. */
static bool run_round(struct server *s, struct desk *k)
{
    bury(s);
    if (s->stopping || !gather(s, k))
        return false;
    pthread_mutex_unlock(&s->lock);
    const uint64_t start = clock_ns(CLOCK_MONOTONIC);
    desk_run(k);
    const uint64_t end = clock_ns(CLOCK_MONOTONIC);
    pthread_mutex_lock(&s->lock);
    s->rounds++;
    if (k != s->side) /* an interlude is part of a round */
        s->device_ns += end - start;
    s->ahead = true;
    return true;
}

static void give_answers(struct server *s, struct desk *k)
{
    const uint64_t start = clock_ns(CLOCK_MONOTONIC);
    s->commands += desk_answer(k, answered, s);
    s->answer_ns += clock_ns(CLOCK_MONOTONIC) - start;
}

/* Those of the round before, unless they have been given. */
static void give_other_answers(struct server *s)
{
    if (s->answers)
        give_answers(s, s->other);
    s->answers = false;
}

/* A round from its commands to its answers. */
static bool serve_round(struct server *s, struct desk *k)
{
    if (!run_round(s, k))
        return false;
    give_answers(s, k);
    bury(s);
    return true;
}

/* The same on the owner thread: when more waits already, the I/O thread gives the answers, if they
 * are so many that to wake it takes less. */
static bool serve_and_go_on(struct server *s)
{
    if (!run_round(s, s->desk))
        return false;
    give_other_answers(s);
    if (!s->waiting || s->stopping || desk_answers(s->desk) < ANSWERS_FEW) {
        give_answers(s, s->desk);
        return true;
    }
    struct desk *full = s->desk;
    s->desk = s->other;
    s->other = full;
    s->answers = true;
    eventfd_write(s->wake, 1);
    return true;
}

/* In the middle of a long command, on the thread that is in the device. */
static void interlude(void *arg)
{
    struct server *s = arg;
    pthread_mutex_lock(&s->lock);
    if (s->stopping)
        device_leave_pairs(s->config->device);
    if (s->waiting || s->gone)
        serve_round(s, s->side);
    pthread_mutex_unlock(&s->lock);
}

/* Less counts at once; more, which may be somebody else's doing, slowly. */
static void note_step(struct server *s, uint64_t ns)
{
    const uint64_t most = s->step_ns + s->step_ns / 4;
    if (ns > NO_STEP_NS)
        s->step_ns = s->step_ns && ns > most ? most : ns;
}

/* With nothing waiting: one step of the device's work ahead. Called with the lock, which is free
 * meanwhile. false: there is none. */
static bool work_ahead(struct server *s)
{
    if (s->stopping || s->waiting || !s->ahead)
        return false;
    pthread_mutex_unlock(&s->lock);
    const uint64_t start = clock_ns(CLOCK_MONOTONIC);
    const bool more = device_idle(s->config->device);
    const uint64_t end = clock_ns(CLOCK_MONOTONIC);
    pthread_mutex_lock(&s->lock);
    note_step(s, end - start);
    s->ahead = more;
    return true;
}

/* RSA pairs for those who will ask: as good as a long command of nobody's. Called as above. */
static bool make_pairs(struct server *s)
{
    if (s->stopping || s->waiting || !device_wants_pairs(s->config->device))
        return false;
    pthread_mutex_unlock(&s->lock);
    device_make_pairs(s->config->device);
    pthread_mutex_lock(&s->lock);
    return true;
}

static void *owner_main(void *arg)
{
    struct server *s = arg;
    pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        if (!s->handed) {
            pthread_cond_wait(&s->work, &s->lock);
            continue;
        }
        while (serve_and_go_on(s) || work_ahead(s) || make_pairs(s))
            ;
        s->handed = s->busy = false;
    }
    s->handed = s->busy = false;
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* What the I/O thread does with waiting work when nobody is inside the device. */
static void serve_or_hand_over(struct server *s)
{
    if (s->busy)
        return;
    bury(s);
    if (!s->waiting)
        return;
    const uint64_t came = clock_ns(CLOCK_MONOTONIC);
    for (bool more = true; more && s->waiting;) {
        s->busy = true;
        if (s->waiting_ns > INLINE_NS) {
            s->handed = true;
            pthread_cond_signal(&s->work);
            return;
        }
        more = serve_round(s, s->desk);
    }
    s->busy = false;
    const bool lively = came - s->served_ns < LIVELY_NS;
    s->served_ns = clock_ns(CLOCK_MONOTONIC);
    s->lookout_ns = lively ? s->served_ns + LIVELY_NS : 0;
}

/* The next command of a lively client. */
static bool expects(const struct server *s)
{
    return clock_ns(CLOCK_MONOTONIC) < s->lookout_ns;
}

/* Nothing has come since the last look: the I/O thread works ahead, if that does not hold up a
 * client who is about to send his next command. */
static void work_ahead_inline(struct server *s)
{
    if (s->busy || (s->step_ns > STEP_NS && expects(s)))
        return;
    s->busy = true;
    work_ahead(s);
    s->busy = false;
}

/* ------------------------------------------------------------------ I/O */

static void watch_listener(struct server *s, bool on)
{
    struct epoll_event event = {.events = on ? EPOLLIN : 0, .data.ptr = s};
    epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->config->listener, &event);
    s->accept_paused = !on;
}

static void add_client(struct server *s, int fd)
{
    struct client *c = s->clients < CLIENTS_MAX ? client_create(fd) : NULL;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (c && epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event)) {
        client_free(c);
        c = NULL;
    }
    if (!c) {
        log_line(LOG_LEVEL_WARNING, "too many clients (%u): one was turned away", s->clients);
        close(fd);
        return;
    }
    c->events = EPOLLIN;
    link_client_last(s, c);
    s->clients++;
    log_line(LOG_LEVEL_DEBUG, "a client came, %u now", s->clients);
}

static void accept_clients(struct server *s)
{
    for (int i = 0; i < EVENTS_MAX; i++) {
        const int fd = accept4(s->config->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            add_client(s, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_line(LOG_LEVEL_WARNING, "cannot take a client: %s", strerror(errno));
            watch_listener(s, false);
        }
        return;
    }
}

static void handle_client(struct server *s, struct client *c, uint32_t events)
{
    if (c->gone)
        return;
    if (events & (EPOLLHUP | EPOLLERR)) {
        drop_client(s, c);
        return;
    }
    if (events & EPOLLOUT)
        client_flush(c);
    if ((events & EPOLLIN) && !s->stopping && !client_receive(c, s->scratch, count_command, s)) {
        drop_client(s, c);
        return;
    }
    if (client_done(c))
        drop_client(s, c);
    else
        watch(s, c);
}

/*
 * Milliseconds that epoll may sleep: for ever, but for what time must do - and not at all as long
 * as a client follows each answer with the next command, for to wake up takes longer than a
 * signature.
 */
static int patience(const struct server *s)
{
    if (s->stopping)
        return STOP_STEP_MS;
    if (!s->busy && (s->ahead || expects(s)))
        return 0;
    if (s->accept_paused)
        return ACCEPT_PAUSE_MS;
    return s->idle_done ? -1 : IDLE_MS;
}

static void on_idle(struct server *s)
{
    if (s->accept_paused)
        watch_listener(s, true);
    if (s->busy || s->stopping)
        return;
    s->idle_done = true;
    desk_trim(s->desk);
    desk_trim(s->other);
    desk_trim(s->side);
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

static void begin_stop(struct server *s)
{
    log_line(LOG_LEVEL_INFO, "stopping");
    s->stopping = true;
    epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->config->stop, NULL);
    listener_close(s->config->listener, s->config->path);
    pthread_cond_signal(&s->work);
}

/*
 * Who has just been answered may be waiting for our processor. Once only: to yield costs a turn each
 * time, and one who yields in a loop comes back behind every busy program.
 */
static void give_way(const struct server *s)
{
    if (s->patience == 0 && !s->quiet && expects(s))
        sched_yield();
}

static void io_step(struct server *s)
{
    struct epoll_event events[EVENTS_MAX];
    give_way(s);
    const int n = epoll_wait(s->epoll, events, EVENTS_MAX, s->patience);
    s->quiet = n == 0;
    pthread_mutex_lock(&s->lock);
    give_other_answers(s);
    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr == &s->wake)
            continue;
        if (events[i].data.ptr == s)
            accept_clients(s);
        else if (events[i].data.ptr)
            handle_client(s, events[i].data.ptr, events[i].events);
        else if (!s->stopping)
            begin_stop(s);
    }
    if (n != 0)
        s->idle_done = false;
    else if (s->patience == 0)
        work_ahead_inline(s);
    else
        on_idle(s);
    serve_or_hand_over(s);
    free_gone(s);
    s->patience = patience(s);
    pthread_mutex_unlock(&s->lock);
}

static uint64_t clock_ms(void)
{
    return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

/* Answers that are not out yet, or a command that still runs. */
static bool unfinished(struct server *s)
{
    pthread_mutex_lock(&s->lock);
    bool more = s->busy || s->answers;
    for (struct client *c = s->all.next; c != &s->all; c = c->next)
        more = more || c->unsent;
    pthread_mutex_unlock(&s->lock);
    return more;
}

static void io_main(struct server *s)
{
    while (!s->stopping)
        io_step(s);
    const uint64_t end = clock_ms() + STOP_MS;
    while (unfinished(s) && clock_ms() < end)
        io_step(s);
}

/* ------------------------------------------------------------------ life */

static int add_event(struct server *s, int fd, uint32_t events, void *tag)
{
    struct epoll_event event = {.events = events, .data.ptr = tag};
    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int set_up(struct server *s)
{
    s->all.next = s->all.previous = &s->all;
    s->ahead = true;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->wake = eventfd(0, EFD_CLOEXEC);
    s->scratch = malloc(CLIENT_SCRATCH);
    s->desk = desk_create(s->config->device, s->config->frame_max);
    s->other = s->desk ? desk_create_second(s->desk) : NULL;
    s->side = s->other ? desk_create_side(s->desk) : NULL;
    if (s->epoll < 0 || s->wake < 0 || !s->scratch || !s->side ||
        add_event(s, s->config->listener, EPOLLIN, s) ||
        add_event(s, s->config->stop, EPOLLIN, NULL) ||
        add_event(s, s->wake, EPOLLIN | EPOLLET, &s->wake))
        return -1;
    device_interlude(s->config->device, interlude, s);
    return pthread_create(&s->owner, NULL, owner_main, s) ? -1 : 0;
}

static void tear_down(struct server *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->all.next != &s->all)
        drop_client(s, s->all.next);
    bury(s);
    free_gone(s);
    pthread_mutex_unlock(&s->lock);
}

/* Where the time went: little beside the device means that no thread of ours holds it up. */
static void report(const struct server *s)
{
    log_line(LOG_LEVEL_INFO,
             "served %llu commands in %llu rounds: %.2f s in the device, %.2f s giving answers, "
             "%.2f s of processor time in the I/O thread",
             (unsigned long long)s->commands, (unsigned long long)s->rounds,
             (double)s->device_ns / 1e9, (double)s->answer_ns / 1e9,
             (double)clock_ns(CLOCK_THREAD_CPUTIME_ID) / 1e9);
}

int server_run(const struct server_config *config)
{
    struct server s = {.config = config, .epoll = -1, .wake = -1};
    int result = -1;
    pthread_mutex_init(&s.lock, NULL);
    pthread_cond_init(&s.work, NULL);
    if (set_up(&s)) {
        log_line(LOG_LEVEL_ERROR, "cannot serve: %s", strerror(errno));
        listener_close(config->listener, config->path);
    } else {
        config->ready(config->ready_arg);
        io_main(&s);
        pthread_join(s.owner, NULL); /* a command that takes too long is cut by the grace time */
        tear_down(&s);
        report(&s);
        result = 0;
    }
    device_interlude(config->device, NULL, NULL);
    desk_destroy(s.desk);
    desk_destroy(s.other);
    desk_destroy(s.side);
    free(s.scratch);
    if (s.epoll >= 0)
        close(s.epoll);
    if (s.wake >= 0)
        close(s.wake);
    pthread_cond_destroy(&s.work);
    pthread_mutex_destroy(&s.lock);
    return result;
}
