/* URIs of keys: hufu: and pkcs11: (RFC 7512). */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "host/provider/provider.h"

static int nibble(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* %XX to bytes; false: a bad one, or more than room. */
static bool unescape(const char *text, size_t n, uint8_t *out, size_t room, size_t *size)
{
    *size = 0;
    for (size_t i = 0; i < n; i++) {
        int c = (unsigned char)text[i];
        if (c == '%') {
            if (i + 2 >= n || nibble(text[i + 1]) < 0 || nibble(text[i + 2]) < 0)
                return false;
            c = nibble(text[i + 1]) << 4 | nibble(text[i + 2]);
            i += 2;
        }
        if (*size == room)
            return false;
        out[(*size)++] = (uint8_t)c;
    }
    return true;
}

/* The same into a string, which has no zero inside. */
static bool unescape_text(const char *text, size_t n, char *out, size_t room)
{
    size_t size;
    if (!unescape(text, n, (uint8_t *)out, room - 1, &size) || memchr(out, 0, size))
        return false;
    out[size] = 0;
    return true;
}

static bool is(const char *name, size_t n, const char *what)
{
    return strlen(what) == n && !memcmp(name, what, n);
}

static bool type_take(struct uri *uri, const char *value, size_t n)
{
    static const struct {
        const char *word;
        enum uri_type type;
    } words[] = {{"private", URI_PRIVATE},
                 {"public", URI_PUBLIC},
                 {"cert", URI_CERTIFICATE},
                 {"data", URI_OTHER},
                 {"secret-key", URI_OTHER}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is(value, n, words[i].word)) {
            uri->type = words[i].type;
            return true;
        }
    return false;
}

/* One attribute, name=value; false: it is wrong, or one that is not known. */
static bool take(struct uri *uri, bool query, const char *name, size_t name_size, const char *value,
                 size_t n)
{
    static const char *const passed_over[] = {
        "manufacturer",        "model",           "library-manufacturer",
        "library-description", "library-version", "slot-manufacturer",
        "slot-description",    "slot-id",         NULL};
    if (query && is(name, name_size, "pin-value"))
        return unescape_text(value, n, uri->pin_value, sizeof uri->pin_value);
    if (is(name, name_size, "pin-source"))
        return unescape_text(value, n, uri->pin_source, sizeof uri->pin_source);
    if (query) /* of the module, or a vendor's */
        return true;
    if (is(name, name_size, "object") || is(name, name_size, "label"))
        return uri->has_label = unescape_text(value, n, uri->label, sizeof uri->label);
    if (is(name, name_size, "id"))
        return uri->has_id = unescape(value, n, uri->id, sizeof uri->id, &uri->id_size);
    if (is(name, name_size, "token"))
        return unescape_text(value, n, uri->token, sizeof uri->token);
    if (is(name, name_size, "serial"))
        return unescape_text(value, n, uri->serial, sizeof uri->serial);
    if (is(name, name_size, "type") || is(name, name_size, "object-type"))
        return type_take(uri, value, n);
    for (size_t i = 0; passed_over[i]; i++)
        if (is(name, name_size, passed_over[i]))
            return true;
    return name_size > 2 && !memcmp(name, "x-", 2);
}

bool uri_parse(const struct prov *prov, const char *text, struct uri *uri)
{
    bool query = false;
    memset(uri, 0, sizeof *uri);
    const char *p = strchr(text, ':');
    if (!p || (strncasecmp(text, "hufu:", 5) && strncasecmp(text, "pkcs11:", 7)))
        return FAIL(prov, REASON_URI, "%s: neither hufu: nor pkcs11:", text);
    for (p++; *p;) {
        const size_t n = strcspn(p, query ? "&" : ";?"), name = strcspn(p, "=");
        if (n && (name >= n || !take(uri, query, p, name, p + name + 1, n - name - 1)))
            return FAIL(prov, REASON_URI, "key URI: the attribute %.*s is wrong or not known",
                        (int)(name < n ? name : n), p);
        p += n;
        query = query || *p == '?';
        p += *p != 0;
    }
    return true;
}

static char *escape(char *out, const void *data, size_t n, bool all)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    const uint8_t *p = data;
    for (size_t i = 0; i < n; i++)
        if (!all && p[i] && strchr(plain, p[i]))
            *out++ = (char)p[i];
        else
            out += sprintf(out, "%%%02X", p[i]);
    *out = 0;
    return out;
}

void uri_of(const struct hufu_object *object, char text[URI_TEXT_MAX])
{
    char *p = text + sprintf(text, "hufu:");
    if (*object->label) {
        p += sprintf(p, "label=");
        p = escape(p, object->label, strlen(object->label), false);
        *p++ = ';';
    }
    if (object->id_size) {
        p += sprintf(p, "id=");
        p = escape(p, object->id, object->id_size, true);
        *p++ = ';';
    }
    sprintf(p, "type=private");
}
