/*
 * A reader whose card is behind a Unix socket (hufu-sim, or a proxy of a device): in when the
 * socket can be reached, out when it closes. A connection is a link, so a reset is another
 * connection.
 *
 * Nothing polls: a removal is the end of the connection, a return is seen in the folder where the
 * socket appears, or in the nearest folder above that is there.
 */
#include "host/lib/reader.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/lib/lib.h"
#include "proto/frame.h"

enum {
    ANSWER_S = 120, /* for an answer: longer than any key takes */
    FAREWELL_S = 2, /* for the other side to end a link */
    RETRY_MAX_MS = 512,
    EVENTS_MAX = 4
};

struct unix_reader {
    struct reader base;
    struct sockaddr_un address;
    int epoll, event, notify;
    pthread_mutex_t lock; /* what follows */
    int fd;               /* -1: not connected */
    bool lost;            /* a removal that the waiter has not been told yet */
    bool waited;          /* somebody waits for events: */
    pthread_t waiter;     /* this thread */
    uint32_t tag;
    int retry_ms; /* the socket is there but nobody listens yet: look again then; 0: do not */
    int watch;    /* of the folder; -1: none */
    char awaited[NAME_MAX + 1]; /* the name in it that matters */
};

/* ------------------------------------------------------------------ connection (lock held) */

