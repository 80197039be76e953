#include "bench/herd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench/client.h"
#include "proto/frame.h"

enum {
    ROOM = 1024, /* of a command or an answer */
    EVENTS = 64,
    PAUSE_MS = 1 /* answers that waited as long came while nobody measured */
};

struct member {
    int fd;
    uint16_t channel;
    uint32_t handle;
    uint8_t command[ROOM], answer[ROOM];
    size_t size, got; /* of the command; of the answer so far */
};

struct herd {
    int epoll;
    double left; /* when the last call ended */
    size_t n;
    struct member *member;
};

static void must(bool good, const char *what)
{
    if (!good)
        bench_die(what, errno ? strerror(errno) : "the simulator refused");
}

/* ------------------------------------------------------------------ frames */

static uint8_t *body(struct member *m)
{
    return m->command + FRAME_HEADER + 2;
}

/* The fields are in the body already. */
static void seal(struct member *m, uint8_t ins, const struct wr *fields)
{
    m->size = FRAME_HEADER + 2 + wr_size(fields);
    m->command[FRAME_HEADER] = CLA_HUFU;
    m->command[FRAME_HEADER + 1] = ins;
    frame_put(m->command, &(struct frame){(uint32_t)(m->size - FRAME_HEADER), 0, m->channel, 0});
}

static void send_command(struct member *m)
{
    m->got = 0;
    must(send(m->fd, m->command, m->size, MSG_NOSIGNAL) == (ssize_t)m->size, "sending");
}

/* What has come. true: the answer is whole, and good. */
static bool take(struct member *m, int flags)
{
    struct frame f;
    const ssize_t n = recv(m->fd, m->answer + m->got, ROOM - m->got, flags);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    must(n > 0, "an answer");
    m->got += (size_t)n;
    if (m->got < FRAME_HEADER || !frame_get(m->answer, &f) || m->got < FRAME_HEADER + f.length)
        return false;
    errno = 0;
    must(f.length >= 2 && m->answer[m->got - 2] == 0x90 && m->answer[m->got - 1] == 0, "signing");
    return true;
}

/* One command and its answer; the reader is at the answer's fields. */
static struct rd exchange(struct member *m, uint8_t ins, const struct wr *fields)
{
    struct rd r;
    seal(m, ins, fields);
    send_command(m);
    while (!take(m, 0))
        ;
    rd_init(&r, m->answer + FRAME_HEADER, m->got - FRAME_HEADER - 2);
    return r;
}

/* ------------------------------------------------------------------ clients */

static void connect_to(struct member *m, const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    must(strlen(path) < sizeof a.sun_path, "the path of a socket");
    memcpy(a.sun_path, path, strlen(path));
    m->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(m->fd >= 0 && connect(m->fd, (const struct sockaddr *)&a, sizeof a) == 0, path);
}

static struct wr fields_of(struct member *m)
{
    struct wr w;
    wr_init(&w, body(m), ROOM - FRAME_HEADER - 2);
    return w;
}

static void log_in(struct member *m)
{
    static const uint8_t pin[] = {'b', 'e', 'n', 'c', 'h', '-', 'u', 's', 'e', 'r'};
    struct session_open_rsp session;
    struct wr w = fields_of(m);
    session_open_req_put(&w, &(struct session_open_req){0});
    struct rd r = exchange(m, INS_SESSION_OPEN, &w);
    must(session_open_rsp_get(&r, &session), "a session");
    m->channel = session.channel;
    w = fields_of(m);
    login_req_put(&w, &(struct login_req){HUFU_ACCOUNT_USER, {pin, sizeof pin}});
    exchange(m, INS_LOGIN, &w);
}

static void make_key(struct member *m, uint8_t type)
{
    struct key_generate_rsp key;
    struct wr w = fields_of(m);
    key_generate_req_put(&w, &(struct key_generate_req){.type = type, .usage = USAGE_SIGN});
    struct rd r = exchange(m, INS_KEY_GENERATE, &w);
    must(key_generate_rsp_get(&r, &key), "a key");
    m->handle = key.handle;
}

static const uint8_t digest[32] = {1, 2, 3};

static struct wr sign_fields(struct member *m, uint8_t type)
{
    const bool sm2 = type == KEY_SM2;
    struct wr w = fields_of(m);
    sign_req_put(&w, &(struct sign_req){.handle = m->handle,
                                        .scheme = sm2 ? SIGN_SM2 : SIGN_RSA_PKCS1,
                                        .hash = sm2 ? DIGEST_SM3 : DIGEST_SHA256,
                                        .data = {digest, sizeof digest}});
    return w;
}

static struct wr verify_fields(struct member *m)
{
    struct sign_rsp made;
    struct wr w = sign_fields(m, KEY_SM2);
    struct rd r = exchange(m, INS_SIGN, &w);
    must(sign_rsp_get(&r, &made), "a signature");
    w = fields_of(m);
    verify_req_put(&w, &(struct verify_req){.handle = m->handle,
                                            .type = KEY_SM2,
                                            .scheme = SIGN_SM2,
                                            .signature = made.signature,
                                            .data = {digest, sizeof digest}});
    return w;
}

/* The command that is sent again and again. */
static void prepare(struct member *m, uint8_t type, bool verify)
{
    const struct wr w = verify ? verify_fields(m) : sign_fields(m, type);
    seal(m, verify ? INS_VERIFY : INS_SIGN, &w);
}

struct herd *herd_open(const char *socket_path, size_t n, uint8_t type, bool verify)
{
    struct herd *h = bench_alloc(sizeof *h);
    h->n = n;
    h->member = bench_alloc(n * sizeof *h->member);
    h->epoll = epoll_create1(EPOLL_CLOEXEC);
    must(h->epoll >= 0, "epoll");
    for (size_t i = 0; i < n; i++) {
        struct member *m = &h->member[i];
        connect_to(m, socket_path);
        log_in(m);
        make_key(m, type);
        prepare(m, type, verify);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = m};
        must(epoll_ctl(h->epoll, EPOLL_CTL_ADD, m->fd, &event) == 0, "epoll");
        send_command(m);
    }
    return h;
}

/* The answers that are there are taken, and the next commands sent. *first: one was the first
 * client's. */
static unsigned turn(struct herd *h, int patience, bool *first)
{
    struct epoll_event event[EVENTS];
    unsigned answers = 0;
    const int n = epoll_wait(h->epoll, event, EVENTS, patience);
    for (int i = 0; i < n; i++) {
        struct member *m = event[i].data.ptr;
        if (!take(m, MSG_DONTWAIT))
            continue;
        send_command(m);
        answers++;
        *first = *first || m == h->member;
    }
    return answers;
}

double herd_call(void *herd)
{
    struct herd *h = herd;
    double answers = 0;
    bool first = false;
    if (now_seconds() - h->left > PAUSE_MS / 1e3)
        while (turn(h, 0, &first))
            ;
    for (first = false; !first;)
        answers += turn(h, -1, &first);
    h->left = now_seconds();
    return answers;
}

void herd_close(void *herd)
{
    struct herd *h = herd;
    for (size_t i = 0; i < h->n; i++) {
        struct member *m = &h->member[i];
        while (!take(m, 0))
            ;
        struct wr w = fields_of(m);
        object_destroy_req_put(&w, &(struct object_destroy_req){m->handle});
        exchange(m, INS_OBJECT_DESTROY, &w);
        close(m->fd);
    }
    close(h->epoll);
    free(h->member);
    free(h);
}
