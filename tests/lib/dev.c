#include "tests/lib/dev.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { SEGMENTS = 64, SEGMENT = 65536, UNIT = 16 };

/* ---------------------------------------------------------------- the medium */

static int nvm_read(void *ctx, uint32_t segment, uint32_t offset, void *buffer, uint32_t n)
{
    struct dev *dv = ctx;
    if (dv->dark || segment >= dv->hal.nvm.segments || offset + n > dv->hal.nvm.segment_size)
        return -1;
    memcpy(buffer, dv->flash + (size_t)segment * dv->hal.nvm.segment_size + offset, n);
    return 0;
}

/* Counts one write of n bytes: how many of them still happen. */
static uint32_t power(struct dev *dv, uint32_t n)
{
    if (++dv->writes != dv->cut_at)
        return n;
    dv->dark = true;
    return n / 2;
}

static int nvm_program(void *ctx, uint32_t segment, uint32_t offset, const void *data, uint32_t n)
{
    struct dev *dv = ctx;
    const uint8_t *in = data;
    if (dv->dark || segment >= dv->hal.nvm.segments || offset + n > dv->hal.nvm.segment_size)
        return -1;
    if (offset % UNIT || n % UNIT) {
        fprintf(stderr, "dev: program of %u bytes at %u is not whole units\n", n, offset);
        abort();
    }
    uint8_t *out = dv->flash + (size_t)segment * dv->hal.nvm.segment_size + offset;
    const uint32_t done = power(dv, n);
    memcpy(out, in, done);
    return dv->dark ? -1 : 0;
}

static int nvm_erase(void *ctx, uint32_t segment)
{
    struct dev *dv = ctx;
    if (dv->dark || segment >= dv->hal.nvm.segments)
        return -1;
    const uint32_t done = power(dv, dv->hal.nvm.segment_size);
    memset(dv->flash + (size_t)segment * dv->hal.nvm.segment_size, 0xFF, done);
    return dv->dark ? -1 : 0;
}

static int nvm_sync(void *ctx)
{
    const struct dev *dv = ctx;
    return dv->dark ? -1 : 0;
}

static int root_read(void *ctx, uint8_t root[32])
{
    struct dev *dv = ctx;
    memcpy(root, dv->root, 32);
    return dv->dark ? -1 : 0;
}

static int root_program(void *ctx, const uint8_t root[32])
{
    struct dev *dv = ctx;
    if (dv->dark)
        return -1;
    memcpy(dv->root, root, power(dv, 32));
    return dv->dark ? -1 : 0;
}

static int rng_sample(void *ctx, uint8_t *out, size_t n)
{
    const struct dev *dv = ctx;
    if (dv->rng_stuck)
        memset(out, 0x55, n);
    else
        for (size_t got = 0; got < n; got += n - got > 256 ? 256 : n - got)
            if (getrandom(out + got, n - got > 256 ? 256 : n - got, 0) < 0)
                return -1;
    return dv->rng_dead ? -1 : 0;
}

static uint64_t clock_now(void *ctx)
{
    struct dev *dv = ctx;
    return dv->now++;
}

/* ---------------------------------------------------------------- the device */

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
    dv->hal = (struct hal){
        .nvm = {dv, SEGMENTS, SEGMENT, UNIT, nvm_read, nvm_program, nvm_erase, nvm_sync, root_read,
                root_program},
        .rng = {dv, rng_sample},
        .clock = {dv, clock_now},
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
    const size_t size = (size_t)dv->hal.nvm.segments * dv->hal.nvm.segment_size;
    dv->flash = grab(size);
    memset(dv->flash, 0xFF, size);
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

void dev_close(struct dev *dv)
{
    device_stop(dv->d);
    free(dv->flash);
    free(dv->request);
    free(dv->response);
    free(dv->memory);
}

void dev_reboot(struct dev *dv)
{
    dv->dark = false;
    dv->cut_at = 0;
    dv->writes = 0;
    boot(dv);
}

/* ---------------------------------------------------------------- the protocol */

uint16_t dev_call(struct dev *dv, uint16_t channel, uint8_t ins, const void *data, size_t n)
{
    struct exchange x = {.link = dv->link,
                         .cla = CLA_HUFU,
                         .ins = ins,
                         .channel = channel,
                         .data = data,
                         .size = n,
                         .response = dv->response,
                         .room = dv->config.frame_max};
    device_serve(dv->d, &x, 1);
    dv->response_size = x.response_size;
    return x.sw;
}

static void broken(const char *name, const char *what)
{
    fprintf(stderr, "dev: %s: %s\n", name, what);
    abort();
}

#define GROUP(name, text)
#define RECORD(name, fields, text)
#define COMMAND(code, name, g, st, ro, au, req_fields, rsp_fields, tx)                 \
    uint16_t do_##name(struct dev *dv, uint16_t channel, const struct name##_req *req, \
                       struct name##_rsp *rsp)                                         \
    {                                                                                  \
        struct name##_rsp answer;                                                      \
        struct wr w;                                                                   \
        struct rd r;                                                                   \
        wr_init(&w, dv->request, dv->config.frame_max + 16);                           \
        name##_req_put(&w, req);                                                       \
        if (w.bad)                                                                     \
            broken(#name, "the request cannot be encoded");                            \
        memset(&answer, 0, sizeof answer);                                             \
        const uint16_t sw = dev_call(dv, channel, code, dv->request, wr_size(&w));      \
        rd_init(&r, dv->response, dv->response_size);                                  \
        if (sw == SW_OK && !name##_rsp_get(&r, &answer))                               \
            broken(#name, "the answer cannot be decoded");                             \
        if (sw != SW_OK && dv->response_size)                                          \
            broken(#name, "a failure comes with data");                                \
        if (rsp)                                                                       \
            *rsp = answer;                                                             \
        return sw;                                                                     \
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
    static const char *const pins[] = {"", DEV_ADMIN_PIN, DEV_OPERATOR_PIN, DEV_USER_PIN, DEV_AUDITOR_PIN};
    const uint16_t channel = dev_session(dv);
    MUST(dev_pin(dv, channel, account, pins[account]));
    return channel;
}

uint32_t dev_key(struct dev *dv, uint16_t channel, uint8_t type, uint32_t usage)
{
    struct key_generate_rsp r;
    MUST(do_key_generate(dv, channel, &(struct key_generate_req){.type = type, .usage = usage}, &r));
    return r.handle;
}

size_t dev_public(struct dev *dv, uint16_t channel, uint32_t handle, uint8_t *out)
{
    struct object_info_rsp r;
    MUST(do_object_info(dv, channel, &(struct object_info_req){handle}, &r));
    if (r.public.size)
        memcpy(out, r.public.data, r.public.size);
    return r.public.size;
}
