/*
 * Native frames over a Unix socket, many in flight. Whoever waits and finds no reader becomes the
 * reader: it takes answers from the socket, its own and others', until its own is there, and then
 * hands the part over. So there is no thread of ours, and a lone caller never switches threads.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/lib/lib.h"

enum {
    SLOTS = 4096, /* commands on their way at most */
    IN_ROOM = 65536,
    RECV_MS = 500,     /* what recv waits by itself; less needs a poll before it */
    SEND_SLICE_MS = 50 /* a sender that cannot read itself looks again after this */
};

struct unix_link {
    struct transport base;
    int fd;
    pthread_mutex_t write; /* one sender at a time; taken before lock */
    pthread_mutex_t lock;  /* what follows */
    pthread_cond_t left;   /* the reader has given its part back */
    bool reading, broken;
    enum hufu_status failure;         /* of the requests that the break left without an answer */
    struct hufu_request *slot[SLOTS]; /* where its tag says, or behind it; NULL: free */
    unsigned used;
    uint32_t tag; /* of the last command: they count up, so the device notices one that is lost */
    uint16_t checked;             /* FRAME_CHECKED or 0 */
    struct hufu_request *waiting; /* their threads sleep */
    /* the reader's */
    struct hufu_request *current; /* whose answer is being read */
    struct frame frame;           /* its header */
    size_t missing;               /* bytes of it that are still to come */
    size_t in_pos, in_end;
    uint8_t in[IN_ROOM];
};

/* ------------------------------------------------------------------ slots, waiting (all with the
 * lock held) */

static bool slot_take(struct unix_link *l, struct hufu_request *r)
{
    if (l->used == SLOTS)
        return false;
    uint32_t at = ++l->tag % SLOTS;
    while (l->slot[at])
        at = (at + 1) % SLOTS;
    l->slot[at] = r;
    l->used++;
    r->tag = l->tag;
    r->slot = (uint16_t)at;
    return true;
}

static void slot_give(struct unix_link *l, const struct hufu_request *r)
{
    l->slot[r->slot] = NULL;
    l->used--;
}

/* Nearly always it is where its tag says: others are only in the way when one has waited for long.
 */
static struct hufu_request *slot_find(const struct unix_link *l, uint32_t tag)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct hufu_request *r = l->slot[(tag + i) % SLOTS];
        if (r && r->tag == tag)
            return r;
    }
    return NULL;
}

static void complete(struct unix_link *l, struct hufu_request *r, enum hufu_status failure)
{
    slot_give(l, r);
    request_complete(r, failure);
}

static void fail_all(struct unix_link *l)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (l->slot[i])
            complete(l, l->slot[i], l->failure);
    l->current = NULL;
}

/* The link is of no use any more. The reader, if there is one, has a request's memory in hand: it
 * ends the others. */
static void break_link(struct unix_link *l, enum hufu_status failure, const char *why)
{
    if (!l->broken) {
        l->broken = true;
        l->failure = failure;
        snprintf(l->base.why, sizeof l->base.why, "%s", why);
        shutdown(l->fd, SHUT_RDWR);
    }
    if (!l->reading)
        fail_all(l);
}

static void reader_leaves(struct unix_link *l)
{
    l->reading = false;
    if (l->broken)
        fail_all(l);
    pthread_cond_signal(&l->left);
}

static void hand_over(struct unix_link *l)
{
    if (!l->reading && l->waiting)
        pthread_cond_signal(&l->waiting->ready);
}

static void waiting_add(struct unix_link *l, struct hufu_request *r)
{
    r->waiting = true;
    r->prev = NULL;
    r->next = l->waiting;
    if (l->waiting)
        l->waiting->prev = r;
    l->waiting = r;
}

static void waiting_remove(struct unix_link *l, struct hufu_request *r)
{
    if (r->prev)
        r->prev->next = r->next;
    else
        l->waiting = r->next;
    if (r->next)
        r->next->prev = r->prev;
    r->next = r->prev = NULL;
    r->waiting = false;
}

