/* A device with its port and memory. */
#ifndef HUFU_SIM_MACHINE_H
#define HUFU_SIM_MACHINE_H

#include <stddef.h>

#include "firmware/app/device.h"
#include "firmware/ports/posix/posix.h"
#include "sim/options.h"

struct machine {
    struct posix_port *port;
    struct device *device;
    void *memory;
    size_t size;
};

/* NVM in directory, NULL: in RAM. 0, or -1 after a line on stderr. */
int machine_start(struct machine *m, const struct sim_options *o, const char *directory);
void machine_stop(struct machine *m);

#endif
