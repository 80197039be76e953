/* Requests: the pool, sending and waiting, and the one way that every command takes. */
#include "host/lib/lib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEAD = FRAME_HEADER + 2, /* in front of a command's data: frame header, CLA, INS */
    POOL_MAX = 64,           /* requests that are kept for the next command */
    POOL_BIG_MAX = 16,       /* of those, with buffers larger than SMALL */
    SMALL = 65536,
    FIXED_MAX = 256 /* the fields of fixed size of any command, lengths included */
};

bool buffer_grow(struct buffer *b, size_t n)
{
    if (n <= b->room)
        return true;
    size_t room = b->room ? b->room : 512;
    while (room < n)
        room *= 2;
    uint8_t *data = malloc(room);
    if (!data)
        return false;
    if (b->size)
        memcpy(data, b->data, b->size);
    if (b->data)
        wipe(b->data, b->room);
    free(b->data);
    b->data = data;
    b->room = room;
    return true;
}

static void buffer_free(struct buffer *b)
{
    free(b->data);
    memset(b, 0, sizeof *b);
}

/* ------------------------------------------------------------------ pool */

static struct hufu_request *request_make(struct hufu_device *device)
{
    struct hufu_request *r = calloc(1, sizeof *r);
    pthread_condattr_t monotonic;
    if (!r)
        return NULL;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->ready, &monotonic);
    pthread_condattr_destroy(&monotonic);
    r->device = device;
    return r;
}

void request_free(struct hufu_request *r)
{
    buffer_free(&r->command);
    buffer_free(&r->answer);
    pthread_cond_destroy(&r->ready);
    free(r);
}

static struct hufu_request *pool_take(struct hufu_device *device)
{
    pthread_mutex_lock(&device->lock);
    struct hufu_request *r = device->pool;
    if (r) {
        device->pool = r->next;
        device->pooled--;
    }
    pthread_mutex_unlock(&device->lock);
    return r ? r : request_make(device);
}

void request_complete(struct hufu_request *r, enum hufu_status failure)
{
    r->failure = failure;
    r->done = true;
    r->completed = 1;
    if (r->orphan)
        request_recycle(r);
    else if (r->waiting)
        pthread_cond_signal(&r->ready);
}

bool request_orphan(struct hufu_request *r, pthread_mutex_t *lock)
{
    pthread_mutex_lock(lock);
    const bool done = r->done;
    r->orphan = !done;
    pthread_mutex_unlock(lock);
    return done;
}

void request_recycle(struct hufu_request *r)
{
    struct hufu_device *device = r->device;
    if (r->command.size)
        wipe(r->command.data, r->command.size);
    if (r->answer.size)
        wipe(r->answer.data, r->answer.size);
    r->command.size = r->answer.size = 0;
    r->next = r->prev = NULL;
    r->done = r->waiting = r->orphan = r->sealed = false;

    pthread_mutex_lock(&device->lock);
    const bool keep = device->pooled < POOL_MAX;
    if (device->pooled >= POOL_BIG_MAX) {
        if (r->command.room > SMALL)
            buffer_free(&r->command);
        if (r->answer.room > SMALL)
            buffer_free(&r->answer);
    }
    if (keep) {
        r->next = device->pool;
        device->pool = r;
        device->pooled++;
    }
    pthread_mutex_unlock(&device->lock);
    if (!keep)
        request_free(r);
}

void request_free_all(struct hufu_device *device)
{
    while (device->pool) {
        struct hufu_request *r = device->pool;
        device->pool = r->next;
        request_free(r);
    }
    device->pooled = 0;
}

/* ------------------------------------------------------------------ send, wait */

