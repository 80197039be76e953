/* Accounts of the device as PKCS#11 sees them: SO is its administrator, the user an account with
 * the role of a user. C_InitToken, C_InitPIN, C_SetPIN, logging in. */
#include "host/pkcs11/module.h"
#include "host/pkcs11/object.h"

#include <stdio.h>
#include <string.h>

enum { RETRIES = HUFU_RETRIES_MAX };

/* ------------------------------------------------------------------ accounts */

struct search {
    uint8_t role, wanted; /* wanted: a number; 0: any */
    const char *name;     /* NULL: any */
    struct hufu_account found;
};

/* CKR_USER_PIN_NOT_INITIALIZED: there is none */
static CK_RV find_account(struct use *u, struct search *s)
{
    struct hufu_account all[HUFU_ACCOUNTS_MAX];
    size_t n = HUFU_ACCOUNTS_MAX;
    const enum hufu_status status = hufu_account_list(u->device, all, &n);
    if (status)
        return ckr_of(status);
    for (size_t i = 0; i < n; i++) {
        if ((s->role && all[i].role != s->role) || (s->wanted && all[i].account != s->wanted) ||
            (s->name && strcmp(all[i].name, s->name) != 0))
            continue;
        s->found = all[i];
        return CKR_OK;
    }
    return CKR_USER_PIN_NOT_INITIALIZED;
}

static struct search search_of(const struct slot *slot, CK_USER_TYPE type)
{
    if (type == CKU_SO)
        return (struct search){.role = HUFU_ROLE_ADMIN};
    if (slot->account)
        return (struct search){.wanted = slot->account};
    return (struct search){.role = HUFU_ROLE_USER};
}

CK_RV token_account(struct slot *slot, const CK_UTF8CHAR *name, CK_ULONG size, uint8_t *account)
{
    char text[HUFU_NAME_MAX + 1] = "";
    struct use u = {0};
    if (size > HUFU_NAME_MAX)
        return CKR_PIN_INCORRECT;
    memcpy(text, name, size);
    struct search s = {.name = text};
    CK_RV rv = use_begin(&u, slot);
    if (rv != CKR_OK)
        return rv;
    rv = find_account(&u, &s);
    use_end(&u, HUFU_OK);
    *account = s.found.account;
    return rv == CKR_USER_PIN_NOT_INITIALIZED ? CKR_PIN_INCORRECT : rv;
}

/* ------------------------------------------------------------------ logging in */

/* Opens a session of the device and logs in; the caller closes it. */
static CK_RV open_as(struct use *u, uint8_t account, const CK_UTF8CHAR *pin, CK_ULONG pin_size,
                     struct hufu_session **session, enum hufu_status *status)
{
    *session = NULL;
    *status = HUFU_OK;
    if (!pin)
        return CKR_ARGUMENTS_BAD;
    if (pin_size < HUFU_PIN_MIN || pin_size > HUFU_PIN_MAX)
        return CKR_PIN_INCORRECT; /* cannot be the PIN, and costs no try */
    *status = hufu_session_open(u->device, session);
    if (!*status)
        *status = hufu_login(*session, account, (const char *)pin, pin_size, NULL);
    if (!*status)
        return CKR_OK;
    hufu_session_close(*session);
    *session = NULL;
    return ckr_of(*status);
}

/* The link takes the session. */
static void install(struct slot *slot, struct hufu_session *session, CK_USER_TYPE type,
                    uint8_t account, unsigned count)
{
    struct link *l = &slot->link;
    pthread_rwlock_wrlock(&l->use);
    struct hufu_session *old = session;
    if (l->device && l->count == count) {
        old = l->session;
        l->session = session;
        lock_take(&slot->lock);
        slot->login = type == CKU_SO ? LOGIN_SO : LOGIN_USER;
        slot->logged_in_account = account;
        slot->fresh = false;
        lock_give(&slot->lock);
        hufu_session_close(old);
    }
    pthread_rwlock_unlock(&l->use);
}

