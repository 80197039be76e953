/* Sessions, log-in, PINs, accounts. */
#include "host/lib/lib.h"

#include <stdlib.h>
#include <string.h>

uint16_t hufu_channel(const struct hufu_session *session)
{
    return session->channel;
}

enum hufu_status hufu_session_open(struct hufu_device *device, struct hufu_session **session)
{
    struct call c;
    const struct session_open_req req = {0};
    struct session_open_rsp m;
    *session = NULL;
    struct hufu_session *s = calloc(1, sizeof *s);
    if (!s)
        return fail_with(HUFU_E_MEMORY, "%s: no memory for a session", device->url);
    if (!CALL(&c, &device->nobody, session_open, SESSION_OPEN, 0, &req, &m) &&
        !call_check(&c, m.channel != 0))
        *s = (struct hufu_session){device, device->generation, m.channel, false};
    call_end(&c);
    if (c.status)
        free(s);
    else
        *session = s;
    return c.status;
}

enum hufu_status hufu_session_close(struct hufu_session *session)
{
    struct call c;
    const struct session_close_req req = {0};
    struct session_close_rsp m;
    if (!session || session == &session->device->nobody)
        return HUFU_OK;
    CALL(&c, session, session_close, SESSION_CLOSE, 0, &req, &m);
    call_end(&c);
    free(session);
    return c.status;
}

enum hufu_status hufu_login(struct hufu_session *session, uint8_t account, const char *pin,
                            size_t pin_size, uint8_t *role)
{
    struct call c;
    const struct login_req req = {account, as_view(pin, pin_size)};
    struct login_rsp m;
    if (!CALL(&c, session, login, LOGIN, pin_size, &req, &m) && role)
        *role = m.role;
    return call_end(&c);
}

enum hufu_status hufu_logout(struct hufu_session *session)
{
    struct call c;
    const struct logout_req req = {0};
    struct logout_rsp m;
    CALL(&c, session, logout, LOGOUT, 0, &req, &m);
    return call_end(&c);
}

enum hufu_status hufu_pin_change(struct hufu_session *session, uint8_t account, const char *old_pin,
                                 size_t old_size, const char *new_pin, size_t new_size)
{
    struct call c;
    const struct pin_change_req req = {account, as_view(old_pin, old_size),
                                       as_view(new_pin, new_size)};
    struct pin_change_rsp m;
    CALL(&c, session, pin_change, PIN_CHANGE, old_size + new_size, &req, &m);
    return call_end(&c);
}

enum hufu_status hufu_pin_unblock(struct hufu_session *session, uint8_t account,
                                  const char *new_pin, size_t new_size)
{
    struct call c;
    const struct pin_unblock_req req = {account, as_view(new_pin, new_size)};
    struct pin_unblock_rsp m;
    CALL(&c, session, pin_unblock, PIN_UNBLOCK, new_size, &req, &m);
    return call_end(&c);
}

enum hufu_status hufu_account_create(struct hufu_session *session, uint8_t role, uint8_t retries,
                                     const char *name, const char *pin, size_t pin_size,
                                     uint8_t *account)
{
    struct call c;
    const struct account_create_req req = {role, retries, as_text(name), as_view(pin, pin_size)};
    struct account_create_rsp m;
    if (!CALL(&c, session, account_create, ACCOUNT_CREATE, req.name.size + pin_size, &req, &m))
        *account = m.account;
    return call_end(&c);
}

enum hufu_status hufu_account_delete(struct hufu_session *session, uint8_t account)
{
    struct call c;
    const struct account_delete_req req = {account};
    struct account_delete_rsp m;
    CALL(&c, session, account_delete, ACCOUNT_DELETE, 0, &req, &m);
    return call_end(&c);
}

static enum hufu_status accounts_take(struct call *c, struct view entries,
                                      struct hufu_account all[LIMIT_ACCOUNTS_MAX], size_t *n)
{
    struct rd r;
    rd_init(&r, entries.data, entries.size);
    for (*n = 0; rd_left(&r); ++*n) {
        struct account_entry e;
        if (*n == LIMIT_ACCOUNTS_MAX || !account_entry_get(&r, &e))
            return call_check(c, false);
        all[*n] = (struct hufu_account){e.account, e.role, e.tries, e.tries_max, ""};
        text_get(all[*n].name, sizeof all[*n].name, e.name);
    }
    return HUFU_OK;
}

enum hufu_status hufu_account_list(struct hufu_device *device, struct hufu_account *accounts,
                                   size_t *count)
{
    struct call c;
    const struct account_list_req req = {0};
    struct account_list_rsp m;
    struct hufu_account all[LIMIT_ACCOUNTS_MAX];
    size_t n = 0;
    if (!CALL(&c, &device->nobody, account_list, ACCOUNT_LIST, 0, &req, &m) &&
        !accounts_take(&c, m.entries, all, &n)) {
        if (n > *count)
            c.status =
                fail_with(HUFU_E_ROOM, "%s: there are %zu accounts, the caller has room for %zu",
                          device->url, n, *count);
        else if (n)
            memcpy(accounts, all, n * sizeof *all);
        *count = n;
    }
    return call_end(&c);
}

/* By its name, or with a role by the first one that has it. */
static bool account_in(const struct hufu_account *all, size_t n, const char *name, uint8_t role,
                       uint8_t *account)
{
    for (size_t i = 0; i < n; i++)
        if (role ? all[i].role == role : !strcmp(name, all[i].name)) {
            *account = all[i].account;
            return true;
        }
    return false;
}

enum hufu_status hufu_account_find(struct hufu_device *device, const char *name, uint8_t *account)
{
    static const struct {
        const char *name;
        uint8_t role, account;
    } usual[] = {{"admin", HUFU_ROLE_ADMIN, HUFU_ACCOUNT_ADMIN},
                 {"operator", HUFU_ROLE_OPERATOR, HUFU_ACCOUNT_OPERATOR},
                 {"user", HUFU_ROLE_USER, HUFU_ACCOUNT_USER}};
    struct hufu_account all[LIMIT_ACCOUNTS_MAX];
    size_t n = LIMIT_ACCOUNTS_MAX;
    char *end;
    const unsigned long number = strtoul(name, &end, 10);
    if (*name >= '0' && *name <= '9' && !*end && number > 0 && number < 256) {
        *account = (uint8_t)number;
        return HUFU_OK;
    }
    const enum hufu_status s = hufu_account_list(device, all, &n);
    if (!s && account_in(all, n, name, 0, account))
        return HUFU_OK;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (!strcmp(name, usual[i].name)) {
            if (s || !account_in(all, n, name, usual[i].role, account))
                *account = usual[i].account; /* what a device has that has just been made ready */
            return HUFU_OK;
        }
    return s ? s : fail_with(HUFU_E_NOT_FOUND, "%s: no account of the name %s", device->url, name);
}