enum hufu_status request_new(struct hufu_device *device, uint16_t channel, uint8_t ins, size_t size,
                             struct hufu_request **r)
{
    *r = pool_take(device);
    if (!*r || !buffer_grow(&(*r)->command, HEAD + size)) {
        if (*r)
            request_recycle(*r);
        *r = NULL;
        return fail_with(HUFU_E_MEMORY, "%s: no memory for a command of %zu bytes", device->url,
                         size);
    }
    (*r)->channel = channel;
    (*r)->ins = (*r)->name = ins;
    (*r)->command.data[FRAME_HEADER] = CLA_HUFU;
    (*r)->command.data[FRAME_HEADER + 1] = ins;
    (*r)->command.size = HEAD;
    return HUFU_OK;
}

static const char *ins_name(uint8_t ins)
{
    const char *name = hufu_command_name(ins);
    return name ? name : "command";
}

static enum hufu_status send_request(struct hufu_request *r)
{
    struct hufu_device *d = r->device;
    if (r->command.size - HEAD > d->limit)
        return fail_with(HUFU_E_ARGUMENT,
                         "%s at %s: %zu bytes are too many: the device takes %u at once",
                         ins_name(r->name), d->url, r->command.size - HEAD, (unsigned)d->limit);
    r->done = false;
    r->failure = HUFU_OK;
    r->answer.size = 0;
    return channel_send(d, r);
}

static enum hufu_status link_failure(const struct hufu_request *r)
{
    const char *url = r->device->url, *why = r->device->transport->why;
    char own[CHANNEL_WHY];
    if (channel_died(&r->device->secure, own))
        why = own;
    switch (r->failure) {
    case HUFU_E_UNKNOWN_OUTCOME:
        return fail_with(
            r->failure,
            "%s at %s: %s; whether the command was carried out is not known: look, then repeat "
            "it or not",
            ins_name(r->name), url, why);
    case HUFU_E_BAD_ANSWER:
        return fail_with(r->failure, "%s at %s: %s: not a Hufu device, or a broken one",
                         ins_name(r->name), url, why);
    case HUFU_E_LINK:
        return fail_with(r->failure, "%s at %s: %s; the command was not carried out: reconnect",
                         ins_name(r->name), url, why);
    default:
        return fail_with(r->failure, "%s at %s: %s", ins_name(r->name), url,
                         hufu_strerror(r->failure));
    }
}

static enum hufu_status device_failure(const struct hufu_request *r, uint16_t sw)
{
    const struct status_info *s = proto_status(sw);
    const enum hufu_status status = (enum hufu_status)s->sw;
    char tries[40] = "";
    if (s->sw == SW_PIN_WRONG)
        snprintf(tries, sizeof tries, ", tries left: %u", sw & 15u);
    return fail_with(status, "%s at %s: %s%s (%04X %s)", ins_name(r->name), r->device->url, s->text,
                     tries, sw, s->name);
}

/* A done request's result. */
static enum hufu_status request_result(struct hufu_request *r)
{
    channel_take(r->device, r);
    if (r->failure)
        return link_failure(r);
    if (r->answer.size < 2)
        return fail_with(HUFU_E_BAD_ANSWER, "%s at %s: an answer without a status word",
                         ins_name(r->name), r->device->url);
    const uint8_t *end = r->answer.data + r->answer.size;
    const uint16_t sw = (uint16_t)(end[-2] << 8 | end[-1]);
    set_last_sw(sw);
    return sw == SW_OK ? HUFU_OK : device_failure(r, sw);
}

enum hufu_status hufu_wait(struct hufu_request *r, const uint8_t **response, size_t *response_size)
{
    if (!r)
        return fail_with(HUFU_E_ARGUMENT, "hufu_wait: no request");
    struct hufu_device *d = r->device;
    if (response)
        *response = NULL;
    if (response_size)
        *response_size = 0;
    if (!d->transport->ops->wait(d->transport, r, now_ms() + d->options.timeout_ms))
        return fail_with(HUFU_E_TIMEOUT,
                         "%s at %s: no answer within %u ms; the command may still be carried out",
                         ins_name(r->name), d->url, (unsigned)d->options.timeout_ms);
    const enum hufu_status status = request_result(r);
    if (r->failure == HUFU_OK && r->answer.size >= 2) {
        if (response)
            *response = r->answer.data;
        if (response_size)
            *response_size = r->answer.size - 2;
    }
    return status;
}

