#include "sim/usb/usbip.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "firmware/base/wipe.h"
#include "sim/log.h"
#include "sim/usb/device.h"
#include "sim/usb/usbip_wire.h"

enum {
    CALLERS_MAX = 16,
    TRANSFER_MAX = 4 << 20,
    TRANSFERS_MAX = 256,
    OUT_MAX = 32 << 20, /* a host that does not read is cut off */
    READ_STEP = 65536,
    CANCELLED = -104 /* -ECONNRESET */
};

struct bytes {
    uint8_t *data;
    size_t size, room;
};

struct caller {
    struct usbip *server;
    int fd; /* -1: free */
    bool imported;
    struct bytes in, out;
    uint32_t events;
};

struct transfer {
    struct usb_urb urb;
    struct transfer *next;
    struct usbip *server;
    uint32_t sequence;
    bool in;
    uint8_t bytes[];
};

struct usbip {
    const struct usb_config *config;
    struct usb_device *device;
    int listener, stop, epoll;
    bool started;
    pthread_t thread;
    struct caller caller[CALLERS_MAX], *owner; /* who has the device */
    struct transfer *transfers;                /* what the device has */
    unsigned transfer_count;
};

/* ------------------------------------------------------------------ bytes */

static bool grow(struct bytes *b, size_t n)
{
    if (n <= b->room)
        return true;
    uint8_t *const data = malloc(n + n / 2);
    if (!data)
        return false;
    if (b->size)
        memcpy(data, b->data, b->size);
    if (b->data)
        wipe(b->data, b->room);
    free(b->data);
    b->data = data;
    b->room = n + n / 2;
    return true;
}

static void drop(struct bytes *b, size_t n)
{
    memmove(b->data, b->data + n, b->size - n);
    b->size -= n;
    wipe(b->data + b->size, n);
}

static void empty(struct bytes *b)
{
    if (b->data)
        wipe(b->data, b->room);
    free(b->data);
    *b = (struct bytes){NULL, 0, 0};
}

/* ------------------------------------------------------------------ callers */

static void watch(struct caller *c)
{
    const uint32_t wanted = EPOLLIN | (c->out.size ? (uint32_t)EPOLLOUT : 0);
    struct epoll_event event = {.events = wanted, .data.ptr = c};
    if (c->fd < 0 || wanted == c->events)
        return;
    epoll_ctl(c->server->epoll, c->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &event);
    c->events = wanted;
}

/* The host has let go: as a pulled plug. */
static void let_go(struct usbip *u)
{
    u->owner = NULL;
    usb_device_unplug(u->device);
    usb_device_plug(u->device);
    log_line(LOG_LEVEL_INFO, "the USB device is free again");
}

static void hang_up(struct caller *c)
{
    struct usbip *u = c->server;
    if (c->fd < 0)
        return;
    close(c->fd);
    c->fd = -1;
    empty(&c->in);
    empty(&c->out);
    if (u->owner == c)
        let_go(u);
}

