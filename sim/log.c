#include "sim/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {"error", "warning", "info", "debug"};
static enum log_level shown = LOG_LEVEL_INFO;

int log_set_level(const char *name)
{
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(name, names[i])) {
            shown = (enum log_level)i;
            return 0;
        }
    }
    return -1;
}

void log_line(enum log_level level, const char *format, ...)
{
    char line[600];
    va_list args;
    if (level > shown)
        return;
    int n = snprintf(line, sizeof line, "hufu-sim: %s: ", names[level]);
    va_start(args, format);
    n += vsnprintf(line + n, sizeof line - 1 - (size_t)n, format, args);
    va_end(args);
    if (n > (int)sizeof line - 2)
        n = (int)sizeof line - 2;
    for (int i = 0; i < n; i++) /* a file's name may hold anything; a line stays a line */
        if ((unsigned char)line[i] < ' ')
            line[i] = '?';
    line[n] = '\n';
    /* One write, so that lines of several threads do not mix; nobody reads it: so be it. */
    if (write(STDERR_FILENO, line, (size_t)n + 1) < 0)
        return;
}
