#include "sim/machine.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "proto/proto.h"
#include "sim/log.h"
#include "sim/process.h"

static int boot(struct machine *m, const struct sim_options *o, const struct hal *hal)
{
    const struct device_config config = {.objects_max = o->objects,
                                         .log_max = o->log_records,
                                         .sessions_max = o->sessions,
                                         .tickets_max = o->tickets,
                                         .frame_max = LIMIT_FRAME_MAX,
                                         .nonce_pool = o->nonce_pool,
                                         .port = "simulator",
                                         .engine = o->engine};
    m->size = device_memory(&config, hal);
    m->memory = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m->memory == MAP_FAILED) {
        m->memory = NULL;
        log_line(LOG_LEVEL_ERROR, "no memory for a device of %zu bytes: %s: give fewer --objects",
                 m->size, strerror(errno));
        return -1;
    }
    process_lock_memory(m->memory, m->size);
    m->device = device_create(m->memory, &config, hal);
    if (!m->device)
        log_line(LOG_LEVEL_ERROR, "the device does not take this configuration: "
                                  "change --objects, --sessions, --tickets or --log-records");
    return m->device ? 0 : -1;
}

int machine_start(struct machine *m, const struct sim_options *o, const char *directory)
{
    const struct posix_options port = {.directory = directory, .threads = o->threads};
    struct hal hal;
    char error[400];
    memset(&hal, 0, sizeof hal);
    *m = (struct machine){NULL, NULL, NULL, 0};
    m->port = posix_open(&port, &hal, error, sizeof error);
    if (!m->port) {
        log_line(LOG_LEVEL_ERROR, "%s", error);
        return -1;
    }
    if (boot(m, o, &hal)) {
        machine_stop(m);
        return -1;
    }
    return 0;
}

void machine_stop(struct machine *m)
{
    if (m->device)
        device_stop(m->device);
    if (m->memory)
        munmap(m->memory, m->size);
    if (m->port)
        posix_close(m->port);
    *m = (struct machine){NULL, NULL, NULL, 0};
}
