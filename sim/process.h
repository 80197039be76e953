/* What the process owes its secrets and its supervisor. */
#ifndef HUFU_SIM_PROCESS_H
#define HUFU_SIM_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

/* No core dumps, no tracing by other users' tools, private files, no SIGPIPE, many descriptors. */
void process_harden(void);
/*
 * Take short turns on the processors, and so come to them soon after waking (Linux 6.12 and later; no
 * rights needed): an answer does not wait for the long turns of a busy program beside us. Threads
 * that start later do the same.
 */
void process_be_prompt(void);
/* Keep memory out of swap, as far as the limits let us: all of it, or at least these bytes. keep:
 * only the limits will let us later, for the process is about to become somebody with fewer
 * rights. */
void process_lock_memory(void *secret, size_t size, bool keep);

/* Write our process id to a file. 0, or -1 after a line on stderr. */
int process_write_pid(const char *path);
/* Tell whoever started us that we serve: a newline on this descriptor (-1: none), systemd's socket.
 */
void process_ready(int fd);

/*
 * SIGTERM and SIGINT become readable on the descriptor that is given back (-1: no descriptor left).
 * A grace time later the process ends, whatever it is doing: the store takes that like a power cut.
 */
int process_catch_stop(void);
/* A file to remove in that case; two at most, the path must stay valid. */
void process_remove_when_cut(const char *path);

#endif
