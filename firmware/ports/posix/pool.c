/*
 * Threads for independent jobs. A job is taken by counting up an atomic index; the caller takes
 * jobs too, and waits only for threads that have taken one, so that a thread which wakes up late
 * delays nobody.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "firmware/ports/posix/internal.h"

enum {
    SPINS = 2000,     /* looks for a next batch before a thread sleeps: some microseconds */
    LOOK_NS = 2000000 /* between two looks of a caller who waits for others */
};

struct pool {
    pthread_mutex_t callers; /* one batch at a time */
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    atomic_uint batch; /* counts batches; written under lock */
    bool open, stop;
    unsigned active; /* threads at work on the batch */
    void (*job)(void *arg, size_t index);
    void *arg;
    size_t n;
    atomic_size_t next;
    unsigned threads;
    pthread_t thread[];
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static void work(struct pool *p)
{
    size_t i;
    while ((i = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed)) < p->n)
        p->job(p->arg, i);
}

static void *thread_main(void *arg)
{
    struct pool *p = arg;
    unsigned seen = 0;
    for (;;) {
        for (int i = 0; i < SPINS && atomic_load_explicit(&p->batch, memory_order_relaxed) == seen;
             i++)
            relax();
        pthread_mutex_lock(&p->lock);
        while (!p->stop && (!p->open || atomic_load(&p->batch) == seen))
            pthread_cond_wait(&p->wake, &p->lock);
        if (p->stop)
            break;
        seen = atomic_load(&p->batch);
        p->active++;
        pthread_mutex_unlock(&p->lock);
        work(p);
        pthread_mutex_lock(&p->lock);
        if (--p->active == 0)
            pthread_cond_signal(&p->done);
        pthread_mutex_unlock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Opens a batch from job `first` on; the lock of the callers is held until close_batch. */
static void open_batch(struct pool *p, void (*job)(void *, size_t), void *arg, size_t first,
                       size_t n)
{
    pthread_mutex_lock(&p->callers);
    pthread_mutex_lock(&p->lock);
    p->job = job;
    p->arg = arg;
    p->n = n;
    atomic_store(&p->next, first);
    p->open = true;
    atomic_fetch_add(&p->batch, 1);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

static void close_batch(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->open = false;
    while (p->active)
        pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
    pthread_mutex_unlock(&p->callers);
}

static void pool_run(void *ctx, void (*job)(void *arg, size_t index), void *arg, size_t n)
{
    struct pool *p = ctx;
    if (n == 1) {
        job(arg, 0);
        return;
    }
    open_batch(p, job, arg, 0, n);
    work(p);
    close_batch(p);
}

static bool alone(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    const bool nobody = p->active == 0;
    pthread_mutex_unlock(&p->lock);
    return nobody;
}

/* Jobs that nobody has taken, or that somebody is at. Sleeps a little if so. */
static bool others_at_work(struct pool *p)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += LOOK_NS;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    pthread_mutex_lock(&p->lock);
    if (p->active || atomic_load(&p->next) < p->n)
        pthread_cond_timedwait(&p->done, &p->lock, &t);
    const bool more = p->active || atomic_load(&p->next) < p->n;
    pthread_mutex_unlock(&p->lock);
    return more;
}

/* The caller takes no job but the first, for it would be away too long - unless there is nobody
 * else, as in the child of a fork. */
static void pool_run_long(void *ctx, void (*job)(void *arg, size_t index), void *arg, size_t n,
                          void (*look)(void *arg))
{
    struct pool *p = ctx;
    open_batch(p, job, arg, 1, n);
    job(arg, 0);
    while (others_at_work(p)) {
        if (alone(p))
            work(p);
        look(arg);
    }
    close_batch(p);
}

/* Signals are for the thread that opened the port. */
static bool start(struct pool *p, unsigned threads)
{
    sigset_t all, before;
    bool started = true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started && p->threads < threads) {
        started = pthread_create(&p->thread[p->threads], NULL, thread_main, p) == 0;
        p->threads += started;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

struct pool *pool_open(unsigned threads, struct hal_par *par, const struct message *m)
{
    struct pool *p = calloc(1, sizeof *p + threads * sizeof p->thread[0]);
    if (p == NULL) {
        complain(m, "no memory for %u threads: take fewer", threads);
        return NULL;
    }
    pthread_mutex_init(&p->callers, NULL);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->done, NULL);
    if (!start(p, threads - 1)) {
        complain(m, "cannot start %u threads: take fewer", threads);
        pool_close(p);
        return NULL;
    }
    *par = (struct hal_par){.ctx = p, .width = threads, .run = pool_run, .run_long = pool_run_long};
    return p;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->threads; i++)
        pthread_join(p->thread[i], NULL);
    pthread_cond_destroy(&p->wake);
    pthread_cond_destroy(&p->done);
    pthread_mutex_destroy(&p->lock);
    pthread_mutex_destroy(&p->callers);
    free(p);
}
