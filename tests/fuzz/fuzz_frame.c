/*
 * The reader of native frames: the header alone, then the simulator's connection, which is fed the
 * input through a socket in pieces. The first byte chooses the size of the pieces.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/frame.h"
#include "sim/client.h"
#include "tests/fuzz/fuzz.h"

static void one_header(const uint8_t *data)
{
    struct frame f;
    uint8_t again[FRAME_HEADER];
    const bool good = frame_get(data, &f);
    REQUIRE(!good || f.length <= FRAME_PAYLOAD_MAX + (f.flags & FRAME_CHECKED ? FRAME_CHECK : 0u));
    frame_put(again, &f);
    REQUIRE(!memcmp(again, data, FRAME_HEADER));
}

struct seen {
    struct client *client;
    size_t bytes;
    unsigned commands;
};

static void take(void *arg, struct command *m)
{
    struct seen *s = arg;
    REQUIRE(m->client == s->client);
    REQUIRE(m->frame.length <= FRAME_PAYLOAD_MAX);
    REQUIRE(!(m->frame.flags & ~(FRAME_APDU | FRAME_COUNTED | FRAME_CHECKED)));
    REQUIRE((m->frame.flags & FRAME_APDU) || m->frame.length >= 2);
    s->bytes += FRAME_HEADER + m->frame.length;
    s->commands++;
    uint8_t sum = 0;
    for (size_t i = 0; i < m->frame.length; i++)
        sum = (uint8_t)(sum ^ m->bytes[i]);
    (void)sum;
    /* Some are served at once, some wait until the connection ends. */
    if (s->commands % 3)
        command_free(client_take(s->client));
}

/* Answers to refused frames must be whole, with a check sum that fits where the frame had one. */
static void read_answers(int fd)
{
    uint8_t header[FRAME_HEADER], rest[2 + FRAME_CHECK];
    while (recv(fd, header, sizeof header, MSG_DONTWAIT) == (ssize_t)sizeof header) {
        struct frame f;
        REQUIRE(frame_get(header, &f));
        REQUIRE(f.length == (f.flags & FRAME_CHECKED ? 2 + FRAME_CHECK : 2u));
        REQUIRE(recv(fd, rest, f.length, MSG_DONTWAIT) == (ssize_t)f.length);
        REQUIRE((f.flags & FRAME_ANSWER) && frame_check_take(&f, rest) && f.length == 2);
    }
}

static void stream(const uint8_t *data, size_t size, size_t piece)
{
    static uint8_t scratch[CLIENT_SCRATCH];
    int pair[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    struct client *c = client_create(pair[0]);
    struct seen seen = {.client = c};
    REQUIRE(c);
    for (size_t at = 0; at < size && !c->refused; at += piece) {
        const size_t n = size - at < piece ? size - at : piece;
        if (send(pair[1], data + at, n, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)n)
            break;
        REQUIRE(client_receive(c, scratch, take, &seen));
        read_answers(pair[1]);
    }
    REQUIRE(seen.bytes <= size);
    client_close(c);
    client_free(c);
    close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= FRAME_HEADER)
        one_header(data);
    if (size)
        stream(data + 1, size - 1, (size_t)data[0] + 1);
    return 0;
}
