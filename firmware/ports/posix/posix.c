#include "firmware/ports/posix/posix.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "firmware/ports/posix/internal.h"

enum { MAX_THREADS = 1024 };

struct posix_port {
    struct copies copies;
    struct image image;
    struct nvm_file file;
    struct nvm_ram ram;
    struct pool *pool;
    atomic_bool tamper;
};

int complain(const struct message *m, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (m->size)
        vsnprintf(m->text, m->size, format, args);
    va_end(args);
    return -1;
}

static int sample(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    while (n) {
        ssize_t part = getrandom(out, n, 0);
        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0)
            return -1;
        out += part;
        n -= (size_t)part;
    }
    return 0;
}

/*
 * The second source: how long a walk through some memory takes, in the clock's finest digits. A
 * clock that stands still for long makes it slow, not predictable.
 */
static int jitter(void *ctx, uint8_t *out, size_t n)
{
    enum { CELLS = 4096, WALK = 32, LOOKS = 1 << 24 };
    static _Thread_local volatile uint8_t cell[CELLS];
    static _Thread_local uint64_t last, place;
    (void)ctx;
    for (size_t i = 0; i < n; i++) {
        struct timespec t;
        uint64_t ns = last;
        for (long look = 0; ns == last && look < LOOKS; look++) {
            for (int step = 0; step < WALK; step++) {
                place = place * 6364136223846793005u + last + 1;
                cell[place >> 52]++;
            }
            if (clock_gettime(CLOCK_MONOTONIC, &t))
                return -1;
            ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
        }
        last = ns;
        out[i] = (uint8_t)(ns ^ ns >> 8 ^ ns >> 16);
    }
    return 0;
}

static uint64_t now(void *ctx)
{
    struct timespec t;
    (void)ctx;
    if (clock_gettime(CLOCK_REALTIME, &t) || t.tv_sec < 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int tamper(void *ctx)
{
    struct posix_port *p = ctx;
    return atomic_load(&p->tamper);
}

void posix_tamper(struct posix_port *port, bool asserted)
{
    atomic_store(&port->tamper, asserted);
}

struct posix_port *posix_open(const struct posix_options *options, struct hal *hal, char *error,
                              size_t error_size)
{
    const struct message m = {error, error_size};
    struct posix_port *p = calloc(1, sizeof *p);
    if (p == NULL) {
        complain(&m, "no memory for the port");
        return NULL;
    }
    p->file.fd = p->file.directory.fd = p->file.directory.lock = -1;
    copies_open(&p->copies);
    *hal = (struct hal){.rng = {.ctx = &p->copies,
                                .sample = sample,
                                .second = jitter,
                                .generation = copies_generation},
                        .clock = {.now = now},
                        .par = {.width = 1},
                        .tamper = {p, tamper}};
    image_open(&p->image, options->seal, &hal->image);
    int failed = options->directory ? nvm_file_open(&p->file, options, &hal->nvm, &m)
                                    : nvm_ram_open(&p->ram, options, &hal->nvm, &m);
    if (!failed && options->threads > MAX_THREADS)
        failed = complain(&m, "%u threads: take %d at most", options->threads, MAX_THREADS);
    if (!failed && options->threads > 1) {
        p->pool = pool_open(options->threads, &hal->par, &m);
        failed = p->pool == NULL;
    }
    if (failed) {
        posix_close(p);
        return NULL;
    }
    return p;
}

void posix_close(struct posix_port *port)
{
    if (port == NULL)
        return;
    pool_close(port->pool);
    nvm_file_close(&port->file);
    nvm_ram_close(&port->ram);
    copies_close(&port->copies);
    free(port);
}
