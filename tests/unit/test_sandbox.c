/* The simulator's seccomp filter: what it forbids ends the process with SIGSYS, what serving takes
 * goes on. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/sandbox.h"
#include "tests/lib/run.h"
#include "tests/lib/temp.h"

enum { NO_FILTER = 77, WRONG = 78 };

static char *const nothing[] = {NULL};

/* The wait status of a child that enters the filter and then does this. */
static int after(int (*deed)(void))
{
    int status = 0;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        if (sandbox_enter() != SANDBOX_ON)
            _exit(NO_FILTER);
        _exit(deed() ? WRONG : 0);
    }
    return child < 0 || waitpid(child, &status, 0) != child ? -1 : status;
}

static int nobody(void)
{
    return 0;
}

static int program(void)
{
    return execve("/bin/true", nothing, nothing);
}

static int process(void)
{
    return fork() < 0;
}

static int process_of_its_own(void)
{
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) < 0;
}

static int network(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static int code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
           MAP_FAILED;
}

static int code_later(void)
{
    static _Alignas(4096) char page[4096];
    return mprotect(page, sizeof page, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int trace(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0;
}

static int another_user(void)
{
    return setuid(1);
}

static int kill_others(void)
{
    return kill(getppid(), 0);
}

static int own_directory(void)
{
    return chroot("/");
}

static int rights(void)
{
    return chmod("/tmp/hufu-there-is-no-such-file", 0777) == 0;
}

static int (*const forbidden[])(void) = {
    program, process,      process_of_its_own, network,       code,  code_later,
    trace,   another_user, kill_others,        own_directory, rights};

START_TEST(forbidden_calls_end_the_process)
{
    const int status = after(forbidden[_i]);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "%d: status %x", _i,
                  (unsigned)status);
}
END_TEST

static void *grow(void *arg)
{
    void **p = arg;
    *p = malloc(1 << 22);
    return *p;
}

static int threads_and_memory(void)
{
    pthread_t thread;
    void *memory = NULL, *result = NULL;
    if (pthread_create(&thread, NULL, grow, &memory) || pthread_join(thread, &result))
        return 1;
    free(result);
    return memory == NULL;
}

static int unix_sockets(void)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 || close(fd);
}

static int files(void)
{
    char name[TEMP_NAME], other[TEMP_NAME + 32];
    char back = 0;
    temp_name(name, "sandbox");
    const int fd = mkstemp(name);
    snprintf(other, sizeof other, "%s.new", name);
    const int bad = fd < 0 || pwrite(fd, "x", 1, 4096) != 1 || fdatasync(fd) || fsync(fd) ||
                    pread(fd, &back, 1, 4096) != 1 || back != 'x' ||
                    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) > 0 ||
                    close(fd) || rename(name, other) || unlink(other);
    return bad;
}

static int eventfds(void)
{
    const int fd = eventfd(0, EFD_CLOEXEC);
    return fd < 0 || close(fd);
}

static int (*const permitted[])(void) = {nobody, threads_and_memory, unix_sockets, files, eventfds};

START_TEST(what_serving_takes_goes_on)
{
    const int status = after(permitted[_i]);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d: status %x", _i,
                  (unsigned)status);
}
END_TEST

static int abort_says_so(void)
{
    abort();
}

START_TEST(an_abort_is_seen_as_one)
{
    const int status = after(abort_says_so);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
END_TEST

static int prctl_is_refused(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 || errno != EINVAL;
}

START_TEST(a_refused_call_fails)
{
    const int status = after(prctl_is_refused);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

int main(void)
{
    const int status = after(nobody);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_FILTER) {
        puts("SKIP  seccomp: not in this build, or this kernel does not let us");
        puts("0 passed, 0 failed, 1 skipped");
        return 0;
    }
    Suite *s = suite_create("sandbox");
    TCase *t = tcase_create("calls");
    case_rows(t, forbidden_calls_end_the_process, forbidden);
    case_rows(t, what_serving_takes_goes_on, permitted);
    tcase_add_test(t, an_abort_is_seen_as_one);
    tcase_add_test(t, a_refused_call_fails);
    suite_add_tcase(s, t);
    return suite_run(s);
}