static void flush(struct caller *c)
{
    if (!c->out.size || c->fd < 0)
        return;
    const ssize_t n = send(c->fd, c->out.data, c->out.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        drop(&c->out, (size_t)n);
}

static void say(struct caller *c, const uint8_t *bytes, size_t n)
{
    if (c->fd < 0 || !n)
        return;
    if (c->out.size + n > OUT_MAX || !grow(&c->out, c->out.size + n)) {
        shutdown(c->fd, SHUT_RDWR);
        return;
    }
    memcpy(c->out.data + c->out.size, bytes, n);
    c->out.size += n;
}

/* ------------------------------------------------------------------ transfers */

static void forget(struct transfer *t)
{
    struct transfer **at = &t->server->transfers;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    t->server->transfer_count--;
    wipe(t->bytes, t->urb.length);
    free(t);
}

static void on_done(struct usb_urb *urb)
{
    struct transfer *t = (struct transfer *)urb;
    struct caller *c = t->server->owner;
    uint8_t header[USBIP_HEADER_SIZE];
    if (c) {
        usbip_submitted_put(header, t->sequence, urb->outcome, (uint32_t)urb->actual);
        say(c, header, sizeof header);
        if (t->in)
            say(c, t->bytes, urb->actual);
    }
    forget(t);
}

/* false: this host asks for what cannot be. */
static bool submit(struct caller *c, const struct usbip_request *r, const uint8_t *data)
{
    struct usbip *u = c->server;
    if (u->transfer_count == TRANSFERS_MAX || r->isochronous)
        return false;
    struct transfer *t = calloc(1, sizeof *t + r->length);
    if (!t)
        return false;
    t->server = u;
    t->sequence = r->sequence;
    t->in = r->in;
    t->urb = (struct usb_urb){.endpoint = r->endpoint,
                              .zero = r->zero,
                              .data = t->bytes,
                              .length = r->length,
                              .done = on_done};
    memcpy(t->urb.setup, r->setup, sizeof r->setup);
    if (!r->in && r->length)
        memcpy(t->bytes, data, r->length);
    t->next = u->transfers;
    u->transfers = t;
    u->transfer_count++;
    usb_device_submit(u->device, &t->urb);
    return true;
}

static void cancel(struct caller *c, const struct usbip_request *r)
{
    struct usbip *u = c->server;
    uint8_t header[USBIP_HEADER_SIZE];
    struct transfer *t = u->transfers;
    while (t && t->sequence != r->unlink)
        t = t->next;
    const bool had = t && usb_device_cancel(u->device, &t->urb);
    usbip_unlinked_put(header, r->sequence, had ? CANCELLED : 0);
    say(c, header, sizeof header);
    if (had)
        forget(t);
}

/* ------------------------------------------------------------------ requests */

enum progress { WAIT, WENT_ON, GIVE_UP };

static enum progress take_request(struct caller *c)
{
    struct usbip_request r;
    if (c->in.size < USBIP_HEADER_SIZE)
        return WAIT;
    if (!usbip_request_get(c->in.data, &r) || r.length > TRANSFER_MAX)
        return GIVE_UP;
    const size_t size =
        USBIP_HEADER_SIZE + (r.command == USBIP_SUBMIT && !r.in ? (size_t)r.length : 0);
    if (c->in.size < size)
        return WAIT;
    if (r.command == USBIP_UNLINK)
        cancel(c, &r);
    else if (!submit(c, &r, c->in.data + USBIP_HEADER_SIZE))
        return GIVE_UP;
    drop(&c->in, size);
    return WENT_ON;
}

static enum progress take_op(struct caller *c)
{
    struct usbip *u = c->server;
    uint8_t out[USBIP_REPLY_MAX];
    if (c->in.size < USBIP_OP_SIZE)
        return WAIT;
    const uint16_t op = usbip_op_get(c->in.data);
    if (op == USBIP_OP_DEVLIST) {
        say(c, out, usbip_devlist_put(out, u->config, u->owner != NULL));
        drop(&c->in, USBIP_OP_SIZE);
        return WENT_ON;
    }
    if (op != USBIP_OP_IMPORT)
        return GIVE_UP;
    if (c->in.size < USBIP_IMPORT_SIZE)
        return WAIT;
    const bool granted = !u->owner && usbip_import_is_ours(c->in.data);
    say(c, out, usbip_import_put(out, u->config, granted));
    drop(&c->in, USBIP_IMPORT_SIZE);
    if (granted) {
        u->owner = c;
        c->imported = true;
        log_line(LOG_LEVEL_INFO, "a host has attached the USB device");
    }
    return WENT_ON;
}

static void take_all(struct caller *c)
{
    enum progress p;
    do
        p = c->imported ? take_request(c) : take_op(c);
    while (p == WENT_ON && c->fd >= 0);
    if (p == GIVE_UP)
        hang_up(c);
}

static void read_from(struct caller *c)
{
    if (!grow(&c->in, c->in.size + READ_STEP)) {
        hang_up(c);
        return;
    }
    const ssize_t n = recv(c->fd, c->in.data + c->in.size, READ_STEP, MSG_DONTWAIT);
    if (n > 0) {
        c->in.size += (size_t)n;
        take_all(c);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        hang_up(c);
    }
}

/* ------------------------------------------------------------------ the thread */

static void take_caller(struct usbip *u)
{
    const int one = 1, fd = accept4(u->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    for (int i = 0; i < CALLERS_MAX; i++)
        if (u->caller[i].fd < 0) {
            u->caller[i] = (struct caller){.server = u, .fd = fd};
            watch(&u->caller[i]);
            return;
        }
    close(fd);
}

static void *serve(void *arg)
{
    struct usbip *u = arg;
    struct epoll_event events[CALLERS_MAX];
    for (;;) {
        const int n = epoll_wait(u->epoll, events, CALLERS_MAX, -1);
        for (int i = 0; i < n; i++) {
            void *who = events[i].data.ptr;
            if (who == &u->stop)
                return NULL;
            if (who == &u->listener)
                take_caller(u);
            else if (who == u->device)
                usb_device_work(u->device);
            else if (((struct caller *)who)->fd >= 0 && (events[i].events & ~(uint32_t)EPOLLOUT))
                read_from(who);
        }
        for (int i = 0; i < CALLERS_MAX; i++) {
            flush(&u->caller[i]);
            watch(&u->caller[i]);
        }
    }
}

/* ------------------------------------------------------------------ life */

/* "ADDRESS:PORT", with brackets around the address if need be. 0 or -1. */
static int split(const char *text, char host[64], char port[8])
{
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || strlen(colon + 1) > 5 || !colon[1] || atoi(colon + 1) > 65535)
        return -1;
    const bool brackets = text[0] == '[' && colon[-1] == ']';
    const char *begin = text + brackets, *end = colon - brackets;
    if (end <= begin || end - begin > 63)
        return -1;
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = 0;
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return 0;
}

static bool is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, a, sizeof four);
        return ntohl(four.sin_addr.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 six;
    memcpy(&six, a, sizeof six);
    return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr);
}