/* ------------------------------------------------------------------ reading (with the reader's
 * part) */

/* A frame's header is there: find whose it is. Lock held. */
static void begin_answer(struct unix_link *l)
{
    struct frame f;
    const bool known = frame_get(l->in + l->in_pos, &f);
    l->in_pos += FRAME_HEADER;
    const uint32_t around = 2 + (l->checked ? FRAME_CHECK : 0);
    if (!known || f.flags != (FRAME_ANSWER | l->checked) || f.length < around ||
        f.length > l->base.limit + around) {
        break_link(l, HUFU_E_BAD_ANSWER, "an answer with an impossible header came");
        return;
    }
    struct hufu_request *r = slot_find(l, f.tag);
    if (!r) {
        break_link(l, HUFU_E_BAD_ANSWER, "an answer came that nobody had asked for");
        return;
    }
    if (!buffer_grow(&r->answer, f.length)) {
        break_link(l, HUFU_E_UNKNOWN_OUTCOME, "there was no memory for an answer");
        return;
    }
    l->current = r;
    l->frame = f;
    l->missing = f.length;
}

/* Hand out what is in the buffer. Lock held. */
static void take_answers(struct unix_link *l)
{
    while (!l->broken) {
        if (!l->current) {
            if (l->in_end - l->in_pos < FRAME_HEADER)
                break;
            begin_answer(l);
            continue;
        }
        struct buffer *b = &l->current->answer;
        const size_t left = l->in_end - l->in_pos, n = left < l->missing ? left : l->missing;
        if (n)
            memcpy(b->data + b->size, l->in + l->in_pos, n);
        b->size += n;
        l->in_pos += n;
        l->missing -= n;
        if (l->missing)
            break;
        struct hufu_request *r = l->current;
        if (!frame_check_take(&l->frame, r->answer.data)) {
            break_link(l, HUFU_E_UNKNOWN_OUTCOME, "a damaged answer came");
            break;
        }
        r->answer.size = l->frame.length;
        l->current = NULL;
        complete(l, r, HUFU_OK);
    }
    wipe(l->in, l->in_pos);
    memmove(l->in, l->in + l->in_pos, l->in_end - l->in_pos);
    l->in_end -= l->in_pos;
    l->in_pos = 0;
}

/* Take what the socket has, or wait for it, RECV_MS at most; a long answer goes straight to its
 * place. Lock held, not while it reads. */
static void read_some(struct unix_link *l, bool wait)
{
    const bool straight = l->current && l->in_end == 0 && l->missing >= IN_ROOM;
    uint8_t *to = straight ? l->current->answer.data + l->current->answer.size : l->in + l->in_end;
    const size_t room = straight ? l->missing : IN_ROOM - l->in_end;
    pthread_mutex_unlock(&l->lock);
    const ssize_t n = recv(l->fd, to, room, wait ? 0 : MSG_DONTWAIT);
    const int error = errno;
    pthread_mutex_lock(&l->lock);
    if (n > 0 && straight) {
        l->current->answer.size += (size_t)n;
        l->missing -= (size_t)n;
    } else if (n > 0) {
        l->in_end += (size_t)n;
    } else if (n == 0) {
        break_link(l, HUFU_E_UNKNOWN_OUTCOME, "the device closed the link");
        return;
    } else if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) {
        return;
    } else {
        char why[100];
        snprintf(why, sizeof why, "the link is lost (%s)", strerror(error));
        break_link(l, HUFU_E_UNKNOWN_OUTCOME, why);
        return;
    }
    take_answers(l);
}

static int left_ms(uint64_t deadline)
{
    const uint64_t now = deadline ? now_ms() : 1;
    return now >= deadline ? 0 : (int)(deadline - now < 1000000 ? deadline - now : 1000000);
}

