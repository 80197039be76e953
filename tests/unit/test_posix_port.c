/* The POSIX port: NVM by the rules of hal.h in a file and in RAM, the lock, the root, the threads,
 * the errors. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "firmware/app/device.h"
#include "firmware/ports/posix/posix.h"
#include "proto/proto.h"
#include "tests/lib/run.h"
#include "tests/lib/temp.h"
#include "tests/lib/vec.h"

static char directory[TEMP_NAME + 16];
static struct hal hal;
static char error[256];

static void remove_directory(void)
{
    static const char *const names[] = {"nvm",  "root",         "geometry",
                                        "lock", "geometry.new", "root.new"};
    char path[TEMP_NAME + 48];
    chmod(directory, 0700);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        unlink(path);
    }
    rmdir(directory);
}

static void setup(void)
{
    temp_name(directory, "port");
    ck_assert(mkdtemp(directory) != NULL);
    rmdir(directory);
}

static void teardown(void)
{
    remove_directory();
}

static struct posix_port *open_port(const char *path, uint32_t segments, uint32_t size,
                                    unsigned threads)
{
    const struct posix_options o = {
        .directory = path, .segments = segments, .segment_size = size, .threads = threads};
    error[0] = 0;
    return posix_open(&o, &hal, error, sizeof error);
}

static struct posix_port *open_good(uint32_t segments, uint32_t size)
{
    struct posix_port *p = open_port(directory, segments, size, 0);
    ck_assert_msg(p != NULL, "%s", error);
    return p;
}

/* The port refuses with a line that holds both texts. */
static void refused(uint32_t segments, uint32_t size, const char *what, const char *hint)
{
    ck_assert(open_port(directory, segments, size, 0) == NULL);
    ck_assert_msg(strstr(error, what) && strstr(error, hint), "the line says: %s", error);
    ck_assert(strchr(error, '\n') == NULL);
}

static const char *in_directory(const char *name)
{
    static char path[TEMP_NAME + 48];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(in_directory(name), "w");
    ck_assert(f != NULL);
    fputs(text, f);
    fclose(f);
}

/* ---------------------------------------------------------------- NVM */

static void rules(uint32_t segments, uint32_t size)
{
    const struct hal_nvm *n = &hal.nvm;
    uint8_t data[4096], got[4096], zeros[64] = {0}, ff[64];
    ck_assert_uint_eq(n->segments, segments);
    ck_assert_uint_eq(n->segment_size, size);
    memset(ff, 0xFF, sizeof ff);
    for (uint32_t s = 0; s < segments; s++)
        ck_assert_int_eq(n->erase(n->ctx, s), 0);
    test_random(data, sizeof data);
    ck_assert_int_eq(n->program(n->ctx, 1, 64, data, 4000), 0);
    ck_assert_int_eq(n->sync(n->ctx), 0);
    ck_assert_int_eq(n->read(n->ctx, 1, 64, got, 4000), 0);
    ck_assert_mem_eq(got, data, 4000);
    ck_assert_int_eq(n->read(n->ctx, 1, 0, got, 64), 0);
    ck_assert_mem_eq(got, ff, 64);
    ck_assert_int_eq(n->program(n->ctx, 1, 64, data + 1, 16), -1); /* not erased */
    ck_assert_int_eq(n->program(n->ctx, 1, 48, ff, 32), -1);
    ck_assert_int_eq(n->program(n->ctx, 1, 64, zeros, 32), 0); /* but zeros may */
    ck_assert_int_eq(n->program(n->ctx, 1, 32, zeros, 64), 0);
    ck_assert_int_eq(n->read(n->ctx, 1, 33, got, 64), 0); /* reading has no units */
    ck_assert_mem_eq(got, zeros, 63);
    ck_assert_uint_eq(got[63], data[32]);
    ck_assert_int_eq(n->program(n->ctx, 1, 8, data, 16), -1);
    ck_assert_int_eq(n->program(n->ctx, 1, 0, data, 8), -1);
    ck_assert_int_eq(n->program(n->ctx, 0, size - 16, data, 32), -1);
    ck_assert_int_eq(n->read(n->ctx, 0, size - 16, got, 17), -1);
    ck_assert_int_eq(n->read(n->ctx, segments, 0, got, 1), -1);
    ck_assert_int_eq(n->erase(n->ctx, segments), -1);
    ck_assert_int_eq(n->program(n->ctx, 0, size - 16, data, 16), 0);
    ck_assert_int_eq(n->program(n->ctx, 2, 0, data, 16), 0);
    ck_assert_int_eq(n->erase(n->ctx, 1), 0);
    for (uint32_t at = 0; at < size; at += 64) {
        ck_assert_int_eq(n->read(n->ctx, 1, at, got, 64), 0);
        ck_assert_mem_eq(got, ff, 64);
    }
    ck_assert_int_eq(n->read(n->ctx, 0, size - 16, got, 16), 0);
    ck_assert_mem_eq(got, data, 16);
    ck_assert_int_eq(n->read(n->ctx, 2, 0, got, 16), 0);
    ck_assert_mem_eq(got, data, 16);
}

