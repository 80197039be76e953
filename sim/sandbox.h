/* A seccomp filter: from here on the process can do what serving a device takes, and nothing else.
 */
#ifndef HUFU_SIM_SANDBOX_H
#define HUFU_SIM_SANDBOX_H

enum sandbox_result {
    SANDBOX_ON,
    SANDBOX_UNFIT,      /* a build or a tool that makes system calls of its own: sanitizer, profile,
                           valgrind */
    SANDBOX_UNAVAILABLE /* the kernel, or this processor's calls, are not known; errno */
};

/*
 * For all threads, now and to come. What only an intruder would ask for ends the process with
 * SIGSYS: new programs, new processes, memory that can be executed, sockets other than Unix ones,
 * tracing, mounting, changing who one is. Other calls that serving does not take fail. Open
 * descriptors stay as they are, files can still be opened.
 */
enum sandbox_result sandbox_enter(void);

#endif
