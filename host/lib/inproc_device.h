/* The firmware in this process: a device with its memory in a directory, for whatever link. */
#ifndef HUFU_HOST_INPROC_DEVICE_H
#define HUFU_HOST_INPROC_DEVICE_H

#include "firmware/app/device.h"
#include "firmware/ports/posix/posix.h"
#include "host/lib/lib.h"

struct inproc_device {
    struct posix_port *port;
    struct hal hal;
    void *memory;
    size_t memory_size;
    struct device *device; /* NULL: not open */
};

/* Switch it on; directory "": in RAM. Reports with fail_with(); close it in any case. */
enum hufu_status inproc_device_open(struct inproc_device *d, const char *directory,
                                    const struct hufu_options *o);
void inproc_device_close(struct inproc_device *d);

#endif
