/* The link to the device: opened when it is needed, logged in, opened again when it was lost or
 * belongs to the parent of this process. One for all threads, whose calls overlap on it. */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "host/provider/provider.h"

struct link {
    struct hufu_device *device;
    struct hufu_session *session;
    struct hufu_info info;
    pid_t process;
    bool logged_in;
    unsigned uses; /* the provider's own counts as one */
};

/* All links of the process: so that a fork finds nobody in the middle of something. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once_fork = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork, after_fork);
}

/* Lock held. */
static void release(struct link *l)
{
    if (l->process != getpid()) { /* the parent's, which goes on with it */
        hufu_forget(l->device);
        return;
    }
    if (--l->uses)
        return;
    hufu_session_close(l->session);
    hufu_close(l->device);
    OPENSSL_free(l);
}

/* ------------------------------------------------------------------ PINs */

static bool pin_fits(struct prov *prov, const char *from, const char *text, size_t n)
{
    if (n < HUFU_PIN_MIN || n > HUFU_PIN_MAX)
        return FAIL(prov, REASON_PIN, "%s: a PIN has %d to %d characters", from, HUFU_PIN_MIN,
                    HUFU_PIN_MAX);
    memcpy(prov->pin, text, n);
    prov->pin[n] = 0;
    return true;
}

/* The first line of a file. */
static bool pin_of_file(struct prov *prov, const char *path)
{
    char line[HUFU_PIN_MAX + 3] = "";
    if (!strncasecmp(path, "file:", 5))
        path += strncmp(path + 5, "//", 2) ? 5 : 7;
    FILE *f = fopen(path, "re");
    if (!f)
        return FAIL(prov, REASON_PIN, "%s: the file of the PIN cannot be read", path);
    setvbuf(f, NULL, _IONBF, 0); /* no copy of the PIN stays behind */
    const bool got = fgets(line, sizeof line, f) != NULL;
    fclose(f);
    const bool done = got ? pin_fits(prov, path, line, strcspn(line, "\r\n"))
                          : (bool)FAIL(prov, REASON_PIN, "%s: no PIN on its first line", path);
    hufu_wipe(line, sizeof line);
    return done;
}

static const char *account_name(const struct prov *prov)
{
    return prov->account ? prov->account : "user";
}

static const char *pin_of_environment(const struct prov *prov)
{
    static const struct {
        const char *account, *variable;
    } names[] = {{"user", "HUFU_USER_PIN"}, {"operator", "HUFU_OPERATOR_PIN"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(account_name(prov), names[i].account) && getenv(names[i].variable))
            return getenv(names[i].variable);
    return getenv("HUFU_PIN");
}

/* Of whoever asked OpenSSL for the key. */
static bool pin_of_callback(struct prov *prov, const struct pin_hint *hint)
{
    char text[128], info[64];
    size_t n = 0;
    snprintf(info, sizeof info, "PIN of %.32s", account_name(prov));
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PASSPHRASE_PARAM_INFO, info, 0),
        OSSL_PARAM_construct_end()};
    const bool done = hint->ask(text, sizeof text, &n, params, hint->arg) && n <= sizeof text
                          ? pin_fits(prov, "the PIN that was given", text, n)
                          : (bool)FAIL(prov, REASON_PIN, "no PIN was given");
    hufu_wipe(text, sizeof text);
    return done;
}

static bool pin_typed(struct prov *prov)
{
    char text[128], prompt[64];
    snprintf(prompt, sizeof prompt, "PIN of %.32s: ", account_name(prov));
    if (!isatty(STDIN_FILENO) || EVP_read_pw_string(text, sizeof text, prompt, 0))
        return FAIL(prov, REASON_PIN,
                    "no PIN: set pin-file in the configuration, HUFU_PIN_FILE or HUFU_PIN");
    const bool done = pin_fits(prov, "the PIN", text, strlen(text));
    hufu_wipe(text, sizeof text);
    return done;
}

/* Into prov->pin, if none is there. */
static bool pin_get(struct prov *prov, const struct pin_hint *hint)
{
    const struct uri *uri = hint ? hint->uri : NULL;
    const char *text = pin_of_environment(prov);
    if (uri && *uri->pin_value)
        return pin_fits(prov, "pin-value", uri->pin_value, strlen(uri->pin_value));
    if (uri && *uri->pin_source)
        return pin_of_file(prov, uri->pin_source);
    if (*prov->pin)
        return true;
    if (text)
        return pin_fits(prov, "the environment", text, strlen(text));
    if (prov->pin_file)
        return pin_of_file(prov, prov->pin_file);
    return hint && hint->ask ? pin_of_callback(prov, hint) : pin_typed(prov);
}

/* ------------------------------------------------------------------ opening */

/* A PIN that was refused is not tried again: it would cost the owner another try. */
static bool log_in(struct prov *prov, struct link *l, const struct pin_hint *hint)
{
    uint8_t account;
    if (!pin_get(prov, hint))
        return false;
    if (!strcmp(prov->pin, prov->refused)) {
        hufu_wipe(prov->pin, sizeof prov->pin);
        return FAIL(prov, REASON_PIN, "the PIN is the one that the device has refused before");
    }
    enum hufu_status s = hufu_account_find(l->device, account_name(prov), &account);
    if (!s)
        s = hufu_login(l->session, account, prov->pin, strlen(prov->pin), NULL);
    l->logged_in = !s;
    if (!s)
        return true;
    if ((s & 0xFFF0) == HUFU_E_PIN_WRONG)
        memcpy(prov->refused, prov->pin, sizeof prov->pin);
    hufu_wipe(prov->pin, sizeof prov->pin);
    return FAIL(prov, REASON_DEVICE, "%s", hufu_last_error());
}

