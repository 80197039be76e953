/* Wrapped key pairs by the thousand, into an archive; and what is in one. */
#include "host/cli/cli.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "host/cli/pem.h"

enum { TRIES = 5 };

struct progress {
    const struct cli *cli;
    struct hufu_archive *archive;
    uint64_t start, total; /* keys in the archive before, wanted in it */
    double began, shown;
    char reason[600]; /* why the archive took no more */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double rate(const struct progress *p)
{
    const double seconds = now() - p->began;
    return seconds > 0 ? (double)(hufu_archive_count(p->archive) - p->start) / seconds : 0;
}

/* One line that is written over, for somebody who watches. */
static void show(struct progress *p)
{
    const uint64_t have = hufu_archive_count(p->archive);
    const double r = rate(p), t = now();
    if (!watched(p->cli) || (t - p->shown < 0.2 && have < p->total))
        return;
    p->shown = t;
    const double left = r > 0 ? (double)(p->total - have) / r : 0;
    fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " pairs, %.0f a second, %.0f s left   ", have,
            p->total, r, left);
    if (have >= p->total)
        fputc('\n', stderr);
}

static int take(void *context, const struct hufu_key_chunk *chunk)
{
    struct progress *p = context;
    const int verdict = hufu_archive_chunk(p->archive, chunk);
    if (verdict && verdict != HUFU_CHUNK_KNOWN)
        snprintf(p->reason, sizeof p->reason, "%s", hufu_last_error());
    show(p);
    return verdict;
}

static bool is_lost(enum hufu_status s)
{
    return s == HUFU_E_LINK || s == HUFU_E_UNKNOWN_OUTCOME;
}

/* The device may be starting again: wait for it a little. */
static int reach_again(struct cli *cli)
{
    const struct timespec pause = {1, 0};
    enum hufu_status s = HUFU_E_LINK;
    say_note(cli, "hufu: %s; trying again", hufu_last_error());
    for (unsigned i = 0; i < TRIES && (is_lost(s) || s == HUFU_E_OPEN); i++) {
        nanosleep(&pause, NULL);
        s = link_again(cli);
    }
    return s ? say_library(cli) : DONE;
}

/* The file may be there with keys in it, or the link be lost: go on where it stands. */
static int make(struct cli *cli, struct hufu_batch *batch, struct progress *p)
{
    unsigned tries = 0; /* new links in a row that brought nothing */
    while (hufu_archive_count(p->archive) < p->total) {
        const uint64_t before = hufu_archive_count(p->archive);
        batch->total = p->total - before;
        const enum hufu_status s = hufu_key_batch(cli->session, batch, take, p, NULL);
        if (s == HUFU_OK)
            continue;
        tries = hufu_archive_count(p->archive) > before ? 0 : tries + 1;
        if (s == HUFU_E_TOO_MANY && !batch->resume)
            return say_failed("%s; --resume takes over what this account left", hufu_last_error());
        if (s == HUFU_E_STOPPED)
            return say_failed("%s; the device keeps what was not written: the same command goes on",
                              p->reason);
        if (!is_lost(s) || tries >= TRIES)
            return say_library(cli);
        if (reach_again(cli))
            return FAILED;
        batch->resume = 1;
    }
    return DONE;
}

static void report(const struct cli *cli, const struct progress *p, const char *path)
{
    const uint64_t have = hufu_archive_count(p->archive);
    if (!flag(cli, "json")) {
        say_note(cli, "%s: %" PRIu64 " pairs, %" PRIu64 " of them new, %.0f a second", path, have,
                 have - p->start, rate(p));
        return;
    }
    json_open(NULL, '{');
    json_text("file", path);
    json_number("pairs", have);
    json_number("new", have - p->start);
    json_number("per_second", (uint64_t)rate(p));
    json_close('}');
    json_end();
}

static int run_batch(struct cli *cli)
{
    uint32_t type, usage;
    uint64_t total, chunk;
    const char *path = value_of(cli, "out");
    if (!number_of(cli, "count", 1, UINT64_MAX / 2, 0, &total) ||
        !number_of(cli, "chunk", 1, 65536, 0, &chunk) ||
        !word_of(cli, "type", "key", HUFU_KEY_SM2, &type) ||
        !mask_of(cli, "usage", "usage", HUFU_USAGE_SIGN | HUFU_USAGE_DECRYPT, &usage))
        return USAGE;
    struct hufu_batch batch = {.type = (uint8_t)type, .usage = usage, .chunk = (uint32_t)chunk};
    struct progress p = {.cli = cli, .total = total};
    int status = link_login(cli);
    if (status)
        return status;
    if (hufu_archive_append(&p.archive, path))
        return say_library(cli);
    p.start = hufu_archive_count(p.archive);
    p.began = now();
    batch.resume = p.start || flag(cli, "resume");
    status = make(cli, &batch, &p);
    if (!status)
        report(cli, &p, path);
    hufu_archive_close(p.archive);
    return status;
}

/* ------------------------------------------------------------------ reading an archive */

static int show_one(struct cli *cli, struct hufu_archive *archive, uint64_t index)
{
    struct hufu_wrapped w;
    struct hufu_wrap_header h;
    if (hufu_archive_get(archive, index, &w) || hufu_wrap_header_read(w.header, &h))
        return say_library(cli);
    const size_t n = hufu_public_size(h.type);
    return public_write(cli, h.type, w.record, n);
}

static int run_archive_show(struct cli *cli)
{
    struct hufu_archive *archive;
    uint64_t index;
    const char *path = operand(cli, 0);
    int status = DONE;
    if (!path || operand(cli, 1))
        return say_usage(cli, "give one file");
    if (!number_of(cli, "index", 0, UINT64_MAX, 0, &index))
        return USAGE;
    if (hufu_archive_read(&archive, path))
        return say_library(cli);
    if (value_of(cli, "index")) {
        status = show_one(cli, archive, index);
    } else if (flag(cli, "json")) {
        json_open(NULL, '{');
        json_number("keys", hufu_archive_count(archive));
        json_close('}');
        json_end();
    } else {
        printf("%" PRIu64 " keys\n", hufu_archive_count(archive));
    }
    hufu_archive_close(archive);
    return status;
}

static const struct option batch_options[] = {
    {"count=N!", "pairs that the file is to hold", 'n'},
    {"out=FILE!", "archive of wrapped keys, made or gone on with", 'o'},
    {"type=TYPE", "sm2 (default), p256, p384, rsa2048, rsa3072 or rsa4096", 0},
    {"usage=LIST", "of the keys when they are taken in (default sign,decrypt)", 0},
    {"chunk=N", "pairs in a command (default: what suits the type)", 0},
    {"resume", "take over what this account left unacknowledged, also into a new file", 0},
    {NULL, NULL, 0}};
static const struct option show_options[] = {{"index=N", "the public key of one, from 0", 0},
                                             {"out=FILE", "where to (default: standard output)", 0},
                                             {"format=pem|der", "of the output (default pem)", 0},
                                             {NULL, NULL, 0}};

const struct command archive_commands[] = {
    {"key batch", NULL, "Make many key pairs, wrapped, into a file; may be repeated after a break",
     "user", run_batch, batch_options},
    {"archive show", "FILE", "How many keys an archive holds, or the public key of one", NULL,
     run_archive_show, show_options},
    {NULL, NULL, NULL, NULL, NULL, NULL}};