static int listen_at(const struct addrinfo *a)
{
    const int one = 1;
    const int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, CALLERS_MAX) == 0)
        return fd;
    close(fd);
    return -1;
}

static int open_listener(const char *address)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *a;
    char host[64], port[8];
    if (split(address, host, port) || getaddrinfo(host, port, &hints, &a)) {
        log_line(LOG_LEVEL_ERROR,
                 "--usbip %s: give ADDRESS:PORT in numbers, such as 127.0.0.1:3240", address);
        return -1;
    }
    const int fd = listen_at(a);
    if (fd < 0)
        log_line(LOG_LEVEL_ERROR, "--usbip %s: %s", address, strerror(errno));
    else if (!is_loopback(a->ai_addr))
        log_line(LOG_LEVEL_WARNING,
                 "--usbip %s: whoever reaches this address can attach the device", address);
    freeaddrinfo(a);
    return fd;
}

static int add_event(struct usbip *u, int fd, void *tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};
    return epoll_ctl(u->epoll, EPOLL_CTL_ADD, fd, &event);
}

struct usbip *usbip_open(const char *address, const struct usb_config *config)
{
    struct usbip *u = calloc(1, sizeof *u);
    if (!u)
        return NULL;
    u->config = config;
    for (int i = 0; i < CALLERS_MAX; i++)
        u->caller[i] = (struct caller){.server = u, .fd = -1};
    u->stop = eventfd(0, EFD_CLOEXEC);
    u->epoll = epoll_create1(EPOLL_CLOEXEC);
    u->listener = open_listener(address);
    if (u->listener >= 0 && u->stop >= 0 && u->epoll >= 0)
        return u;
    usbip_close(u);
    return NULL;
}

int usbip_start(struct usbip *u)
{
    u->device = usb_device_create(u->config);
    u->started = u->device && !add_event(u, u->listener, &u->listener) &&
                 !add_event(u, u->stop, &u->stop) &&
                 !add_event(u, usb_device_fd(u->device), u->device) &&
                 !pthread_create(&u->thread, NULL, serve, u);
    if (!u->started)
        log_line(LOG_LEVEL_ERROR, "cannot serve USB/IP: %s", strerror(errno));
    return u->started ? 0 : -1;
}

void usbip_close(struct usbip *u)
{
    if (!u)
        return;
    if (u->started) {
        eventfd_write(u->stop, 1);
        pthread_join(u->thread, NULL);
    }
    for (int i = 0; i < CALLERS_MAX; i++)
        hang_up(&u->caller[i]);
    usb_device_free(u->device);
    if (u->listener >= 0)
        close(u->listener);
    if (u->stop >= 0)
        close(u->stop);
    if (u->epoll >= 0)
        close(u->epoll);
    free(u);
}