CK_RV token_login(struct slot *slot, CK_USER_TYPE type, uint8_t account, const CK_UTF8CHAR *pin,
                  CK_ULONG pin_size)
{
    struct use u = {0};
    struct search s = search_of(slot, type);
    struct hufu_session *session = NULL;
    enum hufu_status status = HUFU_OK;
    CK_RV rv = use_begin(&u, slot);
    if (rv != CKR_OK)
        return rv;
    if (account)
        s = (struct search){.wanted = account};
    rv = find_account(&u, &s);
    if (rv == CKR_OK)
        rv = open_as(&u, s.found.account, pin, pin_size, &session, &status);
    use_end(&u, status);
    if (rv != CKR_OK)
        return rv;
    install(slot, session, type, s.found.account, u.count);
    if (slot->relogin) {
        memcpy(slot->pin, pin, pin_size);
        slot->pin_size = pin_size;
    }
    return CKR_OK;
}

CK_RV token_check_pin(struct slot *slot, const CK_UTF8CHAR *pin, CK_ULONG pin_size)
{
    struct use u = {0};
    struct hufu_session *session;
    enum hufu_status status;
    CK_RV rv = use_begin(&u, slot);
    if (rv != CKR_OK)
        return rv;
    rv = open_as(&u, slot->logged_in_account, pin, pin_size, &session, &status);
    hufu_session_close(session);
    use_end(&u, status);
    return rv;
}

void token_logout(struct slot *slot)
{
    struct link *l = &slot->link;
    pthread_rwlock_wrlock(&l->use);
    hufu_session_close(l->session);
    l->session = NULL; /* the next use opens another one */
    lock_take(&slot->lock);
    slot->login = LOGIN_NONE;
    slot->fresh = false;
    hufu_wipe(slot->pin, sizeof slot->pin);
    slot->pin_size = 0;
    lock_give(&slot->lock);
    pthread_rwlock_unlock(&l->use);
}

/* ------------------------------------------------------------------ C_InitToken */

static enum hufu_status wipe_device(struct use *u, const CK_UTF8CHAR *pin, CK_ULONG pin_size,
                                    CK_RV *rv)
{
    struct search s = {.role = HUFU_ROLE_ADMIN};
    struct hufu_session *session = NULL;
    enum hufu_status status = HUFU_OK;
    *rv = find_account(u, &s);
    if (*rv == CKR_OK)
        *rv = open_as(u, s.found.account, pin, pin_size, &session, &status);
    if (*rv == CKR_OK) {
        status = hufu_device_zeroise(session);
        *rv = ckr_of(status);
    }
    hufu_session_close(session);
    return status;
}

/* The label is padded with blanks, as PKCS#11 has it. */
static void unpad(char out[TOKEN_LABEL + 1], const CK_UTF8CHAR *label)
{
    size_t n = TOKEN_LABEL;
    while (n && label[n - 1] == ' ')
        n--;
    memcpy(out, label, n);
    out[n] = '\0';
}

static CK_RV init_token(struct slot *slot, const CK_UTF8CHAR *pin, CK_ULONG pin_size,
                        const CK_UTF8CHAR *label)
{
    char name[TOKEN_LABEL + 1], so_pin[HUFU_PIN_MAX + 1] = "";
    struct use u = {0};
    struct hufu_info info;
    const bool may_be = pin_size >= HUFU_PIN_MIN && pin_size <= HUFU_PIN_MAX;
    CK_RV rv = use_begin(&u, slot);
    if (rv != CKR_OK)
        return rv;
    unpad(name, label);
    memcpy(so_pin, pin, may_be ? pin_size : 0);
    const struct hufu_init init = {.retries = RETRIES, .label = name, .admin_pin = so_pin};
    enum hufu_status status = hufu_info(u.device, &info);
    rv = ckr_of(status);
    if (rv == CKR_OK && info.state != HUFU_STATE_BLANK)
        status = wipe_device(&u, pin, pin_size, &rv);
    else if (rv == CKR_OK && !may_be)
        rv = CKR_PIN_LEN_RANGE; /* of a blank token; to others a PIN that cannot be is wrong */
    if (rv == CKR_OK) {
        status = hufu_device_init(u.device, &init, NULL);
        rv = ckr_of(status);
    }
    hufu_wipe(so_pin, sizeof so_pin);
    use_end(&u, status);
    if (rv == CKR_OK)
        token_logout(slot); /* the session that was open is gone with the old token */
    return rv;
}

