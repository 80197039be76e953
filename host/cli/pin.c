/* PINs: from a file, from the environment, or typed. Never from the arguments, which everybody can
 * read. */
#include "host/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
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

int ask(const char *prompt, char *line, size_t room)
{
    struct termios old, quiet;
    sigset_t stop, before;
    const int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0 || tcgetattr(tty, &old)) {
        if (tty >= 0)
            close(tty);
        return -1;
    }
    /* nobody is to be left without an echo: the terminal sends no signals meanwhile, a stop waits */
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    sigprocmask(SIG_BLOCK, &stop, &before);
    quiet = old;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    size_t n = 0;
    char c = 0;
    tcsetattr(tty, TCSAFLUSH, &quiet); /* before the prompt: what answers it must not be flushed */
    dprintf(tty, "%s: ", prompt);
    ssize_t got;
    while ((got = read(tty, &c, 1)) == 1 && c != '\n' && c != '\r' && c != 3 && c != 4)
        if (n + 1 < room)
            line[n++] = c;
    line[n] = 0;
    tcsetattr(tty, TCSAFLUSH, &old);
    sigprocmask(SIG_SETMASK, &before, NULL);
    dprintf(tty, "\n");
    close(tty);
    return got == 1 && c != 3 && c != 4 ? (int)n : -1;
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
