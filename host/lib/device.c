#include "host/lib/lib.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/lib/url.h"

enum { TIMEOUT_MS = 60000 };

/* A session that is never opened: its commands carry channel 0. */
struct hufu_session *hufu_nobody(struct hufu_device *device)
{
    return &device->nobody;
}

void hufu_set_timeout(struct hufu_device *device, uint32_t timeout_ms)
{
    device->options.timeout_ms = timeout_ms ? timeout_ms : TIMEOUT_MS;
}

const char *hufu_url(const struct hufu_device *device)
{
    return device->url;
}

/* ------------------------------------------------------------------ what it is */

static void info_take(struct hufu_info *info, const struct info_rsp *m)
{
    memset(info, 0, sizeof *info);
    info->protocol = m->protocol;
    text_get(info->version, sizeof info->version, m->version);
    memcpy(info->serial, m->serial, sizeof info->serial);
    text_get(info->label, sizeof info->label, m->label);
    info->state = m->state;
    info->flags = m->flags;
    info->time = m->time;
    info->frame_max = m->frame_max;
    info->sessions = m->sessions;
    info->sessions_max = m->sessions_max;
    info->objects = m->objects;
    info->objects_max = m->objects_max;
    info->boots = m->boots;
    text_get(info->engine, sizeof info->engine, m->engine);
    text_get(info->port, sizeof info->port, m->port);
    text_get(info->failure, sizeof info->failure, m->failure);
    info->nonces = m->nonces;
    info->nonces_max = m->nonces_max;
    info->pairs = m->pairs;
    info->pairs_max = m->pairs_max;
    info->groups = m->groups;
    info->groups_all = m->groups_all;
}

/* The first field never moves, so that two versions can always tell each other apart. */
static enum hufu_status protocol_check(struct call *c)
{
    struct rd r = c->in;
    const uint16_t protocol = rd_u16(&r);
    if (r.bad || protocol == LIMIT_PROTOCOL)
        return HUFU_OK;
    return c->status =
               fail_with(HUFU_E_PROTOCOL,
                         "%s: the device speaks protocol %u, this library (%s) protocol %d: update "
                         "the older one",
                         c->r->device->url, protocol, HUFU_VERSION, LIMIT_PROTOCOL);
}

enum hufu_status hufu_info(struct hufu_device *device, struct hufu_info *info)
{
    struct call c;
    struct info_rsp m;
    if (call_begin(&c, &device->nobody, INS_INFO, 0) && call_run(&c) && !protocol_check(&c)) {
        const bool sound = info_rsp_get(&c.in, &m) && m.state >= STATE_BLANK &&
                           m.state <= STATE_TESTING && m.frame_max >= 256;
        if (!call_check(&c, sound))
            info_take(info, &m);
    }
    return call_end(&c);
}

enum hufu_status hufu_capabilities(struct hufu_device *device, struct hufu_capabilities *out)
{
    struct call c;
    const struct capabilities_req req = {0};
    struct capabilities_rsp m;
    if (!CALL(&c, &device->nobody, capabilities, CAPABILITIES, 0, &req, &m))
        *out = (struct hufu_capabilities){m.keys,      m.signs,   m.ciphers,      m.hashes,
                                          m.batch_max, m.tickets, m.accounts_max, m.retries_max,
                                          m.pin_min,   m.pin_max};
    return call_end(&c);
}

enum hufu_status hufu_selftest(struct hufu_device *device, struct hufu_selftest *out)
{
    return hufu_selftest_records(&device->nobody, out);
}

enum hufu_status hufu_selftest_records(struct hufu_session *session, struct hufu_selftest *out)
{
    struct call c;
    const struct selftest_req req = {0};
    struct selftest_rsp m;
    struct hufu_selftest none = {0, 0, ""};
    if (!CALL(&c, session, selftest, SELFTEST, 0, &req, &m)) {
        none.tests = m.tests;
        none.failed = m.failed;
        text_get(none.first, sizeof none.first, m.first);
        if (m.failed)
            c.status =
                fail_with(HUFU_E_DEVICE_FAILED, "%s: self-test failed: %s; the device has stopped",
                          session->device->url, none.first);
    }
    if (out)
        *out = none;
    return call_end(&c);
}