enum hufu_status hufu_poll(struct hufu_request *r)
{
    if (!r)
        return fail_with(HUFU_E_ARGUMENT, "hufu_poll: no request");
    struct transport *t = r->device->transport;
    if (!t->ops->wait(t, r, 0))
        return HUFU_E_PENDING;
    return r->failure ? link_failure(r) : HUFU_OK;
}

void hufu_release(struct hufu_request *r)
{
    if (!r)
        return;
    struct transport *t = r->device->transport;
    if (t->ops->abandon(t, r))
        request_recycle(r);
}

enum hufu_status hufu_submit(struct hufu_device *device, uint16_t channel, uint8_t ins,
                             const void *data, size_t size, struct hufu_request **request)
{
    if (!request)
        return fail_with(HUFU_E_ARGUMENT, "hufu_submit: no place for the request");
    *request = NULL;
    if (!device || (!data && size))
        return fail_with(HUFU_E_ARGUMENT, "hufu_submit: no device or no data");
    if (size > device->limit)
        return fail_with(HUFU_E_ARGUMENT,
                         "%s at %s: %zu bytes are too many: the device takes %u at once",
                         ins_name(ins), device->url, size, (unsigned)device->limit);
    struct hufu_request *r;
    enum hufu_status s = request_new(device, channel, ins, size, &r);
    if (s)
        return s;
    if (size)
        memcpy(r->command.data + HEAD, data, size);
    r->command.size = HEAD + size;
    s = send_request(r);
    if (s)
        request_recycle(r);
    else
        *request = r;
    return s;
}

enum hufu_status hufu_command(struct hufu_device *device, uint16_t channel, uint8_t ins,
                              const void *data, size_t size, void *response, size_t *response_size)
{
    struct hufu_request *r;
    struct view answer = {NULL, 0};
    enum hufu_status s = hufu_submit(device, channel, ins, data, size, &r);
    if (s)
        return s;
    s = hufu_wait(r, &answer.data, &answer.size);
    if (!s && response_size)
        s = give(ins_name(ins), response, response_size, answer);
    hufu_release(r);
    return s;
}

/* ------------------------------------------------------------------ calls */

bool call_begin(struct call *c, struct hufu_session *s, uint8_t ins, size_t hint)
{
    memset(c, 0, sizeof *c);
    if (!s) {
        c->status = fail_with(HUFU_E_ARGUMENT, "%s: no session", ins_name(ins));
        return false;
    }
    struct hufu_device *d = s->device;
    if (s != &d->nobody && s->generation != d->generation)
        c->status = fail_with(HUFU_E_NO_SESSION,
                              "%s at %s: the session ended with its link: open a new one",
                              ins_name(ins), d->url);
    else if (hint > d->limit)
        c->status = fail_with(HUFU_E_ARGUMENT,
                              "%s at %s: %zu bytes are too many: the device takes %u at once",
                              ins_name(ins), d->url, hint, (unsigned)d->limit);
    else
        c->status = request_new(d, s->channel, ins, hint + FIXED_MAX, &c->r);
    c->session = s;
    if (!c->status)
        wr_init(&c->out, c->r->command.data + HEAD, hint + FIXED_MAX);
    return !c->status;
}

bool call_submit(struct call *c)
{
    struct hufu_request *r = c->r;
    if (c->out.bad)
        c->status = fail_with(HUFU_E_ARGUMENT, "%s at %s: an argument is missing or too long",
                              ins_name(r->name), r->device->url);
    else
        r->command.size = HEAD + wr_size(&c->out);
    if (!c->status)
        c->status = send_request(r);
    if (c->status) { /* nobody else has it */
        request_recycle(r);
        c->r = NULL;
    }
    return !c->status;
}

bool call_wait(struct call *c)
{
    struct view v;
    c->status = hufu_wait(c->r, &v.data, &v.size);
    if (!c->status)
        rd_init(&c->in, v.data, v.size);
    return !c->status;
}

