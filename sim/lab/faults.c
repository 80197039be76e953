#include "sim/lab/faults.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/lab/allocation.h"

/* What was on the medium before a write that is not synced yet. */
struct undo {
    struct undo *before;
    uint64_t at;
    uint32_t size;
    uint8_t bytes[];
};

static struct {
    pthread_mutex_t lock;
    struct hal port;
    int medium; /* the file, past the rules of the port */
    struct undo *undo;
    uint64_t cut_in;
    enum cut_mode mode;
    enum source_fault source[SOURCES];
    int bad_read, bad_write;
    int64_t clock_ms;
    bool tamper;
    struct fault_counts counts;
    uint64_t coins; /* xorshift */
} lab = {.lock = PTHREAD_MUTEX_INITIALIZER,
         .medium = -1,
         .bad_read = SEGMENT_NONE,
         .bad_write = SEGMENT_NONE};

/* ------------------------------------------------------------------ power */

static void remember(uint32_t segment, uint32_t offset, uint32_t n)
{
    struct undo *u = malloc_anyway(sizeof *u + n);
    if (!u || lab.port.nvm.read(lab.port.nvm.ctx, segment, offset, u->bytes, n)) {
        free(u);
        return;
    }
    u->at = (uint64_t)segment * lab.port.nvm.segment_size + offset;
    u->size = n;
    u->before = lab.undo;
    lab.undo = u;
}

static void forget(void)
{
    for (struct undo *u; (u = lab.undo) != NULL; free(u))
        lab.undo = u->before;
}

static bool coin(void)
{
    lab.coins ^= lab.coins << 13;
    lab.coins ^= lab.coins >> 7;
    lab.coins ^= lab.coins << 17;
    return lab.coins >> 40 & 1;
}

/* The newest first. The file holds its bytes inverted (firmware/ports/posix/nvm_file.c). */
static void take_back(bool some)
{
    for (struct undo *u = lab.undo; u; u = u->before) {
        if (some && coin())
            continue;
        for (uint32_t i = 0; i < u->size; i++)
            u->bytes[i] = (uint8_t)~u->bytes[i];
        if (pwrite(lab.medium, u->bytes, u->size, (off_t)u->at) < 0)
            return;
    }
}

static _Noreturn void power_off(void)
{
    if (lab.mode == CUT_LOST || lab.mode == CUT_MIXED)
        take_back(lab.mode == CUT_MIXED);
    for (;;)
        raise(SIGKILL);
}

/* One step nearer: is this the one? */
static bool is_cut(void)
{
    return lab.cut_in && --lab.cut_in == 0;
}

/* ------------------------------------------------------------------ the medium */

static bool is_bad(int bad, uint32_t segment)
{
    return bad == SEGMENT_ALL || bad == (int)segment;
}

static int nvm_read(void *ctx, uint32_t segment, uint32_t offset, void *buffer, uint32_t n)
{
    pthread_mutex_lock(&lab.lock);
    lab.counts.reads++;
    const bool bad = is_bad(lab.bad_read, segment);
    pthread_mutex_unlock(&lab.lock);
    return bad ? -1 : lab.port.nvm.read(ctx, segment, offset, buffer, n);
}

static int program_locked(void *ctx, uint32_t segment, uint32_t offset, const void *data,
                          uint32_t n)
{
    const struct hal_nvm *nvm = &lab.port.nvm;
    lab.counts.programs++;
    if (is_bad(lab.bad_write, segment))
        return -1;
    if (is_cut()) {
        const uint32_t half = n / 2 / nvm->unit * nvm->unit;
        const uint32_t done = lab.mode == CUT_AFTER ? n : lab.mode == CUT_TORN ? half : 0;
        if (done)
            nvm->program(ctx, segment, offset, data, done);
        power_off();
    }
    remember(segment, offset, n);
    return nvm->program(ctx, segment, offset, data, n);
}

static int nvm_program(void *ctx, uint32_t segment, uint32_t offset, const void *data, uint32_t n)
{
    pthread_mutex_lock(&lab.lock);
    const int result = program_locked(ctx, segment, offset, data, n);
    pthread_mutex_unlock(&lab.lock);
    return result;
}

static int erase_locked(void *ctx, uint32_t segment)
{
    const struct hal_nvm *nvm = &lab.port.nvm;
    lab.counts.erases++;
    if (is_bad(lab.bad_write, segment))
        return -1;
    if (is_cut()) {
        if (lab.mode == CUT_AFTER)
            nvm->erase(ctx, segment);
        power_off();
    }
    remember(segment, 0, nvm->segment_size);
    return nvm->erase(ctx, segment);
}

