/*
 * How things grow with the number of keys. records: a file of `hufu key batch`, 100 to 1,000,000
 * wrapped pairs: opening it, finding a record, and taking one back for a signature. objects: keys
 * stored in a device, 100 to 100,000: opening the device, the first search after that, listing,
 * finding a key by its label, signing, making and destroying one (in /dev/shm: without a disk's
 * sync).
 */
#include "bench/bench.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/client.h"

enum { TRIES = 400, OPENINGS = 9 };

struct times {
    double us[TRIES];
    size_t n;
};

static void take_time(struct times *t, double start)
{
    t->us[t->n++] = (now_seconds() - start) * 1e6;
}

/* ops: how many of these one caller does in a second, by the median. */
static void report_times(const struct options *o, const char *sweep, const char *name, size_t x,
                         struct times *t)
{
    struct point p = {.sweep = sweep, .name = name, .unit = "call", .x = x};
    figure_of_calls(&p.f, t->us, t->n);
    p.f.slices = (unsigned)t->n;
    p.f.ops = 1e6 / p.f.p50_us;
    p.f.max = 1e6 / t->us[0];
    p.f.min = 1e6 / t->us[t->n - 1];
    report_point(o, &p);
    t->n = 0;
}

static size_t random_below(size_t n)
{
    uint64_t x;
    if (RAND_bytes((unsigned char *)&x, sizeof x) != 1)
        bench_die("OpenSSL", "no random bytes");
    return (size_t)(x % n);
}

static void sign_once(struct hufu_session *session, uint32_t handle)
{
    static const struct hufu_signing how = {.scheme = HUFU_SIGN_SM2, .hash = HUFU_DIGEST_SM3};
    static const uint8_t digest[32] = {1};
    uint8_t signature[HUFU_SIGNATURE_MAX];
    size_t size = sizeof signature;
    client_must(hufu_sign(session, handle, &how, digest, 32, signature, &size), "signing");
}

/* ------------------------------------------------------------------ records in a file */

static void grow_file(struct hufu_session *session, const char *path, size_t count)
{
    struct hufu_archive *archive;
    client_must(hufu_archive_append(&archive, path), "archive");
    const struct hufu_batch batch = {.type = HUFU_KEY_SM2,
                                     .usage = HUFU_USAGE_SIGN | HUFU_USAGE_EXPORT_WRAPPED,
                                     .total = count - hufu_archive_count(archive),
                                     .chunk = count >= 8000 ? 8000 : 100};
    client_must(hufu_key_batch(session, &batch, hufu_archive_chunk, archive, NULL), "key batch");
    hufu_archive_close(archive);
}

static void measure_file(const struct options *o, struct hufu_session *session, const char *path,
                         size_t count)
{
    static struct times open, look, back;
    struct hufu_archive *archive;
    struct hufu_wrapped w;
    uint32_t handle;
    for (int i = 0; i < OPENINGS; i++) {
        const double start = now_seconds();
        client_must(hufu_archive_read(&archive, path), "archive");
        take_time(&open, start);
        if (i < OPENINGS - 1)
            hufu_archive_close(archive);
    }
    for (int i = 0; i < TRIES; i++) {
        const double start = now_seconds();
        client_must(hufu_archive_get(archive, random_below(count), &w), "archive");
        take_time(&look, start);
    }
    for (int i = 0; i < TRIES / 4; i++) {
        client_must(hufu_archive_get(archive, random_below(count), &w), "archive");
        const double start = now_seconds();
        client_must(hufu_key_import(session, &w, "bench", NULL, 0, &handle), "import");
        sign_once(session, handle);
        client_must(hufu_object_destroy(session, handle), "destroy");
        take_time(&back, start);
    }
    hufu_archive_close(archive);
    report_times(o, "records", "archive.open", count, &open);
    report_times(o, "records", "archive.get", count, &look);
    report_times(o, "records", "archive.import-sign-destroy", count, &back);
}

static void sweep_records(const struct options *o)
{
    char dir[] = "/tmp/hufu-bench-XXXXXX", path[64];
    struct hufu_device *device = client_device(o, "inproc:", 0);
    struct hufu_session *session = client_session(device);
    if (!mkdtemp(dir))
        bench_die(dir, "cannot make it");
    snprintf(path, sizeof path, "%s/pairs.hufu", dir);
    for (size_t count = 100; count <= 1000000; count *= 10) {
        grow_file(session, path, count);
        measure_file(o, session, path, count);
    }
    remove(path);
    rmdir(dir);
    hufu_session_close(session);
    hufu_close(device);
}

