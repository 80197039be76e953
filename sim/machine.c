#include "sim/machine.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "proto/proto.h"
#include "sim/lab/lab.h"
#include "sim/log.h"
#include "sim/seal.h"

static struct device_config config_of(const struct sim_options *o)
{
    return (struct device_config){.objects_max = o->objects,
                                  .log_max = o->log_records,
                                  .sessions_max = (uint16_t)o->sessions,
                                  .tickets_max = (uint16_t)o->tickets,
                                  .frame_max = LIMIT_FRAME_MAX,
                                  .nonce_pool = (uint16_t)o->nonce_pool,
                                  .pair_pool = (uint8_t)o->pair_pool,
                                  .start_up_test = o->start_up_test,
                                  .port = "simulator",
                                  .engine = o->engine};
}

int machine_open(struct machine *m, const struct sim_options *o, const char *directory)
{
    const struct posix_options port = {.directory = directory,
                                       .segments = o->segments,
                                       .segment_size = o->segment_size,
                                       .shape_when_new = true,
                                       .seal = &sim_seal,
                                       .threads = o->threads};
    const struct device_config config = config_of(o);
    char error[400];
    memset(m, 0, sizeof *m);
    m->port = posix_open(&port, &m->hal, error, sizeof error);
    if (!m->port) {
        log_line(LOG_LEVEL_ERROR, "%s", error);
        return -1;
    }
    if (lab_attach(o, &m->hal))
        return -1;
    m->size = device_memory(&config, &m->hal);
    void *memory = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        log_line(LOG_LEVEL_ERROR, "no memory for a device of %zu bytes: %s: give fewer --objects",
                 m->size, strerror(errno));
        return -1;
    }
    m->memory = memory;
    return 0;
}

int machine_boot(struct machine *m, const struct sim_options *o)
{
    const struct device_config config = config_of(o);
    m->device = device_create(m->memory, &config, &m->hal);
    if (!m->device)
        log_line(LOG_LEVEL_ERROR, "the device does not take this configuration: "
                                  "change --objects, --sessions, --tickets or --log-records");
    return m->device ? 0 : -1;
}

void machine_stop(struct machine *m)
{
    if (m->device)
        device_stop(m->device);
    if (m->memory)
        munmap(m->memory, m->size);
    if (m->port)
        posix_close(m->port);
    memset(m, 0, sizeof *m);
}