enum hufu_status hufu_random(struct hufu_device *device, void *out, size_t n)
{
    uint8_t *p = out;
    enum hufu_status s = HUFU_OK;
    while (!s && n) {
        struct call c;
        const struct random_req req = {n < device->limit ? (uint32_t)n : device->limit};
        struct random_rsp m;
        if (!CALL(&c, &device->nobody, random, RANDOM, 0, &req, &m) &&
            !call_check(&c, m.bytes.size == req.count)) {
            memcpy(p, m.bytes.data, req.count);
            p += req.count;
            n -= req.count;
        }
        s = c.status;
        call_end(&c);
    }
    return s;
}

/* ------------------------------------------------------------------ open, close */

static void device_free(struct hufu_device *d)
{
    if (d->transport)
        d->transport->ops->close(d->transport);
    request_free_all(d);
    channel_drop(&d->secure);
    trust_end(&d->secure.trust);
    pthread_mutex_destroy(&d->secure.lock);
    pthread_mutex_destroy(&d->lock);
    free(d->url);
    free(d);
}

static struct hufu_device *device_new(const char *url, const struct hufu_options *options)
{
    struct hufu_device *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    pthread_mutex_init(&d->lock, NULL);
    pthread_mutex_init(&d->secure.lock, NULL);
    d->url = strdup(url);
    d->nobody.device = d;
    if (options)
        d->options = *options;
    hufu_set_timeout(d, d->options.timeout_ms);
    return d;
}

/* Who answers? It must be the device that was there before, if one was. */
static enum hufu_status greet(struct hufu_device *d)
{
    static const uint8_t none[HUFU_SERIAL_SIZE];
    struct hufu_info info;
    d->limit = d->transport->limit;
    d->generation++;
    channel_drop(&d->secure);
    d->secure.wanted = false;
    enum hufu_status s = hufu_info(d, &info);
    if (!s)
        s = hufu_capabilities(d, &d->capabilities);
    if (s)
        return s;
    if (memcmp(d->serial, none, sizeof none) && memcmp(d->serial, info.serial, sizeof none))
        return fail_with(HUFU_E_OPEN, "%s: another device answers than before", d->url);
    memcpy(d->serial, info.serial, sizeof d->serial);
    if (info.frame_max < d->limit)
        d->limit = info.frame_max;
    d->plain_limit = d->limit;
    return channel_begin(d, &info);
}

enum hufu_status device_attach(struct hufu_device **device, const char *url,
                               struct transport *transport, const struct hufu_options *options)
{
    *device = NULL;
    struct hufu_device *d = device_new(url, options);
    if (!d || !d->url) {
        transport->ops->close(transport);
        if (d)
            device_free(d);
        return fail_with(HUFU_E_MEMORY, "%s: no memory for a device", url);
    }
    d->transport = transport;
    enum hufu_status s = trust_begin(&d->secure.trust, &d->options);
    d->options.channel = d->options.host_key = d->options.known_devices =
        NULL; /* they were copied */
    if (!s)
        s = greet(d);
    if (s)
        device_free(d);
    else
        *device = d;
    return s;
}

static enum hufu_status transport_open(struct transport **t, const char *url,
                                       const struct hufu_options *options)
{
    const char *address;
    char list[100];
    const struct transport_ops *ops = transport_find(url, &address);
    if (ops)
        return ops->open(t, address, options);
    transport_list(list, sizeof list);
    return fail_with(HUFU_E_URL, "%s: no such kind of device: give %s", *url ? url : "(empty)",
                     list);
}

