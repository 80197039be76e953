/* The command line of hufu-sim. */
#ifndef HUFU_SIM_OPTIONS_H
#define HUFU_SIM_OPTIONS_H

#include <stdbool.h>

enum sim_seccomp { SECCOMP_AUTO, SECCOMP_ON, SECCOMP_OFF };

struct sim_options {
    const char *directory, *socket, *pid_file, *engine;
    const char *user, *group; /* NULL: as whoever starts it, for that user alone */
    enum sim_seccomp seccomp;
    const char *capture;            /* NULL: none */
    const char *usbip, *usb_serial; /* usbip NULL: no USB device */
    bool usb_short;                 /* short APDUs only */
    char socket_default[4096];
    unsigned threads, objects, log_records, sessions, tickets, nonce_pool, pair_pool;
    const char *control;                       /* NULL: none; only with HUFU_CONTROL */
    unsigned nvm_size, segments, segment_size; /* of a new medium; 0: the default */
    int ready_fd;                              /* -1: none */
    bool start_up_test;
    bool print_capabilities;
};

enum { OPTIONS_RUN = -1 }; /* else the exit status */

/* OPTIONS_RUN, or the status to exit with: after --help and --version 0, after a usage error 2. */
int options_parse(struct sim_options *o, int argc, char **argv);

#endif
