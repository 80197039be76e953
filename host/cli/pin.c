/* PINs: from a file, from the environment, or typed. Never from the arguments, which everybody can
 * read. */
#include "host/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static int take(struct pin *pin, const char *from, const char *text, size_t n)
{
    if (n > HUFU_PIN_MAX || (n && n < HUFU_PIN_MIN))
        return say_failed("%s: a PIN has %d to %d characters", from, HUFU_PIN_MIN, HUFU_PIN_MAX);
    memcpy(pin->text, text, n);
    pin->text[n] = 0;
    pin->size = n;
    return DONE;
}

/* The first line. */
static int from_file(const char *path, struct pin *pin)
{
    char line[HUFU_PIN_MAX + 1];
    int status = file_line(path, line, sizeof line);
    if (!status)
        status = *line ? take(pin, path, line, strlen(line))
                       : say_failed("%s: no PIN on its first line", path);
    hufu_wipe(line, sizeof line);
    return status;
}

static volatile sig_atomic_t stopped;

static void on_stop(int signal)
{
    stopped = signal;
}

static const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
enum { STOPS = sizeof stops / sizeof *stops };

/* A terminal without echo, and how it was. Nobody is to be left without one: it sends no signals
 * meanwhile, a stop waits, and what ends the program does so when the echo is back. */
struct quiet {
    int tty;
    struct termios old;
    sigset_t before, waiting; /* signals that are blocked: as it was, and while it is read */
    struct sigaction actions[STOPS];
};

static bool quiet_begin(struct quiet *q)
{
    const struct sigaction note = {.sa_handler = on_stop};
    sigset_t held;
    q->tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (q->tty < 0 || tcgetattr(q->tty, &q->old)) {
        if (q->tty >= 0)
            close(q->tty);
        return false;
    }
    sigemptyset(&held);
    sigaddset(&held, SIGTSTP);
    for (unsigned i = 0; i < STOPS; i++)
        sigaddset(&held, stops[i]);
    sigprocmask(SIG_BLOCK, &held, &q->before);
    q->waiting = q->before;
    sigaddset(&q->waiting, SIGTSTP);
    stopped = 0;
    for (unsigned i = 0; i < STOPS; i++) {
        sigaction(stops[i], NULL, &q->actions[i]);
        if (q->actions[i].sa_handler != SIG_IGN)
            sigaction(stops[i], &note, NULL);
    }
    struct termios quiet = q->old;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    tcsetattr(q->tty, TCSAFLUSH, &quiet); /* before a prompt: what answers it must not be flushed */
    return true;
}

static void quiet_end(struct quiet *q)
{
    tcsetattr(q->tty, TCSAFLUSH, &q->old);
    dprintf(q->tty, "\n");
    close(q->tty);
    for (unsigned i = 0; i < STOPS; i++)
        sigaction(stops[i], &q->actions[i], NULL);
    if (stopped)
        raise(stopped); /* and with the mask of before it ends */
    sigprocmask(SIG_SETMASK, &q->before, NULL);
}

/* The next character, 0 when there is none; the signals that were held come now or not at all. */
static char quiet_next(const struct quiet *q)
{
    struct pollfd in = {.fd = q->tty, .events = POLLIN};
    char c;
    return !stopped && ppoll(&in, 1, NULL, &q->waiting) == 1 && read(q->tty, &c, 1) == 1 ? c : 0;
}

int ask(const char *prompt, char *line, size_t room)
{
    struct quiet q;
    size_t n = 0;
    char c;
    if (!quiet_begin(&q))
        return -1;
    dprintf(q.tty, "%s: ", prompt);
    while ((c = quiet_next(&q)) && c != '\n' && c != '\r' && c != 3 && c != 4)
        if (n + 1 < room)
            line[n++] = c;
    line[n] = 0;
    if (!c)
        hufu_wipe(line, n);
    quiet_end(&q);
    return c == '\n' || c == '\r' ? (int)n : -1;
}

static int typed(const struct pin_source *s, struct pin *pin)
{
    char prompt[100], first[128], second[128];
    int status = DONE;
    snprintf(prompt, sizeof prompt, "%s%s%s", s->is_new ? "New " : "", s->who,
             s->optional ? " (empty: none)" : "");
    const int n = ask(prompt, first, sizeof first);
    if (n < 0 && !s->optional)
        status = say_failed("no %s: give --%s, or set %s, or run in a terminal", s->who, s->option,
                            s->variable);
    if (s->is_new && n > 0) {
        snprintf(prompt, sizeof prompt, "Again");
        if (ask(prompt, second, sizeof second) != n || memcmp(first, second, (size_t)n))
            status = say_failed("%s: the two are not the same", s->who);
        hufu_wipe(second, sizeof second);
    }
    if (!status && !n && !s->optional)
        status = say_failed("no %s given", s->who);
    if (!status && n > 0)
        status = take(pin, s->who, first, (size_t)n);
    hufu_wipe(first, sizeof first);
    return status;
}

int pin_get(const struct pin_source *s, struct pin *pin)
{
    const char *names[] = {s->variable, s->variable2};
    memset(pin, 0, sizeof *pin);
    if (s->file)
        return from_file(s->file, pin);
    for (size_t i = 0; i < 2; i++) {
        const char *text = names[i] ? getenv(names[i]) : NULL;
        if (text && (*text || s->optional))
            return take(pin, names[i], text, strlen(text));
    }
    return typed(s, pin);
}
