/* A device with its port and memory. */
#ifndef HUFU_SIM_MACHINE_H
#define HUFU_SIM_MACHINE_H

#include <stddef.h>

#include "firmware/app/device.h"
#include "firmware/ports/posix/posix.h"
#include "sim/options.h"

struct machine {
    struct posix_port *port;
    struct hal hal;
    struct device *device;
    void *memory;
    size_t size;
};

/* Port and memory: takes the directory, NULL: NVM in RAM. 0, or -1 after a line on stderr. */
int machine_open(struct machine *m, const struct sim_options *o, const char *directory);
/* Lay the device into its memory and boot it. 0, or -1 after a line. */
int machine_boot(struct machine *m, const struct sim_options *o);
/* Of a machine that was opened, booted or not. */
void machine_stop(struct machine *m);

#endif
