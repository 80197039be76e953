#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "firmware/ports/posix/internal.h"

struct syncer {
    int fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool wanted, running, stop;
    bool clean; /* the last sync covers all that was written */
    bool failed;
};

static void *thread_main(void *arg)
{
    struct syncer *s = arg;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!s->wanted && !s->stop)
            pthread_cond_wait(&s->changed, &s->lock);
        if (!s->wanted)
            break;
        s->wanted = false;
        s->running = s->clean = true; /* until it is written again */
        pthread_mutex_unlock(&s->lock);
        const int failed = fdatasync(s->fd);
        pthread_mutex_lock(&s->lock);
        s->running = false;
        s->failed = s->failed || failed; /* for good: the kernel tells of a loss only once */
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

struct syncer *syncer_open(int fd)
{
    sigset_t all, before;
    struct syncer *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->fd = fd;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&s->thread, NULL, thread_main, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        return s;
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
    return NULL;
}

void syncer_close(struct syncer *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void syncer_start(struct syncer *s)
{
    pthread_mutex_lock(&s->lock);
    s->wanted = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void syncer_dirty(struct syncer *s)
{
    pthread_mutex_lock(&s->lock);
    s->clean = false;
    pthread_mutex_unlock(&s->lock);
}

int syncer_wait(struct syncer *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->wanted || s->running)
        pthread_cond_wait(&s->changed, &s->lock);
    const int result = s->failed ? -1 : s->clean ? 0 : 1;
    pthread_mutex_unlock(&s->lock);
    return result;
}