START_TEST(nvm_in_a_file)
{
    uint8_t got[16], again[16];
    struct stat st;
    struct posix_port *p = open_good(5, 8192);
    rules(5, 8192);
    ck_assert_int_eq(hal.nvm.read(hal.nvm.ctx, 2, 0, got, 16), 0);
    posix_close(p);
    p = open_good(0, 0); /* remembers its shape and bytes */
    ck_assert_uint_eq(hal.nvm.segments, 5);
    ck_assert_int_eq(hal.nvm.read(hal.nvm.ctx, 2, 0, again, 16), 0);
    ck_assert_mem_eq(got, again, 16);
    posix_close(p);
    ck_assert_int_eq(stat(directory, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    ck_assert_int_eq(stat(in_directory("nvm"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(st.st_size, 5 * 8192);
}
END_TEST

START_TEST(nvm_in_ram)
{
    struct posix_port *p = open_port(NULL, 4, 4096, 0);
    ck_assert_msg(p != NULL, "%s", error);
    rules(4, 4096);
    posix_close(p);
    p = open_port(NULL, 0, 0, 0);
    ck_assert_uint_eq(hal.nvm.segments, 256);
    ck_assert_uint_eq(hal.nvm.segment_size, 256 * 1024);
    posix_close(p);
}
END_TEST

/* What a program prints does not become the device's memory. */
START_TEST(standard_streams_closed)
{
    struct stat nvm, st;
    int kept[3], is_nvm = 0;
    for (int fd = 0; fd < 3; fd++) {
        kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
        close(fd);
    }
    /* the directory and the lock would take the first two */
    struct posix_port *p = open_port(directory, 4, 4096, 0);
    const int there = !stat(in_directory("nvm"), &nvm);
    for (int fd = 0; fd < 3; fd++) {
        is_nvm += !fstat(fd, &st) && st.st_dev == nvm.st_dev && st.st_ino == nvm.st_ino;
        dup2(kept[fd], fd);
        close(kept[fd]);
    }
    ck_assert(p != NULL && there);
    ck_assert_int_eq(is_nvm, 0);
    posix_close(p);
}
END_TEST

START_TEST(an_empty_device_is_a_small_file)
{
    struct stat st;
    struct posix_port *p = open_good(0, 0);
    for (uint32_t s = 0; s < 256; s++)
        ck_assert_int_eq(hal.nvm.erase(hal.nvm.ctx, s), 0);
    ck_assert_int_eq(stat(in_directory("nvm"), &st), 0);
    ck_assert_int_eq(st.st_size, 64 << 20);
    ck_assert_int_lt(st.st_blocks * 512, 1 << 20);
    posix_close(p);
}
END_TEST

/* ---------------------------------------------------------------- root */

START_TEST(root)
{
    uint8_t set[32], got[32], zeros[32] = {0};
    struct stat st;
    struct posix_port *p = open_good(4, 4096);
    ck_assert_int_eq(hal.nvm.root_read(hal.nvm.ctx, got), 0);
    ck_assert_mem_eq(got, zeros, 32);
    for (int i = 0; i < 2; i++) {
        test_random(set, sizeof set);
        ck_assert_int_eq(hal.nvm.root_program(hal.nvm.ctx, set), 0);
        ck_assert_int_eq(hal.nvm.root_read(hal.nvm.ctx, got), 0);
        ck_assert_mem_eq(got, set, 32);
    }
    ck_assert_int_eq(stat(in_directory("root"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    posix_close(p);
    p = open_good(0, 0);
    ck_assert_int_eq(hal.nvm.root_read(hal.nvm.ctx, got), 0);
    ck_assert_mem_eq(got, set, 32);
    write_file("root", "short");
    ck_assert_int_eq(hal.nvm.root_read(hal.nvm.ctx, got), -1);
    unlink(in_directory("root")); /* lost: not the zeros of a device that is to be made */
    ck_assert_int_eq(hal.nvm.root_read(hal.nvm.ctx, got), -1);
    posix_close(p);
    p = open_good(0, 0);
    ck_assert_int_eq(hal.nvm.root_read(hal.nvm.ctx, got), -1);
    posix_close(p);
    write_file("geometry", "segments 4\nsegment_size 4096\n"); /* as former versions wrote it */
    p = open_good(0, 0);
    ck_assert_int_eq(hal.nvm.root_read(hal.nvm.ctx, got), 0);
    ck_assert_mem_eq(got, zeros, 32);
    posix_close(p);
    p = open_port(NULL, 4, 4096, 0);
    ck_assert_int_eq(hal.nvm.root_read(hal.nvm.ctx, got), 0);
    ck_assert_mem_eq(got, zeros, 32);
    ck_assert_int_eq(hal.nvm.root_program(hal.nvm.ctx, set), 0);
    ck_assert_int_eq(hal.nvm.root_read(hal.nvm.ctx, got), 0);
    ck_assert_mem_eq(got, set, 32);
    posix_close(p);
}
END_TEST

/* The bytes of a replaced root are overwritten in their file before it goes. */
START_TEST(old_root_is_overwritten)
{
    uint8_t first[32], second[32], left[32], zeros[32] = {0};
    struct posix_port *p = open_good(4, 4096);
    memset(first, 0x11, 32);
    memset(second, 0x22, 32);
    ck_assert_int_eq(hal.nvm.root_program(hal.nvm.ctx, first), 0);
    int fd = open(in_directory("root"), O_RDONLY);
    ck_assert_int_eq(hal.nvm.root_program(hal.nvm.ctx, second), 0);
    ck_assert_int_eq(pread(fd, left, 32, 0), 32);
    ck_assert_mem_eq(left, zeros, 32);
    close(fd);
    posix_close(p);
}
END_TEST

/* ---------------------------------------------------------------- refusals */

START_TEST(one_process_at_a_time)
{
    char owner[64];
    struct posix_port *p = open_good(4, 4096);
    snprintf(owner, sizeof owner, "is in use by process %ld: ", (long)getpid());
    refused(0, 0, owner, "stop it or choose another directory");
    posix_close(p);
    posix_close(open_good(0, 0));
}
END_TEST

/* A killed process leaves no lock behind. */
START_TEST(lock_of_the_killed)
{
    int ready[2];
    char byte;
    ck_assert_int_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct posix_port *p = open_port(directory, 4, 4096, 0);
        if (write(ready[1], p ? "y" : "n", 1) == 1)
            pause();
        _exit(1);
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 'y');
    refused(0, 0, "in use by process", "stop it");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    posix_close(open_good(0, 0));
    close(ready[0]);
    close(ready[1]);
}
END_TEST

/* A child that is forked can read, and knows that it is one; so can its child. */
START_TEST(forked)
{
    struct posix_port *p = open_good(4, 4096);
    const uint64_t first = hal.rng.generation(hal.rng.ctx);
    uint8_t data[16] = {1};
    int status = 0;
    ck_assert_uint_eq(hal.rng.generation(hal.rng.ctx), first);
    pid_t child = fork();
    if (child == 0) {
        const uint64_t second = hal.rng.generation(hal.rng.ctx);
        if (second == first || second != hal.rng.generation(hal.rng.ctx))
            _exit(1);
        if (hal.nvm.read(hal.nvm.ctx, 0, 0, data, 16) ||
            !hal.nvm.program(hal.nvm.ctx, 0, 0, data, 16) || !hal.nvm.erase(hal.nvm.ctx, 0) ||
            !hal.nvm.root_program(hal.nvm.ctx, data))
            _exit(2);
        child = fork();
        if (child == 0) {
            const uint64_t third = hal.rng.generation(hal.rng.ctx);
            _exit(third == first || third == second ? 3 : 0);
        }
        waitpid(child, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 4);
    }
    waitpid(child, &status, 0);
    ck_assert_int_eq(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
    ck_assert_uint_eq(hal.rng.generation(hal.rng.ctx), first);
    ck_assert_int_eq(hal.nvm.program(hal.nvm.ctx, 0, 0, data, 16), 0);
    posix_close(p);
}
END_TEST

/* A sync that is begun early: whatever is written before, during or after it is there in the end. */
START_TEST(sync_in_parts)
{
    struct posix_port *p = open_good(4, 4096);
    uint8_t data[16], back[16];
    for (unsigned i = 0; i < 100; i++) {
        memset(data, (int)i + 1, sizeof data);
        ck_assert_int_eq(hal.nvm.program(hal.nvm.ctx, 1, 32 * i, data, 16), 0);
        hal.nvm.sync_start(hal.nvm.ctx);
        if (i % 3)
            ck_assert_int_eq(hal.nvm.program(hal.nvm.ctx, 1, 32 * i + 16, data, 16), 0);
        if (i % 2)
            ck_assert_int_eq(hal.nvm.sync(hal.nvm.ctx), 0);
    }
    hal.nvm.sync_start(hal.nvm.ctx);
    posix_close(p);
    p = open_good(0, 0);
    for (unsigned i = 0; i < 100; i++) {
        memset(data, (int)i + 1, sizeof data);
        ck_assert_int_eq(hal.nvm.read(hal.nvm.ctx, 1, 32 * i, back, 16), 0);
        ck_assert_mem_eq(back, data, 16);
    }
    posix_close(p);
}
END_TEST

/* Nothing is acknowledged any more when the file has been removed or cut under the device. */
START_TEST(file_taken_away)
{
    uint8_t data[16] = {1};
    struct posix_port *p = open_good(4, 4096);
    ck_assert_int_eq(hal.nvm.program(hal.nvm.ctx, 0, 0, data, 16), 0);
    ck_assert_int_eq(hal.nvm.sync(hal.nvm.ctx), 0);
    ck_assert_int_eq(truncate(in_directory("nvm"), 3 * 4096), 0);
    ck_assert_int_eq(hal.nvm.sync(hal.nvm.ctx), -1);
    ck_assert_int_eq(truncate(in_directory("nvm"), 4 * 4096), 0);
    ck_assert_int_eq(hal.nvm.sync(hal.nvm.ctx), 0);
    unlink(in_directory("nvm"));
    hal.nvm.sync_start(hal.nvm.ctx);
    ck_assert_int_eq(hal.nvm.sync(hal.nvm.ctx), -1);
    posix_close(p);
}
END_TEST

START_TEST(wrong_shapes)
{
    refused(3, 4096, "3 segments", "take 4 to 65535");
    refused(4, 5000, "5000 bytes", "multiple of 4096");
    refused(70000, 4096, "70000 segments", "take 4 to 65535");
    posix_close(open_good(4, 8192));
    refused(5, 8192, "has 4 segments of 8192 bytes", "open it without a geometry");
    refused(0, 4096, "has 4 segments of 8192 bytes", "choose another directory");
    posix_close(open_good(4, 0));
    ck_assert_int_eq(truncate(in_directory("nvm"), 8192), 0);
    refused(0, 0, "nvm has 8192 bytes", "restore it");
    unlink(in_directory("nvm"));
    refused(0, 0, "cannot open", "nvm: No such file");
    write_file("geometry", "segments many\n");
    refused(0, 0, "geometry is damaged", "restore it");
}
END_TEST

START_TEST(shape_of_a_new_one)
{
    struct posix_options o = {
        .directory = directory, .segments = 4, .segment_size = 8192, .shape_when_new = true};
    posix_close(posix_open(&o, &hal, error, sizeof error));
    o.segments = 5;
    struct posix_port *p = posix_open(&o, &hal, error, sizeof error);
    ck_assert_msg(p != NULL, "%s", error);
    ck_assert_uint_eq(hal.nvm.segments, 4);
    posix_close(p);
    o.shape_when_new = false;
    ck_assert_ptr_null(posix_open(&o, &hal, error, sizeof error));
}
END_TEST

START_TEST(no_directory)
{
    char own[sizeof directory];
    strcpy(own, directory);
    strcat(directory, "/not/there");
    refused(0, 0, "cannot make", "make its parent");
    strcpy(directory, "/dev/null");
    refused(0, 0, "cannot open /dev/null", "choose a directory");
    strcpy(directory, own);
}
END_TEST

/* Root may do anything, so that a child without its rights tries. */
START_TEST(no_rights)
{
    int status = 0;
    posix_close(open_good(4, 4096));
    if (geteuid() != 0)
        ck_assert_int_eq(chmod(directory, 0), 0);
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
            _exit(3);
        _exit(open_port(directory, 0, 0, 0) == NULL && strstr(error, "Permission denied") ? 0 : 1);
    }
    waitpid(child, &status, 0);
    ck_assert_int_eq(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}
END_TEST

/* A disk that is full: the file may not grow in this child. */
START_TEST(no_room)
{
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit small = {8192, 8192};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &small);
        _exit(open_port(directory, 4, 4096, 0) == NULL && strstr(error, "make room") ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ck_assert_int_eq(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
    posix_close(open_good(4, 4096)); /* what it left behind is taken up */
}
END_TEST

/* ---------------------------------------------------------------- the rest */

START_TEST(random_and_clock)
{
    uint8_t a[64] = {0}, b[64] = {0};
    struct posix_port *p = open_port(NULL, 4, 4096, 0);
    ck_assert_int_eq(hal.rng.sample(hal.rng.ctx, a, sizeof a), 0);
    ck_assert_int_eq(hal.rng.sample(hal.rng.ctx, b, sizeof b), 0);
    ck_assert_mem_ne(a, b, sizeof a);
    ck_assert_int_eq(hal.rng.sample(hal.rng.ctx, a, 0), 0);
    const uint64_t before = (uint64_t)time(NULL), now = hal.clock.now(hal.clock.ctx);
    ck_assert_uint_ge(now / 1000 + 2, before);
    ck_assert_uint_le(now / 1000, (uint64_t)time(NULL) + 2);
    ck_assert(hal.link.receive == NULL && hal.link.send == NULL);
    posix_close(p);
}
END_TEST

enum { JOBS = 5000 };

struct jobs {
    atomic_uint done[JOBS];
    atomic_uint inside, most;
    bool slow;
};

static void job(void *arg, size_t index)
{
    struct jobs *j = arg;
    const unsigned inside = atomic_fetch_add(&j->inside, 1) + 1;
    unsigned most = atomic_load(&j->most);
    while (inside > most && !atomic_compare_exchange_weak(&j->most, &most, inside))
        ;
    for (int turn = 0; j->slow && (!turn || atomic_load(&j->most) < 2) && turn < 5000; turn++)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); /* another one comes in, in time */
    atomic_fetch_add(&j->done[index], 1);
    atomic_fetch_sub(&j->inside, 1);
}

static struct jobs jobs;

static void run_jobs(size_t n)
{
    memset(&jobs.done, 0, sizeof jobs.done);
    hal.par.run(hal.par.ctx, job, &jobs, n);
    size_t wrong = 0;
    for (size_t i = 0; i < JOBS; i++)
        wrong += atomic_load(&jobs.done[i]) != (i < n);
    ck_assert_uint_eq(wrong, 0);
}

START_TEST(threads)
{
    struct posix_port *p = open_port(NULL, 4, 4096, 4);
    ck_assert_msg(p != NULL, "%s", error);
    ck_assert_uint_eq(hal.par.width, 4);
    for (int i = 0; i < 2000; i++)
        run_jobs((size_t)i % 7);
    run_jobs(JOBS);
    jobs.slow = true;
    run_jobs(40);
    ck_assert_uint_ge(atomic_load(&jobs.most), 2);
    ck_assert_uint_le(atomic_load(&jobs.most), 4);
    posix_close(p);
    for (int i = 0; i < 50; i++) { /* starting and stopping at once */
        p = open_port(NULL, 4, 4096, 3);
        ck_assert(p != NULL);
        posix_close(p);
    }
}
END_TEST

START_TEST(no_threads)
{
    for (unsigned n = 0; n < 2; n++) {
        struct posix_port *p = open_port(NULL, 4, 4096, n);
        ck_assert(p != NULL && hal.par.run == NULL);
        ck_assert_uint_eq(hal.par.width, 1);
        posix_close(p);
    }
    ck_assert(open_port(NULL, 4, 4096, 5000) == NULL);
    ck_assert_msg(strstr(error, "5000 threads"), "%s", error);
    posix_close(NULL);
}
END_TEST

/* The tamper input, under a device. */
START_TEST(tamper_input)
{
    const struct device_config config = {.objects_max = 16,
                                         .log_max = 64,
                                         .sessions_max = 2,
                                         .tickets_max = 1,
                                         .frame_max = 4096,
                                         .port = "posix"};
    struct posix_port *port = posix_open(
        &(struct posix_options){.segments = 8, .segment_size = 16384}, &hal, error, sizeof error);
    ck_assert_ptr_nonnull(port);
    void *memory = aligned_alloc(64, device_memory(&config, &hal));
    struct device *d = device_create(memory, &config, &hal);
    ck_assert_uint_eq(device_state(d), STATE_BLANK);
    posix_tamper(port, true);
    device_idle(d);
    ck_assert_uint_eq(device_state(d), STATE_FAILED);
    posix_tamper(port, false);
    device_stop(d);
    d = device_create(memory, &config, &hal);
    ck_assert_uint_eq(device_state(d), STATE_BLANK);
    device_stop(d);
    posix_close(port);
    free(memory);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("POSIX port");
    TCase *t = tcase_create("port");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, nvm_in_a_file);
    tcase_add_test(t, nvm_in_ram);
    tcase_add_test(t, standard_streams_closed);
    tcase_add_test(t, an_empty_device_is_a_small_file);
    tcase_add_test(t, root);
    tcase_add_test(t, old_root_is_overwritten);
    tcase_add_test(t, one_process_at_a_time);
    tcase_add_test(t, lock_of_the_killed);
    tcase_add_test(t, forked);
    tcase_add_test(t, sync_in_parts);
    tcase_add_test(t, file_taken_away);
    tcase_add_test(t, wrong_shapes);
    tcase_add_test(t, shape_of_a_new_one);
    tcase_add_test(t, no_directory);
    tcase_add_test(t, no_rights);
    tcase_add_test(t, no_room);
    tcase_add_test(t, random_and_clock);
    tcase_add_test(t, threads);
    tcase_add_test(t, no_threads);
    tcase_add_test(t, tamper_input);
    suite_add_tcase(s, t);
    return suite_run(s);
}