/* Lock held on entry and exit. */
static void read_until(struct unix_link *l, const struct hufu_request *r, uint64_t deadline)
{
    while (!r->done && !l->broken) {
        struct pollfd p = {l->fd, POLLIN, 0};
        const int left = left_ms(deadline);
        if (left > RECV_MS) {
            read_some(l, true);
            continue;
        }
        pthread_mutex_unlock(&l->lock);
        const int n = poll(&p, 1, left);
        pthread_mutex_lock(&l->lock);
        if (n > 0)
            read_some(l, false);
        else if (n == 0 && left == 0)
            return;
    }
}

static void sleep_until(struct unix_link *l, struct hufu_request *r, uint64_t deadline)
{
    struct timespec t = {(time_t)(deadline / 1000), (long)(deadline % 1000) * 1000000};
    waiting_add(l, r);
    pthread_cond_timedwait(&r->ready, &l->lock, &t);
    waiting_remove(l, r);
}

static bool unix_wait(struct transport *t, struct hufu_request *r, uint64_t deadline)
{
    struct unix_link *l = (struct unix_link *)t;
    pthread_mutex_lock(&l->lock);
    while (!r->done) {
        if (!l->reading) {
            l->reading = true;
            read_until(l, r, deadline);
            reader_leaves(l);
        } else if (deadline) {
            sleep_until(l, r, deadline);
        }
        if (!r->done && left_ms(deadline) == 0)
            break;
    }
    const bool done = r->done;
    hand_over(l);
    pthread_mutex_unlock(&l->lock);
    return done;
}

/* ------------------------------------------------------------------ sending */

/*
 * The socket takes no more: wait until it does, and read meanwhile, for the device may be waiting
 * for us to take its answers. Lock held on entry and exit.
 */
static void wait_writable(struct unix_link *l, uint64_t deadline)
{
    const bool read = !l->reading;
    struct pollfd p = {l->fd, (short)(POLLOUT | (read ? POLLIN : 0)), 0};
    const int left = left_ms(deadline);
    l->reading = true;
    pthread_mutex_unlock(&l->lock);
    poll(&p, 1, read || left < SEND_SLICE_MS ? left : SEND_SLICE_MS);
    pthread_mutex_lock(&l->lock);
    if (!read)
        return;
    if (p.revents & POLLIN)
        read_some(l, false);
    reader_leaves(l);
    hand_over(l);
}

