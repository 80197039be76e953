/* Serves a device to the clients of a listening socket until it is told to stop. */
#ifndef HUFU_SIM_SERVER_H
#define HUFU_SIM_SERVER_H

#include <stddef.h>

#include "firmware/app/device.h"

struct server_config {
    struct device *device;
    size_t frame_max;
    int listener; /* closed by the server; its path is removed when serving ends */
    const char *path;
    int stop;                 /* readable: finish what runs, answer, return */
    void (*ready)(void *arg); /* called once, when clients are served */
    void *ready_arg;
};

/* 0, or -1 after a line on stderr. */
int server_run(const struct server_config *config);

#endif
