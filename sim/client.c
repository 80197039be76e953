#include "sim/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "firmware/base/wipe.h"
#include "sim/capture.h"

struct chunk {
    struct chunk *next;
    size_t size, at;
    uint8_t bytes[];
};

/* Room for a whole answer, if the system gives it: what does not go at once must be copied. */
static void widen(int fd)
{
    const int room = FRAME_HEADER + FRAME_PAYLOAD_MAX;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room))
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}

/* Who else would be in this process: what is attached as a USB device can be anywhere. */
static bool is_ourselves(int fd)
{
    struct ucred who;
    socklen_t n = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && who.pid == getpid();
}

struct client *client_create(int fd)
{
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    widen(fd);
    c->fd = fd;
    c->number = capture_client(fd);
    c->far = is_ourselves(fd);
    c->last = &c->first;
    c->unsent_last = &c->unsent_first;
    return c;
}

/* Commands carry PINs, answers carry plaintexts: both are wiped. */
void command_free(struct command *m)
{
    if (!m)
        return;
    wipe(m->bytes, m->frame.length);
    free(m);
}

static void chunk_free(struct chunk *k)
{
    wipe(k->bytes, k->size);
    free(k);
}

static void drop_unsent(struct client *c)
{
    for (struct chunk *k = c->unsent_first, *next; k; k = next) {
        next = k->next;
        chunk_free(k);
    }
    c->unsent_first = NULL;
    c->unsent_last = &c->unsent_first;
    c->unsent = 0;
}

uint64_t client_close(struct client *c)
{
    uint64_t cost = 0;
    close(c->fd);
    c->fd = -1;
    c->gone = true;
    for (struct command *m; (m = client_take(c)) != NULL; command_free(m))
        cost += m->cost;
    if (c->incoming)
        c->incoming->frame.length = (uint32_t)c->payload_size; /* only what came is memory */
    command_free(c->incoming);
    c->incoming = NULL;
    drop_unsent(c);
    return cost;
}

void client_free(struct client *c)
{
    free(c);
}

struct command *client_take(struct client *c)
{
    struct command *m = c->first;
    if (!m)
        return NULL;
    c->first = m->next;
    if (!c->first)
        c->last = &c->first;
    c->queued--;
    c->queued_bytes -= m->frame.length;
    return m;
}

/* ------------------------------------------------------------------ in */

/* An answer that needs no device: the frame itself is wrong. */
static void refuse(struct client *c, const struct frame *f, uint16_t sw)
{
    uint8_t answer[FRAME_HEADER + 2 + FRAME_CHECK];
    const uint32_t check = f->flags & FRAME_CHECKED ? FRAME_CHECK : 0;
    struct frame head = {2 + check, f->tag, f->channel,
                         (uint16_t)((f->flags & (FRAME_APDU | FRAME_CHECKED)) | FRAME_ANSWER)};
    struct iovec part = {answer, FRAME_HEADER + head.length};
    frame_put(answer, &head);
    answer[FRAME_HEADER] = (uint8_t)(sw >> 8);
    answer[FRAME_HEADER + 1] = (uint8_t)sw;
    if (check)
        frame_check_put(&head, answer + FRAME_HEADER, answer + FRAME_HEADER + 2);
    client_send(c, &part, 1);
}

static void complete(struct client *c, void (*add)(void *, struct command *), void *arg)
{
    struct command *m = c->incoming;
    c->incoming = NULL;
    capture_frame(c->number, CAPTURE_IN, c->header, FRAME_HEADER, m->bytes, m->frame.length,
                  FRAME_HEADER + m->frame.length);
    if (!frame_check_take(&m->frame, m->bytes)) {
        c->refused =
            true; /* who sent it, and what, is not known: only the end of the link is clear */
        command_free(m);
        return;
    }
    if (!(m->frame.flags & FRAME_APDU) && m->frame.length < 2) {
        refuse(c, &m->frame, SW_WRONG_LENGTH);
        command_free(m);
        return;
    }
    m->next = NULL;
    *c->last = m;
    c->last = &m->next;
    c->queued++;
    c->queued_bytes += m->frame.length;
    add(arg, m);
}

/* Of what is not taken in, the header is all that is kept. */
static void capture_header(const struct client *c, const struct frame *f)
{
    capture_frame(c->number, CAPTURE_IN, c->header, FRAME_HEADER, NULL, 0,
                  FRAME_HEADER + (size_t)f->length);
}