enum hufu_status hufu_open_with(struct hufu_device **device, const char *url,
                                const struct hufu_options *options)
{
    struct transport *t;
    struct url u;
    if (!device)
        return fail_with(HUFU_E_ARGUMENT, "hufu_open: no place for the device");
    *device = NULL;
    if (!url)
        url = getenv("HUFU_DEVICE");
    if (!url || !*url)
        return fail_with(HUFU_E_URL,
                         "no device named: set HUFU_DEVICE, for instance to unix:PATH or "
                         "inproc:DIRECTORY");
    enum hufu_status s = url_read(&u, url, options);
    if (!s)
        s = transport_open(&t, u.plain, &u.options);
    if (!s)
        s = device_attach(device, u.plain, t, &u.options);
    url_free(&u);
    return s;
}

enum hufu_status hufu_open(struct hufu_device **device, const char *url)
{
    return hufu_open_with(device, url, NULL);
}

void hufu_close(struct hufu_device *device)
{
    if (!device)
        return;
    channel_close(device);
    device_free(device);
}

void hufu_forget(struct hufu_device *d)
{
    if (d && d->transport && d->transport->inherited)
        close(d->transport->inherited - 1);
}

enum hufu_status hufu_reconnect(struct hufu_device *d)
{
    struct transport *t;
    d->transport->ops->close(d->transport); /* first: it may hold a lock that the new one needs */
    d->transport = &transport_none;
    const enum hufu_status s = transport_open(&t, d->url, &d->options);
    if (s)
        return s;
    d->transport = t;
    return greet(d);
}

/* ------------------------------------------------------------------ its life */

enum hufu_status hufu_device_init(struct hufu_device *device, const struct hufu_init *init,
                                  uint8_t serial[HUFU_SERIAL_SIZE])
{
    struct call c;
    struct init_rsp m;
    const struct init_req req = {
        .flags = init->flags,
        .retries = init->retries,
        .label = as_text(init->label),
        .admin_pin = as_text(init->admin_pin),
        .operator_pin = as_text(init->operator_pin),
        .user_pin = as_text(init->user_pin),
        .unlock = as_text(init->unlock),
    };
    if (!CALL(&c, &device->nobody, init, INIT, 5 * 64, &req, &m)) {
        memcpy(device->serial, m.serial, HUFU_SERIAL_SIZE);
        if (serial)
            memcpy(serial, m.serial, HUFU_SERIAL_SIZE);
    }
    call_end(&c);
    return c.status ? c.status : channel_born(device);
}

enum hufu_status hufu_device_unlock(struct hufu_device *device, const char *secret,
                                    size_t secret_size)
{
    struct call c;
    const struct unlock_req req = {as_view(secret, secret_size)};
    struct unlock_rsp m;
    CALL(&c, &device->nobody, unlock, UNLOCK, secret_size, &req, &m);
    return call_end(&c);
}

enum hufu_status hufu_device_lock(struct hufu_session *session)
{
    struct call c;
    const struct lock_req req = {0};
    struct lock_rsp m;
    CALL(&c, session, lock, LOCK, 0, &req, &m);
    call_end(&c);
    return c.status ? c.status : channel_again(session->device);
}

enum hufu_status hufu_device_label(struct hufu_session *session, const char *label)
{
    struct call c;
    const struct label_req req = {as_text(label)};
    struct label_rsp m;
    CALL(&c, session, label, LABEL, req.label.size, &req, &m);
    return call_end(&c);
}

enum hufu_status hufu_device_zeroise(struct hufu_session *session)
{
    struct call c;
    const struct zeroise_req req = {0};
    struct zeroise_rsp m;
    if (!CALL(&c, session, zeroise, ZEROISE, 0, &req, &m))
        memset(session->device->serial, 0, HUFU_SERIAL_SIZE);
    call_end(&c);
    return c.status ? c.status : channel_again(session->device);
}

enum hufu_status hufu_device_terminate(struct hufu_session *session)
{
    struct call c;
    const struct terminate_req req = {0};
    struct terminate_rsp m;
    CALL(&c, session, terminate, TERMINATE, 0, &req, &m);
    call_end(&c);
    return c.status ? c.status : channel_again(session->device);
}
