#include "host/lib/url.h"

#include <stdlib.h>
#include <string.h>

#include "host/lib/lib.h"

enum { REKEY_MIN = 16 }; /* commands: a session, a login and some work must fit */

/* The value if the option has this name; NULL: it has another. */
static const char *value_of(const char *option, const char *name)
{
    const size_t n = strlen(name);
    return !strncmp(option, name, n) && option[n] == '=' ? option + n + 1 : NULL;
}

static bool take_text(const char *option, const char *name, const char **to)
{
    const char *value = value_of(option, name);
    if (value && !*to)
        *to = value;
    return value != NULL;
}

/* true: it is one of ours. *s: whether it makes sense. */
static bool take(struct hufu_options *o, const char *option, enum hufu_status *s)
{
    const char *rekey = value_of(option, "rekey");
    if (!rekey)
        return take_text(option, "channel", &o->channel) ||
               take_text(option, "host-key", &o->host_key) ||
               take_text(option, "known-devices", &o->known_devices);
    char *end;
    const unsigned long n = strtoul(rekey, &end, 10);
    if (*rekey < '0' || *rekey > '9' || *end || n < REKEY_MIN || n > UINT32_MAX)
        *s = fail_with(HUFU_E_URL, "rekey=%s: give a number of commands, %d or more", rekey,
                       REKEY_MIN);
    else if (!o->rekey)
        o->rekey = (uint32_t)n;
    return true;
}

enum hufu_status url_read(struct url *u, const char *url, const struct hufu_options *options)
{
    enum hufu_status s = HUFU_OK;
    *u = (struct url){.plain = strdup(url), .values = strdup(url)};
    if (options)
        u->options = *options;
    if (!u->plain || !u->values)
        return fail_with(HUFU_E_MEMORY, "%s: no memory for a device", url);
    char *from = strchr(u->values, '?'), *to = from ? u->plain + (from - u->values) : NULL;
    for (char separator = '?'; from;) {
        char *option = from + 1;
        from = strchr(option, '&');
        if (from)
            *from = 0;
        if (take(&u->options, option, &s))
            continue;
        const size_t n = strlen(option); /* the link's own */
        *to++ = separator;
        memcpy(to, option, n);
        to += n;
        separator = '&';
    }
    if (to)
        *to = 0;
    return s;
}

void url_free(struct url *u)
{
    free(u->plain);
    free(u->values);
}
