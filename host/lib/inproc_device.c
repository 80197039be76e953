#include "host/lib/inproc_device.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ALIGNMENT = 64 };

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

static enum hufu_status boot(struct inproc_device *d, const struct hufu_options *o)
{
    const struct device_config config = {
        .objects_max = or_default(o->objects_max, 131072),
        .log_max = or_default(o->log_max, 16384),
        .sessions_max = (uint16_t)or_default(o->sessions_max, 256),
        .tickets_max = (uint16_t)or_default(o->tickets_max, 16),
        .frame_max = LIMIT_FRAME_MAX,
        .nonce_pool = o->nonce_pool == HUFU_NO_POOL ? 0 : (uint16_t)or_default(o->nonce_pool, 1024),
        .port = "posix",
        .engine = o->engine,
    };
    d->memory_size = (device_memory(&config, &d->hal) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    d->memory = aligned_alloc(ALIGNMENT, d->memory_size ? d->memory_size : ALIGNMENT);
    if (!d->memory)
        return fail_with(HUFU_E_MEMORY, "inproc: no memory for a device of %zu bytes",
                         d->memory_size);
    d->device = device_create(d->memory, &config, &d->hal);
    return d->device
               ? HUFU_OK
               : fail_with(HUFU_E_ARGUMENT, "inproc: an option of the device is out of range");
}

enum hufu_status inproc_device_open(struct inproc_device *d, const char *directory,
                                    const struct hufu_options *o)
{
    char why[300] = "";
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const struct posix_options options = {
        .directory = *directory ? directory : NULL,
        .threads = or_default(o->threads, processors > 0 ? (uint32_t)processors : 1),
    };
    memset(d, 0, sizeof *d);
    if (o->sessions_max > UINT16_MAX || o->tickets_max > UINT16_MAX)
        return fail_with(HUFU_E_ARGUMENT, "inproc:%s: at most 65535 sessions and tickets",
                         directory);
    if (o->nonce_pool > UINT16_MAX && o->nonce_pool != HUFU_NO_POOL)
        return fail_with(HUFU_E_ARGUMENT, "inproc:%s: at most 65535 nonces", directory);
    d->port = posix_open(&options, &d->hal, why, sizeof why);
    return d->port ? boot(d, o) : fail_with(HUFU_E_OPEN, "inproc:%s: %s", directory, why);
}

void inproc_device_close(struct inproc_device *d)
{
    if (d->device)
        device_stop(d->device);
    if (d->memory)
        wipe(d->memory, d->memory_size);
    free(d->memory);
    if (d->port)
        posix_close(d->port);
    memset(d, 0, sizeof *d);
}