static void set_patience(int fd, int seconds)
{
    const struct timeval t = {seconds, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

/* 0, or an errno. */
static int connect_now(struct unix_reader *u)
{
    struct epoll_event event = {.events = EPOLLRDHUP, .data.fd = -1};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    set_patience(fd, FAREWELL_S); /* for a listener whose queue is full */
    if (connect(fd, (const struct sockaddr *)&u->address, sizeof u->address) ||
        epoll_ctl(u->epoll, EPOLL_CTL_ADD, fd, &event)) {
        const int error = errno;
        close(fd);
        return error;
    }
    set_patience(fd, ANSWER_S);
    u->fd = fd;
    return 0;
}

static void drop(struct unix_reader *u)
{
    if (u->fd >= 0)
        close(u->fd);
    u->fd = -1;
}

static void lose(struct unix_reader *u)
{
    drop(u);
    u->lost = true;
    eventfd_write(u->event, 1);
}

/* End the link and wait until the other side has done so, too: then its sessions are gone. */
static void hang_up(struct unix_reader *u)
{
    uint8_t rest[256];
    if (u->fd < 0)
        return;
    set_patience(u->fd, FAREWELL_S);
    shutdown(u->fd, SHUT_WR);
    while (recv(u->fd, rest, sizeof rest, 0) > 0)
        ;
    drop(u);
}

static bool ended(const struct unix_reader *u)
{
    uint8_t byte;
    const ssize_t n = recv(u->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/* ------------------------------------------------------------------ waiting for it to come (lock
 * held) */

/* The folder of path, which is cut to it, and the name below it. */
static void split(char *path, char name[NAME_MAX + 1])
{
    char *slash = strrchr(path, '/');
    strncpy(name, slash ? slash + 1 : path, NAME_MAX);
    name[NAME_MAX] = 0;
    if (!slash)
        memcpy(path, ".", 2);
    else if (slash == path)
        path[1] = 0;
    else
        *slash = 0;
}

/* Watch the nearest folder above the socket that is there. */
static void watch_folder(struct unix_reader *u)
{
    char path[sizeof u->address.sun_path + 1];
    const uint32_t what = IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
    memcpy(path, u->address.sun_path, sizeof u->address.sun_path);
    path[sizeof path - 1] = 0;
    if (u->watch >= 0)
        inotify_rm_watch(u->notify, u->watch);
    do {
        split(path, u->awaited);
        u->watch = inotify_add_watch(u->notify, path, what | IN_ONLYDIR);
    } while (u->watch < 0 && strcmp(path, "/") != 0 && strcmp(path, ".") != 0);
}

/* Did something happen to the awaited name? */
static bool noticed(struct unix_reader *u)
{
    _Alignas(struct inotify_event) char bytes[4096];
    bool yes = false;
    for (ssize_t n; (n = read(u->notify, bytes, sizeof bytes)) > 0;)
        for (const char *p = bytes; p < bytes + n;) {
            struct inotify_event e;
            memcpy(&e, p, sizeof e);
            yes |= !e.len || (e.mask & IN_Q_OVERFLOW) || !strcmp(p + sizeof e, u->awaited);
            p += sizeof e + e.len;
        }
    return yes;
}

/* The watch first, then another look: what comes in between is seen by one of them. */
static int await(struct unix_reader *u)
{
    char before[sizeof u->awaited] = "";
    int error;
    do {
        memcpy(before, u->awaited, sizeof before);
        watch_folder(u);
        error = connect_now(u);
    } while (error && strcmp(before, u->awaited) != 0);
    return error;
}

/* A server makes its socket before it listens; a dead one leaves it behind, which is not waited for
 * long. */
static void plan_retry(struct unix_reader *u, int error)
{
    if (error == ENOENT || error == ENOTDIR || u->retry_ms >= RETRY_MAX_MS)
        u->retry_ms = 0;
    else
        u->retry_ms = u->retry_ms ? 2 * u->retry_ms : 1;
}

static bool unix_present(struct reader *r)
{
    struct unix_reader *u = (struct unix_reader *)r;
    pthread_mutex_lock(&u->lock);
    if (u->fd >= 0 && ended(u))
        lose(u);
    if (u->lost && u->waited && !pthread_equal(u->waiter, pthread_self())) {
        eventfd_write(u->event, 1); /* others see it as well, but the waiter must not miss it */
    } else if (u->lost) {           /* told: look for the next one */
        u->lost = false;
        u->retry_ms = 1;
    } else if (u->fd < 0) {
        const int error = await(u);
        if (error)
            plan_retry(u, error);
        else
            u->retry_ms = 0;
    }
    const bool there = u->fd >= 0;
    pthread_mutex_unlock(&u->lock);
    return there;
}

/* ------------------------------------------------------------------ sleeping */

static int sooner(int a, int b)
{
    return b && (a < 0 || b < a) ? b : a;
}

static void unix_wait(struct reader *r, int timeout_ms)
{
    struct unix_reader *u = (struct unix_reader *)r;
    const uint64_t end = now_ms() + (uint64_t)(timeout_ms < 0 ? 0 : timeout_ms);
    for (bool again = true; again;) {
        struct epoll_event e[EVENTS_MAX];
        eventfd_t count;
        pthread_mutex_lock(&u->lock);
        u->waited = true;
        u->waiter = pthread_self();
        const int retry = u->fd < 0 ? u->retry_ms : 0;
        pthread_mutex_unlock(&u->lock);
        const uint64_t now = now_ms();
        const int left = timeout_ms < 0 ? -1 : now < end ? (int)(end - now) : 0;
        const int n = epoll_wait(u->epoll, e, EVENTS_MAX, sooner(left, retry));
        again = n > 0;
        for (int i = 0; i < n; i++) {
            if (e[i].data.fd == u->event)
                eventfd_read(u->event, &count);
            if (e[i].data.fd != u->notify) {
                again = false;
                continue;
            }
            pthread_mutex_lock(&u->lock);
            if (noticed(u) && u->fd < 0) {
                u->retry_ms = 0; /* it counts anew */
                again = false;
            }
            pthread_mutex_unlock(&u->lock);
        }
    }
}

static void unix_wake(struct reader *r)
{
    eventfd_write(((struct unix_reader *)r)->event, 1);
}

/* ------------------------------------------------------------------ APDUs */

static enum reader_result unix_reset(struct reader *r)
{
    struct unix_reader *u = (struct unix_reader *)r;
    enum reader_result result = READER_ABSENT;
    pthread_mutex_lock(&u->lock);
    if (u->fd >= 0) {
        hang_up(u);
        if (connect_now(u) == 0)
            result = READER_OK;
        else
            lose(u);
    }
    pthread_mutex_unlock(&u->lock);
    return result;
}

static bool send_all(int fd, struct iovec part[2])
{
    struct msghdr m = {.msg_iov = part, .msg_iovlen = 2};
    for (;;) {
        const ssize_t sent = sendmsg(fd, &m, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false;
        size_t n = (size_t)sent;
        while (m.msg_iovlen && n >= m.msg_iov->iov_len) {
            n -= m.msg_iov->iov_len;
            m.msg_iov++;
            m.msg_iovlen--;
        }
        if (!m.msg_iovlen)
            return true;
        m.msg_iov->iov_base = (uint8_t *)m.msg_iov->iov_base + n;
        m.msg_iov->iov_len -= n;
    }
}

static enum reader_result receive_failed(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? READER_LATE : READER_LOST;
}

/* The header and what came with it of the payload: usually all of it. *got: bytes of payload. */
static enum reader_result receive_head(int fd, uint8_t head[FRAME_HEADER], uint8_t *response,
                                       size_t room, size_t *got)
{
    size_t have = 0;
    while (have < FRAME_HEADER) {
        struct iovec part[2] = {{head + have, FRAME_HEADER - have}, {response, room}};
        struct msghdr m = {.msg_iov = part, .msg_iovlen = 2};
        const ssize_t n = recvmsg(fd, &m, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return receive_failed(n);
        have += (size_t)n;
    }
    *got = have - FRAME_HEADER;
    return READER_OK;
}

static enum reader_result receive_rest(int fd, uint8_t *at, size_t n)
{
    while (n) {
        const ssize_t got = recv(fd, at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return receive_failed(got);
        at += got;
        n -= (size_t)got;
    }
    return READER_OK;
}

static enum reader_result receive(struct unix_reader *u, uint8_t *response, size_t *size)
{
    uint8_t head[FRAME_HEADER];
    struct frame f;
    size_t got;
    const enum reader_result result = receive_head(u->fd, head, response, *size, &got);
    if (result != READER_OK)
        return result;
    if (!frame_get(head, &f) || f.flags != (FRAME_APDU | FRAME_ANSWER) || f.tag != u->tag ||
        f.length < 2 || got > f.length)
        return READER_LOST;
    if (f.length > *size)
        return READER_ROOM;
    *size = f.length;
    return receive_rest(u->fd, response + got, f.length - got);
}

static enum reader_result unix_exchange(struct reader *r, const uint8_t *apdu, size_t n,
                                        uint8_t *response, size_t *size)
{
    struct unix_reader *u = (struct unix_reader *)r;
    enum reader_result result = READER_ABSENT;
    pthread_mutex_lock(&u->lock);
    if (u->fd >= 0) {
        const struct frame f = {(uint32_t)n, ++u->tag, 0, FRAME_APDU | FRAME_COUNTED};
        uint8_t head[FRAME_HEADER];
        struct iovec part[2] = {{head, sizeof head}, {(void *)(uintptr_t)apdu, n}};
        frame_put(head, &f);
        result = send_all(u->fd, part) ? receive(u, response, size) : READER_LOST;
        if (result != READER_OK)
            lose(u);
    }
    pthread_mutex_unlock(&u->lock);
    return result;
}

/* ------------------------------------------------------------------ open, close */

static void unix_close(struct reader *r)
{
    struct unix_reader *u = (struct unix_reader *)r;
    hang_up(u);
    for (int i = 0; i < 3; i++) {
        const int fd = i == 0 ? u->epoll : i == 1 ? u->event : u->notify;
        if (fd >= 0)
            close(fd);
    }
    pthread_mutex_destroy(&u->lock);
    free(u);
}

static bool add(struct unix_reader *u, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return fd >= 0 && epoll_ctl(u->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static struct reader *unix_open(const char *path)
{
    if (!*path || strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
        fail_with(HUFU_E_URL, "unix:%s: the path of a socket has 1 to 107 bytes", path);
        return NULL;
    }
    struct unix_reader *u = calloc(1, sizeof *u);
    if (!u) {
        fail_with(HUFU_E_MEMORY, "unix:%s: no memory for a reader", path);
        return NULL;
    }
    u->base.ops = &reader_unix;
    u->fd = u->watch = -1;
    u->address.sun_family = AF_UNIX;
    memcpy(u->address.sun_path, path, strlen(path));
    pthread_mutex_init(&u->lock, NULL);
    u->epoll = epoll_create1(EPOLL_CLOEXEC);
    u->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    u->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (u->epoll >= 0 && add(u, u->event) && add(u, u->notify))
        return &u->base;
    fail_with(HUFU_E_OPEN, "unix:%s: cannot wait for it: %s", path, strerror(errno));
    unix_close(&u->base);
    return NULL;
}

const struct reader_ops reader_unix = {"unix",     unix_open,     unix_close, unix_present,
                                       unix_reset, unix_exchange, unix_wait,  unix_wake};
