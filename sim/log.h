/* One line per event on stderr, as systemd and people read it. */
#ifndef HUFU_SIM_LOG_H
#define HUFU_SIM_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* 0, or -1 when there is no level of that name. */
int log_set_level(const char *name);
__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *format, ...);

#endif