/* ------------------------------------------------------------------ objects in a device */

static void label_of(char label[32], size_t i)
{
    snprintf(label, 32, "key %zu", i);
}

static void grow_device(struct hufu_session *session, size_t from, size_t to)
{
    char label[32];
    uint32_t handle;
    for (size_t i = from; i < to; i++) {
        label_of(label, i);
        const struct hufu_key_spec spec = {
            .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN, .label = label};
        client_must(hufu_key_generate(session, &spec, &handle, NULL, NULL), "key generation");
    }
}

static uint32_t find_key(struct hufu_session *session, size_t i)
{
    char label[32];
    uint32_t handle;
    label_of(label, i);
    client_must(hufu_object_find(session, 0, label, NULL, 0, &handle), "find");
    return handle;
}

static int count_one(void *context, const struct hufu_object *object)
{
    (void)object;
    ++*(size_t *)context;
    return 0;
}

/* The first search after a start has to open every record; listing has to do that each time. */
static void measure_walks(const struct options *o, const char *url, size_t count, size_t max)
{
    static struct times open, first, list;
    for (int i = 0; i < OPENINGS; i++) {
        double start = now_seconds();
        struct hufu_device *device = client_device(o, url, max);
        take_time(&open, start);
        struct hufu_session *session = client_session(device);
        start = now_seconds();
        find_key(session, count - 1);
        take_time(&first, start);
        size_t seen = 0;
        start = now_seconds();
        client_must(hufu_object_list(session, 0, count_one, &seen), "list");
        take_time(&list, start);
        if (seen != count)
            bench_die("list", "not all objects");
        hufu_session_close(session);
        hufu_close(device);
    }
    report_times(o, "objects", "device.open", count, &open);
    report_times(o, "objects", "device.find-first", count, &first);
    report_times(o, "objects", "device.list", count, &list);
}

static void measure_calls(const struct options *o, const char *url, size_t count, size_t max)
{
    static struct times find, sign, create, destroy;
    struct hufu_device *device = client_device(o, url, max);
    struct hufu_session *session = client_session(device);
    const struct hufu_key_spec spec = {
        .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN, .label = "one more"};
    find_key(session, 0);
    for (int i = 0; i < TRIES; i++) {
        double start = now_seconds();
        uint32_t handle = find_key(session, random_below(count));
        take_time(&find, start);
        start = now_seconds();
        sign_once(session, handle);
        take_time(&sign, start);
        start = now_seconds();
        client_must(hufu_key_generate(session, &spec, &handle, NULL, NULL), "key generation");
        take_time(&create, start);
        start = now_seconds();
        client_must(hufu_object_destroy(session, handle), "destroy");
        take_time(&destroy, start);
    }
    hufu_session_close(session);
    hufu_close(device);
    report_times(o, "objects", "device.find", count, &find);
    report_times(o, "objects", "device.sign", count, &sign);
    report_times(o, "objects", "device.create", count, &create);
    report_times(o, "objects", "device.destroy", count, &destroy);
}

static void sweep_stored(const struct options *o)
{
    enum { MOST = 100000, SPARE = 16 };
    static const size_t counts[] = {100, 1000, 10000, MOST};
    char in_ram[] = "/dev/shm/hufu-bench-XXXXXX", on_disk[] = "/tmp/hufu-bench-XXXXXX", url[64];
    size_t have = 0;
    /* How long a disk syncs does not depend on what the device holds: left out where that can be.
     */
    const char *dir = mkdtemp(in_ram);
    if (!dir && !(dir = mkdtemp(on_disk)))
        bench_die(on_disk, "cannot make it");
    snprintf(url, sizeof url, "inproc:%s", dir);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct hufu_device *device = client_device(o, url, MOST + SPARE);
        struct hufu_session *session = client_session(device);
        grow_device(session, have, counts[i]);
        have = counts[i];
        hufu_session_close(session);
        hufu_close(device);
        measure_walks(o, url, have, MOST + SPARE);
        measure_calls(o, url, have, MOST + SPARE);
    }
    client_remove_tree(dir);
}

void sweep_objects(const struct options *o)
{
    if (option_matches(o->sweep, "records") && option_matches(o->pattern, "archive.open"))
        sweep_records(o);
    if (option_matches(o->sweep, "objects") && option_matches(o->pattern, "device.open"))
        sweep_stored(o);
}
