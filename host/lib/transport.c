#include "host/lib/lib.h"

#include <stdio.h>
#include <string.h>

static const struct transport_ops *const kinds[] = {&transport_unix, &transport_inproc,
                                                    &transport_pcsc, &transport_usb};

const struct transport_ops *transport_find(const char *url, const char **address)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const size_t n = strlen(kinds[i]->scheme);
        if (!strncmp(url, kinds[i]->scheme, n) && url[n] == ':') {
            *address = url + n + 1;
            return kinds[i];
        }
    }
    return NULL;
}

void transport_list(char *out, size_t room)
{
    out[0] = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const size_t n = strlen(out);
        snprintf(out + n, room - n, "%s%s", i ? " or " : "", kinds[i]->usage);
    }
}

static enum hufu_status none_submit(struct transport *t, struct hufu_request *r)
{
    (void)t;
    return fail_with(HUFU_E_LINK, "%s: there is no link: reconnect", r->device->url);
}

static bool none_wait(struct transport *t, struct hufu_request *r, uint64_t deadline)
{
    (void)t, (void)deadline;
    return r->done;
}

static bool none_abandon(struct transport *t, struct hufu_request *r)
{
    (void)t, (void)r;
    return true;
}

static void none_close(struct transport *t)
{
    (void)t;
}

static const struct transport_ops none_ops = {"",        "",           NULL,      none_submit,
                                              none_wait, none_abandon, none_close};
struct transport transport_none = {&none_ops, LIMIT_FRAME_MAX, "there is no link", 0};
