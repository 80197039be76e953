#include "sim/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <linux/capability.h>

#include "sim/log.h"

/* So long a stop waits for the command that is in the device. */
#ifdef __SANITIZE_THREAD__ /* where all takes ten times as long, and a thread left behind is a fault */
enum { GRACE_MS = 20000 };
#else
enum { GRACE_MS = 900 };
#endif

/* The shortest turn on a processor that Linux gives. */
enum { TURN_NS = 100000 };

/* LeakSanitizer traces the process at its end; everybody else's tracer is kept out. */
#if defined(__SANITIZE_ADDRESS__)
enum { TRACEABLE = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { TRACEABLE = 1 };
#else
enum { TRACEABLE = 0 };
#endif
#else
enum { TRACEABLE = 0 };
#endif

static void raise_soft_limit(__rlimit_resource_t what)
{
    struct rlimit limit;
    if (getrlimit(what, &limit) == 0 && limit.rlim_cur != limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(what, &limit);
    }
}

void process_harden(void)
{
    const struct rlimit none = {0, 0};
    for (int fd = 0; fd < 3; fd++) /* or a socket would take the place of a closed stream */
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd ? O_RDONLY : O_WRONLY);
    setrlimit(RLIMIT_CORE, &none);
    if (!TRACEABLE)
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    raise_soft_limit(RLIMIT_NOFILE);
    signal(SIGPIPE, SIG_IGN);
    umask(077);
}

/* struct sched_attr in its first form, which not every libc has. */
struct turns {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period; /* runtime: a turn, in nanoseconds */
};

void process_be_prompt(void)
{
    struct turns t = {.size = sizeof t};
    if (syscall(SYS_sched_getattr, 0, &t, sizeof t, 0) || t.policy != SCHED_OTHER)
        return;
    t.size = sizeof t;
    t.runtime = TURN_NS;
    syscall(SYS_sched_setattr, 0, &t, 0);
}

static bool may_lock_everything(bool keep)
{
    struct rlimit limit;
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY)
        return true;
    return !keep && syscall(SYS_capget, &head, data) == 0 &&
           (data[0].effective & (1u << CAP_IPC_LOCK)) != 0;
}

/* ONFAULT: only what is touched takes memory. Under a limit, locking all would make later
 * allocations fail. */
void process_lock_memory(void *secret, size_t size, bool keep)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    if (setrlimit(RLIMIT_MEMLOCK, &all))
        raise_soft_limit(RLIMIT_MEMLOCK);
    if (may_lock_everything(keep) && mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0)
        return;
    if (mlock2(secret, size, MLOCK_ONFAULT))
        log_line(LOG_LEVEL_DEBUG, "memory is not locked and may reach swap: %s", strerror(errno));
}

int process_write_pid(const char *path)
{
    char text[32];
    struct stat st;
    const int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    /* it is removed at the end, which root could do to a device */
    const bool other = fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode));
    const bool bad = fd < 0 || other || ftruncate(fd, 0) || write(fd, text, (size_t)n) != n;
    if (bad)
        log_line(LOG_LEVEL_ERROR,
                 "cannot write the process id to %s: %s: choose another --pid-file", path,
                 other ? "is no file" : strerror(errno));
    if (fd >= 0)
        close(fd);
    return bad ? -1 : 0;
}

static void tell_systemd(void)
{
    static const char message[] = "READY=1";
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, strlen(path));
    if (*path == '@')
        to.sun_path[0] = 0;
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (sendto(fd, message, sizeof message - 1, MSG_NOSIGNAL, (struct sockaddr *)&to, size) < 0)
        log_line(LOG_LEVEL_WARNING, "cannot tell systemd that we serve: %s", strerror(errno));
    close(fd);
}

void process_ready(int fd)
{
    if (fd >= 0) {
        if (write(fd, "\n", 1) != 1)
            log_line(LOG_LEVEL_WARNING, "nobody reads descriptor %d", fd);
        if (fd > STDERR_FILENO)
            close(fd);
    }
    tell_systemd();
}

/* ------------------------------------------------------------------ stopping */

enum { REMOVE_MAX = 2 };

static int stop_fd = -1;
static const char *remove_path[REMOVE_MAX];
static timer_t stop_timer;

static void on_stop(int signal_number)
{
    const int kept = errno;
    const uint64_t one = 1;
    const struct itimerspec grace = {.it_value = {GRACE_MS / 1000, GRACE_MS % 1000 * 1000000L}};
    struct itimerspec now;
    (void)signal_number;
    if (timer_gettime(stop_timer, &now) == 0 && !now.it_value.tv_sec && !now.it_value.tv_nsec)
        timer_settime(stop_timer, 0, &grace, NULL);
    if (write(stop_fd, &one, sizeof one) < 0)
        errno = 0;
    errno = kept;
}

/* Still inside a long command: the log-structured store takes this like a power cut. */
static void on_grace_over(int signal_number)
{
    static const char line[] = "hufu-sim: warning: stopped in the middle of a long command\n";
    (void)signal_number;
    for (size_t i = 0; i < REMOVE_MAX; i++)
        if (remove_path[i])
            unlink(remove_path[i]);
    if (write(STDERR_FILENO, line, sizeof line - 1) < 0)
        _exit(0);
    _exit(0);
}

void process_remove_when_cut(const char *path)
{
    for (size_t i = 0; i < REMOVE_MAX; i++) {
        if (!remove_path[i]) {
            remove_path[i] = path;
            return;
        }
    }
}

int process_catch_stop(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    struct sigaction over = {.sa_handler = on_grace_over};
    stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (stop_fd < 0 || timer_create(CLOCK_MONOTONIC, &event, &stop_timer))
        return -1;
    sigfillset(&stop.sa_mask);
    sigfillset(&over.sa_mask);
    sigaction(SIGALRM, &over, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    return stop_fd;
}