/* A PIN that nobody has to be asked for. */
static bool pin_known(const struct prov *prov, const struct pin_hint *hint)
{
    const struct uri *uri = hint ? hint->uri : NULL;
    return (uri && (*uri->pin_value || *uri->pin_source)) || *prov->pin || prov->pin_file ||
           pin_of_environment(prov);
}

static bool log_in_if_easy(struct prov *prov, struct link *l, const struct pin_hint *hint)
{
    if (pin_known(prov, hint)) {
        ERR_set_mark();
        log_in(prov, l, hint);
        ERR_pop_to_mark();
    }
    return true;
}

static struct link *open_link(struct prov *prov)
{
    struct link *l = OPENSSL_zalloc(sizeof *l);
    if (!l)
        return NULL;
    l->process = getpid();
    l->uses = 1;
    if (!hufu_open(&l->device, prov->device) && !hufu_info(l->device, &l->info) &&
        !hufu_session_open(l->device, &l->session))
        return l;
    FAIL(prov, REASON_DEVICE, "%s", hufu_last_error());
    release(l);
    return NULL;
}

typedef bool log_in_fn(struct prov *prov, struct link *l, const struct pin_hint *hint);

/* The link, with one more use. */
static struct link *take(struct prov *prov, const struct pin_hint *hint, log_in_fn *log_in_too)
{
    pthread_once(&once_fork, watch_forks);
    pthread_mutex_lock(&lock);
    if (prov->link && prov->link->process != getpid()) {
        release(prov->link);
        prov->link = NULL;
    }
    if (!prov->link)
        prov->link = open_link(prov);
    struct link *l = prov->link;
    if (l && log_in_too && !l->logged_in && !log_in_too(prov, l, hint))
        l = NULL;
    if (l)
        l->uses++;
    pthread_mutex_unlock(&lock);
    return l;
}

static void give(struct prov *prov, struct link *l, bool lost)
{
    pthread_mutex_lock(&lock);
    if (lost && prov->link == l) {
        prov->link = NULL;
        release(l);
    }
    release(l);
    pthread_mutex_unlock(&lock);
}

void link_drop(struct prov *prov)
{
    pthread_mutex_lock(&lock);
    if (prov->link)
        release(prov->link);
    prov->link = NULL;
    pthread_mutex_unlock(&lock);
}

static bool is_lost(enum hufu_status s)
{
    return s == HUFU_E_LINK || s == HUFU_E_UNKNOWN_OUTCOME || s == HUFU_E_NO_SESSION ||
           s == HUFU_E_TIMEOUT || s == HUFU_E_BAD_ANSWER;
}

/* Which link a session is of: what the functions that a link runs may ask. */
static _Thread_local const struct link *running;

const uint8_t *link_serial(struct hufu_session *session)
{
    (void)session;
    return running->info.serial;
}

bool link_is(struct hufu_session *session, const struct uri *uri, struct hufu_info *info)
{
    char serial[2 * HUFU_SERIAL_SIZE + 1];
    (void)session;
    *info = running->info;
    for (size_t i = 0; i < HUFU_SERIAL_SIZE; i++)
        snprintf(serial + 2 * i, 3, "%02x", info->serial[i]);
    return (!*uri->token || !strcmp(uri->token, info->label)) &&
           !strncasecmp(uri->serial, serial, strlen(uri->serial));
}

/* What is run, in one shape for both. */
struct run {
    link_fn *fn;
    link_device_fn *device_fn;
    void *arg;
    log_in_fn *log_in; /* NULL: not needed */
};

static enum hufu_status run(const struct run *r, const struct link *l)
{
    running = l;
    const enum hufu_status s = r->fn ? r->fn(l->session, r->arg) : r->device_fn(l->device, r->arg);
    running = NULL;
    return s;
}

static int run_on_link(struct prov *prov, const struct pin_hint *hint, const uint8_t *serial,
                       bool once, const struct run *r)
{
    for (unsigned try = 0;; try++) {
        struct link *l = take(prov, hint, r->log_in);
        if (!l)
            return 0;
        if (serial && memcmp(serial, l->info.serial, HUFU_SERIAL_SIZE)) {
            give(prov, l, false);
            return FAIL(prov, REASON_KEY, "the key is not of the device that answers");
        }
        const enum hufu_status s = run(r, l);
        const bool again = is_lost(s) && !try && !(once && s != HUFU_E_LINK);
        if (s && !again)
            FAIL(prov, REASON_DEVICE, "%s", hufu_last_error());
        give(prov, l, is_lost(s));
        if (!again)
            return s == HUFU_OK;
    }
}

int link_run(struct prov *prov, const struct pin_hint *hint, const uint8_t *serial, bool once,
             link_fn *fn, void *arg)
{
    return run_on_link(prov, hint, serial, once, &(struct run){fn, NULL, arg, log_in});
}

int link_run_public(struct prov *prov, const struct pin_hint *hint, link_fn *fn, void *arg)
{
    return run_on_link(prov, hint, NULL, false, &(struct run){fn, NULL, arg, log_in_if_easy});
}

int link_run_device(struct prov *prov, link_device_fn *fn, void *arg)
{
    return run_on_link(prov, NULL, NULL, false, &(struct run){NULL, fn, arg, NULL});
}
