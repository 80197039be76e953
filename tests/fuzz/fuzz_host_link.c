/* The Unix socket link of libhufu: the input is what the device writes to the socket, in pieces. */
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/lib/liar.h"

enum { UNDER_WAY = 5 };

/* A device whose greeting was good, so that its limits are known; then the link is the socket's. */
static struct hufu_device *begin(int fd)
{
    struct hufu_device *d;
    struct liar *l = liar_new();
    const struct hufu_options options = {.timeout_ms = 1};
    REQUIRE(!device_attach(&d, "liar:", &l->base, &options));
    d->transport->ops->close(d->transport);
    REQUIRE(!transport_unix_attach(&d->transport, fd));
    return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int pair[2];
    struct hufu_request *r[UNDER_WAY] = {NULL};
    if (size < 1)
        return 0;
    const size_t piece = data[0] ? data[0] : size;
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    struct hufu_device *d = begin(pair[0]);
    /* tags 0 to 4, which the input can know */
    for (int i = 0; i < UNDER_WAY; i++)
        REQUIRE(!hufu_submit(d, 1, INS_DIGEST, "data", 4, &r[i]));
    hufu_release(r[4]);
    for (size_t at = 1; at < size; at += piece) {
        const size_t n = size - at < piece ? size - at : piece;
        if (send(pair[1], data + at, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            break;
        hufu_poll(r[at % 4]);
    }
    shutdown(pair[1], SHUT_RDWR);
    for (int i = 0; i < 4; i++) {
        const uint8_t *answer;
        size_t n;
        unsigned sum = 0;
        hufu_wait(r[i], &answer, &n);
        REQUIRE(n <= LIMIT_FRAME_MAX);
        for (size_t k = 0; k < n; k++)
            sum += answer[k];
        REQUIRE(sum < UINT32_MAX);
        hufu_release(r[i]);
    }
    hufu_close(d);
    close(pair[1]);
    return 0;
}
