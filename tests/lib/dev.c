#include "tests/lib/dev.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "firmware/base/secret.h"
#include "tests/lib/msan.h"

enum { SEGMENTS = 64, SEGMENT = 65536, UNIT = 16 };

/* The root is programmed all at once or torn, and that too is a place for a power cut. */
static int root_program(void *ctx, const uint8_t root[32])
{
    struct nvm_sim *m = ctx;
    if (m->dead)
        return -1;
    const bool last = m->count++ == m->cut_at;
    const bool whole = !last || m->cut == NVM_CUT_ALL;
    const size_t n = whole ? 32 : m->cut == NVM_CUT_NONE || m->cut == NVM_CUT_LOST ? 0 : 16;
    memcpy(m->root, root, n);
    if (last) {
        nvm_sim_power_on(m); /* what a cut makes of unsynced writes */
        m->dead = true;
    }
    return last ? -1 : 0;
}

static void fixed_bytes(uint64_t *state, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        out[i] = (uint8_t)(*state >> 32);
    }
}

static int rng_sample(void *ctx, uint8_t *out, size_t n)
{
    struct dev *dv = ctx;
    if (dv->rng_stuck)
        memset(out, 0x55, n);
    else if (dv->rng_fixed)
        fixed_bytes(&dv->rng_fixed, out, n);
    else
        for (size_t got = 0; got<n; got += n - got> 256 ? 256 : n - got)
            if (getrandom(out + got, n - got > 256 ? 256 : n - got, 0) < 0)
                return -1;
    return dv->rng_dead ? -1 : 0;
}

static uint64_t clock_now(void *ctx)
{
    struct dev *dv = ctx;
    return dv->now++;
}

static int tamper(void *ctx)
{
    const struct dev *dv = ctx;
    return dv->tamper;
}

/* ---------------------------------------------------------------- the device */

static void broken(const char *name, const char *what)
{
    fprintf(stderr, "dev: %s: %s\n", name, what);
    abort();
}

static void *grab(size_t n)
{
    void *p = aligned_alloc(64, (n + 63) & ~(size_t)63);
    if (!p) {
        fprintf(stderr, "dev: no memory\n");
        exit(1);
    }
    return p;
}

void dev_prepare(struct dev *dv)
{
    memset(dv, 0, sizeof *dv);
    dv->now = 1700000000000;
    dv->segments = SEGMENTS;
    dv->segment_size = SEGMENT;
    dv->hal = (struct hal){
        .rng = {.ctx = dv, .sample = rng_sample},
        .clock = {dv, clock_now},
        .tamper = {dv, tamper},
    };
    dv->config = (struct device_config){.objects_max = 512,
                                        .log_max = 256,
                                        .sessions_max = 100,
                                        .tickets_max = 4,
                                        .frame_max = 65536,
                                        .port = "test"};
}

static void boot(struct dev *dv)
{
    memset(dv->memory, 0xA5, dv->memory_size);
    dv->d = device_create(dv->memory, &dv->config, &dv->hal);
    if (!dv->d) {
        fprintf(stderr, "dev: the configuration is refused\n");
        exit(1);
    }
    dv->link = device_link_open(dv->d);
}

void dev_start(struct dev *dv)
{
    nvm_sim_open(&dv->sim, dv->segments, dv->segment_size, UNIT);
    dv->hal.nvm = dv->sim.nvm;
    dv->hal.nvm.root_program = root_program;
    dv->request = grab(dv->config.frame_max + 16);
    dv->response = grab(dv->config.frame_max);
    dv->memory_size = device_memory(&dv->config, &dv->hal);
    dv->memory = grab(dv->memory_size);
    boot(dv);
}

void dev_open(struct dev *dv)
{
    dev_prepare(dv);
    dev_start(dv);
}

void dev_small(struct dev *dv)
{
    dev_prepare(dv);
    dv->segments = 8;
    dv->segment_size = 16384;
    dv->config.objects_max = 32;
    dv->config.log_max = 64;
    dev_start(dv);
}

void dev_close(struct dev *dv)
{
    device_stop(dv->d);
    if (dv->sim.violation)
        broken("medium", dv->sim.violation);
    nvm_sim_close(&dv->sim);
    free(dv->request);
    free(dv->response);
    free(dv->memory);
}

void dev_reboot(struct dev *dv)
{
    nvm_sim_power_on(&dv->sim);
    boot(dv);
}

/* ---------------------------------------------------------------- the protocol */

struct exchange dev_exchange(const struct dev *dv, uint16_t channel, uint8_t ins,
                             const uint8_t *data, size_t n, uint8_t *response, size_t room)
{
    return (struct exchange){.link = dv->link,
                             .cla = CLA_HUFU,
                             .ins = ins,
                             .channel = channel,
                             .data = data,
                             .size = n,
                             .response = response,
                             .room = room};
}

uint16_t dev_call(struct dev *dv, uint16_t channel, uint8_t ins, const void *data, size_t n)
{
    if (dv->sealed)
        return dv->through(dv, dv->sealed, channel, ins, data, n);
    struct exchange x = dev_exchange(dv, channel, ins, data, n, dv->response, dv->config.frame_max);
    x.opened = dv->request;
    device_serve(dv->d, &x, 1);
    dv->response_size = x.response_size;
    PUBLIC(dv->response, dv->response_size);
    return x.sw;
}