/* A header is whole: make room for its payload, or decide what to do without. */
static void begin(struct client *c)
{
    struct frame f;
    const bool known = frame_get(c->header, &f);
    c->header_size = 0;
    if (!frame_in_order(&c->order, &f)) {
        capture_header(c, &f);
        c->refused = true; /* an answer could be taken for that of the frame it repeats */
        return;
    }
    if (f.length > FRAME_PAYLOAD_MAX + (f.flags & FRAME_CHECKED ? FRAME_CHECK : 0u)) {
        c->refused = true;
        capture_header(c, &f);
        refuse(c, &f, SW_WRONG_LENGTH);
        return;
    }
    if (known && !(f.flags & FRAME_ANSWER))
        c->incoming = malloc(sizeof *c->incoming + f.length);
    if (!c->incoming) {
        c->skip = f.length;
        capture_header(c, &f);
        refuse(c, &f, known && !(f.flags & FRAME_ANSWER) ? SW_INTERNAL : SW_WRONG_DATA);
        return;
    }
    c->incoming->frame = f;
    c->incoming->client = c;
    c->payload_size = 0;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* One step: a part of a header, a payload or a refused payload. The bytes used. */
static size_t step(struct client *c, const uint8_t *p, size_t n)
{
    size_t used;
    if (c->skip) {
        used = smaller(n, c->skip);
        c->skip -= used;
    } else if (c->incoming) {
        used = smaller(n, c->incoming->frame.length - c->payload_size);
        memcpy(c->incoming->bytes + c->payload_size, p, used);
        c->payload_size += used;
    } else {
        used = smaller(n, FRAME_HEADER - c->header_size);
        memcpy(c->header + c->header_size, p, used);
        c->header_size += used;
        if (c->header_size == FRAME_HEADER)
            begin(c);
    }
    return used;
}

static void feed(struct client *c, const uint8_t *p, size_t n,
                 void (*add)(void *, struct command *), void *arg)
{
    while (n && !c->refused) {
        const size_t used = step(c, p, n);
        p += used;
        n -= used;
        if (c->incoming && c->payload_size == c->incoming->frame.length)
            complete(c, add, arg);
    }
}

bool client_receive(struct client *c, uint8_t *scratch, void (*add)(void *, struct command *),
                    void *arg)
{
    /* The rest of a large payload goes straight to its place. */
    const size_t rest = c->incoming ? c->incoming->frame.length - c->payload_size : 0;
    const bool straight = rest > CLIENT_SCRATCH / 2;
    uint8_t *to = straight ? c->incoming->bytes + c->payload_size : scratch;
    const ssize_t got = recv(c->fd, to, straight ? rest : CLIENT_SCRATCH, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0) {
        c->at_end = true;
        return true;
    }
    if (!straight) {
        feed(c, scratch, (size_t)got, add, arg);
        wipe(scratch, (size_t)got);
        return true;
    }
    c->payload_size += (size_t)got;
    if (c->payload_size == c->incoming->frame.length)
        complete(c, add, arg);
    return true;
}

/* ------------------------------------------------------------------ out */

/* Keep bytes for later. Without memory the connection ends: an answer is never lost silently. */
static void keep(struct client *c, const uint8_t *bytes, size_t n)
{
    struct chunk *k = malloc(sizeof *k + n);
    if (!k) {
        shutdown(c->fd, SHUT_RDWR);
        return;
    }
    *k = (struct chunk){NULL, n, 0};
    memcpy(k->bytes, bytes, n);
    *c->unsent_last = k;
    c->unsent_last = &k->next;
    c->unsent += n;
}

void client_send(struct client *c, struct iovec *parts, size_t n)
{
    ssize_t sent = 0;
    if (c->gone)
        return;
    for (size_t i = 0; i < n; i++)
        capture_frame(c->number, CAPTURE_OUT, parts[i].iov_base, parts[i].iov_len, NULL, 0,
                      parts[i].iov_len);
    if (!c->unsent) {
        const struct msghdr message = {.msg_iov = parts, .msg_iovlen = n};
        sent = sendmsg(c->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return; /* it hung up, which epoll tells us as well */
        if (sent < 0)
            sent = 0;
    }
    size_t skip = (size_t)sent;
    for (size_t i = 0; i < n; i++) {
        const size_t done = smaller(skip, parts[i].iov_len);
        skip -= done;
        if (done < parts[i].iov_len)
            keep(c, (const uint8_t *)parts[i].iov_base + done, parts[i].iov_len - done);
    }
}

void client_flush(struct client *c)
{
    while (c->unsent_first) {
        struct chunk *k = c->unsent_first;
        const ssize_t sent =
            send(c->fd, k->bytes + k->at, k->size - k->at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0)
            return;
        k->at += (size_t)sent;
        c->unsent -= (size_t)sent;
        if (k->at < k->size)
            return;
        c->unsent_first = k->next;
        if (!c->unsent_first)
            c->unsent_last = &c->unsent_first;
        chunk_free(k);
    }
}

uint32_t client_interest(const struct client *c)
{
    const bool in = !c->at_end && !c->refused && c->queued < CLIENT_QUEUE_MAX &&
                    c->queued_bytes < CLIENT_BYTES_MAX && c->unsent < CLIENT_UNSENT_MAX;
    return (in ? (uint32_t)EPOLLIN : 0) | (c->unsent ? (uint32_t)EPOLLOUT : 0);
}

bool client_done(const struct client *c)
{
    return (c->at_end || c->refused) && !c->queued && !c->running && !c->unsent;
}