CK_RV C_InitToken(CK_SLOT_ID id, CK_UTF8CHAR *pin, CK_ULONG pin_size, CK_UTF8CHAR *label)
{
    struct slot *slot;
    CK_RV rv = enter_slot(id, &slot);
    if (rv != CKR_OK)
        return rv;
    if (!pin || !label)
        return leave(CKR_ARGUMENTS_BAD);
    lock_take(&slot->lock);
    const bool used = slot->sessions != 0;
    lock_give(&slot->lock);
    if (used)
        return leave(CKR_SESSION_EXISTS);
    rv = init_token(slot, pin, pin_size, label);
    if (rv == CKR_OK)
        objects_forget_token(slot);
    return leave(rv);
}

/* ------------------------------------------------------------------ C_InitPIN, C_SetPIN */

static CK_RV init_pin(struct slot *slot, const CK_UTF8CHAR *pin, CK_ULONG pin_size)
{
    char text[HUFU_PIN_MAX + 1] = "";
    struct use u = {0};
    struct search s = search_of(slot, CKU_USER);
    enum hufu_status status = HUFU_OK;
    uint8_t account;
    if (pin_size < HUFU_PIN_MIN || pin_size > HUFU_PIN_MAX)
        return CKR_PIN_LEN_RANGE;
    CK_RV rv = use_begin(&u, slot);
    if (rv != CKR_OK)
        return rv;
    memcpy(text, pin, pin_size);
    rv = find_account(&u, &s);
    if (rv == CKR_OK)
        status = hufu_pin_unblock(u.session, s.found.account, text, pin_size);
    else if (rv == CKR_USER_PIN_NOT_INITIALIZED)
        status = hufu_account_create(u.session, HUFU_ROLE_USER, RETRIES, "user", text, pin_size,
                                     &account);
    hufu_wipe(text, sizeof text);
    const CK_RV end = use_end(&u, status);
    return rv == CKR_OK || rv == CKR_USER_PIN_NOT_INITIALIZED ? end : rv;
}

CK_RV C_InitPIN(CK_SESSION_HANDLE handle, CK_UTF8CHAR *pin, CK_ULONG pin_size)
{
    struct session *s;
    CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (session_state(s) != CKS_RW_SO_FUNCTIONS)
        return leave_session(s, CKR_USER_NOT_LOGGED_IN);
    if (!pin)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    return leave_session(s, init_pin(s->slot, pin, pin_size));
}

static CK_RV set_pin(struct session *s, const CK_UTF8CHAR *old, CK_ULONG old_size,
                     const CK_UTF8CHAR *new, CK_ULONG new_size)
{
    struct slot *slot = s->slot;
    struct use u = {0};
    const bool so = session_state(s) == CKS_RW_SO_FUNCTIONS;
    struct search a = search_of(slot, so ? CKU_SO : CKU_USER);
    if (new_size < HUFU_PIN_MIN || new_size > HUFU_PIN_MAX)
        return CKR_PIN_LEN_RANGE;
    if (old_size < HUFU_PIN_MIN || old_size > HUFU_PIN_MAX)
        return CKR_PIN_INCORRECT;
    CK_RV rv = use_begin(&u, slot);
    if (rv != CKR_OK)
        return rv;
    if (slot->login != LOGIN_NONE)
        a = (struct search){.wanted = slot->logged_in_account};
    rv = find_account(&u, &a);
    enum hufu_status status = HUFU_OK;
    if (rv == CKR_OK)
        status = hufu_pin_change(u.session, a.found.account, (const char *)old, old_size,
                                 (const char *)new, new_size);
    const CK_RV end = use_end(&u, status);
    if (rv == CKR_OK && end == CKR_OK && slot->relogin && slot->pin_size) {
        memcpy(slot->pin, new, new_size);
        slot->pin_size = new_size;
    }
    return rv == CKR_OK ? end : rv;
}

CK_RV C_SetPIN(CK_SESSION_HANDLE handle, CK_UTF8CHAR *old, CK_ULONG old_size, CK_UTF8CHAR *new,
               CK_ULONG new_size)
{
    struct session *s;
    CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!s->rw)
        return leave_session(s, CKR_SESSION_READ_ONLY);
    if (!old || !new)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    return leave_session(s, set_pin(s, old, old_size, new, new_size));
}