#define GROUP(name, text)
#define RECORD(name, fields, text)
#define COMMAND(code, name, g, st, ro, au, req_fields, rsp_fields, tx)                             \
    uint16_t do_##name(struct dev *dv, uint16_t channel, const struct name##_req *req,             \
                       struct name##_rsp *rsp)                                                     \
    {                                                                                              \
        struct name##_rsp answer;                                                                  \
        struct wr w;                                                                               \
        struct rd r;                                                                               \
        wr_init(&w, dv->request, dv->config.frame_max + 16);                                       \
        name##_req_put(&w, req);                                                                   \
        if (w.bad)                                                                                 \
            broken(#name, "the request cannot be encoded");                                        \
        memset(&answer, 0, sizeof answer);                                                         \
        const uint16_t sw = dev_call(dv, channel, code, dv->request, wr_size(&w));                 \
        rd_init(&r, dv->response, dv->response_size);                                              \
        if (sw == SW_OK && !name##_rsp_get(&r, &answer))                                           \
            broken(#name, "the answer cannot be decoded");                                         \
        if (sw != SW_OK && dv->response_size)                                                      \
            broken(#name, "a failure comes with data");                                            \
        if (rsp)                                                                                   \
            *rsp = answer;                                                                         \
        return sw;                                                                                 \
    }
#include "proto/commands.def"
#undef GROUP
#undef RECORD
#undef COMMAND

uint16_t dev_must(uint16_t wanted, uint16_t sw, const char *what, const char *file, int line)
{
    if (sw != wanted) {
        fprintf(stderr, "%s:%d: %s: %04X (%s), not %04X\n", file, line, what, sw,
                proto_status(sw)->name, wanted);
        exit(1);
    }
    return sw;
}

struct view dev_text(const char *s)
{
    return (struct view){(const uint8_t *)s, strlen(s)};
}

struct info_rsp dev_info(struct dev *dv)
{
    struct info_rsp r;
    MUST(do_info(dv, 0, &(struct info_req){0}, &r));
    return r;
}

void dev_init(struct dev *dv, uint8_t flags)
{
    MUST(do_init(dv, 0,
                 &(struct init_req){.flags = flags,
                                    .retries = DEV_RETRIES,
                                    .label = dev_text("test device"),
                                    .admin_pin = dev_text(DEV_ADMIN_PIN),
                                    .operator_pin = dev_text(DEV_OPERATOR_PIN),
                                    .user_pin = dev_text(DEV_USER_PIN),
                                    .unlock = dev_text(flags & INIT_ATTENDED ? DEV_UNLOCK : "")},
                 NULL));
    const uint16_t ch = dev_login(dv, DEV_ADMIN);
    MUST(do_account_create(dv, ch,
                           &(struct account_create_req){.role = ROLE_AUDITOR,
                                                        .retries = DEV_RETRIES,
                                                        .name = dev_text("auditor"),
                                                        .pin = dev_text(DEV_AUDITOR_PIN)},
                           NULL));
    MUST(do_session_close(dv, ch, &(struct session_close_req){0}, NULL));
}

uint16_t dev_session(struct dev *dv)
{
    struct session_open_rsp r;
    MUST(do_session_open(dv, 0, &(struct session_open_req){0}, &r));
    return r.channel;
}

uint16_t dev_pin(struct dev *dv, uint16_t channel, uint8_t account, const char *pin)
{
    return do_login(dv, channel, &(struct login_req){account, dev_text(pin)}, NULL);
}

uint16_t dev_login(struct dev *dv, uint8_t account)
{
    static const char *const pins[] = {"", DEV_ADMIN_PIN, DEV_OPERATOR_PIN, DEV_USER_PIN,
                                       DEV_AUDITOR_PIN};
    const uint16_t channel = dev_session(dv);
    MUST(dev_pin(dv, channel, account, pins[account]));
    return channel;
}

uint32_t dev_key(struct dev *dv, uint16_t channel, uint8_t type, uint32_t usage)
{
    struct key_generate_rsp r;
    MUST(
        do_key_generate(dv, channel, &(struct key_generate_req){.type = type, .usage = usage}, &r));
    return r.handle;
}

bool dev_remembers(const struct dev *dv, const void *bytes, size_t n)
{
    uint8_t *copy = grab(n + dv->memory_size), *memory = copy + n;
    memcpy(copy, bytes, n);
    memcpy(memory, dv->memory, dv->memory_size);
    msan_allow(copy, n + dv->memory_size);
    PUBLIC(copy, n + dv->memory_size);
    const bool found = memmem(memory, dv->memory_size, copy, n) != NULL;
    free(copy);
    return found;
}

size_t dev_public(struct dev *dv, uint16_t channel, uint32_t handle, uint8_t *out)
{
    struct object_info_rsp r;
    MUST(do_object_info(dv, channel, &(struct object_info_req){handle}, &r));
    if (r.public.size)
        memcpy(out, r.public.data, r.public.size);
    return r.public.size;
}