bool call_run(struct call *c)
{
    return (!c->session->approving || call_approve(c)) && call_submit(c) && call_wait(c);
}

enum hufu_status call_check(struct call *c, bool sound)
{
    if (!sound)
        c->status =
            fail_with(HUFU_E_BAD_ANSWER,
                      "%s at %s: the answer makes no sense: not a Hufu device, or a broken one",
                      ins_name(c->r->name), c->r->device->url);
    return c->status;
}

enum hufu_status call_end(struct call *c)
{
    hufu_release(c->r);
    c->r = NULL;
    return c->status;
}

/* ------------------------------------------------------------------ bytes */

struct view as_view(const void *data, size_t size)
{
    return (struct view){data, data || !size ? size : SIZE_MAX}; /* missing bytes fit nowhere */
}

struct view as_text(const char *s)
{
    return as_view(s, s ? strlen(s) : 0);
}

/* Bytes of the UTF-8 character at p, 0 when there is none that may be printed. */
static size_t printable(const uint8_t *p, size_t left)
{
    static const uint32_t least[] = {0, 0x20, 0x80, 0x800, 0x10000};
    const size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : p[0] >= 0xC0 ? 2 : 0;
    if (!n || n > left || p[0] > 0xF4)
        return 0;
    uint32_t c = n == 1 ? p[0] : p[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3Fu);
    }
    const bool control = c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) ||
                         (c >= 0x2066 && c <= 0x2069);
    return control || c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000) ? 0 : n;
}

int hufu_text_lasts(const void *text, size_t size)
{
    const uint8_t *p = text;
    size_t n = 0;
    for (size_t i = 0; i < size; i += n) {
        n = printable(p + i, size - i);
        if (!n)
            return 0;
    }
    return 1;
}

void text_get(char *out, size_t room, struct view v)
{
    size_t o = 0;
    for (size_t i = 0; i < v.size && o + 1 < room;) {
        const size_t n = printable(v.data + i, v.size - i);
        if (n && o + n < room)
            memcpy(out + o, v.data + i, n);
        else
            out[o] = '?';
        o += n ? n : 1;
        i += n ? n : 1;
    }
    out[o < room ? o : room - 1] = 0;
}

size_t hufu_public_size(uint8_t type)
{
    const size_t n = hufu_signature_size(type);
    return n >= 256 ? 4 + n : n; /* RSA: e and n; else a point, as large as r || s */
}

size_t hufu_signature_size(uint8_t type)
{
    switch (type) {
    case KEY_SM2:
    case KEY_P256:
        return 64;
    case KEY_P384:
        return 96;
    case KEY_RSA2048:
        return 256;
    case KEY_RSA3072:
        return 384;
    case KEY_RSA4096:
        return 512;
    default:
        return 0;
    }
}

/* Public part, sealed part, tag: record wrap_header in commands.def. 0: no such type. */
size_t wrapped_size_of(uint8_t type)
{
    const size_t n = hufu_signature_size(type), sealed = n >= 256 ? n : n / 2;
    return n ? hufu_public_size(type) + sealed + 16 : 0;
}

bool wrapped_size_fits(uint8_t type, size_t n)
{
    switch (type) {
    case KEY_SM4:
    case KEY_AES128:
        return n == 16 + 16;
    case KEY_AES192:
        return n == 24 + 16;
    case KEY_AES256:
        return n == 32 + 16;
    case KEY_HMAC:
        return n > 16 && n <= LIMIT_SECRET_MAX + 16;
    default:
        return n && n == wrapped_size_of(type);
    }
}

enum hufu_status give(const char *what, void *out, size_t *out_size, struct view v)
{
    const size_t room = *out_size;
    *out_size = v.size;
    if (v.size > room || (!out && v.size))
        return fail_with(HUFU_E_ROOM, "%s: the caller's buffer has %zu bytes, %zu are needed", what,
                         room, v.size);
    if (v.size)
        memcpy(out, v.data, v.size);
    return HUFU_OK;
}
