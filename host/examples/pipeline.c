/*
 * Commands on their way: send many before taking the first answer, so that the link is never the
 * limit.
 *
 *   usage: pipeline URL COUNT
 */
#include <stdio.h>
#include <stdlib.h>

#include "host/lib/hufu.h"

enum { RANDOM = 0x08, BYTES = 32, DEPTH = 16 };

static int failed(void)
{
    fprintf(stderr, "pipeline: %s\n", hufu_last_error());
    return 1;
}

/* COUNT times 32 random bytes; every answer is the exclusive-or's. */
static int run(struct hufu_device *device, unsigned long count)
{
    static const uint8_t command[4] = {0, 0, 0, BYTES};
    struct hufu_request *way[DEPTH] = {NULL};
    uint8_t sum[BYTES] = {0};
    unsigned long sent = 0, taken = 0;
    int status = 0;
    while (!status && taken < count) {
        if (sent < count && sent - taken < DEPTH) {
            if (hufu_submit(device, 0, RANDOM, command, sizeof command, &way[sent++ % DEPTH]))
                status = failed();
            continue;
        }
        const uint8_t *answer;
        size_t size;
        struct hufu_request **r = &way[taken++ % DEPTH];
        if (hufu_wait(*r, &answer, &size) || size != BYTES)
            status = failed();
        for (size_t i = 0; !status && i < size; i++)
            sum[i] ^= answer[i];
        hufu_release(*r);
        *r = NULL;
    }
    for (size_t i = 0; i < DEPTH; i++)
        hufu_release(way[i]);
    for (size_t i = 0; !status && i < BYTES; i++)
        printf(i + 1 < BYTES ? "%02x" : "%02x\n", sum[i]);
    return status;
}

int main(int argc, char **argv)
{
    struct hufu_device *device;
    if (argc != 3) {
        fprintf(stderr, "usage: pipeline URL COUNT\n");
        return 2;
    }
    if (hufu_open(&device, argv[1]))
        return failed();
    const int status = run(device, strtoul(argv[2], NULL, 10));
    hufu_close(device);
    return status;
}
