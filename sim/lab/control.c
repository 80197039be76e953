#include "sim/lab/control.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sim/lab/faults.h"
#include "sim/log.h"

enum { LINE = 256, WORDS = 4 };

static int listener = -1;

/* ------------------------------------------------------------------ the commands */

/* The index of a word in a list that ends with NULL; -1. */
static int one_of(const char *word, const char *const *list)
{
    for (int i = 0; word && list[i]; i++)
        if (!strcmp(word, list[i]))
            return i;
    return -1;
}

static bool number(const char *word, uint64_t *out)
{
    char *end;
    if (!word || *word < '0' || *word > '9')
        return false;
    *out = strtoull(word, &end, 10);
    return !*end;
}

static bool cut(char *const *word)
{
    static const char *const modes[] = {"before", "torn", "after", "lost", "mixed", NULL};
    const int mode = word[2] ? one_of(word[2], modes) : CUT_BEFORE;
    uint64_t n;
    if (!number(word[1], &n) || mode < 0)
        return false;
    faults_cut(n, (enum cut_mode)mode);
    return true;
}

static bool source(char *const *word)
{
    static const char *const faults[] = {"good", "failing", "stuck", "biased", NULL};
    const int fault = one_of(word[1], faults);
    uint64_t which = 1;
    if (fault < 0 || (word[2] && (!number(word[2], &which) || which - 1 >= SOURCES)))
        return false;
    faults_source((unsigned)which - 1, (enum source_fault)fault);
    return true;
}

static bool medium(char *const *word)
{
    static const char *const what[] = {"read", "write", NULL};
    const int writes = one_of(word[1], what);
    uint64_t segment = 0;
    const bool none = word[2] && !strcmp(word[2], "none"), all = word[2] && !strcmp(word[2], "all");
    if (writes < 0 || (!none && !all && (!number(word[2], &segment) || segment > 65535)))
        return false;
    faults_medium(writes, none ? SEGMENT_NONE : all ? SEGMENT_ALL : (int)segment);
    return true;
}

static bool move_clock(char *const *word)
{
    uint64_t ms;
    if (!word[1] || (*word[1] != '+' && *word[1] != '-') || !number(word[1] + 1, &ms) ||
        ms > INT64_MAX)
        return false;
    faults_clock(*word[1] == '-' ? -(int64_t)ms : (int64_t)ms);
    return true;
}

static bool allocation(char *const *word)
{
    uint64_t n, count = 1;
    if (!number(word[1], &n) || (word[2] && !number(word[2], &count)))
        return false;
    faults_allocation(n, count);
    return true;
}

static bool tamper(char *const *word)
{
    static const char *const words[] = {"off", "on", NULL};
    const int on = one_of(word[1], words);
    if (on < 0 || word[2])
        return false;
    faults_tamper(on);
    return true;
}

static bool nothing(char *const *word)
{
    return !word[1];
}

static const struct {
    const char *name;
    bool (*run)(char *const *word);
    const char *usage;
} commands[] = {{"state", nothing, "state"},
                {"cut", cut, "cut STEPS [before|torn|after|lost|mixed]; 0: not"},
                {"rng", source, "rng good|failing|stuck|biased [1|2]"},
                {"bad", medium, "bad read|write SEGMENT|all|none"},
                {"clock", move_clock, "clock +MS|-MS"},
                {"tamper", tamper, "tamper on|off"},
                {"alloc", allocation, "alloc N [COUNT]: the N-th from now fails; 0: none"}};

/* What every answer tells: the steps so far. */
static int answer(char *out, size_t room, const char *error)
{
    struct fault_counts c;
    faults_count(&c);
    if (error)
        return snprintf(out, room, "error %s\n", error);
    return snprintf(out, room,
                    "ok steps=%" PRIu64 " programs=%" PRIu64 " erases=%" PRIu64 " syncs=%" PRIu64
                    " roots=%" PRIu64 " reads=%" PRIu64 " samples=%" PRIu64 " allocations=%" PRIu64
                    "\n",
                    c.programs + c.erases + c.syncs + c.roots, c.programs, c.erases, c.syncs,
                    c.roots, c.reads, c.samples, c.allocations);
}

static int execute(char *line, char *out, size_t room)
{
    char *word[WORDS + 1] = {NULL}, *state = NULL;
    for (int i = 0; i < WORDS && (i == 0 || word[i - 1]); i++)
        word[i] = strtok_r(i ? NULL : line, " \r\n", &state);
    for (size_t i = 0; word[0] && i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(word[0], commands[i].name))
            return answer(out, room,
                          !word[WORDS - 1] && commands[i].run(word) ? NULL : commands[i].usage);
    return answer(out, room, "state, cut, rng, bad, clock, tamper or alloc");
}

/* ------------------------------------------------------------------ the socket */

static void talk(int fd)
{
    char line[LINE], out[LINE * 2];
    size_t n = 0;
    for (ssize_t got; n < sizeof line && (got = read(fd, line + n, sizeof line - n)) > 0;) {
        n += (size_t)got;
        for (char *end; (end = memchr(line, '\n', n)) != NULL;) {
            const size_t used = (size_t)(end - line) + 1;
            *end = 0;
            const int size = execute(line, out, sizeof out);
            if (send(fd, out, (size_t)size, MSG_NOSIGNAL) != size)
                return;
            n -= used;
            memmove(line, end + 1, n);
        }
    }
}

static void *serve(void *arg)
{
    (void)arg;
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno == EINTR;) {
        if (fd < 0)
            continue;
        talk(fd);
        close(fd);
    }
    return NULL;
}

int control_open(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    sigset_t all, before;
    pthread_t thread;
    struct stat st;
    if (strlen(path) < sizeof a.sun_path)
        strcpy(a.sun_path, path);
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = listener < 0 || bind(listener, (struct sockaddr *)&a, sizeof a) ||
                 chmod(path, 0600) || listen(listener, 1);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = failed || pthread_create(&thread, NULL, serve, NULL) || pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        log_line(LOG_LEVEL_ERROR, "%s: %s: choose another --control", path, strerror(errno));
    else
        log_line(LOG_LEVEL_WARNING, "whoever opens %s can break this device", path);
    return failed ? -1 : 0;
}
