#include "sim/usb/pipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "firmware/base/wipe.h"

static int connect_to(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path)
        return -1;
    memcpy(a.sun_path, path, strlen(path));
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    close(fd);
    return -1;
}

bool pipe_open(struct pipe *p, const char *path)
{
    *p = (struct pipe){.fd = -1};
    p->in = malloc(PIPE_IN_ROOM);
    if (p->in)
        p->fd = connect_to(path);
    if (p->fd >= 0)
        return true;
    pipe_close(p);
    return false;
}

void pipe_close(struct pipe *p)
{
    if (p->fd >= 0)
        close(p->fd);
    if (p->in)
        wipe(p->in, PIPE_IN_ROOM);
    if (p->out)
        wipe(p->out, p->out_room);
    free(p->in);
    free(p->out);
    *p = (struct pipe){.fd = -1};
}

static bool is_open(const struct pipe *p)
{
    return p->fd >= 0 && !p->at_end;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Go n bytes on, but not past the end of a frame; how many. *ended: a frame ends there. */
static size_t follow(struct pipe_place *at, const uint8_t *bytes, size_t n, bool *ended)
{
    struct frame f;
    size_t used;
    *ended = false;
    if (at->header_size < FRAME_HEADER) {
        used = smaller(n, FRAME_HEADER - at->header_size);
        memcpy(at->header + at->header_size, bytes, used);
        at->header_size += used;
        if (at->header_size < FRAME_HEADER)
            return used;
        frame_get(at->header, &f);
        at->left = f.length;
    } else {
        used = smaller(n, at->left);
        at->left -= used;
    }
    if (at->left == 0) {
        *ended = true;
        at->header_size = 0;
    }
    return used;
}

/* ------------------------------------------------------------------ towards the simulator */

bool pipe_writable(const struct pipe *p)
{
    return is_open(p) && p->out_size == 0;
}

static bool keep(struct pipe *p, const uint8_t *bytes, size_t n)
{
    const size_t need = p->out_size + n;
    if (need > p->out_room) {
        uint8_t *const grown = malloc(need);
        if (!grown)
            return false;
        if (p->out_size)
            memcpy(grown, p->out, p->out_size);
        if (p->out)
            wipe(p->out, p->out_room);
        free(p->out);
        p->out = grown;
        p->out_room = need;
    }
    memcpy(p->out + p->out_size, bytes, n);
    p->out_size += n;
    return true;
}

static void count_sent(struct pipe *p, const uint8_t *bytes, size_t n)
{
    for (bool ended; n;) {
        const size_t used = follow(&p->sent, bytes, n, &ended);
        p->waiting += ended;
        bytes += used;
        n -= used;
    }
}

bool pipe_write(struct pipe *p, const uint8_t *bytes, size_t n)
{
    if (!is_open(p))
        return false;
    count_sent(p, bytes, n);
    if (p->out_size == 0) {
        const ssize_t sent = send(p->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        bytes += sent > 0 ? sent : 0;
        n -= sent > 0 ? (size_t)sent : 0;
    }
    return n == 0 || keep(p, bytes, n);
}

static void push(struct pipe *p)
{
    if (!p->out_size)
        return;
    const ssize_t sent = send(p->fd, p->out, p->out_size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent <= 0)
        return;
    memmove(p->out, p->out + sent, p->out_size - (size_t)sent);
    p->out_size -= (size_t)sent;
    wipe(p->out + p->out_size, (size_t)sent);
}

/* ------------------------------------------------------------------ from the simulator */

static void pull(struct pipe *p)
{
    if (p->in_at == p->in_size)
        p->in_at = p->in_size = 0;
    if (p->in_size == PIPE_IN_ROOM || p->at_end)
        return;
    const ssize_t n = recv(p->fd, p->in + p->in_size, PIPE_IN_ROOM - p->in_size, MSG_DONTWAIT);
    if (n > 0)
        p->in_size += (size_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        p->at_end = true;
}

void pipe_work(struct pipe *p)
{
    if (p->fd < 0)
        return;
    push(p);
    pull(p);
}

size_t pipe_read(struct pipe *p, uint8_t *bytes, size_t n, bool *ended)
{
    size_t got = 0;
    *ended = false;
    if (p->fd < 0)
        return 0;
    while (got < n) {
        if (p->in_at == p->in_size)
            pull(p);
        const size_t there = p->in_size - p->in_at;
        if (!there)
            break;
        const size_t used = follow(&p->taken, p->in + p->in_at, smaller(there, n - got), ended);
        memcpy(bytes + got, p->in + p->in_at, used);
        wipe(p->in + p->in_at, used);
        p->in_at += used;
        got += used;
        if (*ended && p->waiting)
            p->waiting--;
    }
    *ended = *ended && p->in_at == p->in_size;
    return got;
}

static uint32_t interest(const struct pipe *p)
{
    const bool in = !p->at_end && (p->in_size < PIPE_IN_ROOM || p->in_at == p->in_size);
    return (in ? (uint32_t)EPOLLIN : 0) | (p->out_size ? (uint32_t)EPOLLOUT : 0);
}

void pipe_watch(struct pipe *p, int epoll)
{
    if (p->fd < 0 || (p->watched && p->events == interest(p)))
        return;
    struct epoll_event event = {.events = interest(p), .data.ptr = p};
    epoll_ctl(epoll, p->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, p->fd, &event);
    p->watched = true;
    p->events = event.events;
}