/* Lock held on entry and exit, not while it sends. 0: all sent; else an errno. */
static int send_all(struct unix_link *l, const uint8_t *data, size_t n, uint64_t deadline)
{
    while (n) {
        if (l->broken)
            return EPIPE;
        pthread_mutex_unlock(&l->lock);
        const ssize_t sent = send(l->fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        const int error = errno;
        pthread_mutex_lock(&l->lock);
        if (sent >= 0) {
            data += sent;
            n -= (size_t)sent;
        } else if (error == EAGAIN || error == EWOULDBLOCK) {
            if (left_ms(deadline) == 0)
                return ETIMEDOUT;
            wait_writable(l, deadline);
        } else if (error != EINTR) {
            return error;
        }
    }
    return 0;
}

/* Lock held on entry and exit, not while it sends. */
static int send_command(struct unix_link *l, struct hufu_request *r)
{
    const size_t check = l->checked ? FRAME_CHECK : 0;
    const struct frame f = {(uint32_t)(r->command.size - FRAME_HEADER + check), r->tag, r->channel,
                            FRAME_COUNTED | l->checked};
    const uint64_t deadline = now_ms() + r->device->options.timeout_ms;
    uint8_t sum[FRAME_CHECK];
    frame_put(r->command.data, &f);
    if (check)
        frame_check_put(&f, r->command.data + FRAME_HEADER, sum);
    const int error = send_all(l, r->command.data, r->command.size, deadline);
    return error ? error : send_all(l, sum, check, deadline);
}

static enum hufu_status unix_submit(struct transport *t, struct hufu_request *r)
{
    struct unix_link *l = (struct unix_link *)t;
    const char *url = r->device->url;
    enum hufu_status s = HUFU_OK;
    pthread_mutex_lock(&l->write);
    pthread_mutex_lock(&l->lock);
    if (l->broken) {
        s = fail_with(HUFU_E_LINK, "%s: the link is lost (%s): reconnect", url, l->base.why);
    } else if (!slot_take(l, r)) {
        s = fail_with(HUFU_E_ARGUMENT, "%s: %d commands are on their way: wait for some first", url,
                      SLOTS);
    } else {
        const int error = send_command(l, r);
        if (error) { /* a part of a command is not carried out, but nothing can follow it */
            s = fail_with(HUFU_E_LINK, "%s: sending failed (%s); the command was not carried out",
                          url, strerror(error));
            break_link(l, HUFU_E_UNKNOWN_OUTCOME, "another command could not be sent");
            while (l->reading) /* it may have this request's memory in hand */
                pthread_cond_wait(&l->left, &l->lock);
        }
    }
    pthread_mutex_unlock(&l->lock);
    pthread_mutex_unlock(&l->write);
    return s;
}

static bool unix_abandon(struct transport *t, struct hufu_request *r)
{
    struct unix_link *l = (struct unix_link *)t;
    return request_orphan(r, &l->lock);
}

/* ------------------------------------------------------------------ open, close */

static void unix_close(struct transport *t)
{
    struct unix_link *l = (struct unix_link *)t;
    pthread_mutex_lock(&l->lock);
    break_link(l, HUFU_E_LINK, "closed");
    pthread_mutex_unlock(&l->lock);
    close(l->fd);
    pthread_cond_destroy(&l->left);
    pthread_mutex_destroy(&l->lock);
    pthread_mutex_destroy(&l->write);
    wipe(l->in, sizeof l->in);
    free(l);
}

enum hufu_status transport_unix_attach(struct transport **t, int fd)
{
    const struct timeval wait = {.tv_usec = 1000 * RECV_MS};
    struct unix_link *l = calloc(1, sizeof *l);
    if (!l) {
        close(fd);
        return fail_with(HUFU_E_MEMORY, "no memory for a link");
    }
    l->base.ops = &transport_unix;
    l->base.limit = LIMIT_FRAME_MAX;
    l->fd = fd;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    l->base.inherited = fd + 1;
    pthread_mutex_init(&l->lock, NULL);
    pthread_mutex_init(&l->write, NULL);
    pthread_cond_init(&l->left, NULL);
    *t = &l->base;
    return HUFU_OK;
}

static enum hufu_status unix_open(struct transport **t, const char *path,
                                  const struct hufu_options *options)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (!*path || strlen(path) >= sizeof a.sun_path)
        return fail_with(HUFU_E_URL, "unix:%s: the path of a socket has 1 to %zu bytes", path,
                         sizeof a.sun_path - 1);
    memcpy(a.sun_path, path, strlen(path));
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail_with(HUFU_E_OPEN, "unix:%s: no socket: %s", path, strerror(errno));
    if (connect(fd, (const struct sockaddr *)&a, sizeof a) < 0) {
        const int error = errno;
        close(fd);
        return fail_with(
            HUFU_E_OPEN,
            "cannot reach hufu-sim at %s: %s; start it with: hufu-sim --dir DIR --socket %s", path,
            strerror(error), path);
    }
    /* a whole command at once, if the system gives so much: the device is woken once then */
    const int room = FRAME_HEADER + FRAME_PAYLOAD_MAX;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    const enum hufu_status s = transport_unix_attach(t, fd);
    if (!s && options->checked)
        ((struct unix_link *)*t)->checked = FRAME_CHECKED;
    return s;
}

const struct transport_ops transport_unix = {"unix",    "unix:PATH",  unix_open, unix_submit,
                                             unix_wait, unix_abandon, unix_close};
