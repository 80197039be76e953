/*
 * Which devices there are: the file that HUFU_PKCS11_CONF names, or /etc/hufu/pkcs11.conf, with a
 * section for each device; without a file, HUFU_DEVICE. A slot keeps its number as long as its
 * section its place.
 *
 *     [device]
 *     url = unix:/run/hufu.sock
 *     account = 3              # of CKU_USER; default: the first account with the role of a user
 *     numbers = luna           # Luna's numbers for SM2 and SM3, besides the usual ones
 *     sm2 = ec                 # SM2 keys are of the type CKK_EC
 *     relogin = yes            # keep the PIN, and log in again when the device was away
 */
#include "host/pkcs11/module.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_FILE "/etc/hufu/pkcs11.conf"
enum { LINE = 1024, SLOTS_MAX = 64 };

static struct slot *slot_add(void)
{
    if (module.slot_count == SLOTS_MAX)
        return NULL;
    struct slot *more = realloc(module.slots, (module.slot_count + 1) * sizeof *more);
    if (!more)
        return NULL;
    module.slots = more;
    struct slot *s = &more[module.slot_count];
    memset(s, 0, sizeof *s);
    s->id = module.slot_count++;
    return s;
}

static bool set_url(struct slot *s, const char *url)
{
    const size_t n = strlen(url);
    if (n >= sizeof s->url)
        return false;
    memcpy(s->url, url, n + 1);
    return true;
}

static bool yes(const char *value)
{
    return strcmp(value, "yes") == 0 || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
}

static bool set(struct slot *s, const char *name, const char *value)
{
    if (strcmp(name, "url") == 0)
        return set_url(s, value);
    if (strcmp(name, "account") == 0) {
        s->account = (uint8_t)strtoul(value, NULL, 10);
        return s->account != 0;
    }
    if (strcmp(name, "numbers") == 0) {
        s->luna = strcmp(value, "luna") == 0;
        return s->luna || strcmp(value, "default") == 0;
    }
    if (strcmp(name, "sm2") == 0) {
        s->sm2_as_ec = strcmp(value, "ec") == 0;
        return s->sm2_as_ec || strcmp(value, "default") == 0;
    }
    if (strcmp(name, "relogin") == 0) {
        s->relogin = yes(value);
        return true;
    }
    return false;
}

/* Without spaces around it; cut off behind. */
static char *trimmed(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        end--;
    *end = '\0';
    return text;
}

/* false: not a line of such a file */
static bool take_line(char *line)
{
    line[strcspn(line, "#\r\n")] = '\0';
    char *text = trimmed(line);
    if (!*text)
        return true;
    if (strcmp(text, "[device]") == 0)
        return slot_add() != NULL;
    char *equal = strchr(text, '=');
    if (!equal || !module.slot_count)
        return false;
    *equal = '\0';
    return set(&module.slots[module.slot_count - 1], trimmed(text), trimmed(equal + 1));
}

static CK_RV read_file(FILE *f, const char *path)
{
    char line[LINE];
    unsigned number = 0;
    bool good = true;
    while (good && fgets(line, sizeof line, f)) {
        number++;
        good = take_line(line);
    }
    if (good)
        return CKR_OK;
    fprintf(stderr, "hufu-pkcs11: %s, line %u: not understood\n", path, number);
    return CKR_GENERAL_ERROR;
}

CK_RV config_read(void)
{
    const char *named = secure_getenv("HUFU_PKCS11_CONF"), *device = secure_getenv("HUFU_DEVICE");
    const char *path = named ? named : DEFAULT_FILE;
    FILE *f = named || !device ? fopen(path, "re") : NULL;
    if (f) {
        const CK_RV rv = read_file(f, path);
        fclose(f);
        return rv;
    }
    if (named) {
        fprintf(stderr, "hufu-pkcs11: %s: %s\n", path, strerror(errno));
        return CKR_GENERAL_ERROR;
    }
    if (!device || !*device)
        return CKR_OK; /* no slots */
    struct slot *s = slot_add();
    if (!s)
        return CKR_HOST_MEMORY;
    return set_url(s, device) ? CKR_OK : CKR_GENERAL_ERROR;
}