static int nvm_erase(void *ctx, uint32_t segment)
{
    pthread_mutex_lock(&lab.lock);
    const int result = erase_locked(ctx, segment);
    pthread_mutex_unlock(&lab.lock);
    return result;
}

static int nvm_sync(void *ctx)
{
    pthread_mutex_lock(&lab.lock);
    lab.counts.syncs++;
    if (is_cut()) {
        if (lab.mode == CUT_AFTER)
            lab.port.nvm.sync(ctx);
        power_off();
    }
    const int result = lab.port.nvm.sync(ctx);
    if (result == 0)
        forget();
    pthread_mutex_unlock(&lab.lock);
    return result;
}

static int root_program(void *ctx, const uint8_t root[32])
{
    pthread_mutex_lock(&lab.lock);
    lab.counts.roots++;
    if (is_cut()) {
        if (lab.mode == CUT_AFTER)
            lab.port.nvm.root_program(ctx, root);
        power_off();
    }
    const int result = lab.port.nvm.root_program(ctx, root);
    pthread_mutex_unlock(&lab.lock);
    return result;
}

/* ------------------------------------------------------------------ entropy, time */

static int spoil(unsigned which, int result, uint8_t *out, size_t n)
{
    pthread_mutex_lock(&lab.lock);
    lab.counts.samples += n;
    const enum source_fault fault = lab.source[which];
    pthread_mutex_unlock(&lab.lock);
    if (fault == SOURCE_STUCK)
        memset(out, 0x5A, n);
    for (size_t i = 0; fault == SOURCE_BIASED && i < n; i++)
        out[i] &= 1;
    return fault == SOURCE_FAILING ? -1 : result;
}

static int sample(void *ctx, uint8_t *out, size_t n)
{
    return spoil(0, lab.port.rng.sample(ctx, out, n), out, n);
}

static int second(void *ctx, uint8_t *out, size_t n)
{
    return spoil(1, lab.port.rng.second(ctx, out, n), out, n);
}

static uint64_t now(void *ctx)
{
    pthread_mutex_lock(&lab.lock);
    const int64_t off = lab.clock_ms;
    pthread_mutex_unlock(&lab.lock);
    return lab.port.clock.now(ctx) + (uint64_t)off;
}

static int tamper(void *ctx)
{
    const struct hal_tamper *port = &lab.port.tamper;
    pthread_mutex_lock(&lab.lock);
    const bool asserted = lab.tamper;
    pthread_mutex_unlock(&lab.lock);
    return asserted || (port->asserted && port->asserted(ctx));
}

/* ------------------------------------------------------------------ by order */

void faults_wrap(struct hal *hal, const char *directory)
{
    char path[4096];
    lab.port = *hal;
    hal->nvm.read = nvm_read;
    hal->nvm.program = nvm_program;
    hal->nvm.erase = nvm_erase;
    hal->nvm.sync = nvm_sync;
    hal->nvm.root_program = root_program;
    hal->rng.sample = sample;
    hal->rng.second = hal->rng.second ? second : NULL;
    hal->clock.now = now;
    hal->tamper.asserted = tamper;
    snprintf(path, sizeof path, "%s/nvm", directory);
    lab.medium = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    lab.coins = (uint64_t)getpid() << 20 | 1;
}

void faults_cut(uint64_t n, enum cut_mode mode)
{
    pthread_mutex_lock(&lab.lock);
    lab.cut_in = n;
    lab.mode = mode;
    pthread_mutex_unlock(&lab.lock);
}

void faults_source(unsigned which, enum source_fault fault)
{
    pthread_mutex_lock(&lab.lock);
    lab.source[which] = fault;
    pthread_mutex_unlock(&lab.lock);
}

void faults_medium(bool writes, int segment)
{
    pthread_mutex_lock(&lab.lock);
    *(writes ? &lab.bad_write : &lab.bad_read) = segment;
    pthread_mutex_unlock(&lab.lock);
}

void faults_tamper(bool asserted)
{
    pthread_mutex_lock(&lab.lock);
    lab.tamper = asserted;
    pthread_mutex_unlock(&lab.lock);
}

void faults_clock(int64_t ms)
{
    pthread_mutex_lock(&lab.lock);
    lab.clock_ms = ms;
    pthread_mutex_unlock(&lab.lock);
}

void faults_allocation(uint64_t n, uint64_t count)
{
    allocation_fail(n, count);
}

void faults_count(struct fault_counts *out)
{
    pthread_mutex_lock(&lab.lock);
    *out = lab.counts;
    pthread_mutex_unlock(&lab.lock);
    out->allocations = allocation_count();
}
